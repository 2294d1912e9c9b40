//! What holds for any values in any order.

use std::time::Duration;

use alerter::rule::{Condition, Failure, Ground, Heard, MAX_WATCHED, Rule, RuleState, end, hear};
use model::series::Labels;
use model::signal::SignalState;
use model::time::Time;
use proptest::prelude::*;

use crate::script::{ASKS, rule, shown, topology};

/// A series: which VM, which part, which value.
type Series = (u8, u8, f64);

fn labels(vm: u8, part: u8) -> Labels {
    let part = if part == 0 { String::new() } else { format!("/{part}") };
    Labels::of([("vm", format!("web-{vm}")), ("mountpoint", part)])
}

fn series() -> impl Strategy<Value = Series> {
    let value = prop_oneof![Just(0.95), Just(0.85), Just(0.5), Just(f64::NAN), Just(f64::INFINITY)];
    (1..5_u8, 0..3_u8, value)
}

/// Evaluations, one each ten seconds; None fails.
fn story() -> impl Strategy<Value = Vec<Option<Vec<Series>>>> {
    let evaluation = prop::option::weighted(0.9, prop::collection::vec(series(), 0..6));
    prop::collection::vec(evaluation, 1..40)
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let number = rule().condition;
    let condition = prop_oneof![Just(number), Just(Condition::Presence), Just(Condition::NoData)];
    (condition, 0..4_u64, 0..3_u64).prop_map(|(condition, hold, clear)| Rule {
        condition,
        hold: Duration::from_secs(hold * 10),
        clear_after: Duration::from_secs(clear * 10),
        ..rule()
    })
}

fn heard(evaluation: Option<&[Series]>) -> Heard {
    let Some(series) = evaluation else { return Err(Failure::Fault("no".to_owned())) };
    Ok(series.iter().map(|(vm, part, value)| (labels(*vm, *part), *value)).collect())
}

/// All that is said, a line each; `change` sees the state after each evaluation.
fn play(
    rule: &Rule,
    story: &[Option<Vec<Series>>],
    mut change: impl FnMut(RuleState) -> RuleState,
) -> Vec<String> {
    let (topology, collector) = (topology(), "main".parse().unwrap());
    let ground = Ground { topology: &topology, is_whole: true, collector: &collector };
    let mut state = RuleState::default();
    let mut told = Vec::new();
    for (number, evaluation) in story.iter().enumerate() {
        let at = Time::from_millis(number as i64 * 10_000);
        let report = hear(rule, ASKS, &mut state, ground, at, heard(evaluation.as_deref()));
        told.extend(report.said.iter().map(|said| shown(&format!("{number}"), said)));
        state = change(state);
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_order_of_the_series_changes_nothing(rule in any_rule(), story in story()) {
        let reversed: Vec<_> = story
            .iter()
            .map(|evaluation| evaluation.as_ref().map(|e| e.iter().rev().copied().collect()))
            .collect();
        prop_assert_eq!(play(&rule, &story, |s| s), play(&rule, &reversed, |s| s));
    }

    #[test]
    fn a_restart_changes_nothing(rule in any_rule(), story in story()) {
        let restarted = play(&rule, &story, |state| {
            serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap()
        });
        prop_assert_eq!(play(&rule, &story, |s| s), restarted);
    }

    #[test]
    fn bad_and_good_take_turns_and_the_end_ends_all(rule in any_rule(), story in story()) {
        let (topology, collector) = (topology(), "main".parse().unwrap());
        let ground = Ground { topology: &topology, is_whole: true, collector: &collector };
        let mut state = RuleState::default();
        let mut open = std::collections::BTreeMap::new();
        let mut said = Vec::new();
        for (number, evaluation) in story.iter().enumerate() {
            let at = Time::from_millis(number as i64 * 10_000);
            let heard = heard(evaluation.as_deref());
            said.extend(hear(&rule, ASKS, &mut state, ground, at, heard).said);
        }
        said.extend(end(&rule.name, &mut state, ground, Time::from_millis(1_000_000)));
        for said in said {
            let key = (said.signal.object.clone(), said.signal.check.clone());
            let was_open = open.get(&key).copied().unwrap_or(false);
            let is_open = said.signal.state != SignalState::Ok;
            prop_assert!(was_open || is_open, "an end of nothing: {:?}", said);
            open.insert(key, is_open);
        }
        prop_assert!(open.values().all(|is_open| !is_open), "left open: {:?}", open);
        prop_assert!(state.is_empty());
    }
}

#[test]
fn over_the_limit_the_known_stay_and_the_new_are_counted_and_named() {
    let (topology, collector) = (topology(), "main".parse().unwrap());
    let ground = Ground { topology: &topology, is_whole: true, collector: &collector };
    let at_once = Rule { hold: Duration::ZERO, clear_after: Duration::ZERO, ..rule() };
    let vm = |number: usize| Labels::of([("vm", format!("vm-{number:05}"))]);
    let vector = |from: usize, to: usize| (from..to).map(|number| (vm(number), 0.95)).collect();
    let mut state = RuleState::default();
    let mut hear_at = |second: i64, vector| {
        hear(&at_once, ASKS, &mut state, ground, Time::from_millis(second * 1000), Ok(vector))
    };
    let first = hear_at(0, vector(100, 100 + MAX_WATCHED));
    assert_eq!((first.said.len(), first.over_limit.count), (MAX_WATCHED, 0));
    for second in [10, 20] {
        let report = hear_at(second, vector(0, 100 + MAX_WATCHED));
        assert_eq!(report.over_limit.count, 100);
        assert_eq!(report.over_limit.first.as_deref(), Some("vm/vm-00000"));
        let told: Vec<String> = report.said.iter().map(|said| shown("", said)).collect();
        assert_eq!(told.len(), usize::from(second == 20), "the rule itself is told of once");
        assert!(
            told.iter().all(|line| line.contains("100 are not watched, for example vm/vm-00000"))
        );
    }
}
