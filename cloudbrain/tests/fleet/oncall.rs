//! Schedules with the real binary: who is told, who stands in, what a kill leaves, and what the
//! command says with and without a brain.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Fleet, http};

const PEOPLE: &str = "people:
  alice: {language: en, channel: inbox}
  ann: {language: en, channel: inbox}
  bob: {language: en, channel: inbox}
  lea: {language: zh, channel: inbox}
schedules:
  duty:
    zone: Asia/Shanghai
    rotation: {people: [ann], every: week, starts: 2026-01-05, handover: \"09:00\"}
    otherwise: ann
operations: [duty]
escalation:
  - {after: 3s, to: [lea]}
";

/// The shop, whose operations are whoever is on duty.
fn fleet(name: &str) -> Fleet {
    Fleet::prepare(name, |main| {
        let rest = main.find("people:").expect("the example has people");
        format!("{}{PEOPLE}", &main[..rest])
    })
}

fn post(fleet: &Fleet, path: &str, body: &Value) -> (u16, String) {
    let json = "Content-Type: application/json\r\n";
    http(fleet.listen, "POST", path, json, &body.to_string()).expect("the brain answers")
}

fn host_down(fleet: &Fleet, ends: &str) {
    let labels = json!({"alertname": "HostDown", "severity": "critical", "host": "hv-9"});
    let alert = json!([{"labels": labels, "endsAt": ends}]);
    assert_eq!(post(fleet, "/api/v2/alerts", &alert).0, 200);
}

/// What this person was told of the host, oldest first.
fn told(fleet: &Fleet, to: &str) -> Option<Vec<Value>> {
    let all = fleet.get("/api/messages")?;
    let mut told = all.as_array()?.clone();
    told.retain(|message| message["to"] == to && message["root"] == "host/hv-9");
    told.reverse();
    Some(told)
}

fn command(fleet: &Fleet, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudbrain"));
    command.args(args).arg("--config").arg(fleet.folder.join("cloudbrain.yaml"));
    let output = command.output().expect("the binary under test runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_stand_in_is_told_of_what_is_open_also_after_a_kill_and_all_are_told_of_the_end() {
    let mut fleet = fleet("oncall");
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    host_down(&fleet, "2099-01-01T00:00:00Z");
    fleet.wait("whoever is on duty to be told", |fleet| told(fleet, "ann")?.pop());
    let called = fleet.wait("the next step", |fleet| told(fleet, "lea")?.pop());
    let text = called["text"].as_str().expect("a text");
    assert!(text.contains("\n已升级：3 秒内无人认领"), "{text}");

    let stand_in = |person: &str| {
        let (from, until) = ("2026-01-05 09:00", "2098-12-24 09:00");
        let args = ["oncall", "override", "duty", "--person", person, "--by", "ann"];
        command(&fleet, &[&args[..], &["--from", from, "--until", until]].concat())
    };
    let (code, _, error) = stand_in("zoe");
    assert_eq!(code, Some(1));
    assert!(error.contains("nobody is called \"zoe\"; known: alice, ann, bob, lea"), "{error}");
    let (code, said, error) = stand_in("bob");
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(
        said,
        "bob stands in for duty from 2026-01-05 09:00 Mon until 2098-12-24 09:00 Wed\n"
    );
    let relieved = fleet.wait("the stand-in to be told", |fleet| told(fleet, "bob")?.pop());
    let text = relieved["text"].as_str().expect("a text");
    assert!(text.contains("\nYou are on duty now (duty); others were told before"), "{text}");
    let journal = fleet.get("/api/journal").expect("a journal").to_string();
    assert!(journal.contains("bob stands in for duty from 2026-01-05 09:00 Mon"), "{journal}");

    fleet.kill_brain();
    fleet.start_brain();
    let view = fleet.wait("the brain", |fleet| fleet.get("/api/oncall?days=7"));
    assert_eq!(view["schedules"][0]["shifts"][0]["person"], "bob");
    host_down(&fleet, "2020-01-01T00:00:00Z");
    for person in ["ann", "bob", "lea"] {
        let end = fleet.wait("the end", |fleet| {
            told(fleet, person)?.pop().filter(|message| message["kind"] == "resolved")
        });
        assert_eq!(told(&fleet, person).map(|told| told.len()), Some(2), "{person}: {end}");
    }
}

#[test]
fn the_command_lists_who_is_on_duty_from_the_brain_and_from_the_files() {
    let mut fleet = Fleet::prepare("oncall-list", |main| main);
    let args = ["oncall", "--at", "2026-03-03T10:00:00Z", "--days", "20"];
    let expected = "on-call (Asia/Shanghai)
  now                   dana since 2026-03-02 09:00 Mon, until 2026-03-09 09:00 Mon
  2026-03-09 09:00 Mon  alice
  2026-03-16 09:00 Mon  dana
  2026-03-23 09:00 Mon  alice
";
    let (code, said, error) = command(&fleet, &args);
    assert_eq!((code, said.as_str()), (Some(0), expected), "{error}");
    assert!(error.contains("no brain answers: this is what the files say"), "{error}");
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/oncall"));
    assert_eq!(command(&fleet, &args), (Some(0), expected.to_owned(), String::new()));
    let (status, body) =
        http(fleet.listen, "GET", "/api/oncall?days=0", "", "").expect("it answers");
    assert_eq!((status, body.as_str()), (422, "{\"error\":\"0 days; write 1 to 366\"}"));
}
