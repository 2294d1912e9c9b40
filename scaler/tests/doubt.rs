//! What must not be concluded: from a sample of the future, a monitor that never spoke, a list that
//! lacks a stranger, an answer that comes right after the clock jumped.
//!
//! Each is a day of the simulated world in its smallest form.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{FlavorId, ModuleId, VmId};
use model::metric::LOAD1_PER_CORE;
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use scaler::decide::load;
use scaler::facts::{AgentFact, Facts, ProviderFact, RouterFact, Sample, SeenFact};
use scaler::hands::Power;
use scaler::policy::Policy;
use scaler::state::{Config, State};
use scaler::steps::{StepKind, StepOutcome, absorb, issue};
use scaler::tick::tick;

const NOW: Time = Time::from_millis(1_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn policy() -> Policy {
    let policy = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web",
        "flavor": "small", "mode": "auto", "capacity": {"min": 1, "max": 8},
        "metrics": [{"name": "load", "max_age": "90s", "out": {"above": 0.8, "step": 1}}],
        "health": {"ready": {"http": "/ready"}},
    });
    scaler::policy::check(serde_json::from_value(policy).unwrap()).0.unwrap()
}

fn config() -> Config {
    let module = ModuleId::parse("shop/web").unwrap();
    Config { policies: BTreeMap::from([(module, policy())]), ..Config::default() }
}

fn addresses() -> Addresses {
    Addresses { agent: "127.0.0.1:1".parse().unwrap(), app: "127.0.0.1:2".parse().unwrap() }
}

fn vm(id: &str, state: VmState, since: Time) -> Vm {
    Vm {
        id: VmId::parse(id).unwrap(),
        flavor: FlavorId::parse("small").unwrap(),
        state,
        since,
        created: since,
        host: None,
        addresses: Some(addresses()),
        module: None,
        assignment: 0,
        route_generation: 0,
        why: String::new(),
    }
}

fn state(vms: &[Vm]) -> State {
    let vms = vms.iter().map(|vm| (vm.id.clone(), vm.clone()));
    let mut state = State { vms: vms.collect(), ..State::default() };
    state.sight.is_current = true;
    state.memory.next_vm = 9;
    state
}

fn lists(ids: &[&str]) -> Facts {
    let seen = SeenFact {
        flavor: FlavorId::parse("small").unwrap(),
        host: None,
        power: Power::Running,
        addresses: Some(addresses()),
        origin: None,
        labels: BTreeMap::new(),
    };
    let vms = ids.iter().map(|id| (VmId::parse(id).unwrap(), seen.clone())).collect();
    let provider = ProviderFact { complete: true, at: NOW, vms, ..ProviderFact::default() };
    let routers = BTreeMap::from([("edge".to_owned(), RouterFact::default())]);
    Facts { provider: Some(provider), routers, ..Facts::default() }
}

/// Looks every half a minute; gives back the orders that came of it.
fn look_for(state: &mut State, facts: &Facts, from: Time, minutes: u64) -> Vec<(StepKind, VmId)> {
    let mut orders = Vec::new();
    for look in 0..=minutes * 2 {
        let now = from + Duration::from_secs(look * 30);
        tick(&config(), state, facts, now);
        orders.extend(issue(state, now).into_iter().map(|step| (step.kind, step.vm)));
    }
    orders
}

#[test]
fn after_the_clock_was_set_back_what_was_measured_before_is_not_fresh() {
    let (policy, serving) = (policy(), vm("vm-1", VmState::Serving, NOW - HOUR * 3));
    let mut facts = Facts::default();
    assert!(facts.hear(&serving.id, LOAD1_PER_CORE, Sample { value: 0.1, at: NOW }, NOW));
    let load = |now| load(&policy, &policy.metrics[0], &[&serving], &facts, now);
    assert_eq!(load(NOW), Some(0.1));
    assert_eq!(load(NOW - HOUR), None, "nobody knows how old it is");
}

#[test]
fn while_no_agent_was_ever_heard_nothing_that_boots_is_given_up() {
    let mut state = state(&[vm("vm-1", VmState::Booting, NOW), vm("vm-2", VmState::Booting, NOW)]);
    let mut facts = lists(&["vm-1", "vm-2"]);
    let silent = AgentFact { heard: None, silent_since: Some(NOW), misses: 9 };
    let ids: Vec<VmId> = state.vms.keys().cloned().collect();
    facts.agents = ids.iter().map(|id| (id.clone(), silent)).collect();
    assert_eq!(look_for(&mut state, &facts, NOW, 60), []);
    // One that is heard shows that the monitor works, and that the other does not.
    let heard = AgentFact { heard: Some(NOW + HOUR), silent_since: None, misses: 0 };
    facts.agents.insert(ids[0].clone(), heard);
    let orders = look_for(&mut state, &facts, NOW + HOUR, 10);
    let given_up = orders.iter().filter(|(kind, _)| *kind == StepKind::Destroy);
    assert_eq!(given_up.map(|(_, id)| id).collect::<Vec<_>>(), [&ids[1]]);
}

#[test]
fn a_stranger_that_lists_lack_is_forgotten_and_not_destroyed() {
    let mut state = state(&[vm("vm-70", VmState::Quarantine, NOW)]);
    assert_eq!(look_for(&mut state, &lists(&[]), NOW, 30), []);
    assert!(state.vms.is_empty());
    assert_eq!(look_for(&mut state, &lists(&["vm-70"]), NOW + HOUR, 1), []);
    let again = state.vms.values().next().unwrap();
    assert_eq!(again.state, VmState::Quarantine, "the list had lied");
}

#[test]
fn an_answer_right_after_a_jump_of_the_clock_is_not_moved_by_it() {
    let id = VmId::parse("vm-1").unwrap();
    let mut state = state(&[vm("vm-1", VmState::Pool, NOW)]);
    let facts = lists(&[]);
    tick(&config(), &mut state, &facts, NOW);
    state.shift(&id, VmState::Destroying, "not wanted", NOW);
    let asked = look_for(&mut state, &facts, NOW, 1);
    assert_eq!(asked, [(StepKind::Destroy, id.clone())]);
    let jumped = NOW + HOUR * 24;
    let unheard = StepOutcome::Unknown("no answer".to_owned());
    absorb(&config(), &mut state, &id, StepKind::Destroy, unheard, jumped);
    let again = look_for(&mut state, &facts, jumped, 2);
    assert_eq!(again, [(StepKind::Destroy, id)], "asked again within two minutes, not in a day");
}
