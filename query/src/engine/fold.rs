//! Folds the values of a group at one step into one number.

use model::series::ABSENT;

use super::number::{Mean, Total, better};
use crate::expression::node::Fold;

/// What is kept of the values of one group at one step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Cell {
    #[default]
    Empty,
    Number(f64),
    Count(u32),
    Total(Total),
    Mean(Mean),
    Spread(Spread),
}

/// Count, mean and sum of squared distances from it (Welford's method).
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

pub(super) fn add(operator: Fold, cell: &mut Cell, value: f64) {
    match cell {
        Cell::Empty => *cell = first(operator, value),
        Cell::Number(kept) if operator == Fold::Min => *kept = better(*kept, value, f64::lt),
        Cell::Number(kept) if operator == Fold::Max => *kept = better(*kept, value, f64::gt),
        Cell::Number(_) => (),
        Cell::Count(count) => *count += 1,
        Cell::Total(total) => *total = total.plus(value),
        Cell::Mean(mean) => mean.add(value),
        Cell::Spread(spread) => {
            spread.count += 1.0;
            let delta = value - spread.mean;
            spread.mean += delta / spread.count;
            spread.squares += delta * (value - spread.mean);
        }
    }
}

pub(super) fn value(operator: Fold, cell: &Cell) -> f64 {
    match cell {
        Cell::Empty => ABSENT,
        Cell::Number(value) => *value,
        Cell::Count(count) => f64::from(*count),
        Cell::Total(total) => total.sum + total.lost,
        Cell::Mean(mean) => mean.value(),
        Cell::Spread(spread) => {
            let variance = spread.squares / spread.count;
            if operator == Fold::Stddev { variance.sqrt() } else { variance }
        }
    }
}

fn first(operator: Fold, value: f64) -> Cell {
    match operator {
        Fold::Sum => Cell::Total(Total::of(value)),
        Fold::Avg => Cell::Mean(Mean::of(value)),
        Fold::Count => Cell::Count(1),
        Fold::Group => Cell::Number(1.0),
        Fold::Stddev | Fold::Stdvar => {
            let squares = if value.is_finite() { 0.0 } else { f64::NAN };
            Cell::Spread(Spread { count: 1.0, mean: value, squares })
        }
        Fold::Min | Fold::Max => Cell::Number(value),
    }
}
