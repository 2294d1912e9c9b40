//! Plays a correlation case in simulated time: the alerter of the brain, a world of a case.
//!
//! No clock, no socket, no store: whoever changes a rule sees at once what his fleet would have been
//! told. A restart keeps what the store would have kept, and nothing else.

pub mod case;
mod post;

use std::collections::{BTreeMap, BTreeSet};

use alerter::message::Message;
use alerter::record::{self, Piece, restore};
use alerter::{Action, Event, Settings, State};
use model::id::{CheckId, Object, SourceId};
use model::lang::Lang;
use model::signal::{Signal, SignalState};
use model::time::Time;
use model::topology::Topology;

use case::{Case, Happening, List, Listed};
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

struct World {
    settings: Settings,
    topology: Topology,
    state: State,
    post: Post,
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
                    self.hear(Event::Signal(signal), now);
                }
            }
            Happening::Sync(list) if !is_away => self.sync(list, now),
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

    /// What a source does not list any more has ended; what it lists and nobody knew has begun; and
    /// what it lists is as bad as the list says.
    fn sync(&mut self, list: List, now: Time) {
        let List { source, at, open } = list;
        let known = self.bad_by(&source);
        let listed: BTreeSet<Key> = open.iter().map(|listed| key(&listed.signal)).collect();
        for (object, check) in known.keys().filter(|key| !listed.contains(*key)).cloned() {
            let (source, state, text) = (source.clone(), SignalState::Ok, String::new());
            let ended = Signal { source, check, object, state, at, via: None, text };
            self.hear(Event::Signal(ended), now);
        }
        for Listed { signal, has_severity } in open {
            let known = known.get(&key(&signal));
            if known.is_none_or(|known| has_severity && *known != signal.state) {
                self.hear(Event::Signal(signal), now);
            }
        }
    }

    /// What is bad by a source's own words; where it said nothing, it has nothing to take back.
    fn bad_by(&self, source: &SourceId) -> BTreeMap<Key, SignalState> {
        let bad = self.state.bad_by(source);
        let bad = bad.filter(|(_, _, said)| matches!(said, SignalState::Problem(_)));
        bad.map(|(object, check, said)| ((object.clone(), check.clone()), said)).collect()
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

/// Of what a signal speaks.
type Key = (Object, CheckId);

fn key(signal: &Signal) -> Key {
    (signal.object.clone(), signal.check.clone())
}

/// The state as a store would give it back.
fn reopened(state: &State) -> State {
    let pieces = record::pieces(state);
    let written = |piece: &Piece| Some((piece.key.clone(), piece.json.clone()?));
    let stored: BTreeMap<String, String> = pieces.iter().filter_map(written).collect();
    let pieces = stored.iter().map(|(key, json)| (key.as_str(), json.as_str()));
    restore(pieces).expect("we have just written them")
}
