//! What a module is likely to need at this time of the day and of the week.
//!
//! Most work has a rhythm: it comes at the hour at which it came yesterday, and last week. So the
//! next half hour is told from the same half hour of yesterday and of a week ago, brought to today's
//! level. That may lift a policy's floor before the rise shows, and nothing else: it takes nothing
//! away, and what is measured always counts for more.
//!
//! A forecast that is wrong costs VMs each day. So it is judged on the last seven days against the
//! two that need no thought, "same as now" and "same time last week", and is trusted only while it
//! is no worse than either; it is made and shown all the same, so that it can come back.
//!
//! It is a function of recorded work. Nothing of it is stored, so nothing is lost by a restart.

use std::time::Duration;

use model::time::Time;
use model::unit::Span;
use serde::{Deserialize, Serialize};

use crate::facts::Forecast;
use crate::policy::RawForecast;

/// Work is told apart by ten minutes.
pub const BUCKET: Duration = Duration::from_secs(600);
/// So much history is of use: the week that is judged, and the one before it.
pub const MOST_HISTORY: Duration = Duration::from_secs(15 * 86_400);

const DAY: usize = 144;
const WEEK: usize = 7 * DAY;
/// Today's level is that of the last hour, against the same hour of the day that is followed.
const LEVEL: usize = 6;
/// A level that is further off says that this day is not like that one.
const LEVEL_BETWEEN: (f64, f64) = (0.5, 2.0);
/// With fewer cases nothing is judged.
const LEAST_CASES: u32 = 72;

/// Recorded work of a module, in VMs at a load of 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The end of the last bucket.
    pub end: Time,
    /// The mean work of each bucket, oldest first; None where nobody measured.
    pub work: Vec<Option<f64>>,
}

/// How far off forecasts were: the mean of what they missed by, in VMs at a load of 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub cases: u32,
    pub seasonal: f64,
    pub same_as_now: f64,
    /// None with less than a week of history.
    pub same_last_week: Option<f64>,
}

/// A forecast with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    pub forecast: Option<Forecast>,
    pub score: Score,
    /// From the first bucket with a value until the end.
    pub history: Duration,
}

/// Makes the forecast of now, and judges those of the last seven days.
pub fn make(history: &History, terms: &RawForecast, limit: f64) -> Scored {
    let steps = steps(terms.horizon.0);
    let work = &history.work;
    let score = score(work, steps);
    let known = work.iter().position(Option::is_some).map_or(0, |first| work.len() - first);
    let history_length = BUCKET * known as u32;
    let (is_trusted, why) = trust(&score, history_length, terms);
    let forecast = seasonal(work, work.len(), steps).map(|work| Forecast {
        count: (work / limit).ceil().clamp(0.0, f64::from(u32::MAX)) as u32,
        at: history.end,
        is_trusted,
        why,
    });
    Scored { forecast, score, history: history_length }
}

fn steps(horizon: Duration) -> usize {
    (horizon.as_secs().div_ceil(BUCKET.as_secs()) as usize).clamp(1, DAY)
}

fn trust(score: &Score, history: Duration, terms: &RawForecast) -> (bool, String) {
    let least = terms.min_history.0;
    if history < least {
        let why = format!("{} of history, {} needed", whole_hours(history), Span(least));
        return (false, why);
    }
    if score.cases < LEAST_CASES {
        return (false, format!("only {} cases to judge it by", score.cases));
    }
    let Score { seasonal, same_as_now, .. } = *score;
    let week = score.same_last_week.unwrap_or(f64::INFINITY);
    let told = |name: &str, other: f64| {
        format!("off by {seasonal:.2} VMs in the last 7 days, {name} by {other:.2}")
    };
    match (seasonal <= same_as_now, seasonal <= week) {
        (false, _) => (false, told("\"same as now\"", same_as_now)),
        (true, false) => (false, told("\"same time last week\"", week)),
        (true, true) if week < same_as_now => (true, told("\"same time last week\"", week)),
        (true, true) => (true, told("\"same as now\"", same_as_now)),
    }
}

fn whole_hours(span: Duration) -> Span {
    Span(Duration::from_secs(span.as_secs() / 3600 * 3600))
}

/// The most work within `steps` buckets from `now` on, by the rhythm of days and weeks.
fn seasonal(work: &[Option<f64>], now: usize, steps: usize) -> Option<f64> {
    let by_rhythm = [DAY, WEEK].into_iter().filter_map(|back| {
        let most = most(work, now.checked_sub(back)?, steps)?;
        let (today, then) = (mean(work, now)?, mean(work, now - back)?);
        let level = if then > 0.0 { today / then } else { 1.0 };
        Some(most * level.clamp(LEVEL_BETWEEN.0, LEVEL_BETWEEN.1))
    });
    let (sum, count) = by_rhythm.fold((0.0, 0.0), |(sum, n), work| (sum + work, n + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The most of the buckets from `from` on; None if one of them is unknown.
fn most(work: &[Option<f64>], from: usize, steps: usize) -> Option<f64> {
    let span = work.get(from..from + steps)?;
    span.iter().try_fold(0.0, |most: f64, work| Some(most.max((*work)?)))
}

/// The mean of the last hour before `now`, as far as it is known.
fn mean(work: &[Option<f64>], now: usize) -> Option<f64> {
    let span = work.get(now.checked_sub(LEVEL)?..now)?;
    let (sum, count) =
        span.iter().flatten().fold((0.0, 0.0), |(sum, n), work| (sum + work, n + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// Plays the last seven days again, and sums up what each kind of forecast missed by.
fn score(work: &[Option<f64>], steps: usize) -> Score {
    let mut score = Score::default();
    let (mut week, mut week_cases) = (0.0, 0_u32);
    let first = work.len().saturating_sub(WEEK);
    for now in first..work.len() {
        let (Some(came), Some(told)) = (most(work, now, steps), seasonal(work, now, steps)) else {
            continue;
        };
        let Some(present) = now.checked_sub(1).and_then(|last| work[last]) else { continue };
        score.cases += 1;
        score.seasonal += (came - told).abs();
        score.same_as_now += (came - present).abs();
        if let Some(then) = now.checked_sub(WEEK).and_then(|then| most(work, then, steps)) {
            week_cases += 1;
            week += (came - then).abs();
        }
    }
    let cases = f64::from(score.cases.max(1));
    (score.seasonal, score.same_as_now) = (score.seasonal / cases, score.same_as_now / cases);
    score.same_last_week = (week_cases >= LEAST_CASES).then(|| week / f64::from(week_cases));
    score
}

#[cfg(test)]
mod tests {
    use model::unit::Share;

    use super::*;
    use crate::policy::ForecastMode;

    fn terms() -> RawForecast {
        RawForecast {
            mode: ForecastMode::RaiseFloor,
            horizon: Span::secs(1_800),
            min_history: Span::secs(3 * 86_400),
            max_raise: Share::Percent(50),
        }
    }

    /// Days with a rush at ten, as high as `height` says for that day.
    fn days(count: usize, height: impl Fn(usize) -> f64) -> History {
        let bucket = |index: usize| {
            let is_rush = (60..72).contains(&(index % DAY));
            Some(if is_rush { height(index / DAY) } else { 2.0 })
        };
        History { end: Time::default(), work: (0..count).map(bucket).collect() }
    }

    #[test]
    fn a_rush_that_comes_each_day_is_foreseen() {
        let now = 10 * DAY + 58;
        let scored = make(&days(now, |_| 8.0), &terms(), 0.8);
        let forecast = scored.forecast.unwrap();
        assert_eq!(forecast.count, 10, "{forecast:?}");
        assert!(forecast.is_trusted, "{}", forecast.why);
        assert!(scored.score.seasonal < scored.score.same_as_now);
    }

    #[test]
    fn without_enough_history_it_only_observes() {
        let scored = make(&days(2 * DAY + 58, |_| 8.0), &terms(), 0.8);
        let forecast = scored.forecast.unwrap();
        assert!(!forecast.is_trusted);
        assert_eq!(forecast.why, "2d9h of history, 3d needed");
    }

    #[test]
    fn where_no_day_is_like_another_it_is_demoted() {
        let mut history = days(14 * DAY, |_| 2.0);
        for (index, work) in history.work.iter_mut().enumerate() {
            // A rush at another hour each day.
            let hour = index / DAY * 37 % DAY;
            *work = Some(if (hour..hour + 6).contains(&(index % DAY)) { 12.0 } else { 2.0 });
        }
        let forecast = make(&history, &terms(), 0.8).forecast.unwrap();
        assert!(!forecast.is_trusted, "{}", forecast.why);
        assert!(forecast.why.contains("same as now"), "{}", forecast.why);
    }

    #[test]
    fn holes_are_neither_foreseen_nor_judged() {
        let mut history = days(10 * DAY, |_| 8.0);
        history.work.iter_mut().skip(9 * DAY).for_each(|work| *work = None);
        let scored = make(&history, &terms(), 0.8);
        assert_eq!(scored.forecast, None);
        assert!(scored.score.cases <= (6 * DAY) as u32);
    }
}
