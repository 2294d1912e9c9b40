//! A pool that stays short says why, in words that name the setting.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{FlavorId, VmId};
use model::time::Time;
use model::vm::VmState;
use scaler::facts::{AgentFact, Facts, ProviderFact, SeenFact};
use scaler::hands::{Power, Quota};
use scaler::state::{Config, State};
use scaler::steps::{StepKind, StepOutcome, absorb, issue};
use scaler::tick::tick;

const NOW: Time = Time::from_millis(1_000_000);

fn flavor() -> FlavorId {
    FlavorId::parse("small").unwrap()
}

/// A pool of no module, so that the budget of an hour is the default: 40.
fn config(pool: &serde_json::Value) -> Config {
    let mut whole = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "max_total": 900,
    });
    whole.as_object_mut().unwrap().extend(pool.as_object().unwrap().clone());
    let pool = scaler::pool::check(serde_json::from_value(whole).unwrap()).0.unwrap();
    Config { pools: BTreeMap::from([(flavor(), pool)]), ..Config::default() }
}

/// Ticks once; everything that is ordered comes to `outcome`. Says what the pool waits for.
fn look(
    config: &Config,
    state: &mut State,
    facts: &Facts,
    second: u64,
    outcome: &StepOutcome,
) -> Option<String> {
    let now = NOW + Duration::from_secs(second);
    tick(config, state, facts, now);
    for step in issue(state, now) {
        if step.kind == StepKind::Create {
            absorb(config, state, &step.vm, step.kind, outcome.clone(), now);
        }
    }
    state.memory.pools[&flavor()].waits.clone()
}

/// A policy for each module: its name, its mode, and what it says of `pace.create`.
fn shared(policies: &[(&str, &str, serde_json::Value)]) -> Config {
    let refill = serde_json::json!({"per_minute": 100, "in_flight": 100});
    let mut config = config(&serde_json::json!({"ready": 2, "refill": refill}));
    for (name, mode, create) in policies {
        let policy = serde_json::json!({
            "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": name,
            "flavor": "small", "mode": mode, "capacity": {"min": 1, "max": 8},
            "pace": {"create": create}, "health": {"ready": {"http": "/ready"}},
        });
        let policy = scaler::policy::check(serde_json::from_value(policy).unwrap()).0.unwrap();
        config.policies.insert(policy.module.clone(), policy);
    }
    config
}

/// When the last of the VMs that are made at once and never come up is given up, in seconds.
fn given_up_after(config: &Config) -> u64 {
    let (mut state, mut facts) = (current(), listed());
    let id = VmId::parse("vm-9").unwrap();
    let heard = AgentFact { heard: Some(NOW), silent_since: None, misses: 0 };
    facts.agents.insert(id.clone(), heard);
    let second = |second: &u64| {
        look(config, &mut state, &facts, *second, &StepOutcome::Done);
        state.vms.values().any(|vm| vm.state == VmState::Destroying)
    };
    (0..1000).find(second).unwrap()
}

fn current() -> State {
    let mut state = State::default();
    state.sight.is_current = true;
    state
}

fn listed() -> Facts {
    let provider = ProviderFact { begun: NOW, complete: true, ..ProviderFact::default() };
    Facts { provider: Some(provider), ..Facts::default() }
}

#[test]
fn nobody_said_what_there_is() {
    let config = config(&serde_json::json!({"ready": 1}));
    let waits = look(&config, &mut current(), &Facts::default(), 0, &StepOutcome::Done);
    assert_eq!(waits.as_deref(), Some("the provider has not said yet what there is"));
}

#[test]
fn a_pace_is_named_by_its_setting() {
    let refill = serde_json::json!({"per_minute": 100, "in_flight": 2});
    let config = config(&serde_json::json!({"ready": 3, "refill": refill}));
    let waits = look(&config, &mut current(), &listed(), 0, &StepOutcome::Done);
    assert_eq!(waits.as_deref(), Some("2 are made at once (refill.in_flight)"));
}

#[test]
fn the_budget_of_an_hour_says_when_it_goes_on() {
    let refill = serde_json::json!({"per_minute": 100, "in_flight": 100});
    let config = config(&serde_json::json!({"ready": 41, "refill": refill}));
    let waits = look(&config, &mut current(), &listed(), 0, &StepOutcome::Done);
    let expected = "40 may be ordered within an hour (pace.create.per_hour of all policies that \
                    act): the next at 1970-01-01T01:16:40Z";
    assert_eq!(waits.as_deref(), Some(expected));
}

#[test]
fn a_quota_is_named_with_its_count() {
    let config = config(&serde_json::json!({"ready": 2}));
    let quota =
        Quota { name: "cores".to_owned(), used: 7, limit: Some(8), takes: [(flavor(), 1)].into() };
    let mut facts = listed();
    facts.provider.as_mut().unwrap().quotas = vec![quota];
    let waits = look(&config, &mut current(), &facts, 0, &StepOutcome::Done);
    assert_eq!(waits.as_deref(), Some("no more can be made: quota cores 7 of 8"));
}

#[test]
fn a_failure_is_repeated_to_whoever_asks() {
    let config = config(&serde_json::json!({"ready": 2, "refill": {"in_flight": 1}}));
    let (mut state, facts) = (current(), listed());
    let failed = StepOutcome::Failed("500: try again".to_owned());
    look(&config, &mut state, &facts, 0, &failed);
    let waits = look(&config, &mut state, &facts, 1, &failed).unwrap();
    assert!(waits.starts_with("none is ordered before 1970-01-01T00:"), "{waits}");
    assert!(waits.ends_with("1 failed in a row, the last with 500: try again"), "{waits}");
}

#[test]
fn a_vm_that_answers_is_made_whatever_its_order_still_waits_for() {
    let config = config(&serde_json::json!({"ready": 1}));
    let mut state = current();
    tick(&config, &mut state, &listed(), NOW);
    let step = issue(&mut state, NOW).remove(0);
    let mut facts = listed();
    let seen = SeenFact {
        flavor: flavor(),
        host: None,
        power: Power::Running,
        addresses: None,
        origin: None,
        labels: BTreeMap::new(),
    };
    facts.provider.as_mut().unwrap().vms = [(step.vm.clone(), seen)].into();
    let later = NOW + Duration::from_secs(1);
    facts.provider.as_mut().unwrap().begun = later;
    facts
        .agents
        .insert(step.vm.clone(), AgentFact { heard: Some(later), silent_since: None, misses: 0 });
    tick(&config, &mut state, &facts, later);
    tick(&config, &mut state, &facts, later);
    assert_eq!(state.vms[&step.vm].state, VmState::Pool);
    assert_eq!(state.steps, BTreeMap::new(), "its program may be started");
    let late = StepOutcome::Failed("no answer within 60 s".to_owned());
    absorb(&config, &mut state, &step.vm, step.kind, late, later);
    assert_eq!(state.vms[&step.vm].state, VmState::Pool);
}

#[test]
fn a_policy_that_only_watches_has_no_say_in_how_vms_are_made() {
    let hasty = serde_json::json!({
        "timeout": "300ms", "retry_first": "10m", "stop_after": 1, "per_hour": 1,
    });
    for mode in ["dry-run", "paused"] {
        let acts = ("shop/web", "auto", serde_json::json!({"timeout": "30s"}));
        let config = shared(&[("shop/api", mode, hasty.clone()), acts]);
        assert_eq!(given_up_after(&config), 31, "{mode}");
        let mut state = current();
        look(&config, &mut state, &listed(), 0, &StepOutcome::Done);
        assert_eq!(state.vms.len(), 3, "{mode}: not one an hour");
        assert_eq!(given_up_after(&shared(&[("shop/api", mode, hasty.clone())])), 481, "{mode}");
    }
}

#[test]
fn of_policies_that_act_the_most_patient_says_how_vms_are_made() {
    let create = |timeout, per_hour| serde_json::json!({"timeout": timeout, "per_hour": per_hour});
    let of =
        |first, second| shared(&[("shop/api", "auto", first), ("shop/web", "out-only", second)]);
    assert_eq!(given_up_after(&of(create("10s", 1), create("1m", 1))), 61);
    assert_eq!(given_up_after(&of(create("1m", 1), create("10s", 1))), 61);
    let mut state = current();
    look(&of(create("1m", 1), create("1m", 1)), &mut state, &listed(), 0, &StepOutcome::Done);
    assert_eq!(state.vms.len(), 2, "each may cause as many as its own policy says");
}
