//! What the robots of DingTalk, WeCom and Feishu have in common: a body of JSON, and an answer with
//! status 200 in which a number says what became of it.
//!
//! Which number means what is each service's own, and stands in its file.

use std::time::Duration;

use alerter::hands::ChannelError;
use serde::Deserialize;

use super::http::{Answer, said};
use super::service::read;

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Taken,
    /// Too many messages came: nothing more for so long, if the answer names no time itself.
    TooMany(Duration),
    /// It may take the same message later.
    Busy,
    Refused,
}

/// All of them call the number and the words by other names.
#[derive(Deserialize)]
struct Said {
    #[serde(alias = "errcode", alias = "StatusCode")]
    code: i64,
    #[serde(default, alias = "errmsg", alias = "StatusMessage")]
    msg: String,
}

/// What the answer means, by what its number does.
pub(super) fn judge(
    answer: &Answer,
    meaning: impl Fn(i64) -> Meaning,
) -> Result<Option<String>, ChannelError> {
    if !answer.is_success() {
        return Err(answer.failure());
    }
    let Said { code, msg } = read(answer)?;
    let detail = said(&format!("{code} {msg}"));
    let after = match meaning(code) {
        Meaning::Taken => return Ok(None),
        Meaning::Refused => return Err(ChannelError::Refused(detail)),
        Meaning::TooMany(pause) => Some(answer.after.unwrap_or(pause)),
        Meaning::Busy => answer.after,
    };
    Err(ChannelError::Retry { detail, after })
}
