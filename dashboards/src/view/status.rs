//! What the public status page says: of projects that are public, states and times, and nothing of the
//! inside. No host, no reason, no owner leaves the house.

use model::id::ProjectId;
use model::time::Time;

use super::report::{DayView, WholeView};

/// All of it, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusView {
    pub fleet: String,
    pub written: Time,
    /// It is written anew after so many seconds.
    pub every_s: u64,
    /// The IANA name of the zone of its times.
    pub zone: String,
    /// What is not up first, then by name.
    pub projects: Vec<StatusProject>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusProject {
    pub project: ProjectId,
    pub state: StatusState,
    /// None if that is not known.
    pub since: Option<Time>,
    /// The last 90 days, today among them.
    pub whole: WholeView,
    /// By the zone of its accounting policy.
    pub days: Vec<DayView>,
    /// Planned work that is not over, in order: from when until when.
    pub work: Vec<(Time, Time)>,
}

/// The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusState {
    Down,
    Unknown,
    Maintenance,
    /// Not published yet.
    NotApplicable,
    Up,
}
