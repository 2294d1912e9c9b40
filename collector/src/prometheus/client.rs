//! One bounded GET at a time, on a connection that is kept for the next.
//!
//! A fleet is scraped every few seconds, and a new connection for each look would cost more than
//! the look. So the connection stays open; if the other end closed it meanwhile, which is no fault,
//! the request is sent once more on a new one. What is behind it (name, TCP, TLS, answer) is told
//! apart by phase, so that people know how far a look came.
//!
//! Bounds: the whole exchange by one deadline, status line and headers in size, the body in size as
//! it came and as inflated. No redirect is followed and no proxy of the environment is asked.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue,
    USER_AGENT,
};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::verdict::Phase;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::http::{Access, Header, HeaderError, HttpUrl, TlsRoots};
use crate::blind::is_own_fault;
use crate::text::clean;

/// How much of a status line and headers is read, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// What is set aside for a body before it comes, in bytes, whatever length it claims.
const FIRST_BODY_BYTES: usize = 64 * 1024;
/// The longest hint from an error, in characters.
const MAX_HINT_CHARS: usize = 200;

const USER_AGENT_NAME: &str = concat!("cloudbrain/", env!("CARGO_PKG_VERSION"));

/// Asks one URL, again and again.
#[derive(Debug)]
pub(super) struct HttpClient {
    url: HttpUrl,
    headers: HeaderMap,
    roots: TlsRoots,
    /// Whether an answer may be compressed; where not told, unless it comes from this machine.
    gzip: Option<bool>,
    kept: Option<Connection>,
}

/// The bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) timeout: Duration,
    /// As it comes and as inflated.
    pub(super) body_bytes: usize,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there was no answer to read.
#[derive(Debug, thiserror::Error)]
pub(super) enum GetError {
    #[error("{phase}: {hint}")]
    Theirs { phase: Phase, hint: String },
    #[error("could not look: {reason}")]
    Ours { reason: String },
    #[error("the answer is longer than {limit} bytes")]
    TooLarge { limit: usize },
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    is_loopback: bool,
    /// Dropping it closes the connection.
    _driver: JoinSet<()>,
}

impl HttpClient {
    /// `headers` are sent each time, after our own, which they may replace.
    pub(super) fn new(
        url: HttpUrl,
        access: &Access,
        headers: &[Header],
        gzip: Option<bool>,
        roots: TlsRoots,
    ) -> Result<Self, HeaderError> {
        let mut all = HeaderMap::new();
        insert(&mut all, HOST.as_str(), url.authority())?;
        insert(&mut all, USER_AGENT.as_str(), USER_AGENT_NAME)?;
        if let Some(access) = access.header() {
            insert(&mut all, AUTHORIZATION.as_str(), &access)?;
        }
        for header in headers {
            insert(&mut all, &header.name, header.value.reveal())?;
        }
        Ok(Self { url, headers: all, roots, gzip, kept: None })
    }

    /// Asks once. A connection that was found closed is made anew once, within the same time.
    pub(super) async fn get(&mut self, bounds: Bounds) -> Result<Answer, GetError> {
        let mut phase = Phase::Connect;
        let asked = tokio::time::timeout(bounds.timeout, self.ask(bounds, &mut phase)).await;
        asked.unwrap_or_else(|_| {
            let hint = format!("no end within {:?}", bounds.timeout);
            Err(GetError::Theirs { phase, hint })
        })
    }

    async fn ask(&mut self, bounds: Bounds, phase: &mut Phase) -> Result<Answer, GetError> {
        // Taken out, so that a look given up halfway leaves no half-read answer to the next.
        let kept = self.kept.take().filter(|kept| !kept.sender.is_closed());
        let (connection, response) = match kept {
            Some(mut kept) => match self.send(&mut kept).await {
                Ok(response) => (kept, response),
                Err(_) => self.ask_anew(phase).await?,
            },
            None => self.ask_anew(phase).await?,
        };
        *phase = Phase::Body;
        let (head, mut body) = response.into_parts();
        let read = read_body(&mut body, bounds.body_bytes).await?;
        self.kept = Some(connection);
        let body = inflated(&head.headers, read, bounds.body_bytes)?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn ask_anew(
        &self,
        phase: &mut Phase,
    ) -> Result<(Connection, Response<Incoming>), GetError> {
        let mut connection = self.connect(phase).await?;
        *phase = Phase::FirstByte;
        let sent = self.send(&mut connection).await;
        let response = sent.map_err(|error| failure(Phase::FirstByte, &error))?;
        Ok((connection, response))
    }

    async fn send(&self, connection: &mut Connection) -> Result<Response<Incoming>, hyper::Error> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.url.path();
        *request.headers_mut() = self.headers.clone();
        if self.gzip.unwrap_or(!connection.is_loopback) {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        connection.sender.ready().await?;
        connection.sender.send_request(request).await
    }

    async fn connect(&self, phase: &mut Phase) -> Result<Connection, GetError> {
        let host = self.url.host();
        *phase = Phase::Dns;
        let found = tokio::net::lookup_host((host, self.url.port())).await;
        let addresses: Vec<_> = found.map_err(|error| failure(*phase, &error))?.collect();
        *phase = Phase::Connect;
        let stream = TcpStream::connect(&*addresses).await;
        let stream = stream.map_err(|error| failure(*phase, &error))?;
        let peer = stream.peer_addr().map_err(|error| failure(*phase, &error))?;
        stream.set_nodelay(true).map_err(|error| failure(*phase, &error))?;
        let is_loopback = peer.ip().is_loopback();
        if !self.url.is_tls() {
            return drive(stream, is_loopback).await;
        }
        *phase = Phase::Tls;
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| failure(*phase, &error))?;
        let secured = TlsConnector::from(self.roots.config()).connect(name, stream).await;
        drive(secured.map_err(|error| failure(*phase, &error))?, is_loopback).await
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("sender", &self.sender).finish_non_exhaustive()
    }
}

async fn drive<S>(stream: S, is_loopback: bool) -> Result<Connection, GetError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES);
    let made = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = made.map_err(|error| failure(Phase::Send, &error))?;
    let mut driver = JoinSet::new();
    driver.spawn(async {
        drop(connection.await); // What fails in it fails in the request too.
    });
    Ok(Connection { sender, is_loopback, _driver: driver })
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), HeaderError> {
    let bad = || HeaderError { name: clean(name, MAX_HINT_CHARS) };
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
    value.set_sensitive(true);
    headers.insert(key, value);
    Ok(())
}

async fn read_body(body: &mut Incoming, limit: usize) -> Result<Vec<u8>, GetError> {
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if claimed > limit {
        return Err(GetError::TooLarge { limit });
    }
    let mut read = Vec::with_capacity(claimed.min(FIRST_BODY_BYTES));
    while let Some(part) = body.frame().await {
        let part = part.map_err(|error| failure(Phase::Body, &error))?;
        let Ok(data) = part.into_data() else { continue };
        if read.len() + data.len() > limit {
            return Err(GetError::TooLarge { limit });
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

fn inflated(headers: &HeaderMap, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, GetError> {
    let theirs = |hint: String| GetError::Theirs { phase: Phase::Body, hint };
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(body),
        Some(b"gzip" | b"x-gzip") => {
            let mut plain = Vec::new();
            let mut reader = MultiGzDecoder::new(&*body).take(limit as u64 + 1);
            let read = reader.read_to_end(&mut plain);
            read.map_err(|error| theirs(format!("its gzip is broken: {error}")))?;
            if plain.len() > limit { Err(GetError::TooLarge { limit }) } else { Ok(plain) }
        }
        Some(other) => {
            let other = clean(&String::from_utf8_lossy(other), MAX_HINT_CHARS);
            Err(theirs(format!("the content encoding {other:?} was not asked for")))
        }
    }
}

fn failure(phase: Phase, error: &(dyn Error + 'static)) -> GetError {
    let causes = || std::iter::successors(Some(error), |&error| error.source());
    let io_cause = causes().find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(cause) = io_cause.filter(|cause| is_own_fault(cause)) {
        return GetError::Ours { reason: cause.to_string() };
    }
    let words: Vec<String> = causes().map(ToString::to_string).collect();
    GetError::Theirs { phase, hint: clean(&words.join(": "), MAX_HINT_CHARS) }
}
