//! Who is on duty, by a schedule, at a moment.
//!
//! A schedule is a stack of layers, each a rotation of people that counts all day or in a window of
//! certain days; a later layer covers those before it, and an override covers them all. Whom
//! nothing names falls to `otherwise`. Everything is local: a handover at 09:00 is at 09:00 before
//! and after the clocks change, and the turn between has 23 or 25 hours.
//!
//! It is pure: schedule, overrides and moment go in, people come out. Who reads the files is
//! [`crate::config::schedules`], who remembers overrides is the brain.
//!
//! Invariants: two layers never have duty at once, for the later one wins; the shifts of a span
//! follow each other without a hole, also where nobody is on duty; a local time that the clocks
//! skip is as much later as they skip, one that comes twice is its first coming.

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use model::id::PersonId;
use model::time::Time;
use serde::{Deserialize, Serialize};

/// Looked back so far for the beginning of a shift; one that is older began then at the latest.
pub const LOOK_BACK: Duration = Duration::from_secs(35 * 86_400);

/// Whose turn it is, and when that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pub zone: TimeZone,
    /// The lowest first; a later one wins where it has duty.
    pub layers: Vec<Layer>,
    /// Who is on duty when nobody else is.
    pub otherwise: Option<PersonId>,
    /// Those of the file, in its order.
    pub overrides: Vec<Override>,
}

/// People who take turns.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// In order; never empty.
    pub people: Vec<PersonId>,
    /// How long a turn is, in days of the calendar; at least 1.
    pub every_days: u32,
    /// The day of the first handover; nobody is on duty before it.
    pub starts: Date,
    /// The local time of the handover.
    pub handover: jiff::civil::Time,
    /// When the layer has duty at all; None: always.
    pub window: Option<Window>,
}

/// A span of each of some days.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// On which it begins.
    pub days: Vec<Weekday>,
    pub from: jiff::civil::Time,
    /// On the next day if that is not after `from`.
    pub until: jiff::civil::Time,
}

/// Somebody stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub person: PersonId,
    pub from: Time,
    /// The first moment at which it no longer counts.
    pub until: Time,
}

/// Who is on duty from one moment to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub from: Time,
    pub until: Time,
    /// None: nobody is.
    pub person: Option<PersonId>,
    pub why: Why,
}

/// What puts somebody on duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    Rotation,
    Override,
    /// Nobody else was.
    Otherwise,
    /// Nobody is, and nobody is named for that.
    Gap,
}

/// One schedule as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    pub schedule: PersonId,
    /// The IANA name of its zone.
    pub zone: String,
    /// The present shift first, from its beginning; the last is cut where the list ends.
    pub shifts: Vec<Shift>,
}

/// Who is on duty at a moment, and after it for `ahead`.
pub fn roster(
    name: &PersonId,
    schedule: &Schedule,
    overrides: &[Override],
    at: Time,
    ahead: Duration,
) -> Roster {
    let mut shifts = shifts(schedule, overrides, at - LOOK_BACK, at + ahead.max(MOMENT));
    shifts.retain(|shift| shift.until > at);
    let zone = schedule.zone.iana_name().unwrap_or("UTC").to_owned();
    Roster { schedule: name.clone(), zone, shifts }
}

/// The shifts of a span, cut at its ends. Of the overrides the last that counts wins.
pub fn shifts(schedule: &Schedule, overrides: &[Override], from: Time, until: Time) -> Vec<Shift> {
    let mut shifts: Vec<Shift> = Vec::new();
    let mut at = from;
    while at < until {
        let next = next_change(schedule, overrides, at).map_or(until, |next| next.min(until));
        let (person, why) = on_duty(schedule, overrides, at);
        match shifts.last_mut().filter(|last| last.person == person && last.why == why) {
            Some(last) => last.until = next,
            None => shifts.push(Shift { from: at, until: next, person, why }),
        }
        at = next;
    }
    shifts
}

/// The shift of a moment. It ends at `horizon` at the latest, and begins [`LOOK_BACK`] before the
/// moment at the earliest.
pub fn shift_at(schedule: &Schedule, overrides: &[Override], at: Time, horizon: Time) -> Shift {
    let shifts = shifts(schedule, overrides, at - LOOK_BACK, horizon.max(at + MOMENT));
    let shift = shifts.into_iter().find(|shift| shift.from <= at && at < shift.until);
    shift.expect("the shifts cover the span, and the moment is in it")
}

/// Who is on duty at a moment, and why.
pub fn on_duty(schedule: &Schedule, overrides: &[Override], at: Time) -> (Option<PersonId>, Why) {
    let counts = |word: &&Override| word.from <= at && at < word.until;
    if let Some(word) = overrides.iter().rev().find(counts) {
        return (Some(word.person.clone()), Why::Override);
    }
    let mut layers = schedule.layers.iter().rev();
    if let Some(person) = layers.find_map(|layer| layer.on_duty(&schedule.zone, at)) {
        return (Some(person.clone()), Why::Rotation);
    }
    match &schedule.otherwise {
        Some(person) => (Some(person.clone()), Why::Otherwise),
        None => (None, Why::Gap),
    }
}

/// The moment of a local time, or None outside the years that a calendar has.
pub fn moment(zone: &TimeZone, day: Date, time: jiff::civil::Time) -> Option<Time> {
    let stamp = zone.to_ambiguous_timestamp(day.to_datetime(time)).compatible().ok()?;
    Some(Time::from_millis(stamp.as_millisecond()))
}

/// A moment as people write it: local, `2026-12-24 09:00`, or with its offset from UTC,
/// `2026-12-24T09:00:00+08:00`.
pub fn local_moment(zone: &TimeZone, text: &str) -> Result<Time, String> {
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Ok(Time::from_millis(stamp.as_millisecond()));
    }
    let local = text.parse::<DateTime>().ok().filter(|_| text.len() >= "2026-12-24 09:00".len());
    let found = local.and_then(|local| moment(zone, local.date(), local.time()));
    found.ok_or_else(|| format!("{text:?} is no moment; write for example \"2026-12-24 09:00\""))
}

/// `2026-03-02 09:00 Mon`, as it is on clocks in that zone.
pub fn local(zone: &TimeZone, at: Time) -> String {
    form(zone, at, "%Y-%m-%d %H:%M %a")
}

/// The same without the day of the week, whose name is English.
pub fn local_minute(zone: &TimeZone, at: Time) -> String {
    form(zone, at, "%Y-%m-%d %H:%M")
}

fn form(zone: &TimeZone, at: Time, form: &str) -> String {
    let stamp = Timestamp::from_millisecond(at.millis()).unwrap_or(Timestamp::UNIX_EPOCH);
    stamp.to_zoned(zone.clone()).strftime(form).to_string()
}

/// The shortest step of time.
const MOMENT: Duration = Duration::from_millis(1);
/// A window that begins within so many days is found; the days of a week repeat after seven.
const DAYS_AHEAD: i64 = 8;

/// A moment after `at`, before which nothing changes. Something may stay as it is even then.
fn next_change(schedule: &Schedule, overrides: &[Override], at: Time) -> Option<Time> {
    let zone = &schedule.zone;
    let of_layers = schedule.layers.iter().flat_map(|layer| layer.changes(zone, at));
    let of_overrides = overrides.iter().flat_map(|word| [word.from, word.until]);
    of_layers.chain(of_overrides).filter(|change| *change > at).min()
}

impl Layer {
    fn on_duty(&self, zone: &TimeZone, at: Time) -> Option<&PersonId> {
        let turn = self.turn(zone, at)?;
        let is_open = self.window.as_ref().is_none_or(|window| {
            window.spans(zone, at).iter().any(|(from, until)| *from <= at && at < *until)
        });
        let index = usize::try_from(turn).ok()? % self.people.len();
        is_open.then(|| &self.people[index])
    }

    /// How many turns are over; None before the first.
    fn turn(&self, zone: &TimeZone, at: Time) -> Option<i64> {
        let days = self.starts.duration_until(day_of(zone, at)?).as_hours() / 24;
        // The day says it but for the hours before its handover, and for clocks that skip a day.
        let mut turn = days.div_euclid(i64::from(self.every_days)) + 1;
        while turn >= 0 && self.handover(zone, turn)? > at {
            turn -= 1;
        }
        (turn >= 0).then_some(turn)
    }

    /// When a turn begins.
    fn handover(&self, zone: &TimeZone, turn: i64) -> Option<Time> {
        let days = turn.checked_mul(i64::from(self.every_days))?;
        moment(
            zone,
            self.starts.checked_add(jiff::Span::new().try_days(days).ok()?).ok()?,
            self.handover,
        )
    }

    fn changes(&self, zone: &TimeZone, at: Time) -> Vec<Time> {
        let next_turn = self.turn(zone, at).map_or(0, |turn| turn + 1);
        let spans = self.window.iter().flat_map(|window| window.spans(zone, at));
        let edges = spans.flat_map(|(from, until)| [from, until]);
        self.handover(zone, next_turn).into_iter().chain(edges).collect()
    }
}

impl Window {
    /// The spans that begin from the day before `at` to a week after it.
    fn spans(&self, zone: &TimeZone, at: Time) -> Vec<(Time, Time)> {
        let days = (-1..=DAYS_AHEAD).filter_map(|days| {
            let day = day_of(zone, at)?.checked_add(days.days()).ok()?;
            self.days.contains(&day.weekday()).then_some(day)
        });
        days.filter_map(|day| self.span_of(zone, day)).collect()
    }

    fn span_of(&self, zone: &TimeZone, day: Date) -> Option<(Time, Time)> {
        let last = if self.until > self.from { day } else { day.tomorrow().ok()? };
        Some((moment(zone, day, self.from)?, moment(zone, last, self.until)?))
    }
}

fn day_of(zone: &TimeZone, at: Time) -> Option<Date> {
    let stamp = Timestamp::from_millisecond(at.millis()).ok()?;
    Some(zone.to_datetime(stamp).date())
}
