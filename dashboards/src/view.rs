//! What a page shows, as plain data.
//!
//! Whoever knows the fleet fills these in; the pages draw them and ask nothing further. So a page
//! can be drawn from a test, a replay or a running brain alike, and the same values are the answer
//! of the JSON API. Nothing here is checked: the texts come from monitored systems and other rooms,
//! and are escaped where they are drawn.

use model::id::{
    DecisionId, FlavorId, HostId, IncidentId, ModuleId, PersonId, ProjectId, VantageId, VmId,
};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use model::vm::VmState;
use serde::Serialize;

use report::MeasureView;
use review::EventView;

pub mod beside;
pub mod capacity;
pub mod company;
pub mod decision;
pub mod explore;
pub mod latency;
pub mod monitor;
pub mod quiet;
pub mod report;
pub mod review;
pub mod rules;
pub mod status;

/// Data older than this are called old.
const OLD_DATA_S: f64 = 60.0;

/// Everything on the first page, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    pub fleet: String,
    pub now: Time,
    pub lang: Lang,
    pub theme: Theme,
    /// The IANA name of the zone in which times are shown; an unknown one is shown as UTC.
    pub zone: String,
    pub hosts: Vec<HostView>,
    /// VMs of which the provider has not said where they run.
    pub unplaced: Vec<VmTile>,
    pub modules: Vec<ModuleView>,
    pub incidents: Vec<IncidentView>,
    pub pools: Vec<PoolView>,
    pub monitor: MonitorHealth,
}

/// How somebody reads a page that has a view of its own, and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reader {
    pub now: Time,
    pub lang: Lang,
    pub theme: Theme,
    /// The IANA name of the zone in which times are shown; an unknown one is shown as UTC.
    pub zone: String,
}

/// Light or dark; `Auto` leaves it to the reader's system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

/// How a host or VM fares, in the order in which people want to see it: the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Down,
    /// Nobody could look. That is not "down".
    Unknown,
    Starting,
    /// On its way out, by our own will.
    Leaving,
    Up,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostView {
    pub id: HostId,
    pub up: Health,
    /// What is known of why it is not up.
    pub why: Option<String>,
    pub vms: Vec<VmTile>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VmTile {
    pub id: VmId,
    pub state: VmState,
    pub health: Health,
    /// None while it waits in a pool.
    pub module: Option<ModuleId>,
    /// Per core: 1.0 is all cores busy.
    pub load: Option<f64>,
    /// The load is too old to go by.
    pub stale: bool,
    /// Why it is in its state, in words.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModuleView {
    pub id: ModuleId,
    pub project: ProjectId,
    pub serving: u32,
    /// On their way into service.
    pub warming: u32,
    pub desired: u32,
    pub min: u32,
    pub max: u32,
    /// The policy's mode, as the policy file spells it.
    pub mode: String,
    /// Load per core below which VMs are taken away, and above which VMs are added.
    pub thresholds: Option<(f64, f64)>,
    /// Mean load per core over the serving VMs.
    pub load: Option<f64>,
    /// Oldest first; None is a gap, and is drawn as one.
    pub load_series: Vec<(Time, Option<f64>)>,
    /// Serving VMs, oldest first; each count holds until the next.
    pub count_series: Vec<(Time, u32)>,
    /// Oldest first.
    pub decisions: Vec<DecisionMark>,
    pub availability: AvailabilityView,
    /// Why nobody probes it, if so.
    pub not_probed: Option<String>,
    /// It is down while one of them says so.
    pub measured_by: Vec<MeasureView>,
    /// It is healthy by the contract of Monitor.X, and this is why that may mislead.
    pub doubts: Vec<String>,
    /// How it is from each place, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vantages: Vec<VantageView>,
}

/// How a module is, seen from one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VantageView {
    pub name: VantageId,
    /// `up`, `down`, `unknown`, `not-applicable`.
    pub state: String,
    /// As of then.
    pub at: Time,
    pub why: String,
}

/// One decision of the scaler.
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

/// What the users of a module got. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AvailabilityView {
    pub up_s: f64,
    pub down_s: f64,
    pub unknown_s: f64,
    /// Up, as a share of what is known; None if nothing is.
    pub known: Option<f64>,
    /// If all that is unknown was down.
    pub low: f64,
    /// If all that is unknown was up.
    pub high: f64,
    /// How much of the time is known.
    pub coverage: f64,
    pub since: Time,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentView {
    pub id: IncidentId,
    /// The cause, written `kind/name`.
    pub root: String,
    /// What is the matter with the root: `down`, `degraded`, `nodata`, `blind`, `flapping`.
    pub state: String,
    pub severity: Severity,
    pub opened: Time,
    pub closed: Option<Time>,
    pub headline: String,
    /// Why this is held to be the cause, a sentence each.
    pub detail: Vec<String>,
    pub businesses: Vec<ProjectId>,
    /// How many objects suffer.
    pub affected: usize,
    /// Nobody is told of it: who silenced it, and until when.
    pub silenced: Option<(PersonId, Time)>,
    /// Who has taken it on and since when, or why that no longer counts: a sentence.
    pub acknowledged: Option<String>,
}

/// One incident with all that was told about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IncidentPage {
    pub incident: IncidentView,
    /// What suffers, written `kind/name`.
    pub affected: Vec<String>,
    /// By which rule each thing is part of it, a sentence each; empty once it is over.
    pub members: Vec<String>,
    /// How many more there are.
    pub more_members: usize,
    /// Who is told, and who is not, and why: a name and a sentence; empty once it is over.
    pub people: Vec<(String, String)>,
    /// All that happened, oldest first.
    pub events: Vec<EventView>,
    /// Comings and goings that are not kept one by one.
    pub left_out: u32,
    /// In any order.
    pub messages: Vec<MessageView>,
    /// What may be done about it, if it is open.
    pub doings: Option<quiet::Doings>,
}

/// One message to one recipient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MessageView {
    pub to: String,
    /// `problem`, `update`, `resolved`.
    pub kind: String,
    /// `owner` or `operations`.
    pub view: String,
    pub at: Time,
    /// When its channel took it; None while it waits.
    pub delivered: Option<Time>,
    pub channel: String,
    /// Why the last try to deliver it failed.
    pub error: Option<String>,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolView {
    pub flavor: FlavorId,
    pub ready: u32,
    pub wanted_ready: u32,
    /// All VMs of this flavor, wherever they are in their life.
    pub total: u32,
    pub max_total: u32,
    pub booting: u32,
    /// Why no VM can be made at the moment; empty if nothing is wrong.
    pub note: String,
}

/// Whether the monitor itself can be believed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonitorHealth {
    /// Age of the newest sample; None before the first.
    pub data_age_s: Option<f64>,
    pub targets: u32,
    pub faults: Vec<Fault>,
    /// Why the files on disk were refused; the last good ones stay in force.
    pub config_error: Option<String>,
    /// Why nothing is made, stopped or routed, while that is so.
    pub recovery: Option<String>,
}

/// A target that does not answer as it should.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// Written `kind/name`.
    pub object: String,
    pub error: String,
    pub since: Time,
}

impl Overview {
    /// Every VM with the host it runs on, hosts in their order, those without a host last.
    pub(crate) fn vms(&self) -> impl Iterator<Item = (Option<&HostId>, &VmTile)> {
        let placed =
            self.hosts.iter().flat_map(|host| host.vms.iter().map(move |vm| (Some(&host.id), vm)));
        placed.chain(self.unplaced.iter().map(|vm| (None, vm)))
    }
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// As the form, the cookie and the style sheet spell it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Health {
    /// The worst first.
    pub(crate) const ALL: [Self; 5] =
        [Self::Down, Self::Unknown, Self::Starting, Self::Leaving, Self::Up];

    /// Its class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Starting => "starting",
            Self::Leaving => "leaving",
            Self::Up => "up",
        }
    }

    /// Stands wherever its colour does, for those who cannot tell the colours apart.
    pub(crate) fn glyph(self) -> &'static str {
        match self {
            Self::Down => "✕",
            Self::Unknown => "?",
            Self::Starting => "▲",
            Self::Leaving => "◌",
            Self::Up => "●",
        }
    }
}

impl VmTile {
    /// The load is too old to go by, and somebody goes by it: that of a VM that serves.
    pub(crate) fn is_overdue(&self) -> bool {
        self.stale && self.state == VmState::Serving
    }

    /// The load, if it is known and young enough to go by.
    pub(crate) fn fresh_load(&self) -> Option<f64> {
        self.load.filter(|load| load.is_finite() && !self.stale)
    }
}

impl ModuleView {
    /// The decisions with their number on the chart, oldest first. Those that changed the count
    /// are numbered from 1; the many that kept it have none.
    pub(crate) fn numbered(&self) -> Vec<(Option<usize>, &DecisionMark)> {
        let mut changes = 0;
        let number = |decision: &DecisionMark| {
            changes += usize::from(!decision.held);
            (!decision.held).then_some(changes)
        };
        let numbers: Vec<_> = self.decisions.iter().map(number).collect();
        numbers.into_iter().zip(&self.decisions).collect()
    }
}

impl AvailabilityView {
    /// Nothing is known, since `since`.
    pub fn nothing(since: Time) -> Self {
        Self {
            up_s: 0.0,
            down_s: 0.0,
            unknown_s: 0.0,
            known: None,
            low: 0.0,
            high: 1.0,
            coverage: 0.0,
            since,
        }
    }
}

impl MonitorHealth {
    /// Whether it sees, and goes by the newest files. A target that does not answer is the fleet's
    /// trouble, not the monitor's.
    pub(crate) fn is_healthy(&self) -> bool {
        self.sees() && self.config_error.is_none()
    }

    /// Whether anything was heard lately.
    pub(crate) fn sees(&self) -> bool {
        self.data_age_s.is_some_and(|age| age <= OLD_DATA_S)
    }
}
