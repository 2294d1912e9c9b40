//! A VM that leaves under load, as probes see it: the domain never fails, and the probe of the VM itself
//! ends, without a word of it being down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use collector::poller::{ProbeAddress, ProbeSpec};
use collector::probe::Prober;
use model::verdict::{Outcome, ProbeTarget};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::common::Fleet;
use crate::samples::ask;

const POLICY: &str = "policies/web.yaml";
const BETWEEN_PROBES: Duration = Duration::from_millis(5);

/// Probes by the Monitor.X contract, 200 a second, from another place than the brain.
struct Crowd {
    stop: Arc<AtomicBool>,
    begun: Arc<AtomicU64>,
    probing: std::thread::JoinHandle<Vec<String>>,
}

impl Crowd {
    fn start(router: SocketAddr) -> Self {
        let (stop, begun) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (until, count) = (stop.clone(), begun.clone());
        let probing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(probe(router, &until, &count))
        });
        Self { stop, begun, probing }
    }

    /// How many there were, and what came instead of health.
    fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Relaxed);
        let failures = self.probing.join().expect("no probe panics");
        (self.begun.load(Relaxed), failures)
    }
}

/// A probe that is due begins, however long the others take.
async fn probe(router: SocketAddr, stop: &AtomicBool, begun: &AtomicU64) -> Vec<String> {
    let (prober, clock) = (Prober::new(), cloudbrain::clock::real());
    let (mut probes, mut failures) = (JoinSet::new(), Vec::new());
    let mut due = interval(BETWEEN_PROBES);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !stop.load(Relaxed) {
        due.tick().await;
        begun.fetch_add(1, Relaxed);
        let (prober, clock) = (prober.clone(), clock.clone());
        probes.spawn(async move {
            prober.probe(&domain(router), Duration::from_secs(10), &clock).await.outcome
        });
        while let Some(outcome) = probes.try_join_next() {
            failures.extend(failure(&outcome.expect("no probe panics")));
        }
    }
    while let Some(outcome) = probes.join_next().await {
        failures.extend(failure(&outcome.expect("no probe panics")));
    }
    failures
}

fn domain(router: SocketAddr) -> ProbeSpec {
    let domain = "shop.example.com".to_owned();
    ProbeSpec {
        host_header: domain.clone(),
        target: ProbeTarget::Domain { module: "shop/web".parse().expect("a name"), domain },
        address: ProbeAddress::Socket(router),
        path: "/monitor/monitor.js".to_owned(),
    }
}

fn failure(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Healthy { .. } => None,
        Outcome::Unhealthy { .. } | Outcome::Blind { .. } => Some(format!("{outcome:?}")),
    }
}

fn change(fleet: &Fleet, from: &str, to: &str) {
    let path = fleet.folder.join(POLICY);
    let text = std::fs::read_to_string(&path).expect("the example");
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replace(from, to)).expect("a folder of ours");
}

fn serving(fleet: &Fleet) -> Option<Vec<String>> {
    let overview = fleet.get("/api/overview")?;
    let vms = overview["hosts"].as_array()?.iter().filter_map(|host| host["vms"].as_array());
    let serving = vms.flatten().filter(|vm| vm["state"] == "serving");
    serving.map(|vm| vm["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_vm_that_leaves_under_probes_fails_none_and_is_not_told_to_be_down() {
    // As much of a core as answering fifty probes a second needs, with room to spare.
    let mut fleet = Fleet::prepare("departure", |main| main.replace("cores: 0.1", "cores: 1"));
    change(&fleet, "min: 2", "min: 4");
    fleet.start_brain();
    fleet.wait_until_up(4);
    let of_each = |vm: &str, what: &str| format!("{what}(probe_success{{vm=\"{vm}\"}}[10m])");
    let before = fleet.wait("direct probes of four VMs", |fleet| {
        let vms = serving(fleet)?;
        let probed = |vm: &String| ask(fleet, &of_each(vm, "max_over_time")) == Some(vec![1.0]);
        (vms.len() == 4 && vms.iter().all(probed)).then_some(vms)
    });
    let crowd = Crowd::start(fleet.router);
    fleet.wait("probes", |_| (crowd.begun.load(Relaxed) > 400).then_some(()));
    change(&fleet, "min: 4", "min: 2");
    let after = fleet.wait("two to leave", |fleet| serving(fleet).filter(|vms| vms.len() == 2));
    let left: Vec<&String> = before.iter().filter(|vm| !after.contains(vm)).collect();
    assert_eq!(left.len(), 2, "{before:?} {after:?}");
    for vm in left {
        fleet.wait("the end of its probe", |fleet| {
            ask(fleet, &format!("probe_success{{vm=\"{vm}\"}}"))?.is_empty().then_some(())
        });
        let worst = ask(&fleet, &of_each(vm, "min_over_time")).expect("an answer");
        let was_well = !worst.is_empty() && worst.iter().all(|value| *value == 1.0);
        assert!(was_well, "{vm} was seen to be down: {worst:?}");
    }
    let (probes, failures) = crowd.end();
    assert!(failures.is_empty(), "{} of {probes} failed: {failures:?}", failures.len());
    let report = fleet.get("/api/report?project=shop&period=this-month").expect("a report");
    let module = &report["modules"][0];
    assert_eq!((&module["down_s"], &module["blips"]), (&0.into(), &0.into()), "{module}");
    assert_eq!(fleet.get("/api/incidents"), Some(Value::Array(Vec::new())), "nobody was told");
}
