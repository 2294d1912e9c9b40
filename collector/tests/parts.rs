//! Parts of a machine that come and go: what is gone ends at once, and only what is gone.

#![expect(clippy::unwrap_used, reason = "a step that fails ends the test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collector::frame;
use collector::passive::PassiveClient;
use collector::poller::AgentTarget;
use expect_test::{Expect, expect};
use model::clock::{Clock, SharedClock};
use model::series::{is_absent, is_stale};
use model::time::Time;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(60);
/// Longer than lists are believed, and than slow figures are.
const LATER: Duration = Duration::from_secs(601);

/// Steps when it is told to.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Duration>>);

impl Clock for Steps {
    fn now(&self) -> Time {
        Time::from_millis(1_772_445_600_000) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

/// What the machine has, by mount point; `None` for a list that cannot be read.
#[derive(Clone, Debug)]
struct Machine {
    mounts: Option<Vec<&'static str>>,
    /// Of which it cannot tell how full they are.
    broken: Vec<&'static str>,
}

fn answer(machine: &Machine, key: &str) -> serde_json::Value {
    let value = |text: String| serde_json::json!({ "value": text });
    let error = |text: &str| serde_json::json!({ "error": text });
    let is_about = |mount: &&&str| key == format!("vfs.fs.size[{mount},pused]");
    match key {
        "vfs.fs.discovery" => match &machine.mounts {
            None => value("no list".to_owned()),
            Some(mounts) => {
                let entry = |mount| format!(r#"{{"{{#FSNAME}}":"{mount}","{{#FSTYPE}}":"ext4"}}"#);
                let entries: Vec<String> = mounts.iter().map(entry).collect();
                value(format!("[{}]", entries.join(",")))
            }
        },
        "net.if.discovery" | "vfs.dev.discovery" => value("[]".to_owned()),
        "system.uptime" => value("7".to_owned()),
        _ if machine.broken.iter().any(|mount| is_about(&mount)) => {
            error("Cannot obtain filesystem information: [2] No such file or directory")
        }
        _ if key.ends_with(",pused]") && key.starts_with("vfs.fs.size[") => value("25".to_owned()),
        _ => error("Unsupported item key."),
    }
}

/// An agent that answers all keys of a request.
async fn agent(machine: Arc<Mutex<Machine>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = frame::read_frame(&mut stream, 1 << 16).await.unwrap();
            let request: serde_json::Value = serde_json::from_slice(&request).unwrap();
            let machine = machine.lock().unwrap().clone();
            let items = request["data"].as_array().unwrap().iter();
            let data: Vec<_> =
                items.map(|item| answer(&machine, item["key"].as_str().unwrap())).collect();
            let reply = serde_json::json!({ "data": data }).to_string();
            stream.write_all(&frame::encode(reply.as_bytes())).await.unwrap();
        }
    });
    address
}

/// Each line is what the machine has before a look: mount points, `-` before one that cannot be
/// told of, `?` for a list that cannot be read; `wait` lets the time pass that lists are believed.
/// The answer is what each look says of them.
async fn check(script: &str, expected: Expect) {
    let machine = Arc::new(Mutex::new(Machine { mounts: None, broken: Vec::new() }));
    let address = agent(machine.clone()).await;
    let target = AgentTarget::new("vm/web-1".parse().unwrap(), address);
    let (client, steps) = (PassiveClient::default(), Steps::default());
    let mut said = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "wait" {
            *steps.0.lock().unwrap() += LATER;
            continue;
        }
        let words: Vec<&'static str> = line.to_owned().leak().split_whitespace().collect();
        let listed = || words.iter().map(|word| word.trim_start_matches('-')).collect();
        let mounts = (words != ["?"]).then(listed);
        let broken = words.iter().filter_map(|word| word.strip_prefix('-')).collect();
        *machine.lock().unwrap() = Machine { mounts, broken };
        let polled = client.poll(&target, LONG, &SharedClock::new(steps.clone())).await.unwrap();
        let columns = polled.row.shape.columns.iter().zip(&polled.row.values);
        let told = columns.filter(|(_, value)| !is_absent(**value)).map(|(labels, value)| {
            let mount = labels.get("system_filesystem_mountpoint");
            let value = if is_stale(*value) { "ends".to_owned() } else { value.to_string() };
            format!(" {mount} {value}")
        });
        said += &format!("{line}:{}\n", told.collect::<String>());
    }
    expected.assert_eq(&said);
}

#[tokio::test]
async fn a_mount_point_that_vanishes_ends_at_once_and_once() {
    check(
        "
        / /srv
        / /srv
        /
        wait
        /
        /
        wait
        /
        wait
        / /srv
        / /srv
        ",
        expect![[r#"
            / /srv:
            / /srv: / 0.25 /srv 0.25
            /:
            /: / 0.25 /srv ends
            /: / 0.25
            /: / 0.25
            / /srv: / 0.25
            / /srv: / 0.25 /srv 0.25
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_ends_nothing() {
    check(
        "
        / /srv
        / /srv
        wait
        ?
        ?
        wait
        / /srv
        ",
        expect![[r#"
            / /srv:
            / /srv: / 0.25 /srv 0.25
            ?: / 0.25 /srv 0.25
            ?:
            / /srv: / 0.25 /srv 0.25
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_figure_that_can_be_told_no_longer_ends_although_its_part_is_listed() {
    check(
        "
        / -/srv
        / -/srv
        wait
        / /srv
        wait
        / -/srv
        wait
        / -/srv
        wait
        / /srv
        wait
        /
        ",
        expect![[r#"
            / -/srv:
            / -/srv: / 0.25
            / /srv: / 0.25 /srv 0.25
            / -/srv: / 0.25 /srv ends
            / -/srv: / 0.25
            / /srv: / 0.25 /srv 0.25
            /: / 0.25 /srv ends
        "#]],
    )
    .await;
}
