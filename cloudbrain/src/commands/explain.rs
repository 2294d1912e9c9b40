//! `explain`: why the scaler did what it did, or did nothing, and what came of it.

use std::net::SocketAddr;

use model::id::VmId;
use model::unit::Span;
use scaler::policy::Aim;
use scaler::reason::{Decision, Inputs, LimitOutcome, Reading};
use scaler::stay::Standing;

use super::ask::{brain_of, moment};
use super::http::get_json;
use super::plan::tell_holds;
use super::verify::verify;
use super::{Found, say};
use crate::api::scaling::Explained;
use crate::brain::aftermath::Aftermath;
use crate::cli::{ExplainArgs, Output};

pub(super) async fn explain(args: ExplainArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    if let Some(vm) = &args.vm {
        return why_not_removed(brain, vm, args.ask.output.output).await;
    }
    if let Some(last) = args.verify {
        return verify(brain, &args.module, last, args.ask.output.output).await;
    }
    let at = match &args.at {
        None => String::new(),
        // A moment is written in whole seconds, and the decision within it is meant.
        Some(at) => format!("&at={}", moment(at)?.millis() + 999),
    };
    let module = &args.module;
    let explained: Explained =
        get_json(brain, &format!("/api/explain?module={module}{at}")).await?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&explained)?),
        Output::Text => tell(&explained),
    }
    Ok(Found::Nothing)
}

async fn why_not_removed(brain: SocketAddr, vm: &VmId, output: Output) -> anyhow::Result<Found> {
    let found: Standing = get_json(brain, &format!("/api/why-not-removed?vm={vm}")).await?;
    if output == Output::Json {
        say(&serde_json::to_string(&found)?);
        return Ok(Found::Nothing);
    }
    let Standing { vm, why, next } = &found;
    let next = match next {
        Some(next) if next == vm => String::new(),
        Some(next) => format!("; next in order is {next}"),
        None => "; nobody may leave now".to_owned(),
    };
    say(&format!("{vm} stays: {why}{next}"));
    Ok(Found::Nothing)
}

fn tell(explained: &Explained) {
    let decision = &explained.decision;
    let mode = decision.mode.as_str();
    say(&format!("{}  decision {}  {}  mode {mode}", decision.module, decision.id, decision.at));
    tell_inputs(&decision.inputs);
    tell_limits(decision);
    let what = if decision.is_hold() { "stays" } else { "changes" };
    say(&format!("  result   {} -> {}: {what}", decision.from, decision.to));
    say(&format!("  why      {}", decision.reason));
    for moved in &decision.moves {
        say(&format!("  began    {} {}: {}", moved.vm, moved.to, moved.why));
    }
    if decision.short > 0 {
        say(&format!("  owed     {} more: the pool was empty", decision.short));
    }
    tell_holds(&explained.holds);
    if let Some(waits) = &explained.waits {
        say(&format!("  waits    {waits}"));
    }
    if let Some(after) = after(decision, &explained.after) {
        say(&format!("  after    {after}"));
    }
    say(&format!("  replay   {}", explained.replay.as_str()));
}

fn tell_inputs(inputs: &Inputs) {
    say(&format!("  vms      {} serving, {} on their way", inputs.serving, inputs.warming));
    for reading in &inputs.readings {
        say(&format!("  inputs   {}", describe(reading)));
    }
    for ask in &inputs.asks {
        say(&format!("  asks     {}: {} ({})", ask.metric, ask.to, ask.reason));
    }
    for line in inputs.said() {
        say(&format!("  {line}"));
    }
}

/// All of them in a line, in their order, then what changed the count.
fn tell_limits(decision: &Decision) {
    let words = decision.limits.iter().map(|limit| match limit.outcome {
        LimitOutcome::Changed => format!("{} {} -> {}", limit.name, limit.from, limit.to),
        LimitOutcome::Passed | LimitOutcome::NotApplicable => {
            format!("{} {}", limit.name, limit.outcome.as_str())
        }
    });
    let words: Vec<String> = words.collect();
    if !words.is_empty() {
        say(&format!("  limits   {}", words.join(" | ")));
    }
    for limit in decision.limits.iter().filter(|limit| limit.outcome == LimitOutcome::Changed) {
        say(&format!("           {}: {}", limit.name, limit.detail));
    }
}

/// What came of it, where there was anything to come.
fn after(decision: &Decision, after: &Aftermath) -> Option<String> {
    if decision.is_hold() || !decision.mode.acts() {
        return None;
    }
    let mut parts = vec![match after.served_after_ms {
        Some(ms) => format!("{} serving after {}", decision.to, seconds(ms)),
        None => format!("{} not serving yet, as far as is recorded", decision.to),
    }];
    let expected = after.expected.map(|load| format!("expected {load:.2}"));
    match (after.load, after.load_after_ms, expected) {
        (Some(load), Some(ms), Some(expected)) => {
            parts.push(format!("load {load:.2} after {} ({expected})", seconds(ms)));
        }
        (Some(load), Some(ms), None) => parts.push(format!("load {load:.2} after {}", seconds(ms))),
        (_, _, Some(expected)) => parts.push(format!("the load has not settled ({expected})")),
        (_, _, None) => {}
    }
    if let Some(at) = after.overtaken_at {
        parts.push(format!("overtaken by the next change at {at}"));
    }
    Some(parts.join("; "))
}

fn seconds(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    if ms < 10_000 {
        format!("{:.1} s", ms as f64 / 1000.0)
    } else {
        Span::secs(ms / 1000).to_string()
    }
}

fn describe(reading: &Reading) -> String {
    let Reading { name, fresh, serving, out_above, .. } = reading;
    let band = match (&reading.aim, reading.in_below) {
        (Some(Aim::Target { target, tolerance }), _) => {
            format!("target {target:.2} within {:.0} %", tolerance * 100.0)
        }
        (_, Some(below)) => format!("thresholds {below:.2} and {out_above:.2}"),
        (_, None) => format!("threshold {out_above:.2}"),
    };
    if let Some(fault) = &reading.fault {
        return format!("{name} unknown: {fault}, {band}");
    }
    let age = reading.oldest_sample_s.unwrap_or(0.0);
    match (reading.value, reading.min, reading.max) {
        (Some(value), None, _) => {
            format!("{name} {value:.2} as a whole, asked {age:.1} s ago, {band}")
        }
        (Some(value), Some(min), Some(max)) => {
            let aggregate = reading.aggregate.as_str();
            let p90 = reading.p90.map_or_else(String::new, |p90| format!("p90 {p90:.2}, "));
            let hottest = reading.hottest.as_ref().map_or_else(String::new, |vm| format!(" {vm}"));
            format!(
                "{name} {aggregate} {value:.2} over {fresh} of {serving} VMs \
                 (min {min:.2}, {p90}max {max:.2}{hottest}), oldest sample {age:.1} s, {band}"
            )
        }
        _ => format!("{name} unknown: no fresh sample of {serving} VMs, {band}"),
    }
}
