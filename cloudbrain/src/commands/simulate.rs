//! `simulate`: what a policy does on a trace of work.

use std::io::{BufReader, stdin, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::metric::LOAD1_PER_CORE;
use model::time::Time;
use model::unit::Span;
use scaler::lead::LeadTimes;
use scaler::policy::{Measure, Mode, Policy, RawPolicy, check};
use serde::Deserialize;
use serde_json::json;

use super::ask::moment;
use super::{Found, say, say_error};
use crate::cli::{Output, SimulateArgs};
use crate::clock::real;
use crate::config::timetable::Timetable;
use crate::config::yaml::Document;
use crate::simulate::decider::{BenchmarkPolicy, BenchmarkWorld, Decider};
use crate::simulate::outcome::{Outcome, chart, clock};
use crate::simulate::stdio;
use crate::simulate::trace::Trace;
use crate::simulate::world::{Played, Setting, play};

/// How often the scaler looks.
const TICK: Duration = Duration::from_secs(15);
/// So many changes are shown from the first and from the last, and the others counted.
const SHOWN_CHANGES: usize = 12;
const LEAST_MAX_AGE: Duration = Duration::from_secs(75);
const CHART_WIDTH: usize = 72;
const CHART_HEIGHT: u32 = 10;

pub(super) fn simulate(args: &SimulateArgs) -> anyhow::Result<Found> {
    if args.stdio {
        stdio::serve(&mut BufReader::new(stdin().lock()), &mut stdout().lock())?;
        return Ok(Found::Nothing);
    }
    let (Some(policy), Some(trace)) = (&args.policy, &args.trace) else {
        bail!("name a policy and a trace: --policy P.yaml --trace T.csv, or --stdio");
    };
    let document = Document::read(policy).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    match serde_json::from_str::<Benchmark>(&document.text) {
        Ok(benchmark) => benchmarked(&benchmark, trace, args.out.as_deref()),
        Err(_) => shown(args, &document, trace),
    }
}

/// The policy file of the benchmark's command form.
#[derive(Debug, Deserialize)]
struct Benchmark {
    #[serde(flatten)]
    world: BenchmarkWorld,
    #[serde(flatten)]
    policy: BenchmarkPolicy,
}

/// The benchmark replays what is wanted in a world of its own, so there is no noise here.
fn benchmarked(benchmark: &Benchmark, trace: &Path, out: Option<&Path>) -> anyhow::Result<Found> {
    let world = benchmark.world;
    let trace = Trace::read(trace, Duration::from_secs(world.tick_s.max(1)))?;
    let mut decider = Decider::new(world.policy(benchmark.policy)?, world.lead_times())?;
    let setting = Setting {
        collect: Duration::from_secs(world.collect_s),
        lag: Duration::from_secs(world.lag_s),
        damping: (world.load_tau_s > 0.0).then(|| Duration::from_secs_f64(world.load_tau_s)),
        pool_total: world.pool_total,
        take: Duration::from_secs(world.pool_take_s),
        make: Duration::from_secs(world.cold_boot_s),
        refill_every: Duration::from_secs(world.refill_every_s),
        drain: Duration::from_secs(world.drain_s),
        noise: 0.0,
        imbalance: 0.0,
        ..Setting::default()
    };
    let played = play(&trace, &mut decider, &setting);
    let out = out.context("the benchmark's policy wants --out FILE for the timeline")?;
    write_timeline(out, &trace, &played)?;
    Ok(Found::Nothing)
}

fn write_timeline(out: &Path, trace: &Trace, played: &Played) -> anyhow::Result<()> {
    let mut text = "t,vms\n".to_owned();
    let mut last = None;
    for (tick, wanted) in played.wanted.iter().enumerate() {
        if last.replace(*wanted) != Some(*wanted) {
            text.push_str(&format!("{},{wanted}\n", tick as u64 * trace.tick.as_secs()));
        }
    }
    std::fs::write(out, text).with_context(|| format!("writing {}", out.display()))
}

fn shown(args: &SimulateArgs, document: &Document, trace: &Path) -> anyhow::Result<Found> {
    let policy = policy_of(document)?;
    let mut trace = Trace::read(trace, TICK)?;
    if let Some(factor) = args.load {
        trace.demand.iter_mut().for_each(|demand| *demand *= factor);
    }
    let (limit, min, max) = (limit_of(&policy), policy.min, policy.max);
    let timetable = timetable_of(document, &policy)?;
    let from = begin(args, &timetable)?;
    let setting = Setting { from, ..setting_of(args, &policy) };
    let begun = timetable.zone().and_then(|zone| local(from, zone));
    let lead_times = LeadTimes::known(setting.take, setting.make);
    let schedules = timetable.spans(setting.from, setting.from + trace.span());
    let decider = Decider::new(as_if_acting(policy), lead_times)?;
    let mut decider = decider.with_foresight(schedules);
    let played = play(&trace, &mut decider, &setting);
    let outcome = Outcome::of(&trace, &played, limit, min, max);
    if let Some(out) = &args.out {
        write_timeline(out, &trace, &played)?;
    }
    match args.output.output {
        Output::Json => say(&in_json(&trace, &played, &outcome).to_string()),
        Output::Text => tell(&decider, begun.as_deref(), &trace, &played, &outcome),
    }
    Ok(if outcome.first_violation.is_some() { Found::Differences } else { Found::Nothing })
}

/// Reads and checks one policy file; warnings are said and do not stop it.
pub(super) fn policy_of(document: &Document) -> anyhow::Result<Policy> {
    let raw: RawPolicy = document.parse().map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let (policy, findings) = check(raw);
    let problems: Vec<_> = findings.iter().map(|finding| document.place(finding)).collect();
    for warning in problems.iter().filter(|problem| !problem.is_error) {
        say_error(&warning.to_string());
    }
    let errors = problems.iter().filter(|problem| problem.is_error);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    policy.with_context(|| errors.join("\n"))
}

/// When the schedules of a policy hold.
pub(super) fn timetable_of(document: &Document, policy: &Policy) -> anyhow::Result<Timetable> {
    let (timetable, findings) = Timetable::read(policy);
    let errors: Vec<String> =
        findings.iter().map(|finding| document.place(finding).to_string()).collect();
    ensure!(errors.is_empty(), "{}", errors.join("\n"));
    Ok(timetable)
}

/// When the trace begins: as asked for, else at the last midnight where the schedules are written.
fn begin(args: &SimulateArgs, timetable: &Timetable) -> anyhow::Result<Time> {
    if let Some(from) = &args.from {
        return moment(from);
    }
    let Some(zone) = timetable.zone() else { return Ok(Setting::default().from) };
    let now = Timestamp::from_millisecond(real().now().millis())?.to_zoned(zone.clone());
    Ok(Time::from_millis(now.start_of_day()?.timestamp().as_millisecond()))
}

/// A policy that only watches is simulated as if it acted: that is what one wants to see. The
/// samples of the made-up module come every 15 s; a policy that wants younger ones would be blind.
pub(super) fn as_if_acting(policy: Policy) -> Policy {
    let mode = if policy.mode.acts() { policy.mode } else { Mode::Auto };
    let mut policy = Policy { mode, ..policy };
    for metric in &mut policy.metrics {
        metric.max_age = metric.max_age.max(LEAST_MAX_AGE);
    }
    policy
}

pub(super) fn limit_of(policy: &Policy) -> f64 {
    policy.metrics.first().map_or(1.0, |metric| metric.aim.above())
}

fn setting_of(args: &SimulateArgs, policy: &Policy) -> Setting {
    let is_load1 = policy.metrics.iter().any(|m| m.measure == Measure::Metric(LOAD1_PER_CORE));
    let default = Setting::default();
    Setting {
        damping: is_load1.then(|| Duration::from_secs(60)),
        pool_total: args.pool.unwrap_or(default.pool_total),
        make: args.boot.map_or(default.make, |boot| boot.0),
        kill_at_peak: args.kill,
        blind_at_peak: args.monitor_down.map_or(Duration::ZERO, |down| down.0),
        seed: args.seed,
        ..default
    }
}

/// `Sun 2026-11-22 00:00 +08:00`.
fn local(at: Time, zone: &TimeZone) -> Option<String> {
    let stamp = Timestamp::from_millisecond(at.millis()).ok()?;
    Some(stamp.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %:z").to_string())
}

/// `begun` is when the trace begins, if that matters.
fn tell(decider: &Decider, begun: Option<&str>, trace: &Trace, played: &Played, outcome: &Outcome) {
    let policy = decider.policy();
    let (module, hours, limit) = (&policy.module, outcome.hours, outcome.limit);
    let (min, max) = (policy.min, policy.max);
    say(&format!(
        "{module}  {hours:.1} h of work  bounds {min}..{max}  load up to {limit:.2} a VM"
    ));
    if let Some(begun) = begun {
        say(&format!("0 is {begun}, for the schedules; --from puts it elsewhere"));
    }
    chart(played, limit, CHART_WIDTH, CHART_HEIGHT).iter().for_each(|line| say(line));
    say(&format!("{:>7}{:<63}{}", "", "0", clock(outcome.hours * 3600.0)));
    say("       # needed and there   . there and not needed   ! needed and not there\n");
    tell_changes(trace, played);
    say("");
    for (what, value) in sums(outcome) {
        say(&format!("  {what:<24} {value}"));
    }
    match &outcome.first_violation {
        Some(violation) => {
            say(&format!("  {:<24} {} {}", "first violated", clock(violation.at_s), violation.what))
        }
        None => say(&format!("  {:<24} nothing", "first violated")),
    }
}

fn tell_changes(trace: &Trace, played: &Played) {
    let count = played.changes.len();
    let left_out = count.saturating_sub(2 * SHOWN_CHANGES);
    for (index, change) in played.changes.iter().enumerate() {
        if left_out > 0 && index == SHOWN_CHANGES {
            say(&format!("  ... {left_out} more changes; -o json has all"));
        }
        if left_out > 0 && (SHOWN_CHANGES..count - SHOWN_CHANGES).contains(&index) {
            continue;
        }
        let at = clock(change.tick as f64 * trace.tick.as_secs_f64());
        say(&format!("  {at:>12}  {:>3} -> {:<3}  {}", change.from, change.to, change.reason));
    }
}

/// The sums of a run, as they are read.
pub(super) fn sums(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let minutes =
        |minutes: f64| Span(Duration::from_secs((minutes * 60.0).round() as u64)).to_string();
    vec![
        (
            "peak",
            format!(
                "{} VMs, work of {:.1}, load {:.2}",
                outcome.peak_vms, outcome.peak_demand, outcome.peak_load
            ),
        ),
        ("VM-hours", format!("{:.1}", outcome.vm_hours)),
        ("above the limit", minutes(outcome.minutes_above_limit)),
        ("above 1.00", minutes(outcome.minutes_above_one)),
        ("at max", minutes(outcome.minutes_at_max)),
        ("actions / reversals", format!("{} / {}", outcome.actions, outcome.reversals)),
        (
            "cost index",
            format!(
                "{:.2} (a missing VM-hour as ten idle ones; 1.00 has just what is needed)",
                outcome.cost_index
            ),
        ),
    ]
}

fn in_json(trace: &Trace, played: &Played, outcome: &Outcome) -> serde_json::Value {
    let tick_s = trace.tick.as_secs_f64();
    let changes = played.changes.iter().map(|change| {
        json!({
            "t": change.tick as f64 * tick_s,
            "from": change.from,
            "to": change.to,
            "reason": change.reason,
        })
    });
    json!({"outcome": outcome, "changes": changes.collect::<Vec<_>>()})
}
