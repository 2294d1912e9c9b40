//! Aggregations that must remember single values: the largest, a quantile, how often each occurs.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use model::series::{Labels, is_absent};

use super::column::{Column, Steps, choose, nothing};
use super::evaluate::Engine;
use super::grouping::{Groups, text_parameter};
use super::number::{nan_first, quantile};
use crate::api::plain_number;
use crate::error::QueryError;
use crate::expression::functions::Order;
use crate::expression::node::{Aggregation, LabelChoice};

/// A value at one step, and which series it is of.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    value: f64,
    series: usize,
}

/// `topk` and `bottomk`: the series themselves, with values where they are among the first k. At
/// one step alone they come group by group, the best first.
pub(super) fn extremes(
    engine: &Engine<'_>,
    order: Order,
    aggregation: &Aggregation,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let counts = whole_counts(&engine.parameter(aggregation, steps)?)?;
    let better = if order == Order::Ascending { f64::lt } else { f64::gt };
    let mut series: Vec<Labels> = Vec::new();
    let mut groups: Groups<Vec<Vec<Candidate>>> = Groups::new();
    if counts.iter().all(|count| *count == 0) {
        return Ok(Vec::new());
    }
    engine.each(&aggregation.of, steps, &mut |labels, values| {
        let group = groups.of(choose(labels, &aggregation.by), || {
            engine.charge(steps.count)?;
            Ok(vec![Vec::new(); steps.count])
        })?;
        for (step, (best, value)) in group.iter_mut().zip(values).enumerate() {
            if !is_absent(*value) {
                let candidate = Candidate { value: *value, series: series.len() };
                let grown = best.len();
                enter(best, candidate, counts[step], better);
                if best.len() > grown {
                    engine.keep(1)?;
                }
            }
        }
        series.push(labels.clone());
        Ok(())
    })?;
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut columns: Vec<Column> = Vec::new();
    for (_, group) in groups.into_iter() {
        for (step, best) in group.iter().enumerate() {
            for candidate in best {
                let place = match places.get(&candidate.series) {
                    Some(place) => *place,
                    None => {
                        engine.charge(steps.count)?;
                        let labels = series[candidate.series].clone();
                        columns.push(Column { labels, values: nothing(steps) });
                        places.insert(candidate.series, columns.len() - 1);
                        columns.len() - 1
                    }
                };
                columns[place].values[step] = candidate.value;
            }
        }
    }
    Ok(columns)
}

/// Keeps the best `count`, the best first. NaN is worse than any number; who came first stays.
fn enter(
    best: &mut Vec<Candidate>,
    candidate: Candidate,
    count: usize,
    better: fn(&f64, &f64) -> bool,
) {
    let beats = |kept: &Candidate| {
        better(&candidate.value, &kept.value) || (kept.value.is_nan() && !candidate.value.is_nan())
    };
    if best.len() >= count && !best.last().is_some_and(beats) {
        return;
    }
    let place = best.partition_point(|kept| !beats(kept));
    best.insert(place, candidate);
    best.truncate(count);
}

/// Each k as a count; below one it selects nothing.
fn whole_counts(parameters: &[f64]) -> Result<Vec<usize>, QueryError> {
    let count = |parameter: &f64| {
        if parameter.is_nan() {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        if *parameter >= i64::MAX as f64 || *parameter <= i64::MIN as f64 {
            let what = format!("Scalar value {parameter} does not fit into 64 bits");
            return Err(QueryError::Execution(what));
        }
        Ok(*parameter as usize)
    };
    parameters.iter().map(count).collect()
}

/// `quantile`: all values of a group at a step, sorted.
pub(super) fn quantiles(
    engine: &Engine<'_>,
    aggregation: &Aggregation,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let parameters = engine.parameter(aggregation, steps)?;
    let mut groups: Groups<Vec<Vec<f64>>> = Groups::new();
    engine.each(&aggregation.of, steps, &mut |labels, values| {
        engine.keep(values.len())?;
        let group = groups.of(choose(labels, &aggregation.by), || {
            engine.charge(steps.count)?;
            Ok(vec![Vec::new(); steps.count])
        })?;
        let present = group.iter_mut().zip(values).filter(|(_, value)| !is_absent(**value));
        present.for_each(|(kept, value)| kept.push(*value));
        Ok(())
    })?;
    let columns = groups.into_iter().map(|(labels, mut group)| {
        let mut values = nothing(steps);
        for (step, kept) in group.iter_mut().enumerate() {
            if !kept.is_empty() {
                values[step] = quantile(parameters[step], kept);
            }
        }
        Column { labels, values }
    });
    Ok(columns.collect())
}

/// `count_values`: a series for each value that occurs, named by a label.
pub(super) fn count_values(
    engine: &Engine<'_>,
    aggregation: &Aggregation,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let label = text_parameter(aggregation)?;
    if label.is_empty() {
        return Err(QueryError::execution("invalid label name \"\" in count_values"));
    }
    let mut by = aggregation.by.clone();
    if let LabelChoice::Only(names) = &mut by {
        names.push(label.to_owned());
    }
    let mut groups: Groups<Vec<f64>> = Groups::new();
    engine.each(&aggregation.of, steps, &mut |labels, values| {
        for (step, value) in values.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
            let valued = labels.with(&Labels::of([(label, plain_number(*value))]));
            let group = groups.of(choose(&valued, &by), || {
                engine.charge(steps.count)?;
                Ok(nothing(steps))
            })?;
            group[step] = if is_absent(group[step]) { 1.0 } else { group[step] + 1.0 };
        }
        Ok(())
    })?;
    Ok(groups.into_iter().map(|(labels, values)| Column { labels, values }).collect())
}

/// The order of `sort` and `sort_desc`: NaN comes last either way.
pub(super) fn nan_last(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) if descending => nan_first(b, a),
        (false, false) => nan_first(a, b),
        (a_is_nan, b_is_nan) => a_is_nan.cmp(&b_is_nan),
    }
}
