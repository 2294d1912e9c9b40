//! `kill -9` of the brain at any moment: what runs is adopted, nothing is started twice or lost,
//! no message is repeated, and the time nobody looked is *unknown*.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::Fleet;

#[test]
fn a_killed_brain_adopts_what_runs_and_starts_no_second_one() {
    let mut fleet = Fleet::start("adopts");
    // Killed at many points of the very start, where everything is being made at once.
    for round in 0..8 {
        std::thread::sleep(Duration::from_millis(150 + 230 * round));
        fleet.kill_brain();
        fleet.start_brain();
    }
    fleet.wait_until_up(2);
    let pids = fleet.vm_pids();
    assert_eq!(fleet.living().len(), 6, "two serve, four wait in the pool: {pids:?}");
    for _ in 0..3 {
        fleet.kill_brain();
        fleet.start_brain();
        fleet.wait_until_up(2);
    }
    assert_eq!(fleet.vm_pids(), pids, "each VM is the very process it was before");
    assert_eq!(fleet.living().len(), 6);
}

#[test]
fn traffic_goes_on_while_the_brain_is_dead() {
    let mut fleet = Fleet::start("traffic");
    fleet.wait_until_up(2);
    fleet.kill_brain();
    for _ in 0..20 {
        let host = "Host: shop.example.com\r\n";
        let (status, body) =
            crate::common::http(fleet.router, "GET", "/", host, "").expect("an answer");
        assert_eq!((status, body.as_str()), (200, "hello from the shop\n"));
    }
}

#[test]
fn a_second_brain_on_the_same_folder_is_refused() {
    let mut fleet = Fleet::start("second");
    fleet.wait_until_up(2);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["serve", "--config"])
        .arg(fleet.folder.join("cloudbrain.yaml"))
        .output()
        .expect("the binary under test runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let pid = fleet.brain.as_mut().expect("it runs").id().to_string();
    assert!(told.contains(&pid), "it names who holds the folder: {told}");
}

#[test]
fn after_a_kill_the_incident_goes_on_no_message_is_repeated_and_the_gap_is_unknown() {
    let mut fleet = Fleet::start("incident");
    fleet.wait_until_up(2);
    fleet.kill_host(&fleet.busy_host());
    fleet.wait("the owner to be told", |fleet| {
        let messages = fleet.inbox();
        let told = |to: &str| messages.iter().any(|m| m["to"] == to && m["kind"] == "problem");
        (told("alice") && told("ops")).then_some(())
    });
    let incident = fleet.get("/api/incidents").expect("the brain answers")[0]["id"].clone();
    fleet.kill_brain();
    // Longer than what two probes apart may be, so that the hole is one.
    std::thread::sleep(Duration::from_secs(4));
    fleet.start_brain();
    fleet.wait_until_up(2);
    // Time for a repetition, if there were one: all waits of the example are over.
    std::thread::sleep(Duration::from_secs(10));
    let messages = fleet.inbox();
    let keys: BTreeSet<String> = messages.iter().map(|m| m["key"].to_string()).collect();
    assert_eq!(keys.len(), messages.len(), "no key twice: {messages:#?}");
    for to in ["alice", "ops"] {
        let problems = messages.iter().filter(|m| m["to"] == to && m["kind"] == "problem");
        assert_eq!(problems.count(), 1, "{to} is told once: {messages:#?}");
    }
    let incidents = fleet.get("/api/incidents").expect("the brain answers");
    let found = incidents.as_array().expect("a list").iter().find(|i| i["id"] == incident);
    let found = found.unwrap_or_else(|| panic!("{incident} is still known: {incidents:#}"));
    assert!(found["closed"].is_null(), "the host is still down: {found:#}");
    let overview = fleet.get("/api/overview").expect("the brain answers");
    let unknown_s = overview["modules"][0]["availability"]["unknown_s"].as_f64().expect("a number");
    assert!(unknown_s >= 3.0, "the gap is unknown: {unknown_s} s");
}

#[test]
fn a_torn_down_fleet_is_gone_and_can_be_started_anew() {
    let mut fleet = Fleet::start("teardown");
    fleet.wait_until_up(2);
    let teardown = |fleet: &Fleet| {
        std::process::Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
            .args(["teardown", "--config"])
            .arg(fleet.folder.join("cloudbrain.yaml"))
            .output()
            .expect("the binary under test runs")
    };
    let refused = teardown(&fleet);
    assert_eq!(refused.status.code(), Some(1), "a brain runs: {refused:?}");
    assert_eq!(fleet.living().len(), 6, "nothing was touched");
    let pids = fleet.living();
    fleet.kill_brain();
    let ended = teardown(&fleet);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(pids.iter().all(|pid| !crate::common::is_alive(*pid)), "each process has ended");
    assert!(crate::common::http(fleet.router, "GET", "/", "", "").is_none(), "the router, too");
    fleet.start_brain();
    fleet.wait_until_up(2);
    assert_eq!(fleet.living().len(), 6);
}
