//! `rules` and `incidents`, and who asks for them how: what the running brain knows, for a person at
//! three in the morning, or for a program.

use std::net::SocketAddr;

use anyhow::Context as _;
use model::id::Object;
use model::time::Time;
use serde_json::Value;

use super::http::{get_json, post_json};
use super::{Found, say};
use crate::api::rules::RuleView;
use crate::brain::core::{Acknowledgement, RecoveryWord};
use crate::cli::{AckArgs, AskArgs, Output, RecoverArgs};
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

/// Begins a recovery, or ends it.
pub(super) async fn recover(args: RecoverArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let word = RecoveryWord { by: args.by, done: args.done };
    let answer: Option<String> = post_json(brain, "/api/recovery", &word).await?;
    match (args.ask.output.output, answer) {
        (Output::Json, answer) => say(&serde_json::to_string(&answer)?),
        (Output::Text, Some(why)) => say(&why),
        (Output::Text, None) => say("the recovery has ended: the scaler acts again"),
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
