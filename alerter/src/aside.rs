//! What does not count just now, and until when: the one place that says so, for whoever decides
//! and for whoever explains.

use std::collections::BTreeMap;

use model::id::Object;
use model::time::Time;
use model::topology::{Topology, VmPlace};

use crate::act::lineage;
use crate::message::RootState;
use crate::note::Fate;
use crate::settings::Settings;
use crate::state::{Incident, State};

/// From when until when each object is in maintenance.
pub(crate) type Windows<'a> = BTreeMap<&'a Object, Vec<(Time, Time)>>;

pub(crate) fn windows(state: &State) -> Windows<'_> {
    let mut windows: Windows<'_> = BTreeMap::new();
    for window in &state.windows {
        windows.entry(&window.on).or_default().push((window.from, window.until));
    }
    for window in state.windows() {
        for object in &window.on {
            windows.entry(object).or_default().push((window.from, window.until));
        }
    }
    windows
}

/// When the last maintenance window that is open over an object ends.
pub(crate) fn maintenance_until(
    topology: &Topology,
    windows: &Windows<'_>,
    object: &Object,
    now: Time,
) -> Option<Time> {
    if windows.is_empty() {
        return None;
    }
    let line = lineage(topology, object);
    let covering = line.iter().filter_map(|above| windows.get(above)).flatten();
    let open = covering.filter(|(from, until)| *from <= now && now < *until);
    open.map(|(_, until)| *until).max()
}

/// From when on a VM is judged.
pub(crate) fn grown_at(settings: &Settings, place: &VmPlace) -> Time {
    place.created + settings.new_vm_grace
}

/// Why an object does not count just now, if it does not. Whoever was told of it hears on.
pub(crate) fn aside(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    object: &Object,
    now: Time,
) -> Option<Fate> {
    let until = maintenance_until(topology, &windows(state), object, now);
    let fate = until.map(|until| Fate::Maintenance { until });
    let fate = fate.or_else(|| too_young_or_leaving(settings, topology, object, now))?;
    let incident = state.incident_of(object);
    let was_told = |i: &Incident| i.was_told() && i.root_state() != RootState::Blind;
    let counts_on = incident.is_some_and(|i| fate == Fate::Leaving || was_told(i));
    (!counts_on).then_some(fate)
}

fn too_young_or_leaving(
    settings: &Settings,
    topology: &Topology,
    object: &Object,
    now: Time,
) -> Option<Fate> {
    let Object::Vm(vm) = object else { return None };
    let place = topology.vms.get(vm)?;
    let until = grown_at(settings, place);
    if now < until {
        return Some(Fate::NewVm { until });
    }
    place.leaving.then_some(Fate::Leaving)
}
