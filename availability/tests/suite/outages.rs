//! From down time to outages, and to the figures of a period.

use std::time::Duration;

use availability::{Interval, Lengths, Outage, State, Statistics, Tally, outages};
use expect_test::{Expect, expect};
use model::time::Time;
use model::unit::Span;
use proptest::prelude::*;

use crate::verdicts::second;

const GAP: Duration = Duration::from_secs(120);

/// `10m up, 3m down`: one after the other, from 0 on.
fn timeline(story: &str) -> Vec<Interval> {
    let mut at = Time::default();
    let spans = story.split(", ").enumerate().map(|(place, span)| {
        let (length, state) = span.split_once(' ').unwrap();
        let from = at;
        at = from + length.parse::<Span>().unwrap().0;
        let state = match state {
            "up" => State::Up,
            "down" => State::Down,
            "unknown" => State::Unknown,
            "maintenance" => State::Maintenance,
            "not-applicable" => State::NotApplicable,
            _ => panic!("no state {state}"),
        };
        Interval { from, until: at, state, why: format!("{state} {place}") }
    });
    spans.collect()
}

fn end(timeline: &[Interval]) -> Time {
    timeline.last().unwrap().until
}

fn show(outage: &Outage) -> String {
    let at = |time: Time| Span(time.since(Time::default()));
    let parts: Vec<_> =
        outage.parts.iter().map(|part| format!("{}..{}", at(part.from), at(part.until))).collect();
    let Outage { down, counted, began_before, begin_seen, end, .. } = outage;
    let begin = match (began_before, begin_seen) {
        (true, true) => ", began before",
        (true, false) => ", began before and unseen",
        (false, true) => "",
        (false, false) => ", began unseen",
    };
    let (parts, down, counted) = (parts.join(" "), Span(*down), Span(*counted));
    format!("{parts} down {down} counted {counted}{begin}, end {end:?}: {}\n", outage.why())
}

fn check(story: &str, expected: &Expect) {
    let timeline = timeline(story);
    let found = outages(&timeline, Time::default(), end(&timeline), GAP);
    expected.assert_eq(&found.iter().map(show).collect::<String>());
}

#[test]
fn who_is_well_for_a_moment_is_not_well() {
    check(
        "10m up, 3m down, 1m59s up, 1m down, 2m up, 5m down, 1h up",
        &expect![[r#"
        10m..13m 14m59s..15m59s down 4m counted 4m, end Seen: down 1
        17m59s..22m59s down 5m counted 5m, end Seen: down 5
    "#]],
    );
}

/// What nobody saw cannot end an outage, and cannot begin another.
#[test]
fn what_nobody_saw_ends_no_outage() {
    check(
        "10m up, 3m down, 6h unknown, 1m down, 1h up",
        &expect![[r#"
        10m..13m 6h13m..6h14m down 4m counted 4m, end Seen: down 1
    "#]],
    );
    check(
        "10m up, 3m down, 2h maintenance, 1m down, 1h up",
        &expect![[r#"
        10m..13m 2h13m..2h14m down 4m counted 4m, end Seen: down 1
    "#]],
    );
    check(
        "10m up, 3m down, 6h unknown, 1m up, 6h unknown, 1m down, 1h up",
        &expect![[r#"
        10m..13m 12h14m..12h15m down 4m counted 4m, end Seen: down 1
    "#]],
    );
    check(
        "10m up, 3m down, 6h unknown, 1h up",
        &expect![[r#"
        10m..13m down 3m counted 3m, end Unseen: down 1
    "#]],
    );
    check(
        "10m up, 6h unknown, 3m down, 1h up",
        &expect![[r#"
        6h10m..6h13m down 3m counted 3m, began unseen, end Seen: down 2
    "#]],
    );
}

#[test]
fn time_for_which_nothing_was_promised_ends_an_outage() {
    check(
        "10m up, 3m down, 12h not-applicable, 1m down, 1h up",
        &expect![[r#"
        10m..13m down 3m counted 3m, end Seen: down 1
        12h13m..12h14m down 1m counted 1m, end Seen: down 3
    "#]],
    );
    check(
        "10m up, 3m down, 1m not-applicable, 1m down, 1h up",
        &expect![[r#"
        10m..13m 14m..15m down 4m counted 4m, end Seen: down 1
    "#]],
    );
}

#[test]
fn an_outage_that_nobody_saw_end_is_open() {
    check(
        "10m up, 3m down",
        &expect![[r#"
        10m..13m down 3m counted 3m, end Open: down 1
    "#]],
    );
    check(
        "10m up, 3m down, 1m up, 2m down, 10m unknown",
        &expect![[r#"
        10m..13m 14m..16m down 5m counted 5m, end Open: down 1
    "#]],
    );
    check(
        "10m up, 3m down, 10m maintenance",
        &expect![[r#"
        10m..13m down 3m counted 3m, end Open: down 1
    "#]],
    );
}

#[test]
fn an_outage_over_the_edge_is_told_whole_and_counted_in_part() {
    let timeline = timeline("10m up, 20m down, 1m up, 20m down, 1h up");
    let cut = |from: i64, until: i64| {
        let found = outages(&timeline, second(60 * from), second(60 * until), GAP);
        found.iter().map(show).collect::<String>()
    };
    let told = [cut(0, 15), cut(15, 40), cut(40, 60), cut(60, 90)].join("---\n");
    expect![[r#"
        10m..15m down 5m counted 5m, end Open: down 1
        ---
        10m..30m 31m..40m down 29m counted 24m, began before, end Open: down 1
        ---
        10m..30m 31m..51m down 40m counted 11m, began before, end Seen: down 1
        ---
    "#]]
    .assert_eq(&told);
}

#[test]
fn who_gives_no_past_is_not_told_when_it_began() {
    check(
        "10m down, 1h up",
        &expect![[r#"
        0..10m down 10m counted 10m, began before and unseen, end Seen: down 0
    "#]],
    );
}

#[test]
fn figures_of_a_period() {
    let story = "1h down, 9h up, 10m down, 1h up, 20m down, 1h up, 90m down, 1h up, 5m down, \
                 10m unknown, 1h up, 7m down";
    let timeline = timeline(story);
    let (from, until) = (second(1_800), end(&timeline));
    let found = outages(&timeline, from, until, GAP);
    let up = Tally::of(&timeline).up;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(
        Statistics::of(&found, up),
        Statistics {
            started: 5,
            ended: 5,
            // 60, 10, 20, 90 and 5 minutes.
            repair: Some(Lengths { mean: minutes(37), median: minutes(20), worst: minutes(90) }),
            repair_is_at_least: true,
            open: Some(minutes(7)),
            between: Some(minutes(13 * 60) / 5),
            list_them: false,
        }
    );
}

#[test]
fn a_period_without_outages_has_no_infinite_figures() {
    let timeline = timeline("1h up");
    let found = outages(&timeline, Time::default(), end(&timeline), GAP);
    let figures = Statistics::of(&found, Duration::from_secs(3600));
    assert_eq!((figures.started, figures.between, figures.repair), (0, None, None));
    assert!(figures.list_them);
}

fn stories() -> impl Strategy<Value = Vec<Interval>> {
    let states = prop::sample::select(vec![
        State::Up,
        State::Down,
        State::Unknown,
        State::Maintenance,
        State::NotApplicable,
    ]);
    prop::collection::vec((states, 1..400_i64), 1..40).prop_map(|spans| {
        let mut timeline: Vec<Interval> = Vec::new();
        for (state, length) in spans {
            let from = timeline.last().map_or(second(0), |last| last.until);
            let until = from + Duration::from_secs(length.unsigned_abs());
            match timeline.last_mut() {
                Some(last) if last.state == state => last.until = until,
                _ => timeline.push(Interval { from, until, state, why: String::new() }),
            }
        }
        timeline
    })
}

fn counted(outages: &[Outage]) -> Duration {
    outages.iter().map(|outage| outage.counted).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn outages_are_made_of_all_down_time_and_of_nothing_else(
        timeline in stories(), gap in 0..600_u64,
    ) {
        let (from, until) = (second(0), end(&timeline));
        let found = outages(&timeline, from, until, Duration::from_secs(gap));
        let parts: Vec<_> = found.iter().flat_map(|outage| outage.parts.clone()).collect();
        let down = timeline.iter().filter(|span| span.state == State::Down).cloned();
        prop_assert_eq!(parts, down.collect::<Vec<_>>());
        prop_assert_eq!(counted(&found), Tally::of(&timeline).down);
        prop_assert!(found.iter().all(|outage| outage.down == outage.counted));
    }

    #[test]
    fn merging_changes_how_many_there_are_and_not_how_long(
        timeline in stories(), gaps in prop::array::uniform2(0..600_u64),
    ) {
        let [narrow, wide] = [gaps[0].min(gaps[1]), gaps[0].max(gaps[1])].map(|gap| {
            outages(&timeline, second(0), end(&timeline), Duration::from_secs(gap))
        });
        prop_assert!(narrow.len() >= wide.len());
        prop_assert_eq!(counted(&narrow), counted(&wide));
    }

    #[test]
    fn two_halves_count_as_much_as_the_whole(
        timeline in stories(), cuts in prop::array::uniform3(0..16_000_i64), gap in 0..600_u64,
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let [from, middle, until] = cuts.map(second);
        let count = |a, b| counted(&outages(&timeline, a, b, Duration::from_secs(gap)));
        prop_assert_eq!(count(from, middle) + count(middle, until), count(from, until));
    }

    /// An outage begins in one period only, however time is cut.
    #[test]
    fn each_outage_begins_once(timeline in stories(), cut in 1..16_000_i64) {
        let (from, cut, until) = (second(-1), second(cut), second(16_000));
        let started = |a, b| Statistics::of(&outages(&timeline, a, b, GAP), Duration::ZERO).started;
        prop_assert_eq!(started(from, cut) + started(cut, until), started(from, until));
    }

    #[test]
    fn what_comes_after_a_period_does_not_change_it(timeline in stories(), cut in 1..16_000_i64) {
        let cut = second(cut);
        let past: Vec<_> = timeline
            .iter()
            .filter(|span| span.from < cut)
            .map(|span| Interval { until: span.until.min(cut), ..span.clone() })
            .collect();
        prop_assert_eq!(
            outages(&timeline, second(0), cut, GAP), outages(&past, second(0), cut, GAP)
        );
    }
}
