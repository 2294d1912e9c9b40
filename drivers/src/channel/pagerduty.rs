//! PagerDuty's Events API v2: a problem triggers an alert, the end resolves it.
//!
//! `dedup_key` is the fleet and the incident, so whatever is sent again, also after a crash, adds
//! to the same alert and wakes nobody twice. What is acknowledged here is acknowledged there, so that
//! it wakes nobody else. PagerDuty groups and escalates by itself: no digests
//! are made, and what is too much waits.

use std::sync::Arc;

use alerter::hands::{Channel, ChannelError, Parcel};
use alerter::message::{Message, MessageKind};
use model::id::IncidentId;
use model::signal::Severity;
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Kind;
use super::http::{Answer, Call, Endpoint};
use super::service::{Posted, Service, endpoint, read};
use super::settings::{Ground, PerMinute, Problem, Text, pace};
use super::text;

/// The longest summary, in characters.
const MAX_SUMMARY_CHARS: usize = 1_024;
const PER_MINUTE: u32 = 100;

/// PagerDuty's Events API v2. Persons need no address: the service behind the key knows whom to wake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagerdutySettings {
    pub name: String,
    /// The integration key of the service.
    pub routing_key: Text,
    #[serde(default = "url")]
    pub url: String,
    /// Events in any one minute, at most; 100 if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Debug)]
struct Pagerduty {
    to: Endpoint,
    routing_key: Text,
    fleet: String,
}

#[derive(Deserialize)]
struct Said {
    status: String,
}

impl Kind for PagerdutySettings {
    fn word(&self) -> &'static str {
        "pagerduty"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        vec![("routing_key", &mut self.routing_key)]
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        self.routing_key.must_be_reference("routing_key")?;
        let to = endpoint("url", &Text::from(self.url.clone()))?;
        let secrets = vec![self.routing_key.value().to_owned()];
        let (routing_key, fleet) = (self.routing_key.clone(), ground.fleet.clone());
        let service = Pagerduty { to, routing_key, fleet };
        let pace = Some(pace(self.per_minute, PER_MINUTE));
        Ok(Arc::new(Posted::new(&self.name, service, pace, secrets, ground)))
    }
}

impl Service for Pagerduty {
    const KNOWS_REPEATS: bool = true;

    fn call(&self, parcel: &Parcel<'_>, _now: Time) -> Result<Call, ChannelError> {
        Ok(Call::of(&self.to, &self.event(&parcel.messages[0]), 1))
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        if !answer.is_success() {
            return Err(answer.failure());
        }
        let Said { status } = read(answer)?;
        if status == "success" { Ok(None) } else { Err(ChannelError::Refused(answer.words())) }
    }

    fn acknowledgement(&self, incident: &IncidentId) -> Option<Call> {
        let body = self.bare("acknowledge", incident).to_string();
        Some(Call { to: self.to.clone(), headers: Vec::new(), body, taken: 0, thread: None })
    }
}

impl Pagerduty {
    /// What all events of an incident have.
    fn bare(&self, action: &str, incident: &IncidentId) -> Value {
        json!({
            "routing_key": self.routing_key.value(),
            "event_action": action,
            "dedup_key": format!("{}/{incident}", self.fleet),
            "client": "cloudbrain",
        })
    }

    fn event(&self, message: &Message) -> Value {
        let mut event = self.bare(action(message.kind), &message.incident);
        if message.kind != MessageKind::Resolved {
            let line = text::plain(text::first_line(message));
            let fits = |line: &str| text::chars(line) <= MAX_SUMMARY_CHARS;
            event["payload"] = json!({
                "summary": text::shorten(&line, message.lang, fits),
                "source": message.root,
                "severity": severity(message.severity),
                "timestamp": message.at.to_string(),
                "component": message.root.name(),
                "group": message.businesses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                "class": message.root.kind(),
                "custom_details": {"text": message.text, "to": message.to},
            });
        }
        event
    }
}

fn action(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Problem | MessageKind::Update => "trigger",
        MessageKind::Resolved => "resolve",
    }
}

/// Theirs has four steps.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Disaster => "critical",
        Severity::High => "error",
        Severity::Average | Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn url() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}
