//! Asks an agent for its figures, by Zabbix passive checks.
//!
//! What an agent is like is found out while asking and remembered until
//! [`PassiveClient::keep_only`] forgets it: in which form it wants to be asked (see `ask`), what
//! parts its machine has, and which keys it has never heard of. Every ten minutes it is asked
//! anew for its parts, and tried again with all keys. What changes slowly is asked for once a
//! minute, so that an agent that knows one key per connection is not kept busy by us.
//!
//! A key that an agent does not know must not cost the figures it does know, so a poll succeeds if
//! at least one value came, or the end of one. For the same reason a poll that breaks off keeps what
//! it has: an agent that answered one key is alive, and the next poll tells how it goes on.
//!
//! Invariants: one poll takes no longer than its timeout, however many connections it needs; only
//! finite numbers get into a frame or a row; an agent's own words are bounded and cleaned.

pub(crate) mod ask;
mod exchange;
mod known;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::clock::SharedClock;
use model::id::Object;
use model::metric::{Metric, TABLE};
use model::sample::Frame;
use model::series::Row;

use self::known::{Asked, Known};
use self::reading::Reading;
use crate::look::Refusal;
use crate::targets::AgentTarget;

/// The most that is named of one sort; the others are counted.
const MAX_NAMED: usize = 8;
/// The longest text of an agent that is repeated, in characters.
const MAX_DETAIL_CHARS: usize = 200;

/// Asks agents, and remembers what each is like.
#[derive(Debug)]
pub struct PassiveClient {
    table: &'static [Metric],
    known: Mutex<BTreeMap<(SocketAddr, Object), Known>>,
}

/// What one poll brought.
#[derive(Clone, Debug)]
pub struct Polled {
    /// What is told of the whole machine.
    pub frame: Frame,
    /// What has labels: by state, by mount point, by device. `ABSENT` where a series was not
    /// asked for this time, `STALE` once where it has ended; its shape names the object alone, and is shared while it stays so.
    pub row: Row,
    /// Keys that the agent does not know or could not tell.
    pub unsupported: u32,
    /// Values that are no finite number.
    pub rubbish: u32,
    /// Keys without an answer, because the poll broke off before.
    pub unanswered: u32,
    /// Of the first two, a few by name.
    pub refused: Vec<Refusal>,
    /// Parts that are not watched because they are too many, or have odd names; a few of them, when
    /// they were discovered.
    pub left_out: Vec<Refusal>,
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
    TooBig { bytes: u64, limit: usize },
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

impl Default for PassiveClient {
    fn default() -> Self {
        Self::asking_for(TABLE)
    }
}

impl PassiveClient {
    /// One that knows only some metrics.
    pub fn asking_for(table: &'static [Metric]) -> Self {
        Self { table, known: Mutex::default() }
    }

    /// Asks one agent for what is due, within `timeout` in all. What it brings bears the time at
    /// which the poll began.
    pub async fn poll(
        &self,
        target: &AgentTarget,
        timeout: Duration,
        clock: &SharedClock,
    ) -> Result<Polled, PollError> {
        let (at, now) = (clock.now(), clock.elapsed());
        let place = (target.address, target.object.clone());
        let remembered = self.known().remove(&place);
        let mut known = remembered.unwrap_or_else(|| Known::of(&target.object, self.table));
        let asked = known.due(now);
        let keys: Vec<&str> = asked.iter().map(Asked::key).collect();
        let answers = ask::Answers::default();
        let asking = ask::ask(target.address, &mut known.form, &keys, timeout, &answers);
        let end = tokio::time::timeout(timeout, asking).await;
        let end = end.unwrap_or(Err(PollError::Agent(AgentError::TimedOut(timeout))));
        let answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        let frame = Frame { target: target.object.clone(), at, values: BTreeMap::new() };
        let mut reading = Reading::new(&known, frame);
        asked.iter().zip(&answers).for_each(|(asked, answer)| reading.add(asked, answer.as_ref()));
        let lists = std::mem::take(&mut reading.lists);
        reading.polled.left_out = known.learn(&asked, &answers, lists, now);
        reading.polled.left_out.truncate(MAX_NAMED);
        known.end_series(&mut reading.polled.row);
        self.known().insert(place, known);
        reading.end(end)
    }

    /// Forgets what is known of all other addresses.
    pub fn keep_only(&self, addresses: &BTreeSet<SocketAddr>) {
        self.known().retain(|(address, _), _| addresses.contains(address));
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(SocketAddr, Object), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use model::clock::FixedClock;
    use model::time::Time;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::frame;

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
        AgentTarget::new("vm/web-1".parse().unwrap(), address)
    }

    /// Asks for load, CPU and memory alone.
    fn client() -> PassiveClient {
        PassiveClient::asking_for(&TABLE[..3])
    }

    async fn poll(target: &AgentTarget, timeout: Duration) -> Result<Polled, PollError> {
        poll_by(&client(), target, timeout).await
    }

    async fn poll_by(
        client: &PassiveClient,
        target: &AgentTarget,
        timeout: Duration,
    ) -> Result<Polled, PollError> {
        client.poll(target, timeout, &SharedClock::new(FixedClock(AT))).await
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
        let Polled { frame, unsupported, rubbish, unanswered, .. } = polled;
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
        let client = client();
        // What it has never heard of is not asked again, either.
        for (expected, unsupported) in
            [(["{\"request\"", "system.cpu"], 1), (["system.cpu", "system.cpu"], 0)]
        {
            let polled = poll_by(&client, &target, LONG).await.unwrap();
            let values = r#"{"load1_per_core": 1.276855, "system_cpu_utilization": 0.25}"#;
            assert_eq!(shown(&polled), format!("{values} {unsupported} 0 0"));
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
            (
                frame::encode(br#"{"data":[{},{}]}"#),
                "unreadable answer: 2 answers to 3 keys".to_owned(),
            ),
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
        let target = AgentTarget::new("vm/web-1".parse().unwrap(), address);
        let error = poll(&target, LONG).await.unwrap_err();
        let refused = AgentError::Refused(io::ErrorKind::ConnectionRefused);
        assert_eq!(error, PollError::Agent(refused));
        assert_eq!(error.to_string(), "connection refused");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_agent_costs_one_timeout_in_either_form() {
        let timeout = Duration::from_secs(3);
        let timed_out = PollError::Agent(AgentError::TimedOut(timeout));
        let target = agent(|_| None).await;
        assert_eq!(poll(&target, timeout).await.unwrap_err(), timed_out);
        let target = agent(|request| by_key(request).filter(|_| request.starts_with('{'))).await;
        assert_eq!(poll(&target, timeout).await.unwrap_err(), timed_out);
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

    async fn accept(listener: &TcpListener) -> tokio::net::TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        frame::read_frame(&mut stream, 1 << 16).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn one_that_takes_a_connection_per_key_is_asked_two_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = AgentTarget::new("vm/web-1".parse().unwrap(), address);
        let answering = async {
            accept(&listener).await.write_all(&frame::encode(REFUSED_JSON)).await.unwrap();
            let mut both = [accept(&listener).await, accept(&listener).await];
            tokio::select! {
                biased;
                _ = listener.accept() => panic!("three at once"),
                () = std::future::ready(()) => (),
            }
            for stream in &mut both {
                stream.write_all(&frame::encode(b"1")).await.unwrap();
            }
            accept(&listener).await.write_all(&frame::encode(b"1")).await.unwrap();
        };
        let (polled, ()) = tokio::join!(poll(&target, LONG), answering);
        assert_eq!(polled.unwrap().frame.values.len(), 3);
    }

    /// An agent since 7.0: of several keys in one request it answers the first.
    fn first_key_of(request: &str) -> Option<Vec<u8>> {
        let request: serde_json::Value = serde_json::from_str(request).expect("JSON");
        let data = match request["data"][0]["key"].as_str().expect("a key") {
            "system.cpu.load[percpu,avg1]" => r#"{"value":"0.5"}"#,
            "system.cpu.util[,idle]" => r#"{"value":"75.000000"}"#,
            _ => r#"{"error":"Timeout while executing a check."}"#,
        };
        let reply = format!(r#"{{"version":"7.0.0","variant":1,"data":[{data}]}}"#);
        Some(frame::encode(reply.as_bytes()))
    }

    #[tokio::test]
    async fn an_agent_that_answers_the_first_key_alone_is_asked_for_each() {
        let (seen, mut requests) = tokio::sync::mpsc::channel(16);
        let target = agent(move |request| {
            seen.try_send(request.matches("\"key\"").count()).unwrap();
            first_key_of(request)
        })
        .await;
        let client = client();
        for expected in [vec![3, 1, 1], vec![1, 1, 1]] {
            let polled = poll_by(&client, &target, LONG).await.unwrap();
            let values = r#"{"load1_per_core": 0.5, "system_cpu_utilization": 0.25} 1 0 0"#;
            assert_eq!(shown(&polled), values);
            assert_eq!(polled.refused[0].what, "vm.memory.size[used]");
            assert_eq!(polled.refused[0].why, "Timeout while executing a check.");
            let mut keys = Vec::new();
            while let Ok(count) = requests.try_recv() {
                keys.push(count);
            }
            assert_eq!(keys, expected);
        }
    }

    /// Answers all keys of a request, as our own agent does.
    fn parts_and_numbers(request: &str) -> Option<Vec<u8>> {
        let request: serde_json::Value = serde_json::from_str(request).expect("JSON");
        let answer = |item: &serde_json::Value| {
            match item["key"].as_str().expect("a key") {
            "vfs.fs.discovery" => {
                r#"[{"{#FSNAME}":"/","{#FSTYPE}":"ext4"},{"{#FSNAME}":"/\\","{#FSTYPE}":"xfs"}]"#
            }
            "net.if.discovery" => "no list",
            "vfs.fs.size[/,pused]" => "25",
            "system.uptime" => "7",
            _ => "",
        }
        .to_owned()
        };
        let items = request["data"].as_array().expect("keys").iter();
        let data: Vec<_> = items.map(|item| serde_json::json!({"value": answer(item)})).collect();
        Some(frame::encode(serde_json::json!({"data": data}).to_string().as_bytes()))
    }

    #[tokio::test]
    async fn parts_are_discovered_and_asked_for_from_then_on() {
        let target = agent(parts_and_numbers).await;
        let client = PassiveClient::default();
        let first = poll_by(&client, &target, LONG).await.unwrap();
        assert_eq!(first.frame.values.get("system_uptime_seconds"), Some(&7.0));
        assert!(first.refused.len() == MAX_NAMED && first.rubbish > 8, "{first:?}");
        assert_eq!(first.left_out[0].what, "mount point /\\");
        let second = poll_by(&client, &target, LONG).await.unwrap();
        let shape = &second.row.shape;
        assert_eq!(shape.common.to_string(), r#"{vm="web-1"}"#);
        let used = shape.columns.iter().position(|labels| {
            labels.to_string()
                == r#"system_filesystem_utilization{system_filesystem_mountpoint="/"}"#
        });
        assert!((second.row.values[used.unwrap()] - 0.25).abs() < 1e-9);
        let third = poll_by(&client, &target, LONG).await.unwrap();
        assert!(std::sync::Arc::ptr_eq(shape, &third.row.shape), "the shape stays");
        assert!(third.row.values.iter().all(|value| model::series::is_absent(*value)));
    }
}
