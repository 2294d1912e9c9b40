//! What a fleet could still grow to, and what would stop it: the quota, the hosts, or our own ceiling.
//!
//! A pool that runs dry is found out when somebody needs it most. So it is worked out beforehand: for
//! each flavor how many more VMs could be made and which limit binds; whether all modules could go to
//! their `max` at once, since they share quotas; and from the history how long it lasts.
//!
//! What a provider does not tell is not known, and is no limit here: a number without hosts or quotas
//! says what would not stop us, and no more.
//!
//! It counts and decides nothing but how much may be ordered ([`provided`]), which is asked by
//! `supply`.
//!
//! Invariant: a flavor's count is never above any of its limits.

use std::collections::BTreeMap;

use model::id::{FlavorId, ModuleId};
use model::time::Time;
use model::vm::VmState;
use serde::{Deserialize, Serialize};

use crate::facts::ProviderFact;
use crate::hands::Quota;
use crate::pool::Pool;
use crate::state::{Config, State};

/// One limit, and how many more VMs of a flavor it lets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub limit: Limit,
    pub more: u32,
}

/// What limits a flavor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// `max_total` of its pool.
    Pool { total: u32, max_total: u32 },
    /// One of the account's quotas.
    Quota { name: String, used: u64, limit: u64 },
    /// The room on hosts that live.
    Hosts,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pool { total, max_total } => write!(f, "max_total {total} of {max_total}"),
            Self::Quota { name, used, limit } => write!(f, "quota {name} {used} of {limit}"),
            Self::Hosts => f.write_str("room on hosts"),
        }
    }
}

/// How many VMs of each state a flavor has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// In every state but gone.
    pub total: u32,
    /// Given to modules.
    pub allocated: u32,
    /// Waiting in the pool.
    pub ready: u32,
    pub being_made: u32,
    pub quarantined: u32,
}

/// A module that would not get all its VMs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starving {
    pub module: ModuleId,
    pub flavor: FlavorId,
    /// How many of its `max` it would lack.
    pub lacks: u32,
    /// What would run out first.
    pub by: Limit,
}

/// How a count changes, in VMs a day: the median of all slopes, and the middle half of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    pub per_day: f64,
    pub low: f64,
    pub high: f64,
}

impl Stock {
    pub fn of(state: &State, flavor: &FlavorId) -> Self {
        let mut stock = Self::default();
        let vms = state.vms.values().filter(|vm| vm.flavor == *flavor);
        for vm in vms.filter(|vm| vm.state != VmState::Gone) {
            stock.total += 1;
            stock.allocated += u32::from(vm.module.is_some());
            stock.ready += u32::from(vm.state == VmState::Pool);
            stock.being_made += u32::from(matches!(
                vm.state,
                VmState::Wanted | VmState::Creating | VmState::Booting
            ));
            stock.quarantined += u32::from(vm.state == VmState::Quarantine);
        }
        stock
    }
}

/// All limits of a flavor that are known, the tightest first.
pub fn bounds(
    pool: Option<&Pool>,
    provider: Option<&ProviderFact>,
    flavor: &FlavorId,
    total: u32,
) -> Vec<Bound> {
    let ours = pool.map(|pool| Bound {
        limit: Limit::Pool { total, max_total: pool.max_total },
        more: pool.max_total.saturating_sub(total),
    });
    let theirs = provider.map(|provider| provided(provider, flavor)).unwrap_or_default();
    let mut bounds: Vec<Bound> = ours.into_iter().chain(theirs).collect();
    bounds.sort_by_key(|bound| bound.more);
    bounds
}

/// The limits that the provider tells of, the tightest first.
pub fn provided(provider: &ProviderFact, flavor: &FlavorId) -> Vec<Bound> {
    let hosts = provider.room.get(flavor).map(|room| Bound { limit: Limit::Hosts, more: *room });
    let quotas = provider.quotas.iter().filter_map(|quota| quota_bound(quota, flavor));
    let mut bounds: Vec<Bound> = hosts.into_iter().chain(quotas).collect();
    bounds.sort_by_key(|bound| bound.more);
    bounds
}

fn quota_bound(quota: &Quota, flavor: &FlavorId) -> Option<Bound> {
    let takes = *quota.takes.get(flavor).filter(|takes| **takes > 0)?;
    let limit = quota.limit?;
    let more = limit.saturating_sub(quota.used) / takes;
    let limit = Limit::Quota { name: quota.name.clone(), used: quota.used, limit };
    Some(Bound { limit, more: u32::try_from(more).unwrap_or(u32::MAX) })
}

/// What would happen if all modules wanted their `max` at once: who would lack VMs, and by what. In the
/// order of their names; whoever comes first takes first.
pub fn all_to_max(
    config: &Config,
    state: &State,
    provider: Option<&ProviderFact>,
) -> Vec<Starving> {
    let mut left = provider.cloned().unwrap_or_default();
    let mut stocks: BTreeMap<&FlavorId, Stock> = BTreeMap::new();
    let members = state.by_module();
    let mut starving = Vec::new();
    for (module, policy) in &config.policies {
        let flavor = &policy.flavor;
        let stock = stocks.entry(flavor).or_insert_with(|| Stock::of(state, flavor));
        let have = members.get(module).map_or(0, Vec::len);
        let mut wants = policy.max.saturating_sub(u32::try_from(have).unwrap_or(u32::MAX));
        let from_pool = wants.min(stock.ready + stock.being_made);
        let from_making = from_pool.min(stock.being_made);
        stock.being_made -= from_making;
        stock.ready -= from_pool - from_making;
        wants -= from_pool;
        let bounds = bounds(config.pools.get(flavor), Some(&left), flavor, stock.total);
        let tightest = bounds.into_iter().next();
        let made = wants.min(tightest.as_ref().map_or(u32::MAX, |bound| bound.more));
        stock.total += made;
        take(&mut left, flavor, made);
        if let Some(bound) = tightest.filter(|_| wants > made) {
            let (module, flavor) = (module.clone(), flavor.clone());
            starving.push(Starving { module, flavor, lacks: wants - made, by: bound.limit });
        }
    }
    starving
}

/// What is left when so many of a flavor were made.
fn take(left: &mut ProviderFact, flavor: &FlavorId, made: u32) {
    for quota in &mut left.quotas {
        let takes = quota.takes.get(flavor).copied().unwrap_or(0);
        quota.used = quota.used.saturating_add(takes.saturating_mul(u64::from(made)));
    }
    if let Some(room) = left.room.get_mut(flavor) {
        *room = room.saturating_sub(made);
    }
}

/// Points further apart than this fraction of the history make slopes; nearer ones are noise.
const APART: f64 = 0.25;
/// A history shorter than this tells nothing of days.
const SHORTEST_HISTORY_DAYS: f64 = 1.0;
/// More points are thinned out: the slopes are pairs.
const MOST_POINTS: usize = 336;
const DAY_MS: f64 = 86_400_000.0;

/// The trend of a history, oldest first; None if it is too short. A day on which everything was
/// different bends a mean, and not a median.
pub fn trend(history: &[(Time, f64)]) -> Option<Trend> {
    let step = history.len().div_ceil(MOST_POINTS).max(1);
    let days = |at: Time| at.millis() as f64 / DAY_MS;
    let points: Vec<(f64, f64)> =
        history.iter().step_by(step).map(|(at, count)| (days(*at), *count)).collect();
    let span = points.last()?.0 - points.first()?.0;
    if span < SHORTEST_HISTORY_DAYS {
        return None;
    }
    let mut slopes = Vec::new();
    for (index, (from, before)) in points.iter().enumerate() {
        for (to, after) in &points[index + 1..] {
            if to - from >= span * APART {
                slopes.push((after - before) / (to - from));
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    let at = |share: f64| slopes.get(((slopes.len() - 1) as f64 * share) as usize).copied();
    if slopes.is_empty() {
        return None;
    }
    Some(Trend { per_day: at(0.5)?, low: at(0.25)?, high: at(0.75)? })
}

/// In how many days a count that grows so comes to a line; None if it does not. 0 if it is there.
pub fn days_to(line: f64, count: f64, per_day: f64) -> Option<f64> {
    if count >= line {
        return Some(0.0);
    }
    (per_day > 0.0).then(|| (line - count) / per_day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> FlavorId {
        FlavorId::parse("small").unwrap()
    }

    fn quota(name: &str, used: u64, limit: Option<u64>, takes: u64) -> Quota {
        let takes = BTreeMap::from([(small(), takes)]);
        Quota { name: name.to_owned(), limit, used, takes }
    }

    fn told(bounds: &[Bound]) -> Vec<String> {
        bounds.iter().map(|bound| format!("{} more by {}", bound.more, bound.limit)).collect()
    }

    #[test]
    fn the_tightest_limit_is_named_first() {
        let provider = ProviderFact {
            room: BTreeMap::from([(small(), 25)]),
            quotas: vec![
                quota("instances", 12, Some(60), 1),
                quota("cores", 190, Some(200), 4),
                quota("ram", 0, None, 8192),
            ],
            ..ProviderFact::default()
        };
        let bounds = bounds(None, Some(&provider), &small(), 12);
        assert_eq!(
            told(&bounds),
            [
                "2 more by quota cores 190 of 200",
                "25 more by room on hosts",
                "48 more by quota instances 12 of 60"
            ]
        );
    }

    #[test]
    fn a_quota_that_was_lowered_below_its_use_leaves_nothing() {
        let provider =
            ProviderFact { quotas: vec![quota("cores", 9, Some(4), 1)], ..ProviderFact::default() };
        assert_eq!(provided(&provider, &small())[0].more, 0);
    }

    #[test]
    fn what_is_not_told_is_no_limit() {
        assert!(bounds(None, None, &small(), 3).is_empty());
        assert!(provided(&ProviderFact::default(), &small()).is_empty());
    }

    fn hours(counts: impl Iterator<Item = f64>) -> Vec<(Time, f64)> {
        counts
            .enumerate()
            .map(|(hour, count)| (Time::from_millis(hour as i64 * 3_600_000), count))
            .collect()
    }

    #[test]
    fn one_wild_day_does_not_bend_the_trend() {
        let wild = |hour: usize| if (100..124).contains(&hour) { 500.0 } else { 0.0 };
        let history = hours((0..336).map(|hour| 20.0 + hour as f64 / 24.0 + wild(hour)));
        let trend = trend(&history).unwrap();
        assert!((trend.per_day - 1.0).abs() < 0.2, "{trend:?}");
        assert!(trend.low <= trend.per_day && trend.per_day <= trend.high, "{trend:?}");
        assert_eq!(days_to(40.0, 34.0, trend.per_day).map(f64::round), Some(6.0));
    }

    #[test]
    fn a_short_history_has_no_trend_and_a_falling_one_comes_to_no_line() {
        assert_eq!(trend(&hours((0..12).map(f64::from))), None);
        assert_eq!(trend(&[]), None);
        assert_eq!(days_to(40.0, 34.0, -1.0), None);
        assert_eq!(days_to(40.0, 41.0, -1.0), Some(0.0));
    }

    proptest! {
        /// Making as many as the tightest limit lets through leaves none of the limits exceeded.
        #[test]
        fn what_is_creatable_fits(
            limits in prop::collection::vec((0..500_u64, 0..500_u64, 0..50_u64), 0..5), room in 0..100_u32,
        ) {
            let quotas = limits.iter().map(|(limit, used, takes)| quota("q", *used, Some(*limit), *takes));
            let mut provider = ProviderFact {
                room: BTreeMap::from([(small(), room)]), quotas: quotas.collect(), ..ProviderFact::default()
            };
            let made = provided(&provider, &small())[0].more;
            prop_assert!(made <= room);
            let before = provider.clone();
            take(&mut provider, &small(), made);
            for (after, before) in provider.quotas.iter().zip(&before.quotas) {
                prop_assert!(after.used <= after.limit.unwrap().max(before.used));
            }
        }
    }
}
