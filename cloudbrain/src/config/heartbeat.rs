//! The heartbeats: who is told regularly that the monitor lives, and by which way out.

#[cfg(test)]
mod tests;

use std::path::Path;

use drivers::channel::ping::Ping;
use drivers::channel::{ChannelSpec, Ground, Text, Trust};
use jiff::civil;
use model::clock::{FixedClock, SharedClock};
use model::id::{ChannelId, PersonId};
use model::time::Time;
use model::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw::RawConfig;
use super::schedules::clock;
use super::secret::Secret;
use super::yaml::Document;
use super::{Reader, unknown};

/// More often would be a load for whoever is pinged.
const SHORTEST: Span = Span::secs(1);

/// Who is told regularly that the monitor lives. Whoever misses it knows that it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawHeartbeat {
    /// A service that waits for pings: healthchecks.io, Uptime Kuma, Dead Man's Snitch.
    Ping(RawPing),
    /// A person, once a day, on a channel.
    Message(RawAliveMessage),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPing {
    pub name: String,
    /// Asked for while the monitor really works.
    pub url: Text,
    /// Asked for when it runs and does not work; nothing is, if left out.
    pub fail_url: Option<Text>,
    #[serde(default = "minute")]
    pub every: Span,
    #[serde(default)]
    pub method: Method,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    #[default]
    Get,
    /// With JSON that says how it is: `{"state": "alive"}`.
    Post,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAliveMessage {
    pub channel: String,
    pub to: PersonId,
    /// The local time, in the zone of the pages: `09:00`.
    pub at: String,
}

impl RawHeartbeat {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Self::Ping(ping) => ping.name.clone(),
            Self::Message(message) => format!("{}-{}", message.channel, message.to),
        }
    }
}

impl RawAliveMessage {
    /// None if that is no time of the day; the check has refused it.
    pub fn time(&self) -> Option<civil::Time> {
        clock(&self.at).ok()
    }
}

impl Reader {
    /// The heartbeats with their secrets, relative to the main file.
    pub(super) fn heartbeats(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> Vec<RawHeartbeat> {
        let mut heartbeats = raw.heartbeat.clone();
        for (index, heartbeat) in heartbeats.iter_mut().enumerate() {
            let name = heartbeat.name();
            let at = format!("heartbeat.{index}");
            if raw.heartbeat[..index].iter().any(|other| other.name() == name) {
                let message = format!("a second heartbeat {name}; rename or delete one");
                self.find(document, at.clone(), message);
            }
            if let Err(error) = ChannelId::parse(&format!("heartbeat-{name}")) {
                self.find(document, at.clone(), error.to_string());
            }
            match heartbeat {
                RawHeartbeat::Ping(ping) => {
                    self.check_ping(document, &format!("{at}.ping"), ping, folder);
                }
                RawHeartbeat::Message(message) => {
                    self.check_alive_message(document, raw, &format!("{at}.message"), message);
                }
            }
        }
        heartbeats
    }

    fn check_ping(&mut self, document: &Document, at: &str, ping: &mut RawPing, folder: &Path) {
        let fixed = SharedClock::new(FixedClock(Time::default()));
        let (data, trust) = (folder.to_owned(), Trust::only(Vec::new()));
        let ground = Ground::new(String::new(), data, folder.to_owned(), fixed, trust);
        let texts = [("url", Some(&mut ping.url)), ("fail_url", ping.fail_url.as_mut())];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            match Secret::resolve(text.written(), folder) {
                Ok(secret) => text.fill(secret.reveal().to_owned()),
                Err(message) => {
                    self.find(document, format!("{at}.{field}"), message);
                    continue;
                }
            }
            if let Err(problem) = Ping::new(field, text, false, &ground) {
                self.find(document, format!("{at}.{field}"), problem.message);
            }
        }
        if ping.every < SHORTEST {
            self.find(document, format!("{at}.every"), "write at least 1s; 60s is usual");
        }
    }

    fn check_alive_message(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        at: &str,
        message: &RawAliveMessage,
    ) {
        let channels: Vec<&str> = raw.channels.iter().map(ChannelSpec::name).collect();
        let channel = raw.channels.iter().find(|channel| channel.name() == message.channel);
        let person = raw.people.get(&message.to);
        match (channel, person) {
            (None, _) => {
                let what = unknown("channel", &message.channel, &channels);
                self.find(document, format!("{at}.channel"), what);
            }
            (Some(channel), _) if channel.word() == "pagerduty" => {
                let what = "PagerDuty would wake somebody every day; name another channel";
                self.find(document, format!("{at}.channel"), what);
            }
            (_, None) => {
                let people: Vec<&str> = raw.people.keys().map(PersonId::as_str).collect();
                let what = unknown("person", message.to.as_str(), &people);
                self.find(document, format!("{at}.to"), what);
            }
            (Some(channel), Some(person)) => {
                let address = person.addresses.get(&message.channel).map(String::as_str);
                if let Err(why) = channel.reaches(address) {
                    let what = format!("{} does not lead there: {why}", message.channel);
                    self.find(document, format!("{at}.to"), what);
                }
            }
        }
        if let Err(what) = clock(&message.at) {
            self.find(document, format!("{at}.at"), what);
        }
    }
}

fn minute() -> Span {
    Span::secs(60)
}
