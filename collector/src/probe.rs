//! One look at an application: one HTTP GET on a connection of its own.
//!
//! A probe must see what a user would see, and nothing else: no proxy from the environment, no
//! redirect followed, no connection reused that would hide a fault of name, network or listener.
//! And when it fails, people need to know how far it came; so the phases are told apart.
//!
//! One deadline rules the whole look, however the other end trickles its answer. Of a body only
//! the first part is read. What fails on our own side gives [`Outcome::Blind`], never a fault of
//! the application. A name that does not resolve counts against the application, for one look
//! cannot know whether other names do.
//!
//! Plain HTTP only.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CACHE_CONTROL, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::clock::SharedClock;
use model::verdict::{Outcome, Phase, Verdict};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::Sleep;

use crate::blind::is_own_fault;
use crate::monitor_x::judge;
use crate::targets::{ProbeAddress, ProbeSpec, ReadyCheck, ReadySpec};
use crate::text::clean;

/// How much of a body is read, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How much of a status line and headers is read, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The longest hint from an error, in characters.
const MAX_HINT_CHARS: usize = 200;

const USER_AGENT_NAME: &str = concat!("cloudbrain/", env!("CARGO_PKG_VERSION"));

/// Whether a program is ready, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub ready: bool,
    /// One line for people.
    pub detail: String,
}

/// Probes an application by the Monitor.X contract, within `timeout` in all.
pub async fn probe(spec: &ProbeSpec, timeout: Duration, clock: &SharedClock) -> Verdict {
    let (at, mut began) = (clock.now(), clock.elapsed());
    let looked = look(spec, &mut Deadline::after(timeout), clock, &mut began).await;
    let took = clock.elapsed().saturating_sub(began);
    let outcome = looked.unwrap_or_else(Outcome::from);
    Verdict { target: spec.target.clone(), at, outcome, took }
}

/// Looks once whether a program is ready, within the time that `spec` gives.
pub async fn ready(spec: &ReadySpec) -> Readiness {
    let mut deadline = Deadline::after(spec.timeout);
    let looked = match &spec.check {
        ReadyCheck::Tcp => connect(&[spec.address], &mut deadline).await.map(|_| None),
        ReadyCheck::Http { path, expect_status } => {
            let status = status_of(spec.address, path, &mut deadline).await;
            status.map(|status| (status != *expect_status).then(|| format!("status {status}")))
        }
    };
    match looked {
        Ok(None) => Readiness { ready: true, detail: "ready".to_owned() },
        Ok(Some(detail)) => Readiness { ready: false, detail },
        Err(failure) => Readiness { ready: false, detail: failure.to_string() },
    }
}

/// Why a look ended without an answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{phase}: {hint}")]
    Theirs { phase: Phase, hint: String },
    #[error("could not look: {reason}")]
    Ours { reason: String },
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Theirs { phase, hint } => Self::Unhealthy { phase, hint },
            Failure::Ours { reason } => Self::Blind { reason },
        }
    }
}

/// The end of a whole look, which each of its phases runs against.
struct Deadline {
    span: Duration,
    end: Pin<Box<Sleep>>,
}

impl Deadline {
    fn after(span: Duration) -> Self {
        Self { span, end: Box::pin(tokio::time::sleep(span)) }
    }

    /// Carries out one phase, or fails in it.
    async fn run<T, E>(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure>
    where
        E: Error + 'static,
    {
        tokio::select! {
            done = work => done.map_err(|error| failure(phase, &error)),
            () = &mut self.end => {
                let hint = format!("no end within {:?}", self.span);
                Err(Failure::Theirs { phase, hint })
            }
        }
    }
}

/// A connection with one request under way; dropping it closes the connection.
struct Exchange {
    response: Response<Incoming>,
    _driver: JoinSet<()>,
}

/// `began` is moved to the moment when the request is sent, once it comes to that.
async fn look(
    spec: &ProbeSpec,
    deadline: &mut Deadline,
    clock: &SharedClock,
    began: &mut Duration,
) -> Result<Outcome, Failure> {
    let request = request(&spec.host_header, &spec.path)?;
    let addresses = resolve(&spec.address, deadline).await?;
    let stream = connect(&addresses, deadline).await?;
    *began = clock.elapsed();
    let mut exchange = send(stream, request, deadline).await?;
    let body = deadline.run(Phase::Body, read_body(exchange.response.body_mut())).await?;
    Ok(judge(exchange.response.status().as_u16(), exchange.response.headers(), &body))
}

async fn status_of(
    address: SocketAddr,
    path: &str,
    deadline: &mut Deadline,
) -> Result<u16, Failure> {
    let request = request(&address.to_string(), path)?;
    let stream = connect(&[address], deadline).await?;
    Ok(send(stream, request, deadline).await?.response.status().as_u16())
}

async fn resolve(
    address: &ProbeAddress,
    deadline: &mut Deadline,
) -> Result<Vec<SocketAddr>, Failure> {
    let (host, port) = match address {
        ProbeAddress::Socket(address) => return Ok(vec![*address]),
        ProbeAddress::Resolve { host, port } => (host.as_str(), *port),
    };
    let found: Vec<_> = deadline.run(Phase::Dns, lookup_host((host, port))).await?.collect();
    if found.is_empty() {
        return Err(Failure::Theirs { phase: Phase::Dns, hint: "no address".to_owned() });
    }
    Ok(found)
}

/// Tries the addresses in turn, as a browser would.
async fn connect(addresses: &[SocketAddr], deadline: &mut Deadline) -> Result<TcpStream, Failure> {
    deadline.run(Phase::Connect, TcpStream::connect(addresses)).await
}

fn request(host: &str, path: &str) -> Result<Request<Empty<Bytes>>, Failure> {
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, USER_AGENT_NAME)
        .header(CACHE_CONTROL, "no-cache")
        .body(Empty::new());
    // Our own files name a host or a path that cannot be sent: no fault of the application.
    request.map_err(|error| Failure::Ours { reason: format!("{host}{path}: {error}") })
}

async fn send(
    stream: TcpStream,
    request: Request<Empty<Bytes>>,
    deadline: &mut Deadline,
) -> Result<Exchange, Failure> {
    let mut client = http1::Builder::new();
    client.max_buf_size(MAX_HEAD_BYTES);
    let handshake = client.handshake(TokioIo::new(stream));
    let (mut sender, connection) = deadline.run(Phase::Send, handshake).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async {
        drop(connection.await); // What fails in it fails in the request too.
    });
    let response = deadline.run(Phase::FirstByte, sender.send_request(request)).await?;
    Ok(Exchange { response, _driver: driver })
}

/// The body, or as much of it as is wanted.
async fn read_body(body: &mut Incoming) -> Result<Bytes, hyper::Error> {
    let mut read = BytesMut::new();
    while read.len() < MAX_BODY_BYTES {
        let Some(part) = body.frame().await else { break };
        if let Ok(data) = part?.into_data() {
            read.extend_from_slice(&data);
        }
    }
    read.truncate(MAX_BODY_BYTES);
    Ok(read.freeze())
}

fn failure(phase: Phase, error: &(dyn Error + 'static)) -> Failure {
    let cause = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(cause) = cause.filter(|cause| is_own_fault(cause)) {
        return Failure::Ours { reason: cause.to_string() };
    }
    let broke_off = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
    let phase = if phase == Phase::FirstByte && broke_off { Phase::Send } else { phase };
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    Failure::Theirs { phase, hint: clean(&words.join(": "), MAX_HINT_CHARS) }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::clock::FixedClock;
    use model::id::{ModuleId, VmId};
    use model::time::Time;
    use model::verdict::ProbeTarget;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn spec(address: ProbeAddress) -> ProbeSpec {
        let target = ProbeTarget::Vm {
            module: ModuleId::parse("shop/web").unwrap(),
            vm: VmId::parse("web-1").unwrap(),
        };
        let host_header = "www.yy.com".to_owned();
        ProbeSpec { target, address, host_header, path: "/monitor/monitor.js".to_owned() }
    }

    fn clock() -> SharedClock {
        SharedClock::new(FixedClock(Time::from_millis(7)))
    }

    fn shown(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Healthy { doubt } => format!("healthy {doubt:?}"),
            Outcome::Unhealthy { phase, hint } => format!("{phase}: {hint}"),
            Outcome::Blind { reason } => format!("blind: {reason}"),
        }
    }

    /// Listens for one connection, reads a request, writes `answer`, and closes or holds on.
    async fn server(answer: Vec<u8>, then_close: bool) -> (SocketAddr, oneshot::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (said, request) = oneshot::channel();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let length = stream.read(&mut buffer).await.unwrap();
            stream.write_all(&answer).await.unwrap();
            said.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).unwrap();
            if !then_close {
                std::future::pending::<()>().await;
            }
        });
        (address, request)
    }

    async fn answered(answer: impl Into<Vec<u8>>) -> String {
        let (address, _request) = server(answer.into(), true).await;
        shown(&probe(&spec(ProbeAddress::Socket(address)), LONG, &clock()).await.outcome)
    }

    /// Probes a server that answers so much and no more; its deadline comes once that was sent.
    async fn hung_after(answer: &[u8]) -> String {
        let (address, request) = server(answer.to_vec(), false).await;
        let time_passes = async {
            request.await.unwrap();
            tokio::time::pause();
        };
        let spec = spec(ProbeAddress::Socket(address));
        let clock = clock();
        let (verdict, ()) = tokio::join!(probe(&spec, LONG, &clock), time_passes);
        shown(&verdict.outcome)
    }

    #[tokio::test]
    async fn the_request_is_as_plain_as_the_contract_wants_it() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n200";
        let (address, request) = server(answer.to_vec(), false).await;
        let verdict = probe(&spec(ProbeAddress::Socket(address)), LONG, &clock()).await;
        assert_eq!(verdict.outcome, Outcome::Healthy { doubt: None });
        assert_eq!(verdict.at, Time::from_millis(7));
        let expected = format!(
            "GET /monitor/monitor.js HTTP/1.1\r\nhost: www.yy.com\r\n\
             user-agent: {USER_AGENT_NAME}\r\ncache-control: no-cache\r\n\r\n"
        );
        assert_eq!(request.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn each_wrong_answer_names_its_phase() {
        assert_eq!(
            answered("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n200").await,
            "redirect: redirects to /login"
        );
        assert_eq!(answered("HTTP/1.1 500 No\r\n\r\n200").await, "status: status 500: 200");
        assert_eq!(answered("HTTP/1.1 200 OK\r\n\r\nfine").await, "content: fine");
        assert_eq!(
            answered("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n200").await,
            "body: error reading a body from connection: end of file before message length reached"
        );
        assert_eq!(answered("").await, "first byte: connection closed before message completed");
        assert_eq!(
            answered("SSH-2.0-OpenSSH\r\n").await,
            "first byte: invalid HTTP version parsed"
        );
    }

    #[tokio::test]
    async fn a_sign_that_is_split_over_two_chunks_is_found() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(
            answered(format!("{chunked}1\r\n2\r\n2\r\n00\r\n0\r\n\r\n")).await,
            "healthy None"
        );
    }

    #[tokio::test]
    async fn of_an_endless_page_the_beginning_counts() {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        let late = format!("{head}{}200", "x".repeat(MAX_BODY_BYTES));
        assert!(answered(late).await.starts_with("content: xxx"));
        // It never ends, and its end is not waited for.
        let early = format!("{head}200{}", "x".repeat(MAX_BODY_BYTES));
        assert!(hung_after(early.as_bytes()).await.starts_with("healthy"));
    }

    #[tokio::test]
    async fn an_endless_head_is_refused() {
        let answer = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(2 * MAX_HEAD_BYTES));
        assert_eq!(answered(answer).await, "first byte: message head is too large");
    }

    #[tokio::test]
    async fn whoever_hangs_is_left_at_the_deadline() {
        assert_eq!(hung_after(b"").await, "first byte: no end within 60s");
    }

    #[tokio::test]
    async fn whoever_trickles_is_left_at_the_deadline() {
        let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n200\r\n";
        assert_eq!(hung_after(endless).await, "body: no end within 60s");
    }

    #[tokio::test]
    async fn a_dead_port_fails_at_connect_and_a_dead_name_at_dns() {
        let address = dead_port().await;
        let refused = probe(&spec(ProbeAddress::Socket(address)), LONG, &clock()).await;
        assert_eq!(shown(&refused.outcome), "connect: Connection refused (os error 111)");
        // Too long for a name, so that no resolver is asked.
        let nowhere = ProbeAddress::Resolve { host: "x".repeat(64), port: 80 };
        let unknown = probe(&spec(nowhere), LONG, &clock()).await;
        assert!(shown(&unknown.outcome).starts_with("dns: "), "{unknown:?}");
    }

    #[tokio::test]
    async fn what_we_cannot_do_is_not_held_against_the_application() {
        let no_route = failure(Phase::Connect, &io::Error::from_raw_os_error(101));
        assert_eq!(shown(&no_route.into()), "blind: Network is unreachable (os error 101)");
        let mut unsendable = spec(ProbeAddress::Socket(dead_port().await));
        unsendable.host_header = "www\r\nX: y".to_owned();
        let verdict = probe(&unsendable, LONG, &clock()).await;
        assert!(shown(&verdict.outcome).starts_with("blind: "), "{verdict:?}");
    }

    #[tokio::test]
    async fn readiness_is_a_status_or_a_connection() {
        let ready_by = |address, check| async move {
            let (vm, every) = (VmId::parse("web-1").unwrap(), Duration::from_secs(1));
            let spec = ReadySpec { vm, assignment: 1, address, check, every, timeout: LONG };
            ready(&spec).await.detail
        };
        let http = || ReadyCheck::Http { path: "/ready".to_owned(), expect_status: 204 };
        // The body never comes, and is not waited for.
        let (good, _) = server(b"HTTP/1.1 204 OK\r\n\r\n".to_vec(), false).await;
        assert_eq!(ready_by(good, http()).await, "ready");
        let (bad, _) =
            server(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n".to_vec(), false).await;
        assert_eq!(ready_by(bad, http()).await, "status 503");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(ready_by(listener.local_addr().unwrap(), ReadyCheck::Tcp).await, "ready");
        let dead = ready_by(dead_port().await, ReadyCheck::Tcp).await;
        assert_eq!(dead, "connect: Connection refused (os error 111)");
    }

    async fn dead_port() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }
}
