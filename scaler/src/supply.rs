//! Gives modules the VMs they are to have, takes back what is too many, keeps the pools filled.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{FlavorId, HostId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::Facts;
use crate::health::holds_its_place;
use crate::policy::{Leaver, Policy};
use crate::pool::Pool;
use crate::routing::is_acknowledged;
use crate::state::{Config, State};
use crate::steps::{StepKind, condemn, open};

/// Brings one module towards its wanted count. Returns how many VMs the pool could not give.
pub(crate) fn staff(
    config: &Config,
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
) -> u32 {
    let desired = state.memory.modules.get(&policy.module).map_or(0, |memory| memory.desired);
    let counts = |vm: &&VmId| {
        let vm = &state.vms[*vm];
        vm.state.is_capacity() || holds_its_place(policy, facts, vm, now)
    };
    let have = members.iter().filter(counts).count() as u32;
    if have > desired {
        let surplus = have - desired;
        dismiss(policy, state, members, facts, surplus, now);
        return 0;
    }
    let missing = desired - have;
    let given = (0..missing).take_while(|_| reserve(config, policy, state, facts, now)).count();
    missing - given as u32
}

/// Takes the best VM of the pool for a module.
fn reserve(config: &Config, policy: &Policy, state: &mut State, facts: &Facts, now: Time) -> bool {
    let recheck = config.pools.get(&policy.flavor).map_or(Duration::MAX, |pool| pool.recheck);
    let crowd = crowd(state, &policy.module);
    let fit = |vm: &&Vm| {
        let heard = facts.agents.get(&vm.id).filter(|agent| agent.misses == 0);
        let fresh = heard.and_then(|agent| agent.heard).is_some_and(|at| now.since(at) <= recheck);
        let host_down = vm.host.as_ref().is_some_and(|host| facts.hosts_down.contains(host));
        vm.state == VmState::Pool && vm.flavor == policy.flavor && fresh && !host_down
    };
    let load_of_host = |vm: &Vm| vm.host.as_ref().and_then(|h| crowd.get(h)).copied().unwrap_or(0);
    let best = state.vms.values().filter(fit).min_by_key(|vm| (load_of_host(vm), vm.since));
    let Some(id) = best.map(|vm| vm.id.clone()) else { return false };
    let vm = state.vms.get_mut(&id).expect("it was just found there");
    vm.module = Some(policy.module.clone());
    vm.assignment += 1;
    state.shift(&id, VmState::Reserved, format!("taken for {}", policy.module), now);
    state.shift(&id, VmState::Deploying, "its program is being started", now);
    open(state, &id, StepKind::Deploy, now);
    assign_repair(state, &policy.module, &id);
    true
}

/// How many VMs of a module each host carries.
fn crowd(state: &State, module: &ModuleId) -> BTreeMap<HostId, u32> {
    let mut crowd = BTreeMap::new();
    for vm in state.vms.values() {
        if let (Some(host), true) = (&vm.host, vm.module.as_ref() == Some(module)) {
            *crowd.entry(host.clone()).or_default() += u32::from(vm.state.is_capacity());
        }
    }
    crowd
}

/// The new VM takes the place of the first failed one that has no successor yet.
fn assign_repair(state: &mut State, module: &ModuleId, id: &VmId) {
    let Some(memory) = state.memory.modules.get_mut(module) else { return };
    // A successor that failed on its way makes room for another.
    let living: BTreeSet<_> =
        state.vms.values().filter(|vm| vm.state.is_capacity()).map(|vm| &vm.id).collect();
    let open = memory.repairs.iter_mut().find(|repair| {
        repair.done_at.is_none() && repair.replaced_by.as_ref().is_none_or(|r| !living.contains(r))
    });
    if let Some(repair) = open {
        repair.replaced_by = Some(id.clone());
    }
}

/// Sends away what is too many: first what does not serve yet, then by the policy's order.
fn dismiss(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    surplus: u32,
    now: Time,
) {
    let mut leavers = Vec::new();
    let mut candidates: Vec<VmId> = members.to_vec();
    for _ in 0..surplus {
        let Some(next) = next_leaver(policy, state, &candidates, facts, now) else { break };
        candidates.retain(|id| *id != next);
        leavers.push(next);
    }
    for id in leavers {
        state.shift(&id, VmState::Draining, "no longer needed: out of the routers first", now);
        state.steps.remove(&id);
    }
}

fn next_leaver(
    policy: &Policy,
    state: &State,
    candidates: &[VmId],
    facts: &Facts,
    now: Time,
) -> Option<VmId> {
    let vms = || candidates.iter().map(|id| &state.vms[id]);
    let issued = |vm: &&Vm| state.steps.get(&vm.id).is_some_and(|step| step.issued);
    let early = vms().filter(|vm| vm.state == VmState::Deploying && !issued(vm));
    if let Some(vm) = early.max_by_key(|vm| vm.since) {
        return Some(vm.id.clone());
    }
    let serving = || {
        vms().filter(|vm| {
            vm.state == VmState::Serving && is_acknowledged(facts, vm.route_generation)
        })
    };
    if serving().filter(|vm| !state.memory.suspects.contains_key(&vm.id)).count() < 2 {
        return None; // The last healthy one is never taken away.
    }
    let old_enough = |vm: &&Vm| now.since(vm.since) >= policy.terminate.young.0;
    let crowd = crowd_of(serving());
    let suspect = |vm: &Vm| state.memory.suspects.contains_key(&vm.id);
    let load = |vm: &Vm| load(policy, facts, vm);
    let rank = |vm: &Vm| rank(&policy.terminate.order, &crowd, vm, suspect(vm), load(vm));
    serving().filter(old_enough).min_by_key(|vm| rank(vm)).map(|vm| vm.id.clone())
}

fn crowd_of<'a>(vms: impl Iterator<Item = &'a Vm>) -> BTreeMap<HostId, i64> {
    let mut crowd = BTreeMap::new();
    for host in vms.filter_map(|vm| vm.host.clone()) {
        *crowd.entry(host).or_default() += 1;
    }
    crowd
}

/// The lowest rank leaves first.
fn rank(
    order: &[Leaver],
    crowd: &BTreeMap<HostId, i64>,
    vm: &Vm,
    is_suspect: bool,
    load_millis: i64,
) -> (Vec<i64>, VmId) {
    let words = order.iter().map(|word| match word {
        Leaver::Failed => -i64::from(is_suspect),
        // Isolated VMs go by themselves, and there is one release.
        Leaver::Isolated | Leaver::OldRelease => 0,
        Leaver::LeastLoad => load_millis,
        Leaver::CrowdedHost | Leaver::CrowdedZone => {
            -vm.host.as_ref().and_then(|h| crowd.get(h)).copied().unwrap_or(0)
        }
        Leaver::Oldest => vm.created.millis(),
        Leaver::Newest => -vm.created.millis(),
    });
    (words.collect(), vm.id.clone())
}

/// The load of a VM by the policy's first metric, in thousandths; without one it leaves last.
fn load(policy: &Policy, facts: &Facts, vm: &Vm) -> i64 {
    let metric = policy.metrics.first();
    let sample = metric.and_then(|metric| facts.sample(&policy.module, metric, &vm.id));
    sample.map_or(i64::MAX, |sample| (sample.value * 1000.0) as i64)
}

/// Fills up one pool: `missing` VMs are owed to modules beside those that are to wait.
pub(crate) fn refill(pool: &Pool, state: &mut State, facts: &Facts, missing: u32, now: Time) {
    let (mut ready, mut making, mut total) = (0, 0, 0);
    for vm in state.vms.values().filter(|vm| vm.flavor == pool.flavor) {
        ready += u32::from(vm.state == VmState::Pool);
        making += u32::from(matches!(vm.state, VmState::Creating | VmState::Booting));
        total += u32::from(vm.state != VmState::Gone);
    }
    let wanted = (pool.ready + missing).saturating_sub(ready + making);
    let budget = order_budget(pool, state, facts, making, total, now);
    for _ in 0..wanted.min(budget) {
        order(state, &pool.flavor, now);
    }
    if missing == 0 && making == 0 {
        thin_out(pool, state, ready.saturating_sub(pool.ready), now);
    }
}

/// How many VMs may be ordered right now.
fn order_budget(
    pool: &Pool,
    state: &mut State,
    facts: &Facts,
    making: u32,
    total: u32,
    now: Time,
) -> u32 {
    let memory = state.memory.pools.entry(pool.flavor.clone()).or_default();
    let minute = Duration::from_secs(60);
    while memory.ordered.front().is_some_and(|at| now.since(*at) >= minute) {
        memory.ordered.pop_front();
    }
    if memory.not_before.is_some_and(|at| now < at) {
        return 0;
    }
    // Without a look at the provider nothing is made: what exists would be made again.
    let Some(provider) = &facts.provider else { return 0 };
    let room = provider.room.get(&pool.flavor).copied().unwrap_or(u32::MAX);
    let bounds = [
        pool.refill.in_flight.saturating_sub(making),
        pool.refill.per_minute.saturating_sub(memory.ordered.len() as u32),
        pool.max_total.saturating_sub(total),
        room.saturating_sub(making),
    ];
    bounds.into_iter().min().unwrap_or(0)
}

fn order(state: &mut State, flavor: &FlavorId, now: Time) {
    state.memory.next_vm += 1;
    let id = VmId::parse(&format!("vm-{}", state.memory.next_vm))
        .expect("a number makes a well-formed name");
    let vm = Vm {
        id: id.clone(),
        flavor: flavor.clone(),
        state: VmState::Creating,
        since: now,
        created: now,
        host: None,
        addresses: None,
        module: None,
        assignment: 0,
        route_generation: 0,
        why: "ordered for the pool".to_owned(),
    };
    state.vms.insert(id.clone(), vm);
    open(state, &id, StepKind::Create, now);
    let memory = state.memory.pools.entry(flavor.clone()).or_default();
    memory.ordered.push_back(now);
}

/// A pool that holds more than it should gives the oldest back.
fn thin_out(pool: &Pool, state: &mut State, surplus: u32, now: Time) {
    let waiting =
        state.vms.values().filter(|vm| vm.state == VmState::Pool && vm.flavor == pool.flavor);
    let mut waiting: Vec<_> = waiting.map(|vm| (vm.created, vm.id.clone())).collect();
    waiting.sort_by_key(|(created, id)| (Reverse(*created), id.clone()));
    for (_, id) in waiting.into_iter().rev().take(surplus as usize) {
        condemn(state, &id, "more than the pool is to hold".to_owned(), now);
    }
}
