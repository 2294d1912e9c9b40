//! Where each VM runs and what it serves, with the way back: which VMs a host carries, which a
//! module has.
//!
//! The alerter asks "what does this host take along?" in the middle of an outage. With a million VMs
//! the answer must not cost a look at each of them, so both ways are kept at once. Reading, it is the
//! map from VM to place that it looks like; changes go through [`Places::insert`] and
//! [`Places::remove`] alone.
//!
//! Invariant: a VM stands in the list of a host or of a module if and only if its place says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::id::{HostId, ModuleId, VmId};
use crate::pack::Packer;
use crate::topology::VmPlace;

/// All VMs by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<VmId, VmPlace>", into = "BTreeMap<VmId, VmPlace>")]
pub struct Places {
    by_vm: BTreeMap<VmId, VmPlace>,
    on_host: BTreeMap<HostId, List>,
    of_module: BTreeMap<ModuleId, List>,
    packer: Packer,
}

/// The VMs of a host or of a module.
#[derive(Clone, Debug, Default)]
struct List {
    vms: BTreeSet<VmId>,
    packer: Packer,
}

impl Places {
    /// Puts a VM where it is now; returns where it was.
    pub fn insert(&mut self, vm: VmId, place: VmPlace) -> Option<VmPlace> {
        let before = self.by_vm.get(&vm);
        let is_new = before.is_none();
        if before.is_none_or(|before| before.host != place.host || before.module != place.module) {
            if !is_new {
                self.unlist(&vm);
            }
            if let Some(host) = &place.host {
                self.on_host.entry(host.clone()).or_default().put(vm.clone());
            }
            if let Some(module) = &place.module {
                self.of_module.entry(module.clone()).or_default().put(vm.clone());
            }
        }
        let before = self.by_vm.insert(vm, place);
        self.packer.grown(&mut self.by_vm);
        before
    }

    /// Takes a VM out; returns where it was.
    pub fn remove(&mut self, vm: &VmId) -> Option<VmPlace> {
        self.unlist(vm);
        self.by_vm.remove(vm)
    }

    /// Changes what is known of a VM, and returns what `change` does; None if there is no such VM.
    pub fn change<T>(&mut self, vm: &VmId, change: impl FnOnce(&mut VmPlace) -> T) -> Option<T> {
        let mut place = self.by_vm.get(vm)?.clone();
        let answer = change(&mut place);
        self.insert(vm.clone(), place);
        Some(answer)
    }

    /// The VMs on a host, by name.
    pub fn on<'a>(&'a self, host: &HostId) -> impl ExactSizeIterator<Item = &'a VmId> + use<'a> {
        self.on_host.get(host).map_or(&NONE, |list| &list.vms).iter()
    }

    /// The VMs of a module, by name.
    pub fn of<'a>(
        &'a self,
        module: &ModuleId,
    ) -> impl ExactSizeIterator<Item = &'a VmId> + use<'a> {
        self.of_module.get(module).map_or(&NONE, |list| &list.vms).iter()
    }

    fn unlist(&mut self, vm: &VmId) {
        let Some(place) = self.by_vm.get(vm) else { return };
        if let Some(host) = &place.host {
            strike(&mut self.on_host, host, vm);
        }
        if let Some(module) = &place.module {
            strike(&mut self.of_module, module, vm);
        }
    }
}

impl List {
    fn put(&mut self, vm: VmId) {
        self.vms.insert(vm);
        self.packer.grown_set(&mut self.vms);
    }
}

/// How it was filled is no part of what it is.
impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.vms == other.vms
    }
}

static NONE: BTreeSet<VmId> = BTreeSet::new();

/// An empty list is taken out: hosts come and go for years.
fn strike<K: Ord>(lists: &mut BTreeMap<K, List>, key: &K, vm: &VmId) {
    let Some(list) = lists.get_mut(key) else { return };
    list.vms.remove(vm);
    if list.vms.is_empty() {
        lists.remove(key);
    }
}

impl Deref for Places {
    type Target = BTreeMap<VmId, VmPlace>;
    fn deref(&self) -> &Self::Target {
        &self.by_vm
    }
}

/// The lists follow from the places.
impl PartialEq for Places {
    fn eq(&self, other: &Self) -> bool {
        self.by_vm == other.by_vm
    }
}

impl Extend<(VmId, VmPlace)> for Places {
    fn extend<I: IntoIterator<Item = (VmId, VmPlace)>>(&mut self, places: I) {
        for (vm, place) in places {
            self.insert(vm, place);
        }
    }
}

impl FromIterator<(VmId, VmPlace)> for Places {
    fn from_iter<I: IntoIterator<Item = (VmId, VmPlace)>>(places: I) -> Self {
        let mut all = Self::default();
        all.extend(places);
        all
    }
}

impl From<BTreeMap<VmId, VmPlace>> for Places {
    fn from(by_vm: BTreeMap<VmId, VmPlace>) -> Self {
        by_vm.into_iter().collect()
    }
}

impl From<Places> for BTreeMap<VmId, VmPlace> {
    fn from(places: Places) -> Self {
        places.by_vm
    }
}

impl<'a> IntoIterator for &'a Places {
    type Item = (&'a VmId, &'a VmPlace);
    type IntoIter = std::collections::btree_map::Iter<'a, VmId, VmPlace>;
    fn into_iter(self) -> Self::IntoIter {
        self.by_vm.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Time;

    fn place(host: Option<u8>, module: Option<u8>) -> VmPlace {
        VmPlace {
            host: host.map(|n| HostId::parse(&format!("h{n}")).unwrap()),
            module: module.map(|n| ModuleId::parse(&format!("p/m{n}")).unwrap()),
            created: Time::default(),
            leaving: false,
        }
    }

    proptest! {
        #[test]
        fn the_lists_say_what_the_places_say(
            acts in prop::collection::vec(
                (0..6_u8, prop::option::of((prop::option::of(0..3_u8), prop::option::of(0..3_u8)))),
                0..40,
            ),
        ) {
            let mut places = Places::default();
            for (vm, act) in acts {
                let vm = VmId::parse(&format!("v{vm}")).unwrap();
                let before = places.get(&vm).cloned();
                let was = match act {
                    Some((host, module)) => places.insert(vm.clone(), place(host, module)),
                    None => places.remove(&vm),
                };
                prop_assert_eq!(was, before);
            }
            let fresh: Places = places.iter().map(|(vm, place)| (vm.clone(), place.clone())).collect();
            prop_assert_eq!(&fresh.on_host, &places.on_host);
            prop_assert_eq!(&fresh.of_module, &places.of_module);
            for (vm, place) in &places {
                if let Some(host) = &place.host {
                    prop_assert!(places.on(host).any(|other| other == vm));
                }
            }
            let listed: usize = places.on_host.values().map(|list| list.vms.len()).sum();
            let placed = places.values().filter(|place| place.host.is_some()).count();
            prop_assert_eq!(listed, placed);
        }
    }
}
