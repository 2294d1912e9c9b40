//! How a promise stands: budget and burn by the same timeline, planned work and corrections included.

use std::time::Duration;

use availability::{
    Interval, Kind, Outlook, Overlay, Period, Standing, State, Target, Terms, Urgency, WeekStart,
};
use jiff::tz::TimeZone;
use model::time::Time;

const DAY: i64 = 86_400;

/// In June 1970, which begins 151 days after the epoch and has 30.
fn at(day: i64, second: i64) -> Time {
    Time::from_millis(((151 + day) * DAY + second) * 1000)
}

fn june() -> Period {
    Period::parse("1970-06", &TimeZone::UTC, WeekStart::Monday, at(29, 0)).expect("a month")
}

fn terms() -> Terms {
    Terms { target: Some(Target::parse("99.9%").expect("a target")), ..Terms::default() }
}

/// Up but for the given spans of (from, length in seconds).
fn timeline(until: Time, down: &[(Time, u64)]) -> Vec<Interval> {
    let part = |from, until, state| Interval { from, until, state, why: String::new() };
    let (mut list, mut from) = (Vec::new(), at(-10, 0));
    for (begins, length) in down {
        let ends = (*begins + Duration::from_secs(*length)).min(until);
        list.push(part(from, *begins, State::Up));
        list.push(part(*begins, ends, State::Down));
        from = ends;
    }
    list.push(part(from, until, State::Up));
    list.retain(|part| part.from < part.until);
    list
}

fn standing(now: Time, down: &[(Time, u64)], overlays: &[Overlay]) -> Standing {
    let probing = (Duration::from_secs(10), 3);
    let timeline = timeline(now, down);
    Standing::new(&terms(), &june(), probing, now, &timeline, overlays).expect("it is promised")
}

#[test]
fn an_outage_that_goes_on_burns_at_once_and_is_calm_again_when_the_short_window_is() {
    let outage = (at(10, 0), 600);
    let burns = |second: i64| {
        let standing = standing(at(10, second), &[outage], &[]);
        [standing.burns_at(Urgency::Page), standing.burns_at(Urgency::Ticket)]
            .map(|rate| rate.map_or("-".to_owned(), |rate| format!("{rate:.1}")))
    };
    assert_eq!(burns(-1), ["-", "-"]);
    // 2 % of 43m12s are 51.84 s.
    assert_eq!(burns(51), ["-", "-"]);
    assert_eq!(burns(53), ["14.7", "-"]);
    assert_eq!(burns(600), ["166.7", "6.9"]);
    // The short window of the first rule is calm five minutes later, that of the second half an hour.
    assert_eq!(burns(600 + 295), ["166.7", "6.9"]);
    assert_eq!(burns(600 + 296), ["27.8", "6.9"]);
    assert_eq!(burns(600 + 3 * 3_600)[0], "-");
}

#[test]
fn a_budget_is_spent_when_so_much_was_down_in_this_period() {
    // 30 days of 99.9 % leave 43m12s; what was down in May is May's.
    let may = (at(-2, 0), 7_200);
    let early = standing(at(20, 0), &[may, (at(3, 0), 2_591)], &[]);
    assert!(!early.is_spent());
    assert_eq!(early.budget.left(), Duration::from_secs(1));
    assert!(matches!(early.outlook, Outlook::UsedUpAt(_)), "{:?}", early.outlook);
    let spent = standing(at(20, 0), &[may, (at(3, 0), 2_592)], &[]);
    assert!(spent.is_spent());
    assert_eq!(spent.until, at(30, 0));
}

#[test]
fn planned_work_and_corrections_burn_nothing() {
    let overlay = |kind, state| Overlay {
        from: at(10, 0),
        until: at(10, 600),
        kind,
        state,
        why: String::new(),
        said: at(9, 0),
    };
    let planned = overlay(Kind::Maintenance, State::Maintenance);
    let corrected = overlay(Kind::Correction, State::Up);
    for overlay in [planned, corrected] {
        let standing = standing(at(10, 600), &[(at(10, 0), 600)], &[overlay]);
        assert_eq!(standing.burns_at(Urgency::Page), None);
        assert_eq!(standing.outlook, Outlook::Untouched);
    }
}

#[test]
fn where_nothing_is_promised_nothing_stands() {
    let (now, probing) = (at(10, 0), (Duration::from_secs(10), 3));
    let timeline = timeline(now, &[(at(9, 0), 9_999)]);
    let standing = Standing::new(&Terms::default(), &june(), probing, now, &timeline, &[]);
    assert_eq!(standing, None);
}
