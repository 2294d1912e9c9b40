//! What is read, refused and cut, in zones where clocks do odd things.

use expect_test::{Expect, expect};

use super::*;

/// Sunday, 25 October 2026, 20:30 in Shanghai, and still the 25th in all other zones of the tests.
const NOW: Time = Time::from_millis(1_792_931_400_000);

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn parse(text: &str, zone_name: &str) -> Result<Period, PeriodError> {
    Period::parse(text, &zone(zone_name), WeekStart::Monday, NOW)
}

fn hours(from: Time, until: Time) -> f64 {
    until.since(from).as_secs_f64() / 3600.0
}

/// `label: from, hours; compared with label: from, hours`, for each text.
fn check(week_start: WeekStart, zone_name: &str, texts: &[&str], expected: &Expect) {
    let zone = zone(zone_name);
    let show = |period: &Period| {
        let (from, until) = (period.from(), period.until());
        format!("{} from {from} for {} h", period.label(), hours(from, until))
    };
    let mut told = String::new();
    for text in texts {
        let line = match Period::parse(text, &zone, week_start, NOW) {
            Ok(period) => {
                let before = period.before().map_or("nothing".to_owned(), |before| show(&before));
                format!("{text}: {:?} {}\n    after {before}\n", period.shape(), show(&period))
            }
            Err(error) => format!("{error}\n"),
        };
        told.push_str(&line);
    }
    expected.assert_eq(&told);
}

#[test]
fn periods_of_the_calendar() {
    check(
        WeekStart::Monday,
        "America/New_York",
        &["2026-11-01", "2026-W44", "2026-11", "2026-q4", "2024", "2026-01", "2026-Q1", "1970"],
        &expect![[r#"
            2026-11-01: Day 2026-11-01 from 2026-11-01T04:00:00Z for 25 h
                after 2026-10-31 from 2026-10-31T04:00:00Z for 24 h
            2026-W44: Week 2026-W44 from 2026-10-26T04:00:00Z for 169 h
                after 2026-W43 from 2026-10-19T04:00:00Z for 168 h
            2026-11: Month 2026-11 from 2026-11-01T04:00:00Z for 721 h
                after 2026-10 from 2026-10-01T04:00:00Z for 744 h
            2026-q4: Quarter 2026-Q4 from 2026-10-01T04:00:00Z for 2209 h
                after 2026-Q3 from 2026-07-01T04:00:00Z for 2208 h
            2024: Year 2024 from 2024-01-01T05:00:00Z for 8784 h
                after 2023 from 2023-01-01T05:00:00Z for 8760 h
            2026-01: Month 2026-01 from 2026-01-01T05:00:00Z for 744 h
                after 2025-12 from 2025-12-01T05:00:00Z for 744 h
            2026-Q1: Quarter 2026-Q1 from 2026-01-01T05:00:00Z for 2159 h
                after 2025-Q4 from 2025-10-01T04:00:00Z for 2209 h
            1970: Year 1970 from 1970-01-01T05:00:00Z for 8760 h
                after nothing
        "#]],
    );
}

#[test]
fn ranges_hold_their_last_day_but_not_their_last_minute() {
    check(
        WeekStart::Monday,
        "Asia/Shanghai",
        &[
            "2026-10-01..2026-10-15",
            "2026-10-01..2026-10-01",
            "2026-10-01T08:00..2026-10-01T20:00",
            "2026-10-01T08:00..2026-10-03T20:00",
            "2026-10-03T14:02:10..2026-10-03T14:14:10",
        ],
        &expect![[r#"
            2026-10-01..2026-10-15: Days 2026-10-01..2026-10-15 from 2026-09-30T16:00:00Z for 360 h
                after 2026-09-16..2026-09-30 from 2026-09-15T16:00:00Z for 360 h
            2026-10-01..2026-10-01: Days 2026-10-01..2026-10-01 from 2026-09-30T16:00:00Z for 24 h
                after 2026-09-30..2026-09-30 from 2026-09-29T16:00:00Z for 24 h
            2026-10-01T08:00..2026-10-01T20:00: Times 2026-10-01T08:00..2026-10-01T20:00 from 2026-10-01T00:00:00Z for 12 h
                after 2026-09-30T08:00..2026-09-30T20:00 from 2026-09-30T00:00:00Z for 12 h
            2026-10-01T08:00..2026-10-03T20:00: Times 2026-10-01T08:00..2026-10-03T20:00 from 2026-10-01T00:00:00Z for 60 h
                after 2026-09-28T08:00..2026-09-30T20:00 from 2026-09-28T00:00:00Z for 60 h
            2026-10-03T14:02:10..2026-10-03T14:14:10: Times 2026-10-03T14:02:10..2026-10-03T14:14:10 from 2026-10-03T06:02:10Z for 0.2 h
                after 2026-10-02T14:02:10..2026-10-02T14:14:10 from 2026-10-02T06:02:10Z for 0.2 h
        "#]],
    );
}

#[test]
fn periods_that_are_relative_to_now() {
    let words = [
        "today",
        "yesterday",
        "this-week",
        "last-week",
        "this-month",
        "last-month",
        "last-quarter",
        "last-year",
        "last-30-days",
    ];
    check(
        WeekStart::Monday,
        "Asia/Shanghai",
        &words,
        &expect![[r#"
        today: Day 2026-10-25 from 2026-10-24T16:00:00Z for 24 h
            after 2026-10-24 from 2026-10-23T16:00:00Z for 24 h
        yesterday: Day 2026-10-24 from 2026-10-23T16:00:00Z for 24 h
            after 2026-10-23 from 2026-10-22T16:00:00Z for 24 h
        this-week: Week 2026-W43 from 2026-10-18T16:00:00Z for 168 h
            after 2026-W42 from 2026-10-11T16:00:00Z for 168 h
        last-week: Week 2026-W42 from 2026-10-11T16:00:00Z for 168 h
            after 2026-W41 from 2026-10-04T16:00:00Z for 168 h
        this-month: Month 2026-10 from 2026-09-30T16:00:00Z for 744 h
            after 2026-09 from 2026-08-31T16:00:00Z for 720 h
        last-month: Month 2026-09 from 2026-08-31T16:00:00Z for 720 h
            after 2026-08 from 2026-07-31T16:00:00Z for 744 h
        last-quarter: Quarter 2026-Q3 from 2026-06-30T16:00:00Z for 2208 h
            after 2026-Q2 from 2026-03-31T16:00:00Z for 2184 h
        last-year: Year 2025 from 2024-12-31T16:00:00Z for 8760 h
            after 2024 from 2023-12-31T16:00:00Z for 8784 h
        last-30-days: Days 2026-09-25..2026-10-24 from 2026-09-24T16:00:00Z for 720 h
            after 2026-08-26..2026-09-24 from 2026-08-25T16:00:00Z for 720 h
    "#]],
    );
}

#[test]
fn weeks_may_begin_on_sunday() {
    let words = ["this-week", "last-week", "2026-W43"];
    check(
        WeekStart::Sunday,
        "America/New_York",
        &words,
        &expect![[r#"
        this-week: Week 2026-10-25..2026-10-31 from 2026-10-25T04:00:00Z for 168 h
            after 2026-10-18..2026-10-24 from 2026-10-18T04:00:00Z for 168 h
        last-week: Week 2026-10-18..2026-10-24 from 2026-10-18T04:00:00Z for 168 h
            after 2026-10-11..2026-10-17 from 2026-10-11T04:00:00Z for 168 h
        "2026-W43" is a week that begins on Monday, but weeks begin on Sunday here, and no rule says which number such a week has; write its days, as in 2026-10-18..2026-10-24, or last-week
    "#]],
    );
}

/// "Today" is asked of the walls of the zone, not of Greenwich.
#[test]
fn today_is_a_local_day() {
    let evening = Time::from_millis(1_792_947_600_000); // 25 October 17:00 in Greenwich.
    let today =
        |name| Period::parse("today", &zone(name), WeekStart::Monday, evening).unwrap().label();
    assert_eq!(today("Europe/London"), "2026-10-25");
    assert_eq!(today("Asia/Shanghai"), "2026-10-26");
}

#[test]
fn what_is_no_period_is_told_with_what_can_be_written() {
    check(
        WeekStart::Monday,
        "UTC",
        &["\u{1b}[31moctober\n"],
        &expect![[r#"
        "\u{1b}[31moctober\n" is no period; write a day 2026-10-03, a week 2026-W43, a month 2026-10, a quarter 2026-Q4, a year 2026, days 2026-10-01..2026-10-15, times 2026-10-01T08:00..2026-10-01T20:00, or today, yesterday, this-week, last-month, last-30-days
    "#]],
    );
    for text in [
        "",
        "2026-1",
        "26-10-03",
        "2026-10-03T08:00",
        "2026-10-03Z",
        "+2026-10",
        "last-0-days",
        "last-400-days",
        "last-day",
        "2026-10-01..",
        "2026-10-01..2026-10-02T10:00",
        "2026-10..2026-11",
        "2026-10-01T8:00..2026-10-01T9:00",
    ] {
        assert_eq!(parse(text, "UTC"), Err(PeriodError::Unreadable(text.to_owned())));
    }
}

#[test]
fn what_the_calendar_does_not_have_is_told() {
    let texts = [
        "2026-02-30",
        "2026-02-01..2026-02-29",
        "2026-13",
        "2026-00-01",
        "2026-Q5",
        "2025-W53",
        "2026-W00",
        "2026-10-01T24:00..2026-10-02T08:00",
        "0026",
        "9999-12-31",
        "2026-10-15..2026-10-01",
        "2026-10-01T08:00..2026-10-01T08:00",
        "2000-01-01..2026-01-01",
    ];
    check(
        WeekStart::Monday,
        "Asia/Shanghai",
        &texts,
        &expect![[r#"
        "2026-02-30": there is no day 30 in 2026-02, which has 28; write one of those
        "2026-02-01..2026-02-29": there is no day 29 in 2026-02, which has 28; write one of those
        "2026-13": months are 01 to 12, and quarters Q1 to Q4; write one of those
        "2026-00-01": months are 01 to 12, and quarters Q1 to Q4; write one of those
        "2026-Q5": months are 01 to 12, and quarters Q1 to Q4; write one of those
        "2025-W53": 2025 has weeks 01 to 52; write one of those
        "2026-W00": 2026 has weeks 01 to 53; write one of those
        "2026-10-01T24:00..2026-10-02T08:00": hours are 00 to 23, minutes and seconds 00 to 59; write midnight as T00:00 of the next day
        "0026" lies outside of the years 1970 to 2999; write a year of four digits, as in 2026-10
        "9999-12-31" lies outside of the years 1970 to 2999; write a year of four digits, as in 2026-10
        "2026-10-15..2026-10-01" does not end after it begins; write the earlier one first
        "2026-10-01T08:00..2026-10-01T08:00" does not end after it begins; write the earlier one first
        "2000-01-01..2026-01-01" is too long for one report; write at most ten years
    "#]],
    );
}

#[test]
fn an_error_repeats_no_more_than_a_line() {
    let error = parse(&"9".repeat(10_000), "UTC").unwrap_err().to_string();
    assert!(error.len() < 400, "{error}");
}

#[test]
fn a_present_that_no_calendar_knows_is_an_error() {
    let never = Time::from_millis(i64::MAX);
    let error = Period::parse("today", &TimeZone::UTC, WeekStart::Monday, never).unwrap_err();
    assert_eq!(error, PeriodError::FarAway("today".to_owned()));
}

/// The days of clock changes: how long they are, and when they begin.
#[test]
fn days_are_as_long_as_the_clocks_make_them() {
    let mut told = String::new();
    for (name, text) in [
        ("America/New_York", "2026-03-07..2026-03-09"),
        ("America/New_York", "2026-10-31..2026-11-02"),
        ("Australia/Lord_Howe", "2026-04-04..2026-04-06"),
        ("Australia/Lord_Howe", "2026-10-03..2026-10-05"),
        ("Africa/Cairo", "2026-04-23..2026-04-25"), // No midnight on the 24th.
        ("Africa/Cairo", "2026-10-29..2026-10-31"),
        ("Pacific/Apia", "2011-12-28..2012-01-01"), // No 30 December.
        ("America/St_Johns", "2010-11-06..2010-11-08"), // Back at 00:01, into the day before.
        ("Asia/Kathmandu", "1985-12-31..1986-01-02"), // A quarter of an hour ahead, for good.
    ] {
        told.push_str(&format!("{name}\n"));
        for Day { date, from, until } in parse(text, name).unwrap().days() {
            told.push_str(&format!("    {date} from {from} for {} h\n", hours(from, until)));
        }
    }
    expect![[r#"
        America/New_York
            2026-03-07 from 2026-03-07T05:00:00Z for 24 h
            2026-03-08 from 2026-03-08T05:00:00Z for 23 h
            2026-03-09 from 2026-03-09T04:00:00Z for 24 h
        America/New_York
            2026-10-31 from 2026-10-31T04:00:00Z for 24 h
            2026-11-01 from 2026-11-01T04:00:00Z for 25 h
            2026-11-02 from 2026-11-02T05:00:00Z for 24 h
        Australia/Lord_Howe
            2026-04-04 from 2026-04-03T13:00:00Z for 24 h
            2026-04-05 from 2026-04-04T13:00:00Z for 24.5 h
            2026-04-06 from 2026-04-05T13:30:00Z for 24 h
        Australia/Lord_Howe
            2026-10-03 from 2026-10-02T13:30:00Z for 24 h
            2026-10-04 from 2026-10-03T13:30:00Z for 23.5 h
            2026-10-05 from 2026-10-04T13:00:00Z for 24 h
        Africa/Cairo
            2026-04-23 from 2026-04-22T22:00:00Z for 24 h
            2026-04-24 from 2026-04-23T22:00:00Z for 23 h
            2026-04-25 from 2026-04-24T21:00:00Z for 24 h
        Africa/Cairo
            2026-10-29 from 2026-10-28T21:00:00Z for 25 h
            2026-10-30 from 2026-10-29T22:00:00Z for 24 h
            2026-10-31 from 2026-10-30T22:00:00Z for 24 h
        Pacific/Apia
            2011-12-28 from 2011-12-28T10:00:00Z for 24 h
            2011-12-29 from 2011-12-29T10:00:00Z for 24 h
            2011-12-31 from 2011-12-30T10:00:00Z for 24 h
            2012-01-01 from 2011-12-31T10:00:00Z for 24 h
        America/St_Johns
            2010-11-06 from 2010-11-06T02:30:00Z for 24 h
            2010-11-07 from 2010-11-07T02:30:00Z for 25 h
            2010-11-08 from 2010-11-08T03:30:00Z for 24 h
        Asia/Kathmandu
            1985-12-31 from 1985-12-30T18:30:00Z for 24 h
            1986-01-01 from 1985-12-31T18:30:00Z for 23.75 h
            1986-01-02 from 1986-01-01T18:15:00Z for 24 h
    "#]]
    .assert_eq(&told);
}

#[test]
fn times_in_gaps_and_overlaps() {
    check(
        WeekStart::Monday,
        "Europe/Berlin",
        &[
            // 02:00 to 03:00 is skipped on the first day, and comes twice on the second.
            "2026-03-29T02:30..2026-03-29T04:00",
            "2026-03-29T01:00..2026-03-29T02:30",
            "2026-03-29T02:10..2026-03-29T02:50",
            "2026-10-25T02:10..2026-10-25T02:50",
            "2026-10-25T02:30..2026-10-25T03:00",
        ],
        &expect![[r#"
            2026-03-29T02:30..2026-03-29T04:00: Times 2026-03-29T02:30..2026-03-29T04:00 from 2026-03-29T01:00:00Z for 1 h
                after 2026-03-28T02:30..2026-03-28T04:00 from 2026-03-28T01:30:00Z for 1.5 h
            2026-03-29T01:00..2026-03-29T02:30: Times 2026-03-29T01:00..2026-03-29T02:30 from 2026-03-29T00:00:00Z for 1 h
                after 2026-03-28T01:00..2026-03-28T02:30 from 2026-03-28T00:00:00Z for 1.5 h
            "2026-03-29T02:10..2026-03-29T02:50" is no time at all in Europe/Berlin: clocks jumped over it; write a longer one
            2026-10-25T02:10..2026-10-25T02:50: Times 2026-10-25T02:10..2026-10-25T02:50 from 2026-10-25T00:10:00Z for 1.6666666666666667 h
                after 2026-10-24T02:10..2026-10-24T02:50 from 2026-10-24T00:10:00Z for 0.6666666666666666 h
            2026-10-25T02:30..2026-10-25T03:00: Times 2026-10-25T02:30..2026-10-25T03:00 from 2026-10-25T00:30:00Z for 1.5 h
                after 2026-10-24T02:30..2026-10-24T03:00 from 2026-10-24T00:30:00Z for 0.5 h
        "#]],
    );
}

#[test]
fn a_day_that_never_was_is_refused() {
    let error = parse("2011-12-30", "Pacific/Apia").unwrap_err();
    expect![[r#""2011-12-30" is no time at all in Pacific/Apia: clocks jumped over it; write a longer one"#]].assert_eq(&error.to_string());
    assert_eq!(parse("2011-12-31", "Pacific/Apia").unwrap().before(), None);
}

#[test]
fn months_of_a_year_and_of_a_range() {
    let count = |text| parse(text, "Europe/London").unwrap().months().len();
    assert_eq!((count("2026"), count("2026-Q3"), count("2026-10-03")), (12, 3, 1));
    let months = parse("2026-09-30..2026-11-02", "Europe/London").unwrap().months();
    let told: Vec<_> = months.iter().map(|m| (m.year, m.month, hours(m.from, m.until))).collect();
    assert_eq!(told, [(2026, 9, 24.0), (2026, 10, 745.0), (2026, 11, 48.0)]);
}

#[test]
fn a_part_of_a_day_is_clipped() {
    let days = parse("2026-10-01T08:00..2026-10-02T20:00", "UTC").unwrap().days();
    let told: Vec<_> = days.iter().map(|day| hours(day.from, day.until)).collect();
    assert_eq!(told, [16.0, 20.0]);
}
