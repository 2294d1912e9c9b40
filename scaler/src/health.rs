//! Which VMs are ill, and what is done about it: out of the routers first, replaced afterwards.
//!
//! One witness may lie: an agent can hang while the program serves, a router can have lost its
//! own network. So several must agree, for a while; only a part of a module may be isolated on
//! such evidence; and if all of a module looks ill nothing is touched, since then the fault is
//! more likely with the onlooker. A VM that does not run by its provider's own word is no matter
//! of belief and is replaced in any case.

use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::unit::Span;
use model::vm::{Vm, VmState};

use crate::facts::Facts;
use crate::policy::{IsolationMode, Policy};
use crate::routing::out_since;
use crate::sight::ROUTER_FAILURES;
use crate::state::{Repair, State};
use crate::steps::{condemn, had_its_time};

/// Within this time no larger part of a module is isolated on the word of witnesses.
const SHARE_WINDOW: Duration = Duration::from_secs(1800);
/// Whoever was isolated again and again must look well for longer each time, up to this.
const LONGEST_HOLD_DOWN: Duration = Duration::from_secs(900);

/// Looks after the serving and isolated VMs of one module.
pub(crate) fn look_after(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
) {
    for id in members {
        let Some(vm) = state.vms.get(id) else { continue };
        match vm.state {
            VmState::Ready | VmState::Serving => watch(policy, state, members, id, facts, now),
            VmState::Isolated => nurse(policy, state, id, facts, now),
            VmState::Wanted
            | VmState::Creating
            | VmState::Booting
            | VmState::Pool
            | VmState::Reserved
            | VmState::Deploying
            | VmState::Draining
            | VmState::Stopped
            | VmState::Destroying
            | VmState::Gone
            | VmState::Quarantine => {}
        }
    }
}

/// Who says that the VM is ill.
fn witnesses(policy: &Policy, state: &State, facts: &Facts, vm: &Vm) -> Vec<&'static str> {
    let ready = facts.ready.get(&vm.id).filter(|ready| ready.assignment == vm.assignment);
    let mut reports = facts.routers.values().filter_map(|router| router.upstreams.get(&vm.id));
    let words = [
        ("its agent is silent", !state.sight.is_blind && facts.is_agent_silent(&vm.id)),
        (
            "it fails its readiness probe",
            ready.is_some_and(|r| r.fails_in_a_row >= policy.ready.fail),
        ),
        ("routers cannot reach it", reports.any(|r| r.failed_in_a_row >= ROUTER_FAILURES)),
        ("its provider says it does not run", state.is_dead(&vm.id)),
        (
            "its provider says its host is down",
            vm.host.as_ref().is_some_and(|host| facts.is_host_said_down(host)),
        ),
    ];
    words.into_iter().filter(|(_, says)| *says).map(|(word, _)| word).collect()
}

fn watch(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    id: &VmId,
    facts: &Facts,
    now: Time,
) {
    let vm = &state.vms[id];
    let words = witnesses(policy, state, facts, vm);
    let dead = state.is_dead(id);
    let needed = if bug!(OneWitness) { 1 } else { policy.isolation.witnesses };
    if !dead && (words.len() as u32) < needed {
        state.memory.suspects.remove(id);
        state.memory.spared.remove(id);
        return;
    }
    let since = *state.memory.suspects.entry(id.clone()).or_insert(now);
    let lasted = now.since(since) >= policy.isolation.after.0;
    if dead {
        isolate(policy, state, id, &words, facts, now);
    } else if lasted && policy.isolation.mode != IsolationMode::None {
        if let Some(why) = why_not(policy, state, members, id, now) {
            let told = format!("{}; it stays: {why}", words.join("; "));
            state.memory.spared.insert(id.clone(), told);
            return;
        }
        let memory = state.memory.modules.entry(policy.module.clone()).or_default();
        memory.isolations.push_back(now);
        isolate(policy, state, id, &words, facts, now);
    }
}

/// Why an ill VM is not isolated, if so: bounded by share, also over time, and never the last VM that
/// looks well.
fn why_not(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    id: &VmId,
    now: Time,
) -> Option<String> {
    if policy.isolation.mode == IsolationMode::Observe {
        return Some("isolation.mode is observe".to_owned());
    }
    let memory = state.memory.modules.entry(policy.module.clone()).or_default();
    while memory.isolations.front().is_some_and(|at| now.since(*at) >= SHARE_WINDOW) {
        memory.isolations.pop_front();
    }
    let lately = memory.isolations.len() as u32;
    let state = &*state;
    let in_state = |wanted: VmState| {
        members.iter().filter(move |id| state.vms.get(*id).is_some_and(|vm| vm.state == wanted))
    };
    let isolated = in_state(VmState::Isolated).filter(|id| !state.is_dead(id)).count() as u32;
    let total = isolated + in_state(VmState::Serving).count() as u32;
    let suspects = &state.memory.suspects;
    let well = in_state(VmState::Serving)
        .any(|other| other != id && !suspects.contains_key(other) && !state.is_dead(other));
    let (out, most) = (isolated.max(lately), policy.isolation.max_share.of(total));
    if bug!(NoShare) {
        None
    } else if !well {
        Some("no other VM of the module looks well".to_owned())
    } else if out >= most {
        let within = Span::secs(SHARE_WINDOW.as_secs());
        Some(format!("{out} of {total} were isolated within {within} (isolation.max_share)"))
    } else {
        None
    }
}

fn isolate(
    policy: &Policy,
    state: &mut State,
    id: &VmId,
    words: &[&str],
    facts: &Facts,
    now: Time,
) {
    let suspected = state.memory.suspects.remove(id).unwrap_or(now);
    state.memory.spared.remove(id);
    let silent = facts.agents.get(id).and_then(|agent| agent.silent_since);
    let failing = facts.ready.get(id).and_then(|ready| ready.failing_since);
    let failed_at = [silent, failing].into_iter().flatten().fold(suspected, Time::min);
    state.shift(id, VmState::Isolated, words.join("; "), now);
    let module = policy.module.clone();
    let repair = Repair { failed: id.clone(), module, failed_at, replaced_by: None, done_at: None };
    let memory = state.memory.modules.entry(policy.module.clone()).or_default();
    memory.repairs.push(repair);
}

/// An isolated VM comes back, waits, or goes.
fn nurse(policy: &Policy, state: &mut State, id: &VmId, facts: &Facts, now: Time) {
    let vm = &state.vms[id];
    let ready = facts.ready.get(id).filter(|ready| ready.assignment == vm.assignment);
    let well = witnesses(policy, state, facts, vm).is_empty()
        && ready.is_some_and(|ready| ready.passes_in_a_row >= policy.ready.pass);
    let since = vm.since;
    let left = is_left(policy, state, facts, id, now);
    if well && !is_replaced(policy, state, id) {
        if held_down_enough(policy, state, id, now) {
            come_back(policy, state, id, now);
        }
        return;
    }
    state.memory.patients.entry(id.clone()).or_default().well_since = None;
    if now.since(since) >= policy.isolation.keep_for_debug.0 && left {
        condemn(state, id, "isolated for long enough to be looked at".to_owned(), now);
        had_its_time(state, id); // Which is shorter than that of one that is well.
    }
}

/// Whether an ill VM may end: no router sends to it, and what was under way there when the last of
/// them let go is done, or had `drain.kill_after` for it. A VM that is dead by its provider's word may
/// answer all the same.
pub(crate) fn is_left(
    policy: &Policy,
    state: &mut State,
    facts: &Facts,
    id: &VmId,
    now: Time,
) -> bool {
    if bug!(IsolatedStillRouted) {
        return true;
    }
    let Some(since) = out_since(state, facts, id, now) else { return false };
    // Who cannot be counted may be busy.
    facts.in_flight(id) == Some(0) || now.since(since) >= policy.drain.kill_after.0
}

fn is_replaced(policy: &Policy, state: &State, id: &VmId) -> bool {
    let memory = state.memory.modules.get(&policy.module);
    let mut repairs = memory.iter().flat_map(|memory| &memory.repairs);
    repairs.all(|repair| repair.failed != *id || repair.replaced_by.is_some())
}

/// The first time it is enough to look well; whoever comes and goes must do so for longer.
fn held_down_enough(policy: &Policy, state: &mut State, id: &VmId, now: Time) -> bool {
    let patient = state.memory.patients.entry(id.clone()).or_default();
    let well_since = *patient.well_since.get_or_insert(now);
    let needed = match patient.returns {
        0 => Duration::ZERO,
        returns => policy.isolation.after.0 * 2_u32.pow(returns.min(10)),
    };
    now.since(well_since) >= needed.min(LONGEST_HOLD_DOWN)
}

fn come_back(policy: &Policy, state: &mut State, id: &VmId, now: Time) {
    let patient = state.memory.patients.entry(id.clone()).or_default();
    patient.returns += 1;
    patient.well_since = None;
    if let Some(memory) = state.memory.modules.get_mut(&policy.module) {
        memory.repairs.retain(|repair| repair.failed != *id);
    }
    state.shift(id, VmState::Ready, "well again", now);
}

/// Whether an isolated VM still holds its place, so that nothing replaces it yet.
pub(crate) fn holds_its_place(policy: &Policy, state: &State, vm: &Vm, now: Time) -> bool {
    let waits = policy.isolation.mode == IsolationMode::Isolate
        || now.since(vm.since) < policy.isolation.replace_after.0;
    vm.state == VmState::Isolated && !state.is_dead(&vm.id) && waits
}
