//! Service hours: what lies outside of them is no time of the service, on days of any length.

use std::collections::BTreeSet;
use std::time::Duration;

use availability::{
    Account, Interval, Kind, Overlay, Period, ServiceHours, State, Target, Terms, WeekStart,
};
use jiff::tz::TimeZone;
use model::time::Time;
use proptest::prelude::*;

const HOUR: u64 = 3_600;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

fn hours(days: &[u8], from: u64, until: Option<u64>, name: &str) -> ServiceHours {
    let at = |hour: u64| Duration::from_secs(hour * HOUR);
    let days = days.iter().copied().collect();
    ServiceHours::new(days, at(from), until.map(at), zone(name)).expect("hours")
}

fn period(text: &str, name: &str) -> Period {
    let now = "2027-06-01T00:00:00Z".parse::<jiff::Timestamp>().expect("a moment");
    let now = Time::from_millis(now.as_millisecond());
    Period::parse(text, &zone(name), WeekStart::Monday, now).expect("a period")
}

/// How long nothing is promised, in minutes.
fn closed(hours: &ServiceHours, period: &Period) -> u64 {
    let spans = hours.closed(period.from(), period.until());
    spans.iter().map(|span| span.until.since(span.from).as_secs()).sum::<u64>() / 60
}

#[test]
fn a_week_of_workdays_is_promised_for_sixty_hours() {
    let shop = hours(&[0, 1, 2, 3, 4], 8, Some(20), "Asia/Shanghai");
    let week = period("2026-W46", "Asia/Shanghai");
    assert_eq!(closed(&shop, &week), (7 * 24 - 60) * 60);
    let words =
        "promised on Mon Tue Wed Thu Fri from 08:00 to 20:00, by the clocks of Asia/Shanghai";
    assert_eq!(shop.to_string(), words);
}

#[test]
fn a_day_of_23_hours_is_promised_from_its_eight_to_its_eight() {
    let all: Vec<u8> = (0..7).collect();
    let berlin = hours(&all, 8, Some(20), "Europe/Berlin");
    assert_eq!(closed(&berlin, &period("2026-03-29", "Europe/Berlin")), 11 * 60);
    assert_eq!(closed(&berlin, &period("2026-10-25", "Europe/Berlin")), 13 * 60);
    let late = hours(&all, 2, None, "Europe/Berlin");
    let words = "the hour from two to three is skipped: it opens when clocks show three";
    assert_eq!(closed(&late, &period("2026-03-29", "Europe/Berlin")), 2 * 60, "{words}");
}

#[test]
fn hours_that_promise_nothing_are_refused() {
    let at = |hour: u64| Duration::from_secs(hour * HOUR);
    let utc = || TimeZone::UTC;
    let none = ServiceHours::new(BTreeSet::new(), at(8), None, utc()).expect_err("no day");
    assert!(none.contains("write for example [mon"), "{none}");
    let night = ServiceHours::new([0].into(), at(22), Some(at(6)), utc()).expect_err("a night");
    assert!(night.contains("ends before it begins"), "{night}");
}

#[test]
fn what_is_down_at_night_costs_no_budget_and_the_budget_is_of_the_hours_that_are_promised() {
    let month = period("2026-11", "UTC");
    let at =
        |day: u64, hour: u64| month.from() + Duration::from_secs(((day - 1) * 24 + hour) * HOUR);
    let part = |from, until, state| Interval { from, until, state, why: String::new() };
    let timeline = [
        part(month.from(), at(10, 19), State::Up),
        part(at(10, 19), at(10, 22), State::Down),
        part(at(10, 22), month.until(), State::Up),
    ];
    let all: Vec<u8> = (0..7).collect();
    let terms = Terms {
        target: Some(Target::parse("99%").expect("a target")),
        service: Some(hours(&all, 8, Some(20), "UTC")),
        ..Terms::default()
    };
    let halfway = Account::new(&terms, &month, at(16, 0), &timeline, &[]);
    assert_eq!(halfway.tally.down, Duration::from_secs(HOUR), "from 19 to 20");
    let promised = Duration::from_secs(30 * 12 * HOUR);
    let budget = halfway.budget.expect("a budget");
    assert_eq!(budget.whole, promised / 100, "of the whole month, the half to come included");
    let whole = Account::new(&terms, &month, month.until(), &timeline, &[]);
    assert_eq!(whole.budget.expect("a budget").whole, promised / 100);
    assert_eq!(whole.tally.not_applicable, Duration::from_secs(30 * 12 * HOUR));
}

#[test]
fn what_is_withdrawn_has_a_budget_of_the_time_before_alone() {
    let month = period("2026-11", "UTC");
    let day = |day: u64| month.from() + Duration::from_secs((day - 1) * 24 * HOUR);
    let (from, until, state) = (month.from(), day(16), State::Up);
    let timeline = [Interval { from, until, state, why: String::new() }];
    let (kind, state) = (Kind::NotApplicable, State::NotApplicable);
    let (from, until, why) = (day(11), month.until(), String::new());
    let withdrawn = Overlay { from, until, kind, state, why, said: day(11) };
    let terms = Terms { target: Some(Target::parse("99%").expect("a target")), ..Terms::default() };
    let budget = |overlays: &[Overlay]| {
        let account = Account::new(&terms, &month, day(16), &timeline, overlays);
        account.budget.expect("a budget").whole
    };
    let of_days = |days: u64| Duration::from_secs(days * 24 * HOUR) / 100;
    assert_eq!(budget(std::slice::from_ref(&withdrawn)), of_days(10));
    let back = Overlay { until: day(14), ..withdrawn };
    assert_eq!(budget(&[back]), of_days(27), "it came back after three days");
}

proptest! {
    #[test]
    fn open_and_closed_are_the_whole_and_splitting_changes_nothing(
        days in proptest::collection::btree_set(0..7_u8, 1..7),
        from in 0..12_u64,
        length in 1..12_u64,
        zone in prop::sample::select(vec!["Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu"]),
        begin in 0..300_000_000_i64,
        split in 1..2_000_000_i64,
        more in 1..2_000_000_i64,
    ) {
        let days: Vec<u8> = days.into_iter().collect();
        let hours = hours(&days, from, Some(from + length), zone);
        let at = |second: i64| Time::from_millis((1_500_000_000 + begin + second) * 1000);
        let sum = |a: Time, b: Time| {
            let spans = hours.closed(a, b);
            prop_assert!(spans.windows(2).all(|pair| pair[0].until <= pair[1].from), "in order");
            prop_assert!(spans.iter().all(|span| a <= span.from && span.until <= b), "inside");
            Ok(spans.iter().map(|span| span.until.since(span.from)).sum::<Duration>())
        };
        let whole = sum(at(0), at(split + more))?;
        prop_assert_eq!(whole, sum(at(0), at(split))? + sum(at(split), at(split + more))?);
    }
}
