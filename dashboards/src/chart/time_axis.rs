//! From moments to places, and the moments to write on the axis.
//!
//! Ticks fall on round readings of the reader's clocks, not on round numbers of seconds since the
//! epoch: six-hour ticks stay at 00:00, 06:00, 12:00 on the day the clocks change.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use model::time::Time;

use crate::voice::zoned;

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// The distances of ticks that people can count in.
const STEPS_S: [i64; 18] = [
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE_S,
    2 * MINUTE_S,
    5 * MINUTE_S,
    10 * MINUTE_S,
    15 * MINUTE_S,
    30 * MINUTE_S,
    HOUR_S,
    3 * HOUR_S,
    6 * HOUR_S,
    12 * HOUR_S,
    DAY_S,
    7 * DAY_S,
];

/// A span of time laid out from left to right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeAxis {
    pub(crate) from: Time,
    /// After `from`.
    pub(crate) until: Time,
}

impl TimeAxis {
    /// How far to the right a moment lies, 0 to 1; None outside.
    pub(crate) fn share(self, at: Time) -> Option<f64> {
        let length = (self.until.millis() - self.from.millis()) as f64;
        let share = (at.millis() - self.from.millis()) as f64 / length;
        (0.0..=1.0).contains(&share).then_some(share)
    }

    pub(crate) fn seconds(self) -> f64 {
        self.until.since(self.from).as_secs_f64()
    }

    /// The moments to write, with what to write, at most `most` of them and one more.
    pub(crate) fn ticks(self, zone: &TimeZone, most: u32) -> Vec<(Time, String)> {
        let step_s = step_s(self.seconds() / f64::from(most));
        let mut ticks: Vec<(Time, String)> = Vec::new();
        let mut civil = floor(zoned(self.from, zone).datetime(), step_s);
        while let Ok(moment) = civil.to_zoned(zone.clone()) {
            let at = Time::from_millis(moment.timestamp().as_millisecond());
            if at > self.until {
                break;
            }
            // Where the clocks are put back or forward, two readings may name one moment.
            let is_later = ticks.last().is_none_or(|(last, _)| *last < at);
            if at >= self.from && is_later {
                ticks.push((at, label(moment.datetime(), step_s)));
            }
            let Ok(next) = civil.checked_add(SignedDuration::from_secs(step_s)) else { break };
            civil = next;
        }
        ticks
    }
}

fn step_s(least: f64) -> i64 {
    let fits = STEPS_S.into_iter().find(|step| *step as f64 >= least);
    fits.unwrap_or_else(|| (least / DAY_S as f64).ceil() as i64 * DAY_S)
}

/// The last round reading of the clock before `civil`.
fn floor(civil: DateTime, step_s: i64) -> DateTime {
    let midnight = civil.date().to_datetime(jiff::civil::Time::midnight());
    let second = midnight.until(civil).map_or(0, |span| {
        span.get_hours() as i64 * HOUR_S + span.get_minutes() * MINUTE_S + span.get_seconds()
    });
    midnight.saturating_add((second - second % step_s).seconds())
}

fn label(civil: DateTime, step_s: i64) -> String {
    let is_midnight = civil.time() == jiff::civil::Time::midnight();
    let form = match step_s {
        _ if is_midnight => "%m-%d",
        ..MINUTE_S => "%H:%M:%S",
        _ => "%H:%M",
    };
    civil.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, from: &str, until: &str, expected: &str) {
        let time = |text: &str| {
            let stamp: jiff::Timestamp = text.parse().unwrap();
            Time::from_millis(stamp.as_millisecond())
        };
        let axis = TimeAxis { from: time(from), until: time(until) };
        let ticks = axis.ticks(&TimeZone::get(zone).unwrap(), 6);
        let labels: Vec<_> = ticks.into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels.join(" "), expected);
    }

    #[test]
    fn ticks_fall_on_round_readings() {
        check(
            "UTC",
            "2026-03-02T09:52:31Z",
            "2026-03-02T10:02:31Z",
            "09:54 09:56 09:58 10:00 10:02",
        );
        check(
            "UTC",
            "2026-03-02T10:02:31Z",
            "2026-03-02T10:03:00Z",
            "10:02:35 10:02:40 10:02:45 10:02:50 10:02:55 10:03:00",
        );
    }

    #[test]
    fn ticks_follow_the_readers_clocks() {
        check(
            "Asia/Kathmandu",
            "2026-03-02T09:50:00Z",
            "2026-03-02T10:50:00Z",
            "15:40 15:50 16:00 16:10 16:20 16:30",
        );
        check(
            "America/New_York",
            "2026-03-02T10:00:00Z",
            "2026-03-02T11:00:00Z",
            "05:00 05:10 05:20 05:30 05:40 05:50 06:00",
        );
    }

    #[test]
    fn ticks_stay_round_when_the_clocks_are_put_forward() {
        check(
            "America/New_York",
            "2026-03-08T05:00:00Z",
            "2026-03-09T04:00:00Z",
            "03-08 06:00 12:00 18:00 03-09",
        );
    }

    #[test]
    fn a_month_has_weekly_ticks() {
        check(
            "UTC",
            "2026-03-02T00:00:00Z",
            "2026-03-30T00:00:00Z",
            "03-02 03-09 03-16 03-23 03-30",
        );
    }
}
