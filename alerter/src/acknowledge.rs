//! Somebody takes an incident on, for what it is at that moment.
//!
//! Whoever acknowledged a slow disk did not say that he works on a dead rack. So an acknowledgement
//! holds for the severity and the roots that the incident had, and breaks when it becomes worse or
//! something else; then the others hear of it again, and escalation begins anew.

use std::collections::BTreeSet;

use model::id::{Object, PersonId};
use model::signal::Severity;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::escalate;
use crate::event::{Acknowledgement, BrokenAcknowledgement};
use crate::reason::both;
use crate::state::Incident;
use crate::words::{row, severity, thing};

/// What an incident was when somebody took it on.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub(crate) struct TakenOn {
    severity: Severity,
    roots: BTreeSet<Object>,
}

pub(crate) fn take_on(incident: &mut Incident, by: PersonId, text: String, now: Time) {
    incident.acknowledged = Some(Acknowledgement { by, at: now, text });
    let roots = incident.roots.keys().cloned().collect();
    incident.taken_on = Some(TakenOn { severity: incident.severity(), roots });
    incident.broken = None;
    incident.changed = true;
}

/// Takes the acknowledgement off if the incident is no longer what it was given for.
pub(crate) fn break_off(incident: &mut Incident, now: Time) -> Option<BrokenAcknowledgement> {
    let taken_on = incident.taken_on.as_ref()?;
    let by = incident.acknowledged.as_ref()?.by.clone();
    let new = incident.roots.iter().filter(|(root, _)| !taken_on.roots.contains(*root));
    let new: Vec<&Object> = new.map(|(root, _)| root).collect();
    let (was, is) = (taken_on.severity, incident.severity());
    let why = if !new.is_empty() {
        both(|lang| {
            let new = row(&new.iter().map(|root| thing(root, lang)).collect::<Vec<_>>(), lang);
            lang.pick(format!("the cause is now {new}"), format!("根因变为 {new}"))
        })
    } else if is > was {
        both(|lang| {
            let (was, is) = (severity(was, lang), severity(is, lang));
            lang.pick(
                format!("the severity rose from {was} to {is}"),
                format!("级别由{was}升为{is}"),
            )
        })
    } else {
        return None;
    };
    incident.acknowledged = None;
    incident.taken_on = None;
    let broken = BrokenAcknowledgement { by, at: now, why };
    incident.broken = Some(broken.clone());
    incident.changed = true;
    escalate::begin_again(incident, now);
    Some(broken)
}
