//! A robot of a WeCom group.
//!
//! There is no signature: the key in the address is the secret. Limits are in bytes, so three for
//! a Chinese character: 4,096 as markdown, 2,048 as text. WeCom answers 200 to everything; `errcode`
//! says what became of it, and nothing tells it that it got a message before.

use std::sync::Arc;

use alerter::hands::{Channel, ChannelError, Parcel};
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Kind;
use super::http::{Answer, Call, Endpoint, pause};
use super::robot::{self, Meaning};
use super::service::{Posted, Service, endpoint};
use super::settings::{Ground, PerMinute, Problem, Text, pace};
use super::text::{self, Sheet};

const MARKDOWN: Sheet =
    Sheet { max: 4_096, measure: text::bytes, render: text::defuse, newline: "\n" };
const PLAIN: Sheet = Sheet { max: 2_048, measure: text::bytes, render: text::plain, newline: "\n" };
const PER_MINUTE: u32 = 20;
/// After too many messages, if WeCom does not say itself how long to wait.
const RATE_PAUSE_S: u64 = 60;

/// A robot of a WeCom group. The address of a person is a user id or, with `format: text`, a mobile
/// number; it is mentioned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WecomSettings {
    pub name: String,
    /// As the group shows it: `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${env:NAME}`.
    pub url: Text,
    #[serde(default)]
    pub format: WecomFormat,
    /// Messages in any one minute, at most; 20 if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WecomFormat {
    /// 4,096 bytes; seen in WeCom only.
    #[default]
    Markdown,
    /// 2,048 bytes; seen in WeChat, too.
    Text,
}

#[derive(Debug)]
struct Wecom {
    to: Endpoint,
    format: WecomFormat,
}

impl Kind for WecomSettings {
    fn word(&self) -> &'static str {
        "wecom"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        vec![("url", &mut self.url)]
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let to = endpoint("url", &self.url)?;
        let (secrets, format) = (to.secrets(), self.format);
        let pace = Some(pace(self.per_minute, PER_MINUTE));
        Ok(Arc::new(Posted::new(&self.name, Wecom { to, format }, pace, secrets, ground)))
    }
}

impl Service for Wecom {
    const KNOWS_REPEATS: bool = false;

    fn call(&self, parcel: &Parcel<'_>, _now: Time) -> Result<Call, ChannelError> {
        let (body, taken) = match self.format {
            WecomFormat::Markdown => markdown(parcel),
            WecomFormat::Text => plain(parcel),
        };
        Ok(Call::of(&self.to, &body, taken))
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        robot::judge(answer, |code| match code {
            0 => Meaning::Taken,
            45_009 | 45_033 => Meaning::TooMany(pause(RATE_PAUSE_S)),
            -1 => Meaning::Busy,
            _ => Meaning::Refused,
        })
    }
}

fn markdown(parcel: &Parcel<'_>) -> (Value, usize) {
    let mention = parcel.address.map(|user| format!("\n<@{user}>")).unwrap_or_default();
    let written = MARKDOWN.less(mention.len()).write(parcel);
    let content = written.joined(MARKDOWN.newline) + &mention;
    (json!({"msgtype": "markdown", "markdown": {"content": content}}), written.taken)
}

fn plain(parcel: &Parcel<'_>) -> (Value, usize) {
    let written = PLAIN.write(parcel);
    let mut text = json!({"content": written.joined(PLAIN.newline)});
    if let Some(address) = parcel.address {
        let is_mobile = address.chars().all(|c| c.is_ascii_digit() || c == '+');
        let list = if is_mobile { "mentioned_mobile_list" } else { "mentioned_list" };
        text[list] = json!([address]);
    }
    (json!({"msgtype": "text", "text": text}), written.taken)
}
