//! Who is unwell, of those whose trouble counts just now.
//!
//! Not counted: what is in maintenance, and VMs too young to judge. They come back into account
//! by themselves when the window or the grace ends, with all that was heard meanwhile. Whoever
//! was already told of stays in account: an end that has not come must not be told.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{HostId, Object, SwitchId, VmId};
use model::topology::{Topology, VmPlace};

use crate::health::{Health, health};
use crate::message::RootState;
use crate::settings::Settings;
use crate::state::State;
use crate::timer::Timer;

pub(crate) type Sick = BTreeMap<Object, Health>;

/// What stands on what, for the VMs that count.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) vms_on: BTreeMap<&'a HostId, Vec<&'a VmId>>,
    pub(crate) hosts_behind: BTreeMap<&'a SwitchId, Vec<&'a HostId>>,
}

/// Decides who counts.
#[derive(Debug)]
pub(crate) struct Sieve<'a> {
    settings: &'a Settings,
    topology: &'a Topology,
    state: &'a State,
    /// What somebody was told of and was not told the end of.
    told: BTreeSet<&'a Object>,
}

impl<'a> Sieve<'a> {
    pub(crate) fn new(settings: &'a Settings, topology: &'a Topology, state: &'a State) -> Self {
        // Of what hangs on a blind collector nobody was told anything.
        let told = state
            .incidents
            .values()
            .filter(|incident| incident.was_told() && incident.root_state() != RootState::Blind);
        let told = told.flat_map(|incident| {
            incident.suffering().map(|(object, _)| object).chain(incident.roots.keys())
        });
        Self { settings, topology, state, told: told.collect() }
    }

    pub(crate) fn sick(&self, timer: &mut Timer) -> Sick {
        let mut sick = Sick::new();
        for (object, words) in &self.state.words {
            if let Some(health) = health(object, words)
                && self.counts(object, timer)
            {
                self.remind(object, timer);
                sick.insert(object.clone(), health);
            }
        }
        sick
    }

    pub(crate) fn ground(&self, timer: &mut Timer) -> Ground<'a> {
        let mut vms_on: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, place) in &self.topology.vms {
            if let Some(host) = &place.host
                && self.vm_counts(id, place, timer)
            {
                vms_on.entry(host).or_default().push(id);
            }
        }
        let mut hosts_behind: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, host) in &self.topology.hosts {
            if let Some(switch) = &host.switch {
                hosts_behind.entry(switch).or_default().push(id);
            }
        }
        Ground { topology: self.topology, vms_on, hosts_behind }
    }

    pub(crate) fn was_told(&self, object: &Object) -> bool {
        self.told.contains(object)
    }

    fn counts(&self, object: &Object, timer: &mut Timer) -> bool {
        if self.told.contains(object) {
            return true;
        }
        if let Object::Vm(id) = object
            && let Some(place) = self.topology.vms.get(id)
        {
            return self.vm_counts(id, place, timer);
        }
        !self.in_maintenance(object, timer)
    }

    fn vm_counts(&self, id: &VmId, place: &VmPlace, timer: &mut Timer) -> bool {
        let object = Object::Vm(id.clone());
        if self.told.contains(&object) {
            return true;
        }
        let is_grown = timer.reached(place.created + self.settings.new_vm_grace);
        // One that failed before it was taken away is part of what went wrong.
        let is_staying = !place.leaving || self.state.incident_of(&object).is_some();
        is_grown && is_staying && !self.in_maintenance(&object, timer)
    }

    pub(crate) fn in_maintenance(&self, object: &Object, timer: &mut Timer) -> bool {
        let now = timer.now;
        let open = self.state.windows.iter().filter(|window| window.from <= now);
        let covering = open.filter(|window| self.stands_on(object, &window.on));
        covering.map(|window| window.until).max().is_some_and(|until| !timer.reached(until))
    }

    fn stands_on(&self, object: &Object, ground: &Object) -> bool {
        object == ground || self.carrier(object).is_some_and(|c| self.stands_on(&c, ground))
    }

    fn carrier(&self, object: &Object) -> Option<Object> {
        match object {
            Object::Vm(vm) => {
                self.topology.vms.get(vm).and_then(|vm| vm.host.clone()).map(Object::Host)
            }
            Object::Host(host) => self
                .topology
                .hosts
                .get(host)
                .and_then(|host| host.switch.clone())
                .map(Object::Switch),
            Object::DataSource(source) => {
                self.topology.data_sources.get(source).and_then(|s| s.vm.clone()).map(Object::Vm)
            }
            Object::Switch(_)
            | Object::Module(_)
            | Object::Project(_)
            | Object::Collector(_)
            | Object::Channel(_) => None,
        }
    }

    /// Flapping ends by itself when all is quiet for long enough.
    fn remind(&self, object: &Object, timer: &mut Timer) {
        let words = self.state.words.get(object).into_iter().flatten();
        for word in words.filter(|word| word.flapping) {
            if let Some(change) = word.changes.last() {
                timer.reached(*change + self.settings.flap_window);
            }
        }
    }
}
