//! A correlation case as written: topology, settings, and what happens when.
//!
//! The form is that of the correlation cases in `tests/correlation`, whose README is its contract.
//! Ranges (`web-{01..20}`), bulk events and recurring windows are written out here, so that whoever
//! plays a case meets one event after the other. What is expected is not read: an engine must not
//! know it.

mod event;
mod keys;
mod window;

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::Settings;
use model::id::{HostId, MAX_ID_BYTES, Object, PersonId, SourceId, VmId};
use model::signal::Signal;
use model::time::Time;
use model::topology::{DataSource, Host, Module, Project, Topology, VmPlace};
use serde::Deserialize;
use serde_json::Value;

use event::RawEvent;
use window::RawWindow;

/// A VM of whose beginning nothing is said is a day old.
const OLD: Duration = Duration::from_secs(86_400);
/// A case of more names and events is taken for a slip of the pen.
const MAX_NAMES: usize = 1_000_000;
/// The longest name, with its kind, and the braces of a range.
const MAX_RANGE_BYTES: usize = 2 * MAX_ID_BYTES;
/// Longer than any case, and short enough to be added to any moment.
const MAX_MILLIS: f64 = 1e15;

/// A case, ready to be played.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    /// Second 0.
    pub start: Time,
    pub end: Time,
    pub topology: Topology,
    pub settings: Settings,
    pub windows: Vec<Window>,
    /// In the order of their arrival.
    pub events: Vec<Planned>,
}

/// A maintenance window with both its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub on: Object,
    pub from: Time,
    pub until: Time,
}

#[derive(Debug)]
pub struct Planned {
    pub at: Time,
    pub what: Happening,
}

/// One thing that happens.
#[derive(Debug)]
pub enum Happening {
    Signal(Signal),
    VmAdded { vm: VmId, place: VmPlace },
    VmMoved { vm: VmId, to: HostId },
    VmDrained { vm: VmId },
    VmGone { vm: VmId },
    Acknowledged { root: Object, by: PersonId, text: String },
    Sync(List),
    Restart { down: Duration },
    Channel { to: PersonId, is_up: bool },
}

/// All that is open by the word of one source.
#[derive(Debug)]
pub struct List {
    pub source: SourceId,
    /// By the source's own clock.
    pub at: Time,
    pub open: Vec<Listed>,
}

#[derive(Debug)]
pub struct Listed {
    pub signal: Signal,
    /// The list says how bad it is; else what is known of it holds.
    pub has_severity: bool,
}

/// Why a case cannot be played: where, and what is wanted there.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct CaseError {
    place: String,
    what: String,
}

type Fallible<T> = Result<T, CaseError>;

fn bad(place: impl Into<String>, what: impl std::fmt::Display) -> CaseError {
    CaseError { place: place.into(), what: what.to_string() }
}

#[derive(Deserialize)]
#[serde(expecting = "an object with start, end_s, topology and events")]
struct RawCase {
    #[serde(default)]
    case: String,
    start: String,
    end_s: f64,
    topology: RawTopology,
    #[serde(default)]
    settings: RawSettings,
    events: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "an object of settings")]
struct RawSettings {
    group_wait_s: f64,
    child_wait_s: f64,
    update_interval_s: f64,
    resolve_hold_s: f64,
    recovery_grace_s: f64,
    new_vm_grace_s: f64,
    flap_changes: usize,
    flap_window_s: f64,
    suspect_share: f64,
    suspect_min_vms: usize,
    suspect_min_hosts: usize,
    suspect_min_app: usize,
    suspect_window_s: f64,
    blind_share: f64,
    blind_min: usize,
}

impl Default for RawSettings {
    fn default() -> Self {
        let known = Settings::default();
        Self {
            group_wait_s: known.group_wait.as_secs_f64(),
            child_wait_s: known.child_wait.as_secs_f64(),
            update_interval_s: known.update_interval.as_secs_f64(),
            resolve_hold_s: known.resolve_hold.as_secs_f64(),
            recovery_grace_s: known.recovery_grace.as_secs_f64(),
            new_vm_grace_s: known.new_vm_grace.as_secs_f64(),
            flap_changes: known.flap_changes,
            flap_window_s: known.flap_window.as_secs_f64(),
            suspect_share: known.suspect_percent as f64 / 100.0,
            suspect_min_vms: known.suspect_min_vms,
            suspect_min_hosts: known.suspect_min_hosts,
            suspect_min_app: known.suspect_min_app,
            suspect_window_s: known.suspect_window.as_secs_f64(),
            blind_share: known.blind_percent as f64 / 100.0,
            blind_min: known.blind_min,
        }
    }
}

/// One name or several, each possibly with a range.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged, expecting = "wanted is a name or a list of names")]
enum Names {
    One(String),
    Many(Vec<String>),
    #[default]
    None,
}

#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object with lists of hosts, vms, modules, ...")]
struct RawTopology {
    switches: Vec<RawRow>,
    hosts: Vec<RawRow>,
    vms: Vec<RawRow>,
    modules: Vec<RawRow>,
    projects: Vec<RawRow>,
    datasources: Vec<RawRow>,
    collectors: Vec<RawRow>,
    maintenance: Vec<RawWindow>,
}

/// An object or a range of them; which keys count follows from the list it stands in.
#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object with an id")]
struct RawRow {
    id: Names,
    switch: Option<String>,
    host: Option<String>,
    module: Option<String>,
    project: Option<String>,
    vm: Option<String>,
    kind: String,
    owners: Names,
    uses: Names,
    created_s: Option<f64>,
}

impl Case {
    /// Reads a case from its JSON.
    pub fn parse(text: &str) -> Fallible<Self> {
        let raw: Value = serde_json::from_str(text).map_err(|error| bad("the case", error))?;
        keys::check(&raw)?;
        let raw = RawCase::deserialize(raw).map_err(|error| bad("the case", error))?;
        let start: jiff::Timestamp = raw.start.parse().map_err(|error| bad("start", error))?;
        let start = Time::from_millis(start.as_millisecond());
        let end = after(start, raw.end_s, "end_s")?;
        let mut size = Size::default();
        raw.topology.measure(&mut size)?;
        let topology = topology(&raw.topology, start)?;
        let mut windows = Vec::new();
        for (index, window) in raw.topology.maintenance.iter().enumerate() {
            let place = format!("topology.maintenance.{index}");
            windows.extend(window.written_out(&place, start, end, &mut size)?);
        }
        let mut events = Vec::new();
        for (index, event) in raw.events.into_iter().enumerate() {
            let place = format!("events.{index}");
            let event = RawEvent::deserialize(event).map_err(|error| bad(&place, error))?;
            size.add(event.count(), &place)?;
            event.write_out(&place, start, &mut events)?;
        }
        events.sort_by_key(|planned| planned.at);
        let settings = raw.settings.checked()?;
        Ok(Self { name: raw.case, start, end, topology, settings, windows, events })
    }
}

/// To how many names and events a case is written out.
#[derive(Default)]
struct Size(usize);

impl Size {
    fn add(&mut self, count: usize, place: &str) -> Fallible<()> {
        self.0 = self.0.saturating_add(count);
        match self.0 > MAX_NAMES {
            true => Err(bad(place, format!("the case is more than {MAX_NAMES} names and events"))),
            false => Ok(()),
        }
    }
}

impl RawTopology {
    fn measure(&self, size: &mut Size) -> Fallible<()> {
        let Self { switches, hosts, vms, modules, projects, datasources, collectors, .. } = self;
        let lists = [switches, hosts, vms, modules, projects, datasources, collectors];
        for row in lists.into_iter().flatten() {
            let each = 1 + row.owners.count().saturating_add(row.uses.count());
            size.add(row.id.count().saturating_mul(each), "topology")?;
        }
        Ok(())
    }
}

impl RawSettings {
    fn checked(&self) -> Fallible<Settings> {
        let span = |key: &str, seconds: f64| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| bad(format!("settings.{key}"), error))
        };
        if self.flap_changes == 0 {
            return Err(bad(
                "settings.flap_changes",
                "what never changed cannot be unstable; write 1 or more",
            ));
        }
        Ok(Settings {
            group_wait: span("group_wait_s", self.group_wait_s)?,
            child_wait: span("child_wait_s", self.child_wait_s)?,
            update_interval: span("update_interval_s", self.update_interval_s)?,
            resolve_hold: span("resolve_hold_s", self.resolve_hold_s)?,
            recovery_grace: span("recovery_grace_s", self.recovery_grace_s)?,
            new_vm_grace: span("new_vm_grace_s", self.new_vm_grace_s)?,
            flap_changes: self.flap_changes,
            flap_window: span("flap_window_s", self.flap_window_s)?,
            suspect_percent: percent("suspect_share", self.suspect_share)?,
            suspect_min_vms: self.suspect_min_vms,
            suspect_min_hosts: self.suspect_min_hosts,
            suspect_min_app: self.suspect_min_app,
            suspect_window: span("suspect_window_s", self.suspect_window_s)?,
            blind_percent: percent("blind_share", self.blind_share)?,
            blind_min: self.blind_min,
            ..Settings::default()
        })
    }
}

fn percent(key: &str, share: f64) -> Fallible<usize> {
    match (0.0..=1.0).contains(&share) {
        true => Ok((share * 100.0).round() as usize),
        false => Err(bad(format!("settings.{key}"), format!("{share} is no share from 0 to 1"))),
    }
}

/// A moment of the case itself.
fn after(start: Time, seconds: f64, place: &str) -> Fallible<Time> {
    if seconds < 0.0 {
        return Err(bad(place, format!("{seconds} is no number of seconds from 0 on")));
    }
    around(start, seconds, place)
}

/// A moment that may lie before the case: a stamp of a clock that is behind, a VM's beginning.
fn around(start: Time, seconds: f64, place: &str) -> Fallible<Time> {
    let millis = (seconds * 1000.0).round();
    if !(-MAX_MILLIS..MAX_MILLIS).contains(&millis) {
        return Err(bad(place, format!("{seconds} is no number of seconds that a case may last")));
    }
    Ok(Time::from_millis(start.millis() + millis as i64))
}

fn parsed<T: std::str::FromStr>(text: &str, place: &str) -> Fallible<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| bad(place, error))
}

fn optional<T: std::str::FromStr>(text: Option<&str>, place: &str) -> Fallible<Option<T>>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| parsed(text, place)).transpose()
}

fn needed<'a, T: ?Sized>(value: Option<&'a T>, place: &str, key: &str) -> Fallible<&'a T> {
    value.ok_or_else(|| bad(place, format!("the key {key:?} is missing")))
}

impl Names {
    fn all(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
            Self::None => &[],
        }
    }

    /// How many names they are written out to.
    fn count(&self) -> usize {
        self.all().iter().map(|name| count(name)).fold(0, usize::saturating_add)
    }

    fn written_out(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.all().iter().for_each(|name| write_out(name, &mut all));
        all
    }

    fn parsed<T: std::str::FromStr>(&self, place: &str) -> Fallible<Vec<T>>
    where
        T::Err: std::fmt::Display,
    {
        self.written_out().iter().map(|name| parsed(name, place)).collect()
    }
}

fn count(name: &str) -> usize {
    match range(name) {
        Some((_, bounds, _, rest)) => bounds.size_hint().0.saturating_mul(count(rest)),
        None => 1,
    }
}

/// A name may have several ranges: the first changes the slowest.
fn write_out(name: &str, all: &mut Vec<String>) {
    match range(name) {
        Some((before, bounds, width, rest)) => {
            bounds.for_each(|number| write_out(&format!("{before}{number:0width$}{rest}"), all))
        }
        None => all.push(name.to_owned()),
    }
}

/// `web-{01..20}`: what stands before, the numbers, their width, what stands behind. None for one
/// that is too long for any name: it is refused as it stands, and not a million times.
fn range(name: &str) -> Option<(&str, std::ops::RangeInclusive<u32>, usize, &str)> {
    if name.len() > MAX_RANGE_BYTES {
        return None;
    }
    let (before, rest) = name.split_once('{')?;
    let (bounds, after) = rest.split_once('}')?;
    let (first, last) = bounds.split_once("..")?;
    let numbers = first.parse().ok()?..=last.parse().ok()?;
    Some((before, numbers, first.len(), after))
}

fn topology(raw: &RawTopology, start: Time) -> Fallible<Topology> {
    let mut topology = Topology {
        switches: each(&raw.switches, "switches", |_, _| Ok(()))?.into_keys().collect(),
        collectors: each(&raw.collectors, "collectors", |_, _| Ok(()))?.into_keys().collect(),
        ..Topology::default()
    };
    topology.hosts = each(&raw.hosts, "hosts", |row, place| {
        Ok(Host { switch: optional(row.switch.as_deref(), place)? })
    })?;
    topology.projects = each(&raw.projects, "projects", |row, place| {
        Ok(Project { owners: row.owners.parsed(place)?.into_iter().collect() })
    })?;
    topology.modules = each(&raw.modules, "modules", |row, place| {
        let project = parsed(needed(row.project.as_deref(), place, "project")?, place)?;
        Ok(Module { project, uses: row.uses.parsed(place)?.into_iter().collect() })
    })?;
    let vms: BTreeMap<VmId, VmPlace> = each(&raw.vms, "vms", |row, place| {
        let created = match row.created_s {
            Some(seconds) => around(start, seconds, place)?,
            None => start - OLD,
        };
        place_of(row.host.as_deref(), row.module.as_deref(), created, place)
    })?;
    topology.vms = vms.into();
    topology.data_sources = each(&raw.datasources, "datasources", |row, place| {
        Ok(DataSource { kind: row.kind.clone(), vm: optional(row.vm.as_deref(), place)? })
    })?;
    Ok(topology)
}

fn place_of(
    host: Option<&str>,
    module: Option<&str>,
    created: Time,
    place: &str,
) -> Fallible<VmPlace> {
    let (host, module) = (optional(host, place)?, optional(module, place)?);
    Ok(VmPlace { host, module, created, leaving: false })
}

/// The rows of one list, ranges written out.
fn each<I: std::str::FromStr + Ord, T>(
    rows: &[RawRow],
    list: &str,
    read: impl Fn(&RawRow, &str) -> Fallible<T>,
) -> Fallible<BTreeMap<I, T>>
where
    I::Err: std::fmt::Display,
{
    let mut all = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let place = format!("topology.{list}.{index}");
        for id in row.id.parsed(&place)? {
            all.insert(id, read(row, &place)?);
        }
    }
    Ok(all)
}
