//! Alerts that others post, with the real binary: by hand, and by a real Prometheus that watches
//! something of its own.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::common::{Fleet, free_ports, http};

fn post(fleet: &Fleet, alerts: &Value) -> (u16, String) {
    let body = alerts.to_string();
    let json = "Content-Type: application/json\r\n";
    http(fleet.listen, "POST", "/api/v2/alerts", json, &body).expect("the brain answers")
}

fn alert(name: &str, vm: Option<&str>, host: &str, ends: &str) -> Value {
    let mut labels = json!({"alertname": name, "severity": "critical", "host": host});
    if let Some(vm) = vm {
        labels["vm"] = json!(vm);
        labels["module"] = json!("pay");
        labels["project"] = json!("bank");
        labels["owner"] = json!("alice");
    }
    json!({"labels": labels, "annotations": {"summary": format!("{name} here")}, "endsAt": ends})
}

fn messages(fleet: &Fleet, to: &str) -> Option<Vec<Value>> {
    let all = fleet.get("/api/messages")?;
    let all = all.as_array()?.iter();
    Some(
        all.filter(|message| message["to"] == to && message["root"] == "host/hv-1")
            .cloned()
            .collect(),
    )
}

#[test]
fn posted_alerts_of_a_host_and_its_vms_are_one_incident_also_after_a_kill() {
    let mut fleet =
        Fleet::prepare("alerts", |main| main.replace("resolve_hold: 3s", "resolve_hold: 1s"));
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let far = "2099-01-01T00:00:00Z";
    let vms: Vec<String> = (1..=5).map(|number| format!("pay-{number}")).collect();
    let down = |ends: &str| -> Value {
        let of_vms = vms.iter().map(|vm| alert("VmDown", Some(vm), "hv-1", ends));
        of_vms.chain([alert("HostDown", None, "hv-1", ends)]).collect()
    };
    assert_eq!(post(&fleet, &down(far)).0, 200);
    let told = fleet.wait("the owner to be told", |fleet| messages(fleet, "alice")?.pop());
    let text = told["text"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("all 5 VMs of pay are down because host hv-1 is down"), "{text}");
    fleet.kill_brain();
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let (status, body) =
        post(&fleet, &json!([{"labels": {}}, alert("VmDown", Some("pay-1"), "hv-1", far)]));
    assert_eq!(status, 400);
    assert!(body.contains("alert 0: the label `alertname` is missing"), "{body}");
    assert_eq!(post(&fleet, &down("2020-01-01T00:00:00Z")).0, 200);
    let all = fleet.wait("the end to be told", |fleet| {
        let all = messages(fleet, "alice")?;
        all.iter().any(|message| message["kind"] == "resolved").then_some(all)
    });
    assert_eq!(all.len(), 2, "one message and its end: {all:?}");
}

/// The brain looks at a thousand in a turn.
#[test]
fn the_list_of_thousands_of_alerts_has_each_of_them_once() {
    let mut fleet = Fleet::prepare("alerts-list", |main| main);
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let far = "2099-01-01T00:00:00Z";
    let vm = |number: usize| format!("pay-{number:04}");
    let of_vms = (0..2500).map(|number| {
        let host = format!("hv-{}", number % 2);
        alert("VmDown", Some(&vm(number)), &host, far)
    });
    // What is about nobody is one object, whatever it says.
    let of_nobody =
        (0..1500).map(|n| json!({"labels": {"alertname": format!("Odd{n}")}, "endsAt": far}));
    assert_eq!(post(&fleet, &of_vms.chain(of_nobody).collect()).0, 200);
    let list = |query: &str, label: &str| -> Vec<String> {
        let path = format!("/api/v2/alerts{query}");
        let (status, body) = http(fleet.listen, "GET", &path, "", "").expect("an answer");
        assert_eq!(status, 200, "{body}");
        let all: Vec<Value> = serde_json::from_str(&body).expect("a whole list");
        let of = |alert: &Value| alert["labels"][label].as_str().map(str::to_owned);
        let mut all: Vec<String> = all.iter().filter_map(of).collect();
        all.sort();
        all
    };
    let names = |step: usize| (0..2500).step_by(step).map(vm).collect::<Vec<String>>();
    assert_eq!(list("", "vm"), names(1));
    assert_eq!(list("", "alertname").len(), 4000);
    assert_eq!(list("?filter=host=%22hv-0%22", "vm"), names(2));
    assert_eq!(list("?filter=vm=%22pay-2499%22", "vm"), ["pay-2499"]);
    assert!(list("?filter=host=%22nowhere%22", "vm").is_empty());
    assert!(list("?active=false", "vm").is_empty());
}

/// All messages about one root.
fn about(fleet: &Fleet, root: &str) -> Option<Vec<Value>> {
    let all = fleet.get("/api/messages")?;
    Some(all.as_array()?.iter().filter(|message| message["root"] == root).cloned().collect())
}

#[test]
fn alerts_of_applications_find_their_module_and_what_nobody_knows_reaches_operations() {
    let mut fleet = Fleet::prepare("alerts-apps", |main| main);
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let far = "2099-01-01T00:00:00Z";
    let vms: Vec<String> = (1..=5).map(|number| format!("pay-{number}")).collect();
    // Four of five on different hosts: neither the hosts nor the VMs are at fault.
    let failing = vms.iter().zip(1..).take(4);
    let apps = failing.map(|(vm, host)| alert("AppDown", Some(vm), &format!("hv-{host}"), far));
    let nobodys = json!({"labels": {"alertname": "Odd", "team": "x"}, "endsAt": far});
    let all: Value = apps.chain([nobodys]).collect();
    assert_eq!(post(&fleet, &all).0, 200);
    let found = |root: &'static str| move |fleet: &Fleet| about(fleet, root)?.pop();
    let owner = fleet.wait("the owner to be told", found("module/bank/pay"));
    assert_eq!(owner["to"], "alice");
    let text = owner["text"].as_str().expect("a text");
    assert!(text.starts_with("pay does not work on 4 of its 4 VMs (app.AppDown: "), "{text}");
    let nobodys = fleet.wait("operations to be told", found("collector/alerts"));
    assert_eq!(nobodys["to"], "ops");
    let text = nobodys["text"].as_str().expect("a text");
    assert!(text.contains("Odd") && text.contains("team=x"), "{text}");
}

/// Ends with the test.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs the Debian package prometheus"]
fn a_real_prometheus_sends_its_alerts_here_and_takes_them_back() {
    let mut fleet = Fleet::prepare("alerts-prometheus", |main| main);
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let (port, folder) = (free_ports(), fleet.folder.join("prometheus"));
    std::fs::create_dir_all(&folder).expect("a folder of ours");
    let (flag, brain) = (folder.join("flag.json"), fleet.listen);
    let wrong = |is_wrong: bool| {
        let targets = if is_wrong { "[\"127.0.0.1:1\"]" } else { "[]" };
        let list = format!("[{{\"targets\": {targets}, \"labels\": {{\"vm\": \"legacy-7\"}}}}]");
        std::fs::write(&flag, list).expect("a folder of ours");
    };
    wrong(true);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [rules.yml]\n\
         scrape_configs:\n\
         - {{job_name: legacy, file_sd_configs: [{{files: [flag.json], refresh_interval: 1s}}]}}\n\
         alerting:\n  alertmanagers:\n  - static_configs: [{{targets: [\"{brain}\"]}}]\n"
    );
    let rules = "groups:\n- name: g\n  rules:\n  - {alert: VmDown, expr: up == 0, \
                 labels: {severity: critical}, annotations: {summary: \"{{ $labels.vm }} is away\"}}\n";
    std::fs::write(folder.join("prometheus.yml"), config).expect("a folder of ours");
    std::fs::write(folder.join("rules.yml"), rules).expect("a folder of ours");
    let child = Command::new("prometheus")
        .current_dir(&folder)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus is installed");
    let _prometheus = Prometheus(child);
    let incident = |fleet: &Fleet, is_open: bool| {
        let all = fleet.get("/api/incidents")?;
        let is_it = |i: &&Value| i["root"] == "vm/legacy-7" && i["closed"].is_null() == is_open;
        all.as_array()?.iter().find(is_it).cloned()
    };
    let found = fleet.wait("the incident", |fleet| incident(fleet, true));
    assert_eq!(
        (found["state"].as_str(), found["severity"].as_str()),
        (Some("down"), Some("disaster"))
    );
    wrong(false);
    fleet.wait("its end", |fleet| incident(fleet, false));
}
