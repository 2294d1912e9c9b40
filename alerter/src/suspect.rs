//! Guesses a root that nobody reported, from how many fail together on it.
//!
//! Most of a host's VMs, most of a switch's hosts, or the application on most VMs of a module,
//! within two minutes: that is no chance. Only what nothing reported explains is counted.

use std::collections::BTreeMap;

use model::id::{HostId, Object, SwitchId};
use model::time::Time;

use crate::finder::Finder;
use crate::health::Trouble;
use crate::reach::Taken;
use crate::settings::Settings;
use crate::sick::{Ground, Sick};
use crate::state::Basis;

/// Whether it is time to say that these, which fail since then, are a root's doing.
pub(crate) type IsRipe<'a> = dyn FnMut(&Object, &[(&Object, Time)]) -> bool + 'a;

/// Adds what suspected roots take along to `taken`; returns the roots.
///
/// `is_free_for` says whether an object may still be counted against a suspect.
pub(crate) fn suspect(
    settings: &Settings,
    ground: &Ground,
    sick: &Sick,
    taken: &mut Taken,
    is_free_for: &dyn Fn(&Object, &Object) -> bool,
    is_ripe: &mut IsRipe<'_>,
) -> BTreeMap<Object, Basis> {
    let found = BTreeMap::new();
    let mut search = Search { settings, ground, sick, taken, is_free_for, is_ripe, found };
    search.hosts();
    search.switches();
    search.modules();
    search.found
}

struct Search<'a> {
    settings: &'a Settings,
    ground: &'a Ground<'a>,
    sick: &'a Sick,
    taken: &'a mut Taken,
    is_free_for: &'a dyn Fn(&Object, &Object) -> bool,
    is_ripe: &'a mut IsRipe<'a>,
    found: BTreeMap<Object, Basis>,
}

impl<'a> Search<'a> {
    fn hosts(&mut self) {
        let by_host = self.failing_by(Trouble::Dead, |vm| vm.host.clone().map(Object::Host));
        for (root, failing) in by_host {
            let Object::Host(host) = &root else { continue };
            let of = self.ground.vms_on.get(host).map_or(0, Vec::len);
            let least = self.settings.suspect_min_vms;
            if self.is_enough(&failing, least, of) && (self.is_ripe)(&root, &failing) {
                self.take_unwell_vms_on(host, &root);
                self.found.insert(root, Basis::Suspected { failing: failing.len(), of });
            }
        }
    }

    /// Beside its dead VMs also those whose application or agent fell silent with them.
    fn take_unwell_vms_on(&mut self, host: &HostId, root: &Object) {
        let (ground, mut sick) = (self.ground, Finder::new(self.sick));
        for vm in ground.vms_on.get(host).into_iter().flatten() {
            let object = Object::Vm((*vm).clone());
            let trouble = sick.get(&object).map(|health| health.trouble);
            let fits = trouble.is_some_and(|trouble| trouble != Trouble::Degraded);
            if fits && self.is_free(&object, root) {
                self.taken.insert(object, root.clone());
            }
        }
    }

    fn switches(&mut self) {
        let mut by_switch: BTreeMap<SwitchId, Vec<(Object, Time)>> = BTreeMap::new();
        for (host, since) in self.failing_hosts() {
            let Object::Host(id) = &host else { continue };
            let place = self.ground.topology.hosts.get(id);
            if let Some(switch) = place.and_then(|place| place.switch.clone())
                && (self.is_free_for)(&host, &Object::Switch(switch.clone()))
            {
                by_switch.entry(switch).or_default().push((host, since));
            }
        }
        let mut blamed = BTreeMap::new();
        for (switch, failing) in by_switch {
            let of = self.ground.hosts_behind.get(&switch).map_or(0, Vec::len);
            let least = self.settings.suspect_min_hosts;
            let switch = Object::Switch(switch);
            let hosts: Vec<(&Object, Time)> =
                failing.iter().map(|(h, since)| (h, *since)).collect();
            if self.is_enough(&failing, least, of) && (self.is_ripe)(&switch, &hosts) {
                let basis = Basis::Suspected { failing: failing.len(), of };
                self.found.insert(switch.clone(), basis);
                blamed.extend(failing.into_iter().map(|(host, _)| (host, switch.clone())));
            }
        }
        self.blame(blamed);
    }

    /// Hosts that are dead, or suspected, and that nothing above them explains.
    fn failing_hosts(&self) -> Vec<(Object, Time)> {
        let dead = self.sick.iter().filter(|(object, health)| {
            matches!(object, Object::Host(_)) && health.trouble == Trouble::Dead
        });
        let dead = dead.map(|(object, health)| (object.clone(), health.since));
        let suspected = self.first_losses();
        dead.chain(suspected).filter(|(host, _)| !self.taken.contains_key(host)).collect()
    }

    /// When the first thing failed that each suspect took.
    fn first_losses(&self) -> BTreeMap<Object, Time> {
        let mut first = BTreeMap::new();
        let mut sick = Finder::new(self.sick);
        for (object, taker) in self.taken.iter().filter(|(_, by)| self.found.contains_key(*by)) {
            let Some(since) = sick.get(object).map(|health| health.since) else { continue };
            match first.get_mut(taker) {
                Some(first) => *first = since.min(*first),
                None => drop(first.insert(taker.clone(), since)),
            }
        }
        first
    }

    /// What these hosts took is their switch's, and so are they.
    fn blame(&mut self, switch_of: BTreeMap<Object, Object>) {
        if switch_of.is_empty() {
            return;
        }
        for taker in self.taken.values_mut() {
            if let Some(switch) = switch_of.get(taker) {
                *taker = switch.clone();
            }
        }
        self.found.retain(|root, _| !switch_of.contains_key(root));
        self.taken.extend(switch_of);
    }

    fn modules(&mut self) {
        let by_module = self.failing_by(Trouble::App, |vm| vm.module.clone().map(Object::Module));
        for (root, failing) in by_module {
            let Object::Module(module) = &root else { continue };
            let of = self.ground.topology.vms_of(module).count();
            let least = self.settings.suspect_min_app;
            if self.is_enough(&failing, least, of) && (self.is_ripe)(&root, &failing) {
                self.taken.extend(failing.iter().map(|(vm, _)| ((*vm).clone(), root.clone())));
                self.found.insert(root, Basis::Suspected { failing: failing.len(), of });
            }
        }
    }

    /// The VMs with one trouble that nothing explains yet, by the carrier that might.
    fn failing_by(
        &self,
        trouble: Trouble,
        carrier: impl Fn(&model::topology::VmPlace) -> Option<Object>,
    ) -> BTreeMap<Object, Vec<(&'a Object, Time)>> {
        let mut failing: BTreeMap<Object, Vec<(&Object, Time)>> = BTreeMap::new();
        let mut places = Finder::new(&self.ground.topology.vms);
        for (object, health) in self.sick.iter().filter(|(_, health)| health.trouble == trouble) {
            let Object::Vm(vm) = object else { continue };
            if let Some(root) = places.get(vm).and_then(&carrier)
                && self.is_free(object, &root)
            {
                failing.entry(root).or_default().push((object, health.since));
            }
        }
        failing
    }

    fn is_free(&self, object: &Object, root: &Object) -> bool {
        !self.taken.contains_key(object) && (self.is_free_for)(object, root)
    }

    /// Whether enough of them failed within one window.
    fn is_enough<O>(&self, failing: &[(O, Time)], least: usize, of: usize) -> bool {
        let settings = self.settings;
        let needed = least.max((of * settings.suspect_percent).div_ceil(100)).max(1);
        let mut since: Vec<Time> = failing.iter().map(|(_, since)| *since).collect();
        since.sort_unstable();
        since.windows(needed).any(|run| {
            let (first, last) = (run[0], run[needed - 1]);
            last.since(first) <= settings.suspect_window
        })
    }
}
