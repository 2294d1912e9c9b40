//! How well the looking itself goes, for the page *Is the monitor healthy?*
//!
//! Counted where it happens, without a lock; read by whoever renders `/metrics`. Counters only
//! grow. The lag is how much later than due a look begins: the first thing to rise when the
//! collector cannot keep up. Suspects, who wait on purpose, do not count towards it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::verdict::Outcome;

use crate::look::Answer;
use crate::passive::{AgentError, Polled};
use crate::poller::Sensed;

/// What can be wrong with one look, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Refused,
    TimedOut,
    ClosedWithoutReply,
    Rubbish,
    TooBig,
    Unsupported,
    Unhealthy,
    NotReady,
    /// It lives and does not let us see.
    Misconfigured,
    /// Our own: we could not look.
    Blind,
}

/// Counts of one poller. Shared between it and whoever shows them.
#[derive(Debug, Default)]
pub struct Gauges {
    polls: AtomicU64,
    faults: [AtomicU64; Fault::ALL.len()],
    keys_unsupported: AtomicU64,
    values_rubbish: AtomicU64,
    keys_unanswered: AtomicU64,
    beats_missed: AtomicU64,
    in_flight: AtomicU64,
    targets: AtomicU64,
    suspects: AtomicU64,
    lag_ms: AtomicU64,
    lag_max_ms: AtomicU64,
}

/// The gauges at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GaugeReadings {
    /// Looks that have ended, of every sort.
    pub polls: u64,
    pub faults: BTreeMap<Fault, u64>,
    /// Item keys that agents did not know, out of polls that succeeded.
    pub keys_unsupported: u64,
    /// Values that were no finite number, out of polls that succeeded.
    pub values_rubbish: u64,
    /// Item keys that a poll which broke off did not come to.
    pub keys_unanswered: u64,
    /// Looks that were not taken, because the one before was still under way or waiting.
    pub beats_missed: u64,
    pub in_flight: u64,
    pub targets: u64,
    /// Targets that used up their whole time when they were looked at last.
    pub suspects: u64,
    /// The worst of the last second in which anything happened.
    pub lag: Duration,
    /// The worst since the start.
    pub lag_max: Duration,
}

impl Fault {
    pub const ALL: [Self; 10] = [
        Self::Refused,
        Self::TimedOut,
        Self::ClosedWithoutReply,
        Self::Rubbish,
        Self::TooBig,
        Self::Unsupported,
        Self::Unhealthy,
        Self::NotReady,
        Self::Misconfigured,
        Self::Blind,
    ];

    /// As a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::ClosedWithoutReply => "closed_without_reply",
            Self::Rubbish => "rubbish",
            Self::TooBig => "too_big",
            Self::Unsupported => "unsupported",
            Self::Unhealthy => "unhealthy",
            Self::NotReady => "not_ready",
            Self::Misconfigured => "misconfigured",
            Self::Blind => "blind",
        }
    }

    fn of(sensed: &Sensed) -> Option<Self> {
        match sensed {
            Sensed::Frame(_) | Sensed::Split { .. } => None,
            Sensed::AgentFault { error, .. } => Some(error.into()),
            Sensed::Blind { .. } => Some(Self::Blind),
            Sensed::Verdict(verdict) => match verdict.outcome {
                Outcome::Healthy { .. } => None,
                Outcome::Unhealthy { .. } => Some(Self::Unhealthy),
                Outcome::Blind { .. } => Some(Self::Blind),
            },
            Sensed::Ready { ready, .. } => (*ready == Some(false)).then_some(Self::NotReady),
            Sensed::Canary { answered, .. } => (!answered).then_some(Self::TimedOut),
            Sensed::Looked { look, .. } => match look.answer {
                Answer::Up => None,
                Answer::Down { .. } => Some(Self::Unhealthy),
                Answer::Misconfigured { .. } => Some(Self::Misconfigured),
                Answer::Blind { .. } => Some(Self::Blind),
            },
            Sensed::Lag { .. } => None,
        }
    }
}

impl From<&AgentError> for Fault {
    fn from(error: &AgentError) -> Self {
        match error {
            AgentError::Refused(_) => Self::Refused,
            AgentError::TimedOut(_) => Self::TimedOut,
            AgentError::ClosedWithoutReply => Self::ClosedWithoutReply,
            AgentError::Rubbish { .. } => Self::Rubbish,
            AgentError::TooBig { .. } => Self::TooBig,
            AgentError::Unsupported { .. } => Self::Unsupported,
        }
    }
}

impl Gauges {
    pub fn read(&self) -> GaugeReadings {
        let fault = |fault: Fault| (fault, self.faults[fault as usize].load(Relaxed));
        GaugeReadings {
            polls: self.polls.load(Relaxed),
            faults: Fault::ALL.into_iter().map(fault).collect(),
            keys_unsupported: self.keys_unsupported.load(Relaxed),
            values_rubbish: self.values_rubbish.load(Relaxed),
            keys_unanswered: self.keys_unanswered.load(Relaxed),
            beats_missed: self.beats_missed.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            targets: self.targets.load(Relaxed),
            suspects: self.suspects.load(Relaxed),
            lag: Duration::from_millis(self.lag_ms.load(Relaxed)),
            lag_max: Duration::from_millis(self.lag_max_ms.load(Relaxed)),
        }
    }

    pub(crate) fn count(&self, sensed: &Sensed) {
        self.polls.fetch_add(1, Relaxed);
        if let Some(fault) = Fault::of(sensed) {
            self.faults[fault as usize].fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn count_losses(&self, polled: &Polled) {
        self.keys_unsupported.fetch_add(polled.unsupported.into(), Relaxed);
        self.values_rubbish.fetch_add(polled.rubbish.into(), Relaxed);
        self.keys_unanswered.fetch_add(polled.unanswered.into(), Relaxed);
    }

    pub(crate) fn count_missed(&self, beats: u64) {
        self.beats_missed.fetch_add(beats, Relaxed);
    }

    pub(crate) fn set_load(&self, targets: usize, suspects: usize, in_flight: usize) {
        self.targets.store(targets as u64, Relaxed);
        self.suspects.store(suspects as u64, Relaxed);
        self.in_flight.store(in_flight as u64, Relaxed);
    }

    fn set_lag(&self, worst: Duration) {
        let worst_ms = u64::try_from(worst.as_millis()).unwrap_or(u64::MAX);
        self.lag_ms.store(worst_ms, Relaxed);
        self.lag_max_ms.fetch_max(worst_ms, Relaxed);
    }
}

/// Collects the worst lag of each second.
#[derive(Debug, Default)]
pub(crate) struct LagMeter {
    second: u64,
    worst: Duration,
}

impl LagMeter {
    pub(crate) fn note(&mut self, lag: Duration, now: Duration, gauges: &Gauges) {
        if now.as_secs() != self.second {
            gauges.set_lag(self.worst);
            *self = Self { second: now.as_secs(), worst: Duration::ZERO };
        }
        self.worst = self.worst.max(lag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_a_place_and_a_name_of_its_own() {
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
        let names: std::collections::BTreeSet<_> = Fault::ALL.map(Fault::as_str).into();
        assert_eq!(names.len(), Fault::ALL.len());
    }

    #[test]
    fn the_lag_is_the_worst_of_a_second_and_the_worst_of_all() {
        let (gauges, mut meter) = (Gauges::default(), LagMeter::default());
        let ms = Duration::from_millis;
        let shown = |gauges: &Gauges| (gauges.read().lag, gauges.read().lag_max);
        for (lag, now) in [(3, 1000), (40, 1500), (7, 1900)] {
            meter.note(ms(lag), ms(now), &gauges);
        }
        assert_eq!(shown(&gauges), (ms(0), ms(0)), "that second is not over");
        meter.note(ms(1), ms(2100), &gauges);
        assert_eq!(shown(&gauges), (ms(40), ms(40)));
        meter.note(ms(0), ms(9000), &gauges);
        assert_eq!(shown(&gauges), (ms(1), ms(40)));
    }
}
