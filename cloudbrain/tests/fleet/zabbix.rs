//! The real binary with a real Zabbix server: what is wrong there becomes an incident here, is
//! acknowledged there when it is taken on here, and nothing is missed while the brain is dead.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::{Fleet, free_ports, http};

/// A server in a folder of its own, run by `tests/real/zabbix.sh`.
struct Zabbix {
    folder: PathBuf,
    trapper: u16,
    api: SocketAddr,
    token: String,
}

impl Zabbix {
    fn start() -> Self {
        let mut server = Self::up();
        server.recipe(&["seed"]).expect("a server that is up can be filled");
        let token = std::fs::read_to_string(server.folder.join("token")).expect("seed wrote it");
        token.trim().clone_into(&mut server.token);
        server
    }

    /// Its three ports may be taken between our look and its start; then others are tried.
    fn up() -> Self {
        let mut faults = String::new();
        for attempt in 0..3 {
            let name = format!("brain-zabbix-{}-{attempt}", std::process::id());
            let (folder, trapper) = (std::env::temp_dir().join(name), free_ports());
            let api = SocketAddr::from(([127, 0, 0, 1], trapper + 1));
            let server = Self { folder, trapper, api, token: String::new() };
            server.recipe(&["install"]).expect("its packages can be installed");
            match server.recipe(&["up"]) {
                Ok(()) => return server,
                Err(fault) => faults += &fault,
            }
        }
        panic!("{faults}")
    }

    /// The error is what the recipe said.
    fn recipe(&self, words: &[&str]) -> Result<(), String> {
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/real/zabbix.sh");
        let output = Command::new(recipe)
            .arg(words[0])
            .arg(&self.folder)
            .args(&words[1..])
            .env("ZABBIX_PORT", self.trapper.to_string())
            .stdin(Stdio::null())
            .output()
            .expect("the recipe can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(format!("{words:?}: {said}")) }
    }

    fn send(&self, host: &str, key: &str, value: &str) {
        let sender = Command::new("zabbix_sender")
            .args(["-z", "127.0.0.1", "-p", &self.trapper.to_string()])
            .args(["-s", host, "-k", key, "-o", value])
            .stdout(Stdio::null())
            .status();
        assert!(sender.expect("zabbix_sender runs").success(), "{host} {key} {value}");
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1, "auth": self.token});
        let json = "Content-Type: application/json-rpc\r\n";
        let answer = http(self.api, "POST", "/api_jsonrpc.php", json, &body.to_string());
        let (_, answer) = answer.expect("it answers");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Acknowledgements of the open problems of that name: user's words, all of them.
    fn acknowledgements(&self, problem: &str) -> Vec<String> {
        let params = json!({
            "output": ["acknowledged"], "filter": {"name": problem}, "selectAcknowledges": ["message"],
        });
        let found = self.call("problem.get", &params);
        let problems = found.as_array().into_iter().flatten();
        let words = problems.flat_map(|problem| problem["acknowledges"].as_array().cloned());
        words.flatten().filter_map(|word| Some(word["message"].as_str()?.to_owned())).collect()
    }
}

impl Drop for Zabbix {
    fn drop(&mut self) {
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/real/zabbix.sh");
        let _ = Command::new(recipe).arg("down").arg(&self.folder).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The incident of that root, if it is as `is` says.
fn incident(fleet: &Fleet, root: &str, is: impl Fn(&Value) -> bool) -> Option<Value> {
    let incidents = fleet.get("/api/incidents")?;
    let all = incidents.as_array()?.clone();
    all.into_iter().find(|incident| incident["root"] == root && is(incident))
}

fn is_open(incident: &Value) -> bool {
    incident["closed"].is_null()
}

#[test]
#[ignore = "needs the Debian packages of tests/real/zabbix.sh"]
fn what_zabbix_sees_is_told_acknowledged_and_not_missed() {
    let server = Zabbix::start();
    let mut fleet = Fleet::prepare("zabbix", |main| {
        let source = format!(
            "collector:\n  zabbix:\n    - {{name: zabbix, url: \"http://{}/api_jsonrpc.php\", \
             token: \"${{file:zabbix-token}}\"}}\n",
            server.api
        );
        main.replace("collector:\n", &source)
    });
    std::fs::write(fleet.folder.join("zabbix-token"), &server.token).expect("a folder of ours");
    fleet.start_brain();

    // What was measured there is found here, with the labels of the mapping.
    let load = fleet.wait("a value of vm18", |fleet| {
        server.send("vm18", "system.cpu.util", "12.5");
        let query = "/api/v1/query?query=system_cpu_utilization%7Bvm%3D%22vm18%22%7D";
        fleet.get(query)?["data"]["result"].get(0).cloned()
    });
    assert_eq!(load["metric"]["module"], "shop/web", "{load}");
    assert_eq!(load["value"][1], "0.125", "{load}");

    // A problem there is an incident here.
    server.send("vm2", "vfs.fs.size[/,pused]", "95");
    let found = fleet.wait("an incident", |fleet| incident(fleet, "vm/vm2", is_open));
    fleet.wait("somebody to be told", |fleet| {
        let told = fleet.inbox();
        told.iter().any(|message| message.to_string().contains("vm2")).then_some(())
    });

    // Taken on here, it is taken on there, with a way back.
    let id = found["id"].as_str().expect("an id");
    let path = format!("/api/incidents/{id}/acknowledge");
    let json = "Content-Type: application/json\r\n";
    let word = r#"{"by": "ops", "text": "I clean up"}"#;
    let (status, said) = http(fleet.listen, "POST", &path, json, word).expect("an answer");
    assert!((200..300).contains(&status), "{status} {said}");
    let words = fleet.wait("the word to be there", |_| {
        Some(server.acknowledgements("Disk is full")).filter(|words| !words.is_empty())
    });
    assert!(words[0].contains("ops: I clean up"), "{words:?}");
    assert!(words[0].contains(&format!("/incidents/{id}")), "{words:?}");

    // What began and what ended while the brain was dead is known when it lives again.
    fleet.kill_brain();
    server.send("vm2", "vfs.fs.size[/,pused]", "10");
    server.send("vm4", "system.cpu.util", "99");
    fleet.start_brain();
    fleet.wait("what began meanwhile", |fleet| incident(fleet, "vm/vm4", is_open));
    fleet.wait("what ended meanwhile", |fleet| {
        incident(fleet, "vm/vm2", is_open).is_none().then_some(())
    });

    // An API that is down is a fault of the source, and says nothing about what it watches.
    server.recipe(&["web", "down"]).expect("it is up");
    let fault = fleet.wait("the fault", |fleet| {
        let overview = fleet.get("/api/overview")?;
        let faults = overview["monitor"]["faults"].as_array()?.clone();
        faults.into_iter().find(|fault| fault.to_string().contains("zabbix"))
    });
    assert!(incident(&fleet, "vm/vm4", is_open).is_some(), "{fault}");
    server.recipe(&["web", "up"]).expect("its port is free");
    fleet.wait("the fault to be gone", |fleet| {
        let overview = fleet.get("/api/overview")?;
        let faults = overview["monitor"]["faults"].as_array()?.clone();
        (!faults.iter().any(|fault| fault.to_string().contains("zabbix"))).then_some(())
    });
}
