//! What is said about a period.

use std::time::Duration;

use crate::accounting::Accounting;
use crate::interval::{Interval, State};
use crate::share::Share;
use crate::tally::Tally;

/// The availability of one module over one period. The five durations add up to the period.
///
/// The three shares are of the time that counts: the period without what was not applicable and
/// without maintenance.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub up: Duration,
    pub down: Duration,
    pub unknown: Duration,
    pub maintenance: Duration,
    pub not_applicable: Duration,
    /// Up, as a share of what is known; None if nothing is. To be shown with `coverage` only.
    pub known: Option<f64>,
    /// If all that is unknown was down, 0 to 1; 0 if no time counts.
    pub low: f64,
    /// If all that is unknown was up, 0 to 1; 1 if no time counts.
    pub high: f64,
    /// How much is known, 0 to 1; 0 if no time counts.
    pub coverage: f64,
    /// The confirmed outages, clipped to the period.
    pub outages: Vec<Interval>,
    /// Failures that no outage came of; no downtime follows from them.
    pub blips: u32,
    /// The rules, in words.
    pub accounting: String,
}

impl Report {
    /// Sums up a timeline without gaps.
    pub fn new(accounting: &Accounting, timeline: Vec<Interval>, blips: u32) -> Self {
        let tally = Tally::of(&timeline);
        let Tally { up, down, unknown, maintenance, not_applicable } = tally;
        Self {
            up,
            down,
            unknown,
            maintenance,
            not_applicable,
            known: tally.known().map(Share::as_f64),
            low: tally.low().map_or(0.0, Share::as_f64),
            high: tally.high().map_or(1.0, Share::as_f64),
            coverage: tally.coverage().map_or(0.0, Share::as_f64),
            outages: timeline.into_iter().filter(|span| span.state == State::Down).collect(),
            blips,
            accounting: accounting.to_string(),
        }
    }
}
