//! What may be concluded from what was seen.
//!
//! Lists and agents lie, each in its way: a list has holes, is of yesterday, or empty; a whole
//! monitor goes dark and every VM looks silent. Whoever believes the first list that lacks a VM
//! destroys and makes VMs for nothing, and whoever believes a dark monitor replaces a fleet that is
//! well. So nothing follows from an absence alone:
//!
//! - a list proves what is in it; what it lacks counts only if it is complete, and lacks nothing
//!   whose agent still answers, and does not lack a third of the fleet at once;
//! - a VM is dead when its provider says so and neither its agent nor its program speaks against
//!   it; when it is merely not listed, two lists must lack it, both begun after it was known to be
//!   there: a list is as old as its begin, and one that is looked at twice is still one;
//! - if most agents are silent, or no single one was heard, the monitor is blind and silence means
//!   nothing.
//!
//! What persists for `BELIEVED_AFTER` is believed all the same: fleets do die. But a list that lacks a
//! part of the fleet which answers is refuted for as long as it does, and that is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::{Facts, ProviderFact};
use crate::hands::Power;
use crate::state::{Absence, State};

/// What one look came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// VMs that do not run any more.
    pub dead: BTreeSet<VmId>,
    /// Most agents are silent: the fault is with the onlooker.
    pub is_blind: bool,
    /// So many VMs answer that a complete list lacks: it is not believed.
    pub refuted_by: usize,
    /// So many VMs a complete list lacks that nobody asked yet: they may refute it.
    pub unasked: usize,
    /// A list was refuted since the start, and none was right since.
    pub was_refuted: bool,
    /// There is a list, and what it lacks is not there.
    pub proves_absence: bool,
    /// The record is known to be as new as the world; before that nothing is done.
    pub is_current: bool,
    /// When this brain looked first.
    pub first_look: Option<Time>,
}

/// An absence is believed when two lists show it that were begun so far apart: lists may lag behind
/// the world.
pub(crate) const LISTS_APART: Duration = Duration::from_secs(10);
/// What would be a disaster is believed when it has lasted for this long.
const BELIEVED_AFTER: Duration = Duration::from_secs(600);
/// So many VMs may be missing at once without a doubt about the list, beside a third of the fleet.
const FEW: usize = 3;
/// So many exchanges in a row failed on a router before it bears witness.
pub(crate) const ROUTER_FAILURES: u32 = 3;

/// Looks at what was seen, and notes since when each VM is missing.
pub(crate) fn look(state: &mut State, facts: &Facts, now: Time) {
    state.sight.is_blind = is_blind(state, facts);
    (state.sight.proves_absence, state.sight.refuted_by, state.sight.unasked) = (false, 0, 0);
    state.sight.dead.clear();
    // One that seems to lie ahead was begun before the clock was set back: nobody knows when.
    if let Some(list) = facts.provider.as_ref().filter(|list| list.begun <= now) {
        let missing = note_missing(state, facts, list, now);
        let known = state.vms.values().filter(|vm| vm.addresses.is_some()).count();
        // At the start a few may be the whole of a small fleet, and the record old. Of who was lent for
        // good the record knows by then.
        let starts = !state.sight.is_current && state.memory.recovery.is_none();
        let counts = |id: &&VmId| !starts || is_news(state, list, id);
        let speak = |id: &&VmId| speaks(facts, &state.vms[*id]);
        let answer = missing.iter().filter(counts).filter(speak).count();
        // One that answers and is not listed may be lent to another project for good. A part of the
        // fleet that answers is never gone, however long the lists have said so.
        let few = if starts { 0 } else { FEW };
        state.sight.refuted_by = if answer > few.max(known / 3) { answer } else { 0 };
        state.sight.unasked =
            missing.iter().filter(|id| is_asked(state, id) && !was_asked(facts, id)).count();
        let is_refuted = state.sight.refuted_by > 0;
        let plausible = !is_refuted && is_plausible(state, facts, list, &missing);
        state.sight.proves_absence = list.complete && (plausible || bug!(BelieveEveryList));
        state.sight.dead = dead(state, facts, list);
    }
    let vms = &state.vms;
    state.memory.absences.retain(|id, _| vms.contains_key(id));
}

/// It was ordered, made or ended just now: no list that was begun before says anything of it.
pub(crate) fn known(state: &mut State, id: &VmId, now: Time) {
    state.memory.absences.insert(id.clone(), Absence { known: now, ..Absence::default() });
}

impl State {
    /// Whether a VM does not run any more.
    pub fn is_dead(&self, id: &VmId) -> bool {
        self.sight.dead.contains(id)
    }

    /// Whether the newest list shows that a VM is not there, and so did another, begun so long before.
    pub(crate) fn is_absent(&self, facts: &Facts, id: &VmId, apart: Duration) -> bool {
        let listed = facts.provider.as_ref().is_none_or(|list| list.vms.contains_key(id));
        let lists = self.memory.absences.get(id).and_then(|absence| absence.lists);
        self.sight.proves_absence
            && !listed
            && lists.is_some_and(|(first, newest)| newest.since(first) >= apart)
    }
}

/// Whether nothing runs on a VM that is to end: by its provider's word, and it answers nobody.
pub(crate) fn is_certainly_off(state: &State, facts: &Facts, vm: &Vm) -> bool {
    let seen = facts.provider.as_ref().and_then(|list| list.vms.get(&vm.id));
    let is_off = seen.is_some_and(|seen| seen.power == Power::Stopped)
        || state.is_absent(facts, &vm.id, LISTS_APART);
    is_off && !speaks(facts, vm) && !state.sight.is_blind
}

/// Of those that answered once, more are silent than not; or nobody at all answers, be it that all of
/// them only boot.
fn is_blind(state: &State, facts: &Facts) -> bool {
    let (mut asked, mut silent, mut heard, mut unheard) = (0, 0, 0, 0);
    for (id, agent) in &facts.agents {
        let Some(vm) = state.vms.get(id) else { continue };
        let misses = usize::from(agent.misses > 0);
        unheard += misses;
        heard += usize::from(agent.misses == 0 && agent.heard.is_some());
        if has_answered(vm.state) {
            asked += 1;
            silent += misses;
        }
    }
    let is_dark = unheard > 0 && heard == 0;
    (is_dark || silent * 2 > asked) && !bug!(SilenceIsDeath)
}

/// Only a VM whose agent answered once gets beyond this state.
fn has_answered(state: VmState) -> bool {
    matches!(state, VmState::Pool | VmState::Isolated) || state.is_capacity()
}

/// Notes what the list says against each VM. Gives back those that were listed before, and are not now.
fn note_missing(state: &mut State, facts: &Facts, list: &ProviderFact, now: Time) -> Vec<VmId> {
    let mut missing = Vec::new();
    let absences = &mut state.memory.absences;
    for (id, vm) in &state.vms {
        match list.vms.get(id) {
            Some(seen) if seen.power != Power::Stopped || speaks(facts, vm) => {
                is_there(absences, id, list.begun);
            }
            Some(_) => {
                let absence = absences.entry(id.clone()).or_default();
                absence.since.get_or_insert(list.begun);
                absence.lists = None;
            }
            None if list.complete => {
                let begun = if bug!(CountLooks) { now } else { list.begun };
                let heard = facts.agents.get(id).and_then(|agent| agent.heard);
                let heard = heard.filter(|heard| *heard <= now).unwrap_or_default();
                let absence = absences.entry(id.clone()).or_default();
                lacks(absence, heard.max(vm.created), begun);
                let ends = matches!(vm.state, VmState::Destroying | VmState::Gone);
                if vm.addresses.is_some() && !ends {
                    missing.push(id.clone());
                }
            }
            None => {}
        }
    }
    missing
}

/// A list names it as one that runs. If that is the older news, it says nothing.
fn is_there(absences: &mut BTreeMap<VmId, Absence>, id: &VmId, begun: Time) {
    if absences.get(id).is_some_and(|absence| absence.known < begun) {
        absences.remove(id);
    }
}

/// A list that was begun then lacks it.
fn lacks(absence: &mut Absence, known: Time, begun: Time) {
    absence.known = absence.known.max(known);
    absence.since.get_or_insert(begun);
    let first = absence.lists.map(|(first, _)| first).filter(|first| *first > absence.known);
    absence.lists = (begun > absence.known).then_some((first.unwrap_or(begun), begun));
}

/// Whether lists have not lacked it for so long that they are believed.
fn is_news(state: &State, list: &ProviderFact, id: &VmId) -> bool {
    let since = state.memory.absences.get(id).and_then(|absence| absence.since);
    since.is_none_or(|since| list.begun.since(since) < BELIEVED_AFTER)
}

/// Whether a complete list may be believed in what it lacks.
fn is_plausible(state: &State, facts: &Facts, list: &ProviderFact, missing: &[VmId]) -> bool {
    let news: Vec<&VmId> = missing.iter().filter(|id| is_news(state, list, id)).collect();
    let known = state.vms.values().filter(|vm| vm.addresses.is_some()).count();
    let contradicted = news.iter().any(|id| speaks(facts, &state.vms[*id]));
    !contradicted && news.len() <= FEW.max(known / 3)
}

/// Nobody asks a VM in quarantine: it is none of ours to judge.
fn is_asked(state: &State, id: &VmId) -> bool {
    state.vms[id].state != VmState::Quarantine
}

/// Whether its agent was asked since the start, whatever came of it.
fn was_asked(facts: &Facts, id: &VmId) -> bool {
    facts.agents.get(id).is_some_and(|agent| agent.misses > 0 || agent.heard.is_some())
}

/// Whether its agent or its program answered when it was asked last.
fn speaks(facts: &Facts, vm: &Vm) -> bool {
    let agent = facts.agents.get(&vm.id);
    let heard = agent.is_some_and(|agent| agent.misses == 0 && agent.heard.is_some());
    let ready = facts.ready.get(&vm.id).filter(|ready| ready.assignment == vm.assignment);
    heard || ready.is_some_and(|ready| ready.passes_in_a_row > 0)
}

fn dead(state: &State, facts: &Facts, list: &ProviderFact) -> BTreeSet<VmId> {
    let (mut certain, mut news) = (BTreeSet::new(), BTreeSet::new());
    for (id, absence) in &state.memory.absences {
        let (Some(vm), Some(since)) = (state.vms.get(id), absence.since) else { continue };
        if !may_die(vm.state) || speaks(facts, vm) && !bug!(BelieveEveryList) {
            continue;
        }
        let silent_since = facts.agents.get(id).and_then(|agent| agent.silent_since);
        let lasted = list.begun.since(silent_since.map_or(since, |silent| silent.max(since)));
        let stopped = list.vms.get(id).is_some_and(|seen| seen.power == Power::Stopped);
        let confirmed = confirms(state, facts, vm);
        let apart = if confirmed { Duration::ZERO } else { LISTS_APART };
        if stopped || state.is_absent(facts, id, apart) {
            let sure = confirmed || lasted >= BELIEVED_AFTER || vm.state == VmState::Booting;
            if sure { &mut certain } else { &mut news }.insert(id.clone());
        }
    }
    let known = state.vms.values().filter(|vm| vm.addresses.is_some()).count();
    if !state.sight.is_blind && news.len() <= FEW.max(known / 3) || bug!(BelieveEveryList) {
        certain.extend(news);
    }
    certain
}

fn may_die(state: VmState) -> bool {
    match state {
        VmState::Booting
        | VmState::Pool
        | VmState::Reserved
        | VmState::Deploying
        | VmState::Ready
        | VmState::Serving
        | VmState::Isolated
        | VmState::Draining
        | VmState::Stopped => true,
        VmState::Wanted
        | VmState::Creating
        | VmState::Destroying
        | VmState::Gone
        | VmState::Quarantine => false,
    }
}

/// Whether two others say the same as the provider: its agent, its probe, a router.
fn confirms(state: &State, facts: &Facts, vm: &Vm) -> bool {
    let ready = facts.ready.get(&vm.id).filter(|ready| ready.assignment == vm.assignment);
    let mut reports = facts.routers.values().filter_map(|router| router.upstreams.get(&vm.id));
    let witnesses = [
        !state.sight.is_blind && facts.is_agent_silent(&vm.id),
        ready.is_some_and(|ready| ready.fails_in_a_row > 0),
        reports.any(|report| report.failed_in_a_row >= ROUTER_FAILURES),
    ];
    witnesses.into_iter().filter(|says| *says).count() >= 2
}
