//! Moves each VM along its life by what was seen of it.
//!
//! These moves want nothing: they only take note. What is wanted comes from [`crate::supply`],
//! and illness from [`crate::health`].

use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::{Facts, SeenFact};
use crate::hands::Power;
use crate::policy::{DrainThen, DrainWait, Policy, RawDrain};
use crate::routing::is_acknowledged;
use crate::state::{Config, State};
use crate::steps::{StepKind, condemn, open};

/// What a VM without a policy is given: the policy may have been removed while it started.
const BOOT_TIMEOUT: Duration = Duration::from_secs(480);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);
/// So long a list may lag behind the end of a VM before its name in it is a stranger.
const LIST_LAG: Duration = Duration::from_secs(600);
/// A VM in the pool that misses so many polls is not fit to be given out.
const POOL_MISSES: u32 = 3;

/// Takes note of everything that was seen.
pub(crate) fn observe(config: &Config, state: &mut State, facts: &Facts, now: Time) {
    bury(state, now);
    let State { vms, memory, .. } = state;
    memory.out_since.retain(|id, _| vms.get(id).is_some_and(|vm| vm.state == VmState::Draining));
    let ids: Vec<VmId> = state.vms.keys().cloned().collect();
    for id in &ids {
        locate(state, facts, id);
        advance(config, state, facts, id, now);
    }
    quarantine_strangers(state, facts, now);
}

/// Drops the records of VMs that are gone; they were stored as gone a tick ago.
fn bury(state: &mut State, now: Time) {
    let gone: Vec<VmId> =
        state.vms.values().filter(|vm| vm.state == VmState::Gone).map(|vm| vm.id.clone()).collect();
    for id in gone {
        state.vms.remove(&id);
        state.steps.remove(&id);
        state.memory.suspects.remove(&id);
        state.memory.ended.insert(id, now);
    }
    state.memory.ended.retain(|_, at| now.since(*at) < LIST_LAG);
}

fn seen<'a>(facts: &'a Facts, id: &VmId) -> Option<&'a SeenFact> {
    facts.provider.as_ref()?.vms.get(id)
}

fn locate(state: &mut State, facts: &Facts, id: &VmId) {
    if let (Some(seen), Some(vm)) = (seen(facts, id), state.vms.get_mut(id)) {
        if seen.host.is_some() {
            vm.host.clone_from(&seen.host);
        }
        vm.addresses = seen.addresses.or(vm.addresses);
    }
}

fn advance(config: &Config, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    let policy = vm.module.as_ref().and_then(|module| config.policies.get(module));
    match vm.state {
        VmState::Creating => created(state, facts, id, now),
        VmState::Booting => booted(config, state, facts, id, now),
        VmState::Pool => waiting(state, facts, id, now),
        VmState::Reserved | VmState::Deploying | VmState::Ready => {
            started(policy, state, facts, id, now);
        }
        VmState::Draining => drained(policy, state, facts, id, now),
        VmState::Quarantine => missed(state, facts, id, now),
        VmState::Serving
        | VmState::Isolated
        | VmState::Wanted
        | VmState::Stopped
        | VmState::Destroying
        | VmState::Gone => {}
    }
}

fn created(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    if seen(facts, id).is_some_and(|seen| seen.power == Power::Running) {
        state.shift(id, VmState::Booting, "seen at its provider", now);
    }
}

fn booted(config: &Config, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    let heard = facts.agents.get(id).and_then(|agent| agent.heard);
    let timeout = config.policies.values().find(|policy| policy.flavor == vm.flavor);
    let timeout = timeout.map_or(BOOT_TIMEOUT, |policy| policy.create.timeout.0);
    // One list may be older than the VM; a list that was taken after it is not.
    let listed_since = facts.provider.as_ref().is_some_and(|provider| provider.at > vm.since);
    if heard.is_some_and(|heard| heard >= vm.created) {
        state.shift(id, VmState::Pool, "its agent answers", now);
    } else if listed_since && facts.is_dead(id) {
        condemn(state, id, "it died while it booted".to_owned(), now);
    } else if now.since(vm.created) > timeout {
        condemn(state, id, format!("not up after {} s", timeout.as_secs()), now);
    }
}

fn waiting(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let silent = facts.agents.get(id).is_some_and(|agent| agent.misses >= POOL_MISSES);
    if facts.is_dead(id) {
        condemn(state, id, "it died in the pool".to_owned(), now);
    } else if silent {
        condemn(state, id, "its agent fell silent in the pool".to_owned(), now);
    }
}

/// From the start of the program to the routers.
fn started(policy: Option<&Policy>, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    if facts.is_dead(id) {
        return condemn(state, id, "it died before it served".to_owned(), now);
    }
    let Some(policy) = policy else { return };
    let ready = facts.ready.get(id).filter(|ready| ready.assignment == vm.assignment);
    let passes = ready.map_or(0, |ready| ready.passes_in_a_row);
    let deployed = !state.steps.contains_key(id);
    if vm.state == VmState::Deploying && deployed && passes >= policy.ready.pass {
        state.shift(id, VmState::Ready, format!("ready {passes} times in a row"), now);
        state.shift(id, VmState::Serving, "ready", now);
    } else if now.since(vm.since) > policy.ready.deadline.0 {
        let deadline = policy.ready.deadline;
        condemn(state, id, format!("not ready within {deadline}"), now);
    }
}

/// A VM out of the routers is stopped once it has finished what it was doing.
fn drained(policy: Option<&Policy>, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    if facts.is_dead(id) {
        return condemn(state, id, "it died while it drained".to_owned(), now);
    }
    if !is_acknowledged(facts, vm.route_generation) {
        return;
    }
    // The time counts from here: before, requests may have been sent to it.
    let since = *state.memory.out_since.entry(id.clone()).or_insert(now);
    let timeout = policy.map_or(DRAIN_TIMEOUT, |policy| policy.drain.timeout.0);
    let drain = policy.map_or_else(RawDrain::default, |policy| policy.drain);
    // Who cannot be counted may be busy.
    let idle = facts.in_flight(id) == Some(0);
    let is_over = now.since(since) >= timeout;
    let may_stop = match (drain.wait, drain.then) {
        (DrainWait::Time, _) => is_over,
        (DrainWait::Connections | DrainWait::Hook, DrainThen::Stop) => idle || is_over,
        (DrainWait::Connections | DrainWait::Hook, DrainThen::GiveUp) => idle,
    };
    if may_stop {
        open(state, id, StepKind::Undeploy, now);
    }
}

/// A stranger that is no longer listed needs no more quarantine.
fn missed(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    if facts.provider.as_ref().is_some_and(|p| p.complete && !p.vms.contains_key(id)) {
        condemn(state, id, "no longer listed by its provider".to_owned(), now);
    }
}

/// What bears our tag and is unknown to us is counted and shown, never touched.
fn quarantine_strangers(state: &mut State, facts: &Facts, now: Time) {
    let Some(provider) = &facts.provider else { return };
    for (id, seen) in &provider.vms {
        if state.vms.contains_key(id) || state.memory.ended.contains_key(id) {
            continue;
        }
        let stranger = Vm {
            id: id.clone(),
            flavor: seen.flavor.clone(),
            state: VmState::Quarantine,
            since: now,
            created: now,
            host: seen.host.clone(),
            addresses: seen.addresses,
            module: None,
            assignment: 0,
            route_generation: 0,
            why: "it bears our tag and no record tells of it".to_owned(),
        };
        state.vms.insert(id.clone(), stranger);
    }
}
