//! From events to signals: what is wrong with which object, said once and ended once.
//!
//! Zabbix tells of problems and of recoveries, and a recovery may end one problem, or all of its
//! trigger, or those with a certain tag. Several problems may speak of one check of one object.
//! So each open problem is kept by its number until the very recovery that ended it is known, and
//! a check is good again when the last of its problems has ended.
//!
//! Which problems a recovery ends stands on the problem's row (`r_eventid`), not on the recovery:
//! [`Problems::unsure`] names the rows that must be read again before a batch is absorbed.
//!
//! Pure; the state can be stored. Invariants: a check of an object was last said to be bad if and
//! only if one of its problems is open; the times of a check's signals never go back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{CheckId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use serde::{Deserialize, Serialize};

use super::event::{Event, Happening};
use super::ids::{EventId, HostKey, TriggerId};
use super::mapping::{Mapping, Says};
use super::topology::Directory;

/// How long the time of a check's last signal is kept after it was good.
const SAID_FOR: Duration = Duration::from_secs(600);
/// How long a recovery is kept: a problem that appears late may have ended already.
const RECOVERED_FOR: Duration = Duration::from_secs(60);

/// What is open, by the events that were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Problems {
    open: BTreeMap<EventId, Open>,
    /// When each check was last spoken of, by the name of its target.
    said: BTreeMap<String, Time>,
    recovered: BTreeMap<EventId, Recovered>,
    /// The open problems of each target; follows from `open`.
    #[serde(skip)]
    by_target: BTreeMap<Target, BTreeSet<EventId>>,
}

#[derive(Deserialize)]
struct Stored {
    open: BTreeMap<EventId, Open>,
    said: BTreeMap<String, Time>,
    recovered: BTreeMap<EventId, Recovered>,
}

/// An open problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub trigger: TriggerId,
    /// What it speaks of; empty while nobody knows what its hosts are.
    pub targets: BTreeSet<Target>,
    pub hosts: Vec<HostKey>,
    pub severity: Severity,
    pub at: Time,
    pub name: String,
    /// Under maintenance.
    pub suppressed: bool,
    recovery: Option<EventId>,
    pub standing: Standing,
}

/// One check of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    pub object: Object,
    pub check: CheckId,
}

/// Whether Zabbix still watches what has the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Watched,
    /// The host, the trigger or its item was disabled: no recovery will come.
    Disabled,
    /// The host was deleted: no recovery will come.
    Deleted {
        since: Time,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recovered {
    trigger: TriggerId,
    /// What it ended, where its source says so.
    problem: Option<EventId>,
    at: Time,
    seen: Time,
}

/// A signal, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub signal: Signal,
    /// The problem that it is about.
    pub event: EventId,
    /// All that is open of this check is under maintenance.
    pub suppressed: bool,
    pub why: Why,
}

/// How we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// An event said so.
    Event,
    /// The reconciliation found it: its event never reached us, or a person changed it.
    Reconciled,
    /// The problem is not there any more, and nothing says why.
    Vanished,
    /// Its host was deleted a day ago, and nobody decided meanwhile.
    HostDeleted,
}

/// What events are read with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub source: &'a SourceId,
    pub mapping: &'a Mapping,
    pub directory: &'a Directory,
    pub now: Time,
}

impl Problems {
    /// The open problems, here and among `batch`, that a recovery may have ended: their rows must
    /// be read (again) and given to [`Self::learn`] before the batch is absorbed.
    pub fn unsure(&self, batch: &[Event]) -> BTreeSet<EventId> {
        let mut recovered: BTreeMap<TriggerId, EventId> = BTreeMap::new();
        let mut note = |trigger, id: EventId| {
            let newest = recovered.entry(trigger).or_insert(id);
            *newest = id.max(*newest);
        };
        for event in batch {
            if event.what == (Happening::Recovery { problem: None }) {
                note(event.trigger, event.id);
            }
        }
        self.recovered.iter().for_each(|(id, recovery)| note(recovery.trigger, *id));
        let may_be_over = |id: EventId, trigger| recovered.get(&trigger).is_some_and(|r| *r > id);
        let known = self
            .open
            .iter()
            .filter(|(id, open)| open.recovery.is_none() && may_be_over(**id, open.trigger));
        let new = batch.iter().filter(|event| match event.what {
            Happening::Problem { recovery: None, .. } => may_be_over(event.id, event.trigger),
            Happening::Problem { .. } | Happening::Recovery { .. } => false,
        });
        known.map(|(id, _)| *id).chain(new.map(|event| event.id)).collect()
    }

    /// Takes in which recovery ended which problem, here and in `batch`; what ended one whose
    /// recovery was absorbed before is said at once.
    pub fn learn(
        &mut self,
        ended: &BTreeMap<EventId, EventId>,
        batch: &mut [Event],
        context: &Context<'_>,
    ) -> Vec<Told> {
        for event in batch {
            if let Happening::Problem { recovery, .. } = &mut event.what {
                *recovery = recovery.or(ended.get(&event.id).copied());
            }
        }
        let mut told = Vec::new();
        for (problem, recovery) in ended {
            let Some(open) = self.open.get_mut(problem) else { continue };
            open.recovery = Some(*recovery);
            if let Some(recovered) = self.recovered.get(recovery).copied() {
                self.close(*problem, recovered.at, Why::Event, context, &mut told);
            }
        }
        told
    }

    /// Takes in events, in the order of their numbers.
    pub fn absorb(&mut self, mut batch: Vec<Event>, why: Why, context: &Context<'_>) -> Vec<Told> {
        batch.sort_by_key(|event| event.id);
        let mut ends: BTreeMap<EventId, Vec<EventId>> = BTreeMap::new();
        for (id, open) in &self.open {
            if let Some(recovery) = open.recovery {
                ends.entry(recovery).or_default().push(*id);
            }
        }
        let early = self.recovered.values().filter_map(|over| Some((over.problem?, over.at)));
        let early: BTreeMap<EventId, Time> = early.collect();
        let mut told = Vec::new();
        for event in batch {
            match event.what {
                Happening::Problem { recovery, .. } => {
                    if let Some(recovery) = recovery {
                        ends.entry(recovery).or_default().push(event.id);
                    }
                    let over = recovery.and_then(|recovery| self.recovered.get(&recovery));
                    let over = over.map(|over| over.at).or(early.get(&event.id).copied());
                    let id = event.id;
                    self.open(event, why, context, &mut told);
                    if let Some(at) = over {
                        self.close(id, at, why, context, &mut told);
                    }
                }
                Happening::Recovery { problem } => {
                    let Event { id, trigger, at, .. } = event;
                    let over = Recovered { trigger, problem, at, seen: context.now };
                    self.recovered.insert(id, over);
                    for problem in ends.remove(&id).into_iter().flatten().chain(problem) {
                        self.close(problem, at, why, context, &mut told);
                    }
                }
            }
        }
        self.forget_old(context.now);
        told
    }

    /// Ends a problem.
    pub fn close(
        &mut self,
        problem: EventId,
        at: Time,
        why: Why,
        context: &Context<'_>,
        told: &mut Vec<Told>,
    ) {
        let Some(closed) = self.open.remove(&problem) else { return };
        for target in &closed.targets {
            if let Some(left) = self.by_target.get_mut(target) {
                left.remove(&problem);
                if left.is_empty() {
                    self.by_target.remove(target);
                }
            }
            told.extend(self.tell(target, problem, at, why, context, Some(&closed)));
        }
    }

    /// Says anew what is open of a problem's checks, because something about it has changed.
    pub fn repeat(&mut self, problem: EventId, why: Why, context: &Context<'_>) -> Vec<Told> {
        let targets = self.open.get(&problem).map(|open| open.targets.clone()).unwrap_or_default();
        let told = targets
            .iter()
            .filter_map(|target| self.tell(target, problem, context.now, why, context, None));
        told.collect()
    }

    /// Looks again for what the hosts of problems are of which nobody knew it.
    pub fn find_homes(&mut self, context: &Context<'_>) -> Vec<Told> {
        let homeless = self.open.iter_mut().filter(|(_, open)| open.targets.is_empty());
        let mut found = Vec::new();
        for (id, open) in homeless {
            open.targets = targets(open.trigger, &open.name, &open.hosts, context);
            for target in &open.targets {
                self.by_target.entry(target.clone()).or_default().insert(*id);
                found.push(*id);
            }
        }
        found.dedup();
        found.into_iter().flat_map(|id| self.repeat(id, Why::Reconciled, context)).collect()
    }

    /// The numbers of the open problems of a check: what to acknowledge.
    pub fn events_of<'a>(&'a self, target: &Target) -> impl Iterator<Item = EventId> + 'a {
        self.by_target.get(target).into_iter().flatten().copied()
    }

    /// What is open, by its number.
    pub fn open_now(&self) -> &BTreeMap<EventId, Open> {
        &self.open
    }

    pub(super) fn open_mut(&mut self, event: EventId) -> Option<&mut Open> {
        self.open.get_mut(&event)
    }

    fn open(&mut self, event: Event, why: Why, context: &Context<'_>, told: &mut Vec<Told>) {
        let Event { id, trigger, at, what } = event;
        let Happening::Problem { severity, name, hosts, suppressed, recovery } = what else {
            return;
        };
        if self.open.contains_key(&id) {
            return;
        }
        let targets = targets(trigger, &name, &hosts, context);
        let standing = Standing::Watched;
        let open = Open {
            trigger,
            targets: targets.clone(),
            hosts,
            severity,
            at,
            name,
            suppressed,
            recovery,
            standing,
        };
        self.open.insert(id, open);
        for target in &targets {
            self.by_target.entry(target.clone()).or_default().insert(id);
            told.extend(self.tell(target, id, at, why, context, None));
        }
    }

    /// What is to be said of a check now: the worst of what is open, in the words of `event` if
    /// it is open. Nothing, if the end of a problem changes nothing.
    fn tell(
        &mut self,
        target: &Target,
        event: EventId,
        at: Time,
        why: Why,
        context: &Context<'_>,
        closed: Option<&Open>,
    ) -> Option<Told> {
        let left = || self.events_of(target).filter_map(|id| self.open.get(&id));
        let worst = left().max_by_key(|open| open.severity);
        let suppressed = left().all(|open| open.suppressed);
        let (state, text) = match (worst, closed) {
            (None, closed) => (SignalState::Ok, closed.map(|open| open.name.clone())),
            (Some(worst), Some(closed)) if closed.severity <= worst.severity => return None,
            (Some(worst), _) => {
                let text = self.open.get(&event).unwrap_or(worst).name.clone();
                (SignalState::Problem(worst.severity), Some(text))
            }
        };
        // A clock that runs ahead is not followed, and one that goes back would be taken for an
        // old word and ignored.
        let name = target.name();
        let at = at.min(context.now);
        let at = self.said.get(&name).map_or(at, |last| at.max(*last));
        self.said.insert(name, at);
        let signal = Signal {
            source: context.source.clone(),
            check: target.check.clone(),
            object: target.object.clone(),
            state,
            at,
            via: None,
            text: text.unwrap_or_default(),
        };
        let suppressed = suppressed && state != SignalState::Ok;
        Some(Told { signal, event, suppressed, why })
    }

    fn forget_old(&mut self, now: Time) {
        self.recovered.retain(|_, recovered| now.since(recovered.seen) < RECOVERED_FOR);
        if self.said.values().any(|at| now.since(*at) >= SAID_FOR) {
            let open: BTreeSet<String> = self.by_target.keys().map(Target::name).collect();
            self.said.retain(|name, at| now.since(*at) < SAID_FOR || open.contains(name));
        }
    }
}

impl Target {
    fn name(&self) -> String {
        format!("{} {}", self.object, self.check)
    }
}

impl From<Stored> for Problems {
    fn from(stored: Stored) -> Self {
        let Stored { open, said, recovered } = stored;
        let mut by_target: BTreeMap<Target, BTreeSet<EventId>> = BTreeMap::new();
        for (id, open) in &open {
            for target in &open.targets {
                by_target.entry(target.clone()).or_default().insert(*id);
            }
        }
        Self { open, said, recovered, by_target }
    }
}

fn targets(
    trigger: TriggerId,
    name: &str,
    hosts: &[HostKey],
    context: &Context<'_>,
) -> BTreeSet<Target> {
    let says = context.mapping.checks.iter().find(|(pattern, _)| pattern.fits(name));
    let objects = hosts.iter().filter_map(|host| context.directory.object(*host));
    objects
        .map(|object| Target {
            check: check(trigger, says.map(|(_, says)| *says), &object),
            object,
        })
        .collect()
}

/// The name of a check. Those that say whether an object lives are what correlation rests on.
fn check(trigger: TriggerId, says: Option<Says>, object: &Object) -> CheckId {
    let name = match (says, object) {
        (Some(Says::Dead), Object::Host(_)) => "host.ping",
        (Some(Says::Dead), Object::Vm(_)) => "vm.ping",
        (Some(Says::Dead), Object::Switch(_)) => "switch.ping",
        (Some(Says::Dead), Object::DataSource(_)) => "ds.up",
        (Some(Says::AgentSilent), Object::Host(_)) => "host.agent",
        (Some(Says::AgentSilent), Object::Vm(_)) => "vm.agent",
        _ => {
            return CheckId::parse(&format!("zabbix.{trigger}")).expect("digits are fine in an id");
        }
    };
    CheckId::parse(name).expect("letters and a dot are fine in an id")
}

#[cfg(test)]
#[path = "problems_tests.rs"]
mod tests;
