//! What the scaler remembers from tick to tick. It is stored, so a restart changes nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use model::id::{FlavorId, HoldId, ModuleId, PersonId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};
use serde::{Deserialize, Serialize};

use crate::brake::Brake;
use crate::hands::{Origin, Route, Routing, Stamp};
use crate::hold::Hold;
use crate::lead::Timings;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::recovery::Recovery;
use crate::sight::Sight;
use crate::steps::Step;
use crate::track::TrackMemory;

/// The files in force, checked.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub policies: BTreeMap<ModuleId, Policy>,
    pub pools: BTreeMap<FlavorId, Pool>,
    /// The domains that lead to each module.
    pub domains: BTreeMap<ModuleId, Vec<String>>,
    /// How much of the fleet may leave by choice.
    pub brake: Brake,
    /// What "at once" means where a policy says how many may leave at once: looks come far more
    /// often than that.
    pub tick: Duration,
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
    /// What the last look made of what was seen. It is derived anew at each look.
    pub sight: Sight,
    /// Those of the files in force.
    pub brake: Brake,
    pub tick: Duration,
}

/// The part of the state that is stored as one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub modules: BTreeMap<ModuleId, ModuleMemory>,
    pub pools: BTreeMap<FlavorId, PoolMemory>,
    /// Since when enough witnesses call a VM ill.
    pub suspects: BTreeMap<VmId, Time>,
    /// VMs that look ill and are left where they are, and why.
    #[serde(default)]
    pub spared: BTreeMap<VmId, String>,
    /// VMs that ended lately: a list that was taken before their end may still name them.
    pub ended: BTreeMap<VmId, Time>,
    /// What the provider's lists say against VMs that are on record.
    #[serde(default)]
    pub absences: BTreeMap<VmId, Absence>,
    /// Orders whose outcome nobody knows: the VM counts as existing until lists show otherwise.
    #[serde(default)]
    pub doubts: BTreeMap<VmId, Doubt>,
    /// VMs that their provider says it destroyed, until its lists say so, too.
    #[serde(default)]
    pub ending: BTreeMap<VmId, Ending>,
    /// Since when all routers have let go of a VM that drains.
    #[serde(default)]
    pub out_since: BTreeMap<VmId, Time>,
    /// What is remembered of VMs that were isolated, until they are gone.
    #[serde(default)]
    pub patients: BTreeMap<VmId, Patient>,
    /// When VMs were last taken away by choice, oldest first: what the fleet brake counts.
    #[serde(default)]
    pub removals: VecDeque<Time>,
    /// The store is older than the world: nothing is done until it is known what is there.
    #[serde(default)]
    pub recovery: Option<Recovery>,
    /// Numbers of VMs, from and to, that a record which was lost may have given out.
    #[serde(default)]
    pub lost_numbers: Vec<(u64, u64)>,
    /// VMs that a record which was lost may have given away. They are given out like any other once
    /// no router knows them, and are never more than the pool is to hold.
    #[serde(default)]
    pub doubtful: BTreeSet<VmId>,
    /// Counts up with each change of the routing.
    pub routing_generation: u64,
    /// The newest of them that took a VM out at once.
    #[serde(default)]
    pub routing_urgent: u64,
    /// The routing in force; it follows from the VMs, so it is derived and not stored.
    #[serde(skip)]
    pub routes: BTreeMap<ModuleId, Route>,
    /// What people said is to be left alone; those that are over are dropped.
    #[serde(default)]
    pub holds: BTreeMap<HoldId, Hold>,
    #[serde(default)]
    pub next_hold: u64,
    /// How long VMs took to serve, of late.
    #[serde(default)]
    pub timings: Timings,
    pub next_vm: u64,
    pub next_decision: u64,
    /// Of this run of the brain: what it orders and says bears it.
    #[serde(default)]
    pub origin: Origin,
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
    /// When VMs left by choice within the last tick, oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub removals: VecDeque<Time>,
    /// When VMs that run were isolated on the word of witnesses, lately, oldest first.
    #[serde(default)]
    pub isolations: VecDeque<Time>,
    /// Programs that did not get ready, in a row; and when the next may be started.
    #[serde(default)]
    pub failed_starts: u32,
    #[serde(default)]
    pub next_start: Option<Time>,
    /// Where the count stood when load first asked for more, and what the load was.
    #[serde(default)]
    pub climb: Option<Climb>,
    /// Why VMs are missing or too many, if something keeps them from coming or going.
    #[serde(default)]
    pub waits: Option<String>,
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
    /// When VMs were ordered within the last hour, oldest first.
    pub ordered: VecDeque<Time>,
    /// After failures no VM is ordered before this.
    pub not_before: Option<Time>,
    pub failures: u32,
    pub last_error: Option<String>,
    /// When a VM was made last.
    #[serde(default)]
    pub last_made: Option<Time>,
    /// When there was no room for one last, and what was said.
    #[serde(default)]
    pub last_shortage: Option<(Time, String)>,
    /// Why fewer VMs are ordered than are wanted, if so.
    #[serde(default)]
    pub waits: Option<String>,
}

/// What the provider's lists say against a VM. Each list counts once, by when it was begun, however
/// often it is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// The VM was ordered, made, ended or heard then: what was listed earlier says nothing of it.
    pub known: Time,
    /// When the first of the lists in a row was begun that lack it or say that it does not run.
    pub since: Option<Time>,
    /// When the first and the newest of the lists in a row were begun that lack it, all after `known`.
    pub lists: Option<(Time, Time)>,
}

/// An order whose outcome nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    pub why: String,
    /// The provider says that it made nothing, and it is not to be asked again for this VM.
    pub given_up: bool,
    /// How often it was asked so far: the next order says that it is not the first.
    #[serde(default = "once")]
    pub asked: u32,
}

/// Nobody doubts an order that was never given.
fn once() -> u32 {
    1
}

/// A VM that is said to be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When its provider said so last.
    pub said: Time,
    /// How often it was asked.
    pub times: u32,
}

/// What is remembered of a VM that was isolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// How often it came back.
    pub returns: u32,
    /// Since when it looks well again.
    pub well_since: Option<Time>,
}

/// How far a count has climbed without the load falling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Climb {
    pub from: u32,
    pub load: f64,
    /// No further than here before this time, as adding did not help.
    pub stopped_until: Option<Time>,
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
        let mut state = Self { vms, steps, memory, ..Self::default() };
        state.memory.routes = crate::routing::derive(config, &state);
        crate::steps::forget_issued(&mut state);
        state
    }

    /// The routing in force.
    pub fn routing(&self) -> Routing {
        let memory = &self.memory;
        Routing {
            epoch: memory.origin.epoch,
            generation: memory.routing_generation,
            urgent: memory.routing_urgent,
            modules: memory.routes.clone(),
        }
    }

    /// The number of the routing in force.
    pub fn routing_stamp(&self) -> Stamp {
        Stamp { epoch: self.memory.origin.epoch, generation: self.memory.routing_generation }
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
        self.memory.timings.note(vm, to, now);
        vm.state = to;
        vm.since = now;
        vm.why = why.into();
        if to != VmState::Pool {
            self.memory.doubtful.remove(id);
        }
        self.moves.push(vm.clone());
    }
}
