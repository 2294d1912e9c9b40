//! Reads series, and finds the sample that counts as "the value now".

use std::ops::Range;

use model::series::{ABSENT, Labels, Matcher, is_stale};

use super::column::Steps;
use super::evaluate::{Engine, Sink, any_present, repeat};
use super::relay::in_order;
use crate::error::QueryError;
use crate::expression::node::Selector;
use crate::source::{Found, Points, Wanted};

/// What is made of one series' samples alone, right where they are read.
pub(super) type Work<'w> = dyn Fn(&mut Points, &mut Vec<f64>) -> Result<(), QueryError> + Sync + 'w;

/// Takes a series' samples, which it may change, and what was made of them.
type WorkedSink<'s> = dyn FnMut(&Labels, &mut Points, &[f64]) -> Result<(), QueryError> + 's;

/// A series' samples, and what was made of them.
#[derive(Debug, Default)]
struct Room {
    points: Points,
    values: Vec<f64>,
}

/// So many series over so long a time are read and worked on by two threads, batch by batch; they
/// are handed over in order.
const MANY_SERIES: usize = 128;
const LONG_MS: i64 = 30 * 60 * 1000;
const BATCH: usize = 32;

impl Engine<'_> {
    /// Reads the series that match, each once, and hands over the samples of `times`.
    pub(super) fn read(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        wanted: Wanted,
        visit: &mut dyn FnMut(&Labels, &mut Points) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let visit = &mut |labels: &Labels, points: &mut Points, _: &[f64]| visit(labels, points);
        self.read_and_work(matchers, times, wanted, &|_, _| Ok(()), visit)
    }

    /// The same, and hands over beside the samples what `work` has made of them.
    pub(super) fn read_and_work(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        wanted: Wanted,
        work: &Work<'_>,
        visit: &mut WorkedSink<'_>,
    ) -> Result<(), QueryError> {
        self.go_on()?;
        let found = self.source.find(matchers, times.clone(), self.limits.max_series)?;
        let source = self.source;
        let fill = |series: &Found, Room { points, values }: &mut Room| {
            points.times.clear();
            points.values.clear();
            source.read(series.series, times.clone(), wanted, points)?;
            work(points, values)
        };
        let mut take_over = |series: &Found, Room { points, values }: &mut Room| {
            self.charge(points.times.len())?;
            visit(&series.labels, points, values)
        };
        let is_much = found.len() >= MANY_SERIES && times.end - times.start >= LONG_MS;
        if !is_much {
            let mut room = Room::default();
            return found.iter().try_for_each(|series| {
                fill(series, &mut room)?;
                take_over(series, &mut room)
            });
        }
        let batch = |number: usize| found.chunks(BATCH).nth(number).unwrap_or_default();
        let fill_batch = |number, rooms: &mut Vec<Room>| {
            rooms.resize_with(batch(number).len(), Room::default);
            batch(number).iter().zip(rooms).try_for_each(|(series, room)| fill(series, room))
        };
        in_order(found.len().div_ceil(BATCH), fill_batch, |number, rooms| {
            batch(number).iter().zip(rooms).try_for_each(|(series, room)| take_over(series, room))
        })
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
