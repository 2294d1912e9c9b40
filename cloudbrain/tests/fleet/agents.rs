//! Agents of all kinds: the real ones of Zabbix are polled as our own is, and one that answers
//! rubbish, late, endlessly or never is a counted, bounded, shown fault of that target alone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::{Fleet, free_ports};

/// A server for one kind of bad manners. Its threads end with the test process.
fn rude(manners: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || manners(stream));
        }
    });
    address
}

fn rubbish(mut stream: TcpStream) {
    let _ = stream.write_all(b"<script>alert('HTTP/1.1 200 OK')</script>\r\n\r\n");
}

fn never(stream: TcpStream) {
    std::thread::sleep(Duration::from_secs(3600));
    drop(stream);
}

fn endless(mut stream: TcpStream) {
    let _ = stream.write_all(b"ZBXD\x01\xff\xff\xff\x7f\0\0\0\0");
    while stream.write_all(&[b'1'; 65536]).is_ok() {}
}

fn drop_by_drop(mut stream: TcpStream) {
    let _ = stream.write_all(b"ZBXD\x01\x05\0\0\0\0\0\0\0");
    while stream.write_all(b"1").is_ok() {
        std::thread::sleep(Duration::from_millis(700));
    }
}

fn slams_the_door(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1]);
}

#[test]
fn rude_agents_are_faults_of_their_own_and_of_nobody_else() {
    let agents: [(&str, SocketAddr); 5] = [
        ("rubbish", rude(rubbish)),
        ("never", rude(never)),
        ("endless", rude(endless)),
        ("drops", rude(drop_by_drop)),
        ("door", rude(slams_the_door)),
    ];
    let mut fleet = Fleet::prepare("rude", |main| {
        let lines = agents.iter().map(|(name, address)| {
            format!("    - {{object: host/{name}, address: \"{address}\"}}\n")
        });
        let lines: String = lines.collect();
        main.replace("collector:\n", &format!("collector:\n  agents:\n{lines}"))
    });
    fleet.start_brain();
    fleet.wait_until_up(2);
    fleet.wait("each rude agent to be shown", |fleet| {
        let overview = fleet.get("/api/overview")?;
        let shown = overview["monitor"]["faults"].to_string();
        agents.iter().all(|(name, _)| shown.contains(&format!("host/{name}"))).then_some(())
    });
    let page = crate::common::http(fleet.listen, "GET", "/", "", "").expect("the page").1;
    assert!(!page.contains("<script>alert"), "what an agent says is escaped");
    let ready = crate::common::http(fleet.listen, "GET", "/readyz", "", "").expect("an answer");
    assert_eq!(ready, (200, "ready\n".to_owned()));
    let metrics =
        crate::common::http(fleet.listen, "GET", "/metrics", "", "").expect("an answer").1;
    let faults = metrics.lines().find(|line| line.starts_with("cloudbrain_faults "));
    assert_eq!(faults, Some("cloudbrain_faults 5"));
}

/// A real agent, on a free port, with a configuration of its own.
struct RealAgent {
    address: SocketAddr,
    process: Child,
    folder: std::path::PathBuf,
}

impl RealAgent {
    fn start(program: &str) -> Self {
        // They take no port above 32767, so not one that Linux gives out by itself.
        let address = SocketAddr::from(([127, 0, 0, 1], free_ports()));
        let name = program.rsplit('/').next().unwrap_or(program);
        let folder = std::env::temp_dir().join(format!("cloudbrain-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        let mut text = format!(
            "Server=127.0.0.1\nListenIP=127.0.0.1\nListenPort={}\nHostname=real\n\
             LogType=console\nPidFile={}\n",
            address.port(),
            folder.join("agent.pid").display(),
        );
        if name == "zabbix_agentd" {
            text.push_str("AllowRoot=1\n");
        } else {
            text.push_str(&format!("ControlSocket={}\n", folder.join("agent.sock").display()));
        }
        let config = folder.join("agent.conf");
        std::fs::write(&config, text).expect("a folder of ours");
        let process = Command::new(program)
            .arg("-f")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} runs: {error}"));
        Self { address, process, folder }
    }
}

impl Drop for RealAgent {
    fn drop(&mut self) {
        // The agent ends its own children on SIGTERM only.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn is_polled_as_ours(program: &str, name: &str) {
    let agent = RealAgent::start(program);
    let address = agent.address;
    let mut fleet = Fleet::prepare(name, |main| {
        let line = format!("    - {{object: host/real, address: \"{address}\"}}\n");
        main.replace("collector:\n", &format!("collector:\n  agents:\n{line}"))
    });
    fleet.start_brain();
    let frame = fleet.wait("samples of the real agent", |fleet| {
        let frames = fleet.get("/api/samples?object=host/real")?;
        let newest = frames.as_array()?.last()?.clone();
        newest["values"]["system_cpu_utilization"].is_number().then_some(newest)
    });
    let value = |name: &str| frame["values"][name].as_f64();
    for name in ["load1_per_core", "system_memory_usage_bytes", "system_uptime_seconds"] {
        assert!(value(name).is_some_and(|value| value >= 0.0), "{name} in {frame:#}");
    }
    assert!(value("system_memory_usage_bytes") > Some(1e6), "bytes, not something else: {frame:#}");
    let busy = value("system_cpu_utilization").expect("it was waited for");
    assert!((0.0..=1.0).contains(&busy), "a share: {frame:#}");
}

#[test]
#[ignore = "needs zabbix_agentd; tests/run installs it and lifts this"]
fn a_real_zabbix_agentd_is_polled_as_our_own_agent_is() {
    is_polled_as_ours("/usr/sbin/zabbix_agentd", "agentd");
}

#[test]
#[ignore = "needs zabbix_agent2; tests/run installs it and lifts this"]
fn a_real_zabbix_agent2_is_polled_as_our_own_agent_is() {
    is_polled_as_ours("/usr/sbin/zabbix_agent2", "agent2");
}
