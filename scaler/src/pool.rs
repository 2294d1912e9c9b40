//! The resource pool of one flavor: ready VMs kept booted, for whichever module needs one next.

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
    /// When so many of `max_total` work for modules, operations are told: a share, or a count.
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
    pub per_minute: u32,
    /// VMs being made at once.
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
    pub recheck: std::time::Duration,
    /// In VMs.
    pub warn_at: u32,
}

/// Checks a pool. The pool is None exactly if there are findings.
pub fn check(raw: RawPool) -> (Option<Pool>, Vec<Finding>) {
    let mut findings = Vec::new();
    if raw.ready > raw.max_total {
        findings.push(Finding::error(
            "ready",
            format!("{} ready VMs do not fit into max_total {}", raw.ready, raw.max_total),
        ));
    }
    if raw.refill.per_minute == 0 || raw.refill.in_flight == 0 {
        findings.push(Finding::error("refill", "a pool that never refills; write at least 1"));
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
        warn_at: raw.warn_at.of(raw.max_total),
    };
    (Some(pool), findings)
}
