//! From local times of a zone to moments.

use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use model::time::Time;
use model::unit::Span;

use super::{LONGEST, RawWindow};

/// No more occurrences than these are looked at in one answer: a week of every minute.
const MAX_OCCURRENCES: usize = 10_080;

/// When a window is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Times {
    Once { from: Time, until: Time },
    Again { cron: Box<Cron>, lasting: Duration, zone: TimeZone },
}

/// What is wrong with a window's times, and in which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Fault {
    pub(in crate::config) field: &'static str,
    pub(in crate::config) message: String,
}

impl Times {
    pub(super) fn read(written: &RawWindow, zone: &str) -> Result<Self, Fault> {
        let zone = zone_of(zone)?;
        match (&written.from, &written.until, &written.cron, &written.lasting) {
            (Some(from), Some(until), None, None) => once(from, until, &zone),
            (None, None, Some(cron), Some(lasting)) => again(cron, *lasting, zone),
            (None, None, Some(_), None) => {
                Err(fault("cron", "cron without lasting; write for example lasting: 2h"))
            }
            (Some(_), None, None, None) => {
                Err(fault("from", "from without until; write when it ends"))
            }
            _ => {
                let message = "write either from and until, or cron and lasting";
                Err(fault("name", message))
            }
        }
    }

    /// Again and again, for as long each time.
    pub(in crate::config) fn again(cron: &str, lasting: Span, zone: &str) -> Result<Self, Fault> {
        again(cron, lasting, zone_of(zone)?)
    }

    /// From when until when the window is open: all that is of `from..until`, in order. Where one
    /// opening begins before the last has ended, they are one.
    pub fn occurrences(&self, from: Time, until: Time) -> Vec<(Time, Time)> {
        match self {
            Self::Once { from: begin, until: end } => {
                let is_of = *end > from && *begin < until;
                if is_of { vec![(*begin, *end)] } else { Vec::new() }
            }
            Self::Again { cron, lasting, zone } => {
                let Some(start) = zoned(from - *lasting, zone) else { return Vec::new() };
                let begins = cron.iter_after(start).map(|begin| moment(begin.timestamp()));
                let begins = begins.take(MAX_OCCURRENCES).take_while(|begin| *begin < until);
                joined(begins.map(|begin| (begin, begin + *lasting)))
            }
        }
    }

    /// The next time it opens after a moment, if it ever does.
    pub fn next_after(&self, after: Time) -> Option<(Time, Time)> {
        match self {
            Self::Once { from, until } => (*from > after).then_some((*from, *until)),
            Self::Again { cron, lasting, zone } => {
                let next = cron.find_next_occurrence(&zoned(after, zone)?, false).ok()?;
                let begin = moment(next.timestamp());
                Some((begin, begin + *lasting))
            }
        }
    }
}

fn zone_of(name: &str) -> Result<TimeZone, Fault> {
    TimeZone::get(name).map_err(|_| {
        fault("zone", format!("no time zone {name:?}; write for example Asia/Shanghai"))
    })
}

fn joined(openings: impl Iterator<Item = (Time, Time)>) -> Vec<(Time, Time)> {
    let mut joined: Vec<(Time, Time)> = Vec::new();
    for (begin, end) in openings {
        match joined.last_mut() {
            Some((_, last)) if begin <= *last => *last = end.max(*last),
            _ => joined.push((begin, end)),
        }
    }
    joined
}

fn once(from: &str, until: &str, zone: &TimeZone) -> Result<Times, Fault> {
    let begin = local("from", from, zone, Edge::Begin)?;
    let end = local("until", until, zone, Edge::End)?;
    if end <= begin {
        let message = format!("{until:?} is not after {from:?}; write a later time");
        return Err(fault("until", message));
    }
    check_length("until", end.since(begin))?;
    Ok(Times::Once { from: begin, until: end })
}

fn again(written: &str, lasting: Span, zone: TimeZone) -> Result<Times, Fault> {
    if lasting.0 < Duration::from_secs(60) {
        return Err(fault("lasting", format!("{lasting} is too short; write at least 1m")));
    }
    check_length("lasting", lasting.0)?;
    let cron = cron(written).map_err(|message| fault("cron", message))?;
    let times = Times::Again { cron: Box::new(cron), lasting: lasting.0, zone };
    // Any moment will do: the same days come again within 28 years.
    if times.next_after(Time::default()).is_none() {
        return Err(fault("cron", format!("{written:?} never comes; is there such a day?")));
    }
    Ok(times)
}

/// The five fields of POSIX, with steps and names of days and months; no further inventions.
fn cron(written: &str) -> Result<Cron, String> {
    let example = "write minute, hour, day of month, month, day of week, as in 0 2 * * 6";
    if written.split_whitespace().count() != 5 {
        return Err(format!("{written:?} has not five fields; {example}"));
    }
    let is_word = |word: &str| {
        let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        word == "*" || is_number || is_name
    };
    let mut words = written.split(|c: char| c.is_whitespace() || ",-/".contains(c));
    if let Some(strange) = words.find(|word| !is_word(word)) {
        return Err(format!("{strange:?} in {written:?} is not understood; {example}"));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(written).map_err(|error| {
        let error = error.to_string();
        format!("{written:?}: {}; {example}", error.trim_end_matches('.'))
    })
}

fn check_length(field: &'static str, lasting: Duration) -> Result<(), Fault> {
    if lasting > LONGEST.0 {
        let lasting = Span(lasting);
        let message = format!("{lasting} is too long for one window; write at most {LONGEST}");
        return Err(fault(field, message));
    }
    Ok(())
}

/// Which end of a window a local time is.
#[derive(Clone, Copy, PartialEq)]
enum Edge {
    Begin,
    End,
}

fn local(field: &'static str, text: &str, zone: &TimeZone, edge: Edge) -> Result<Time, Fault> {
    let wrong =
        || fault(field, format!("{text:?} is no local time; write for example 2026-12-01 22:00"));
    if text.contains(['Z', '+', '[']) {
        return Err(wrong()); // A time with an offset would quietly lose it.
    }
    let civil = DateTime::from_str(text).map_err(|_| wrong())?;
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    let stamp = match (ambiguous.offset(), edge) {
        (AmbiguousOffset::Gap { .. }, _) => jump(&ambiguous.earlier().map_err(|_| wrong())?, zone),
        (_, Edge::Begin) => ambiguous.earlier().map_err(|_| wrong())?,
        (_, Edge::End) => ambiguous.later().map_err(|_| wrong())?,
    };
    Ok(moment(stamp))
}

/// The moment the clocks jump, from a moment shortly before it.
fn jump(before: &Timestamp, zone: &TimeZone) -> Timestamp {
    // The reading before a gap may lie a whole gap before the jump, and never before another one.
    zone.following(*before).next().map_or(*before, |transition| transition.timestamp())
}

fn zoned(time: Time, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(time.millis()).ok()?.to_zoned(zone.clone()))
}

fn moment(stamp: Timestamp) -> Time {
    Time::from_millis(stamp.as_millisecond())
}

fn fault(field: &'static str, message: impl Into<String>) -> Fault {
    Fault { field, message: message.into() }
}
