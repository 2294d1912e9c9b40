//! Posts each message as JSON to a URL.
//!
//! Only plain HTTP: whoever wants TLS puts a proxy beside the brain. The path of the URL may be
//! its secret, so no error and no log shows more of it than the host.
//!
//! The far side is not trusted: its answer is read up to a bound and within a deadline, and the
//! pause it asks for is bounded too.

use std::fmt;
use std::time::Duration;

use alerter::hands::{Answer, Channel, ChannelError};
use alerter::message::Message;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long one delivery may take, from the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of an answer is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 10;

/// The longest text of an answer that is passed on, in characters.
const MAX_DETAIL_CHARS: usize = 200;

/// The longest pause the far side is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// One URL that takes messages.
pub struct WebhookChannel {
    name: String,
    url: Uri,
    host: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Why a URL takes no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    #[error("https is not spoken yet; write an http:// URL")]
    Https,
    #[error("it is no http:// URL with a host")]
    NotHttp,
}

impl WebhookChannel {
    /// `url` is `http://host[:port]/path`.
    pub fn new(name: String, url: &str) -> Result<Self, WebhookUrlError> {
        let url: Uri = url.parse().map_err(|_| WebhookUrlError::NotHttp)?;
        match url.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(WebhookUrlError::Https),
            Some(_) | None => return Err(WebhookUrlError::NotHttp),
        }
        let host = url.host().ok_or(WebhookUrlError::NotHttp)?.to_owned();
        // Messages are rare: a connection kept for the next one would be stale by then.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Ok(Self { name, url, host, client })
    }

    async fn post(&self, message: &Message) -> Result<(), ChannelError> {
        let refused = |detail: String| ChannelError::Refused(detail);
        let body = serde_json::to_vec(message).map_err(|error| refused(error.to_string()))?;
        let key = HeaderValue::from_str(&message.key);
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key.map_err(|error| refused(error.to_string()))?)
            .body(Full::from(body))
            .map_err(|error| refused(error.to_string()))?;
        match timeout(PATIENCE, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.retry(&format!("no answer within {PATIENCE:?}"), None)),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(), ChannelError> {
        let answer = match self.client.request(request).await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => answer,
            Err(error) => return Err(self.retry(&whole(&error), None)),
        };
        let (status, after) = (answer.status(), pause_asked(answer.headers()));
        let detail = format!("{status} {}", begin_of(answer).await);
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(self.retry(&detail, after));
        }
        Err(ChannelError::Refused(format!("{}: {detail}", self.host)))
    }

    fn retry(&self, detail: &str, after: Option<Duration>) -> ChannelError {
        ChannelError::Retry { detail: format!("{}: {detail}", self.host), after }
    }
}

impl Channel for WebhookChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(&'a self, message: &'a Message) -> Answer<'a, Result<(), ChannelError>> {
        Box::pin(self.post(message))
    }
}

impl fmt::Debug for WebhookChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookChannel({} at {})", self.name, self.host)
    }
}

/// The pause in seconds; the other form, a date, would need a clock that agrees with theirs.
fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// What the far side says, as far as it is short and printable.
async fn begin_of(answer: Response<Incoming>) -> String {
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    let Ok(body) = body else { return String::new() };
    let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    text.chars().filter(|c| !c.is_control()).take(MAX_DETAIL_CHARS).collect()
}

/// An error with its causes: the client's own message says only "client error".
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
