//! Keeps the pools filled, at a pace that no failure can turn into a flood.
//!
//! What makes VMs and fails is asked more and more seldom, and after `stop_after` failures in a
//! row for one VM at a time. There is a budget an hour, a bound on all VMs of the flavor in
//! whatever state, and nobody is asked while nobody can say what there is. A VM that waits too long
//! without a word, or for longer than the pool's `max_age`, is replaced first and destroyed then.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{FlavorId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::allowance::{HOUR, orders, room};
use crate::brake;
use crate::capacity::provided;
use crate::facts::{Facts, is_recent};
use crate::policy::RawPaceCreate;
use crate::pool::Pool;
use crate::sight::LISTS_APART;
use crate::state::{Config, State};
use crate::steps::{StepKind, condemn, open};

/// The VMs of one flavor, by how far they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stock {
    /// In the pool and heard lately: fit to be given out.
    pub fit: u32,
    /// In the pool for too long.
    pub aged: u32,
    pub making: u32,
    pub total: u32,
}

/// Fills up one pool: `missing` VMs are owed to modules beside those that are to wait.
pub(crate) fn refill(
    config: &Config,
    pool: &Pool,
    state: &mut State,
    facts: &Facts,
    missing: u32,
    now: Time,
) {
    forget_old_orders(pool, state, now);
    let stock = stock(pool, state, facts, now);
    let orders = orders(config, pool, state, facts, &stock, now);
    let due = due_again(pool, state, facts);
    let again = due.len().min(orders.more as usize);
    order_again(state, &due[..again], now);
    let is_late = again < due.len();
    let again = again as u32;
    let allowed = orders.or_tighter(again, room(pool, facts, &stock));
    let owed = pool.ready.saturating_add(missing).saturating_add(stock.aged.min(1));
    let wanted = owed.saturating_sub(stock.fit + stock.making);
    for _ in 0..wanted.min(allowed.more) {
        order(state, &pool.flavor, now);
    }
    let waits = (is_late || wanted > allowed.more).then_some(allowed.why);
    state.memory.pools.entry(pool.flavor.clone()).or_default().waits = waits;
    if missing == 0 && stock.making == 0 {
        thin_out(pool, state, facts, stock.fit.saturating_sub(pool.ready), now);
    }
}

/// Whether a VM of the pool was heard lately enough to be given out.
pub(crate) fn is_fit(recheck: Duration, state: &State, facts: &Facts, vm: &Vm, now: Time) -> bool {
    let heard = facts.agents.get(&vm.id).filter(|agent| agent.misses == 0);
    let fresh = heard.and_then(|agent| agent.heard).is_some_and(|at| is_recent(at, recheck, now));
    let host_down = vm.host.as_ref().is_some_and(|host| facts.is_host_down(host));
    // A router that sends to it knows of an assignment that the record does not.
    (fresh || bug!(GiveUnheard))
        && !host_down
        && !facts.is_upstream(&vm.id)
        && !state.is_dead(&vm.id)
}

/// After a start nobody was heard yet: that is no reason to fill the pool a second time.
fn was_never_asked(facts: &Facts, vm: &Vm) -> bool {
    facts.agents.get(&vm.id).is_none_or(|agent| agent.heard.is_none() && agent.misses == 0)
}

fn stock(pool: &Pool, state: &State, facts: &Facts, now: Time) -> Stock {
    let mut stock = Stock::default();
    for vm in state.vms.values().filter(|vm| vm.flavor == pool.flavor) {
        let works = vm.state == VmState::Pool || vm.state.is_capacity();
        let is_made = matches!(vm.state, VmState::Creating | VmState::Booting);
        let counts = works || is_made || !bug!(CountOnlyWorking);
        stock.total += u32::from(vm.state != VmState::Gone && counts);
        stock.making += u32::from(is_made);
        if vm.state == VmState::Pool {
            let counts = state.sight.is_blind
                || was_never_asked(facts, vm)
                || is_fit(pool.recheck, state, facts, vm, now);
            stock.fit += u32::from(counts);
            // What is never taken as surplus must not be replaced for its age: the fresh one would be
            // the surplus, again and again.
            let may_go = counts && !state.memory.doubtful.contains(&vm.id);
            stock.aged +=
                u32::from(may_go && pool.max_age.is_some_and(|age| now.since(vm.created) >= age));
        }
    }
    stock
}

/// Only those of the last hour count.
fn forget_old_orders(pool: &Pool, state: &mut State, now: Time) {
    let memory = state.memory.pools.entry(pool.flavor.clone()).or_default();
    while memory.ordered.front().is_some_and(|at| now.since(*at) >= HOUR) {
        memory.ordered.pop_front();
    }
}

/// By the tightest limit that the provider tells of.
fn provided_room(facts: &Facts, flavor: &FlavorId) -> u32 {
    let bounds = facts.provider.as_ref().map(|list| provided(list, flavor)).unwrap_or_default();
    bounds.first().map_or(u32::MAX, |bound| bound.more)
}

/// What two lists lack after an order of unknown outcome is ordered again, under the same name.
fn due_again(pool: &Pool, state: &State, facts: &Facts) -> Vec<VmId> {
    let due = state.memory.doubts.iter().filter(|(id, doubt)| {
        let absent = state.is_absent(facts, id, LISTS_APART);
        !doubt.given_up && (absent || bug!(OrderAgainAtOnce))
    });
    let due = due.filter(|(id, _)| state.vms.get(*id).is_some_and(|vm| vm.flavor == pool.flavor));
    due.map(|(id, _)| id.clone()).collect()
}

fn order_again(state: &mut State, due: &[VmId], now: Time) {
    for id in due {
        let doubt = state.memory.doubts.remove(id);
        open(state, id, StepKind::Create, now);
        if let (Some(doubt), Some(step)) = (doubt, state.steps.get_mut(id)) {
            step.attempt = doubt.asked;
        }
        let flavor = state.vms[id].flavor.clone();
        note_order(state, &flavor, now);
    }
}

fn order(state: &mut State, flavor: &FlavorId, now: Time) {
    state.memory.next_vm += 1;
    if bug!(ReuseNames) {
        let used = |n: &u64| state.vms.keys().any(|id| id.as_str() == format!("vm-{n}"));
        state.memory.next_vm = (1..).find(|n| !used(n)).unwrap_or_default();
    }
    let id = VmId::parse(&format!("vm-{}", state.memory.next_vm))
        .expect("a number makes a well-formed name");
    let vm = Vm {
        id: id.clone(),
        flavor: flavor.clone(),
        state: VmState::Creating,
        since: now,
        created: now,
        host: None,
        addresses: None,
        module: None,
        assignment: 0,
        route_generation: 0,
        why: "ordered for the pool".to_owned(),
    };
    state.vms.insert(id.clone(), vm);
    open(state, &id, StepKind::Create, now);
    note_order(state, flavor, now);
}

fn note_order(state: &mut State, flavor: &FlavorId, now: Time) {
    state.memory.pools.entry(flavor.clone()).or_default().ordered.push_back(now);
}

/// How VMs of a flavor are ordered: as its policies say that act. What only watches has no say, but that
/// while none acts a VM is given the time that any of them names: giving it up early helps nobody.
pub(crate) fn create(config: &Config, flavor: &FlavorId) -> RawPaceCreate {
    let of_flavor = config.policies.values().filter(|policy| policy.flavor == *flavor);
    let acting = of_flavor.clone().filter(|policy| policy.mode.acts());
    acting.map(|policy| policy.create).reduce(RawPaceCreate::joined).unwrap_or_else(|| {
        let usual = RawPaceCreate::default();
        let timeouts = of_flavor.map(|policy| policy.create.timeout);
        RawPaceCreate { timeout: timeouts.fold(usual.timeout, Ord::max), ..usual }
    })
}

/// An order failed, or what was made never came up: the next one waits.
pub(crate) fn note_failure(
    config: &Config,
    state: &mut State,
    flavor: &FlavorId,
    why: String,
    now: Time,
) {
    let create = create(config, flavor);
    let pool = state.memory.pools.entry(flavor.clone()).or_default();
    let pause = create.retry_first.0 * 2_u32.pow(pool.failures.min(10));
    if bug!(NoBackoff) {
        return;
    }
    if bug!(NeverAgain) && pool.failures >= 2 {
        pool.not_before = Some(now + HOUR * 1000);
        return;
    }
    pool.failures += 1;
    pool.not_before = Some(now + pause.min(create.retry_max.0));
    pool.last_error = Some(why);
}

/// A VM came up: whatever was wrong is over.
pub(crate) fn note_success(state: &mut State, flavor: &FlavorId) {
    let Some(pool) = state.memory.pools.get_mut(flavor) else { return };
    (pool.failures, pool.not_before, pool.last_error) = (0, None, None);
}

/// A pool that holds more than it should gives the oldest back.
fn thin_out(pool: &Pool, state: &mut State, facts: &Facts, surplus: u32, now: Time) {
    let fits = |vm: &&Vm| {
        vm.state == VmState::Pool
            && vm.flavor == pool.flavor
            && !state.memory.doubtful.contains(&vm.id)
            && is_fit(pool.recheck, state, facts, vm, now)
    };
    let waiting = state.vms.values().filter(fits);
    let mut waiting: Vec<_> = waiting.map(|vm| (vm.created, vm.id.clone())).collect();
    waiting.sort_by_key(|(created, id)| (Reverse(*created), id.clone()));
    let surplus = surplus.min(brake::room(state, now));
    for (created, id) in waiting.into_iter().rev().take(surplus as usize) {
        brake::note(state, now);
        let why = if pool.max_age.is_some_and(|age| now.since(created) >= age) {
            "it waited for too long: a fresh one took its place"
        } else {
            "more than the pool is to hold"
        };
        condemn(state, &id, why.to_owned(), now);
    }
}

/// How many VMs of each flavor wait to be given out, and how many may still be made.
pub(crate) fn rooms(
    config: &Config,
    state: &State,
    facts: &Facts,
    now: Time,
) -> BTreeMap<FlavorId, (u32, u32)> {
    let rooms = config.pools.iter().map(|(flavor, pool)| {
        let stock = stock(pool, state, facts, now);
        let room = provided_room(facts, flavor);
        let creatable = pool.max_total.saturating_sub(stock.total).min(room);
        (flavor.clone(), (stock.fit, creatable.saturating_add(stock.making)))
    });
    rooms.collect()
}

/// The VMs that wait in pools, by flavor.
pub(crate) fn waiting(state: &State) -> BTreeMap<FlavorId, Vec<VmId>> {
    let mut waiting: BTreeMap<FlavorId, Vec<VmId>> = BTreeMap::new();
    for vm in state.vms.values().filter(|vm| vm.state == VmState::Pool) {
        waiting.entry(vm.flavor.clone()).or_default().push(vm.id.clone());
    }
    waiting
}
