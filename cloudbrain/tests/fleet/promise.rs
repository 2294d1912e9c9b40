//! A promise that is broken, with the real binary: the alarm, the scaler that takes nothing away, and
//! a person who knows that it was not so.

use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::common::{Fleet, http, site};
use crate::samples::ask;

/// Thirteen seconds a month may be down.
fn promising(fleet: &Fleet) {
    let file = fleet.folder.join("policies/availability.yaml");
    let text = std::fs::read_to_string(&file).expect("the example");
    let text = text.replace("target: 99.5%", "target: 99.9995%");
    let text = text.replace("when_spent: nothing", "when_spent: only-out");
    std::fs::write(file, text).expect("a folder of ours");
}

fn module(fleet: &Fleet) -> Option<Value> {
    let view = fleet.get("/api/report?project=shop&period=this-month")?;
    view["modules"].get(0).cloned()
}

fn is_told(fleet: &Fleet, words: &str) -> Option<Value> {
    let incidents = fleet.get("/api/incidents")?;
    incidents.to_string().contains(words).then_some(incidents)
}

fn explained(fleet: &Fleet) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["explain", "shop/web", "--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a pipeline says, and what it reads.
fn release(fleet: &Fleet, module: &str, version: &str) -> String {
    let listen = fleet.listen.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["release", module, version, "--by", "gitlab", "--brain", &listen])
        .output()
        .expect("the binary under test runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The ten minutes up to now.
fn lately() -> String {
    let now = Timestamp::now();
    let local = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%FT%T").to_string();
    let begin = now.checked_sub(jiff::SignedDuration::from_secs(600)).expect("a moment");
    format!("{}..{}", local(begin), local(now))
}

fn correct(fleet: &Fleet, period: &str, state: &str, by: &str) -> (u16, String) {
    let wish = json!({"module": "shop/web", "period": period, "as": state, "by": by,
        "reason": "our own firewall, users got their answers"});
    let head = "Content-Type: application/json\r\n";
    http(fleet.listen, "POST", "/api/corrections", head, &wish.to_string()).expect("it answers")
}

#[test]
fn a_spent_budget_is_told_keeps_vms_and_is_whole_again_when_a_person_knows_better() {
    let (address, is_bad) = site();
    let mut fleet = Fleet::prepare("promise", |main| {
        let resolve = main.lines().find(|line| line.contains("resolve:")).expect("the example");
        let ours = format!("  resolve: {{shop.example.com: {address}}}");
        main.replace(resolve, &format!("{ours}\ntimezone: UTC"))
    });
    promising(&fleet);
    fleet.start_brain();
    fleet.wait("some seconds of being up", |fleet| {
        (module(fleet)?["up_s"].as_u64()? >= 3).then_some(())
    });
    let two = release(&fleet, "shop/web", "1.4 2");
    assert!(two.contains("a version is one word of 1 to 100 characters"), "{two}");
    let elsewhere = release(&fleet, "shop/wev", "1.4.2");
    assert!(elsewhere.contains("no module shop/wev"), "{elsewhere}");
    let said = release(&fleet, "shop/web", "1.4.2");
    assert!(said.contains("1.4.2 of shop/web goes out, by gitlab"), "{said}");
    is_bad.store(true, Relaxed);
    fleet.wait("the alarm that the budget burns", |fleet| is_told(fleet, "times too fast"));
    fleet.wait("the budget to be used up", |fleet| {
        explained(fleet).contains("error budget").then_some(())
    });
    is_bad.store(false, Relaxed);
    fleet.wait("the end of the outage", |fleet| {
        let outages = module(fleet)?["outages"].clone();
        (outages[0]["is_open"] == false).then_some(())
    });

    let told = module(&fleet).expect("a module");
    assert_eq!(told["causes"][0]["cause"], "release", "{told}");
    let released = &told["outages"][0]["released"];
    assert_eq!(
        (&released["version"], &released["by"]),
        (&json!("1.4.2"), &json!("gitlab")),
        "{told}"
    );
    assert_eq!(told["causes"][0]["down_s"], told["down_s"], "{told}");
    let after = told["outages"][0]["told_s"].as_u64();
    assert!(after > Some(0) && told["statistics"]["tell_worst_s"].as_u64() == after, "{told}");

    let period = lately();
    let (status, answer) = correct(&fleet, &period, "fine", "alice");
    assert_eq!(status, 422, "{answer}");
    assert!(answer.contains("is no state; write one of up, down"), "{answer}");
    let (status, answer) = correct(&fleet, &period, "up", "mallory");
    assert_eq!(status, 422, "{answer}");
    assert!(answer.contains("nobody is called"), "{answer}");
    let (status, answer) = correct(&fleet, &period, "up", "alice");
    assert_eq!(status, 200, "{answer}");
    let told = fleet.wait("the correction in the account", |fleet| {
        module(fleet).filter(|module| module["corrections"][0]["why"].is_string())
    });
    let why = told["corrections"][0]["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("corrected by alice: our own firewall"), "{why}");
    assert_eq!(
        (told["down_s"].as_u64(), told["outages"].as_array().map(Vec::len)),
        (Some(0), Some(0))
    );
    fleet.wait("a budget again", |fleet| (noted(fleet, "there is one again") == 1).then_some(()));
    let (status, answer) = correct(&fleet, &period, "measured", "alice");
    assert_eq!(status, 200, "{answer}");
    let told = fleet.wait("what was measured again", |fleet| {
        module(fleet).filter(|module| module["down_s"].as_u64() > Some(9))
    });
    assert_eq!(told["corrections"], json!([]), "{told}");
    it_is_known_after_a_death(&mut fleet, &told);
}

/// How often the journal says this of an error budget.
fn noted(fleet: &Fleet, words: &str) -> usize {
    let journal = fleet.get("/api/journal").unwrap_or_default();
    let rows = journal.as_array().into_iter().flatten();
    let rows = rows.filter(|row| row["what"] == "error budget");
    rows.filter(|row| row["text"].as_str().is_some_and(|text| text.contains(words))).count()
}

fn used_up(fleet: &Fleet) -> usize {
    noted(fleet, "is used up")
}

/// When the budget was looked at last, in seconds since the epoch.
fn watched_at(fleet: &Fleet) -> Option<f64> {
    ask(fleet, "timestamp(cloudbrain_error_budget_left_seconds)")?.into_iter().reduce(f64::max)
}

/// Of an outage that is settled the store has its rows, and the ledger's room no word any more.
fn it_is_known_after_a_death(fleet: &mut Fleet, told: &Value) {
    let up_s = |module: &Value| module["up_s"].as_u64();
    let settled = up_s(told).map(|up_s| up_s + 25);
    fleet.wait("it to be settled", |fleet| (up_s(&module(fleet)?) >= settled).then_some(()));
    fleet.wait("it to be used up again", |fleet| (used_up(fleet) == 2).then_some(()));
    fleet.kill_brain();
    let died = Timestamp::now().as_second() as f64;
    fleet.start_brain();
    let again = fleet.wait("the next brain", module);
    assert_eq!((&again["down_s"], &again["outages"]), (&told["down_s"], &told["outages"]));
    let overview = fleet.get("/api/overview").expect("the brain answers");
    let remembered = overview["modules"][0]["availability"]["down_s"].as_f64();
    assert!(remembered >= told["down_s"].as_f64(), "{remembered:?} of {told}");
    fleet
        .wait("what the next brain finds of it", |fleet| (watched_at(fleet)? > died).then_some(()));
    assert_eq!(used_up(fleet), 2, "once before the correction, once after, and no more");
}
