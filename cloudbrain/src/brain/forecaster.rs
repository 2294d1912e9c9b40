//! Makes the forecasts of policies that want one, beside the brain.
//!
//! A forecast is a function of recorded work, so every ten minutes the samples of the last two weeks
//! are read again and each forecast made anew; nothing of it is stored. What a module's load was is
//! summed over its VMs, so it is work, whatever the number of VMs was.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::ModuleId;
use model::time::Time;
use query::{Expression, Limits};
use scaler::facts::Forecast;
use scaler::forecast::{BUCKET, History, MOST_HISTORY, Scored, make};
use scaler::policy::{ForecastMode, Measure, MetricSource, Policy, RawForecast};

use super::Handle;
use super::core::Heard;

/// One module may take this long to be read.
const ONE_WITHIN: Duration = Duration::from_secs(10);

/// What a module's forecast rests on.
#[derive(Clone, Debug)]
pub struct Foreseen {
    pub module: ModuleId,
    pub terms: RawForecast,
    /// The work of the module, as PromQL.
    pub expression: String,
    /// The load up to which a VM is used.
    pub limit: f64,
}

impl Foreseen {
    /// None if no metric of the VMs tells the module's work.
    pub fn of(policy: &Policy) -> Option<Self> {
        let metrics = policy.metrics.iter();
        let mut own = metrics.filter(|metric| metric.source == MetricSource::Cloudmonitor);
        let (name, limit) = own.find_map(|metric| match &metric.measure {
            Measure::Metric(name) => Some((*name, metric.aim.above())),
            Measure::Expression(_) => None,
        })?;
        let module = policy.module.clone();
        let expression = work_of(&module, name);
        Some(Self { module, terms: policy.forecast, expression, limit })
    }
}

/// The work of a module, in VMs at a load of 1: what all its VMs carry.
pub fn work_of(module: &ModuleId, metric: &str) -> String {
    format!("sum({metric}{{module={:?}}})", module.as_str())
}

/// Makes forecasts until the brain stops.
pub(super) async fn foresee(handle: Handle) {
    loop {
        let wanted = handle.ask(|core, _| {
            let policies = core.config.scaler.policies.values();
            let wanted = policies.filter(|policy| policy.forecast.mode != ForecastMode::None);
            wanted.filter_map(Foreseen::of).collect::<Vec<_>>()
        });
        if let Ok(wanted) = wanted.await
            && handle.tell(Heard::Foreseen(all(&handle, wanted).await)).await.is_err()
        {
            return;
        }
        tokio::time::sleep(BUCKET).await;
    }
}

async fn all(handle: &Handle, wanted: Vec<Foreseen>) -> BTreeMap<ModuleId, Forecast> {
    let mut forecasts = BTreeMap::new();
    for foreseen in wanted {
        let module = foreseen.module.clone();
        match score(handle, foreseen).await {
            Ok(Scored { forecast: Some(forecast), .. }) => {
                forecasts.insert(module, forecast);
            }
            Ok(_) => (),
            Err(error) => tracing::warn!(%module, %error, "no forecast"),
        }
    }
    forecasts
}

/// Reads a module's work, makes its forecast and judges it.
///
/// # Errors
/// If the samples cannot be read; the sentence says why.
pub async fn score(handle: &Handle, foreseen: Foreseen) -> Result<Scored, String> {
    let (source, clock) = (handle.recorder.source(), handle.clock.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let ends = clock.elapsed() + ONE_WITHIN;
        let stop = || clock.elapsed() > ends;
        let bucket_ms = BUCKET.as_millis() as i64;
        let end = clock.now().millis() / bucket_ms * bucket_ms;
        // A step is asked for at its end, and stands for the bucket before it.
        let start = end - (MOST_HISTORY.as_millis() as i64 - bucket_ms);
        let lookback_ms = bucket_ms;
        let limits = Limits { lookback_ms, stop: &stop, ..Limits::default() };
        let expression = Expression::parse(&foreseen.expression).map_err(|e| e.to_string())?;
        let series = expression.range(&*source, start, end, bucket_ms, limits);
        let series = series.map_err(|error| error.to_string())?;
        let mut work = vec![None; ((end - start) / bucket_ms + 1) as usize];
        for points in series.iter().map(|series| &series.points) {
            for (at_ms, value) in points.times.iter().zip(&points.values) {
                let index = usize::try_from((at_ms - start) / bucket_ms).unwrap_or(usize::MAX);
                if let Some(bucket) = work.get_mut(index) {
                    *bucket = value.is_finite().then_some(*value);
                }
            }
        }
        let history = History { end: Time::from_millis(end), work };
        Ok(make(&history, &foreseen.terms, foreseen.limit))
    });
    reading.await.unwrap_or_else(|error| Err(format!("reading was broken off: {error}")))
}
