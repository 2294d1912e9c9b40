//! Who is unwell, of those whose trouble counts just now.
//!
//! Not counted: what is in maintenance, and VMs too young to judge. They come back into account
//! by themselves when the window or the grace ends, with all that was heard meanwhile. Whoever
//! was already told of stays in account: an end that has not come must not be told.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use model::id::{HostId, Object, SwitchId, VmId};
use model::topology::{Topology, VmPlace};

use crate::aside::{Windows, excused_until, grown_at, maintenance_until, windows};
use crate::finder::Finder;
use crate::health::{Health, health};
use crate::message::RootState;
use crate::settings::Settings;
use crate::state::{State, Word};
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
    /// What somebody was told of and was not told the end of; seldom asked for.
    told: OnceCell<BTreeSet<&'a Object>>,
    /// From when until when each object is in maintenance.
    windows: Windows<'a>,
}

impl<'a> Sieve<'a> {
    pub(crate) fn new(settings: &'a Settings, topology: &'a Topology, state: &'a State) -> Self {
        let windows = windows(state);
        Self { settings, topology, state, told: OnceCell::new(), windows }
    }

    pub(crate) fn sick(&self, timer: &mut Timer) -> Sick {
        let mut places = Finder::new(&self.topology.vms);
        let sick = self.state.words.iter().filter_map(|(object, words)| {
            let health = health(object, words)?;
            if !self.counts(object, &mut places, timer)
                || (!self.windows.is_empty() && self.is_excused(object, timer))
            {
                return None;
            }
            self.remind(words, timer);
            Some((object.clone(), health))
        });
        sick.collect()
    }

    pub(crate) fn ground(&self, sick: &Sick, timer: &mut Timer) -> Ground<'a> {
        let mut vms_on: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut places = Finder::new(&self.topology.vms);
        for host in self.concerned(sick) {
            let mut counts =
                |id: &VmId| places.get(id).is_some_and(|place| self.vm_counts(id, place, timer));
            let vms = self.topology.vms_on(host);
            vms_on.insert(host, vms.filter(|id| counts(id)).collect());
        }
        let mut hosts_behind: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, host) in &self.topology.hosts {
            let counts = |timer| self.is_in_sight(&Object::Host(id.clone()), timer);
            if let Some(switch) = &host.switch
                && counts(timer)
            {
                hosts_behind.entry(switch).or_default().push(id);
            }
        }
        Ground { topology: self.topology, vms_on, hosts_behind }
    }

    /// The hosts that are sick, carry somebody sick, or stand behind a sick switch.
    fn concerned(&self, sick: &Sick) -> BTreeSet<&'a HostId> {
        let topology = self.topology;
        let mut places = Finder::new(&topology.vms);
        let mut hosts = BTreeSet::new();
        for object in sick.keys() {
            match object {
                Object::Host(host) => {
                    hosts.extend(topology.hosts.get_key_value(host).map(|(id, _)| id))
                }
                Object::Vm(vm) => hosts.extend(places.get(vm).and_then(|vm| vm.host.as_ref())),
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
                | Object::Pool(_)
                | Object::Vantage(_) => {}
            }
        }
        hosts
    }

    pub(crate) fn was_told(&self, object: &Object) -> bool {
        self.told.get_or_init(|| told(self.state)).contains(object)
    }

    fn counts(
        &self,
        object: &Object,
        places: &mut Finder<'_, VmId, VmPlace>,
        timer: &mut Timer,
    ) -> bool {
        if let Object::Vm(id) = object
            && let Some(place) = places.get(id)
        {
            return self.vm_counts(id, place, timer);
        }
        self.is_in_sight(object, timer)
    }

    /// It is not in maintenance, or somebody waits for its end.
    fn is_in_sight(&self, object: &Object, timer: &mut Timer) -> bool {
        self.windows.is_empty() || self.was_told(object) || !self.in_maintenance(object, timer)
    }

    fn vm_counts(&self, id: &VmId, place: &VmPlace, timer: &mut Timer) -> bool {
        let is_usual = grown_at(self.settings, place) <= timer.now && !place.leaving;
        if is_usual && self.windows.is_empty() {
            return true;
        }
        let object = Object::Vm(id.clone());
        if self.was_told(&object) {
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

    /// Its data source is being worked on, and nobody was told.
    fn is_excused(&self, object: &Object, timer: &mut Timer) -> bool {
        let (topology, words) = (self.topology, &self.state.words);
        let until = excused_until(self.settings, topology, words, &self.windows, object, timer.now);
        !self.was_told(object) && until.is_some_and(|until| !timer.reached(until))
    }

    /// Flapping ends by itself when all is quiet for long enough.
    fn remind(&self, words: &[Word], timer: &mut Timer) {
        for word in words.iter().filter(|word| word.flapping) {
            if let Some(change) = word.changes.last() {
                timer.reached(*change + self.settings.flap_window);
            }
        }
    }
}

/// What somebody was told of and was not told the end of. Of what hangs on a blind collector nobody was
/// told anything.
fn told(state: &State) -> BTreeSet<&Object> {
    let told = state
        .incidents
        .values()
        .filter(|incident| incident.was_told() && incident.root_state() != RootState::Blind);
    let told = told.flat_map(|incident| {
        incident.suffering().map(|(object, _)| object).chain(incident.roots.keys())
    });
    told.collect()
}
