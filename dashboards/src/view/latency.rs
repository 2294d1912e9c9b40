//! What a report says of how long probes took. Times are whole microseconds.

use model::time::Time;
use serde::{Deserialize, Serialize};

/// The probes of one module over the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyView {
    /// When the first hour began of which there are answers.
    pub from: Time,
    /// How far they reach.
    pub until: Time,
    pub probes: u64,
    /// Those that came to no good answer in time.
    pub failures: u64,
    /// Of those that were answered, to within 0.8 %; None if none was.
    pub p50_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
    /// Exact.
    pub slowest_us: Option<u64>,
    /// The shortest first.
    pub within: Vec<WithinView>,
    /// What share is promised within the threshold that is the target: `99%`.
    pub target: Option<String>,
    /// By exact counts; None without a target, or if nothing was counted for it.
    pub is_met: Option<bool>,
}

/// How many probes were answered within so long: exact. A failure is above each threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithinView {
    pub within_us: u64,
    pub count: u64,
    /// Of so many probes.
    pub of: u64,
    /// In percent, never rounded up.
    pub share: Option<String>,
    /// It was not counted before this hour, which is later than the first.
    pub since: Option<Time>,
    /// It is that of the target.
    pub is_target: bool,
}
