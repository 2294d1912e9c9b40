//! Rules with the real binary: what is pushed makes a rule of a file fire, the incident says so in
//! the rule's own words, it clears and it ends; also when the brain is killed in between.

use serde_json::Value;

use crate::common::Fleet;
use crate::samples::{now_ms, push, remote_write};

const RULES: &str = r#"
apiVersion: cloudbrain/v1
kind: Rules
rules:
  - name: queue_long
    threshold:
      promql: sum by (vm) (queue_length)
      above: 100
      clear: {below: 50, for: 1s}
    for: 1s
    every: 1s
    within: 10s
    on: vm
    severity: high
    text: {en: "{value} jobs wait on {object}", zh: "{object} 有 {value} 个任务等待"}
    runbook: {en: "start more workers", zh: "增加 worker"}
  - {name: cpu_busy, enabled: false}
tests:
  - name: a queue grows and shrinks
    interval: 1s
    input:
      - {series: 'queue_length{vm="mail-1"}', values: '90+20x4 60x5 40x5'}
    expect:
      - {at: 1s, firing: []}
      - {at: 2s, firing: [{on: vm/mail-1, text: {en: "130 jobs wait on mail-1"}}]}
      - {at: 9s, firing: [{on: vm/mail-1}]}
      - {at: 12s, firing: []}
"#;

fn incident(fleet: &Fleet, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let incidents = fleet.get("/api/incidents")?;
    let all = incidents.as_array()?.clone();
    all.into_iter().find(|incident| incident["root"] == "vm/mail-1" && wanted(incident))
}

/// Pushes a value of now, and again each time it is looked.
fn tell(fleet: &Fleet, value: f64) {
    let body = remote_write("queue_length", "mail-1", value, now_ms());
    assert_eq!(fleet.wait("an answer", |fleet| push(fleet.listen, &body)), 204);
}

#[test]
fn a_rule_of_a_file_fires_over_pushed_samples_survives_a_kill_and_ends() {
    let mut fleet = Fleet::prepare("rules", |main| main);
    std::fs::write(fleet.folder.join("rules/shop.yaml"), RULES).expect("a folder of ours");
    fleet.start_brain();
    fleet.wait("the brain to be ready", |fleet| fleet.get("/api/overview"));
    let open = fleet.wait("the incident", |fleet| {
        tell(fleet, 250.0);
        incident(fleet, |_| true)
    });
    let headline = open["headline"]["en"].as_str().expect("a text");
    assert!(headline.contains("(rule.queue_long: 250 jobs wait on mail-1)"), "{headline}");
    let zh = open["headline"]["zh"].as_str().expect("a text");
    assert!(zh.contains("mail-1 有 250 个任务等待"), "{zh}");
    let rules = fleet.get("/api/rules").expect("the rules");
    let of = |name: &str| -> Value {
        let all = rules.as_array().expect("a list").iter();
        all.filter(|rule| rule["name"] == name).cloned().collect()
    };
    assert_eq!(of("queue_long")[0]["firing"], serde_json::json!(["vm/mail-1"]));
    assert_eq!(of("cpu_busy")[0]["is_off"], true);
    assert_eq!(of("cpu_busy")[0]["evaluated"], Value::Null, "it is not asked for");
    let prometheus = fleet.get("/api/v1/rules").expect("the rules");
    let rules = prometheus["data"]["groups"][0]["rules"].as_array().expect("a list");
    let firing = rules.iter().find(|rule| rule["state"] == "firing").expect("one fires");
    assert_eq!(firing["alerts"][0]["labels"]["vm"], "mail-1");
    fleet.kill_brain();
    fleet.start_brain();
    let message = fleet.wait("the message", |fleet| {
        tell(fleet, 250.0);
        fleet.inbox().into_iter().find(|m| m["text"].to_string().contains("250 jobs wait"))
    });
    assert!(message["text"].to_string().contains("To do: start more workers"), "{message}");
    fleet.wait("its end", |fleet| {
        tell(fleet, 10.0);
        incident(fleet, |incident| !incident["closed"].is_null())
    });
    // The end is on record before it is delivered.
    let told = fleet.wait("two messages of it", |fleet| {
        let mut told = fleet.inbox();
        told.retain(|message| message["incident"] == open["id"]);
        (told.len() > 1).then_some(told)
    });
    let kinds: Vec<&str> = told.iter().filter_map(|message| message["kind"].as_str()).collect();
    assert_eq!(kinds, ["problem", "resolved"], "{told:?}");
}

#[test]
fn the_page_of_the_rules_shows_what_fires_and_why_others_are_quiet() {
    let mut fleet = Fleet::prepare("rules-page", |main| main);
    std::fs::write(fleet.folder.join("rules/shop.yaml"), RULES).expect("a folder of ours");
    fleet.start_brain();
    let page = fleet.wait("the rule to fire", |fleet| {
        tell(fleet, 250.0);
        let page = fleet.page("/rules")?;
        (page.contains("id=\"fires\"") && page.contains("no series matches")).then_some(page)
    });
    for told in ["vm/mail-1", "bad &gt; 100, good again &lt; 50", "rules/shop.yaml", "built-in/"] {
        assert!(page.contains(told), "{told}");
    }
    let off = page.split("id=\"off\"").nth(1).expect("a section of those that are off");
    assert!(off.contains("cpu_busy") && off.contains("switched off in its file"), "{off}");
    let rules = fleet.get("/api/rules").expect("the rules");
    let rule = |name: &str| rules.as_array()?.iter().find(|rule| rule["name"] == name).cloned();
    let long = rule("queue_long").expect("it is in force");
    assert_eq!(
        (&long["file"], &long["bad"], &long["on"]),
        (&"rules/shop.yaml".into(), &"> 100".into(), &"vm".into())
    );
    assert_eq!(rule("cpu_busy").expect("it is listed")["is_off"], true);
}

#[test]
fn check_tries_the_rules_on_the_data_in_their_files() {
    let (code, told) = crate::files::check("rules", "rules/shop.yaml", |_| RULES.to_owned());
    assert_eq!((code, told.as_str()), (0, ""));
    let (from, to) = ("{at: 12s, firing: []}", "{at: 11s, firing: []}");
    let (code, told) =
        crate::files::check("rules-late", "rules/shop.yaml", |_| RULES.replace(from, to));
    let expected = "rules/shop.yaml:27: error: tests.0.expect.3.firing: a queue grows and shrinks, \
                    at 11s: expected firing none, found vm/mail-1\n";
    assert!(told.ends_with(expected), "{told}");
    assert_eq!((code, told.lines().count()), (1, 1), "{told}");
}
