//! The server of active agents, against the real ones of Debian's packages.
//!
//! The server is stopped after it got values and before it answered, as a `kill -9` would: the
//! same values must come again, under the same times, and newer ones after them.

#![expect(clippy::unwrap_used, reason = "a step that fails ends the test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collector::active::{ActiveGauges, Directory, Named, Settings, Told, serve};
use collector::parts::Parts;
use model::clock::{Clock, SharedClock};
use model::id::Object;
use model::metric::PartKind;
use model::series::{Labels, is_absent};
use model::time::Time;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// agent2 spreads what it measures each minute over the whole of it.
const PATIENCE: Duration = Duration::from_secs(150);

struct RealClock(Instant);

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "against a real agent time is real")]
    fn now(&self) -> Time {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_millis(real.as_millis() as i64)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "against a real agent time is real")]
fn clock() -> SharedClock {
    SharedClock::new(RealClock(Instant::now()))
}

/// The server, and a store that keeps each value by its series and time.
struct Bench {
    address: SocketAddr,
    kept: BTreeMap<Object, Parts>,
    store: BTreeMap<(String, i64), f64>,
    /// Keeps the directory alive.
    directory: Option<watch::Sender<Arc<Directory>>>,
    running: Option<(JoinHandle<()>, mpsc::Receiver<Told>)>,
    gauges: Arc<ActiveGauges>,
}

impl Bench {
    async fn new(kept: Parts) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut bench = Self {
            address: listener.local_addr().unwrap(),
            kept: [(object(), kept)].into(),
            store: BTreeMap::new(),
            directory: None,
            running: None,
            gauges: Arc::default(),
        };
        bench.start(listener);
        bench
    }

    fn start(&mut self, listener: TcpListener) {
        let labels = Labels::of([("vm", "real")]);
        let named = Named { object: object(), labels };
        let directory = Directory { names: [("real".to_owned(), named)].into() };
        let (directory, seen) = watch::channel(Arc::new(directory));
        let (out, told) = mpsc::channel(16);
        let settings = Settings { interval: Duration::from_secs(1), grace: Duration::ZERO };
        let serving =
            serve(listener, settings, self.kept.clone(), seen, out, clock(), self.gauges.clone());
        self.running = Some((tokio::spawn(serving), told));
        self.directory = Some(directory);
    }

    /// Ends at once, whatever is under way, and begins anew with what was kept.
    async fn kill(&mut self) {
        let (serving, told) = self.running.take().unwrap();
        serving.abort();
        let _ = serving.await; // It was cancelled.
        drop(told);
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        self.start(listener);
    }

    /// Keeps what comes until `is_enough`; the last batch is kept and not confirmed, if so wanted.
    /// Gives the keys of what came with the last batch.
    async fn keep_until(
        &mut self,
        what: &str,
        confirm_last: bool,
        is_enough: impl Fn(&BTreeMap<(String, i64), f64>) -> bool,
    ) -> Vec<(String, i64)> {
        let seeking = async {
            loop {
                let (_, told) = self.running.as_mut().unwrap();
                let Told::Batch(batch) = told.recv().await.unwrap() else { continue };
                let mut keys = Vec::new();
                for row in &batch.rows {
                    let columns = row.shape.columns.iter().zip(&row.values);
                    for (own, value) in columns.filter(|(_, value)| !is_absent(**value)) {
                        let key = (row.shape.common.with(own).to_string(), row.at.millis());
                        let before = self.store.insert(key.clone(), *value);
                        assert!(before.is_none_or(|before| before == *value), "{key:?}");
                        keys.push(key);
                    }
                }
                self.kept.extend(batch.parts.clone());
                let is_last = is_enough(&self.store) && !keys.is_empty();
                if confirm_last || !is_last {
                    let _ = batch.done.send(()); // The agent may have hung up.
                }
                if is_last {
                    return keys;
                }
            }
        };
        tokio::time::timeout(PATIENCE, seeking).await.unwrap_or_else(|_| panic!("{what}"))
    }
}

fn times(store: &BTreeMap<(String, i64), f64>, series: &str) -> Vec<i64> {
    store.keys().filter(|(known, _)| known.starts_with(series)).map(|(_, at)| *at).collect()
}

fn object() -> Object {
    "vm/real".parse().unwrap()
}

struct Agent {
    process: Child,
    folder: PathBuf,
}

impl Agent {
    fn start(program: &str, server: SocketAddr) -> Self {
        let folder = std::env::temp_dir().join(format!("active-{program}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // They take no port above 32767, so not one that Linux gives out by itself.
        let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = (27_000..29_000).find(free).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        let own = match program {
            "zabbix_agentd" => "AllowRoot=1\nStartAgents=0\n".to_owned(),
            _ => format!("ControlSocket={}\n", file("agent.sock")),
        };
        let text = format!(
            "Server=127.0.0.1\nListenIP=127.0.0.1\nListenPort={port}\nServerActive={server}\n\
             Hostname=real\nBufferSend=1\nLogType=console\nPidFile={}\n{own}",
            file("agent.pid")
        );
        std::fs::write(file("agent.conf"), text).unwrap();
        let log = std::fs::File::create(file("agent.log")).unwrap();
        let process = Command::new(format!("/usr/sbin/{program}"))
            .args(["-f", "-c", &file("agent.conf")])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, folder }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The agent ends its own children on SIGTERM only.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn nothing_is_lost_and_nothing_doubled(program: &str) {
    let mut parts = Parts::default();
    parts.set(PartKind::Mount, vec!["/".to_owned()]);
    let mut bench = Bench::new(parts).await;
    let _agent = Agent::start(program, bench.address);
    let load = r#"load1_per_core{vm="real"}"#;
    let root = r#"system_filesystem_utilization{system_filesystem_mountpoint="/""#;
    // Taken in, and not answered for: three times.
    for round in 1..=3 {
        let has_new = |store: &BTreeMap<_, _>| times(store, load).len() >= 3 * round;
        let unanswered = bench.keep_until("values", false, has_new).await;
        let size = bench.store.len();
        bench.kill().await;
        // Until all of that has come again, and with it something new.
        let mut again = Vec::new();
        while !unanswered.iter().all(|key| again.contains(key)) || bench.store.len() == size {
            again.extend(bench.keep_until("the same again", true, |_| true).await);
        }
    }
    bench.keep_until("the space of the root", true, |store| !times(store, root).is_empty()).await;
    let discovered = &bench.kept[&object()];
    assert!(!discovered.of(PartKind::Mount).is_empty(), "{discovered:?}");
    let readings = bench.gauges.read();
    assert_eq!((readings.refused_requests, readings.stranger_requests), (0, 0), "{readings:?}");
}

#[tokio::test]
#[ignore = "needs the Debian package zabbix-agent"]
async fn a_real_agentd_loses_nothing_when_we_are_killed() {
    nothing_is_lost_and_nothing_doubled("zabbix_agentd").await;
}

#[tokio::test]
#[ignore = "needs the Debian package zabbix-agent2"]
async fn a_real_agent2_loses_nothing_when_we_are_killed() {
    nothing_is_lost_and_nothing_doubled("zabbix_agent2").await;
}

#[tokio::test]
#[ignore = "needs zabbix_sender, of the Debian package zabbix-agent"]
async fn a_real_zabbix_sender_is_answered_when_its_values_are_kept() {
    let mut bench = Bench::new(Parts::default()).await;
    let port = bench.address.port().to_string();
    let send = move |host: &'static str, key: &'static str, value: &'static str| {
        let port = port.clone();
        tokio::task::spawn_blocking(move || {
            Command::new("zabbix_sender")
                .args(["-z", "127.0.0.1", "-p", &port, "-s", host, "-k", key, "-o", value])
                .output()
                .unwrap()
        })
    };
    let sent = send("real", "system.cpu.load[percpu,avg1]", "0.75");
    bench.keep_until("the value", true, |store| !store.is_empty()).await;
    let output = sent.await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("processed: 1; failed: 0"), "{told}");
    assert_eq!(*bench.store.values().next().unwrap(), 0.75);
    let output = send("stranger", "system.uptime", "1").await.unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(2) && told.contains("failed: 1"), "{told}");
}
