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
use crate::inputs::Inputs;
use crate::policy::{Mode, Policy};
use crate::reason::{Decision, Moved, Reason};
use crate::routing::is_acknowledged;
use crate::sight;
use crate::state::{Config, ModuleMemory, Repair, State};
use crate::supply::{Staffing, Waiting};
use crate::{approval, brake, climb, clock, health, hold, leave, life, recovery, refill, routing};

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
    (state.brake, state.tick) = (config.brake, config.tick);
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
        let look = Look { config, facts, now, elapsed, may_act };
        look.at_modules(state, &mut outcome);
    }
    if may_act {
        outcome.routing = routing::update(config, state);
        life::hold_ends(config, state, facts, now);
    }
    outcome.repairs = news_of_repairs(&repairs_before, state);
    outcome
}

/// Everything that one look goes by.
struct Look<'a> {
    config: &'a Config,
    facts: &'a Facts,
    now: Time,
    elapsed: Duration,
    /// It is known what there is: VMs may be moved.
    may_act: bool,
}

impl Look<'_> {
    fn at_modules(&self, state: &mut State, outcome: &mut Outcome) {
        let mut missing: BTreeMap<FlavorId, u32> = BTreeMap::new();
        let mut waiting = refill::waiting(state);
        let rooms = refill::rooms(self.config, state, self.facts, self.now);
        let members = state.by_module();
        for policy in self.config.policies.values() {
            let members = members.get(&policy.module).map_or(&[][..], Vec::as_slice);
            let room = rooms.get(&policy.flavor).copied();
            let (short, decision) = self.at_module(policy, state, members, room, &mut waiting);
            *missing.entry(policy.flavor.clone()).or_default() += short;
            outcome.decisions.extend(decision);
        }
        if bug!(RemovedPolicyDestroys) {
            self.dismiss_unwanted(state, &members);
        }
        for (module, members) in frozen(self.config, &members) {
            outcome.decisions.extend(freeze(module, state, members, self.facts, self.now));
        }
        state.memory.holds.retain(|_, hold| hold.holds(self.now));
        for (flavor, pool) in self.config.pools.iter().filter(|_| self.may_act) {
            let missing = missing.get(flavor).copied().unwrap_or(0);
            refill::refill(self.config, pool, state, self.facts, missing, self.now);
        }
    }

    /// Returns how many VMs the pool could not give, and the decision if it is news.
    fn at_module(
        &self,
        policy: &Policy,
        state: &mut State,
        members: &[VmId],
        room: Option<(u32, u32)>,
        waiting: &mut Waiting,
    ) -> (u32, Option<Decision>) {
        let Self { config, facts, now, elapsed, may_act } = *self;
        let (mut short, module) = (0, &policy.module);
        let room = room_of(policy, state, members, facts, room, now);
        let mut decision = decide_one(policy, state, members, facts, room, (now, elapsed));
        let moves_before = state.moves.len();
        let acts = may_act && (mode_now(policy, facts, now).acts() || bug!(DryRunActs));
        if acts {
            let holds = hold::of_module(state.memory.holds.values(), module, now);
            let held = hold::applied(policy, &holds);
            health::look_after(held.as_ref().unwrap_or(policy), state, members, facts, now);
        }
        if acts || may_act && approval::is_open(state, module) {
            short = Staffing { config, policy, members, facts, now }.staff(state, waiting);
            if let Some(decision) = &mut decision {
                decision.short = short;
            }
        }
        if let Some(decision) = &mut decision {
            decision.moves = state.moves[moves_before..].iter().map(Moved::of).collect();
        }
        approval::close_if_done(policy, state, members, facts, now);
        finish_repairs(state, module, members, facts, now);
        (short, decision)
    }

    /// The deliberate bug: whatever no policy wants goes.
    fn dismiss_unwanted(&self, state: &mut State, members: &BTreeMap<ModuleId, Vec<VmId>>) {
        let gone = members.iter().filter(|(module, _)| !self.config.policies.contains_key(*module));
        for id in gone.flat_map(|(_, members)| members) {
            if state.vms[id].state == VmState::Serving {
                state.shift(id, VmState::Draining, "no policy wants it", self.now);
            }
        }
    }
}

/// How much the rest of the fleet leaves room for.
fn room_of(
    policy: &Policy,
    state: &State,
    members: &[VmId],
    facts: &Facts,
    pool: Option<(u32, u32)>,
    now: Time,
) -> Room {
    let memory = state.memory.modules.get(&policy.module);
    Room {
        ready: pool.map(|(ready, _)| ready),
        creatable: pool.map(|(_, creatable)| creatable),
        removable: Some(leave::removable(policy, state, members, facts, now)),
        brake: Some(brake::room(state, now)),
        stuck_until: memory.and_then(climb::stuck_until),
    }
}

/// What would be decided right now, without changing anything: for `plan`.
pub fn preview(config: &Config, state: &State, facts: &Facts, now: Time) -> Vec<Decision> {
    let members = state.by_module();
    let rooms = refill::rooms(config, state, facts, now);
    let decisions = config.policies.iter().map(|(module, policy)| {
        let members = members.get(module).map_or(&[][..], Vec::as_slice);
        let elapsed = state.memory.last_tick.map_or(Duration::ZERO, |last| now.since(last));
        let mut memory = memory_of(policy, state);
        let pool = rooms.get(&policy.flavor).copied();
        let room = room_of(policy, state, members, facts, pool, now);
        let want = want(policy, &mut memory, state, members, facts, room, (now, elapsed));
        let id = DecisionId::parse("preview").expect("a plain word");
        want.into_decision(id, policy.module.clone(), memory.desired, now)
    });
    let decisions: Vec<Decision> = decisions.collect();
    let frozen = frozen(config, &members).map(|(module, vms)| {
        let id = DecisionId::parse("preview").expect("a plain word");
        let serving = vms.iter().filter(|id| in_service(&state.vms[*id], facts)).count() as u32;
        let desired = state.memory.modules.get(module).map_or(0, |memory| memory.desired);
        frozen_decision(id, module, desired, serving, now)
    });
    decisions.into_iter().chain(frozen).collect()
}

/// Modules that have VMs and no policy any more.
fn frozen<'a>(
    config: &'a Config,
    members: &'a BTreeMap<ModuleId, Vec<VmId>>,
) -> impl Iterator<Item = (&'a ModuleId, &'a Vec<VmId>)> {
    members.iter().filter(|(module, _)| !config.policies.contains_key(*module))
}

/// The policy of a module was taken away: its VMs stay, and the record says so.
fn freeze(
    module: &ModuleId,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
) -> Option<Decision> {
    let number = state.memory.next_decision + 1;
    let id = DecisionId::parse(&format!("d-{number}")).expect("a number makes a good name");
    let serving = members.iter().filter(|id| in_service(&state.vms[*id], facts)).count() as u32;
    let memory = state.memory.modules.entry(module.clone()).or_default();
    let decision = frozen_decision(id, module, memory.desired, serving, now);
    let news = is_news(memory, &decision, now);
    if news {
        decision.reason.word().clone_into(&mut memory.last_reason);
        memory.last_recorded = Some(now);
        state.memory.next_decision = number;
    }
    news.then_some(decision)
}

fn frozen_decision(
    id: DecisionId,
    module: &ModuleId,
    desired: u32,
    serving: u32,
    now: Time,
) -> Decision {
    Decision {
        id,
        module: module.clone(),
        at: now,
        mode: Mode::Paused,
        from: desired,
        to: desired,
        reason: Reason::NoPolicy,
        inputs: Inputs { serving, ..Inputs::default() },
        limits: Vec::new(),
        moves: Vec::new(),
        short: 0,
    }
}

/// What is remembered of a module, or how it begins.
fn memory_of(policy: &Policy, state: &State) -> ModuleMemory {
    let fresh = || ModuleMemory { desired: policy.initial, ..ModuleMemory::default() };
    state.memory.modules.get(&policy.module).cloned().unwrap_or_else(fresh)
}

fn want(
    policy: &Policy,
    memory: &mut ModuleMemory,
    state: &State,
    members: &[VmId],
    facts: &Facts,
    room: Room,
    (now, elapsed): (Time, Duration),
) -> Want {
    let vms = || members.iter().map(|id| &state.vms[id]);
    let serving: Vec<&Vm> = vms().filter(|vm| in_service(vm, facts)).collect();
    let capacity = vms().filter(|vm| vm.state.is_capacity()).count();
    let warming = (capacity - serving.len()) as u32;
    let coming = vms().filter(|vm| vm.state.is_capacity() && !in_service(vm, facts)).collect();
    let holds = hold::of_module(state.memory.holds.values(), &policy.module, now);
    let members = Members { serving, coming, warming };
    let lead = state.memory.timings.lead_times(&policy.flavor, &policy.module);
    let (holds, tick) = (&holds, state.tick);
    let scene = Scene { members: &members, facts, room, lead, holds, now, elapsed, tick };
    decide(policy, memory, &scene)
}

fn decide_one(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    room: Room,
    (now, elapsed): (Time, Duration),
) -> Option<Decision> {
    let mut memory = memory_of(policy, state);
    let from = memory.desired;
    let want = want(policy, &mut memory, state, members, facts, room, (now, elapsed));
    if want.mode.acts() {
        watch_climb(&mut memory, &want, now);
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

fn watch_climb(memory: &mut ModuleMemory, want: &Want, now: Time) {
    if let Reason::LoadAbove { load, .. } = &want.reason
        && want.to > memory.desired
    {
        climb::note(memory, *load, want.to, now);
    }
    let calm = matches!(
        want.reason,
        Reason::LoadInBand { .. } | Reason::LoadBelow { .. } | Reason::OnTarget { .. }
    );
    if calm {
        memory.climb = None;
    }
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
