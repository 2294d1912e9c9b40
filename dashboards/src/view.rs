//! What the pages show, as plain data. The JSON API shows the same.

use model::id::{DecisionId, FlavorId, HostId, IncidentId, ModuleId, ProjectId, VmId};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use model::vm::VmState;
use serde::Serialize;

/// Everything the first page shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    pub fleet: String,
    pub now: Time,
    pub lang: Lang,
    pub theme: Theme,
    /// The IANA time zone in which times are written.
    pub zone: String,
    pub hosts: Vec<HostView>,
    /// VMs whose host is not known yet.
    pub unplaced: Vec<VmTile>,
    pub modules: Vec<ModuleView>,
    /// Open ones first.
    pub incidents: Vec<IncidentView>,
    pub pools: Vec<PoolView>,
    pub monitor: MonitorHealth,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the reader's system has it.
    #[default]
    Auto,
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Down,
    Unknown,
    Starting,
    Leaving,
    Up,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostView {
    pub id: HostId,
    pub up: Health,
    pub why: Option<String>,
    pub vms: Vec<VmTile>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VmTile {
    pub id: VmId,
    pub state: VmState,
    pub health: Health,
    /// None in the pool.
    pub module: Option<ModuleId>,
    /// Load per core.
    pub load: Option<f64>,
    /// The load is older than it should be.
    pub stale: bool,
    /// Why the VM is in its state.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModuleView {
    pub id: ModuleId,
    pub project: ProjectId,
    pub serving: u32,
    pub warming: u32,
    pub desired: u32,
    pub min: u32,
    pub max: u32,
    pub mode: String,
    /// `in.below` and `out.above` of the first metric.
    pub thresholds: Option<(f64, f64)>,
    pub load: Option<f64>,
    /// Oldest first; None is a gap.
    pub load_series: Vec<(Time, Option<f64>)>,
    pub count_series: Vec<(Time, u32)>,
    /// Oldest first.
    pub decisions: Vec<DecisionMark>,
    pub availability: AvailabilityView,
    /// Why Monitor.X is not probed, if it is not.
    pub not_probed: Option<String>,
}

impl ModuleView {
    /// The decisions that changed the count, numbered from 1, oldest first.
    pub(crate) fn changes(&self) -> impl DoubleEndedIterator<Item = (usize, &DecisionMark)> {
        let changes = self.decisions.iter().filter(|mark| !mark.held);
        let changes: Vec<_> = changes.enumerate().map(|(index, mark)| (index + 1, mark)).collect();
        changes.into_iter()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecisionMark {
    pub at: Time,
    pub id: DecisionId,
    pub from: u32,
    pub to: u32,
    pub reason: String,
    /// The count stays.
    pub held: bool,
}

/// Seconds and shares (0 to 1) since a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AvailabilityView {
    pub up_s: f64,
    pub down_s: f64,
    pub unknown_s: f64,
    /// Up, of what is known; None if nothing is.
    pub known: Option<f64>,
    pub low: f64,
    pub high: f64,
    pub coverage: f64,
    pub since: Time,
}

impl AvailabilityView {
    /// Of what was never published.
    pub fn nothing(now: Time) -> Self {
        Self {
            up_s: 0.0,
            down_s: 0.0,
            unknown_s: 0.0,
            known: None,
            low: 0.0,
            high: 1.0,
            coverage: 0.0,
            since: now,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentView {
    pub id: IncidentId,
    pub root: String,
    /// `down`, `degraded`, `nodata`, `blind`, `flapping`.
    pub state: String,
    pub severity: Severity,
    pub opened: Time,
    pub closed: Option<Time>,
    pub headline: String,
    /// Why this is held to be the root, a sentence each.
    pub detail: Vec<String>,
    pub businesses: Vec<ProjectId>,
    /// How many objects suffer now.
    pub affected: usize,
}

/// One incident with all that was told about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentPage {
    pub incident: IncidentView,
    pub affected: Vec<String>,
    /// Newest first.
    pub messages: Vec<MessageView>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageView {
    pub to: String,
    /// `problem`, `update`, `resolved`.
    pub kind: String,
    /// `owner` or `operations`.
    pub view: String,
    pub at: Time,
    pub delivered: Option<Time>,
    pub channel: String,
    pub error: Option<String>,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolView {
    pub flavor: FlavorId,
    pub ready: u32,
    pub wanted_ready: u32,
    pub total: u32,
    pub max_total: u32,
    pub booting: u32,
    /// Why no VM can be made at the moment; empty if one can.
    pub note: String,
}

/// Is the monitor itself healthy?
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonitorHealth {
    /// None before anything was heard.
    pub data_age_s: Option<f64>,
    pub targets: u32,
    pub faults: Vec<Fault>,
    /// Why the newest files are not in force.
    pub config_error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    pub object: String,
    pub error: String,
    pub since: Time,
}
