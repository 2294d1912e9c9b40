//! One mail to one SMTP server.
//!
//! `lettre` knows the protocol. Here is what it leaves open: which recipients were refused while
//! others were not, how far a talk had come when it broke off, and a bound on what the server may
//! say, which lettre reads line by line without one.
//!
//! A 4xx answer means later, a 5xx never, each with the server's own words. Once the mail is on its
//! way, silence means that nobody knows.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use alerter::hands::ChannelError;
use lettre::Address;
use lettre::transport::smtp::Error;
pub(super) use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::email::Encryption;
use super::settings::Ground;
use super::text::clean;

/// How much a server may say in one talk, TLS included, in bytes. A talk needs a quarter of it; lettre
/// reads an answer of many lines from its beginning at each line.
const MAX_HEARD_BYTES: usize = 32 << 10;
/// The longest words of a server that are passed on, in characters.
const MAX_DETAIL_CHARS: usize = 200;
/// Mail servers make strangers wait: a talk has so many times the usual patience.
const PATIENCES: u32 = 3;

/// A server, and how to talk to it.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Encryption,
    implicit: Arc<ClientConfig>,
    starttls: TlsParameters,
    credentials: Option<Credentials>,
    patience: Duration,
}

impl Server {
    pub(super) fn new(
        host: String,
        port: u16,
        tls: Encryption,
        credentials: Option<Credentials>,
        ground: &Ground,
    ) -> Result<Self, String> {
        ServerName::try_from(host.clone()).map_err(|_| format!("{host:?} is no host"))?;
        let mut starttls =
            TlsParameters::builder(host.clone()).certificate_store(CertificateStore::None);
        for root in ground.trust.roots.iter() {
            // Whoever collected the roots may have met one that nobody can read.
            if let Ok(root) = Certificate::from_der(root.to_vec()) {
                starttls = starttls.add_root_certificate(root);
            }
        }
        let starttls = starttls.build_rustls().map_err(|error| error.to_string())?;
        let (implicit, patience) = (ground.trust.config.clone(), ground.patience * PATIENCES);
        Ok(Self { host, port, tls, implicit, starttls, credentials, patience })
    }

    /// Gives one mail to all who are not refused. What comes back is what was said of those who
    /// were.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: Vec<Address>,
        mail: &[u8],
    ) -> Result<Option<String>, ChannelError> {
        let mut is_on_its_way = false;
        let talk = async {
            let mut connection = self.connect().await?;
            let refused = envelope(&mut connection, from, to, mail).await?;
            is_on_its_way = true;
            let answered = connection.message(mail).await;
            answered.map_err(|error| match error.status() {
                Some(_) => told(&error),
                None => ChannelError::Unclear(words(&error)),
            })?;
            // It is delivered, whatever becomes of the farewell.
            let _ = timeout(self.patience / 10, connection.quit()).await;
            Ok(refused)
        };
        let ended = timeout(self.patience, talk).await;
        let late = format!("not done within {:?}", self.patience);
        let ended = ended.unwrap_or(match is_on_its_way {
            true => Err(ChannelError::Unclear(late)),
            false => Err(ChannelError::Retry { detail: late, after: None }),
        });
        ended.map_err(|error| self.named(error))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, ChannelError> {
        let unsent =
            |error: io::Error| ChannelError::Retry { detail: error.to_string(), after: None };
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unsent)?;
        let peer = stream.peer_addr().map_err(unsent)?;
        let stream: Box<dyn AsyncTokioStream> = match self.tls {
            Encryption::Implicit => {
                let name = ServerName::try_from(self.host.clone()).expect("it was tried before");
                let connector = TlsConnector::from(self.implicit.clone());
                let stream = connector.connect(name, stream).await.map_err(unsent)?;
                Box::new(Bounded { inner: stream, left: MAX_HEARD_BYTES, peer })
            }
            Encryption::Starttls | Encryption::None => {
                Box::new(Bounded { inner: stream, left: MAX_HEARD_BYTES, peer })
            }
        };
        let hello = ClientId::default();
        let greeted = AsyncSmtpConnection::connect_with_transport(stream, &hello).await;
        let mut connection = greeted.map_err(|error| told(&error))?;
        if self.tls == Encryption::Starttls {
            if !connection.can_starttls() {
                let detail = "it offers no STARTTLS; write tls: implicit or, where nobody listens, \
                              tls: none";
                return Err(ChannelError::Refused(detail.to_owned()));
            }
            let secured = connection.starttls(self.starttls.clone(), &hello).await;
            secured.map_err(|error| told(&error))?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, credentials).await.map_err(|error| told(&error))?;
        }
        Ok(connection)
    }

    fn named(&self, error: ChannelError) -> ChannelError {
        let named = |detail: String| format!("{}: {detail}", self.host);
        match error {
            ChannelError::Retry { detail, after } => {
                ChannelError::Retry { detail: named(detail), after }
            }
            ChannelError::Unclear(detail) => ChannelError::Unclear(named(detail)),
            ChannelError::Refused(detail) => ChannelError::Refused(named(detail)),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} {:?}", self.host, self.port, self.tls)
    }
}

/// All that comes before the mail itself. Returns what was said of recipients that were refused.
async fn envelope(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: Vec<Address>,
    mail: &[u8],
) -> Result<Option<String>, ChannelError> {
    let has_utf8 = to.iter().any(|to| !AsRef::<str>::as_ref(to).is_ascii());
    let mut options = Vec::new();
    if has_utf8 {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let detail = "it takes no addresses beyond ASCII";
            return Err(ChannelError::Refused(detail.to_owned()));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    debug_assert!(mail.is_ascii(), "lettre encodes all parts and headers");
    let begun = connection.command(Mail::new(Some(from.clone()), options)).await;
    begun.map_err(|error| told(&error))?;
    let count = to.len();
    let mut refused = Vec::new();
    for recipient in to {
        let name = recipient.to_string();
        if let Err(error) = connection.command(Rcpt::new(recipient, Vec::new())).await {
            // Without an answer the whole talk has failed; with one, the others get theirs now.
            if error.status().is_none() {
                return Err(told(&error));
            }
            refused.push((name, error));
        }
    }
    if refused.len() == count {
        // Later, if that may help any of them.
        let told = refused.iter().map(|(_, error)| told(error));
        let worst = told.reduce(|a, b| if matches!(a, ChannelError::Retry { .. }) { a } else { b });
        return Err(worst.unwrap_or_else(|| ChannelError::Refused("no recipient".to_owned())));
    }
    connection.command(Data).await.map_err(|error| told(&error))?;
    let complaints: Vec<String> =
        refused.iter().map(|(name, error)| format!("{name}: {}", words(error))).collect();
    Ok((!complaints.is_empty()).then(|| clean(&complaints.join("; "), MAX_DETAIL_CHARS)))
}

fn told(error: &Error) -> ChannelError {
    let detail = words(error);
    match error.is_permanent() || error.is_client() {
        true => ChannelError::Refused(detail),
        false => ChannelError::Retry { detail, after: None },
    }
}

/// The error with its causes, the server's own words among them.
fn words(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    words.dedup_by(|later, earlier| earlier.contains(&**later));
    clean(&words.join(": "), MAX_DETAIL_CHARS)
}

/// A stream that ends in an error once too much was read from it.
struct Bounded<S> {
    inner: S,
    left: usize,
    peer: SocketAddr,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        let more = buffer.filled().len() - before;
        match self.left.checked_sub(more) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(io::Error::other("the server says too much"))),
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for Bounded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bounded({} bytes left)", self.left)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> AsyncTokioStream for Bounded<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
