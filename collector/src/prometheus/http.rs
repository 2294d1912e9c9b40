//! One bounded GET at a time, on a connection that is kept for the next.
//!
//! A fleet is scraped every few seconds, and a new connection for each look would cost more than
//! the look. So the connection stays open; if the other end closed it meanwhile, which is no fault,
//! the request is sent once more on a new one. What is behind it (name, TCP, TLS, answer) is told
//! apart by phase, so that people know how far a look came.
//!
//! Bounds: the whole exchange by one deadline, status line and headers in size, the body in size as
//! it came and as inflated. No redirect is followed and no proxy of the environment is asked.
//! Secrets are in no error, and their `Debug` hides them.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue,
    USER_AGENT,
};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use model::verdict::Phase;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::blind::is_own_fault;
use crate::text::clean;

/// How much of a status line and headers is read, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// What is set aside for a body before it comes, in bytes, whatever length it claims.
const FIRST_BODY_BYTES: usize = 64 * 1024;
/// The longest hint from an error, in characters.
const MAX_HINT_CHARS: usize = 200;

const USER_AGENT_NAME: &str = concat!("cloudbrain/", env!("CARGO_PKG_VERSION"));

/// Where to ask: `http` or `https`, a host, perhaps a port, a path and a query.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl(Uri);

/// Why a text is no [`HttpUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("{0:?} is no URL")]
    Unreadable(String),
    #[error("{0:?} does not begin with http:// or https://")]
    Scheme(String),
    #[error("a user and password belong into the settings, not into the URL")]
    UserInfo,
}

/// Something that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// How we say who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    Open,
    Basic {
        user: String,
        password: Secret,
    },
    Bearer(Secret),
}

/// A header of the user's own, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: Secret,
}

/// A header that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {name:?} cannot be sent: its name or its value is not allowed in HTTP")]
pub struct HeaderError {
    name: String,
}

/// Whose certificates are trusted. Cheap to clone; made once for all targets.
#[derive(Clone)]
pub struct TlsRoots(Arc<ClientConfig>);

/// Why there are no roots to trust.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error("there is no certificate to trust")]
    None,
    #[error("a certificate to trust cannot be read")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

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

impl HttpUrl {
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let shown = || clean(text, MAX_HINT_CHARS);
        let uri: Uri = text.parse().map_err(|_| UrlError::Unreadable(shown()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(UrlError::Scheme(shown()));
        }
        let authority = uri.authority().ok_or_else(|| UrlError::Unreadable(shown()))?;
        if authority.as_str().contains('@') {
            return Err(UrlError::UserInfo);
        }
        Ok(Self(uri))
    }

    fn is_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Without the brackets of an IPv6 address.
    fn host(&self) -> &str {
        self.0.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }
}

impl Header {
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: Secret::new(value) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Access {
    fn header(&self) -> Option<String> {
        match self {
            Self::Open => None,
            Self::Basic { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.0))))
            }
            Self::Bearer(token) => Some(format!("Bearer {}", token.0)),
        }
    }
}

impl TlsRoots {
    /// Those that this system trusts. Reads many files.
    pub fn of_system() -> Result<Self, RootsError> {
        let mut found = rustls_native_certs::load_native_certs();
        match found.errors.pop() {
            Some(error) if found.certs.is_empty() => Err(RootsError::Unreadable(error.into())),
            _ => Self::of(found.certs),
        }
    }

    /// Those in a text of PEM, and no others.
    pub fn of_pem(pem: &[u8]) -> Result<Self, RootsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::of(certificates.map_err(|error| RootsError::Unreadable(error.into()))?)
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Result<Self, RootsError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            return Err(RootsError::None);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| RootsError::Unreadable(error.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// Without the roots, which are many.
impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRoots").finish_non_exhaustive()
    }
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
        let host = url.0.authority().map_or("", |authority| authority.as_str());
        insert(&mut all, HOST.as_str(), host)?;
        insert(&mut all, USER_AGENT.as_str(), USER_AGENT_NAME)?;
        if let Some(access) = access.header() {
            insert(&mut all, AUTHORIZATION.as_str(), &access)?;
        }
        for header in headers {
            insert(&mut all, &header.name, &header.value.0)?;
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
        *request.uri_mut() = path_of(&self.url);
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
        let secured = TlsConnector::from(self.roots.0.clone()).connect(name, stream).await;
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

/// What stands in the first line of a request: path and query alone.
fn path_of(url: &HttpUrl) -> Uri {
    url.0.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from)
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
