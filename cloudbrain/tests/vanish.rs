//! A mount point that vanishes, from the agent to PromQL: its last value is nobody's present one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudbrain::brain::rows::Rows;
use collector::frame;
use collector::passive::PassiveClient;
use collector::poller::AgentTarget;
use model::clock::{Clock, SharedClock};
use model::time::Time;
use model::topology::Topology;
use query::{Limits, Value};
use samples::{Samples, Settings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const BEGIN: Time = Time::from_millis(1_800_000_000_000);

#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Duration>>);

impl Clock for Steps {
    fn now(&self) -> Time {
        BEGIN + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().expect("nobody panics with it")
    }
}

/// An agent with these mount points, each a quarter full.
async fn agent(mounts: Arc<Mutex<Vec<&'static str>>>) -> AgentTarget {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            let request = frame::read_frame(&mut stream, 1 << 16).await.expect("a request");
            let request: serde_json::Value = serde_json::from_slice(&request).expect("JSON");
            let entry = |mount| format!(r#"{{"{{#FSNAME}}":"{mount}","{{#FSTYPE}}":"ext4"}}"#);
            let entries: Vec<String> =
                mounts.lock().expect("nobody panics with it").iter().map(entry).collect();
            let value = |key: &str| match key {
                "vfs.fs.discovery" => format!("[{}]", entries.join(",")),
                key if key.starts_with("vfs.fs.size") => "25".to_owned(),
                _ => "[]".to_owned(),
            };
            let items = request["data"].as_array().expect("keys").iter();
            let value = |item: &serde_json::Value| value(item["key"].as_str().expect("a key"));
            let data: Vec<_> =
                items.map(|item| serde_json::json!({ "value": value(item) })).collect();
            let reply = serde_json::json!({ "data": data }).to_string();
            stream.write_all(&frame::encode(reply.as_bytes())).await.expect("it reads");
        }
    });
    AgentTarget::new("vm/web-1".parse().expect("a name"), address)
}

/// The mount points that have a present value.
fn present(samples: &Samples, now: Time) -> Vec<String> {
    let metric = "system_filesystem_utilization";
    let value = query::instant(samples, metric, now.millis(), Limits::default());
    let Ok(Value::Vector(found)) = value else { panic!("{value:?}") };
    found.iter().map(|s| s.labels.get("system_filesystem_mountpoint").to_owned()).collect()
}

#[tokio::test]
async fn what_vanished_is_no_present_value() {
    let folder = std::env::temp_dir().join(format!("cloudbrain-vanish-{}", std::process::id()));
    let settings = Settings::default();
    let (samples, _) = Samples::open(&folder, settings, BEGIN).expect("a new folder");
    let mounts = Arc::new(Mutex::new(vec!["/", "/srv"]));
    let (target, steps) = (agent(mounts.clone()).await, Steps::default());
    let (client, clock) = (PassiveClient::default(), SharedClock::new(steps.clone()));
    let (mut rows, topology, within) =
        (Rows::default(), Topology::default(), Duration::from_secs(9));
    let mut seen = Vec::new();
    // Its lists are asked for every ten minutes: with the first look, and again with the last.
    for (seconds, left) in [(0, 2), (1, 2), (590, 2), (615, 1)] {
        *steps.0.lock().expect("nobody panics with it") = Duration::from_secs(seconds);
        mounts.lock().expect("nobody panics with it").truncate(left);
        if let Ok(polled) = client.poll(&target, within, &clock).await {
            rows.add_split(&target.object, &topology, &polled.row);
        }
        samples.append(&rows.take(), clock.now()).expect("the disk has room");
        seen.push(present(&samples, clock.now() + Duration::from_secs(1)));
    }
    drop(samples);
    std::fs::remove_dir_all(&folder).ok();
    assert_eq!(seen, [vec![], vec!["/", "/srv"], vec!["/", "/srv"], vec!["/"]]);
}
