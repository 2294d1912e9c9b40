//! One person puts an incident off: until then he hears only what makes it worse, and its end.
//!
//! A snooze is not an acknowledgement: it says nothing about who is at work, holds for one person
//! only, and is over at an hour that was named. If things are still bad then, he is told how they
//! are, once, whether or not anything has changed.

use std::collections::BTreeSet;

use model::id::{IncidentId, Object, PersonId};
use model::signal::Severity;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::message::RootState;
use crate::state::{Incident, State};

/// Until when somebody has put an incident off, and how it was when he did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Snooze {
    pub since: Time,
    pub until: Time,
    pub(crate) roots: BTreeSet<Object>,
    pub(crate) severity: Severity,
    pub(crate) state: RootState,
}

/// Whether the incident is open.
pub(super) fn begin(
    state: &mut State,
    incident: &IncidentId,
    by: PersonId,
    until: Time,
    now: Time,
) -> bool {
    let known = state.incidents.values_mut().find(|known| known.id() == *incident);
    known.is_some_and(|known| {
        let snooze = Snooze {
            since: now,
            until,
            roots: known.roots.keys().cloned().collect(),
            severity: known.severity(),
            state: known.root_state(),
        };
        known.snoozes.insert(by, snooze);
        known.changed = true;
        true
    })
}

/// Whoever is told something once his snooze is over needs no further word that it is.
pub(crate) fn note_over(incident: &mut Incident, person: &PersonId, now: Time) {
    if incident.snoozes.get(person).is_some_and(|snooze| snooze.until <= now) {
        incident.snoozes.remove(person);
    }
}

/// Drops the snoozes that ended when there was nothing to say.
pub(crate) fn forget(incident: &mut Incident, now: Time) {
    let before = incident.snoozes.len();
    incident.snoozes.retain(|_, snooze| snooze.until > now);
    incident.changed |= incident.snoozes.len() != before;
}
