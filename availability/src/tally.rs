//! How long it was in which state, and what follows from that: shares, and whether a promise was kept.
//!
//! One function for all: page, mail, command and API may not disagree.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::interval::{Interval, State};
use crate::share::Share;
use crate::terms::{Target, Unknown};

/// Five durations that add up to the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub up: Duration,
    pub down: Duration,
    pub unknown: Duration,
    pub maintenance: Duration,
    pub not_applicable: Duration,
}

/// Whether a promise was kept, as far as can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    Met,
    Missed,
    /// It hangs on the time of which nobody knows.
    Undecidable {
        /// So much of the unknown time must have been up for it to be met.
        met_if_up_ms: u64,
        /// So much of it must have been down for it to be missed.
        missed_if_down_ms: u64,
    },
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Undecidable { .. } => "undecidable",
        }
    }
}

impl Tally {
    /// Of a timeline.
    pub fn of<'a>(timeline: impl IntoIterator<Item = &'a Interval>) -> Self {
        let mut tally = Self::default();
        for interval in timeline {
            *tally.of_state(interval.state) += interval.length();
        }
        tally
    }

    fn of_state(&mut self, state: State) -> &mut Duration {
        match state {
            State::Up => &mut self.up,
            State::Down => &mut self.down,
            State::Unknown => &mut self.unknown,
            State::Maintenance => &mut self.maintenance,
            State::NotApplicable => &mut self.not_applicable,
        }
    }

    /// The whole period.
    pub fn whole(&self) -> Duration {
        self.counted() + self.maintenance + self.not_applicable
    }

    /// The time that counts.
    pub fn counted(&self) -> Duration {
        self.up + self.down + self.unknown
    }

    /// Up, as a share of what is known; None if nothing is. To be shown with [`Tally::coverage`] only.
    pub fn known(&self) -> Option<Share> {
        Share::of(self.up, self.up + self.down)
    }

    /// If all that is unknown was down; None if no time counts.
    pub fn low(&self) -> Option<Share> {
        Share::of(self.up, self.counted())
    }

    /// If all that is unknown was up; None if no time counts.
    pub fn high(&self) -> Option<Share> {
        Share::of(self.up + self.unknown, self.counted())
    }

    /// How much is known; None if no time counts.
    pub fn coverage(&self) -> Option<Share> {
        Share::of(self.up + self.down, self.counted())
    }

    /// With unknown time as the terms have it.
    pub fn under(self, unknown: Unknown) -> Self {
        let none = Duration::ZERO;
        match unknown {
            Unknown::Bounds => self,
            Unknown::CountDown => Self { down: self.down + self.unknown, unknown: none, ..self },
            Unknown::CountUp => Self { up: self.up + self.unknown, unknown: none, ..self },
        }
    }

    /// None if no time counts: then nothing was promised.
    pub fn verdict(&self, target: Target) -> Option<Verdict> {
        let (low, high) = (self.low()?, self.high()?);
        if low.reaches(target.millionths()) {
            return Some(Verdict::Met);
        }
        if !high.reaches(target.millionths()) {
            return Some(Verdict::Missed);
        }
        let budget = target.budget(self.counted());
        let must_be_up = self.counted().saturating_sub(budget).saturating_sub(self.up);
        let may_be_down = budget.saturating_sub(self.down) + Duration::from_millis(1);
        Some(Verdict::Undecidable {
            met_if_up_ms: millis(must_be_up),
            missed_if_down_ms: millis(may_be_down),
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
