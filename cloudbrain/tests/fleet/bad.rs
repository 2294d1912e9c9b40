//! Bad input for the alerter, with the real binary: what is too much, unknown, empty or impossible is
//! told of or left out, and nothing stops.

use serde_json::{Value, json};

use crate::common::{Fleet, http};

const RULES: &str = r#"
apiVersion: cloudbrain/v1
kind: Rules
rules:
  - name: finds_nothing
    threshold: {metric: no_such_metric, above: 1}
    on: vm
    every: 1s
  - name: divides_by_zero
    threshold: {promql: 'label_replace(vector(0), "vm", "math-1", "", "") / 0', above: 1}
    on: vm
    every: 1s
  - name: bad_text
    threshold: {promql: 'label_replace(vector(7), "vm", "text-1", "", "")', above: 1}
    on: vm
    every: 1s
    severity: high
    text: {en: "{part} is full", zh: "{part} 已满"}
"#;

fn about(fleet: &Fleet, root: &str) -> Option<Value> {
    let all = fleet.get("/api/messages")?;
    all.as_array()?.iter().find(|message| message["root"] == root).cloned()
}

#[track_caller]
fn text(message: &Value) -> &str {
    message["text"].as_str().expect("a text")
}

fn rule(fleet: &Fleet, name: &str) -> Option<Value> {
    let all = fleet.get("/api/rules")?;
    let rule = all.as_array()?.iter().find(|rule| rule["name"] == name)?.clone();
    (!rule["evaluated"].is_null()).then_some(rule)
}

#[test]
fn rules_that_find_nothing_divide_by_zero_or_have_a_bad_text_are_told_of() {
    let mut fleet = Fleet::prepare("bad-rules", |main| main);
    std::fs::write(fleet.folder.join("rules/bad.yaml"), RULES).expect("a folder of ours");
    fleet.start_brain();
    let nothing = fleet.wait("the empty rule", |fleet| rule(fleet, "finds_nothing"));
    assert_eq!(nothing["doubts"], json!(["no series matches"]));
    let told = fleet.wait("the rule with a bad text", |fleet| about(fleet, "vm/text-1"));
    let told = text(&told);
    assert!(told.contains("bad_text") && told.contains("the rule's own text fails"), "{told}");
    let divides = fleet.wait("the division", |fleet| {
        rule(fleet, "divides_by_zero").filter(|rule| rule["doubts"] != json!([]))
    });
    assert_eq!(divides["firing"], json!([]));
    assert!(divides["doubts"][0].as_str().is_some_and(|doubt| doubt.contains("no number")));
}

#[test]
fn an_alert_of_ten_thousand_labels_and_a_megabyte_is_told_short_and_nobody_is_stopped() {
    let mut fleet = Fleet::prepare("bad-alerts", |main| main);
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let mut labels: Value = (0..10_000).map(|n| (format!("l{n}"), json!("x".repeat(50)))).collect();
    labels["alertname"] = json!("TooMuch");
    labels["vm"] = json!("stranger-1");
    let ends = "2099-01-01T00:00:00Z";
    let much = json!({"labels": labels, "annotations": {"summary": "y".repeat(1 << 20)},
        "endsAt": ends});
    let unknown = json!({"labels": {"alertname": "Lost", "datasource": "nobodys"},
        "startsAt": "2098-01-01T00:00:00Z", "endsAt": ends});
    let body = json!([much, unknown]).to_string();
    let header = "Content-Type: application/json\r\n";
    let (status, _) =
        http(fleet.listen, "POST", "/api/v2/alerts", header, &body).expect("an answer");
    assert_eq!(status, 200);
    for root in ["vm/stranger-1", "datasource/nobodys"] {
        let told = fleet.wait(root, |fleet| about(fleet, root));
        assert_eq!(told["to"], "ops");
        assert!(text(&told).chars().count() < 2_000, "{told}");
    }
    assert!(fleet.page("/").is_some() && fleet.page("/rules").is_some());
}
