//! Periods as a calendar has them, before any zone says which moments they are.

use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};
use model::time::Time;

use super::{Shape, WeekStart};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// From `first` to before `after`, by the clocks on the wall. At midnight, unless of shape `Times`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) shape: Shape,
    pub(super) first: DateTime,
    pub(super) after: DateTime,
}

impl Local {
    /// Whole days, `after` not among them.
    pub(super) fn days(shape: Shape, first: Date, after: Date) -> Self {
        Self { shape, first: midnight(first), after: midnight(after) }
    }

    /// The day, week, month, quarter or year that a date is of.
    pub(super) fn around(shape: Shape, date: Date, week_start: WeekStart) -> Self {
        let first = match shape {
            Shape::Day | Shape::Days | Shape::Times => date,
            Shape::Week => {
                let into = match week_start {
                    WeekStart::Monday => date.weekday().to_monday_zero_offset(),
                    WeekStart::Sunday => date.weekday().to_sunday_zero_offset(),
                };
                date.saturating_sub(Span::new().days(into))
            }
            Shape::Month => date.first_of_month(),
            Shape::Quarter => {
                let into = (date.month() - 1) % 3;
                date.first_of_month().saturating_sub(Span::new().months(into))
            }
            Shape::Year => date.first_of_year(),
        };
        let length = match shape {
            Shape::Day | Shape::Days | Shape::Times => Span::new().days(1),
            Shape::Week => Span::new().days(7),
            Shape::Month => Span::new().months(1),
            Shape::Quarter => Span::new().months(3),
            Shape::Year => Span::new().years(1),
        };
        Self::days(shape, first, first.saturating_add(length))
    }

    pub(super) fn before(self) -> Self {
        let back = self.stride();
        let [first, after] = [self.first, self.after].map(|local| local.saturating_sub(back));
        Self { first, after, ..self }
    }

    pub(super) fn following(self) -> Self {
        let on = self.stride();
        let [first, after] = [self.first, self.after].map(|local| local.saturating_add(on));
        Self { first, after, ..self }
    }

    /// Months go by months; all else by as many whole days as keep it clear of itself.
    fn stride(self) -> Span {
        match self.shape {
            Shape::Month => Span::new().months(1),
            Shape::Quarter => Span::new().months(3),
            Shape::Year => Span::new().years(1),
            Shape::Day | Shape::Week | Shape::Days | Shape::Times => {
                Span::new().days(self.whole_days())
            }
        }
    }

    /// How long it is by the calendar, rounded up.
    pub(super) fn whole_days(self) -> i64 {
        let seconds = self.after.duration_since(self.first).as_secs();
        seconds.div_euclid(DAY.as_secs()) + i64::from(seconds.rem_euclid(DAY.as_secs()) > 0)
    }

    pub(super) fn label(self) -> String {
        let first = self.first.date();
        let last = self.after.date().saturating_sub(Span::new().days(1));
        let week = first.iso_week_date();
        match self.shape {
            Shape::Day => first.to_string(),
            Shape::Week if first.weekday() == jiff::civil::Weekday::Monday => {
                format!("{}-W{:02}", week.year(), week.week())
            }
            Shape::Month => format!("{}-{:02}", first.year(), first.month()),
            Shape::Quarter => format!("{}-Q{}", first.year(), (first.month() + 2) / 3),
            Shape::Year => first.year().to_string(),
            Shape::Week | Shape::Days => format!("{first}..{last}"),
            Shape::Times => {
                let is_whole = self.first.second() == 0 && self.after.second() == 0;
                let form = if is_whole { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
                format!("{}..{}", self.first.strftime(form), self.after.strftime(form))
            }
        }
    }

    /// When it begins, and the first moment after it; None outside of the years of `jiff`.
    pub(super) fn moments(self, zone: &TimeZone) -> Option<(Time, Time)> {
        match self.shape {
            Shape::Times => Some((
                moment(self.first, zone, Twice::First)?,
                moment(self.after, zone, Twice::Last)?,
            )),
            Shape::Day
            | Shape::Week
            | Shape::Month
            | Shape::Quarter
            | Shape::Year
            | Shape::Days => {
                Some((day_begins(self.first.date(), zone)?, day_begins(self.after.date(), zone)?))
            }
        }
    }
}

/// The first moment that bears this date or, if none does, a later one.
pub(crate) fn day_begins(date: Date, zone: &TimeZone) -> Option<Time> {
    moment(midnight(date), zone, Twice::First)
}

/// The first moment at which clocks show this, or the jump that skips it.
pub(crate) fn first_moment(local: DateTime, zone: &TimeZone) -> Option<Time> {
    moment(local, zone, Twice::First)
}

/// The date on the walls of the zone; None outside of the years of `jiff`.
pub(crate) fn date_at(now: Time, zone: &TimeZone) -> Option<Date> {
    Some(zone.to_datetime(Timestamp::from_millisecond(now.millis()).ok()?).date())
}

/// Which one is meant of a local time that comes twice.
enum Twice {
    First,
    Last,
}

fn moment(local: DateTime, zone: &TimeZone, twice: Twice) -> Option<Time> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let stamp = match (ambiguous.offset(), twice) {
        (AmbiguousOffset::Gap { .. }, _) => {
            // A moment shortly before the jump: no zone jumps again within the gap.
            let before = ambiguous.earlier().ok()?;
            zone.following(before).next()?.timestamp()
        }
        (_, Twice::First) => ambiguous.earlier().ok()?,
        (_, Twice::Last) => ambiguous.later().ok()?,
    };
    Some(Time::from_millis(stamp.as_millisecond()))
}

fn midnight(date: Date) -> DateTime {
    date.to_datetime(Clock::midnight())
}
