//! What a report is about: a day, week, month, quarter, year, or a range, by the calendar of a zone.
//!
//! "Last month" is a question about a place. In most of the world its days have 24 hours; where
//! clocks change, one has 23 and one 25, at Lord Howe 23.5 and 24.5, in Cairo a day begins at one
//! o'clock, and Apia once had no 30 December at all. So a period keeps the local times that somebody
//! asked for, and the moments that they are; nothing is worked out by adding 24 hours.
//!
//! A local day, and so whatever is made of days, begins at the first moment that bears its date.
//! A time of day that clocks skip is the moment of the jump. One that comes twice is the first of
//! the two at the beginning of a range and the second at its end, so that whatever bears a time of
//! the range is in it. Windows of maintenance are read in the same way.
//!
//! Which zone, and on which day weeks begin, comes from the caller, and so does the present. A
//! period may end in the future: it is the caller who knows until when there is something to say.
//!
//! Invariants: a period is half-open, no shorter than a millisecond, and within the years
//! 1970 to 2999; its days, and its months, adjoin and add up to it; reading its label in the same
//! zone gives the same moments.

#[cfg(test)]
mod laws;
mod local;
mod read;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::time::Time;
use serde::{Deserialize, Serialize};

use local::Local;
pub(crate) use local::{date_at, day_begins, first_moment};

/// Nobody's machines were watched before.
const FIRST_YEAR: i16 = 1970;
/// Further away than this, a year is a slip of the hand.
const LAST_YEAR: i16 = 2999;

/// A stretch of time that somebody asks about, in the calendar of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    local: Local,
    from: Time,
    /// After `from`.
    until: Time,
    zone: TimeZone,
}

/// What sort of period it is; which one would be compared with it follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Day,
    /// Seven days, from the day on which weeks begin.
    Week,
    /// Of the calendar, as are quarter and year; 30 days are `Days`.
    Month,
    Quarter,
    Year,
    /// Whole days, from one to another.
    Days,
    /// From a time of day to another.
    Times,
}

/// The day on which weeks begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeekStart {
    #[default]
    Monday,
    Sunday,
}

/// A local day, or the part of it that is of a period: 23 to 25 hours, mostly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    pub from: Time,
    /// After `from`.
    pub until: Time,
}

/// A month of the calendar, or the part of it that is of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
    pub from: Time,
    /// After `from`.
    pub until: Time,
}

/// Why a text is no period. Each says what can be written instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error(
        "{0:?} is no period; write a day 2026-10-03, a week 2026-W43, a month 2026-10, a quarter 2026-Q4, \
         a year 2026, days 2026-10-01..2026-10-15, times 2026-10-01T08:00..2026-10-01T20:00, or today, \
         yesterday, this-week, last-month, last-30-days"
    )]
    Unreadable(String),
    #[error(
        "{written:?}: there is no day {day} in {year}-{month:02}, which has {days}; write one of those"
    )]
    NoSuchDay { written: String, year: i16, month: i8, day: i8, days: i8 },
    #[error("{written:?}: {year} has weeks 01 to {weeks}; write one of those")]
    NoSuchWeek { written: String, year: i16, weeks: i8 },
    #[error("{0:?}: months are 01 to 12, and quarters Q1 to Q4; write one of those")]
    NoSuchMonth(String),
    #[error(
        "{0:?}: hours are 00 to 23, minutes and seconds 00 to 59; write midnight as T00:00 of the next day"
    )]
    NoSuchTime(String),
    #[error(
        "{0:?} lies outside of the years {FIRST_YEAR} to {LAST_YEAR}; write a year of four digits, as in 2026-10"
    )]
    FarAway(String),
    #[error(
        "{0:?} is a week that begins on Monday, but weeks begin on Sunday here, and no rule says which number \
         such a week has; write its days, as in 2026-10-18..2026-10-24, or last-week"
    )]
    MondayWeek(String),
    #[error("{0:?} does not end after it begins; write the earlier one first")]
    Backwards(String),
    #[error("{0:?} is too long for one report; write at most ten years")]
    TooLong(String),
    #[error("{written:?} is no time at all in {zone}: clocks jumped over it; write a longer one")]
    Skipped { written: String, zone: String },
}

impl Period {
    /// Reads a period as people write it; `now` is what `today` and its like are relative to.
    ///
    /// - `2026-10-03`, `2026-W43` (ISO 8601: from Monday), `2026-10`, `2026-Q4`, `2026`
    /// - `2026-10-01..2026-10-15`: whole days, the last one included
    /// - `2026-10-01T08:00..2026-10-01T20:00`: local times, up to before the second
    /// - `today`, `yesterday`; `this-week`, `last-week`, and so with month, quarter and year
    /// - `last-30-days`, with 1 to 366: as many whole days before today
    ///
    /// # Errors
    /// If it is nothing of these, too long, or no time at all in this zone.
    pub fn parse(
        text: &str,
        zone: &TimeZone,
        week_start: WeekStart,
        now: Time,
    ) -> Result<Self, PeriodError> {
        let local = read::read(text, week_start, || local::date_at(now, zone))?;
        Self::place(local, zone).map_err(|misplaced| misplaced.told(text, zone))
    }

    fn place(local: Local, zone: &TimeZone) -> Result<Self, Misplaced> {
        let is_near = (FIRST_YEAR..=LAST_YEAR).contains(&local.first.year())
            && (FIRST_YEAR..=LAST_YEAR + 1).contains(&local.after.year());
        let (from, until) =
            is_near.then(|| local.moments(zone)).flatten().ok_or(Misplaced::FarAway)?;
        if until <= from {
            return Err(Misplaced::Skipped);
        }
        Ok(Self { local, from, until, zone: zone.clone() })
    }

    /// The shortest text that is read as this period, whenever that is done: `2026-10`, or
    /// `2026-09-23..2026-10-22` for the last 30 days, which are another report than a month.
    pub fn label(&self) -> String {
        self.local.label()
    }

    pub fn shape(&self) -> Shape {
        self.local.shape
    }

    /// The first moment that is of it.
    pub fn from(&self) -> Time {
        self.from
    }

    /// The first moment after it.
    pub fn until(&self) -> Time {
        self.until
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The one that this one is compared with: the month before a month, as many days before
    /// days, the same hours of earlier days before hours. None if that is too long ago, or was no
    /// time at all.
    pub fn before(&self) -> Option<Self> {
        Self::place(self.local.before(), &self.zone).ok()
    }

    /// The one that follows, which has it as its [`Period::before`]. It may not have begun.
    pub fn after(&self) -> Option<Self> {
        Self::place(self.local.following(), &self.zone).ok()
    }

    /// The local days of which it has a part, in order.
    pub fn days(&self) -> Vec<Day> {
        let first = self.local.first.date();
        let pieces = self.pieces(first, |date| date.tomorrow().ok());
        pieces.into_iter().map(|(date, from, until)| Day { date, from, until }).collect()
    }

    /// The months of which it has a part, in order.
    pub fn months(&self) -> Vec<Month> {
        let first = self.local.first.date().first_of_month();
        let next = |date: Date| date.checked_add(jiff::Span::new().months(1)).ok();
        let pieces = self.pieces(first, next);
        let months = pieces.into_iter().map(|(date, from, until)| {
            let (year, month) = (date.year(), date.month());
            Month { year, month, from, until }
        });
        months.collect()
    }

    /// What of the period lies from the beginning of one date to that of the next, as long as
    /// there is any. What is no time at all is left out.
    fn pieces(&self, first: Date, next: impl Fn(Date) -> Option<Date>) -> Vec<(Date, Time, Time)> {
        let begin = |date| day_begins(date, &self.zone);
        let mut pieces = Vec::new();
        let mut open = begin(first).map(|from| (first, from));
        while let Some((date, from)) = open.filter(|(_, from)| *from < self.until) {
            let following = next(date).and_then(|date| Some((date, begin(date)?)));
            let until = following.map_or(self.until, |(_, until)| until.min(self.until));
            let from = from.max(self.from);
            if from < until {
                pieces.push((date, from, until));
            }
            open = following;
        }
        pieces
    }
}

/// Why a period of the calendar has no place in time.
enum Misplaced {
    FarAway,
    Skipped,
}

impl Misplaced {
    fn told(&self, text: &str, zone: &TimeZone) -> PeriodError {
        let written = read::brief(text);
        match self {
            Self::FarAway => PeriodError::FarAway(written),
            Self::Skipped => {
                let zone = zone.iana_name().unwrap_or("this zone").to_owned();
                PeriodError::Skipped { written, zone }
            }
        }
    }
}
