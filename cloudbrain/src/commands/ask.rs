//! `plan`, `explain` and `incidents`: what the running brain knows, for a person at three in the
//! morning, or for a program.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use model::id::{ModuleId, Object};
use model::time::Time;
use scaler::reason::{Decision, Limit, LimitOutcome, Reading};
use serde_json::Value;

use super::http::{get_json, post_json};
use super::{Found, say};
use crate::api::rules::RuleView;
use crate::brain::core::Acknowledgement;
use crate::brain::view::Plan;
use crate::cli::{AckArgs, AskArgs, ExplainArgs, Output, PlanArgs};
use crate::config::raw::RawConfig;
use crate::config::yaml::Document;

pub(super) fn brain_of(args: &AskArgs) -> anyhow::Result<SocketAddr> {
    if let Some(brain) = args.brain {
        return Ok(brain);
    }
    let document = Document::read(&args.config.config);
    let raw = document.and_then(|document| document.parse::<RawConfig>());
    let raw = raw.map_err(|problem| anyhow::anyhow!("{problem}"));
    Ok(raw.context("finding the brain; or say where it is with --brain")?.listen)
}

pub(super) async fn plan(args: PlanArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let mut plan: Plan = get_json(brain, "/api/plan").await?;
    if let Some(module) = &args.module {
        plan.modules.retain(|row| row.decision.module == *module);
        if plan.modules.is_empty() {
            bail!("no policy scales {module}");
        }
    }
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&plan)?),
        Output::Text => tell_plan(&plan),
    }
    let quiet = plan.modules.iter().all(|row| row.decision.is_hold() && row.moving == 0);
    Ok(if quiet { Found::Nothing } else { Found::Differences })
}

fn tell_plan(plan: &Plan) {
    for row in &plan.modules {
        let decision = &row.decision;
        say(&format!(
            "{:<16} serving {}  on their way {}  wanted {} -> {}  bounds {}..{}  mode {}",
            decision.module,
            decision.inputs.serving,
            decision.inputs.warming,
            decision.from,
            decision.to,
            row.min,
            row.max,
            decision.mode.as_str(),
        ));
        say(&format!("    why      {}", decision.reason));
        for limit in changes(decision) {
            say(&format!(
                "    limit    {} {} -> {}: {}",
                limit.name, limit.from, limit.to, limit.detail
            ));
        }
        for line in &row.moves {
            say(&format!("    moving   {line}"));
        }
    }
    for pool in &plan.pools {
        say(&format!("pool {:<11} {pool}", pool.flavor));
    }
    let (mut add, mut remove) = (0, 0);
    for row in &plan.modules {
        add += row.decision.to.saturating_sub(row.decision.from);
        remove += row.decision.from.saturating_sub(row.decision.to);
    }
    say(&format!("Plan: {add} to add, {remove} to remove."));
}

pub(super) async fn explain(args: ExplainArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let until = match &args.at {
        None => String::new(),
        Some(at) => format!("&until={}", moment(at)?.millis() + 1000),
    };
    let module = &args.module;
    let path = format!("/api/decisions?module={module}&limit=1{until}");
    let found: Vec<Decision> = get_json(brain, &path).await?;
    let Some(decision) = found.first() else {
        bail!("no decision about {module} is recorded{}", known_modules(brain, module).await);
    };
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(decision)?),
        Output::Text => tell_decision(decision),
    }
    Ok(Found::Nothing)
}

/// Names the modules there are, if the one that was asked for is not among them.
async fn known_modules(brain: SocketAddr, asked: &ModuleId) -> String {
    let Ok(plan) = get_json::<Plan>(brain, "/api/plan").await else { return String::new() };
    let names: Vec<String> =
        plan.modules.iter().map(|row| row.decision.module.to_string()).collect();
    if names.contains(&asked.to_string()) {
        return " up to then".to_owned();
    }
    format!("; policies scale {}", names.join(", "))
}

fn tell_decision(decision: &Decision) {
    let mode = decision.mode.as_str();
    say(&format!("{}  decision {}  {}  mode {mode}", decision.module, decision.id, decision.at));
    let inputs = &decision.inputs;
    say(&format!("  vms      {} serving, {} on their way", inputs.serving, inputs.warming));
    for reading in &inputs.readings {
        say(&format!("  inputs   {}", describe(reading)));
    }
    for limit in changes(decision) {
        say(&format!("  limit    {} {} -> {}: {}", limit.name, limit.from, limit.to, limit.detail));
    }
    let what = if decision.is_hold() { "stays" } else { "changes" };
    say(&format!("  result   {} -> {}: {what}", decision.from, decision.to));
    say(&format!("  why      {}", decision.reason));
}

/// The limits that changed the count.
fn changes(decision: &Decision) -> impl Iterator<Item = &Limit> {
    decision.limits.iter().filter(|limit| limit.outcome == LimitOutcome::Changed)
}

fn describe(reading: &Reading) -> String {
    let Reading { name, fresh, serving, out_above, .. } = reading;
    let band = match reading.in_below {
        Some(below) => format!("thresholds {below:.2} and {out_above:.2}"),
        None => format!("threshold {out_above:.2}"),
    };
    if let Some(fault) = &reading.fault {
        return format!("{name} unknown: {fault}, {band}");
    }
    match (reading.value, reading.min, reading.max) {
        (Some(value), Some(min), Some(max)) => {
            let aggregate = reading.aggregate.as_str();
            let age = reading.oldest_sample_s.unwrap_or(0.0);
            format!(
                "{name} {aggregate} {value:.2} over {fresh} of {serving} VMs (min {min:.2}, max {max:.2}), \
                 oldest sample {age:.1} s, {band}"
            )
        }
        _ => format!("{name} unknown: no fresh sample of {serving} VMs, {band}"),
    }
}

/// Those that fire first, then those that may be quiet for the wrong reason. Rules about what this
/// fleet does not have are many, and one line.
pub(super) async fn rules(args: AskArgs) -> anyhow::Result<Found> {
    let rules: Vec<RuleView> = get_json(brain_of(&args)?, "/api/rules").await?;
    if args.output.output == Output::Json {
        say(&serde_json::to_string(&rules)?);
        return Ok(Found::Nothing);
    }
    let (idle, mut rules): (Vec<_>, Vec<_>) = rules.into_iter().partition(RuleView::is_idle);
    rules.sort_by_key(|rule| {
        (rule.is_off, rule.firing.is_empty(), rule.silent.is_empty(), rule.doubts.is_empty())
    });
    rules.iter().for_each(tell_rule);
    if !idle.is_empty() {
        let names: Vec<String> = idle.iter().map(|rule| rule.name.to_string()).collect();
        say(&format!("{} more find no series here: {}", idle.len(), names.join(", ")));
    }
    Ok(Found::Nothing)
}

fn tell_rule(rule: &RuleView) {
    let severity = format!("{:?}", rule.severity).to_lowercase();
    let seen = match (rule.evaluated, rule.series) {
        _ if rule.is_off => format!("switched off in {}", rule.file),
        (None, _) => "not evaluated yet".to_owned(),
        (Some(at), None) => format!("failed at {at}"),
        (Some(at), Some(series)) => format!("{series} series at {at}"),
    };
    say(&format!("{:<34} {severity:<9} {seen}", rule.name.to_string()));
    for (what, objects) in [("firing", &rule.firing), ("no data", &rule.silent)] {
        if !objects.is_empty() {
            say(&format!("    {what:<8} {}", some(objects)));
        }
    }
    rule.doubts.iter().for_each(|doubt| say(&format!("    doubt    {doubt}")));
}

/// The first of them by name, and how many more there are.
fn some(objects: &[Object]) -> String {
    const SHOWN: usize = 20;
    let names: Vec<String> = objects.iter().take(SHOWN).map(Object::to_string).collect();
    let rest = objects.len() - names.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", names.join(" "))
}

/// A moment as written: RFC 3339, or a time of today in UTC.
pub(super) fn moment(text: &str) -> anyhow::Result<Time> {
    let now = crate::clock::real().now();
    let today = now.to_string();
    let candidates = [
        text.to_owned(),
        format!("{}T{text}Z", &today[..10.min(today.len())]),
        format!("{}T{text}:00Z", &today[..10.min(today.len())]),
    ];
    let found = candidates.iter().find_map(|text| text.parse::<jiff::Timestamp>().ok());
    let stamp = found
        .with_context(|| format!("{text:?} is no moment; write 2026-03-02T10:00:00Z or 10:00"))?;
    Ok(Time::from_millis(stamp.as_millisecond()))
}

pub(super) async fn incidents(args: AskArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args)?;
    let incidents: Vec<alerter::IncidentSummary> = get_json(brain, "/api/incidents").await?;
    if args.output.output == Output::Json {
        say(&serde_json::to_string(&incidents)?);
        return Ok(Found::Nothing);
    }
    if incidents.is_empty() {
        say("no incident is known");
    }
    for incident in &incidents {
        let end = incident.closed.map_or("open".to_owned(), |at| format!("until {at}"));
        say(&format!("{}  {}  {end}  {}", incident.id, incident.opened, incident.headline.en));
        for silence in &incident.silences {
            let whole = if incident.is_silenced { "silenced" } else { "partly silenced" };
            let (by, until, comment) = (&silence.by, silence.until, &silence.comment);
            say(&format!("    {whole} by {by} until {until}: {comment}"));
        }
        for (by, snooze) in &incident.snoozes {
            say(&format!("    put off by {by} until {}", snooze.until));
        }
        let messages: Value = get_json(brain, &format!("/api/incidents/{}", incident.id)).await?;
        for message in messages["messages"].as_array().into_iter().flatten() {
            let (to, kind) = (&message["to"], &message["kind"]);
            let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
            let first = word(&message["text"]).lines().next().unwrap_or("").to_owned();
            say(&format!("    told {} ({}): {first}", word(to), word(kind)));
        }
    }
    Ok(Found::Nothing)
}

pub(super) async fn acknowledge(args: AckArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let word = Acknowledgement { by: args.by.clone(), text: args.text };
    let path = format!("/api/incidents/{}/acknowledge", args.incident);
    let answer: Value = post_json(brain, &path, &word).await?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&answer)?),
        Output::Text => {
            let headline = answer["incident"]["headline"]["en"].as_str().unwrap_or_default();
            say(&format!("{} is acknowledged by {}: {headline}", args.incident, args.by));
        }
    }
    Ok(Found::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_may_be_written_in_full_or_as_a_time_of_today() {
        let full = moment("2026-03-02T10:00:00Z").unwrap();
        assert_eq!(full.to_string(), "2026-03-02T10:00:00Z");
        assert!(moment("10:00").unwrap().to_string().ends_with("T10:00:00Z"));
        assert!(moment("09:31:15").unwrap().to_string().ends_with("T09:31:15Z"));
        assert!(moment("tomorrow").unwrap_err().to_string().contains("write 2026"));
    }
}
