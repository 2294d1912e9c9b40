//! Functions over windows of samples: `rate`, `avg_over_time` and their like.
//!
//! This half finds out which windows there are, over series or a subquery; what is made of the
//! samples of each is in [`super::walk`].

use model::series::{ABSENT, Labels, METRIC_NAME, is_absent, is_stale};

use super::column::{Steps, without_name};
use super::evaluate::{Engine, Sink, any_present};
use super::walk::{Asked, Walk};
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

/// Takes a series' samples, and what was made of them.
type WorkedSink<'s> = dyn FnMut(&Labels, &Points, &[f64]) -> Result<(), QueryError> + 's;

/// Makes a value of each window over one series: its samples, and where the windows end.
type WindowWork<'w> = dyn Fn(&Points, &[i64], &mut Vec<f64>) -> Result<(), QueryError> + Sync + 'w;

impl Engine<'_> {
    /// Hands over the samples that any window of `steps` sees, series by series.
    pub(super) fn windowed(
        &self,
        window: &Window,
        steps: Steps,
        wanted: Wanted,
        visit: &mut WindowSink<'_>,
    ) -> Result<(), QueryError> {
        let ends = self.ends(window, steps)?;
        let visit = &mut |labels: &Labels, points: &Points, _: &[f64]| visit(labels, points, &ends);
        self.work_windows(window, (steps, &ends), wanted, &|_, _, _| Ok(()), visit)
    }

    /// Where the window of each step ends.
    fn ends(&self, window: &Window, steps: Steps) -> Result<Vec<i64>, QueryError> {
        self.charge(steps.count)?;
        let fixed = self.anchored(window.shift);
        let end = |step| fixed.unwrap_or_else(|| steps.at(step)) - window.shift.offset_ms;
        Ok((0..steps.count).map(end).collect())
    }

    /// The same as [`Engine::windowed`], and hands over beside the samples what `work` has made of
    /// them.
    fn work_windows(
        &self,
        window: &Window,
        (steps, ends): (Steps, &[i64]),
        wanted: Wanted,
        work: &WindowWork<'_>,
        visit: &mut WorkedSink<'_>,
    ) -> Result<(), QueryError> {
        let (after_ms, last_ms) = (ends[0] - window.range_ms, ends[steps.count - 1]);
        match &window.of {
            Windowed::Series(matchers) => {
                let work = |points: &mut Points, values: &mut Vec<f64>| {
                    drop_stale(points);
                    work(points, ends, values)
                };
                let times = after_ms + 1..last_ms + 1;
                self.read_and_work(matchers, times, wanted, &work, &mut |labels, points, values| {
                    visit(labels, points, values)
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
                let mut values = Vec::new();
                for column in self.vector(node, inner)? {
                    let points = present(&column.values, inner);
                    work(&points, ends, &mut values)?;
                    visit(&column.labels, &points, &values)?;
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
        let ends = self.ends(window, steps)?;
        let stop = self.limits.stop;
        let work = |points: &Points, ends: &[i64], values: &mut Vec<f64>| {
            let walk = Walk::new(over, points, window.range_ms);
            values.clear();
            walk_all(walk, &parameters, (steps, ends), stop, values)
        };
        self.work_windows(window, (steps, &ends), wanted(over), &work, &mut |labels, _, values| {
            if !any_present(values) {
                return Ok(());
            }
            if keeps_name(over) || labels.get(METRIC_NAME).is_empty() {
                return sink(labels, values);
            }
            sink(&without_name(labels), values)
        })
    }
}

/// The values of one series at all steps.
fn walk_all(
    mut walk: Walk<'_>,
    parameters: &[Vec<f64>],
    (steps, ends): (Steps, &[i64]),
    stop: &(dyn Fn() -> bool + Sync),
    values: &mut Vec<f64>,
) -> Result<(), QueryError> {
    let mut work = 0;
    for (step, span) in walk.spans(ends).enumerate() {
        // With `@` all steps look at one window, which need not be worked out again.
        let repeats = step > 0
            && ends[step] == ends[step - 1]
            && walk.is_timeless()
            && parameters.iter().all(|all| all[step] == all[step - 1]);
        if repeats {
            values.push(values[step - 1]);
            continue;
        }
        work += span.high - span.low;
        if work > WORK_BETWEEN_ASKING {
            if stop() {
                return Err(QueryError::Stopped);
            }
            work = 0;
        }
        let parameter = |index: usize| parameters.get(index).map_or(0.0, |all| all[step]);
        let parameters = [parameter(0), parameter(1)];
        let asked = Asked { span, at_ms: steps.at(step), parameters };
        values.push(walk.value(&asked).unwrap_or(ABSENT));
    }
    Ok(())
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
