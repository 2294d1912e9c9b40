//! Posts JSON to a program of the user's own: our messages as they are, or in the form of
//! Alertmanager's webhooks, version 4, which many programs read already.
//!
//! With a secret, each post is signed: `X-Signature: sha256=` and the HMAC-SHA256 in hex, keyed with
//! the secret, of the time in `X-Timestamp` (seconds), a dot and the body. A receiver that refuses
//! old times cannot be fooled by a post that somebody else has recorded. `Idempotency-Key` is the
//! key of the message.
//!
//! The status alone says whether it was taken; the body is shown to people and otherwise ignored.

use std::sync::Arc;

use alerter::hands::{Channel, ChannelError, Parcel};
use alerter::message::{Message, MessageKind};
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http::{Answer, Call, Endpoint};
use super::service::{Posted, Service, endpoint};
use super::settings::{Ground, Problem, Text};
use super::{Kind, sign, text};

/// A POST of JSON to a program of yours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    pub name: String,
    /// May hold `${env:NAME}` or `${file:PATH}`.
    pub url: Text,
    #[serde(default)]
    pub format: WebhookFormat,
    /// What posts are signed with; not signed if left out.
    pub secret: Option<Text>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookFormat {
    /// Our own messages.
    #[default]
    Native,
    /// As Alertmanager posts them, version 4.
    Alertmanager,
}

/// So many are named in an annotation, which people read.
const MAX_LISTED: usize = 10;

#[derive(Debug)]
struct Webhook {
    name: String,
    to: Endpoint,
    format: WebhookFormat,
    secret: Option<Text>,
}

impl Kind for WebhookSettings {
    fn word(&self) -> &'static str {
        "webhook"
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
        let (name, format, secret) = (self.name.clone(), self.format, self.secret.clone());
        let service = Webhook { name, to, format, secret };
        Ok(Arc::new(Posted::new(&self.name, service, None, secrets, ground)))
    }
}

impl Service for Webhook {
    const KNOWS_REPEATS: bool = true;

    /// Without a limit no digests are made: one message, one post.
    fn call(&self, parcel: &Parcel<'_>, now: Time) -> Result<Call, ChannelError> {
        let message = &parcel.messages[0];
        let body = match self.format {
            WebhookFormat::Native => serde_json::to_string(message)
                .map_err(|error| ChannelError::Refused(format!("beyond JSON: {error}")))?,
            WebhookFormat::Alertmanager => self.alerts(message, parcel.thread).to_string(),
        };
        let mut headers = vec![("idempotency-key", message.key.clone())];
        if let Some(secret) = &self.secret {
            let stamp = now.millis().div_euclid(1000).to_string();
            let signed = format!("{stamp}.{body}");
            let signature = sign::hex(secret.value().as_bytes(), signed.as_bytes());
            headers.push(("x-timestamp", stamp));
            headers.push(("x-signature", format!("sha256={signature}")));
        }
        let thread = started(message, parcel.thread);
        let call = Call { to: self.to.clone(), headers, body, taken: 1, thread: Some(thread) };
        Ok(call)
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError> {
        if answer.is_success() { Ok(None) } else { Err(answer.failure()) }
    }
}

impl Webhook {
    fn alerts(&self, message: &Message, thread: Option<&str>) -> Value {
        let is_over = message.kind == MessageKind::Resolved;
        let status = if is_over { "resolved" } else { "firing" };
        let ended =
            if is_over { message.at.to_string() } else { "0001-01-01T00:00:00Z".to_owned() };
        let labels = json!({
            "alertname": format!("{} {}", message.root.kind(), word(message.state)),
            "incident": message.incident,
            "recipient": message.to,
            "root": message.root,
            "severity": message.severity,
            "view": message.view,
        });
        let annotations = json!({
            "affected": listed(&message.affected, message.affected_more),
            "businesses": listed(&message.businesses, 0),
            "description": message.text,
            "summary": text::first_line(message),
        });
        let group = json!({"incident": message.incident});
        json!({
            "version": "4",
            "groupKey": format!("{{}}:{{incident=\"{}\", recipient=\"{}\"}}", message.incident, message.to),
            "truncatedAlerts": 0,
            "status": status,
            "receiver": self.name,
            "groupLabels": group,
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "externalURL": "",
            "alerts": [{
                "status": status,
                "labels": labels,
                "annotations": annotations,
                "startsAt": started(message, thread),
                "endsAt": ended,
                "generatorURL": "",
                "fingerprint": fingerprint(message),
            }],
        })
    }
}

/// `a, b, … and 12 more`, with the unnamed ones.
fn listed(names: &[impl ToString], unnamed: usize) -> String {
    let mut listed: Vec<String> = names.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    let more = names.len() - listed.len() + unnamed;
    if more > 0 {
        listed.push(format!("… and {more} more"));
    }
    listed.join(", ")
}

/// When this recipient's first message of the incident was decided.
fn started(message: &Message, thread: Option<&str>) -> String {
    thread.map_or_else(|| message.at.to_string(), str::to_owned)
}

/// The same for all messages of one incident to one recipient: sixteen hex digits, as theirs.
fn fingerprint(message: &Message) -> String {
    let subject = format!("{}\n{}", message.incident, message.to);
    sign::hex(b"fingerprint", subject.as_bytes())[..16].to_owned()
}

fn word(state: alerter::message::RootState) -> String {
    format!("{state:?}").to_lowercase()
}
