//! What must not be concluded: from a sample of the future, a monitor that never spoke, a list that
//! lacks a stranger or is older than what it lacks, an answer that comes right after the clock jumped.
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
use scaler::hands::{Power, Uncounted};
use scaler::policy::Policy;
use scaler::recovery;
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
    let provider = ProviderFact { complete: true, begun: NOW, vms, ..ProviderFact::default() };
    let routers = BTreeMap::from([("edge".to_owned(), RouterFact::default())]);
    Facts { provider: Some(provider), routers, ..Facts::default() }
}

/// Looks every half a minute, at a fresh list each time; gives back the orders that came of it.
fn look_for(state: &mut State, facts: &Facts, from: Time, minutes: u64) -> Vec<(StepKind, VmId)> {
    let looks = (0..=minutes * 2).map(|look| from + Duration::from_secs(look * 30));
    looks.flat_map(|now| look(state, &begun(facts, now), now)).collect()
}

fn begun(facts: &Facts, at: Time) -> Facts {
    let mut facts = facts.clone();
    facts.provider.as_mut().unwrap().begun = at;
    facts
}

fn look(state: &mut State, facts: &Facts, now: Time) -> Vec<(StepKind, VmId)> {
    tick(&config(), state, facts, now);
    issue(state, now).into_iter().map(|step| (step.kind, step.vm)).collect()
}

/// Looks every second for a minute at one and the same list.
fn stare(state: &mut State, facts: &Facts, from: Time) -> Vec<(StepKind, VmId)> {
    let seconds = (0..60).map(|second| from + Duration::from_secs(second));
    seconds.flat_map(|now| look(state, facts, now)).collect()
}

fn later(seconds: u64) -> Time {
    NOW + Duration::from_secs(seconds)
}

/// The state with one pool, whose only VM is ordered, at `NOW`.
fn ordered() -> (Config, State) {
    let pool = serde_json::json!({
        "apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small", "ready": 1, "max_total": 1,
    });
    let pool = scaler::pool::check(serde_json::from_value(pool).unwrap()).0.unwrap();
    let pools = BTreeMap::from([(pool.flavor.clone(), pool)]);
    let (config, mut state) = (Config { pools, ..Config::default() }, state(&[]));
    tick(&config, &mut state, &lists(&[]), NOW);
    assert_eq!(issue(&mut state, NOW).len(), 1);
    (config, state)
}

/// What is ordered while one list after the other, each of them begun so many seconds after `NOW` and
/// looked at for a while, lacks everything.
fn orders_by_lists(config: &Config, state: &mut State, begun_at: &[u64]) -> Vec<Vec<StepKind>> {
    let lists = begun_at.iter().map(|begun_s| {
        let facts = begun(&lists(&[]), later(*begun_s));
        let seconds = (*begun_s.max(&31)..begun_s + 60).map(later);
        let steps = seconds.flat_map(|now| {
            tick(config, state, &facts, now);
            issue(state, now)
        });
        steps.map(|step| step.kind).collect()
    });
    lists.collect()
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
fn a_vm_is_not_dead_for_a_list_that_was_begun_before_it_was_made() {
    let (config, mut state) = ordered();
    let id = state.vms.keys().next().unwrap().clone();
    absorb(&config, &mut state, &id, StepKind::Create, StepOutcome::Done, later(1));
    let list = |at| begun(&lists(&[]), later(at));
    assert_eq!(stare(&mut state, &list(0), later(1)), [], "it was listed before it was made");
    assert_eq!(stare(&mut state, &list(60), later(61)), [], "one list, looked at 60 times");
    let orders = look(&mut state, &list(120), later(121));
    assert_eq!(orders, [(StepKind::Destroy, id)], "two lists lack it");
}

#[test]
fn a_vm_that_spoke_since_is_lacked_by_no_list() {
    let mut state = state(&[vm("vm-1", VmState::Pool, NOW), vm("vm-2", VmState::Pool, NOW)]);
    let [id, other] = ["vm-1", "vm-2"].map(|id| VmId::parse(id).unwrap());
    let mut is_dead_by = |list_s, heard_s, misses| {
        let mut facts = begun(&lists(&["vm-2"]), later(list_s));
        let agent = AgentFact { heard: Some(later(heard_s)), silent_since: None, misses };
        let well = AgentFact { heard: Some(later(list_s)), silent_since: None, misses: 0 };
        facts.agents = [(id.clone(), agent), (other.clone(), well)].into();
        tick(&config(), &mut state, &facts, later(list_s + 1));
        state.is_dead(&id)
    };
    assert!(!is_dead_by(600, 590, 0) && !is_dead_by(620, 595, 0), "it speaks for itself");
    let lists = [(620, 621), (660, 650), (661, 650), (669, 650)];
    assert_eq!(lists.map(|(list_s, heard_s)| is_dead_by(list_s, heard_s, 1)), [false; 4]);
    assert!(is_dead_by(670, 650, 1), "two lists lack it that were begun since it spoke");
}

#[test]
fn an_order_of_unknown_outcome_is_sent_again_when_two_lists_lack_it_that_were_begun_later() {
    let (config, mut state) = ordered();
    let id = state.vms.keys().next().unwrap().clone();
    let unknown = StepOutcome::Unknown("no answer".to_owned());
    absorb(&config, &mut state, &id, StepKind::Create, unknown, later(30));
    // Begun before the order, while it was out, and twice since.
    let orders = orders_by_lists(&config, &mut state, &[0, 20, 90, 150]);
    assert_eq!(orders, [vec![], vec![], vec![], vec![StepKind::Create]]);
    assert_eq!(state.vms.keys().collect::<Vec<_>>(), [&id], "under the same name");
}

#[test]
fn each_order_after_the_first_says_so_also_after_a_restart() {
    let (config, mut state) = ordered();
    let id = state.vms.keys().next().unwrap().clone();
    let unknown = || StepOutcome::Unknown("no answer".to_owned());
    absorb(&config, &mut state, &id, StepKind::Create, unknown(), later(30));
    orders_by_lists(&config, &mut state, &[90, 150]);
    assert_eq!(state.steps[&id].attempt, 2, "it is out for the second time");
    let State { vms, steps, memory, .. } = state;
    let memory = serde_json::from_value(serde_json::to_value(memory).unwrap()).unwrap();
    let mut state = State::restore(&config, vms, steps, memory);
    state.sight.is_current = true;
    orders_by_lists(&config, &mut state, &[240, 300]);
    assert_eq!(state.steps[&id].attempt, 3);
}

#[test]
fn an_order_that_was_refused_is_forgotten_when_two_lists_lack_it() {
    let (config, mut state) = ordered();
    let id = state.vms.keys().next().unwrap().clone();
    let refused = StepOutcome::Refused("no such image".to_owned());
    absorb(&config, &mut state, &id, StepKind::Create, refused, later(30));
    orders_by_lists(&config, &mut state, &[0, 20, 90]);
    assert!(state.vms.contains_key(&id), "only one list was begun since");
    orders_by_lists(&config, &mut state, &[150]);
    assert!(!state.vms.contains_key(&id));
}

#[test]
fn a_list_of_a_time_ahead_proves_nothing() {
    let mut state = state(&[vm("vm-1", VmState::Booting, NOW)]);
    for second in [60, 120, 180] {
        let list = begun(&lists(&[]), NOW + HOUR + Duration::from_secs(second));
        assert_eq!(look(&mut state, &list, later(second)), []);
    }
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

fn heard(facts: &mut Facts, ids: &[&str], now: Time) {
    let word = AgentFact { heard: Some(now), silent_since: None, misses: 0 };
    facts.agents = ids.iter().map(|id| (VmId::parse(id).unwrap(), word)).collect();
}

#[test]
fn a_list_that_lacks_a_part_of_the_fleet_which_answers_is_never_believed_and_that_is_told() {
    let ids = ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5", "vm-6"];
    let mut state = state(&ids.map(|id| vm(id, VmState::Pool, NOW)));
    let config = Config::default();
    let mut answered = |listed: &[&str], minute: u64| {
        let now = NOW + Duration::from_secs(minute * 60);
        let mut facts = begun(&lists(listed), now);
        heard(&mut facts, &ids, now);
        tick(&config, &mut state, &facts, now);
        (state.sight.refuted_by, state.sight.proves_absence, state.vms.len())
    };
    assert_eq!(answered(&ids, 0), (0, true, 6));
    for minute in 1..60 {
        assert_eq!(answered(&[], minute), (6, false, 6), "minute {minute}");
    }
    // One that answers and is not listed any more is somebody else's now.
    answered(&ids, 60);
    let one_less: Vec<_> = (61..75).map(|minute| answered(&ids[1..], minute)).collect();
    assert_eq!((one_less[0], one_less[13]), ((0, false, 6), (0, true, 6)));
}

/// At the start an empty list may lack what shows that the record is old, be the fleet ever so small.
#[test]
fn a_small_fleet_has_its_word_before_the_first_list_is_believed() {
    let ids = ["vm-1", "vm-2", "vm-3"];
    let mut state = state(&ids.map(|id| vm(id, VmState::Pool, NOW)));
    state.sight.is_current = false;
    let config = Config::default();
    let mut is_current = |asked: &[&str], listed: &[&str], second: u64| {
        let now = NOW + Duration::from_secs(second);
        let mut facts = begun(&lists(listed), now);
        heard(&mut facts, asked, now);
        tick(&config, &mut state, &facts, now);
        (state.sight.is_current, state.sight.unasked, state.sight.refuted_by)
    };
    assert_eq!(is_current(&[], &[], 0), (false, 3, 0), "nobody was asked yet");
    assert_eq!(is_current(&ids[..1], &[], 1), (false, 2, 0));
    assert_eq!(is_current(&ids, &[], 2), (false, 0, 3), "all of them answer");
    assert_eq!(is_current(&ids, &[], 599), (false, 0, 3));
    assert_eq!(is_current(&ids, &ids, 599), (true, 0, 0));
    assert_eq!(is_current(&ids, &[], 600), (true, 0, 0), "a few may be lent to somebody else");
}

/// One that was lent to somebody else for good answers for ever, and is never listed.
#[test]
fn a_recovery_of_a_small_fleet_ends_though_a_vm_is_lent() {
    let ids = ["vm-1", "vm-2"];
    let mut state = state(&ids.map(|id| vm(id, VmState::Pool, NOW)));
    recovery::enter(&mut state, "a person said so".to_owned(), NOW);
    let ended = (1..60).find(|minute| {
        let now = NOW + Duration::from_secs(minute * 60);
        let mut facts = begun(&lists(&ids[..1]), now);
        heard(&mut facts, &ids, now);
        facts.routers.clear();
        tick(&Config::default(), &mut state, &facts, now);
        state.memory.recovery.is_none()
    });
    assert_eq!(ended, Some(12), "the list is believed after ten minutes, and seen twice then");
}

/// A VM of the pool that is to end, and that the routing let go of with number 5.
fn ending() -> State {
    let mut one = vm("vm-1", VmState::Pool, NOW);
    one.route_generation = 5;
    let mut state = state(&[one, vm("vm-2", VmState::Pool, NOW)]);
    state.memory.routing_generation = 5;
    state
}

fn router(acknowledged: u64, names: &[&str]) -> RouterFact {
    let named = names.iter().map(|id| (VmId::parse(id).unwrap(), Default::default()));
    RouterFact { acknowledged, upstreams: named.collect(), ..RouterFact::default() }
}

#[test]
fn a_vm_ends_when_no_router_may_still_send_to_it() {
    let silent = AgentFact { heard: None, silent_since: Some(NOW), misses: 9 };
    for (what, edge, may_end) in [
        ("it follows", router(5, &[]), true),
        ("it was started again with an old file", router(4, &["vm-1"]), false),
        ("it is behind, and never knew the VM", router(4, &["vm-2"]), true),
        ("it was not heard yet", RouterFact::default(), false),
        ("nobody waits for it", RouterFact { waived: true, ..RouterFact::default() }, true),
    ] {
        let mut state = ending();
        let mut facts = lists(&["vm-1", "vm-2"]);
        facts.routers =
            BTreeMap::from([("edge".to_owned(), edge), ("other".to_owned(), router(5, &[]))]);
        heard(&mut facts, &["vm-2"], NOW);
        facts.agents.insert(VmId::parse("vm-1").unwrap(), silent);
        let orders = look_for(&mut state, &facts, NOW, 3);
        let ends = orders.contains(&(StepKind::Destroy, VmId::parse("vm-1").unwrap()));
        assert_eq!(ends, may_end, "{what}: {orders:?}");
    }
}

/// Where no router can count, a VM that leaves has the whole of `drain.timeout`, and has it once.
#[test]
fn a_vm_that_had_its_time_to_drain_does_not_wait_for_it_again_at_its_end() {
    let mut leaver = vm("vm-1", VmState::Draining, NOW);
    (leaver.module, leaver.route_generation) = (ModuleId::parse("shop/web").ok(), 5);
    let mut state = state(&[leaver]);
    state.memory.routing_generation = 5;
    let mut facts = lists(&["vm-1"]);
    let blind = RouterFact { uncounted: Uncounted::Everything, ..router(5, &["vm-1"]) };
    facts.routers = BTreeMap::from([("edge".to_owned(), blind)]);
    let id = VmId::parse("vm-1").unwrap();
    let orders = look_for(&mut state, &facts, NOW, 2);
    assert_eq!(orders, [(StepKind::Undeploy, id.clone())], "after 60 s");
    let now = NOW + Duration::from_secs(121);
    absorb(&config(), &mut state, &id, StepKind::Undeploy, StepOutcome::Done, now);
    assert_eq!(look(&mut state, &begun(&facts, now), now), [(StepKind::Destroy, id)]);
}
