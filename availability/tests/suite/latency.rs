//! Hours of answers: what is counted, when, and that it is counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use availability::{
    Accounting, Answer, Answers, Latencies, LatencyPromise, Stretch, Within, hour_of, start_of,
};
use model::id::ModuleId;
use model::time::Time;
use model::verdict::Outcome;
use proptest::prelude::*;

use crate::verdicts::{bad, blind, each_minute, good, second};

const HOUR: i64 = 3_600;

fn web() -> ModuleId {
    "shop/web".parse().unwrap()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn took(ms: u64) -> Answer {
    Answer::of(&good(), millis(ms)).unwrap()
}

fn thresholds(list: &[u64]) -> BTreeSet<Duration> {
    list.iter().copied().map(millis).collect()
}

fn settled(latencies: &mut Latencies, now: i64, list: &[u64]) -> Vec<Stretch> {
    let all = latencies.settle(&each_minute(), second(now), |_| thresholds(list));
    all.into_iter().filter(|stretch| stretch.hours == 1).collect()
}

#[test]
fn a_failure_is_above_every_threshold_and_has_no_time() {
    let mut latencies = Latencies::default();
    let timed_out = Answer::of(&bad("too late"), millis(10_000)).unwrap();
    for (at, answer) in [(0, took(100)), (60, took(101)), (120, timed_out)] {
        assert!(latencies.observe(&each_minute(), &web(), second(at), answer));
    }
    assert_eq!(Answer::of(&blind(), millis(3)), None, "nobody looked");
    let hours = settled(&mut latencies, 2 * HOUR, &[100, 20_000]);
    let answers = &hours[0].answers;
    assert_eq!((hours.len(), answers.probes, answers.failures), (1, 3, 1));
    assert_eq!(answers.slowest, millis(101));
    let counts: Vec<_> = answers.within.values().map(|within| (within.count, within.of)).collect();
    assert_eq!(counts, [(1, 3), (2, 3)], "100 ms is within 100 ms");
    assert!(answers.percentile(100) <= Some(millis(101)), "the timeout is no time");
}

#[test]
fn a_promise_is_kept_or_broken_by_one_probe() {
    let promise = LatencyPromise::parse("99% within 300ms").unwrap();
    let keeps = |slow: usize| {
        let answers = [vec![took(200); 1_000 - slow], vec![took(301); slow]].concat();
        Answers::of_hour(second(0), &answers, &thresholds(&[300])).keeps(&promise)
    };
    assert_eq!([10, 11].map(keeps), [Some(true), Some(false)]);
    assert_eq!(Answers::of_hour(second(0), [], &thresholds(&[300])).keeps(&promise), None);
    let uncounted = Answers::of_hour(second(0), &[took(1)], &thresholds(&[100]));
    assert_eq!(uncounted.keeps(&promise), None, "nobody knows");
}

/// Ten intervals after the hour nothing of it can come any more.
#[test]
fn an_hour_is_settled_once_and_what_comes_later_is_left_out() {
    let mut latencies = Latencies::default();
    let observe = |latencies: &mut Latencies, at, ms| {
        latencies.observe(&each_minute(), &web(), second(at), took(ms))
    };
    assert!(observe(&mut latencies, HOUR - 1, 5));
    assert_eq!(settled(&mut latencies, HOUR + 599, &[]), []);
    assert!(observe(&mut latencies, HOUR - 1, 7), "the slower of two is news");
    assert!(!observe(&mut latencies, HOUR - 1, 6), "the faster is not");
    let hours = settled(&mut latencies, HOUR + 600, &[]);
    assert_eq!((hours[0].at, hours[0].answers.probes), (second(0), 1));
    assert_eq!(hours[0].answers.slowest, millis(7));
    assert!(!observe(&mut latencies, HOUR - 1, 9));
    assert_eq!((latencies.left_out(), settled(&mut latencies, 9 * HOUR, &[])), (1, vec![]));
}

#[test]
fn a_clock_that_was_set_back_counts_no_hour_twice() {
    let mut latencies = Latencies::default();
    latencies.observe(&each_minute(), &web(), second(10), took(5));
    assert_eq!(settled(&mut latencies, 2 * HOUR, &[]).len(), 1);
    assert!(!latencies.observe(&each_minute(), &web(), second(20), took(5)));
    assert_eq!(settled(&mut latencies, 30, &[]), []);
    let mut anew = Latencies::restore(latencies.settled_until(), []);
    assert!(
        !anew.observe(&each_minute(), &web(), second(20), took(5)),
        "a restart forgets nothing"
    );
    assert_eq!(settled(&mut anew, 30, &[]), []);
}

#[test]
fn a_threshold_that_is_new_says_since_when_it_counts() {
    let mut latencies = Latencies::default();
    latencies.observe(&each_minute(), &web(), second(10), took(150));
    let mut all = settled(&mut latencies, 2 * HOUR, &[100]).remove(0).answers;
    latencies.observe(&each_minute(), &web(), second(2 * HOUR), took(150));
    all.merge(&settled(&mut latencies, 4 * HOUR, &[100, 200]).remove(0).answers);
    let first = Within { count: 0, of: 2, since: second(0) };
    let second = Within { count: 1, of: 1, since: second(2 * HOUR) };
    assert_eq!(all.within, [(millis(100), first), (millis(200), second)].into());
}

#[test]
fn days_are_the_sum_of_their_hours_also_over_a_restart() {
    let mut latencies = Latencies::default();
    let day = 24 * HOUR;
    let look = |latencies: &mut Latencies, at: i64| {
        assert!(latencies.observe(&each_minute(), &web(), second(at), took(5)));
    };
    let settle = |latencies: &mut Latencies, now: i64| -> Vec<(u32, i64, u64)> {
        let all = latencies.settle(&each_minute(), second(now), |_| BTreeSet::new());
        all.iter().map(|it| (it.hours, it.at.millis() / 1_000, it.answers.probes)).collect()
    };
    look(&mut latencies, day + 10);
    assert_eq!(settle(&mut latencies, day + 2 * HOUR), [(768, 0, 1), (24, day, 1), (1, day, 1)]);
    let mut anew = Latencies::restore(latencies.settled_until(), []);
    for hours in [768, 24] {
        let (module, at) = (web(), start_of(latencies.settled_until(), hours));
        let answers = Answers::of_hour(at, &[took(5)], &BTreeSet::new());
        anew.resume(Stretch { module, hours, at, answers });
    }
    for latencies in [&mut latencies, &mut anew] {
        look(latencies, day + 2 * HOUR);
        look(latencies, 2 * day);
        let second_hour = [(768, 0, 2), (24, day, 2), (1, day + 2 * HOUR, 1)];
        let next_day = [(768, 0, 3), (24, 2 * day, 1), (1, 2 * day, 1)];
        assert_eq!(settle(latencies, 3 * day), [second_hour, next_day].concat());
    }
    assert_eq!(settle(&mut latencies, 4 * day), settle(&mut anew, 4 * day));
}

#[test]
fn what_was_seen_with_blind_eyes_counts_for_nothing() {
    let mut latencies = Latencies::default();
    for at in [10, 20, 30] {
        latencies.observe(&each_minute(), &web(), second(at), Answer::Failed);
    }
    latencies.blind(second(20), second(30));
    assert_eq!(settled(&mut latencies, 2 * HOUR, &[])[0].answers.probes, 2);
}

#[test]
fn what_is_under_way_is_told_and_not_taken() {
    let mut latencies = Latencies::default();
    latencies.observe(&each_minute(), &web(), second(10), took(5));
    let told = latencies.under_way(&web(), &thresholds(&[100]));
    assert_eq!((told.len(), told[0].answers.probes), (1, 1));
    assert_eq!(settled(&mut latencies, 2 * HOUR, &[100]), told);
    assert_eq!(latencies.under_way(&web(), &thresholds(&[100])), []);
}

#[test]
fn more_looks_than_any_prober_makes_are_left_out() {
    let mut latencies = Latencies::default();
    for ms in 0..10_001 {
        latencies.observe(&each_minute(), &web(), Time::from_millis(ms), took(1));
    }
    assert_eq!(latencies.left_out(), 1);
    assert_eq!(settled(&mut latencies, 2 * HOUR, &[])[0].answers.probes, 10_000);
}

/// A look on its way: when it began, how late it came.
#[derive(Clone, Debug)]
struct Sent {
    at: i64,
    answer: Answer,
    late: i64,
}

fn answers() -> impl Strategy<Value = Answer> {
    let outcome = prop_oneof![9 => Just(good()), 1 => Just(bad("500"))];
    (outcome, 1..400_000_u64).prop_map(|(outcome, us): (Outcome, u64)| {
        Answer::of(&outcome, Duration::from_micros(us)).unwrap()
    })
}

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    let look = (0..5 * HOUR, answers(), 0..600_i64);
    let looks = prop::collection::vec(look, 1..200);
    looks.prop_map(|looks| {
        looks.into_iter().map(|(at, answer, late)| Sent { at, answer, late }).collect()
    })
}

/// All that is settled, in the bytes that are stored, when looks arrive in the order of their coming.
fn told(mut sent: Vec<Sent>, accounting: &Accounting) -> Vec<(u32, Time, u64, Vec<u8>)> {
    let mut latencies = Latencies::default();
    let mut hours = Vec::new();
    let thresholds = |_: &ModuleId| thresholds(&[100, 300]);
    sent.sort_by_key(|look| look.at + look.late);
    for Sent { at, answer, late } in sent {
        hours.extend(latencies.settle(accounting, second(at + late), thresholds));
        latencies.observe(accounting, &web(), second(at), answer);
    }
    hours.extend(latencies.settle(accounting, second(9 * HOUR), thresholds));
    assert_eq!(latencies.left_out(), 0, "nothing came too late");
    // The last word on a stretch is what is kept of it.
    let kept: BTreeMap<_, _> =
        hours.into_iter().map(|it| ((it.hours, it.at), it.answers)).collect();
    kept.into_iter().map(|((hours, at), it)| (hours, at, it.probes, it.pack(at))).collect()
}

fn merged<'a>(hours: impl Iterator<Item = &'a Answers>) -> Answers {
    hours.fold(Answers::default(), |mut all, hour| {
        all.merge(hour);
        all
    })
}

proptest! {
    #[test]
    fn neither_order_nor_saying_it_twice_changes_a_byte(
        sent in sent(), again in prop::collection::vec((any::<prop::sample::Index>(), 0..600_i64), 0..40),
        lates in prop::collection::vec(0..600_i64, 200),
    ) {
        let mut other = sent.clone();
        other.extend(again.iter().map(|(which, late)| Sent { late: *late, ..which.get(&sent).clone() }));
        other.reverse();
        other.iter_mut().zip(lates).for_each(|(look, late)| look.late = late);
        prop_assert_eq!(told(sent, &each_minute()), told(other, &each_minute()));
    }

    #[test]
    fn a_restart_between_any_two_looks_changes_nothing(sent in sent(), cut in 0..200_usize) {
        let looks = |latencies: &mut Latencies, part: &[Sent], kept: &mut Vec<_>| {
            for look in part {
                if latencies.observe(&each_minute(), &web(), second(look.at), look.answer) {
                    kept.push((web(), second(look.at), look.answer));
                }
            }
        };
        let (mut whole, mut first) = (Latencies::default(), Latencies::default());
        let mut kept = Vec::new();
        looks(&mut whole, &sent, &mut Vec::new());
        let (before, after) = sent.split_at(cut.min(sent.len()));
        looks(&mut first, before, &mut kept);
        let mut anew = Latencies::restore(first.settled_until(), kept);
        looks(&mut anew, after, &mut Vec::new());
        prop_assert_eq!(settled(&mut whole, 9 * HOUR, &[100]), settled(&mut anew, 9 * HOUR, &[100]));
    }

    #[test]
    fn the_hours_of_a_period_merge_to_the_period(list in prop::collection::vec((0..5 * HOUR, answers()), 0..300)) {
        let of = |answers: Vec<Answer>, at| Answers::of_hour(second(at), &answers, &thresholds(&[50, 200]));
        let hours: Vec<Answers> = (0..5).map(|hour| {
            let inside = list.iter().filter(|(at, _)| hour_of(second(*at)) == second(hour * HOUR));
            of(inside.map(|(_, answer)| *answer).collect(), hour * HOUR)
        }).collect();
        let whole = of(list.iter().map(|(_, answer)| *answer).collect(), 0);
        prop_assert_eq!(&merged(hours.iter()), &whole);
        prop_assert_eq!(&merged(hours.iter().rev()), &whole, "in any order");
        let halves = [merged(hours[..2].iter()), merged(hours[2..].iter())];
        prop_assert_eq!(&merged(halves.iter()), &whole, "by any tree");
        let bytes = whole.pack(second(0));
        let back = Answers::unpack(second(0), whole.probes, whole.failures, &bytes);
        prop_assert_eq!(back, Some(whole), "the bytes hold all of it");
    }

    #[test]
    fn no_bytes_are_taken_for_more_than_they_are(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Some(answers) = Answers::unpack(second(0), 9, 1, &bytes) {
            prop_assert!(answers.within.values().all(|within| within.of <= 9));
        }
    }
}
