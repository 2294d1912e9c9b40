//! A real Zabbix server for one test: started by `tests/real/zabbix.sh`, stopped when dropped.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use collector::zabbix::api::{Access, Login};
use collector::zabbix::secret::Secret;
use model::clock::{Clock, SharedClock};
use model::time::Time;
use serde_json::{Value, json};

/// The server, in a folder of its own.
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    pub(crate) url: String,
    pub(crate) sender: Sender,
    token: String,
    client: reqwest::Client,
}

/// Sends values to the server.
#[derive(Clone, Default)]
pub(crate) struct Sender {
    port: String,
}

/// A real clock that can be set forward.
pub(crate) struct TestClock {
    began: Instant,
    ahead_ms: AtomicI64,
}

impl TestClock {
    #[expect(clippy::disallowed_methods, reason = "against a real server time is real")]
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), ahead_ms: AtomicI64::new(0) })
    }

    pub(crate) fn set_forward(&self, span: Duration) {
        self.ahead_ms.fetch_add(span.as_millis() as i64, Ordering::Relaxed);
    }

    pub(crate) fn shared(self: &Arc<Self>) -> SharedClock {
        SharedClock::new(Shared(self.clone()))
    }
}

struct Shared(Arc<TestClock>);

impl Clock for Shared {
    #[expect(clippy::disallowed_methods, reason = "against a real server time is real")]
    fn now(&self) -> Time {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        Time::from_millis(real + self.0.ahead_ms.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }
}

impl Server {
    /// Installs, starts and seeds.
    pub(crate) fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("zabbix-{}", std::process::id()));
        // reqwest wants a TLS provider even for plain HTTP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut server = Self {
            folder,
            url: String::new(),
            sender: Sender::default(),
            token: String::new(),
            client,
        };
        run(Command::new(recipe()).arg("install"));
        run(Command::new(recipe()).arg("up").arg(&server.folder).env("ZABBIX_PORT", free_ports()));
        server.recipe(&["seed"]);
        let read = |name: &str| fs::read_to_string(server.folder.join(name)).unwrap();
        let env = read("env");
        let value = |name: &str| {
            let line = env.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches('=').to_owned()
        };
        server.url = value("url");
        server.sender.port = value("trapper");
        server.token = read("token").trim().to_owned();
        server
    }

    pub(crate) fn recipe(&self, words: &[&str]) {
        let (command, rest) = words.split_first().unwrap();
        run(Command::new(recipe()).arg(command).arg(&self.folder).args(rest));
    }

    /// As the test's own API token, or by user and password.
    pub(crate) fn access(&self, password: Option<&str>) -> Access {
        let login = match password {
            None => Login::Token(Secret::new(self.token.clone())),
            Some(password) => {
                Login::Password { user: "Admin".to_owned(), password: Secret::new(password) }
            }
        };
        let call_timeout = Duration::from_secs(20);
        Access { url: self.url.clone(), login, authority: None, call_timeout }
    }

    /// Calls the API past all that is tested.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1, "auth": self.token});
        let request = self.client.post(&self.url).header("Content-Type", "application/json-rpc");
        let answer = request.body(body.to_string()).send().await.unwrap().bytes().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub(crate) async fn host_id(&self, host: &str) -> String {
        let found =
            self.call("host.get", json!({"output": ["hostid"], "filter": {"host": [host]}})).await;
        found[0]["hostid"].as_str().unwrap().to_owned()
    }

    pub(crate) fn sql(&self, statement: &str) {
        let socket = self.folder.join("pg");
        run(Command::new("psql")
            .args(["-X", "-q", "-U", "zabbix", "-d", "zabbix", "-h"])
            .arg(socket)
            .args(["-c", statement]));
    }
}

impl Sender {
    /// Sends values now: host, key, value.
    pub(crate) fn send(&self, values: &[(&str, &str, &str)]) {
        let lines: String =
            values.iter().map(|(host, key, value)| format!("{host} {key} {value}\n")).collect();
        self.run(&["-i", "-"], &lines);
    }

    /// Sends values that bear their time: host, key, seconds, nanoseconds, value.
    pub(crate) fn send_timed(&self, values: &[(String, String, i64, u32, u32)]) {
        let lines = values
            .iter()
            .map(|(host, key, clock, ns, value)| format!("{host} {key} {clock} {ns} {value}\n"));
        self.run(&["-T", "-N", "-i", "-"], &lines.collect::<String>());
    }

    fn run(&self, how: &[&str], lines: &str) {
        let mut sender = Command::new("zabbix_sender")
            .args(["-z", "127.0.0.1", "-p", &self.port])
            .args(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        sender.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(sender.wait().unwrap().success(), "a value was not taken");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(recipe()).arg("down").arg(&self.folder).status();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn recipe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/real/zabbix.sh")
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// The first of three free ports in a row.
fn free_ports() -> String {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = (28_000..31_000).step_by(3).find(|first| (*first..first + 3).all(is_free));
    first.unwrap().to_string()
}
