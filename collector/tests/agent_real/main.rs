//! Polls our own agent and the real ones of Zabbix, and holds what they tell against the kernel.
//!
//! Each tells the same series: all of the table, for each mount point that holds data, each disk
//! and each interface of this machine. Counters only grow, so what an agent says of them lies
//! between what the kernel said just before and just after; what goes up and down may be off by as
//! much as `slack` says, since other tests run on the same machine.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

mod kernel;
mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use collector::agent;
use collector::figures::{MachineFigures, Sampled as _};
use collector::passive::{PassiveClient, Polled};
use collector::poller::AgentTarget;
use model::clock::{Clock, SharedClock};
use model::series::is_absent;
use model::time::Time;
use tokio::net::TcpListener;

use crate::kernel::kernel;
use crate::real::RealAgent;

/// More than enough for the collector of an agent to have seen two seconds.
const MAX_POLLS: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(10);
const GIB: f64 = (1_u64 << 30) as f64;

/// Each look at it is a minute later, so that all keys are asked for at each poll.
#[derive(Default)]
struct MinuteClock(AtomicI64);

impl Clock for MinuteClock {
    fn now(&self) -> Time {
        Time::default()
    }

    fn elapsed(&self) -> Duration {
        let minutes = self.0.fetch_add(1, Relaxed);
        Duration::from_secs(60 * minutes.unsigned_abs())
    }
}

/// Shares of the time that passed, which no single look at the kernel tells.
fn is_share(series: &str) -> bool {
    let names =
        ["system_cpu_utilization", "system_cpu_mode_utilization", "system_disk_utilization"];
    names.iter().any(|name| series.starts_with(name))
}

/// How far off a figure may be that goes up and down.
fn slack(series: &str) -> f64 {
    let name = series.split('{').next().unwrap_or_default();
    match name {
        _ if name.ends_with("_total") => 1e-6, // Rounding of milliseconds.
        "system_cpu_logical_count" => 0.0,
        "system_memory_limit_bytes" | "system_filesystem_limit_bytes" => 0.0,
        "system_boot_time_seconds" => 1.0,
        "system_uptime_seconds" => 2.0,
        _ if name.starts_with("load") => 1.0,
        _ if name.ends_with("_bytes") => GIB,
        _ if name.ends_with("_utilization") => 0.05,
        _ if name.ends_with("_count") => 200.0,
        _ => panic!("no bound is stated for {name}"),
    }
}

/// All values by the spelling of their series.
fn told(polled: &Polled) -> BTreeMap<String, f64> {
    let whole = polled.frame.values.iter().map(|(name, value)| (name.clone(), *value));
    let split = polled.row.shape.columns.iter().zip(&polled.row.values);
    let split = split.filter(|(_, value)| !is_absent(**value));
    whole.chain(split.map(|(labels, value)| (labels.to_string(), *value))).collect()
}

/// Polls until the shares are there, too.
async fn agrees_with_the_kernel(address: SocketAddr, tells_disk_shares: bool, sample: impl Fn()) {
    let client = PassiveClient::default();
    let clock = SharedClock::new(MinuteClock::default());
    let target = AgentTarget::new("vm/here".parse().unwrap(), address);
    let mut missing = BTreeSet::new();
    for _ in 0..MAX_POLLS {
        let before = kernel();
        sample();
        let polled = client.poll(&target, TIMEOUT, &clock).await;
        let after = kernel();
        let told = polled.map(|polled| told(&polled)).unwrap_or_default();
        missing = expected(&before, tells_disk_shares);
        missing.retain(|series| !told.contains_key(series));
        if missing.is_empty() {
            return compare(&told, &before, &after);
        }
        tokio::time::sleep(PAUSE).await; // What is missing comes with time alone.
    }
    panic!("never told: {missing:?}");
}

fn expected(kernel: &BTreeMap<String, f64>, tells_disk_shares: bool) -> BTreeSet<String> {
    let modes = ["user", "system", "iowait", "steal"].into_iter();
    let modes = modes.map(|mode| format!("system_cpu_mode_utilization{{cpu_mode=\"{mode}\"}}"));
    let disks = kernel.keys().filter_map(|s| s.strip_prefix("system_disk_io_time_seconds_total"));
    let disks =
        disks.filter(|_| tells_disk_shares).map(|of| format!("system_disk_utilization{of}"));
    let shares = modes.chain(disks).chain(["system_cpu_utilization".to_owned()]);
    kernel.keys().cloned().chain(shares).collect()
}

fn compare(
    told: &BTreeMap<String, f64>,
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
) {
    for (series, value) in told {
        if is_share(series) {
            assert!((0.0..=1.0).contains(value), "{series} is {value}");
            continue;
        }
        let (Some(before), Some(after)) = (before.get(series), after.get(series)) else {
            panic!("{series} is {value}, and nothing of the kernel's");
        };
        let (low, high) = (before.min(*after) - slack(series), before.max(*after) + slack(series));
        assert!((low..=high).contains(value), "{series} is {value}, not {before} to {after}");
    }
}

#[tokio::test]
async fn our_own_agent_agrees_with_the_kernel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let figures = Arc::new(MachineFigures::default());
    tokio::spawn(agent::serve(listener, "here".to_owned(), figures.clone()));
    agrees_with_the_kernel(address, true, || figures.sample()).await;
}

#[tokio::test]
#[ignore = "needs the Debian package zabbix-agent; tests/run installs it and lifts this"]
async fn agentd_agrees_with_the_kernel() {
    let agent = RealAgent::start("/usr/sbin/zabbix_agentd");
    agrees_with_the_kernel(agent.address, false, || ()).await;
}

#[tokio::test]
#[ignore = "needs the Debian package zabbix-agent2; tests/run installs it and lifts this"]
async fn agent2_agrees_with_the_kernel() {
    let agent = RealAgent::start("/usr/sbin/zabbix_agent2");
    agrees_with_the_kernel(agent.address, false, || ()).await;
}
