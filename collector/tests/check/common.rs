//! What all these tests need: a check from its text, a look at it in words, a server that does as it
//! is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collector::check::{CheckSpec, CheckTarget, CheckWatch};
use collector::look::{Answer, Look};
use collector::probe::Prober;
use model::clock::{Clock, SharedClock};
use model::series::{Labels, is_stale};
use model::time::Time;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// 2027-01-15: when everything here happens.
pub(crate) const NOW: Time = Time::from_millis(1_800_000_000_000);

/// The wall clock stands still, so that certificates keep their age; time goes by all the same.
struct TestClock(tokio::time::Instant);

impl Clock for TestClock {
    fn now(&self) -> Time {
        NOW
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of these tests")]
pub(crate) fn clock() -> SharedClock {
    SharedClock::new(TestClock(tokio::time::Instant::now()))
}

/// What a server does with a connection, once it has read a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Sends this and hangs up.
    Say(Vec<u8>),
    /// Sends this and then nothing more.
    Hang(Vec<u8>),
    /// Sends this again and again.
    Repeat(Vec<u8>),
}

/// Each connection gets the next of the list; the last one is for all that follow.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn that(does: impl IntoIterator<Item = Does>) -> Self {
        Self::over(does, None).await
    }

    pub(crate) async fn over(
        does: impl IntoIterator<Item = Does>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (list, ears): (Vec<Does>, _) = (does.into_iter().collect(), heard.clone());
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let next = list[number.min(list.len() - 1)].clone();
                number += 1;
                let (ears, tls) = (ears.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, next, &ears).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, next, &ears).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, heard }
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panics in here").clone()
    }
}

/// Whoever speaks first gets an answer; a client that waits for a banner gets it after a moment.
async fn serve<S>(mut stream: S, does: Does, ears: &Mutex<Vec<String>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = vec![0; 64 * 1024];
    let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut request)).await;
    if let Ok(Ok(length @ 1..)) = read {
        let text = String::from_utf8_lossy(&request[..length]).into_owned();
        ears.lock().expect("no test panics in here").push(text);
    }
    // The other end may have had enough of it.
    match does {
        Does::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Does::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            std::future::pending().await
        }
        Does::Repeat(bytes) => while stream.write_all(&bytes).await.is_ok() {},
    }
}

/// A check, from the text that would stand in a file. `ADDR` stands for an address.
pub(crate) fn spec(text: &str, address: SocketAddr) -> CheckSpec {
    let text = text.replace("ADDR", &address.to_string());
    let spec: CheckSpec = serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
    spec
}

pub(crate) fn watch(spec: CheckSpec, prober: Prober) -> CheckWatch {
    let errors: Vec<_> = spec.problems().into_iter().filter(|problem| problem.is_error).collect();
    assert_eq!(errors, [], "a check with errors is not made");
    let common = Labels::of([("project", "shop")]);
    CheckWatch::new(CheckTarget { spec: Arc::new(spec), common, pins: BTreeMap::new() }, prober)
}

/// Looks once, and tells how it went. `ADDR` stands for the address again.
pub(crate) async fn told(text: &str, address: SocketAddr) -> String {
    let spec = spec(text, address);
    let timeout = spec.common().timeout.0;
    let look = watch(spec, Prober::new()).look(timeout, &clock()).await;
    in_words(&look.answer).replace(&address.to_string(), "ADDR")
}

pub(crate) fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Up => "up".to_owned(),
        Answer::Down { phase, hint } => format!("down: {phase}: {hint}"),
        Answer::Misconfigured { what, remedy } => format!("misconfigured: {what}: {remedy}"),
        Answer::Blind { reason } => format!("blind: {reason}"),
    }
}

/// The names of its series, with the values of those that do not depend on the machine.
pub(crate) fn rows(look: &Look) -> String {
    let mut lines = String::new();
    for row in &look.rows {
        lines += &format!("{:?}\n", row.shape.common);
        for (labels, value) in row.shape.columns.iter().zip(&row.values) {
            let is_time = labels.get("__name__").ends_with("_seconds");
            lines += &match (is_stale(*value), is_time) {
                (true, _) => format!("{labels} ended\n"),
                (false, true) => format!("{labels}\n"),
                (false, false) => format!("{labels} {value}\n"),
            };
        }
    }
    lines
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Does {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    Does::Say(text.into_bytes())
}
