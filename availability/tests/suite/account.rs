//! Overlays, tallies and verdicts: what lies over what, and what is decided by it.

use std::time::Duration;

use availability::{
    Interval, Kind, Maintenance, Overlay, State, Tally, Target, Terms, Unknown, Verdict, lay,
};
use model::time::Time;
use proptest::prelude::*;

fn at(second: u32) -> Time {
    Time::from_millis(i64::from(second) * 1000)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn interval(from: u32, until: u32, state: State) -> Interval {
    Interval { from: at(from), until: at(until), state, why: format!("{state}") }
}

fn overlay(from: u32, until: u32, kind: Kind, state: State, said: u32) -> Overlay {
    let why = format!("{kind:?} said at {said}");
    Overlay { from: at(from), until: at(until), kind, state, why, said: at(said) }
}

fn shown(timeline: &[Interval]) -> String {
    let told = timeline.iter().map(|interval| {
        let (from, until) = (interval.from.millis() / 1000, interval.until.millis() / 1000);
        format!("{from}..{until} {}", interval.state)
    });
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn the_stronger_word_counts_and_of_two_corrections_the_later() {
    let base = [interval(0, 50, State::Up), interval(50, 100, State::Down)];
    let window = overlay(40, 80, Kind::Maintenance, State::Maintenance, 0);
    let blind = overlay(70, 90, Kind::Blind, State::Unknown, 90);
    let first = overlay(60, 75, Kind::Correction, State::Down, 200);
    let second = overlay(60, 65, Kind::Correction, State::Up, 300);
    let laid = lay(&base, &[second, blind, first, window]);
    let expected = "0..40 up, 40..60 maintenance, 60..65 up, 65..75 down, 75..80 maintenance, \
                    80..90 unknown, 90..100 down";
    assert_eq!(shown(&laid), expected);
}

#[test]
fn what_reaches_beyond_the_period_is_cut_off() {
    let base = [interval(10, 20, State::Up)];
    let before = overlay(0, 12, Kind::Maintenance, State::Maintenance, 0);
    let after = overlay(18, 99, Kind::NotApplicable, State::NotApplicable, 0);
    let laid = lay(&base, &[before, after]);
    assert_eq!(shown(&laid), "10..12 maintenance, 12..18 up, 18..20 not-applicable");
}

#[test]
fn a_window_counts_from_its_notice_on() {
    let terms = |notice| Terms { maintenance: Maintenance::Exclude { notice }, ..Terms::default() };
    let window = [overlay(100, 200, Kind::Maintenance, State::Up, 90)];
    let from = |terms: &Terms| terms.admit(&window).first().map(|one| (one.from, one.state));
    assert_eq!(from(&terms(seconds(0))), Some((at(100), State::Maintenance)));
    assert_eq!(from(&terms(seconds(60))), Some((at(150), State::Maintenance)));
    assert_eq!(from(&terms(seconds(110))), None, "it was announced after it was over, so to say");
    let counts = Terms { maintenance: Maintenance::Count, ..Terms::default() };
    assert_eq!(from(&counts), None);
}

#[test]
fn a_verdict_says_what_would_decide_it() {
    let target = Target::parse("99%").unwrap();
    let tally = |up, down, unknown| Tally {
        up: seconds(up),
        down: seconds(down),
        unknown: seconds(unknown),
        ..Tally::default()
    };
    assert_eq!(tally(990, 10, 0).verdict(target), Some(Verdict::Met));
    assert_eq!(tally(989, 11, 0).verdict(target), Some(Verdict::Missed));
    assert_eq!(tally(0, 0, 0).verdict(target), None);
    let open = tally(980, 5, 15).verdict(target);
    let expected = Verdict::Undecidable { met_if_up_ms: 10_000, missed_if_down_ms: 5_001 };
    assert_eq!(open, Some(expected));
    let strict = tally(980, 5, 15).under(Unknown::CountDown).verdict(target);
    assert_eq!(strict, Some(Verdict::Missed));
    let mild = tally(980, 5, 15).under(Unknown::CountUp).verdict(target);
    assert_eq!(mild, Some(Verdict::Met));
}

#[test]
fn a_target_is_a_decimal_and_nothing_else() {
    let told = |text: &str| Target::parse(text).map(|target| target.to_string());
    assert_eq!(told("99.95"), Ok("99.95%".to_owned()));
    assert_eq!(told(" 99.9990 % "), Ok("99.999%".to_owned()));
    assert_eq!(told("100%"), Ok("100%".to_owned()));
    assert_eq!(Target::parse("99.95").unwrap().budget(seconds(30 * 86_400)), seconds(1296));
    for bad in ["", "%", "0", "100.1", "99.99999", "-1", "1e2", "99,9", "0x5", "4294967296"] {
        let error = told(bad).unwrap_err();
        assert!(error.ends_with("write a percentage such as 99.95%"), "{bad}: {error}");
    }
}

#[test]
fn terms_are_printed_in_words() {
    let terms = Terms {
        name: "gold".to_owned(),
        version: 3,
        target: Target::parse("99.9").ok(),
        maintenance: Maintenance::Exclude { notice: seconds(86_400) },
        unknown: Unknown::CountDown,
        ..Terms::default()
    };
    let expected = "gold@3: 99.9% is promised, outages less than 2m apart are one, maintenance does not \
                    count from 1d after it was announced, unknown time counts as down";
    assert_eq!(terms.to_string(), expected);
}

prop_compose! {
    fn any_base()(lengths in prop::collection::vec((1u32..200, 0usize..3), 1..20)) -> Vec<Interval> {
        let states = [State::Up, State::Down, State::Unknown];
        let mut from = 0;
        let list = lengths.into_iter().map(|(length, state)| {
            let one = interval(from, from + length, states[state]);
            from += length;
            one
        });
        list.collect()
    }
}

prop_compose! {
    fn any_overlays()(
        raw in prop::collection::vec((0u32..2000, 0u32..500, 0usize..4, 0u32..50), 0..12),
    ) -> Vec<Overlay> {
        let kinds = [
            (Kind::Blind, State::Unknown),
            (Kind::Maintenance, State::Maintenance),
            (Kind::NotApplicable, State::NotApplicable),
            (Kind::Correction, State::Up),
        ];
        let overlays = raw.into_iter().map(|(from, length, kind, said)| {
            let (kind, state) = kinds[kind];
            overlay(from, from + length, kind, state, said)
        });
        overlays.collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Second by second, by looking for the strongest of all that cover it.
    #[test]
    fn every_second_has_the_state_of_the_strongest(base in any_base(), overlays in any_overlays()) {
        let laid = lay(&base, &overlays);
        let end = base.last().unwrap().until;
        prop_assert_eq!(Tally::of(&laid).whole(), end.since(at(0)));
        for pair in laid.windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].from);
        }
        let state_of = |list: &[Interval], time: Time| {
            list.iter().find(|one| one.from <= time && time < one.until).map(|one| one.state)
        };
        for second in (0..end.millis() / 1000).map(|second| at(u32::try_from(second).unwrap())) {
            let covering = overlays.iter().filter(|one| one.from <= second && second < one.until);
            let strongest = covering.max_by_key(|one| (one.kind, one.said)).map(|one| one.state);
            prop_assert_eq!(state_of(&laid, second), strongest.or(state_of(&base, second)));
        }
    }

    #[test]
    fn the_order_of_overlays_changes_nothing(
        base in any_base(),
        (overlays, shuffled) in any_overlays().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        prop_assert_eq!(lay(&base, &overlays), lay(&base, &shuffled));
    }

    #[test]
    fn bounds_hold_and_a_period_may_be_split(base in any_base(), overlays in any_overlays(), cut in 0u32..2000) {
        let laid = lay(&base, &overlays);
        let tally = Tally::of(&laid);
        if let (Some(low), Some(high)) = (tally.low(), tally.high()) {
            let known = tally.known().map_or(low.as_f64(), availability::Share::as_f64);
            prop_assert!(low.as_f64() <= known && known <= high.as_f64());
        }
        let part = |from: Time, until: Time| {
            let inside = laid.iter().filter(|one| one.from < until && from < one.until);
            let clipped: Vec<Interval> = inside
                .map(|one| Interval { from: one.from.max(from), until: one.until.min(until), ..one.clone() })
                .collect();
            Tally::of(&clipped)
        };
        let end = base.last().unwrap().until;
        let cut = at(cut).min(end);
        let (first, second) = (part(at(0), cut), part(cut, end));
        prop_assert_eq!(first.up + second.up, tally.up);
        prop_assert_eq!(first.down + second.down, tally.down);
        prop_assert_eq!(first.unknown + second.unknown, tally.unknown);
        prop_assert_eq!(first.whole() + second.whole(), tally.whole());
    }
}
