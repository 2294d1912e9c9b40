//! An incident for journal and pages.

use std::collections::BTreeMap;

use model::id::{IncidentId, Object};
use model::time::Time;
use model::topology::Topology;

use crate::event::{Bilingual, IncidentSummary};
use crate::facts::Facts;
use crate::message::{MessageKind, View};
use crate::operations;
use crate::reason::{both, reasons};
use crate::settings::Settings;
use crate::state::{Incident, State};
use crate::tell::{Share, project_of};
use crate::text::Speaker;

/// How it came to an end.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub(crate) closed: Option<Time>,
    pub(crate) merged_into: Option<IncidentId>,
}

pub(crate) fn summary(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    end: End,
) -> IncidentSummary {
    let roots: Vec<&Object> = incident.roots.keys().collect();
    let reasons = reasons(settings, topology, state, incident, &roots);
    let businesses = incident.members.values().filter_map(|member| project_of(topology, member));
    let mut businesses: Vec<_> = businesses.cloned().collect();
    businesses.sort();
    businesses.dedup();
    let mut roots: Vec<Object> = incident.roots.keys().cloned().collect();
    IncidentSummary {
        id: incident.id(),
        root: roots.remove(0),
        more_roots: roots,
        state: incident.root_state(),
        suspected: incident.roots.values().any(|root| root.basis.is_suspicion()),
        severity: incident.severity(),
        opened: incident.opened,
        closed: end.closed,
        merged_into: end.merged_into,
        affected: incident.suffering().map(|(object, _)| object.clone()).collect(),
        businesses,
        headline: headline(topology, state, incident),
        reasons,
        acknowledged: incident.acknowledged.clone(),
    }
}

/// What it took so far, whatever is well again by now.
fn headline(topology: &Topology, state: &State, incident: &Incident) -> Bilingual {
    both(|lang| {
        let members: BTreeMap<_, _> = incident.members.iter().collect();
        let share = Share { view: View::Operations, members };
        let facts = Facts::gather(topology, state, incident, &share, MessageKind::Resolved);
        let (told, known, reasons) = (None, None, Vec::new());
        let now = incident.opened; // No headline tells how long it lasts.
        operations::problem(&Speaker { facts, topology, told, known, reasons, lang, now })
    })
}
