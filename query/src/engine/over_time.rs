//! Functions over windows of samples: `rate`, `avg_over_time` and their like.
//!
//! Most cost O(samples + steps) however wide the window is: rates and counts need its ends and the
//! few places where a counter fell, sums and extremes slide ([`super::slide`]). Quantiles,
//! variances and regressions do look at each sample of each window.

use model::series::{ABSENT, Labels, METRIC_NAME, is_absent, is_stale};

use super::column::{Steps, without_name};
use super::evaluate::{Engine, Sink, any_present};
use super::number::{Total, better, mean, quantile};
use super::slide::Slide;
use super::statistics::{Line, copy, last_two, median_deviation, smooth, variance};
use super::window::{Span, spans};
use crate::error::QueryError;
use crate::expression::functions::Over;
use crate::expression::node::{Call, Window, Windowed};
use crate::source::{Points, Wanted};

/// How often a subquery that does not say is evaluated.
const SUBQUERY_STEP_MS: i64 = 60_000;

/// After looking at so many samples of windows, ask whether to go on.
const WORK_BETWEEN_ASKING: usize = 100_000;

/// Takes a series' samples, none of them stale, and where the window of each step ends.
pub(super) type WindowSink<'s> = dyn FnMut(&Labels, &Points, &[i64]) -> Result<(), QueryError> + 's;

impl Engine<'_> {
    /// Hands over the samples that any window of `steps` sees, series by series.
    pub(super) fn windowed(
        &self,
        window: &Window,
        steps: Steps,
        wanted: Wanted,
        visit: &mut WindowSink<'_>,
    ) -> Result<(), QueryError> {
        self.charge(steps.count)?;
        let fixed = self.anchored(window.shift);
        let end = |step| fixed.unwrap_or_else(|| steps.at(step)) - window.shift.offset_ms;
        let ends: Vec<i64> = (0..steps.count).map(end).collect();
        let (after_ms, last_ms) = (ends[0] - window.range_ms, ends[ends.len() - 1]);
        match &window.of {
            Windowed::Series(matchers) => {
                self.read(matchers, after_ms + 1..last_ms + 1, wanted, &mut |labels, points| {
                    drop_stale(points);
                    visit(labels, points, &ends)
                })
            }
            Windowed::Subquery { node, step_ms } => {
                let step_ms = step_ms.unwrap_or(SUBQUERY_STEP_MS);
                let first_ms = (after_ms.div_euclid(step_ms) + 1) * step_ms;
                if first_ms > last_ms {
                    return Ok(());
                }
                let inner = Steps::over(first_ms, last_ms, step_ms)?;
                self.charge(inner.count)?;
                for column in self.vector(node, inner)? {
                    visit(&column.labels, &present(&column.values, inner), &ends)?;
                }
                Ok(())
            }
        }
    }

    /// Evaluates a call of a function over windows, series by series.
    pub(super) fn over_time(
        &self,
        over: Over,
        call: &Call,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let mut parameters = Vec::new();
        let mut window = None;
        for argument in &call.arguments {
            if let Some(found) = argument.as_window() {
                window = Some(found);
            } else {
                parameters.push(self.scalar(argument, steps)?);
            }
        }
        let window = window.ok_or_else(|| QueryError::execution("expected a range vector"))?;
        check_factors(over, &parameters)?;
        let mut values = Vec::with_capacity(steps.count);
        self.windowed(window, steps, wanted(over), &mut |labels, points, ends| {
            values.clear();
            let mut walk = Walk::new(over, points, window.range_ms);
            let mut before = None;
            let mut work = 0;
            for (step, span) in spans(&points.times, ends, window.range_ms).enumerate() {
                let parameter = |index: usize| parameters.get(index).map_or(0.0, |p| p[step]);
                let asked =
                    Asked { span, at_ms: steps.at(step), parameters: [parameter(0), parameter(1)] };
                work += span.high - span.low;
                if work > WORK_BETWEEN_ASKING {
                    self.go_on()?;
                    work = 0;
                }
                // With `@` all steps look at one window, which need not be worked out again.
                let value = match before {
                    Some((known, value)) if asked.is_as(&known, over) => value,
                    _ => walk.value(&asked).unwrap_or(ABSENT),
                };
                before = Some((asked, value));
                values.push(value);
            }
            if !any_present(&values) {
                return Ok(());
            }
            if keeps_name(over) || labels.get(METRIC_NAME).is_empty() {
                return sink(labels, &values);
            }
            sink(&without_name(labels), &values)
        })
    }
}

/// `last_over_time` and its like pick a sample; all others make something new.
pub(super) fn keeps_name(over: Over) -> bool {
    matches!(over, Over::Last | Over::First)
}

/// Which value stands for a span of which the store keeps a summary only.
fn wanted(over: Over) -> Wanted {
    match over {
        Over::Max => Wanted::Max,
        Over::Min => Wanted::Min,
        Over::Average => Wanted::Mean,
        Over::Changes
        | Over::Count
        | Over::Delta
        | Over::Derivative
        | Over::First
        | Over::IncrementalDelta
        | Over::Increase
        | Over::InstantRate
        | Over::Last
        | Over::MedianDeviation
        | Over::PredictLinear
        | Over::Present
        | Over::Quantile
        | Over::Rate
        | Over::Resets
        | Over::Smooth
        | Over::StandardDeviation
        | Over::Sum
        | Over::Variance => Wanted::Last,
    }
}

fn check_factors(over: Over, parameters: &[Vec<f64>]) -> Result<(), QueryError> {
    if over != Over::Smooth {
        return Ok(());
    }
    for (name, factors) in ["smoothing", "trend"].iter().zip(parameters) {
        if let Some(factor) = factors.iter().find(|factor| **factor <= 0.0 || **factor >= 1.0) {
            let what = format!("invalid {name} factor. Expected: 0 < factor < 1, got: {factor}");
            return Err(QueryError::Execution(what));
        }
    }
    Ok(())
}

fn drop_stale(points: &mut Points) {
    if !points.values.iter().any(|value| is_stale(*value)) {
        return;
    }
    let mut values = points.values.iter();
    points.times.retain(|_| values.next().is_some_and(|value| !is_stale(*value)));
    points.values.retain(|value| !is_stale(*value));
}

fn present(values: &[f64], steps: Steps) -> Points {
    let mut points = Points::default();
    for (step, value) in values.iter().enumerate() {
        if !is_absent(*value) {
            points.times.push(steps.at(step));
            points.values.push(*value);
        }
    }
    points
}

/// What one step asks of a window.
#[derive(Clone, Copy, Debug)]
struct Asked {
    span: Span,
    /// The step itself, which `@` and `offset` do not move.
    at_ms: i64,
    parameters: [f64; 2],
}

impl Asked {
    fn is_as(&self, other: &Self, over: Over) -> bool {
        self.span == other.span
            && self.parameters == other.parameters
            && (over != Over::PredictLinear || self.at_ms == other.at_ms)
    }
}

/// The windows over one series, worked out one after another.
struct Walk<'p> {
    over: Over,
    times: &'p [i64],
    values: &'p [f64],
    range_s: f64,
    /// Where a value differs from the one before in the way that `over` is about.
    marks: Vec<usize>,
    totals: Slide<Total>,
    extremes: Slide<f64>,
    scratch: Vec<f64>,
}

impl<'p> Walk<'p> {
    fn new(over: Over, points: &'p Points, range_ms: i64) -> Self {
        let values = points.values.as_slice();
        let marks = if matches!(over, Over::Rate | Over::Increase | Over::Resets) {
            marks(values, |a, b| b < a)
        } else if over == Over::Changes {
            marks(values, |a, b| b != a && !(a.is_nan() && b.is_nan()))
        } else {
            Vec::new()
        };
        Self {
            over,
            times: &points.times,
            values,
            range_s: range_ms as f64 / 1000.0,
            marks,
            totals: Slide::new(),
            extremes: Slide::new(),
            scratch: Vec::new(),
        }
    }

    /// The function's value; `None` where the window holds too few samples for it.
    fn value(&mut self, asked: &Asked) -> Option<f64> {
        let Span { low, high, .. } = asked.span;
        let (times, values) = (&self.times[low..high], &self.values[low..high]);
        let (first, last) = (*values.first()?, *values.last()?);
        match self.over {
            Over::First => Some(first),
            Over::Last => Some(last),
            Over::Present => Some(1.0),
            Over::Count => Some(values.len() as f64),
            Over::Changes | Over::Resets => Some(self.marks_within(low, high).len() as f64),
            Over::Rate => self.extrapolated(asked.span, true).map(|rise| rise / self.range_s),
            Over::Increase => self.extrapolated(asked.span, true),
            Over::Delta => self.extrapolated(asked.span, false),
            Over::InstantRate => last_two(times, values, true),
            Over::IncrementalDelta => last_two(times, values, false),
            Over::Sum => self.total(asked.span).map(Total::value),
            Over::Average => self.average(asked.span),
            Over::Min => self.extreme(asked.span, f64::lt),
            Over::Max => self.extreme(asked.span, f64::gt),
            Over::Variance => Some(variance(values)),
            Over::StandardDeviation => Some(variance(values).sqrt()),
            Over::Quantile => Some(quantile(asked.parameters[0], copy(values, &mut self.scratch))),
            Over::MedianDeviation => Some(median_deviation(values, &mut self.scratch)),
            Over::Derivative => Some(Line::through(times, values, times[0])?.slope),
            Over::PredictLinear => {
                let line = Line::through(times, values, asked.at_ms)?;
                Some(line.slope * asked.parameters[0] + line.intercept)
            }
            Over::Smooth => smooth(values, asked.parameters),
        }
    }

    /// The marks between two samples of the window.
    fn marks_within(&self, low: usize, high: usize) -> &[usize] {
        let from = self.marks.partition_point(|mark| *mark <= low);
        let to = self.marks.partition_point(|mark| *mark < high);
        &self.marks[from..to.max(from)]
    }

    /// How much the series rose over the whole window, though its samples cover a part of it only.
    ///
    /// Where the nearest sample is about as close to an end of the window as samples are to each
    /// other, the series is taken to reach that end. Else it is taken to begin or end half a
    /// distance beyond its sample. A counter is not taken to have been below zero.
    fn extrapolated(&self, span: Span, is_counter: bool) -> Option<f64> {
        let Span { low, high, start_ms, end_ms } = span;
        if high - low < 2 {
            return None;
        }
        let (first, last) = (self.values[low], self.values[high - 1]);
        let (first_ms, last_ms) = (self.times[low], self.times[high - 1]);
        let mut rise = last - first;
        if is_counter {
            for mark in self.marks_within(low, high) {
                rise += self.values[mark - 1];
            }
        }
        let sampled = (last_ms - first_ms) as f64 / 1000.0;
        let between = sampled / (high - low - 1) as f64;
        let threshold = between * 1.1;
        let mut to_start = (first_ms - start_ms) as f64 / 1000.0;
        if to_start >= threshold {
            to_start = between / 2.0;
        }
        if is_counter && rise > 0.0 && first >= 0.0 {
            to_start = to_start.min(sampled * (first / rise));
        }
        let mut to_end = (end_ms - last_ms) as f64 / 1000.0;
        if to_end >= threshold {
            to_end = between / 2.0;
        }
        Some(rise * ((sampled + to_start + to_end) / sampled))
    }

    fn total(&mut self, span: Span) -> Option<Total> {
        let values = self.values;
        self.totals.to(span, |at| Total::of(values[at]), Total::join)
    }

    fn average(&mut self, span: Span) -> Option<f64> {
        let total = self.total(span)?;
        let values = &self.values[span.low..span.high];
        if total.sum.is_infinite() {
            return Some(mean(values));
        }
        let count = values.len() as f64;
        Some(total.sum / count + total.lost / count)
    }

    fn extreme(&mut self, span: Span, wins: fn(&f64, &f64) -> bool) -> Option<f64> {
        let values = self.values;
        self.extremes.to(span, |at| values[at], |kept, new| better(kept, new, wins))
    }
}

fn marks(values: &[f64], differ: impl Fn(f64, f64) -> bool) -> Vec<usize> {
    let pairs = values.windows(2).enumerate();
    pairs.filter(|(_, pair)| differ(pair[0], pair[1])).map(|(at, _)| at + 1).collect()
}
