//! Marks what is silenced in each incident, after the causes are found and before anybody is told.
//!
//! A silence changes nothing of what is wrong or why: the incident opens, grows and closes as ever,
//! and a host that takes a silenced VM is told of. Only in telling a silenced object counts for
//! nothing, but for those who were told of it before. The marks are made anew at each look, so
//! that the end of a silence needs no code of its own.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{CheckId, Object, SilenceId};
use model::topology::Topology;

use super::cover::lineage;
use super::{Acts, Scope};
use crate::object;
use crate::state::{Incident, State, Word};
use crate::timer::Timer;

type Marks = BTreeMap<Object, SilenceId>;

/// Notes in each incident which of its roots and members are silenced, and by what.
pub(crate) fn hush(topology: &Topology, state: &mut State, timer: &mut Timer) {
    let in_force = InForce::of(&state.acts, timer);
    let words = &state.words;
    for incident in state.incidents.values_mut() {
        let marks = match in_force.is_empty() {
            true => Marks::new(),
            false => in_force.marks(topology, words, incident),
        };
        incident.changed |= incident.silenced != marks;
        incident.silenced = marks;
    }
}

/// The silences that have begun, by the object they were made on.
struct InForce<'a> {
    on: BTreeMap<&'a Object, Vec<(&'a SilenceId, Option<&'a CheckId>)>>,
    ids: BTreeSet<&'a SilenceId>,
    acts: &'a Acts,
}

impl<'a> InForce<'a> {
    fn of(acts: &'a Acts, timer: &mut Timer) -> Self {
        let mut in_force = Self { on: BTreeMap::new(), ids: BTreeSet::new(), acts };
        for silence in acts.silences.values() {
            if !timer.reached(silence.from) || timer.reached(silence.until) {
                continue;
            }
            in_force.ids.insert(&silence.id);
            if let Scope::Object { on, check } = &silence.scope {
                in_force.on.entry(on).or_default().push((&silence.id, check.as_ref()));
            }
        }
        in_force
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    fn marks(
        &self,
        topology: &Topology,
        words: &BTreeMap<Object, Vec<Word>>,
        incident: &Incident,
    ) -> Marks {
        let mark = |object: &Object| match object::vm(object) {
            Some(vm) if !topology.vms.contains_key(vm) => {
                self.mark(topology, words, object).or_else(|| self.before(incident, object))
            }
            _ => self.mark(topology, words, object),
        };
        let objects = incident.roots.keys().chain(incident.members.keys());
        let mut marks: Marks =
            objects.filter_map(|object| Some((object.clone(), mark(object)?))).collect();
        let of_roots: Option<Vec<SilenceId>> =
            incident.roots.keys().map(|root| marks.get(root).cloned()).collect();
        // What says nothing itself suffers on account of its root, and is as quiet as that.
        if let Some(by) = of_roots.and_then(|by| by.into_iter().next()) {
            for (object, _) in incident.members.iter().filter(|(_, member)| !member.reported) {
                marks.entry(object.clone()).or_insert_with(|| by.clone());
            }
        }
        marks
    }

    /// What a VM stood on and worked for is forgotten when it is gone, but not that it was silenced.
    fn before(&self, incident: &Incident, object: &Object) -> Option<SilenceId> {
        incident.silenced.get(object).filter(|id| self.ids.contains(id)).cloned()
    }

    /// The silence that covers an object: all of it, or each of its bad checks.
    fn mark(
        &self,
        topology: &Topology,
        words: &BTreeMap<Object, Vec<Word>>,
        object: &Object,
    ) -> Option<SilenceId> {
        let line = lineage(topology, object);
        let covering = || line.iter().filter_map(|above| self.on.get(above)).flatten();
        if let Some((id, _)) = covering().find(|(_, check)| check.is_none()) {
            return Some((*id).clone());
        }
        let words = words.get(object).into_iter().flatten();
        let bad = words.filter(|word| !word.is_good() || word.flapping);
        let by_check = |check: &CheckId| {
            let named = covering().find(|(_, of)| *of == Some(check)).map(|(id, _)| *id);
            let labelled = || self.acts.labelled.get(object)?.get(check);
            let in_force = |id: &&SilenceId| self.ids.contains(id);
            named.or_else(|| labelled()?.iter().find(in_force))
        };
        let by: Option<Vec<&SilenceId>> = bad.map(|word| by_check(&word.check)).collect();
        by?.first().map(|id| (*id).clone())
    }
}
