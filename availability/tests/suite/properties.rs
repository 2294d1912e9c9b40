//! What holds for any verdicts.

use std::time::Duration;

use availability::{Ledger, Report};
use model::time::Time;
use model::verdict::Outcome;
use proptest::prelude::*;

use crate::verdicts::{bad, blind, each_minute, good};

const MINUTE: i64 = 60_000;
/// Verdicts may be this late: the ten intervals that the ledger waits.
const LATEST: i64 = 10 * MINUTE;

/// One verdict on its way: when the probe began, what it found, how late it came.
#[derive(Clone, Debug)]
struct Sent {
    at: i64,
    outcome: Outcome,
    late: i64,
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![4 => Just(good()), 4 => Just(bad("500")), 1 => Just(blind())]
}

/// A prober that mostly keeps its interval, and sometimes is silent for up to an hour.
fn verdicts() -> impl Strategy<Value = Vec<Sent>> {
    let gap = prop_oneof![20 => 30_000..89_000_i64, 2 => 89_000..92_000_i64, 1 => 0..60 * MINUTE];
    let verdict = (gap, outcomes(), 0..=LATEST);
    prop::collection::vec(verdict, 1..80).prop_map(|list| {
        let mut at = 0;
        let sent = list.into_iter().map(|(gap, outcome, late)| {
            at += gap.max(1);
            Sent { at, outcome, late }
        });
        sent.collect()
    })
}

fn time(millis: i64) -> Time {
    Time::from_millis(millis)
}

/// Tells a ledger each verdict in the order of arrival, and the time with it.
fn ledger(mut sent: Vec<Sent>, end: i64) -> Ledger {
    let rules = each_minute();
    let mut ledger = Ledger::new(time(0));
    sent.sort_by_key(|verdict| verdict.at + verdict.late);
    for verdict in sent {
        ledger.tick(&rules, time(verdict.at + verdict.late));
        ledger.observe(&rules, time(verdict.at), &verdict.outcome);
    }
    ledger.tick(&rules, time(end));
    ledger
}

fn in_time(sent: &[Sent]) -> Vec<Sent> {
    sent.iter().map(|verdict| Sent { late: 0, ..verdict.clone() }).collect()
}

/// A while after the last arrival; how long decides how much is settled.
fn end_of(sent: &[Sent], later: i64) -> i64 {
    sent.last().map_or(0, |verdict| verdict.at) + LATEST + later
}

fn report(ledger: &Ledger, from: i64, until: i64) -> Report {
    ledger.report(&each_minute(), time(from), time(until))
}

fn total(report: &Report) -> Duration {
    report.up + report.down + report.unknown + report.maintenance + report.not_applicable
}

proptest! {
    #[test]
    fn states_add_up_to_the_period(
        sent in verdicts(), later in 0..40 * MINUTE,
        from in -10 * MINUTE..120 * MINUTE, length in 0..120 * MINUTE,
    ) {
        let ledger = ledger(sent.clone(), end_of(&sent, later));
        let report = report(&ledger, from, from + length);
        prop_assert_eq!(total(&report), time(from + length).since(time(from)));
        let outages: Duration = report.outages.iter().map(availability::Interval::length).sum();
        prop_assert_eq!(outages, report.down);
    }

    #[test]
    fn what_is_known_lies_between_the_bounds(sent in verdicts(), until in 1..120 * MINUTE) {
        let ledger = ledger(sent.clone(), end_of(&sent, 0));
        let report = report(&ledger, 0, until);
        prop_assert!(0.0 <= report.low && report.low <= report.high && report.high <= 1.0);
        if let Some(known) = report.known {
            prop_assert!(report.low <= known && known <= report.high, "{:?}", report);
        }
    }

    #[test]
    fn two_halves_make_the_whole(
        sent in verdicts(), later in 0..40 * MINUTE, cuts in prop::array::uniform3(-MINUTE..120 * MINUTE),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let [from, middle, until] = cuts;
        let ledger = ledger(sent.clone(), end_of(&sent, later));
        let [first, second, whole] =
            [(from, middle), (middle, until), (from, until)].map(|(a, b)| report(&ledger, a, b));
        prop_assert_eq!(first.up + second.up, whole.up);
        prop_assert_eq!(first.down + second.down, whole.down);
        prop_assert_eq!(first.unknown + second.unknown, whole.unknown);
        prop_assert_eq!(first.not_applicable + second.not_applicable, whole.not_applicable);
        prop_assert_eq!(first.blips + second.blips, whole.blips);
    }

    /// Late within the window, in any order, and some of them twice.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        sent in verdicts(), again in 0..80_usize, later in 0..60 * MINUTE,
        from in 0..60 * MINUTE, length in 0..120 * MINUTE,
    ) {
        let end = end_of(&sent, later);
        let expected = ledger(in_time(&sent), end);
        let mut shuffled = sent.clone();
        shuffled.extend(sent.iter().take(again).map(|verdict| Sent { late: LATEST, ..verdict.clone() }));
        let ledger = ledger(shuffled, end);
        prop_assert_eq!(ledger.left_out(), 0);
        prop_assert_eq!(report(&ledger, from, from + length), report(&expected, from, from + length));
        prop_assert_eq!(report(&ledger, 0, end), report(&expected, 0, end));
    }

    /// How often the time is told, and so in what pieces the past is settled, does not matter.
    #[test]
    fn settling_changes_no_report(sent in verdicts(), later in 0..60 * MINUTE, ticks in 1..400_i64) {
        let end = end_of(&sent, later);
        let rules = each_minute();
        let mut seldom = Ledger::new(time(0));
        for verdict in &sent {
            seldom.observe(&rules, time(verdict.at), &verdict.outcome);
        }
        seldom.tick(&rules, time(end));
        let mut often = Ledger::new(time(0));
        let mut told = 0;
        for verdict in &sent {
            while told + end / ticks < verdict.at {
                told += (end / ticks).max(1);
                often.tick(&rules, time(told));
            }
            often.observe(&rules, time(verdict.at), &verdict.outcome);
        }
        often.tick(&rules, time(end));
        prop_assert_eq!(report(&often, 0, end), report(&seldom, 0, end));
    }

    /// Stored is what was handed out, once, and the tail, each time; wherever it is cut, it goes on as if
    /// it had not been.
    #[test]
    fn a_tail_and_what_was_handed_out_are_the_ledger(
        sent in verdicts(), cut in 0..80_usize, later in 0..60 * MINUTE,
    ) {
        let rules = each_minute();
        let (mut whole, mut handed_out) = (Ledger::new(time(0)), Vec::new());
        let mut stored = whole.tail();
        for (number, verdict) in sent.iter().enumerate() {
            for ledger in [&mut whole, &mut stored] {
                ledger.tick(&rules, time(verdict.at));
                ledger.observe(&rules, time(verdict.at), &verdict.outcome);
            }
            stored.take_transitions();
            handed_out.extend(whole.take_transitions());
            if number == cut {
                let json = serde_json::to_string(&whole.tail()).unwrap();
                stored = serde_json::from_str(&json).unwrap();
                stored.complete(handed_out.clone(), whole.settled_blips().to_vec());
                prop_assert_eq!(&stored, &whole);
            }
        }
        let end = end_of(&sent, later);
        whole.tick(&rules, time(end));
        stored.tick(&rules, time(end));
        prop_assert_eq!(report(&stored, 0, end), report(&whole, 0, end));
    }

    /// A prober that keeps its interval, with and without a span in which it was dead: from one
    /// interval after its last verdict to its next one everything is unknown, and elsewhere
    /// exactly what was unknown before.
    #[test]
    fn a_dead_prober_makes_its_span_unknown_and_nothing_else(
        outcomes in prop::collection::vec(outcomes(), 1..100), dead_from in 1..100_usize,
        dead_for in 1..60_usize, later in 0..60 * MINUTE,
    ) {
        // The first is good: what never was proven is another story.
        let probes = std::iter::once(good()).chain(outcomes).chain([good()]);
        let all: Vec<Sent> = (0..).zip(probes)
            .map(|(minute, outcome)| Sent { at: minute * MINUTE, outcome, late: 0 })
            .collect();
        let last = all.len() - 1;
        let dead = dead_from.min(last)..(dead_from + dead_for).min(last);
        let mut living = all.clone();
        living.drain(dead.clone());
        let end = end_of(&all, later);
        let (watched, unwatched) = (ledger(all.clone(), end), ledger(living, end));
        for (minute, verdict) in all.iter().enumerate() {
            let unknown = |ledger| report(ledger, verdict.at, verdict.at + MINUTE).unknown;
            let expected = match dead.contains(&minute) {
                true => Duration::from_millis(60_000),
                false => unknown(&watched),
            };
            prop_assert_eq!(unknown(&unwatched), expected, "minute {}", minute);
        }
    }

    /// Time that the monitor says it was dead is unknown, and all other time stays as it was.
    #[test]
    fn a_dead_monitor_takes_exactly_its_span(
        sent in verdicts(), spans in prop::collection::vec((0..90 * MINUTE, 1..20 * MINUTE), 1..5),
    ) {
        let end = 120 * MINUTE;
        let rules = each_minute();
        let mut watched = Ledger::new(time(0));
        let mut dead = Ledger::new(time(0));
        for verdict in &sent {
            watched.observe(&rules, time(verdict.at), &verdict.outcome);
            dead.observe(&rules, time(verdict.at), &verdict.outcome);
        }
        for (from, length) in &spans {
            dead.blind(time(*from), time(from + length));
        }
        watched.tick(&rules, time(end));
        dead.tick(&rules, time(end));
        let mut edges: Vec<i64> = spans.iter().flat_map(|(from, length)| [*from, from + length]).collect();
        edges.extend([0, end]);
        edges.sort_unstable();
        for edge in edges.windows(2) {
            let [from, until] = [edge[0], edge[1]];
            let inside = spans.iter().any(|(start, length)| *start <= from && until <= start + length);
            let (before, after) = (report(&watched, from, until), report(&dead, from, until));
            if inside {
                prop_assert_eq!(after.unknown, time(until).since(time(from)));
            } else {
                prop_assert_eq!((before.up, before.down), (after.up, after.down));
            }
        }
    }
}
