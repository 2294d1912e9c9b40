//! `silence`, `maintenance` and `snooze`: what people ask of the running brain beside `ack`.

use anyhow::bail;
use dashboards::view::quiet::{SilenceView, WindowView};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::id::Object;
use model::time::Time;
use serde::Serialize;
use serde_json::Value;

use super::ask::brain_of;
use super::http::{delete_json, get_json, post_json};
use super::{Found, say};
use crate::brain::acts::{SilenceWish, SnoozeWish, WindowWish};
use crate::cli::{
    AskArgs, EndArgs, ExpireArgs, MaintenanceCommand, Output, SilenceAddArgs, SilenceCommand,
    SnoozeArgs, StartArgs,
};

pub(super) async fn silence(command: SilenceCommand) -> anyhow::Result<Found> {
    match command {
        SilenceCommand::Add(args) => add(args).await,
        SilenceCommand::List(args) => silences(args).await,
        SilenceCommand::Expire(args) => expire(args).await,
    }
}

pub(super) async fn maintenance(command: MaintenanceCommand) -> anyhow::Result<Found> {
    match command {
        MaintenanceCommand::Start(args) => start(args).await,
        MaintenanceCommand::End(args) => end(args).await,
        MaintenanceCommand::List(args) => windows(args).await,
    }
}

pub(super) async fn snooze(args: SnoozeArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let wish = SnoozeWish { by: args.by.clone(), lasting: args.end.lasting, until: args.end.until };
    let path = format!("/api/incidents/{}/snooze", args.incident);
    let answer: Value = post_json(brain, &path, &wish).await?;
    let incident = &answer["incident"];
    let until = incident["snoozes"][args.by.as_str()]["until"].as_i64();
    let until = until.map_or_else(String::new, |until| Time::from_millis(until).to_string());
    let headline = incident["headline"]["en"].as_str().unwrap_or_default();
    let (id, by) = (&args.incident, &args.by);
    tell(&args.ask, &answer, || format!("{by} has put {id} off until {until}: {headline}"))
}

async fn add(args: SilenceAddArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    if args.on.is_none() && args.matchers.is_empty() {
        bail!("say what to silence: an object such as host/h1, or --label vm=web-01");
    }
    let wish = SilenceWish {
        on: args.on,
        check: args.check,
        matchers: args.matchers,
        by: args.by,
        comment: args.comment,
        lasting: args.end.lasting,
        until: args.end.until,
        foreign: None,
    };
    let added: SilenceView = post_json(brain, "/api/silences", &wish).await?;
    tell(&args.ask, &added, || {
        let SilenceView { id, covers, until, .. } = &added;
        format!(
            "{id} silences {covers} until {until}; end it with: cloudbrain silence expire {id} --by PERSON"
        )
    })
}

async fn silences(args: AskArgs) -> anyhow::Result<Found> {
    let silences: Vec<SilenceView> = get_json(brain_of(&args)?, "/api/silences").await?;
    if args.output.output == Output::Json {
        say(&serde_json::to_string(&silences)?);
        return Ok(Found::Nothing);
    }
    if silences.is_empty() {
        say("nothing is silenced");
    }
    for SilenceView { id, covers, from, until, by, comment, is_running, incidents } in &silences {
        let begins = if *is_running { String::new() } else { format!("from {from} ") };
        say(&format!("{id:<5} {covers}  {begins}until {until}  by {by}: {comment}"));
        if !incidents.is_empty() {
            let names: Vec<&str> = incidents.iter().map(|id| id.as_str()).collect();
            say(&format!("      keeps quiet: {}", names.join(", ")));
        }
    }
    Ok(Found::Nothing)
}

async fn expire(args: ExpireArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let path = format!("/api/silences/{}?by={}", args.silence, args.by);
    let ended: SilenceView = delete_json(brain, &path).await?;
    tell(&args.ask, &ended, || {
        format!("{} of {} is over; what is still wrong is told now", ended.id, ended.covers)
    })
}

async fn start(args: StartArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let wish = WindowWish {
        on: args.on,
        by: args.by,
        comment: args.comment,
        lasting: args.end.lasting,
        until: args.end.until,
    };
    let opened: WindowView = post_json(brain, "/api/maintenance", &wish).await?;
    tell(&args.ask, &opened, || {
        let (id, on) = (&opened.id, names(&opened.on));
        let until = opened.open_until.map_or_else(String::new, |until| until.to_string());
        format!(
            "{id} is open on {on} until {until}; end it with: cloudbrain maintenance end {id} --by PERSON"
        )
    })
}

async fn end(args: EndArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let path = format!("/api/maintenance/{}?by={}", args.window, args.by);
    let ended: WindowView = delete_json(brain, &path).await?;
    tell(&args.ask, &ended, || {
        let (id, on) = (&ended.id, names(&ended.on));
        format!("{id} on {on} is over; what is still wrong is told now")
    })
}

async fn windows(args: AskArgs) -> anyhow::Result<Found> {
    let windows: Vec<WindowView> = get_json(brain_of(&args)?, "/api/maintenance").await?;
    if args.output.output == Output::Json {
        say(&serde_json::to_string(&windows)?);
        return Ok(Found::Nothing);
    }
    if windows.is_empty() {
        say("no maintenance is open or planned");
    }
    windows.iter().for_each(tell_window);
    Ok(Found::Nothing)
}

/// When it is open, on the clocks of its zone.
fn tell_window(window: &WindowView) {
    let by = match (&window.by, &window.file) {
        (Some(by), _) => format!("by {by}"),
        (None, Some(file)) => format!("in {file}"),
        (None, None) => String::new(),
    };
    let cron = window.cron.as_ref().map_or_else(String::new, |cron| format!("  cron {cron}"));
    let comment = &window.comment;
    let comment = if comment.is_empty() { String::new() } else { format!(": {comment}") };
    say(&format!("{}  {}  {by}{cron}{comment}", window.id, names(&window.on)));
    let zone = TimeZone::get(&window.zone).unwrap_or(TimeZone::UTC);
    let name = zone.iana_name().unwrap_or("UTC").to_owned();
    if let Some(until) = window.open_until {
        say(&format!("    open until {}  {name}", clock(until, &zone)));
    }
    for (from, until) in &window.next {
        say(&format!("    next {} to {}  {name}", clock(*from, &zone), clock(*until, &zone)));
    }
    if window.open_until.is_none() && window.next.is_empty() {
        say("    over; it can be taken out of the file");
    }
}

/// `Sat 2026-12-05 02:00`.
fn clock(at: Time, zone: &TimeZone) -> String {
    let stamp = Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    stamp.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
}

fn names(objects: &[Object]) -> String {
    objects.iter().map(Object::to_string).collect::<Vec<_>>().join(", ")
}

/// Prints what came of it, as JSON or in a line.
pub(super) fn tell(
    ask: &AskArgs,
    answer: &impl Serialize,
    line: impl FnOnce() -> String,
) -> anyhow::Result<Found> {
    match ask.output.output {
        Output::Json => say(&serde_json::to_string(answer)?),
        Output::Text => say(&line()),
    }
    Ok(Found::Nothing)
}
