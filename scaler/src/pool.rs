//! The resource pool of one flavor: ready VMs kept booted, for whichever module needs one next.

use std::time::Duration;

use model::id::FlavorId;
use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::{ApiVersion, Finding};

/// A pool file, as written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Pool v1")]
pub struct RawPool {
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    pub kind: PoolKind,
    pub flavor: FlavorId,
    /// VMs kept booted with their agent up.
    pub ready: u32,
    /// All VMs of this flavor, in every state.
    pub max_total: u32,
    #[serde(default)]
    pub refill: Refill,
    /// A waiting VM that was not heard of for this long is not given out.
    #[serde(default = "default_recheck")]
    pub recheck: Span,
    /// A VM that has waited for this long is replaced by a new one; never if left out.
    pub max_age: Option<Span>,
    /// Allocated VMs, as a part of `max_total` or a count, from which on it is told that the pool
    /// runs full.
    #[serde(default = "default_warn_at")]
    pub warn_at: Share,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PoolKind {
    Pool,
}

/// How fast a pool fills up again.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Refill {
    #[schemars(range(min = 1))]
    pub per_minute: u32,
    /// VMs being made at once.
    #[schemars(range(min = 1))]
    pub in_flight: u32,
}

impl Default for Refill {
    fn default() -> Self {
        Self { per_minute: 6, in_flight: 4 }
    }
}

fn default_recheck() -> Span {
    Span::secs(60)
}

fn default_warn_at() -> Share {
    Share::Percent(80)
}

/// A pool that was checked: it can hold what it is to keep ready.
#[derive(Clone, Debug)]
pub struct Pool {
    pub flavor: FlavorId,
    pub ready: u32,
    pub max_total: u32,
    pub refill: Refill,
    pub recheck: Duration,
    pub max_age: Option<Duration>,
    /// The count of allocated VMs from which on the pool runs full.
    pub warn_at: u32,
}

/// Checks a pool. The pool is None exactly if there are findings.
pub fn check(raw: RawPool) -> (Option<Pool>, Vec<Finding>) {
    let mut findings = Vec::new();
    if raw.ready > raw.max_total {
        let (ready, total) = (raw.ready, raw.max_total);
        let message = format!(
            "{ready} ready VMs do not fit into max_total {total}; write at most {total}, or raise \
             max_total"
        );
        findings.push(Finding::error("ready", message));
    }
    let counts = [
        ("max_total", raw.max_total),
        ("refill.per_minute", raw.refill.per_minute),
        ("refill.in_flight", raw.refill.in_flight),
    ];
    findings.extend(counts.into_iter().filter_map(|(key, count)| Finding::too_many(key, count)));
    for (key, count) in [("per_minute", raw.refill.per_minute), ("in_flight", raw.refill.in_flight)]
    {
        if count == 0 {
            let message = "a pool that never refills; write at least 1";
            findings.push(Finding::error(format!("refill.{key}"), message));
        }
    }
    if raw.recheck.0.is_zero() {
        let message = "no VM was heard of within 0; write for example 60s";
        findings.push(Finding::error("recheck", message));
    }
    if let Some(age) = raw.max_age.filter(|age| *age <= raw.recheck) {
        let message = format!(
            "a VM of {age} would be replaced before it is ready; write for example 24h, or leave \
             it out"
        );
        findings.push(Finding::error("max_age", message));
    }
    if matches!(raw.warn_at, Share::Count(0) | Share::Percent(0)) {
        let message = "at 0 it would always be told; write for example \"80%\"";
        findings.push(Finding::error("warn_at", message));
    }
    if !findings.is_empty() {
        return (None, findings);
    }
    let pool = Pool {
        flavor: raw.flavor,
        ready: raw.ready,
        max_total: raw.max_total,
        refill: raw.refill,
        recheck: raw.recheck.0,
        max_age: raw.max_age.map(|age| age.0),
        warn_at: raw.warn_at.of(raw.max_total),
    };
    (Some(pool), findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> RawPool {
        RawPool {
            api_version: ApiVersion::V1,
            kind: PoolKind::Pool,
            flavor: FlavorId::parse("c4m8").unwrap(),
            ready: 6,
            max_total: 120,
            refill: Refill { per_minute: 3, in_flight: 4 },
            recheck: Span::secs(60),
            max_age: Some(Span::secs(86_400)),
            warn_at: Share::Percent(80),
        }
    }

    #[test]
    fn the_share_that_warns_becomes_a_count() {
        assert_eq!(check(raw()).0.unwrap().warn_at, 96);
    }

    #[test]
    fn each_refusal_names_its_key() {
        let refused = |change: fn(&mut RawPool)| {
            let mut raw = raw();
            change(&mut raw);
            let (pool, findings) = check(raw);
            assert!(pool.is_none());
            findings.into_iter().map(|finding| finding.path).collect::<Vec<_>>()
        };
        assert_eq!(refused(|raw| raw.ready = 121), ["ready"]);
        assert_eq!(refused(|raw| raw.refill.per_minute = 0), ["refill.per_minute"]);
        assert_eq!(refused(|raw| raw.refill.in_flight = 0), ["refill.in_flight"]);
        assert_eq!(refused(|raw| raw.max_total = 100_001), ["max_total"]);
        assert_eq!(refused(|raw| raw.recheck = Span::secs(0)), ["recheck"]);
        assert_eq!(refused(|raw| raw.max_age = Some(Span::secs(30))), ["max_age"]);
        assert_eq!(refused(|raw| raw.warn_at = Share::Percent(0)), ["warn_at"]);
    }
}
