//! One look at what the words mean: find the causes, gather them into incidents, tell, close,
//! forget.

use std::collections::BTreeSet;
use std::time::Duration;

use model::id::{IncidentId, ModuleId, PersonId, VmId};
use model::time::Time;
use model::topology::Topology;

use crate::cause;
use crate::event::Action;
use crate::facts::Facts;
use crate::gather::gather;
use crate::hear;
use crate::message::{Message, MessageKind};
use crate::object;
use crate::reason::reasons;
use crate::settings::Settings;
use crate::sick::Sick;
use crate::state::{Incident, State, id};
use crate::summary::{End, summary};
use crate::tell::{self, Share};
use crate::text::Speaker;
use crate::timer::Timer;

/// The least time between two looks.
pub(crate) const BREATH: Duration = Duration::from_secs(1);

pub(crate) fn settle(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    now: Time,
) -> Vec<Action> {
    let mut timer = Timer::at(now);
    hear::calm(settings, state, now);
    let findings = cause::find(settings, topology, state, &mut timer);
    let gathered = gather(settings, topology, state, &findings, &mut timer);

    let mut actions = Vec::new();
    for (merged, into) in &gathered.merged {
        let into = state.incidents.get(into).map(Incident::id);
        let end = End { closed: Some(now), merged_into: into };
        actions.push(Action::Closed(summary(settings, topology, state, merged, end)));
    }
    let open: Vec<u64> = state.incidents.keys().copied().collect();
    for number in open {
        let is_new = gathered.opened.contains(&number);
        actions.extend(announce(settings, topology, state, number, is_new));
        actions.extend(tell_all(settings, topology, state, number, &mut timer));
        actions.extend(close(settings, topology, state, number, &mut timer));
    }
    forget(settings, topology, state, &findings.sick, now);
    if actions.iter().any(|action| matches!(action, Action::Tell(_))) {
        timer.reached(now + BREATH); // What was told starts new waits: look once more.
    }
    state.unsettled = false;
    state.settled_at = Some(now);
    state.wake_at = timer.next();
    actions
}

fn announce(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    number: u64,
    is_new: bool,
) -> Option<Action> {
    let incident = state.incidents.get_mut(&number)?;
    let is_news = std::mem::take(&mut incident.changed) || is_new;
    let incident = &state.incidents[&number];
    let news = || summary(settings, topology, state, incident, End::default());
    let action = if is_new { Action::Opened } else { Action::Changed };
    is_news.then(|| action(news()))
}

fn tell_all(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    number: u64,
    timer: &mut Timer,
) -> Vec<Action> {
    let incident = &state.incidents[&number];
    let mut messages = Vec::new();
    for (person, share) in tell::shares(settings, topology, incident) {
        let kind = tell::occasion(settings, topology, state, incident, &person, &share, timer);
        if let Some(kind) = kind {
            let to = (&person, &share);
            messages.push(message(settings, topology, state, incident, to, kind, timer.now));
        }
    }
    if let Some(incident) = state.incidents.get_mut(&number) {
        for message in &messages {
            tell::note(incident, &message.to, message.kind, timer.now);
        }
    }
    messages.into_iter().map(Action::Tell).collect()
}

pub(crate) fn message(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    (person, share): (&PersonId, &Share),
    kind: MessageKind,
    now: Time,
) -> Message {
    let lang = settings.people.get(person).copied().unwrap_or_default();
    let told = incident.told.get(person);
    let number = told.map_or(1, |told| told.messages + 1);
    let known_as = told.filter(|_| kind == MessageKind::Resolved).map(|told| told.known_as);
    let id = id(known_as.unwrap_or(incident.number));
    let facts = Facts::gather(topology, state, incident, share, kind);
    let reasons = reasons(settings, topology, state, incident, &facts.roots);
    let known = state.beside.get(&incident.id());
    let speaker = Speaker { facts, topology, told, known, reasons, lang, now };
    let text = speaker.text(share.view, kind);
    let facts = speaker.facts;
    Message {
        key: format!("{id}-{person}-{number}"),
        to: person.clone(),
        kind,
        view: share.view,
        incident: id,
        root: facts.root.clone(),
        more_roots: facts.roots[1..].iter().map(|root| (*root).clone()).collect(),
        state: facts.state,
        severity: incident.severity(),
        affected: facts.objects.into_iter().cloned().collect(),
        businesses: facts.businesses.into_iter().cloned().collect(),
        lang,
        text,
        at: now,
    }
}

/// Closes an incident when all is well and everybody who was told of it knows. One that nobody
/// was told of must be well for as long before it counts as over.
fn close(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    number: u64,
    timer: &mut Timer,
) -> Option<Action> {
    let incident = state.incidents.get(&number)?;
    let back = incident.back()?;
    if incident.suffering().next().is_some() || !incident.told.values().all(|told| told.ended) {
        return None;
    }
    let members = incident.members.values().filter(|member| !member.elsewhere);
    let well = members.filter_map(|member| member.well).chain([back]).max()?;
    let awaits_telling = !incident.was_told() && has_repairs(state, incident);
    let is_over = timer.reached(well + settings.resolve_hold);
    if awaits_telling && !timer.reached(incident.due) || !is_over {
        return None;
    }
    let end = End { closed: Some(timer.now), merged_into: None };
    let summary = summary(settings, topology, state, incident, end);
    state.incidents.remove(&number);
    Some(Action::Closed(summary))
}

fn has_repairs(state: &State, incident: &Incident) -> bool {
    let mut vms = incident.members.keys().filter_map(object::vm);
    vms.any(|vm| state.repairs.contains_key(vm))
}

/// Drops what no open incident and nothing unwell refers to.
fn forget(settings: &Settings, topology: &Topology, state: &mut State, sick: &Sick, now: Time) {
    hear::forget(settings, topology, state, now);
    let open: BTreeSet<IncidentId> = state.incidents.values().map(Incident::id).collect();
    state.beside.retain(|incident, _| open.contains(incident));
    let mut vms: BTreeSet<VmId> = BTreeSet::new();
    let mut modules: BTreeSet<ModuleId> = BTreeSet::new();
    for (object, member) in state.incidents.values().flat_map(|incident| &incident.members) {
        modules.extend(member.module.clone());
        vms.extend(object::vm(object).cloned());
    }
    for object in sick.keys() {
        let vm = object::vm(object);
        modules.extend(vm.and_then(|vm| topology.vms.get(vm)?.module.clone()));
        vms.extend(vm.cloned());
    }
    state.module_sizes.retain(|module, _| modules.contains(module));
    state
        .repairs
        .retain(|vm, repair| vms.contains(vm) || repair.failed_at + settings.recovery_grace > now);
}
