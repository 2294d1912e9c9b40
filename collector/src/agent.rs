//! Answers Zabbix passive checks: the other half of [`crate::passive`].
//!
//! It speaks for one machine, or for one VM that is a process, to any Zabbix server, proxy or
//! `zabbix_get`, and to our own collector. What it can tell comes from [`Figures`]; who may ask
//! is the business of whoever binds the listener.
//!
//! Whoever connects is not trusted: one request per connection, of bounded size, within one
//! deadline, and no more than a few connections at once. The others wait in the kernel's backlog.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::frame::{self, FrameError};

/// How many connections are served at once.
const MAX_CONNECTIONS: usize = 32;
/// For a whole connection, from accepting it to the last byte of the reply.
const DEADLINE: Duration = Duration::from_secs(3);
/// Enough for all keys of a machine with as many parts as are watched, under long names.
const MAX_REQUEST_BYTES: usize = 256 * 1024;
/// Of all values of one reply, so that it stays within what [`crate::passive`] takes in.
const MAX_VALUES_BYTES: usize = frame::MAX_REPLY_BYTES / 2;
/// How long to wait before accepting again when that failed, as it does without descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What an agent can tell.
pub trait Figures: Send + Sync {
    /// The value of an item key, as text, or the reason why there is none. Must not block: it is
    /// called on a thread that serves others too.
    fn value(&self, key: &str) -> Result<String, String>;
}

/// Serves until it is dropped, which ends all connections. `hostname` is what `agent.hostname`
/// answers.
pub async fn serve(listener: TcpListener, hostname: String, figures: Arc<dyn Figures>) {
    let agent = Arc::new(Agent { hostname, figures });
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let agent = agent.clone();
                connections.spawn(async move { agent.serve_one(stream).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the agent could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

struct Agent {
    hostname: String,
    figures: Arc<dyn Figures>,
}

#[derive(Deserialize)]
struct Request {
    request: String,
    data: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Serialize)]
struct Reply {
    version: &'static str,
    /// 1 is agentd, 2 is agent2: whoever asks must treat us as the simpler one.
    variant: u8,
    data: Vec<Item>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Item {
    Value(String),
    Error(String),
}

impl Agent {
    async fn serve_one(&self, mut stream: TcpStream) {
        let answered = tokio::time::timeout(DEADLINE, self.answer_one(&mut stream)).await;
        if let Ok(Err(error)) = answered {
            tracing::debug!(error = &error as &dyn std::error::Error, "a request went unanswered");
        }
    }

    async fn answer_one(&self, stream: &mut TcpStream) -> Result<(), FrameError> {
        let request = frame::read_frame(stream, MAX_REQUEST_BYTES).await?;
        stream.write_all(&frame::encode(&self.reply(&request))).await.map_err(FrameError::Io)?;
        stream.shutdown().await.map_err(FrameError::Io)
    }

    fn reply(&self, request: &[u8]) -> Vec<u8> {
        if let Ok(request) = serde_json::from_slice::<Request>(request) {
            return self.reply_to_all(request);
        }
        let key = String::from_utf8_lossy(request);
        let answer = self.value(key.strip_suffix('\n').unwrap_or(&key));
        answer.unwrap_or_else(|reason| format!("ZBX_NOTSUPPORTED\0{reason}")).into_bytes()
    }

    fn reply_to_all(&self, request: Request) -> Vec<u8> {
        if request.request != "passive checks" {
            return b"ZBX_NOTSUPPORTED\0Unknown request.".to_vec();
        }
        let mut room = MAX_VALUES_BYTES;
        let answer = |key: Key| match self.value(&key.key) {
            Ok(value) if value.len() > room => Item::Error("Too much asked at once.".to_owned()),
            Ok(value) => {
                room -= value.len();
                Item::Value(value)
            }
            Err(reason) => Item::Error(reason),
        };
        let data = request.data.into_iter().map(answer).collect();
        let reply = Reply { version: VERSION, variant: 1, data };
        serde_json::to_vec(&reply).expect("strings and numbers become JSON")
    }

    fn value(&self, key: &str) -> Result<String, String> {
        match key {
            "agent.ping" => Ok("1".to_owned()),
            "agent.version" => Ok(VERSION.to_owned()),
            "agent.hostname" => Ok(self.hostname.clone()),
            _ => self.figures.value(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::clock::{FixedClock, SharedClock};
    use model::metric::{PartKind, TABLE};
    use model::time::Time;
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::parts::Parts;
    use crate::passive::{PassiveClient, Polled};
    use crate::sheet::Sheet;
    use crate::targets::AgentTarget;

    struct MadeUp;

    impl Figures for MadeUp {
        fn value(&self, key: &str) -> Result<String, String> {
            match key {
                "system.cpu.load[percpu,avg1]" => Ok("0.5".to_owned()),
                "system.cpu.util[,idle]" => Ok("75".to_owned()),
                "vfs.fs.discovery" => Ok("x".repeat(1000)),
                _ => Err("Unsupported item key.".to_owned()),
            }
        }
    }

    async fn start() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, "web-1".to_owned(), Arc::new(MadeUp)));
        address
    }

    /// Sends raw bytes and reads to the end, as a stranger would.
    async fn talk(bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(start().await).await.unwrap();
        // A server that has heard enough closes while we still write.
        let _ = stream.write_all(bytes).await;
        let mut reply = Vec::new();
        // A connection that is closed with bytes unread is reset; what came before still counts.
        let _ = stream.read_to_end(&mut reply).await;
        String::from_utf8_lossy(reply.get(13..).unwrap_or_default()).into_owned()
    }

    async fn ask(request: &str) -> String {
        talk(&frame::encode(request.as_bytes())).await
    }

    #[tokio::test]
    async fn a_plain_key_is_answered() {
        assert_eq!(ask("agent.ping").await, "1");
        assert_eq!(ask("agent.ping\n").await, "1");
        assert_eq!(ask("agent.hostname").await, "web-1");
        assert_eq!(ask("agent.version").await, VERSION);
        assert_eq!(ask("system.cpu.load[percpu,avg1]").await, "0.5");
        assert_eq!(ask("no.such.key").await, "ZBX_NOTSUPPORTED\0Unsupported item key.");
        assert_eq!(ask("").await, "ZBX_NOTSUPPORTED\0Unsupported item key.");
    }

    #[tokio::test]
    async fn many_keys_are_answered_in_one_json_reply() {
        let request = r#"{"request":"passive checks","data":[{"key":"agent.ping","timeout":3},{"key":"no.such"}]}"#;
        let expected = format!(
            r#"{{"version":"{VERSION}","variant":1,"data":[{{"value":"1"}},{{"error":"Unsupported item key."}}]}}"#
        );
        assert_eq!(ask(request).await, expected);
        let other = r#"{"request":"sender data","data":[]}"#;
        assert_eq!(ask(other).await, "ZBX_NOTSUPPORTED\0Unknown request.");
    }

    #[tokio::test]
    async fn a_short_question_gets_no_endless_answer() {
        let keys = vec![r#"{"key":"vfs.fs.discovery"}"#; 5_000].join(",");
        let request = format!(r#"{{"request":"passive checks","data":[{keys}]}}"#);
        let reply = ask(&request).await;
        assert_eq!(reply.matches("value").count(), MAX_VALUES_BYTES / 1000);
        assert_eq!(
            reply.matches("Too much asked at once.").count(),
            5_000 - MAX_VALUES_BYTES / 1000
        );
    }

    #[tokio::test]
    async fn our_own_client_understands_it() {
        let target = AgentTarget::new("vm/web-1".parse().unwrap(), start().await);
        let clock = SharedClock::new(FixedClock(Time::from_millis(0)));
        let client = PassiveClient::default();
        let polled = client.poll(&target, Duration::from_secs(60), &clock).await.unwrap();
        let Polled { frame, unsupported, rubbish, unanswered, .. } = polled;
        let values = r#"{"load1_per_core": 0.5, "system_cpu_utilization": 0.25}"#;
        assert_eq!(format!("{:?}", frame.values), values);
        let others = Sheet::of(TABLE, &Parts::default()).items.len() - 2 + PartKind::ALL.len();
        // The list of mount points is none.
        assert_eq!((unsupported as usize, rubbish, unanswered), (others - 1, 1, 0));
    }

    #[tokio::test]
    async fn what_is_no_request_is_dropped_without_a_word() {
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"ZBXD\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(talk(bytes).await, "");
        }
    }

    #[tokio::test]
    async fn a_request_may_be_so_long_and_no_longer() {
        let longest = "x".repeat(MAX_REQUEST_BYTES);
        assert_eq!(ask(&longest).await, "ZBX_NOTSUPPORTED\0Unsupported item key.");
        assert_eq!(ask(&format!("{longest}x")).await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_never_finishes_is_cut_off() {
        assert_eq!(talk(b"ZBXD\x01\x0a\0\0\0").await, "");
    }

    #[tokio::test(start_paused = true)]
    async fn silent_strangers_cannot_keep_others_out() {
        let address = start().await;
        let mut strangers = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            strangers.push(TcpStream::connect(address).await.unwrap());
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&frame::encode(b"agent.ping")).await.unwrap();
        let reply = frame::read_frame(&mut stream, 64).await.unwrap();
        assert_eq!(reply, b"1");
    }
}
