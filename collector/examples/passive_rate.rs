//! What asking agents costs: passive checks a second, and the CPU time of ours that each takes.
//!
//! `cargo run --release -p collector --example passive_rate -- ADDRESS SECONDS AGENTS [PACE]` asks
//! the agent at ADDRESS as though it were so many, each for six figures. A check is one answer to
//! one key. Without a PACE it is asked as fast as it answers, and that is the client alone.
//! `each-second` asks each agent once a second in the way of the brain: the poller on a thread of
//! its own, and what it senses taken by the handful on another. All threads count; what is found out
//! at first does not. `each-second-apart` is the same for an agent that listens at as many
//! addresses, counted up from ADDRESS, as machines have: few looks at one address are taken at once.
//! `passive_rate serve ADDRESS` is our own agent, to be asked by another process.

#![expect(clippy::print_stdout, reason = "its figures are for whoever runs it")]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collector::agent;
use collector::figures::{MachineFigures, run_sampler};
use collector::gauges::Gauges;
use collector::passive::PassiveClient;
use collector::poller::{self, AgentTarget, Pace, Sensed, Targets};
use model::clock::{Clock, SharedClock};
use model::metric::{Beat, Metric, TABLE};
use model::time::Time;
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};

/// Which of the table: uptime and loads. Any agent answers them at once, while `zabbix_agentd`
/// counts the connections of a busy machine for 70 ms.
const ASKED: Range<usize> = 5..11;
const TIMEOUT: Duration = Duration::from_secs(3);
const EACH_SECOND: Duration = Duration::from_secs(1);
/// By then each agent was asked, and so it is known how it wants to be asked.
const FINDING_OUT: Duration = Duration::from_secs(2);
/// As the brain has them: looks at once, the places in its inbox, and how long it gathers.
const POLLS_AT_ONCE: usize = 256;
const INBOX: usize = 1024;
const GATHER: Duration = Duration::from_millis(20);

struct RealClock(Instant);

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "a measurement has no other clock")]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What is counted over all agents.
#[derive(Default)]
struct Counts {
    checks: AtomicU64,
    /// Polls that brought nothing, or not all.
    broken: AtomicU64,
}

/// All there was at one moment.
struct Mark {
    at: Duration,
    cpu_seconds: f64,
    checks: u64,
    broken: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    if let [_, address] = &arguments[..] {
        return runtime.block_on(serve(address.parse()?));
    }
    let [address, seconds, agents, pace @ ..] = &arguments[..] else {
        return Err("serve ADDRESS, or ADDRESS SECONDS AGENTS [each-second[-apart]]".into());
    };
    let pace = pace.first().map(String::as_str);
    let address: SocketAddr = address.parse()?;
    let agents = targets(address, agents.parse()?, pace == Some("each-second-apart"));
    let span = Duration::from_secs(seconds.parse()?);
    let (counts, clock) = (Arc::new(Counts::default()), clock());
    if pace.is_some() {
        look_each_second(&runtime, agents, counts.clone(), clock.clone())?;
    } else {
        ask_without_pause(&runtime, agents, &counts, &clock);
    }
    let (from, to) = runtime.block_on(async {
        tokio::time::sleep(FINDING_OUT).await;
        let from = Mark::of(&counts, &clock);
        tokio::time::sleep(span).await;
        (from, Mark::of(&counts, &clock))
    });
    println!("{address}: {}", difference(&from, &to));
    Ok(())
}

async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    let figures = Arc::new(MachineFigures::default());
    tokio::spawn(run_sampler(figures.clone(), Duration::from_secs(1)));
    agent::serve(listener, "here".to_owned(), figures).await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement has no other clock")]
fn clock() -> SharedClock {
    SharedClock::new(RealClock(Instant::now()))
}

fn targets(first: SocketAddr, agents: u32, apart: bool) -> Vec<AgentTarget> {
    let address = |agent| match first.ip() {
        IpAddr::V4(ip) if apart => {
            SocketAddr::from((Ipv4Addr::from_bits(ip.to_bits() + agent), first.port()))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => first,
    };
    let object = |agent| format!("host/agent-{agent}").parse().expect("a good name");
    let target = |agent| AgentTarget::new(object(agent), address(agent));
    (0..agents).map(target).collect()
}

fn client() -> PassiveClient {
    let table: &'static [Metric] = &TABLE[ASKED];
    assert!(table.iter().all(|metric| metric.beat == Beat::Poll), "all are asked for each time");
    PassiveClient::asking_for(table)
}

/// As `brain/looks.rs` does it, until the process ends.
fn look_each_second(
    runtime: &Runtime,
    agents: Vec<AgentTarget>,
    counts: Arc<Counts>,
    clock: SharedClock,
) -> Result<(), Box<dyn Error>> {
    let (out, mut sensed) = mpsc::channel(INBOX);
    let (rows, no_rows) = mpsc::channel(1);
    let looks = Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || {
        let targets = Targets { agents, ..Targets::default() };
        let (_targets, receiver) = watch::channel(Arc::new(targets));
        let pace = Pace { interval: EACH_SECOND, timeout: TIMEOUT, max_in_flight: POLLS_AT_ONCE };
        let gauges = Arc::new(Gauges::default());
        looks.block_on(poller::run_with(client(), receiver, pace, clock, out, rows, gauges));
    });
    runtime.spawn(async move {
        let _no_rows = no_rows; // Agents bring none.
        let mut seen = Vec::new();
        while sensed.recv_many(&mut seen, INBOX).await > 0 {
            seen.drain(..).for_each(|sensed| counts.sensed(&sensed));
            tokio::time::sleep(GATHER).await;
        }
    });
    Ok(())
}

fn ask_without_pause(
    runtime: &Runtime,
    agents: Vec<AgentTarget>,
    counts: &Arc<Counts>,
    clock: &SharedClock,
) {
    let client = Arc::new(client());
    for target in agents {
        let (client, counts, clock) = (client.clone(), counts.clone(), clock.clone());
        runtime.spawn(async move {
            loop {
                let polled = client.poll(&target, TIMEOUT, &clock).await;
                counts.count(polled.map_or(0, |polled| polled.frame.values.len()));
            }
        });
    }
}

impl Counts {
    fn sensed(&self, sensed: &Sensed) {
        if let Sensed::Lag { .. } = sensed {
            return;
        }
        self.count(if let Sensed::Frame(frame) = sensed { frame.values.len() } else { 0 });
    }

    /// One poll; each key it asks is one figure.
    fn count(&self, answers: usize) {
        self.checks.fetch_add(answers as u64, Relaxed);
        self.broken.fetch_add(u64::from(answers < ASKED.len()), Relaxed);
    }
}

impl Mark {
    fn of(counts: &Counts, clock: &SharedClock) -> Self {
        Self {
            at: clock.elapsed(),
            cpu_seconds: cpu_seconds(),
            checks: counts.checks.load(Relaxed),
            broken: counts.broken.load(Relaxed),
        }
    }
}

fn difference(from: &Mark, to: &Mark) -> String {
    let checks = (to.checks - from.checks) as f64;
    let (seconds, cpu) = ((to.at - from.at).as_secs_f64(), to.cpu_seconds - from.cpu_seconds);
    format!(
        "{checks:.0} checks in {seconds:.1} s, {:.0} a second; {:.1} us of our CPU each, \
         so {:.0} a second on one core; {} polls broken",
        checks / seconds,
        cpu / checks * 1e6,
        checks / cpu,
        to.broken - from.broken,
    )
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
