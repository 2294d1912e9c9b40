//! `channels test`: sends one message by hand, so that a channel is known to work before it is
//! needed.
//!
//! It reads the files itself and needs no running brain; nothing is recorded.

use alerter::hands::{ChannelError, Parcel};
use alerter::message::{Message, MessageKind, RootState, View};
use anyhow::{Context as _, bail};
use model::id::{ChannelId, IncidentId, Object};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use serde_json::json;

use super::{Found, say, say_error};
use crate::brain::start;
use crate::cli::{ChannelTestArgs, Output};
use crate::clock;
use crate::config::{self, Config};

pub(super) async fn test(args: ChannelTestArgs) -> anyhow::Result<Found> {
    let loaded = config::load(&args.config.config);
    let Some(config) = loaded.config else {
        loaded.problems.iter().for_each(|problem| say_error(&problem.to_string()));
        bail!("{} is refused", args.config.config.display());
    };
    let clock = clock::real();
    let Some(person) = config.raw.people.get(&args.to) else {
        bail!("nobody is called {} in {}", args.to, args.config.config.display());
    };
    let channels = start::channels(&config, &clock)?;
    let Some(channel) = channels.get(&args.name) else {
        let known: Vec<&str> = channels.keys().map(String::as_str).collect();
        bail!("no channel {:?}; known are {}", args.name, known.join(", "));
    };
    let message = message(&config, &args, person.language, clock.now())?;
    let address = person.addresses.get(&args.name).map(String::as_str);
    let parcel = Parcel { messages: &[message], address, thread: None };
    let (word, detail, found) = match channel.deliver(parcel).await {
        Ok(receipt) => match receipt.complaint {
            None => ("delivered", String::new(), Found::Nothing),
            Some(complaint) => ("delivered in part", complaint, Found::Differences),
        },
        Err(ChannelError::Unclear(why)) => ("perhaps delivered", why, Found::Differences),
        Err(ChannelError::Retry { detail, .. }) => ("not delivered", detail, Found::Errors),
        Err(ChannelError::Refused(why)) => ("refused", why, Found::Errors),
    };
    let (name, to) = (&args.name, &args.to);
    match args.output.output {
        Output::Json => {
            say(&json!({"channel": name, "to": to, "outcome": word, "detail": detail}).to_string())
        }
        Output::Text if detail.is_empty() => say(&format!("{name} to {to}: {word}")),
        Output::Text => say(&format!("{name} to {to}: {word}: {detail}")),
    }
    Ok(found)
}

/// Says of itself that it is a test. On PagerDuty it opens an alert that somebody must resolve.
fn message(
    config: &Config,
    args: &ChannelTestArgs,
    lang: Lang,
    at: Time,
) -> anyhow::Result<Message> {
    let id = format!("test-{}", at.millis());
    let channel = ChannelId::parse(&args.name).context("the name of the channel")?;
    let (name, fleet) = (&args.name, &config.raw.fleet);
    Ok(Message {
        key: format!("{id}-{}-1", args.to),
        to: args.to.clone(),
        is_report: false,
        kind: MessageKind::Problem,
        view: View::Operations,
        incident: IncidentId::parse(&id).context("the name of the test")?,
        root: Object::Channel(channel),
        more_roots: Vec::new(),
        state: RootState::Degraded,
        severity: Severity::Info,
        affected: Vec::new(),
        affected_more: 0,
        businesses: Vec::new(),
        lang,
        text: lang.pick(
            format!("Test: channel {name} of {fleet} reaches you\nThere is nothing for you to do."),
            format!("测试：{fleet} 的通知渠道 {name} 可以联系到您\n无需您处理。"),
        ),
        at,
    })
}
