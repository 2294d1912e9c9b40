//! Function calls: arguments in, columns out.

use model::series::{ABSENT, Labels, METRIC_NAME, MatchOp, Matcher, is_absent};

use super::calendar;
use super::column::{Column, Steps, map_values, without_names};
use super::evaluate::Engine;
use super::histogram;
use super::relabel;
use super::selection::nan_last;
use super::window::spans;
use crate::error::QueryError;
use crate::expression::functions::{
    Clamp, DatePart, Function, Order, ScalarFunction, VectorFunction,
};
use crate::expression::node::{Call, Node};
use crate::source::Wanted;

impl Engine<'_> {
    /// A call whose outcome is a scalar.
    pub(super) fn scalar_call(&self, call: &Call, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match call.function {
            Function::Scalar(ScalarFunction::Time) => Ok(seconds(steps)),
            Function::Scalar(ScalarFunction::Pi) => Ok(vec![std::f64::consts::PI; steps.count]),
            Function::Scalar(ScalarFunction::OnlyValue) => {
                Ok(only_values(&self.argument(call, 0, steps)?, steps))
            }
            Function::Over(_) | Function::Vector(_) => {
                Err(QueryError::execution("expected a function that gives a scalar"))
            }
        }
    }

    /// A call whose outcome is an instant vector, and that takes no window.
    pub(super) fn vector_call(
        &self,
        function: VectorFunction,
        call: &Call,
        steps: Steps,
    ) -> Result<Vec<Column>, QueryError> {
        let columns = |index| self.argument(call, index, steps);
        match function {
            VectorFunction::Map(number) => self.mapped(call, steps, |_, value| number(value)),
            VectorFunction::Date(part) => self.date(part, call, steps),
            VectorFunction::Clamp(clamp) => self.clamp(clamp, call, steps),
            VectorFunction::Round => self.round(call, steps),
            VectorFunction::Timestamp => self.timestamp(call, steps),
            VectorFunction::Vector => {
                let values = self.scalar(&call.arguments[0], steps)?;
                Ok(vec![Column { labels: Labels::default(), values }])
            }
            VectorFunction::Absent => Ok(absent(&call.arguments[0], &columns(0)?, steps)),
            VectorFunction::AbsentOverTime => self.absent_over_time(call, steps),
            VectorFunction::HistogramQuantile => {
                let quantiles = self.scalar(&call.arguments[0], steps)?;
                histogram::quantiles(&quantiles, &columns(1)?, steps)
            }
            VectorFunction::LabelReplace => relabel::replace(columns(0)?, &texts(call)),
            VectorFunction::LabelJoin => relabel::join(columns(0)?, &texts(call)),
            VectorFunction::Sort(order) => Ok(sorted(columns(0)?, steps, order)),
            VectorFunction::SortByLabel(order) => {
                Ok(relabel::sorted(columns(0)?, &texts(call), order))
            }
        }
    }

    fn argument(&self, call: &Call, index: usize, steps: Steps) -> Result<Vec<Column>, QueryError> {
        self.vector(&call.arguments[index], steps)
    }

    fn mapped(
        &self,
        call: &Call,
        steps: Steps,
        change: impl FnMut(usize, f64) -> f64,
    ) -> Result<Vec<Column>, QueryError> {
        let mut columns = self.argument(call, 0, steps)?;
        map_values(&mut columns, change);
        without_names(columns)
    }

    fn date(&self, part: DatePart, call: &Call, steps: Steps) -> Result<Vec<Column>, QueryError> {
        if !call.arguments.is_empty() {
            return self.mapped(call, steps, |_, value| calendar::part(part, value));
        }
        let values = seconds(steps).iter().map(|at| calendar::part(part, *at)).collect();
        Ok(vec![Column { labels: Labels::default(), values }])
    }

    fn clamp(&self, clamp: Clamp, call: &Call, steps: Steps) -> Result<Vec<Column>, QueryError> {
        let second = self.scalar(&call.arguments[1], steps)?;
        let unbounded = |bound| vec![bound; steps.count];
        let (lowest, highest) = match clamp {
            Clamp::Lowest => (second, unbounded(f64::INFINITY)),
            Clamp::Highest => (unbounded(f64::NEG_INFINITY), second),
            Clamp::Both => (second, self.scalar(&call.arguments[2], steps)?),
        };
        self.mapped(call, steps, |step, value| {
            let (low, high) = (lowest[step], highest[step]);
            if high < low {
                ABSENT
            } else if low.is_nan() || high.is_nan() || value.is_nan() {
                f64::NAN
            } else {
                value.min(high).max(low)
            }
        })
    }

    /// To the nearest multiple, halves upwards.
    fn round(&self, call: &Call, steps: Steps) -> Result<Vec<Column>, QueryError> {
        let nearest = match call.arguments.get(1) {
            Some(argument) => self.scalar(argument, steps)?,
            None => vec![1.0; steps.count],
        };
        self.mapped(call, steps, |step, value| {
            // By its inverse, since 0.1 is not exact and 10 is.
            let inverse = 1.0 / nearest[step];
            (value * inverse + 0.5).floor() / inverse
        })
    }

    /// When a sample was taken; of what is worked out, when that was.
    fn timestamp(&self, call: &Call, steps: Steps) -> Result<Vec<Column>, QueryError> {
        let Some(selector) = call.arguments[0].as_selector() else {
            return self.mapped(call, steps, |step, _| steps.at(step) as f64 / 1000.0);
        };
        let columns = self.collect(|sink| self.latest(selector, true, steps, sink))?;
        without_names(columns)
    }

    fn absent_over_time(&self, call: &Call, steps: Steps) -> Result<Vec<Column>, QueryError> {
        let Some(window) = call.arguments.first().and_then(Node::as_window) else {
            return Err(QueryError::execution("expected a range vector"));
        };
        let mut values = vec![1.0; steps.count];
        self.windowed(window, steps, Wanted::Last, &mut |_, points, ends| {
            let spans = spans(&points.times, ends, window.range_ms);
            for (value, span) in values.iter_mut().zip(spans) {
                if span.low < span.high {
                    *value = ABSENT;
                }
            }
            Ok(())
        })?;
        Ok(vec![Column { labels: equal_labels(window.of.matchers()), values }])
    }
}

fn seconds(steps: Steps) -> Vec<f64> {
    (0..steps.count).map(|step| steps.at(step) as f64 / 1000.0).collect()
}

/// At each step the value of the only series that has one, else NaN.
fn only_values(columns: &[Column], steps: Steps) -> Vec<f64> {
    let only = |step: usize| {
        let values = columns.iter().map(|column| column.values[step]);
        let mut present = values.filter(|value| !is_absent(*value));
        match (present.next(), present.next()) {
            (Some(value), None) => value,
            _ => f64::NAN,
        }
    };
    (0..steps.count).map(only).collect()
}

fn absent(argument: &Node, columns: &[Column], steps: Steps) -> Vec<Column> {
    let is_present = |step: usize| columns.iter().any(|column| !is_absent(column.values[step]));
    let value = |step| if is_present(step) { ABSENT } else { 1.0 };
    let matchers = argument.as_selector().map_or(&[][..], |selector| &selector.matchers);
    let labels = equal_labels(matchers);
    vec![Column { labels, values: (0..steps.count).map(value).collect() }]
}

/// What is surely known of a series that is not there: the labels with one matcher, `=`.
fn equal_labels(matchers: &[Matcher]) -> Labels {
    let mut labels: Vec<(String, String)> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        let is_new = labels.iter().all(|(name, _)| *name != matcher.name);
        let value = if matcher.op == MatchOp::Equal && is_new { &*matcher.value } else { "" };
        labels.push((matcher.name.clone(), value.to_owned()));
    }
    Labels::of(labels)
}

/// The arguments that are strings.
fn texts(call: &Call) -> Vec<&str> {
    call.arguments.iter().filter_map(Node::as_text).collect()
}

/// By value; only one step has an order, so at several this does nothing.
fn sorted(mut columns: Vec<Column>, steps: Steps, order: Order) -> Vec<Column> {
    if steps.count == 1 {
        columns.sort_by(|a, b| nan_last(a.values[0], b.values[0], order == Order::Descending));
    }
    columns
}
