//! Reads series, and finds the sample that counts as "the value now".

use std::ops::Range;

use model::series::{ABSENT, Labels, Matcher, is_stale};

use super::column::Steps;
use super::evaluate::{Engine, Sink, any_present, repeat};
use crate::error::QueryError;
use crate::expression::node::Selector;
use crate::source::{Found, Points, Source, SourceError, Wanted};

/// So many series over so long a time are read by two threads, batch by batch; what is made of
/// them goes on in order.
const MANY_SERIES: usize = 128;
const LONG_MS: i64 = 30 * 60 * 1000;
const BATCH: usize = 256;

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
        let is_much = found.len() >= MANY_SERIES && times.end - times.start >= LONG_MS;
        let size = if is_much { BATCH } else { 1 };
        let mut room: Vec<Points> = Vec::new();
        room.resize_with(size.min(found.len()), Points::default);
        for batch in found.chunks(size) {
            let room = &mut room[..batch.len()];
            read_batch(self.source, batch, &times, wanted, room)?;
            for (series, points) in batch.iter().zip(room) {
                self.charge(points.times.len())?;
                visit(&series.labels, points)?;
            }
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

/// Reads a batch, a big one by two threads.
fn read_batch(
    source: &dyn Source,
    batch: &[Found],
    times: &Range<i64>,
    wanted: Wanted,
    room: &mut [Points],
) -> Result<(), SourceError> {
    if batch.len() == 1 {
        return read_all(source, batch, times, wanted, room);
    }
    let (front, back) = batch.split_at(batch.len() / 2);
    let (front_room, back_room) = room.split_at_mut(front.len());
    std::thread::scope(|scope| {
        let other = scope.spawn(|| read_all(source, back, times, wanted, back_room));
        let done = read_all(source, front, times, wanted, front_room);
        let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        done.and(other)
    })
}

fn read_all(
    source: &dyn Source,
    series: &[Found],
    times: &Range<i64>,
    wanted: Wanted,
    room: &mut [Points],
) -> Result<(), SourceError> {
    for (series, points) in series.iter().zip(room) {
        points.times.clear();
        points.values.clear();
        source.read(series.series, times.clone(), wanted, points)?;
    }
    Ok(())
}
