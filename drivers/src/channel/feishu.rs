//! A robot of a Feishu or Lark group.
//!
//! Signed the other way round than DingTalk: key = `<seconds>\n<secret>`, message = nothing; stamp
//! and signature go into the body. The card's text is sent as plain text, so no name can become
//! markup. Feishu answers 200 to everything; `code` says what became of it, and nothing tells it
//! that it got a message before.

use std::sync::Arc;
use std::time::Duration;

use alerter::hands::{Channel, ChannelError, Pace, Parcel};
use alerter::message::Message;
use model::signal::Severity;
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http::{Answer, Call, Endpoint, pause};
use super::robot::{self, Meaning};
use super::service::{Posted, Service, endpoint};
use super::settings::{self, Ground, PerMinute, Problem, Text};
use super::text::{self, Sheet};
use super::{Kind, sign};

/// A body of 20 KB is taken. Line ends cost two bytes in JSON; the frame of the card needs some.
const SHEET: Sheet = Sheet { max: 16_000, measure: in_json, render: text::plain, newline: "\n" };
const MAX_TITLE_CHARS: usize = 150;
/// Five in a second and a hundred in a minute are taken.
const PACE: Pace = Pace { burst: 3, per: Duration::from_secs(2) };
const RATE_PAUSE_S: u64 = 60;

/// A robot of a Feishu or Lark group. The address of a person is an open id or a user id, which is
/// mentioned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeishuSettings {
    pub name: String,
    /// As the group shows it: `https://open.feishu.cn/open-apis/bot/v2/hook/${env:NAME}`.
    pub url: Text,
    /// If the robot is guarded by a signature.
    pub secret: Option<Text>,
    /// Messages in any one minute, at most; 90 if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Debug)]
struct Feishu {
    to: Endpoint,
    secret: Option<Text>,
}

impl Kind for FeishuSettings {
    fn word(&self) -> &'static str {
        "feishu"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        let secret = self.secret.as_mut().map(|secret| ("secret", secret));
        [("url", &mut self.url)].into_iter().chain(secret).collect()
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let to = endpoint("url", &self.url)?;
        self.secret.as_ref().map_or(Ok(()), |secret| secret.must_be_reference("secret"))?;
        let mut secrets = to.secrets();
        secrets.extend(self.secret.iter().map(|secret| secret.value().to_owned()));
        let service = Feishu { to, secret: self.secret.clone() };
        let pace = self.per_minute.map_or(PACE, |most| settings::pace(Some(most), 0));
        Ok(Arc::new(Posted::new(&self.name, service, Some(pace), secrets, ground)))
    }
}

impl Service for Feishu {
    const KNOWS_REPEATS: bool = false;

    fn call(&self, parcel: &Parcel<'_>, now: Time) -> Result<Call, ChannelError> {
        let written = SHEET.write(parcel);
        let title = text::title(parcel, written.taken, MAX_TITLE_CHARS);
        let mut elements = vec![json!({
            "tag": "div",
            "text": {"tag": "plain_text", "content": written.joined(SHEET.newline)},
        })];
        if let Some(user) = parcel.address {
            let mention = format!("<at id={user}></at>");
            elements.push(json!({"tag": "div", "text": {"tag": "lark_md", "content": mention}}));
        }
        let mut body = json!({
            "msg_type": "interactive",
            "card": {
                "config": {"wide_screen_mode": true},
                "header": {
                    "title": {"tag": "plain_text", "content": title},
                    "template": colour(&parcel.messages[..written.taken]),
                },
                "elements": elements,
            },
        });
        self.sign(&mut body, now);
        Ok(Call::of(&self.to, &body, written.taken))
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        robot::judge(answer, |code| match code {
            0 => Meaning::Taken,
            11_232 | 9_499 => Meaning::TooMany(pause(RATE_PAUSE_S)),
            _ => Meaning::Refused,
        })
    }
}

impl Feishu {
    fn sign(&self, body: &mut Value, now: Time) {
        let Some(secret) = &self.secret else { return };
        let stamp = now.millis().div_euclid(1000).to_string();
        let key = format!("{stamp}\n{}", secret.value());
        body["sign"] = json!(sign::base64(key.as_bytes(), b""));
        body["timestamp"] = json!(stamp);
    }
}

/// That of the worst that is told.
fn colour(messages: &[Message]) -> &'static str {
    match text::worst_open(messages) {
        None => "green",
        Some(Severity::High | Severity::Disaster) => "red",
        Some(Severity::Info | Severity::Warning | Severity::Average) => "orange",
    }
}

/// What a text costs in the body, without its quotes.
fn in_json(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |text| text.len() - 2)
}
