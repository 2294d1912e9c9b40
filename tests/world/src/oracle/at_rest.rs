//! Judged at the end, when all faults are over for long enough: P3, P6, P12, P17, P22.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{ModuleId, VmId};
use model::vm::VmState;

use crate::cloud::Machine;
use crate::fleet::MODULES;
use crate::fleet::module;
use crate::world::World;

/// No module was given a VM or gave one away for this long: everything has come to rest.
const REST: Duration = Duration::from_secs(1200);
/// Pools go on renewing their VMs; what was begun so long ago is stuck all the same.
const STEP_TAKES: Duration = Duration::from_secs(600);
/// No more strangers than this, and no more than one VM in so many, are ended without a person.
const FEW: usize = 3;
const ONE_IN: usize = 20;
/// A clock that jumped made VMs look so much older, or much older still.
const JUMP: Duration = Duration::from_secs(3600);

impl World {
    /// Judges what is left when the day is over.
    pub fn check_rest(&mut self) {
        self.p22_progress();
        let mut intended = 0;
        for name in MODULES {
            intended += self.check_module(&module(name));
        }
        self.p6_exact_count(intended);
    }

    fn p22_progress(&mut self) {
        let quiet = self.now.since(self.oracle.last_order);
        let now = self.brain_now();
        let mut steps = self.brain.state.steps.values();
        if let Some(step) = steps.find(|step| now.since(step.planned) > STEP_TAKES) {
            let what = format!("{:?} {} is still to be done: {:?}", step.kind, step.vm, step.error);
            self.broken("P22", what);
        } else if quiet < REST {
            self.broken("P22", format!("the last order is {} s old", quiet.as_secs()));
        } else if !self.brain.up {
            self.broken("P22", "the brain is down".to_owned());
        }
    }

    /// Returns how many VMs the module is to have.
    fn check_module(&mut self, module: &ModuleId) -> usize {
        let Some(policy) = self.files.policies.get(module).cloned() else { return 0 };
        let routed = self.routed_everywhere(module);
        let well = routed.iter().filter(|id| self.works(id)).count();
        if !policy.mode.acts() {
            if !routed.is_empty() {
                self.broken("P16", format!("{module} has {} VMs, in a dry run", routed.len()));
            }
            return 0;
        }
        // Strangers may fill the pool's ceiling until a person has looked.
        if self.has_strangers_for_a_person() {
            return routed.len();
        }
        if (well as u32) < policy.min {
            self.broken("P3", format!("{well} VMs of {module} serve at rest, min {}", policy.min));
        }
        let wanted = self.brain.state.memory.modules.get(module).map_or(0, |m| m.desired);
        if !(policy.min..=policy.max).contains(&wanted) {
            self.broken("P17", format!("{module} rests at {wanted}, outside its bounds"));
        }
        if well as u32 != wanted || routed.len() != well {
            let all = routed.len();
            self.broken(
                "P6",
                format!("{wanted} VMs of {module} wanted, {all} routed, {well} work"),
            );
        }
        wanted as usize
    }

    /// What an old store does not know, and what is too much to be a few orphans, stays until a person
    /// says what it is.
    fn has_strangers_for_a_person(&self) -> bool {
        let strangers = self.strangers();
        let many = strangers > FEW.max(self.brain.state.vms.len() / ONE_IN);
        many || self.oracle.restored.is_some() && strangers > 0
    }

    fn strangers(&self) -> usize {
        let vms = self.brain.state.vms.values();
        vms.filter(|vm| vm.state == VmState::Quarantine).count()
    }

    /// Nothing exists that nobody intends: no orphan, no VM left on its way.
    fn p6_exact_count(&mut self, intended: usize) {
        let kept = self.strangers();
        let pools: usize = self.files.pools.values().map(|pool| pool.ready as usize).sum();
        let names: BTreeSet<&VmId> = self.cloud.machines.values().map(|m| &m.id).collect();
        let all = names.len();
        if all != self.cloud.machines.len() {
            let what = format!("{} machines, {all} names", self.cloud.machines.len());
            return self.broken("P6", what);
        }
        let for_a_person = self.has_strangers_for_a_person();
        if kept > 0 && !for_a_person {
            return self.broken("P6", format!("{kept} VMs in quarantine, and few enough to end"));
        }
        let least = intended + pools + kept;
        let short_is_fine = for_a_person && all < least;
        if !(least..=least + self.renewals()).contains(&all) && !short_is_fine {
            let states = self.states();
            self.broken(
                "P6",
                format!(
                    "{all} VMs exist; {intended} for modules, {pools} in pools, {kept} strangers \
                     intended; on record {states:?}"
                ),
            );
        }
    }

    /// Pools with a VM that waited for too long: there a fresh one may be there already.
    fn renewals(&self) -> usize {
        let slack = self.oracle.clock_jumped.map_or(Duration::ZERO, |_| JUMP);
        let pools = self.files.pools.values().filter(|pool| {
            let waits =
                |machine: &&Machine| machine.flavor == pool.flavor && machine.program.is_none();
            pool.max_age.is_some_and(|age| {
                // A VM is as old as its order, which may have been sent again and again.
                let ordered =
                    |machine: &Machine| self.oracle.first_ordered.get(&machine.id).copied();
                let born = |machine: &Machine| ordered(machine).unwrap_or(machine.made);
                let old = |machine: &Machine| self.now.since(born(machine)) + slack >= age;
                self.cloud.machines.values().filter(waits).any(old)
            })
        });
        pools.count()
    }

    /// How many VMs are in which state, by the record.
    fn states(&self) -> BTreeMap<VmState, usize> {
        let mut states: BTreeMap<VmState, usize> = BTreeMap::new();
        for vm in self.brain.state.vms.values() {
            *states.entry(vm.state).or_default() += 1;
        }
        states
    }
}
