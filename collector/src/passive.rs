//! Asks an agent for its figures, by Zabbix passive checks.
//!
//! Agents since 7.0 take all keys in one JSON request; older ones, which are most, know one plain
//! key per connection. Nobody should have to configure which, so JSON is tried first, the older
//! agent's refusal is recognised, and its address is remembered until it is forgotten by
//! [`PassiveClient::keep_only`].
//!
//! A key that an agent does not know must not cost the figures it does know, so a poll succeeds if
//! at least one value came. For the same reason a plain poll that breaks off keeps what it has:
//! an agent that answered one key is alive, and the next poll tells how it goes on.
//!
//! Invariants: one poll takes no longer than its timeout, however many connections it needs; only
//! finite numbers get into a frame; an agent's own words are bounded and cleaned.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::clock::SharedClock;
use model::metric::Metric;
use model::sample::Frame;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::blind::is_own_fault;
use crate::frame::{self, FrameError, MAX_REPLY_BYTES};
use crate::targets::AgentTarget;
use crate::text::clean;

/// The longest text of an agent that is repeated, in characters.
const MAX_DETAIL_CHARS: usize = 200;

const NOT_SUPPORTED: &str = "ZBX_NOTSUPPORTED";
/// What agents before 7.0 say to a JSON request, which they take for a key.
const TOOK_JSON_FOR_A_KEY: &str = "Invalid item key format.";

/// Asks agents, and remembers which of them know only the plain form.
#[derive(Debug, Default)]
pub struct PassiveClient {
    plain: Mutex<BTreeSet<SocketAddr>>,
}

/// What one poll brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// Holds at least one value.
    pub frame: Frame,
    /// Keys that the agent does not know or could not tell.
    pub unsupported: u32,
    /// Values that are no finite number.
    pub rubbish: u32,
    /// Keys without an answer, because the poll broke off before.
    pub unanswered: u32,
}

/// Why a poll brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PollError {
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// We could not look; nothing is known about the agent.
    #[error("could not look: {reason}")]
    Blind { reason: String },
}

/// What is wrong with an agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// No connection: nothing listens there, or the machine is gone.
    #[error("{0}")]
    Refused(io::ErrorKind),
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// It accepts connections, but not ours; an overloaded agent does the same.
    #[error("closed without reply (check Server= of the agent)")]
    ClosedWithoutReply,
    #[error("unreadable answer: {detail}")]
    Rubbish { detail: String },
    #[error("an answer of {bytes} bytes, at most {limit} are accepted")]
    TooBig { bytes: u32, limit: usize },
    /// It answers, but knows none of the keys.
    #[error("not supported: {detail}")]
    Unsupported { detail: String },
}

impl AgentError {
    /// Whether nothing at all was heard. Else something there speaks, if wrongly: the machine is
    /// not down.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::TimedOut(_))
    }
}

impl PassiveClient {
    /// Asks one agent for `metrics`, within `timeout` in all. The frame bears the time at which
    /// the poll began.
    pub async fn poll(
        &self,
        target: &AgentTarget,
        metrics: &[Metric],
        timeout: Duration,
        clock: &SharedClock,
    ) -> Result<Polled, PollError> {
        let at = clock.now();
        let mut answers = Vec::new();
        let asked = self.ask(target.address, metrics, timeout, &mut answers);
        let end = tokio::time::timeout(timeout, asked).await;
        let end = end.unwrap_or(Err(PollError::Agent(AgentError::TimedOut(timeout))));
        let read = Reading::of(metrics, &answers);
        if read.values.is_empty() {
            end?;
            return Err(PollError::Agent(read.nothing()));
        }
        let unanswered = u32::try_from(metrics.len() - answers.len()).unwrap_or(u32::MAX);
        let frame = Frame { target: target.object.clone(), at, values: read.values };
        Ok(Polled { frame, unsupported: read.unsupported, rubbish: read.rubbish, unanswered })
    }

    /// Forgets what is known of all other addresses.
    pub fn keep_only(&self, addresses: &BTreeSet<SocketAddr>) {
        self.plain().retain(|address| addresses.contains(address));
    }

    /// Adds one answer per metric, in their order, as far as it comes.
    async fn ask(
        &self,
        address: SocketAddr,
        metrics: &[Metric],
        timeout: Duration,
        answers: &mut Vec<Answer>,
    ) -> Result<(), PollError> {
        let is_plain = self.plain().contains(&address);
        if !is_plain {
            if let Some(all) = ask_all(address, metrics, timeout).await? {
                *answers = all;
                return Ok(());
            }
            self.plain().insert(address);
        }
        for metric in metrics {
            answers.push(read_plain(&exchange(address, metric.zabbix_key.as_bytes()).await?));
        }
        Ok(())
    }

    fn plain(&self) -> MutexGuard<'_, BTreeSet<SocketAddr>> {
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An agent's answer to one key: a value, or why there is none.
type Answer = Result<String, String>;

#[derive(Serialize)]
struct Request<'a> {
    request: &'static str,
    data: Vec<Key<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
    /// Seconds.
    timeout: u64,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    data: Vec<Item>,
    /// Why the request as a whole was refused.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    value: Option<serde_json::Value>,
    error: Option<String>,
}

impl Item {
    fn answer(self) -> Answer {
        match self.value {
            Some(serde_json::Value::String(text)) => Ok(text),
            Some(other) => Ok(other.to_string()),
            None => Err(self.error.unwrap_or_default()),
        }
    }
}

/// Asks for all keys at once. None if the agent does not know that form.
async fn ask_all(
    address: SocketAddr,
    metrics: &[Metric],
    timeout: Duration,
) -> Result<Option<Vec<Answer>>, PollError> {
    // The agent must give up on a slow key before we give up on the agent.
    let key_timeout_s = timeout.as_secs().saturating_sub(1).max(1);
    let key = |metric: &Metric| Key { key: metric.zabbix_key, timeout: key_timeout_s };
    let request = Request { request: "passive checks", data: metrics.iter().map(key).collect() };
    let request = serde_json::to_vec(&request).expect("strings and numbers become JSON");
    let reply = exchange(address, &request).await?;
    match read_plain(&reply) {
        Err(reason) if reason == TOOK_JSON_FOR_A_KEY => Ok(None),
        Err(reason) => Err(unsupported(&reason).into()),
        Ok(_) => Ok(Some(read_all(&reply, metrics.len())?)),
    }
}

fn read_all(reply: &[u8], expected: usize) -> Result<Vec<Answer>, AgentError> {
    let reply: Reply = serde_json::from_slice(reply).map_err(|error| rubbish(&error))?;
    if let Some(reason) = reply.error {
        return Err(unsupported(&reason));
    }
    if reply.data.len() != expected {
        let found = reply.data.len();
        return Err(rubbish(&format_args!("{found} answers to {expected} keys")));
    }
    Ok(reply.data.into_iter().map(Item::answer).collect())
}

fn read_plain(reply: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(reply);
    match text.strip_prefix(NOT_SUPPORTED) {
        Some(reason) => Err(reason.trim_matches('\0').to_owned()),
        None => Ok(text.into_owned()),
    }
}

/// One request and its reply, on a connection of its own, as all agents want it.
async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>, PollError> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| not_connected(&error))?;
    // A peer that dislikes us may close before it has read everything; what it sent still counts.
    let written = stream.write_all(&frame::encode(request)).await;
    match frame::read_frame(&mut stream, MAX_REPLY_BYTES).await {
        Ok(reply) => Ok(reply),
        Err(FrameError::Io(error)) if is_own_fault(&error) => Err(blind(&error)),
        Err(FrameError::Empty) => Err(AgentError::ClosedWithoutReply.into()),
        Err(FrameError::TooBig { bytes, limit }) => Err(AgentError::TooBig { bytes, limit }.into()),
        Err(FrameError::Io(_)) if written.is_err() => Err(AgentError::ClosedWithoutReply.into()),
        Err(FrameError::Io(error)) => Err(AgentError::Refused(error.kind()).into()),
        Err(other) => Err(rubbish(&other).into()),
    }
}

fn not_connected(error: &io::Error) -> PollError {
    if is_own_fault(error) { blind(error) } else { AgentError::Refused(error.kind()).into() }
}

fn blind(error: &io::Error) -> PollError {
    PollError::Blind { reason: error.to_string() }
}

fn rubbish(detail: &dyn fmt::Display) -> AgentError {
    AgentError::Rubbish { detail: clean(&detail.to_string(), MAX_DETAIL_CHARS) }
}

fn unsupported(reason: &str) -> AgentError {
    AgentError::Unsupported { detail: clean(reason, MAX_DETAIL_CHARS) }
}

/// The answers of one agent, sorted into figures and failures.
#[derive(Default)]
struct Reading {
    values: BTreeMap<String, f64>,
    unsupported: u32,
    rubbish: u32,
    /// The first failure, for when there is nothing else to tell.
    first: Option<AgentError>,
}

impl Reading {
    fn of(metrics: &[Metric], answers: &[Answer]) -> Self {
        let mut reading = Self::default();
        for (metric, answer) in metrics.iter().zip(answers) {
            reading.add(metric, answer);
        }
        reading
    }

    fn add(&mut self, metric: &Metric, answer: &Answer) {
        let text = match answer {
            Ok(text) => text,
            Err(reason) => {
                self.unsupported += 1;
                self.first.get_or_insert_with(|| unsupported(reason));
                return;
            }
        };
        let ours = text.trim().parse().map(|value| metric.from_agent(value));
        match ours {
            Ok(value) if value.is_finite() => drop(self.values.insert(metric.name.into(), value)),
            _ => {
                self.rubbish += 1;
                self.first.get_or_insert_with(|| rubbish(&format_args!("no number: {text}")));
            }
        }
    }

    fn nothing(self) -> AgentError {
        self.first.unwrap_or(AgentError::Unsupported { detail: "nothing was asked".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use model::clock::FixedClock;
    use model::metric::TABLE;
    use model::time::Time;
    use tokio::net::TcpListener;

    use super::*;

    const AT: Time = Time::from_millis(1_772_445_600_000);
    const LONG: Duration = Duration::from_secs(60);
    const REFUSED_JSON: &[u8] = b"ZBX_NOTSUPPORTED\0Invalid item key format.";

    /// Answers each connection by what `reply` makes of the request; None leaves it hanging.
    async fn agent(reply: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> AgentTarget {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut hanging = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = frame::read_frame(&mut stream, 1 << 16).await.unwrap();
                match reply(&String::from_utf8(request).unwrap()) {
                    Some(bytes) => stream.write_all(&bytes).await.unwrap(),
                    None => hanging.push(stream),
                }
            }
        });
        AgentTarget { object: "vm/web-1".parse().unwrap(), address }
    }

    async fn poll(target: &AgentTarget, timeout: Duration) -> Result<Polled, PollError> {
        poll_by(&PassiveClient::default(), target, timeout).await
    }

    async fn poll_by(
        client: &PassiveClient,
        target: &AgentTarget,
        timeout: Duration,
    ) -> Result<Polled, PollError> {
        client.poll(target, &TABLE[..3], timeout, &SharedClock::new(FixedClock(AT))).await
    }

    /// Load, idle percentage, memory: as agentd 6.0 was recorded to answer.
    fn by_key(request: &str) -> Option<Vec<u8>> {
        let reply: &[u8] = match request {
            "system.cpu.load[percpu,avg1]" => b"1.276855",
            "system.cpu.util[,idle]" => b"75.000000",
            "vm.memory.size[used]" => b"ZBX_NOTSUPPORTED\0Unsupported item key.",
            _ => REFUSED_JSON,
        };
        Some(frame::encode(reply))
    }

    fn shown(polled: &Polled) -> String {
        let Polled { frame, unsupported, rubbish, unanswered } = polled;
        format!("{:?} {unsupported} {rubbish} {unanswered}", frame.values)
    }

    #[tokio::test]
    async fn an_old_agent_is_asked_key_by_key_and_json_is_not_tried_again() {
        let (seen, mut requests) = tokio::sync::mpsc::channel(16);
        let target = agent(move |request| {
            seen.try_send(request.chars().take(10).collect::<String>()).unwrap();
            by_key(request)
        })
        .await;
        let client = PassiveClient::default();
        for expected in [["{\"request\"", "system.cpu"], ["system.cpu", "system.cpu"]] {
            let polled = poll_by(&client, &target, LONG).await.unwrap();
            let values = r#"{"load1_per_core": 1.276855, "system_cpu_utilization": 0.25} 1 0 0"#;
            assert_eq!(shown(&polled), values);
            assert_eq!((polled.frame.at, &polled.frame.target), (AT, &target.object));
            assert_eq!([requests.recv().await.unwrap(), requests.recv().await.unwrap()], expected);
            while requests.try_recv().is_ok() {}
        }
        client.keep_only(&BTreeSet::new());
        poll_by(&client, &target, LONG).await.unwrap();
        assert_eq!(requests.recv().await.unwrap(), "{\"request\"");
    }

    #[tokio::test]
    async fn a_new_agent_is_asked_once() {
        let target = agent(|request| {
            assert_eq!(
                request,
                r#"{"request":"passive checks","data":[{"key":"system.cpu.load[percpu,avg1]","timeout":59},{"key":"system.cpu.util[,idle]","timeout":59},{"key":"vm.memory.size[used]","timeout":59}]}"#
            );
            Some(frame::encode(
                br#"{"version":"7.0.0","variant":2,"data":[{"value":"0.5"},{"error":"Unsupported"},{"value":1024}]}"#,
            ))
        })
        .await;
        let values = r#"{"load1_per_core": 0.5, "system_memory_usage_bytes": 1024.0} 1 0 0"#;
        assert_eq!(shown(&poll(&target, LONG).await.unwrap()), values);
    }

    #[tokio::test]
    async fn what_is_no_finite_number_stays_out_of_the_frame() {
        for (load, idle, counted) in [("nan", "1e999", 2), ("", "-inf", 2), ("8 cores", "50", 1)] {
            let data = format!(
                r#"{{"data":[{{"value":"{load}"}},{{"value":"{idle}"}},{{"value":"1"}}]}}"#
            );
            let target = agent(move |_| Some(frame::encode(data.as_bytes()))).await;
            let polled = poll(&target, LONG).await.unwrap();
            assert_eq!(polled.rubbish, counted, "{polled:?}");
            assert!(polled.frame.values.values().all(|value| value.is_finite()));
        }
    }

    #[tokio::test]
    async fn each_fault_is_told_apart() {
        let long = "x".repeat(300);
        let all_rubbish = r#"{"data":[{"value":"a"},{"value":"b"},{"value":"c"}]}"#;
        let cases = [
            (Vec::new(), "closed without reply (check Server= of the agent)".to_owned()),
            (b"1.27\n".to_vec(), "unreadable answer: no ZBXD header".to_owned()),
            (
                b"ZBXD\x01\xff\xff\xff\xff\0\0\0\0".to_vec(),
                "an answer of 4294967295 bytes, at most 1048576 are accepted".to_owned(),
            ),
            (
                frame::encode(b"1"),
                "unreadable answer: invalid type: integer `1`, expected struct Reply \
                 at line 1 column 1"
                    .to_owned(),
            ),
            (frame::encode(br#"{"data":[]}"#), "unreadable answer: 0 answers to 3 keys".to_owned()),
            (frame::encode(all_rubbish.as_bytes()), "unreadable answer: no number: a".to_owned()),
            (
                frame::encode(format!("ZBX_NOTSUPPORTED\0\x1b[31m{long}").as_bytes()),
                format!("not supported: [31m{}…", "x".repeat(196)),
            ),
            (frame::encode(br#"{"error":"busy"}"#), "not supported: busy".to_owned()),
        ];
        for (reply, expected) in cases {
            let target = agent(move |_| Some(reply.clone())).await;
            assert_eq!(poll(&target, LONG).await.unwrap_err().to_string(), expected);
        }
    }

    #[tokio::test]
    async fn a_dead_port_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let target = AgentTarget { object: "vm/web-1".parse().unwrap(), address };
        let error = poll(&target, LONG).await.unwrap_err();
        let refused = AgentError::Refused(io::ErrorKind::ConnectionRefused);
        assert_eq!(error, PollError::Agent(refused));
        assert_eq!(error.to_string(), "connection refused");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_agent_costs_one_timeout_in_either_form() {
        let timeout = Duration::from_secs(3);
        let timed_out = Err(PollError::Agent(AgentError::TimedOut(timeout)));
        let target = agent(|_| None).await;
        assert_eq!(poll(&target, timeout).await, timed_out);
        let target = agent(|request| by_key(request).filter(|_| request.starts_with('{'))).await;
        assert_eq!(poll(&target, timeout).await, timed_out);
    }

    #[tokio::test]
    async fn one_slow_key_does_not_cost_the_others() {
        let (seen, mut slow) = tokio::sync::mpsc::channel(1);
        let target = agent(move |request| {
            if request == "vm.memory.size[used]" {
                seen.try_send(()).unwrap();
                return None;
            }
            by_key(request)
        })
        .await;
        let time_passes = async {
            slow.recv().await.unwrap();
            tokio::time::pause();
            tokio::time::advance(LONG).await;
        };
        let (polled, ()) = tokio::join!(poll(&target, LONG), time_passes);
        let values = r#"{"load1_per_core": 1.276855, "system_cpu_utilization": 0.25} 0 0 1"#;
        assert_eq!(shown(&polled.unwrap()), values);
    }
}
