//! A pool that cannot fill up, with the real binary: the commands, the log and an incident say why, and
//! the incident ends when somebody has made room.

use std::process::Command;

use serde_json::Value;

use crate::common::Fleet;

fn run(fleet: &Fleet, command: &str) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args([command, "--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

fn incident_of_the_pool(fleet: &Fleet) -> Option<Value> {
    let incidents = fleet.get("/api/incidents")?;
    incidents.as_array()?.iter().find(|one| one["root"] == "pool/small").cloned()
}

fn rewrite(fleet: &Fleet, file: &str, from: &str, to: &str) {
    let path = fleet.folder.join("policies").join(file);
    let text = std::fs::read_to_string(&path).expect("the example");
    assert!(text.contains(from), "{from} in {file}");
    std::fs::write(&path, text.replace(from, to)).expect("a folder of ours");
}

#[test]
fn a_pool_that_cannot_fill_up_says_why_until_somebody_makes_room() {
    let mut fleet = Fleet::prepare("capacity", |main| main);
    rewrite(&fleet, "web.yaml", "min: 2, max: 8", "min: 4, max: 4");
    rewrite(&fleet, "pool-small.yaml", "max_total: 16", "max_total: 4");
    fleet.start_brain();
    let text = fleet.wait("the pool to say why", |fleet| {
        let (code, text) = run(fleet, "pools");
        (code == 2 && text.contains("no VM is ready: no more can be made")).then_some(text)
    });
    assert!(text.contains("max_total 4 of 4"), "{text}");
    let (code, text) = run(&fleet, "capacity");
    assert!(code == 2 && text.contains("waits         no more can be made: max_total"), "{text}");
    fleet.wait("an incident of the pool", incident_of_the_pool);
    assert!(fleet.log().contains("no more can be made: max_total 4 of 4"), "{}", fleet.log());
    rewrite(&fleet, "pool-small.yaml", "max_total: 4", "max_total: 16");
    fleet.wait("its end", |fleet| {
        let (_, text) = run(fleet, "pools");
        let over = incident_of_the_pool(fleet).is_none_or(|one| !one["closed"].is_null());
        (over && !text.contains("no VM is ready")).then_some(())
    });
}
