//! A real fleet for tests: the files of `examples/shop` in a folder of their own, the real binary,
//! real processes, on ports of its own. It ends with the test, also when the test fails.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

/// Each fleet of a test binary takes the next ports; each binary starts elsewhere.
static NEXT: AtomicU16 = AtomicU16::new(0);
const PORTS_PER_FLEET: u16 = 120;
const FIRST_PORT: u16 = 20_000;
const RUNS_OF_PORTS: u16 = 104;
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) struct Fleet {
    pub folder: PathBuf,
    pub listen: SocketAddr,
    pub router: SocketAddr,
    pub brain: Option<Child>,
    /// The VMs and the router end when this one does.
    tether: Child,
}

impl Fleet {
    /// Writes the files. `change` may alter the main file's text before.
    pub(crate) fn prepare(name: &str, change: impl FnOnce(String) -> String) -> Self {
        let folder = std::env::temp_dir().join(format!("cloudbrain-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let ports = free_ports();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (listen, router) = (at(ports), at(ports + 1));
        let tether = Command::new("sleep").arg("3600").spawn().expect("sleep runs");
        copy(&example(), &folder);
        let main = std::fs::read_to_string(folder.join("cloudbrain.yaml")).expect("the example");
        let main = main
            .replace("127.0.0.1:8090", &listen.to_string())
            .replace("127.0.0.1:8088", &router.to_string())
            .replace(
                "ports: 21000-21199",
                &format!("ports: {}-{}\n      tether: {}", ports + 2, ports + 110, tether.id()),
            );
        std::fs::write(folder.join("cloudbrain.yaml"), change(main)).expect("a folder of ours");
        Self { folder, listen, router, brain: None, tether }
    }

    pub(crate) fn start(name: &str) -> Self {
        let mut fleet = Self::prepare(name, |main| main);
        fleet.start_brain();
        fleet
    }

    pub(crate) fn start_brain(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("brain.log"))
            .expect("a folder of ours");
        let brain = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
            .arg("serve")
            .arg("--config")
            .arg(self.folder.join("cloudbrain.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the binary under test runs");
        self.brain = Some(brain);
    }

    /// SIGKILL, and nothing else.
    pub(crate) fn kill_brain(&mut self) {
        if let Some(mut brain) = self.brain.take() {
            brain.kill().expect("it is our child");
            brain.wait().expect("it is our child");
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("brain.log")).unwrap_or_default()
    }

    /// GETs JSON from the brain; None while it does not answer.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        serde_json::from_str(&http(self.listen, "GET", path, "", "")?.1).ok()
    }

    /// GETs a page; None while the brain does not answer with one.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        let (status, page) = http(self.listen, "GET", path, "", "")?;
        (status == 200).then_some(page)
    }

    /// Asks again and again until `look` finds something.
    #[track_caller]
    pub(crate) fn wait<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look(self) {
                return found;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        panic!("waited in vain for {what}; the brain's log:\n{}", self.log());
    }

    /// Waits until the module serves with `serving` VMs and the pool is full.
    pub(crate) fn wait_until_up(&self, serving: u64) {
        self.wait("the fleet to be up", |fleet| {
            let overview = fleet.get("/api/overview")?;
            let module = &overview["modules"][0];
            let pool = &overview["pools"][0];
            let up = module["serving"].as_u64()? == serving && module["warming"].as_u64()? == 0;
            (up && pool["ready"].as_u64()? >= pool["wanted_ready"].as_u64()?).then_some(())
        });
    }

    /// The process of each VM, by what the VMs themselves wrote.
    pub(crate) fn vm_pids(&self) -> std::collections::BTreeMap<String, i64> {
        let folder = self.folder.join("state/process/vms");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| {
            let text = std::fs::read_to_string(entry.path().join("run.json")).ok()?;
            let run: Value = serde_json::from_str(&text).ok()?;
            Some((entry.file_name().to_string_lossy().into_owned(), run["pid"].as_i64()?))
        });
        pids.collect()
    }

    /// Those of the VMs' processes that live.
    pub(crate) fn living(&self) -> BTreeSet<i64> {
        let pids = self.vm_pids().into_values();
        pids.filter(|pid| is_alive(*pid)).collect()
    }

    /// SIGKILL to the host and all VMs on it, from outside, as a power failure would.
    pub(crate) fn kill_host(&self, host: &str) {
        let process = self.folder.join("state/process");
        let read = |path: PathBuf| -> Option<Value> {
            serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
        };
        let entries = std::fs::read_dir(process.join("vms")).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        folders.retain(|folder| read(folder.join("spec.json")).is_some_and(|s| s["host"] == host));
        folders.push(process.join("hosts").join(host));
        for folder in folders {
            if let Some(pid) = read(folder.join("run.json")).and_then(|run| run["pid"].as_i64()) {
                let group = format!("-{pid}");
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            }
        }
    }

    /// A host that carries a VM in service: which one that is depends on which VM was up first.
    pub(crate) fn busy_host(&self) -> String {
        self.wait("a host with a VM in service", |fleet| {
            let overview = fleet.get("/api/overview")?;
            let hosts = overview["hosts"].as_array()?.clone();
            let serves = |host: &&Value| {
                let vms = host["vms"].as_array();
                vms.is_some_and(|vms| vms.iter().any(|vm| vm["state"] == "serving"))
            };
            Some(hosts.iter().find(serves)?["id"].as_str()?.to_owned())
        })
    }

    /// The messages in the inbox file, as they were delivered.
    pub(crate) fn inbox(&self) -> Vec<Value> {
        let path = self.folder.join("state/messages.ndjson");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Fleet {
    /// It goes on without the brain, so it has to be told.
    fn stop_router(&self) {
        let socket = self.folder.join("state/router/edge/router.sock");
        if let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket) {
            let _ =
                stream.write_all(b"POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.read(&mut [0; 64]);
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.kill_brain();
        self.stop_router();
        let _ = self.tether.kill();
        let _ = self.tether.wait();
        if std::thread::panicking() {
            return; // The folder tells what happened.
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn is_alive(pid: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// One request, with status and body; None if nobody answers.
pub(crate) fn http(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let length = body.len();
    let host = if headers.to_lowercase().contains("host:") { "" } else { "Host: localhost\r\n" };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let answer = read_answer(&mut stream)?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Some((status, if chunked { unchunk(body) } else { body.to_owned() }))
}

/// Reads up to the announced length: some servers leave the connection open all the same.
fn read_answer(stream: &mut TcpStream) -> Option<String> {
    let mut answer = Vec::new();
    let mut part = [0; 65_536];
    loop {
        let read = stream.read(&mut part).ok()?;
        answer.extend_from_slice(&part[..read]);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let length = end.and_then(|end| {
            let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
            let line = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
            Some(end + 4 + line.trim().parse::<usize>().ok()?)
        });
        if read == 0 || length.is_some_and(|length| answer.len() >= length) {
            return Some(String::from_utf8_lossy(&answer).into_owned());
        }
    }
}

fn unchunk(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || size > after.len() || !after.is_char_boundary(size) {
            break;
        }
        text.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    text
}

pub(crate) fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop")
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder of ours");
    for entry in std::fs::read_dir(from).expect("the example").flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() && entry.file_name() != "state" {
            copy(&source, &target);
        } else if source.is_file() {
            std::fs::copy(&source, &target).expect("a folder of ours");
        }
    }
}

/// The first of a run of ports below those that Linux gives out by itself. Who comes after the last run begins
/// again at the first: the tests that had it are over.
pub(crate) fn free_ports() -> u16 {
    let start = (std::process::id() % 30) as u16 * 2 * PORTS_PER_FLEET;
    loop {
        let run = NEXT.fetch_add(1, Ordering::Relaxed) % RUNS_OF_PORTS * PORTS_PER_FLEET;
        let first = FIRST_PORT + (start + run) % (RUNS_OF_PORTS * PORTS_PER_FLEET);
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(first) && free(first + 1) && free(first + 2) {
            return first;
        }
    }
}

/// A site, with its Monitor.X, that is well until it is told not to be.
pub(crate) fn site() -> (SocketAddr, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, is_bad) =
        (listener.local_addr().expect("it listens"), Arc::<AtomicBool>::default());
    let bad = is_bad.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let status = if bad.load(Ordering::Relaxed) { "503 Unavailable" } else { "200 OK" };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\n200");
        }
    });
    (address, is_bad)
}
