//! Who is unwell, of those whose trouble counts just now.
//!
//! Not counted: what is in maintenance, and VMs too young to judge. They come back into account
//! by themselves when the window or the grace ends, with all that was heard meanwhile. Whoever
//! was already told of stays in account: an end that has not come must not be told.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{HostId, Object, SwitchId, VmId};
use model::topology::{Topology, VmPlace};

use crate::aside::{Windows, grown_at, maintenance_until, windows};
use crate::health::{Health, health};
use crate::message::RootState;
use crate::settings::Settings;
use crate::state::State;
use crate::timer::Timer;

pub(crate) type Sick = BTreeMap<Object, Health>;

/// What stands on what, for the VMs that count and the hosts that may be at fault.
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
    /// From when until when each object is in maintenance.
    windows: Windows<'a>,
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
        let windows = windows(state);
        Self { settings, topology, state, told: told.collect(), windows }
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

    pub(crate) fn ground(&self, sick: &Sick, timer: &mut Timer) -> Ground<'a> {
        let mut vms_on: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for host in self.concerned(sick) {
            let vms = self.topology.vms_on(host);
            let counting = vms.filter(|id| self.vm_counts(id, &self.topology.vms[*id], timer));
            vms_on.insert(host, counting.collect());
        }
        let mut hosts_behind: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, host) in &self.topology.hosts {
            if let Some(switch) = &host.switch {
                hosts_behind.entry(switch).or_default().push(id);
            }
        }
        Ground { topology: self.topology, vms_on, hosts_behind }
    }

    /// The hosts that are sick, carry somebody sick, or stand behind a sick switch.
    fn concerned(&self, sick: &Sick) -> BTreeSet<&'a HostId> {
        let topology = self.topology;
        let mut hosts = BTreeSet::new();
        for object in sick.keys() {
            match object {
                Object::Host(host) => {
                    hosts.extend(topology.hosts.get_key_value(host).map(|(id, _)| id))
                }
                Object::Vm(vm) => {
                    hosts.extend(topology.vms.get(vm).and_then(|vm| vm.host.as_ref()))
                }
                Object::Switch(switch) => {
                    let behind = topology.hosts.iter();
                    let behind = behind.filter(|(_, host)| host.switch.as_ref() == Some(switch));
                    hosts.extend(behind.map(|(id, _)| id));
                }
                Object::Module(_)
                | Object::Project(_)
                | Object::DataSource(_)
                | Object::Collector(_)
                | Object::Channel(_)
                | Object::Pool(_) => {}
            }
        }
        hosts
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
        let is_grown = timer.reached(grown_at(self.settings, place));
        // One that failed before it was taken away is part of what went wrong.
        let is_staying = !place.leaving || self.state.incident_of(&object).is_some();
        is_grown && is_staying && !self.in_maintenance(&object, timer)
    }

    pub(crate) fn in_maintenance(&self, object: &Object, timer: &mut Timer) -> bool {
        let until = maintenance_until(self.topology, &self.windows, object, timer.now);
        until.is_some_and(|until| !timer.reached(until))
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
