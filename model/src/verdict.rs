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
    /// Where that time went, and the time before it.
    #[serde(default)]
    pub timings: Timings,
    /// How it was reached; nothing if no connection came about.
    #[serde(default)]
    pub family: Option<Family>,
}

/// How long each phase of a probe took. A phase it did not come to, or did not end, has no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    pub dns: Option<Duration>,
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    /// From the first byte of the request to the end of the head of the answer.
    pub first_byte: Option<Duration>,
    pub body: Option<Duration>,
}

/// The two internets: what answers in one may be dead in the other.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Ipv4,
    Ipv6,
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
    /// It answered in full, and yet a condition of the check does not hold.
    Condition,
}

impl Timings {
    /// Adds to the time of a phase. `Send` belongs to the time until the first byte; phases that
    /// only judge what came have no time.
    pub fn add(&mut self, phase: Phase, span: Duration) {
        let slot = match phase {
            Phase::Dns => &mut self.dns,
            Phase::Connect => &mut self.connect,
            Phase::Tls => &mut self.tls,
            Phase::Send | Phase::FirstByte => &mut self.first_byte,
            Phase::Body => &mut self.body,
            Phase::Status | Phase::Content | Phase::Redirect | Phase::Condition => return,
        };
        *slot = Some(slot.unwrap_or_default() + span);
    }

    /// The phases by the names they have in series, in their order.
    pub fn named(&self) -> [(&'static str, Option<Duration>); 5] {
        [
            ("dns", self.dns),
            ("connect", self.connect),
            ("tls", self.tls),
            ("first_byte", self.first_byte),
            ("body", self.body),
        ]
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
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
            Self::Condition => "condition",
        })
    }
}

impl Outcome {
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_phase_adds_up_and_judging_takes_none() {
        let mut timings = Timings::default();
        for phase in [Phase::Connect, Phase::Send, Phase::FirstByte, Phase::Content] {
            timings.add(phase, Duration::from_millis(3));
        }
        let [dns, connect, tls, first_byte, body] = timings.named().map(|(_, span)| span);
        assert_eq!((dns, tls, body), (None, None, None));
        assert_eq!(connect, Some(Duration::from_millis(3)));
        assert_eq!(first_byte, Some(Duration::from_millis(6)));
    }
}
