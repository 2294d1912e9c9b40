//! What one probe says about the moment it began, without all that a ledger has no use for.

use model::verdict::Outcome;
use serde::{Deserialize, Serialize};

use crate::interval::State;

/// A hint comes from the module: no more of it than this many characters is kept.
const MAX_REASON: usize = 200;

/// In order of weight: of two looks at one moment, the heavier is believed, whichever came first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Look {
    Blind(String),
    Good,
    Bad(String),
}

impl Look {
    pub(crate) fn from_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Healthy { .. } => Self::Good,
            Outcome::Unhealthy { phase, hint } => Self::Bad(brief(&format!("{phase}: {hint}"))),
            Outcome::Blind { reason } => Self::Blind(brief(&format!("blind: {reason}"))),
        }
    }

    /// What it would have the module be, and why.
    pub(crate) fn testimony(&self) -> (State, &str) {
        match self {
            Self::Blind(reason) => (State::Unknown, reason),
            Self::Good => (State::Up, "healthy"),
            Self::Bad(reason) => (State::Down, reason),
        }
    }
}

fn brief(text: &str) -> String {
    text.chars().take(MAX_REASON).collect()
}
