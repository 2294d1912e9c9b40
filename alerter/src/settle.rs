//! One look at what the words mean: find the causes, gather them into incidents, tell, close,
//! forget.

use std::collections::BTreeSet;
use std::time::Duration;

use model::id::{IncidentId, ModuleId, Object, PersonId, VmId};
use model::time::Time;
use model::topology::Topology;

use crate::acknowledge;
use crate::act;
use crate::cause;
use crate::escalate;
use crate::event::Action;
use crate::facts::Facts;
use crate::finder::Finder;
use crate::gather::gather;
use crate::hear;
use crate::message::{Message, MessageKind};
use crate::object;
use crate::reason::reasons;
use crate::settings::Settings;
use crate::sick::Sick;
use crate::state::{Incident, State, id};
use crate::summary::{End, summary};
use crate::tell::{self, Share, Word};
use crate::text::Speaker;
use crate::timer::Timer;
use crate::trail;

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

    act::hush(topology, state, &mut timer);

    let notes = trail::gathered(topology, state, &findings, &gathered, now);
    let mut actions: Vec<Action> =
        trail::left_out(state, &mut timer).into_iter().chain(notes).map(Action::Noted).collect();
    for (merged, into) in &gathered.merged {
        let into = state.incidents.get(into).map(Incident::id);
        actions.push(Action::Noted(trail::ended(merged, into.clone(), now)));
        let end = End { closed: Some(now), merged_into: into };
        actions.push(Action::Closed(summary(settings, topology, state, merged, end)));
    }
    let sick = findings.into_sick();
    let open: Vec<u64> = state.incidents.keys().copied().collect();
    for number in open {
        let is_new = gathered.opened.contains(&number);
        actions.extend(break_off(state, number, now));
        actions.extend(announce(settings, topology, state, number, is_new));
        actions.extend(tell_all(settings, topology, state, number, &mut timer));
        let closed = close(settings, topology, state, number, &mut timer);
        actions.extend(closed.into_iter().flatten());
    }
    forget(settings, topology, state, &sick, now);
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

fn break_off(state: &mut State, number: u64, now: Time) -> Option<Action> {
    let incident = state.incidents.get_mut(&number)?;
    let broken = acknowledge::break_off(incident, now)?;
    Some(Action::AcknowledgementBroken { incident: incident.id(), broken })
}

fn tell_all(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    number: u64,
    timer: &mut Timer,
) -> Vec<Action> {
    let incident = &state.incidents[&number];
    let mut shares = tell::shares(settings, topology, incident);
    let steps = escalate::due(settings, topology, state, incident, timer);
    let called = escalate::call(topology, incident, &steps, &mut shares);
    let mut told = Vec::new();
    for (person, share) in &shares {
        let kind = tell::occasion(settings, topology, state, incident, person, share, timer);
        let Some(kind) = kind.or_else(|| escalate::occasion(incident, person, &called)) else {
            continue;
        };
        let call = called.get(person).cloned();
        let call = call.or_else(|| tell::relief(settings, incident, person, share));
        let members = tell::tells_of(share);
        let word = Word { kind, call, parties: share.parties(), members };
        let to = (person, share);
        let message = message(settings, topology, state, incident, to, &word, timer.now);
        told.push((message, word));
    }
    let mut messages = Vec::new();
    if let Some(incident) = state.incidents.get_mut(&number) {
        escalate::made(incident, &steps);
        for (message, word) in told {
            escalate::note(incident, &word, timer.now);
            tell::note(incident, &message.to, word, timer.now);
            messages.push(Action::Tell(message));
        }
        act::forget(incident, timer.now);
    }
    if !messages.is_empty() {
        await_more(settings, topology, state, number, timer);
    }
    messages
}

/// What was told starts new waits.
fn await_more(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    number: u64,
    timer: &mut Timer,
) {
    let incident = &state.incidents[&number];
    escalate::due(settings, topology, state, incident, timer);
    for (person, share) in tell::shares(settings, topology, incident) {
        let next = tell::occasion(settings, topology, state, incident, &person, &share, timer);
        if next.is_some() {
            timer.reached(timer.now + BREATH);
        }
    }
}

pub(crate) fn message(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    (person, share): (&PersonId, &Share),
    word: &Word,
    now: Time,
) -> Message {
    let kind = word.kind;
    let lang = settings.people.get(person).copied().unwrap_or_default();
    let told = incident.told.get(person);
    let number = told.map_or(1, |told| told.messages + 1);
    let known_as = told.filter(|_| kind == MessageKind::Resolved).map(|told| told.known_as);
    let id = id(known_as.unwrap_or(incident.number));
    let facts = Facts::gather(topology, state, incident, share, kind);
    let reasons = reasons(settings, state, incident, &facts.roots);
    let snooze = incident.snoozes.get(person);
    let is_snooze_over = snooze.is_some_and(|snooze| snooze.until <= now);
    let (call, known) = (word.call.as_ref(), state.beside.get(&incident.id()));
    let zone = &settings.zone;
    let speaker =
        Speaker { facts, topology, zone, told, is_snooze_over, call, known, reasons, lang, now };
    let text = speaker.text(share.view, kind);
    let facts = speaker.facts;
    Message {
        key: format!("{id}-{person}-{number}"),
        to: person.clone(),
        is_report: false,
        kind,
        view: share.view,
        incident: id,
        root: facts.root.clone(),
        more_roots: facts.roots[1..].iter().map(|root| (*root).clone()).collect(),
        state: facts.state,
        severity: incident.severity(),
        affected_more: facts.objects.len().saturating_sub(settings.most_named),
        affected: facts.objects.into_iter().take(settings.most_named).cloned().collect(),
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
) -> Option<Vec<Action>> {
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
    let mut notes = trail::untold(settings, topology, state, incident, timer.now);
    notes.push(trail::ended(incident, None, timer.now));
    state.incidents.remove(&number);
    Some(notes.into_iter().map(Action::Noted).chain([Action::Closed(summary)]).collect())
}

fn has_repairs(state: &State, incident: &Incident) -> bool {
    let mut vms = incident.members.keys().filter_map(object::vm);
    vms.any(|vm| state.repairs.contains_key(vm))
}

/// Drops what no open incident and nothing unwell refers to.
fn forget(settings: &Settings, topology: &Topology, state: &mut State, sick: &Sick, now: Time) {
    hear::forget(settings, topology, state, now);
    let State { incidents, beside, module_sizes, repairs, .. } = state;
    let open: BTreeSet<IncidentId> = incidents.values().map(Incident::id).collect();
    beside.retain(|incident, _| open.contains(incident));
    let members = || incidents.values().flat_map(|incident| &incident.members);
    let mut modules: BTreeSet<&ModuleId> = BTreeSet::new();
    modules.extend(members().filter_map(|(_, member)| member.module.as_ref()));
    let mut places = Finder::new(&topology.vms);
    let place = |object: &Object| places.get(object::vm(object)?);
    modules.extend(sick.keys().filter_map(place).filter_map(|place| place.module.as_ref()));
    module_sizes.retain(|module, _| modules.contains(module));
    let is_wrong = |vm: &VmId| {
        let object = Object::Vm(vm.clone());
        let mut members = incidents.values().map(|incident| &incident.members);
        sick.contains_key(&object) || members.any(|members| members.contains_key(&object))
    };
    repairs.retain(|vm, repair| repair.failed_at + settings.recovery_grace > now || is_wrong(vm));
}
