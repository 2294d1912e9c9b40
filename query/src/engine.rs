//! Works out what an expression comes to.
//!
//! Each node yields columns: per series its values at all steps, with [`ABSENT`] where it has
//! none. An instant query is a range query of one step, except that the order its last function
//! gave is kept.
//!
//! [`ABSENT`]: model::series::ABSENT

mod calendar;
mod call;
mod column;
mod evaluate;
mod fold;
mod grouping;
mod histogram;
mod matching;
mod number;
mod over_time;
mod relabel;
mod relay;
mod select;
mod selection;
mod slide;
mod statistics;
mod walk;
mod window;

use model::series::is_absent;

use crate::error::{Limits, QueryError};
use crate::expression::{Expression, Kind};
use crate::source::{Points, Source};
use crate::value::{Point, Sample, Series, Value};
use column::{Column, Steps};
use evaluate::Engine;

pub(crate) use number::{mean, quantile};

/// Reads and evaluates `expression` at one moment.
pub fn instant(
    source: &dyn Source,
    expression: &str,
    at_ms: i64,
    limits: Limits<'_>,
) -> Result<Value, QueryError> {
    Expression::parse(expression)?.instant(source, at_ms, limits)
}

/// Reads and evaluates `expression` every `step_ms` from `start_ms` to `end_ms`, both included.
/// The series come in the order of their labels.
pub fn range(
    source: &dyn Source,
    expression: &str,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    limits: Limits<'_>,
) -> Result<Vec<Series>, QueryError> {
    Expression::parse(expression)?.range(source, start_ms, end_ms, step_ms, limits)
}

impl Expression {
    /// What it comes to at `at_ms`.
    pub fn instant(
        &self,
        source: &dyn Source,
        at_ms: i64,
        limits: Limits<'_>,
    ) -> Result<Value, QueryError> {
        let steps = Steps::over(at_ms, at_ms, 1)?;
        let engine = Engine::new(source, limits, at_ms, at_ms);
        match self.kind() {
            Kind::Scalar => {
                let value = engine.scalar(&self.node, steps)?[0];
                Ok(Value::Scalar(Point { at_ms, value }))
            }
            Kind::Vector => {
                let columns = engine.vector(&self.node, steps)?;
                Ok(Value::Vector(samples(columns, at_ms)))
            }
            Kind::Matrix => engine.matrix(&self.node, at_ms).map(Value::Matrix),
            Kind::String => Ok(Value::String {
                at_ms,
                text: self.node.as_text().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// What it comes to every `step_ms` from `start_ms` to `end_ms`, both included.
    pub fn range(
        &self,
        source: &dyn Source,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        limits: Limits<'_>,
    ) -> Result<Vec<Series>, QueryError> {
        let steps = Steps::over(start_ms, end_ms, step_ms)?;
        if steps.count > limits.max_points {
            let most = limits.max_points;
            let why = format!("exceeded maximum resolution of {most} points per timeseries");
            return Err(QueryError::Invalid(why));
        }
        let engine = Engine::new(source, limits, start_ms, end_ms);
        match self.kind() {
            Kind::Scalar => {
                let values = engine.scalar(&self.node, steps)?;
                Ok(all_series(vec![Column { labels: Default::default(), values }], steps))
            }
            Kind::Vector => Ok(all_series(engine.vector(&self.node, steps)?, steps)),
            kind @ (Kind::Matrix | Kind::String) => {
                let found = kind.documented();
                Err(QueryError::Invalid(format!(
                    "invalid expression type {found:?} for range query, must be Scalar or instant \
                     Vector"
                )))
            }
        }
    }
}

fn samples(columns: Vec<Column>, at_ms: i64) -> Vec<Sample> {
    let present = columns.into_iter().filter(|column| !is_absent(column.values[0]));
    present.map(|column| Sample { labels: column.labels, at_ms, value: column.values[0] }).collect()
}

fn all_series(columns: Vec<Column>, steps: Steps) -> Vec<Series> {
    let series = columns.into_iter().filter_map(|column| {
        let mut points = Points::default();
        for (step, value) in column.values.iter().enumerate() {
            if !is_absent(*value) {
                points.times.push(steps.at(step));
                points.values.push(*value);
            }
        }
        (!points.times.is_empty()).then_some(Series { labels: column.labels, points })
    });
    let mut series: Vec<Series> = series.collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}
