//! What one look at a target brings, whatever sort of target it is.
//!
//! Each sort of source has a watcher of its own, and all of them answer in these words. So the
//! poller, the store and the pages need not know whether it was a database, a scrape or a check.

use std::time::Duration;

use model::series::Row;
use model::time::Time;
use model::verdict::Phase;

/// What one look brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// When it began.
    pub at: Time,
    pub took: Duration,
    pub answer: Answer,
    /// What was measured; may be there beside a fault, when part of the answer was good.
    pub rows: Vec<Row>,
    /// What was not taken, and why: a few, by name, for people.
    pub refused: Vec<Refusal>,
    /// How many values were not taken in all.
    pub refused_count: u64,
}

/// How the target answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Up,
    /// It did not answer, or wrongly: this is how far the look came.
    Down {
        phase: Phase,
        hint: String,
    },
    /// It lives and does not let us see: a wrong password, a missing grant. That is a fault of the
    /// configuration and never counted as "down".
    Misconfigured {
        what: String,
        remedy: String,
    },
    /// We could not look. Nothing is known about the target.
    Blind {
        reason: String,
    },
}

/// A value that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The series or key, cleaned and cut.
    pub what: String,
    pub why: String,
}

impl Look {
    /// The most refusals that are named; the others are counted.
    pub const MAX_NAMED: usize = 8;

    pub fn new(at: Time, took: Duration, answer: Answer) -> Self {
        Self { at, took, answer, rows: Vec::new(), refused: Vec::new(), refused_count: 0 }
    }

    pub fn refuse(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.refused_count += 1;
        if self.refused.len() < Self::MAX_NAMED {
            self.refused.push(Refusal { what: what.into(), why: why.into() });
        }
    }
}
