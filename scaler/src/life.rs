//! Moves each VM along its life by what was seen of it.
//!
//! These moves want nothing: they only take note. What is wanted comes from [`crate::supply`],
//! and illness from [`crate::health`]. What may be concluded from what was seen, and what may not,
//! is in [`crate::sight`].

use std::time::Duration;

use model::id::{ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::{Facts, SeenFact};
use crate::policy::{DrainThen, DrainWait, Policy, RawDrain};
use crate::refill;
use crate::routing::{is_acknowledged, out_since};
use crate::sight::{LISTS_APART, is_certainly_off};
use crate::state::{Config, State};
use crate::steps::{StepKind, condemn, open, release, withhold};
use crate::strangers;

/// What a VM without a policy is given: the policy may have been removed while it drained.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);
/// So long a list may lag behind the end of a VM before its name in it is a stranger.
const LIST_LAG: Duration = Duration::from_secs(600);
/// A VM in the pool that misses so many polls is not fit to be given out.
const POOL_MISSES: u32 = 3;
/// A VM that is said to be destroyed and is still listed is destroyed again after this long, and
/// after twice as long the next time.
const DESTROY_AGAIN: Duration = Duration::from_secs(60);
/// The pause after the first program that did not get ready; it doubles up to the longest.
const FIRST_START_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_START_PAUSE: Duration = Duration::from_secs(900);

/// Takes note of everything that was seen.
pub(crate) fn observe(config: &Config, state: &mut State, facts: &Facts, now: Time) {
    bury(state, now);
    let State { vms, memory, .. } = state;
    let serves = |vm: &Vm| matches!(vm.state, VmState::Ready | VmState::Serving);
    memory.spared.retain(|id, _| vms.get(id).is_some_and(serves));
    let ends = [VmState::Draining, VmState::Isolated, VmState::Destroying];
    let is_out = |vm: &Vm| ends.contains(&vm.state);
    memory.out_since.retain(|id, _| vms.get(id).is_some_and(is_out));
    let ids: Vec<VmId> = state.vms.keys().cloned().collect();
    for id in &ids {
        locate(state, facts, id);
        advance(config, state, facts, id, now);
    }
    strangers::look_after(config, state, facts, now);
}

/// Drops the records of VMs that are gone; they were stored as gone a tick ago.
fn bury(state: &mut State, now: Time) {
    let gone: Vec<VmId> =
        state.vms.values().filter(|vm| vm.state == VmState::Gone).map(|vm| vm.id.clone()).collect();
    let memory = &mut state.memory;
    for id in gone {
        state.vms.remove(&id);
        state.steps.remove(&id);
        memory.suspects.remove(&id);
        memory.spared.remove(&id);
        memory.doubts.remove(&id);
        memory.ending.remove(&id);
        memory.patients.remove(&id);
        memory.out_since.remove(&id);
        memory.ended.insert(id, now);
    }
    memory.ended.retain(|_, at| now.since(*at) < LIST_LAG);
}

fn seen<'a>(facts: &'a Facts, id: &VmId) -> Option<&'a SeenFact> {
    facts.provider.as_ref()?.vms.get(id)
}

fn locate(state: &mut State, facts: &Facts, id: &VmId) {
    if let (Some(seen), Some(vm)) = (seen(facts, id), state.vms.get_mut(id)) {
        if seen.host.is_some() && vm.host != seen.host {
            vm.host.clone_from(&seen.host);
        }
        vm.addresses = seen.addresses.or(vm.addresses);
    }
}

fn advance(config: &Config, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    let policy = vm.module.as_ref().and_then(|module| config.policies.get(module));
    if vm.module.is_some() && policy.is_none() && vm.state != VmState::Destroying {
        return; // Its policy file is gone: it stays as it is.
    }
    match vm.state {
        VmState::Creating => created(state, facts, id, now),
        VmState::Booting => booted(config, state, facts, id, now),
        VmState::Pool => waiting(state, facts, id, now),
        VmState::Reserved | VmState::Deploying => started(policy, state, facts, id, now),
        VmState::Ready => introduced(state, facts, id, now),
        VmState::Draining => drained(policy, state, facts, id, now),
        VmState::Destroying => destroyed(state, facts, id, now),
        // Usually it is released as soon as it is stopped; without a policy it waited for one.
        VmState::Stopped => release(config, state, id, now),
        VmState::Serving
        | VmState::Isolated
        | VmState::Wanted
        | VmState::Quarantine
        | VmState::Gone => {}
    }
}

/// Whatever became of its order: what is listed was made, and what two lists lack was not.
fn created(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    if seen(facts, id).is_some() {
        state.memory.doubts.remove(id);
        if state.steps.get(id).is_some_and(|step| !step.issued) {
            state.steps.remove(id);
        }
        return state.shift(id, VmState::Booting, "seen at its provider", now);
    }
    let Some(doubt) = state.memory.doubts.get(id).filter(|doubt| doubt.given_up) else { return };
    let why = format!("never made: {}", doubt.why);
    if state.is_absent(facts, id, LISTS_APART) {
        state.shift(id, VmState::Gone, why, now);
    }
}

fn booted(config: &Config, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    let heard = facts.agents.get(id).and_then(|agent| agent.heard);
    let timeout = refill::create(config, &vm.flavor).timeout;
    if heard.is_some_and(|heard| heard >= vm.created) {
        let flavor = vm.flavor.clone();
        refill::note_success(state, &flavor);
        // Its order is fulfilled, whatever a hand still waits for: a provider that is slow to say so
        // must not keep the program off a VM that runs.
        if state.steps.get(id).is_some_and(|step| step.kind == StepKind::Create) {
            state.steps.remove(id);
        }
        state.shift(id, VmState::Pool, "its agent answers", now);
    } else if state.is_dead(id) {
        never_up(config, state, id, "it died while it booted".to_owned(), now);
    } else if now.since(vm.since) > timeout.0 && !state.sight.is_blind {
        never_up(config, state, id, format!("not up after {timeout}"), now);
    }
}

fn never_up(config: &Config, state: &mut State, id: &VmId, why: String, now: Time) {
    let flavor = state.vms[id].flavor.clone();
    refill::note_failure(config, state, &flavor, why.clone(), now);
    condemn(state, id, why, now);
}

fn waiting(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let silent = facts.agents.get(id).is_some_and(|agent| agent.misses >= POOL_MISSES);
    if state.is_dead(id) {
        condemn(state, id, "it died in the pool".to_owned(), now);
    } else if silent && !state.sight.is_blind {
        condemn(state, id, "its agent fell silent in the pool".to_owned(), now);
    }
}

/// From the start of the program until it is ready.
fn started(policy: Option<&Policy>, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    if state.is_dead(id) {
        return condemn(state, id, "it died before it served".to_owned(), now);
    }
    let Some(policy) = policy else { return };
    let ready = facts.ready.get(id).filter(|ready| ready.assignment == vm.assignment);
    let passes = ready.map_or(0, |ready| ready.passes_in_a_row);
    let deployed = !state.steps.contains_key(id);
    if vm.state == VmState::Deploying && deployed && passes >= policy.ready.pass {
        state.shift(id, VmState::Ready, format!("ready {passes} times in a row"), now);
        if let Some(memory) = state.memory.modules.get_mut(&policy.module) {
            memory.failed_starts = 0;
        }
    } else if now.since(vm.since) > policy.ready.deadline.0 && !all_fail(policy, state, facts) {
        let deadline = policy.ready.deadline;
        note_failed_start(state, &policy.module, now);
        condemn(state, id, format!("not ready within {deadline}"), now);
    }
}

/// If no VM of the module answers its probe, the one that is being started proves nothing.
fn all_fail(policy: &Policy, state: &State, facts: &Facts) -> bool {
    let serving = state
        .vms
        .values()
        .filter(|vm| vm.state == VmState::Serving && vm.module.as_ref() == Some(&policy.module));
    let mut serving = serving.peekable();
    let fails = |vm: &Vm| facts.ready.get(&vm.id).is_none_or(|ready| ready.fails_in_a_row > 0);
    serving.peek().is_some() && serving.all(fails)
}

/// A program that does not get ready will hardly do so on the next VM at once.
pub(crate) fn note_failed_start(state: &mut State, module: &ModuleId, now: Time) {
    let Some(memory) = state.memory.modules.get_mut(module) else { return };
    let pause = FIRST_START_PAUSE * 2_u32.pow(memory.failed_starts.min(10));
    memory.failed_starts += 1;
    memory.next_start = Some(now + pause.min(LONGEST_START_PAUSE));
}

/// It serves once all routers say that they know it.
fn introduced(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    let vm = &state.vms[id];
    if state.is_dead(id) {
        condemn(state, id, "it died before it served".to_owned(), now);
    } else if vm.addresses.is_some() && is_acknowledged(facts, vm.route_generation) {
        state.shift(id, VmState::Serving, "ready", now);
    }
}

/// A VM out of the routers is stopped once it has finished what it was doing.
fn drained(policy: Option<&Policy>, state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    if state.is_dead(id) {
        return condemn(state, id, "it died while it drained".to_owned(), now);
    }
    if may_stop(policy, state, facts, id, now) {
        open(state, id, StepKind::Undeploy, now);
    } else {
        // A router that was started again with an old file sends to it once more.
        withhold(state, id, now);
    }
}

fn may_stop(
    policy: Option<&Policy>,
    state: &mut State,
    facts: &Facts,
    id: &VmId,
    now: Time,
) -> bool {
    let timeout = drain_timeout(policy);
    // What is under way began before the last router let go of it: its time counts from there.
    let chosen = state.vms[id].since;
    let early = bug!(StopBeforeAck).then_some(now);
    let Some(out_since) = out_since(state, facts, id, now).or(early) else { return false };
    let out_since = if bug!(DrainFromChoice) { chosen } else { out_since };
    let drain = policy.map_or_else(RawDrain::default, |policy| policy.drain);
    // Who cannot be counted may be busy.
    let idle = facts.in_flight(id) == Some(0);
    let is_over = now.since(out_since) >= timeout;
    match (drain.wait, drain.then) {
        (DrainWait::Time, _) => is_over,
        (DrainWait::Connections | DrainWait::Hook, DrainThen::Stop) => idle || is_over,
        (DrainWait::Connections | DrainWait::Hook, DrainThen::GiveUp) => idle,
    }
}

fn drain_timeout(policy: Option<&Policy>) -> Duration {
    policy.map_or(DRAIN_TIMEOUT, |policy| policy.drain.timeout.0)
}

/// Whatever a VM ends for, no router sends to it then, and what it was doing had its time. Its record
/// may be wrong about it: a store that was put back has it in the pool while it serves, and a router
/// that was started again with an old file sends to one that left long since.
pub(crate) fn hold_ends(config: &Config, state: &mut State, facts: &Facts, now: Time) {
    let ends = state.steps.values().filter(|step| step.kind == StepKind::Destroy && !step.issued);
    let ends: Vec<VmId> = ends.map(|step| step.vm.clone()).collect();
    for id in ends {
        if !may_end(config, state, facts, &id, now) {
            withhold(state, &id, now);
        }
    }
}

fn may_end(config: &Config, state: &mut State, facts: &Facts, id: &VmId, now: Time) -> bool {
    let Some(vm) = state.vms.get(id).filter(|vm| vm.route_generation > 0) else { return true };
    if is_certainly_off(state, facts, vm) && !facts.is_upstream(id) {
        return true; // A router that is silent for long has nothing there to send to.
    }
    if facts.may_send_to(id, vm.route_generation) && !bug!(IsolatedStillRouted) {
        state.memory.out_since.remove(id);
        return false;
    }
    let policy = vm.module.as_ref().and_then(|module| config.policies.get(module));
    let since = *state.memory.out_since.entry(id.clone()).or_insert(now);
    facts.in_flight(id) == Some(0) || now.since(since) >= drain_timeout(policy)
}

/// Its provider says that it is destroyed: it is gone when the lists say so, too.
fn destroyed(state: &mut State, facts: &Facts, id: &VmId, now: Time) {
    if state.steps.contains_key(id) {
        return;
    }
    // A hand may still have been at another step when it was condemned.
    let Some(ending) = state.memory.ending.get(id) else {
        return open(state, id, StepKind::Destroy, now);
    };
    let again = DESTROY_AGAIN * 2_u32.pow(ending.times.min(4));
    let due = now.since(ending.said) >= again;
    let listed = seen(facts, id).is_some();
    if state.is_absent(facts, id, Duration::ZERO) {
        state.shift(id, VmState::Gone, "destroyed", now);
    } else if listed && due && !bug!(DestroyOnce) {
        open(state, id, StepKind::Destroy, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::{StepOutcome, absorb, issue};
    use crate::tick::tick;

    fn a_vm(state: VmState) -> Vm {
        let start = Time::default();
        Vm {
            id: "vm-1".parse().unwrap(),
            flavor: "small".parse().unwrap(),
            state,
            since: start,
            created: start,
            host: None,
            addresses: None,
            module: None,
            assignment: 0,
            route_generation: 0,
            why: String::new(),
        }
    }

    /// A provider is slow to say that it made a VM, the VM is given up meanwhile, and only then the
    /// answer comes.
    #[test]
    fn a_vm_that_was_condemned_while_it_was_being_made_is_destroyed_all_the_same() {
        let (config, mut state, start) = (Config::default(), State::default(), Time::default());
        let vm = a_vm(VmState::Creating);
        let id = vm.id.clone();
        state.vms.insert(id.clone(), vm);
        state.memory.next_vm = 1;
        state.sight.is_current = true;
        open(&mut state, &id, StepKind::Create, start);
        assert_eq!(issue(&mut state, start).len(), 1);
        condemn(&mut state, &id, "given up".to_owned(), start);
        absorb(&config, &mut state, &id, StepKind::Create, StepOutcome::Done, start);
        tick(&config, &mut state, &Facts::default(), start);
        let steps = issue(&mut state, start);
        assert_eq!(steps.iter().map(|step| step.kind).collect::<Vec<_>>(), [StepKind::Destroy]);
    }

    /// The last attempt to start a program ends in nothing after the VM was given up for its deadline.
    #[test]
    fn a_start_that_fails_after_its_vm_was_condemned_changes_nothing() {
        for outcome in [StepOutcome::Unknown("no answer".into()), StepOutcome::Refused("no".into())]
        {
            let (config, mut state, start) = (Config::default(), State::default(), Time::default());
            let vm = a_vm(VmState::Deploying);
            let id = vm.id.clone();
            state.vms.insert(id.clone(), vm);
            state.sight.is_current = true;
            open(&mut state, &id, StepKind::Deploy, start);
            state.steps.get_mut(&id).unwrap().attempt = 2;
            assert_eq!(issue(&mut state, start).len(), 1);
            condemn(&mut state, &id, "not ready".to_owned(), start);
            absorb(&config, &mut state, &id, StepKind::Deploy, outcome, start);
            tick(&config, &mut state, &Facts::default(), start);
            let steps = issue(&mut state, start);
            assert_eq!(steps.iter().map(|step| step.kind).collect::<Vec<_>>(), [StepKind::Destroy]);
        }
    }
}
