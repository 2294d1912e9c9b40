//! What an incident cost: how long which modules had VMs that suffered.
//!
//! A VM that was replaced costs nothing from when its replacement served, however long it is dead.
//! What users saw of it is another question: the availability ledger answers that.

use std::collections::BTreeMap;

use model::id::{IncidentId, ModuleId, Object, ProjectId};
use model::time::Time;
use model::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::object;
use crate::state::{Incident, Member, State};

/// What one module lost by one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    pub module: ModuleId,
    /// The business it belongs to, by the topology or by its own name.
    pub project: Option<ProjectId>,
    /// How many of its VMs suffered.
    pub vms: usize,
    /// How long, added up over these VMs, in milliseconds.
    pub vm_ms: u64,
}

/// What an open incident has cost so far; None if none of that id is open.
pub fn so_far(topology: &Topology, state: &State, id: &IncidentId, now: Time) -> Option<Vec<Loss>> {
    let incident = state.incidents.values().find(|incident| incident.id() == *id)?;
    Some(losses(topology, state, incident, now))
}

/// By module, up to `until`.
pub(crate) fn losses(
    topology: &Topology,
    state: &State,
    incident: &Incident,
    until: Time,
) -> Vec<Loss> {
    let mut losses: BTreeMap<&ModuleId, Loss> = BTreeMap::new();
    for (object, member) in &incident.members {
        let (Some(module), Object::Vm(_)) = (&member.module, object) else { continue };
        let end = end(state, object, member).unwrap_or(until);
        let lasted = u64::try_from(end.since(member.since).as_millis()).unwrap_or(u64::MAX);
        let loss = losses.entry(module).or_insert_with(|| Loss {
            module: module.clone(),
            project: project(topology, module),
            vms: 0,
            vm_ms: 0,
        });
        loss.vms += 1;
        loss.vm_ms = loss.vm_ms.saturating_add(lasted).saturating_add(member.suffered_ms);
    }
    losses.into_values().collect()
}

/// A module that is known from labels alone may be forgotten before its incident is over.
fn project(topology: &Topology, module: &ModuleId) -> Option<ProjectId> {
    let known = topology.modules.get(module).map(|module| module.project.clone());
    known.or_else(|| module.as_str().split_once('/')?.0.parse().ok())
}

/// Since when nothing suffers: each thing is well again, or something else does its work. None
/// while one does, or if nothing but the root ever did and that is still bad.
pub(crate) fn repaired(state: &State, incident: &Incident) -> Option<Time> {
    let members = incident.members.iter().filter(|(_, member)| !member.elsewhere);
    let ends: Option<Vec<Time>> =
        members.map(|(object, member)| end(state, object, member)).collect();
    ends?.into_iter().max().or_else(|| incident.back())
}

/// When a member's suffering ended: by recovery, or by replacement.
fn end(state: &State, object: &Object, member: &Member) -> Option<Time> {
    let repair = object::vm(object).and_then(|vm| state.repairs.get(vm));
    let replaced = repair.and_then(|repair| repair.done_at);
    member.well.into_iter().chain(replaced).min()
}
