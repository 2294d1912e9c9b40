//! A module that is measured by several indicators, each at its own pace.

use std::time::Duration;

use availability::{Accounting, Indicator, Interval, Ledger, Pace, State, whole};
use model::time::Time;
use model::verdict::Outcome;
use proptest::prelude::*;

use crate::verdicts::{bad, blind, each_minute, good};

const MINUTE: i64 = 60_000;

fn minute(minute: i64) -> Time {
    Time::from_millis(minute * MINUTE)
}

fn check() -> Indicator {
    "check/login".parse().unwrap()
}

/// Each five minutes, down after two, up after one.
fn slow() -> Option<Pace> {
    Some(Pace { each: Duration::from_secs(300), confirm_down: 2, confirm_up: 1 })
}

fn spans(ledger: &Ledger, rules: &Accounting, until: i64) -> Vec<(i64, State, String)> {
    let timeline = ledger.timeline(rules, &[], minute(0), minute(until));
    timeline.into_iter().map(|one| (one.from.millis() / MINUTE, one.state, one.why)).collect()
}

/// The domain is well each minute from `from` to before `until`.
fn domain_is_well(ledger: &mut Ledger, from: i64, until: i64) {
    for at in from..until {
        ledger.observe(&each_minute(), minute(at), &good());
        ledger.tick(&each_minute(), minute(at));
    }
}

#[test]
fn a_module_is_as_the_worst_of_its_indicators_says_by_its_own_confirmation() {
    let rules = each_minute();
    let mut ledger = Ledger::new(minute(0));
    for at in 0..60 {
        ledger.observe(&rules, minute(at), &good());
        if at % 5 == 0 {
            let outcome = if (20..=25).contains(&at) || at == 40 { bad("500") } else { good() };
            ledger.observe_by(&rules, (&check(), slow()), minute(at), &outcome);
        }
        ledger.tick(&rules, minute(at));
    }
    let why = "check/login: status: 500";
    let down = ledger.report(&rules, minute(0), minute(59)).outages;
    let down: Vec<(Time, Time, &str)> =
        down.iter().map(|one| (one.from, one.until, one.why.as_str())).collect();
    assert_eq!(down, [(minute(20), minute(30), why)], "two in a row are, one alone is not");
    assert_eq!(ledger.blips(&rules, minute(0), minute(60)), 1);
}

#[test]
fn a_check_that_is_new_makes_no_time_unknown_and_one_that_goes_leaves_what_it_saw() {
    let rules = each_minute();
    let mut ledger = Ledger::new(minute(0));
    domain_is_well(&mut ledger, 0, 100);
    for at in [100, 105] {
        ledger.observe_by(&rules, (&check(), slow()), minute(at), &bad("500"));
        domain_is_well(&mut ledger, at, at + 5);
    }
    ledger.measured_by(&[Indicator::Domain], minute(110));
    domain_is_well(&mut ledger, 110, 200);
    let states: Vec<(i64, State)> =
        spans(&ledger, &rules, 199).into_iter().map(|(at, state, _)| (at, state)).collect();
    assert_eq!(states, [(0, State::Up), (100, State::Down), (110, State::Up)]);
    domain_is_well(&mut ledger, 200, 500);
    let taken: Vec<State> = ledger.take_transitions().iter().map(|one| one.state).collect();
    assert_eq!(taken, [State::Up, State::Down], "settled as it was told");
}

#[test]
fn what_is_measured_by_nothing_any_more_is_unknown_and_one_that_never_was_is_blank() {
    let rules = each_minute();
    let mut ledger = Ledger::new(minute(0));
    ledger.tick(&rules, minute(1));
    assert!(ledger.is_blank());
    domain_is_well(&mut ledger, 1, 30);
    ledger.measured_by(&[], minute(30));
    ledger.tick(&rules, minute(300));
    let last = spans(&ledger, &rules, 300).pop().unwrap();
    assert_eq!(last, (30, State::Unknown, "nothing measures it any more".to_owned()));
    assert!(!ledger.is_blank());
}

/// A domain that is probed each ten seconds needs room for its own window only, however seldom another looks.
#[test]
fn one_that_looks_each_hour_keeps_no_looks_of_another() {
    let rules = Accounting::new(Duration::from_secs(10));
    let seldom = Some(Pace { each: Duration::from_secs(3600), confirm_down: 3, confirm_up: 2 });
    let mut ledger = Ledger::new(minute(0));
    for at in 0..6 * 60 * 30 {
        let at = Time::from_millis(at * 10_000);
        let outcome = if at == minute(10 * 60) { bad("500") } else { good() };
        ledger.observe(&rules, at, &outcome);
        if at.millis() % (60 * MINUTE) == 0 {
            ledger.observe_by(&rules, (&check(), seldom), at, &good());
        }
        ledger.tick(&rules, at);
    }
    assert_eq!(ledger.left_out(), 0);
    assert_eq!(ledger.blips(&rules, minute(0), minute(30 * 60)), 1, "once, before it is settled");
    let kept = serde_json::to_string(&ledger.tail()).unwrap();
    assert!(kept.len() < 3_000, "{}", kept.len());
}

/// What it did not look at while it was away does not concern it.
#[test]
fn a_check_that_comes_back_makes_no_time_unknown_in_which_it_was_away() {
    let rules = each_minute();
    let mut ledger = Ledger::new(minute(0));
    let look = |ledger: &mut Ledger, at| {
        ledger.observe_by(&rules, (&check(), slow()), minute(at), &good());
    };
    for at in 0..100 {
        if at % 5 == 0 && !(20..50).contains(&at) {
            look(&mut ledger, at);
        }
        if at == 20 {
            ledger.measured_by(&[Indicator::Domain], minute(at));
        }
        domain_is_well(&mut ledger, at, at + 1);
    }
    let up = [(0, State::Up)];
    let states = |ledger: &Ledger| {
        let spans = spans(ledger, &rules, 99);
        spans.into_iter().map(|(at, state, _)| (at, state)).collect::<Vec<_>>()
    };
    assert_eq!(states(&ledger), up);
    domain_is_well(&mut ledger, 100, 600);
    assert_eq!(states(&ledger), up, "settled as it was told");
}

/// A module that is down with other words each time waits for a slow check in bounded room.
#[test]
fn what_waits_for_a_slow_indicator_has_bounds() {
    let rules = Accounting::new(Duration::from_secs(10));
    let seldom = Some(Pace { each: Duration::from_secs(3600), confirm_down: 3, confirm_up: 2 });
    let mut ledger = Ledger::new(minute(0));
    for number in 0..6 * 60 * 20 {
        let at = Time::from_millis(number * 10_000);
        ledger.observe(&rules, at, &bad(&format!("request {number} failed")));
        if at.millis() % (60 * MINUTE) == 0 {
            ledger.observe_by(&rules, (&check(), seldom), at, &good());
        }
        ledger.tick(&rules, at);
    }
    let kept = serde_json::to_string(&ledger.tail()).unwrap();
    assert!(kept.len() < 120_000, "{}", kept.len());
    assert_eq!(ledger.report(&rules, minute(0), minute(60)).down, Duration::from_secs(3600));
}

#[test]
fn a_ledger_of_before_there_were_indicators_goes_on_with_what_its_domain_said() {
    let json = r#"{"since":0,"now":1800000,"horizon":600000,
        "settled":[{"from":0,"until":600000,"state":"up","why":"healthy"}],
        "taken_until":0,"blips":[60000],
        "anchor":{"at":540000,"says":"up","reason":"healthy","state":"up"},"standing":"up",
        "looks":{"600000":"good","660000":{"bad":"http: 500"}},"dead":[[1200000,1500000]],"left_out":3}"#;
    let rules = each_minute();
    let mut ledger: Ledger = serde_json::from_str(json).unwrap();
    ledger.observe(&rules, minute(20), &bad("500"));
    assert_eq!((ledger.left_out(), ledger.blips(&rules, minute(0), minute(30))), (3, 3));
    ledger.observe(&rules, minute(22), &bad("500"));
    ledger.observe(&rules, minute(26), &good());
    let report = ledger.report(&rules, minute(0), minute(30));
    assert_eq!(report.up, Duration::from_secs(13 * 60));
    let again: Ledger = serde_json::from_str(&serde_json::to_string(&ledger).unwrap()).unwrap();
    assert_eq!(again, ledger);
}

/// A look on its way: by the check or by the domain, when it began, what it found, how late it came.
type Sent = (bool, i64, Outcome, i64);

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let outcome = prop_oneof![3 => Just(good()), 3 => Just(bad("500")), 1 => Just(blind())];
    let domain = (Just(false), 0..120_i64, outcome.clone(), 0..10_i64);
    let check = (Just(true), (0..24_i64).prop_map(|at| at * 5), outcome, 0..10_i64);
    prop::collection::vec(prop_oneof![4 => domain, 1 => check], 1..200)
}

/// Told in the order of their coming, with the time.
fn told(mut sent: Vec<Sent>, of: &[bool]) -> Ledger {
    let rules = each_minute();
    let mut ledger = Ledger::new(minute(0));
    sent.sort_by_key(|(is_check, at, _, late)| (at + late, *at, *is_check));
    for (is_check, at, outcome, late) in sent {
        ledger.tick(&rules, minute(at + late));
        let by = if is_check { (&check(), slow()) } else { (&Indicator::Domain, None) };
        if of.contains(&is_check) {
            ledger.observe_by(&rules, by, minute(at), &outcome);
        }
    }
    ledger.tick(&rules, minute(400));
    ledger
}

/// The state of each minute.
fn states(timeline: &[Interval]) -> Vec<State> {
    let at = |moment| timeline.iter().find(|one| one.from <= moment && moment < one.until);
    (0..400).filter_map(|moment| Some(at(minute(moment))?.state)).collect()
}

proptest! {
    /// Two ledgers, each of one indicator, are the oracle.
    #[test]
    fn a_ledger_of_two_is_the_worst_of_two_ledgers_of_one(sent in sent()) {
        let rules = each_minute();
        let parts = [false, true].into_iter().filter_map(|one| {
            let from = minute(sent.iter().filter(|sent| sent.0 == one).map(|sent| sent.1).min()?);
            let mut alone = told(sent.clone(), &[one]).timeline(&rules, &[], minute(0), minute(400));
            alone.retain_mut(|part| {
                part.from = part.from.max(from);
                part.from < part.until
            });
            let (state, why) = (State::NotApplicable, String::new());
            let apart = Interval { from: minute(0), until: from, state, why };
            Some(if from == minute(0) { alone } else { [vec![apart], alone].concat() })
        });
        let parts: Vec<Vec<Interval>> = parts.collect();
        let both = told(sent, &[false, true]).timeline(&rules, &[], minute(0), minute(400));
        let mut worst = states(&whole(&parts));
        let before_all = worst.iter_mut().filter(|state| **state == State::NotApplicable);
        before_all.for_each(|state| *state = State::Unknown);
        prop_assert_eq!(states(&both), worst);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(sent in sent()) {
        let rules = each_minute();
        let in_time = sent.iter().cloned().map(|(is_check, at, what, _)| (is_check, at, what, 0));
        let [late, in_time] = [sent.clone(), in_time.collect()].map(|sent| {
            told(sent, &[false, true]).timeline(&rules, &[], minute(0), minute(400))
        });
        prop_assert_eq!(late, in_time);
    }

    #[test]
    fn a_restart_in_between_changes_nothing(sent in sent(), cut in 0..200_usize) {
        let rules = each_minute();
        let run = |restarts: bool| {
            let mut ledger = Ledger::new(minute(0));
            let mut kept = Vec::new();
            for (step, (is_check, at, outcome, _)) in sent.iter().enumerate() {
                let by = if *is_check { (&check(), slow()) } else { (&Indicator::Domain, None) };
                ledger.observe_by(&rules, by, minute(*at), outcome);
                ledger.tick(&rules, minute(*at));
                kept.extend(ledger.take_transitions());
                if restarts && step == cut {
                    let (json, blips) =
                        (serde_json::to_string(&ledger.tail()).unwrap(), ledger.settled_blips().to_vec());
                    ledger = serde_json::from_str(&json).unwrap();
                    ledger.complete(kept.clone(), blips);
                }
            }
            ledger.tick(&rules, minute(400));
            let blips = ledger.blips(&rules, minute(0), minute(400));
            (ledger.timeline(&rules, &[], minute(0), minute(400)), blips)
        };
        prop_assert_eq!(run(false), run(true));
    }
}
