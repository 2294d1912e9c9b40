//! One look at a big fleet at rest: `cargo bench -p world`.
//!
//! Every VM was heard, probed and listed, one router reports all of them. The look decides for each
//! module, looks after each VM and derives the routing; nothing has to be done.

use std::collections::BTreeMap;
use std::time::Duration;

use divan::Bencher;
use model::id::{ModuleId, VmId};
use model::metric::LOAD1_PER_CORE;
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use scaler::facts::{AgentFact, Facts, ProviderFact, ReadyFact, RouterFact, Sample, SeenFact};
use scaler::hands::{Power, UpstreamReport};
use scaler::state::{Config, State};
use scaler::tick::{preview, tick};
use world::fleet::{Fleet, WEB, module};

const VMS_PER_MODULE: usize = 25;
const VMS_PER_HOST: usize = 20;
const START: Time = Time::from_millis(1_800_000_000_000);

fn main() {
    divan::main();
}

fn vm_id(number: usize) -> VmId {
    VmId::parse(&format!("vm-{number}")).expect("a good name")
}

fn module_of(number: usize) -> ModuleId {
    ModuleId::parse(&format!("shop/web-{}", number / VMS_PER_MODULE)).expect("a good name")
}

fn addresses() -> Addresses {
    let at = "127.0.0.1:1".parse().expect("an address");
    Addresses { agent: at, app: at }
}

fn config(vms: usize) -> Config {
    let mut files = Fleet::from_seed(0).files;
    let policy = files.policies.remove(&module(WEB)).expect("the fleet has it");
    files.policies.clear();
    files.domains.clear();
    for number in (0..vms).step_by(VMS_PER_MODULE) {
        let mut policy = policy.clone();
        policy.module = module_of(number);
        policy.max = 100;
        files.domains.insert(policy.module.clone(), vec![format!("w{number}.example.com")]);
        files.policies.insert(policy.module.clone(), policy);
    }
    for pool in files.pools.values_mut() {
        (pool.ready, pool.max_total) = (0, 2 * vms as u32);
    }
    files
}

fn state(vms: usize) -> State {
    let mut state = State::default();
    for number in 0..vms {
        let id = vm_id(number + 1);
        let vm = Vm {
            id: id.clone(),
            flavor: "small".parse().expect("a good name"),
            state: VmState::Serving,
            since: START,
            created: START,
            host: Some(format!("h{}", number / VMS_PER_HOST).parse().expect("a good name")),
            addresses: Some(addresses()),
            module: Some(module_of(number)),
            assignment: 1,
            route_generation: 1,
            why: "ready".to_owned(),
        };
        state.vms.insert(id, vm);
        let memory = state.memory.modules.entry(module_of(number)).or_default();
        memory.desired = VMS_PER_MODULE as u32;
    }
    (state.memory.next_vm, state.memory.routing_generation) = (vms as u64, 1);
    state
}

fn facts(vms: usize, now: Time) -> Facts {
    let mut facts = Facts::default();
    let mut list = ProviderFact { complete: true, begun: now, ..ProviderFact::default() };
    let mut router = RouterFact { acknowledged: 1, ..RouterFact::default() };
    for number in 0..vms {
        let id = vm_id(number + 1);
        let agent = AgentFact { heard: Some(now), silent_since: None, misses: 0 };
        facts.agents.insert(id.clone(), agent);
        let value = 0.6 + (number % 7) as f64 / 100.0;
        facts.hear(&id, LOAD1_PER_CORE, Sample { value, at: now }, now);
        let ready =
            ReadyFact { assignment: 1, passes_in_a_row: 9, fails_in_a_row: 0, failing_since: None };
        facts.ready.insert(id.clone(), ready);
        let seen = SeenFact {
            flavor: "small".parse().expect("a good name"),
            host: Some(format!("h{}", number / VMS_PER_HOST).parse().expect("a good name")),
            power: Power::Running,
            addresses: Some(addresses()),
            origin: None,
            labels: BTreeMap::new(),
        };
        list.vms.insert(id.clone(), seen);
        router.upstreams.insert(id, UpstreamReport { in_flight: 3, ..UpstreamReport::default() });
    }
    facts.provider = Some(list);
    facts.routers = BTreeMap::from([("edge".to_owned(), router)]);
    facts
}

/// A fleet past its first looks, with what is to be seen at the next.
fn at_rest(vms: usize) -> (Config, State, Facts, Time) {
    let (config, mut state) = (config(vms), state(vms));
    let mut now = START;
    for _ in 0..3 {
        now = now + Duration::from_secs(15);
        let mut seen = facts(vms, now);
        let acknowledged = state.memory.routing_generation;
        seen.routers.values_mut().for_each(|router| router.acknowledged = acknowledged);
        tick(&config, &mut state, &seen, now);
        state.moves.clear();
    }
    let mut seen = facts(vms, now);
    let acknowledged = state.memory.routing_generation;
    seen.routers.values_mut().for_each(|router| router.acknowledged = acknowledged);
    assert!(state.steps.is_empty(), "the fleet is at rest");
    (config, state, seen, now)
}

/// 5,000 VMs in 200 modules, and 100,000 in 4,000.
#[divan::bench(args = [5_000, 100_000], sample_count = 10, sample_size = 1)]
fn look_at(bencher: Bencher<'_, '_>, vms: usize) {
    let (config, mut state, facts, mut now) = at_rest(vms);
    bencher.bench_local(|| {
        now = now + Duration::from_secs(1);
        divan::black_box(tick(&config, &mut state, &facts, now));
    });
    assert_eq!(state.vms.len(), vms, "nothing was made or taken");
}

/// What `plan` asks for: the same on a copy.
#[divan::bench(args = [5_000, 100_000], sample_count = 5, sample_size = 1)]
fn preview_of(bencher: Bencher<'_, '_>, vms: usize) {
    let (config, state, facts, now) = at_rest(vms);
    bencher.bench_local(|| divan::black_box(preview(&config, &state, &facts, now)));
}
