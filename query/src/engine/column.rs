//! Columns: the values of one series at all steps.
//!
//! Invariant of every list of columns that a node yields: no two columns with the same labels have
//! a value at the same step. [`gather`] makes it so, where a node changes labels.

use std::collections::BTreeMap;

use model::series::{ABSENT, Labels, METRIC_NAME, is_absent};

use crate::error::QueryError;
use crate::expression::node::LabelChoice;

/// Times beyond this, in milliseconds before or after the epoch, are refused: no sum of a time,
/// an offset and a window can then overflow.
const MAX_MS: u64 = 1_000_000_000_000_000;

/// The moments an expression is evaluated at: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) start_ms: i64,
    pub(super) step_ms: i64,
    pub(super) count: usize,
}

/// One value a step, [`ABSENT`] where there is none.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) labels: Labels,
    pub(super) values: Vec<f64>,
}

impl Steps {
    pub(super) fn over(start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Self, QueryError> {
        if start_ms.unsigned_abs().max(end_ms.unsigned_abs()) > MAX_MS {
            return Err(QueryError::Invalid("time out of bounds".to_owned()));
        }
        if end_ms < start_ms {
            let why = "end timestamp must not be before start time";
            return Err(QueryError::Invalid(why.to_owned()));
        }
        if step_ms <= 0 {
            let why = "zero or negative query resolution step widths are not accepted";
            return Err(QueryError::Invalid(why.to_owned()));
        }
        let count = usize::try_from((end_ms - start_ms) / step_ms).unwrap_or(usize::MAX - 1) + 1;
        Ok(Self { start_ms, step_ms, count })
    }

    /// One step alone.
    pub(super) fn once(at_ms: i64) -> Self {
        Self { start_ms: at_ms, step_ms: 1, count: 1 }
    }

    pub(super) fn at(self, step: usize) -> i64 {
        self.start_ms + self.step_ms * step as i64
    }

    pub(super) fn end_ms(self) -> i64 {
        self.at(self.count - 1)
    }
}

/// Applies `change` to each value that is there.
pub(super) fn map_values(columns: &mut [Column], mut change: impl FnMut(usize, f64) -> f64) {
    for column in columns {
        for (step, value) in column.values.iter_mut().enumerate() {
            if !is_absent(*value) {
                *value = change(step, *value);
            }
        }
    }
}

/// Takes away the metric's name, as it no longer says what the values are.
pub(super) fn without_names(mut columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let one_name = columns
        .windows(2)
        .all(|pair| pair[0].labels.get(METRIC_NAME) == pair[1].labels.get(METRIC_NAME));
    for column in &mut columns {
        column.labels = without_name(&column.labels);
    }
    // Series that differ, and not by their names, still differ without them.
    if one_name { Ok(columns) } else { gather(columns) }
}

pub(super) fn without_name(labels: &Labels) -> Labels {
    if labels.get(METRIC_NAME).is_empty() {
        return labels.clone();
    }
    let rest = labels.pairs().iter().filter(|(name, _)| &**name != METRIC_NAME);
    Labels::of(rest.cloned())
}

/// The labels that a `by`, `without`, `on` or `ignoring` leaves.
pub(super) fn choose(labels: &Labels, choice: &LabelChoice) -> Labels {
    let stays = |name: &str| match choice {
        LabelChoice::Only(names) => names.iter().any(|known| known == name),
        LabelChoice::AllBut(names) => {
            name != METRIC_NAME && !names.iter().any(|known| known == name)
        }
    };
    if *choice == LabelChoice::Only(Vec::new()) {
        return Labels::default();
    }
    Labels::of(labels.pairs().iter().filter(|(name, _)| stays(name)).cloned())
}

/// Joins columns whose labels have become the same; an error if both have a value at one step.
pub(super) fn gather(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut places: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut gathered: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        match places.get(&column.labels) {
            None => {
                places.insert(column.labels.clone(), gathered.len());
                gathered.push(column);
            }
            Some(place) => join(&mut gathered[*place], &column)?,
        }
    }
    Ok(gathered)
}

fn join(into: &mut Column, column: &Column) -> Result<(), QueryError> {
    for (kept, value) in into.values.iter_mut().zip(&column.values) {
        if is_absent(*value) {
            continue;
        }
        if !is_absent(*kept) {
            return Err(QueryError::execution(format!(
                "vector cannot contain metrics with the same labelset: {}",
                column.labels
            )));
        }
        *kept = *value;
    }
    Ok(())
}

pub(super) fn nothing(steps: Steps) -> Vec<f64> {
    vec![ABSENT; steps.count]
}
