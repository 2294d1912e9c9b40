//! E2: floors and ceilings of schedules against each other, wherever they hold at once.

use std::collections::BTreeSet;

use model::time::Time;

use super::super::{Finding, Policy};
use crate::facts::ScheduleSpan;

/// Walks over the moments at which something begins, and looks at what holds there. So each overlap
/// is seen, whichever two or more schedules make it.
pub(super) fn overlaps(policy: &Policy, spans: &[ScheduleSpan], findings: &mut Vec<Finding>) {
    let mut spans: Vec<&ScheduleSpan> = spans.iter().collect();
    spans.sort_by_key(|span| (span.from, span.until));
    let mut open: Vec<&ScheduleSpan> = Vec::new();
    let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut is_broken = false;
    for span in spans {
        open.retain(|other| other.until > span.from);
        for other in &open {
            let pair = ordered(&other.name, &span.name);
            if other.name != span.name && told.insert(pair) {
                findings.push(overlap(policy, other, span));
            }
        }
        open.push(span);
        if !is_broken && let Some(finding) = contradiction(policy, &open, span.from) {
            findings.push(finding);
            is_broken = true;
        }
    }
}

fn ordered<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    if a <= b { (a, b) } else { (b, a) }
}

fn overlap(policy: &Policy, first: &ScheduleSpan, second: &ScheduleSpan) -> Finding {
    let message = format!(
        "E2: it holds together with {} from {} on: the higher min, the lower max and the stricter \
         mode count; write times that do not overlap if that is not meant",
        first.name, second.from
    );
    Finding::warning(place(policy, &second.name, "cron"), message)
}

/// A floor above a ceiling, at one moment.
fn contradiction(policy: &Policy, open: &[&ScheduleSpan], at: Time) -> Option<Finding> {
    let floor = open.iter().filter_map(|span| Some((span.min?, span.name.as_str()))).max()?;
    let ceiling = open.iter().filter_map(|span| Some((span.max?, span.name.as_str()))).min();
    let (ceiling, by) = ceiling.unwrap_or((policy.max, "capacity.max"));
    let (floor, name) = floor;
    (floor > ceiling).then(|| {
        let message = format!(
            "E2: from {at} on at least {floor} are wanted by {name} and at most {ceiling} by {by}; \
             write a min of at most {ceiling}, or raise that max"
        );
        Finding::error(place(policy, name, "min"), message)
    })
}

fn place(policy: &Policy, name: &str, key: &str) -> String {
    let index = policy.schedules.iter().position(|schedule| schedule.name == name);
    index.map_or_else(|| "schedules".to_owned(), |index| format!("schedules.{index}.{key}"))
}
