//! Reads series, and finds the sample that counts as "the value now".

use std::ops::Range;

use model::series::{ABSENT, Labels, Matcher, is_stale};

use super::column::Steps;
use super::evaluate::{Engine, Sink, any_present, repeat};
use crate::error::QueryError;
use crate::expression::node::Selector;
use crate::source::{Points, Wanted};

impl Engine<'_> {
    /// Reads the series that match, each once, and hands over the samples of `times`.
    pub(super) fn read(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        wanted: Wanted,
        visit: &mut dyn FnMut(&Labels, &mut Points) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.go_on()?;
        let found = self.source.find(matchers, times.clone(), self.limits.max_series)?;
        let mut points = Points::default();
        for series in found {
            points.times.clear();
            points.values.clear();
            self.source.read(series.series, times.clone(), wanted, &mut points)?;
            self.charge(points.times.len())?;
            visit(&series.labels, &mut points)?;
        }
        Ok(())
    }

    /// Hands over each series' latest values, or the times of these in seconds.
    pub(super) fn latest(
        &self,
        selector: &Selector,
        times_instead: bool,
        steps: Steps,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let fixed = self.anchored(selector.shift);
        let looked_at = fixed.map_or(steps, Steps::once);
        let offset_ms = selector.shift.offset_ms;
        let lookback_ms = self.limits.lookback_ms;
        let (first, last) = (looked_at.start_ms - offset_ms, looked_at.end_ms() - offset_ms);
        let times = first - lookback_ms + 1..last + 1;
        let mut values = Vec::with_capacity(steps.count);
        self.read(&selector.matchers, times, Wanted::Last, &mut |labels, points| {
            values.clear();
            let mut next = 0;
            for step in 0..looked_at.count {
                let at_ms = looked_at.at(step) - offset_ms;
                while points.times.get(next).is_some_and(|time| *time <= at_ms) {
                    next += 1;
                }
                values.push(match next.checked_sub(1) {
                    Some(index) if points.times[index] > at_ms - lookback_ms => {
                        let (time, value) = (points.times[index], points.values[index]);
                        let ended = is_stale(value);
                        let wanted = if times_instead { time as f64 / 1000.0 } else { value };
                        if ended { ABSENT } else { wanted }
                    }
                    _ => ABSENT,
                });
            }
            if !any_present(&values) {
                return Ok(());
            }
            if fixed.is_some() {
                repeat(values[0], steps, &mut values);
            }
            sink(labels, &values)
        })
    }
}
