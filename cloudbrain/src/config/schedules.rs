//! On-call schedules and the steps of escalation, as written, checked, and doubted.
//!
//! A schedule may stand wherever a person stands, so both share one name space. Whose turn it is at
//! a moment is worked out in [`crate::oncall`]; here each local time gets its zone, and each mistake
//! its line. What is not wrong but surprising, such as a night in which nobody is on duty, depends
//! on the moment and is for `cloudbrain check` alone.

#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use alerter::EscalationStep;
use jiff::civil::{self, Date, Weekday};
use jiff::tz::TimeZone;
use model::id::PersonId;
use model::signal::Severity;
use model::time::Time;
use model::unit::Span;
use scaler::policy::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw::RawConfig;
use super::yaml::{Document, Problem};
use super::{Config, Reader, unknown};
use crate::oncall::{Layer, Override, Schedule, Why, Window, local, local_moment, shifts};

/// Gaps are looked for so far ahead.
const LOOK_AHEAD: Duration = Duration::from_secs(28 * 86_400);
/// The longest turn, in days.
const MAX_DAYS: u32 = 366;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Whose turn it is. A schedule may stand wherever a person stands.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSchedule {
    /// The IANA time zone of all its times; the one of the pages if left out.
    pub zone: Option<String>,
    pub rotation: RawRotation,
    /// More rotations, for the nights or the weekends; where two have duty, the later one wins.
    #[serde(default)]
    pub layers: Vec<RawRotation>,
    /// Who stands in for whoever would be on duty; where two count, the later one wins.
    #[serde(default)]
    pub overrides: Vec<RawOverride>,
    /// Who is on duty when nobody else is. Without one operations are told instead.
    pub otherwise: Option<PersonId>,
}

/// People who take turns.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRotation {
    /// In the order of their turns.
    pub people: Vec<PersonId>,
    /// How long a turn is: `day`, `week`, or days such as `14d`.
    #[serde(default = "week")]
    pub every: String,
    /// The day of the first handover: `2026-01-05`.
    pub starts: String,
    /// The local time of the handover; `from` if that is given, else 09:00.
    pub handover: Option<String>,
    /// Only on these days: `[mon..fri]`, `[sat, sun]`. What begins on one may end on the next.
    #[serde(default)]
    pub days: Vec<String>,
    /// Only from this local time of the day on.
    pub from: Option<String>,
    /// Only until this local time; of the next day if it is not after `from`.
    pub until: Option<String>,
}

/// Somebody stands in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOverride {
    pub person: PersonId,
    /// Local: `2026-12-24 09:00`.
    pub from: String,
    pub until: String,
}

/// Who else is told while nobody acknowledges.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStep {
    /// So long after the first message about the incident.
    pub after: Span,
    /// People and schedules.
    pub to: Vec<PersonId>,
    /// Incidents below this are not escalated; high if left out.
    #[serde(default = "high")]
    pub severity: Severity,
}

impl RawConfig {
    /// Whether messages may be meant for it: a person, or whoever is on duty by a schedule.
    pub fn may_be_told(&self, name: &PersonId) -> bool {
        self.people.contains_key(name) || self.schedules.contains_key(name)
    }

    /// All that messages may be meant for.
    pub fn names(&self) -> Vec<&str> {
        self.people.keys().chain(self.schedules.keys()).map(PersonId::as_str).collect()
    }
}

impl Reader {
    pub(super) fn schedules(
        &mut self,
        document: &Document,
        raw: &RawConfig,
    ) -> BTreeMap<PersonId, Schedule> {
        let mut schedules = BTreeMap::new();
        for (name, written) in &raw.schedules {
            let at = format!("schedules.{name}");
            if raw.people.contains_key(name) {
                let message = format!("a person is called {name} too; rename one");
                self.find(document, at.clone(), message);
            }
            schedules.extend(
                self.schedule(document, raw, &at, written).map(|found| (name.clone(), found)),
            );
        }
        schedules
    }

    fn schedule(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        at: &str,
        written: &RawSchedule,
    ) -> Option<Schedule> {
        let place = Place { document, raw, at };
        let zone = written.zone.as_ref().unwrap_or(&raw.timezone);
        let Ok(zone) = TimeZone::get(zone) else {
            let message = format!("no time zone {zone:?}; write for example Asia/Shanghai");
            self.find(document, format!("{at}.zone"), message);
            return None;
        };
        self.check_person(&place, "otherwise", written.otherwise.iter());
        let lowest = self.layer(&place, "rotation", &written.rotation);
        let mut layers = vec![lowest];
        for (index, layer) in written.layers.iter().enumerate() {
            let key = format!("layers.{index}");
            let layer = self.layer(&place, &key, layer);
            if layer.as_ref().is_some_and(|layer| layer.window.is_none()) {
                let message = "it hides all before it; write days, or from and until";
                let warning = Finding::warning(format!("{at}.{key}"), message);
                self.problems.push(document.place(&warning));
            }
            layers.push(layer);
        }
        let overrides = written.overrides.iter().enumerate();
        let overrides: Vec<_> = overrides
            .filter_map(|(index, word)| self.stand_in(&place, index, word, &zone))
            .collect();
        let layers: Option<Vec<Layer>> = layers.into_iter().collect();
        Some(Schedule { zone, layers: layers?, otherwise: written.otherwise.clone(), overrides })
    }

    fn layer(&mut self, place: &Place, key: &str, written: &RawRotation) -> Option<Layer> {
        self.check_person(place, &format!("{key}.people"), written.people.iter());
        if written.people.is_empty() {
            self.wrong(place, &format!("{key}.people"), "nobody takes turns; name somebody");
        }
        let every = self.read(place, &format!("{key}.every"), days_of(&written.every));
        let starts = self.read(place, &format!("{key}.starts"), date(&written.starts));
        let mut time = |field: &str, text: Option<&String>| match text {
            None => Some(None),
            Some(text) => self.read(place, &format!("{key}.{field}"), clock(text)).map(Some),
        };
        let handover = time("handover", written.handover.as_ref());
        let from = time("from", written.from.as_ref());
        let until = time("until", written.until.as_ref());
        let days = self.read(place, &format!("{key}.days"), weekdays(&written.days));
        let (from, until, days) = (from?, until?, days?);
        let handover = handover?.or(from).unwrap_or(civil::time(9, 0, 0, 0));
        let has_window = from.is_some() || until.is_some() || !written.days.is_empty();
        let window = has_window.then(|| Window {
            days,
            from: from.unwrap_or_default(),
            until: until.unwrap_or_default(),
        });
        let people = written.people.clone();
        let layer = Layer { people, every_days: every?, starts: starts?, handover, window };
        (!layer.people.is_empty()).then_some(layer)
    }

    fn stand_in(
        &mut self,
        place: &Place,
        index: usize,
        written: &RawOverride,
        zone: &TimeZone,
    ) -> Option<Override> {
        let key = |field: &str| format!("overrides.{index}.{field}");
        self.check_person(place, &key("person"), [&written.person].into_iter());
        let from = self.read(place, &key("from"), local_moment(zone, &written.from));
        let until = self.read(place, &key("until"), local_moment(zone, &written.until));
        let (from, until) = (from?, until?);
        if until <= from {
            self.wrong(place, &key("until"), "it ends before it begins; write a later time");
        }
        Some(Override { person: written.person.clone(), from, until })
    }

    /// The steps of one list. `at` is where it stands in the document.
    pub(super) fn escalation(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        steps: &[RawStep],
    ) -> Vec<EscalationStep> {
        let known = raw.names();
        for (index, step) in steps.iter().enumerate() {
            if step.to.is_empty() {
                let message = "it tells nobody; name people or schedules";
                self.find(document, format!("escalation.{index}.to"), message);
            }
            for (place, name) in step.to.iter().enumerate() {
                if !raw.may_be_told(name) {
                    let message = unknown("person or schedule", name.as_str(), &known);
                    self.find(document, format!("escalation.{index}.to.{place}"), message);
                }
            }
            if index > 0 && step.after <= steps[index - 1].after {
                let message = "it is not after the step before it; write a longer time";
                self.find(document, format!("escalation.{index}.after"), message);
            }
        }
        let steps = steps.iter().map(|step| EscalationStep {
            after: step.after.0,
            to: step.to.iter().cloned().collect(),
            severity: step.severity,
        });
        steps.collect()
    }

    /// Somebody reads the operations view at every moment.
    pub(super) fn check_operations(&mut self, document: &Document, raw: &RawConfig) {
        let is_always_there = |name: &PersonId| {
            let schedule = raw.schedules.get(name);
            schedule.is_none_or(|schedule| schedule.otherwise.is_some())
        };
        if !raw.operations.is_empty() && !raw.operations.iter().any(is_always_there) {
            let message = "nobody reads the operations view when nobody is on duty; give one of \
                           the schedules an otherwise: PERSON";
            self.find(document, "operations", message);
        }
    }

    fn check_person<'a>(
        &mut self,
        place: &Place,
        key: &str,
        people: impl Iterator<Item = &'a PersonId>,
    ) {
        let known: Vec<&str> = place.raw.people.keys().map(PersonId::as_str).collect();
        for person in people.filter(|person| !place.raw.people.contains_key(*person)) {
            self.wrong(place, key, &unknown("person", person.as_str(), &known));
        }
    }

    fn read<T>(&mut self, place: &Place, key: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|message| self.wrong(place, key, &message)).ok()
    }

    fn wrong(&mut self, place: &Place, key: &str, message: &str) {
        self.find(place.document, format!("{}.{key}", place.at), message);
    }
}

/// Where a schedule stands.
struct Place<'a> {
    document: &'a Document,
    raw: &'a RawConfig,
    at: &'a str,
}

/// What is doubtful about the schedules as of `now`; `path` is `cloudbrain.yaml`.
pub fn doubts(path: &Path, config: &Config, now: Time) -> Vec<Problem> {
    let Ok(document) = Document::read(path) else { return Vec::new() };
    let findings = config.schedules.iter().flat_map(|(name, schedule)| {
        let at = format!("schedules.{name}");
        gap(&at, schedule, now).into_iter().chain(over(&at, schedule, now))
    });
    findings.map(|finding| document.place(&finding)).collect()
}

fn gap(at: &str, schedule: &Schedule, now: Time) -> Option<Finding> {
    let shifts = shifts(schedule, &schedule.overrides, now, now + LOOK_AHEAD);
    let gap = shifts.into_iter().find(|shift| shift.why == Why::Gap)?;
    let (from, until) = (local(&schedule.zone, gap.from), local(&schedule.zone, gap.until));
    let message = format!(
        "nobody is on duty from {from} until {until}, and operations are told instead; write \
         otherwise: PERSON"
    );
    Some(Finding::warning(at, message))
}

fn over(at: &str, schedule: &Schedule, now: Time) -> Vec<Finding> {
    let overrides = schedule.overrides.iter().enumerate();
    let over = overrides.filter(|(_, word)| word.until <= now).map(|(index, word)| {
        let message = format!("it is over since {}; delete it", local(&schedule.zone, word.until));
        Finding::warning(format!("{at}.overrides.{index}"), message)
    });
    over.collect()
}

/// How many days a turn has: `day`, `week`, `14d`.
fn days_of(text: &str) -> Result<u32, String> {
    let days = match text {
        "day" => Some(1),
        "week" => Some(7),
        _ => text.strip_suffix('d').and_then(|days| days.parse().ok()),
    };
    let days = days.filter(|days| (1..=MAX_DAYS).contains(days));
    days.ok_or_else(|| format!("{text:?} is no turn; write day, week, or days such as 14d"))
}

fn date(text: &str) -> Result<Date, String> {
    let date: Option<Date> = text.parse().ok();
    let date = date.filter(|date| (1970..=2200).contains(&date.year()) && text.len() == 10);
    date.ok_or_else(|| format!("{text:?} is no day; write for example 2026-01-05"))
}

pub(super) fn clock(text: &str) -> Result<civil::Time, String> {
    let time = text.parse().ok().filter(|_| text.len() == 5);
    time.ok_or_else(|| format!("{text:?} is no time of the day; write for example \"09:00\""))
}

/// All days if none is written.
fn weekdays(written: &[String]) -> Result<Vec<Weekday>, String> {
    let day = |text: &str| {
        let index = DAYS.iter().position(|day| *day == text);
        index.ok_or_else(|| {
            format!("{text:?} is no day; write one of {}, or mon..fri", DAYS.join(", "))
        })
    };
    let mut days = Vec::new();
    for text in written {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + DAYS.len() - first) % DAYS.len();
        days.extend((0..=count).map(|more| (first + more) % DAYS.len()));
    }
    if written.is_empty() {
        days.extend(0..DAYS.len());
    }
    Ok(days.into_iter().map(|day| Weekday::Monday.wrapping_add(day as i64)).collect())
}

fn week() -> String {
    "week".to_owned()
}

fn high() -> Severity {
    Severity::High
}
