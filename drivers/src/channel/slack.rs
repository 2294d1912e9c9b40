//! A Slack channel: by an incoming webhook, or, with a token, by `chat.postMessage`, which gives
//! the messages of an incident one thread.
//!
//! The webhook answers `ok` or a word; the API answers 200 to everything, and `ok: false` with a
//! word. Neither can tell that it got a message before.

use std::sync::Arc;
use std::time::Duration;

use alerter::hands::{Channel, ChannelError, Pace, Parcel};
use alerter::message::Message;
use model::signal::Severity;
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Kind;
use super::http::{Answer, Call, Endpoint, said};
use super::service::{Posted, Service, endpoint, read};
use super::settings::{self, Ground, PerMinute, Problem, Text};
use super::text::{self, Sheet};

/// Longer texts are cut off by Slack, in the middle of a word.
const SHEET: Sheet =
    Sheet { max: 4_000, measure: text::chars, render: text::escape, newline: "\n" };
/// One in a second is taken, and now and then some more.
const PACE: Pace = Pace { burst: 3, per: Duration::from_secs(3) };

/// A Slack channel: `url` of an incoming webhook, or `token` and `to`. The address of a person is a
/// member id (`U...`), which is mentioned; with a token and without `to` it is written to directly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    pub name: String,
    /// Of an incoming webhook: `https://hooks.slack.com/services/${env:NAME}`.
    pub url: Option<Text>,
    /// Of a bot with the right `chat:write`.
    pub token: Option<Text>,
    /// The id of the channel that the bot writes to.
    pub to: Option<String>,
    /// Where the API answers.
    #[serde(default = "api")]
    pub api: String,
    /// Messages in any one minute, at most; one in a second if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Debug)]
struct Hook {
    to: Endpoint,
}

#[derive(Debug)]
struct Bot {
    api: Endpoint,
    token: Text,
    to: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    error: String,
    ts: Option<String>,
}

impl Kind for SlackSettings {
    fn word(&self) -> &'static str {
        "slack"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        let url = self.url.as_mut().map(|url| ("url", url));
        url.into_iter().chain(self.token.as_mut().map(|token| ("token", token))).collect()
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let pace = self.per_minute.map_or(PACE, |most| settings::pace(Some(most), 0));
        let (name, pace) = (&self.name, Some(pace));
        match (&self.url, &self.token) {
            (Some(url), None) => {
                let to = endpoint("url", url)?;
                let secrets = to.secrets();
                Ok(Arc::new(Posted::new(name, Hook { to }, pace, secrets, ground)))
            }
            (None, Some(token)) => {
                token.must_be_reference("token")?;
                let api =
                    Text::from(format!("{}/chat.postMessage", self.api.trim_end_matches('/')));
                let (api, secrets) = (endpoint("api", &api)?, vec![token.value().to_owned()]);
                let bot = Bot { api, token: token.clone(), to: self.to.clone() };
                Ok(Arc::new(Posted::new(name, bot, pace, secrets, ground)))
            }
            _ => Err(Problem::new("url", "write either url or token")),
        }
    }

    fn reaches(&self, address: Option<&str>) -> Result<(), String> {
        let is_nowhere = self.token.is_some() && self.to.is_none() && address.is_none();
        if is_nowhere {
            Err("a bot without `to` needs a member id as address".to_owned())
        } else {
            Ok(())
        }
    }
}

impl Service for Hook {
    const KNOWS_REPEATS: bool = false;

    fn call(&self, parcel: &Parcel<'_>, _now: Time) -> Result<Call, ChannelError> {
        let (body, taken) = body(parcel, parcel.address);
        Ok(Call::of(&self.to, &body, taken))
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        match answer.is_success() {
            true if answer.body.trim_ascii() == b"ok" => Ok(None),
            true => Err(ChannelError::Refused(answer.words())),
            false => Err(answer.failure()),
        }
    }
}

impl Service for Bot {
    const KNOWS_REPEATS: bool = false;

    fn call(&self, parcel: &Parcel<'_>, _now: Time) -> Result<Call, ChannelError> {
        let mention = parcel.address.filter(|_| self.to.is_some());
        let (mut body, taken) = body(parcel, mention);
        let to = self.to.as_deref().or(parcel.address);
        let to = to.ok_or_else(|| ChannelError::Refused("nobody to write to".to_owned()))?;
        body["channel"] = json!(to);
        // A digest is of several incidents and belongs to no thread.
        if let (Some(thread), [_]) = (parcel.thread, parcel.messages) {
            body["thread_ts"] = json!(thread);
            body["reply_broadcast"] = json!(true);
        }
        let headers = vec![("authorization", format!("Bearer {}", self.token.value()))];
        Ok(Call { headers, ..Call::of(&self.api, &body, taken) })
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        if !answer.is_success() {
            return Err(answer.failure());
        }
        let Said { ok, error, ts } = read(answer)?;
        let detail = said(&error);
        match (ok, error.as_str()) {
            (true, _) => Ok(ts),
            (
                false,
                "ratelimited"
                | "rate_limited"
                | "internal_error"
                | "fatal_error"
                | "service_unavailable"
                | "request_timeout",
            ) => Err(ChannelError::Retry { detail, after: answer.after }),
            (false, _) => Err(ChannelError::Refused(detail)),
        }
    }
}

/// The first line stands in the notification, the rest behind a bar whose colour says how bad it is.
fn body(parcel: &Parcel<'_>, mention: Option<&str>) -> (Value, usize) {
    let mention = mention.map(|member| format!(" <@{member}>")).unwrap_or_default();
    let written = SHEET.less(text::chars(&mention)).write(parcel);
    let (first, rest) = written.lines.split_first().expect("there is a first line");
    let mut body = json!({
        "text": format!("{first}{mention}"), "mrkdwn": false,
        "unfurl_links": false, "unfurl_media": false,
    });
    if !rest.is_empty() {
        let colour = colour(&parcel.messages[..written.taken]);
        let rest = rest.join(SHEET.newline);
        body["attachments"] =
            json!([{"color": colour, "text": rest, "fallback": "", "mrkdwn_in": []}]);
    }
    (body, written.taken)
}

/// That of the worst that is told.
fn colour(messages: &[Message]) -> &'static str {
    match text::worst_open(messages) {
        None => "#2e7d32",
        Some(Severity::High | Severity::Disaster) => "#c62828",
        Some(Severity::Info | Severity::Warning | Severity::Average) => "#ef6c00",
    }
}

fn api() -> String {
    "https://slack.com/api".to_owned()
}
