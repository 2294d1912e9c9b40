//! What was seen of the world, as the scaler needs it. The senses and hands fill it in.
//!
//! A fact that is missing here was not observed; nothing follows from its absence.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{FlavorId, HostId, ModuleId, SwitchId, VmId};
use model::time::Time;
use model::vm::Addresses;
use serde::{Deserialize, Serialize};

use crate::hands::{
    Origin, Power, Quota, RouterReport, Sighting, Stamp, Uncounted, UpstreamReport,
};
use crate::policy::{Measure, Metric, Mode};

/// Clocks of two machines differ by so much without anybody's fault.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// All that is known at one tick.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The newest value of each metric of each VM, with its time.
    pub samples: BTreeMap<VmId, BTreeMap<String, Sample>>,
    /// What the expressions of a module's policy came to, by the name of the metric.
    pub answers: BTreeMap<ModuleId, BTreeMap<String, Answer>>,
    pub agents: BTreeMap<VmId, AgentFact>,
    pub ready: BTreeMap<VmId, ReadyFact>,
    pub provider: Option<ProviderFact>,
    pub routers: BTreeMap<String, RouterFact>,
    /// Hosts that are known to be down: nothing new is put there.
    pub hosts_down: BTreeSet<HostId>,
    /// What hosts share, so that it fails for all of them: the switch of their rack.
    pub racks: BTreeMap<HostId, SwitchId>,
    /// What the schedules of the policies come to, as moments: at least those that hold now.
    pub schedules: BTreeMap<ModuleId, Vec<ScheduleSpan>>,
    pub forecasts: BTreeMap<ModuleId, Forecast>,
    /// Error budgets that are used up, of modules from which nothing is to be taken then.
    pub spent: BTreeMap<ModuleId, SpentBudget>,
    /// When they were looked at last.
    pub looked: Option<Time>,
}

/// More was down than was promised: what is there is left alone until the period of the promise ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentBudget {
    /// The accounting policy: `standard@1`.
    pub policy: String,
    pub down: Duration,
    pub allowed: Duration,
    /// The end of the period.
    pub until: Time,
}

/// One time at which a schedule of a policy holds: from `from` up to and not including `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpan {
    pub name: String,
    /// With its lead.
    pub from: Time,
    pub until: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

impl ScheduleSpan {
    pub fn holds(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }
}

/// What is likely to be needed within the horizon of a policy's forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    pub count: u32,
    /// When it was made.
    pub at: Time,
    /// There is enough history, and of late it was better than "same time last week". Only then it
    /// may lift the floor.
    pub is_trusted: bool,
    /// What it rests on, or why it is not trusted.
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub value: f64,
    pub at: Time,
}

/// Whether something happened within the last `span`. What seems to lie ahead did not: either its
/// clock is wrong, or ours was set back since, and nobody knows how old it is.
pub(crate) fn is_recent(at: Time, span: Duration, now: Time) -> bool {
    let is_ahead = at > now + CLOCKS_DIFFER && !bug!(BelieveFuture);
    !is_ahead && now.since(at) <= span
}

/// What an expression came to when it was last evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub at: Time,
    /// Or why it has no value.
    pub values: Result<Values, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One for each VM that has samples.
    Each(BTreeMap<VmId, f64>),
    /// One for the module: it holds for each of its VMs.
    Whole(f64),
}

impl Answer {
    fn sample(&self, vm: &VmId) -> Option<Sample> {
        let value = match self.values.as_ref().ok()? {
            Values::Each(values) => *values.get(vm)?,
            Values::Whole(value) => *value,
        };
        Some(Sample { value, at: self.at })
    }

    /// The one value, if it is one for the module as a whole.
    pub(crate) fn whole(&self) -> Option<Sample> {
        match self.values.as_ref().ok()? {
            Values::Each(_) => None,
            Values::Whole(value) => Some(Sample { value: *value, at: self.at }),
        }
    }
}

/// What the VM's agent last did when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentFact {
    /// When it last answered.
    pub heard: Option<Time>,
    /// Since when it does not answer, and how many times in a row it did not.
    pub silent_since: Option<Time>,
    pub misses: u32,
}

/// What the readiness probe of one assignment last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyFact {
    pub assignment: u32,
    pub passes_in_a_row: u32,
    pub fails_in_a_row: u32,
    pub failing_since: Option<Time>,
}

/// What the provider listed.
#[derive(Clone, Debug, Default)]
pub struct ProviderFact {
    pub complete: bool,
    /// When the list was begun: of what was made later it says nothing, however late it came.
    pub begun: Time,
    pub vms: BTreeMap<VmId, SeenFact>,
    /// How many more VMs of each flavor fit, over all hosts that live.
    pub room: BTreeMap<FlavorId, u32>,
    pub quotas: Vec<Quota>,
    /// Hosts that it says are down.
    pub hosts_down: BTreeSet<HostId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFact {
    pub flavor: FlavorId,
    pub host: Option<HostId>,
    pub power: Power,
    pub addresses: Option<Addresses>,
    pub origin: Option<Origin>,
    pub labels: BTreeMap<String, String>,
}

/// What one router said of itself. The default is that of a router which was not heard: it
/// acknowledges nothing and bears no witness.
#[derive(Clone, Debug, Default)]
pub struct RouterFact {
    /// The reign of the routing it follows.
    pub epoch: u64,
    /// The routing of ours it was seen to follow; 0 if it follows none of ours.
    pub acknowledged: u64,
    /// The routing it follows that is none of ours: of another reign, or newer than all of ours.
    pub foreign: u64,
    pub upstreams: BTreeMap<VmId, UpstreamReport>,
    pub uncounted: Uncounted,
    /// It has said nothing since the brain began.
    pub silent: bool,
    /// It was silent for so long that, by the files, no traffic comes to it any more: its word is
    /// not waited for.
    pub waived: bool,
}

impl RouterFact {
    /// What a report means to whoever wants the routing `newest`.
    pub fn of(report: RouterReport, newest: Stamp) -> Self {
        let is_ours = report.epoch == newest.epoch && report.generation <= newest.generation;
        let generation = report.generation;
        Self {
            epoch: report.epoch,
            acknowledged: if is_ours { generation } else { 0 },
            foreign: if is_ours { 0 } else { generation },
            upstreams: report.upstreams,
            uncounted: report.uncounted,
            silent: false,
            waived: false,
        }
    }

    /// The routing it follows, whoever made it.
    pub fn follows(&self) -> u64 {
        self.acknowledged.max(self.foreign)
    }
}

impl ProviderFact {
    /// Takes over what a provider saw in a list that was begun at a moment.
    pub fn from_sighting(sighting: Sighting, begun: Time) -> Self {
        let mut room = BTreeMap::new();
        for (flavor, count) in sighting.hosts.iter().flat_map(|host| &host.room) {
            *room.entry(flavor.clone()).or_default() += count;
        }
        let down = sighting.hosts.iter().filter(|host| host.is_down);
        let hosts_down = down.map(|host| host.id.clone()).collect();
        let vms = sighting.vms.into_iter().map(|vm| {
            let fact = SeenFact {
                flavor: vm.flavor,
                host: vm.host,
                power: vm.power,
                addresses: vm.addresses,
                origin: vm.origin,
                labels: vm.labels,
            };
            (vm.id, fact)
        });
        let (complete, quotas) = (sighting.complete, sighting.quotas);
        Self { complete, begun, vms: vms.collect(), room, quotas, hosts_down }
    }
}

impl Facts {
    /// Once each look. If the clock was set back since the last one, what was read before that lies
    /// ahead now, and would pass for fresh once the clock gets there again.
    pub fn follow(&mut self, now: Time) {
        if self.looked.is_some_and(|last| now < last) {
            for samples in self.samples.values_mut() {
                samples.retain(|_, sample| sample.at <= now);
            }
        }
        self.looked = Some(now);
    }

    /// What was last read of a metric of a module's policy for one of its VMs.
    pub fn sample(&self, module: &ModuleId, metric: &Metric, vm: &VmId) -> Option<Sample> {
        match (&metric.measure, self.answer(module, metric)) {
            (Measure::Metric(name), None) => self.samples.get(vm)?.get(*name).copied(),
            (Measure::Expression(_), None) => None,
            (_, Some(answer)) => answer.sample(vm),
        }
    }

    /// What the expression of a metric came to, or its mean over a window; None if it has neither
    /// or was not evaluated yet.
    pub fn answer(&self, module: &ModuleId, metric: &Metric) -> Option<&Answer> {
        self.answers.get(module)?.get(&metric.name)
    }

    /// Keeps what was read of a metric of a VM. What claims to be of the future is not kept: it
    /// would pass for fresh for as long as that clock runs ahead. Returns whether it was kept.
    pub fn hear(&mut self, vm: &VmId, metric: &str, sample: Sample, now: Time) -> bool {
        if sample.at > now + CLOCKS_DIFFER && !bug!(BelieveFuture) {
            return false;
        }
        let samples = self.samples.entry(vm.clone()).or_default();
        match samples.get_mut(metric) {
            Some(known) => *known = sample,
            None => drop(samples.insert(metric.to_owned(), sample)),
        }
        true
    }

    /// Those whose word counts: all, but for those it was given up to wait for.
    fn heeded(&self) -> impl Iterator<Item = &RouterFact> {
        self.routers.values().filter(|router| !router.waived)
    }

    /// The routing generation that every router follows; 0 while one of them was not heard, and
    /// while nobody's word is waited for any more: somebody must carry the traffic.
    pub fn acknowledged(&self) -> u64 {
        self.heeded().map(|router| router.acknowledged).min().unwrap_or(0)
    }

    /// Requests under way on a VM, over all routers; None while a router cannot tell.
    pub fn in_flight(&self, vm: &VmId) -> Option<u32> {
        if self.heeded().next().is_none() || self.heeded().any(|router| router.uncounted.holds(vm))
        {
            return None;
        }
        let reports = self.heeded().filter_map(|router| router.upstreams.get(vm));
        Some(reports.map(|report| report.in_flight).sum())
    }

    /// Whether a router has reported anything of the VM: it sends to it, or did a moment ago.
    pub fn is_upstream(&self, vm: &VmId) -> bool {
        self.routers.values().any(|router| router.upstreams.contains_key(vm))
    }

    /// Whether a router whose word counts may still send to the VM: it does not follow the routing yet
    /// that let go of it, and names the VM or says nothing at all.
    pub fn may_send_to(&self, vm: &VmId, let_go: u64) -> bool {
        let mut behind = self.heeded().filter(|router| router.acknowledged < let_go);
        behind.any(|router| router.follows() == 0 || router.upstreams.contains_key(vm))
    }

    /// Whether a host is down, by our own looks or by its provider's word: nothing new is put there.
    pub fn is_host_down(&self, host: &HostId) -> bool {
        self.hosts_down.contains(host) || self.is_host_said_down(host)
    }

    /// By its provider's word alone.
    pub fn is_host_said_down(&self, host: &HostId) -> bool {
        self.provider.as_ref().is_some_and(|provider| provider.hosts_down.contains(host))
    }

    pub fn is_agent_silent(&self, vm: &VmId) -> bool {
        self.agents.get(vm).is_some_and(|agent| agent.misses >= 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(epoch: u64, generation: u64) -> RouterReport {
        RouterReport { epoch, generation, ..RouterReport::default() }
    }

    #[test]
    fn what_was_read_before_a_clock_was_set_back_is_forgotten() {
        let (vm, mut facts) = (VmId::parse("a").unwrap(), Facts::default());
        let now = |second: i64| Time::from_millis(second * 1000);
        facts.hear(&vm, "load", Sample { value: 0.1, at: now(7200) }, now(7200));
        facts.follow(now(7215));
        assert_eq!(facts.samples[&vm].len(), 1);
        facts.follow(now(3615));
        assert_eq!(facts.samples[&vm].len(), 0, "an hour later it would be fresh");
    }

    fn facts(routers: &[RouterFact]) -> Facts {
        let named = routers.iter().enumerate();
        let routers = named.map(|(number, fact)| (format!("r{number}"), fact.clone()));
        Facts { routers: routers.collect(), ..Facts::default() }
    }

    #[test]
    fn a_router_that_follows_nothing_of_ours_acknowledges_nothing() {
        let newest = Stamp { epoch: 2, generation: 7 };
        let of = |epoch, generation| RouterFact::of(report(epoch, generation), newest);
        assert_eq!((of(2, 6).acknowledged, of(2, 6).follows()), (6, 6));
        assert_eq!((of(1, 900).acknowledged, of(1, 900).follows()), (0, 900), "an earlier reign");
        assert_eq!((of(3, 1).acknowledged, of(3, 1).follows()), (0, 1), "a later one");
        assert_eq!((of(2, 9).acknowledged, of(2, 9).follows()), (0, 9), "our record was restored");
        assert_eq!(facts(&[of(2, 6), of(2, 9)]).acknowledged(), 0);
    }

    #[test]
    fn who_was_given_up_is_not_waited_for_unless_nobody_else_is_left() {
        let well = RouterFact::of(report(0, 7), Stamp { epoch: 0, generation: 7 });
        let dead = RouterFact { waived: true, ..RouterFact::default() };
        assert_eq!(facts(&[well.clone(), RouterFact::default()]).acknowledged(), 0);
        assert_eq!(facts(&[well, dead.clone()]).acknowledged(), 7);
        assert_eq!(facts(&[dead.clone(), dead.clone()]).acknowledged(), 0);
        assert_eq!(facts(&[dead]).in_flight(&VmId::parse("a").unwrap()), None);
    }

    #[test]
    fn what_one_router_cannot_count_nobody_knows() {
        let vm = VmId::parse("a").unwrap();
        let busy = UpstreamReport { in_flight: 3, ..UpstreamReport::default() };
        let counts = RouterFact { upstreams: [(vm.clone(), busy)].into(), ..RouterFact::default() };
        let these = Uncounted::These([vm.clone()].into());
        let blind = RouterFact { uncounted: these, ..RouterFact::default() };
        assert_eq!(facts(&[counts.clone(), RouterFact::default()]).in_flight(&vm), Some(3));
        assert_eq!(facts(&[counts, blind.clone()]).in_flight(&vm), None);
        assert_eq!(facts(&[blind]).in_flight(&VmId::parse("b").unwrap()), Some(0));
    }
}
