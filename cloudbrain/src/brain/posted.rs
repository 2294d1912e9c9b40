//! The alerts that others have posted: until when each holds, and what their labels say of the
//! fleet.
//!
//! A sender repeats an alert while it lasts and says until when it holds otherwise, as Alertmanager
//! has it; what is not repeated by then is ended here. All of it is stored, or an alert that ends
//! while the brain is dead would stay for ever.
//!
//! Labels also say which VM is on which host and whose it is. That is believed of what is known from
//! nowhere else, so that alerts of a fleet without an inventory find their root, too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use collector::posted::Alert;
use model::id::{CheckId, CollectorId, HostId, ModuleId, Object, PersonId, ProjectId, SourceId};
use model::signal::{Signal, SignalState};
use model::time::Time;
use model::topology::{Module, Topology, VmPlace};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::config::raw::RawAlerts;

/// How long an alert holds whose sender did not say.
const HOLDS: Duration = Duration::from_secs(300);
/// What the labels of an alert said stays known for so long after its end.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// More than these are refused; those that are known stay.
const MAX_ALERTS: usize = 200_000;

/// The rooms of the store that they are kept in, one for each object.
const PREFIX: &str = "posted/";

/// All that are open, and those that ended lately.
#[derive(Debug, Default)]
pub struct Posted {
    known: BTreeMap<Object, BTreeMap<CheckId, Known>>,
    /// Objects of which the store does not know all.
    changed: BTreeSet<Object>,
    /// When the next one ends or is forgotten.
    next: Option<Time>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    /// Over since then, or will be.
    ends: Time,
    is_over: bool,
    labels: BTreeMap<String, String>,
}

/// What came of a post.
#[derive(Debug, Default)]
pub struct Taken {
    pub signals: Vec<Signal>,
    /// Refused, since too many are open already.
    pub refused: usize,
}

impl Posted {
    pub fn take(&mut self, by: &RawAlerts, alerts: Vec<Alert>, now: Time) -> Taken {
        let mut taken = Taken::default();
        let mut count = self.count();
        for alert in alerts {
            let object = by.objects.iter().find_map(|rule| rule.object(&alert.labels));
            let object = object.unwrap_or_else(nobody);
            let check = alert.check(&object, &by.down, &by.apps);
            let ends = alert.ends.unwrap_or(now + HOLDS);
            let of_object = self.known.entry(object.clone()).or_default();
            let is_new = !of_object.contains_key(&check);
            if is_new && count >= MAX_ALERTS {
                taken.refused += 1;
                continue;
            }
            count += usize::from(is_new);
            let is_over = ends <= now;
            let state =
                if is_over { SignalState::Ok } else { SignalState::Problem(alert.severity()) };
            let text = alert.words();
            taken.signals.push(signal(object.clone(), check.clone(), state, text, now));
            of_object.insert(check, Known { ends, is_over, labels: alert.labels });
            self.changed.insert(object);
        }
        self.known.retain(|_, checks| !checks.is_empty());
        self.look_ahead();
        taken
    }

    /// Ends what was not repeated in time.
    pub fn expire(&mut self, now: Time) -> Vec<Signal> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let mut signals = Vec::new();
        for (object, checks) in &mut self.known {
            for (check, known) in checks.iter_mut() {
                if !known.is_over && known.ends <= now {
                    known.is_over = true;
                    self.changed.insert(object.clone());
                    let text = "its sender does not repeat it".to_owned();
                    signals.push(signal(object.clone(), check.clone(), SignalState::Ok, text, now));
                }
            }
            let before = checks.len();
            checks.retain(|_, known| !known.is_over || known.ends + REMEMBERED > now);
            if checks.len() < before {
                self.changed.insert(object.clone());
            }
        }
        self.known.retain(|_, checks| !checks.is_empty());
        self.look_ahead();
        signals
    }

    /// When [`Self::expire`] has something to do.
    pub fn next(&self) -> Option<Time> {
        self.next
    }

    /// As a former brain stored them. What cannot be read is told, and begins anew.
    pub fn restore(memory: &BTreeMap<String, String>) -> Self {
        let rooms = memory.iter().filter_map(|(room, json)| {
            let object = room.strip_prefix(PREFIX)?.parse().ok()?;
            let known = serde_json::from_str(json);
            known
                .inspect_err(|error| tracing::warn!(room, %error, "posted alerts are lost"))
                .ok()
                .map(|known| (object, known))
        });
        let mut posted = Self { known: rooms.collect(), ..Self::default() };
        posted.look_ahead();
        posted
    }

    /// The rooms that have changed since they were taken last; None for one that is no more.
    pub fn take_changes(&mut self) -> Vec<(String, Option<String>)> {
        let changed = std::mem::take(&mut self.changed);
        let room = |object: &Object| {
            let json = self.known.get(object).and_then(|known| serde_json::to_string(known).ok());
            (format!("{PREFIX}{object}"), json)
        };
        changed.iter().map(room).collect()
    }

    pub fn count(&self) -> usize {
        self.known.values().map(BTreeMap::len).sum()
    }

    fn look_ahead(&mut self) {
        let known = self.known.values().flat_map(BTreeMap::values);
        let due =
            known.map(|known| if known.is_over { known.ends + REMEMBERED } else { known.ends });
        self.next = due.min();
    }

    /// The fleet as the labels have it.
    pub fn topology(&self, config: &Config) -> Topology {
        let mut topology = Topology::default();
        for (object, checks) in &self.known {
            if let Some(known) = checks.values().next_back() {
                learn(&mut topology, config, object, known);
            }
        }
        topology
    }
}

fn learn(topology: &mut Topology, config: &Config, object: &Object, known: &Known) {
    let label = |name: &str| known.labels.get(name).map(String::as_str);
    let host: Option<HostId> = label("host").and_then(|name| name.parse().ok());
    let project: Option<ProjectId> = label("project").and_then(|name| name.parse().ok());
    let module: Option<ModuleId> =
        label("module").and_then(|name| match (name.contains('/'), label("project")) {
            (false, Some(project)) => format!("{project}/{name}").parse().ok(),
            _ => name.parse().ok(),
        });
    if let Some(host) = &host {
        topology.hosts.entry(host.clone()).or_default();
    }
    if let Some(project) = &project {
        let owner = label("owner").and_then(|name| PersonId::parse(name).ok());
        let owner = owner.filter(|owner| config.raw.people.contains_key(owner));
        let owners = &mut topology.projects.entry(project.clone()).or_default().owners;
        owners.extend(owner);
    }
    if let (Some(module), Some(project)) = (&module, project) {
        let none = Module { project, uses: BTreeSet::new() };
        topology.modules.entry(module.clone()).or_insert(none);
    }
    match object {
        Object::Vm(vm) => {
            let created = Time::default();
            let place = VmPlace { host, module, created, leaving: false };
            topology.vms.insert(vm.clone(), place);
        }
        Object::Host(id) => drop(topology.hosts.entry(id.clone()).or_default()),
        Object::Switch(id) => drop(topology.switches.insert(id.clone())),
        Object::Module(_)
        | Object::Project(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_) => {}
    }
}

/// Whom an alert is about that no rule knows: its senders as such, so that operations hear of it.
fn nobody() -> Object {
    Object::Collector(CollectorId::parse(SENDERS).expect("letters only"))
}

/// The source of all that is posted.
const SENDERS: &str = "alerts";

fn signal(object: Object, check: CheckId, state: SignalState, text: String, at: Time) -> Signal {
    let source = SourceId::parse(SENDERS).expect("letters only");
    Signal { source, check, object, state, at, via: None, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn alert(vm: &str, ends_s: i64) -> Alert {
        let labels = [("alertname", "VmDown"), ("vm", vm), ("host", "h1")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Alert { labels: labels.into(), text: String::new(), ends: Some(at(ends_s)) }
    }

    fn store(posted: &mut Posted, memory: &mut BTreeMap<String, String>) {
        for (room, json) in posted.take_changes() {
            match json {
                Some(json) => drop(memory.insert(room, json)),
                None => assert!(memory.remove(&room).is_some(), "{room} was never there"),
            }
        }
        assert_eq!(posted.take_changes(), [], "once is enough");
    }

    fn ended(signals: &[Signal]) -> Vec<String> {
        let good = signals.iter().filter(|signal| signal.state == SignalState::Ok);
        good.map(|signal| signal.object.to_string()).collect()
    }

    #[test]
    fn what_is_not_repeated_ends_also_after_a_restart_and_is_forgotten_an_hour_later() {
        let (mut posted, mut memory) = (Posted::default(), BTreeMap::new());
        let both = vec![alert("a", 100), alert("b", 200)];
        let taken = posted.take(&RawAlerts::default(), both, at(0));
        assert_eq!((taken.signals.len(), taken.refused), (2, 0));
        store(&mut posted, &mut memory);
        let mut posted = Posted::restore(&memory);
        assert_eq!(posted.next(), Some(at(100)));
        posted.take(&RawAlerts::default(), vec![alert("a", 300)], at(50));
        assert_eq!(ended(&posted.expire(at(150))), Vec::<String>::new(), "it was repeated");
        assert_eq!(ended(&posted.expire(at(250))), ["vm/b"]);
        assert_eq!(ended(&posted.expire(at(350))), ["vm/a"]);
        store(&mut posted, &mut memory);
        assert_eq!(memory.len(), 2, "what their labels say is still known");
        posted.expire(at(200 + 3600));
        store(&mut posted, &mut memory);
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["posted/vm/a"]);
        posted.expire(at(300 + 3600));
        store(&mut posted, &mut memory);
        assert_eq!((memory.len(), posted.count(), posted.next()), (0, 0, None));
    }

    #[test]
    fn an_end_is_told_once_and_a_new_beginning_is_one() {
        let mut posted = Posted::default();
        let by = RawAlerts::default();
        posted.take(&by, vec![alert("a", 100)], at(0));
        assert_eq!(ended(&posted.take(&by, vec![alert("a", 5)], at(10)).signals), ["vm/a"]);
        assert_eq!(posted.expire(at(200)), []);
        let again = posted.take(&by, vec![alert("a", 900)], at(300)).signals;
        assert!(matches!(again[0].state, SignalState::Problem(_)), "{again:?}");
    }
}
