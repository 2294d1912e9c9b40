//! What many VMs say of their module.

use std::time::Duration;

use availability::Rounds;
use model::time::Time;
use model::verdict::Outcome;
use proptest::prelude::*;

use crate::verdicts::{bad, blind, good};

const LENGTH: Duration = Duration::from_secs(30);

fn second(second: i64) -> Time {
    Time::from_millis(second * 1_000)
}

/// The looks that come of it, as `second:word`, in order of time.
fn looks(said: &[(i64, Outcome)], now: i64) -> Vec<(i64, &'static str)> {
    let mut rounds = Rounds::default();
    let mut looks: Vec<(Time, Outcome)> = Vec::new();
    for (at, outcome) in said {
        looks.extend(rounds.hear(LENGTH, second(*at), outcome));
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
    let said = [(31, bad("500")), (40, good()), (45, bad("500")), (50, good())];
    assert_eq!(looks(&said, 41), [(30, "good")]);
}

#[test]
fn a_round_in_which_all_failed_is_waited_for_once_more_as_long() {
    let said = [(31, bad("500")), (45, bad("502"))];
    assert_eq!(looks(&said, 60), []);
    assert_eq!(looks(&said, 90), [(30, "bad")]);
}

#[test]
fn whom_nobody_could_see_may_have_been_well() {
    for said in [[bad("500"), blind()], [blind(), bad("500")]] {
        let said: Vec<(i64, Outcome)> = said.into_iter().map(|one| (31, one)).collect();
        assert_eq!(looks(&said, 90), [(30, "blind")]);
    }
}

#[test]
fn after_its_round_is_over_only_who_was_well_still_counts() {
    let mut rounds = Rounds::default();
    assert!(rounds.close(LENGTH, second(300)).is_empty());
    assert_eq!(rounds.hear(LENGTH, second(31), &bad("500")), None);
    assert_eq!(rounds.hear(LENGTH, second(31), &good()), Some((second(30), good())));
    assert!(rounds.close(LENGTH, second(400)).is_empty());
}

#[test]
fn rounds_come_evenly_also_before_the_epoch() {
    assert_eq!(looks(&[(-1, good()), (0, good())], 0), [(-30, "good"), (0, "good")]);
}

proptest! {
    #[test]
    fn whoever_answers_first_the_round_is_the_same(
        mut said in prop::collection::vec(
            (0..90_i64, prop_oneof![Just(good()), Just(bad("500")), Just(blind())]), 0..20),
    ) {
        let forth = looks(&said, 200);
        said.reverse();
        prop_assert_eq!(&forth, &looks(&said, 200));
        let rounds: std::collections::BTreeSet<i64> = said.iter().map(|(at, _)| at / 30 * 30).collect();
        prop_assert!(forth.iter().map(|(at, _)| *at).eq(rounds), "one look each");
    }
}
