//! One look at everything: take note, isolate, decide, staff, refill, route.
//!
//! The caller stores the state in one transaction, pushes the routing if it changed, hands out the
//! steps of [`crate::steps::issue`], and comes again: when something came back, or a tick later.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{DecisionId, FlavorId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::decide::{Members, Room, Scene, Want, decide, mode_now};
use crate::facts::Facts;
use crate::hands::Routing;
use crate::policy::Policy;
use crate::reason::{Decision, Moved};
use crate::routing::is_acknowledged;
use crate::state::{Config, ModuleMemory, Repair, State};
use crate::{approval, health, hold, life, routing, supply};

/// What a tick brought, beside the changed state.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Decisions that are news: a change, or a hold for another reason than before.
    pub decisions: Vec<Decision>,
    /// The routing, if it changed.
    pub routing: Option<Routing>,
    /// Repairs that began or were finished.
    pub repairs: Vec<Repair>,
}

/// An unchanged hold is recorded again after this long, so that the record has no long holes.
const RECORD_AT_LEAST_EVERY: Duration = Duration::from_secs(600);

/// Looks at everything once.
pub fn tick(config: &Config, state: &mut State, facts: &Facts, now: Time) -> Outcome {
    let elapsed = state.memory.last_tick.map_or(Duration::ZERO, |last| now.since(last));
    state.memory.last_tick = Some(now);
    let repairs_before = repairs(state);
    life::observe(config, state, facts, now);
    let mut outcome = Outcome::default();
    let mut missing: BTreeMap<FlavorId, u32> = BTreeMap::new();
    let members = state.by_module();
    for (module, policy) in &config.policies {
        let members = members.get(module).map_or(&[][..], Vec::as_slice);
        let mut decision = decide_one(policy, state, members, facts, now, elapsed);
        let moves_before = state.moves.len();
        let acts = mode_now(policy, facts, now).acts();
        if acts {
            let holds = hold::of_module(state.memory.holds.values(), module, now);
            let held = hold::applied(policy, &holds);
            health::look_after(held.as_ref().unwrap_or(policy), state, members, facts, now);
        }
        if acts || approval::is_open(state, module) {
            let short = supply::staff(config, policy, state, members, facts, now);
            *missing.entry(policy.flavor.clone()).or_default() += short;
            if let Some(decision) = &mut decision {
                decision.short = short;
            }
        }
        if let Some(decision) = &mut decision {
            decision.moves = state.moves[moves_before..].iter().map(Moved::of).collect();
        }
        outcome.decisions.extend(decision);
        approval::close_if_done(policy, state, members, facts, now);
        finish_repairs(state, module, members, facts, now);
    }
    for (flavor, pool) in &config.pools {
        let missing = missing.get(flavor).copied().unwrap_or(0);
        supply::refill(pool, state, facts, missing, now);
    }
    outcome.routing = routing::update(config, state, facts);
    outcome.repairs = news_of_repairs(&repairs_before, state);
    outcome
}

/// What would be decided right now, without changing anything: for `plan`.
pub fn preview(config: &Config, state: &State, facts: &Facts, now: Time) -> Vec<Decision> {
    let mut copy = state.clone();
    let members = copy.by_module();
    let decisions = config.policies.iter().map(|(module, policy)| {
        let members = members.get(module).map_or(&[][..], Vec::as_slice);
        let elapsed = copy.memory.last_tick.map_or(Duration::ZERO, |last| now.since(last));
        let mut memory = memory_of(policy, &mut copy).clone();
        let want = want(policy, &mut memory, &copy, members, facts, now, elapsed);
        let id = DecisionId::parse("preview").expect("a plain word");
        want.into_decision(id, policy.module.clone(), memory.desired, now)
    });
    decisions.collect()
}

fn memory_of<'a>(policy: &Policy, state: &'a mut State) -> &'a mut ModuleMemory {
    let fresh = || ModuleMemory { desired: policy.initial, ..ModuleMemory::default() };
    state.memory.modules.entry(policy.module.clone()).or_insert_with(fresh)
}

fn want(
    policy: &Policy,
    memory: &mut ModuleMemory,
    state: &State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
    elapsed: Duration,
) -> Want {
    let vms = || members.iter().map(|id| &state.vms[id]);
    let serving: Vec<&Vm> = vms().filter(|vm| in_service(vm, facts)).collect();
    let capacity = vms().filter(|vm| vm.state.is_capacity()).count();
    let warming = (capacity - serving.len()) as u32;
    let coming = vms().filter(|vm| vm.state.is_capacity() && !in_service(vm, facts)).collect();
    let holds = hold::of_module(state.memory.holds.values(), &policy.module, now);
    let members = Members { serving, coming, warming };
    let room = Room::default();
    let scene = Scene { members: &members, facts, room, holds: &holds, now, elapsed };
    decide(policy, memory, &scene)
}

fn decide_one(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
    elapsed: Duration,
) -> Option<Decision> {
    let mut memory = memory_of(policy, state).clone();
    let from = memory.desired;
    let want = want(policy, &mut memory, state, members, facts, now, elapsed);
    if want.mode.acts() {
        apply(&mut memory, &want, now);
    } else if let Some(approval) = &memory.approval {
        memory.desired = approval.to;
    }
    let number = state.memory.next_decision + 1;
    let id = DecisionId::parse(&format!("d-{number}")).expect("a number makes a good name");
    let decision = want.into_decision(id, policy.module.clone(), from, now);
    let news = is_news(&memory, &decision, now);
    if news {
        decision.reason.word().clone_into(&mut memory.last_reason);
        memory.last_recorded = Some(now);
        state.memory.next_decision = number;
    }
    state.memory.modules.insert(policy.module.clone(), memory);
    news.then_some(decision)
}

fn apply(memory: &mut ModuleMemory, want: &Want, now: Time) {
    if want.to > memory.desired {
        memory.last_out = Some(now);
    } else if want.to < memory.desired {
        memory.last_in = Some(now);
    }
    memory.desired = want.to;
}

fn is_news(memory: &ModuleMemory, decision: &Decision, now: Time) -> bool {
    let changes = !decision.is_hold() && decision.mode.acts();
    let stale = memory.last_recorded.is_none_or(|at| now.since(at) >= RECORD_AT_LEAST_EVERY);
    changes || stale || memory.last_reason != decision.reason.word()
}

/// A repair is done when its new VM is in all routers, and moot when the module has all its VMs
/// without it, because fewer are wanted meanwhile.
fn finish_repairs(
    state: &mut State,
    module: &ModuleId,
    members: &[VmId],
    facts: &Facts,
    now: Time,
) {
    let have = members.iter().filter(|id| state.vms[*id].state.is_capacity()).count() as u32;
    let Some(memory) = state.memory.modules.get_mut(module) else { return };
    let complete = have >= memory.desired;
    // Those that were done a tick ago have been told.
    memory
        .repairs
        .retain(|repair| repair.done_at.is_none() && !(complete && repair.replaced_by.is_none()));
    for repair in &mut memory.repairs {
        let successor = repair.replaced_by.as_ref().and_then(|id| state.vms.get(id));
        if successor.is_some_and(|vm| in_service(vm, facts)) {
            repair.done_at = Some(now);
        }
    }
}

pub(crate) fn in_service(vm: &Vm, facts: &Facts) -> bool {
    vm.state == VmState::Serving && is_acknowledged(facts, vm.route_generation)
}

fn repairs(state: &State) -> BTreeMap<VmId, Repair> {
    let all = state.memory.modules.values().flat_map(|memory| &memory.repairs);
    all.map(|repair| (repair.failed.clone(), repair.clone())).collect()
}

fn news_of_repairs(before: &BTreeMap<VmId, Repair>, state: &State) -> Vec<Repair> {
    let after = repairs(state).into_values();
    after.filter(|repair| before.get(&repair.failed) != Some(repair)).collect()
}
