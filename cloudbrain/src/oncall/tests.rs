//! Turns of people, over weeks and over the nights in which the clocks change.

use jiff::civil::{Weekday, date, time};
use proptest::prelude::*;

use super::*;

fn people(names: &str) -> Vec<PersonId> {
    names.split(' ').map(|name| name.parse().unwrap()).collect()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// A local time: `2026-03-08 09:00`.
fn at(zone: &TimeZone, text: &str) -> Time {
    let when: jiff::civil::DateTime = text.parse().unwrap();
    moment(zone, when.date(), when.time()).unwrap()
}

/// Ann, Bob and Cy, a day each from 2026-01-05, at this local time.
fn daily(name: &str, handover: jiff::civil::Time) -> Schedule {
    let layer = Layer {
        people: people("ann bob cy"),
        every_days: 1,
        starts: date(2026, 1, 5),
        handover,
        window: None,
    };
    Schedule { zone: zone(name), layers: vec![layer], otherwise: None, overrides: Vec::new() }
}

/// Each shift of a span with its hours.
fn tell(schedule: &Schedule, overrides: &[Override], from: &str, until: &str) -> String {
    let (from, until) = (at(&schedule.zone, from), at(&schedule.zone, until));
    let told = shifts(schedule, overrides, from, until).into_iter().map(|shift| {
        let hours = shift.until.since(shift.from).as_secs_f64() / 3600.0;
        let person = shift.person.map_or("nobody".to_owned(), |person| person.to_string());
        let why = format!("{:?}", shift.why).to_lowercase();
        format!("{} {person} {why} {hours} h\n", local(&schedule.zone, shift.from))
    });
    told.collect()
}

#[test]
fn a_week_each_from_the_first_monday_and_nobody_before() {
    let mut schedule = daily("Asia/Shanghai", time(9, 0, 0, 0));
    schedule.layers[0].every_days = 7;
    let told = tell(&schedule, &[], "2026-01-03 00:00", "2026-01-30 00:00");
    expect_test::expect![[r#"
        2026-01-03 00:00 Sat nobody gap 57 h
        2026-01-05 09:00 Mon ann rotation 168 h
        2026-01-12 09:00 Mon bob rotation 168 h
        2026-01-19 09:00 Mon cy rotation 168 h
        2026-01-26 09:00 Mon ann rotation 87 h
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_handover_stays_at_its_local_time_when_the_clocks_change() {
    // New York springs forward on March 8 and falls back on November 1; Shanghai never does.
    let new_york = daily("America/New_York", time(9, 0, 0, 0));
    let spring = tell(&new_york, &[], "2026-03-07 09:00", "2026-03-09 09:00");
    let autumn = tell(&new_york, &[], "2026-10-31 09:00", "2026-11-02 09:00");
    let shanghai = daily("Asia/Shanghai", time(9, 0, 0, 0));
    let shanghai = tell(&shanghai, &[], "2026-03-07 09:00", "2026-03-09 09:00");
    expect_test::expect![[r#"
        2026-03-07 09:00 Sat bob rotation 23 h
        2026-03-08 09:00 Sun cy rotation 24 h

        2026-10-31 09:00 Sat cy rotation 25 h
        2026-11-01 09:00 Sun ann rotation 24 h

        2026-03-07 09:00 Sat bob rotation 24 h
        2026-03-08 09:00 Sun cy rotation 24 h
    "#]]
    .assert_eq(&format!("{spring}\n{autumn}\n{shanghai}"));
}

#[test]
fn a_handover_that_the_clocks_skip_is_later_and_one_that_comes_twice_is_its_first_coming() {
    // 02:30 does not exist in New York on March 8, and comes twice, as 01:30, on November 1. Lord
    // Howe moves by half an hour: forward on October 4 at 02:00, back on April 5 at 02:00. In Cairo
    // midnight itself is skipped on April 24, and 23:00 to 24:00 comes twice on October 29.
    let mut told = String::new();
    for (name, handover, from, until) in [
        ("America/New_York", time(2, 30, 0, 0), "2026-03-07 12:00", "2026-03-09 12:00"),
        ("America/New_York", time(1, 30, 0, 0), "2026-10-31 12:00", "2026-11-02 12:00"),
        ("Australia/Lord_Howe", time(2, 15, 0, 0), "2026-10-03 12:00", "2026-10-05 12:00"),
        ("Australia/Lord_Howe", time(1, 45, 0, 0), "2026-04-04 12:00", "2026-04-06 12:00"),
        ("Africa/Cairo", time(0, 0, 0, 0), "2026-04-23 12:00", "2026-04-25 12:00"),
        ("Africa/Cairo", time(23, 30, 0, 0), "2026-10-29 12:00", "2026-10-31 12:00"),
    ] {
        told += &format!("{name}\n{}", tell(&daily(name, handover), &[], from, until));
    }
    expect_test::expect![[r#"
        America/New_York
        2026-03-07 12:00 Sat bob rotation 14.5 h
        2026-03-08 03:30 Sun cy rotation 23 h
        2026-03-09 02:30 Mon ann rotation 9.5 h
        America/New_York
        2026-10-31 12:00 Sat cy rotation 13.5 h
        2026-11-01 01:30 Sun ann rotation 25 h
        2026-11-02 01:30 Mon bob rotation 10.5 h
        Australia/Lord_Howe
        2026-10-03 12:00 Sat bob rotation 14.25 h
        2026-10-04 02:45 Sun cy rotation 23.5 h
        2026-10-05 02:15 Mon ann rotation 9.75 h
        Australia/Lord_Howe
        2026-04-04 12:00 Sat cy rotation 13.75 h
        2026-04-05 01:45 Sun ann rotation 24.5 h
        2026-04-06 01:45 Mon bob rotation 10.25 h
        Africa/Cairo
        2026-04-23 12:00 Thu ann rotation 12 h
        2026-04-24 01:00 Fri bob rotation 23 h
        2026-04-25 00:00 Sat cy rotation 12 h
        Africa/Cairo
        2026-10-29 12:00 Thu cy rotation 11.5 h
        2026-10-29 23:30 Thu ann rotation 25 h
        2026-10-30 23:30 Fri bob rotation 12.5 h
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_later_layer_wins_in_its_window_and_a_window_may_pass_midnight() {
    let mut schedule = daily("Europe/Berlin", time(9, 0, 0, 0));
    schedule.layers[0].every_days = 7;
    schedule.layers.push(Layer {
        people: people("nora"),
        every_days: 7,
        starts: date(2026, 1, 5),
        handover: time(20, 0, 0, 0),
        window: Some(Window {
            days: vec![Weekday::Monday, Weekday::Friday],
            from: time(20, 0, 0, 0),
            until: time(6, 0, 0, 0),
        }),
    });
    let told = tell(&schedule, &[], "2026-03-25 00:00", "2026-03-31 00:00");
    expect_test::expect![[r#"
        2026-03-25 00:00 Wed cy rotation 68 h
        2026-03-27 20:00 Fri nora rotation 10 h
        2026-03-28 06:00 Sat cy rotation 50 h
        2026-03-30 09:00 Mon ann rotation 11 h
        2026-03-30 20:00 Mon nora rotation 4 h
    "#]]
    .assert_eq(&told);
}

#[test]
fn an_override_covers_every_layer_the_later_said_wins_and_a_gap_falls_to_the_one_named() {
    let mut schedule = daily("UTC", time(0, 0, 0, 0));
    schedule.layers[0].window = Some(Window {
        days: vec![Weekday::Monday],
        from: time(9, 0, 0, 0),
        until: time(17, 0, 0, 0),
    });
    schedule.otherwise = Some("boss".parse().unwrap());
    let stands_in = |person: &str, from: &str, until: &str| Override {
        person: person.parse().unwrap(),
        from: at(&schedule.zone, from),
        until: at(&schedule.zone, until),
    };
    let overrides = [
        stands_in("dan", "2026-01-12 10:00", "2026-01-12 14:00"),
        stands_in("eve", "2026-01-12 13:00", "2026-01-12 15:00"),
    ];
    let told = tell(&schedule, &overrides, "2026-01-12 08:00", "2026-01-12 18:00");
    expect_test::expect![[r#"
        2026-01-12 08:00 Mon boss otherwise 1 h
        2026-01-12 09:00 Mon bob rotation 1 h
        2026-01-12 10:00 Mon dan override 3 h
        2026-01-12 13:00 Mon eve override 2 h
        2026-01-12 15:00 Mon bob rotation 2 h
        2026-01-12 17:00 Mon boss otherwise 1 h
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_shift_knows_since_when_it_lasts() {
    let schedule = daily("Asia/Shanghai", time(9, 0, 0, 0));
    let now = at(&schedule.zone, "2026-02-03 12:00");
    let shift = shift_at(&schedule, &[], now, now + Duration::from_secs(86_400));
    assert_eq!(local(&schedule.zone, shift.from), "2026-02-03 09:00 Tue");
    assert_eq!(local(&schedule.zone, shift.until), "2026-02-04 09:00 Wed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the zone and the hour: the shifts leave no hole, and each moment of one has the
    /// person that is asked for alone.
    #[test]
    fn shifts_agree_with_moments(
        place in 0_usize..5,
        day in 0_i64..800,
        hour in 0_i8..24,
        every in 1_u32..9,
        from_hour in 0_i8..24,
        until_hour in 0_i8..24,
        minute in 0_i64..(20 * 1440),
    ) {
        let names = ["America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Shanghai",
            "Pacific/Apia"];
        let mut schedule = daily(names[place], time(hour, 30, 0, 0));
        schedule.layers[0].every_days = every;
        schedule.layers.push(Layer {
            people: people("nora ned"),
            every_days: every,
            starts: date(2026, 1, 5),
            handover: time(from_hour, 0, 0, 0),
            window: Some(Window {
                days: vec![Weekday::Tuesday, Weekday::Sunday],
                from: time(from_hour, 0, 0, 0),
                until: time(until_hour, 0, 0, 0),
            }),
        });
        let begin = moment(&schedule.zone, date(2026, 1, 1), time(0, 0, 0, 0)).unwrap();
        let from = Time::from_millis(begin.millis() + day * 86_400_000);
        let until = Time::from_millis(from.millis() + 20 * 86_400_000);
        let shifts = shifts(&schedule, &[], from, until);
        prop_assert_eq!(shifts[0].from, from);
        prop_assert_eq!(shifts.last().unwrap().until, until);
        for pair in shifts.windows(2) {
            prop_assert_eq!(pair[0].until, pair[1].from);
        }
        let asked = Time::from_millis(from.millis() + minute * 60_000);
        let shift = shifts.iter().find(|s| s.from <= asked && asked < s.until).unwrap();
        prop_assert_eq!(&shift.person, &on_duty(&schedule, &[], asked).0);
    }
}
