//! `backtest`: the policy in force and a new one, on the work that a module really had.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use form_urlencoded::byte_serialize;
use model::id::ModuleId;
use model::metric::LOAD1_PER_CORE;
use model::time::Time;
use model::unit::Span;
use scaler::policy::{Measure, Policy};
use serde::Deserialize;

use super::ask::brain_of;
use super::http::get_json;
use super::simulate::{as_if_acting, policy_of, timetable_of};
use super::{Found, say};
use crate::brain::forecaster::work_of;
use crate::cli::{BacktestArgs, Output};
use crate::config;
use crate::config::yaml::Document;
use crate::simulate::backtest::{Compared, Dated, Minute, compare};
use crate::simulate::outcome::Outcome;
use crate::simulate::world::Setting;

const MINUTE_S: u64 = 60;
/// So much is asked for at once: the API has a bound on points.
const PIECE_S: u64 = 5 * 86_400;
const LONGEST_S: u64 = 366 * 86_400;
/// Less than this tells nothing of a policy.
const LEAST_MINUTES: usize = 10;

pub(super) async fn backtest(args: BacktestArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let document = Document::read(&args.policy).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let new = policy_of(&document)?;
    let timetable = timetable_of(&document, &new)?;
    if new.module != args.module {
        bail!("{} is a policy of {}, not of {}", args.policy.display(), new.module, args.module);
    }
    let now = in_force(&args)?;
    let metric = metric_of(&now.policy)?;
    let minutes = recorded(brain, &args.module, metric, args.since).await?;
    let first_s = minutes.first().map_or(0.0, |minute| minute.at_s);
    let setting = Setting {
        from: Time::from_millis((first_s * 1000.0) as i64),
        damping: (metric == LOAD1_PER_CORE).then(|| Duration::from_secs(60)),
        pool_total: args.pool,
        make: args.boot.0,
        ..Setting::default()
    };
    let compared =
        compare(&minutes, acting(now), acting(Dated { policy: new, timetable }), &setting)?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&compared)?),
        Output::Text => tell(&args, &compared),
    }
    Ok(Found::Nothing)
}

fn acting(dated: Dated) -> Dated {
    Dated { policy: as_if_acting(dated.policy), ..dated }
}

fn in_force(args: &BacktestArgs) -> anyhow::Result<Dated> {
    let file = &args.ask.config.config;
    let loaded = config::load(file);
    let config = loaded.config.with_context(|| {
        format!("{} is not in order; `cloudbrain check` says why", file.display())
    })?;
    let policy = config.scaler.policies.get(&args.module).cloned();
    let policy = policy
        .with_context(|| format!("{}: no policy of {} is in force", file.display(), args.module))?;
    let timetable = config.timetables.get(&args.module).cloned().unwrap_or_default();
    Ok(Dated { policy, timetable })
}

fn metric_of(policy: &Policy) -> anyhow::Result<&'static str> {
    let mut names = policy.metrics.iter().filter_map(|metric| match &metric.measure {
        Measure::Metric(name) => Some(*name),
        Measure::Expression(_) => None,
    });
    names.next().with_context(|| {
        format!(
            "the policy of {} reads no metric of the VMs that would tell its work",
            policy.module
        )
    })
}

/// What `/api/v1/query_range` answers.
#[derive(Debug, Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    result: Vec<Series>,
}

#[derive(Debug, Deserialize)]
struct Series {
    values: Vec<(f64, String)>,
}

async fn recorded(
    brain: SocketAddr,
    module: &ModuleId,
    metric: &str,
    since: Span,
) -> anyhow::Result<Vec<Minute>> {
    let now_s = (crate::clock::real().now().millis() / 1000) as u64 / MINUTE_S * MINUTE_S;
    let start_s = now_s.saturating_sub(since.0.as_secs().clamp(MINUTE_S, LONGEST_S));
    let sum = work_of(module, metric);
    let count = sum.replacen("sum(", "count(", 1);
    let (sums, counts) =
        (points(brain, &sum, start_s, now_s).await?, points(brain, &count, start_s, now_s).await?);
    if sums.is_empty() {
        bail!("the brain has no samples of {metric} of {module} since {since} ago");
    }
    if sums.len() < LEAST_MINUTES {
        bail!(
            "the brain has samples of {metric} of {module} for only {} min since {since} ago; a \
             backtest wants {LEAST_MINUTES}",
            sums.len()
        );
    }
    let minutes = sums.iter().zip(&counts).map(|((at_s, sum), (_, vms))| Minute {
        at_s: *at_s,
        sum: *sum,
        vms: *vms,
    });
    Ok(minutes.collect())
}

async fn points(
    brain: SocketAddr,
    expression: &str,
    start_s: u64,
    end_s: u64,
) -> anyhow::Result<Vec<(f64, f64)>> {
    let query: String = byte_serialize(expression.as_bytes()).collect();
    let mut points = Vec::new();
    let mut from_s = start_s;
    while from_s < end_s {
        let until_s = (from_s + PIECE_S - MINUTE_S).min(end_s);
        let path = format!(
            "/api/v1/query_range?query={query}&start={from_s}&end={until_s}&step={MINUTE_S}"
        );
        let answer: Answer = get_json(brain, &path).await?;
        for (at_s, value) in answer.data.result.into_iter().flat_map(|series| series.values) {
            if let Some(value) = value.parse::<f64>().ok().filter(|value| value.is_finite()) {
                points.push((at_s, value));
            }
        }
        from_s = until_s + MINUTE_S;
    }
    Ok(points)
}

fn tell(args: &BacktestArgs, compared: &Compared) {
    let days = compared.hours / 24.0;
    say(&format!("{}  {days:.1} days of recorded work, played with both policies", args.module));
    say(&format!("  {:<26} {:>10} {:>10}", "", "now", "new"));
    let (now, new) = (&compared.now, &compared.new);
    let row = |what: &str, of: &dyn Fn(&Outcome) -> String, change: String| {
        say(&format!("  {what:<26} {:>10} {:>10}   {change}", of(now), of(new)));
    };
    let change = if now.vm_hours > 0.0 { new.vm_hours / now.vm_hours - 1.0 } else { 0.0 };
    let change = format!("{:+.0} %", change * 100.0);
    row("VM-hours", &|outcome| format!("{:.1}", outcome.vm_hours), change);
    row("minutes above their limit", &|o| format!("{:.0}", o.minutes_above_limit), String::new());
    row("minutes above 1.00", &|o| format!("{:.0}", o.minutes_above_one), String::new());
    row("minutes at max", &|o| format!("{:.0}", o.minutes_at_max), String::new());
    row("actions / reversals", &|o| format!("{}/{}", o.actions, o.reversals), String::new());
    row("peak load", &|o| format!("{:.2}", o.peak_load), String::new());
    let seconds = |minutes: f64| Span(Duration::from_secs((minutes * 60.0) as u64));
    say(&format!(
        "  caveats: {} without samples; {} in which VMs were full, so the work was no less and \
         perhaps more;\n  {:.1} VM-hours there really were; releases, faults and other modules are \
         not played",
        seconds(compared.missing_minutes),
        seconds(compared.censored_minutes),
        compared.recorded_vm_hours,
    ));
}
