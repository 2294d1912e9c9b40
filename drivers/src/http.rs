//! One HTTP request, and its answer: for channels, and for the APIs of clouds.
//!
//! Whether a request has arrived matters more here than elsewhere: a message that was sent twice
//! wakes somebody twice, and a VM that was ordered twice costs twice. So what failed before the
//! request left is told apart from what failed after. No redirect is followed and no proxy asked.
//!
//! Each request has a connection of its own: those that are kept go stale at the worst moment, and
//! hold a worker of some servers while they idle.
//!
//! Invariants: a request takes no longer than the patience it is given; of the answer no more is
//! kept than was asked for, and a cut is known; no secret is in a `Debug`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How much the head of an answer may take, in bytes.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The longest pause the far side is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Shorter parts of an address are not looked for in what is shown.
const MIN_SECRET_CHARS: usize = 8;

/// An address that was checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    uri: Uri,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    is_tls: bool,
}

/// What is asked of an address.
pub(crate) struct Question {
    pub(crate) to: Endpoint,
    pub(crate) method: Method,
    /// Values are secrets.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// JSON, or nothing.
    pub(crate) body: String,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The beginning, if it is long.
    pub(crate) body: Vec<u8>,
    /// The body went on.
    pub(crate) is_cut: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It never left.
    Unsent(String),
    /// It may have arrived.
    Unclear(String),
}

/// Asks questions.
#[derive(Clone)]
pub(crate) struct Carrier {
    tls: Arc<ClientConfig>,
    max_bytes: usize,
}

impl Endpoint {
    /// `None` if it is no `http://` or `https://` address with a host, or has a user in it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
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
    pub(crate) fn with_query(&self, more: &str) -> Option<Self> {
        let mark = if self.uri.query().is_some() { '&' } else { '?' };
        Self::parse(&format!("{}{mark}{more}", self.uri))
    }

    /// What lies below it. `path` begins with a slash and is encoded already.
    pub(crate) fn below(&self, path: &str) -> Option<Self> {
        Self::parse(&format!("{}{path}", self.uri.to_string().trim_end_matches('/')))
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What of it could let somebody else in.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let parts = self.path().split(['/', '?', '&', '=']);
        parts.filter(|part| part.len() >= MIN_SECRET_CHARS).map(str::to_owned).collect()
    }

    /// The path with its query.
    pub(crate) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl Carrier {
    /// Of an answer `max_bytes` are kept.
    pub(crate) fn new(tls: Arc<ClientConfig>, max_bytes: usize) -> Self {
        Self { tls, max_bytes }
    }

    /// Fails only if no answer came. Half of the patience is for the connection.
    pub(crate) async fn ask(
        &self,
        question: &Question,
        patience: Duration,
    ) -> Result<Reply, Failure> {
        let host = &question.to.host;
        let unsent = |detail: String| Failure::Unsent(format!("{host}: {detail}"));
        let connecting =
            timeout(patience / 2, TcpStream::connect((host.as_str(), question.to.port)));
        let stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unsent(error.to_string())),
            Err(_) => return Err(unsent(format!("no connection within {:?}", patience / 2))),
        };
        if !question.to.is_tls {
            return self.exchange(stream, question, patience).await;
        }
        let name = ServerName::try_from(host.clone())
            .map_err(|_| unsent("it is no name of a server".to_owned()))?;
        let connector = TlsConnector::from(self.tls.clone());
        match timeout(patience / 2, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => self.exchange(stream, question, patience).await,
            Ok(Err(error)) => Err(unsent(format!("TLS: {error}"))),
            Err(_) => Err(unsent(format!("no TLS within {:?}", patience / 2))),
        }
    }

    async fn exchange<S>(
        &self,
        stream: S,
        question: &Question,
        patience: Duration,
    ) -> Result<Reply, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let host = &question.to.host;
        match timeout(patience, converse(stream, question, self.max_bytes)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(Failure::Unclear(format!("{host}: {}", whole(&error)))),
            Err(_) => Err(Failure::Unclear(format!("{host}: no answer within {patience:?}"))),
        }
    }
}

/// Without what may be secret.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.method, self.to)
    }
}

/// Likewise: a token comes in a header.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carrier({} bytes)", self.max_bytes)
    }
}

impl Reply {
    /// The pause that the far side asks for. The other form, a date, would need a clock that agrees
    /// with theirs.
    pub(crate) fn pause_asked(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(granted(seconds))
    }
}

/// A pause that is asked for, within what is granted.
pub(crate) fn granted(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(LONGEST_PAUSE)
}

async fn converse<S>(
    stream: S,
    question: &Question,
    max_bytes: usize,
) -> Result<Reply, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let mut tasks = JoinSet::new(); // Ends the connection with this function.
    tasks.spawn(connection);
    let answer = sender.send_request(request(question)).await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let (body, is_cut) = begin_of(answer, max_bytes).await?;
    Ok(Reply { status, headers, body, is_cut })
}

fn request(question: &Question) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::from(question.body.clone()));
    *request.method_mut() = question.method.clone();
    *request.uri_mut() = question.to.path().parse().expect("it was part of an address");
    let headers = request.headers_mut();
    let authority = question.to.uri.authority().map_or("", |authority| authority.as_str());
    headers.insert(HOST, HeaderValue::from_str(authority).expect("it was part of an address"));
    if !question.body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    headers.insert(hyper::header::USER_AGENT, HeaderValue::from_static("cloudbrain"));
    for (name, value) in &question.headers {
        // Keys and tokens are made of visible ASCII; one that is not would be refused anyway.
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    request
}

async fn begin_of(
    answer: Response<Incoming>,
    max_bytes: usize,
) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut body = answer.into_body();
    let mut begin = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = max_bytes - begin.len();
        begin.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((begin, true));
        }
    }
    Ok((begin, false))
}

/// An error with its causes: hyper's own message says little.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
