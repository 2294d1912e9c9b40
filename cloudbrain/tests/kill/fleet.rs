//! A fleet for one row of the matrix: files, a cloud, a brain that can be killed, and a look at the
//! world that trusts nobody.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::clock::SharedClock;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::processes::{lives, running};

/// Each fleet has ports of its own.
const FIRST_PORT: u16 = 23_000;
const PORTS_PER_FLEET: u16 = 80;
const BLOCKS: u16 = 100;

/// So long the world may take to be as it is wanted. It is generous: a machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many looks in a row must find the world in order.
const CALM_LOOKS: u32 = 4;

/// Tells how long something takes, by the one clock.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    clock: SharedClock,
    began: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        let clock = cloudbrain::clock::real();
        Self { began: clock.elapsed(), clock }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.began)
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// VMs that serve: the policy's min and max.
    pub(crate) serving: usize,
    /// VMs that wait in the pool.
    pub(crate) ready: usize,
    /// All VMs there may ever be.
    pub(crate) max_total: usize,
}

pub(crate) struct Fleet {
    pub(crate) folder: PathBuf,
    pub(crate) cloud: Cloud,
    /// One, or two of which the store takes one.
    brains: Vec<Child>,
    /// How many are started at once.
    pub(crate) rivals: usize,
    /// Of the brain, beside ours.
    pub(crate) environment: Vec<(String, String)>,
    /// VMs that nobody knows any more, and that must stay.
    pub(crate) strangers: BTreeSet<String>,
    /// VMs that wait in the pool while a program runs on them that nobody knows of any more.
    pub(crate) lent: BTreeSet<String>,
    listen: SocketAddr,
    pub(crate) router: SocketAddr,
    _ports: File,
}

impl Fleet {
    /// Files and cloud; the brain is not started.
    pub(crate) fn prepare(name: &str, shape: Shape) -> Self {
        let folder = std::env::temp_dir().join(format!("kill-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        for part in ["projects", "policies", "fail", "state"] {
            std::fs::create_dir_all(folder.join(part)).expect("a folder of ours");
        }
        let (ports, kept) = free_ports();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let cloud =
            Cloud::start(&folder.join("state"), &folder.join("fail"), ports + 2..=ports + 78);
        let (listen, router) = (at(ports), at(ports + 1));
        let (brains, environment) = (Vec::new(), Vec::new());
        let (strangers, lent) = (BTreeSet::new(), BTreeSet::new());
        let fleet = Self {
            folder,
            cloud,
            brains,
            rivals: 1,
            environment,
            strangers,
            lent,
            listen,
            router,
            _ports: kept,
        };
        fleet.write("cloudbrain.yaml", &main_file(listen, router));
        fleet.write("projects/shop.yaml", PROJECT);
        fleet.want(shape);
        fleet
    }

    /// With the brain running, and everything as it is wanted.
    pub(crate) fn start(name: &str, shape: Shape, rivals: usize) -> Self {
        let mut fleet = Self::prepare(name, shape);
        fleet.rivals = rivals;
        fleet.start_brain();
        fleet.settle(shape).unwrap_or_else(|why| panic!("it does not come up: {why}"));
        fleet.cloud.count_anew();
        fleet
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).expect("a folder of ours");
        std::fs::rename(&beside, &path).expect("a folder of ours");
    }

    /// Writes the files that ask for this, and tells the brain, if it lives.
    pub(crate) fn want(&self, shape: Shape) {
        self.write("policies/web.yaml", &policy(shape));
        self.write("policies/pool.yaml", &pool(shape));
        for pid in self.pids() {
            let _ = Command::new("kill").args(["-HUP", &pid.to_string()]).status();
        }
    }

    /// The brains that live.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.brains.iter().map(Child::id).filter(|pid| lives(*pid)).collect()
    }

    pub(crate) fn command(&self) -> Command {
        let log = self.folder.join("brain.log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log);
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloudbrain"));
        command
            .args(["serve", "--config"])
            .arg(self.folder.join("cloudbrain.yaml"))
            .envs(self.environment.iter().cloned())
            .env("CLOUDBRAIN_FAIL", self.folder.join("fail"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a folder of ours"));
        command
    }

    pub(crate) fn start_brain(&mut self) {
        for _ in 0..self.rivals {
            self.brains.push(self.command().spawn().expect("the binary under test runs"));
        }
    }

    /// SIGKILL, and nothing else.
    pub(crate) fn kill_brain(&mut self) {
        for mut brain in self.brains.drain(..) {
            let _ = brain.kill(); // It may be dead already.
            brain.wait().expect("it is our child");
        }
    }

    /// Whether the brain has died by itself, or by the order it was given.
    pub(crate) fn has_died(&mut self) -> bool {
        let brains = self.brains.iter_mut();
        brains.map(Child::try_wait).all(|status| status.is_ok_and(|status| status.is_some()))
    }

    /// The brain is to die at a point: see `cloudbrain::brain::fail`. None takes the order back.
    pub(crate) fn order(&self, order: Option<(&str, u32)>) {
        match order {
            Some((point, times)) => self.write("fail/order", &format!("{times} {point}")),
            None => drop(std::fs::remove_file(self.folder.join("fail/order"))),
        }
    }

    /// The points that were passed since this was asked last.
    pub(crate) fn take_passed(&self) -> Vec<String> {
        let path = self.folder.join("fail/passed");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("brain.log")).unwrap_or_default()
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&self.text(path)?).ok()
    }

    /// The body of an answer of the brain, whatever it is.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.listen, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        exchange(&mut stream, "GET", path, "")
    }

    /// POSTs JSON; the body of the answer, whatever it is.
    pub(crate) fn post(&self, path: &str, json: &str) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.listen, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        exchange(&mut stream, "POST", path, json)
    }

    /// What the router says of itself.
    pub(crate) fn router_report(&self) -> Option<Value> {
        let socket = self.folder.join("state/router/edge/router.sock");
        let mut stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        serde_json::from_str(&exchange(&mut stream, "GET", "/report", "")?).ok()
    }

    /// Waits until the world is as it is wanted, and stays so. The error says what is not.
    pub(crate) fn settle(&mut self, shape: Shape) -> Result<Duration, String> {
        self.settle_within(shape, PATIENCE)
    }

    pub(crate) fn settle_within(
        &mut self,
        shape: Shape,
        patience: Duration,
    ) -> Result<Duration, String> {
        let began = Stopwatch::start();
        let mut calm = 0;
        let mut why = String::new();
        while began.elapsed() < patience {
            match self.judge(shape) {
                Ok(()) => calm += 1,
                Err(found) => (calm, why) = (0, found),
            }
            if calm == CALM_LOOKS {
                return Ok(began.elapsed());
            }
            if self.has_died() {
                return Err("the brain died".to_owned());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Err(why)
    }

    /// Compares the world with what is wanted, and then the brain's idea of it with the world.
    pub(crate) fn judge(&self, shape: Shape) -> Result<(), String> {
        let there = self.cloud.ids();
        let running = running(&self.folder.join("state/process/vms"));
        let router = self.router_report().ok_or("the router does not answer")?;
        let routed = router["upstreams"].as_object().map(|all| all.keys().cloned().collect());
        let routed: BTreeSet<String> = routed.unwrap_or_default();
        let overview = self.get("/api/overview").ok_or("the brain does not answer")?;
        let known = known(&overview);
        let of = |states: &[&str]| -> BTreeSet<String> {
            let found = known.iter().filter(|(_, state)| states.contains(&state.as_str()));
            found.map(|(vm, _)| vm.clone()).collect()
        };
        let ours = there.difference(&self.strangers).count();
        let others = &self.strangers | &(&self.lent & &of(&["pool"]));
        let serving = running.programs.keys().filter(|vm| !others.contains(*vm));
        let serving: BTreeSet<String> = serving.cloned().collect();
        equal("VMs in the cloud", &ours, &(shape.serving + shape.ready))?;
        equal("the strangers", &(&self.strangers & &there), &self.strangers)?;
        equal("VMs with a program", &serving.len(), &shape.serving)?;
        equal("the VMs in the router", &routed, &serving)?;
        let twice = running.vms.iter().chain(&running.programs).find(|(_, count)| **count > 1);
        equal("what runs twice", &twice, &None)?;
        equal("the VMs that run", &running.vms.keys().cloned().collect(), &there)?;
        equal("the VMs that the brain knows", &of_all(&known), &there)?;
        equal("the VMs that the brain has serve", &of(&["serving"]), &serving)?;
        equal("the VMs in quarantine", &of(&["quarantine"]), &self.strangers)?;
        equal("the pool", &of(&["pool"]).len(), &shape.ready)
    }

    /// All that is known of a run that went wrong.
    pub(crate) fn story(&self) -> String {
        let log = self.log();
        let from = log.len().saturating_sub(6000);
        let tail = log.get(from..).unwrap_or(&log);
        let overview = self.get("/api/overview").map(|overview| known(&overview));
        let monitor = self.get("/api/monitor").unwrap_or_default();
        let (spells, faults) = (&monitor["spells"], &monitor["faults"]);
        let ledger = self.cloud.ledger();
        format!("ledger {ledger:?}\nbrain {overview:?}\nblind {spells}\nfaults {faults}\n{tail}")
    }

    /// Requests that stay under way, one on each VM that serves.
    pub(crate) fn hold_requests(&self, count: usize) -> Vec<TcpStream> {
        let open = (0..count).filter_map(|_| {
            let mut stream = TcpStream::connect(self.router).ok()?;
            let head =
                "POST /slow HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 9\r\n\r\n.";
            stream.write_all(head.as_bytes()).ok()?;
            Some(stream)
        });
        open.collect()
    }

    /// The VM that serves and has the least name.
    pub(crate) fn a_serving_vm(&self) -> String {
        let overview = self.get("/api/overview").expect("the brain answers");
        let serving = known(&overview).into_iter().filter(|(_, state)| state == "serving");
        serving.map(|(vm, _)| vm).min().expect("one serves")
    }

    /// The host that carries the most VMs.
    pub(crate) fn busy_host(&self) -> &'static str {
        if self.vms_on("h1").len() >= self.vms_on("h2").len() { "h1" } else { "h2" }
    }

    pub(crate) fn vms_on(&self, host: &str) -> BTreeSet<String> {
        let all = self.cloud.see().vms.into_iter();
        let on_it = all.filter(|vm| vm.host.as_ref().is_some_and(|on| on.as_str() == host));
        on_it.map(|vm| vm.id.to_string()).collect()
    }

    /// A signal to everything that runs on a VM.
    pub(crate) fn signal_vm(&self, vm: &str, signal: &str) {
        let run = self.folder.join("state/process/vms").join(vm).join("run.json");
        let run = std::fs::read_to_string(run).expect("it runs");
        let run: Value = serde_json::from_str(&run).expect("JSON");
        let group = format!("-{}", run["pid"].as_i64().expect("a pid"));
        let done = Command::new("kill").args([signal, "--", &group]).status();
        assert!(done.is_ok_and(|status| status.success()), "{vm} was signalled");
    }

    /// The files of the store, as they are now.
    pub(crate) fn copy_store(&self, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder of ours");
        for file in ["state.db", "state.db-wal"] {
            let from = self.folder.join("state").join(file);
            let _ = std::fs::remove_file(to.join(file));
            if from.exists() {
                std::fs::copy(from, to.join(file)).expect("a folder of ours");
            }
        }
    }

    /// Puts files of the store back. The brain must be dead.
    pub(crate) fn put_store_back(&self, from: &Path) {
        for file in ["state.db", "state.db-wal", "state.db-shm"] {
            let _ = std::fs::remove_file(self.folder.join("state").join(file));
            if from.join(file).exists() {
                let to = self.folder.join("state").join(file);
                std::fs::copy(from.join(file), to).expect("a folder of ours");
            }
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.kill_brain();
        let socket = self.folder.join("state/router/edge/router.sock");
        if let Ok(mut stream) = UnixStream::connect(socket) {
            let _ = exchange(&mut stream, "POST", "/stop", "");
        }
        self.cloud.end();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Each VM that the brain knows, with its state.
pub(crate) fn known(overview: &Value) -> Vec<(String, String)> {
    let hosts = overview["hosts"].as_array().into_iter().flatten();
    let placed = hosts.flat_map(|host| host["vms"].as_array().into_iter().flatten());
    let all = placed.chain(overview["unplaced"].as_array().into_iter().flatten());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|vm| (word(&vm["id"]), word(&vm["state"]))).collect()
}

fn of_all(known: &[(String, String)]) -> BTreeSet<String> {
    known.iter().map(|(vm, _)| vm.clone()).collect()
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, wanted: &T) -> Result<(), String> {
    if is == wanted { Ok(()) } else { Err(format!("{what}: {is:?} instead of {wanted:?}")) }
}

/// One request; the body of the answer, if it is a good one.
fn exchange(
    stream: &mut (impl std::io::Read + std::io::Write),
    method: &str,
    path: &str,
    json: &str,
) -> Option<String> {
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json";
    let length = json.len();
    write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{json}")
        .ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // The other side may cut it off after the answer.
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Some(if is_chunked { unchunk(body) } else { body.to_owned() })
}

fn unchunk(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(part) = after.get(..size).filter(|part| !part.is_empty()) else { break };
        text.push_str(part);
        rest = after[size..].trim_start_matches("\r\n");
    }
    text
}

/// A run of ports that no other test has, for as long as the file is open.
fn free_ports() -> (u16, File) {
    loop {
        for block in 0..BLOCKS {
            let path = std::env::temp_dir().join(format!("cloudbrain-kill-ports-{block}"));
            let file = File::create(path).expect("a folder for everybody");
            let first = FIRST_PORT + block * PORTS_PER_FLEET;
            let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
            if file.try_lock().is_ok() && (first..first + PORTS_PER_FLEET).all(is_free) {
                return (first, file);
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn main_file(listen: SocketAddr, router: SocketAddr) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "fleet: kill
listen: {listen}
store: state
tick: 200ms
brake: {{share: \"100%\", within: 1s}}
flavors:
  small: {{cores: 0.5}}
providers:
  - process: {{name: local, ports: 21000-21001, hosts: [{{name: h1}}, {{name: h2}}]}}
routers:
  - builtin: {{name: edge, listen: \"{router}\"}}
collector: {{interval: 500ms, timeout: 500ms}}
channels:
  - inbox: {{name: inbox, path: messages.ndjson}}
people:
  ops: {{channel: inbox}}
operations: [ops]
"
    );
    text
}

const PROJECT: &str = "apiVersion: cloudbrain/v1
kind: Project
name: shop
owners: {dev: [ops]}
domains: [shop.example.com]
modules:
  - name: web
    program: [cloudbrain, demo-app, --port, \"${PORT}\"]
";

/// A count that is no matter of load, and times that let a run end soon.
fn policy(Shape { serving, .. }: Shape) -> String {
    format!(
        "apiVersion: cloudbrain/v1
kind: ScalingPolicy
module: shop/web
flavor: small
mode: auto
capacity: {{min: {serving}, max: {serving}}}
pace:
  in: {{stabilise: 0s, cooldown: 0s, max_step: 8}}
  out: {{settle: 0s, max_step: 8, max_in_flight: 8}}
  create: {{timeout: 8s, retry_first: 300ms, retry_max: 1s, per_hour: 10000}}
health:
  ready: {{http: /ready, every: 200ms, timeout: 2s, pass: 1, fail: 2, deadline: 20s}}
drain: {{timeout: 1s, kill_after: 500ms}}
terminate: {{young: 0s}}
isolation: {{witnesses: 2, after: 300ms, max_share: 1000, replace_after: \"0\", keep_for_debug: 500ms}}
"
    )
}

fn pool(Shape { ready, max_total, .. }: Shape) -> String {
    format!(
        "apiVersion: cloudbrain/v1
kind: Pool
flavor: small
ready: {ready}
max_total: {max_total}
refill: {{per_minute: 600, in_flight: 4}}
recheck: 30s
"
    )
}
