//! The walk over the nodes of an expression.
//!
//! Where an aggregation stands over a selector or a windowed function, series are handed over one
//! by one ([`Engine::each`]) and never kept; everywhere else a node yields all its columns.

use std::cell::Cell;

use model::series::{ABSENT, Labels, METRIC_NAME, MatchOp, Matcher, is_absent};

use super::column::{self, Column, Steps, map_values, without_names};
use super::number;
use crate::error::{Limits, QueryError};
use crate::expression::Kind;
use crate::expression::functions::{Function, Over};
use crate::expression::node::{Anchor, Binary, Call, Node, Operator, Shift, Windowed};
use crate::source::Source;
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
            Node::Call(call) if streamed(call).is_none() => self.vector_call(call, steps),
            Node::Selector(_) | Node::Call(_) => self.collect(node, steps),
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
        match node {
            Node::Selector(selector) => self.latest(selector, false, steps, sink),
            Node::Call(call) if streamed(call).is_some_and(|plain| plain.differ_unnamed) => {
                self.over_time(call, steps, sink)
            }
            _ => {
                let columns = self.vector(node, steps)?;
                columns.iter().try_for_each(|column| sink(&column.labels, &column.values))
            }
        }
    }

    /// What a node of kind matrix selects at one moment.
    pub(super) fn matrix(&self, node: &Node, at_ms: i64) -> Result<Vec<Series>, QueryError> {
        let Node::Window(window) = node else {
            return Err(QueryError::execution("expected a range vector"));
        };
        let mut found = Vec::new();
        self.windowed(
            window,
            Steps::once(at_ms),
            Default::default(),
            &mut |labels, points, times| {
                let end_ms = times[0];
                let (low, high) = super::window::bounds(&points.times, end_ms, window.range_ms);
                if low < high {
                    let times = points.times[low..high].to_vec();
                    let points =
                        crate::source::Points { times, values: points.values[low..high].to_vec() };
                    found.push(Series { labels: labels.clone(), points });
                }
                Ok(())
            },
        )?;
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(found)
    }

    /// Keeps all that a streamed node hands over.
    fn collect(&self, node: &Node, steps: Steps) -> Result<Vec<Column>, QueryError> {
        let mut columns = Vec::new();
        let mut keep = |labels: &Labels, values: &[f64]| {
            self.charge(values.len())?;
            columns.push(Column { labels: labels.clone(), values: values.to_vec() });
            Ok(())
        };
        match node {
            Node::Call(call) => self.over_time(call, steps, &mut keep)?,
            _ => self.each(node, steps, &mut keep)?,
        }
        let differ = match node {
            Node::Call(call) => streamed(call).is_none_or(|plain| plain.differ_unnamed),
            _ => true,
        };
        if differ { Ok(columns) } else { column::gather(columns) }
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
            match (binary.operator, number::keeps(binary.operator, left, right)) {
                (Operator::Compare(_), keep) if binary.as_bool => f64::from(u8::from(keep)),
                (Operator::Compare(_), true) => value,
                (Operator::Compare(_), false) => ABSENT,
                _ => number::scalar(binary.operator, left, right),
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

/// A call that can hand over its series one by one.
struct Streamed {
    /// Whether they surely differ once their names are gone.
    differ_unnamed: bool,
}

fn streamed(call: &Call) -> Option<Streamed> {
    let Function::Over(over) = call.function else {
        return None;
    };
    let window = call.arguments.iter().find_map(|argument| match argument {
        Node::Window(window) => Some(window),
        _ => None,
    })?;
    let keeps_name = matches!(over, Over::Last | Over::First);
    let differ_unnamed = keeps_name
        || match &window.of {
            Windowed::Series(matchers) => matchers.iter().any(names_one_metric),
            Windowed::Subquery { .. } => false,
        };
    Some(Streamed { differ_unnamed })
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
