//! What asking agents costs: passive checks a second, and the CPU time of ours that each takes.
//!
//! `cargo run --release -p collector --example passive_rate -- ADDRESS SECONDS AGENTS [each-second]`
//! asks the agent at ADDRESS as though it were so many, each for six figures, all from one thread:
//! as fast as it answers, or each agent once a second. A check is one answer to one key.
//! `passive_rate serve ADDRESS` is our own agent, to be asked by another process.

#![expect(clippy::print_stdout, reason = "its figures are for whoever runs it")]

use std::error::Error;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collector::agent;
use collector::figures::{MachineFigures, run_sampler};
use collector::passive::PassiveClient;
use collector::poller::AgentTarget;
use model::clock::{Clock, SharedClock};
use model::metric::{Beat, Metric, TABLE};
use model::time::Time;
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Which of the table: uptime and loads. Any agent answers them at once, while `zabbix_agentd`
/// counts the connections of a busy machine for 70 ms.
const ASKED: Range<usize> = 5..11;
const TIMEOUT: Duration = Duration::from_secs(3);

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

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let [_, address] = &arguments[..] {
        return runtime.block_on(serve(address.parse()?));
    }
    let [address, seconds, agents, pace @ ..] = &arguments[..] else {
        return Err("serve ADDRESS, or ADDRESS SECONDS AGENTS [each-second]".into());
    };
    let (address, agents): (SocketAddr, usize) = (address.parse()?, agents.parse()?);
    let span = Duration::from_secs(seconds.parse()?);
    let every = pace.first().is_some_and(|word| word == "each-second");
    let table: &'static [Metric] = &TABLE[ASKED];
    assert!(table.iter().all(|metric| metric.beat == Beat::Poll), "all are asked for each time");
    let counts = Arc::new(Counts::default());
    let cpu_before = cpu_seconds();
    let took = runtime.block_on(ask_all(address, agents, span, every, table, counts.clone()));
    let cpu = cpu_seconds() - cpu_before;
    let checks = counts.checks.load(Relaxed) as f64;
    println!(
        "{address}: {checks:.0} checks in {:.1} s, {:.0} a second; {:.1} us of our CPU each, \
         so {:.0} a second on one core; {} polls broken",
        took.as_secs_f64(),
        checks / took.as_secs_f64(),
        cpu / checks * 1e6,
        checks / cpu,
        counts.broken.load(Relaxed),
    );
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
async fn ask_all(
    address: SocketAddr,
    agents: usize,
    span: Duration,
    every: bool,
    table: &'static [Metric],
    counts: Arc<Counts>,
) -> Duration {
    let client = Arc::new(PassiveClient::asking_for(table));
    let began = Instant::now();
    let clock = SharedClock::new(RealClock(began));
    let mut running = JoinSet::new();
    for agent in 0..agents {
        let object = format!("host/agent-{agent}").parse().expect("a good name");
        let target = AgentTarget { object, address };
        let (client, clock, counts) = (client.clone(), clock.clone(), counts.clone());
        // Spread over the second, as a poller would.
        let offset = Duration::from_secs_f64(agent as f64 / agents as f64);
        running.spawn(async move {
            let first = tokio::time::Instant::now() + offset;
            let mut ticks = tokio::time::interval_at(first, Duration::from_secs(1));
            while clock.elapsed() < span {
                if every {
                    ticks.tick().await;
                }
                counts.poll(&client, &target, &clock).await;
            }
        });
    }
    while running.join_next().await.is_some() {}
    began.elapsed()
}

impl Counts {
    async fn poll(&self, client: &PassiveClient, target: &AgentTarget, clock: &SharedClock) {
        match client.poll(target, TIMEOUT, clock).await {
            Ok(polled) => {
                let lost = u64::from(polled.unanswered + polled.unsupported);
                self.checks.fetch_add(ASKED.len() as u64 - lost, Relaxed);
                self.broken.fetch_add(u64::from(lost > 0), Relaxed);
            }
            Err(_) => {
                self.broken.fetch_add(1, Relaxed);
            }
        }
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
