//! The files of the simulated fleet: three modules, two flavors, and how a seed varies them.
//!
//! The times are those that a real fleet would have, so that a day in here is a day out there.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{FlavorId, ModuleId};
use model::time::Time;
use scaler::policy::{Mode, Policy};
use scaler::pool::Pool;
use scaler::state::Config;
use serde_json::json;

use crate::dice::Dice;

/// What a seed makes of the fleet, beside its faults.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub files: Config,
    /// The provider makes no second VM for an order that it has seen before.
    pub has_tokens: bool,
    /// Routers in front.
    pub routers: usize,
    /// One module only says what it would do.
    pub dry_run: bool,
}

/// The tick of the brain: policies say what happens at once, which is within one.
pub const TICK: Duration = Duration::from_secs(15);

/// The modules: two that follow their load, and one of fixed size.
pub const WEB: &str = "shop/web";
pub const API: &str = "shop/api";
pub const CRON: &str = "ops/cron";
pub const MODULES: [&str; 3] = [WEB, API, CRON];

pub fn module(name: &str) -> ModuleId {
    ModuleId::parse(name).expect("the names of the modules are well-formed")
}

impl Fleet {
    pub fn from_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 2);
        let recycle = if dice.chance(50) { "to-pool" } else { "destroy" };
        let replace_after = ["0", "2m", "5m"][dice.roll(3) as usize];
        let dry_run = dice.chance(10);
        let keep_for_debug = ["20m", "20m", "0"][Dice::new(seed, 4).roll(3) as usize];
        let care = Care { recycle, replace_after, keep_for_debug };
        let policies = [
            policy(WEB, "small", (2, 8), true, care),
            policy(API, "small", (2, 5), true, care),
            policy(CRON, "large", (2, 3), false, care),
        ];
        let mut policies: BTreeMap<ModuleId, Policy> =
            policies.into_iter().map(|policy| (policy.module.clone(), policy)).collect();
        if dry_run && let Some(policy) = policies.get_mut(&module(API)) {
            policy.mode = Mode::DryRun;
        }
        let (small, large) = (dice.between(14, 20), dice.between(5, 7));
        let pools = [pool("small", 3, small), pool("large", 1, large)];
        let domains = MODULES.iter().enumerate();
        let domains = domains.map(|(i, name)| (module(name), vec![format!("m{i}.example.com")]));
        let files = Config {
            policies,
            pools: pools.into_iter().map(|pool| (pool.flavor.clone(), pool)).collect(),
            domains: domains.collect(),
            tick: TICK,
            ..Config::default()
        };
        let routers = dice.between(1, 2) as usize;
        Self { files, has_tokens: dice.chance(50), routers, dry_run }
    }

    pub fn flavors(&self) -> impl Iterator<Item = &FlavorId> {
        self.files.pools.keys()
    }
}

/// How the VMs of all modules are looked after.
#[derive(Clone, Copy)]
struct Care {
    recycle: &'static str,
    replace_after: &'static str,
    keep_for_debug: &'static str,
}

fn policy(name: &str, flavor: &str, (min, max): (u32, u32), elastic: bool, care: Care) -> Policy {
    let metrics = if elastic {
        json!([{"name": "load", "max_age": "90s", "coverage": 0.7,
            "out": {"above": 0.8, "for": "1m", "step": 2},
            "in": {"below": 0.45, "for": "10m", "step": 1}}])
    } else {
        json!([])
    };
    let raw = json!({
        "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": name,
        "flavor": flavor, "mode": "auto", "capacity": {"min": min, "max": max},
        "metrics": metrics,
        "pace": {"out": {"settle": "3m"}, "in": {"stabilise": "10m", "cooldown": "5m"},
                 "create": {"timeout": "8m"}},
        "health": {"ready": {"http": "/ready", "pass": 3, "fail": 3, "deadline": "3m"}},
        "drain": {"timeout": "60s"},
        "terminate": {"young": "10m", "recycle": care.recycle},
        "isolation": {"after": "30s", "max_share": "20%", "replace_after": care.replace_after,
                      "keep_for_debug": care.keep_for_debug}
    });
    let raw = serde_json::from_value(raw).expect("the policy is written as the schema says");
    scaler::policy::check(raw).0.expect("the policy passes its own lint")
}

fn pool(flavor: &str, ready: u32, max_total: u64) -> Pool {
    let raw = json!({
        "apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": flavor,
        "ready": ready, "max_total": max_total, "max_age": "6h",
        "refill": {"per_minute": 6, "in_flight": 4}
    });
    let raw = serde_json::from_value(raw).expect("the pool is written as the schema says");
    scaler::pool::check(raw).0.expect("the pool passes its own lint")
}

/// What a module has to carry, in VMs at full load: a day's curve.
pub fn demand(name: &str, since_start_s: f64) -> f64 {
    let day = (since_start_s / 86_400.0 * std::f64::consts::TAU).sin();
    match name {
        WEB => 2.9 + 1.7 * day,
        API => 1.5 - 0.7 * day,
        _ => 0.5,
    }
}

/// When the day of a world begins.
pub const START: Time = Time::from_millis(1_800_000_000_000);
