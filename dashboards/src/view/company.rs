//! What is said of the availability of all projects, or of those of one owner: a row for each, the
//! worst first. See [`super::report`] for the units.

use model::id::{PersonId, ProjectId};
use model::time::Time;
use serde::{Deserialize, Serialize};

use super::report::WholeView;

/// Projects over one period. Each by its own accounting policy, in the zone of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyView {
    /// `2026-10`; as it was asked for, if the calendars of the projects make different periods of it.
    pub period: String,
    /// The fleet's name.
    pub fleet: String,
    /// Whose projects they are; None for all.
    pub owner: Option<PersonId>,
    /// All that own one.
    pub owners: Vec<PersonId>,
    /// Missed before undecidable before all others; then by the share of the budget that was used, by
    /// the time down, by the time unknown, by name.
    pub projects: Vec<ProjectRow>,
    /// Of these there is no account, for this reason.
    pub without_account: Vec<NoAccount>,
    /// Nobody owns these, so nobody is told of their reports.
    pub without_owner: Vec<ProjectId>,
}

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    pub project: ProjectId,
    /// Dev and ops alike.
    pub owners: Vec<PersonId>,
    /// `standard@1`.
    pub policy: String,
    pub target: Option<String>,
    /// By the calendar of its policy.
    pub period: String,
    pub zone: String,
    pub from: Time,
    /// The end of the period, or the present.
    pub until: Time,
    #[serde(flatten)]
    pub whole: WholeView,
    /// Modules that are accounted for, and those that nobody probes.
    pub modules: usize,
    pub not_probed: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoAccount {
    pub project: ProjectId,
    pub why: String,
}
