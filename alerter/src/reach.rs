//! What a thing that is reported dead takes with it: switch > host > VM; data source > the
//! applications that use it.
//!
//! A host below a dead switch, and a VM on a dead host, is lost whether it reported or not, unless
//! it gave a good answer since. An application fails with its data source only if it says so.

use std::collections::BTreeMap;

use model::id::{DataSourceId, HostId, ModuleId, Object, VmId};
use model::time::Time;

use crate::finder::Finder;
use crate::health::{Trouble, answered_after};
use crate::sick::{Ground, Sick};
use crate::state::Word;

/// For each object that something else took along: the root that took it.
pub(crate) type Taken = BTreeMap<Object, Object>;

pub(crate) fn taken(words: &BTreeMap<Object, Vec<Word>>, ground: &Ground, sick: &Sick) -> Taken {
    let mut reach = Reach { words, ground, sick, taken: Taken::new() };
    reach.behind_switches();
    reach.on_hosts();
    reach.data_sources();
    reach.applications();
    reach.modules();
    reach.taken
}

struct Reach<'a> {
    words: &'a BTreeMap<Object, Vec<Word>>,
    ground: &'a Ground<'a>,
    sick: &'a Sick,
    taken: Taken,
}

impl Reach<'_> {
    fn behind_switches(&mut self) {
        for (root, since) in self.dead(|object| matches!(object, Object::Switch(_))) {
            let Object::Switch(switch) = &root else { continue };
            let (ground, mut words) = (self.ground, Finder::new(self.words));
            for host in ground.hosts_behind.get(switch).into_iter().flatten() {
                if self.take(Object::Host((*host).clone()), &mut words, &root, since) {
                    self.take_vms_on(host, &root, since);
                }
            }
        }
    }

    fn on_hosts(&mut self) {
        for (root, since) in self.dead(|object| matches!(object, Object::Host(_))) {
            if let Object::Host(host) = &root
                && !self.taken.contains_key(&root)
            {
                self.take_vms_on(host, &root, since);
            }
        }
    }

    fn take_vms_on(&mut self, host: &HostId, root: &Object, since: Time) {
        let ground = self.ground;
        let mut words = Finder::new(self.words);
        for vm in ground.vms_on.get(host).into_iter().flatten() {
            self.take(Object::Vm((*vm).clone()), &mut words, root, since);
        }
    }

    fn take(
        &mut self,
        object: Object,
        words: &mut Finder<'_, Object, Vec<Word>>,
        root: &Object,
        since: Time,
    ) -> bool {
        let words = words.get(&object).map_or(&[][..], Vec::as_slice);
        let is_lost = !answered_after(&object, words, since);
        if is_lost {
            self.taken.insert(object, root.clone());
        }
        is_lost
    }

    fn data_sources(&mut self) {
        for (object, _) in self.dead(|object| matches!(object, Object::DataSource(_))) {
            if let Object::DataSource(id) = &object
                && let Some(source) = self.ground.topology.data_sources.get(id)
                && let Some(root) = source.vm.as_ref().and_then(|vm| self.root_of_dead(vm))
            {
                self.taken.insert(object, root);
            }
        }
    }

    fn applications(&mut self) {
        for (object, health) in self.sick {
            if let Object::Vm(vm) = object
                && health.trouble == Trouble::App
                && !self.taken.contains_key(object)
                && let Some(module) =
                    self.ground.topology.vms.get(vm).and_then(|vm| vm.module.as_ref())
                && let Some(root) = self.dead_source_of(module)
            {
                self.taken.insert(object.clone(), root);
            }
        }
    }

    /// The check of a module fails with its data source, or with any of its VMs: while VMs are
    /// down nobody can tell whether the software is at fault as well.
    fn modules(&mut self) {
        for object in self.sick.keys() {
            if let Object::Module(module) = object
                && let Some(root) = self.dead_source_of(module).or_else(|| self.dead_vm_of(module))
            {
                self.taken.insert(object.clone(), root);
            }
        }
    }

    fn dead_source_of(&self, module: &ModuleId) -> Option<Object> {
        let uses = &self.ground.topology.modules.get(module)?.uses;
        uses.iter().find_map(|source: &DataSourceId| {
            let object = Object::DataSource(source.clone());
            let is_dead = self.is_dead(&object);
            is_dead.then(|| self.taken.get(&object).cloned().unwrap_or(object))
        })
    }

    fn dead_vm_of(&self, module: &ModuleId) -> Option<Object> {
        self.ground.topology.vms_of(module).find_map(|vm| self.root_of_dead(vm))
    }

    fn root_of_dead(&self, vm: &VmId) -> Option<Object> {
        let object = Object::Vm(vm.clone());
        let taken = self.taken.get(&object).cloned();
        taken.or_else(|| self.is_dead(&object).then_some(object))
    }

    fn is_dead(&self, object: &Object) -> bool {
        self.sick.get(object).is_some_and(|health| health.trouble == Trouble::Dead)
    }

    fn dead(&self, is_of_kind: impl Fn(&Object) -> bool) -> Vec<(Object, Time)> {
        let of_kind = self.sick.iter().filter(|(object, _)| is_of_kind(object));
        let dead = of_kind.filter(|(_, health)| health.trouble == Trouble::Dead);
        dead.map(|(object, health)| (object.clone(), health.since)).collect()
    }
}
