//! `incidents` and `why`: what happened, who was told, and why others were not.

use model::id::IncidentId;
use model::time::Time;
use serde_json::Value;

use super::ask::{brain_of, incidents as list};
use super::http::{get_json, get_text};
use super::{Found, say};
use crate::cli::{IncidentsArgs, IncidentsCommand, Output, ReviewArgs, ShowArgs, WhyArgs};

/// Members and lines that are printed; JSON has them all.
const SHOWN: usize = 40;

pub(super) async fn incidents(args: IncidentsArgs) -> anyhow::Result<Found> {
    match args.one {
        None => list(args.ask).await,
        Some(IncidentsCommand::Show(args)) => show(args).await,
        Some(IncidentsCommand::Review(args)) => review(args).await,
    }
}

async fn show(args: ShowArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let story: Value = get_json(brain, &format!("/api/incidents/{}", args.incident)).await?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&story)?),
        Output::Text => tell_incident(&args.incident, &story),
    }
    Ok(Found::Nothing)
}

async fn review(args: ReviewArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let (id, lang) = (&args.incident, args.lang.pick("en", "zh"));
    let path = match args.ask.output.output {
        Output::Json => format!("/api/incidents/{id}/review?lang={lang}"),
        Output::Text => format!("/incidents/{id}/review.md?lang={lang}"),
    };
    say(get_text(brain, &path).await?.trim_end());
    Ok(Found::Nothing)
}

pub(super) async fn why(args: WhyArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let path = format!("/api/why?object={}", args.object);
    let answer: Value = get_json(brain, &path).await?;
    if args.ask.output.output == Output::Json {
        say(&serde_json::to_string(&answer)?);
        return Ok(Found::Nothing);
    }
    say(&english(&answer["why"]["text"]));
    part(
        "its checks, as they spoke last",
        &list_of(&answer["why"]["words"], |word| english(&word["text"])),
    );
    tell_standing(&answer["incident"]);
    // The newest line last: that is where the eye is.
    let mut lines = list_of(&answer["trail"], |note| {
        let of = note["incident"].as_str().map_or(String::new(), |id| format!("{id}: "));
        format!("{}  {of}{}", at(&note["at"]), english(&note["text"]))
    });
    lines.truncate(SHOWN);
    lines.reverse();
    part("what became of what was heard of it", &lines);
    Ok(Found::Nothing)
}

fn tell_incident(id: &IncidentId, story: &Value) {
    let incident = &story["incident"];
    let word = |key: &str| incident[key].as_str().unwrap_or("?").to_owned();
    let end = match incident["closed"].as_i64() {
        Some(_) => format!("over since {}", at(&incident["closed"])),
        None => "open".to_owned(),
    };
    say(&format!("{id}  {end}  {}  {}", word("severity"), english(&incident["headline"])));
    tell_moments(incident);
    part("why this is the root", &list_of(&incident["reasons"], english));
    let affected = list_of(&incident["affected"], |o| o.as_str().unwrap_or("?").to_owned());
    let count = affected.len();
    let names = affected.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" ");
    if count > 0 {
        part(&format!("affected now: {count}"), &[names]);
    }
    let why = &story["why"];
    let members: Vec<String> = list_of(&why["members"], |member| english(&member["text"]));
    let more = members.len().saturating_sub(SHOWN) as u64 + why["more"].as_u64().unwrap_or(0);
    let members = members.into_iter().take(SHOWN);
    let rest = (more > 0).then(|| format!("… and {more} more"));
    part("by which rule each is part of it", &members.chain(rest).collect::<Vec<_>>());
    tell_standing(why);
    let mut messages = list_of(&story["messages"], message);
    messages.reverse();
    part("messages", &messages);
    tell_trail(story);
}

fn tell_moments(incident: &Value) {
    let moments = [
        ("began", "the first sign was heard"),
        ("opened", "the incident was opened"),
        ("repaired", "nothing suffers any more: well again or replaced"),
        ("closed", "it was over"),
    ];
    for (key, what) in moments {
        if !incident[key].is_null() {
            say(&format!("  {}  {what}", at(&incident[key])));
        }
    }
    if let Some(into) = incident["merged_into"].as_str() {
        say(&format!("  it goes on as a part of {into}: cloudbrain incidents show {into}"));
    }
    let acknowledged = &incident["acknowledged"];
    if let Some(by) = acknowledged["by"].as_str() {
        let text = acknowledged["text"].as_str().unwrap_or_default();
        say(&format!("  {}  acknowledged by {by}: {text}", at(&acknowledged["at"])));
    }
}

/// Who is told, and who is not.
fn tell_standing(why: &Value) {
    let mut people = list_of(&why["people"], |person| {
        let name = person["person"].as_str().unwrap_or("?");
        format!("{name}: {}", english(&person["text"]))
    });
    if !people.is_empty() {
        people.push("everybody else: nothing of theirs suffers".to_owned());
    }
    part("who is told, and why or why not", &people);
}

fn message(message: &Value) -> String {
    let word = |key: &str| message[key].as_str().unwrap_or("?").to_owned();
    let outcome = match message["status"].as_str() {
        Some("delivered") => format!("delivered {}", at(&message["delivered"])),
        Some("waiting") => "not delivered yet".to_owned(),
        Some(other) => other.to_owned(),
        None => "?".to_owned(),
    };
    let error = message["error"].as_str().map_or(String::new(), |error| format!(" ({error})"));
    let (to, kind, channel) = (word("to"), word("kind"), word("channel"));
    let text = word("text");
    let first = text.lines().next().unwrap_or_default();
    let at = at(&message["at"]);
    format!("{at}  {to} by {channel}: {kind}, {outcome}{error}: {first}")
}

fn tell_trail(story: &Value) {
    let notes = list_of(&story["trail"], |note| {
        let of = note["object"].as_str().map_or(String::new(), |object| format!("{object}: "));
        format!("{}  {of}{}", at(&note["at"]), english(&note["text"]))
    });
    let mut lines: Vec<String> = notes.iter().take(SHOWN).cloned().collect();
    if notes.len() > SHOWN {
        let rest = notes.len() - SHOWN;
        lines.push(format!("… and {rest} more lines: -o json has them"));
    }
    let unkept = story["incident"]["unnoted"].as_u64().unwrap_or(0);
    if unkept > 0 {
        lines
            .push(format!("… and {unkept} more comings and goings, which are not kept one by one"));
    }
    part("what happened", &lines);
}

/// A heading with its lines; nothing if there are none.
fn part(heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        say(heading);
        lines.iter().for_each(|line| say(&format!("  {line}")));
    }
}

fn list_of(value: &Value, line: impl Fn(&Value) -> String) -> Vec<String> {
    value.as_array().into_iter().flatten().map(line).collect()
}

fn english(text: &Value) -> String {
    text["en"].as_str().unwrap_or("?").to_owned()
}

fn at(value: &Value) -> String {
    value.as_i64().map_or("?".to_owned(), |millis| Time::from_millis(millis).to_string())
}
