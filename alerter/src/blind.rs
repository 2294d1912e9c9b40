//! When the monitor itself cannot see: a collector is cut off, and all it says is that it is.
//!
//! Nothing that a blind collector alone reports is told of as down. What was told before it went
//! blind stays as it was: its end was not seen either.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{CollectorId, Object};
use model::topology::Topology;

use crate::health::Trouble;
use crate::reach::Taken;
use crate::settings::Settings;
use crate::sick::{Sick, Sieve};
use crate::state::Basis;

/// What is not believed just now.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    pub(crate) sick: Sick,
    /// By object: the collector that vouches for it.
    pub(crate) taken: Taken,
    /// What was told before, and blind collectors alone vouch for: it stays as it is, and takes nothing
    /// new along.
    pub(crate) frozen: BTreeSet<Object>,
    /// Collectors whose blindness nobody reported.
    pub(crate) suspected: BTreeMap<Object, Basis>,
}

/// Moves what only blind collectors vouch for out of `sick`.
pub(crate) fn set_aside(
    settings: &Settings,
    topology: &Topology,
    sieve: &Sieve,
    sick: &mut Sick,
) -> Unseen {
    let suspected = suspected(settings, topology, sick);
    // One that is merely slow sees still.
    let cut_off = sick.iter().filter(|(_, health)| health.trouble != Trouble::Degraded);
    let reported = cut_off.filter_map(|(object, _)| {
        if let Object::Collector(id) = object { Some(id.clone()) } else { None }
    });
    let blind: BTreeSet<CollectorId> = reported.chain(suspected.keys().cloned()).collect();
    let mut unseen = Unseen::default();
    if blind.is_empty() {
        return unseen;
    }
    sick.retain(|object, health| {
        let is_vouched = health.witnesses.is_subset(&blind) && !is_collector(object);
        match health.witnesses.first() {
            Some(_) if is_vouched && sieve.was_told(object) => {
                unseen.frozen.insert(object.clone());
                true
            }
            Some(witness) if is_vouched => {
                unseen.taken.insert(object.clone(), Object::Collector(witness.clone()));
                unseen.sick.insert(object.clone(), health.clone());
                false
            }
            _ => true,
        }
    });
    let suspected = suspected.into_iter().map(|(id, basis)| (Object::Collector(id), basis));
    unseen.suspected = suspected.filter(|(collector, _)| !sick.contains_key(collector)).collect();
    unseen
}

fn is_collector(object: &Object) -> bool {
    matches!(object, Object::Collector(_))
}

/// Collectors by whose word alone nearly everything fails.
fn suspected(
    settings: &Settings,
    topology: &Topology,
    sick: &Sick,
) -> BTreeMap<CollectorId, Basis> {
    let of = topology.hosts.len() + topology.vms.len();
    let needed = settings.blind_min.max((of * settings.blind_percent).div_ceil(100));
    let mut failing: BTreeMap<CollectorId, usize> = BTreeMap::new();
    for (object, health) in sick {
        let is_machine = matches!(object, Object::Host(_) | Object::Vm(_));
        if let Some(witness) = health.witnesses.first()
            && is_machine
            && health.witnesses.len() == 1
        {
            *failing.entry(witness.clone()).or_default() += 1;
        }
    }
    let failing = failing.into_iter().filter(|(_, failing)| *failing >= needed);
    failing.map(|(id, failing)| (id, Basis::Suspected { failing, of })).collect()
}
