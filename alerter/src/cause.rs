//! Finds what explains what: for everything unwell, its root.
//!
//! A pure function of the words, the topology and the places that incidents keep; so the order in
//! which things were heard cannot matter. First what is reported explains; then what an open
//! incident still holds stays there; then what is suspected explains; the rest is its own root.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{HostId, Object, VmId};
use model::signal::Severity;
use model::time::Time;
use model::topology::{Host, Topology};

use crate::act::lineage;
use crate::blind;
use crate::finder::Finder;
use crate::health::{Health, Trouble, answered_after};
use crate::message::RootState;
use crate::reach::{self, Taken};
use crate::settings::Settings;
use crate::sick::{Sick, Sieve};
use crate::state::{Basis, Incident, State, Word};
use crate::suspect;
use crate::timer::Timer;

/// One root with all it takes along, as things are now.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) root: Object,
    pub(crate) basis: Basis,
    pub(crate) state: RootState,
    pub(crate) severity: Severity,
    pub(crate) since: Time,
    /// How many of the VMs it carries have answered although it is bad.
    pub(crate) answering: usize,
    /// When it is told at the latest, if it lasts.
    pub(crate) due: Time,
    /// What suffers, and since when. The root is among them if it is a VM or a module.
    pub(crate) members: BTreeMap<Object, Time>,
}

impl Cause {
    /// Whether it is certain enough to open an incident before anybody is told.
    pub(crate) fn is_firm(&self) -> bool {
        self.basis == Basis::Reported && is_infrastructure(&self.root)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) causes: BTreeMap<Object, Cause>,
    /// By number of the incident that keeps them: what nothing else explains, and since when.
    pub(crate) held: BTreeMap<u64, BTreeMap<Object, Time>>,
    pub(crate) sick: Sick,
}

impl Findings {
    /// Lets go of the rest, which may be large, before much is said about it.
    pub(crate) fn into_sick(self) -> Sick {
        self.sick
    }
}

pub(crate) fn find(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    timer: &mut Timer,
) -> Findings {
    let sieve = Sieve::new(settings, topology, state);
    let mut sick = sieve.sick(timer);
    if sick.is_empty() {
        return Findings::default();
    }
    let unseen = blind::set_aside(settings, topology, &sieve, &mut sick);
    let ground = sieve.ground(&sick, timer);
    let mut taken = reach::taken(&state.words, &ground, &sick);
    let stands = |root: &Object| {
        unseen.suspected.contains_key(root) || sick.get(root).is_some_and(|h| explains(root, h))
    };
    let held_by = held_by(topology, state, &sick, &stands, timer);
    // What hung on a root that was reported is held when the root is back, whereas a suspicion
    // lasts as long as enough of it does.
    let keepers = RefCell::new(Finder::new(&held_by));
    let is_free_for = |object: &Object, root: &Object| {
        let keeper = keepers.borrow_mut().get(object);
        let keeper = keeper.map(|number| &state.incidents[number].roots);
        keeper.is_none_or(|roots| roots.get(root).is_some_and(|root| root.basis.is_suspicion()))
    };
    let mut is_ripe =
        |root: &Object, failing: &[(&Object, Time)]| ripe(settings, &sieve, root, failing, timer);
    let mut suspected =
        suspect::suspect(settings, &ground, &sick, &mut taken, &is_free_for, &mut is_ripe);
    if !suspected.is_empty() {
        pass_on(&mut taken);
    }
    suspected.extend(unseen.suspected);
    taken.retain(|object, root| {
        !unseen.frozen.contains(root) || object == root || sieve.was_told(object)
    });
    for (object, collector) in unseen.taken {
        taken.entry(object).or_insert(collector); // What is believed to be down takes it along.
    }
    sick.extend(unseen.sick);

    let held = hold(&sick, &mut taken, &held_by);
    let causes = build(settings, topology, state, &sick, &taken, &suspected);
    Findings { causes, held, sick }
}

/// What hangs on a VM is its suspect's as well: the VM explains nothing that it suffers itself.
fn pass_on(taken: &mut Taken) {
    let roots: BTreeSet<&Object> = taken.values().collect();
    let further = roots.into_iter().filter_map(|root| {
        let further = taken.get(root).filter(|further| *further != root)?;
        Some((root.clone(), further.clone()))
    });
    let further: BTreeMap<Object, Object> = further.collect();
    if further.is_empty() {
        return;
    }
    for root in taken.values_mut() {
        if let Some(further) = further.get(root) {
            *root = further.clone();
        }
    }
}

/// Whether it is time to suspect a root. Nobody who was told of something is told of another, guessed
/// cause of it before what has failed since would be told itself: it may be over by then, or be
/// explained by something better.
fn ripe(
    settings: &Settings,
    sieve: &Sieve,
    root: &Object,
    failing: &[(&Object, Time)],
    timer: &mut Timer,
) -> bool {
    if sieve.was_told(root) || !failing.iter().any(|(object, _)| sieve.was_told(object)) {
        return true;
    }
    let due = |(object, since): &(&Object, Time)| *since + wait(settings, object);
    let new = failing.iter().filter(|(object, _)| !sieve.was_told(object));
    let ripe = new.map(due).min().or_else(|| failing.iter().map(due).max());
    ripe.is_none_or(|ripe| timer.reached(ripe))
}

/// How long its trouble waits: what may be explained by something above it for that, what explains
/// others for company.
fn wait(settings: &Settings, object: &Object) -> Duration {
    if is_infrastructure(object) { settings.group_wait } else { settings.child_wait }
}

/// Which incident keeps a place for an object that its root no longer explains: since the root is
/// back, or since the object was moved away from it. A suspicion that was over before anybody was told
/// of it keeps none, and neither does a root that was back before it was due.
fn held_by<'a>(
    topology: &Topology,
    state: &'a State,
    sick: &Sick,
    stands: &dyn Fn(&Object) -> bool,
    timer: &mut Timer,
) -> BTreeMap<&'a Object, u64> {
    let mut held = BTreeMap::new();
    for (number, incident) in &state.incidents {
        let was_guess = incident.roots.values().any(|root| root.basis.is_suspicion());
        let is_back = !incident.roots.keys().any(|root| sick.contains_key(root));
        let was_in_time = is_back && incident.back().unwrap_or(timer.now) < incident.due;
        if (was_guess || was_in_time) && !incident.was_told() {
            continue;
        }
        let stands = incident.roots.keys().any(stands);
        for (object, member) in &incident.members {
            let is_late = member.held_until.is_some_and(|until| timer.reached(until));
            let keeps = !is_late && !member.elsewhere && !incident.roots.contains_key(object);
            let is_explicable = || !stands || has_moved(topology, incident, object);
            if keeps && is_explicable() && !is_for_another_reason(sick, incident, object) {
                held.insert(object, *number);
            }
        }
    }
    held
}

/// Whether what is the matter with a root takes others along, or blinds us.
fn explains(root: &Object, health: &Health) -> bool {
    match root {
        Object::Collector(_) => health.trouble != Trouble::Degraded,
        Object::Module(_) | Object::Project(_) => false,
        Object::Switch(_)
        | Object::Host(_)
        | Object::Vm(_)
        | Object::DataSource(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => health.trouble == Trouble::Dead,
    }
}

/// Whether it ran on a root of the incident, and runs on none any more.
fn has_moved(topology: &Topology, incident: &Incident, object: &Object) -> bool {
    let is_carrier = |root: &&Object| matches!(root, Object::Switch(_) | Object::Host(_));
    let mut carriers = incident.roots.keys().filter(is_carrier).peekable();
    if !matches!(object, Object::Vm(_) | Object::DataSource(_)) || carriers.peek().is_none() {
        return false;
    }
    let line = lineage(topology, object);
    !carriers.any(|carrier| line.contains(carrier))
}

/// Whether its trouble is one that no root of the incident can explain: a VM does not die of its
/// software, what others see is not a collector's blindness, and no disk of a host fills up because of
/// its switch.
fn is_for_another_reason(sick: &Sick, incident: &Incident, object: &Object) -> bool {
    let Some(health) = sick.get(object) else { return false };
    incident.roots.keys().all(|root| match root {
        Object::Module(_) | Object::DataSource(_) => health.trouble == Trouble::Dead,
        Object::Collector(id) => !health.witnesses.contains(id),
        Object::Switch(_) => {
            matches!(object, Object::Host(_)) && health.trouble == Trouble::Degraded
        }
        Object::Host(_)
        | Object::Vm(_)
        | Object::Project(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => false,
    })
}

/// Sorts what nothing explains: to the incident that holds it, or to itself. A root that is held
/// explains nothing new, so what hangs on it is sorted likewise.
fn hold(
    sick: &Sick,
    taken: &mut Taken,
    held_by: &BTreeMap<&Object, u64>,
) -> BTreeMap<u64, BTreeMap<Object, Time>> {
    let mut held: BTreeMap<u64, BTreeMap<Object, Time>> = BTreeMap::new();
    let mut explained = Finder::new(taken);
    let unexplained: Vec<&Object> = sick.keys().filter(|object| !explained.has(object)).collect();
    for object in unexplained {
        taken.insert(object.clone(), object.clone());
    }
    if held_by.is_empty() {
        return held;
    }
    // Many hang on one root, so each root is looked up once.
    let mut roots: BTreeMap<Object, Option<&Health>> = BTreeMap::new();
    taken.retain(|object, root| {
        let known = match roots.get(root) {
            Some(known) => *known,
            None => {
                let of_root = sick.get(root).filter(|_| held_by.contains_key(root));
                roots.insert(root.clone(), of_root);
                of_root
            }
        };
        let Some(of_root) = known else { return true };
        let own = sick.get(object);
        if let Some(number) = held_by.get(object) {
            let since = own.unwrap_or(of_root).since;
            held.entry(*number).or_default().insert(object.clone(), since);
            return false;
        }
        *root = object.clone();
        own.is_some()
    });
    held
}

fn build(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    sick: &Sick,
    taken: &Taken,
    suspected: &BTreeMap<Object, Basis>,
) -> BTreeMap<Object, Cause> {
    let mut members_of: BTreeMap<&Object, Vec<&Object>> = BTreeMap::new();
    for (object, root) in taken {
        members_of.entry(root).or_default().push(object);
    }
    let causes = members_of.into_iter().map(|(root, members)| {
        let basis = suspected.get(root).copied().unwrap_or(Basis::Reported);
        (root.clone(), cause(settings, topology, state, sick, root, basis, &members))
    });
    causes.collect()
}

fn cause(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    sick: &Sick,
    root: &Object,
    basis: Basis,
    members: &[&Object],
) -> Cause {
    let own = sick.get(root);
    let mut healths = Finder::new(sick);
    let members: Vec<(&Object, Option<&Health>)> =
        members.iter().map(|member| (*member, healths.get(member))).collect();
    let ill: Vec<&Health> = members.iter().filter_map(|(_, health)| *health).collect();
    let first = ill.iter().map(|health| health.since).min();
    let since = own.map(|health| health.since).or(first).unwrap_or_default();
    let worst = ill.iter().map(|health| health.severity).max();
    let suffering = members.iter().filter(|(member, _)| *member != root || suffers_itself(root));
    let since_of = |health: &Option<&Health>| health.map_or(since, |health| health.since);
    Cause {
        root: root.clone(),
        basis,
        state: root_state(state, root, own, basis, since),
        severity: own.map(|health| health.severity).or(worst).unwrap_or(Severity::High),
        since,
        answering: answering(topology, state, root),
        due: due(settings, root, own, &ill).unwrap_or(since + settings.child_wait),
        members: suffering.map(|(member, health)| ((*member).clone(), since_of(health))).collect(),
    }
}

fn root_state(
    state: &State,
    root: &Object,
    own: Option<&Health>,
    basis: Basis,
    since: Time,
) -> RootState {
    let is_blind = matches!(root, Object::Collector(_));
    if let (Basis::Reported, Some(health)) = (basis, own) {
        return health.root_state(root);
    }
    let words = state.words.get(root).map_or(&[][..], Vec::as_slice);
    let is_known_to_work = matches!(root, Object::Module(_))
        || own.is_some_and(|health| health.trouble == Trouble::Degraded)
        || answered_after(root, words, since);
    match (is_blind, is_known_to_work) {
        (true, _) => RootState::Blind,
        (false, true) => RootState::Degraded,
        (false, false) => RootState::Down,
    }
}

/// A root that is reported waits for companions; what may yet be explained by something above it
/// waits for that. Whichever wait ends first.
fn due(settings: &Settings, root: &Object, own: Option<&Health>, ill: &[&Health]) -> Option<Time> {
    let wait = wait(settings, root);
    let of_root =
        own.map(|health| health.since + if health.flapping { Duration::ZERO } else { wait });
    // What had waited long before the root failed was told, or is to be told, for its own sake.
    let is_company =
        |health: &&&Health| own.is_none_or(|own| own.since < health.since + settings.child_wait);
    let failing = ill.iter().filter(|health| health.trouble >= Trouble::App).filter(is_company);
    let of_members = failing.map(|health| health.since + settings.child_wait).min();
    of_root.into_iter().chain(of_members).min()
}

/// A host that is down does not suffer, what it carries does; a VM is both.
fn suffers_itself(root: &Object) -> bool {
    matches!(root, Object::Vm(_) | Object::Module(_))
}

fn is_infrastructure(object: &Object) -> bool {
    match object {
        Object::Switch(_)
        | Object::Host(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => true,
        Object::Vm(_) | Object::Module(_) | Object::Project(_) => false,
    }
}

/// How many VMs on a root have answered although it is bad.
fn answering(topology: &Topology, state: &State, root: &Object) -> usize {
    let on = |host: &HostId| {
        let mut words = Finder::new(&state.words);
        let has_answered = |vm: &&VmId| {
            let words = words.get(&Object::Vm((*vm).clone()));
            words.is_some_and(|words| words.iter().all(Word::is_good))
        };
        topology.vms_on(host).filter(has_answered).count()
    };
    match root {
        Object::Host(host) => on(host),
        Object::Switch(_) => {
            let switch = |host: &Host| host.switch.clone().map(Object::Switch);
            let behind =
                topology.hosts.iter().filter(|(_, host)| switch(host).as_ref() == Some(root));
            behind.map(|(host, _)| on(host)).sum()
        }
        Object::Vm(_)
        | Object::Module(_)
        | Object::Project(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => 0,
    }
}
