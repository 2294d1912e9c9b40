//! Brings what was found in line with the incidents that are open.
//!
//! A root that is found later takes over the incidents of what it explains; it opens none of its
//! own. Opening waits until a cause is certain: a reported host at once, a lone VM only when its
//! wait for something above it is over, so that most VM alarms never become an incident.
//!
//! Invariant: each object suffers under one incident at most, and is a root that is not back of one at
//! most.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use model::id::{ModuleId, Object, VmId};
use model::pack::{has_doubled, pack};
use model::time::Time;
use model::topology::{Topology, VmPlace};

use crate::cause::{Cause, Findings};
use crate::escalate;
use crate::finder::Finder;
use crate::message::RootState;
use crate::note::Departure;
use crate::object;
use crate::settings::Settings;
use crate::state::{Incident, Member, Root, State};
use crate::timer::Timer;

/// What became of the incidents.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) opened: BTreeSet<u64>,
    /// Each with the number of the incident that took it over.
    pub(crate) merged: Vec<(Incident, u64)>,
    /// What is a root now and was none, or was one for another reason.
    pub(crate) rooted: Vec<(u64, Object)>,
    /// What suffers now and did not before.
    pub(crate) joined: Vec<(u64, Object)>,
    /// What suffers no more.
    pub(crate) left: Vec<(u64, Object, Departure)>,
}

pub(crate) fn gather(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    findings: &Findings,
    timer: &mut Timer,
) -> Gathered {
    let mut gathered = Gathered::default();
    measure_modules(topology, state, findings);
    part_ways(state, findings);
    let before = by_root(state);
    let causes = findings.causes.values();
    let unplaced: Vec<&Cause> =
        causes.filter(|cause| !place(state, &before, cause, &mut gathered)).collect();
    open(settings, state, &unplaced, &mut gathered, timer);
    let home = by_root(state);
    let present = Present { findings, under: now_under(state, findings, &home), home };
    for incident in state.incidents.values_mut() {
        let rooted = follow_roots(incident, &present, timer.now);
        gathered.rooted.extend(rooted.into_iter().map(|root| (incident.number, root)));
    }
    follow_members(settings, topology, state, &present, timer, &mut gathered);
    gathered
}

/// Remembers how many VMs a module had when its trouble began.
fn measure_modules(topology: &Topology, state: &mut State, findings: &Findings) {
    let mut places = Finder::new(&topology.vms);
    let suffering = findings.causes.values().flat_map(|cause| cause.members.keys());
    let modules = suffering.filter_map(|object| module_of(&mut places, object));
    let new: BTreeSet<&ModuleId> =
        modules.filter(|module| !state.module_sizes.contains_key(module)).collect();
    if new.is_empty() {
        return;
    }
    let replacements: BTreeSet<_> =
        state.repairs.values().filter_map(|repair| repair.replaced_by.as_ref()).collect();
    let is_missed = |vm: &&VmId| {
        let is_known = || state.words.contains_key(&Object::Vm((*vm).clone()));
        !replacements.contains(vm) && (!topology.vms[*vm].leaving || is_known())
    };
    let size = |module: &ModuleId| topology.vms_of(module).filter(is_missed).count();
    let sizes: Vec<(ModuleId, usize)> =
        new.into_iter().map(|module| (module.clone(), size(module))).collect();
    state.module_sizes.extend(sizes.into_iter().filter(|(_, size)| *size > 0));
}

fn module_of<'o, 't: 'o>(
    places: &mut Finder<'t, VmId, VmPlace>,
    object: &'o Object,
) -> Option<&'o ModuleId> {
    if let Object::Module(module) = object {
        return Some(module);
    }
    places.get(object::vm(object)?)?.module.as_ref()
}

/// VMs were told of together because they failed alike; one that now fails otherwise leaves the
/// others, so that nobody reads that all of them are down when one is.
fn part_ways(state: &mut State, findings: &Findings) {
    for incident in state.incidents.values_mut().filter(|incident| incident.roots.len() > 1) {
        let is_other = |object: &Object, root: &Root| {
            let cause = findings.causes.get(object);
            cause.is_some_and(|cause| company(object, cause.state) != company(object, root.state))
        };
        let others = incident.roots.iter().filter(|(object, root)| is_other(object, root));
        let others: Vec<Object> = others.map(|(object, _)| object.clone()).collect();
        if others.len() == incident.roots.len() {
            continue;
        }
        for object in others {
            incident.roots.remove(&object);
            incident.members.remove(&object);
            incident.changed = true;
        }
    }
}

/// The incident of each root; the newest, where one that was back became suspect for what never came
/// back.
fn by_root(state: &State) -> BTreeMap<Object, u64> {
    let incidents = state.incidents.iter();
    incidents
        .flat_map(|(number, incident)| incident.roots.keys().map(|root| (root.clone(), *number)))
        .collect()
}

/// Finds the open incident of a cause: the one with its root, or one whose roots it explains.
/// Further ones that it explains are merged into it. False if there is none.
fn place(
    state: &mut State,
    by_root: &BTreeMap<Object, u64>,
    cause: &Cause,
    gathered: &mut Gathered,
) -> bool {
    let own = by_root.get(&cause.root).copied().filter(|own| {
        let incident = state.incidents.get(own);
        incident.is_some_and(|incident| !is_another_matter(incident, cause))
    });
    let mut explained = explained(state, cause).into_iter();
    let Some(keeper) = own.or_else(|| explained.next()) else { return false };
    for number in explained.filter(|number| *number != keeper) {
        merge(state, number, keeper, gathered);
    }
    let incident = state.incidents.get_mut(&keeper).expect("it was found just now");
    if own.is_none() {
        incident.roots = BTreeMap::from([(cause.root.clone(), root(cause))]);
        incident.changed = true;
        gathered.rooted.push((keeper, cause.root.clone()));
    }
    true
}

/// A root that was reported, and is back, is suspected for what it left behind: whoever was told of
/// the one hears its end, and of the other.
fn is_another_matter(incident: &Incident, cause: &Cause) -> bool {
    let known = incident.roots.get(&cause.root);
    let was_reported = known.is_some_and(|root| root.back.is_some() && !root.basis.is_suspicion());
    was_reported && cause.basis.is_suspicion() && incident.was_told()
}

/// The incidents that a cause takes over: the told ones first, then the oldest.
fn explained(state: &State, cause: &Cause) -> Vec<u64> {
    if cause.members.keys().all(|member| *member == cause.root) {
        return Vec::new(); // A cause that carries nothing else explains no other root.
    }
    let explained = state.incidents.values().filter(|incident| is_explained(incident, cause));
    let mut numbers: Vec<(bool, u64)> =
        explained.map(|incident| (!incident.was_told(), incident.number)).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|(_, number)| number).collect()
}

/// Whether all that is still bad of its roots hangs on the cause.
fn is_explained(incident: &Incident, cause: &Cause) -> bool {
    let mut bad = incident.roots.iter().filter(|(_, root)| root.back.is_none()).peekable();
    bad.peek().is_some()
        && bad.all(|(root, _)| *root != cause.root && cause.members.contains_key(root))
}

fn merge(state: &mut State, from: u64, into: u64, gathered: &mut Gathered) {
    let Some(merged) = state.incidents.remove(&from) else { return };
    let Some(keeper) = state.incidents.get_mut(&into) else { return };
    keeper.opened = keeper.opened.min(merged.opened);
    keeper.began = keeper.began.into_iter().chain(merged.began).min();
    keeper.changed = true;
    for (object, member) in &merged.members {
        keeper.members.entry(object.clone()).or_insert_with(|| member.clone());
    }
    escalate::merge(&mut keeper.climbs, &merged.climbs);
    for (person, told) in &merged.told {
        let known = keeper.told.entry(person.clone()).or_insert_with(|| told.clone());
        known.parties.extend(told.parties.iter().cloned());
        if known.ended && !told.ended {
            let before = std::mem::replace(known, told.clone()); // Its end is still owed.
            known.heard_of.extend(before.heard_of);
            known.parties.extend(before.parties);
            known.messages = known.messages.max(before.messages);
        }
    }
    for (person, snooze) in &merged.snoozes {
        keeper.snoozes.entry(person.clone()).or_insert_with(|| snooze.clone());
    }
    gathered.merged.push((merged, into));
}

fn open(
    settings: &Settings,
    state: &mut State,
    unplaced: &[&Cause],
    gathered: &mut Gathered,
    timer: &mut Timer,
) {
    let (single, shared): (Vec<&Cause>, Vec<&Cause>) =
        unplaced.iter().partition(|cause| company(&cause.root, cause.state).is_none());
    for cause in single {
        if is_ready(state, cause, timer) {
            gathered.opened.insert(open_one(state, &[cause], timer.now));
        }
    }
    for company_of in [Company::Failing, Company::Silent] {
        let waiting = shared
            .iter()
            .copied()
            .filter(|cause| company(&cause.root, cause.state) == Some(company_of));
        let waiting: Vec<&Cause> = waiting.collect();
        // Each is asked, not only the first that is ready: asking is what wakes us for the others.
        let ready = waiting.iter().filter(|cause| is_ready(state, cause, timer)).count();
        if ready == 0 {
            continue;
        }
        let horizon = timer.now + settings.group_wait;
        let together: Vec<&Cause> = waiting
            .into_iter()
            .filter(|cause| cause.due <= horizon || is_repaired(state, cause))
            .collect();
        gathered.opened.insert(open_one(state, &together, timer.now));
    }
}

/// With whom a VM without a common root is told of, if it falls due at about the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    Failing,
    Silent,
}

fn company(root: &Object, state: RootState) -> Option<Company> {
    match (root, state) {
        (Object::Vm(_), RootState::Down | RootState::Degraded) => Some(Company::Failing),
        (Object::Vm(_), RootState::Nodata) => Some(Company::Silent),
        _ => None,
    }
}

fn is_ready(state: &State, cause: &Cause, timer: &mut Timer) -> bool {
    cause.is_firm() || is_repaired(state, cause) || timer.reached(cause.due)
}

/// The scaler has acted on it, so it is certain enough.
fn is_repaired(state: &State, cause: &Cause) -> bool {
    matches!(&cause.root, Object::Vm(vm) if state.repairs.contains_key(vm))
}

fn open_one(state: &mut State, causes: &[&Cause], now: Time) -> u64 {
    state.last_number += 1;
    let number = state.last_number;
    let incident = Incident {
        number,
        opened: now,
        due: now,
        roots: causes.iter().map(|cause| (cause.root.clone(), root(cause))).collect(),
        members: BTreeMap::new(),
        told: BTreeMap::new(),
        acknowledged: None,
        snoozes: BTreeMap::new(),
        silenced: BTreeMap::new(),
        taken_on: None,
        broken: None,
        climbs: BTreeMap::new(),
        changed: false,
        began: None,
        notes: 0,
        unnoted: 0,
    };
    state.incidents.insert(number, incident);
    number
}

fn root(cause: &Cause) -> Root {
    Root {
        since: cause.since,
        state: cause.state,
        severity: cause.severity,
        basis: cause.basis,
        answering: cause.answering,
        back: None,
    }
}

/// Under which incident an object suffers now, and how.
struct Place {
    incident: u64,
    since: Time,
    /// A root explains it; else its place is only kept.
    is_explained: bool,
    /// A check of its own is bad.
    is_reported: bool,
}

type Under<'a> = BTreeMap<&'a Object, Place>;

/// What is the matter now, and where it belongs.
struct Present<'a> {
    findings: &'a Findings,
    under: Under<'a>,
    /// The incident of each root.
    home: BTreeMap<Object, u64>,
}

impl Present<'_> {
    /// The cause that a root of an incident is, if it is that incident's.
    fn cause(&self, number: u64, root: &Object) -> Option<&Cause> {
        let is_its = self.home.get(root) == Some(&number);
        self.findings.causes.get(root).filter(|_| is_its)
    }

    /// Whether it is the root of another incident: a host or a data source that is down suffers under
    /// none.
    fn is_root_elsewhere(&self, number: u64, object: &Object) -> bool {
        let is_other = self.home.get(object).is_some_and(|home| *home != number);
        is_other && self.findings.causes.contains_key(object)
    }
}

fn now_under<'a>(state: &State, findings: &'a Findings, home: &BTreeMap<Object, u64>) -> Under<'a> {
    // Each cause is in order, and so nearly is what is made of them.
    let mut under: Vec<(&Object, Place)> = Vec::new();
    let mut sick = Finder::new(&findings.sick);
    let mut put = |incident: u64, object: &'a Object, since: Time, is_explained: bool| {
        let is_reported = sick.has(object);
        under.push((object, Place { incident, since, is_explained, is_reported }));
    };
    for (number, incident) in &state.incidents {
        let roots = incident.roots.keys().filter(|root| home.get(root) == Some(number));
        let causes = roots.filter_map(|root| findings.causes.get(root));
        for (object, since) in causes.flat_map(|cause| &cause.members) {
            put(*number, object, *since, true);
        }
        for (object, since) in findings.held.get(number).into_iter().flatten() {
            put(*number, object, *since, false);
        }
    }
    under.into_iter().collect()
}

/// What is a root now and was none, or was one for another reason.
fn follow_roots(incident: &mut Incident, present: &Present, now: Time) -> Vec<Object> {
    let before = incident.roots.clone();
    let number = incident.number;
    let under = &present.under;
    let went = |object: &Object| under.get(object).is_some_and(|place| place.incident != number);
    if !before.keys().all(went) {
        incident.roots.retain(|object, _| !went(object));
    }
    let mut due = None;
    for (object, known) in &mut incident.roots {
        match present.cause(number, object) {
            Some(cause) => {
                *known = root(cause);
                due = Some(due.map_or(cause.due, |due: Time| due.min(cause.due)));
            }
            None => known.back = known.back.or(Some(now)),
        }
    }
    if let Some(due) = due.filter(|_| !incident.was_told()) {
        incident.due = due;
    }
    let since = incident.roots.values().map(|root| root.since);
    incident.began = incident.began.into_iter().chain(since).min();
    incident.changed |= incident.roots != before;
    let is_new = |object: &Object, root: &Root| {
        let known = before.get(object).map(|known| known.basis.is_suspicion());
        known != Some(root.basis.is_suspicion())
    };
    let rooted = incident.roots.iter().filter(|(object, root)| is_new(object, root));
    rooted.map(|(object, _)| object.clone()).collect()
}

fn follow_members(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    present: &Present,
    timer: &mut Timer,
    gathered: &mut Gathered,
) {
    let Present { findings, under, .. } = present;
    let mut places = Finder::new(&topology.vms);
    let before: Vec<usize> = state.incidents.values().map(|i| i.members.len()).collect();
    for (object, place) in under {
        if let Some(incident) = state.incidents.get_mut(&place.incident)
            && join(incident, object, place, &mut places)
        {
            gathered.joined.push((place.incident, (*object).clone()));
        }
    }
    for (incident, before) in state.incidents.values_mut().zip(before) {
        if has_doubled(before, incident.members.len()) {
            pack(&mut incident.members);
        }
        let never = take_back(incident, topology, findings, under);
        let number = incident.number;
        gathered.left.extend(never.into_iter().map(|o| (number, o, Departure::NeverDid)));
        let (number, was_told) = (incident.number, incident.was_told());
        let (mut here, mut sick) = (Finder::new(under), Finder::new(&findings.sick));
        for (object, member) in &mut incident.members {
            let place = here.get(object);
            let is_elsewhere = place.is_some_and(|place| place.incident != number)
                || (place.is_none() && present.is_root_elsewhere(number, object));
            let is_well = place.is_none() && !sick.has(object);
            // It waits for an incident of its own; nobody was told that it is part of this one.
            let is_elsewhere = is_elsewhere || (place.is_none() && !is_well && !was_told);
            if is_well || is_elsewhere {
                incident.changed |= member.well.is_none();
                if member.well.is_none() {
                    let because = if is_elsewhere { Departure::Elsewhere } else { Departure::Well };
                    gathered.left.push((number, object.clone(), because));
                }
                member.well.get_or_insert(timer.now);
            }
            member.elsewhere |= is_elsewhere;
            if place.is_none_or(|place| !place.is_explained) {
                let until = timer.now + settings.recovery_grace;
                timer.reached(*member.held_until.get_or_insert(until));
            }
        }
    }
}

/// Whether it did not suffer under the incident before.
fn join(
    incident: &mut Incident,
    object: &Object,
    place: &Place,
    places: &mut Finder<'_, VmId, VmPlace>,
) -> bool {
    let entry = incident.members.entry(object.clone());
    let is_new = matches!(entry, Entry::Vacant(_));
    let member = entry.or_insert_with(|| Member {
        since: place.since,
        well: None,
        module: module_of(places, object).cloned(),
        is_unknown: object::vm(object).is_some_and(|vm| !places.has(vm)),
        reported: false,
        held_until: None,
        elsewhere: false,
        suffered_ms: 0,
    });
    let suffers_anew = is_new || member.well.is_some();
    incident.changed |= suffers_anew;
    incident.began = incident.began.into_iter().chain([place.since]).min();
    if let Some(well) = member.well.take() {
        member.suffered_ms += u64::try_from(well.since(member.since).as_millis()).unwrap_or(0);
        member.since = place.since; // Anew; else it began when it began, flapping or not.
    }
    member.reported |= place.is_reported;
    member.elsewhere = false;
    if place.is_explained {
        member.held_until = None;
    }
    suffers_anew
}

/// What was only deduced to suffer, and has answered before anybody was told, never did.
fn take_back(
    incident: &mut Incident,
    topology: &Topology,
    findings: &Findings,
    under: &Under,
) -> Vec<Object> {
    if incident.was_told() {
        return Vec::new();
    }
    let is_there = |object: &Object| match object::vm(object) {
        Some(vm) => topology.vms.contains_key(vm),
        None => true,
    };
    let mut never = Vec::new();
    let (mut here, mut sick) = (Finder::new(under), Finder::new(&findings.sick));
    incident.members.retain(|object, member| {
        let suffers = member.reported || here.has(object) || sick.has(object);
        let stays = suffers || !is_there(object);
        if !stays {
            never.push(object.clone());
        }
        stays
    });
    incident.changed |= !never.is_empty();
    never
}
