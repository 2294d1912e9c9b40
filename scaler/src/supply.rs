//! Gives modules the VMs they are to have, and takes back what is too many.
//!
//! What exists for a module never exceeds its `max` and `deploy.surge`, whatever state it is in: who counts only what works makes VMs without end while none of them does. When the ceiling
//! is reached because ill VMs are kept for people to look at, the oldest of those goes early.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{FlavorId, HostId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::Facts;
use crate::health::{holds_its_place, is_left};
use crate::leave;
use crate::policy::Policy;
use crate::refill::is_fit;
use crate::state::{Config, State};
use crate::steps::{StepKind, condemn, had_its_time, open};

/// The VMs that wait in pools, by flavor.
pub(crate) type Waiting = BTreeMap<FlavorId, Vec<VmId>>;

/// One module and its VMs at this moment.
pub(crate) struct Staffing<'a> {
    pub config: &'a Config,
    pub policy: &'a Policy,
    pub members: &'a [VmId],
    pub facts: &'a Facts,
    pub now: Time,
}

impl Staffing<'_> {
    /// Brings the module towards its wanted count. Returns how many VMs the pool could not give.
    pub(crate) fn staff(&self, state: &mut State, waiting: &mut Waiting) -> u32 {
        let memory = state.memory.modules.get(&self.policy.module);
        let desired = memory.map_or(0, |memory| memory.desired);
        let have = self.have(state);
        if have > desired {
            leave::dismiss(self.policy, state, self.members, self.facts, have - desired, self.now);
            self.note(state, None);
            return 0;
        }
        let missing = desired - have;
        let missing = missing - self.call_back(state, missing);
        let (given, why) = self.give(state, waiting, missing);
        let short = why.is_none() && given < missing;
        let why = why.or_else(|| short.then(|| self.pool_is_empty(state)));
        self.note(state, why);
        if short { missing - given } else { 0 }
    }

    /// With what keeps the pool from filling up, as of the last look.
    fn pool_is_empty(&self, state: &State) -> String {
        let memory = state.memory.pools.get(&self.policy.flavor);
        match memory.and_then(|memory| memory.waits.as_deref()) {
            Some(waits) => format!("the pool has no VM that is fit; {waits}"),
            None => "the pool has no VM that is fit".to_owned(),
        }
    }

    fn have(&self, state: &State) -> u32 {
        let counts = |id: &&VmId| {
            let Some(vm) = state.vms.get(*id) else { return false };
            vm.state.is_capacity() && !state.is_dead(id)
                || holds_its_place(self.policy, state, vm, self.now)
        };
        self.members.iter().filter(counts).count() as u32
    }

    /// VMs that are on their way out and still work are the quickest to have.
    fn call_back(&self, state: &mut State, missing: u32) -> u32 {
        let works = |id: &&VmId| {
            let vm = state.vms.get(*id).filter(|vm| vm.state == VmState::Draining);
            let untouched = !state.steps.contains_key(*id) && !state.is_dead(id);
            let ready = self.facts.ready.get(*id);
            let passes = self.policy.ready.pass;
            vm.is_some_and(|vm| {
                ready.is_some_and(|r| r.assignment == vm.assignment && r.passes_in_a_row >= passes)
            }) && untouched
        };
        let back: Vec<VmId> =
            self.members.iter().filter(works).take(missing as usize).cloned().collect();
        for id in &back {
            state.memory.out_since.remove(id);
            state.shift(id, VmState::Ready, "needed again", self.now);
        }
        back.len() as u32
    }

    /// Returns how many were given, and what stood in the way, if it was not the pool.
    fn give(
        &self,
        state: &mut State,
        waiting: &mut Waiting,
        missing: u32,
    ) -> (u32, Option<String>) {
        let memory = state.memory.modules.get(&self.policy.module);
        if let Some(until) = memory.and_then(|memory| memory.next_start).filter(|at| self.now < *at)
        {
            let why = format!("programs did not get ready: the next is started at {until}");
            return (0, (missing > 0).then_some(why));
        }
        let mut given = 0;
        let serves = |id: &VmId| state.vms.get(id).is_some_and(|vm| vm.state.is_capacity());
        let counts = |id: &&VmId| exists(state, id) && (serves(id) || !bug!(CountOnlyServing));
        let exist = self.members.iter().filter(counts).count() as u32;
        while given < missing {
            if exist + given >= self.ceiling() {
                self.make_room(state);
                let why = format!("{exist} VMs of it exist, in all states: no more are made");
                return (given, Some(why));
            }
            if !self.reserve(state, waiting) {
                break;
            }
            given += 1;
        }
        (given, None)
    }

    /// So many VMs of it may exist, in whatever state.
    fn ceiling(&self) -> u32 {
        self.policy.max.saturating_add(self.policy.deploy.surge.of(self.policy.max))
    }

    /// At the ceiling the ill VM that was looked at longest goes early.
    fn make_room(&self, state: &mut State) {
        let isolated = self.members.iter().filter_map(|id| state.vms.get(id));
        let isolated = isolated.filter(|vm| vm.state == VmState::Isolated);
        let mut isolated: Vec<_> = isolated.map(|vm| (vm.since, vm.id.clone())).collect();
        isolated.sort();
        let left = isolated
            .into_iter()
            .find(|(_, id)| is_left(self.policy, state, self.facts, id, self.now));
        if let Some((_, id)) = left {
            condemn(
                state,
                &id,
                "its place is needed: the module is at its ceiling".into(),
                self.now,
            );
            had_its_time(state, &id);
        }
    }

    /// Takes the best VM of the pool: on a rack and a host that carry fewest VMs of the module.
    fn reserve(&self, state: &mut State, waiting: &mut Waiting) -> bool {
        let Some(pool) = waiting.get_mut(&self.policy.flavor) else { return false };
        let recheck = self.config.pools.get(&self.policy.flavor);
        let recheck = recheck.map_or(Duration::MAX, |pool| pool.recheck);
        let crowd = Crowd::of(state, &self.policy.module, self.members, self.facts);
        let fit = pool.iter().enumerate().filter_map(|(index, id)| {
            let vm = state.vms.get(id).filter(|vm| vm.state == VmState::Pool)?;
            let fit = is_fit(recheck, state, self.facts, vm, self.now);
            fit.then(|| ((crowd.weight(vm, self.facts), vm.since), index))
        });
        let Some((_, index)) = fit.min() else { return false };
        let id = pool.swap_remove(index);
        self.assign(state, &id);
        true
    }

    fn assign(&self, state: &mut State, id: &VmId) {
        let module = &self.policy.module;
        let vm = state.vms.get_mut(id).expect("whoever reserves a VM has just found it");
        vm.module = Some(module.clone());
        vm.assignment += u32::from(vm.assignment == 0 || !bug!(KeepAssignment));
        state.shift(id, VmState::Reserved, format!("taken for {module}"), self.now);
        state.shift(id, VmState::Deploying, "its program is being started", self.now);
        open(state, id, StepKind::Deploy, self.now);
        assign_repair(state, module, id);
    }

    fn note(&self, state: &mut State, why: Option<String>) {
        if let Some(memory) = state.memory.modules.get_mut(&self.policy.module) {
            memory.waits = why;
        }
    }
}

/// In whatever state: until its end is seen, it is there.
fn exists(state: &State, id: &VmId) -> bool {
    state.vms.get(id).is_some_and(|vm| vm.state != VmState::Gone)
}

/// How many VMs of a module each host and each rack carries.
struct Crowd {
    hosts: BTreeMap<HostId, u32>,
    racks: BTreeMap<model::id::SwitchId, u32>,
}

impl Crowd {
    fn of(state: &State, module: &ModuleId, members: &[VmId], facts: &Facts) -> Self {
        let mut crowd = Self { hosts: BTreeMap::new(), racks: BTreeMap::new() };
        // Those that were just given are no members yet.
        let given = state.steps.keys();
        let all: BTreeSet<&VmId> = members.iter().chain(given).collect();
        for vm in all.into_iter().filter_map(|id| state.vms.get(id)) {
            let counts = vm.state.is_capacity() && vm.module.as_ref() == Some(module);
            let (Some(host), true) = (&vm.host, counts) else { continue };
            *crowd.hosts.entry(host.clone()).or_default() += 1;
            if let Some(rack) = facts.racks.get(host) {
                *crowd.racks.entry(rack.clone()).or_default() += 1;
            }
        }
        crowd
    }

    /// The lighter the better: a rack fails as a whole, so it weighs more than a host.
    fn weight(&self, vm: &Vm, facts: &Facts) -> (u32, u32) {
        let host = vm.host.as_ref();
        let rack = host.and_then(|host| facts.racks.get(host));
        let of_rack = rack.and_then(|rack| self.racks.get(rack)).copied().unwrap_or(0);
        let of_host = host.and_then(|host| self.hosts.get(host)).copied().unwrap_or(0);
        (of_rack, of_host)
    }
}

/// The new VM takes the place of the first failed one that has no successor yet.
fn assign_repair(state: &mut State, module: &ModuleId, id: &VmId) {
    let Some(memory) = state.memory.modules.get_mut(module) else { return };
    let vms = &state.vms;
    // A successor that failed on its way makes room for another.
    let lives = |id: &VmId| vms.get(id).is_some_and(|vm| vm.state.is_capacity());
    let open = memory.repairs.iter_mut().find(|repair| {
        repair.done_at.is_none() && repair.replaced_by.as_ref().is_none_or(|id| !lives(id))
    });
    if let Some(repair) = open {
        repair.replaced_by = Some(id.clone());
    }
}
