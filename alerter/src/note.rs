//! The trail: what became of each signal, and what an incident went through, as small lines that
//! are kept when the state has long forgotten.
//!
//! People ask "why was I not told?" days later, when nothing is left of what the decision rested
//! on. So whatever is decided about a signal is noted when it is decided, with the rule by which
//! it was. A line holds no sentence but what a sentence needs; [`Note::text`] says it.
//!
//! A repetition is no news and is not noted.

pub(crate) mod say;

use model::id::{CheckId, CollectorId, DataSourceId, IncidentId, Object, PersonId, SourceId};
use model::signal::SignalState;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::why::Standing;

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// By our own clock.
    pub at: Time,
    /// None where it is about an object alone.
    pub incident: Option<IncidentId>,
    /// None where it is about many.
    pub object: Option<Object>,
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum What {
    /// A check says something else than before.
    Heard {
        check: CheckId,
        source: SourceId,
        said: SignalState,
        /// From a monitored system; bounded when it was heard.
        text: String,
        fate: Fate,
    },
    /// So many signals of one minute are not noted one by one.
    LeftOut { count: u32 },
    /// By this root.
    Opened { suspected: bool },
    /// This is a root from now on.
    Root { suspected: bool },
    /// The object suffers under the incident.
    Joined { rule: Rule },
    /// It suffers under it no more.
    Left { because: Departure },
    /// The incident goes on as a part of this one.
    Merged { into: IncidentId },
    /// The incident is over, and this person was never told of it.
    Untold { person: PersonId, why: Standing },
    /// So many people had been told of it.
    Closed { told: usize },
}

/// What a signal was worth when it was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fate {
    Counts,
    /// It changed too often of late: one incident says so, instead of many.
    Flapping,
    /// Older than what its check had said already.
    Stale {
        last: Time,
    },
    /// Info is never told.
    Info,
    /// The VM is being taken away on purpose.
    Leaving,
    /// The VM is gone.
    Gone,
    Maintenance {
        until: Time,
    },
    /// The VM is too young to be judged.
    NewVm {
        until: Time,
    },
    /// Another source looked at the same thing later.
    Contradicted {
        by: SourceId,
        at: Time,
    },
}

/// By what rule an object is part of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Rule {
    /// It is the root: nothing above it explains it.
    Root,
    /// So many of what it carries failed together, so it is held to be the root.
    SuspectedRoot { failing: usize, of: usize },
    /// It stands on the root.
    Carried { by: Object },
    /// It uses a data source that fails, be it by itself or with what carries it.
    Uses { data_source: DataSourceId },
    /// A module suffers with its VMs.
    ItsVms { root: Object },
    /// It is one of those for which the root is suspected.
    Share { root: Object, failing: usize, of: usize },
    /// Only a collector that is blind vouches for it.
    Unseen { by: CollectorId },
    /// Nothing explains it any more; it keeps its place for a while.
    Held { until: Time },
}

/// Why an object suffers no more under an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// It is well again, or gone.
    Well,
    /// It is part of another incident, or will have one of its own.
    Elsewhere,
    /// It was only deduced to suffer, and answered before anybody was told.
    NeverDid,
}
