//! The chain that a count goes through, one stage after the other, and the record of each.
//!
//! Each stage looks at the count as the one before left it, and may bring it nearer to the count in
//! force, or beyond where a law says so. The first that brings a change to nothing says why.

use model::time::Time;

use crate::inputs::{Inputs, Terms};
use crate::policy::Mode;
use crate::reason::{Limit, LimitOutcome, Reason};

/// The stages, in their order; there is one line of `metric` for each metric.
pub const STAGES: [&str; 15] = [
    "metric",
    "combine",
    "stabilise",
    "guard",
    "step",
    "pace",
    "schedule",
    "min/max",
    "release",
    "protection",
    "pool",
    "fleet brake",
    "mode",
    "error budget",
    "hold",
];

/// A count on its way.
pub(super) struct Chain<'a> {
    pub(super) terms: &'a Terms,
    pub(super) inputs: &'a Inputs,
    pub(super) now: Time,
    /// The count in force.
    pub(super) from: u32,
    /// The mode that holds now.
    pub(super) mode: Mode,
    pub(super) to: u32,
    pub(super) reason: Reason,
    limits: Vec<Limit>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        terms: &'a Terms,
        inputs: &'a Inputs,
        now: Time,
        from: u32,
        mode: Mode,
    ) -> Self {
        let (reason, limits) = (Reason::NotElastic, Vec::with_capacity(STAGES.len()));
        Self { terms, inputs, now, from, mode, to: from, reason, limits }
    }

    pub(super) fn done(self) -> (u32, Reason, Vec<Limit>) {
        (self.to, self.reason, self.limits)
    }

    pub(super) fn is_out(&self) -> bool {
        self.to > self.from
    }

    pub(super) fn is_in(&self) -> bool {
        self.to < self.from
    }

    /// It was looked at, and lets the count pass.
    pub(super) fn pass(&mut self, stage: &str, detail: impl Into<String>) {
        self.note(stage, self.to, LimitOutcome::Passed, detail.into());
    }

    /// It is not about this.
    pub(super) fn skip(&mut self, stage: &str, detail: impl Into<String>) {
        self.note(stage, self.to, LimitOutcome::NotApplicable, detail.into());
    }

    /// It lets only so much pass. If nothing is left of the change, `hold` is the reason for that.
    pub(super) fn clip(&mut self, stage: &str, to: u32, detail: impl Into<String>, hold: Reason) {
        self.note(stage, to, LimitOutcome::Changed, detail.into());
        if to == self.from {
            self.reason = hold;
        }
    }

    /// It wants another count, for a reason of its own.
    pub(super) fn want(&mut self, stage: &str, to: u32, reason: Reason) {
        let detail = reason.to_string();
        self.note(stage, to, LimitOutcome::Changed, detail);
        self.reason = reason;
    }

    fn note(&mut self, stage: &str, to: u32, outcome: LimitOutcome, detail: String) {
        debug_assert!(STAGES.contains(&stage), "{stage} is no stage");
        self.limits.push(Limit { name: stage.to_owned(), from: self.to, to, outcome, detail });
        self.to = to;
    }

    /// What each metric asks for by itself; the count stays until they are put together.
    pub(super) fn metrics(&mut self) {
        if self.inputs.asks.is_empty() {
            return self.skip("metric", "the policy names none");
        }
        for ask in &self.inputs.asks {
            let outcome = match ask.to == self.from {
                true => LimitOutcome::Passed,
                false => LimitOutcome::Changed,
            };
            let detail = format!("metric {} asks for {}", ask.metric, ask.to);
            let (name, from, to) = ("metric".to_owned(), self.from, ask.to);
            self.limits.push(Limit { name, from, to, outcome, detail });
        }
    }
}
