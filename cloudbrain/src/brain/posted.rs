//! The alerts that others have posted: until when each holds, and what their labels say of the
//! fleet.
//!
//! A sender repeats an alert while it lasts and says until when it holds otherwise, as Alertmanager
//! has it; what is not repeated by then is ended here. All of it is stored, or an alert that ends
//! while the brain is dead would stay for ever.
//!
//! Labels also say which VM is on which host and whose it is. That is believed of what is known from
//! nowhere else, so that alerts of a fleet without an inventory find their root, too.

use std::collections::BTreeMap;
use std::time::Duration;

use collector::posted::Alert;
use model::id::{CheckId, CollectorId, HostId, ModuleId, Object, PersonId, ProjectId, SourceId};
use model::signal::{Signal, SignalState};
use model::time::Time;
use model::topology::{Module, Topology, VmPlace};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// How long an alert holds whose sender did not say.
const HOLDS: Duration = Duration::from_secs(300);
/// What the labels of an alert said stays known for so long after its end.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// More than these are refused; those that are known stay.
const MAX_ALERTS: usize = 200_000;

/// All that are open, and those that ended lately.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Posted {
    known: BTreeMap<Object, BTreeMap<CheckId, Known>>,
    /// Changed since it was stored last.
    #[serde(skip)]
    is_changed: bool,
    /// When the next one ends or is forgotten.
    #[serde(skip)]
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
    pub fn take(&mut self, config: &Config, alerts: Vec<Alert>, now: Time) -> Taken {
        let mut taken = Taken::default();
        let mut count = self.count();
        for alert in alerts {
            let rules = &config.raw.alerts.objects;
            let object = rules.iter().find_map(|rule| rule.object(&alert.labels));
            let object = object.unwrap_or_else(nobody);
            let check = alert.check(&object, &config.raw.alerts.down);
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
            let text = if alert.text.is_empty() { alert.name().to_owned() } else { alert.text };
            taken.signals.push(signal(object, check.clone(), state, text, now));
            of_object.insert(check, Known { ends, is_over, labels: alert.labels });
        }
        self.known.retain(|_, checks| !checks.is_empty());
        self.changed();
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
                    let text = "its sender does not repeat it".to_owned();
                    signals.push(signal(object.clone(), check.clone(), SignalState::Ok, text, now));
                }
            }
            checks.retain(|_, known| !known.is_over || known.ends + REMEMBERED > now);
        }
        self.known.retain(|_, checks| !checks.is_empty());
        self.changed();
        signals
    }

    /// When [`Self::expire`] has something to do.
    pub fn next(&self) -> Option<Time> {
        self.next
    }

    /// What was stored, as it is to be used.
    pub fn restored(mut self) -> Self {
        self.changed();
        self.is_changed = false;
        self
    }

    /// Whether it is to be stored; asked once.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    pub fn count(&self) -> usize {
        self.known.values().map(BTreeMap::len).sum()
    }

    fn changed(&mut self) {
        self.is_changed = true;
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
        let none = Module { project, uses: std::collections::BTreeSet::new() };
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
