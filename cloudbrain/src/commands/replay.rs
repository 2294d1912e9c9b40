//! `replay`: what the alerter would tell of a case.

use alerter::message::Message;
use anyhow::Context as _;
use model::id::Object;
use model::time::Time;
use serde_json::{Value, json};

use super::{Found, say};
use crate::cli::{Output, ReplayArgs};
use crate::replay::case::Case;
use crate::replay::play;

pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<Found> {
    let path = &args.case;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let case = Case::parse(&text).with_context(|| path.display().to_string())?;
    let (name, start) = (case.name.clone(), case.start);
    let told = play(case, args.lang);
    match args.output {
        Output::Json => told.iter().for_each(|message| say(&line(message, start).to_string())),
        Output::Text => {
            say(&format!("{name}: {} messages", told.len()));
            told.iter().for_each(|message| say(&read_out(message, start)));
        }
    }
    Ok(Found::Nothing)
}

/// The form that the judge of the correlation cases reads.
fn line(message: &Message, start: Time) -> Value {
    let mut roots = vec![&message.root];
    roots.extend(&message.more_roots);
    let roots: Vec<String> = roots.into_iter().map(Object::to_string).collect();
    json!({
        "t": message.at.since(start).as_secs_f64(),
        "to": message.to,
        "kind": message.kind,
        "incident": message.incident,
        "root": if let [root] = roots.as_slice() { json!(root) } else { json!(roots) },
        "state": message.state,
        "severity": message.severity,
        "affected": message.affected,
        "businesses": message.businesses,
        "text": message.text,
    })
}

fn read_out(message: &Message, start: Time) -> String {
    let (to, incident) = (&message.to, &message.incident);
    let kind = format!("{:?}", message.kind).to_lowercase();
    let after = message.at.since(start).as_secs_f64();
    let text = message.text.replace('\n', "\n  ");
    format!("\n{after:.0} s, to {to}, {kind} of {incident}:\n  {text}")
}
