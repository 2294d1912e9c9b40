//! What the page "Is the monitor healthy?" shows, as plain data.
//!
//! A monitor that is silent looks like a fleet that is well. So everything it does not see, did not
//! keep, or does not even look at is counted here, with the reason and what to do. Lists may be cut
//! by whoever fills them in: each has its whole count beside it.

use std::cmp::Reverse;

use model::time::Time;
use serde::Serialize;

/// How well the monitor sees and remembers, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MonitorView {
    /// Everything that is to be looked at.
    pub targets: u32,
    /// Targets of which it is known how they fare, be it well or badly. The others do not let us
    /// look, or were not looked at.
    pub seen: u32,
    /// The newest sample of any target.
    pub newest: Option<Time>,
    /// Why the files on disk were refused; the last good ones stay in force.
    pub config_error: Option<String>,
    /// Why nothing is made, stopped or routed, while that is so.
    pub recovery: Option<String>,
    /// In any order.
    pub sources: Vec<SourceView>,
    /// Targets that do not answer as they should.
    pub faults: Listed<TargetFault>,
    /// What nobody looks at.
    pub unwatched: Listed<Unwatched>,
    /// Probes that are healthy by their contract, and look as if they were not.
    pub doubts: Listed<Doubt>,
    /// Values that targets offered and that were left out, at the newest look at each.
    pub rejected: Listed<Rejected>,
    /// By the sample store, since the start.
    pub refused: Vec<Refused>,
    /// Since the start.
    pub losses: Vec<Loss>,
    /// None if no samples are kept.
    pub store: Option<StoreView>,
    pub schedule: ScheduleView,
    /// When the monitor itself saw nothing, oldest first; the one without an end lasts.
    pub spells: Vec<Spell>,
}

/// Some of several things, and how many there are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed<T> {
    pub first: Vec<T>,
    /// Not less than `first` holds.
    pub count: usize,
}

/// One way by which knowledge comes in: a Zabbix server, all passive agents, one database.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceView {
    pub kind: SourceKind,
    /// As the files call it; empty where there is one of its kind.
    pub name: String,
    pub state: SourceState,
    /// Targets or hosts that should answer; None where others send what they like.
    pub asked: Option<u32>,
    pub answered: u32,
    /// Its newest sample or event.
    pub newest: Option<Time>,
    /// How far behind its schedule it is, if that is known.
    pub lag_s: Option<f64>,
    /// What went wrong last.
    pub error: Option<SourceError>,
    pub detail: SourceDetail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    ZabbixServer,
    PassiveAgents,
    ActiveAgents,
    Prometheus,
    RemoteWrite,
    MonitorX,
    Check,
    Mysql,
    Postgresql,
    Redis,
    Memcached,
    /// What tells which VMs there are.
    Provider,
    Router,
}

/// How a source fares, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Nothing answers.
    Silent,
    /// Some of it answers, or it answers with faults.
    Partial,
    /// It was not heard yet, and need not have been.
    Waiting,
    Well,
}

/// What went wrong with a source, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceError {
    pub at: Time,
    pub what: String,
    pub remedy: Option<String>,
}

/// What only one kind of source has to tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceDetail {
    None,
    Zabbix(ZabbixDetail),
    Active(ActiveDetail),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ZabbixDetail {
    pub version: Option<String>,
    /// Of the calls of its API.
    pub latency_p95_s: Option<f64>,
    /// By how much all cycles are longer because the API is slow: 1 is not at all.
    pub stretch: u32,
    /// Ids of events that were skipped and may still appear.
    pub gaps: usize,
    /// Hosts missing in the last list that are not believed to be gone.
    pub held: Listed<String>,
    /// Why they are not believed to be gone.
    pub held_why: String,
    /// Hosts of which nobody says what they are.
    pub unmapped: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ActiveDetail {
    /// Hosts that sent something lately.
    pub connected: u32,
    /// Names under which somebody sends and that no file knows.
    pub strangers: Listed<String>,
}

/// A target that does not answer as it should.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetFault {
    /// Written `kind/name`.
    pub object: String,
    pub since: Time,
    pub what: String,
    pub trouble: Trouble,
}

/// Whose fault it is that a target does not answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its own: it is down, or answers wrongly.
    Down,
    /// Ours: it lives, and does not let us see.
    Misconfigured { remedy: String },
    /// Ours: we could not look.
    NotSeen,
}

/// Something nobody looks at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unwatched {
    pub object: String,
    pub reason: String,
}

/// A yes that looks doubtful.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubt {
    /// What was probed.
    pub object: String,
    pub doubt: String,
    pub since: Time,
}

/// Values of one target that its look left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rejected {
    pub object: String,
    pub count: u64,
    /// A few of them, each with its reason.
    pub examples: Vec<String>,
}

/// Samples that were not taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// As the metrics call it, for example `too_many_series`; other texts are shown as given.
    pub why: String,
    pub count: u64,
    /// A few series by name.
    pub names: Vec<String>,
}

/// Something that was dropped because nobody could take it in time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// As the metrics call it, for example `dropped_samples`; other texts are shown as given.
    pub what: String,
    pub count: u64,
    pub last: Option<Time>,
}

/// The sample store.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StoreView {
    pub series: u64,
    pub max_series: u64,
    pub log_bytes: u64,
    /// As measured, then coarser and coarser.
    pub tiers: Vec<TierView>,
    /// Nothing can be written since then.
    pub disk_full: Option<Time>,
}

/// One resolution in which samples are kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierView {
    /// The time that one kept value stands for; None for values as they were measured.
    pub step_s: Option<u32>,
    pub bytes: u64,
    pub oldest: Option<Time>,
    /// How long it is kept, in days.
    pub kept_days: u32,
}

/// How the monitor keeps up with what it has to look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ScheduleView {
    /// The worst of the last second.
    pub lag_s: f64,
    /// The worst since the start.
    pub lag_worst_s: f64,
    /// Looks under way.
    pub in_flight: u64,
    /// Targets that used up their whole time when they were looked at last.
    pub suspects: u64,
    /// Looks that were not taken, because the one before was still under way.
    pub missed: u64,
}

/// A time in which the monitor saw nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spell {
    pub from: Time,
    /// None while it lasts.
    pub until: Option<Time>,
    pub reason: String,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

/// All of them.
impl<T> From<Vec<T>> for Listed<T> {
    fn from(all: Vec<T>) -> Self {
        Self { count: all.len(), first: all }
    }
}

impl<T> Listed<T> {
    /// At most `most` of them, and how many are left out.
    pub(crate) fn cut(&self, most: usize) -> (&[T], usize) {
        let shown = &self.first[..self.first.len().min(most)];
        (shown, self.count.saturating_sub(shown.len()))
    }
}

impl SourceKind {
    /// In the order of this list.
    pub const ALL: [Self; 13] = [
        Self::ZabbixServer,
        Self::PassiveAgents,
        Self::ActiveAgents,
        Self::Prometheus,
        Self::RemoteWrite,
        Self::MonitorX,
        Self::Check,
        Self::Mysql,
        Self::Postgresql,
        Self::Redis,
        Self::Memcached,
        Self::Provider,
        Self::Router,
    ];
}

impl SourceState {
    /// What follows from the count of those that answer, where nothing else is known.
    pub fn of(answered: u32, asked: u32) -> Self {
        match (answered, asked) {
            (_, 0) => Self::Waiting,
            (0, _) => Self::Silent,
            (answered, asked) if answered < asked => Self::Partial,
            _ => Self::Well,
        }
    }
}

impl SourceView {
    /// Orders the worst first: by state, then by how many do not answer.
    pub(crate) fn badness(&self) -> (SourceState, Reverse<u32>, SourceKind, &str) {
        let missing = self.asked.unwrap_or(0).saturating_sub(self.answered);
        (self.state, Reverse(missing), self.kind, &self.name)
    }
}

impl MonitorView {
    /// Why nothing is seen at this moment, if so.
    pub(crate) fn blindness(&self) -> Option<&Spell> {
        self.spells.iter().rev().find(|spell| spell.until.is_none())
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.disk_full.is_some())
    }
}

impl StoreView {
    /// New series are refused soon, or already.
    pub(crate) fn is_crowded(&self) -> bool {
        self.max_series > 0 && self.series as f64 >= 0.8 * self.max_series as f64
    }
}
