//! Posts to a service, and reads what it says.
//!
//! How a request travels is in [`crate::http`]; here is what the outcome means for a message. The path of
//! an address is often its secret: nothing here shows more than the host.
//!
//! Invariants: a post takes no longer than the patience it is given, and of the answer no more than
//! 64 KiB are kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::ChannelError;
use hyper::Method;
use rustls::ClientConfig;

use crate::http::{Carrier, Failure, Question};
pub(super) use crate::http::{Endpoint, granted as pause};

use super::text::clean;

/// How much of an answer is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// The longest text of an answer that is passed on, in characters.
const MAX_DETAIL_CHARS: usize = 200;
/// The same of a failure, with the name of the host before it.
const MAX_FAILURE_CHARS: usize = 300;

/// One request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) to: Endpoint,
    pub(super) headers: Vec<(&'static str, String)>,
    /// JSON. Without any the address is only asked for, with a GET.
    pub(super) body: String,
    /// How many messages it tells.
    pub(super) taken: usize,
    /// The thread to go on with, where the answer need not be known for it.
    pub(super) thread: Option<String>,
}

impl Call {
    /// A body alone, which tells so many messages.
    pub(super) fn of(to: &Endpoint, body: &serde_json::Value, taken: usize) -> Self {
        let (to, body) = (to.clone(), body.to_string());
        Self { to, headers: Vec::new(), body, taken, thread: None }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The pause that the far side asks for.
    pub(super) after: Option<Duration>,
    /// The beginning, if it is long.
    pub(super) body: Vec<u8>,
}

/// Carries requests.
#[derive(Clone)]
pub(super) struct Poster {
    carrier: Carrier,
    patience: Duration,
}

impl Poster {
    pub(super) fn new(tls: Arc<ClientConfig>, patience: Duration) -> Self {
        Self { carrier: Carrier::new(tls, MAX_ANSWER_BYTES), patience }
    }

    /// Fails only if no answer came. Whatever the answer says is for the caller.
    pub(super) async fn post(&self, call: &Call) -> Result<Answer, ChannelError> {
        let question = Question {
            to: call.to.clone(),
            method: if call.body.is_empty() { Method::GET } else { Method::POST },
            headers: call.headers.clone(),
            body: call.body.clone(),
        };
        match self.carrier.ask(&question, self.patience).await {
            Ok(reply) => {
                Ok(Answer { status: reply.status, after: reply.pause_asked(), body: reply.body })
            }
            Err(Failure::Unsent(detail)) => {
                let detail = clean(&detail, MAX_FAILURE_CHARS);
                Err(ChannelError::Retry { detail, after: None })
            }
            Err(Failure::Unclear(detail)) => {
                Err(ChannelError::Unclear(clean(&detail, MAX_FAILURE_CHARS)))
            }
        }
    }
}

impl fmt::Debug for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Poster({:?})", self.patience)
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What an answer other than 2xx means, whatever the service: later, or never.
    pub(super) fn failure(&self) -> ChannelError {
        let detail = format!("{} {}", self.status, self.words());
        match self.status {
            408 | 425 | 429 | 500.. => ChannelError::Retry { detail, after: self.after },
            _ => ChannelError::Refused(detail),
        }
    }

    /// The beginning of what it says, fit to be shown.
    pub(super) fn words(&self) -> String {
        clean(&String::from_utf8_lossy(&self.body), MAX_DETAIL_CHARS)
    }
}

/// Text of a service, fit to be shown.
pub(super) fn said(text: &str) -> String {
    clean(text, MAX_DETAIL_CHARS)
}
