//! Arithmetic and comparison of two numbers, and what all sums share.

use crate::expression::node::{Arithmetic, Compare, Operator};

/// The outcome as a number; a comparison gives 0 or 1.
pub(super) fn scalar(operator: Operator, left: f64, right: f64) -> f64 {
    match operator {
        Operator::Arithmetic(arithmetic) => match arithmetic {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
            Arithmetic::Modulo => left % right,
            Arithmetic::Power => left.powf(right),
            Arithmetic::Atan2 => left.atan2(right),
        },
        Operator::Compare(_) | Operator::Set(_) => {
            f64::from(u8::from(keeps(operator, left, right)))
        }
    }
}

/// Whether a comparison holds; true for all that is no comparison.
pub(super) fn keeps(operator: Operator, left: f64, right: f64) -> bool {
    match operator {
        Operator::Compare(compare) => match compare {
            Compare::Equal => left == right,
            Compare::NotEqual => left != right,
            Compare::Greater => left > right,
            Compare::Less => left < right,
            Compare::GreaterOrEqual => left >= right,
            Compare::LessOrEqual => left <= right,
        },
        Operator::Arithmetic(_) | Operator::Set(_) => true,
    }
}

/// A sum and what rounding took from it (Kahan's summation as Neumaier improved it).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    pub(super) sum: f64,
    pub(super) lost: f64,
}

impl Total {
    pub(super) fn of(value: f64) -> Self {
        Self { sum: value, lost: 0.0 }
    }

    pub(super) fn plus(self, value: f64) -> Self {
        let sum = self.sum + value;
        let lost = if sum.is_infinite() {
            0.0
        } else if self.sum.abs() >= value.abs() {
            self.lost + ((self.sum - sum) + value)
        } else {
            self.lost + ((value - sum) + self.sum)
        };
        Self { sum, lost }
    }

    pub(super) fn join(self, other: Self) -> Self {
        let joined = self.plus(other.sum);
        Self { sum: joined.sum, lost: joined.lost + other.lost }
    }

    pub(super) fn value(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }
}

/// The mean of `values`, of which there is at least one; also where their sum would overflow.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let mut mean = Mean::of(values[0]);
    values[1..].iter().for_each(|value| mean.add(*value));
    mean.value()
}

/// A mean under way: a sum as long as that is finite, else an incremental mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    total: Total,
    count: f64,
    incremental: bool,
}

impl Mean {
    pub(super) fn of(value: f64) -> Self {
        Self { total: Total::of(value), count: 1.0, incremental: false }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let total = self.total.plus(value);
            if !total.sum.is_infinite() {
                self.total = total;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.total = Total { sum: self.total.sum / before, lost: self.total.lost / before };
        }
        let weight = (self.count - 1.0) / self.count;
        let scaled = Total { sum: weight * self.total.sum, lost: weight * self.total.lost };
        self.total = scaled.plus(value / self.count);
    }

    pub(super) fn value(self) -> f64 {
        if self.incremental {
            self.total.sum + self.total.lost
        } else {
            self.total.sum / self.count + self.total.lost / self.count
        }
    }
}

/// Of the two, the one that `wins`; any number wins over NaN.
pub(super) fn better(kept: f64, value: f64, wins: fn(&f64, &f64) -> bool) -> f64 {
    if wins(&value, &kept) || kept.is_nan() { value } else { kept }
}

/// The quantile of `values`, which it sorts; between two of them it is interpolated.
pub(crate) fn quantile(quantile: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = quantile * last as f64;
    let lower = rank.floor() as usize;
    let upper = last.min(lower + 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The order of numbers, with NaN below all.
pub(super) fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}
