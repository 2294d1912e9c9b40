//! What a vantage and the brain say to each other, as JSON.

use std::net::SocketAddr;

use model::id::ModuleId;
use model::time::Time;
use model::unit::Span;
use model::verdict::Outcome;
use serde::{Deserialize, Serialize};

/// No batch is larger, in bytes.
pub const MAX_BODY_BYTES: usize = 2 << 20;
/// Nor has more answers, so that it is not larger either.
pub const MOST_ANSWERS: usize = 1_000;
/// Nor has one of them a longer reason.
pub const LONGEST_REASON: usize = 1_000;

/// What a vantage is to probe: `GET /api/vantages/NAME/targets`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetList {
    pub interval: Span,
    /// For a whole probe.
    pub timeout: Span,
    pub canaries: Vec<SocketAddr>,
    pub targets: Vec<Target>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub module: ModuleId,
    pub domain: String,
    pub path: String,
}

/// Some answers in the order in which they came: `POST /api/vantages/NAME/answers`. None at all says
/// that the vantage lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// When the vantage was started; a later one is greater.
    pub boot: u64,
    /// The number of the first answer since then, from 1 on; the others follow without a gap.
    pub first: u64,
    /// The clock of the vantage as it sends this.
    pub sent: Time,
    pub answers: Vec<Answer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// When the probe began.
    pub at: Time,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Probe { module: ModuleId, domain: String, outcome: Outcome },
    Canary { address: SocketAddr, answered: bool },
}

impl Answer {
    /// In what an application said there is no end to it.
    pub fn is_too_long(&self) -> bool {
        let What::Probe { outcome, .. } = &self.what else { return false };
        let reason = match outcome {
            Outcome::Healthy { doubt } => doubt.as_deref().unwrap_or_default(),
            Outcome::Unhealthy { hint, .. } => hint,
            Outcome::Blind { reason } => reason,
        };
        reason.len() > LONGEST_REASON
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub new: u64,
    /// Known already, and so without effect.
    pub repeated: u64,
    /// Missing before them: the vantage dropped them.
    pub lost: u64,
}
