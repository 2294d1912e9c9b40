//! What the next tick would do, played on a copy of the state.
//!
//! A plan that is worked out beside the scaler would one day promise what the scaler does not do.
//! So a plan is the tick itself, and what changed between the copy and the original is the plan.
//! A module that is only watched (`dry-run`) is played as if it acted: this is the point of
//! watching it.
//!
//! Nothing is changed, and what the hands would answer is not guessed: a plan reaches as far as
//! the orders that would be given.

use std::collections::BTreeMap;

use model::id::{FlavorId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::hands::Route;
use crate::policy::Mode;
use crate::reason::Decision;
use crate::state::{Config, State};
use crate::tick;

/// What would be done now, for all modules and pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub modules: Vec<ModulePlan>,
    pub pools: Vec<PoolPlan>,
    pub routing: RoutingPlan,
}

/// What would be done for one module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModulePlan {
    pub decision: Decision,
    /// Moves that would begin now.
    pub moves: Vec<Move>,
    /// VMs that are between two places already, and stay there for now.
    pub moving: Vec<Vm>,
    /// VMs that are wanted and that the pool cannot give now.
    pub short: u32,
}

/// One VM going from one state to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub vm: VmId,
    pub from: VmState,
    pub to: VmState,
    pub why: String,
}

/// What would happen to one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolPlan {
    pub flavor: FlavorId,
    /// VMs that wait in it, now and after the moves.
    pub ready: u32,
    pub ready_after: u32,
    /// VMs that would be ordered of the provider.
    pub orders: u32,
    /// VMs that would be given back to the provider.
    pub returns: u32,
}

/// What would change in the routers, now; VMs that start come in when they are ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingPlan {
    pub generation: u64,
    pub generation_after: u64,
    pub enter: Vec<VmId>,
    pub leave: Vec<VmId>,
}

impl ModulePlan {
    /// VMs that would be taken for the module.
    pub fn added(&self) -> u32 {
        self.count(|step| step.from == VmState::Pool && step.to.is_capacity())
    }

    /// VMs that would be drained because they are too many.
    pub fn removed(&self) -> u32 {
        self.count(|step| step.to == VmState::Draining)
    }

    /// Ill VMs that would be taken out of the routers and replaced.
    pub fn replaced(&self) -> u32 {
        self.count(|step| step.to == VmState::Isolated)
    }

    fn count(&self, test: impl Fn(&Move) -> bool) -> u32 {
        self.moves.iter().filter(|step| test(step)).count() as u32
    }

    /// Whether nothing would change, and nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.decision.is_hold() && self.moves.is_empty() && self.moving.is_empty()
    }
}

/// Plays one tick at `now` on a copy.
pub fn plan(config: &Config, state: &State, facts: &Facts, now: Time) -> Plan {
    let played = as_if_acting(config);
    let decisions = tick::preview(&played, state, facts, now);
    let mut after = state.clone();
    tick::tick(&played, &mut after, facts, now);
    let members = state.by_module();
    let modules = decisions.into_iter().map(|mut decision| {
        if let Some(policy) = config.policies.get(&decision.module) {
            decision.mode = policy.mode;
        }
        let members = members.get(&decision.module).map_or(&[][..], Vec::as_slice);
        module_plan(decision, members, state, &after)
    });
    Plan {
        modules: modules.collect(),
        pools: config.pools.keys().map(|flavor| pool_plan(flavor, state, &after)).collect(),
        routing: routing_plan(state, &after),
    }
}

/// The same policies, those that only watch acting as well.
pub(crate) fn as_if_acting(config: &Config) -> Config {
    let mut played = config.clone();
    for policy in played.policies.values_mut().filter(|policy| policy.mode == Mode::DryRun) {
        policy.mode = Mode::Auto;
    }
    played
}

fn module_plan(decision: Decision, members: &[VmId], state: &State, after: &State) -> ModulePlan {
    let taken = after.vms.values().filter(|vm| vm.module.as_ref() == Some(&decision.module));
    let newcomers = taken.map(|vm| &vm.id).filter(|id| !members.contains(id));
    let moves: Vec<Move> =
        members.iter().chain(newcomers).filter_map(|id| moved(id, state, after)).collect();
    let rests = |vm: &&Vm| vm.state != VmState::Serving && after.vms.get(&vm.id) == Some(*vm);
    let moving = members.iter().map(|id| &state.vms[id]).filter(rests).cloned().collect();
    let capacity = after
        .vms
        .values()
        .filter(|vm| vm.module.as_ref() == Some(&decision.module) && vm.state.is_capacity());
    let short = decision.to.saturating_sub(capacity.count() as u32);
    ModulePlan { decision, moves, moving, short }
}

fn moved(id: &VmId, state: &State, after: &State) -> Option<Move> {
    let from = state.vms.get(id)?;
    let to = after.vms.get(id)?;
    let is_same = from.state == to.state && from.module == to.module;
    (!is_same).then(|| Move { vm: id.clone(), from: from.state, to: to.state, why: to.why.clone() })
}

fn pool_plan(flavor: &FlavorId, state: &State, after: &State) -> PoolPlan {
    let ready = |state: &State| {
        let vms = state.vms.values();
        vms.filter(|vm| vm.flavor == *flavor && vm.state == VmState::Pool).count() as u32
    };
    let mut plan = PoolPlan {
        flavor: flavor.clone(),
        ready: ready(state),
        ready_after: ready(after),
        orders: 0,
        returns: 0,
    };
    for vm in after.vms.values().filter(|vm| vm.flavor == *flavor) {
        match state.vms.get(&vm.id) {
            None => plan.orders += u32::from(vm.state != VmState::Quarantine),
            Some(before) => {
                let is_condemned = vm.state == VmState::Destroying && before.state != vm.state;
                plan.returns += u32::from(is_condemned && before.state == VmState::Pool);
            }
        }
    }
    plan
}

fn routing_plan(state: &State, after: &State) -> RoutingPlan {
    let upstreams = |routes: &BTreeMap<ModuleId, Route>| -> Vec<VmId> {
        routes.values().flat_map(|route| route.upstreams.keys().cloned()).collect()
    };
    let (before, now) = (upstreams(&state.memory.routes), upstreams(&after.memory.routes));
    let missing_in = |all: &[VmId], others: &[VmId]| -> Vec<VmId> {
        let others: std::collections::BTreeSet<&VmId> = others.iter().collect();
        all.iter().filter(|id| !others.contains(id)).cloned().collect()
    };
    RoutingPlan {
        generation: state.memory.routing_generation,
        generation_after: after.memory.routing_generation,
        enter: missing_in(&now, &before),
        leave: missing_in(&before, &now),
    }
}
