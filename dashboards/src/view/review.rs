//! What the review of one incident shows: how fast it was seen, told and mended, what it cost whom,
//! and all that happened, lane by lane.
//!
//! Two costs are kept apart: VMs that suffered, which is what operations have to mend, and the time
//! in which users got no answer, which is what the business lost. Neither follows from the other.

use model::id::{IncidentId, ModuleId, ProjectId};
use model::time::Time;
use serde::Serialize;

use super::IncidentView;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewView {
    pub incident: IncidentView,
    pub moments: Moments,
    /// Those that lost most VM-minutes first.
    pub businesses: Vec<BusinessCost>,
    /// Oldest first.
    pub events: Vec<EventView>,
    /// Comings and goings that are not kept one by one.
    pub left_out: u32,
    /// When users of affected modules got no answer, by module and time.
    pub outages: Vec<OutageView>,
    /// Earlier incidents, the most alike first.
    pub similar: Vec<SimilarView>,
}

/// When what happened; None if it has not.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moments {
    /// The first sign: the first bad signal, or the first failed probe of its outage.
    pub began: Time,
    pub opened: Time,
    /// The first message was delivered.
    pub told: Option<Time>,
    pub acknowledged: Option<Time>,
    /// Nothing suffers any more: well again, or replaced.
    pub repaired: Option<Time>,
    pub closed: Option<Time>,
}

/// What one business lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BusinessCost {
    /// None for VMs of modules that no file knows.
    pub project: Option<ProjectId>,
    pub vms: usize,
    pub vm_minutes: f64,
    /// Seconds in which at least one of its affected modules was down for users; None if nobody
    /// probes them.
    pub down_s: Option<f64>,
    pub modules: Vec<ModuleCost>,
}

/// What one module lost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModuleCost {
    pub module: ModuleId,
    /// VMs that suffered.
    pub vms: usize,
    pub vm_minutes: f64,
    /// Seconds in which users got no answer; None if nobody probes it.
    pub down_s: Option<f64>,
    /// Seconds of which nothing is known.
    pub unknown_s: f64,
}

/// One thing that happened, or many of a kind within a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventView {
    pub at: Time,
    pub lane: Lane,
    pub tone: Tone,
    /// To what it happened, written `kind/name`: the first few.
    pub objects: Vec<String>,
    /// To how many more.
    pub more: usize,
    pub text: String,
}

/// Where on the figure something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    Signals,
    Incident,
    Messages,
    People,
    Scaler,
    /// What users got: its outages are spans.
    Users,
}

/// What something means for the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    Bad,
    Unsure,
    Good,
    Plain,
}

/// A time in which users got no answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutageView {
    pub module: ModuleId,
    pub from: Time,
    pub until: Time,
    pub why: String,
}

/// An earlier incident that was much like this one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimilarView {
    pub id: IncidentId,
    pub headline: String,
    pub opened: Time,
    pub lasted_s: f64,
    /// It had the same root; else the same kind of root, and `module` suffered in both.
    pub is_same_root: bool,
    pub module: Option<ModuleId>,
}

impl Moments {
    /// From the first sign until the incident was opened.
    pub fn detect_s(&self) -> f64 {
        self.opened.since(self.began).as_secs_f64()
    }

    /// From the opening until somebody had a message.
    pub fn tell_s(&self) -> Option<f64> {
        self.told.map(|told| told.since(self.opened).as_secs_f64())
    }

    /// From the first message until somebody took it on; from the opening, if that came first.
    pub fn acknowledge_s(&self) -> Option<f64> {
        let acknowledged = self.acknowledged?;
        let asked = self.told.filter(|told| *told <= acknowledged).unwrap_or(self.opened);
        Some(acknowledged.since(asked).as_secs_f64())
    }

    /// From the first sign until nothing suffered any more.
    pub fn repair_s(&self) -> Option<f64> {
        self.repaired.map(|repaired| repaired.since(self.began).as_secs_f64())
    }

    /// From the opening to the end, or to `now`.
    pub fn lasted_s(&self, now: Time) -> f64 {
        self.closed.unwrap_or(now).since(self.opened).as_secs_f64()
    }
}

impl Lane {
    /// From the top of the figure.
    pub(crate) const ALL: [Self; 6] =
        [Self::Signals, Self::Incident, Self::Messages, Self::People, Self::Scaler, Self::Users];
}

impl Tone {
    /// Its class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Bad => "down",
            Self::Unsure => "unknown",
            Self::Good => "up",
            Self::Plain => "plain",
        }
    }

    /// Stands wherever its colour does.
    pub(crate) fn glyph(self) -> &'static str {
        match self {
            Self::Bad => "✕",
            Self::Unsure => "?",
            Self::Good => "●",
            Self::Plain => "◆",
        }
    }
}
