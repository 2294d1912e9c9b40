//! An ill VM at its module's ceiling makes room for another, and not before the routers let go of it.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{FlavorId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use scaler::facts::{AgentFact, Facts, ReadyFact, RouterFact};
use scaler::hands::UpstreamReport;
use scaler::state::{Config, State};
use scaler::tick::tick;

const NOW: Time = Time::from_millis(1_000_000);
const KILL_AFTER: Duration = Duration::from_secs(5);

fn module() -> ModuleId {
    ModuleId::parse("shop/web").unwrap()
}

fn vm(number: u32) -> VmId {
    VmId::parse(&format!("vm-{number}")).unwrap()
}

/// A module that may have two VMs and no more.
fn config() -> Config {
    let policy = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web",
        "flavor": "small", "mode": "auto", "capacity": {"min": 2, "max": 2},
        "deploy": {"surge": 0},
        "health": {"ready": {"http": "/ready", "pass": 1, "fail": 1}},
        "drain": {"kill_after": "5s"},
        "isolation": {"witnesses": 2, "after": "0s", "max_share": "50%", "replace_after": "0s"},
    });
    let pool = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "ready": 1, "max_total": 9,
    });
    let policy = scaler::policy::check(serde_json::from_value(policy).unwrap()).0.unwrap();
    let pool = scaler::pool::check(serde_json::from_value(pool).unwrap()).0.unwrap();
    Config {
        policies: BTreeMap::from([(module(), policy)]),
        pools: BTreeMap::from([(pool.flavor.clone(), pool)]),
        ..Config::default()
    }
}

/// Two VMs serve, one waits.
fn state() -> State {
    let mut state = State::default();
    state.sight.is_current = true;
    for number in 1..=3 {
        let serves = number < 3;
        let addresses = Addresses {
            agent: "127.0.0.1:1".parse().unwrap(),
            app: "127.0.0.1:2".parse().unwrap(),
        };
        let vm = Vm {
            id: vm(number),
            flavor: FlavorId::parse("small").unwrap(),
            state: if serves { VmState::Serving } else { VmState::Pool },
            since: NOW,
            created: NOW,
            host: None,
            addresses: Some(addresses),
            module: serves.then(module),
            assignment: u32::from(serves),
            route_generation: 0,
            why: String::new(),
        };
        state.vms.insert(vm.id.clone(), vm);
    }
    state.memory.next_vm = 3;
    state
}

/// From the second look on vm-1 is silent and fails its probe; the router follows up to `acknowledged`, with so many
/// requests under way on vm-1.
fn facts(state: &State, now: Time, acknowledged: u64, in_flight: u32) -> Facts {
    let mut facts = Facts::default();
    for known in state.vms.values() {
        let ill = known.id == vm(1) && now > NOW;
        let since = ill.then_some(NOW);
        let misses = if ill { 9 } else { 0 };
        let agent = AgentFact { heard: Some(now), silent_since: since, misses };
        facts.agents.insert(known.id.clone(), agent);
        let ready = ReadyFact {
            assignment: known.assignment,
            passes_in_a_row: u32::from(!ill),
            fails_in_a_row: misses,
            failing_since: since,
        };
        facts.ready.insert(known.id.clone(), ready);
    }
    let report = UpstreamReport { in_flight, ..UpstreamReport::default() };
    let router =
        RouterFact { acknowledged, upstreams: [(vm(1), report)].into(), ..RouterFact::default() };
    facts.routers.insert("edge".to_owned(), router);
    facts
}

/// Ticks once, a second after the last time.
fn look(config: &Config, state: &mut State, second: u64, acknowledged: u64, in_flight: u32) {
    let now = NOW + Duration::from_secs(second);
    let facts = facts(state, now, acknowledged, in_flight);
    tick(config, state, &facts, now);
}

#[test]
fn at_the_ceiling_an_ill_vm_stays_while_a_router_may_send_to_it() {
    let (config, mut state) = (config(), state());
    look(&config, &mut state, 0, 0, 0);
    let first = state.memory.routing_generation;
    look(&config, &mut state, 1, first, 3);
    assert_eq!(state.vms[&vm(1)].state, VmState::Isolated);
    look(&config, &mut state, 2, first, 3);
    assert_eq!(state.vms[&vm(1)].state, VmState::Isolated, "the router has not let go of it");
}

#[test]
fn an_ill_vm_that_is_left_where_it_is_has_a_reason() {
    let (mut config, mut state) = (config(), state());
    let policy = config.policies.get_mut(&module()).unwrap();
    policy.isolation.mode = scaler::policy::IsolationMode::Observe;
    look(&config, &mut state, 0, u64::MAX, 0);
    look(&config, &mut state, 1, u64::MAX, 0);
    assert_eq!(state.vms[&vm(1)].state, VmState::Serving);
    let why =
        "its agent is silent; it fails its readiness probe; it stays: isolation.mode is observe";
    assert_eq!(state.memory.spared.get(&vm(1)).map(String::as_str), Some(why));
}

#[test]
fn what_is_under_way_on_an_ill_vm_has_its_time() {
    let (config, mut state) = (config(), state());
    look(&config, &mut state, 0, u64::MAX, 3);
    look(&config, &mut state, 1, u64::MAX, 3);
    look(&config, &mut state, 2, u64::MAX, 3);
    assert_eq!(state.vms[&vm(1)].state, VmState::Isolated, "requests are under way there");
    let mut idle = state.clone();
    look(&config, &mut idle, 3, u64::MAX, 0);
    assert_eq!(idle.vms[&vm(1)].state, VmState::Destroying, "nobody waits for it any more");
    look(&config, &mut state, 2 + KILL_AFTER.as_secs(), u64::MAX, 3);
    assert_eq!(state.vms[&vm(1)].state, VmState::Destroying, "it was waited for long enough");
}
