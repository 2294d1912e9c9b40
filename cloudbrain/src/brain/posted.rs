//! The alerts that others have posted: until when each holds, and what their labels say of the
//! fleet.
//!
//! A sender repeats an alert while it lasts and says until when it holds otherwise, as Alertmanager
//! has it; what is not repeated by then is ended here. All of it is stored, or an alert that ends
//! while the brain is dead would stay for ever.
//!
//! Labels also say which VM is on which host and whose it is. That is believed of what is known from
//! nowhere else, so that alerts of a fleet without an inventory find their root, too.

mod checks;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use collector::posted::{Alert, Labels};
use model::id::{
    CheckId, CollectorId, HostId, ModuleId, Object, PersonId, ProjectId, SourceId, VmId,
};
use model::pack::Packer;
use model::signal::{Signal, SignalState};
use model::time::Time;
use model::topology::{Host, Module, Topology, VmPlace};

use crate::config::raw::RawConfig;

use super::place::Labelled;
use checks::{Checks, Known, REMEMBERED};

/// How long an alert holds whose sender did not say.
const HOLDS: Duration = Duration::from_secs(300);
/// More than these are refused; those that are known stay.
const MAX_ALERTS: usize = 200_000;

/// The rooms of the store that they are kept in, one for each object.
const PREFIX: &str = "posted/";

/// All that are open, and those that ended lately.
#[derive(Debug, Default)]
pub struct Posted {
    known: BTreeMap<Object, Checks>,
    packer: Packer,
    /// How many.
    count: usize,
    /// The fleet as the labels have it, but for the VMs: where they are, their own labels say.
    fleet: Topology,
    /// Objects of which the store does not know all.
    changed: BTreeSet<Object>,
    /// Nothing ends or is forgotten before.
    next: Option<Time>,
}

/// What time has brought.
#[derive(Debug, Default, PartialEq)]
pub struct Expired {
    pub signals: Vec<Signal>,
    /// Some are no longer known at all.
    pub is_forgotten: bool,
}

/// One that has not ended.
#[derive(Clone, Copy, Debug)]
pub struct OpenAlert<'a> {
    pub object: &'a Object,
    pub check: &'a CheckId,
    pub labels: &'a Labels,
    /// When it ends if it is not repeated.
    pub ends: Time,
}

/// What came of a post.
#[derive(Debug, Default)]
pub struct Taken {
    pub signals: Vec<Signal>,
    /// Refused, since too many are open already.
    pub refused: usize,
    /// What their labels say of the fleet that was not known from labels, or otherwise.
    pub topology: Topology,
}

impl Posted {
    pub fn take(&mut self, config: &RawConfig, alerts: Vec<Alert>, now: Time) -> Taken {
        let by = &config.alerts;
        let mut taken = Taken::default();
        for alert in alerts {
            let object = by.objects.iter().find_map(|rule| rule.object(&alert.labels));
            let object = object.unwrap_or_else(nobody);
            let check = alert.check(&object, &by.down, &by.apps);
            if self.count >= MAX_ALERTS && self.labels_of(&object, &check).is_none() {
                taken.refused += 1;
                continue;
            }
            let said = Said::of(&object, &alert.labels, config);
            if said.add_to(&mut self.fleet) {
                said.add_to(&mut taken.topology);
            }
            self.take_one(object, check, alert, now, &mut taken);
        }
        taken
    }

    fn take_one(
        &mut self,
        object: Object,
        check: CheckId,
        alert: Alert,
        now: Time,
        taken: &mut Taken,
    ) {
        let ends = alert.ends.unwrap_or(now + HOLDS);
        let is_over = ends <= now;
        let state = if is_over { SignalState::Ok } else { SignalState::Problem(alert.severity()) };
        taken.signals.push(signal(object.clone(), check.clone(), state, alert.words(), now));
        // An end that lies far back is news all the same, and remembered as long as any.
        let ends = if is_over { now } else { ends };
        let known = Known { ends, is_over, labels: alert.labels, needed_until: None };
        let due = known.due();
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
        let moved = self.keep(&object, check, known);
        if let (Object::Vm(vm), Some(place)) = (&object, moved) {
            taken.topology.vms.insert(vm.clone(), place);
        }
        self.changed.insert(object);
    }

    /// Remembers it. Returns where its object is, if that is news.
    fn keep(&mut self, object: &Object, check: CheckId, known: Known) -> Option<VmPlace> {
        let checks = match self.known.get_mut(object) {
            Some(checks) => checks,
            None => self.known.entry(object.clone()).or_default(),
        };
        let before = place(checks);
        self.count += usize::from(checks.insert(check, known));
        let after = place(checks).filter(|after| Some(after) != before.as_ref());
        self.packer.grown(&mut self.known);
        after
    }

    /// Ends what was not repeated in time, and forgets what ended long ago. What the labels of the
    /// latter said of the fleet is known until [`Self::learn_anew`].
    ///
    /// What is part of an open incident `is_needed` to its end: without labels nobody would know
    /// whose it was.
    pub fn expire(&mut self, is_needed: impl Fn(&Object) -> bool, now: Time) -> Expired {
        let mut expired = Expired::default();
        if self.next.is_none_or(|next| next > now) {
            return expired;
        }
        for (object, checks) in &mut self.known {
            for (check, known) in &mut checks.0 {
                if !known.is_over && known.ends <= now {
                    known.is_over = true;
                    self.changed.insert(object.clone());
                    let text = "its sender does not repeat it".to_owned();
                    expired.signals.push(signal(
                        object.clone(),
                        check.clone(),
                        SignalState::Ok,
                        text,
                        now,
                    ));
                }
            }
            let before = checks.0.len();
            let is_old = |known: &Known| known.is_over && known.due() <= now;
            if checks.values().any(is_old) && is_needed(object) {
                let until = Some(now + REMEMBERED);
                let old = checks.0.iter_mut().map(|(_, known)| known).filter(|known| is_old(known));
                old.for_each(|known| known.needed_until = until);
            }
            checks.0.retain(|(_, known)| !is_old(known));
            if checks.0.len() < before {
                self.changed.insert(object.clone());
            }
        }
        self.known.retain(|_, checks| !checks.0.is_empty());
        let count = self.known.values().map(|checks| checks.0.len()).sum();
        expired.is_forgotten = count < std::mem::replace(&mut self.count, count);
        self.look_ahead();
        expired
    }

    /// When [`Self::expire`] may have something to do.
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
        posted.count = posted.known.values().map(|checks| checks.0.len()).sum();
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

    /// The labels of all that are known.
    pub fn labels(&self) -> impl Iterator<Item = (&Object, &CheckId, &Labels)> {
        self.each().map(|(object, check, known)| (object, check, &known.labels))
    }

    /// Those that have not ended, by object and check, from the first behind this one on.
    pub fn open<'a>(
        &'a self,
        behind: Option<&'a (Object, CheckId)>,
    ) -> impl Iterator<Item = OpenAlert<'a>> {
        let from = behind.map_or(Bound::Unbounded, |(object, _)| Bound::Included(object));
        let all = self.known.range((from, Bound::Unbounded));
        let all =
            all.flat_map(|(object, checks)| checks.0.iter().map(move |(c, k)| (object, c, k)));
        let is_behind = move |object: &Object, check: &CheckId| {
            behind.is_none_or(|(of, last)| (object, check) > (of, last))
        };
        let open =
            all.filter(move |(object, check, known)| !known.is_over && is_behind(object, check));
        open.map(|(object, check, known)| OpenAlert {
            object,
            check,
            labels: &known.labels,
            ends: known.ends,
        })
    }

    /// The labels of one of them.
    pub fn labels_of(&self, object: &Object, check: &CheckId) -> Option<&Labels> {
        Some(&self.known.get(object)?.get(check)?.labels)
    }

    fn each(&self) -> impl Iterator<Item = (&Object, &CheckId, &Known)> {
        let each = self.known.iter();
        each.flat_map(|(object, checks)| checks.0.iter().map(move |(c, known)| (object, c, known)))
    }

    pub fn count(&self) -> usize {
        self.count
    }

    fn look_ahead(&mut self) {
        self.next = self.known.values().flat_map(Checks::values).map(Known::due).min();
    }

    /// Reads the labels of all that is known once more: some were forgotten, or other people are
    /// known.
    pub fn learn_anew(&mut self, config: &RawConfig) {
        self.fleet = Topology::default();
        for (object, checks) in &self.known {
            if let Some(known) = checks.values().max_by_key(|known| known.ends) {
                Said::of(object, &known.labels, config).add_to(&mut self.fleet);
            }
        }
    }
}

impl Labelled for Posted {
    fn rest(&self) -> &Topology {
        &self.fleet
    }

    fn vm(&self, vm: &VmId) -> Option<VmPlace> {
        place(self.known.get(&Object::Vm(vm.clone()))?)
    }

    fn vms(&self) -> Box<dyn Iterator<Item = (VmId, VmPlace)> + '_> {
        Box::new(self.known.iter().filter_map(|(object, checks)| match object {
            Object::Vm(vm) => Some((vm.clone(), place(checks)?)),
            Object::Switch(_)
            | Object::Host(_)
            | Object::Module(_)
            | Object::Project(_)
            | Object::DataSource(_)
            | Object::Collector(_)
            | Object::Channel(_)
            | Object::Pool(_)
            | Object::Vantage(_) => None,
        }))
    }
}

/// Where a VM is by its labels. Where two alerts speak of it, the one that holds longer is believed.
fn place(checks: &Checks) -> Option<VmPlace> {
    let known = checks.values().max_by_key(|known| known.ends)?;
    let (host, module) = (host(&known.labels), module(&known.labels));
    Some(VmPlace { host, module, created: Time::default(), leaving: false })
}

/// What the labels of one alert say of the fleet.
struct Said<'a> {
    object: &'a Object,
    host: Option<HostId>,
    module: Option<ModuleId>,
    project: Option<ProjectId>,
    owner: Option<PersonId>,
}

impl<'a> Said<'a> {
    fn of(object: &'a Object, labels: &Labels, config: &RawConfig) -> Self {
        let label = |name: &str| labels.get(name);
        let owner = label("owner").and_then(|name| PersonId::parse(name).ok());
        Self {
            object,
            host: host(labels),
            module: module(labels),
            project: label("project").and_then(|name| name.parse().ok()),
            owner: owner.filter(|owner| config.may_be_told(owner)),
        }
    }

    /// Whether that was news. VMs are left out.
    fn add_to(&self, topology: &mut Topology) -> bool {
        let mut is_news = false;
        let named = if let Object::Host(host) = self.object { Some(host) } else { None };
        for host in self.host.iter().chain(named) {
            if !topology.hosts.contains_key(host) {
                is_news = true;
                topology.hosts.insert(host.clone(), Host::default());
            }
        }
        is_news |= self.add_business_to(topology);
        match self.object {
            Object::Switch(id) => is_news |= topology.switches.insert(id.clone()),
            Object::Vm(_)
            | Object::Host(_)
            | Object::Module(_)
            | Object::Project(_)
            | Object::DataSource(_)
            | Object::Collector(_)
            | Object::Channel(_)
            | Object::Pool(_)
            | Object::Vantage(_) => {}
        }
        is_news
    }

    fn add_business_to(&self, topology: &mut Topology) -> bool {
        let Some(project) = &self.project else { return false };
        let mut is_news = !topology.projects.contains_key(project);
        let known = topology.projects.entry(project.clone()).or_default();
        if let Some(owner) = &self.owner
            && !known.owners.contains(owner)
        {
            is_news = true;
            known.owners.insert(owner.clone());
        }
        if let Some(module) = &self.module
            && !topology.modules.contains_key(module)
        {
            is_news = true;
            let none = Module { project: project.clone(), uses: BTreeSet::new() };
            topology.modules.insert(module.clone(), none);
        }
        is_news
    }
}

fn host(labels: &Labels) -> Option<HostId> {
    labels.get("host")?.parse().ok()
}

fn module(labels: &Labels) -> Option<ModuleId> {
    let name = labels.get("module")?;
    match (name.contains('/'), labels.get("project")) {
        (false, Some(project)) => format!("{project}/{name}").parse().ok(),
        _ => name.parse().ok(),
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
        let labels = [("alertname", "VmDown"), ("vm", vm), ("host", "h1")].into_iter().collect();
        Alert { labels, text: String::new(), ends: Some(at(ends_s)) }
    }

    fn config() -> RawConfig {
        serde_json::from_str(r#"{"fleet": "test"}"#).unwrap()
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
        let taken = posted.take(&config(), both, at(0));
        assert_eq!((taken.signals.len(), taken.refused), (2, 0));
        store(&mut posted, &mut memory);
        let mut posted = Posted::restore(&memory);
        assert_eq!(posted.next(), Some(at(100)));
        posted.take(&config(), vec![alert("a", 300)], at(50));
        assert_eq!(
            ended(&posted.expire(|_| false, at(150)).signals),
            Vec::<String>::new(),
            "it was repeated"
        );
        assert_eq!(ended(&posted.expire(|_| false, at(250)).signals), ["vm/b"]);
        assert_eq!(ended(&posted.expire(|_| false, at(350)).signals), ["vm/a"]);
        store(&mut posted, &mut memory);
        assert_eq!(memory.len(), 2, "what their labels say is still known");
        posted.expire(|_| false, at(200 + 3600));
        store(&mut posted, &mut memory);
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["posted/vm/a"]);
        posted.expire(|_| false, at(300 + 3600));
        store(&mut posted, &mut memory);
        assert_eq!((memory.len(), posted.count(), posted.next()), (0, 0, None));
    }

    #[test]
    fn an_end_is_told_once_and_a_new_beginning_is_one() {
        let mut posted = Posted::default();
        let by = config();
        posted.take(&by, vec![alert("a", 100)], at(0));
        assert_eq!(ended(&posted.take(&by, vec![alert("a", 5)], at(10)).signals), ["vm/a"]);
        assert_eq!(posted.expire(|_| false, at(200)), Expired::default());
        let again = posted.take(&by, vec![alert("a", 900)], at(300)).signals;
        assert!(matches!(again[0].state, SignalState::Problem(_)), "{again:?}");
    }

    #[test]
    fn where_a_vm_is_its_labels_say_and_of_two_alerts_the_one_that_holds_longer() {
        let mut posted = Posted::default();
        let vm: VmId = "a".parse().unwrap();
        let on = |posted: &Posted| posted.vm(&vm).and_then(|place| place.host).unwrap().to_string();
        let news = |taken: Taken| taken.topology.vms.contains_key(&vm);
        assert!(news(posted.take(&config(), vec![alert("a", 500)], at(0))));
        assert!(!news(posted.take(&config(), vec![alert("a", 600)], at(1))), "it is known");
        let elsewhere = |name: &str, ends_s: i64| {
            let labels = [("alertname", name), ("vm", "a"), ("host", "h2")].into_iter().collect();
            Alert { labels, text: String::new(), ends: Some(at(ends_s)) }
        };
        assert!(!news(posted.take(&config(), vec![elsewhere("Slow", 300)], at(2))));
        assert_eq!(on(&posted), "h1");
        assert!(news(posted.take(&config(), vec![elsewhere("VmDown", 600)], at(3))));
        assert_eq!(on(&posted), "h2");
        assert_eq!(posted.vms().count(), 1);
    }

    #[test]
    fn whose_it_was_is_known_until_the_incident_is_over() {
        let mut posted = Posted::default();
        posted.take(&config(), vec![alert("a", -9000)], at(0));
        assert!(!posted.expire(|_| false, at(3599)).is_forgotten, "it was heard of just now");
        assert!(!posted.expire(|_| true, at(3600)).is_forgotten, "its end is still to be told");
        assert_eq!(posted.next(), Some(at(7200)));
        assert!(posted.expire(|_| false, at(7200)).is_forgotten);
    }
}
