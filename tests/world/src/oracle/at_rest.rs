//! Judged at the end, when all faults are over for long enough: P3, P6, P12, P17, P22.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{ModuleId, VmId};
use model::vm::VmState;

use crate::fleet::MODULES;
use crate::fleet::module;
use crate::world::World;

/// No module was given a VM or gave one away for this long: everything has come to rest.
const REST: Duration = Duration::from_secs(1200);

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
        if let Some(step) = self.brain.state.steps.values().next() {
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
        // VMs that an old store does not know may fill the pool's ceiling until a person has looked.
        if self.is_full_of_strangers() {
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

    fn is_full_of_strangers(&self) -> bool {
        self.oracle.restored.is_some() && self.strangers() > 0
    }

    fn strangers(&self) -> usize {
        let vms = self.brain.state.vms.values();
        vms.filter(|vm| vm.state == VmState::Quarantine).count()
    }

    /// Nothing exists that nobody intends: no orphan, no VM left on its way.
    fn p6_exact_count(&mut self, intended: usize) {
        // Strangers that an old store does not know stay until a person says what they are.
        let kept = self.strangers();
        let pools: usize = self.files.pools.values().map(|pool| pool.ready as usize).sum();
        let names: BTreeSet<&VmId> = self.cloud.machines.values().map(|m| &m.id).collect();
        if names.len() != self.cloud.machines.len() {
            let what = format!("{} machines, {} names", self.cloud.machines.len(), names.len());
            return self.broken("P6", what);
        }
        if kept > 0 && self.oracle.restored.is_none() {
            return self
                .broken("P6", format!("{kept} VMs in quarantine, and no store was put back"));
        }
        let short_is_fine = self.is_full_of_strangers() && names.len() < intended + pools + kept;
        if names.len() != intended + pools + kept && !short_is_fine {
            let all = names.len();
            let mut states: BTreeMap<VmState, usize> = BTreeMap::new();
            for vm in self.brain.state.vms.values() {
                *states.entry(vm.state).or_default() += 1;
            }
            let what = format!(
                "{all} VMs exist; {intended} for modules, {pools} in pools, {kept} strangers \
                 intended; on record {states:?}"
            );
            self.broken("P6", what);
        }
    }
}
