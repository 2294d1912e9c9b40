//! Maintenance windows of a case: by its seconds, or by the clock on the wall of a zone.

use jiff::civil;
use jiff::tz::TimeZone;
use model::id::Object;
use model::time::Time;
use serde::Deserialize;

use super::{Fallible, Names, OLD, Size, Window, around, bad, needed, parsed};

#[derive(Deserialize)]
#[serde(expecting = "an object with on, from_s and until_s, or on, from, until and tz")]
pub(super) struct RawWindow {
    on: Names,
    from_s: Option<f64>,
    until_s: Option<f64>,
    /// Wall clock, `02:00`.
    from: Option<String>,
    until: Option<String>,
    tz: Option<String>,
    /// Each day if left out.
    #[serde(default)]
    days: Vec<Days>,
}

/// `mon` to `sun`, several as `mon-fri`, or a number as cron has it: 1 is Monday, 0 and 7 are Sunday.
#[derive(Deserialize)]
#[serde(untagged, expecting = "mon to sun, mon-fri, or 0 to 7")]
enum Days {
    Number(i8),
    Named(String),
}

impl RawWindow {
    pub(super) fn written_out(
        &self,
        place: &str,
        start: Time,
        end: Time,
        size: &mut Size,
    ) -> Fallible<Vec<Window>> {
        let spans = match (self.from_s, self.until_s) {
            (Some(from), Some(until)) if until <= from => {
                return Err(bad(place, format!("until_s {until} is not after from_s {from}")));
            }
            (Some(from), Some(until)) => {
                vec![(around(start, from, place)?, around(start, until, place)?)]
            }
            (None, None) => self.recurring(place, start, end)?,
            _ => return Err(bad(place, "`from_s` and `until_s` go together")),
        };
        size.add(self.on.count().saturating_mul(spans.len()), place)?;
        let mut windows = Vec::new();
        for on in self.on.parsed::<Object>(place)? {
            let of_object = spans.iter().map(|(from, until)| Window {
                on: on.clone(),
                from: *from,
                until: *until,
            });
            windows.extend(of_object);
        }
        Ok(windows)
    }

    /// The windows by the clock on the wall that touch the case. One whose end is not after its
    /// beginning ends the next day.
    fn recurring(&self, place: &str, start: Time, end: Time) -> Fallible<Vec<(Time, Time)>> {
        let zone = TimeZone::get(self.tz.as_deref().unwrap_or("UTC")).map_err(|e| bad(place, e))?;
        let clock = |key: &str, value: &Option<String>| -> Fallible<civil::Time> {
            parsed(needed(value.as_deref(), place, key)?, place)
        };
        let (from, until) = (clock("from", &self.from)?, clock("until", &self.until)?);
        let days = self.days.iter().map(|days| days.read(place)).collect::<Fallible<Vec<_>>>()?;
        let days = days.concat();
        let date_of = |time: Time| -> Fallible<civil::Date> {
            let moment = jiff::Timestamp::from_millisecond(time.millis());
            Ok(moment.map_err(|error| bad(place, error))?.to_zoned(zone.clone()).date())
        };
        let moment = |date: civil::Date, clock: civil::Time| -> Fallible<Time> {
            let zoned = date.to_datetime(clock).to_zoned(zone.clone());
            let zoned = zoned.map_err(|error| bad(place, error))?;
            Ok(Time::from_millis(zoned.timestamp().as_millisecond()))
        };
        let (mut spans, last) = (Vec::new(), date_of(end)?);
        let mut date = date_of(start - OLD)?;
        while date <= last {
            let next = date.tomorrow().map_err(|error| bad(place, error))?;
            if days.is_empty() || days.contains(&date.weekday()) {
                let until_date = if until > from { date } else { next };
                spans.push((moment(date, from)?, moment(until_date, until)?));
            }
            date = next;
        }
        spans.retain(|(_, until)| *until > start);
        Ok(spans)
    }
}

impl Days {
    fn read(&self, place: &str) -> Fallible<Vec<civil::Weekday>> {
        let (first, last) = match self {
            Self::Number(number) => {
                let day = civil::Weekday::from_sunday_zero_offset(number % 7);
                let day = day.ok().filter(|_| (0..=7).contains(number));
                let none = || bad(place, format!("no day {number}; write 0 to 7, or mon to sun"));
                return Ok(vec![day.ok_or_else(none)?]);
            }
            Self::Named(text) => text.split_once('-').unwrap_or((text, text)),
        };
        let (first, last) = (weekday(first, place)?, weekday(last, place)?);
        let count = usize::from(last.since(first).unsigned_abs()) + 1;
        Ok(first.cycle_forward().take(count).collect())
    }
}

fn weekday(text: &str, place: &str) -> Fallible<civil::Weekday> {
    use civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let lower = text.trim().to_lowercase();
    let is_meant = |name: &&str| lower.len() > 1 && name.starts_with(&lower);
    let found = names.iter().position(is_meant);
    let found = found.ok_or_else(|| bad(place, format!("no day {text:?}; write mon to sun")))?;
    Ok(days[found])
}
