//! What a probe costs: probes a second, and CPU-seconds per 10,000 probes.
//!
//! The other end must not be counted, so it is another process: nginx, or this program as
//! `serve PORT`. Give several addresses to spread the connections over, since each pair of
//! addresses has only some ten thousand ports, and a closed connection keeps its port for a while.
//!
//! ```text
//! probe_rate serve 21900 &
//! probe_rate probe 100000 32 127.0.0.{1..20}:21900
//! probe_rate flood 32 urls.json          for ever: whoever measures from outside stops it
//! ```
//!
//! One thread does it all, as a share of the brain's runtime would. The CPU time is the process's
//! own, user and system, of the kernel's accounts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use collector::poller::{ProbeAddress, ProbeSpec};
use collector::probe::Prober;
use model::clock::{Clock, SharedClock};
use model::id::{ModuleId, VmId};
use model::time::Time;
use model::verdict::{ProbeTarget, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const USAGE: &str =
    "probe_rate serve PORT | probe PROBES AT_ONCE ADDRESS... | flood AT_ONCE URLS.json";
/// What the kernel counts CPU time in: hundredths of a second, on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n200";

#[derive(Debug)]
struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Time {
        Time::default()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", port] => serve(port.parse().expect(USAGE)).await,
        ["probe", probes, at_once, addresses @ ..] => {
            let addresses = addresses.iter().map(|text| text.parse().expect(USAGE));
            let specs = addresses.map(|address| spec(address, collector::monitor_x::path("js")));
            let lanes = Lanes::new(specs.collect());
            lanes.measure(probes.parse().expect(USAGE), at_once.parse().expect(USAGE)).await;
        }
        ["flood", at_once, urls] => {
            let urls = std::fs::read_to_string(urls).expect(USAGE);
            let urls: Vec<String> = serde_json::from_str(&urls).expect("a list of URLs");
            let lanes = Lanes::new(urls.iter().map(|url| spec_of_url(url)).collect());
            lanes.run(usize::MAX, at_once.parse().expect(USAGE), |_| ()).await;
        }
        _ => panic!("{USAGE}"),
    }
}

async fn serve(port: u16) {
    let listener = TcpListener::bind(("0.0.0.0", port)).await.expect("a free port");
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await;
            let _: Result<_, std::io::Error> = stream.write_all(ANSWER).await;
            drop(read);
        });
    }
}

/// What all lanes share: each takes the next probe as soon as it has ended one.
#[derive(Clone)]
struct Lanes {
    specs: Arc<Vec<ProbeSpec>>,
    clock: SharedClock,
    prober: Prober,
    next: Arc<AtomicUsize>,
}

impl Lanes {
    fn new(specs: Vec<ProbeSpec>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a program of its own, with its own clock")]
        let clock = SharedClock::new(Monotonic(Instant::now()));
        Self { specs: Arc::new(specs), clock, prober: Prober::new(), next: Arc::default() }
    }

    /// Makes so many probes; gives what `keep` made of each.
    async fn run<T: Send + 'static>(
        &self,
        probes: usize,
        at_once: usize,
        keep: fn(&Verdict) -> T,
    ) -> Vec<T> {
        let mut running = JoinSet::new();
        for _ in 0..at_once {
            let Self { specs, clock, prober, next } = self.clone();
            running.spawn(async move {
                let mut kept = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= probes {
                        return kept;
                    }
                    let spec = &specs[number % specs.len()];
                    kept.push(keep(&prober.probe(spec, Duration::from_secs(5), &clock).await));
                }
            });
        }
        running.join_all().await.into_iter().flatten().collect()
    }

    #[expect(clippy::print_stdout, reason = "the figures are what it is for")]
    async fn measure(&self, probes: usize, at_once: usize) {
        let (began, cpu_before) = (self.clock.elapsed(), cpu_seconds());
        let mut tooks = self
            .run(probes, at_once, |verdict| {
                assert!(verdict.outcome.is_healthy(), "{verdict:?}");
                verdict.timings.named().into_iter().filter_map(|(_, span)| span).sum::<Duration>()
            })
            .await;
        let (wall, cpu) = (self.clock.elapsed() - began, cpu_seconds() - cpu_before);
        tooks.sort();
        println!(
            "{probes} probes, {at_once} at once: {:.0} probes/s, {:.2} CPU-s per 10,000, \
             p50 {:.2} ms, p99 {:.2} ms",
            probes as f64 / wall.as_secs_f64(),
            cpu * 10_000.0 / probes as f64,
            tooks[tooks.len() / 2].as_secs_f64() * 1e3,
            tooks[tooks.len() * 99 / 100].as_secs_f64() * 1e3,
        );
    }
}

fn spec(address: SocketAddr, path: String) -> ProbeSpec {
    let module = ModuleId::parse("shop/web").expect("a valid id");
    let vm = VmId::parse("web-1").expect("a valid id");
    ProbeSpec {
        target: ProbeTarget::Vm { module, vm },
        address: ProbeAddress::Socket(address),
        host_header: "www.yy.com".to_owned(),
        path,
    }
}

/// `http://ADDRESS:PORT/PATH`, without a name.
fn spec_of_url(url: &str) -> ProbeSpec {
    let (address, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL");
    spec(address.parse().expect("an address and a port"), format!("/{path}"))
}

/// User and system time of this process: the fields 14 and 15, counted after its name.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit_once(')').expect("a name in brackets").1.split_whitespace();
    let ticks: f64 =
        fields.skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / TICKS_PER_SECOND
}
