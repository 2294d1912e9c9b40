//! What the brain gets to see: agents, probes, the provider's lists, the routers' reports.
//!
//! It is kept from look to look, as `cloudbrain` keeps it, and lost when the brain is killed.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::VmId;
use model::metric::LOAD1_PER_CORE;
use model::time::Time;
use model::vm::{Addresses, Vm};
use scaler::facts::{AgentFact, ProviderFact, ReadyFact, RouterFact, Sample};
use scaler::hands::{Power, SeenHost, SeenVm, Sighting, UpstreamReport};

use crate::cloud::{HOSTS, Machine, host_name, rack_name};
use crate::fleet::{MODULES, START, demand, module};
use crate::trouble::{Listing, Lying, Trouble};
use crate::world::{CALM, DAY, UnderWay, World, picked};

/// Agents and probes are asked no more often than this.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// A router that was not heard for this long is no witness and acknowledges nothing.
const ROUTER_WORD_HOLDS: Duration = Duration::from_secs(30);
/// How far a replica may lag.
const LAG: Duration = Duration::from_secs(480);
/// A list is begun this long after the last came, and when lists are rare; and how long a slow one takes.
const LIST_EVERY: Duration = Duration::from_secs(15);
const RARE: Duration = Duration::from_secs(240);
const SLOW: Duration = Duration::from_secs(60);
const OFF: Duration = Duration::from_secs(600);
/// So long a program that was just started is busy with itself, and so busy.
const WARM_UP: Duration = Duration::from_secs(120);
const BUSY: f64 = 3.0;

impl World {
    /// Everything the brain can see at this moment.
    pub(crate) fn look(&mut self) {
        let due = self.brain.polled.is_none_or(|at| self.now.since(at) >= POLL_EVERY);
        if due {
            self.carry_load();
            self.poll();
            self.brain.polled = Some(self.now);
        }
        self.list();
        self.know_racks();
        for index in 0..self.edges.len() {
            self.hear_router(index);
        }
        let living = &self.brain.state.vms;
        self.brain.facts.samples.retain(|vm, _| living.contains_key(vm));
        self.brain.facts.agents.retain(|vm, _| living.contains_key(vm));
        self.brain.facts.ready.retain(|vm, _| living.contains_key(vm));
    }

    /// The load of each module spreads over what really works behind the routers, and shows as
    /// load1 does: late.
    fn carry_load(&mut self) {
        // While things come to rest, so does the load.
        let steady = START + DAY - CALM + Duration::from_secs(1800);
        let hour = self.now.min(steady).since(START).as_secs_f64();
        let elapsed = self.brain.polled.map_or(60.0, |at| self.now.since(at).as_secs_f64());
        for name in MODULES {
            let id = module(name);
            let mut work = demand(name, hour);
            for trouble in self.troubles() {
                if let Trouble::Load { module: pick, percent } = trouble
                    && picked(pick) == id
                {
                    work *= percent as f64 / 100.0;
                }
            }
            let well = self.edges[0].upstreams(&id).filter(|vm| self.works(vm)).count();
            let target = work / well.max(1) as f64;
            let share = 1.0 - (-elapsed / 60.0).exp();
            let load = self.load.entry(id).or_insert(target);
            *load += (target - *load) * share;
        }
    }

    pub(crate) fn works(&self, id: &VmId) -> bool {
        self.cloud.get(id).is_some_and(|machine| machine.is_well(self.now))
    }

    fn poll(&mut self) {
        let vms = std::mem::take(&mut self.brain.state.vms);
        let cut_off = self.is(Trouble::BrainCutOff);
        let dark = cut_off || self.is(Trouble::AgentsDark);
        let probes_fail = cut_off || self.is(Trouble::ProbesFail);
        let lie = self.troubles().rev().find_map(|trouble| trouble.samples());
        for (number, vm) in vms.values().enumerate().filter(|(_, vm)| vm.addresses.is_some()) {
            let machine = self.cloud.get(&vm.id);
            let runs = machine.is_some_and(|machine| machine.runs(self.now));
            let heard = !dark && runs && machine.is_some_and(|machine| !machine.mute);
            let well = machine.is_some_and(|machine| {
                let program = machine.program.as_ref();
                let right = program.is_some_and(|p| {
                    p.assignment == vm.assignment && Some(&p.module) == vm.module.as_ref()
                });
                right && machine.is_well(self.now)
            });
            self.hear_agent(&vm.id, heard);
            if heard {
                self.sample(vm, number, lie);
            }
            if vm.module.is_some() {
                self.probe(vm, well && !probes_fail);
            }
        }
        self.brain.state.vms = vms;
        self.see_hosts(dark);
        if !dark && lie.is_none() {
            self.note_loads_that_are_not_low();
        }
    }

    fn hear_agent(&mut self, id: &VmId, heard: bool) {
        let now = self.brain_now();
        let none = AgentFact { heard: None, silent_since: None, misses: 0 };
        let fact = self.brain.facts.agents.entry(id.clone()).or_insert(none);
        if heard {
            *fact = AgentFact { heard: Some(now), silent_since: None, misses: 0 };
            self.oracle.answered.insert(id.clone(), self.now);
        } else {
            fact.misses += 1;
            fact.silent_since = fact.silent_since.or(Some(now));
        }
    }

    fn sample(&mut self, vm: &Vm, number: usize, lie: Option<Lying>) {
        let Some(module) = vm.module.as_ref() else { return };
        let now = self.brain_now();
        let mut value = self.load.get(module).copied().unwrap_or_default();
        let mut at = now;
        match lie {
            None | Some(Lying::Swapped) => {}
            Some(Lying::Missing | Lying::Delayed) => return,
            Some(Lying::HalfMissing) if number.is_multiple_of(2) => return,
            Some(Lying::HalfMissing) => {}
            Some(Lying::NotANumber) => value = f64::NAN,
            Some(Lying::Negative) => value = -1.0,
            Some(Lying::Zero) => value = 0.0,
            Some(Lying::OneLiar) if number == 0 => value = 50.0,
            Some(Lying::OneLiar) => {}
            Some(Lying::Stuck) => value = 0.95,
            Some(Lying::WarmUp) => value = if self.warms_up(&vm.id) { BUSY } else { value },
            Some(Lying::Ahead) => at = now + OFF,
            Some(Lying::AheadThenMissing) if self.is_first_poll_of_it() => at = now + OFF,
            Some(Lying::AheadThenMissing) => return,
            Some(Lying::Behind) => at = now - OFF,
        }
        if value.is_finite() && value >= 0.0 {
            self.oracle.measured.insert(vm.id.clone(), self.now);
        }
        self.brain.facts.hear(&vm.id, LOAD1_PER_CORE, Sample { value, at }, now);
    }

    /// Its program was started a moment ago.
    fn warms_up(&self, id: &VmId) -> bool {
        let program = self.cloud.get(id).and_then(|machine| machine.program.as_ref());
        program.is_some_and(|program| self.now.since(program.ready_from) < WARM_UP)
    }

    /// Whether nobody was asked yet since the newest trouble with samples began.
    fn is_first_poll_of_it(&self) -> bool {
        let mut newest = self.active.iter().rev().map(|index| &self.faults[*index]);
        let began = newest.find(|fault| fault.what.samples().is_some()).map(|fault| fault.from);
        self.brain.polled.is_none_or(|at| Some(at) < began)
    }

    /// A probe is made every few seconds: several since the last poll.
    fn probe(&mut self, vm: &Vm, passes: bool) {
        let now = self.brain_now();
        let assignment = vm.assignment;
        let none =
            ReadyFact { assignment, passes_in_a_row: 0, fails_in_a_row: 0, failing_since: None };
        let fact = self.brain.facts.ready.entry(vm.id.clone()).or_insert(none);
        if fact.assignment != assignment {
            *fact = none;
        }
        if passes {
            *fact = ReadyFact { passes_in_a_row: fact.passes_in_a_row + 3, ..none };
        } else {
            fact.passes_in_a_row = 0;
            fact.fails_in_a_row += 3;
            fact.failing_since = fact.failing_since.or(Some(now));
        }
    }

    fn see_hosts(&mut self, dark: bool) {
        if !dark {
            let down = (0..HOSTS).filter(|host| self.cloud.is_down(*host, self.now));
            self.brain.facts.hosts_down = down.map(host_name).collect();
        }
    }

    fn know_racks(&mut self) {
        if self.brain.facts.racks.is_empty() {
            let racks = (0..HOSTS).map(|host| (host_name(host), rack_name(host)));
            self.brain.facts.racks = racks.collect();
        }
    }

    /// As the brain's watchman does: one list at a time, and a rest after each. Between two lists the
    /// brain has the old one.
    fn list(&mut self) {
        if self.is(Trouble::ProviderDown) || self.is(Trouble::BrainCutOff) {
            self.brain.facts.provider = None;
            (self.brain.listing, self.brain.listed) = (None, None);
            return;
        }
        let lie = self.troubles().rev().find_map(|trouble| trouble.lists());
        let rest = if lie == Some(Listing::Rare) { RARE } else { LIST_EVERY };
        let rested = self.brain.listed.is_none_or(|at| self.now.since(at) >= rest);
        if rested && self.brain.listing.is_none() {
            let takes = if lie == Some(Listing::Slow) { SLOW } else { Duration::ZERO };
            let (begun, begun_by_brain, comes) = (self.now, self.brain_now(), self.now + takes);
            let says = self.sighting(lie);
            self.brain.listing = Some(UnderWay { begun, begun_by_brain, comes, says });
        }
        let now = self.now;
        let come = self.brain.listing.take_if(|list| list.comes <= now);
        let Some(UnderWay { begun, begun_by_brain, says, .. }) = come else { return };
        self.brain.listed = Some(now);
        self.oracle.listed(&says, begun);
        self.brain.facts.provider = Some(ProviderFact::from_sighting(says, begun_by_brain));
    }

    /// What the provider says at this moment.
    fn sighting(&mut self, lie: Option<Listing>) -> Sighting {
        let seen: Vec<SeenVm> =
            self.cloud.machines.values().map(|machine| self.seen(machine)).collect();
        let (complete, vms) = self.falsify(lie, seen);
        let room = self.cloud.room(self.now);
        let flavors = self.fleet.flavors().map(|flavor| (flavor.clone(), room));
        let host =
            SeenHost { id: host_name(0), agent: None, room: flavors.collect(), is_down: false };
        Sighting { complete, hosts: vec![host], vms, quotas: Vec::new() }
    }

    fn falsify(&mut self, lie: Option<Listing>, mut vms: Vec<SeenVm>) -> (bool, Vec<SeenVm>) {
        let has_stale = self.faults.iter().any(|f| f.what == Trouble::Lists(Listing::Stale));
        if has_stale {
            let newest = self.lists.back().map_or(Time::default(), |(at, _)| *at);
            if self.now.since(newest) >= Duration::from_secs(60) {
                self.lists.push_back((self.now, vms.clone()));
            }
            while self.lists.get(1).is_some_and(|(at, _)| self.now.since(*at) > LAG) {
                self.lists.pop_front();
            }
        }
        match lie {
            None | Some(Listing::Rare | Listing::Slow) => return (true, vms),
            Some(Listing::Empty) => vms.clear(),
            Some(Listing::Incomplete) => {
                vms.retain(|_| self.dice.chance(60));
                return (false, vms);
            }
            Some(Listing::Holes) => vms.retain(|_| self.dice.chance(80)),
            Some(Listing::Stale) => {
                return (true, self.lists.front().map(|(_, vms)| vms.clone()).unwrap_or_default());
            }
            Some(Listing::Slander) => vms.iter_mut().for_each(|vm| vm.power = Power::Stopped),
        }
        (true, vms)
    }

    fn seen(&self, machine: &Machine) -> SeenVm {
        let power = match (machine.dead_since, machine.up_from) {
            (Some(_), _) => Power::Stopped,
            (None, Some(from)) if from <= self.now => Power::Running,
            (None, _) => Power::Building,
        };
        let addresses = Addresses { agent: AGENT, app: APP };
        SeenVm {
            id: machine.id.clone(),
            flavor: machine.flavor.clone(),
            host: Some(host_name(machine.host)),
            power,
            addresses: (power == Power::Running).then_some(addresses),
            origin: None,
            labels: BTreeMap::new(),
        }
    }

    fn hear_router(&mut self, index: usize) {
        let silent = self.is_deaf(index) || self.is(Trouble::BrainCutOff);
        let name = self.edges[index].name.clone();
        if silent {
            if self.now.since(self.edges[index].reported) > ROUTER_WORD_HOLDS {
                self.brain.facts.routers.insert(name, RouterFact::default());
            }
            return;
        }
        let now = self.now;
        let edge = &mut self.edges[index];
        edge.reported = now;
        edge.out.retain(|_, left| left.busy_until > now);
        let edge = &self.edges[index];
        let routed = crate::edge::all(&edge.routing).cloned();
        let mut upstreams: BTreeMap<VmId, UpstreamReport> = routed
            .map(|id| {
                let failed = if self.works(&id) { 0 } else { 5 };
                (id, UpstreamReport { in_flight: 3, failed_in_a_row: failed, ..Default::default() })
            })
            .collect();
        for id in edge.out.keys() {
            upstreams.insert(id.clone(), UpstreamReport { in_flight: 1, ..Default::default() });
        }
        let fact = RouterFact {
            acknowledged: edge.routing.generation,
            upstreams,
            ..RouterFact::default()
        };
        self.brain.facts.routers.insert(name, fact);
    }
}

const AGENT: core::net::SocketAddr =
    core::net::SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 1);
const APP: core::net::SocketAddr =
    core::net::SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 2);
