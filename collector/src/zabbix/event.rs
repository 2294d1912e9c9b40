//! An event as the API tells it: a problem, or the recovery that ends one or several.

use model::signal::Severity;
use model::time::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ids::{EventId, HostKey, TriggerId};
use super::loose;
use crate::text::clean;

/// The longest name of a problem that is kept, in characters.
const MAX_NAME_CHARS: usize = 200;
/// The most hosts that one trigger may speak of.
const MAX_HOSTS: usize = 8;

/// Never `extend`: the server would work out `opdata` for each event, which is a hundred times
/// dearer than all of this.
const FIELDS: &[&str] =
    &["eventid", "objectid", "clock", "ns", "value", "severity", "name", "r_eventid", "suppressed"];

/// A problem, or the recovery that ends one or several.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    pub trigger: TriggerId,
    /// Of the value that made it; may lie in the past, or ahead.
    pub at: Time,
    pub what: Happening,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    Problem {
        severity: Severity,
        /// For people; cleaned.
        name: String,
        hosts: Vec<HostKey>,
        suppressed: bool,
        /// What ended it, if that is known.
        recovery: Option<EventId>,
    },
    Recovery {
        /// The problem it ends, where the source says so; an event of the API does not.
        problem: Option<EventId>,
    },
}

/// One row of `event.get`.
#[derive(Debug, Deserialize)]
pub(crate) struct EventRow {
    pub(super) eventid: EventId,
    objectid: TriggerId,
    #[serde(deserialize_with = "loose::integer")]
    clock: i64,
    #[serde(default, deserialize_with = "loose::integer")]
    ns: i64,
    #[serde(deserialize_with = "loose::integer")]
    value: i64,
    #[serde(default, deserialize_with = "loose::integer")]
    severity: i64,
    #[serde(default, deserialize_with = "loose::text")]
    name: String,
    #[serde(default)]
    r_eventid: EventId,
    #[serde(default, deserialize_with = "loose::flag")]
    suppressed: bool,
    #[serde(default)]
    hosts: Vec<HostRef>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HostRef {
    pub(super) hostid: HostKey,
}

/// A row of which the number is all that is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct NumberRow {
    pub(super) eventid: EventId,
}

/// What to ask for a page of events from a number on.
pub(super) fn page_params(from: EventId, limit: usize) -> Value {
    let mut params = lean();
    params["eventid_from"] = json!(from.to_string());
    params["sortfield"] = json!("eventid");
    params["sortorder"] = json!("ASC");
    params["limit"] = json!(limit);
    params
}

/// What to ask for events by their numbers.
pub(super) fn ids_params(ids: &[EventId]) -> Value {
    let mut params = lean();
    params["eventids"] = json!(ids);
    params
}

/// What to ask for the newest number.
pub(super) fn newest_params() -> Value {
    json!({
        "output": ["eventid"], "source": 0, "object": 0,
        "sortfield": "eventid", "sortorder": "DESC", "limit": 1,
    })
}

fn lean() -> Value {
    json!({ "output": FIELDS, "source": 0, "object": 0, "selectHosts": ["hostid"] })
}

/// Severities have names that users may edit, so only the number counts. What is not classified
/// is the least.
pub(super) fn severity(number: i64) -> Severity {
    match number {
        2 => Severity::Warning,
        3 => Severity::Average,
        4 => Severity::High,
        5 => Severity::Disaster,
        _ => Severity::Info,
    }
}

/// The time of a source: whole seconds, and the rest in nanoseconds.
pub(super) fn time(clock: i64, ns: i64) -> Time {
    Time::from_millis(
        clock.saturating_mul(1000).saturating_add(ns.clamp(0, 999_999_999) / 1_000_000),
    )
}

pub(super) fn problem_name(name: &str) -> String {
    clean(name, MAX_NAME_CHARS)
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        let what = if row.value == 0 {
            Happening::Recovery { problem: None }
        } else {
            Happening::Problem {
                severity: severity(row.severity),
                name: problem_name(&row.name),
                hosts: row.hosts.iter().map(|host| host.hostid).take(MAX_HOSTS).collect(),
                suppressed: row.suppressed,
                recovery: row.r_eventid.some(),
            }
        };
        Self { id: row.eventid, trigger: row.objectid, at: time(row.clock, row.ns), what }
    }
}
