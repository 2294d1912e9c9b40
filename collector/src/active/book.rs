//! Who has come: the agents of the fleet's hosts, by the name each gives itself.
//!
//! An agent is known by the directory alone. One that comes before the directory is complete, just
//! after a start, must not be told that it is a stranger: it would throw away what it has kept for
//! us. So for a while after the start a stranger is sent away without a word, and comes again.
//!
//! Silence is judged here as the poller judges a question without an answer: once an agent was
//! quiet for two intervals the first is missed, and one more with each interval after that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::id::Object;
use model::sample::Frame;
use model::series::{Labels, Row};

use super::host::{Clocks, Host, Taken};
use super::wire::{self, Checks, Value};
use super::{Directory, Settings};
use crate::parts::Parts;
use crate::passive::AgentError;

/// Agents send what they have every five seconds, if their files do not say otherwise.
const SHORTEST_BEAT: Duration = Duration::from_secs(5);
/// This many beats must pass before the first is missed.
const GRACE_BEATS: u32 = 2;

#[derive(Debug)]
pub(super) struct Book {
    settings: Settings,
    directory: Arc<Directory>,
    hosts: BTreeMap<Object, Entry>,
    /// What a former server learnt of agents that did not come yet.
    kept: BTreeMap<Object, Parts>,
    started: Duration,
}

#[derive(Debug)]
struct Entry {
    host: Host,
    heard: Duration,
    misses: u32,
    /// The owner knows of it.
    is_kept: bool,
}

/// What one request brought of one host, and what the owner gets of it.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) object: Object,
    pub(super) taken: Taken,
    pub(super) frames: Vec<Frame>,
    /// If the owner should remember it.
    pub(super) parts: Option<Parts>,
}

/// Whether somebody is of the fleet.
#[derive(Debug)]
pub(super) enum Found<T> {
    Known(T),
    Stranger,
    /// Too early to say.
    Unsure,
}

impl Book {
    pub(super) fn new(settings: Settings, kept: BTreeMap<Object, Parts>, now: Duration) -> Self {
        let (directory, hosts) = (Arc::default(), BTreeMap::new());
        Self { settings, directory, hosts, kept, started: now }
    }

    /// Takes in who belongs to the fleet. Gives back the marks of series that end.
    pub(super) fn aim(&mut self, directory: &Arc<Directory>, now: Duration) -> Vec<Row> {
        self.directory = directory.clone();
        let labels: BTreeMap<&Object, &Labels> =
            directory.names.values().map(|named| (&named.object, &named.labels)).collect();
        let mut ended = Vec::new();
        self.hosts.retain(|object, entry| match labels.get(object) {
            Some(labels) => {
                ended.extend(entry.host.relabel(labels));
                true
            }
            None => {
                ended.extend(entry.host.end());
                false
            }
        });
        let remembered = self.kept.keys().filter(|object| labels.contains_key(object));
        for object in remembered.cloned().collect::<Vec<_>>() {
            self.entry(&object, labels[&object], now);
        }
        ended
    }

    pub(super) fn agents(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn has(&self, object: &Object) -> bool {
        self.hosts.contains_key(object)
    }

    /// The list for an agent that asks for it.
    pub(super) fn list(&mut self, checks: &Checks<'_>, now: Duration) -> Found<Vec<u8>> {
        let (object, labels) = match self.find(&checks.host, now) {
            Found::Known(known) => known,
            Found::Stranger => return Found::Stranger,
            Found::Unsure => return Found::Unsure,
        };
        let entry = self.entry(&object, &labels, now);
        entry.hear(now);
        let revision = entry.host.revision();
        let is_current = checks.config_revision == Some(revision);
        let items = (!is_current).then(|| entry.host.listed(checks.version.is_some()));
        Found::Known(wire::list(checks.config_revision.map(|_| revision), items))
    }

    /// Somebody says that he lives.
    pub(super) fn heard(&mut self, name: &str, now: Duration) -> Found<()> {
        match self.find(name, now) {
            Found::Known((object, labels)) => {
                self.entry(&object, &labels, now).hear(now);
                Found::Known(())
            }
            Found::Stranger => Found::Stranger,
            Found::Unsure => Found::Unsure,
        }
    }

    /// Reads the values of one host.
    pub(super) fn take(
        &mut self,
        name: &str,
        session: Option<&str>,
        values: &[&Value<'_>],
        clocks: Clocks,
        now: Duration,
    ) -> Found<Brought> {
        let (object, labels) = match self.find(name, now) {
            Found::Known(known) => known,
            Found::Stranger => return Found::Stranger,
            Found::Unsure => return Found::Unsure,
        };
        let entry = self.entry(&object, &labels, now);
        entry.hear(now);
        let taken = entry.host.take(session, values, clocks);
        let frames = entry.host.frames(&object, &taken, clocks);
        let parts = entry.host.with(taken.parts.clone());
        let is_news = !entry.is_kept || parts != *entry.host.parts();
        Found::Known(Brought { object, taken, frames, parts: is_news.then_some(parts) })
    }

    /// What was brought is durable. Gives back the marks of series that end with it.
    pub(super) fn confirm(&mut self, brought: Brought) -> Vec<Row> {
        let Some(entry) = self.hosts.get_mut(&brought.object) else { return Vec::new() };
        entry.is_kept = true;
        let told = brought.frames.last().map(|frame| frame.at);
        entry.host.confirm(brought.taken, told)
    }

    /// Who has missed one more beat.
    pub(super) fn silent(&mut self, now: Duration) -> Vec<(Object, AgentError)> {
        let beat = self.settings.interval.max(SHORTEST_BEAT);
        let mut silent = Vec::new();
        for (object, entry) in &mut self.hosts {
            let quiet = now.saturating_sub(entry.heard);
            if quiet >= beat.saturating_mul(GRACE_BEATS.saturating_add(entry.misses)) {
                entry.misses = entry.misses.saturating_add(1);
                let whole = Duration::from_secs(quiet.as_secs());
                silent.push((object.clone(), AgentError::TimedOut(whole)));
            }
        }
        silent
    }

    fn find(&self, name: &str, now: Duration) -> Found<(Object, Labels)> {
        match self.directory.names.get(name) {
            Some(named) => Found::Known((named.object.clone(), named.labels.clone())),
            None if now.saturating_sub(self.started) < self.settings.grace => Found::Unsure,
            None => Found::Stranger,
        }
    }

    fn entry(&mut self, object: &Object, labels: &Labels, now: Duration) -> &mut Entry {
        let (kept, interval) = (&mut self.kept, self.settings.interval);
        self.hosts.entry(object.clone()).or_insert_with(|| {
            let kept = kept.remove(object);
            let is_kept = kept.is_some();
            let host = Host::new(labels.clone(), kept.unwrap_or_default(), interval);
            Entry { host, heard: now, misses: 0, is_kept }
        })
    }
}

impl Entry {
    fn hear(&mut self, now: Duration) {
        self.heard = now;
        self.misses = 0;
    }
}
