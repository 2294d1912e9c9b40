//! The rules by which time is accounted for: named, versioned, and printed on every report.

use std::fmt;
use std::time::Duration;

use model::unit::Span;

/// A verdict may come late, and a doubt may stay open, for this many intervals.
const PATIENT_INTERVALS: u32 = 10;

/// One set of rules. Two sets may be compared on the same verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounting {
    pub name: String,
    /// Raised when the rules change.
    pub version: u32,
    /// Between two probes; above zero.
    pub interval: Duration,
    /// This many failures in a row are an outage, from the first of them on. 0 counts as 1.
    pub confirm_down: u32,
    /// This many successes in a row end an outage, at the first of them. 0 counts as 1.
    pub confirm_up: u32,
    /// A verdict that is the newest for longer speaks for one interval only. Less than an interval
    /// counts as an interval.
    pub stale_after: Duration,
}

impl Accounting {
    /// The usual rules for probes at this interval: down after three failures, up after two
    /// successes, stale after one and a half intervals.
    pub fn new(interval: Duration) -> Self {
        Self {
            name: "standard".to_owned(),
            version: 1,
            interval,
            confirm_down: 3,
            confirm_up: 2,
            stale_after: interval.saturating_mul(3) / 2,
        }
    }

    /// `a probe each 1m, down after 3, up after 2, stale after 1m30s`.
    pub fn probing(&self) -> String {
        let Self { confirm_down, confirm_up, .. } = self;
        let (interval, stale) = (Span(self.interval), Span(self.stale_after));
        format!(
            "a probe each {interval}, down after {confirm_down}, up after {confirm_up}, stale after \
             {stale}"
        )
    }

    pub(crate) fn stale_after(&self) -> Duration {
        self.stale_after.max(self.interval)
    }

    /// How late a verdict may come, and how long after the first failure or success of a row the
    /// last one may come for the row to count. Long enough for a row of slow probes.
    pub(crate) fn patience(&self) -> Duration {
        let row = self.confirm_down.max(self.confirm_up).saturating_mul(2);
        self.interval.saturating_mul(row.max(PATIENT_INTERVALS)).max(self.stale_after())
    }
}

/// `standard@1: a probe each 1m, down after 3, up after 2, stale after 1m30s`.
impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}: {}", self.name, self.version, self.probing())
    }
}
