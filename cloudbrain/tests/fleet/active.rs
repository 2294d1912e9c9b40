//! Agents that come by themselves, with the real binary: what was answered is there after a
//! `kill -9` and once; a real agent needs nothing but `ServerActive=`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::common::{Fleet, free_ports, http};
use crate::samples::ask;

/// A fleet with a door for agents, and a machine that only comes by itself.
fn fleet(name: &str) -> (Fleet, SocketAddr) {
    let door = SocketAddr::from(([127, 0, 0, 1], free_ports()));
    let mut fleet = Fleet::prepare(name, |main| {
        let active = format!("  active: {{listen: \"{door}\", objects: [host/legacy]}}\n");
        main.replace("collector:\n", &format!("collector:\n{active}"))
    });
    fleet.start_brain();
    (fleet, door)
}

/// One request as an agent makes it; None if it gets no answer.
fn say(door: SocketAddr, request: &Value) -> Option<Value> {
    let text = request.to_string();
    let length = u32::try_from(text.len()).expect("it is short");
    let mut stream = TcpStream::connect(door).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = [b"ZBXD\x01", &length.to_le_bytes()[..], &[0; 4]].concat();
    stream.write_all(&[&head, text.as_bytes()].concat()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    serde_json::from_slice(answer.get(13..)?).ok()
}

fn now_s() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a real agent has a real clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    now.as_secs()
}

/// Four loads under the numbers of one session, one second apart.
fn data(first: u64, at_s: u64) -> Value {
    let value = |n: u64| {
        json!({"host": "legacy", "key": "system.cpu.load[percpu,avg1]", "value": "0.25",
               "id": first + n, "clock": at_s + n, "ns": 5_000_000})
    };
    json!({"request": "agent data", "session": "7d63dd51dcd1b290a6870a53c99c7e03",
           "data": (0..4).map(value).collect::<Vec<_>>(), "clock": at_s + 4, "ns": 0})
}

#[test]
fn what_an_agent_was_told_is_kept_survives_a_kill_and_is_never_counted_twice() {
    let (mut fleet, door) = fleet("active-kill");
    let count = r#"count_over_time(load1_per_core{host="legacy"}[10m])"#;
    let start = now_s() - 60;
    for round in 0..3 {
        let request = data(round * 4 + 1, start + round * 4);
        fleet.wait("an answer", |_| say(door, &request).filter(|a| a["response"] == "success"));
        fleet.kill_brain();
        fleet.start_brain();
        // The agent did not hear the answer: it brings the same again, to a brain that has
        // forgotten what it has seen.
        let again = fleet.wait("an answer", |_| say(door, &request));
        let info = again["info"].to_string();
        assert!(info.contains("processed: 4; failed: 0"), "{info}");
        let known = say(door, &request).expect("it answers");
        assert!(known["info"].to_string().contains("processed: 4"), "{known}");
        let found = fleet.wait("the samples", |fleet| ask(fleet, count).filter(|f| !f.is_empty()));
        assert_eq!(found, [4.0 * (round + 1) as f64], "after kill {round}");
    }
    let metrics = http(fleet.listen, "GET", "/metrics", "", "").expect("an answer").1;
    for line in ["cloudbrain_active_values_total 4", "cloudbrain_active_values_known_total 4"] {
        assert!(metrics.lines().any(|known| known == line), "{line} in {metrics}");
    }
}

#[test]
fn a_machine_that_comes_no_more_is_an_incident() {
    let (fleet, door) = fleet("active-silent");
    fleet.wait("an answer", |_| say(door, &data(1, now_s())));
    let incident = fleet.wait("an incident", |fleet| {
        let incidents = fleet.get("/api/incidents")?;
        incidents.as_array()?.iter().find(|incident| incident["root"] == "host/legacy").cloned()
    });
    assert!(incident["closed"].is_null(), "{incident}");
    fleet.wait("its end", |fleet| {
        say(door, &data(5, now_s()))?;
        let incidents = fleet.get("/api/incidents")?;
        let ours = incidents.as_array()?.iter().find(|i| i["root"] == "host/legacy").cloned()?;
        (!ours["closed"].is_null()).then_some(())
    });
}

/// A real agent that has nobody to answer to.
struct ActiveAgent {
    process: Child,
    folder: std::path::PathBuf,
}

impl ActiveAgent {
    fn start(program: &str, door: SocketAddr) -> Self {
        let name = program.rsplit('/').next().unwrap_or(program);
        let folder =
            std::env::temp_dir().join(format!("cloudbrain-active-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        let mut text = format!(
            "Server=127.0.0.1\nListenIP=127.0.0.1\nListenPort={}\nServerActive={door}\n\
             Hostname=legacy\nHostMetadata=role=host\nBufferSend=1\nLogType=console\nPidFile={}\n",
            free_ports(),
            folder.join("agent.pid").display(),
        );
        if name == "zabbix_agentd" {
            text.push_str("AllowRoot=1\nStartAgents=0\n");
        } else {
            text.push_str(&format!("ControlSocket={}\n", folder.join("agent.sock").display()));
        }
        let config = folder.join("agent.conf");
        std::fs::write(&config, text).expect("a folder of ours");
        let log = std::fs::File::create(folder.join("agent.log")).expect("a folder of ours");
        let process = Command::new(program)
            .args(["-f", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} runs: {error}"));
        Self { process, folder }
    }
}

impl Drop for ActiveAgent {
    fn drop(&mut self) {
        // The agent ends its own children on SIGTERM only.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn a_real_agent_comes(program: &str, name: &str) {
    let (mut fleet, door) = fleet(name);
    fleet.wait("the door", |_| TcpStream::connect(door).ok());
    let _agent = ActiveAgent::start(program, door);
    let load = r#"load1_per_core{host="legacy"}"#;
    let found = fleet.wait("its load", |fleet| ask(fleet, load).filter(|found| !found.is_empty()));
    assert!(found[0] >= 0.0, "{found:?}");
    let values = r#"count({host="legacy"})"#;
    // agent2 spreads those of each minute over the whole of it.
    fleet.wait("what is polled", |fleet| ask(fleet, values).filter(|f| f >= &vec![6.0]));
    // Killed while it brings values, it goes on as if nothing had been.
    for _ in 0..3 {
        fleet.kill_brain();
        fleet.start_brain();
        let newest = format!("timestamp({load})");
        let restarted = now_s() as f64;
        fleet.wait("newer values", |fleet| ask(fleet, &newest).filter(|at| at > &vec![restarted]));
    }
    let strangers = fleet.get("/api/active").expect("an answer")["strangers"].clone();
    assert_eq!(strangers, json!([]));
}

#[test]
#[ignore = "needs zabbix_agentd; tests/run installs it and lifts this"]
fn a_real_zabbix_agentd_comes_by_itself() {
    a_real_agent_comes("/usr/sbin/zabbix_agentd", "active-agentd");
}

#[test]
#[ignore = "needs zabbix_agent2; tests/run installs it and lifts this"]
fn a_real_zabbix_agent2_comes_by_itself() {
    a_real_agent_comes("/usr/sbin/zabbix_agent2", "active-agent2");
}
