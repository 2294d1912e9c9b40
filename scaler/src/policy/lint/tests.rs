//! Each finding of the lint, with its arithmetic.

use model::time::Time;
use model::unit::{Share, Span};

use super::*;
use crate::policy::tests::raw;
use crate::policy::{FindingSeverity, RawPolicy, RawSchedule, check};
use crate::pool;

fn found(change: impl FnOnce(&mut RawPolicy), history: &History) -> Vec<Finding> {
    let mut raw = raw();
    change(&mut raw);
    let (policy, findings) = check(raw);
    assert_eq!(findings, []);
    lint(&policy.unwrap(), None, &[], history)
}

/// The one finding of a policy that is changed.
fn one(change: impl FnOnce(&mut RawPolicy), history: &History) -> (String, String) {
    let findings = found(change, history);
    let [finding] = findings.as_slice() else { panic!("one is expected: {findings:?}") };
    (finding.path.clone(), finding.message.clone())
}

/// The policy to begin from has nothing to find but its step.
fn calm(raw: &mut RawPolicy) {
    raw.capacity.min = 4;
}

#[test]
fn a_calm_policy_has_nothing_to_find() {
    assert_eq!(found(calm, &History::default()), []);
}

#[test]
fn the_smallest_safe_fleets_are_those_of_the_table() {
    let fleets = |lo, hi| [1, 2, 3, 5].map(|step| smallest_safe(step, lo, hi));
    assert_eq!(fleets(0.5, 0.8), [3, 6, 9, 14]);
    assert_eq!(fleets(0.65, 0.8), [6, 11, 17, 27]);
    assert_eq!(fleets(0.3, 0.7), [2, 4, 6, 9]);
}

#[test]
fn e1_a_step_that_the_guard_will_hold_back() {
    let (path, message) = one(
        |raw| {
            calm(raw);
            raw.metrics[0].inward.as_mut().unwrap().below = 0.7;
        },
        &History::default(),
    );
    assert_eq!(path, "metrics.0.in.step");
    assert!(message.contains("safe from 9 VMs on: 1 / (1 - 0.7 / 0.8) = 8.00"), "{message}");
}

#[test]
fn w2_a_step_of_more_than_half_of_min() {
    let (path, message) = one(|raw| raw.capacity.min = 3, &History::default());
    assert_eq!(path, "metrics.0.out.step");
    assert!(message.contains("a step of 2 is more than half of min 3"), "{message}");
}

#[test]
fn w6_less_than_one_vm_speaks_for_all() {
    let (path, message) = one(
        |raw| {
            calm(raw);
            raw.metrics[0].coverage = 0.2;
        },
        &History::default(),
    );
    assert_eq!(path, "metrics.0.coverage");
    assert!(message.contains("0.2 of min 4 is 0.80"), "{message}");
}

#[test]
fn what_the_past_shows_is_told_with_its_numbers() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let told = |history: History, path: &str, part: &str| {
        let (found, message) = one(calm, &history);
        assert_eq!(found, path);
        assert!(message.contains(part), "{message}");
    };
    // in.for 10 s and stabilise 10 s are less than twice 11 s.
    let history = History { boot_p95: seconds(11), ..History::default() };
    told(history, "metrics.0.in.for", "write pace.in.stabilise: 12s");
    let history = History { request_p99: seconds(12), ..History::default() };
    told(history, "drain.timeout", "up to 12s (p99), and after 10s they are cut");
    let history = History { ready_p95: seconds(40), ..History::default() };
    told(history, "health.ready.deadline", "write at least 1m20s");
    let history = History { share_at_max: Some(0.08), ..History::default() };
    told(history, "capacity.max", "in 8 % of last week 8 were wanted");
}

#[test]
fn w5_a_target_that_more_vms_do_not_bring_down() {
    let target = |raw: &mut RawPolicy| {
        calm(raw);
        raw.metrics[0].out = None;
        raw.metrics[0].inward = None;
        raw.metrics[0].target = Some(0.7);
    };
    let history = |correlation| History {
        correlation: [("load".to_owned(), correlation)].into(),
        ..History::default()
    };
    let (path, message) = one(target, &history(0.4));
    assert_eq!(path, "metrics.0.target");
    assert!(message.contains("correlation 0.40"), "{message}");
    assert_eq!(found(target, &history(-0.6)), []);
}

#[test]
fn what_is_just_within_is_not_told() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let history = History {
        boot_p95: seconds(10),
        ready_p95: seconds(30),
        request_p99: seconds(10),
        share_at_max: Some(0.05),
        correlation: [("load".to_owned(), 0.9)].into(),
    };
    assert_eq!(found(calm, &history), []);
}

#[test]
fn e3_a_surge_that_does_not_fit_into_the_pool() {
    let mut raw = raw();
    calm(&mut raw);
    raw.deploy.surge = Share::Percent(25);
    let policy = check(raw).0.unwrap();
    let pool = |max_total| pool::Pool {
        flavor: policy.flavor.clone(),
        ready: 1,
        max_total,
        refill: pool::Refill::default(),
        recheck: Duration::from_secs(60),
        max_age: None,
        warn_at: 8,
    };
    let history = History::default();
    let findings = lint(&policy, Some(&pool(9)), &[], &history);
    assert_eq!(findings[0].severity, FindingSeverity::Error);
    assert!(findings[0].message.contains("max 8 and a surge of 2 are 10 VMs"), "{findings:?}");
    assert_eq!(lint(&policy, Some(&pool(10)), &[], &history), []);
}

fn schedule(name: &str) -> RawSchedule {
    RawSchedule {
        name: name.to_owned(),
        cron: "0 8 * * *".to_owned(),
        duration: Span::secs(3600),
        timezone: "Asia/Shanghai".to_owned(),
        lead: Span::secs(0),
        min: Some(5),
        max: None,
        mode: None,
    }
}

fn span(
    name: &str,
    (from, until): (i64, i64),
    (min, max): (Option<u32>, Option<u32>),
) -> ScheduleSpan {
    ScheduleSpan {
        name: name.to_owned(),
        from: Time::from_millis(from * 1000),
        until: Time::from_millis(until * 1000),
        min,
        max,
        mode: None,
    }
}

#[test]
fn e2_a_floor_above_a_ceiling_and_overlaps() {
    let mut raw = raw();
    calm(&mut raw);
    raw.schedules = vec![schedule("day"), schedule("saving")];
    let policy = check(raw).0.unwrap();
    let lint = |spans: &[ScheduleSpan]| lint(&policy, None, spans, &History::default());
    let day = || span("day", (100, 200), (Some(6), None));
    // Half-open: what begins where the other ends does not overlap.
    assert_eq!(lint(&[day(), span("saving", (200, 300), (None, Some(5)))]), []);
    let fine = lint(&[day(), span("saving", (199, 300), (None, Some(6)))]);
    assert_eq!(fine.len(), 1);
    assert_eq!(fine[0].severity, FindingSeverity::Warning);
    assert_eq!(fine[0].path, "schedules.1.cron");
    let broken = lint(&[day(), span("saving", (199, 300), (None, Some(5)))]);
    assert_eq!(broken[1].severity, FindingSeverity::Error);
    assert_eq!(broken[1].path, "schedules.0.min");
    assert!(broken[1].message.contains("at least 6 are wanted by day"), "{broken:?}");
    // The same two again are told once.
    let again =
        [day(), span("saving", (150, 300), (None, None)), span("day", (250, 260), (None, None))];
    assert_eq!(lint(&again).len(), 1);
}
