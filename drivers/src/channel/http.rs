//! Posts to a service, and reads what it says.
//!
//! Whether a request has arrived matters more here than elsewhere: a message that was sent twice
//! wakes somebody twice. So what failed before the request left is told apart from what failed
//! after. No redirect is followed and no proxy asked: a message goes where the file says.
//!
//! The path of an address is often its secret: nothing here shows more than the host.
//!
//! Invariants: a post takes no longer than the patience it is given, and of the answer no more than
//! 64 KiB are kept; a connection ends with its post.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::ChannelError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::text::clean;

/// How much of an answer is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// How much the head of an answer may take, in bytes.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The longest text of an answer that is passed on, in characters.
const MAX_DETAIL_CHARS: usize = 200;
/// The longest pause the far side is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Shorter parts of an address are not looked for in what is shown.
const MIN_SECRET_CHARS: usize = 8;

/// Where a service answers.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    uri: Uri,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    is_tls: bool,
}

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
    tls: Arc<ClientConfig>,
    patience: Duration,
}

impl Endpoint {
    /// `None` if it is no `http://` or `https://` address with a host, or has a user in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Some(Self { host, port, is_tls, uri })
    }

    /// The same with more in its query. `more` is encoded already.
    pub(super) fn with_query(&self, more: &str) -> Option<Self> {
        let mark = if self.uri.query().is_some() { '&' } else { '?' };
        Self::parse(&format!("{}{mark}{more}", self.uri))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What of it could let somebody else in.
    pub(super) fn secrets(&self) -> Vec<String> {
        let path = self.uri.path_and_query().map_or("", |path| path.as_str());
        let parts = path.split(['/', '?', '&', '=']);
        parts.filter(|part| part.len() >= MIN_SECRET_CHARS).map(str::to_owned).collect()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl Poster {
    pub(super) fn new(tls: Arc<ClientConfig>, patience: Duration) -> Self {
        Self { tls, patience }
    }

    /// Fails only if no answer came. Whatever the answer says is for the caller.
    pub(super) async fn post(&self, call: &Call) -> Result<Answer, ChannelError> {
        let (host, patience) = (&call.to.host, self.patience);
        let unsent = |detail: String| ChannelError::Retry {
            detail: format!("{host}: {}", clean(&detail, MAX_DETAIL_CHARS)),
            after: None,
        };
        let connecting = timeout(patience / 2, TcpStream::connect((host.as_str(), call.to.port)));
        let stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unsent(error.to_string())),
            Err(_) => return Err(unsent(format!("no connection within {:?}", patience / 2))),
        };
        if !call.to.is_tls {
            return self.exchange(stream, call).await;
        }
        let name = ServerName::try_from(host.clone())
            .map_err(|_| ChannelError::Refused(format!("{host} is no name of a server")))?;
        let connector = TlsConnector::from(self.tls.clone());
        match timeout(patience / 2, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => self.exchange(stream, call).await,
            Ok(Err(error)) => Err(unsent(format!("TLS: {error}"))),
            Err(_) => Err(unsent(format!("no TLS within {:?}", patience / 2))),
        }
    }

    async fn exchange<S>(&self, stream: S, call: &Call) -> Result<Answer, ChannelError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let host = &call.to.host;
        let unclear = |detail: &str| {
            ChannelError::Unclear(format!("{host}: {}", clean(detail, MAX_DETAIL_CHARS)))
        };
        match timeout(self.patience, ask(stream, call)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unclear(&whole(&error))),
            Err(_) => Err(unclear(&format!("no answer within {:?}", self.patience))),
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

/// A pause that a service asks for in its body.
pub(super) fn pause(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST_PAUSE)
}

async fn ask<S>(stream: S, call: &Call) -> Result<Answer, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let mut tasks = JoinSet::new(); // Ends the connection with this function.
    tasks.spawn(connection);
    let answer = sender.send_request(request(call)).await?;
    let (status, after) = (answer.status().as_u16(), pause_asked(answer.headers()));
    Ok(Answer { status, after, body: begin_of(answer).await? })
}

fn request(call: &Call) -> Request<Full<Bytes>> {
    let path = call.to.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(Full::from(call.body.clone()));
    let is_post = !call.body.is_empty();
    *request.method_mut() = if is_post { hyper::Method::POST } else { hyper::Method::GET };
    *request.uri_mut() = path.parse().expect("it was part of an address");
    let headers = request.headers_mut();
    let authority = call.to.uri.authority().map_or("", |authority| authority.as_str());
    headers.insert(HOST, HeaderValue::from_str(authority).expect("it was part of an address"));
    if is_post {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    headers.insert(hyper::header::USER_AGENT, HeaderValue::from_static("cloudbrain"));
    for (name, value) in &call.headers {
        // Keys and tokens are made of visible ASCII; one that is not would be refused anyway.
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    request
}

/// The pause in seconds; the other form, a date, would need a clock that agrees with theirs.
fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(pause(seconds))
}

async fn begin_of(answer: Response<Incoming>) -> Result<Vec<u8>, hyper::Error> {
    let mut body = answer.into_body();
    let mut begin = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = MAX_ANSWER_BYTES - begin.len();
        begin.extend_from_slice(&data[..data.len().min(room)]);
        if begin.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(begin)
}

/// An error with its causes: hyper's own message says little.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
