//! Tells operations early of a pool that runs low: before somebody needs a VM that cannot be had.
//!
//! A pool is an object like any other, so its trouble is an incident that is told, acknowledged,
//! silenced and ended as all are. Two things are told of it: so many of its VMs work for modules that
//! somebody should grow it (`warn_at`), and none is ready while none can be made.
//!
//! What was said is kept with the alerter; after a start the first look says it once more, which
//! changes nothing.

use std::collections::BTreeMap;

use model::id::{CheckId, FlavorId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use scaler::capacity::{Stock, bounds};
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
            if let Some((dry, text)) = self.is_dry(pool, stock) {
                signals.extend(self.said(flavor, STOCK, dry, Severity::High, text, now));
            }
        }
        self.said_of_pools.retain(|(flavor, _), _| config.scaler.pools.contains_key(flavor));
        if !signals.is_empty() {
            self.signals(signals, now);
        }
    }

    /// None while the provider does not say what there is.
    fn is_dry(&self, pool: &Pool, stock: Stock) -> Option<(bool, String)> {
        let provider = self.senses.facts.provider.as_ref()?;
        let bounds = bounds(Some(pool), Some(provider), &pool.flavor, stock.total);
        let tightest = bounds.first()?;
        let dry = pool.ready > 0 && stock.ready == 0 && stock.being_made == 0 && tightest.more == 0;
        Some((dry, format!("no VM is ready and none can be made: {}", tightest.limit)))
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
