//! The one topology under alerter, availability and pages, derived from what the scaler knows.

use std::collections::BTreeMap;

use alerter::Event;
use model::id::VmId;
use model::topology::{DataSource, Host, Module, Project, Topology, VmPlace};
use model::vm::{Vm, VmState};
use scaler::state::State;

use crate::config::Config;
use crate::config::raw::RawProvider;

use super::senses::Senses;

/// Derives the topology anew.
pub(super) fn derive(
    config: &Config,
    scaler: &State,
    senses: &Senses,
    elsewhere: &BTreeMap<String, Topology>,
) -> Topology {
    let mut topology = Topology::default();
    topology.collectors.insert(super::eye::collector());
    for host in senses.hosts.keys() {
        topology.hosts.insert(host.clone(), Host::default());
    }
    for provider in &config.raw.providers {
        let RawProvider::Process(process) = provider;
        for host in &process.hosts {
            topology.hosts.insert(host.name.clone(), Host { switch: host.switch.clone() });
            topology.switches.extend(host.switch.clone());
        }
    }
    for (id, project) in &config.projects {
        topology.projects.insert(id.clone(), Project { owners: project.owners.clone() });
    }
    for (id, module) in &config.modules {
        let module = Module { project: module.project.clone(), uses: module.uses.clone() };
        topology.modules.insert(id.clone(), module);
    }
    for (id, source) in &config.data_sources {
        let (kind, vm) = (source.raw.kind().to_owned(), source.raw.server().vm.clone());
        topology.data_sources.insert(id.clone(), DataSource { kind, vm });
    }
    for vm in scaler.vms.values().filter(|vm| exists(vm)) {
        topology.vms.insert(vm.id.clone(), place(vm));
    }
    elsewhere.values().for_each(|other| add(&mut topology, other));
    topology
}

/// Adds what another source knows of; what we know ourselves we know better.
fn add(topology: &mut Topology, other: &Topology) {
    topology.switches.extend(other.switches.iter().cloned());
    for (id, host) in &other.hosts {
        topology.hosts.entry(id.clone()).or_insert_with(|| host.clone());
    }
    for (id, vm) in &other.vms {
        topology.vms.entry(id.clone()).or_insert_with(|| vm.clone());
    }
    for (id, module) in &other.modules {
        topology.modules.entry(id.clone()).or_insert_with(|| module.clone());
    }
    for (id, project) in &other.projects {
        topology.projects.entry(id.clone()).or_insert_with(|| project.clone());
    }
    for (id, source) in &other.data_sources {
        topology.data_sources.entry(id.clone()).or_insert_with(|| source.clone());
    }
}

fn exists(vm: &Vm) -> bool {
    !matches!(vm.state, VmState::Wanted | VmState::Creating | VmState::Gone)
}

/// A VM belongs to its module from the moment it serves: what is still on its way there was not
/// lost by anybody.
fn place(vm: &Vm) -> VmPlace {
    let serves = vm.state >= VmState::Serving;
    VmPlace {
        host: vm.host.clone(),
        module: vm.module.clone().filter(|_| serves),
        created: vm.created,
        leaving: matches!(vm.state, VmState::Draining | VmState::Stopped),
    }
}

/// What happened between two topologies, in the alerter's words.
pub(super) fn changes(
    before: &BTreeMap<VmId, VmPlace>,
    after: &BTreeMap<VmId, VmPlace>,
) -> Vec<Event> {
    let mut events = Vec::new();
    for (vm, old) in before {
        match after.get(vm) {
            None => events.push(Event::VmGone { vm: vm.clone() }),
            Some(new) => {
                if new.leaving && !old.leaving {
                    events.push(Event::VmLeaving { vm: vm.clone() });
                }
                if let (Some(from), Some(to), true) = (&old.host, &new.host, old.host != new.host) {
                    let (from, to) = (from.clone(), to.clone());
                    events.push(Event::VmMoved { vm: vm.clone(), from, to });
                }
            }
        }
    }
    events
}
