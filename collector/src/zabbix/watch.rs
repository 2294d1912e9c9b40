//! One Zabbix server, as the brain uses it.
//!
//! Nothing here runs by itself: the brain calls each part on a schedule of its own, and each has
//! one deadline for all it does. State comes in and goes out: whoever calls stores what came
//! together with the new state, and hands that in the next time. So what was not stored is read
//! again, and nothing is lost by a crash in between.
//!
//! - [`ZabbixWatch::topology`], each few minutes: what there is.
//! - [`ZabbixWatch::events`], each few seconds: what became bad or good.
//! - [`ZabbixWatch::reconcile`], once a minute: what no event tells.
//! - [`ZabbixWatch::metrics`], once per interval of the samples.
//! - [`ZabbixWatch::acknowledge`], when somebody takes an incident on.
//!
//! Parts may be called at the same time; the server is asked two things at once at most.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::clock::SharedClock;
use model::id::SourceId;

use super::acknowledge::{Acknowledged, acknowledge};
use super::api::{Access, Api};
use super::brake::Brake;
use super::error::ApiError;
use super::ids::EventId;
use super::mapping::{Mapping, RawMapping};
use super::problems::Context;
use super::stats::{Fault, MAX_LISTED, Stats};
use super::topology::{Directory, Entry};
use super::transport::SettingsError;

/// Where a server is, and how it is read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this server in signals.
    pub source: SourceId,
    pub access: Access,
    pub mapping: RawMapping,
    /// The folder that the server exports its events to, if we run beside it.
    pub export: Option<PathBuf>,
    pub limits: Limits,
}

/// How long each part may take in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub topology: Duration,
    pub events: Duration,
    pub reconcile: Duration,
    pub metrics: Duration,
    pub acknowledge: Duration,
}

/// One Zabbix server.
#[derive(Debug)]
pub struct ZabbixWatch {
    source: SourceId,
    pub(super) api: Api,
    pub(super) mapping: Mapping,
    pub(super) export: Option<PathBuf>,
    pub(super) limits: Limits,
    pub(super) clock: SharedClock,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    directory: Arc<Directory>,
    stats: Stats,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            topology: seconds(120),
            events: seconds(20),
            reconcile: seconds(60),
            metrics: seconds(60),
            acknowledge: seconds(20),
        }
    }
}

impl ZabbixWatch {
    /// `known` is what the last topology brought, or nothing.
    pub fn new(
        settings: Settings,
        known: &Brake<Entry>,
        clock: SharedClock,
    ) -> Result<Self, SettingsError> {
        let watch = Self {
            source: settings.source,
            api: Api::new(settings.access, clock.clone())?,
            mapping: Mapping::try_from(&settings.mapping)?,
            export: settings.export,
            limits: settings.limits,
            clock,
            seen: Mutex::default(),
        };
        watch.seen().directory = Arc::new(Directory::of(known));
        Ok(watch)
    }

    /// Acknowledges the problems of an incident, with a message and a link to it.
    pub async fn acknowledge(&self, events: &[EventId], message: &str, link: &str) -> Acknowledged {
        let deadline = self.api.within(self.limits.acknowledge);
        acknowledge(&self.api, events, message, link, deadline).await
    }

    /// What there is, by the last list.
    pub fn directory(&self) -> Arc<Directory> {
        self.seen().directory.clone()
    }

    /// How long a cycle should be that is meant to be `base`: longer while the API is slow.
    pub fn cycle(&self, base: Duration) -> Duration {
        base * self.api.gauges().latency.stretch()
    }

    pub fn stats(&self) -> Stats {
        let gauges = self.api.gauges();
        Stats {
            version: gauges.version,
            calls: gauges.calls,
            failed_calls: gauges.failed_calls,
            latency_p95: gauges.latency.p95(),
            stretch: gauges.latency.stretch(),
            ..self.seen().stats.clone()
        }
    }

    pub(super) fn context<'a>(&'a self, directory: &'a Directory) -> Context<'a> {
        let now = self.clock.now();
        Context { source: &self.source, mapping: &self.mapping, directory, now }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.seen().stats);
    }

    /// Notes what went wrong, on its way to whoever called.
    pub(super) fn blame(&self, error: ApiError) -> ApiError {
        let fault = Fault::new(&error, self.clock.now());
        self.note(|stats| stats.last_fault = Some(fault));
        error
    }

    pub(super) fn know(&self, directory: Arc<Directory>, held: Vec<String>) {
        let unknown = directory.unknown();
        let listed = unknown.map(|(host, reason)| (host.to_owned(), reason.to_owned()));
        let mut seen = self.seen();
        seen.stats.unknown = listed.take(MAX_LISTED).collect();
        seen.stats.unknown_count = directory.unknown().count();
        seen.stats.hosts = directory.entries().count();
        seen.stats.doubles = directory.doubles.len();
        seen.stats.held = held;
        seen.stats.listed_at = Some(self.clock.now());
        seen.directory = directory;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
