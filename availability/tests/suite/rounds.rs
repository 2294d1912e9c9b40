//! What many VMs say of their module.

use std::collections::BTreeSet;
use std::time::Duration;

use availability::{Accounting, Indicator, Ledger, Rounds, State};
use model::id::VmId;
use model::time::Time;
use model::verdict::Outcome;
use proptest::prelude::*;

use crate::verdicts::{bad, blind, good};

const LENGTH: Duration = Duration::from_secs(30);

fn second(second: i64) -> Time {
    Time::from_millis(second * 1_000)
}

fn vm(number: usize) -> VmId {
    format!("vm-{number}").parse().unwrap()
}

/// When, which VM, and what.
type Said = (i64, usize, Outcome);

/// The looks that come of what three VMs say, as second and word, in order of time.
fn looks(said: &[Said], now: i64) -> Vec<(i64, &'static str)> {
    let mut rounds = Rounds::default();
    let mut looks: Vec<(Time, Outcome)> = Vec::new();
    for (at, number, outcome) in said {
        looks.extend(rounds.hear(LENGTH, (&vm(*number), 3), second(*at), outcome));
    }
    looks.extend(rounds.close(LENGTH, second(now)));
    looks.sort_by_key(|(at, _)| *at);
    let word = |(at, outcome): (Time, Outcome)| {
        let word = match outcome {
            Outcome::Healthy { .. } => "good",
            Outcome::Unhealthy { .. } => "bad",
            Outcome::Blind { .. } => "blind",
        };
        (at.millis() / 1_000, word)
    };
    looks.into_iter().map(word).collect()
}

#[test]
fn one_vm_that_answers_is_enough_and_it_is_told_once_and_at_once() {
    let said = [(31, 0, bad("500")), (40, 1, good()), (45, 2, bad("500")), (50, 1, good())];
    assert_eq!(looks(&said, 41), [(30, "good")]);
}

#[test]
fn a_round_in_which_all_failed_is_told_with_the_last_of_them() {
    let said = [(31, 0, bad("500")), (45, 1, bad("502")), (46, 2, bad("500"))];
    assert_eq!(looks(&said, 47), [(30, "bad")]);
    assert_eq!(looks(&said[..2], 89), []);
    assert_eq!(looks(&said[..2], 90), [(30, "bad")], "who says nothing is not waited for longer");
    let twice = [(31, 0, bad("500")), (45, 0, bad("502")), (46, 0, bad("500"))];
    assert_eq!(looks(&twice, 47), [], "one VM that is heard twice is no other");
}

#[test]
fn whom_nobody_could_see_may_have_been_well() {
    for said in [[bad("500"), blind(), bad("500")], [blind(), bad("500"), bad("500")]] {
        let said: Vec<Said> =
            said.into_iter().enumerate().map(|(vm, said)| (31, vm, said)).collect();
        assert_eq!(looks(&said, 40), [(30, "blind")]);
    }
}

#[test]
fn what_comes_after_its_round_is_over_is_left_out() {
    let mut rounds = Rounds::default();
    assert!(rounds.close(LENGTH, second(300)).is_empty());
    for outcome in [bad("500"), good()] {
        assert_eq!(rounds.hear(LENGTH, (&vm(1), 1), second(31), &outcome), None);
    }
    assert!(rounds.close(LENGTH, second(400)).is_empty());
}

#[test]
fn what_holds_whatever_vms_say_is_told_once_a_round() {
    let mut rounds = Rounds::default();
    let say = |rounds: &mut Rounds, at| rounds.say(LENGTH, second(at), bad("nobody"));
    assert_eq!(say(&mut rounds, 35), Some((second(30), bad("nobody"))));
    assert_eq!(say(&mut rounds, 36), None);
    assert_eq!(rounds.hear(LENGTH, (&vm(1), 1), second(37), &good()), None);
    assert_eq!(say(&mut rounds, 61), Some((second(60), bad("nobody"))));
}

/// One VM that is probed late in each round: how its module is now is known at each moment.
#[test]
fn how_a_module_is_now_is_known_while_its_vms_are_probed() {
    let rules = Accounting::new(LENGTH);
    let (mut rounds, mut ledger) = (Rounds::default(), Ledger::new(second(0)));
    let mut newest = BTreeSet::new();
    for now in 0..1_200 {
        let is_down = now >= 600;
        // At the very edge of two rounds: one of them is empty now and then.
        if now % 30 == 29 || (now % 30 == 0 && now % 90 == 0) {
            let outcome = if is_down { bad("500") } else { good() };
            let mut looks = rounds.close(LENGTH, second(now));
            looks.extend(rounds.hear(LENGTH, (&vm(1), 1), second(now), &outcome));
            for (at, outcome) in looks {
                ledger.observe_by(&rules, (&Indicator::Vms, None), at, &outcome);
            }
        }
        ledger.tick(&rules, second(now));
        if now % 7 == 0 && (60..600).contains(&now) || now > 720 {
            let last = ledger.timeline(&rules, &[], second(now - 1), second(now)).pop().unwrap();
            newest.insert((is_down, last.state));
        }
    }
    assert_eq!(newest, [(false, State::Up), (true, State::Down)].into());
}

#[test]
fn rounds_come_evenly_also_before_the_epoch() {
    assert_eq!(looks(&[(-1, 0, good()), (0, 0, good())], 0), [(-30, "good"), (0, "good")]);
}

proptest! {
    #[test]
    fn whoever_answers_first_the_round_is_the_same(
        said in prop::collection::btree_map(
            (0..3_i64, 0..3_usize),
            (0..30_i64, prop_oneof![Just(good()), Just(bad("500")), Just(blind())]), 0..9),
    ) {
        let said = said.into_iter();
        let mut said: Vec<Said> =
            said.map(|((round, vm), (at, what))| (round * 30 + at, vm, what)).collect();
        let forth = looks(&said, 200);
        said.reverse();
        prop_assert_eq!(&forth, &looks(&said, 200));
        let rounds: BTreeSet<i64> = said.iter().map(|(at, ..)| at / 30 * 30).collect();
        prop_assert!(forth.iter().map(|(at, _)| *at).eq(rounds), "one look each");
    }
}
