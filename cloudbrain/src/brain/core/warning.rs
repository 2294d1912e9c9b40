//! Tells operations early of a pool that runs low: before somebody needs a VM that cannot be had.
//!
//! A pool is an object like any other, so its trouble is an incident that is told, acknowledged,
//! silenced and ended as all are. These things are told of it: so many of its VMs work for modules that
//! somebody should grow it (`warn_at`), and none is ready while something keeps more from being made: a
//! quota, failures, a budget. A third: VMs in quarantine that nobody but a person may destroy.
//!
//! What was said is kept with the alerter; after a start the first look says it once more, which
//! changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{CheckId, FlavorId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::vm::VmState;
use scaler::capacity::Stock;
use scaler::pool::Pool;

use super::Core;

/// A warning ends only when so much of `warn_at` is free again, in hundredths.
const CLEARS_BELOW: u32 = 95;

/// What was said last of each pool, by check.
pub(super) type Said = BTreeMap<(FlavorId, &'static str), bool>;

impl Core {
    /// Looks at all pools, and tells what is news.
    pub(super) fn watch_pools(&mut self, now: Time) {
        let config = self.config.clone();
        let mut signals = Vec::new();
        for (flavor, pool) in &config.scaler.pools {
            let stock = Stock::of(&self.scaler, flavor);
            let was_low = self.said_of_pools.get(&(flavor.clone(), ALLOCATED)).copied();
            let low = is_low(pool, stock, was_low.unwrap_or(false));
            let text = allocated(pool, stock);
            signals.extend(self.said(flavor, ALLOCATED, low, Severity::Average, text, now));
            let was_dry = self.said_of_pools.get(&(flavor.clone(), STOCK)) == Some(&true);
            let strangers = self.strangers(flavor, now);
            let text = format!("{strangers} VMs bear our tag and no record tells of them");
            let (known, low) = (strangers == 0, Severity::Warning);
            signals.extend(self.said(flavor, STRANGERS, !known, low, text, now));
            if let Some((dry, text)) = self.is_dry(pool, stock, was_dry) {
                signals.extend(self.said(flavor, STOCK, dry, Severity::High, text, now));
            }
        }
        self.said_of_pools.retain(|(flavor, _), _| config.scaler.pools.contains_key(flavor));
        if !signals.is_empty() {
            self.signals(signals, now);
        }
    }

    /// VMs in quarantine that did not turn out to be anybody's meanwhile.
    fn strangers(&self, flavor: &FlavorId, now: Time) -> usize {
        let vms = self.scaler.vms.values().filter(|vm| vm.flavor == *flavor);
        let strangers = vms.filter(|vm| vm.state == VmState::Quarantine);
        strangers.filter(|vm| now.since(vm.since) >= STRANGE_AFTER).count()
    }

    /// None while the provider does not say what there is. It is over when a VM is ready: one that
    /// is tried now and then may come to nothing.
    fn is_dry(&self, pool: &Pool, stock: Stock, was_dry: bool) -> Option<(bool, String)> {
        self.senses.facts.provider.as_ref()?;
        let memory = self.scaler.memory.pools.get(&pool.flavor);
        let waits = memory.and_then(|memory| memory.waits.as_deref());
        let is_empty = pool.ready > 0 && stock.ready == 0;
        let is_stuck = stock.being_made == 0 && waits.is_some();
        let text = format!("no VM is ready: {}", waits.unwrap_or_default());
        Some((is_empty && (is_stuck || was_dry), text))
    }

    /// The signal, if it is news.
    fn said(
        &mut self,
        flavor: &FlavorId,
        check: &'static str,
        is_bad: bool,
        severity: Severity,
        text: String,
        at: Time,
    ) -> Option<Signal> {
        let before = self.said_of_pools.insert((flavor.clone(), check), is_bad);
        (before != Some(is_bad)).then(|| Signal {
            source: SourceId::parse("pools").expect("it is a name"),
            check: CheckId::parse(check).expect("it is a name"),
            object: Object::Pool(flavor.clone()),
            state: if is_bad { SignalState::Problem(severity) } else { SignalState::Ok },
            at,
            via: None,
            text: if is_bad { text } else { String::new() },
        })
    }
}

const ALLOCATED: &str = "pool.allocated";
const STOCK: &str = "pool.stock";
const STRANGERS: &str = "pool.strangers";
/// An orphan of ours is destroyed within this time, and nobody needs to be told.
const STRANGE_AFTER: Duration = Duration::from_secs(1800);

fn is_low(pool: &Pool, stock: Stock, was_low: bool) -> bool {
    match was_low {
        true => {
            u64::from(stock.allocated) * 100 >= u64::from(pool.warn_at) * u64::from(CLEARS_BELOW)
        }
        false => stock.allocated >= pool.warn_at,
    }
}

fn allocated(pool: &Pool, stock: Stock) -> String {
    let (allocated, max_total) = (stock.allocated, pool.max_total);
    format!("{allocated} of {max_total} VMs work for modules, warned at {}", pool.warn_at)
}
