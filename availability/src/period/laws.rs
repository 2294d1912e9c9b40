//! What holds for any period, in zones where clocks do odd things.

use jiff::civil::DateTime;
use proptest::prelude::*;

use super::*;

/// Among them all that ever was odd: jumps at midnight, by half an hour, by a day, back over midnight.
const ZONES: &[&str] = &[
    "Asia/Shanghai",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/St_Johns",
    "America/Havana",
    "Asia/Beirut",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Antarctica/Troll",
];

fn any_period() -> impl Strategy<Value = Period> {
    let shape = prop::sample::select(vec![
        Shape::Day,
        Shape::Week,
        Shape::Month,
        Shape::Quarter,
        Shape::Year,
        Shape::Days,
        Shape::Times,
    ]);
    let week_start = prop::sample::select(vec![WeekStart::Monday, WeekStart::Sunday]);
    let zone = prop::sample::select(ZONES).prop_map(|name| TimeZone::get(name).unwrap());
    // Minutes since 1970, and up to two months long; and seconds more for both.
    let seconds = (0..60_i64, 0..60_i64);
    (shape, week_start, zone, 0..60 * 525_600_i64, 1..90_000_i64, seconds).prop_filter_map(
        "no time at all",
        |(shape, week_start, zone, begin, length, seconds)| {
            let start: DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
            let minute = |minute: i64| start.saturating_add(jiff::Span::new().minutes(minute));
            let (first, after) = (minute(begin), minute(begin + length));
            let local = match shape {
                Shape::Times => {
                    let second = |second: i64| jiff::Span::new().seconds(second);
                    let first = first.saturating_add(second(seconds.0));
                    Local { shape, first, after: after.saturating_add(second(60 + seconds.1)) }
                }
                Shape::Days => Local::days(shape, first.date(), after.date().tomorrow().unwrap()),
                Shape::Day | Shape::Week | Shape::Month | Shape::Quarter | Shape::Year => {
                    Local::around(shape, first.date(), week_start)
                }
            };
            Period::place(local, &zone).ok()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn days_and_months_adjoin_and_add_up(period in any_period()) {
        let days = period.days().into_iter().map(|day| (day.from, day.until)).collect::<Vec<_>>();
        let months = period.months().into_iter().map(|m| (m.from, m.until)).collect::<Vec<_>>();
        for pieces in [days, months] {
            prop_assert_eq!(pieces[0].0, period.from());
            prop_assert_eq!(pieces[pieces.len() - 1].1, period.until());
            prop_assert!(pieces.iter().all(|(from, until)| from < until));
            prop_assert!(pieces.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }
    }

    #[test]
    fn a_label_is_read_as_the_same_moments(period in any_period(), now in 0..4_000_000_000_000_i64) {
        let now = Time::from_millis(now);
        let again = Period::parse(&period.label(), period.zone(), WeekStart::Monday, now).unwrap();
        prop_assert_eq!((again.from(), again.until()), (period.from(), period.until()));
        prop_assert_eq!(again.label(), period.label());
    }

    /// Days do not overlap with what they are compared with; months adjoin it.
    #[test]
    fn what_a_period_is_compared_with_lies_before_it(period in any_period()) {
        let Some(before) = period.before() else { return Ok(()) };
        prop_assert_eq!(before.shape(), period.shape());
        if period.shape() == Shape::Times {
            prop_assert!(before.from() < period.from());
        } else {
            prop_assert_eq!(before.until(), period.from());
        }
    }

    #[test]
    fn the_way_on_and_the_way_back_lead_to_the_same_period(period in any_period()) {
        let Some(after) = period.after() else { return Ok(()) };
        prop_assert!(after.from() > period.from());
        let back = after.before().map(|back| (back.label(), back.from(), back.until()));
        prop_assert_eq!(back, Some((period.label(), period.from(), period.until())));
    }

    /// The first moment of a day bears its date, and the moment before bears an earlier one.
    #[test]
    fn a_day_begins_with_its_first_moment(period in any_period()) {
        for day in period.days().into_iter().skip(1) {
            prop_assert_eq!(local::date_at(day.from, period.zone()), Some(day.date));
            let before = Time::from_millis(day.from.millis() - 1);
            prop_assert!(local::date_at(before, period.zone()) < Some(day.date));
        }
    }

    #[test]
    fn nothing_that_is_written_breaks_the_reader(text in "[-0-9QW.T:a-z ]{0,40}|\\PC{0,40}") {
        let _ = Period::parse(&text, &TimeZone::UTC, WeekStart::Sunday, Time::default());
    }
}
