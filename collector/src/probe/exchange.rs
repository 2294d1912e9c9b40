//! One request and its answer, on a connection of its own.
//!
//! A look must see what a newcomer would see: no proxy, no connection kept from before that would
//! hide a fault of name, network or listener. Each phase is announced to the [`Trace`] before it
//! begins, so that whoever ends the look knows how far it came. Deadlines are the caller's.
//!
//! No task is started, so a look that is dropped leaves nothing behind.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use model::verdict::{Family, Phase};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::blind::is_own_fault;
use crate::probe::answer::{Page, Reader};
use crate::probe::failure::{Failure, Trace};
use crate::probe::names::Names;
use crate::probe::tls::TlsSetup;

/// How many addresses are tried of those that a name has.
const MAX_ADDRESSES: usize = 4;
/// How much is read at once, in bytes: most answers to a probe fit.
const READ_BYTES: usize = 4096;

/// Where to connect to.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    Socket(SocketAddr),
    /// One host, in the order in which its addresses are tried.
    Sockets(&'a [SocketAddr]),
    Name {
        host: &'a str,
        port: u16,
        family: Option<Family>,
    },
}

/// How to get there.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    pub place: Place<'a>,
    pub tls: Option<&'a TlsWay>,
    /// The whole look's; with several addresses none may use up the time of the others.
    pub within: Duration,
}

/// TLS to a server of this name.
#[derive(Clone, Debug)]
pub struct TlsWay {
    pub setup: TlsSetup,
    pub name: ServerName<'static>,
    /// Go on with a certificate that is not good.
    pub is_insecure: bool,
}

/// A connection that was opened for one look.
#[derive(Debug)]
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Zero at the end. A TLS server that just hangs up has ended, too: lengths tell the rest.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => match stream.read(buffer).await {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }
}

/// Sends a request and reads the answer; `has_body` is false for `HEAD`.
pub async fn exchange(
    way: Way<'_>,
    request: &[u8],
    has_body: bool,
    names: &Names,
    trace: &mut Trace<'_>,
) -> Result<Page, Failure> {
    let mut stream = open(way, names, trace).await?;
    send(&mut stream, request, trace).await?;
    read_page(&mut stream, has_body, trace).await
}

/// Connects, and shakes hands where TLS is wanted.
pub async fn open(way: Way<'_>, names: &Names, trace: &mut Trace<'_>) -> Result<Stream, Failure> {
    let addresses = addresses(way.place, names, trace).await?;
    let stream = connect(&addresses, way.within, trace).await?;
    match way.tls {
        None => Ok(Stream::Plain(stream)),
        Some(tls) => shake_hands(stream, tls, trace).await,
    }
}

/// Sends all of it; the time of the answer begins here.
pub async fn send(
    stream: &mut Stream,
    request: &[u8],
    trace: &mut Trace<'_>,
) -> Result<(), Failure> {
    trace.begin(Phase::Send);
    stream.write_all(request).await.map_err(|error| trace.failed(&error))?;
    trace.end();
    Ok(())
}

/// The addresses of a place, in the order in which they are tried; asks for a name anew each time.
pub async fn addresses(
    place: Place<'_>,
    names: &Names,
    trace: &mut Trace<'_>,
) -> Result<Vec<SocketAddr>, Failure> {
    let (host, port, family) = match place {
        Place::Socket(address) => return Ok(vec![address]),
        Place::Sockets(addresses) => return Ok(addresses.to_vec()),
        Place::Name { host, port, family } => (host, port, family),
    };
    trace.begin(Phase::Dns);
    let found = names.addresses(host, family).await?;
    trace.end();
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// Tries the addresses in turn, as a browser would, and keeps in mind which ones were dead.
async fn connect(
    addresses: &[SocketAddr],
    within: Duration,
    trace: &mut Trace<'_>,
) -> Result<TcpStream, Failure> {
    let addresses = &addresses[..addresses.len().min(MAX_ADDRESSES)];
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let no_address = || Failure::theirs(Phase::Dns, "no address");
    let (last, others) = addresses.split_last().ok_or_else(no_address)?;
    for address in others {
        trace.begin(Phase::Connect);
        let failed = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(connected(stream, *address, trace)),
            // That we have no way to one address says nothing, as long as there is another.
            Ok(Err(error)) if is_own_fault(&error) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        trace.passed_over.push(format!("{}: {failed}", address.ip()));
    }
    trace.begin(Phase::Connect);
    match TcpStream::connect(last).await {
        Ok(stream) => Ok(connected(stream, *last, trace)),
        Err(error) if trace.passed_over.is_empty() => Err(trace.failed(&error)),
        Err(error) => {
            let all = format!("{}; {}: {error}", trace.passed_over.join("; "), last.ip());
            Err(Failure::theirs(Phase::Connect, all))
        }
    }
}

fn connected(stream: TcpStream, address: SocketAddr, trace: &mut Trace<'_>) -> TcpStream {
    trace.end();
    trace.peer = Some(address);
    stream
}

async fn shake_hands(
    stream: TcpStream,
    tls: &TlsWay,
    trace: &mut Trace<'_>,
) -> Result<Stream, Failure> {
    trace.begin(Phase::Tls);
    // A handshake is several small writes in turn, and each would wait for the other end's word
    // that it has the one before. A plain request is one write, and needs no such thing.
    stream.set_nodelay(true).map_err(|error| trace.failed(&error))?;
    let connector = TlsConnector::from(tls.setup.config.clone());
    let shaken = connector.connect(tls.name.clone(), stream).await;
    let stream = shaken.map_err(|error| trace.failed(&error))?;
    trace.end();
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    trace.certificate = tls.setup.judge(chain, &tls.name, trace.clock().now());
    let Some(certificate) = &trace.certificate else {
        return Err(Failure::theirs(Phase::Tls, "the certificate cannot be read"));
    };
    match certificate.complaint().filter(|_| !tls.is_insecure) {
        Some(complaint) => Err(Failure::theirs(Phase::Tls, complaint)),
        None => Ok(Stream::Tls(Box::new(stream))),
    }
}

async fn read_page(
    stream: &mut Stream,
    has_body: bool,
    trace: &mut Trace<'_>,
) -> Result<Page, Failure> {
    let mut reader = Reader::new(has_body);
    let mut buffer = vec![0; READ_BYTES];
    let mut phase = Phase::FirstByte;
    trace.begin(phase);
    while !reader.is_done() {
        let length = stream.read(&mut buffer).await.map_err(|error| trace.failed(&error))?;
        if length == 0 {
            break;
        }
        let fed = reader.feed(&buffer[..length]);
        if reader.has_head() && phase == Phase::FirstByte {
            trace.end();
            phase = Phase::Body;
            trace.begin(phase);
        }
        fed.map_err(|broken| trace.failed(&broken))?;
    }
    let page = reader.finish().map_err(|broken| trace.failed(&broken))?;
    trace.end();
    Ok(page)
}
