//! What the looks of these tests have in common: a clock, a target, and a verdict in words.

use std::net::SocketAddr;
use std::time::Duration;

use collector::poller::{ProbeAddress, ProbeSpec};
use collector::probe::Prober;
use collector::probe::names::Names;
use model::clock::{Clock, SharedClock};
use model::time::Time;
use model::verdict::{Outcome, ProbeTarget, Verdict};
use tokio::time::Instant;

/// No look of a test needs as long, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// For looks that only the deadline ends.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

#[derive(Debug)]
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::default()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "real sockets live in real time")]
pub(crate) fn clock() -> SharedClock {
    SharedClock::new(TestClock(Instant::now()))
}

pub(crate) async fn probe(address: ProbeAddress, names: Names, within: Duration) -> Verdict {
    let module = "shop/web".parse().unwrap();
    let spec = ProbeSpec {
        target: ProbeTarget::Domain { module, domain: "www.yy.com".to_owned() },
        address,
        host_header: "www.yy.com".to_owned(),
        path: collector::monitor_x::path("js"),
    };
    Prober::with_names(names).probe(&spec, within, &clock()).await
}

pub(crate) async fn probe_socket(address: SocketAddr, within: Duration) -> Verdict {
    probe(ProbeAddress::Socket(address), Names::of_servers(&[]), within).await
}

pub(crate) fn told(verdict: &Verdict) -> String {
    match &verdict.outcome {
        Outcome::Healthy { doubt: None } => "healthy".to_owned(),
        Outcome::Healthy { doubt: Some(doubt) } => format!("healthy, doubtful: {doubt}"),
        Outcome::Unhealthy { phase, hint } => format!("unhealthy, {phase}: {hint}"),
        Outcome::Blind { reason } => format!("blind: {reason}"),
    }
}
