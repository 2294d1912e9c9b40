//! Windows where clocks jump, over midnight and at the ends of months; the moments are those that
//! Python's zoneinfo gives for the same local times.

use expect_test::{Expect, expect};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::time::Time;
use proptest::prelude::*;

use super::{RawWindow, Times};

fn written(fields: &str) -> RawWindow {
    serde_json::from_str(&format!(r#"{{"name": "w", "on": ["host/h1"], {fields}}}"#)).unwrap()
}

fn read(fields: &str, zone: &str) -> Result<Times, String> {
    Times::read(&written(fields), zone).map_err(|f| format!("{}: {}", f.field, f.message))
}

fn at(text: &str) -> Time {
    Time::from_millis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

/// What is open between two moments, in UTC and on the clocks of the place.
fn open(fields: &str, zone: &str, from: &str, until: &str) -> String {
    let times = read(fields, zone).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let clock = |time: Time| {
        let stamp = Timestamp::from_millisecond(time.millis()).unwrap();
        stamp.to_zoned(zone.clone()).strftime("%a %m-%d %H:%M %:z").to_string()
    };
    let lines = times
        .occurrences(at(from), at(until))
        .into_iter()
        .map(|(begin, end)| format!("{begin} to {end}: {} to {}\n", clock(begin), clock(end)));
    lines.collect()
}

#[track_caller]
fn check(fields: &str, zone: &str, from: &str, until: &str, expected: &Expect) {
    expected.assert_eq(&open(fields, zone, from, until));
}

const TWO_AT_NIGHT: &str = r#""cron": "30 2 * * *", "lasting": "2h""#;

#[test]
fn a_time_that_new_york_skips_is_the_moment_its_clocks_jump() {
    check(
        TWO_AT_NIGHT,
        "America/New_York",
        "2026-03-07T12:00:00Z",
        "2026-03-09T12:00:00Z",
        &expect![[r#"
            2026-03-08T07:00:00Z to 2026-03-08T09:00:00Z: Sun 03-08 03:00 -04:00 to Sun 03-08 05:00 -04:00
            2026-03-09T06:30:00Z to 2026-03-09T08:30:00Z: Mon 03-09 02:30 -04:00 to Mon 03-09 04:30 -04:00
        "#]],
    );
}

#[test]
fn a_time_that_new_york_has_twice_opens_the_window_once() {
    let half_past_one = r#""cron": "30 1 * * *", "lasting": "2h""#;
    check(
        half_past_one,
        "America/New_York",
        "2026-10-31T12:00:00Z",
        "2026-11-02T12:00:00Z",
        &expect![[r#"
            2026-11-01T05:30:00Z to 2026-11-01T07:30:00Z: Sun 11-01 01:30 -04:00 to Sun 11-01 02:30 -05:00
            2026-11-02T06:30:00Z to 2026-11-02T08:30:00Z: Mon 11-02 01:30 -05:00 to Mon 11-02 03:30 -05:00
        "#]],
    );
}

#[test]
fn an_hourly_window_opens_in_both_passes_of_the_hour() {
    check(
        r#""cron": "0 * * * *", "lasting": "10m""#,
        "America/New_York",
        "2026-11-01T04:30:00Z",
        "2026-11-01T07:30:00Z",
        &expect![[r#"
            2026-11-01T05:00:00Z to 2026-11-01T05:10:00Z: Sun 11-01 01:00 -04:00 to Sun 11-01 01:10 -04:00
            2026-11-01T06:00:00Z to 2026-11-01T06:10:00Z: Sun 11-01 01:00 -05:00 to Sun 11-01 01:10 -05:00
            2026-11-01T07:00:00Z to 2026-11-01T07:10:00Z: Sun 11-01 02:00 -05:00 to Sun 11-01 02:10 -05:00
        "#]],
    );
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    let ten_past_two = r#""cron": "10 2 * * 0", "lasting": "1h""#;
    let zone = "Australia/Lord_Howe";
    check(
        ten_past_two,
        zone,
        "2026-10-01T00:00:00Z",
        "2026-10-12T00:00:00Z",
        &expect![[r#"
            2026-10-03T15:30:00Z to 2026-10-03T16:30:00Z: Sun 10-04 02:30 +11:00 to Sun 10-04 03:30 +11:00
            2026-10-10T15:10:00Z to 2026-10-10T16:10:00Z: Sun 10-11 02:10 +11:00 to Sun 10-11 03:10 +11:00
        "#]],
    );
    check(
        r#""cron": "45 1 * * 0", "lasting": "1h""#,
        zone,
        "2026-04-01T00:00:00Z",
        "2026-04-13T00:00:00Z",
        &expect![[r#"
            2026-04-04T14:45:00Z to 2026-04-04T15:45:00Z: Sun 04-05 01:45 +11:00 to Sun 04-05 02:15 +10:30
            2026-04-11T15:15:00Z to 2026-04-11T16:15:00Z: Sun 04-12 01:45 +10:30 to Sun 04-12 02:45 +10:30
        "#]],
    );
}

#[test]
fn cairo_jumps_at_midnight() {
    let midnight = r#""cron": "0 0 * * 5", "lasting": "90m""#;
    let zone = "Africa/Cairo";
    check(
        midnight,
        zone,
        "2026-04-20T00:00:00Z",
        "2026-05-03T00:00:00Z",
        &expect![[r#"
            2026-04-23T22:00:00Z to 2026-04-23T23:30:00Z: Fri 04-24 01:00 +03:00 to Fri 04-24 02:30 +03:00
            2026-04-30T21:00:00Z to 2026-04-30T22:30:00Z: Fri 05-01 00:00 +03:00 to Fri 05-01 01:30 +03:00
        "#]],
    );
    check(
        r#""cron": "30 23 * * 4", "lasting": "1h""#,
        zone,
        "2026-10-28T00:00:00Z",
        "2026-11-07T00:00:00Z",
        &expect![[r#"
            2026-10-29T20:30:00Z to 2026-10-29T21:30:00Z: Thu 10-29 23:30 +03:00 to Thu 10-29 23:30 +02:00
            2026-11-05T21:30:00Z to 2026-11-05T22:30:00Z: Thu 11-05 23:30 +02:00 to Fri 11-06 00:30 +02:00
        "#]],
    );
}

#[test]
fn once_covers_both_passes_of_its_bounds_and_a_skipped_bound_is_the_jump() {
    let zone = "America/New_York";
    let all = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let twice = r#""from": "2026-11-01 01:30", "until": "2026-11-01 01:45""#;
    check(
        twice,
        zone,
        all.0,
        all.1,
        &expect![[r#"
        2026-11-01T05:30:00Z to 2026-11-01T06:45:00Z: Sun 11-01 01:30 -04:00 to Sun 11-01 01:45 -05:00
    "#]],
    );
    let skipped = r#""from": "2026-03-08 02:15", "until": "2026-03-08T04:00:00""#;
    check(
        skipped,
        zone,
        all.0,
        all.1,
        &expect![[r#"
        2026-03-08T07:00:00Z to 2026-03-08T08:00:00Z: Sun 03-08 03:00 -04:00 to Sun 03-08 04:00 -04:00
    "#]],
    );
    let until_skipped = r#""from": "2026-03-08 00:00", "until": "2026-03-08 02:59""#;
    check(
        until_skipped,
        zone,
        all.0,
        all.1,
        &expect![[r#"
        2026-03-08T05:00:00Z to 2026-03-08T07:00:00Z: Sun 03-08 00:00 -05:00 to Sun 03-08 03:00 -04:00
    "#]],
    );
}

#[test]
fn a_window_over_midnight_and_the_end_of_a_month_or_year() {
    let over_midnight = r#""cron": "30 22 * * 4", "lasting": "3h""#;
    let zone = "Asia/Shanghai";
    check(
        over_midnight,
        zone,
        "2026-12-24T00:00:00Z",
        "2027-01-08T00:00:00Z",
        &expect![[r#"
            2026-12-24T14:30:00Z to 2026-12-24T17:30:00Z: Thu 12-24 22:30 +08:00 to Fri 12-25 01:30 +08:00
            2026-12-31T14:30:00Z to 2026-12-31T17:30:00Z: Thu 12-31 22:30 +08:00 to Fri 01-01 01:30 +08:00
            2027-01-07T14:30:00Z to 2027-01-07T17:30:00Z: Thu 01-07 22:30 +08:00 to Fri 01-08 01:30 +08:00
        "#]],
    );
    check(
        r#""cron": "0 3 31 * *", "lasting": "1h""#,
        zone,
        "2026-01-01T00:00:00Z",
        "2026-06-01T00:00:00Z",
        &expect![[r#"
            2026-01-30T19:00:00Z to 2026-01-30T20:00:00Z: Sat 01-31 03:00 +08:00 to Sat 01-31 04:00 +08:00
            2026-03-30T19:00:00Z to 2026-03-30T20:00:00Z: Tue 03-31 03:00 +08:00 to Tue 03-31 04:00 +08:00
            2026-05-30T19:00:00Z to 2026-05-30T20:00:00Z: Sun 05-31 03:00 +08:00 to Sun 05-31 04:00 +08:00
        "#]],
    );
    check(
        r#""cron": "0 3 29 2 *", "lasting": "1h""#,
        zone,
        "2026-01-01T00:00:00Z",
        "2033-01-01T00:00:00Z",
        &expect![[r#"
            2028-02-28T19:00:00Z to 2028-02-28T20:00:00Z: Tue 02-29 03:00 +08:00 to Tue 02-29 04:00 +08:00
            2032-02-28T19:00:00Z to 2032-02-28T20:00:00Z: Sun 02-29 03:00 +08:00 to Sun 02-29 04:00 +08:00
        "#]],
    );
}

#[test]
fn sunday_is_0_and_7_and_two_days_that_are_named_are_either() {
    let at_one = |days: &str| {
        let fields = format!(r#""cron": "0 1 {days}", "lasting": "1h""#);
        open(&fields, "UTC", "2026-02-01T00:00:00Z", "2026-02-09T00:00:00Z")
    };
    assert_eq!(at_one("* * 0"), at_one("* * 7"));
    assert_eq!(at_one("* * 0"), at_one("* FEB sun"));
    expect![[r#"
        2026-02-03T01:00:00Z to 2026-02-03T02:00:00Z: Tue 02-03 01:00 +00:00 to Tue 02-03 02:00 +00:00
        2026-02-06T01:00:00Z to 2026-02-06T02:00:00Z: Fri 02-06 01:00 +00:00 to Fri 02-06 02:00 +00:00
    "#]].assert_eq(&at_one("3 * 5"));
}

#[test]
fn openings_that_overlap_are_one() {
    check(
        r#""cron": "*/10 2-3 * * *", "lasting": "30m""#,
        "UTC",
        "2026-02-01T00:00:00Z",
        "2026-02-02T12:00:00Z",
        &expect![[r#"
            2026-02-01T02:00:00Z to 2026-02-01T04:20:00Z: Sun 02-01 02:00 +00:00 to Sun 02-01 04:20 +00:00
            2026-02-02T02:00:00Z to 2026-02-02T04:20:00Z: Mon 02-02 02:00 +00:00 to Mon 02-02 04:20 +00:00
        "#]],
    );
}

#[test]
fn what_is_open_at_the_beginning_counts_and_what_begins_at_the_end_does_not() {
    let fields = r#""cron": "0 2 * * *", "lasting": "2h""#;
    let of = |from, until| open(fields, "UTC", from, until).lines().count();
    assert_eq!(of("2026-02-01T03:59:59Z", "2026-02-01T05:00:00Z"), 1);
    assert_eq!(of("2026-02-01T04:00:00Z", "2026-02-02T02:00:00Z"), 0);
    assert_eq!(of("2026-02-01T04:00:00Z", "2026-02-02T02:00:01Z"), 1);
}

#[test]
fn what_is_wrong_is_said_with_its_field_and_what_to_write() {
    let wrong = |fields: &str| read(fields, "UTC").unwrap_err() + "\n";
    let told: String = [
        r#""cron": "0 2 * *", "lasting": "2h""#,
        r#""cron": "0 0 2 * * 6", "lasting": "2h""#,
        r#""cron": "0 26 * * 6", "lasting": "2h""#,
        r#""cron": "0 2 L * *", "lasting": "2h""#,
        r#""cron": "@weekly", "lasting": "2h""#,
        r#""cron": "0 2 * * 6#2", "lasting": "2h""#,
        r#""cron": "0 2 30 2 *", "lasting": "2h""#,
        r#""cron": "0 2 * * 6""#,
        r#""cron": "0 2 * * 6", "lasting": "10s""#,
        r#""cron": "0 2 * * 6", "lasting": "40d""#,
        r#""from": "2026-12-01 22:00""#,
        r#""from": "2026-12-01 22:00", "until": "2026-12-01 21:00""#,
        r#""from": "2026-12-01 22:00", "until": "2027-12-01 22:00""#,
        r#""from": "tonight", "until": "2026-12-01 21:00""#,
        r#""from": "2026-12-01T22:00:00Z", "until": "2026-12-01 23:00""#,
        r#""from": "2026-12-01 22:00", "until": "2026-12-01 23:00", "cron": "0 2 * * 6""#,
        r#""comment": "x""#,
    ]
    .map(wrong)
    .concat();
    expect![[r#"
        cron: "0 2 * *" has not five fields; write minute, hour, day of month, month, day of week, as in 0 2 * * 6
        cron: "0 0 2 * * 6" has not five fields; write minute, hour, day of month, month, day of week, as in 0 2 * * 6
        cron: "0 26 * * 6": Component error: Number out of bounds; write minute, hour, day of month, month, day of week, as in 0 2 * * 6
        cron: "L" in "0 2 L * *" is not understood; write minute, hour, day of month, month, day of week, as in 0 2 * * 6
        cron: "@weekly" has not five fields; write minute, hour, day of month, month, day of week, as in 0 2 * * 6
        cron: "6#2" in "0 2 * * 6#2" is not understood; write minute, hour, day of month, month, day of week, as in 0 2 * * 6
        cron: "0 2 30 2 *" never comes; is there such a day?
        cron: cron without lasting; write for example lasting: 2h
        lasting: 10s is too short; write at least 1m
        lasting: 40d is too long for one window; write at most 31d
        from: from without until; write when it ends
        until: "2026-12-01 21:00" is not after "2026-12-01 22:00"; write a later time
        until: 365d is too long for one window; write at most 31d
        from: "tonight" is no local time; write for example 2026-12-01 22:00
        from: "2026-12-01T22:00:00Z" is no local time; write for example 2026-12-01 22:00
        name: write either from and until, or cron and lasting
        name: write either from and until, or cron and lasting
    "#]].assert_eq(&told);
    let nowhere = read(TWO_AT_NIGHT, "Mars/Olympus").unwrap_err();
    assert_eq!(nowhere, "zone: no time zone \"Mars/Olympus\"; write for example Asia/Shanghai");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is taken as cron opens in order, apart, and for as long as it should.
    #[test]
    fn what_is_taken_opens_in_order(
        cron in "[0-9*]{1,2}([,/-][0-9]{1,2})? [0-9*]{1,2} ([0-9]{1,2}|\\*) ([0-9]{1,2}|\\*) ([0-7]|\\*)",
        hour in 0_i64..20_000,
    ) {
        let fields = format!(r#""cron": "{cron}", "lasting": "90m""#);
        if let Ok(times) = read(&fields, "America/New_York") {
            let from = Time::from_millis(1_750_000_000_000 + hour * 3_600_000);
            let until = from + std::time::Duration::from_secs(4 * 86_400);
            let open = times.occurrences(from, until);
            for pair in open.windows(2) {
                prop_assert!(pair[1].0 > pair[0].1, "they would be one: {open:?}");
            }
            for (begin, end) in open {
                prop_assert!(begin < until && end > from && end.since(begin).as_secs() >= 5400);
            }
        }
    }
}
