//! The walk over the nodes of an expression.
//!
//! Where an aggregation stands over a selector or a windowed function, series are handed over one
//! by one ([`Engine::each`]) and never kept; everywhere else a node yields all its columns.

use std::cell::Cell;

use model::series::{ABSENT, Labels, METRIC_NAME, MatchOp, Matcher, is_absent};

use super::column::{Column, Steps, gather, map_values, without_names};
use super::number;
use super::over_time::keeps_name;
use crate::error::{Limits, QueryError};
use crate::expression::Kind;
use crate::expression::functions::{Function, Over};
use crate::expression::node::{Anchor, Binary, Call, Node, Shift};
use crate::source::{Source, Wanted};
use crate::value::Series;

/// Takes one series: its labels and its values at all steps.
pub(super) type Sink<'s> = dyn FnMut(&Labels, &[f64]) -> Result<(), QueryError> + 's;

/// One evaluation under way.
pub(super) struct Engine<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) limits: Limits<'a>,
    /// What `@ start()` and `@ end()` mean, whatever subquery they stand in.
    start_ms: i64,
    end_ms: i64,
    samples_left: Cell<usize>,
}

impl<'a> Engine<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        limits: Limits<'a>,
        start_ms: i64,
        end_ms: i64,
    ) -> Self {
        let samples_left = Cell::new(limits.max_samples);
        Self { source, limits, start_ms, end_ms, samples_left }
    }

    /// The values of a node of kind scalar: one a step, none absent.
    pub(super) fn scalar(&self, node: &Node, steps: Steps) -> Result<Vec<f64>, QueryError> {
        self.charge(steps.count)?;
        match node {
            Node::Number(number) => Ok(vec![*number; steps.count]),
            Node::Negate(inner) => {
                Ok(self.scalar(inner, steps)?.into_iter().map(|value| -value).collect())
            }
            Node::Binary(binary) => {
                let left = self.scalar(&binary.left, steps)?;
                let right = self.scalar(&binary.right, steps)?;
                let pairs = left.into_iter().zip(right);
                Ok(pairs.map(|(l, r)| number::scalar(binary.operator, l, r)).collect())
            }
            Node::Call(call) => self.scalar_call(call, steps),
            Node::Text(_) | Node::Selector(_) | Node::Window(_) | Node::Aggregation(_) => {
                Err(QueryError::execution("expected a scalar"))
            }
        }
    }

    /// The columns of a node of kind vector.
    pub(super) fn vector(&self, node: &Node, steps: Steps) -> Result<Vec<Column>, QueryError> {
        match node {
            Node::Negate(inner) => {
                let mut columns = self.vector(inner, steps)?;
                map_values(&mut columns, |_, value| -value);
                without_names(columns)
            }
            Node::Binary(binary) => self.binary(binary, steps),
            Node::Aggregation(aggregation) => self.aggregate(aggregation, steps),
            Node::Selector(selector) => {
                self.collect(|sink| self.latest(selector, false, steps, sink))
            }
            Node::Call(call) => match call.function {
                Function::Vector(function) => self.vector_call(function, call, steps),
                Function::Over(over) => {
                    let columns = self.collect(|sink| self.over_time(over, call, steps, sink))?;
                    if differ_unnamed(over, call) { Ok(columns) } else { gather(columns) }
                }
                Function::Scalar(_) => Err(QueryError::execution("expected an instant vector")),
            },
            Node::Number(_) | Node::Text(_) | Node::Window(_) => {
                Err(QueryError::execution("expected an instant vector"))
            }
        }
    }

    /// Hands over the series of a node of kind vector, one by one where that can be done.
    pub(super) fn each(
        &self,
        node: &Node,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        if let Node::Selector(selector) = node {
            return self.latest(selector, false, steps, sink);
        }
        if let Node::Call(call) = node
            && let Function::Over(over) = call.function
            && differ_unnamed(over, call)
        {
            return self.over_time(over, call, steps, sink);
        }
        let columns = self.vector(node, steps)?;
        columns.iter().try_for_each(|column| sink(&column.labels, &column.values))
    }

    /// What a node of kind matrix selects at one moment.
    pub(super) fn matrix(&self, node: &Node, at_ms: i64) -> Result<Vec<Series>, QueryError> {
        let window = node.as_window();
        let window = window.ok_or_else(|| QueryError::execution("expected a range vector"))?;
        let mut found = Vec::new();
        // Of one step alone, all that is read lies in its window.
        self.windowed(window, Steps::once(at_ms), Wanted::Last, &mut |labels, points, _| {
            if !points.times.is_empty() {
                found.push(Series { labels: labels.clone(), points: points.clone() });
            }
            Ok(())
        })?;
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }

    /// Keeps all that is handed over.
    pub(super) fn collect(
        &self,
        hand_over: impl FnOnce(&mut Sink<'_>) -> Result<(), QueryError>,
    ) -> Result<Vec<Column>, QueryError> {
        let mut columns = Vec::new();
        hand_over(&mut |labels, values| {
            self.keep(values.len())?;
            columns.push(Column { labels: labels.clone(), values: values.to_vec() });
            Ok(())
        })?;
        Ok(columns)
    }

    fn binary(&self, binary: &Binary, steps: Steps) -> Result<Vec<Column>, QueryError> {
        let left_is_scalar = binary.left.kind() == Kind::Scalar;
        if !left_is_scalar && binary.right.kind() == Kind::Vector {
            let left = self.vector(&binary.left, steps)?;
            let right = self.vector(&binary.right, steps)?;
            return super::matching::combine(binary, left, right, steps);
        }
        let (vector, scalar) = if left_is_scalar {
            (&binary.right, &binary.left)
        } else {
            (&binary.left, &binary.right)
        };
        let mut columns = self.vector(vector, steps)?;
        let scalars = self.scalar(scalar, steps)?;
        map_values(&mut columns, |step, value| {
            let (left, right) =
                if left_is_scalar { (scalars[step], value) } else { (value, scalars[step]) };
            if !binary.operator.is_comparison() || binary.as_bool {
                number::scalar(binary.operator, left, right)
            } else if number::keeps(binary.operator, left, right) {
                value
            } else {
                ABSENT
            }
        });
        if binary.operator.is_comparison() && !binary.as_bool {
            return Ok(columns);
        }
        without_names(columns)
    }

    /// The one moment looked at, where `@` fixes it for all steps.
    pub(super) fn anchored(&self, shift: Shift) -> Option<i64> {
        shift.anchor.map(|anchor| match anchor {
            Anchor::Time(at_ms) => at_ms,
            Anchor::Start => self.start_ms,
            Anchor::End => self.end_ms,
        })
    }

    /// Counts samples read or values kept, and asks whether to go on.
    pub(super) fn charge(&self, samples: usize) -> Result<(), QueryError> {
        self.go_on()?;
        self.keep(samples)
    }

    /// Counts values kept.
    pub(super) fn keep(&self, samples: usize) -> Result<(), QueryError> {
        let left = self.samples_left.get().checked_sub(samples);
        let limit = self.limits.max_samples;
        self.samples_left.set(left.ok_or(QueryError::TooManySamples { limit })?);
        Ok(())
    }

    pub(super) fn go_on(&self) -> Result<(), QueryError> {
        if (self.limits.stop)() { Err(QueryError::Stopped) } else { Ok(()) }
    }
}

/// Whether the series of a function over windows surely differ once their names are gone.
fn differ_unnamed(over: Over, call: &Call) -> bool {
    let mut windows = call.arguments.iter().filter_map(Node::as_window);
    keeps_name(over) || windows.any(|window| window.of.matchers().iter().any(names_one_metric))
}

fn names_one_metric(matcher: &Matcher) -> bool {
    matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal
}

/// Values that are one by one the same at each step.
pub(super) fn repeat(value: f64, steps: Steps, out: &mut Vec<f64>) {
    out.clear();
    out.resize(steps.count, value);
}

pub(super) fn any_present(values: &[f64]) -> bool {
    values.iter().any(|value| !is_absent(*value))
}
