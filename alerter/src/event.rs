//! What goes into the alerter and what comes out: its whole interface but for messages.

use model::id::{HostId, IncidentId, ModuleId, Object, PersonId, ProjectId, VmId};
use model::signal::{Severity, Signal};
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::beside::Beside;
use crate::message::{Message, RootState};
use crate::rule::Said;

/// One thing that happened. Where it changes the topology, the topology is changed first.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Signal(Signal),
    /// A signal of a rule, with what it says in each language.
    Rule(Box<Said>),
    VmMoved {
        vm: VmId,
        from: HostId,
        to: HostId,
    },
    /// Its removal on purpose has begun.
    VmLeaving {
        vm: VmId,
    },
    VmGone {
        vm: VmId,
    },
    /// The scaler began, or finished, to replace a VM that failed.
    Repaired(Repair),
    /// Operations are at work on it: they hear only of what makes it worse, and of the end.
    Acknowledged {
        incident: IncidentId,
        by: PersonId,
        text: String,
    },
    /// What fails on `on`, or on what it carries, is expected and not told until `until`.
    Maintenance {
        on: Object,
        from: Time,
        until: Time,
    },
    /// What other rooms know of the open incidents by now, in place of what they knew before:
    /// the answers to [`crate::beside::questions`].
    Beside(Beside),
    /// Time has passed; nothing else happened.
    Tick,
}

/// What the scaler did about a VM that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The VM that failed.
    pub vm: VmId,
    pub module: ModuleId,
    pub replaced_by: Option<VmId>,
    pub failed_at: Time,
    /// When the replacement served; None while it is under way.
    pub done_at: Option<Time>,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Carry this to its recipient, and keep trying until it is delivered.
    Tell(Message),
    Opened(IncidentSummary),
    /// Root, state, severity or what suffers is now another.
    Changed(IncidentSummary),
    Closed(IncidentSummary),
}

/// An incident for journal and pages, in words that belong to no recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentSummary {
    pub id: IncidentId,
    pub root: Object,
    /// Further roots: VMs that failed at the same time, each on its own.
    pub more_roots: Vec<Object>,
    pub state: RootState,
    /// The root is guessed from what fails on it; nothing has reported the root itself.
    pub suspected: bool,
    pub severity: Severity,
    pub opened: Time,
    pub closed: Option<Time>,
    /// The incident that took this one over, if that is why it was closed.
    pub merged_into: Option<IncidentId>,
    /// What suffers now.
    pub affected: Vec<Object>,
    /// The businesses that suffered at any time of the incident.
    pub businesses: Vec<ProjectId>,
    pub headline: Bilingual,
    /// Why this is held to be the root, a sentence each.
    pub reasons: Vec<Bilingual>,
    pub acknowledged: Option<Acknowledgement>,
}

/// One text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    pub en: String,
    pub zh: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: PersonId,
    pub at: Time,
    pub text: String,
}
