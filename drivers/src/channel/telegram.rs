//! A bot in a Telegram chat. The messages of an incident answer its first one.
//!
//! HTML is sent, since it has three escapes where Markdown has eighteen. The limit of 4,096 counts
//! UTF-16 units after Telegram has read the entities; here the escapes are counted in, too, which
//! is never too long. Telegram cannot tell that it got a message before.

use std::sync::Arc;

use alerter::hands::{Channel, ChannelError, Parcel};
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Kind;
use super::http::{Answer, Call, Endpoint, pause, said};
use super::service::{Posted, Service, endpoint, read};
use super::settings::{Ground, PerMinute, Problem, Text, pace};
use super::text::{self, Sheet};

/// With room for the tags around the first line.
const SHEET: Sheet =
    Sheet { max: 4_096 - 7, measure: text::utf16, render: text::escape, newline: "\n" };
/// In a group; a chat with one person takes more.
const PER_MINUTE: u32 = 20;

/// A bot in a Telegram chat. The address of a person is the id of a chat, and goes before `chat`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramSettings {
    pub name: String,
    /// Of the bot.
    pub token: Text,
    /// The id of the chat, `-100...` for a group, or `@name`.
    pub chat: Option<String>,
    /// A topic of the group.
    pub topic: Option<i64>,
    /// Where the API answers, if not at Telegram itself.
    #[serde(default = "api")]
    pub api: String,
    /// Messages in any one minute, at most; 20 if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Debug)]
struct Telegram {
    to: Endpoint,
    chat: Option<String>,
    topic: Option<i64>,
}

#[derive(Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    description: String,
    error_code: Option<u16>,
    parameters: Option<Parameters>,
    result: Option<Sent>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Sent {
    message_id: i64,
}

impl Kind for TelegramSettings {
    fn word(&self) -> &'static str {
        "telegram"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        vec![("token", &mut self.token)]
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        self.token.must_be_reference("token")?;
        let token = self.token.value();
        let method = format!("{}/bot{token}/sendMessage", self.api.trim_end_matches('/'));
        let to = endpoint("api", &Text::from(method))?;
        let service = Telegram { to, chat: self.chat.clone(), topic: self.topic };
        let pace = Some(pace(self.per_minute, PER_MINUTE));
        Ok(Arc::new(Posted::new(&self.name, service, pace, vec![token.to_owned()], ground)))
    }

    fn reaches(&self, address: Option<&str>) -> Result<(), String> {
        match (&self.chat, address) {
            (None, None) => Err("without `chat` it needs the id of a chat as address".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Service for Telegram {
    const KNOWS_REPEATS: bool = false;

    fn call(&self, parcel: &Parcel<'_>, _now: Time) -> Result<Call, ChannelError> {
        let chat = parcel.address.or(self.chat.as_deref());
        let chat = chat.ok_or_else(|| ChannelError::Refused("no chat to write to".to_owned()))?;
        let written = SHEET.write(parcel);
        let (first, rest) = written.lines.split_first().expect("there is a first line");
        let first = format!("<b>{first}</b>");
        let text: Vec<&str> = [&first].into_iter().chain(rest).map(String::as_str).collect();
        let mut body = json!({
            "chat_id": chat,
            "text": text.join(SHEET.newline),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": true},
        });
        if let (Some(id), [_]) =
            (parcel.thread.and_then(|id| id.parse::<i64>().ok()), parcel.messages)
        {
            body["reply_parameters"] =
                json!({"message_id": id, "allow_sending_without_reply": true});
        }
        if let Some(topic) = self.topic.filter(|_| parcel.address.is_none()) {
            body["message_thread_id"] = json!(topic);
        }
        Ok(Call::of(&self.to, &body, written.taken))
    }

    /// Errors come with their status, and once more in the body with more to say.
    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        let said_it: Result<Said, _> = read(answer);
        let answered = match said_it {
            Ok(answered) => answered,
            Err(_) if !answer.is_success() => return Err(answer.failure()),
            Err(error) => return Err(error),
        };
        if answered.ok {
            return Ok(answered.result.map(|sent| sent.message_id.to_string()));
        }
        let status = answered.error_code.unwrap_or(answer.status);
        let detail = said(&format!("{status} {}", answered.description));
        let after = answered.parameters.and_then(|parameters| parameters.retry_after);
        match status {
            429 | 500.. => {
                Err(ChannelError::Retry { detail, after: after.map(pause).or(answer.after) })
            }
            _ => Err(ChannelError::Refused(detail)),
        }
    }
}

fn api() -> String {
    "https://api.telegram.org".to_owned()
}
