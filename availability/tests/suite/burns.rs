//! Budgets, what probes can watch over, and burn rates.

use std::time::Duration;

use availability::{
    BURN_RULES, Budget, Finding, Interval, Objective, Outlook, State, Tally, Target, Urgency,
    resolvable,
};
use expect_test::expect;
use model::time::Time;
use proptest::prelude::*;

use crate::verdicts::second;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

fn target(text: &str) -> Target {
    Target::parse(text).unwrap()
}

fn objective(percent: &str, interval: i64) -> Objective {
    let (length, interval) = (seconds(30 * DAY), seconds(interval));
    Objective { target: target(percent), length, interval, min_bad: 3 }
}

/// Up from four days ago until now, but for these spans; in seconds before now.
fn timeline(spans: &[(i64, i64, State)]) -> (Vec<Interval>, Time) {
    let now = second(1_000 * DAY);
    let span = |from: i64, until: i64, state| {
        let (from, until) = (now - seconds(from), now - seconds(until));
        Interval { from, until, state, why: String::new() }
    };
    let mut timeline = Vec::new();
    let mut at = 4 * DAY;
    for (from, until, state) in spans {
        timeline.push(span(at, *from, State::Up));
        timeline.push(span(*from, *until, *state));
        at = *until;
    }
    if at > 0 {
        timeline.push(span(at, 0, State::Up));
    }
    (timeline, now)
}

fn findings(objective: &Objective, spans: &[(i64, i64, State)]) -> Vec<Finding> {
    let (timeline, now) = timeline(spans);
    objective.burns(&timeline, now).iter().map(|burn| burn.finding).collect()
}

#[test]
fn factors_follow_from_the_length_of_the_promise() {
    let mut told = String::new();
    for days in [30, 28, 31, 91] {
        let factors = BURN_RULES.map(|rule| format!("{:.2}", rule.factor(seconds(days * DAY))));
        told.push_str(&format!("{days} d: {}\n", factors.join(" ")));
    }
    expect![[r#"
        30 d: 14.40 6.00 3.00 1.00
        28 d: 13.44 5.60 2.80 0.93
        31 d: 14.88 6.20 3.10 1.03
        91 d: 43.68 18.20 9.10 3.03
    "#]]
    .assert_eq(&told);
}

/// How many probes in a row must fail for the page of an hour, in the long and in the short window,
/// if nothing else held it back.
#[test]
fn how_few_failed_probes_burn_too_fast() {
    let rule = BURN_RULES[0];
    let mut told = String::new();
    for percent in ["99%", "99.5%", "99.9%", "99.95%", "99.99%"] {
        let needed = [10, 30, 60].map(|interval| {
            let objective = objective(percent, interval);
            let [long, short] = [rule.long, rule.short].map(|window| {
                objective.allowed(&rule, window).as_millis() / seconds(interval).as_millis() + 1
            });
            format!("{long}/{short}")
        });
        told.push_str(&format!("{percent}: {}\n", needed.join(" ")));
    }
    expect![[r#"
        99%: 52/5 18/2 9/1
        99.5%: 26/3 9/1 5/1
        99.9%: 6/1 2/1 1/1
        99.95%: 3/1 1/1 1/1
        99.99%: 1/1 1/1 1/1
    "#]]
    .assert_eq(&told);
}

/// How long everything must be down for a page, by the first rule and the second.
#[test]
fn a_full_outage_pages_as_soon_as_the_table_says() {
    for (percent, first, second) in [("99%", 518_400, 1_296_000), ("99.9%", 51_840, 129_600)] {
        let objective = objective(percent, 60);
        let allowed = |place: usize| {
            objective.allowed(&BURN_RULES[place], BURN_RULES[place].long).as_millis()
        };
        assert_eq!((allowed(0), allowed(1)), (first, second), "{percent}");
    }
}

#[test]
fn one_lost_probe_wakes_nobody() {
    let promised = objective("99.9%", 60);
    assert_eq!(findings(&promised, &[(60, 0, State::Down)])[0], Finding::TooFewProbes);
    assert_eq!(findings(&promised, &[(120, 0, State::Down)])[0], Finding::TooFewProbes);
    assert_eq!(findings(&promised, &[(121, 0, State::Down)])[0], Finding::Fires);
    assert_eq!(findings(&promised, &[]), [Finding::Slow; 4]);
}

#[test]
fn an_outage_that_is_over_soon_wakes_nobody_any_more() {
    use Finding::{Fires, Over, Slow};
    let promised = objective("99.9%", 60);
    let minutes_ago = |from, until| vec![(from * MINUTE, until * MINUTE, State::Down)];
    assert_eq!(findings(&promised, &minutes_ago(10, 0)), [Fires, Fires, Fires, Fires]);
    assert_eq!(findings(&promised, &minutes_ago(14, 4)), [Fires, Fires, Fires, Fires]);
    assert_eq!(findings(&promised, &minutes_ago(16, 6)), [Over, Fires, Fires, Fires]);
    assert_eq!(findings(&promised, &minutes_ago(90, 80)), [Slow, Over, Fires, Fires]);
    assert_eq!(findings(&promised, &minutes_ago(1_500, 1_490)), [Slow, Slow, Slow, Over]);
    assert_eq!(findings(&promised, &[]), [Slow; 4]);
}

#[test]
fn unknown_time_burns_nothing_and_is_said() {
    let promised = objective("99.9%", 60);
    let (timeline, now) = timeline(&[(30 * MINUTE, 0, State::Unknown)]);
    let burn = promised.burn(BURN_RULES[0], &timeline, now);
    assert_eq!((burn.finding, burn.long.down), (Finding::Slow, Duration::ZERO));
    assert_eq!(burn.long.unknown, seconds(30 * MINUTE));
    assert_eq!(burn.short.unknown, seconds(5 * MINUTE));
    assert_eq!(findings(&promised, &[(30 * MINUTE, 0, State::Maintenance)]), [Finding::Slow; 4]);
}

#[test]
fn rates_are_multiples_of_an_even_pace() {
    let (timeline, now) = timeline(&[(6 * MINUTE, 0, State::Down)]);
    let burn = objective("99.9%", 60).burn(BURN_RULES[0], &timeline, now);
    let rate = burn.long.rate(target("99.9%")).unwrap();
    assert!((rate - 100.0).abs() < 1e-9, "a tenth of an hour is 100 times a thousandth: {rate}");
    assert_eq!(burn.long.rate(target("100%")), None);
    assert_eq!((burn.bad, burn.rule.urgency), (6, Urgency::Page));
}

/// Who promises that it is never down is told of each confirmed outage.
#[test]
fn a_promise_without_a_budget_burns_at_once() {
    assert_eq!(
        findings(&objective("100%", 60), &[(3 * MINUTE, 0, State::Down)])[0],
        Finding::Fires
    );
}

#[test]
fn a_promise_that_probes_cannot_watch_over_is_refused_with_the_arithmetic() {
    let mut told = String::new();
    for (percent, interval, confirm, days) in [
        ("99.99%", 60, 3, 30),
        ("99.99%", 28, 3, 30),
        ("99.95%", 60, 3, 30),
        ("99.99%", 300, 3, 28),
        ("99.999%", 10, 3, 30),
        ("99.9999%", 60, 3, 91),
        ("99.9%", 86_400, 3, 1),
        ("100%", 10, 1, 30),
    ] {
        let checked = resolvable(target(percent), seconds(interval), confirm, seconds(days * DAY));
        let line = checked.map_or_else(|refused| refused.to_string(), |()| "fine".to_owned());
        told.push_str(&format!("{line}\n"));
    }
    expect![[r#"
        1m probes x 3 confirmations cannot police 99.99%: one detection takes 3m, and of 30d it leaves 4m19s, in which at least three must fit; probe each 28s, or promise 99.97%
        fine
        fine
        5m probes x 3 confirmations cannot police 99.99%: one detection takes 15m, and of 28d it leaves 4m1s, in which at least three must fit; probe each 26s, or promise 99.88%
        10s probes x 3 confirmations cannot police 99.999%: one detection takes 30s, and of 30d it leaves 25s, in which at least three must fit; probe each 2s, or promise 99.99%
        1m probes x 3 confirmations cannot police 99.9999%: one detection takes 3m, and of 91d it leaves 7s, in which at least three must fit; promise 99.99%
        1d probes x 3 confirmations cannot police 99.9%: one detection takes 3d, and of 1d it leaves 1m26s, in which at least three must fit; probe each 9s
        10s probes x 1 confirmations cannot police 100%: one detection takes 10s, and of 30d it leaves 0, in which at least three must fit; promise 99.99%
    "#]].assert_eq(&told);
}

fn budget(percent: &str, down: i64) -> Budget {
    let so_far = Tally { down: seconds(down), unknown: seconds(7), ..Tally::default() };
    Budget::new(target(percent), seconds(30 * DAY), &so_far)
}

#[test]
fn what_is_left_of_a_budget_and_until_when_it_lasts() {
    let (from, until) = (second(0), second(30 * DAY));
    let month = |down, days| {
        let budget = budget("99.9%", down); // 43 m 12 s: 2,592 s.
        let outlook = budget.outlook(from, second(days * DAY), until);
        (budget.left().as_secs(), budget.overdrawn().as_secs(), budget.left_percent(), outlook)
    };
    assert_eq!(month(0, 10), (2_592, 0, 100, Outlook::Untouched));
    assert_eq!(month(648, 10), (1_944, 0, 75, Outlook::Lasts));
    assert_eq!(month(1_296, 10), (1_296, 0, 50, Outlook::UsedUpAt(second(20 * DAY))));
    assert_eq!(month(1_296, 15), (1_296, 0, 50, Outlook::Lasts), "to the very end");
    assert_eq!(month(2_592, 10), (0, 0, 0, Outlook::UsedUp));
    assert_eq!(month(3_000, 10), (0, 408, 0, Outlook::UsedUp));
    assert_eq!(budget("99.9%", 0).unknown, seconds(7), "said, and not used up");
    assert_eq!(budget("100%", 0).left_percent(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// What a refusal offers instead is not refused.
    #[test]
    fn what_is_offered_instead_would_do(
        millionths in 900_000..1_000_000_u32, interval in 1..900_i64, confirm in 1..6_u32,
        days in 7..100_i64,
    ) {
        let promised = target(&format!("{}.{:04}", millionths / 10_000, millionths % 10_000));
        let check = |target, interval| resolvable(target, interval, confirm, seconds(days * DAY));
        if let Err(refused) = check(promised, seconds(interval)) {
            let told = refused.to_string();
            if let Some((_, offered)) = told.rsplit_once("promise ") {
                prop_assert_eq!(check(target(offered), seconds(interval)), Ok(()), "{}", told);
            }
            if let Some((_, offered)) = told.split_once("probe each ") {
                let span = offered.split(',').next().unwrap().parse::<model::unit::Span>().unwrap();
                prop_assert_eq!(check(promised, span.0), Ok(()), "{}", told);
            }
        }
    }

    /// More down time never calms a rule.
    #[test]
    fn more_down_time_never_calms(down in 1..7_200_i64, more in 0..7_200_i64) {
        let promised = objective("99.9%", 60);
        let fires = |down| {
            let found = findings(&promised, &[(down, 0, State::Down)]);
            found.iter().filter(|finding| **finding == Finding::Fires).count()
        };
        prop_assert!(fires(down + more) >= fires(down));
    }
}
