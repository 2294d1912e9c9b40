//! How many VMs may be ordered right now, and what allows no more.
//!
//! Many things hold a refill back: nobody has said what there is, orders failed, a pace, a budget, a
//! ceiling, a quota. The tightest of them counts, and says so in words: a pool that stays empty
//! without a reason is what people get up for at night.

use std::time::Duration;

use model::id::VmId;
use model::time::Time;

use crate::capacity::{Bound, Limit, provided};
use crate::facts::Facts;
use crate::pool::Pool;
use crate::refill::{Stock, create};
use crate::state::{Config, PoolMemory, State};

const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// So many VMs may be ordered, and why no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub more: u32,
    pub why: String,
}

impl Allowance {
    /// Whichever is tighter, when so many of the first are used up.
    pub(crate) fn or_tighter(self, used: u32, other: Self) -> Self {
        let left = Self { more: self.more.saturating_sub(used), ..self };
        if other.more < left.more { other } else { left }
    }
}

/// How many orders may be given, be it for a new VM or once more for one that is on record.
pub(crate) fn orders(
    config: &Config,
    pool: &Pool,
    state: &State,
    facts: &Facts,
    stock: &Stock,
    now: Time,
) -> Allowance {
    let memory = &state.memory.pools[&pool.flavor];
    tightest([
        unseen(facts),
        after_failures(memory, now),
        one_at_a_time(config, pool, state, stock),
        per_hour(config, pool, memory, now),
        per_minute(pool, memory, now),
    ])
}

/// For how many more VMs there is room.
pub(crate) fn room(pool: &Pool, facts: &Facts, stock: &Stock) -> Allowance {
    tightest([provider(pool, facts, stock), ceiling(pool, stock), in_flight(pool, stock)])
}

fn tightest<const N: usize>(limits: [Option<Allowance>; N]) -> Allowance {
    let open = Allowance { more: u32::MAX, why: String::new() };
    limits.into_iter().flatten().min_by_key(|limit| limit.more).unwrap_or(open)
}

/// Without a look at the provider nothing is made: what exists would be made again.
fn unseen(facts: &Facts) -> Option<Allowance> {
    let why = || "the provider has not said yet what there is".to_owned();
    facts.provider.is_none().then(|| Allowance { more: 0, why: why() })
}

fn after_failures(memory: &PoolMemory, now: Time) -> Option<Allowance> {
    let until = memory.not_before.filter(|at| now < *at)?;
    let PoolMemory { failures, last_error, .. } = memory;
    let said = last_error.as_deref().unwrap_or_default();
    let why =
        format!("none is ordered before {until}: {failures} failed in a row, the last with {said}");
    Some(Allowance { more: 0, why })
}

/// After too many failures in a row, one VM is tried, and the next only when it has come to an end.
fn one_at_a_time(config: &Config, pool: &Pool, state: &State, stock: &Stock) -> Option<Allowance> {
    let memory = &state.memory.pools[&pool.flavor];
    if memory.failures < create(config, &pool.flavor).stop_after {
        return None;
    }
    let of_flavor = |id: &VmId| state.vms.get(id).is_some_and(|vm| vm.flavor == pool.flavor);
    let waiting = state.memory.doubts.keys().filter(|id| of_flavor(id)).count() as u32;
    let more = 1_u32.saturating_sub(stock.making.saturating_sub(waiting));
    let PoolMemory { failures, last_error, .. } = memory;
    let said = last_error.as_deref().unwrap_or_default();
    let why = format!("one is tried at a time: {failures} failed in a row, the last with {said}");
    Some(Allowance { more, why })
}

fn per_hour(config: &Config, pool: &Pool, memory: &PoolMemory, now: Time) -> Option<Allowance> {
    let limit = create(config, &pool.flavor).per_hour;
    let ordered = memory.ordered.len() as u32;
    let next = memory.ordered.front().copied().unwrap_or(now) + HOUR;
    let why = format!(
        "{limit} may be ordered within an hour (pace.create.per_hour of all policies that \
         act): the next at {next}"
    );
    Some(Allowance { more: limit.saturating_sub(ordered), why })
}

fn per_minute(pool: &Pool, memory: &PoolMemory, now: Time) -> Option<Allowance> {
    let lately = memory.ordered.iter().filter(|at| now.since(**at) < MINUTE).count() as u32;
    let limit = pool.refill.per_minute;
    let why = format!("{limit} are ordered within a minute (refill.per_minute)");
    Some(Allowance { more: limit.saturating_sub(lately), why })
}

/// By the tightest limit that the provider tells of.
fn provider(pool: &Pool, facts: &Facts, stock: &Stock) -> Option<Allowance> {
    let bounds = provided(facts.provider.as_ref()?, &pool.flavor);
    let Bound { limit, more } = bounds.into_iter().next()?;
    Some(Allowance { more: more.saturating_sub(stock.making), why: full(&limit) })
}

fn ceiling(pool: &Pool, stock: &Stock) -> Option<Allowance> {
    // By the time nothing more is ordered it is full.
    let total = stock.total.max(pool.max_total);
    let limit = Limit::Pool { total, max_total: pool.max_total };
    Some(Allowance { more: pool.max_total.saturating_sub(stock.total), why: full(&limit) })
}

fn full(limit: &Limit) -> String {
    format!("no more can be made: {limit}")
}

fn in_flight(pool: &Pool, stock: &Stock) -> Option<Allowance> {
    let limit = pool.refill.in_flight;
    let why = format!("{limit} are made at once (refill.in_flight)");
    Some(Allowance { more: limit.saturating_sub(stock.making), why })
}
