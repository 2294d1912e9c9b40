//! Plays a correlation case in simulated time: the alerter of the brain, a world of a case.
//!
//! No clock, no socket, no store: whoever changes a rule sees at once what his fleet would have been
//! told. A restart keeps what the store would have kept, and nothing else.

pub mod case;
mod post;

use std::collections::BTreeMap;

use alerter::message::Message;
use alerter::record::{self, Piece, restore};
use alerter::{Action, Event, Settings, State};
use model::id::{CheckId, Object, SourceId};
use model::lang::Lang;
use model::signal::{Signal, SignalState};
use model::time::Time;
use model::topology::Topology;

use case::{Case, Happening};
use post::Post;

/// Plays the case to its end. Returns what was delivered, in the order of delivery, each with the
/// moment of its delivery as `at`. Everybody is spoken to in `lang`.
pub fn play(case: Case, lang: Lang) -> Vec<Message> {
    let mut world = World::of(&case, lang);
    for window in case.windows {
        let (on, from, until) = (window.on, window.from, window.until);
        world.hear(Event::Maintenance { on, from, until }, case.start);
    }
    for planned in case.events {
        world.run_until(planned.at);
        world.meet(planned.what, planned.at);
        world.deliver(planned.at);
    }
    world.run_until(case.end);
    world.told
}

/// What a check of a source last said of an object.
type Said = BTreeMap<(SourceId, CheckId, Object), SignalState>;

struct World {
    settings: Settings,
    topology: Topology,
    state: State,
    post: Post,
    said: Said,
    told: Vec<Message>,
    /// Until then the alerter is not running.
    away_until: Time,
    /// What happened to the topology meanwhile is there to be seen afterwards.
    missed: Vec<Event>,
}

impl World {
    fn of(case: &Case, lang: Lang) -> Self {
        let mut settings = case.settings.clone();
        let owners = case.topology.projects.values().flat_map(|project| &project.owners);
        let people = owners.chain(&settings.operations).cloned();
        settings.people = people.map(|person| (person, lang)).collect();
        Self {
            settings,
            topology: case.topology.clone(),
            state: State::default(),
            post: Post::default(),
            said: Said::new(),
            told: Vec::new(),
            away_until: case.start,
            missed: Vec::new(),
        }
    }

    /// Lets the timers run that fall due before `until`.
    fn run_until(&mut self, until: Time) {
        loop {
            let timers = [alerter::wake_at(&self.state), self.post.next_at()];
            let missed = (!self.missed.is_empty()).then_some(self.away_until);
            let due = timers.into_iter().flatten().chain(missed).min();
            let Some(due) = due.map(|due| due.max(self.away_until)).filter(|due| *due < until)
            else {
                return;
            };
            for event in std::mem::take(&mut self.missed) {
                self.hear(event, due);
            }
            if alerter::wake_at(&self.state).is_some_and(|at| at <= due) {
                self.hear(Event::Tick, due);
            }
            self.deliver(due);
        }
    }

    fn hear(&mut self, event: Event, now: Time) {
        let actions = alerter::step(&self.settings, &self.topology, &mut self.state, event, now);
        for action in actions {
            match action {
                Action::Tell(message) => self.post.take_up(message, now),
                Action::Opened(_)
                | Action::Changed(_)
                | Action::Closed(_)
                | Action::Noted(_)
                | Action::AcknowledgementBroken { .. } => {}
            }
        }
    }

    fn deliver(&mut self, now: Time) {
        if now < self.away_until {
            return;
        }
        let (settings, topology, state) = (&self.settings, &self.topology, &mut self.state);
        let renew =
            |message: &Message| alerter::deliver::renew(settings, topology, state, message, now);
        self.told.extend(self.post.try_due(now, renew));
    }

    fn meet(&mut self, what: Happening, now: Time) {
        let is_away = now < self.away_until;
        match what {
            Happening::Channel { to, is_up } => self.post.set(to, is_up),
            Happening::Restart { down } => {
                self.state = reopened(&self.state);
                self.away_until = now + down;
            }
            Happening::Signal(signal) => {
                if !is_away {
                    self.signal(signal, now);
                }
            }
            Happening::Sync(open, source) if !is_away => self.sync(open, &source, now),
            Happening::Acknowledged { root, by, text } if !is_away => {
                let open = alerter::incidents(&self.settings, &self.topology, &self.state);
                if let Some(incident) = open.into_iter().find(|incident| incident.root == root) {
                    self.hear(Event::Acknowledged { incident: incident.id, by, text }, now);
                }
            }
            Happening::Sync(..) | Happening::Acknowledged { .. } => {}
            Happening::VmAdded { .. }
            | Happening::VmMoved { .. }
            | Happening::VmDrained { .. }
            | Happening::VmGone { .. } => {
                let event = self.change_topology(what);
                if is_away {
                    self.missed.extend(event);
                } else if let Some(event) = event {
                    self.hear(event, now);
                }
            }
        }
    }

    fn signal(&mut self, signal: Signal, now: Time) {
        let key = (signal.source.clone(), signal.check.clone(), signal.object.clone());
        self.said.insert(key, signal.state);
        self.hear(Event::Signal(signal), now);
    }

    /// What a source does not list any more has ended; what it lists and nobody knew has begun.
    fn sync(&mut self, open: Vec<Signal>, source: &SourceId, now: Time) {
        let key =
            |signal: &Signal| (signal.source.clone(), signal.check.clone(), signal.object.clone());
        let listed: std::collections::BTreeSet<_> = open.iter().map(key).collect();
        let is_bad = |state: &SignalState| matches!(state, SignalState::Problem(_));
        let ended: Vec<_> = self
            .said
            .iter()
            .filter(|(known, state)| {
                known.0 == *source && is_bad(state) && !listed.contains(*known)
            })
            .map(|(known, _)| known.clone())
            .collect();
        for (source, check, object) in ended {
            let state = SignalState::Ok;
            let text = String::new();
            self.signal(Signal { source, check, object, state, at: now, via: None, text }, now);
        }
        for signal in open {
            if !self.said.get(&key(&signal)).is_some_and(is_bad) {
                self.signal(signal, now);
            }
        }
    }

    /// A change of a VM that nobody knows changes nothing.
    fn change_topology(&mut self, what: Happening) -> Option<Event> {
        let vms = &mut self.topology.vms;
        match what {
            Happening::VmAdded { vm, place } => {
                vms.insert(vm, place);
                Some(Event::Tick)
            }
            Happening::VmMoved { vm, to } => {
                let from = vms.change(&vm, |place| place.host.replace(to.clone()))??;
                Some(Event::VmMoved { vm, from, to })
            }
            Happening::VmDrained { vm } => {
                vms.change(&vm, |place| place.leaving = true)?;
                Some(Event::VmLeaving { vm })
            }
            Happening::VmGone { vm } => {
                vms.remove(&vm)?;
                Some(Event::VmGone { vm })
            }
            Happening::Signal(_)
            | Happening::Sync(..)
            | Happening::Acknowledged { .. }
            | Happening::Restart { .. }
            | Happening::Channel { .. } => None,
        }
    }
}

/// The state as a store would give it back.
fn reopened(state: &State) -> State {
    let pieces = record::pieces(state);
    let written = |piece: &Piece| Some((piece.key.clone(), piece.json.clone()?));
    let stored: BTreeMap<String, String> = pieces.iter().filter_map(written).collect();
    let pieces = stored.iter().map(|(key, json)| (key.as_str(), json.as_str()));
    restore(pieces).expect("we have just written them")
}
