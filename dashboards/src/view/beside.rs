//! Two accounting policies on the same record: what each rule that differs makes of it.

use model::id::ProjectId;
use serde::{Deserialize, Serialize};

use super::report::WholeView;

/// From the one policy to the other, a rule after the other, so that each difference has one cause and all
/// of them together are the whole difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BesideView {
    pub project: ProjectId,
    /// By the policy in force, and by the other if that makes another of it.
    pub period: String,
    /// `standard@1`: the one in force.
    pub policy: String,
    /// The other.
    pub beside: String,
    /// The project, if it has several modules, and its modules.
    pub names: Vec<String>,
    /// Of each of the names, by the policy in force.
    pub accounts: Vec<WholeView>,
    pub steps: Vec<RuleStep>,
}

/// One rule, changed after those before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStep {
    /// What the rule says before and after, in the reader's language.
    pub before: String,
    pub after: String,
    /// Of each of the names, with the rule changed.
    pub accounts: Vec<WholeView>,
}
