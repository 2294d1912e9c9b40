//! The schedules of policies, as moments.
//!
//! `cron: "30 8 * * 1-5"` in Asia/Shanghai is a matter of zones and of the days on which clocks are
//! changed, and the deciding crates know neither. So [`Timetable::spans`] says from when until when
//! each schedule of a policy holds, and whoever hands that on keeps the clock. What a local time
//! means on such a day is said in [`super::maintenance`], once for all files.
//!
//! Spans are half-open: at the moment one ends the next begins, and at no moment both hold that do
//! not overlap in the file.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use model::id::ModuleId;
use model::time::Time;
use scaler::facts::ScheduleSpan;
use scaler::policy::{Finding, Policy, RawSchedule};

use super::maintenance::Times;

/// So far ahead the lint looks at schedules: a year, and the days around its end.
pub const LOOK_AHEAD: Duration = Duration::from_secs(400 * 86_400);

/// The schedules of one policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timetable {
    schedules: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    written: RawSchedule,
    times: Times,
    zone: TimeZone,
}

/// One change of what holds for a module: what `schedule preview` shows.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ChangeOfTerms {
    pub at: Time,
    /// What the clock on the wall says there.
    pub local: String,
    pub zone: String,
    pub floor: u32,
    pub ceiling: u32,
    pub mode: String,
    /// The schedules that hold from then on.
    pub schedules: Vec<String>,
    /// What the change of clocks does to it, if it does something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Timetable {
    /// The timetable of a policy, as far as its schedules are in order.
    ///
    /// Findings are the schedules that are not.
    pub fn read(policy: &Policy) -> (Self, Vec<Finding>) {
        let (mut timetable, mut findings) = (Self::default(), Vec::new());
        for (index, written) in policy.schedules.iter().enumerate() {
            match Times::again(&written.cron, written.duration, &written.timezone) {
                Ok(times) => {
                    let zone = TimeZone::get(&written.timezone).unwrap_or(TimeZone::UTC);
                    timetable.schedules.push(Entry { written: written.clone(), times, zone });
                }
                Err(fault) => {
                    let key = match fault.field {
                        "zone" => "timezone",
                        "lasting" => "duration",
                        field => field,
                    };
                    let at = format!("schedules.{index}.{key}");
                    findings.push(Finding::error(at, fault.message));
                }
            }
        }
        (timetable, findings)
    }

    /// The zone in which the first schedule is written.
    pub fn zone(&self) -> Option<&TimeZone> {
        self.schedules.first().map(|entry| &entry.zone)
    }

    /// When each schedule holds, as far as that is of `from..until`; in order.
    pub fn spans(&self, from: Time, until: Time) -> Vec<ScheduleSpan> {
        let mut spans: Vec<ScheduleSpan> =
            self.schedules.iter().flat_map(|entry| entry.spans(from, until)).collect();
        spans.sort_by(|a, b| (a.from, a.until, &a.name).cmp(&(b.from, b.until, &b.name)));
        spans
    }

    /// What of its beginnings falls on a change of clocks within the time that is looked ahead: the
    /// first of each schedule.
    pub(super) fn ambiguous(&self, now: Time) -> Vec<Finding> {
        let findings = self.schedules.iter().enumerate().filter_map(|(index, entry)| {
            let begins = entry.times.occurrences(now, now + LOOK_AHEAD).into_iter();
            let (begin, doubt) = begins
                .map(|(begin, _)| begin)
                .find_map(|begin| Some((begin, entry.doubt(begin)?)))?;
            let message = format!(
                "E2: it begins {} in {}: {doubt}; write an hour that comes once each day if that \
                 is not meant",
                entry.clock(begin),
                entry.written.timezone
            );
            Some(Finding::warning(format!("schedules.{index}.cron"), message))
        });
        findings.collect()
    }

    /// Each change of floor, ceiling and mode of `from..until`, the terms at `from` first.
    pub fn preview(&self, policy: &Policy, from: Time, until: Time) -> Vec<ChangeOfTerms> {
        let spans = self.spans(from, until);
        let mut moments: Vec<Time> =
            spans.iter().flat_map(|span| [span.from, span.until]).chain([from]).collect();
        moments.retain(|moment| (from..until).contains(moment));
        moments.sort();
        moments.dedup();
        let mut changes: Vec<ChangeOfTerms> = Vec::new();
        for at in moments {
            let change = self.change(policy, &spans, at);
            let is_new = |last: &ChangeOfTerms| !last.is_same(&change);
            if changes.last().is_none_or(is_new) {
                changes.push(change);
            }
        }
        changes
    }

    fn change(&self, policy: &Policy, spans: &[ScheduleSpan], at: Time) -> ChangeOfTerms {
        let open: Vec<&ScheduleSpan> = spans.iter().filter(|span| span.holds(at)).collect();
        let ceiling = open.iter().filter_map(|span| span.max).chain([policy.max]).min();
        let floor = open.iter().filter_map(|span| span.min).chain([policy.min]).max();
        let mode = open.iter().filter_map(|span| span.mode);
        let mode = mode.fold(policy.mode, scaler::policy::Mode::stricter);
        // Of the schedules that change something here the first gives the zone.
        let changing = spans.iter().filter(|span| span.from == at || span.until == at);
        let entry = changing.filter_map(|span| self.entry(&span.name)).next();
        let entry = entry.or(self.schedules.first());
        let ceiling = ceiling.unwrap_or(policy.max);
        ChangeOfTerms {
            at,
            local: entry.map_or_else(|| at.to_string(), |entry| entry.clock(at)),
            zone: entry.map_or_else(|| "UTC".to_owned(), |e| e.written.timezone.clone()),
            floor: floor.unwrap_or(policy.min).min(ceiling),
            ceiling,
            mode: mode.as_str().to_owned(),
            schedules: open.iter().map(|span| span.name.clone()).collect(),
            note: spans.iter().filter(|span| span.from == at).find_map(|span| {
                let entry = self.entry(&span.name)?;
                entry.doubt(span.from + entry.written.lead.0)
            }),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        self.schedules.iter().find(|entry| entry.written.name == name)
    }
}

impl ChangeOfTerms {
    fn is_same(&self, other: &Self) -> bool {
        (self.floor, self.ceiling, &self.mode, &self.schedules)
            == (other.floor, other.ceiling, &other.mode, &other.schedules)
    }
}

impl Entry {
    fn spans(&self, from: Time, until: Time) -> impl Iterator<Item = ScheduleSpan> {
        let RawSchedule { name, lead, min, max, mode, .. } = self.written.clone();
        // What begins within its lead holds already.
        let openings = self.times.occurrences(from, until + lead.0);
        openings.into_iter().map(move |(begin, end)| ScheduleSpan {
            name: name.clone(),
            from: begin - lead.0,
            until: end,
            min,
            max,
            mode: mode.map(Into::into),
        })
    }

    /// What a change of clocks does to a beginning.
    fn doubt(&self, begin: Time) -> Option<String> {
        let zoned = self.zoned(begin)?;
        let is_twice = matches!(
            self.zone.to_ambiguous_timestamp(zoned.datetime()).offset(),
            AmbiguousOffset::Fold { .. }
        );
        if is_twice {
            return Some("that hour comes twice there that day, and the first counts".to_owned());
        }
        let Times::Again { cron, .. } = &self.times else { return None };
        let is_written = cron.is_time_matching(&zoned).unwrap_or(true);
        (!is_written).then(|| {
            "the hour that is written does not come there that day; it begins when the clocks \
             jump"
                .to_owned()
        })
    }

    fn zoned(&self, at: Time) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(at.millis()).ok()?.to_zoned(self.zone.clone()))
    }

    /// `Sat 2026-12-05 02:00 +08:00`.
    fn clock(&self, at: Time) -> String {
        let zoned = self.zoned(at);
        zoned.map_or_else(|| at.to_string(), |z| z.strftime("%a %Y-%m-%d %H:%M %:z").to_string())
    }
}

/// The schedules that hold or begin within `ahead`, for the scaler.
pub fn spans_of(
    timetables: &BTreeMap<ModuleId, Timetable>,
    now: Time,
    ahead: Duration,
) -> BTreeMap<ModuleId, Vec<ScheduleSpan>> {
    let spans = timetables.iter().map(|(module, table)| (module, table.spans(now, now + ahead)));
    let spans = spans.filter(|(_, spans)| !spans.is_empty());
    spans.map(|(module, spans)| (module.clone(), spans)).collect()
}
