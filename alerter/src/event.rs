//! What goes into the alerter and what comes out: its whole interface but for messages.

use std::collections::BTreeMap;

use model::id::{HostId, IncidentId, ModuleId, Object, PersonId, ProjectId, VmId};
use model::signal::{Severity, Signal};
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::act::{Act, Silence, Snooze};
use crate::beside::Beside;
use crate::loss::Loss;
use crate::message::{Message, RootState};
use crate::note::Note;
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
    /// Somebody puts an incident off, silences something, or announces work on it.
    Act(Box<Act>),
    /// What fails on `on`, or on what it carries, is expected and not told until `until`.
    Maintenance {
        on: Object,
        from: Time,
        until: Time,
    },
    /// Others are on duty now: [`crate::Settings::on_duty`] has changed.
    Relieved,
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
    /// A line for the trail: why something is told, or is not.
    Noted(Note),
    /// Whoever had taken it on did not do so for what it is now.
    AcknowledgementBroken {
        incident: IncidentId,
        broken: BrokenAcknowledgement,
    },
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
    /// When the first sign of it was heard; None of incidents of older records.
    #[serde(default)]
    pub began: Option<Time>,
    /// Since when nothing suffers under it any more: all is well again, or was replaced. None while
    /// something does.
    #[serde(default)]
    pub repaired: Option<Time>,
    /// What it cost, by module, up to its end or to when it was looked at last.
    #[serde(default)]
    pub losses: Vec<Loss>,
    /// How many comings and goings were too many for the trail.
    #[serde(default)]
    pub unnoted: u32,
    /// The businesses that suffered at any time of the incident.
    pub businesses: Vec<ProjectId>,
    pub headline: Bilingual,
    /// Why this is held to be the root, a sentence each.
    pub reasons: Vec<Bilingual>,
    pub acknowledged: Option<Acknowledgement>,
    /// The silences that cover its roots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<Silence>,
    /// All its roots are silenced.
    #[serde(default)]
    pub is_silenced: bool,
    /// Who has put it off.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub snoozes: BTreeMap<PersonId, Snooze>,
    /// The acknowledgement that no longer counts, until there is another.
    pub broken: Option<BrokenAcknowledgement>,
}

/// One text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bilingual {
    pub en: String,
    pub zh: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub by: PersonId,
    pub at: Time,
    pub text: String,
}

/// An acknowledgement that no longer counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BrokenAcknowledgement {
    /// Whose it was.
    pub by: PersonId,
    /// When it broke.
    pub at: Time,
    pub why: Bilingual,
}
