//! What does not count just now, and until when: the one place that says so, for whoever decides
//! and for whoever explains.

use std::collections::BTreeMap;

use model::id::Object;
use model::time::Time;
use model::topology::{Topology, VmPlace};

use crate::act::lineage;
use crate::health::{Trouble, health};
use crate::message::RootState;
use crate::note::Fate;
use crate::object;
use crate::settings::Settings;
use crate::state::{Incident, State, Word};

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

/// Until when the software on an object may fail unnoticed: a data source that it uses is down, or was
/// until a moment ago, and it or what it runs on is in maintenance.
pub(crate) fn excused_until(
    settings: &Settings,
    topology: &Topology,
    words: &BTreeMap<Object, Vec<Word>>,
    windows: &Windows<'_>,
    object: &Object,
    now: Time,
) -> Option<Time> {
    let health_of = |object: &Object| health(object, words.get(object)?);
    let module = if let Object::Module(module) = object {
        module
    } else {
        let fails = health_of(object)?.trouble == Trouble::App;
        topology.vms.get(object::vm(object).filter(|_| fails)?)?.module.as_ref()?
    };
    let uses = topology.modules.get(module)?.uses.iter().cloned().map(Object::DataSource);
    // What it brings down needs a while to come up again.
    let back = |source: &Object| words.get(source)?.iter().map(|word| word.since).max();
    let ends = uses.filter_map(|source| {
        let until = maintenance_until(topology, windows, &source, now)?;
        let is_down = health_of(&source).is_some_and(|health| health.trouble == Trouble::Dead);
        let grown = || Some(back(&source)? + settings.recovery_grace).filter(|end| *end > now);
        if is_down { Some(until) } else { grown().map(|end| end.min(until)) }
    });
    ends.max()
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
    let windows = windows(state);
    let until = maintenance_until(topology, &windows, object, now)
        .or_else(|| excused_until(settings, topology, &state.words, &windows, object, now));
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

#[cfg(test)]
mod tests {
    use model::signal::{Severity, Signal, SignalState};
    use model::topology::Host;

    use super::*;
    use crate::event::Event;
    use crate::sick::Sieve;
    use crate::state::Window;
    use crate::step::step;
    use crate::timer::Timer;

    const NOW: Time = Time::from_millis(10_000_000);

    /// Whoever decides and whoever explains say the same of each VM.
    #[test]
    fn what_is_said_to_be_aside_is_what_is_not_counted() {
        for case in 0..8_u8 {
            let [is_young, is_leaving, in_maintenance] = [1, 2, 4].map(|bit| case & bit > 0);
            let (settings, mut state) = (Settings::default(), State::default());
            let mut topology = Topology::default();
            topology.hosts.insert("h1".parse().unwrap(), Host::default());
            let created = if is_young { NOW } else { Time::from_millis(0) };
            let host = Some("h1".parse().unwrap());
            let place = VmPlace { host, module: None, created, leaving: false };
            topology.vms.insert("web-1".parse().unwrap(), place);
            let object: Object = "vm/web-1".parse().unwrap();
            let bad = Signal {
                source: "probe".parse().unwrap(),
                check: "vm.ping".parse().unwrap(),
                object: object.clone(),
                state: SignalState::Problem(Severity::High),
                at: NOW,
                via: None,
                text: String::new(),
            };
            step(&settings, &topology, &mut state, Event::Signal(bad), NOW);
            topology.vms.change(&"web-1".parse().unwrap(), |vm| vm.leaving = is_leaving);
            if in_maintenance {
                let (on, until) = ("host/h1".parse().unwrap(), Time::from_millis(20_000_000));
                state.windows.push(Window { on, from: NOW, until });
            }
            let fate = aside(&settings, &topology, &state, &object, NOW);
            let sick = Sieve::new(&settings, &topology, &state).sick(&mut Timer::at(NOW));
            assert_eq!(fate.is_none(), sick.contains_key(&object), "case {case}: {fate:?}");
            assert_eq!(fate.is_some(), case > 0, "case {case}: {fate:?}");
        }
    }
}
