//! One look at everything: take note, isolate, decide, staff, refill, route.
//!
//! The caller stores the state in one transaction, pushes the routing if it changed, hands out the
//! steps of [`crate::steps::issue`], and comes again: when something came back, or a tick later.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{DecisionId, FlavorId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::decide::{Members, Want, decide};
use crate::facts::Facts;
use crate::hands::Routing;
use crate::policy::Policy;
use crate::reason::{Decision, Limit, Reason};
use crate::routing::is_acknowledged;
use crate::state::{Config, ModuleMemory, Repair, State};
use crate::supply::Staffing;
use crate::{brake, climb, clock, health, leave, life, recovery, refill, routing, sight};

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
    clock::follow(state, now);
    let elapsed = state.memory.last_tick.map_or(Duration::ZERO, |last| now.since(last));
    state.memory.last_tick = Some(now);
    sight::look(state, facts, now);
    let repairs_before = repairs(state);
    let may_act = recovery::look(state, facts, now);
    if may_act {
        life::observe(config, state, facts, now);
    }
    let mut outcome = Outcome::default();
    // A record that is older than the world decides nothing.
    if state.memory.recovery.is_none() {
        look_at_modules(config, state, facts, (now, elapsed, may_act), &mut outcome);
    }
    if may_act {
        outcome.routing = routing::update(config, state);
    }
    outcome.repairs = news_of_repairs(&repairs_before, state);
    outcome
}

fn look_at_modules(
    config: &Config,
    state: &mut State,
    facts: &Facts,
    (now, elapsed, may_act): (Time, Duration, bool),
    outcome: &mut Outcome,
) {
    let mut missing: BTreeMap<FlavorId, u32> = BTreeMap::new();
    let mut waiting = refill::waiting(state);
    let members = state.by_module();
    for (module, policy) in &config.policies {
        let members = members.get(module).map_or(&[][..], Vec::as_slice);
        outcome.decisions.extend(decide_one(policy, state, members, facts, now, elapsed));
        if may_act && (policy.mode.acts() || bug!(DryRunActs)) {
            health::look_after(policy, state, members, facts, now);
            let staffing = Staffing { config, policy, members, facts, now };
            *missing.entry(policy.flavor.clone()).or_default() +=
                staffing.staff(state, &mut waiting);
        }
        finish_repairs(state, module, members, facts, now);
    }
    if bug!(RemovedPolicyDestroys) {
        for id in
            members.iter().filter(|(m, _)| !config.policies.contains_key(*m)).flat_map(|m| m.1)
        {
            if state.vms[id].state == VmState::Serving {
                state.shift(id, VmState::Draining, "no policy wants it", now);
            }
        }
    }
    for (flavor, pool) in config.pools.iter().filter(|_| may_act) {
        let missing = missing.get(flavor).copied().unwrap_or(0);
        refill::refill(config, pool, state, facts, missing, now);
    }
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
        decision(id, policy, memory.desired, want, now)
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
    let want = decide(policy, memory, &Members { serving, warming }, facts, now, elapsed);
    match want.to.cmp(&memory.desired) {
        Ordering::Less => held_in(policy, memory, state, members, facts, now, want),
        Ordering::Equal => want,
        Ordering::Greater => held_out(memory, want, now),
    }
}

/// No more is taken away than may go: else what is wanted and what is there would part.
fn held_in(
    policy: &Policy,
    memory: &ModuleMemory,
    state: &State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
    mut want: Want,
) -> Want {
    // Bounds are law, and carried out as fast as VMs may go.
    if matches!(want.reason, Reason::Bounds { .. }) {
        return want;
    }
    let removable = leave::removable(policy, state, members, facts, now);
    let brake = brake::room(state, now);
    let lowest = memory.desired.saturating_sub(removable.min(brake));
    if want.to >= lowest {
        return want;
    }
    let (name, detail) = if brake < removable {
        ("fleet brake", format!("{brake} more may go over the fleet"))
    } else {
        ("protection", format!("{removable} may go"))
    };
    want.limits.push(Limit { name: name.to_owned(), from: want.to, to: lowest, detail });
    want.to = lowest;
    if lowest == memory.desired {
        want.reason = if brake < removable {
            Reason::FleetBrake { room: brake }
        } else {
            Reason::Protected { removable }
        };
    }
    want
}

/// Load that does not fall however many VMs are added is no reason to add more.
fn held_out(memory: &mut ModuleMemory, mut want: Want, now: Time) -> Want {
    let Reason::LoadAbove { load, .. } = &want.reason else { return want };
    if let Some(until) = climb::hold(memory, *load, now) {
        want.to = memory.desired;
        want.reason = Reason::LoadDoesNotFall { until };
    }
    want
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
    if policy.mode.acts() {
        apply(&mut memory, &want, now);
    }
    if matches!(want.reason, Reason::LoadInBand { .. } | Reason::LoadBelow { .. }) {
        climb::forget(&mut memory);
    }
    let number = state.memory.next_decision + 1;
    let id = DecisionId::parse(&format!("d-{number}")).expect("a number makes a good name");
    let decision = decision(id, policy, from, want, now);
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

fn decision(id: DecisionId, policy: &Policy, from: u32, want: Want, now: Time) -> Decision {
    let reason = if policy.mode.acts() {
        want.reason
    } else {
        Reason::Inert { mode: policy.mode, wanted: want.to, because: Box::new(want.reason) }
    };
    Decision {
        id,
        module: policy.module.clone(),
        at: now,
        mode: policy.mode,
        from,
        to: want.to,
        reason,
        inputs: want.inputs,
        limits: want.limits,
    }
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

fn in_service(vm: &Vm, facts: &Facts) -> bool {
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
