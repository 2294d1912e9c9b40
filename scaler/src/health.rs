//! Which VMs are ill, and what is done about it: out of the routers first, replaced afterwards.
//!
//! One witness may lie: an agent can hang while the program serves, a router can have lost its
//! own network. So several must agree, for a while; only a part of a module may be isolated on
//! such evidence; and if all of a module looks ill nothing is touched, since then the fault is
//! more likely with the onlooker. A VM that does not run by its provider's own word is no matter
//! of belief and is replaced in any case.

use model::id::VmId;
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::Facts;
use crate::policy::{IsolationMode, Policy};
use crate::state::{Repair, State};
use crate::steps::condemn;

/// So many exchanges in a row failed on a router before it bears witness.
const ROUTER_FAILURES: u32 = 3;

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
            VmState::Serving => watch(policy, state, members, id, facts, now),
            VmState::Isolated => nurse(policy, state, id, facts, now),
            VmState::Wanted
            | VmState::Creating
            | VmState::Booting
            | VmState::Pool
            | VmState::Reserved
            | VmState::Deploying
            | VmState::Ready
            | VmState::Draining
            | VmState::Stopped
            | VmState::Destroying
            | VmState::Gone
            | VmState::Quarantine => {}
        }
    }
}

/// Who says that the VM is ill.
fn witnesses(policy: &Policy, facts: &Facts, vm: &Vm) -> Vec<&'static str> {
    let ready = facts.ready.get(&vm.id).filter(|ready| ready.assignment == vm.assignment);
    let mut reports = facts.routers.values().filter_map(|router| router.upstreams.get(&vm.id));
    let words = [
        ("its agent is silent", facts.is_agent_silent(&vm.id)),
        (
            "it fails its readiness probe",
            ready.is_some_and(|r| r.fails_in_a_row >= policy.ready.fail),
        ),
        ("routers cannot reach it", reports.any(|r| r.failed_in_a_row >= ROUTER_FAILURES)),
        ("its provider says it does not run", facts.is_dead(&vm.id)),
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
    let words = witnesses(policy, facts, vm);
    let dead = facts.is_dead(id);
    if !dead && (words.len() as u32) < policy.isolation.witnesses {
        state.memory.suspects.remove(id);
        return;
    }
    let since = *state.memory.suspects.entry(id.clone()).or_insert(now);
    let lasted = now.since(since) >= policy.isolation.after.0;
    if dead || (lasted && may_isolate(policy, state, members, id)) {
        isolate(policy, state, id, &words, facts, now);
    }
}

/// Bounded by share, and never the last VM that looks well.
fn may_isolate(policy: &Policy, state: &State, members: &[VmId], id: &VmId) -> bool {
    match policy.isolation.mode {
        IsolationMode::None | IsolationMode::Observe => return false,
        IsolationMode::Isolate | IsolationMode::Replace => {}
    }
    let in_state = |wanted: VmState| {
        members.iter().filter(move |id| state.vms.get(*id).is_some_and(|vm| vm.state == wanted))
    };
    let isolated = in_state(VmState::Isolated).count() as u32;
    let total = isolated + in_state(VmState::Serving).count() as u32;
    let well = in_state(VmState::Serving)
        .any(|other| other != id && !state.memory.suspects.contains_key(other));
    well && isolated < policy.isolation.max_share.of(total)
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
    let well = witnesses(policy, facts, vm).is_empty()
        && ready.is_some_and(|ready| ready.passes_in_a_row >= policy.ready.pass);
    let since = vm.since;
    let memory = state.memory.modules.entry(policy.module.clone()).or_default();
    let replaced =
        memory.repairs.iter().all(|repair| repair.failed != *id || repair.replaced_by.is_some());
    if well && !replaced {
        memory.repairs.retain(|repair| repair.failed != *id);
        state.shift(id, VmState::Serving, "well again", now);
    } else if now.since(since) >= policy.isolation.keep_for_debug.0 {
        condemn(state, id, "isolated for long enough to be looked at".to_owned(), now);
    }
}

/// Whether an isolated VM still holds its place, so that nothing replaces it yet.
pub(crate) fn holds_its_place(policy: &Policy, facts: &Facts, vm: &Vm, now: Time) -> bool {
    let waits = policy.isolation.mode == IsolationMode::Isolate
        || now.since(vm.since) < policy.isolation.replace_after.0;
    vm.state == VmState::Isolated && !facts.is_dead(&vm.id) && waits
}
