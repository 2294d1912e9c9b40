//! Schedules over days on which clocks are changed, over midnight, and at their edges.

use std::path::PathBuf;

use scaler::policy::{Mode, RawPolicy, check};

use super::*;
use crate::config::yaml::Document;

fn policy(schedules: &str) -> Policy {
    let text = format!(
        "{{apiVersion: cloudbrain/v1, kind: ScalingPolicy, module: shop/web, flavor: c4m8,\n\
         capacity: {{min: 3, max: 24}}, health: {{ready: {{http: /ready}}}},\n\
         schedules: [{schedules}]}}"
    );
    let raw: RawPolicy = document(&text).parse().unwrap();
    check(raw).0.unwrap()
}

fn document(text: &str) -> Document {
    Document { path: PathBuf::from("web.yaml"), text: text.to_owned() }
}

fn table(schedules: &str) -> Timetable {
    let (table, findings) = Timetable::read(&policy(schedules));
    assert_eq!(findings, []);
    table
}

fn at(text: &str) -> Time {
    let stamp: Timestamp = text.parse().unwrap();
    Time::from_millis(stamp.as_millisecond())
}

/// From when until when a schedule holds, in UTC.
fn spans(schedules: &str, from: &str, until: &str) -> Vec<String> {
    let spans = table(schedules).spans(at(from), at(until));
    spans.iter().map(|span| format!("{} {} {}", span.name, span.from, span.until)).collect()
}

const PEAK: &str = r#"{name: weekday-peak, cron: "30 8 * * 1-5", duration: 10h,
    timezone: Asia/Shanghai, lead: 10m, min: 8}"#;

#[test]
fn a_schedule_holds_on_its_days_from_its_lead_on() {
    // 2026-11-20 is a Friday; half past eight in Shanghai is 00:30 in UTC.
    let told = spans(PEAK, "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z");
    assert_eq!(told, ["weekday-peak 2026-11-20T00:20:00Z 2026-11-20T10:30:00Z"]);
    let told = spans(PEAK, "2026-11-20T00:00:00Z", "2026-11-24T00:20:01Z");
    assert_eq!(told.len(), 3, "Monday's, and Tuesday's by its lead: {told:?}");
}

#[test]
fn days_that_follow_each_other_have_no_gap_at_midnight() {
    let days =
        r#"{name: all-day, cron: "0 0 * * *", duration: 24h, timezone: Asia/Shanghai, min: 4}"#;
    let told = table(days).spans(at("2026-11-20T00:00:00Z"), at("2026-11-23T00:00:00Z"));
    let covers = |moment: &str| told.iter().filter(|span| span.holds(at(moment))).count();
    for moment in ["2026-11-20T15:59:59Z", "2026-11-20T16:00:00Z", "2026-11-22T23:00:00Z"] {
        assert_eq!(covers(moment), 1, "{moment}: {told:?}");
    }
}

#[test]
fn an_hour_that_does_not_come_begins_when_the_clocks_jump() {
    let night =
        r#"{name: night, cron: "30 2 29 3 *", duration: 1h, timezone: Europe/Berlin, min: 4}"#;
    let told = spans(night, "2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z");
    assert_eq!(told, ["night 2026-03-29T01:00:00Z 2026-03-29T02:00:00Z"]);
    let doubt = table(night).ambiguous(at("2026-01-01T00:00:00Z"));
    assert_eq!(doubt[0].path, "schedules.0.cron");
    assert!(doubt[0].message.contains("does not come there that day"), "{doubt:?}");
}

#[test]
fn an_hour_that_comes_twice_counts_the_first_time_and_lasts_as_long_as_is_written() {
    let night =
        r#"{name: night, cron: "30 2 * * *", duration: 2h, timezone: Europe/Berlin, min: 4}"#;
    let told = spans(night, "2026-10-25T00:00:00Z", "2026-10-25T23:00:00Z");
    assert_eq!(told, ["night 2026-10-25T00:30:00Z 2026-10-25T02:30:00Z"]);
    let doubt = table(night).ambiguous(at("2026-06-01T00:00:00Z"));
    assert!(doubt[0].message.contains("comes twice there that day"), "{doubt:?}");
    let fine = r#"{name: noon, cron: "0 12 * * *", duration: 2h, timezone: Europe/Berlin, min: 4}"#;
    assert_eq!(table(fine).ambiguous(at("2026-01-01T00:00:00Z")), []);
}

#[test]
fn a_preview_tells_each_change_with_its_zone() {
    let freeze = r#"{name: sale-freeze, cron: "0 0 11 11 *", duration: 24h,
        timezone: Asia/Shanghai, mode: out-only}"#;
    let both = format!("{PEAK}, {freeze}");
    let (mut policy, table) = (policy(&both), table(&both));
    policy.mode = Mode::Auto;
    let changes = table.preview(&policy, at("2026-11-10T12:00:00Z"), at("2026-11-11T20:00:00Z"));
    let told: Vec<String> = changes
        .iter()
        .map(|c| format!("{} {} {}..{} {}", c.local, c.zone, c.floor, c.ceiling, c.mode))
        .collect();
    assert_eq!(
        told,
        [
            "Tue 2026-11-10 20:00 +08:00 Asia/Shanghai 3..24 auto",
            "Wed 2026-11-11 00:00 +08:00 Asia/Shanghai 3..24 out-only",
            "Wed 2026-11-11 08:20 +08:00 Asia/Shanghai 8..24 out-only",
            "Wed 2026-11-11 18:30 +08:00 Asia/Shanghai 3..24 out-only",
            "Thu 2026-11-12 00:00 +08:00 Asia/Shanghai 3..24 auto",
        ]
    );
}

#[test]
fn a_year_of_schedules_is_looked_at_in_no_time() {
    let spans = table(PEAK).spans(at("2026-01-01T00:00:00Z"), at("2027-02-05T00:00:00Z"));
    assert_eq!(spans.len(), 286, "each working day of 400");
}

#[test]
fn what_is_wrong_with_a_schedule_is_told_under_its_own_key() {
    let wrong = |text: &str| {
        let (_, findings) = Timetable::read(&policy(text));
        findings.into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    let with = |cron, duration, zone| {
        format!("{{name: a, cron: \"{cron}\", duration: {duration}, timezone: {zone}, min: 4}}")
    };
    assert_eq!(wrong(&with("61 8 * * *", "1h", "UTC")), ["schedules.0.cron"]);
    assert_eq!(wrong(&with("0 8 * * *", "10s", "UTC")), ["schedules.0.duration"]);
    assert_eq!(wrong(&with("0 8 * * *", "1h", "Mars/North")), ["schedules.0.timezone"]);
}

/// The whole format, as the design has it, but for the name of the module.
const EXAMPLE: &str = r#"
apiVersion: cloudbrain/v1
kind: ScalingPolicy
module: shop/web
flavor: c4m8
mode: auto
capacity: {min: 3, max: 24, initial: 4}

metrics:
  - name: load
    window: 1m
    max_age: 45s
    coverage: 0.7
    out: {above: 0.80, for: 1m,  step: 2}
    in:  {below: 0.50, for: 10m, step: 1}
  - name: rps
    metric: requests_per_second
    target: 250
    tolerance: 0.1

schedules:
  - {name: weekday-peak, cron: "30 8 * * 1-5", duration: 10h, timezone: Asia/Shanghai, lead: 10m, min: 8}
  - {name: sale-freeze, cron: "0 0 11 11 *", duration: 24h, timezone: Asia/Shanghai, mode: out-only}

forecast: {mode: observe, horizon: 30m, min_history: 3d, max_raise: "50%"}

pace:
  out:    {max_step: 4, settle: 3m, cooldown: 0s, max_in_flight: 6}
  in:     {max_step: 1, stabilise: 10m, cooldown: 5m, guard: 0.9}
  create: {timeout: 8m, retry_first: 30s, retry_max: 15m, stop_after: 5, per_hour: 40}

missing_data: {in: hold, out: on-partial, floor: 6, alert_after: 2m}

deploy: {style: replace, order: new-first, surge: 2, min_serving: "90%", smoke: 1, bake: 5m,
         batch: "25%", parallel: 4, brake: "10%", on_brake: rollback}
health:
  ready: {http: ":8080/ready", expect: 200, every: 2s, timeout: 1s, pass: 3, fail: 3, deadline: 3m}
  live:  {tcp: 8080, every: 5s, timeout: 2s, fail: 6}
drain:     {wait: connections, timeout: 60s, then: stop, kill_after: 15s}
terminate: {order: [failed, isolated, old-release, crowded-zone, oldest], protect: ["role=cron"], young: 10m, recycle: to-pool}
isolation: {mode: replace, witnesses: 2, after: 30s, max_share: "20%", replace_after: 5m, keep_for_debug: 2h}
"#;

#[test]
fn the_whole_format_is_taken_and_json_is_the_same() {
    let raw: RawPolicy = document(EXAMPLE).parse().unwrap();
    let as_json = serde_json::to_string(&raw).unwrap();
    let again: RawPolicy = document(&as_json).parse().unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), as_json);
    let (policy, findings) = check(raw);
    let doubtful: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(doubtful, ["health.live"], "nobody asks it yet");
    let policy = policy.unwrap();
    assert_eq!(policy.ready.door(), (Some(8080), Some("/ready")));
    assert_eq!(Timetable::read(&policy).1, []);
}

#[test]
fn the_smallest_file_only_watches() {
    let text = "{apiVersion: cloudbrain/v1, kind: ScalingPolicy, module: shop/web, flavor: c4m8, \
                capacity: {min: 3, max: 24}, health: {ready: {http: /ready}}}";
    let raw: RawPolicy = document(text).parse().unwrap();
    let policy = check(raw).0.unwrap();
    assert_eq!((policy.mode, policy.metrics.len()), (Mode::DryRun, 0));
}
