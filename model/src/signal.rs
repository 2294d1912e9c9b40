//! Signals: a check of an object went bad or good, or fell silent.

use serde::{Deserialize, Serialize};

use crate::id::{CheckId, CollectorId, Object, SourceId};
use crate::time::Time;

/// How bad, in Zabbix's words.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Average,
    High,
    Disaster,
}

/// One word of one source about one check of one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub source: SourceId,
    /// `host.ping`, `vm.ping`, `switch.ping`, `ds.up` and `collector.uplink` say whether the
    /// object lives; `app.*` on a VM probes the application there; `monitor.*` on a module is a
    /// business check; all others tell of a degradation of their own object.
    pub check: CheckId,
    pub object: Object,
    pub state: SignalState,
    /// By the source's own clock: orders the signals of one check of one source, and is never
    /// compared between sources.
    pub at: Time,
    /// The collector it came through.
    pub via: Option<CollectorId>,
    /// A sentence for people, from a monitored system: bounded and escaped before it is shown.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalState {
    Problem(Severity),
    Ok,
    /// Nothing was heard. That is not "down".
    Silent,
}
