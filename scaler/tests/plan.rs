//! A plan says what the next tick does, and an approval lets a watched module do it once.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{FlavorId, HoldId, ModuleId, PersonId, VmId};
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use scaler::ahead::ahead;
use scaler::approval::{self, ApprovalError, LONGEST};
use scaler::facts::{
    AgentFact, Answer, Facts, ProviderFact, ReadyFact, RouterFact, Sample, Values,
};
use scaler::hold::{Hold, HoldWhat};
use scaler::plan::plan;
use scaler::state::{Config, State};
use scaler::stay::{Stays, standing};
use scaler::steps::{StepOutcome, absorb, issue};
use scaler::tick::tick;

const NOW: Time = Time::from_millis(1_000_000);

fn config(mode: &str) -> Config {
    elastic(mode, &serde_json::json!([]))
}

fn elastic(mode: &str, metrics: &serde_json::Value) -> Config {
    let policy = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web",
        "flavor": "small", "mode": mode, "capacity": {"min": 2, "max": 8}, "metrics": metrics,
        "health": {"ready": {"http": "/ready", "pass": 1}}, "terminate": {"young": "0"},
    });
    let pool = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "ready": 3, "max_total": 9,
    });
    let policy = scaler::policy::check(serde_json::from_value(policy).unwrap()).0.unwrap();
    let pool = scaler::pool::check(serde_json::from_value(pool).unwrap()).0.unwrap();
    Config {
        policies: BTreeMap::from([(module(), policy)]),
        pools: BTreeMap::from([(pool.flavor.clone(), pool)]),
        ..Config::default()
    }
}

fn module() -> ModuleId {
    ModuleId::parse("shop/web").unwrap()
}

/// Three VMs wait in the pool.
fn state() -> State {
    let mut state = State::default();
    state.sight.is_current = true;
    for number in 1..=3 {
        let id = VmId::parse(&format!("vm-{number}")).unwrap();
        let addresses = Addresses {
            agent: "127.0.0.1:1".parse().unwrap(),
            app: "127.0.0.1:2".parse().unwrap(),
        };
        let vm = Vm {
            id: id.clone(),
            flavor: FlavorId::parse("small").unwrap(),
            state: VmState::Pool,
            since: NOW,
            created: NOW,
            host: None,
            addresses: Some(addresses),
            module: None,
            assignment: 0,
            route_generation: 0,
            why: String::new(),
        };
        state.vms.insert(id, vm);
    }
    state.memory.next_vm = 3;
    state
}

/// Every VM is well, and the router follows.
fn facts(state: &State, now: Time) -> Facts {
    let mut facts = Facts::default();
    for vm in state.vms.values() {
        let agent = AgentFact { heard: Some(now), silent_since: None, misses: 0 };
        facts.agents.insert(vm.id.clone(), agent);
        let ready = ReadyFact {
            assignment: vm.assignment,
            passes_in_a_row: 3,
            fails_in_a_row: 0,
            failing_since: None,
        };
        facts.ready.insert(vm.id.clone(), ready);
    }
    let router = RouterFact { acknowledged: u64::MAX, ..RouterFact::default() };
    facts.routers.insert("edge".to_owned(), router);
    let provider = ProviderFact { begun: now, ..ProviderFact::default() };
    facts.provider = Some(provider);
    facts
}

/// Ticks on with hands that do everything at once.
fn run(config: &Config, state: &mut State, from: Time, ticks: u64) -> Time {
    let mut now = from;
    for _ in 0..ticks {
        now = now + Duration::from_secs(1);
        let facts = facts(state, now);
        tick(config, state, &facts, now);
        for step in issue(state, now) {
            absorb(config, state, &step.vm, step.kind, StepOutcome::Done, now);
        }
    }
    now
}

fn in_state(state: &State, wanted: VmState) -> usize {
    state.vms.values().filter(|vm| vm.state == wanted).count()
}

#[test]
fn a_plan_is_what_the_tick_then_does() {
    let (config, mut state) = (config("auto"), state());
    let facts = facts(&state, NOW);
    let before = state.clone();
    let planned = plan(&config, &state, &facts, NOW);
    assert_eq!(state, before, "a plan changes nothing");
    tick(&config, &mut state, &facts, NOW);
    let web = &planned.modules[0];
    let deploying = state.vms.values().filter(|vm| vm.state == VmState::Deploying);
    let taken: BTreeSet<&VmId> = deploying.map(|vm| &vm.id).collect();
    assert_eq!(web.moves.iter().map(|step| &step.vm).collect::<BTreeSet<_>>(), taken);
    assert_eq!((web.added(), web.removed(), web.replaced(), web.short), (2, 0, 0, 0));
    let pool = &planned.pools[0];
    assert_eq!((pool.ready, pool.ready_after), (3, 1));
    assert_eq!(pool.orders as usize, in_state(&state, VmState::Creating));
}

#[test]
fn a_decision_bears_what_was_begun_for_it() {
    let (config, mut state) = (config("auto"), state());
    let facts = facts(&state, NOW);
    let outcome = tick(&config, &mut state, &facts, NOW);
    let moves = &outcome.decisions[0].moves;
    assert_eq!(moves.iter().filter(|moved| moved.to == VmState::Reserved).count(), 2);
}

#[test]
fn a_watched_module_is_planned_as_if_it_acted_and_stays_as_it_is() {
    let (config, mut state) = (config("dry-run"), state());
    let planned = plan(&config, &state, &facts(&state, NOW), NOW);
    assert_eq!(planned.modules[0].added(), 2);
    assert_eq!(planned.modules[0].decision.mode, config.policies[&module()].mode);
    run(&config, &mut state, NOW, 30);
    assert_eq!(in_state(&state, VmState::Serving), 0);
}

#[test]
fn an_approval_takes_a_watched_module_to_its_count_and_ends() {
    let (config, mut state) = (config("dry-run"), state());
    let ann = PersonId::parse("ann").unwrap();
    approval::approve(&config, &mut state, &module(), 3, ann, NOW).unwrap();
    run(&config, &mut state, NOW, 30);
    assert_eq!(in_state(&state, VmState::Serving), 3);
    assert_eq!(state.memory.modules[&module()].approval, None);
    state.vms.get_mut(&VmId::parse("vm-1").unwrap()).unwrap().state = VmState::Destroying;
    run(&config, &mut state, NOW, 30);
    assert_eq!(
        in_state(&state, VmState::Serving),
        2,
        "it gives no right to more than the count once"
    );
}

#[test]
fn an_approval_that_cannot_come_to_its_end_is_given_up() {
    let (mut config, mut state) = (config("dry-run"), state());
    config.pools.values_mut().for_each(|pool| pool.max_total = 4);
    let ann = PersonId::parse("ann").unwrap();
    approval::approve(&config, &mut state, &module(), 8, ann, NOW).unwrap();
    let later = run(&config, &mut state, NOW, 30);
    assert!(state.memory.modules[&module()].approval.is_some());
    run(&config, &mut state, later + LONGEST, 1);
    assert_eq!(state.memory.modules[&module()].approval, None);
}

#[test]
fn an_approval_does_not_go_past_a_hold() {
    let (config, mut state) = (config("dry-run"), state());
    let ann = || PersonId::parse("ann").unwrap();
    let until = NOW + Duration::from_secs(60);
    let (id, reason) = (HoldId::parse("h1").unwrap(), "sale".to_owned());
    let hold = Hold {
        id: id.clone(),
        module: Some(module()),
        what: HoldWhat::All,
        from: NOW,
        until,
        by: ann(),
        reason,
    };
    state.memory.holds.insert(id.clone(), hold);
    let refused = approval::approve(&config, &mut state, &module(), 3, ann(), NOW);
    assert_eq!(refused, Err(ApprovalError::Held { hold: id, until }));
    assert!(state.memory.modules.get(&module()).is_none_or(|known| known.approval.is_none()));
    approval::approve(&config, &mut state, &module(), 3, ann(), until).unwrap();
}

#[test]
fn an_approval_is_refused_with_its_reason() {
    let ann = || PersonId::parse("ann").unwrap();
    let refused = |mode: &str, to| {
        let mut state = state();
        approval::approve(&config(mode), &mut state, &module(), to, ann(), NOW).unwrap_err()
    };
    assert_eq!(refused("paused", 3), ApprovalError::Paused);
    assert_eq!(refused("dry-run", 9), ApprovalError::OutOfBounds { to: 9, min: 2, max: 8 });
    assert!(refused("auto", 3).to_string().contains("by itself"));
}

/// Two VMs serve, each with this load, for long enough to have settled.
fn under(config: &Config, load: f64) -> (State, Facts, Time) {
    let mut state = state();
    let now = run(config, &mut state, NOW, 400);
    let mut facts = facts(&state, now);
    for id in state.vms.keys() {
        let sample = Sample { value: load, at: now };
        let samples = BTreeMap::from([(model::metric::LOAD1_PER_CORE.to_owned(), sample)]);
        facts.samples.insert(id.clone(), samples);
    }
    (state, facts, now)
}

#[test]
fn what_the_load_will_ask_for_is_foreseen_and_where_it_ends() {
    let metrics = serde_json::json!([{"name": "load", "out": {"above": 0.8, "for": "1m", "step": 1},
        "in": {"below": 0.3, "for": "5m", "step": 1}}]);
    let config = elastic("auto", &metrics);
    let (state, facts, now) = under(&config, 1.5);
    let before = state.clone();
    let quarter = Duration::from_secs(900);
    let changes = ahead(&config, &state, &facts, &module(), now, quarter).unwrap();
    let counts: Vec<(u32, u32)> = changes.iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(counts, [(2, 3), (3, 4)], "3.0 of work is 0.75 each over four");
    assert!(changes[0].at >= now + Duration::from_secs(60), "not before it has lasted");
    assert_eq!(state, before, "nothing is changed by looking ahead");
}

/// A queue does not get shorter in the foreseen by VMs that join, and not longer by those there are.
#[test]
fn work_as_a_whole_is_foreseen_as_it_is() {
    let metrics = serde_json::json!([{"name": "queue", "source": "outside", "target": 50.0,
        "expr": "sum(queue_depth)"}]);
    let config = elastic("auto", &metrics);
    let (state, mut facts, now) = under(&config, 1.5);
    let answer = Answer { at: now, values: Ok(Values::Whole(200.0)) };
    let answers = BTreeMap::from([("queue".to_owned(), answer)]);
    facts.answers.insert(module(), answers);
    let hour = Duration::from_secs(3_600);
    let changes = ahead(&config, &state, &facts, &module(), now, hour).unwrap();
    let told: Vec<String> = changes.iter().map(|c| format!("{}: {}", c.to, c.reason)).collect();
    assert_eq!(told, ["4: queue 200.00, target 50.00: 4 are wanted"]);
}

#[test]
fn a_load_that_nobody_knows_foretells_nothing() {
    let metrics = serde_json::json!([{"name": "load", "out": {"above": 0.8, "step": 1}}]);
    let config = elastic("auto", &metrics);
    let (state, mut facts, now) = under(&config, 1.5);
    facts.samples.clear();
    assert_eq!(ahead(&config, &state, &facts, &module(), now, Duration::from_secs(900)), None);
}

#[test]
fn why_a_vm_is_not_taken_away_is_said_of_each() {
    let mut config = config("auto");
    let mut state = state();
    let now = run(&config, &mut state, NOW, 400);
    let facts = facts(&state, now);
    let serving: Vec<VmId> = {
        let vms = state.vms.values().filter(|vm| vm.state == VmState::Serving);
        vms.map(|vm| vm.id.clone()).collect()
    };
    let why = |config: &Config, vm: &VmId| standing(config, &state, &facts, vm, now).unwrap();
    let next = why(&config, &serving[0]).next.unwrap();
    let other = serving.iter().find(|vm| **vm != next).unwrap();
    assert_eq!(why(&config, &next).why, Stays::WouldBeNext);
    assert_eq!(why(&config, other).why, Stays::OthersFirst { before: 1 });
    let policy = config.policies.get_mut(&module()).unwrap();
    policy.terminate.protect = vec![format!("vm={next}")];
    let label = format!("vm={next}");
    assert_eq!(why(&config, &next).why, Stays::Protected { label });
    let waiting = state.vms.values().find(|vm| vm.state == VmState::Pool).unwrap();
    let state_of = Stays::NotInService { state: VmState::Pool };
    assert_eq!(why(&config, &waiting.id).why, state_of);
    config.policies.clear();
    assert_eq!(why(&config, other).why, Stays::NoPolicy);
}
