//! What is kept, row by row, and what may be changed.
//!
//! Rows are the store's own words for what the rooms know in richer types: the columns that are
//! searched for, beside a `body` in JSON that the store hands back as it came.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use model::id::{DecisionId, IncidentId, ModuleId, Object, PersonId, VantageId, VmId};
use model::time::Time;
use model::vm::Vm;

/// One change of what is remembered. Several in one [`crate::Store::commit`] happen together, in
/// the order given.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Writes the VM as it is now, over what was known of it.
    Vm(Vm),
    /// Writes the step as it is now, by its id. Its VM must be there; a VM's open
    /// step must be closed before the next is opened.
    Step(StepRow),
    /// Adds a decision, whose id must be new.
    Decision(DecisionRow),
    /// Writes the incident as it is now, by its id.
    Incident(IncidentRow),
    /// Writes the message as it is now, by its key.
    Outgoing(OutgoingRow),
    /// Writes the interval, by module and beginning.
    Transition(TransitionRow),
    /// Writes a probe of an hour that is not settled, by its moment and module.
    Look(LookRow),
    /// Drops the probes from one moment to before another.
    ForgetLooks { from: Time, before: Time },
    /// Writes the answers of some hours, by module, length and beginning.
    Answers(AnswersRow),
    /// Drops the answers of so many hours that began before a moment.
    ForgetAnswers { hours: u32, before: Time },
    /// Adds a line to the journal.
    Journal(JournalRow),
    /// Adds a line to the trail.
    Note(NoteRow),
    /// Drops the lines of the trail from before a moment, and all but the newest `keep`.
    ForgetNotes { before: Time, keep: u32 },
    /// What a room wants to find again after a restart, in place of what it said last.
    Memory { room: String, json: String },
    /// A room has nothing to find again.
    Forget { room: String },
    /// The routing generation wanted of a router, and the one it has acknowledged.
    Router { name: String, wanted: u64, acked: u64 },
    /// The brain was alive at this moment.
    Alive(Time),
    /// This record goes on under another name, and with an epoch that may only be higher.
    Origin { incarnation: String, epoch: u64 },
}

/// One thing to do to a VM, written down before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// At most `i64::MAX`; take the next from [`Remembered::next_step_id`].
    pub id: u64,
    pub vm: VmId,
    pub kind: StepKind,
    pub status: StepStatus,
    pub attempt: u32,
    /// Not to be tried before.
    pub not_before: Time,
    /// When it was handed to a hand last.
    pub issued: Option<Time>,
    pub error: Option<String>,
    pub planned: Time,
}

/// What the scaler wanted for a module at one moment, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    pub id: DecisionId,
    pub module: ModuleId,
    pub at: Time,
    /// VMs before.
    pub from: u32,
    /// VMs wanted.
    pub to: u32,
    /// Something asked for a change and something else forbade it, or nothing asked.
    pub held: bool,
    pub reason: String,
    /// JSON.
    pub body: String,
}

/// One root cause with all it took along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRow {
    pub id: IncidentId,
    pub opened: Time,
    /// None while it lasts.
    pub closed: Option<Time>,
    pub root: Object,
    /// JSON.
    pub body: String,
}

/// One message to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRow {
    /// The same however often it is tried.
    pub key: String,
    pub incident: IncidentId,
    pub to: PersonId,
    pub kind: String,
    pub channel: String,
    /// JSON.
    pub body: String,
    pub created: Time,
    pub attempts: u32,
    /// Not to be tried before.
    pub next_at: Time,
    pub status: OutgoingStatus,
    pub error: Option<String>,
    pub delivered: Option<Time>,
}

/// The availability of a module from one moment to another, half-open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionRow {
    /// Who saw it; None for the brain itself.
    pub vantage: Option<VantageId>,
    pub module: ModuleId,
    pub at: Time,
    /// After `at`; None while it lasts.
    pub until: Option<Time>,
    pub state: String,
    pub why: String,
}

/// One probe of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookRow {
    pub at: Time,
    pub module: ModuleId,
    /// In microseconds, at most `i64::MAX`; None if it failed.
    pub took: Option<u64>,
}

/// What became of the probes of a module from `at` on, for so many hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswersRow {
    pub module: ModuleId,
    pub hours: u32,
    pub at: Time,
    /// At most `i64::MAX`.
    pub probes: u64,
    pub failures: u64,
    /// How long they took, as it is handed in.
    pub body: Vec<u8>,
}

/// One line of what happened, was decided or was done, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    pub at: Time,
    pub who: String,
    pub what: String,
    pub object: Option<Object>,
    pub text: String,
}

/// One line of the trail: what became of a signal, or what an incident went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteRow {
    pub at: Time,
    pub incident: Option<IncidentId>,
    pub object: Option<Object>,
    /// JSON.
    pub body: String,
}

/// Where a router is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterRow {
    /// Generations, at most `i64::MAX`.
    pub wanted: u64,
    pub acked: u64,
}

/// The present, as the last brain left it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// All but the gone ones.
    pub vms: BTreeMap<VmId, Vm>,
    /// Planned, issued or of unknown outcome, oldest id first.
    pub open_steps: Vec<StepRow>,
    /// Messages that are not delivered yet, oldest first.
    pub waiting: Vec<OutgoingRow>,
    /// Oldest first.
    pub open_incidents: Vec<IncidentRow>,
    /// By room.
    pub memory: BTreeMap<String, String>,
    /// By name.
    pub routers: BTreeMap<String, RouterRow>,
    /// One above the highest id ever used.
    pub next_step_id: u64,
}

/// A word that was read back and names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {kind}")]
pub struct NoSuchWord {
    kind: &'static str,
    word: String,
}

/// Enums that are stored as words.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $kind:literal {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// As it is stored.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = NoSuchWord;
            fn from_str(word: &str) -> Result<Self, NoSuchWord> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(NoSuchWord { kind: $kind, word: word.to_owned() }),
                }
            }
        }
    )*};
}

words! {
    /// What is to be done to a VM.
    StepKind, "kind of step" {
        Create = "create",
        Deploy = "deploy",
        Undeploy = "undeploy",
        Destroy = "destroy",
    }
    /// Where a step is. All but the last two count as open.
    StepStatus, "status of a step" {
        Planned = "planned",
        /// Handed to a hand, whose answer is awaited.
        Issued = "issued",
        /// It may or may not have happened.
        Unknown = "unknown",
        Done = "done",
        Failed = "failed",
    }
    /// Where a message is.
    OutgoingStatus, "status of a message" {
        Waiting = "waiting",
        /// For good.
        Delivered = "delivered",
        /// A later message says all it would have said.
        Overtaken = "overtaken",
        /// The channel will never take it.
        Refused = "refused",
    }
}
