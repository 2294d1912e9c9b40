//! Keys that are written wrongly.
//!
//! A misspelt key would be taken for one that is missing, and the case would say something else than
//! its author meant. A key that resembles none we know is a note of somebody's, and is let pass.

use serde_json::Value;

use super::{Fallible, bad};

const CASE: &[&str] = &[
    "case", "title", "about", "tags", "start", "end_s", "topology", "settings", "events", "expect",
];
/// The lists of a topology, and what is read of their rows.
const TOPOLOGY: &[(&str, &[&str])] = &[
    ("switches", &["id"]),
    ("hosts", &["id", "switch"]),
    ("vms", &["id", "host", "module", "created_s"]),
    ("modules", &["id", "project", "uses"]),
    ("projects", &["id", "owners"]),
    ("datasources", &["id", "kind", "vm", "owners"]),
    ("collectors", &["id", "watches"]),
    ("maintenance", &["on", "from_s", "until_s", "from", "until", "tz", "days"]),
];
const EVENT: &[&str] = &[
    "t",
    "kind",
    "at",
    "on",
    "on_each",
    "spread_s",
    "copies",
    "copy_gap_s",
    "check",
    "src",
    "via",
    "pid",
    "severity",
    "text",
    "unknown",
    "op",
    "vm",
    "host",
    "module",
    "by",
    "open",
    "down_s",
    "to",
    "state",
];
const OPEN: &[&str] = &["check", "on", "on_each", "severity", "text", "pid"];
/// From this likeness on (Jaro-Winkler, 1 is the same) a key is taken for another that was meant.
const ALIKE: f64 = 0.82;
/// Shorter keys resemble too much.
const MIN_CHARS: usize = 3;

/// Looks at all of a case but its settings, which know each of their keys.
pub(super) fn check(case: &Value) -> Fallible<()> {
    spelt(case, CASE, "the case")?;
    let lists: Vec<&str> = TOPOLOGY.iter().map(|(list, _)| *list).collect();
    spelt(&case["topology"], &lists, "topology")?;
    for (list, keys) in TOPOLOGY {
        for (index, row) in rows(&case["topology"][list]) {
            spelt(row, keys, &format!("topology.{list}.{index}"))?;
        }
    }
    for (index, event) in rows(&case["events"]) {
        let place = format!("events.{index}");
        spelt(event, EVENT, &place)?;
        for (index, open) in rows(&event["open"]) {
            spelt(open, OPEN, &format!("{place}.open.{index}"))?;
        }
    }
    Ok(())
}

fn rows(list: &Value) -> impl Iterator<Item = (usize, &Value)> {
    list.as_array().into_iter().flatten().enumerate()
}

fn spelt(value: &Value, known: &[&str], place: &str) -> Fallible<()> {
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    for key in keys.filter(|key| !known.contains(&key.as_str())) {
        let is_meant =
            |word: &&&str| word.len() >= MIN_CHARS && strsim::jaro_winkler(key, word) >= ALIKE;
        if let Some(meant) = known.iter().find(is_meant) {
            return Err(bad(place, format!("unknown key {key:?}; did you mean {meant:?}?")));
        }
    }
    Ok(())
}
