//! Which VMs the routers should know, as one numbered routing.
//!
//! The routing follows from the states alone, so after a crash it is simply derived and pushed
//! again. Its number rises with each change; a VM remembers the number that first contained or
//! first lacked it, and nobody relies on a change before every router acknowledged it.

use std::collections::BTreeMap;

use model::id::{ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::Facts;
use crate::hands::{Route, Routing};
use crate::state::{Config, State};

/// Derives the routing anew. Returns it if it changed.
pub(crate) fn update(config: &Config, state: &mut State) -> Option<Routing> {
    let routes = derive(config, state);
    let before = &state.memory.routes;
    if routes == *before && state.memory.routing_generation > 0 {
        return None;
    }
    let generation = state.memory.routing_generation + 1;
    if takes_out_at_once(state, &routes) {
        state.memory.routing_urgent = generation;
    }
    let before = &state.memory.routes;
    for vm in state.vms.values_mut() {
        if is_routed(vm, before) != is_routed(vm, &routes) {
            vm.route_generation = generation;
        }
    }
    state.memory.routing_generation = generation;
    state.memory.routes = routes;
    Some(state.routing())
}

/// Whether somebody leaves who is not just left over: an ill or a dead VM.
fn takes_out_at_once(state: &State, routes: &BTreeMap<ModuleId, Route>) -> bool {
    let stays = |module: &ModuleId, vm: &VmId| {
        routes.get(module).is_some_and(|route| route.upstreams.contains_key(vm))
    };
    let drains = |vm: &VmId| state.vms.get(vm).is_some_and(|vm| vm.state == VmState::Draining);
    let before = state.memory.routes.iter();
    let mut leaving = before
        .flat_map(|(module, route)| route.upstreams.keys().filter(move |vm| !stays(module, vm)));
    leaving.any(|vm| !drains(vm))
}

fn is_routed(vm: &Vm, routes: &BTreeMap<ModuleId, Route>) -> bool {
    let route = vm.module.as_ref().and_then(|module| routes.get(module));
    route.is_some_and(|route| route.upstreams.contains_key(&vm.id))
}

/// The routes that follow from the states of the VMs.
pub(crate) fn derive(config: &Config, state: &State) -> BTreeMap<ModuleId, Route> {
    let mut modules: BTreeMap<ModuleId, Route> = BTreeMap::new();
    for (module, domains) in &config.domains {
        modules.entry(module.clone()).or_default().domains.clone_from(domains);
    }
    let routed = |vm: &&Vm| matches!(vm.state, VmState::Ready | VmState::Serving);
    for vm in state.vms.values().filter(routed) {
        if let (Some(module), Some(addresses)) = (&vm.module, vm.addresses) {
            let route = modules.entry(module.clone()).or_default();
            route.upstreams.insert(vm.id.clone(), addresses.app);
        }
    }
    modules
}

/// Since when no router sends to a VM; None while one may.
///
/// Whoever was taken out at this very moment still bears the number of the routing that let it in.
pub(crate) fn out_since(state: &mut State, facts: &Facts, id: &VmId, now: Time) -> Option<Time> {
    let is_out = state.vms.get(id).is_some_and(|vm| {
        !is_routed(vm, &state.memory.routes) && is_acknowledged(facts, vm.route_generation)
    });
    if !is_out {
        state.memory.out_since.remove(id);
        return None;
    }
    Some(*state.memory.out_since.entry(id.clone()).or_insert(now))
}

/// Whether every router is past the change that let this VM in or out.
pub(crate) fn is_acknowledged(facts: &Facts, route_generation: u64) -> bool {
    facts.acknowledged() >= route_generation
}
