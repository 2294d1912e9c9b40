//! `backtest` and `forecast score` on the store of a running brain: with days of history, and with none.
//! A target's lead times are seen there too, since it takes a fleet that makes VMs to time them.

use std::process::{Command, Output};

use serde_json::Value;

use crate::common::Fleet;
use crate::samples::{encoded, field, now_ms, push, varint};

const POLICY: &str = "policies/web.yaml";
const BAND: &str =
    "    out: {above: 0.8, for: 2s, step: 3}\n    in: {below: 0.5, for: 3s, step: 1}\n";
const STEP_MS: i64 = 240_000;
const DAY_MS: i64 = 86_400_000;

/// A fleet whose module is scaled by a target and wants a forecast.
fn fleet() -> Fleet {
    let mut fleet = Fleet::prepare("foresight", |main| main);
    let path = fleet.folder.join(POLICY);
    let text = std::fs::read_to_string(&path).expect("the example");
    assert!(text.contains(BAND), "the example's thresholds");
    let text = text.replace(BAND, "    target: 0.7\n");
    let text = text.replace("\nhealth:", "\nforecast: {mode: raise-floor}\n\nhealth:");
    std::fs::write(&path, text).expect("a folder of ours");
    fleet.start_brain();
    fleet.wait_until_up(2);
    fleet
}

fn run(fleet: &Fleet, words: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(words)
        .arg("--config")
        .arg(fleet.folder.join("cloudbrain.yaml"))
        .output()
        .expect("the binary under test runs");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// Loads of one VM of the module over days, as another sender would push them.
fn history(vm: &str, days: i64, end_ms: i64) -> Vec<u8> {
    let label = |name: &str, value: &str| {
        field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
    };
    let mut series = [("__name__", "load1_per_core"), ("module", "shop/web"), ("vm", vm)]
        .map(|(name, value)| label(name, value))
        .concat();
    for number in 0..days * DAY_MS / STEP_MS {
        let at_ms = end_ms - (days * DAY_MS - number * STEP_MS);
        let hour = at_ms % DAY_MS / 3_600_000;
        let load: f64 = if (8..20).contains(&hour) { 1.6 } else { 0.4 };
        let mut sample = vec![1 << 3 | 1];
        sample.extend(load.to_le_bytes());
        sample.push(2 << 3);
        sample.extend(varint(at_ms as u64));
        series.extend(field(2, &sample));
    }
    snap::raw::Encoder::new().compress_vec(&field(1, &series)).expect("it is small")
}

#[test]
fn what_would_have_been_is_told_from_what_was_recorded() {
    let fleet = fleet();
    let policy = fleet.folder.join("new.yaml");
    let text = std::fs::read_to_string(fleet.folder.join(POLICY)).expect("our policy");
    std::fs::write(&policy, text.replace("target: 0.7", "target: 0.5")).expect("a folder of ours");
    let policy = policy.to_string_lossy().into_owned();
    let backtest = |module: &str, since: &str, more: &[&str]| {
        let words = ["backtest", module, "--policy", &policy, "--since", since];
        run(&fleet, &[&words[..], more].concat())
    };
    unknown_modules_are_one_sentence(&fleet, &backtest("shop/webb", "2d", &[]));
    let (code, told) = run(&fleet, &["forecast", "score", "shop/web"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("there is nothing to judge it by"), "{told}");

    for vm in ["old-1", "old-2"] {
        let body = history(vm, 4, now_ms() - 600_000);
        assert_eq!(push(fleet.listen, &body), Some(204));
    }
    let count = format!("/api/v1/query?query={}", encoded("count(load1_per_core offset 1d)"));
    fleet.wait("the history", |fleet| {
        let answer = fleet.get(&count)?;
        (!answer["data"]["result"].as_array()?.is_empty()).then_some(())
    });
    let (code, told) = backtest("shop/web", "2d", &[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("VM-hours") && told.contains("actions / reversals"), "{told}");
    let (_, json) = backtest("shop/web", "2d", &["-o", "json"]);
    let compared: Value = serde_json::from_str(&json).expect("JSON");
    let hours = |which: &str| compared[which]["vm_hours"].as_f64().unwrap_or(0.0);
    assert!(hours("new") > 1.1 * hours("now"), "half a load each takes more VMs: {json}");
    // 12 hours of 3.2 and 12 of 0.8 VMs of work a day, by at most 0.77 each.
    assert!((150.0..190.0).contains(&hours("now")), "{json}");

    let (code, told) = run(&fleet, &["forecast", "score", "shop/web"]);
    assert!(code == Some(0) || code == Some(2), "{told}");
    assert!(told.contains("by the rhythm") && told.contains("same as now"), "{told}");
    lead_times_are_measured(&fleet);
}

fn unknown_modules_are_one_sentence(fleet: &Fleet, backtest: &(Option<i32>, String)) {
    let score = run(fleet, &["forecast", "score", "shop/webb"]);
    for (code, told) in [backtest, &score] {
        assert_eq!(*code, Some(1), "{told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
        assert!(told.contains("shop/webb"), "{told}");
    }
}

/// Two VMs serve, so two were timed from the pool, and six at least were made.
fn lead_times_are_measured(fleet: &Fleet) {
    let lead = fleet.wait("a decision with lead times", |fleet| {
        let explained = fleet.get("/api/explain?module=shop/web")?;
        let lead = explained["decision"]["inputs"]["lead"].clone();
        (lead["takes"].as_u64()? >= 2 && lead["makes"].as_u64()? >= 6).then_some(lead)
    });
    let (code, told) = run(fleet, &["explain", "shop/web"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("  lead     a VM of the pool serves after "), "{told}: {lead}");
}
