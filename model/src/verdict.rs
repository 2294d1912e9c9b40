//! Verdicts: the outcome of one probe of an application.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ModuleId, VmId};
use crate::time::Time;

/// What was probed: the module as its users reach it, or one VM directly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeTarget {
    Domain { module: ModuleId, domain: String },
    Vm { module: ModuleId, vm: VmId },
}

impl ProbeTarget {
    pub fn module(&self) -> &ModuleId {
        match self {
            Self::Domain { module, .. } | Self::Vm { module, .. } => module,
        }
    }
}

/// The outcome of one probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub target: ProbeTarget,
    /// When the probe began.
    pub at: Time,
    pub outcome: Outcome,
    /// From the first byte sent to the verdict; a failed probe took this long to fail.
    pub took: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Healthy by the contract: status 200 and a body that contains `200`.
    Healthy {
        /// Why the contract's yes looks doubtful, for example `200` inside `cost=200ms`.
        doubt: Option<String>,
    },
    /// It answered wrongly, or not, and this is how far the probe came.
    Unhealthy { phase: Phase, hint: String },
    /// The prober itself could not look: never counted against the application.
    Blind { reason: String },
}

/// How far a probe came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Dns,
    Connect,
    Tls,
    Send,
    FirstByte,
    Body,
    Status,
    Content,
    Redirect,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::FirstByte => "first byte",
            Self::Body => "body",
            Self::Status => "status",
            Self::Content => "content",
            Self::Redirect => "redirect",
        })
    }
}

impl Outcome {
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy { .. })
    }
}
