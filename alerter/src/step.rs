//! The state machine: one event in, actions out.
//!
//! Most events only add a word. What the words mean is settled at most once a second, and more seldom
//! when very much is wrong, so that a storm of ten thousand events costs a few looks and not ten
//! thousand.

use std::time::Duration;

use model::id::{Object, VmId};
use model::signal::Signal;
use model::time::Time;
use model::topology::Topology;

use crate::acknowledge;
use crate::act;
use crate::clock;
use crate::event::{Action, Event, IncidentSummary, Repair};
use crate::hear;
use crate::rule::Said;
use crate::settings::Settings;
use crate::settle::{BREATH, settle};
use crate::state::{State, Window};
use crate::summary::{End, summary};
use crate::trail;

/// From seventy-five thousand words on, looks come more seldom than once a second.
const WORDS_PER_MS: usize = 75;

/// Takes in one event. `topology` is the present one, already changed by the event.
///
/// The caller carries out the actions in their order, stores the state in the same transaction,
/// and calls again with [`Event::Tick`] no later than [`wake_at`].
pub fn step(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    event: Event,
    now: Time,
) -> Vec<Action> {
    clock::follow(state, now);
    let mut actions = Vec::new();
    let is_prompt = matches!(event, Event::Beside(_));
    let changed = take_in(settings, topology, state, event, &mut actions, now);
    state.unsettled |= changed;
    if is_prompt {
        return actions; // It comes before what is to be looked at, and is no reason to look.
    }
    let is_due = state.wake_at.is_some_and(|wake_at| wake_at <= now);
    if !state.unsettled && !is_due {
        return actions;
    }
    if let Some(next) = next_breath(state, now) {
        state.wake_at = Some(next); // It will see to all that is due by then.
        return actions;
    }
    actions.extend(settle(settings, topology, state, now));
    actions
}

/// When [`step`] next wants a [`Event::Tick`], if nothing else happens first.
pub fn wake_at(state: &State) -> Option<Time> {
    state.wake_at
}

/// The open incidents, the oldest first.
pub fn incidents(settings: &Settings, topology: &Topology, state: &State) -> Vec<IncidentSummary> {
    let open = state.incidents.values();
    open.map(|incident| summary(settings, topology, state, incident, End::default())).collect()
}

/// Whether anything may follow from it.
fn take_in(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    event: Event,
    actions: &mut Vec<Action>,
    now: Time,
) -> bool {
    let mut hear = |state: &mut State, signal: &Signal| {
        let hearing = hear::hear(settings, topology, state, signal, now);
        let note = trail::heard(settings, topology, state, signal, hearing, now);
        actions.extend(note.map(Action::Noted));
        hearing.may_matter()
    };
    match event {
        Event::Signal(signal) => hear(state, &signal),
        Event::Rule(said) => {
            let Said { signal, words } = *said;
            let changed = hear(state, &signal);
            state.translate(&signal.object, &signal.check, words);
            changed
        }
        Event::VmMoved { .. } | Event::Relieved => true,
        Event::VmLeaving { vm } => leave(state, vm),
        Event::VmGone { vm } => remove(state, vm, now),
        Event::Repaired(repair) => repaired(state, repair),
        Event::Acknowledged { incident, by, text } => {
            let known = state.incidents.values_mut().find(|known| known.id() == incident);
            known.is_some_and(|known| {
                acknowledge::take_on(known, by, text, now);
                true
            })
        }
        Event::Act(act) => act::take_in(state, *act, now),
        Event::Maintenance { on, from, until } => {
            state.windows.push(Window { on, from, until });
            true
        }
        Event::Beside(beside) => {
            state.beside = beside;
            false
        }
        Event::Tick => false,
    }
}

/// What a VM said before it was taken away on purpose is forgotten, unless it is part of an
/// incident or was replaced: then it failed first, and leaves because of that.
fn leave(state: &mut State, vm: VmId) -> bool {
    let is_replaced = state.repairs.contains_key(&vm);
    let object = Object::Vm(vm);
    if !is_replaced && state.incident_of(&object).is_none() {
        state.words.remove(&object);
    }
    true
}

fn remove(state: &mut State, vm: VmId, now: Time) -> bool {
    state.words.remove(&Object::Vm(vm.clone()));
    state.gone.insert(vm, now);
    true
}

fn repaired(state: &mut State, repair: Repair) -> bool {
    state.repairs.insert(repair.vm.clone(), repair);
    true
}

/// What a look costs follows from what is wrong. A hundred thousand words are looked at every 1.3
/// seconds, so that most of the time is left for hearing what comes.
fn breath(state: &State) -> Duration {
    BREATH.max(Duration::from_millis((state.words.len() / WORDS_PER_MS) as u64))
}

/// When the next look is allowed, if not now.
fn next_breath(state: &State, now: Time) -> Option<Time> {
    let last = state.settled_at.filter(|last| *last <= now)?;
    let next = last + breath(state);
    (next > now).then_some(next)
}
