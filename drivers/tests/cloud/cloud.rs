//! An OpenStack of one test: it keeps servers, and answers as it is told, with what a real one said.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Servers on one page.
const PAGE: usize = 2;

/// What it does with the next order.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Makes a server that ends so: `ACTIVE`, or `ERROR` with the fault of a recording.
    Made(&'static str),
    /// Makes it, and cuts the connection.
    MadeInSilence,
    /// Cuts the connection, and makes it only when it is told to.
    MadeLater,
    /// Answers with a recording.
    Says(&'static str),
    /// Answers with a status, headers and a body.
    Writes(u16, &'static str, &'static str),
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) servers: Vec<Value>,
    pub(crate) fates: VecDeque<Fate>,
    /// Bodies of orders that were kept for later.
    later: Vec<Value>,
    pub(crate) orders: usize,
    pub(crate) logins: usize,
    /// Tokens up to this number are refused.
    pub(crate) dead_tokens: usize,
    /// A page from this number on is not to be had.
    pub(crate) pages_fail_at: Option<usize>,
    pub(crate) knows_hosts: bool,
    made: usize,
}

/// It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a real one said: `{"status": ..., "body": ...}`.
pub(crate) fn recorded(name: &str) -> (u16, Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cloud/answers");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("a recording");
    let mut read: Value = serde_json::from_str(&text).expect("JSON");
    let status = read["status"].as_u64().expect("a status") as u16;
    (status, read["body"].take())
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::<Mutex<State>>::default();
        let kept = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, address, kept.clone()));
            }
        });
        Self { address, state, task }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with it")
    }

    /// Orders that came, and servers that there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        (state.orders, state.servers.len())
    }

    pub(crate) fn fate(&self, fate: Fate) {
        self.state().fates.push_back(fate);
    }

    /// Carries out what was put off.
    pub(crate) fn make_what_was_put_off(&self) {
        let mut state = self.state();
        for order in std::mem::take(&mut state.later) {
            state.make(&order, "ACTIVE");
        }
    }
}

impl State {
    fn make(&mut self, order: &Value, status: &str) -> String {
        self.made += 1;
        let id = format!("server-{}", self.made);
        let mut server = recorded("server-active").1["server"].take();
        let number = self.made;
        server["id"] = json!(id);
        server["metadata"] = order["server"]["metadata"].clone();
        server["OS-SRV-USG:launched_at"] = json!(format!("2026-11-21T00:00:{number:02}.000000"));
        if status != "ACTIVE" {
            let failed = recorded(status).1["server"].take();
            for key in ["status", "fault", "OS-EXT-STS:power_state", "hostId", "addresses"] {
                server[key] = failed[key].clone();
            }
        }
        self.servers.push(server);
        id
    }

    fn answer(&mut self, request: &Request, address: SocketAddr) -> Option<(u16, String, Value)> {
        let plain = |(status, body): (u16, Value)| Some((status, String::new(), body));
        let path = request.path.as_str();
        if path == "/v3/auth/tokens" {
            self.logins += 1;
            let token = format!("X-Subject-Token: token-{}\r\n", self.logins);
            return Some((201, token, token_body(address)));
        }
        if request.token.is_none_or(|token| token <= self.dead_tokens) {
            return plain(recorded("token-unknown"));
        }
        let known = match self.knows_hosts {
            true => ["hypervisors", "candidates"],
            false => ["hypervisors-forbidden", "candidates-forbidden"],
        };
        match (request.method.as_str(), path) {
            ("GET", path) if path.starts_with("/compute/servers/detail") => self.page(path),
            ("POST", "/compute/servers") => self.order(&request.body),
            ("DELETE", path) => plain(self.destroy(path)),
            ("GET", path) if path.starts_with("/compute/flavors") => plain(recorded("flavors")),
            ("GET", "/compute/limits") => plain(recorded("limits")),
            ("GET", path) if path.starts_with("/compute/os-hypervisors") => {
                plain(recorded(known[0]))
            }
            ("GET", path) if path.starts_with("/placement/") => plain(recorded(known[1])),
            _ => plain((404, json!({"itemNotFound": {"message": path}}))),
        }
    }

    fn page(&self, path: &str) -> Option<(u16, String, Value)> {
        let marker = path.split("marker=").nth(1);
        let begin = marker.map_or(0, |marker| {
            self.servers.iter().position(|server| server["id"] == marker).map_or(0, |at| at + 1)
        });
        if self.pages_fail_at.is_some_and(|page| begin >= page * PAGE) {
            return None;
        }
        let page: Vec<&Value> = self.servers.iter().skip(begin).take(PAGE).collect();
        let mut body = json!({"servers": page});
        if page.len() == PAGE {
            body["servers_links"] = json!([{"rel": "next", "href": "http://elsewhere/never/used"}]);
        }
        Some((200, String::new(), body))
    }

    fn order(&mut self, body: &Value) -> Option<(u16, String, Value)> {
        self.orders += 1;
        match self.fates.pop_front().unwrap_or(Fate::Made("ACTIVE")) {
            Fate::Made(status) => {
                let id = self.make(body, status);
                Some((202, String::new(), json!({"server": {"id": id}})))
            }
            Fate::MadeInSilence => {
                self.make(body, "ACTIVE");
                None
            }
            Fate::MadeLater => {
                self.later.push(body.clone());
                None
            }
            Fate::Says(name) => {
                let (status, body) = recorded(name);
                Some((status, String::new(), body))
            }
            Fate::Writes(status, headers, body) => {
                Some((status, headers.to_owned(), Value::String(body.to_owned())))
            }
        }
    }

    fn destroy(&mut self, path: &str) -> (u16, Value) {
        let id = path.rsplit('/').next().unwrap_or_default();
        let before = self.servers.len();
        self.servers.retain(|server| server["id"] != id);
        recorded(if self.servers.len() < before { "destroy" } else { "destroy-again" })
    }
}

fn token_body(address: SocketAddr) -> Value {
    let endpoint = |path: &str| json!([{"interface": "public", "region": "RegionOne", "url": format!("http://{address}/{path}")}]);
    json!({"token": {
        "issued_at": "2026-11-21T02:00:00.000000Z", "expires_at": "2026-11-21T03:00:00.000000Z",
        "catalog": [
            {"type": "compute", "endpoints": endpoint("compute")},
            {"type": "placement", "endpoints": endpoint("placement")},
        ],
    }})
}

struct Request {
    method: String,
    path: String,
    /// The number of its token.
    token: Option<usize>,
    body: Value,
}

async fn serve(mut stream: TcpStream, address: SocketAddr, state: Arc<Mutex<State>>) {
    let Some(request) = read(&mut stream).await else { return };
    let answer = state.lock().expect("no test panics with it").answer(&request, address);
    let Some((status, headers, body)) = answer else { return };
    let body = match body.as_str() {
        Some(text) => text.to_owned(),
        None if body.is_null() => String::new(),
        None => body.to_string(),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = stream.write_all((head + &body).as_bytes()).await; // It may have gone away.
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let header = |name: &str| {
        let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let length: usize = header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let mut words = text.split(' ');
    Some(Request {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        token: header("x-auth-token").and_then(|t| t.strip_prefix("token-")?.parse().ok()),
        body: serde_json::from_slice(&bytes[head + 4..]).unwrap_or_default(),
    })
}
