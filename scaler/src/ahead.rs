//! What would follow if the work stayed as it is: the scaler played on, with hands that do at once
//! whatever they are asked.
//!
//! A plan says what happens now, and whoever reads it at night wants to know whether that was all. So
//! one module and its pool are played ahead on a copy, by the very ticks that will come. The work is
//! the load times the VMs that carry it, and is spread evenly over those that serve. It foresees no
//! change of the work, no fault, and nothing of other modules.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use model::id::ModuleId;
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use serde::{Deserialize, Serialize};

use crate::decide::load;
use crate::facts::{
    AgentFact, Answer, Facts, ProviderFact, ReadyFact, RouterFact, Sample, SeenFact, Values,
};
use crate::hands::Power;
use crate::plan::as_if_acting;
use crate::policy::{Measure, Metric, Policy};
use crate::reason::Reason;
use crate::state::{Config, State};
use crate::steps::{StepOutcome, absorb, forget_issued, issue};
use crate::tick::tick;

/// One change of the count that would come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ahead {
    pub at: Time,
    pub from: u32,
    pub to: u32,
    pub reason: Reason,
}

/// Between two ticks that are played.
const STEP: Duration = Duration::from_secs(5);
/// So many probes in a row a VM has passed that is well.
const WELL: u32 = 1000;

/// Where a VM is that is made in the foreseen: without an address it would never serve there.
const SOMEWHERE: Addresses = Addresses { agent: NOWHERE, app: NOWHERE };
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The changes that would come within `span`, oldest first. None if they cannot be foreseen: no
/// policy scales the module, or the load is not known.
pub fn ahead(
    config: &Config,
    state: &State,
    facts: &Facts,
    module: &ModuleId,
    now: Time,
    span: Duration,
) -> Option<Vec<Ahead>> {
    let policy = config.policies.get(module)?;
    let work = work(policy, state, facts, now)?;
    let config = as_if_acting(&only(config, policy));
    let mut state = part_of(state, policy);
    let (mut changes, mut at) = (Vec::new(), now);
    while at < now + span {
        at = at + STEP;
        let schedules = facts.schedules.clone();
        let facts = Facts { schedules, ..well(&state, policy, &work, at) };
        let outcome = tick(&config, &mut state, &facts, at);
        for step in issue(&mut state, at) {
            absorb(&config, &mut state, &step.vm, step.kind, StepOutcome::Done, at);
        }
        state.moves.clear();
        let decided = outcome.decisions.into_iter().filter(|decision| !decision.is_hold());
        changes.extend(decided.map(|decision| {
            let (from, to) = (decision.from, decision.to);
            Ahead { at, from, to, reason: decision.reason }
        }));
    }
    Some(changes)
}

/// Each metric, and all that it tells of: its load times the VMs that serve.
type Work<'a> = Vec<(&'a Metric, f64)>;

fn work<'a>(policy: &'a Policy, state: &State, facts: &Facts, now: Time) -> Option<Work<'a>> {
    let members = state.vms.values().filter(|vm| vm.module.as_ref() == Some(&policy.module));
    let serving: Vec<&Vm> = members.filter(|vm| vm.state == VmState::Serving).collect();
    let work = policy.metrics.iter().map(|metric| {
        let load = load(policy, metric, &serving, facts, now)?;
        let carriers = if metric.is_whole() { 1 } else { serving.len() };
        Some((metric, load * carriers as f64))
    });
    work.collect()
}

fn only(config: &Config, policy: &Policy) -> Config {
    let pool = config.pools.get(&policy.flavor);
    Config {
        policies: BTreeMap::from([(policy.module.clone(), policy.clone())]),
        pools: pool.into_iter().map(|pool| (pool.flavor.clone(), pool.clone())).collect(),
        brake: config.brake,
        tick: config.tick,
        ..Config::default()
    }
}

fn part_of(state: &State, policy: &Policy) -> State {
    let mut part = state.clone();
    part.vms.retain(|_, vm| match &vm.module {
        Some(module) => *module == policy.module,
        None => vm.flavor == policy.flavor,
    });
    let vms = &part.vms;
    part.steps.retain(|id, _| vms.contains_key(id));
    forget_issued(&mut part);
    part
}

/// Every VM is well, every router follows, and the work is spread over those that serve.
fn well(state: &State, policy: &Policy, work: &Work<'_>, now: Time) -> Facts {
    let of_module = |vm: &&Vm| vm.module.as_ref() == Some(&policy.module);
    let serving = state.vms.values().filter(of_module).filter(|vm| vm.state == VmState::Serving);
    let count = serving.count().max(1) as f64;
    let mut facts = Facts::default();
    let mut samples = BTreeMap::new();
    for (metric, work) in work {
        let value = work / count;
        match &metric.measure {
            Measure::Metric(name) => {
                samples.insert((*name).to_owned(), Sample { value, at: now });
            }
            Measure::Expression(_) => {
                let value = if metric.is_whole() { *work } else { value };
                let answer = Answer { at: now, values: Ok(Values::Whole(value)) };
                let answers = facts.answers.entry(policy.module.clone()).or_default();
                answers.insert(metric.name.clone(), answer);
            }
        }
    }
    for vm in state.vms.values() {
        let agent = AgentFact { heard: Some(now), silent_since: None, misses: 0 };
        facts.agents.insert(vm.id.clone(), agent);
        facts.ready.insert(vm.id.clone(), ready(vm));
        facts.samples.insert(vm.id.clone(), samples.clone());
    }
    facts.provider = Some(seen(state, now));
    let router = RouterFact { acknowledged: u64::MAX, ..RouterFact::default() };
    facts.routers.insert("every router".to_owned(), router);
    facts
}

fn ready(vm: &Vm) -> ReadyFact {
    ReadyFact {
        assignment: vm.assignment,
        passes_in_a_row: WELL,
        fails_in_a_row: 0,
        failing_since: None,
    }
}

fn seen(state: &State, now: Time) -> ProviderFact {
    let vms = state.vms.values().filter(|vm| vm.state != VmState::Gone).map(|vm| {
        let fact = SeenFact {
            flavor: vm.flavor.clone(),
            host: vm.host.clone(),
            power: Power::Running,
            addresses: vm.addresses.or(Some(SOMEWHERE)),
            origin: Some(state.memory.origin.clone()),
            labels: BTreeMap::new(),
        };
        (vm.id.clone(), fact)
    });
    ProviderFact { complete: true, begun: now, vms: vms.collect(), ..ProviderFact::default() }
}
