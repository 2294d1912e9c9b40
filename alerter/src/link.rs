//! What hangs on what: the edges of the topology along which a failure spreads, read from below.

use model::id::{DataSourceId, ModuleId, Object, VmId};
use model::topology::Topology;

use crate::cause::Cause;
use crate::note::Rule;
use crate::state::Basis;

/// What an object stands on, if that is known.
pub(crate) fn carrier(topology: &Topology, object: &Object) -> Option<Object> {
    match object {
        Object::Vm(vm) => topology.vms.get(vm)?.host.clone().map(Object::Host),
        Object::Host(host) => topology.hosts.get(host)?.switch.clone().map(Object::Switch),
        Object::DataSource(source) => topology.data_sources.get(source)?.vm.clone().map(Object::Vm),
        Object::Switch(_)
        | Object::Module(_)
        | Object::Project(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => None,
    }
}

/// Whether an object is the ground, or stands on it, over however many floors.
pub(crate) fn stands_on(topology: &Topology, object: &Object, ground: &Object) -> bool {
    object == ground
        || carrier(topology, object).is_some_and(|carrier| stands_on(topology, &carrier, ground))
}

/// By which rule a cause takes an object along.
pub(crate) fn rule(topology: &Topology, cause: &Cause, object: &Object) -> Rule {
    let root = cause.root.clone();
    match (&root, cause.basis) {
        (_, Basis::Reported) if *object == root => Rule::Root,
        (_, Basis::Suspected { failing, of }) if *object == root => {
            Rule::SuspectedRoot { failing, of }
        }
        (Object::Collector(by), _) => Rule::Unseen { by: by.clone() },
        (_, Basis::Suspected { failing, of }) => Rule::Share { root, failing, of },
        (_, Basis::Reported) if stands_on(topology, object, &root) => Rule::Carried { by: root },
        (_, Basis::Reported) => match failing_source(topology, object, &root) {
            Some(data_source) => Rule::Uses { data_source },
            None => Rule::ItsVms { root },
        },
    }
}

/// The data source that an object uses and that fails with the root.
fn failing_source(topology: &Topology, object: &Object, root: &Object) -> Option<DataSourceId> {
    let module = match object {
        Object::Module(module) => Some(module),
        Object::Vm(vm) => module_of(topology, vm),
        Object::Switch(_)
        | Object::Host(_)
        | Object::Project(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => None,
    };
    let uses = &topology.modules.get(module?)?.uses;
    let fails =
        |source: &&DataSourceId| stands_on(topology, &Object::DataSource((*source).clone()), root);
    uses.iter().find(fails).cloned()
}

fn module_of<'a>(topology: &'a Topology, vm: &VmId) -> Option<&'a ModuleId> {
    topology.vms.get(vm)?.module.as_ref()
}
