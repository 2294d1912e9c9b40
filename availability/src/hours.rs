//! The hours in which a service is promised: "on workdays from eight to eight" is a promise, too.
//!
//! Outside of them nothing is up or down: that time is not applicable, whatever the probes saw. They are
//! read on the clocks of a zone, day by day, so a day on which clocks change is promised from its eight to
//! its eight, however long that is.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, Time as Clock, Weekday};
use jiff::tz::TimeZone;
use model::time::Time;

use crate::interval::State;
use crate::overlay::{Kind, Overlay};
use crate::period::{date_at, day_begins, first_moment};

const WHY: &str = "outside of service hours";
/// As people count them.
const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mon"),
    (Weekday::Tuesday, "Tue"),
    (Weekday::Wednesday, "Wed"),
    (Weekday::Thursday, "Thu"),
    (Weekday::Friday, "Fri"),
    (Weekday::Saturday, "Sat"),
    (Weekday::Sunday, "Sun"),
];

/// On these days, from one time up to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceHours {
    /// From Monday, 0, to Sunday, 6.
    days: BTreeSet<u8>,
    from: Clock,
    /// The end of the day if there is none.
    until: Option<Clock>,
    zone: TimeZone,
}

impl ServiceHours {
    /// Days are counted from Monday, 0, to Sunday, 6; times are since midnight on the clock.
    ///
    /// # Errors
    /// If nothing would be promised; the sentence says what to write instead.
    pub fn new(
        days: BTreeSet<u8>,
        from: Duration,
        until: Option<Duration>,
        zone: TimeZone,
    ) -> Result<Self, String> {
        if !days.iter().any(|day| *day < 7) {
            return Err(
                "no day is promised; write for example [mon, tue, wed, thu, fri]".to_owned()
            );
        }
        let (from, until) = (clock(from)?, until.map(clock).transpose()?);
        if until.is_some_and(|until| until <= from) {
            let why = "ends before it begins; leave `until` out for the end of the day, and promise a \
                       night by whole days";
            return Err(why.to_owned());
        }
        Ok(Self { days, from, until, zone })
    }

    /// The time from `from` to before `until` in which nothing is promised, in order.
    pub fn closed(&self, from: Time, until: Time) -> Vec<Overlay> {
        let dates = (date_at(from, &self.zone), date_at(until, &self.zone));
        let (Some(mut date), Some(last)) = dates else { return Vec::new() };
        let mut closed = Vec::new();
        while date <= last {
            let spans = self.closed_on(date);
            let cut = spans.into_iter().map(|(a, b)| (a.max(from), b.min(until)));
            closed.extend(cut.filter(|(a, b)| a < b).map(|(a, b)| overlay(a, b)));
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        closed
    }

    fn closed_on(&self, date: Date) -> Vec<(Time, Time)> {
        let ends = date.tomorrow().ok().and_then(|next| day_begins(next, &self.zone));
        let (Some(begins), Some(ends)) = (day_begins(date, &self.zone), ends) else {
            return Vec::new();
        };
        let day = u8::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        if !self.days.contains(&day) {
            return vec![(begins, ends)];
        }
        let at = |clock: Clock| first_moment(date.to_datetime(clock), &self.zone);
        let opens = at(self.from).unwrap_or(begins);
        let closes = self.until.and_then(at).unwrap_or(ends);
        vec![(begins, opens), (closes, ends)]
    }
}

fn clock(since_midnight: Duration) -> Result<Clock, String> {
    let minutes = since_midnight.as_secs() / 60;
    let part = |number: u64| i8::try_from(number).unwrap_or(i8::MAX);
    Clock::new(part(minutes / 60), part(minutes % 60), 0, 0).map_err(|error| error.to_string())
}

fn overlay(from: Time, until: Time) -> Overlay {
    let (kind, state) = (Kind::NotApplicable, State::NotApplicable);
    Overlay { from, until, kind, state, why: WHY.to_owned(), said: from }
}

/// `promised on Mon Tue Wed Thu Fri from 08:00 to 20:00, by the clocks of Asia/Shanghai`.
impl fmt::Display for ServiceHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = DAYS.iter().filter(|(day, _)| {
            let number = u8::try_from(day.to_monday_zero_offset()).unwrap_or_default();
            self.days.contains(&number)
        });
        let days: Vec<&str> = named.map(|(_, name)| *name).collect();
        let clock = |clock: Clock| clock.strftime("%H:%M").to_string();
        let until = self.until.map_or("24:00".to_owned(), clock);
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let (days, from) = (days.join(" "), clock(self.from));
        write!(f, "promised on {days} from {from} to {until}, by the clocks of {zone}")
    }
}
