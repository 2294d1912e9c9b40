//! How much has to be added to a prediction so that a given share of cases stays below the sum.
//!
//! A quantile is followed, not computed: each case moves it up a little if it lay above, and down a
//! little if below, by so much that the two balance at the share asked for. So it takes three
//! numbers, whatever the length of the history, and old cases fade.

use serde::{Deserialize, Serialize};

/// A quantile of the cases seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Margin {
    at: f32,
    /// The usual distance of a case from `at`: the unit in which it is moved.
    spread: f32,
    /// Cases seen, up to the number that is weighed.
    cases: f32,
}

/// The pace at which a quantile of a bell-shaped spread settles fastest.
const PACE: f32 = 2.0;
/// What is believed before the first case, and how many cases that is worth.
const FIRST_SPREAD: f32 = 0.1;
const FIRST_CASES: f32 = 5.0;
const SPREAD_CASES: f32 = 100.0;
const WILD: f32 = 3.0;

impl Margin {
    /// What to add; nothing is known before the first case, so nothing is added.
    pub(super) fn at(&self) -> f32 {
        self.at
    }

    pub(super) fn learn(&mut self, case: f32, share: f32, most_cases: f32) {
        if self.cases < FIRST_CASES {
            *self = Self { at: 0.0, spread: FIRST_SPREAD, cases: FIRST_CASES };
        }
        self.cases = (self.cases + 1.0).min(most_cases);
        // One wild case says little of the usual distance.
        let distance = (case - self.at).abs().min(WILD * self.spread);
        self.spread += (distance - self.spread) / self.cases.min(SPREAD_CASES);
        let below = if case <= self.at { 1.0 } else { 0.0 };
        self.at += PACE * self.spread / self.cases * (share - below);
    }
}
