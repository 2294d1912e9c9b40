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
    /// `mon` to `sun`; each day if left out.
    #[serde(default)]
    days: Vec<String>,
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
        let days = self.days.iter().map(|day| weekday(day, place)).collect::<Fallible<Vec<_>>>()?;
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

fn weekday(text: &str, place: &str) -> Fallible<civil::Weekday> {
    use civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let names = ["mo", "tu", "we", "th", "fr", "sa", "su"];
    let lower = text.to_lowercase();
    let found = names.iter().position(|name| lower.starts_with(name));
    let found = found.ok_or_else(|| bad(place, format!("no day {text:?}; write mon to sun")))?;
    Ok(days[found])
}
