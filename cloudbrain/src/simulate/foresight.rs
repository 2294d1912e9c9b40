//! What a policy knows ahead while it is simulated: its schedules, and the forecast of its work.
//!
//! Both are those of `serve`: the spans of the timetable, and `scaler::forecast` on the work that
//! was measured in the simulation, made anew every ten minutes. A forecast begins with no history,
//! so a trace must be longer than the policy's `min_history` before it is trusted.

use std::collections::VecDeque;

use model::time::Time;
use scaler::facts::{Forecast, ScheduleSpan};
use scaler::forecast::{BUCKET, History, MOST_HISTORY, make};
use scaler::policy::{ForecastMode, Policy, RawForecast};

/// The schedules and the forecast of one module.
#[derive(Debug, Default)]
pub struct Foresight {
    /// By when they begin.
    schedules: VecDeque<ScheduleSpan>,
    forecaster: Option<Forecaster>,
}

#[derive(Debug)]
struct Forecaster {
    terms: RawForecast,
    limit: f64,
    work: VecDeque<Option<f64>>,
    /// Of the bucket that is not full yet.
    sum: f64,
    count: u32,
    ends: Option<Time>,
    made: Option<Forecast>,
}

impl Foresight {
    /// That of a policy whose schedules hold at these times.
    pub fn of(policy: &Policy, mut schedules: Vec<ScheduleSpan>) -> Self {
        schedules.sort_by_key(|span| span.from);
        let limit = policy.metrics.first().map_or(1.0, |metric| metric.aim.above());
        let forecaster = (policy.forecast.mode != ForecastMode::None)
            .then(|| Forecaster::new(policy.forecast, limit));
        Self { schedules: schedules.into(), forecaster }
    }

    /// The schedules that hold now. Time does not go back here, so what is over is forgotten.
    pub fn schedules(&mut self, now: Time) -> Vec<ScheduleSpan> {
        while self.schedules.front().is_some_and(|span| span.until <= now) {
            self.schedules.pop_front();
        }
        let begun = self.schedules.iter().take_while(|span| span.from <= now);
        begun.filter(|span| span.holds(now)).cloned().collect()
    }

    /// What was foreseen last.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.forecaster.as_ref()?.made.as_ref()
    }

    /// The work that was measured at a look; None if nobody measured.
    pub fn measured(&mut self, work: Option<f64>, now: Time) {
        if let Some(forecaster) = &mut self.forecaster {
            forecaster.measured(work, now);
        }
    }
}

impl Forecaster {
    fn new(terms: RawForecast, limit: f64) -> Self {
        let (work, made, ends) = (VecDeque::new(), None, None);
        Self { terms, limit, work, sum: 0.0, count: 0, ends, made }
    }

    fn measured(&mut self, work: Option<f64>, now: Time) {
        let ends = *self.ends.get_or_insert(now + BUCKET);
        if now >= ends {
            self.close(ends);
        }
        if let Some(work) = work {
            self.sum += work;
            self.count += 1;
        }
    }

    fn close(&mut self, end: Time) {
        self.work.push_back((self.count > 0).then(|| self.sum / f64::from(self.count)));
        if self.work.len() as u64 > MOST_HISTORY.as_secs() / BUCKET.as_secs() {
            self.work.pop_front();
        }
        let history = History { end, work: self.work.iter().copied().collect() };
        self.made = make(&history, &self.terms, self.limit).forecast;
        (self.sum, self.count, self.ends) = (0.0, 0, Some(end + BUCKET));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scaler::lead::LeadTimes;
    use scaler::policy::check;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::timetable::Timetable;
    use crate::simulate::decider::Decider;
    use crate::simulate::trace::Trace;
    use crate::simulate::world::{Played, Setting, play};

    const HOUR: usize = 240;
    /// 2026-11-23, a Monday, at midnight in Shanghai.
    const FROM: Time = Time::from_millis(1_795_363_200_000);

    fn played(extra: &Value, demand: Vec<f64>) -> Played {
        let mut raw = json!({
            "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web",
            "flavor": "small", "mode": "auto", "capacity": {"min": 2, "max": 12},
            "metrics": [{"name": "load", "target": 0.6}],
            "health": {"ready": {"http": "/ready"}},
        });
        raw.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let policy = check(serde_json::from_value(raw).unwrap()).0.unwrap();
        let is_measured = vec![true; demand.len()];
        let trace = Trace { tick: Duration::from_secs(15), demand, is_measured };
        let schedules = Timetable::read(&policy).0.spans(FROM, FROM + trace.span());
        let setting = Setting { from: FROM, ..Setting::default() };
        let lead = LeadTimes::known(setting.take, setting.make);
        let mut decider = Decider::new(policy, lead).unwrap().with_foresight(schedules);
        play(&trace, &mut decider, &setting)
    }

    #[test]
    fn a_schedule_holds_at_its_hours_and_not_at_others() {
        let schedules = json!({"schedules": [{
            "name": "office", "cron": "0 9 * * 1-5", "duration": "8h",
            "timezone": "Asia/Shanghai", "min": 7,
        }]});
        let played = played(&schedules, vec![1.0; 24 * HOUR]);
        let at = |hour: usize| played.wanted[hour * HOUR + 40];
        assert_eq!([at(8), at(9), at(16), at(20)], [2, 7, 7, 2]);
    }

    #[test]
    fn a_schedule_that_pauses_leaves_the_count_as_it_is() {
        let schedules = json!({"schedules": [{
            "name": "freeze", "cron": "0 9 * * *", "duration": "8h",
            "timezone": "Asia/Shanghai", "mode": "paused",
        }]});
        let mut demand = vec![1.0; 24 * HOUR];
        demand[10 * HOUR..].fill(4.0);
        let played = played(&schedules, demand);
        assert_eq!([played.wanted[16 * HOUR], played.wanted[18 * HOUR]], [2, 7]);
    }

    /// A rush at ten each day.
    fn rushes(hours: usize) -> Vec<f64> {
        let hour = |tick: usize| tick / HOUR % 24;
        (0..hours * HOUR).map(|tick| if hour(tick) == 10 { 4.5 } else { 1.5 }).collect()
    }

    #[test]
    fn a_forecast_that_is_trusted_has_vms_there_before_the_rush() {
        let forecast = |mode: &str| {
            let terms = json!({"mode": mode, "min_history": "1d", "max_raise": "100%"});
            let played = played(&json!({"forecast": terms}), rushes(58));
            played.wanted[(2 * 24 + 10) * HOUR - 20]
        };
        let (lifted, observed) = (forecast("raise-floor"), forecast("observe"));
        assert!(lifted > observed, "{lifted} VMs with a forecast, {observed} without");
    }
}
