//! Keeps the newest of everything that was sensed, in the form the scaler wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use collector::look::{Look, Refusal};
use collector::passive::AgentError;
use collector::zabbix::stats::Stats;
use model::id::{HostId, Object, VmId};
use model::sample::Frame;
use model::time::Time;
use model::verdict::{Outcome, ProbeTarget, Verdict};
use scaler::facts::{AgentFact, Facts, ProviderFact, ReadyFact, RouterFact, Sample};
use scaler::hands::{RouterReport, SeenHost, Sighting, Stamp};

use super::discover::ListName;
use super::request_rate::RequestRates;

/// What an object's agent did when it was asked last.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub error: String,
    pub since: Time,
    pub cause: Cause,
}

/// Whose doing it is that a target does not answer as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its own: it is down, or answers wrongly.
    Target,
    /// Ours: it lives, and this is what to do so that it lets us see.
    Files { remedy: String },
    /// Ours: we could not look.
    Blind,
}

/// When a target was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastLook {
    pub at: Time,
    /// When it answered last, be it well or badly.
    pub answered: Option<Time>,
}

/// A yes that looks doubtful, and since when it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub text: String,
    pub since: Time,
}

/// Values that were not taken, by target: how many, and a few of them by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refused {
    pub by_target: BTreeMap<String, (u64, Vec<Refusal>)>,
}

impl Refused {
    /// What the newest look at a target refused.
    fn note(&mut self, target: &str, look: &Look) {
        if look.refused_count == 0 {
            self.by_target.remove(target);
        } else {
            let refused = (look.refused_count, look.refused.clone());
            self.by_target.insert(target.to_owned(), refused);
        }
    }
}

/// Everything sensed, newest first known. Rebuilt from fresh polls after a restart.
#[derive(Debug, Default)]
pub struct Senses {
    pub facts: Facts,
    pub hosts: BTreeMap<HostId, SeenHost>,
    /// Targets that do not answer as they should: shown, and bounded by the number of targets.
    pub faults: BTreeMap<String, Fault>,
    pub refused: Refused,
    /// Bounded by the number of targets.
    pub looks: BTreeMap<String, LastLook>,
    /// Probes that found their target healthy by the contract, and yet doubt it.
    pub doubts: BTreeMap<ProbeTarget, Doubt>,
    /// How well each Zabbix server was seen when it was asked last.
    pub zabbix: BTreeMap<String, Stats>,
    /// When any target answered last: the age of what the page shows.
    pub newest: Option<Time>,
    /// When a router's witness was last renewed; an old one says nothing.
    routers_heard: BTreeMap<String, Time>,
    request_rates: RequestRates,
}

/// A router that was not heard for this long is no witness and acknowledges nothing.
const ROUTER_WORD_HOLDS: Duration = Duration::from_secs(30);

impl Senses {
    /// A target was looked at, and answered or not.
    pub fn looked(&mut self, target: &str, at: Time, answered: bool) {
        self.noted(target, at, answered);
        if answered {
            self.newest = self.newest.max(Some(at));
        }
    }

    /// One of those that say what there is, or where it goes, was asked. It measures nothing.
    pub fn noted(&mut self, target: &str, at: Time, answered: bool) {
        if !self.looks.contains_key(target) {
            self.looks.insert(target.to_owned(), LastLook { at, answered: None });
        }
        let Some(look) = self.looks.get_mut(target) else { return };
        look.at = look.at.max(at);
        look.answered = look.answered.max(answered.then_some(at));
    }

    /// A frame came: the agent answers.
    pub fn frame(&mut self, frame: &Frame, now: Time) {
        let name = frame.target.to_string();
        self.looked(&name, frame.at, true);
        self.faults.remove(&name);
        let Object::Vm(vm) = &frame.target else { return };
        let agent = AgentFact { heard: Some(frame.at), silent_since: None, misses: 0 };
        self.facts.agents.insert(vm.clone(), agent);
        for (name, value) in &frame.values {
            self.facts.hear(vm, name, Sample { value: *value, at: frame.at }, now);
        }
    }

    /// A poll failed. The first silence of a row is remembered as its beginning; an agent that
    /// answers wrongly is at fault, and not silent.
    pub fn agent_fault(&mut self, object: &Object, at: Time, error: &AgentError) {
        self.fault(object.to_string(), &error.to_string(), at);
        let (Object::Vm(vm), true) = (object, error.is_silence()) else { return };
        let none = AgentFact { heard: None, silent_since: None, misses: 0 };
        let agent = self.facts.agents.entry(vm.clone()).or_insert(none);
        agent.misses += 1;
        agent.silent_since = agent.silent_since.or(Some(at));
    }

    /// We were blind: what was not seen lately was not silence.
    pub fn unsee(&mut self) {
        for agent in self.facts.agents.values_mut() {
            agent.silent_since = None;
            agent.misses = 0;
        }
        for ready in self.facts.ready.values_mut() {
            ready.fails_in_a_row = 0;
            ready.failing_since = None;
        }
        self.facts.hosts_down.clear();
    }

    pub fn fault(&mut self, target: String, error: &str, at: Time) {
        self.fault_of(target, error, Cause::Target, at);
    }

    /// It lives, and does not let us see.
    pub fn misconfigured(&mut self, target: &str, what: &str, remedy: &str, at: Time) {
        let remedy = remedy.to_owned();
        self.fault_of(target.to_owned(), what, Cause::Files { remedy }, at);
    }

    /// We could not look.
    pub fn blind(&mut self, target: String, reason: &str, at: Time) {
        self.fault_of(target, &format!("blind: {reason}"), Cause::Blind, at);
    }

    fn fault_of(&mut self, target: String, error: &str, cause: Cause, at: Time) {
        let fault = Fault { error: error.to_owned(), since: at, cause: cause.clone() };
        let entry = self.faults.entry(target).or_insert(fault);
        error.clone_into(&mut entry.error);
        entry.cause = cause;
    }

    /// Values of a target that were not taken.
    pub fn refusals(&mut self, target: &str, look: &Look) {
        self.refused.note(target, look);
    }

    pub fn no_fault(&mut self, target: &str) {
        self.faults.remove(target);
    }

    /// A probe was made: what is wrong there, or doubtful.
    pub fn verdict(&mut self, verdict: &Verdict) {
        let name = probe_name(&verdict.target);
        let mut doubt = None;
        match &verdict.outcome {
            Outcome::Healthy { doubt: found } => {
                doubt.clone_from(found);
                self.no_fault(&name);
            }
            Outcome::Unhealthy { phase, hint } => {
                self.fault(name, &format!("{phase}: {hint}"), verdict.at);
            }
            Outcome::Blind { reason } => self.blind(name, reason, verdict.at),
        }
        self.doubt(&verdict.target, doubt, verdict.at);
    }

    /// A healthy probe looks doubtful, or no longer does.
    fn doubt(&mut self, target: &ProbeTarget, doubt: Option<String>, at: Time) {
        let Some(text) = doubt else {
            self.doubts.remove(target);
            return;
        };
        let since = self.doubts.get(target).map_or(at, |known| known.since);
        self.doubts.insert(target.clone(), Doubt { text, since });
    }

    pub fn ready(&mut self, vm: &VmId, assignment: u32, at: Time, ready: bool) {
        let none =
            ReadyFact { assignment, passes_in_a_row: 0, fails_in_a_row: 0, failing_since: None };
        let fact = self.facts.ready.entry(vm.clone()).or_insert(none);
        if fact.assignment != assignment {
            *fact = none;
        }
        if ready {
            *fact = ReadyFact { passes_in_a_row: fact.passes_in_a_row + 1, ..none };
        } else {
            fact.passes_in_a_row = 0;
            fact.fails_in_a_row += 1;
            fact.failing_since = fact.failing_since.or(Some(at));
        }
    }

    pub fn provider(&mut self, sighting: Sighting, begun: Time) {
        if sighting.complete {
            self.hosts =
                sighting.hosts.iter().map(|host| (host.id.clone(), host.clone())).collect();
        }
        self.facts.provider = Some(ProviderFact::from_sighting(sighting, begun));
    }

    /// The provider did not answer: what it said before is too old to conclude from.
    pub fn provider_silent(&mut self) {
        self.facts.provider = None;
    }

    pub fn router(&mut self, name: &str, report: RouterReport, newest: Stamp, at: Time) {
        self.request_rates.note(name, &report, at, &mut self.facts);
        self.facts.routers.insert(name.to_owned(), RouterFact::of(report, newest));
        self.routers_heard.insert(name.to_owned(), at);
    }

    /// There is a router of this name; it acknowledges nothing until it is heard.
    pub fn expect_router(&mut self, name: &str, now: Time) {
        let silent = RouterFact { silent: true, ..RouterFact::default() };
        self.facts.routers.entry(name.to_owned()).or_insert(silent);
        self.routers_heard.entry(name.to_owned()).or_insert(now);
    }

    /// From now on nothing waits for the word of a router that was silent for so long. Tells whether
    /// that is news.
    pub fn waive_router(&mut self, name: &str, after: Duration, now: Time) -> bool {
        let heard = self.routers_heard.get(name).copied().unwrap_or(now);
        let Some(fact) = self.facts.routers.get_mut(name) else { return false };
        if fact.waived || now.since(heard) < after {
            return false;
        }
        *fact = RouterFact { waived: true, silent: fact.silent, ..RouterFact::default() };
        true
    }

    /// Forgets what is too old to be believed, and VMs that are gone.
    pub fn age(&mut self, living: &BTreeMap<VmId, model::vm::Vm>, now: Time) {
        for (name, fact) in &mut self.facts.routers {
            let heard = self.routers_heard.get(name).copied().unwrap_or_default();
            if now.since(heard) > ROUTER_WORD_HOLDS {
                let (silent, waived) = (fact.silent, fact.waived);
                *fact = RouterFact { silent, waived, ..RouterFact::default() };
            }
        }
        self.facts.samples.retain(|vm, _| living.contains_key(vm));
        self.facts.agents.retain(|vm, _| living.contains_key(vm));
        self.facts.ready.retain(|vm, _| living.contains_key(vm));
        self.facts.hosts_down.retain(|host| self.hosts.contains_key(host));
    }

    /// Forgets what is known of targets that are no longer asked.
    pub fn keep_faults_of(&mut self, targets: &BTreeSet<String>) {
        self.faults.retain(|target, _| targets.contains(target));
        self.refused.by_target.retain(|target, _| targets.contains(target));
        self.looks.retain(|target, _| targets.contains(target));
        self.doubts.retain(|target, _| targets.contains(&probe_name(target)));
    }
}

/// How the provider is called in the lists of faults and looks.
pub(super) const PROVIDER: &str = "provider";

/// How the public status page is called there.
pub(super) const STATUS_PAGE: &str = "status page";

pub(super) fn router_name(name: &str) -> String {
    format!("router {name}")
}

pub(super) fn channel_name(name: &str) -> String {
    format!("channel {name}")
}

pub(super) fn server_name(server: &str) -> String {
    format!("zabbix {server}")
}

pub(super) fn list_name(list: &ListName) -> String {
    format!("discovery {}", list.0)
}

/// How a probe is called in the list of faults.
pub(super) fn probe_name(target: &ProbeTarget) -> String {
    match target {
        ProbeTarget::Domain { domain, .. } => format!("probe of {domain}"),
        ProbeTarget::Vm { vm, .. } => format!("probe of vm/{vm}"),
    }
}
