//! The server of active agents, spoken to as agents do: by recorded bytes, and by rude ones.

#![expect(clippy::unwrap_used, reason = "a step that fails ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use collector::active::{ActiveBatch, ActiveGauges, Directory, Named, Settings, Told, serve};
use collector::frame::{self, Coding};
use collector::parts::Parts;
use model::clock::{Clock, SharedClock};
use model::id::Object;
use model::metric::PartKind;
use model::series::{Labels, is_absent};
use model::time::Time;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// When the bytes were recorded.
const RECORDED: Time = Time::from_millis(1_795_228_339_913);
const LOAD: &str = "system.cpu.load[all,avg1]";

/// The wall clock stands still; what has passed is what has passed for tokio.
struct Stepped(tokio::time::Instant);

impl Clock for Stepped {
    fn now(&self) -> Time {
        RECORDED
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "tests step the time of tokio")]
fn clock() -> SharedClock {
    SharedClock::new(Stepped(tokio::time::Instant::now()))
}

struct Bench {
    address: SocketAddr,
    directory: watch::Sender<Arc<Directory>>,
    told: mpsc::Receiver<Told>,
    gauges: Arc<ActiveGauges>,
}

/// A server that knows these hosts.
async fn bench(hosts: &[&str], grace: Duration, kept: &[(&str, Parts)]) -> Bench {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (directory, seen) = watch::channel(Arc::new(directory(hosts, "shop/web")));
    let (out, told) = mpsc::channel(16);
    let gauges = Arc::new(ActiveGauges::default());
    let settings = Settings { interval: Duration::from_secs(10), grace };
    let kept = kept.iter().map(|(name, parts)| (object(name), parts.clone())).collect();
    tokio::spawn(serve(listener, settings, kept, seen, out, clock(), gauges.clone()));
    Bench { address, directory, told, gauges }
}

fn object(name: &str) -> Object {
    format!("vm/{name}").parse().unwrap()
}

fn directory(hosts: &[&str], module: &str) -> Directory {
    let named = |name: &&str| {
        let labels = Labels::of([("vm", *name), ("module", module)]);
        ((*name).to_owned(), Named { object: object(name), labels })
    };
    Directory { names: hosts.iter().map(named).collect() }
}

fn with_root() -> Parts {
    let mut parts = Parts::default();
    parts.set(PartKind::Mount, vec!["/".to_owned()]);
    parts
}

fn recorded(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/wire/{name}.bin", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

impl Bench {
    async fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(bytes).await; // It may be turned away before it has said all.
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await; // Reset: no answer.
        answer
    }

    /// The answer as JSON; None if there was none.
    async fn say(&self, coding: Coding, request: &Value) -> Option<Value> {
        let answer = self.send(&frame::encode_as(coding, request.to_string().as_bytes())).await;
        if answer.is_empty() {
            return None;
        }
        assert_eq!(answer[4] == 3, coding == Coding::Zlib, "it answers as it was asked");
        Some(json_of(&answer).await)
    }

    async fn batch(&mut self) -> ActiveBatch {
        match self.told.recv().await.unwrap() {
            Told::Batch(batch) => batch,
            Told::Silent { object, .. } => panic!("{object} is silent"),
        }
    }

    /// Sends it, lets the owner keep it or not, and gives both what was kept and the answer.
    async fn bring(&mut self, bytes: &[u8], keep: bool) -> (ActiveBatch, Vec<u8>) {
        let address = self.address;
        let bytes = bytes.to_vec();
        let sending = tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        });
        let mut batch = self.batch().await;
        let (unused, _) = tokio::sync::oneshot::channel();
        let done = std::mem::replace(&mut batch.done, unused);
        if keep {
            done.send(()).unwrap();
        } else {
            drop(done);
        }
        (batch, sending.await.unwrap())
    }
}

async fn json_of(mut answer: &[u8]) -> Value {
    serde_json::from_slice(&frame::read_frame(&mut answer, 1 << 20).await.unwrap()).unwrap()
}

/// `series @ time value`, one a line.
fn shown(batch: &ActiveBatch) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for row in &batch.rows {
        for (own, value) in row.shape.columns.iter().zip(&row.values) {
            if !is_absent(*value) {
                let series = row.shape.common.with(own);
                lines.insert(format!("{series} @{} {value:.3}", row.at.millis()));
            }
        }
    }
    lines
}

#[tokio::test]
async fn an_agent_of_each_generation_gets_the_list_it_can_read() {
    let bench = bench(&["tiny-agentd", "tiny-agent2"], Duration::ZERO, &[]).await;
    let old = json_of(&bench.send(&recorded("agentd-active-checks")).await).await;
    assert_eq!((&old["response"], &old["config_revision"]), (&json!("success"), &Value::Null));
    let first = &old["data"][0];
    assert_eq!(
        (&first["key"], &first["delay"]),
        (&json!("system.cpu.load[percpu,avg1]"), &json!(10))
    );
    let answer = bench.send(&recorded("agent2-active-checks")).await;
    assert_eq!(answer[4], 3, "who asks compressed is answered compressed");
    let new = json_of(&answer).await;
    assert_eq!(new["data"][0]["delay"], "10s");
    assert!(new["data"][0]["itemid"].as_u64() > Some(0));
    let keys: BTreeSet<&str> =
        new["data"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect();
    assert!(PartKind::ALL.iter().all(|kind| keys.contains(kind.discovery_key())));
    assert_eq!(bench.gauges.read().agents, 2);
}

#[tokio::test]
async fn a_newer_agent_that_has_the_list_is_not_given_it_again() {
    let bench = bench(&["a"], Duration::ZERO, &[]).await;
    let ask = |revision: u64| json!({"request": "active checks", "host": "a", "version": "7.0.1", "config_revision": revision});
    let first = bench.say(Coding::Plain, &ask(0)).await.unwrap();
    let revision = first["config_revision"].as_u64().unwrap();
    assert!(first["data"].is_array() && revision > 0);
    let again = bench.say(Coding::Plain, &ask(revision)).await.unwrap();
    assert_eq!(again, json!({"response": "success", "config_revision": revision}));
    let beat = json!({"request": "active check heartbeat", "host": "a", "heartbeat_freq": 60});
    assert_eq!(bench.say(Coding::Plain, &beat).await.unwrap(), json!({"response": "success"}));
}

#[tokio::test]
async fn values_recorded_from_agentd_become_rows_frames_and_an_answer() {
    let mut bench = bench(&["tiny-agentd"], Duration::ZERO, &[("tiny-agentd", with_root())]).await;
    let (batch, answer) = bench.bring(&recorded("agentd-data"), true).await;
    let vm = r#"module="shop/web",vm="tiny-agentd""#;
    let lines = shown(&batch);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(lines.contains(&format!("load1{{{vm}}} @1795228334909 2.085")), "{lines:#?}");
    let root = r#"system_filesystem_utilization{module="shop/web",system_filesystem_mountpoint="/",vm="tiny-agentd"} @1795228334910 0.176"#;
    assert!(lines.contains(root), "{lines:#?}");
    let frames: Vec<_> =
        batch.frames.iter().map(|frame| (frame.at.millis(), &frame.values)).collect();
    // The newest; what came before is for the store alone.
    assert_eq!(frames, [(1_795_228_338_912, &BTreeMap::from([("load1".to_owned(), 1.998_047)]))]);
    assert!(batch.parts.is_none(), "it is known already");
    let info = json_of(&answer).await["info"].as_str().unwrap().to_owned();
    // `agent.ping` is not in our list; unsupported ones are none of its faults.
    assert!(info.starts_with("processed: 6; failed: 6; total: 12; seconds spent: 0.0"), "{info}");
    let refused = bench.gauges.read().refused_values;
    assert_eq!((refused[0].key.as_str(), refused[1].key.as_str()), ("agent.ping", "no.such.key"));
}

/// agent2 tells values by numbers, and numbers are made of keys.
#[tokio::test]
async fn values_of_agent2_are_known_by_their_numbers_also_after_a_restart() {
    let parts = with_root();
    let list = {
        let bench = bench(&["a"], Duration::ZERO, &[("a", parts.clone())]).await;
        let ask = json!({"request": "active checks", "host": "a", "version": "6.0"});
        bench.say(Coding::Zlib, &ask).await.unwrap()
    };
    let id = |key: &str| {
        let all = list["data"].as_array().unwrap();
        all.iter().find(|item| item["key"] == key).unwrap()["itemid"].clone()
    };
    let mut bench = bench(&["a"], Duration::ZERO, &[("a", parts)]).await;
    let data = json!({"request": "agent data", "session": "s", "host": "a", "version": "6.0", "data": [
        {"id": 1, "itemid": id("vfs.fs.size[/,pused]"), "value": "17.5", "clock": 1_795_228_339, "ns": 1_000_000},
        {"id": 2, "itemid": id("net.if.discovery"), "value": r#"[{"{#IFNAME}":"eth0"}]"#, "clock": 1_795_228_339, "ns": 0},
        {"id": 3, "itemid": id(LOAD), "value": "no number", "clock": 1_795_228_339, "ns": 0},
        {"id": 4, "itemid": id(LOAD), "state": 1, "value": "Collector is not started.", "clock": 1_795_228_339},
        {"id": 5, "itemid": 12345, "value": "1", "clock": 1_795_228_339}]});
    let (batch, answer) = bench.bring(&frame::encode(data.to_string().as_bytes()), true).await;
    assert_eq!(shown(&batch).len(), 1, "{:?}", batch.rows);
    let (of, parts) = batch.parts.unwrap();
    assert_eq!((of, parts.of(PartKind::Interface)), (object("a"), &["eth0".to_owned()][..]));
    assert_eq!(parts.of(PartKind::Mount), ["/"]);
    let info = json_of(&answer).await["info"].to_string();
    assert!(info.contains("processed: 3; failed: 2; total: 5"), "{info}");
    let readings = bench.gauges.read();
    assert_eq!((readings.values, readings.unsupported, readings.refused), (2, 1, 2));
    assert!(readings.refused_values[0].why.contains("no number: no number"), "{readings:?}");
    // What was learnt is in the next list.
    let ask = json!({"request": "active checks", "host": "a", "version": "6.0"});
    let list = bench.say(Coding::Plain, &ask).await.unwrap().to_string();
    assert!(list.contains("net.if.in[eth0]"), "{list}");
}

#[tokio::test]
async fn without_the_owners_word_there_is_no_answer_and_the_same_comes_again() {
    let mut bench = bench(&["tiny-agentd"], Duration::ZERO, &[]).await;
    let bytes = recorded("agentd-data");
    let (lost, answer) = bench.bring(&bytes, false).await;
    assert!(answer.is_empty());
    let (kept, answer) = bench.bring(&bytes, true).await;
    assert!(!answer.is_empty());
    assert_eq!(shown(&lost), shown(&kept), "the same series at the same times");
    assert!(lost.parts.is_some() && kept.parts.is_some(), "it was not remembered either");
    // Confirmed, yet the answer was lost on its way: the agent sends the same, and a new one.
    let (again, answer) = bench.bring(&bytes, true).await;
    assert_eq!(shown(&again).len(), 0, "{:?}", again.rows);
    let info = json_of(&answer).await["info"].to_string();
    assert!(info.contains("processed: 12; failed: 0; total: 12"), "{info}");
    assert_eq!(bench.gauges.read().known, 12);
}

#[tokio::test]
async fn zabbix_sender_brings_values_of_several_hosts() {
    let mut bench = bench(&["vm00001.shop.example"], Duration::ZERO, &[]).await;
    let (batch, answer) = bench.bring(&recorded("sender-data"), true).await;
    let lines = shown(&batch);
    let vm = r#"{module="shop/web",vm="vm00001.shop.example"}"#;
    assert_eq!(lines, BTreeSet::from([format!("system_process_count{vm} @1795228293000 152.000")]));
    let info = json_of(&answer).await["info"].to_string();
    assert!(info.contains("processed: 1; failed: 3; total: 4"), "{info}");
    assert_eq!(bench.gauges.read().strangers[0].name, "nohost");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_named_but_not_before_the_fleet_is_known() {
    let bench = bench(&["a"], Duration::from_secs(60), &[]).await;
    let bytes = recorded("agentd-active-checks");
    assert!(bench.send(&bytes).await.is_empty(), "it comes again");
    assert!(bench.send(&recorded("sender-data")).await.is_empty(), "and keeps its values");
    tokio::time::advance(Duration::from_secs(61)).await;
    let answer = json_of(&bench.send(&bytes).await).await;
    assert_eq!(answer, json!({"response": "failed", "info": "host [tiny-agentd] not found"}));
    let readings = bench.gauges.read();
    let stranger = &readings.strangers[0];
    assert_eq!(
        (stranger.name.as_str(), stranger.metadata.as_str()),
        ("tiny-agentd", "role=vm project=shop")
    );
    assert_eq!((readings.stranger_requests, readings.unanswered), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn who_comes_no_more_is_silent_after_three_beats_and_heard_when_it_comes_again() {
    let mut bench = bench(&["a", "b"], Duration::ZERO, &[("b", Parts::default())]).await;
    let beat = json!({"request": "active check heartbeat", "host": "a"});
    assert!(bench.say(Coding::Plain, &beat).await.is_some());
    let mut silences = Vec::new();
    while silences.len() < 4 {
        let Told::Silent { object, error, .. } = bench.told.recv().await.unwrap() else { panic!() };
        assert!(error.is_silence(), "{error}");
        silences.push(format!("{object}: {error}"));
    }
    silences.sort();
    // Also of one that only a former server had heard.
    let expected = ["vm/a: no answer within 20s", "vm/a: no answer within 30s"];
    assert_eq!(silences[..2], expected);
    assert_eq!(silences[2..], expected.map(|line| line.replace("vm/a", "vm/b")));
    assert!(bench.say(Coding::Plain, &beat).await.is_some());
    let Told::Silent { object, error, .. } = bench.told.recv().await.unwrap() else { panic!() };
    assert_eq!((object.name(), error.to_string().as_str()), ("b", "no answer within 40s"));
}

#[tokio::test]
async fn the_series_of_a_host_end_when_it_has_other_labels_or_is_gone() {
    let mut bench = bench(&["tiny-agentd"], Duration::ZERO, &[]).await;
    bench.bring(&recorded("agentd-data"), true).await;
    bench.directory.send_replace(Arc::new(directory(&["tiny-agentd"], "shop/api")));
    let ended = bench.batch().await;
    assert_eq!(ended.rows.len(), 1, "what never had a value need not end");
    assert!(model::series::is_stale(ended.rows[0].values[0]));
    assert_eq!(ended.rows[0].at.millis(), 1_795_228_338_913, "just behind its newest value");
    let data = json!({"request": "sender data", "data": [{"host": "tiny-agentd", "key": LOAD, "value": "1"}]});
    let (batch, _) = bench.bring(&frame::encode(data.to_string().as_bytes()), true).await;
    let line = shown(&batch).pop_first().unwrap();
    assert!(line.starts_with(r#"load1{module="shop/api",vm="tiny-agentd"}"#), "{line}");
    bench.directory.send_replace(Arc::default());
    assert_eq!(bench.batch().await.rows.len(), 1);
    assert_eq!(bench.gauges.read().agents, 0);
}

/// The brain compares with its own clock, the store keeps the agent's.
#[tokio::test]
async fn a_clock_that_is_wrong_is_told_and_does_not_make_values_younger() {
    let mut bench = bench(&["a"], Duration::ZERO, &[]).await;
    let ahead = 3600;
    let at = RECORDED.millis() / 1000 + ahead;
    let data = json!({"request": "agent data", "session": "s", "data": [
        {"host": "a", "key": LOAD, "value": "1.5", "id": 1, "clock": at - 30, "ns": 0},
        {"host": "a", "key": "system.uptime", "value": "7", "id": 2, "clock": at, "ns": 0}],
        "clock": at, "ns": 913_000_000});
    let (batch, _) = bench.bring(&frame::encode(data.to_string().as_bytes()), true).await;
    let times: BTreeSet<i64> = batch.rows.iter().map(|row| row.at.millis() / 1000).collect();
    assert_eq!(times, [at - 30, at].into());
    let ages: Vec<u64> = batch.frames.iter().map(|f| RECORDED.since(f.at).as_secs()).collect();
    assert_eq!(ages, [30, 0]);
    assert_eq!(bench.gauges.read().skew_ms[&object("a")], ahead * 1000);
}

#[tokio::test]
async fn rude_ones_get_no_answer_and_nobody_else_suffers() {
    let bench = bench(&["tiny-agentd"], Duration::ZERO, &[]).await;
    let bomb = {
        let mut bytes = frame::encode_as(Coding::Zlib, &vec![b'a'; 1 << 20]);
        bytes[9..13].copy_from_slice(&10_u32.to_le_bytes());
        bytes
    };
    let rude: [&[u8]; 8] = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"ZBXD\x01\x05\0\0\0\0\0\0\0{}",
        b"ZBXD\x01\xff\xff\xff\xff\0\0\0\0",
        b"ZBXD\x05\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
        &frame::encode(b"[1]"),
        &frame::encode(br#"{"request":"agent data","data":7}"#),
        &bomb,
    ];
    for bytes in rude {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await; // Reset: no answer.
        assert!(answer.is_empty(), "{:?}", &bytes[..bytes.len().min(40)]);
    }
    for request in ["proxy config", "proxy data", "proxy heartbeat", "queue.get", "<b>"] {
        let answer = bench.say(Coding::Plain, &json!({"request": request, "host": "p"})).await;
        assert_eq!(answer.unwrap()["response"], "failed", "{request}");
    }
    // Those who say nothing hold their places, and no more of one address.
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(bench.address).await.unwrap());
    }
    let checks = recorded("agentd-active-checks");
    while !bench.send(&checks).await.is_empty() {}
    assert!(bench.gauges.read().refused_connections > 0);
    drop(silent);
    while bench.send(&checks).await.is_empty() {}
    let readings = bench.gauges.read();
    assert_eq!(readings.refused_requests, 7);
    assert!(readings.unanswered >= 8, "{readings:?}");
}

#[tokio::test(start_paused = true)]
async fn one_who_never_finishes_is_cut_off() {
    let bench = bench(&["a"], Duration::ZERO, &[]).await;
    assert!(bench.send(b"ZBXD\x01\x0a\0\0\0").await.is_empty());
    assert_eq!(bench.gauges.read().unanswered, 1);
}

#[tokio::test]
async fn who_comes_before_anybody_is_known_waits() {
    let bench = bench(&[], Duration::from_secs(60), &[]).await;
    let checks = recorded("agentd-active-checks");
    let mut stream = TcpStream::connect(bench.address).await.unwrap();
    stream.write_all(&checks).await.unwrap();
    assert_eq!(bench.gauges.read().connections, 0);
    bench.directory.send_replace(Arc::new(directory(&["tiny-agentd"], "shop/web")));
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(json_of(&answer).await["response"], "success");
}

#[tokio::test]
async fn it_ends_when_nobody_listens() {
    let Bench { address, directory, told, .. } = bench(&[], Duration::ZERO, &[]).await;
    drop(told);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(directory);
}

fn any_value() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![Just("1.5".to_owned()), Just("[]".to_owned()), ".{0,20}"];
    let key = prop_oneof![Just(LOAD.to_owned()), Just("vfs.fs.discovery".to_owned()), ".{0,20}"];
    let times = prop_oneof![Just(1_795_228_339_i64), any::<i64>()];
    (text, key, times, any::<u32>(), any::<u64>(), 0_u8..3).prop_map(
        |(value, key, clock, ns, id, state)| {
            json!({"host": "a", "key": key, "value": value, "clock": clock, "ns": ns, "id": id, "state": state})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever values come, each is answered for, and no number but finite ones gets through.
    #[test]
    fn any_values_are_kept_or_refused(
        values in prop::collection::vec(any_value(), 1..20),
        sent in any::<i64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut bench = bench(&["a"], Duration::ZERO, &[]).await;
            let data = json!({"request": "agent data", "session": "s", "clock": sent, "data": values});
            let (batch, answer) = bench.bring(&frame::encode(data.to_string().as_bytes()), true).await;
            let info = json_of(&answer).await["info"].to_string();
            prop_assert!(info.contains(&format!("total: {};", values.len())), "{info}");
            let all = batch.rows.iter().flat_map(|row| &row.values);
            prop_assert!(all.clone().all(|value| value.is_finite() || is_absent(*value)));
            prop_assert!(batch.frames.iter().all(|frame| frame.at <= RECORDED));
            Ok(())
        })?;
    }
}
