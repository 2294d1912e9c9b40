//! Why somebody was told or not, asked of the real binary: while it lasts, after a kill, and when
//! all is over.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Fleet, http};

const FAR: &str = "2099-01-01T00:00:00Z";
const PAST: &str = "2020-01-01T00:00:00Z";

fn post(fleet: &Fleet, name: &str, vm: Option<&str>, ends: &str) {
    let mut labels = json!({"alertname": name, "severity": "critical", "host": "hv-1"});
    if let Some(vm) = vm {
        labels["vm"] = json!(vm);
        labels["module"] = json!("pay");
        labels["project"] = json!("bank");
        labels["owner"] = json!("alice");
    }
    let alerts = json!([{"labels": labels, "endsAt": ends}]).to_string();
    let json = "Content-Type: application/json\r\n";
    let answer = http(fleet.listen, "POST", "/api/v2/alerts", json, &alerts);
    assert_eq!(answer.expect("the brain answers").0, 200);
}

/// What a command prints for a person.
fn told(fleet: &Fleet, words: &[&str]) -> String {
    let brain = fleet.listen.to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudbrain"));
    let output = command.args(words).args(["--brain", &brain]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn assert_told(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "{line:?} is told in:\n{text}");
    }
}

/// The incident whose root is the host, by its id.
fn incident(fleet: &Fleet, is_open: bool) -> Option<String> {
    let all = fleet.get("/api/incidents")?;
    let is_it = |i: &&Value| i["root"] == "host/hv-1" && i["closed"].is_null() == is_open;
    all.as_array()?.iter().find(is_it)?["id"].as_str().map(str::to_owned)
}

#[test]
fn an_incident_says_why_each_was_told_or_not_and_what_it_cost() {
    let mut fleet =
        Fleet::prepare("story", |main| main.replace("resolve_hold: 3s", "resolve_hold: 1s"));
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    post(&fleet, "VmDown", Some("pay-1"), FAR);
    post(&fleet, "VmDown", Some("pay-2"), FAR);
    let waits = told(&fleet, &["why", "vm/pay-1"]);
    assert_told(&waits, &["VM pay-1", "nobody is told before", "says alerts"]);
    post(&fleet, "HostDown", None, FAR);
    let id = fleet.wait("the incident", |fleet| incident(fleet, true));
    let shown = fleet.wait("the owner to be told", |fleet| {
        let shown = told(fleet, &["incidents", "show", &id]);
        (shown.matches("problem, delivered").count() == 2).then_some(shown)
    });
    let expected = [
        "host hv-1 is down; it took 2 VMs: bank/pay 2",
        "host hv-1: it is the root, nothing above it explains it",
        "VM pay-2: it stands on host hv-1",
        "alice: owner, told once: nothing is new",
        "vm/pay-1: part of the incident: it stands on host hv-1",
    ];
    assert_told(&shown, &expected);
    told(&fleet, &["ack", &id, "--by", "ops", "--text", "a disk at a time"]);
    fleet.kill_brain();
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    assert_told(&told(&fleet, &["why", "vm/pay-1"]), &["is part of incident", "vm.ping is bad"]);
    post(&fleet, "VmDown", Some("pay-1"), PAST);
    post(&fleet, "VmDown", Some("pay-2"), PAST);
    post(&fleet, "HostDown", None, PAST);
    fleet.wait("its end", |fleet| incident(fleet, false));
    let shown = told(&fleet, &["incidents", "show", &id]);
    assert_told(
        &shown,
        &[
            "over since",
            "the incident is over",
            "nothing suffers any more",
            "acknowledged by ops: a disk",
        ],
    );
    let story = fleet.get(&format!("/api/incidents/{id}")).expect("the brain answers");
    let loss = &story["incident"]["losses"][0];
    assert_eq!((loss["module"].as_str(), loss["vms"].as_u64()), (Some("bank/pay"), Some(2)));
    the_review_adds_up(&fleet, &id, &story["incident"]);
    for path in [format!("/incidents/{id}"), format!("/incidents/{id}/review")] {
        let page = fleet.page(&path).expect("there is such a page");
        assert_told(&page, &["host hv-1 is down", "the incident is over", "delivered within"]);
    }
    assert_eq!(fleet.page("/incidents/i999/review"), None);
    post(&fleet, "HostDown", None, FAR);
    let again = fleet.wait("the same again", |fleet| incident(fleet, true));
    let review = fleet.get(&format!("/api/incidents/{again}/review")).expect("the brain answers");
    let similar = &review["similar"][0];
    assert_eq!((similar["id"].as_str(), &similar["is_same_root"]), (Some(&*id), &json!(true)));
}

/// What the review says follows from what the incident says.
fn the_review_adds_up(fleet: &Fleet, id: &str, incident: &Value) {
    let review = fleet.get(&format!("/api/incidents/{id}/review")).expect("the brain answers");
    let moment = |key: &str| review["moments"][key].as_i64();
    for key in ["began", "opened", "repaired", "closed"] {
        assert_eq!(moment(key), incident[key].as_i64(), "{key}");
    }
    let order = ["began", "opened", "told", "acknowledged", "repaired", "closed"]
        .map(|key| moment(key).unwrap_or(0));
    assert!(order.is_sorted(), "{order:?}");
    let business = &review["businesses"][0];
    assert_eq!(business["project"], "bank");
    // Both suffered from the first sign until they were well.
    let suffered = 2.0 * (order[4] - order[0]) as f64 / 60_000.0;
    let told = business["vm_minutes"].as_f64().unwrap_or(0.0);
    assert!((told - suffered).abs() < 0.01, "{told} and not {suffered}");
    assert_eq!(business["modules"][0]["vm_minutes"], business["vm_minutes"]);
    assert!(business["down_s"].is_null(), "nobody probes it");
    let lanes: Vec<&str> = review["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|event| event["lane"].as_str())
        .collect();
    for lane in ["signals", "incident", "messages", "people"] {
        assert!(lanes.contains(&lane), "{lane} in {lanes:?}");
    }
    let en = told_in(fleet, id, "en");
    assert_told(&en, &["# Review", "time to tell", "business bank", "a disk at a time"]);
    let zh = told_in(fleet, id, "zh");
    assert_told(&zh, &["# 复盘", "通知用时", "业务 bank", "虚拟机·分钟"]);
}

/// The Markdown of a review.
fn told_in(fleet: &Fleet, id: &str, lang: &str) -> String {
    told(fleet, &["incidents", "review", id, "--lang", lang])
}
