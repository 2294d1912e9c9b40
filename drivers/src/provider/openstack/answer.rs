//! What the answers of OpenStack's services mean.
//!
//! A quota that is used up, a policy that forbids, and a wrong id all look much alike: the status is
//! the same and only the text differs. The bodies of errors have one key, whose name varies with the
//! kind of error; below it stand a code and a message.
//!
//! Invariant: nothing of a body is passed on that is not bounded and cleaned.

use serde::de::DeserializeOwned;
use serde_json::Value;

use scaler::hands::HandError;

use crate::channel::text::clean;
use crate::http::Reply;

/// The longest text of an answer that is passed on, in characters.
const MAX_WORDS: usize = 240;

/// An answer of a service.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    body: Vec<u8>,
    is_cut: bool,
}

/// Why something was not done, by what can be done about it. Each with what the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The project may have no more.
    Quota(String),
    /// No host has room.
    NoRoom(String),
    /// It will never be done as it is asked.
    Wrong(String),
    /// Nothing was done; it may work later.
    Later(String),
    /// Something may have been done.
    Unclear(String),
}

impl Refusal {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Quota(words)
            | Self::NoRoom(words)
            | Self::Wrong(words)
            | Self::Later(words)
            | Self::Unclear(words) => words,
        }
    }
}

impl Answer {
    pub(super) fn of(reply: Reply) -> Self {
        Self { status: reply.status, body: reply.body, is_cut: reply.is_cut }
    }

    /// The body, if all is well with it.
    pub(super) fn read<T: DeserializeOwned>(&self, of: &str) -> Result<T, HandError> {
        if let Some(refusal) = self.refusal() {
            return Err(HandError::Failed(format!("{of}: {}", refusal.words())));
        }
        if self.is_cut {
            return Err(HandError::Failed(format!("{of}: an answer that is too long to be read")));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            HandError::Failed(format!("{of}: an answer that cannot be understood: {error}"))
        })
    }

    /// None if what was asked for was done, or is being done.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let words = self.words();
        let is_quota = speaks_of_quota(&words);
        match self.status {
            200..=299 => None,
            403 | 409 | 413 if is_quota => Some(Refusal::Quota(words)),
            401 | 408 | 409 | 413 | 425 | 429 => Some(Refusal::Later(words)),
            500.. => Some(Refusal::Unclear(words)),
            _ => Some(Refusal::Wrong(words)),
        }
    }

    /// The status, and what the service says beside.
    fn words(&self) -> String {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let message = body.as_ref().and_then(message);
        let text = match message {
            Some(message) => message.to_owned(),
            // A proxy on the way, most likely.
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        clean(&format!("{} {text}", self.status), MAX_WORDS)
    }
}

/// Why a server ended in ERROR while it was made, by its fault.
pub(super) fn fault(message: &str) -> Refusal {
    let words = clean(message, MAX_WORDS);
    if words.contains("No valid host") {
        Refusal::NoRoom(words)
    } else if speaks_of_quota(&words) {
        Refusal::Quota(words)
    } else {
        Refusal::Later(words)
    }
}

fn speaks_of_quota(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["quota exceeded", "overquota", "exceeded for resources", "maximum number of ports"]
        .iter()
        .any(|mark| words.contains(mark))
}

/// The message of an error: `{"forbidden": {"message": ...}}`, `{"errors": [{"detail": ...}]}`.
fn message(body: &Value) -> Option<&str> {
    let first = body.as_object()?.values().next()?;
    let inner = first.as_array().and_then(|errors| errors.first()).unwrap_or(first);
    ["message", "detail", "title"].iter().find_map(|key| inner.get(key)?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec(), is_cut: false }
    }

    #[test]
    fn a_body_that_is_none_is_shown_in_its_beginning_and_cleaned() {
        let page = format!("<html>\u{1b}[2Jbad gateway{}", "x".repeat(1000));
        let Some(Refusal::Unclear(words)) = answer(502, &page).refusal() else { panic!("refused") };
        assert!(words.starts_with("502 <html>[2Jbad gateway"), "{words}");
        assert!(words.chars().count() <= MAX_WORDS + 1);
    }

    #[test]
    fn whatever_a_body_is_it_is_read_without_harm() {
        for body in ["", "[]", "{}", "3", "{\"a\":[]}", "{\"a\":{\"message\":7}}", "\u{0}"] {
            assert!(matches!(answer(400, body).refusal(), Some(Refusal::Wrong(_))), "{body:?}");
        }
    }

    #[test]
    fn what_is_cut_or_no_json_is_no_list() {
        let long = Answer { status: 200, body: b"{\"servers\":[".to_vec(), is_cut: true };
        assert!(long.read::<Value>("servers").unwrap_err().to_string().contains("too long"));
        let html = answer(200, "<html>").read::<Value>("servers").unwrap_err().to_string();
        assert!(html.contains("cannot be understood"), "{html}");
    }
}
