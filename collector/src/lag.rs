//! The alarm of the schedule itself: looks that begin late.
//!
//! A collector that cannot keep up shows old figures as if they were fresh, and it does so
//! silently. So its lag has an alarm of its own, which needs no rule. It goes off when looks begin
//! later than a fifth of the interval in two intervals running, and ends below half of that.
//!
//! Pure.

use std::time::Duration;

use model::id::{CheckId, CollectorId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;

/// Looks later than this share of the interval are too late.
const LATE: f64 = 0.2;
/// So many intervals in a row.
const INTERVALS: u32 = 2;

/// Watches the lag of one collector.
#[derive(Clone, Debug)]
pub struct LagAlarm {
    collector: CollectorId,
    interval: Duration,
    late: u32,
    said_bad: Option<bool>,
}

impl LagAlarm {
    pub fn new(collector: CollectorId, interval: Duration) -> Self {
        Self { collector, interval, late: 0, said_bad: None }
    }

    /// Takes in the worst lag of one interval; a signal when there is news.
    pub fn on_lag(&mut self, at: Time, worst: Duration) -> Option<Signal> {
        let limit = self.interval.mul_f64(LATE);
        self.late = if worst > limit { self.late + 1 } else { 0 };
        let is_bad = match self.said_bad {
            Some(true) => worst > limit / 2,
            Some(false) | None => self.late >= INTERVALS,
        };
        if self.said_bad == Some(is_bad) {
            return None;
        }
        self.said_bad = Some(is_bad);
        let millis = worst.as_millis();
        let (state, text) = if is_bad {
            let text = format!(
                "looks begin {millis} ms late, at intervals of {} ms: the collector cannot keep up; \
                 give it fewer targets or a longer interval",
                self.interval.as_millis()
            );
            (SignalState::Problem(Severity::Warning), text)
        } else {
            (SignalState::Ok, format!("looks begin in time ({millis} ms late at worst)"))
        };
        Some(self.signal(at, state, text))
    }

    fn signal(&self, at: Time, state: SignalState, text: String) -> Signal {
        Signal {
            source: SourceId::parse("collector").expect("it is a name"),
            check: CheckId::parse("collector.lag").expect("it is a name"),
            object: Object::Collector(self.collector.clone()),
            state,
            at,
            via: None,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_off_after_two_late_intervals_and_ends_at_half_the_limit() {
        let main = CollectorId::parse("main").unwrap();
        let mut alarm = LagAlarm::new(main, Duration::from_secs(10));
        let mut told = Vec::new();
        for (interval, lag_ms) in [10, 2100, 10, 2100, 2100, 2100, 1900, 900, 10].iter().enumerate()
        {
            let at = Time::from_millis(interval as i64 * 10_000);
            let signal = alarm.on_lag(at, Duration::from_millis(*lag_ms));
            told.extend(signal.map(|signal| (interval, signal.state)));
        }
        let bad = SignalState::Problem(Severity::Warning);
        assert_eq!(told, [(0, SignalState::Ok), (4, bad), (7, SignalState::Ok)]);
    }
}
