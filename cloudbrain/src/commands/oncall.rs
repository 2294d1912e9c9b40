//! `oncall`: who is on duty, and who stands in for whom.
//!
//! The running brain knows the stand-ins that were said to it. Where none runs, the files alone
//! answer, and the answer says so.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;
use model::time::Time;
use serde_json::Value;

use super::ask::{brain_of, moment};
use super::http::{get_json, post_json};
use super::{Found, say, say_error};
use crate::api::oncall::OncallView;
use crate::brain::core::StandIn;
use crate::brain::duty::Said;
use crate::cli::{OncallArgs, OncallCommand, Output, OverrideArgs};
use crate::oncall::{LOOK_BACK, Roster, Shift, Why, local, roster};
use crate::{clock, config};

pub(super) async fn oncall(args: OncallArgs) -> anyhow::Result<Found> {
    if let Some(OncallCommand::Override(args)) = args.command {
        return stand_in(args).await;
    }
    let at = args.at.as_deref().map(moment).transpose()?;
    let asked = ask(&args, at).await;
    let view = match asked {
        Ok(view) => view,
        Err(error) if args.ask.brain.is_some() => return Err(error),
        Err(_) => {
            let view = of_files(&args, at)?;
            say_error("no brain answers: this is what the files say, without what was said since");
            view
        }
    };
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&view)?),
        Output::Text if view.schedules.is_empty() => {
            say("no schedule is written; docs/oncall.md says how");
        }
        Output::Text => view.schedules.iter().for_each(|roster| tell(roster, view.at)),
    }
    Ok(Found::Nothing)
}

async fn ask(args: &OncallArgs, at: Option<Time>) -> anyhow::Result<OncallView> {
    let at = at.map_or_else(String::new, |at| format!("&at={}", at.millis()));
    get_json(brain_of(&args.ask)?, &format!("/api/oncall?days={}{at}", args.days)).await
}

fn of_files(args: &OncallArgs, at: Option<Time>) -> anyhow::Result<OncallView> {
    let path = &args.ask.config.config;
    let loaded = config::load(path);
    let Some(config) = loaded.config else {
        loaded.problems.iter().for_each(|problem| say_error(&problem.to_string()));
        bail!("{} is refused, and no brain answers", path.display());
    };
    let at = at.unwrap_or_else(|| clock::real().now());
    let ahead = Duration::from_secs(u64::from(args.days) * 86_400);
    let schedules = config.schedules.iter();
    let schedules = schedules.map(|(name, s)| roster(name, s, &s.overrides, at, ahead));
    Ok(OncallView { at, schedules: schedules.collect(), overrides: Vec::new() })
}

fn tell(roster: &Roster, at: Time) {
    let zone = TimeZone::get(&roster.zone).unwrap_or(TimeZone::UTC);
    say(&format!("{} ({})", roster.schedule, roster.zone));
    let count = roster.shifts.len();
    for (index, shift) in roster.shifts.iter().enumerate() {
        let is_last = index + 1 == count;
        say(&format!("  {}", line(&zone, shift, at, is_last)));
    }
}

/// `2026-11-23 09:00 Mon  bob`, or since and until when for whoever is on duty now.
fn line(zone: &TimeZone, shift: &Shift, at: Time, is_last: bool) -> String {
    let (from, until) = (local(zone, shift.from), local(zone, shift.until));
    let who = who(shift);
    if shift.from > at {
        return format!("{from}  {who}");
    }
    let is_cut = at.since(shift.from) >= LOOK_BACK;
    let since = if is_cut { String::new() } else { format!(" since {from}") };
    let until = if is_last { format!(", beyond {until}") } else { format!(", until {until}") };
    format!("{:<20}  {who}{since}{until}", "now")
}

fn who(shift: &Shift) -> String {
    let person = shift.person.as_ref().map_or("nobody", |person| person.as_str());
    match shift.why {
        Why::Rotation => person.to_owned(),
        Why::Override => format!("{person} (stands in)"),
        Why::Otherwise => format!("{person} (nobody else is)"),
        Why::Gap => format!("{person}: operations are told instead"),
    }
}

async fn stand_in(args: OverrideArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let OverrideArgs { schedule, person, from, until, by, .. } = args;
    let word = StandIn { schedule, person, from, until, by };
    let answer: Value = post_json(brain, "/api/oncall/overrides", &word).await?;
    if args.ask.output.output == Output::Json {
        say(&answer.to_string());
        return Ok(Found::Nothing);
    }
    let said: Said = serde_json::from_value(answer).context("reading what the brain answered")?;
    let zone = zone_of(brain, &said).await?;
    let (from, until) = (local(&zone, said.word.from), local(&zone, said.word.until));
    let (person, schedule) = (&said.word.person, &said.schedule);
    say(&format!("{person} stands in for {schedule} from {from} until {until}"));
    Ok(Found::Nothing)
}

/// The zone of the schedule, in which people think of it.
async fn zone_of(brain: SocketAddr, said: &Said) -> anyhow::Result<TimeZone> {
    let view: OncallView = get_json(brain, "/api/oncall?days=1").await?;
    let roster = view.schedules.iter().find(|roster| roster.schedule == said.schedule);
    let zone = roster.and_then(|roster| TimeZone::get(&roster.zone).ok());
    Ok(zone.unwrap_or(TimeZone::UTC))
}
