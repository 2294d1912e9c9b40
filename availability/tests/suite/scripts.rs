//! Stories of one module, probed once a minute, and the account that they give.

use availability::{Interval, Ledger, Report};
use expect_test::{Expect, expect};
use model::time::Time;
use model::unit::Span;

use crate::verdicts::{bad, blind, each_minute, good, second};

/// Tells a story to a ledger that begins at 0s. The expected log has the reports asked for, then
/// every settled interval but the one that still lasts.
fn check(story: &str, expected: &Expect) {
    let mut ledger = Ledger::new(second(0));
    let mut log = String::new();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        log.push_str(&tell(&mut ledger, line));
    }
    // A day later everything is settled, and the silence since then is what lasts.
    ledger.tick(&each_minute(), second(86_400));
    for interval in ledger.take_transitions() {
        log.push_str(&format!("{}\n", show(&interval)));
    }
    expected.assert_eq(&log);
}

fn tell(ledger: &mut Ledger, line: &str) -> String {
    let rules = each_minute();
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [at, "good"] => ledger.observe(&rules, read(at), &good()),
        [at, "bad", hint] => ledger.observe(&rules, read(at), &bad(hint)),
        [at, "blind"] => ledger.observe(&rules, read(at), &blind()),
        [from, "to", until, "good"] => {
            let mut at = read(from);
            while at < read(until) {
                ledger.observe(&rules, at, &good());
                at = at + rules.interval;
            }
        }
        [at, "tick"] => ledger.tick(&rules, read(at)),
        ["dead", from, until] => ledger.blind(read(from), read(until)),
        ["report", from, until] => {
            return summary(&ledger.report(&rules, read(from), read(until)));
        }
        _ => panic!("no such line: {line}"),
    }
    String::new()
}

fn read(text: &str) -> Time {
    Time::default() + text.parse::<Span>().unwrap().0
}

fn since_start(at: Time) -> Span {
    Span(at.since(Time::default()))
}

fn show(interval: &Interval) -> String {
    let Interval { from, until, state, why } = interval;
    format!("{}..{} {state}: {why}", since_start(*from), since_start(*until))
}

fn summary(report: &Report) -> String {
    let known = report.known.map_or("-".to_owned(), |known| format!("{known:.4}"));
    let mut text = format!(
        "up {} down {} unknown {} not-applicable {}\n",
        Span(report.up),
        Span(report.down),
        Span(report.unknown),
        Span(report.not_applicable)
    );
    text.push_str(&format!(
        "known {known} low {:.4} high {:.4} coverage {:.4} blips {}\n",
        report.low, report.high, report.coverage, report.blips
    ));
    for outage in &report.outages {
        text.push_str(&format!("outage {}\n", show(outage)));
    }
    text
}

#[test]
fn an_outage_lasts_from_its_first_failure_to_the_first_success_after_it() {
    check(
        "
        1m to 5m good
        5m bad 500
        6m bad 502
        7m bad 502
        8m bad 503
        9m to 15m good
        15m tick
        report 0 15m
        ",
        &expect![[r#"
            up 10m down 4m unknown 1m not-applicable 0
            known 0.7143 low 0.6667 high 0.7333 coverage 0.9333 blips 0
            outage 5m..9m down: status: 500
            0..1m unknown: not probed yet
            1m..5m up: healthy
            5m..9m down: status: 500
            9m..15m up: healthy
        "#]],
    );
}

#[test]
fn failures_that_stay_alone_are_blips_and_no_downtime() {
    check(
        "
        0s to 2m good
        2m bad 500
        3m good
        4m bad 500
        5m bad 500
        6m to 10m good
        10m tick
        report 0 10m
        report 4m 5m
        ",
        &expect![[r#"
            up 10m down 0 unknown 0 not-applicable 0
            known 1.0000 low 1.0000 high 1.0000 coverage 1.0000 blips 3
            up 1m down 0 unknown 0 not-applicable 0
            known 1.0000 low 1.0000 high 1.0000 coverage 1.0000 blips 1
            0..10m up: healthy
        "#]],
    );
}

#[test]
fn one_success_does_not_end_an_outage() {
    check(
        "
        0s good
        1m bad 500
        2m bad 500
        3m bad 500
        4m good
        5m bad 500
        6m good
        7m good
        8m tick
        report 0 8m
        ",
        &expect![[r#"
            up 3m down 5m unknown 0 not-applicable 0
            known 0.3750 low 0.3750 high 0.3750 coverage 1.0000 blips 0
            outage 1m..6m down: status: 500
            0..1m up: healthy
            1m..6m down: status: 500
            6m..8m up: healthy
        "#]],
    );
}

#[test]
fn a_blind_probe_is_unknown_and_neither_breaks_nor_makes_an_outage() {
    check(
        "
        0s good
        1m bad 500
        2m bad 500
        3m blind
        4m bad 500
        5m blind
        6m good
        7m good
        8m tick
        report 0 8m
        ",
        &expect![[r#"
            up 3m down 3m unknown 2m not-applicable 0
            known 0.5000 low 0.3750 high 0.6250 coverage 0.7500 blips 0
            outage 1m..3m down: status: 500
            outage 4m..5m down: status: 500
            0..1m up: healthy
            1m..3m down: status: 500
            3m..4m unknown: blind: no route
            4m..5m down: status: 500
            5m..6m unknown: blind: no route
            6m..8m up: healthy
        "#]],
    );
}

#[test]
fn silence_is_unknown_one_interval_after_the_last_verdict() {
    check(
        "
        0s to 3m good
        3m30s tick
        report 0 3m30s
        3m31s tick
        report 0 3m31s
        10m to 12m good
        12m tick
        report 0 12m
        ",
        &expect![[r#"
            up 3m30s down 0 unknown 0 not-applicable 0
            known 1.0000 low 1.0000 high 1.0000 coverage 1.0000 blips 0
            up 3m down 0 unknown 31s not-applicable 0
            known 1.0000 low 0.8531 high 1.0000 coverage 0.8531 blips 0
            up 5m down 0 unknown 7m not-applicable 0
            known 1.0000 low 0.4167 high 1.0000 coverage 0.4167 blips 0
            0..3m up: healthy
            3m..10m unknown: no verdict since 1970-01-01T00:02:00Z
            10m..12m up: healthy
        "#]],
    );
}

#[test]
fn the_death_of_the_monitor_is_exactly_its_own_span() {
    check(
        "
        0s to 5m good
        dead 4m10s 7m15s
        dead 7m 7m20s
        8m to 10m good
        10m tick
        report 0 10m
        ",
        &expect![[r#"
            up 6m10s down 0 unknown 3m50s not-applicable 0
            known 1.0000 low 0.6167 high 1.0000 coverage 0.6167 blips 0
            0..4m10s up: healthy
            4m10s..8m unknown: the monitor itself was not looking
            8m..10m up: healthy
        "#]],
    );
}

/// Probed on by someone else while the monitor was dead: that is known, and yet not counted.
#[test]
fn a_dead_span_hides_verdicts_within_it() {
    check(
        "
        0s to 6m good
        dead 2m30s 3m15s
        6m tick
        report 0 6m
        ",
        &expect![[r#"
            up 5m15s down 0 unknown 45s not-applicable 0
            known 1.0000 low 0.8750 high 1.0000 coverage 0.8750 blips 0
            0..2m30s up: healthy
            2m30s..3m15s unknown: the monitor itself was not looking
            3m15s..6m up: healthy
        "#]],
    );
}

#[test]
fn a_module_that_never_worked_was_never_up() {
    check(
        "
        0s bad 500
        1m bad 500
        2m tick
        report 0 2m
        2m bad 500
        3m good
        4m bad 500
        5m good
        6m good
        7m tick
        report 0 7m
        ",
        &expect![[r#"
            up 0 down 0 unknown 2m not-applicable 0
            known - low 0.0000 high 1.0000 coverage 0.0000 blips 2
            up 2m down 5m unknown 0 not-applicable 0
            known 0.2857 low 0.2857 high 0.2857 coverage 1.0000 blips 0
            outage 0..5m down: status: 500
            0..5m down: status: 500
            5m..7m up: healthy
        "#]],
    );
}

#[test]
fn failures_before_the_first_success_stay_unknown_if_they_are_too_few() {
    check(
        "
        0s bad 500
        1m bad 500
        2m good
        3m good
        4m tick
        report 0 4m
        ",
        &expect![[r#"
            up 2m down 0 unknown 2m not-applicable 0
            known 1.0000 low 0.5000 high 1.0000 coverage 0.5000 blips 2
            0..2m unknown: failures that were not confirmed, and never a success
            2m..4m up: healthy
        "#]],
    );
}

#[test]
fn an_outage_that_crosses_the_edge_of_the_period_is_clipped() {
    check(
        "
        0s good
        1m bad a
        2m bad b
        3m bad c
        4m good
        5m good
        6m tick
        report 2m30s 3m30s
        report 3m45s 3m45s
        ",
        &expect![[r#"
            up 0 down 1m unknown 0 not-applicable 0
            known 0.0000 low 0.0000 high 0.0000 coverage 1.0000 blips 0
            outage 2m30s..3m30s down: status: a
            up 0 down 0 unknown 0 not-applicable 0
            known - low 0.0000 high 1.0000 coverage 0.0000 blips 0
            0..1m up: healthy
            1m..4m down: status: a
            4m..6m up: healthy
        "#]],
    );
}

/// Between the two lies no success, but also nothing that was looked at for an hour.
#[test]
fn failures_far_apart_are_not_one_outage() {
    check(
        "
        0s good
        1m bad 500
        2m bad 500
        60m bad 500
        61m good
        62m tick
        report 0 62m
        ",
        &expect![[r#"
            up 5m down 0 unknown 57m not-applicable 0
            known 1.0000 low 0.0806 high 1.0000 coverage 0.0806 blips 3
            0..3m up: healthy
            3m..1h unknown: no verdict since 1970-01-01T00:02:00Z
            1h..1h2m up: a failure that was not confirmed
        "#]],
    );
}

#[test]
fn verdicts_out_of_order_and_twice_change_nothing() {
    check(
        "
        3m bad c
        1m bad a
        4m good
        2m bad b
        0s good
        2m bad b
        5m good
        5m good
        6m tick
        report 0 6m
        ",
        &expect![[r#"
            up 3m down 3m unknown 0 not-applicable 0
            known 0.5000 low 0.5000 high 0.5000 coverage 1.0000 blips 0
            outage 1m..4m down: status: a
            0..1m up: healthy
            1m..4m down: status: a
            4m..6m up: healthy
        "#]],
    );
}
