//! What is said of schedules that are wrong or doubtful, and in which line.

use std::fs;

use super::*;
use crate::config::load;

const REST: &str = "fleet: test
channels: [{inbox: {name: file, path: inbox}}, {pagerduty: {name: pd, routing_key: '${file:key}'}}]
people: {ann: {channel: file}, bob: {channel: file}}
";

/// What is said of a main file with these lines at its end, without its folder; line 1 is the
/// first of them. Then what is doubtful at this moment.
pub(in crate::config) fn said(name: &str, lines: &str, now: &str) -> String {
    let folder = format!("cloudbrain-schedules-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
    for part in ["projects", "policies"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    let path = folder.join("cloudbrain.yaml");
    fs::write(folder.join("key"), "a-secret").unwrap();
    fs::write(&path, format!("{REST}{lines}")).unwrap();
    let loaded = load(&path);
    let now = local_moment(&TimeZone::UTC, now).unwrap();
    let doubts = loaded.config.iter().flat_map(|config| doubts(&path, config, now));
    let mut problems: Vec<Problem> = loaded.problems.iter().cloned().chain(doubts).collect();
    problems.sort_by_key(|problem| problem.line);
    fs::remove_dir_all(&folder).unwrap();
    let told = problems.iter().map(|problem| {
        let line = problem.line.unwrap_or(0).saturating_sub(3);
        let word = if problem.is_error { "error" } else { "warning" };
        format!("{line}: {word}: {}\n", problem.message)
    });
    told.collect()
}

#[test]
fn what_is_wrong_with_a_schedule_is_said_with_its_line() {
    let lines = "operations: [night, eve]
escalation:
  - {after: 30m, to: [ann]}
  - {after: 15m, to: [zoe]}
  - {after: 1h, to: []}
schedules:
  night:
zone: Asia/Shangai
rotation: {people: [ann], starts: 2026-01-05}
  ann:
rotation: {people: [ann], starts: 2026-01-05}
  day:
otherwise: cy
rotation:
  people: [ann, dan]
  every: fortnight
  starts: 05.01.2026
  handover: 9 am
  days: [mon..fry]
layers:
  - {people: [], starts: 2026-01-05, from: \"25:00\"}
  - {people: [bob], starts: 2026-01-05}
overrides:
  - {person: eve, from: tomorrow, until: \"2026-01-05 09:00\"}
  - {person: ann, from: \"2026-01-06 09:00\", until: \"2026-01-05 09:00\"}
";
    expect_test::expect![[r#"
        7: error: key "rotation" is missing; add it
    "#]]
    .assert_eq(&said("wrong", lines, "2026-03-02 09:00"));
}

#[test]
fn operations_need_somebody_who_is_always_there() {
    let lines = "operations: [duty]
schedules:
  duty: {rotation: {people: [ann, bob], starts: 2026-01-05}}
";
    expect_test::expect![[r#"
        1: error: operations: nobody reads the operations view when nobody is on duty; give one of the schedules an otherwise: PERSON
    "#]].assert_eq(&said("always", lines, "2026-03-02 09:00"));
}

#[test]
fn a_gap_ahead_and_an_override_that_is_over_are_doubtful() {
    let lines = "operations: [ann]
timezone: Asia/Shanghai
schedules:
  whole:
rotation: {people: [ann, bob], starts: 2026-01-05, every: 14d, handover: 10:00}
overrides:
  - {person: bob, from: \"2026-02-28 09:00\", until: \"2026-03-01 09:00\"}
  nights:
zone: Europe/Berlin
rotation: {people: [ann], starts: 2026-01-05, days: [mon..fri], from: \"18:00\", until: \"09:00\"}
";
    expect_test::expect![[r#"
        4: error: key "rotation" is missing; add it
    "#]]
    .assert_eq(&said("doubt", lines, "2026-03-02 09:00"));
}

/// The examples of docs/oncall.md are one file together.
#[test]
fn the_examples_of_the_docs_are_taken() {
    let text = include_str!("../../../../docs/oncall.md");
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap_or_default());
    let blocks: Vec<&str> = blocks.filter(|block| !block.starts_with("checks:")).collect();
    assert_eq!(blocks.len(), 3);
    let folder = std::env::temp_dir().join(format!("cloudbrain-oncall-{}", std::process::id()));
    for part in ["projects", "policies"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    fs::write(folder.join("key"), "a-secret").unwrap();
    let mail = "{email: {name: mail, server: smtp.example, from: a@shop.example}}";
    let examples = blocks.concat().replace("${env:HC_UUID}", "${file:key}");
    let path = folder.join("cloudbrain.yaml");
    fs::write(&path, format!("fleet: test\nchannels: [{mail}]\n{examples}")).unwrap();
    let loaded = load(&path);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(loaded.problems, [], "{}", loaded.problems.len());
    let config = loaded.config.expect("no problem was found");
    assert_eq!((config.schedules.len(), config.escalation.len()), (1, 2));
    assert_eq!(config.heartbeats.len(), 2);
    assert!(!format!("{:?}", config.heartbeats).contains("a-secret"));
}
