//! What a report says of how long probes took: the hours of the period, merged.
//!
//! Longer stretches are exact sums of their hours, so the longest that lie wholly in the period are
//! read first, and only what is left at its edges by the hour. Hours in which maintenance was left out of
//! the account are left out here, too.

use std::collections::BTreeMap;
use std::time::Duration;

use availability::{Answers, LENGTHS, LatencyPromise, Share, Stretch, Within, digits, hour_of};
use dashboards::view::latency::{LatencyView, WithinView};
use dashboards::view::report::{ModuleReport, ReportView};
use model::id::ModuleId;
use model::time::Time;

use super::{Ground, Refusal};
use crate::brain::Handle;
use crate::brain::core::Core;
use crate::brain::core::answering::{stretch, thresholds};

const RULE: &str = "answers are timed from the first byte of the request to their end; shares are exact counts, \
                    percentiles are of answered probes and within 0.8%; hours are whole hours of UTC";
const HOUR: Duration = Duration::from_secs(3_600);

/// What the core knows of it.
pub(super) struct Unsettled {
    /// Before it all is in the store.
    from: Time,
    hours: BTreeMap<ModuleId, Vec<Stretch>>,
}

/// From one moment to before another, both at the begin of an hour.
type Hours = (Time, Time);

pub(super) fn unsettled<'a>(
    core: &Core,
    modules: impl IntoIterator<Item = &'a ModuleId>,
) -> Unsettled {
    let hours = modules.into_iter().map(|module| {
        let thresholds = thresholds(&core.config, module);
        (module.clone(), core.latencies.under_way(module, &thresholds))
    });
    Unsettled { from: core.latencies.settled_until(), hours: hours.collect() }
}

/// Adds what is known of each module.
pub(super) async fn add(
    handle: &Handle,
    ground: &Ground,
    report: &mut ReportView,
) -> Result<(), Refusal> {
    let promise = ground.policy.terms.latency.promise.as_ref();
    let (from, until) = (first_hour(report.from), first_hour(report.until));
    for module in &mut report.modules {
        let told = told(handle, &ground.unsettled, module, (from, until)).await?;
        let view = told.map(|(from, answers)| view(from, report.until, &answers, promise));
        module.latency = view;
    }
    if report.modules.iter().any(|module| module.latency.is_some()) {
        report.rules.push(RULE.to_owned());
    }
    Ok(())
}

/// The first that begins then or later.
fn first_hour(at: Time) -> Time {
    hour_of(at + (HOUR - Duration::from_millis(1)))
}

/// All answers of the hours that count, and when the first of those hours began.
async fn told(
    handle: &Handle,
    unsettled: &Unsettled,
    module: &ModuleReport,
    period: Hours,
) -> Result<Option<(Time, Answers)>, Refusal> {
    let counted = without_maintenance(module, period);
    let mut list = stored(handle, unsettled.from, &module.module, counted.clone()).await?;
    let is_counted = |hour: &&Stretch| counted.iter().any(|c| c.0 <= hour.at && hour.at < c.1);
    let known = unsettled.hours.get(&module.module).into_iter().flatten();
    list.extend(known.filter(is_counted).cloned());
    let first = list.iter().map(|stretch| stretch.at).min();
    let mut all = Answers::default();
    list.iter().for_each(|stretch| all.merge(&stretch.answers));
    Ok(first.map(|first| (first, all)))
}

/// The hours that planned work does not touch.
fn without_maintenance(module: &ModuleReport, (from, until): Hours) -> Vec<Hours> {
    let (mut counted, mut done) = (Vec::new(), from);
    for work in &module.maintenance {
        counted.push((done, hour_of(work.from)));
        done = done.max(first_hour(work.until));
    }
    counted.push((done, until));
    counted.retain(|(from, until)| from < until);
    counted
}

async fn stored(
    handle: &Handle,
    settled_until: Time,
    module: &ModuleId,
    counted: Vec<Hours>,
) -> Result<Vec<Stretch>, Refusal> {
    let settled = counted.into_iter().map(|(from, until)| (from, until.min(settled_until)));
    let (mut list, mut open) = (Vec::new(), settled.collect::<Vec<Hours>>());
    for hours in LENGTHS {
        let mut left = Vec::new();
        for (from, until) in open {
            let length = HOUR * hours;
            // Those that end in it, too.
            let last = until - length + Duration::from_millis(1);
            let rows = handle.store.answers(module, hours, from, last).await;
            let mut done = from;
            for row in rows.map_err(Refusal::Store)? {
                let found = stretch(row).map_err(Refusal::Brain)?;
                left.push((done, found.at));
                done = found.at + length;
                list.push(found);
            }
            left.push((done, until));
        }
        left.retain(|(from, until)| from < until);
        open = left;
    }
    Ok(list)
}

fn view(
    from: Time,
    until: Time,
    answers: &Answers,
    promise: Option<&LatencyPromise>,
) -> LatencyView {
    let percentile = |percent| answers.percentile(percent).map(micros);
    let promised = promise.map(|promise| promise.within);
    let within = answers.within.iter();
    let within = within.map(|(threshold, it)| WithinView {
        is_target: promised == Some(*threshold),
        ..within_view(from, *threshold, it)
    });
    LatencyView {
        from,
        until,
        probes: answers.probes,
        failures: answers.failures,
        p50_us: percentile(50),
        p95_us: percentile(95),
        p99_us: percentile(99),
        slowest_us: percentile(100).map(|_| micros(answers.slowest)),
        within: within.collect(),
        target: promise.map(|promise| promise.share.to_string()),
        is_met: promise.and_then(|promise| answers.keeps(promise)),
    }
}

fn within_view(from: Time, threshold: Duration, within: &Within) -> WithinView {
    // One probe of so many is what can be told apart.
    let digits = digits(Duration::from_millis(1), Duration::from_millis(within.of));
    WithinView {
        within_us: micros(threshold),
        count: within.count,
        of: within.of,
        share: within.share().map(|share: Share| share.floor_percent(digits)),
        since: (within.since > from).then_some(within.since),
        is_target: false,
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
