//! The edges: before the beginning, after the end, too late, too many, read back.

use std::time::Duration;

use availability::{Accounting, Interval, Ledger, State};
use expect_test::expect;

use crate::verdicts::{bad, blind, each_minute, good, second};

const MINUTE: i64 = 60;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn before_a_module_is_published_nothing_applies() {
    let mut ledger = Ledger::new(second(600));
    let rules = each_minute();
    // The probe that found it began just before.
    ledger.observe(&rules, second(590), &good());
    ledger.tick(&rules, second(660));
    let report = ledger.report(&rules, second(0), second(720));
    assert_eq!(report.not_applicable, minutes(10));
    assert_eq!(report.up, minutes(1), "from the publication, not from the probe");
    assert_eq!(report.unknown, minutes(1), "nobody has looked there yet");
    assert_eq!((report.low, report.high, report.coverage), (0.5, 1.0, 0.5));
}

#[test]
fn a_verdict_that_comes_too_late_is_counted_and_left_out() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    ledger.tick(&rules, second(60 * MINUTE));
    ledger.observe(&rules, second(50 * MINUTE), &good());
    assert_eq!(ledger.left_out(), 0, "ten intervals late is in time");
    ledger.observe(&rules, second(50 * MINUTE - 1), &good());
    assert_eq!(ledger.left_out(), 1);
    let report = ledger.report(&rules, second(0), second(60 * MINUTE));
    assert_eq!((report.up, report.unknown), (minutes(1), minutes(59)));
}

#[test]
fn of_two_verdicts_of_one_moment_the_heavier_is_believed() {
    let rules = Accounting { confirm_down: 1, ..each_minute() };
    let report = |outcomes: [model::verdict::Outcome; 2]| {
        let mut ledger = Ledger::new(second(0));
        outcomes.iter().for_each(|outcome| ledger.observe(&rules, second(0), outcome));
        ledger.tick(&rules, second(MINUTE));
        ledger.report(&rules, second(0), second(MINUTE))
    };
    for (heavier, lighter) in [(bad("500"), good()), (good(), blind()), (bad("b"), bad("a"))] {
        let alone = report([heavier.clone(), heavier.clone()]);
        assert_eq!(report([heavier.clone(), lighter.clone()]), alone);
        assert_eq!(report([lighter, heavier]), alone);
    }
}

#[test]
fn a_flood_of_verdicts_is_counted_and_left_out() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    for at in 0..1_500 {
        ledger.observe(&rules, second(at), &good());
    }
    assert_eq!(ledger.left_out(), 500);
    ledger.tick(&rules, second(60 * MINUTE));
    ledger.observe(&rules, second(60 * MINUTE), &good());
    assert_eq!(ledger.left_out(), 500, "there is room again when the old ones are settled");
}

#[test]
fn what_was_forgotten_is_unknown() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    // Up for two minutes, with a blip in the second, blind for two, over and over: 10,000
    // intervals and 5,000 blips.
    for minute in 0..20_000 {
        let at = second(minute * MINUTE);
        let outcome = [good(), bad("500"), blind(), blind()][(minute % 4) as usize].clone();
        ledger.observe(&rules, at, &outcome);
        ledger.tick(&rules, at);
    }
    ledger.tick(&rules, second(20_060 * MINUTE));
    let early = ledger.report(&rules, second(0), second(1_000 * MINUTE));
    assert_eq!((early.up, early.unknown), (minutes(0), minutes(1_000)));
    let late = ledger.report(&rules, second(19_000 * MINUTE), second(20_000 * MINUTE));
    assert_eq!((late.up, late.unknown, late.blips), (minutes(500), minutes(500), 250));
    let whole = ledger.report(&rules, second(0), second(20_000 * MINUTE));
    assert_eq!(whole.up + whole.unknown, minutes(20_000));
    assert_eq!(whole.blips, 4_000, "the newest are remembered");
}

#[test]
fn a_verdict_is_not_stale_before_the_next_is_due() {
    let rules = Accounting { stale_after: Duration::from_secs(10), ..each_minute() };
    let mut ledger = Ledger::new(second(0));
    for probe in 0..6 {
        let outcome = if probe % 2 == 0 { good() } else { blind() };
        ledger.observe(&rules, second(probe * 50), &outcome);
    }
    let report = ledger.report(&rules, second(0), second(250));
    assert_eq!((report.up.as_secs(), report.unknown.as_secs()), (150, 100));
}

#[test]
fn transitions_are_handed_out_once_and_when_they_have_ended() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    let mut taken = Vec::new();
    for minute in 0..60 {
        let at = second(minute * MINUTE);
        let outcome = if (10..15).contains(&minute) { bad("500") } else { good() };
        ledger.observe(&rules, at, &outcome);
        ledger.tick(&rules, at);
        for interval in ledger.take_transitions() {
            let settled_in = at.since(interval.until);
            assert_eq!(settled_in, minutes(21), "two patiences after it has ended");
            taken.push(interval);
        }
    }
    let interval = |from, until, state, why: &str| {
        let (from, until) = (second(from * MINUTE), second(until * MINUTE));
        Interval { from, until, state, why: why.to_owned() }
    };
    assert_eq!(
        taken,
        [interval(0, 10, State::Up, "healthy"), interval(10, 15, State::Down, "status: 500")]
    );
}

#[test]
fn a_ledger_that_was_stored_goes_on_as_if_nothing_had_been() {
    let rules = each_minute();
    let mut kept = Ledger::new(second(0));
    let mut stored = kept.clone();
    for minute in 0..200 {
        let at = second(minute * MINUTE);
        let outcome = match minute % 23 {
            0..4 => bad("500"),
            7 => blind(),
            _ => good(),
        };
        for ledger in [&mut kept, &mut stored] {
            ledger.observe(&rules, at, &outcome);
            ledger.blind(second(minute * 50), second(minute * 50 + 3));
            ledger.tick(&rules, at);
        }
        let json = serde_json::to_string(&stored).unwrap();
        stored = serde_json::from_str(&json).unwrap();
        assert_eq!(kept, stored);
    }
}

#[test]
fn a_report_names_its_rules() {
    let rules = Accounting { confirm_down: 2, version: 4, ..each_minute() };
    let report = Ledger::new(second(0)).report(&rules, second(0), second(1));
    expect!["standard@4: a probe each 1m, down after 2, up after 2, stale after 1m30s"]
        .assert_eq(&report.accounting);
}

#[test]
fn what_was_seen_counts_before_the_time_is_told() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    ledger.observe(&rules, second(0), &good());
    ledger.observe(&rules, second(MINUTE), &good());
    let report = ledger.report(&rules, second(0), second(2 * MINUTE));
    assert_eq!((report.up, report.unknown), (minutes(1), minutes(1)));
}

#[test]
fn a_clock_that_is_set_back_undoes_nothing() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    ledger.observe(&rules, second(0), &good());
    ledger.tick(&rules, second(5 * MINUTE));
    let before = ledger.clone();
    ledger.tick(&rules, second(MINUTE));
    assert_eq!(ledger, before);
}

/// While the one verdict may still be followed by another, nothing after it is settled.
#[test]
fn a_verdict_that_holds_for_long_is_not_believed_too_early() {
    let rules = Accounting { stale_after: minutes(30), ..each_minute() };
    let mut ledger = Ledger::new(second(0));
    ledger.observe(&rules, second(0), &good());
    for minute in 0..100 {
        ledger.tick(&rules, second(minute * MINUTE));
    }
    let report = ledger.report(&rules, second(0), second(99 * MINUTE));
    assert_eq!((report.up, report.unknown), (minutes(1), minutes(98)));
}

#[test]
fn a_talkative_module_and_a_mortal_monitor_fill_no_memory() {
    let rules = each_minute();
    let mut ledger = Ledger::new(second(0));
    for minute in 0..1_000 {
        let at = second(minute * MINUTE);
        ledger.observe(&rules, at, &bad(&"long ".repeat(1_000)));
        ledger.blind(at, second(minute * MINUTE + 1));
        ledger.tick(&rules, at);
    }
    ledger.tick(&rules, second(2_000 * MINUTE));
    let report = ledger.report(&rules, second(10), second(20));
    assert_eq!(report.outages[0].why.chars().count(), 200);
    let json = serde_json::to_value(&ledger).unwrap();
    assert_eq!(
        (&json["dead"], &json["tracks"]["domain"]["looks"]),
        (&serde_json::json!([]), &serde_json::json!({}))
    );
}

/// Slow confirmation needs a longer window, or nothing would ever be down.
#[test]
fn a_row_may_be_as_long_as_the_rules_ask() {
    let rules = Accounting { confirm_down: 30, ..each_minute() };
    let mut ledger = Ledger::new(second(0));
    for minute in 0..200 {
        ledger.observe(&rules, second(minute * MINUTE), &bad("500"));
        ledger.tick(&rules, second(minute * MINUTE));
    }
    ledger.tick(&rules, second(200 * MINUTE));
    let report = ledger.report(&rules, second(0), second(200 * MINUTE));
    assert_eq!(report.down, minutes(200));
}
