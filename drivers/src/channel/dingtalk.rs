//! A robot of a DingTalk group.
//!
//! Signed: key = the secret, message = `<ms>\n<secret>`; both go into the address, and the stamp
//! holds for an hour. More than twenty messages in a minute mute the robot for ten, so it gets a
//! slower pace and digests. DingTalk answers 200 to everything; `errcode` says what became of it,
//! and nothing tells it that it got a message before.

use std::sync::Arc;
use std::time::Duration;

use alerter::hands::{Channel, ChannelError, Parcel};
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::http::{Answer, Call, Endpoint};
use super::robot::{self, Meaning};
use super::service::{Posted, Service, endpoint};
use super::settings::{Ground, PerMinute, Problem, Text, pace};
use super::text::{self, Sheet};
use super::{Kind, sign};

/// A body of 20,000 bytes is taken; escaped line ends and mentions need some of it.
const SHEET: Sheet =
    Sheet { max: 16_000, measure: text::bytes, render: text::defuse, newline: "  \n" };
/// What stands in the notification.
const MAX_TITLE_CHARS: usize = 100;
/// Messages in a minute that are taken before the robot is muted.
const PER_MINUTE: u32 = 20;
/// How long it is muted then.
const MUTED: Duration = Duration::from_secs(600);

/// A robot of a DingTalk group. The address of a person is a mobile number, which is mentioned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DingtalkSettings {
    pub name: String,
    /// As the group shows it: `https://oapi.dingtalk.com/robot/send?access_token=${env:NAME}`.
    pub url: Text,
    /// What begins with `SEC`, if the robot is guarded by a signature.
    pub secret: Option<Text>,
    /// Messages in any one minute, at most; 20 if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Debug)]
struct Dingtalk {
    to: Endpoint,
    secret: Option<Text>,
}

impl Kind for DingtalkSettings {
    fn word(&self) -> &'static str {
        "dingtalk"
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
        let service = Dingtalk { to, secret: self.secret.clone() };
        let pace = Some(pace(self.per_minute, PER_MINUTE));
        Ok(Arc::new(Posted::new(&self.name, service, pace, secrets, ground)))
    }
}

impl Service for Dingtalk {
    const KNOWS_REPEATS: bool = false;

    fn call(&self, parcel: &Parcel<'_>, now: Time) -> Result<Call, ChannelError> {
        // A mention works only if it stands in the text as well.
        let mention = parcel.address.map(|mobile| format!("\n\n@{mobile}")).unwrap_or_default();
        let written = SHEET.less(mention.len()).write(parcel);
        let title = text::title(parcel, written.taken, MAX_TITLE_CHARS);
        let body = json!({
            "msgtype": "markdown",
            "markdown": {"title": title, "text": written.joined(SHEET.newline) + &mention},
            "at": {"atMobiles": parcel.address.into_iter().collect::<Vec<_>>(), "isAtAll": false},
        });
        Ok(Call::of(&self.signed(now), &body, written.taken))
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        robot::judge(answer, |code| match code {
            0 => Meaning::Taken,
            410_100 | 130_101 => Meaning::TooMany(MUTED),
            -1 => Meaning::Busy,
            _ => Meaning::Refused,
        })
    }
}

impl Dingtalk {
    fn signed(&self, now: Time) -> Endpoint {
        let Some(secret) = &self.secret else { return self.to.clone() };
        let (stamp, secret) = (now.millis(), secret.value());
        let sign = sign::base64(secret.as_bytes(), format!("{stamp}\n{secret}").as_bytes());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("timestamp", &stamp.to_string()).append_pair("sign", &sign);
        self.to.with_query(&query.finish()).expect("an address stays one with more in its query")
    }
}
