//! Everything that is read from a Zabbix server, against a real one from Debian's packages.
//!
//! One test, since starting the server takes longer than all that is tried on it. The steps stand
//! in order; what one leaves behind, the next may find.

#![expect(clippy::unwrap_used, reason = "a step that fails ends the test")]
#![expect(clippy::print_stdout, reason = "what the storm was like is worth reading")]

#[path = "zabbix_real/server.rs"]
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use collector::zabbix::brake::Brake;
use collector::zabbix::error::ApiError;
use collector::zabbix::ids::EventId;
use collector::zabbix::mapping::RawMapping;
use collector::zabbix::measure::MetricsState;
use collector::zabbix::poll::{EventBatch, EventState};
use collector::zabbix::problems::{Standing, Told, Why};
use collector::zabbix::watch::{Limits, Settings, ZabbixWatch};
use model::series::{METRIC_NAME, Row};
use model::signal::SignalState;
use model::topology::Topology;
use serde_json::json;
use server::{Sender, Server, TestClock};
use tokio::time::sleep;

/// The storm: 18 hosts with 80 triggers each, that turn bad and good by turns. It takes that many
/// for all writers of the server to be busy at once; only then ids appear out of order.
const STORM_ITEMS: u32 = 80;
const STORM_STEPS: u32 = 5;

/// The server, and one watch on it with its state.
struct World {
    server: Server,
    clock: Arc<TestClock>,
    watch: ZabbixWatch,
    topology: Brake<collector::zabbix::topology::Entry>,
    state: EventState,
}

impl World {
    fn watch(&self, password: Option<&str>, has_export: bool) -> ZabbixWatch {
        new_watch(&self.server, &self.clock, &self.topology, password, has_export)
    }

    /// Polls until `is_there` says so of all that was told meanwhile.
    async fn events_until(&mut self, what: &str, is_there: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let mut told = Vec::new();
        for _ in 0..400 {
            let batch = self.watch.events(&self.state).await.unwrap();
            told.extend(self.keep(batch).told);
            if is_there(&told) {
                return told;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {told:?}");
    }

    async fn reconcile_until(
        &mut self,
        what: &str,
        is_there: impl Fn(&EventBatch) -> bool,
    ) -> EventBatch {
        for _ in 0..100 {
            let batch = self.watch.reconcile(&self.state).await.unwrap();
            self.state = batch.state.clone();
            if is_there(&batch) {
                return batch;
            }
            sleep(Duration::from_millis(200)).await;
        }
        panic!("{what}");
    }

    /// As the brain would: the state goes through the store.
    fn keep(&mut self, batch: EventBatch) -> EventBatch {
        assert!(batch.fault.is_none(), "{:?}", batch.fault);
        let stored = serde_json::to_string(&batch.state).unwrap();
        self.state = serde_json::from_str(&stored).unwrap();
        assert_eq!(self.state, batch.state);
        batch
    }
}

fn new_watch(
    server: &Server,
    clock: &Arc<TestClock>,
    topology: &Brake<collector::zabbix::topology::Entry>,
    password: Option<&str>,
    has_export: bool,
) -> ZabbixWatch {
    let settings = Settings {
        source: "zabbix".parse().unwrap(),
        access: server.access(password),
        mapping: RawMapping::default(),
        export: has_export.then(|| server.folder.join("export")),
        limits: Limits::default(),
    };
    ZabbixWatch::new(settings, topology, clock.shared()).unwrap()
}

fn is_bad(told: &Told, object: &str) -> bool {
    told.signal.object.to_string() == object && told.signal.state != SignalState::Ok
}

fn is_good(told: &Told, object: &str) -> bool {
    told.signal.object.to_string() == object && told.signal.state == SignalState::Ok
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Debian packages of tests/real/zabbix.sh"]
async fn a_real_server_is_read() {
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let clock = TestClock::new();
    let topology = Brake::default();
    let watch = new_watch(&server, &clock, &topology, None, false);
    let state = EventState::default();
    let mut world = World { server, clock, watch, topology, state };
    hosts_are_what_the_mapping_says(&mut world).await;
    values_come_with_their_types(&world).await;
    a_problem_comes_and_goes(&mut world).await;
    a_storm_loses_nothing(&mut world).await;
    what_is_deleted_or_disabled_is_reported(&mut world).await;
    an_acknowledgement_shows_there(&mut world).await;
    logins_are_begun_anew_and_never_forced(&world).await;
    an_api_that_was_down_is_caught_up_with(&mut world).await;
    println!("{:#?}", world.watch.stats());
}

async fn hosts_are_what_the_mapping_says(world: &mut World) {
    world.server.sender.send(&[("vm1", "vm.hv.name", "hv01")]); // It was migrated: its inventory says hv02.
    for _ in 0..50 {
        let refresh = world.watch.topology(&world.topology).await.unwrap();
        world.topology = refresh.state;
        let vm = &refresh.directory.topology().vms[&"vm1".parse().unwrap()];
        if vm.host == Some("hv01".parse().unwrap()) {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    let stats = world.watch.stats();
    assert_eq!(stats.version.unwrap().to_string(), "6.0");
    let directory = world.watch.directory();
    let Topology { vms, hosts, modules, data_sources, switches, .. } = directory.topology();
    assert_eq!((vms.len(), hosts.len(), switches.len()), (19, 2, 2));
    let modules: Vec<&str> = modules.keys().map(|module| module.as_str()).collect();
    assert_eq!(modules, ["pay/db", "shop/api", "shop/web"]);
    let place = |vm: &str| {
        let place = &vms[&vm.parse().unwrap()];
        let host = place.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let module = place.module.as_ref().map(ToString::to_string).unwrap_or_default();
        (host, module)
    };
    assert_eq!(place("vm1"), ("hv01".to_owned(), "shop/api".to_owned()), "by its item");
    assert_eq!(place("vm2"), ("hv01".to_owned(), "pay/db".to_owned()), "by tags and inventory");
    assert_eq!(place("vm18"), ("hv01".to_owned(), "shop/web".to_owned()), "by its group");
    assert_eq!(place("real-agent"), (String::new(), String::new()), "of no module");
    let source = &data_sources[&"mysql-1".parse().unwrap()];
    assert_eq!(source.kind, "mysql");
    let unknown: Vec<&str> = stats.unknown.iter().map(|(host, _)| host.as_str()).collect();
    assert_eq!(unknown, ["printer"], "{:?}", stats.unknown);
}

/// The newest value of each metric of an object, by the metric's name.
fn newest(rows: &[Row], kind: &str, name: &str) -> BTreeMap<String, f64> {
    let of = rows.iter().filter(|row| row.shape.common.get(kind) == name);
    of.flat_map(|row| row.shape.columns.iter().zip(&row.values))
        .map(|(labels, value)| (labels.get(METRIC_NAME).to_owned(), *value))
        .collect()
}

async fn values_come_with_their_types(world: &World) {
    world.server.sender.send(&[("vm1", "system.cpu.num", "4")]);
    let began = world.clock.shared().now();
    let mut state = MetricsState::since(began);
    world.server.sender.send(&[
        ("vm1", "system.cpu.util", "42.5"),
        ("vm1", "system.cpu.load[all,avg1]", "2"),
        ("vm1", "vfs.fs.size[/,pused]", "50"),
        ("vm1", "net.if.in[eth0]", "8000"),
    ]);
    let (mut rows, mut unsupported) = (Vec::new(), Vec::new());
    for _ in 0..150 {
        let batch = world.watch.metrics(&mut state).await.unwrap();
        assert!(batch.fault.is_none());
        rows.extend(batch.rows);
        unsupported.extend(batch.unsupported);
        let is_complete = newest(&rows, "vm", "vm1").len() >= 5
            && newest(&rows, "vm", "real-agent").len() >= 3
            && !unsupported.is_empty();
        if is_complete {
            break;
        }
        state = MetricsState::since(began); // Look anew which items there are.
        (rows, unsupported) = (Vec::new(), Vec::new());
        sleep(Duration::from_millis(300)).await;
    }
    let vm = newest(&rows, "vm", "vm1");
    let expected = [
        ("load1", 2.0),
        ("load1_per_core", 0.5),
        ("system_cpu_utilization", 0.425),
        ("system_filesystem_utilization", 0.5),
        ("system_network_io_bytes_per_second", 1000.0),
    ];
    assert_eq!(vm, expected.map(|(name, value)| (name.to_owned(), value)).into());
    let agent = newest(&rows, "vm", "real-agent");
    assert!(agent["system_memory_limit_bytes"] > 1e8, "{agent:?}");
    assert!(agent["system_uptime_seconds"] > 1.0 && agent["load1_per_core"] >= 0.0);
    assert_eq!(unsupported.len(), 1, "{unsupported:?}");
    assert_eq!(unsupported[0].key, "vfs.dev.util[nosuch]");
    assert!(rows.iter().all(|row| row.at.millis() >= began.millis() - 1000));
    let labels = rows.iter().find(|row| row.shape.common.get("vm") == "vm1").unwrap();
    assert_eq!(labels.shape.common.get("module"), "shop/api");

    // A value that comes 300 s late and out of order is found when its item looks back.
    let late_s = began.millis() / 1000 - 300;
    world.server.sender.send_timed(&[("vm1".into(), "net.if.in[eth0]".into(), late_s, 0, 4000)]);
    world.clock.set_forward(Duration::from_secs(700));
    let mut found = Vec::new();
    for _ in 0..20 {
        found.extend(world.watch.metrics(&mut state).await.unwrap().rows);
        if found.iter().any(|row| row.at.millis() == late_s * 1000) {
            return;
        }
        world.clock.set_forward(Duration::from_secs(700));
        sleep(Duration::from_millis(300)).await;
    }
    panic!("the late value did not come: {found:?}");
}

async fn a_problem_comes_and_goes(world: &mut World) {
    let first = world.watch.events(&world.state).await.unwrap();
    world.keep(first);
    world.server.sender.send(&[("vm2", "vfs.fs.size[/,pused]", "95")]);
    world.events_until("full", |told| told.iter().any(|told| is_bad(told, "vm/vm2"))).await;
    // A trigger with several problems: one recovery ends both.
    world.server.sender.send(&[("vm2", "vfs.fs.size[/,pused]", "96")]);
    let told =
        world.events_until("fuller", |told| told.iter().any(|told| is_bad(told, "vm/vm2"))).await;
    assert_eq!(told.last().unwrap().signal.text, "Disk is full");
    assert_eq!(world.state.problems.open_now().len(), 2);
    world.server.sender.send(&[("vm2", "vfs.fs.size[/,pused]", "10")]);
    let told =
        world.events_until("good", |told| told.iter().any(|told| is_good(told, "vm/vm2"))).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(world.state.problems.open_now().is_empty());
}

async fn a_storm_loses_nothing(world: &mut World) {
    let exporting = world.watch(None, true);
    let mut exported = exporting.events(&EventState::default()).await.unwrap().state;
    let before = world.state.tail.cursor.unwrap();
    let (is_over, is_read) = (AtomicBool::new(false), AtomicBool::new(false));
    let world_server = &world.server;
    let naive = async {
        let (mut last, mut seen) = (before, BTreeSet::new());
        while !is_read.load(Ordering::Relaxed) {
            let params = json!({
                "output": ["eventid"], "source": 0, "object": 0, "eventid_from": last.next().to_string(),
                "sortfield": "eventid", "sortorder": "ASC",
            });
            for id in ids(&world_server.call("event.get", params).await) {
                seen.insert(id);
                last = id;
            }
            sleep(Duration::from_millis(10)).await;
        }
        seen
    };
    let watch = &world.watch;
    let start = world.state.clone();
    let tailing = async {
        let (mut state, mut told, mut most_gaps, mut polls) = (start, Vec::new(), 0, 0);
        let mut quiet_polls = 0;
        while quiet_polls < 40 {
            let batch = watch.events(&state).await.unwrap();
            polls += 1;
            let is_quiet = batch.told.is_empty() && is_over.load(Ordering::Relaxed);
            quiet_polls = if is_quiet { quiet_polls + 1 } else { 0 };
            told.extend(batch.told);
            state = batch.state;
            most_gaps = most_gaps.max(state.tail.skipped.len());
            sleep(Duration::from_millis(10)).await;
        }
        is_read.store(true, Ordering::Relaxed);
        (state, told, most_gaps, polls)
    };
    let sending = async {
        let now_s = world.clock.shared().now().millis() / 1000;
        let sender = world_server.sender.clone();
        tokio::task::spawn_blocking(move || storm(&sender, now_s)).await.unwrap();
        sleep(Duration::from_secs(3)).await;
        is_over.store(true, Ordering::Relaxed);
    };
    let (naive, (state, told, most_gaps, polls), ()) = tokio::join!(naive, tailing, sending);

    let params = json!({
        "output": ["eventid", "value", "r_eventid"], "source": 0, "object": 0,
        "eventid_from": before.next().to_string(),
    });
    let truth = world.server.call("event.get", params).await;
    let rows = truth.as_array().unwrap();
    let of = |wanted: &dyn Fn(&serde_json::Value) -> bool| -> BTreeSet<EventId> {
        rows.iter().filter(|row| wanted(row)).map(|row| id(&row["eventid"])).collect()
    };
    let problems = of(&|row| row["value"] == "1");
    let ended = of(&|row| row["value"] == "1" && row["r_eventid"] != "0");
    let missed = of(&|_| true).difference(&naive).count();
    println!(
        "storm: {} events in {polls} polls, at most {most_gaps} gaps; a plain cursor misses {missed}",
        rows.len()
    );
    // How many it makes is its own affair: two of its trappers may take two values of one item in
    // either order, and what then did not change is no event.
    assert!(rows.len() > 5000, "a storm: {}", rows.len());
    let said = |told: &[Told], is_good: bool| -> BTreeSet<EventId> {
        let good = |told: &&Told| (told.signal.state == SignalState::Ok) == is_good;
        told.iter().filter(good).map(|told| told.event).collect()
    };
    assert_eq!(said(&told, false), problems, "each problem is told");
    assert_eq!(said(&told, true), ended, "each recovery is told");
    assert_eq!(told.len(), rows.len(), "and once");
    let open: BTreeSet<EventId> = state.problems.open_now().keys().copied().collect();
    assert_eq!(open, &problems - &ended);
    world.state = state;

    let mut by_export = Vec::new();
    loop {
        let batch = exporting.events(&exported).await.unwrap();
        exported = batch.state;
        by_export.extend(batch.told);
        if !batch.has_more {
            break;
        }
    }
    let spoken = |told: &[Told]| -> BTreeSet<(EventId, String, String, bool)> {
        let spoken = told.iter().map(|told| {
            let signal = &told.signal;
            let is_good = signal.state == SignalState::Ok;
            (told.event, signal.object.to_string(), signal.check.to_string(), is_good)
        });
        spoken.collect()
    };
    assert_eq!(spoken(&by_export), spoken(&told), "the files tell the same");
}

/// Four senders at once, so that all writers of the server are busy. The last value is bad for
/// the first ten hosts and good for the others.
fn storm(server: &Sender, now_s: i64) {
    std::thread::scope(|scope| {
        for sender in 0..4u32 {
            scope.spawn(move || {
                let mut values = Vec::new();
                for step in 0..STORM_STEPS {
                    for vm in (1..=18u32).filter(|vm| vm % 4 == sender) {
                        let is_bad = step % 2 == 0 && (step < STORM_STEPS - 1 || vm <= 10);
                        for item in 0..STORM_ITEMS {
                            let value = if is_bad { 10 } else { 1 };
                            let key = format!("storm[{item}]");
                            values.push((format!("vm{vm}"), key, now_s, 1000 + step, value));
                        }
                    }
                }
                server.send_timed(&values);
            });
        }
    });
}

fn id(value: &serde_json::Value) -> EventId {
    EventId(value.as_str().unwrap().parse().unwrap())
}

fn ids(rows: &serde_json::Value) -> Vec<EventId> {
    rows.as_array().unwrap().iter().map(|row| id(&row["eventid"])).collect()
}

async fn what_is_deleted_or_disabled_is_reported(world: &mut World) {
    let load = "system.cpu.load[all,avg1]";
    world.server.sender.send(&[("vm17", load, "50"), ("vm18", load, "50")]);
    let are_both_bad = |told: &[Told]| {
        ["vm/vm17", "vm/vm18"].iter().all(|vm| told.iter().any(|told| is_bad(told, vm)))
    };
    world.events_until("both are bad", are_both_bad).await;
    let (deleted, disabled) =
        (world.server.host_id("vm17").await, world.server.host_id("vm18").await);
    world.server.call("host.delete", json!([deleted])).await;
    world.server.call("host.update", json!({"hostid": disabled, "status": 1})).await;
    let mut standings = BTreeMap::new();
    for _ in 0..100 {
        let batch = world.watch.reconcile(&world.state).await.unwrap();
        world.state = batch.state;
        for departed in batch.departed {
            let object = departed.targets.first().unwrap().object.to_string();
            standings.insert(object, departed.standing);
        }
        let ended =
            batch.told.iter().any(|told| is_good(told, "vm/vm17") || is_good(told, "vm/vm18"));
        assert!(!ended, "nothing ends by itself");
        if standings.len() == 2 {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    assert!(matches!(standings["vm/vm17"], Standing::Deleted { .. }), "{standings:?}");
    assert_eq!(standings["vm/vm18"], Standing::Disabled);

    // Whoever begins anew finds what is open, but for what was deleted.
    let fresh = world.watch(None, false).events(&EventState::default()).await.unwrap();
    assert_eq!(open_there(&fresh.state), open_there(&world.state));
    assert!(fresh.told.iter().all(|told| told.why == Why::Reconciled));

    let refresh = world.watch.topology(&world.topology).await.unwrap();
    assert_eq!((refresh.listed.stale.len(), refresh.listed.held.len()), (1, 0));
    world.topology = refresh.state;

    // Switched on again: the problem is watched again.
    world.server.call("host.update", json!({"hostid": disabled, "status": 0})).await;
    let is_back = |batch: &EventBatch| {
        batch.departed.iter().any(|departed| departed.standing == Standing::Watched)
    };
    world.reconcile_until("it is watched again", is_back).await;
}

/// The open problems whose hosts are there.
fn open_there(state: &EventState) -> BTreeSet<EventId> {
    let open = state.problems.open_now().iter();
    let there = open.filter(|(_, open)| !matches!(open.standing, Standing::Deleted { .. }));
    there.map(|(id, _)| *id).collect()
}

async fn an_acknowledgement_shows_there(world: &mut World) {
    let object = "vm/vm1".parse().unwrap();
    let open = world.state.problems.open_now().iter();
    let mut of_vm =
        open.filter(|(_, open)| open.targets.iter().any(|target| target.object == object));
    let event = *of_vm.next().expect("the storm left it bad").0;
    let nobody = EventId(999_999_999);
    let link = "https://brain.example/incidents/7";
    let result = world.watch.acknowledge(&[event, nobody], "Li takes care of it", link).await;
    assert_eq!(result.done, BTreeSet::from([event]));
    assert!(result.refused[&nobody].contains("No permissions"), "{result:?}");
    let params = json!({
        "output": ["acknowledged"], "eventids": [event], "select_acknowledges": ["message"],
    });
    let shown = world.server.call("event.get", params).await;
    assert_eq!(shown[0]["acknowledged"], "1");
    assert_eq!(
        shown[0]["acknowledges"][0]["message"],
        format!("Li takes care of it\r\n{link}").replace('\r', "")
    );
}

async fn logins_are_begun_anew_and_never_forced(world: &World) {
    let watch = world.watch(Some("zabbix"), false);
    let batch = watch.reconcile(&world.state).await.unwrap();
    world.server.sql("delete from sessions");
    watch.reconcile(&batch.state).await.expect("it logs in again");

    let watch = world.watch(Some("wrong"), false);
    let refused = watch.events(&world.state).await.unwrap_err();
    assert!(matches!(refused, ApiError::Login { .. }), "{refused:?}");
    let calls = watch.stats().calls;
    for _ in 0..10 {
        let refused = watch.events(&world.state).await.unwrap_err();
        assert!(matches!(refused, ApiError::Login { wait, .. } if wait > Duration::from_secs(50)));
    }
    let stats = watch.stats();
    assert_eq!(stats.calls, calls, "the account is not blocked by us");
    assert!(stats.last_fault.unwrap().remedy.contains("password"));
}

async fn an_api_that_was_down_is_caught_up_with(world: &mut World) {
    let batch = world.watch.events(&world.state).await.unwrap();
    world.keep(batch);
    world.server.recipe(&["web", "down"]);
    let refused = world.watch.events(&world.state).await.unwrap_err();
    assert!(matches!(refused, ApiError::Unreachable(_)), "{refused:?}");
    assert!(world.watch.topology(&world.topology).await.is_err());
    assert_eq!(world.watch.directory().topology().vms.len(), 18, "the last list stays in force");
    world.server.sender.send(&[("vm3", "system.cpu.util", "99")]);
    world.server.recipe(&["web", "up"]);
    let told =
        world.events_until("busy", |told| told.iter().any(|told| is_bad(told, "vm/vm3"))).await;
    assert!(told.iter().any(|told| told.signal.text == "CPU is busy"));
}
