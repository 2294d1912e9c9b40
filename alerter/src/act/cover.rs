//! What an act on one object covers beside it: what stands on it, and what belongs to it.
//!
//! A switch covers its hosts, a host its VMs, a VM the data sources that run on it; a business
//! covers its modules, a module its VMs. What is above is never covered: a silence of a VM says
//! nothing of its host.

use model::id::Object;
use model::topology::Topology;

/// The object itself and all above it, so that what covers it is found without trying each act.
pub(crate) fn lineage(topology: &Topology, object: &Object) -> Vec<Object> {
    let mut line = vec![object.clone()];
    let mut next = 0;
    while let Some(object) = line.get(next) {
        line.extend(carriers(topology, object));
        next += 1;
    }
    line
}

/// What it stands on, and what it belongs to. No object stands on itself, so this ends.
fn carriers(topology: &Topology, object: &Object) -> Vec<Object> {
    let mut carriers = Vec::new();
    match object {
        Object::Vm(id) => {
            let place = topology.vms.get(id);
            carriers.extend(place.and_then(|vm| vm.host.clone()).map(Object::Host));
            carriers.extend(place.and_then(|vm| vm.module.clone()).map(Object::Module));
        }
        Object::Host(id) => {
            let switch = topology.hosts.get(id).and_then(|host| host.switch.clone());
            carriers.extend(switch.map(Object::Switch));
        }
        Object::DataSource(id) => {
            let vm = topology.data_sources.get(id).and_then(|source| source.vm.clone());
            carriers.extend(vm.map(Object::Vm));
        }
        Object::Module(id) => {
            let project = topology.modules.get(id).map(|module| module.project.clone());
            carriers.extend(project.map(Object::Project));
        }
        Object::Switch(_)
        | Object::Project(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => {}
    }
    carriers
}
