//! What people put off, silence and announce, with the real binary: by command line, API and forms,
//! over a `kill -9`, and by somebody else's client.
//!
//! The trouble is posted as alerts: it begins when a test says so, and the labels say whose it is.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::common::{Fleet, http};

const FAR: &str = "2099-01-01T00:00:00Z";
const PAST: &str = "2020-01-01T00:00:00Z";

/// A fleet that decides fast, with a brain that answers.
fn fleet(name: &str, change: impl FnOnce(String) -> String) -> Fleet {
    let mut fleet = Fleet::prepare(name, |main| {
        let main = main.replace("group_wait: 8s", "group_wait: 2s");
        change(main.replace("child_wait: 12s", "child_wait: 4s"))
    });
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    fleet
}

/// A VM of alice's module `bank/pay` on the host is down until `ends`.
fn post(fleet: &Fleet, vm: &str, host: &str, ends: &str) {
    let labels = json!({"alertname": "VmDown", "severity": "critical", "vm": vm, "host": host,
                        "module": "bank/pay", "project": "bank", "owner": "alice"});
    let alerts = json!([{"labels": labels, "endsAt": ends}]);
    let (status, told) = ask(fleet, "POST", "/api/v2/alerts", &alerts);
    assert_eq!(status, 200, "{told}");
}

fn ask(fleet: &Fleet, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let json = "Content-Type: application/json\r\nUser-Agent: a test\r\n";
    let (status, text) =
        http(fleet.listen, method, path, json, &body.to_string()).expect("the brain answers");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn cli(fleet: &Fleet, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(words)
        .args(["--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs")
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}

/// The messages about a VM or host, to a person.
fn messages(fleet: &Fleet, root: &str, to: &str) -> Vec<Value> {
    let all = fleet.inbox().into_iter();
    all.filter(|message| message["root"] == root && message["to"] == to).collect()
}

/// The open incident with this root.
fn incident(fleet: &Fleet, root: &str) -> Option<Value> {
    let all = fleet.get("/api/incidents")?;
    let is_it = |i: &&Value| i["root"] == root && i["closed"].is_null();
    all.as_array()?.iter().find(is_it).cloned()
}

#[test]
fn a_silenced_host_is_an_incident_without_messages_over_a_kill_and_is_told_when_it_ends() {
    let mut fleet = fleet("silence", |main| main);
    post(&fleet, "pay-1", "hv-1", PAST); // The host is known from now on.
    let add =
        ["silence", "add", "host/hv-1", "--by", "ops", "--comment", "new disk", "--for", "1h"];
    assert!(said(&cli(&fleet, &add), 0).starts_with("s1 silences host/hv-1 until "));
    post(&fleet, "pay-1", "hv-1", FAR);
    let open = fleet.wait("the incident", |fleet| incident(fleet, "vm/pay-1"));
    assert_eq!((&open["is_silenced"], &open["silences"][0]["id"]), (&json!(true), &json!("s1")));
    let page = fleet.page("/").expect("the first page");
    assert!(page.contains("silenced by ops until"), "{page}");
    fleet.kill_brain();
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    assert!(said(&cli(&fleet, &["silence", "list"]), 0).contains("s1    host/hv-1  until "));
    // What nobody silenced is told; by then the other would have been told as well.
    post(&fleet, "pay-2", "hv-2", FAR);
    fleet.wait("the other VM to be told of", |fleet| messages(fleet, "vm/pay-2", "ops").pop());
    assert_eq!(messages(&fleet, "vm/pay-1", "ops"), Vec::<Value>::new());
    assert_eq!(messages(&fleet, "vm/pay-1", "alice"), Vec::<Value>::new());
    let told = said(&cli(&fleet, &["silence", "expire", "s1", "--by", "alice"]), 0);
    assert_eq!(told, "s1 of host/hv-1 is over; what is still wrong is told now\n");
    fleet.wait("the owner to be told", |fleet| messages(fleet, "vm/pay-1", "alice").pop());
    let rows = fleet.get("/api/journal").expect("the journal");
    let row = |what: &str| {
        let mut rows = rows.as_array().expect("rows").iter();
        rows.find(|row| row["what"] == what).unwrap_or_else(|| panic!("no row {what}: {rows:#?}"))
    };
    let begun = row("silence");
    assert_eq!((&begun["who"], &begun["object"]), (&json!("ops"), &json!("host/hv-1")));
    assert!(begun["text"].as_str().expect("a text").ends_with("new disk (from the command line)"));
    assert_eq!(row("silence expired")["who"], "alice");
}

#[test]
fn a_snooze_holds_for_one_person_and_says_when_it_is_over() {
    let fleet = fleet("snooze", |main| main);
    post(&fleet, "pay-1", "hv-1", FAR);
    fleet.wait("both to be told", |fleet| {
        let told = |to| messages(fleet, "vm/pay-1", to).pop();
        told("alice").and(told("ops"))
    });
    let id = incident(&fleet, "vm/pay-1").expect("it is open")["id"].clone();
    let id = id.as_str().expect("an id");
    let (status, answer) = ask(
        &fleet,
        "POST",
        &format!("/api/incidents/{id}/snooze"),
        &json!({"by": "alice", "for": "3s"}),
    );
    assert_eq!(status, 200, "{answer}");
    assert!(answer["incident"]["snoozes"]["alice"]["until"].is_i64(), "{answer}");
    let over = fleet.wait("the snooze to be over", |fleet| {
        messages(fleet, "vm/pay-1", "alice").into_iter().find(|m| m["kind"] == "update")
    });
    let text = over["text"].as_str().expect("a text");
    assert!(text.contains("Your snooze is over; this is how it is now"), "{text}");
    assert_eq!(messages(&fleet, "vm/pay-1", "ops").len(), 1, "it was alice's alone");
    let wrong = said(&cli(&fleet, &["snooze", "i99", "--by", "alice", "--for", "1h"]), 1);
    assert!(wrong.contains("no incident i99 is open"), "{wrong}");
    let wrong = said(&cli(&fleet, &["snooze", id, "--by", "nobody", "--for", "1h"]), 1);
    assert!(wrong.contains("nobody is called \"nobody\"; known are alice, dana, ops"), "{wrong}");
}

#[test]
fn a_window_of_the_files_keeps_quiet_until_it_is_taken_out() {
    // The example's window is made to be always open, and on another machine.
    let always = |main: String| {
        let main = main.replace("[vm/legacy-1]", "[host/hv-1]");
        main.replace("0 2 * * 6", "* * * * *").replace("legacy-patches", "always")
    };
    let fleet = fleet("window", always);
    let listed = fleet.wait("the window", |fleet| {
        let windows = fleet.get("/api/maintenance")?;
        windows[0]["open_until"].is_i64().then_some(windows)
    });
    assert_eq!(
        (&listed[0]["id"], &listed[0]["file"]),
        (&json!("always"), &json!("cloudbrain.yaml"))
    );
    post(&fleet, "pay-1", "hv-1", FAR);
    post(&fleet, "pay-2", "hv-2", FAR);
    fleet.wait("the other VM to be told of", |fleet| messages(fleet, "vm/pay-2", "ops").pop());
    assert_eq!(incident(&fleet, "vm/pay-1"), None, "it is no incident");
    let refused = said(&cli(&fleet, &["maintenance", "end", "always", "--by", "ops"]), 1);
    assert!(refused.contains("always stands in cloudbrain.yaml; take it out there"), "{refused}");
    let path = fleet.folder.join("cloudbrain.yaml");
    let main = std::fs::read_to_string(&path).expect("a folder of ours");
    let (without, _) = main.split_once("maintenance:").expect("it stands at the end");
    std::fs::write(&path, without).expect("a folder of ours");
    fleet.wait("the owner to be told", |fleet| messages(fleet, "vm/pay-1", "alice").pop());
}

#[test]
fn a_window_that_is_opened_by_hand_is_over_when_somebody_ends_it() {
    let fleet = fleet("by-hand", |main| main);
    post(&fleet, "pay-1", "hv-1", PAST);
    let words = ["maintenance", "start", "host/hv-1", "--by", "ops", "--comment", "new fan"];
    let started = said(&cli(&fleet, &[&words[..], &["--for", "1h"]].concat()), 0);
    assert!(started.starts_with("m1 is open on host/hv-1 until "), "{started}");
    post(&fleet, "pay-1", "hv-1", FAR);
    let listed = said(&cli(&fleet, &["maintenance", "list"]), 0);
    assert!(listed.starts_with("m1  host/hv-1  by ops: new fan\n    open until "), "{listed}");
    said(&cli(&fleet, &["maintenance", "end", "m1", "--by", "ops"]), 0);
    fleet.wait("the owner to be told", |fleet| messages(fleet, "vm/pay-1", "alice").pop());
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let fleet = fleet("refused", |main| main);
    let refused = |path: &str, body: Value| {
        let (status, answer) = ask(&fleet, "POST", path, &body);
        assert_eq!(status, 422, "{answer}");
        answer["error"].as_str().expect("a sentence").to_owned()
    };
    let with = |more: Value| {
        let mut wish = json!({"on": "host/h1", "by": "ops", "comment": "x", "for": "1h"});
        for (key, value) in more.as_object().expect("fields") {
            wish[key] = value.clone();
        }
        refused("/api/silences", wish)
    };
    assert!(with(json!({"on": "module/shop/wep"})).ends_with("did you mean module/shop/web?"));
    assert!(with(json!({"for": "91d"})).contains("at most 90d"));
    assert!(with(json!({"for": null, "until": PAST})).contains("is not ahead"));
    assert!(with(json!({"for": null})).contains("the end is missing"));
    assert!(with(json!({"comment": " \n"})).contains("the comment is missing"));
    assert!(with(json!({"colour": "red"})).contains("unknown field `colour`"));
    assert!(with(json!({"on": null})).starts_with("write what to silence"));
    let all = json!([{"name": "vm", "value": ".*", "isRegex": true}]);
    assert!(with(json!({"on": null, "matchers": all})).starts_with("this would silence every"));
    let nothing = json!({"on": [], "by": "ops", "comment": "x", "for": "1h"});
    assert!(refused("/api/maintenance", nothing).starts_with("write what is worked on"));
    let gone = ask(&fleet, "DELETE", "/api/silences/s7?by=ops", &Value::Null);
    assert_eq!((gone.0, &gone.1["error"]), (404, &json!("no silence s7 is in force")));
    assert_eq!(ask(&fleet, "DELETE", "/api/silences/s7", &Value::Null).0, 422);
}

fn form(fleet: &Fleet, path: &str, headers: &str, fields: &str) -> (u16, String) {
    let headers = format!("Content-Type: application/x-www-form-urlencoded\r\n{headers}");
    http(fleet.listen, "POST", path, &headers, fields).expect("the brain answers")
}

#[test]
fn the_forms_of_the_pages_act_and_no_page_of_another_site_does() {
    let fleet = fleet("forms", |main| main);
    let silence = "on=host%2Fh1&check=&comment=new+disk&for=2h&by=alice";
    for foreign in ["Sec-Fetch-Site: cross-site\r\n", "Origin: http://evil.example\r\n"] {
        let (status, told) = form(&fleet, "/quiet/silences", foreign, silence);
        assert_eq!(status, 403, "{told}");
    }
    assert_eq!(fleet.get("/api/silences"), Some(json!([])));
    let ours = format!("Host: {0}\r\nOrigin: http://{0}\r\n", fleet.listen);
    assert_eq!(form(&fleet, "/quiet/silences", &ours, silence).0, 303);
    let page = fleet.page("/quiet").expect("the page");
    assert!(page.contains("host/h1") && page.contains("new disk"), "{page}");
    let nobody = "on=host%2Fh1&comment=x&for=2h&by=";
    let (status, told) = form(&fleet, "/quiet/silences", "Cookie: lang=zh\r\n", nobody);
    assert_eq!(status, 422);
    assert!(told.contains("请选择您是谁"), "{told}");
    let labels = "on=&check=&labels=alertname%3DSlow%2C+vm%3D~web-.*&comment=x&for=2h&by=ops";
    assert_eq!(form(&fleet, "/quiet/silences", &ours, labels).0, 303);
    let silences = fleet.get("/api/silences").expect("the silences");
    assert_eq!(silences[1]["covers"], "{alertname=\"Slow\", vm=~\"web-.*\"}", "{silences}");
    assert_eq!(form(&fleet, "/quiet/silences/s1/expire", "", "by=ops").0, 303);
    assert_eq!(
        form(&fleet, "/quiet/maintenance", "", "on=host/h1,host/h2&comment=x&for=1h&by=ops").0,
        303
    );
    assert_eq!(form(&fleet, "/quiet/maintenance/m1/end", "", "by=ops").0, 303);
    post(&fleet, "pay-1", "hv-1", FAR);
    let open = fleet.wait("the incident", |fleet| incident(fleet, "vm/pay-1"));
    let path = format!("/incidents/{}", open["id"].as_str().expect("an id"));
    assert_eq!(form(&fleet, &format!("{path}/acknowledge"), "", "by=ops").0, 303);
    assert_eq!(form(&fleet, &format!("{path}/snooze"), "", "by=alice&for=1h").0, 303);
    let page = fleet.page(&path).expect("the page");
    assert!(page.contains("ops has been working on it since"), "{page}");
    assert!(page.contains("alice has put it off until"), "{page}");
}

#[test]
#[ignore = "needs the Debian package prometheus-alertmanager"]
fn amtool_silences_alerts_here_by_their_labels() {
    let fleet = fleet("amtool", |main| main);
    let amtool = |words: &[&str]| {
        let url = format!("--alertmanager.url=http://{}", fleet.listen);
        let output = Command::new("amtool").arg(url).args(words).output();
        output.expect("amtool is installed")
    };
    let matchers = ["alertname=VmDown", "vm=~pay-.*"];
    let who = ["-a", "Jane Doe", "-c", "known", "-d", "1h"];
    let added = said(&amtool(&[&["silence", "add"], &matchers[..], &who].concat()), 0);
    assert_eq!(added.trim(), "s1");
    post(&fleet, "pay-1", "hv-1", FAR);
    let open = fleet.wait("the incident", |fleet| incident(fleet, "vm/pay-1"));
    assert_eq!(
        (&open["is_silenced"], &open["silences"][0]["by"]),
        (&json!(true), &json!("Jane-Doe"))
    );
    assert_eq!(said(&amtool(&["silence", "query", "-q", "alertname=VmDown"]), 0).trim(), "s1");
    assert_eq!(said(&amtool(&["silence", "query", "-q", "alertname=Other"]), 0).trim(), "");
    let listed = |words: &[&str]| said(&amtool(&[&["alert", "query"], words].concat()), 0);
    assert!(!listed(&[]).contains("VmDown"), "what is silenced is listed if it is asked for");
    let silenced = listed(&["-s", "-o", "extended", "vm=pay-1"]);
    assert!(silenced.contains("VmDown") && silenced.contains("hv-1"), "{silenced}");
    assert!(!listed(&["-s", "vm=pay-2"]).contains("VmDown"));
    said(&amtool(&["silence", "update", "-d", "2h", "s1"]), 0);
    said(&amtool(&["silence", "expire", "s1"]), 0);
    fleet.wait("the owner to be told", |fleet| messages(fleet, "vm/pay-1", "alice").pop());
    said(&amtool(&["silence", "expire", "s1"]), 1);
}
