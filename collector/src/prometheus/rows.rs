//! One row of what came at one time.
//!
//! A shape is shared by all rows of a target, and mostly all its columns have a value. Where only
//! some came, the others are absent; where few came, the row gets a shape of its own, so that a
//! sender cannot make a row of a thousand columns with each value it sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::series::{ABSENT, Row, Shape};
use model::time::Time;

/// A row with a value for the columns that are `found`, by their place in the shape. Of two values
/// for one column the last counts.
pub(super) fn row(
    shape: &Arc<Shape>,
    at: Time,
    found: impl ExactSizeIterator<Item = (usize, f64)>,
) -> Row {
    if found.len() * 2 >= shape.columns.len() {
        let mut values = vec![ABSENT; shape.columns.len()];
        found.for_each(|(column, value)| values[column] = value);
        return Row { shape: shape.clone(), at, values };
    }
    let few: BTreeMap<usize, f64> = found.collect();
    let columns = few.keys().map(|column| shape.columns[*column].clone()).collect();
    let shape = Arc::new(Shape { common: shape.common.clone(), columns });
    Row { shape, at, values: few.into_values().collect() }
}
