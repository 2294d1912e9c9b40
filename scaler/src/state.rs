//! What the scaler remembers from tick to tick. It is stored, so a restart changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::id::{FlavorId, HoldId, ModuleId, PersonId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};
use serde::{Deserialize, Serialize};

use crate::hands::{Route, Routing, Stamp};
use crate::hold::Hold;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::steps::Step;
use crate::track::TrackMemory;

/// The files in force, checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub policies: BTreeMap<ModuleId, Policy>,
    pub pools: BTreeMap<FlavorId, Pool>,
    /// The domains that lead to each module.
    pub domains: BTreeMap<ModuleId, Vec<String>>,
}

/// Everything the scaler knows of its own doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// All VMs that are not gone. Stored as rows of their own.
    pub vms: BTreeMap<VmId, Vm>,
    /// The open step of a VM, at most one. Stored as rows of their own.
    pub steps: BTreeMap<VmId, Step>,
    pub memory: Memory,
    /// Each VM as it was after each move, since the caller last took them for the record: a VM may
    /// move on twice between two records, and the store checks every edge.
    pub moves: Vec<Vm>,
}

/// The part of the state that is stored as one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub modules: BTreeMap<ModuleId, ModuleMemory>,
    pub pools: BTreeMap<FlavorId, PoolMemory>,
    /// Since when enough witnesses call a VM ill.
    pub suspects: BTreeMap<VmId, Time>,
    /// VMs that ended lately: a list that was taken before their end may still name them.
    pub ended: BTreeMap<VmId, Time>,
    /// The reign that routings are written under; see [`Routing::epoch`].
    #[serde(default)]
    pub routing_epoch: u64,
    /// Counts up with each change of the routing.
    pub routing_generation: u64,
    /// The newest of them that took a VM out at once.
    #[serde(default)]
    pub routing_urgent: u64,
    /// Since when all routers are known to be without a VM that is draining.
    #[serde(default)]
    pub out_since: BTreeMap<VmId, Time>,
    /// The routing in force; it follows from the VMs, so it is derived and not stored.
    #[serde(skip)]
    pub routes: BTreeMap<ModuleId, Route>,
    /// What people said is to be left alone; those that are over are dropped.
    #[serde(default)]
    pub holds: BTreeMap<HoldId, Hold>,
    #[serde(default)]
    pub next_hold: u64,
    pub next_vm: u64,
    pub next_decision: u64,
    pub last_tick: Option<Time>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModuleMemory {
    /// The wanted count; the policy's `initial` at first.
    pub desired: u32,
    /// For how long each metric has been beyond its threshold, while it was known.
    pub above: BTreeMap<String, Duration>,
    pub below: BTreeMap<String, Duration>,
    /// What target metrics remember.
    #[serde(default)]
    pub tracks: BTreeMap<String, TrackMemory>,
    /// Since when some metric is unknown.
    #[serde(default)]
    pub unknown_since: Option<Time>,
    /// The counts that load asked for, oldest first, kept for `pace.in.stabilise`.
    pub asked: VecDeque<(Time, u32)>,
    /// Since when `asked` has no hole.
    pub watching_since: Option<Time>,
    pub last_out: Option<Time>,
    pub last_in: Option<Time>,
    /// VMs that failed and are to be replaced, until they are.
    pub repairs: Vec<Repair>,
    /// The count that a person approved of, while the module goes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// The reason of the decision recorded last, so that only news is recorded.
    pub last_reason: String,
    pub last_recorded: Option<Time>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolMemory {
    /// When VMs were ordered within the last minute, oldest first.
    pub ordered: VecDeque<Time>,
    /// After failures no VM is ordered before this.
    pub not_before: Option<Time>,
    pub failures: u32,
    pub last_error: Option<String>,
}

/// One failed VM and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    pub failed: VmId,
    pub module: ModuleId,
    pub failed_at: Time,
    pub replaced_by: Option<VmId>,
    /// When the replacement was in all routers.
    pub done_at: Option<Time>,
}

/// A person's word that a module which is only watched may go to a count, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub to: u32,
    pub by: PersonId,
    pub at: Time,
}

impl State {
    /// Takes up the state where a former brain left it.
    pub fn restore(
        config: &Config,
        vms: BTreeMap<VmId, Vm>,
        steps: BTreeMap<VmId, Step>,
        memory: Memory,
    ) -> Self {
        let mut state = Self { vms, steps, memory, moves: Vec::new() };
        state.memory.routes = crate::routing::derive(config, &state);
        crate::steps::forget_issued(&mut state);
        state
    }

    /// The routing in force.
    pub fn routing(&self) -> Routing {
        let memory = &self.memory;
        Routing {
            epoch: memory.routing_epoch,
            generation: memory.routing_generation,
            urgent: memory.routing_urgent,
            modules: memory.routes.clone(),
        }
    }

    /// The number of the routing in force.
    pub fn routing_stamp(&self) -> Stamp {
        Stamp { epoch: self.memory.routing_epoch, generation: self.memory.routing_generation }
    }

    /// The VMs of each module, by one walk over the fleet.
    pub fn by_module(&self) -> BTreeMap<ModuleId, Vec<VmId>> {
        let mut modules: BTreeMap<ModuleId, Vec<VmId>> = BTreeMap::new();
        for vm in self.vms.values() {
            if let Some(module) = &vm.module {
                modules.entry(module.clone()).or_default().push(vm.id.clone());
            }
        }
        modules
    }

    /// Moves a VM along its life.
    ///
    /// # Panics
    /// If the edge is not allowed: a wrong move could stop a VM that serves.
    pub fn shift(&mut self, id: &VmId, to: VmState, why: impl Into<String>, now: Time) {
        let vm = self.vms.get_mut(id).expect("only VMs that were found in the state are shifted");
        assert!(vm.state.may_become(to), "{id} must not go from {} to {to}", vm.state);
        vm.state = to;
        vm.since = now;
        vm.why = why.into();
        self.moves.push(vm.clone());
    }
}
