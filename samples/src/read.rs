//! Reading: which series match, and their samples from memory and parts.
//!
//! Samples are looked for in the parts, then in memory; of two at one time the one that came later
//! counts. Where only summaries are kept, the last sample of each stretch stands for it.

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use model::series::{Labels, Matcher, is_absent};
use query::source::{Found, Points, Source, SourceError, Wanted};

use crate::error::SamplesError;
use crate::index::{Handle, place};
use crate::part::{Part, Tier};
use crate::state::{Deleted, State};
use crate::store::Samples;
use crate::summary;

impl Source for Samples {
    fn find(
        &self,
        matchers: &[Matcher],
        _times: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Found>, SourceError> {
        let state = self.read_state();
        let handles = state.index.select(matchers)?;
        if handles.len() > limit {
            return Err(SourceError::TooManySeries { limit });
        }
        let found = handles.into_iter();
        let found =
            found.map(|series| Found { series, labels: state.index.labels(series).clone() });
        Ok(found.collect())
    }

    fn read(
        &self,
        series: u64,
        times: Range<i64>,
        wanted: Wanted,
        points: &mut Points,
    ) -> Result<(), SourceError> {
        let from = points.times.len();
        self.collect(series, &times, wanted, points).map_err(unreadable)?;
        order(points, from);
        Ok(())
    }
}

fn unreadable(error: SamplesError) -> SourceError {
    SourceError::Unreadable(Box::<dyn Error + Send + Sync>::from(error))
}

impl Samples {
    /// All label names in use.
    pub fn label_names(&self) -> Vec<String> {
        self.read_state().index.label_names().map(|name| name.to_string()).collect()
    }

    /// The values of a label among the series that match; all of them without matchers.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
    ) -> Result<Vec<String>, SourceError> {
        let state = self.read_state();
        if matchers.is_empty() {
            let values = state.index.label_values(name);
            return Ok(values.iter().map(ToString::to_string).collect());
        }
        let handles = state.index.select(matchers)?;
        let values = handles.iter().map(|handle| state.index.labels(*handle).get(name));
        let values: BTreeSet<&str> = values.filter(|value| !value.is_empty()).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// The labels of the series that match.
    pub fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, SourceError> {
        let state = self.read_state();
        let handles = state.index.select(matchers)?;
        Ok(handles.into_iter().map(|handle| state.index.labels(handle).clone()).collect())
    }

    fn collect(
        &self,
        series: Handle,
        times: &Range<i64>,
        wanted: Wanted,
        points: &mut Points,
    ) -> Result<(), SamplesError> {
        let (frame, column) = place(series);
        let (parts, deleted, newest, floors) = {
            let state = self.read_state();
            let Some(recent) = state.frames.get(frame as usize) else { return Ok(()) };
            if recent.reaches(times.start) {
                recent.read(column, times, true, points);
                return Ok(());
            }
            let deleted: Vec<Deleted> =
                state.deleted.iter().filter(|deleted| deleted.series == series).cloned().collect();
            let mut newest = Points::default();
            recent.read(column, times, false, &mut newest);
            (state.parts.clone(), deleted, newest, self.floors(&state))
        };
        for tier in Tier::ALL.into_iter().rev() {
            let span = span(tier, times, floors);
            let of_tier = parts.iter().filter(|part| part.tier == tier);
            for part in of_tier {
                read_part(part, (frame, column), &span, (tier, wanted), &deleted, points)?;
            }
        }
        points.times.extend(newest.times);
        points.values.extend(newest.values);
        Ok(())
    }

    /// From when on samples of a tier are kept: raw, five minutes.
    fn floors(&self, state: &State) -> [i64; 2] {
        let floor = |keep| (state.now - keep).millis();
        [floor(self.settings.keep_raw), floor(self.settings.keep_five_minutes)]
    }
}

/// The part of `times` that a tier answers for.
fn span(tier: Tier, times: &Range<i64>, [raw, five]: [i64; 2]) -> Range<i64> {
    match tier {
        Tier::Raw => times.start.max(raw)..times.end,
        Tier::FiveMinutes => times.start.max(five)..times.end.min(raw),
        Tier::Hours => times.start..times.end.min(five.min(raw)),
    }
}

fn read_part(
    part: &Arc<Part>,
    (frame, column): (u32, u32),
    times: &Range<i64>,
    (tier, wanted): (Tier, Wanted),
    deleted: &[Deleted],
    points: &mut Points,
) -> Result<(), SamplesError> {
    let column = match tier {
        Tier::Raw => column,
        Tier::FiveMinutes | Tier::Hours => summary::column(column, wanted),
    };
    for chunk in part.of_frame(frame) {
        if chunk.last < times.start || chunk.first >= times.end {
            continue;
        }
        let Some(values) = part.values(chunk, column)? else { continue };
        let stamps = part.times(chunk)?;
        let from = stamps.partition_point(|at| *at < times.start);
        let to = stamps.partition_point(|at| *at < times.end);
        let gone = |at: i64| {
            let below = |deleted: &&Deleted| part.number < deleted.below;
            deleted.iter().filter(below).any(|deleted| (deleted.from..deleted.until).contains(&at))
        };
        let (stamps, values) = (&stamps[from..to], &values[from..to]);
        if deleted.is_empty() && !values.iter().any(|value| is_absent(*value)) {
            points.times.extend_from_slice(stamps);
            points.values.extend_from_slice(values);
            continue;
        }
        for (at, value) in stamps.iter().zip(values) {
            if !is_absent(*value) && (deleted.is_empty() || !gone(*at)) {
                points.times.push(*at);
                points.values.push(*value);
            }
        }
    }
    Ok(())
}

/// Puts what was added from `from` on in order; of two at one time the later one counts.
fn order(points: &mut Points, from: usize) {
    if points.times[from..].windows(2).all(|pair| pair[0] < pair[1]) {
        return;
    }
    let times = points.times.split_off(from);
    let values = points.values.split_off(from);
    let mut pairs: Vec<(i64, f64)> = times.into_iter().zip(values).collect();
    pairs.sort_by_key(|(at, _)| *at); // Stable.
    for (at, value) in pairs {
        if points.times.len() > from && points.times.last() == Some(&at) {
            points.values.pop();
            points.values.push(value);
        } else {
            points.times.push(at);
            points.values.push(value);
        }
    }
}
