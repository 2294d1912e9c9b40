//! What could still be made, as pages, API and commands show it: the scaler's sums and the history of
//! the samples, side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use dashboards::view::capacity::{
    BoundView, CapacityView, Days, FlavorCapacity, LimitView, ProviderWord, StarvingView, TrendView,
};
use model::id::FlavorId;
use model::series::{METRIC_NAME, MatchOp, Matcher};
use model::time::Time;
use query::source::SourceError;
use scaler::capacity::{self, Bound, Limit, Stock, Trend};

use super::Handle;
use super::core::Core;
use super::recorder::Recorder;
use super::senses::PROVIDER;

/// VMs of a flavor that work for modules, as a metric.
pub const ALLOCATED: &str = "cloudbrain_pool_allocated_vms";
/// How far back the trend looks.
const HISTORY: Duration = Duration::from_secs(14 * 86_400);
/// The line before the last, as a share of `max_total`.
const NEARLY_FULL: f64 = 0.8;

/// All of it, now.
pub async fn view(handle: &Handle) -> Result<CapacityView, String> {
    let mut view = handle.ask(without_history).await?;
    for flavor in &mut view.flavors {
        match history(&handle.recorder, &flavor.flavor, view.at).await {
            Ok(history) => look_ahead(flavor, &history),
            Err(error) => {
                tracing::warn!(flavor = %flavor.flavor, %error, "its history cannot be read")
            }
        }
    }
    Ok(view)
}

/// What the core knows by itself.
pub fn without_history(core: &Core, now: Time) -> CapacityView {
    let provider = core.senses.facts.provider.as_ref();
    let config = &core.config.scaler;
    let starving = capacity::all_to_max(config, &core.scaler, provider);
    let starving = starving.into_iter().map(|one| StarvingView {
        module: one.module,
        flavor: one.flavor,
        lacks: one.lacks,
        by: limit_view(one.by),
    });
    CapacityView {
        at: now,
        provider: core.config.raw.providers.first().map(|raw| ProviderWord {
            name: raw.name().to_owned(),
            at: provider.map(|provider| provider.begun),
            error: core.senses.faults.get(PROVIDER).map(|fault| fault.error.clone()),
        }),
        flavors: config.pools.keys().map(|flavor| flavor_view(core, flavor)).collect(),
        starving: starving.collect(),
    }
}

/// What each flavor has and could still get.
fn flavor_view(core: &Core, flavor: &FlavorId) -> FlavorCapacity {
    let pool = core.config.scaler.pools.get(flavor);
    let stock = Stock::of(&core.scaler, flavor);
    let memory = core.scaler.memory.pools.get(flavor);
    let provider = core.senses.facts.provider.as_ref();
    let bounds = capacity::bounds(pool, provider, flavor, stock.total);
    FlavorCapacity {
        flavor: flavor.clone(),
        total: stock.total,
        max_total: pool.map_or(0, |pool| pool.max_total),
        allocated: stock.allocated,
        warn_at: pool.map_or(0, |pool| pool.warn_at),
        ready: stock.ready,
        wanted_ready: pool.map_or(0, |pool| pool.ready),
        being_made: stock.being_made,
        quarantined: stock.quarantined,
        bounds: bounds.into_iter().map(bound_view).collect(),
        last_made: memory.and_then(|memory| memory.last_made),
        last_shortage: memory.and_then(|memory| memory.last_shortage.clone()),
        waits: memory.and_then(|memory| memory.waits.clone()),
        history_days: 0.0,
        trend: None,
    }
}

fn bound_view(bound: Bound) -> BoundView {
    BoundView { limit: limit_view(bound.limit), more: bound.more }
}

fn limit_view(limit: Limit) -> LimitView {
    match limit {
        Limit::Pool { total, max_total } => LimitView::Pool { total, max_total },
        Limit::Quota { name, used, limit } => LimitView::Quota { name, used, limit },
        Limit::Hosts => LimitView::Hosts,
    }
}

async fn history(
    recorder: &Recorder,
    flavor: &FlavorId,
    now: Time,
) -> Result<Vec<(Time, f64)>, SourceError> {
    let equal = |name: &str, value: &str| Matcher {
        name: name.to_owned(),
        op: MatchOp::Equal,
        value: value.to_owned(),
    };
    let matchers = vec![equal(METRIC_NAME, ALLOCATED), equal("flavor", flavor.as_str())];
    let times = (now - HISTORY).millis()..now.millis() + 1;
    let points = recorder.read(matchers, times).await?;
    Ok(points.into_iter().map(|(at, count)| (Time::from_millis(at), count)).collect())
}

fn look_ahead(flavor: &mut FlavorCapacity, history: &[(Time, f64)]) {
    let span = history.first().zip(history.last());
    let span = span.map_or(Duration::ZERO, |((first, _), (last, _))| last.since(*first));
    flavor.history_days = span.as_secs_f64() / 86_400.0;
    let Some(Trend { per_day, low, high }) = capacity::trend(history) else { return };
    let (count, whole) = (f64::from(flavor.allocated), f64::from(flavor.max_total));
    let days = |line: f64| Days {
        likely: capacity::days_to(line, count, per_day),
        soonest: capacity::days_to(line, count, high),
        latest: capacity::days_to(line, count, low),
    };
    let (to_80, to_100) = (days(whole * NEARLY_FULL), days(whole));
    flavor.trend = Some(TrendView { per_day, low, high, to_80, to_100 });
}

/// The stock of each pool, for the figures.
pub fn stocks(core: &Core) -> BTreeMap<FlavorId, (Stock, Option<u32>)> {
    let provider = core.senses.facts.provider.as_ref();
    let pools = core.config.scaler.pools.iter().map(|(flavor, pool)| {
        let stock = Stock::of(&core.scaler, flavor);
        let bounds = capacity::bounds(Some(pool), provider, flavor, stock.total);
        (flavor.clone(), (stock, bounds.first().map(|bound| bound.more)))
    });
    pools.collect()
}
