//! How well a Zabbix server is seen, for the page on the monitor's own health.

use std::time::Duration;

use model::time::Time;

use super::dialect::Version;
use super::error::{ApiError, chain};

/// How many names are listed; beyond that they are counted only.
pub const MAX_LISTED: usize = 50;

/// How well a Zabbix server is seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub version: Option<Version>,
    pub calls: u64,
    pub failed_calls: u64,
    pub latency_p95: Duration,
    /// By how much all cycles are longer because the API is slow: 1 is not at all.
    pub stretch: u32,
    /// When events were last read to their end: how far we are behind.
    pub events_read_at: Option<Time>,
    pub reconciled_at: Option<Time>,
    pub listed_at: Option<Time>,
    pub measured_at: Option<Time>,
    /// Ids that were skipped and may still appear, and those given up before their time.
    pub gaps: usize,
    pub gaps_given_up: u64,
    pub open_problems: usize,
    /// Problems of hosts of which nobody says what they are.
    pub problems_of_nobody: usize,
    /// Rounds in which more problems vanished than is believed.
    pub vanished_rounds: u32,
    pub hosts: usize,
    /// Hosts missing in the last list that are not believed to be gone.
    pub held: Vec<String>,
    /// Hosts of which nobody says what they are, and why.
    pub unknown: Vec<(String, String)>,
    pub unknown_count: usize,
    /// Hosts that are the same object as another.
    pub doubles: usize,
    pub items: usize,
    pub unsupported_items: usize,
    /// Rows and values that could not be read, and lines of the export.
    pub odd_rows: u64,
    /// Files of the export of which a part was gone before it was read.
    pub lost_files: u64,
    pub last_fault: Option<Fault>,
}

/// What went wrong last, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: Time,
    pub what: String,
    pub remedy: &'static str,
}

impl Fault {
    /// With all that the error says of its cause.
    pub fn new(error: &ApiError, at: Time) -> Self {
        Self { at, what: chain(error), remedy: error.remedy() }
    }
}
