//! Quantiles of classic histograms: series whose label `le` is the upper bound of a bucket.
//!
//! The count of a bucket includes those of all buckets below it, and the highest bound is `+Inf`.

use std::collections::BTreeMap;

use model::series::{Labels, METRIC_NAME, is_absent};

use super::column::{Column, Steps, gather, nothing};
use crate::error::QueryError;

const BOUND: &str = "le";

/// Counts that differ by less than this share were meant to be equal.
const TOLERANCE: f64 = 1e-12;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    bound: f64,
    count: f64,
}

/// The quantile of each histogram among `columns`; without a bucket at a step there is none.
pub(super) fn quantiles(
    quantiles: &[f64],
    columns: &[Column],
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let mut histograms: BTreeMap<Labels, Vec<(f64, &Column)>> = BTreeMap::new();
    for column in columns {
        let Ok(bound) = column.labels.get(BOUND).parse::<f64>() else {
            continue;
        };
        let rest = column.labels.pairs().iter().filter(|(name, _)| &**name != BOUND);
        histograms.entry(Labels::of(rest.cloned())).or_default().push((bound, column));
    }
    let mut outcomes = Vec::new();
    let mut buckets = Vec::new();
    for (labels, mut bounds) in histograms {
        bounds.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut values = nothing(steps);
        for (step, value) in values.iter_mut().enumerate() {
            buckets.clear();
            let counts = bounds.iter().map(|(bound, column)| (*bound, column.values[step]));
            let present = counts.filter(|(_, count)| !is_absent(*count));
            buckets.extend(present.map(|(bound, count)| Bucket { bound, count }));
            if !buckets.is_empty() {
                *value = quantile(quantiles[step], &mut buckets);
            }
        }
        let rest = labels.pairs().iter().filter(|(name, _)| &**name != METRIC_NAME);
        outcomes.push(Column { labels: Labels::of(rest.cloned()), values });
    }
    gather(outcomes)
}

/// `buckets` are in the order of their bounds, and at least one.
fn quantile(quantile: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&quantile) {
        return if quantile < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    if buckets[buckets.len() - 1].bound != f64::INFINITY {
        return f64::NAN;
    }
    add_up_equal_bounds(buckets);
    never_fall(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return f64::NAN;
    }
    let rank = quantile * observations;
    // NaN counts, of a rate over nothing, compare false and so lead to the last bucket.
    let place = buckets[..last].partition_point(|bucket| {
        bucket.count.partial_cmp(&rank).is_none_or(|order| order.is_lt())
    });
    if place == last {
        return buckets[last - 1].bound;
    }
    let bucket = buckets[place];
    if place == 0 {
        if bucket.bound <= 0.0 {
            return bucket.bound;
        }
        return bucket.bound * (rank / bucket.count);
    }
    let below = buckets[place - 1];
    let share = (rank - below.count) / (bucket.count - below.count);
    below.bound + (bucket.bound - below.bound) * share
}

/// The same bound written in two ways is one bucket.
fn add_up_equal_bounds(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Buckets are not scraped at one instant, so a count may fall a little behind the one below it.
fn never_fall(buckets: &mut [Bucket]) {
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let count = bucket.count;
        if count < before || almost_equal(before, count) {
            bucket.count = before;
        } else if count != before {
            before = count;
        }
    }
}

fn almost_equal(a: f64, b: f64) -> bool {
    let sum = a.abs() + b.abs();
    let distance = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return distance < TOLERANCE * f64::MIN_POSITIVE;
    }
    distance / sum.min(f64::MAX) < TOLERANCE
}
