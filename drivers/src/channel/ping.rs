//! Says to a service that we live: healthchecks.io, Uptime Kuma's push, Dead Man's Snitch.
//!
//! It is no way to people: the service tells them when it has not heard of us for a while. So
//! nothing is tried again here; the next ping is the next try. Some of these services answer 200 to
//! a ping they have thrown away, so the body is read before one counts as accepted.

use alerter::hands::ChannelError;
use serde_json::json;

use super::http::{Answer, Call, Endpoint, Poster};
use super::service::endpoint;
use super::settings::{Ground, Problem, Text};

/// What a service answers with status 200 to what it did not take.
const NOT_TAKEN: [&str; 4] = ["(not found)", "(rate limited)", "\"ok\":false", "\"ok\": false"];

/// An address that is asked for, or posted to.
#[derive(Clone, Debug)]
pub struct Ping {
    to: Endpoint,
    is_post: bool,
    poster: Poster,
}

impl Ping {
    /// Nobody is reached for yet. `field` is where the address stands in the file.
    pub fn new(
        field: &'static str,
        url: &Text,
        is_post: bool,
        ground: &Ground,
    ) -> Result<Self, Problem> {
        let poster = Poster::new(ground.trust.config.clone(), ground.patience);
        Ok(Self { to: endpoint(field, url)?, is_post, poster })
    }

    /// The host, which is all of the address that may be shown.
    pub fn host(&self) -> &str {
        self.to.host()
    }

    /// Pings once; a post says `word` as well. The error says why it was not accepted, without what
    /// is secret in the address.
    pub async fn send(&self, word: &str) -> Result<(), String> {
        let body = if self.is_post { json!({"state": word}).to_string() } else { String::new() };
        let call = Call { to: self.to.clone(), headers: Vec::new(), body, taken: 0, thread: None };
        let accepted = self.poster.post(&call).await.and_then(|answer| judge(&answer));
        accepted.map_err(|error| {
            let secrets = self.to.secrets();
            let text = error.to_string();
            secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "***"))
        })
    }
}

fn judge(answer: &Answer) -> Result<(), ChannelError> {
    if !answer.is_success() {
        return Err(answer.failure());
    }
    let words = answer.words();
    if NOT_TAKEN.iter().any(|word| words.contains(word)) {
        return Err(ChannelError::Refused(words));
    }
    Ok(())
}
