//! One message to one person, ready to be carried.

use model::id::{IncidentId, Object, PersonId, ProjectId};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use serde::{Deserialize, Serialize};

/// The longest text of a message, in characters: what the narrowest channel takes.
pub const MAX_TEXT_CHARS: usize = 4000;

/// What an incident means to one recipient at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same however often it is delivered: incident, recipient and number.
    pub key: String,
    pub to: PersonId,
    /// It is about a period and not about an incident: nobody is woken by it, and its `incident` names
    /// the series that it goes on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_report: bool,
    pub kind: MessageKind,
    pub view: View,
    pub incident: IncidentId,
    pub root: Object,
    /// Further roots, if several without a common cause are told of in one message: VMs that
    /// failed at the same time, each on its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_roots: Vec<Object>,
    pub state: RootState,
    pub severity: Severity,
    /// What suffers, as far as it concerns this recipient; at most [`Settings::most_named`] of it.
    ///
    /// [`Settings::most_named`]: crate::Settings::most_named
    pub affected: Vec<Object>,
    /// How many more suffer that are not named.
    #[serde(default)]
    pub affected_more: usize,
    pub businesses: Vec<ProjectId>,
    pub lang: Lang,
    /// What a person reads; its first line says it all. At most [`MAX_TEXT_CHARS`] characters.
    pub text: String,
    /// When it was decided to tell this.
    pub at: Time,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(is: &bool) -> bool {
    !is
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// This recipient's first message of the incident.
    Problem,
    Update,
    Resolved,
}

/// Whose eyes an incident is told for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Which of my VMs and businesses, because of what.
    Owner,
    /// The root, and what it took.
    Operations,
}

/// What is the matter with the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootState {
    Down,
    /// It works badly, or what it carries fails while it answers.
    Degraded,
    /// Nothing is heard; nothing is known to be wrong.
    Nodata,
    /// A collector cannot see.
    Blind,
    Flapping,
}
