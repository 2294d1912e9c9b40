//! A module that is only watched, with the real binary: its plan is read, saved, carried out once on
//! a person's word, and refused when the world has moved; and what came of a decision is told.

use std::process::Command;

use crate::common::Fleet;

/// The command's exit code and what it printed.
fn run(fleet: &Fleet, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudbrain"));
    command.args(args).arg("--brain").arg(fleet.listen.to_string());
    let output = command.output().expect("the binary under test runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

fn rewrite(fleet: &Fleet, from: &str, to: &str) {
    let policy = fleet.folder.join("policies/web.yaml");
    let text = std::fs::read_to_string(&policy).expect("the example");
    assert!(text.contains(from), "the policy's mode");
    std::fs::write(&policy, text.replace(from, to)).expect("a folder of ours");
}

fn serving(fleet: &Fleet) -> Option<u64> {
    fleet.get("/api/overview")?["modules"][0]["serving"].as_u64()
}

#[test]
fn a_watched_module_goes_where_a_person_has_read_that_it_would_go() {
    let mut fleet = Fleet::prepare("plan", |main| main);
    rewrite(&fleet, "mode: auto", "mode: dry-run");
    fleet.start_brain();
    fleet.wait("a full pool", |fleet| {
        let pools = fleet.get("/api/plan")?["pools"].clone();
        (pools[0]["ready"].as_u64()? == 4 && pools[0]["being_made"] == 0).then_some(())
    });
    let file = fleet.folder.join("plan.json");
    let file = file.to_str().expect("a plain path");
    let (code, text) = run(&fleet, &["plan", "shop/web", "--save", file]);
    assert_eq!(code, 2, "{text}");
    for line in ["+ take", "Plan: 2 to add, 0 to remove", "Only watched", "cloudbrain apply"] {
        assert!(text.contains(line), "{line:?} is missing in:\n{text}");
    }
    let (code, text) = run(&fleet, &["apply", file, "--by", "nobody"]);
    assert!(code == 1 && text.contains("nobody is called"), "{text}");
    assert_eq!(serving(&fleet), Some(0));
    let (code, text) = run(&fleet, &["apply", file, "--by", "alice"]);
    assert_eq!(code, 0, "{text}");
    fleet.wait("what was planned", |fleet| (serving(fleet)? == 2).then_some(()));
    let (code, text) = run(&fleet, &["apply", file, "--by", "alice"]);
    assert!(code == 1 && text.contains("the world has moved"), "{text}");
    let journal = fleet.get("/api/journal").expect("a journal");
    let applied = journal.as_array().expect("rows").iter().find(|row| row["what"] == "apply");
    assert_eq!(applied.expect("the act is on record")["who"], "alice");
}

#[test]
fn a_plan_of_modules_that_act_has_nothing_to_carry_out() {
    let fleet = Fleet::start("plan-auto");
    fleet.wait_until_up(2);
    let file = fleet.folder.join("plan.json");
    let file = file.to_str().expect("a plain path");
    let (_, text) = run(&fleet, &["plan", "--save", file]);
    assert!(text.contains("shop/web  mode auto"), "{text}");
    let (code, text) = run(&fleet, &["apply", file, "--by", "alice"]);
    assert!(code == 1 && text.contains("act by themselves"), "{text}");
    let (code, text) = run(&fleet, &["plan", "shop/wbe"]);
    assert!(code == 1 && text.contains("policies scale shop/web"), "{text}");
}

#[test]
fn what_came_of_a_decision_is_told() {
    let fleet = Fleet::start("explain-after");
    fleet.wait_until_up(2);
    rewrite(&fleet, "min: 2, max: 8", "min: 3, max: 8");
    let text = fleet.wait("three VMs, and their load", |fleet| {
        let changed = fleet.get("/api/decisions?module=shop/web")?;
        let changed =
            changed.as_array()?.iter().find(|row| row["from"] == 2 && row["to"] == 3)?.clone();
        assert_eq!(changed["reason"]["kind"], "bounds");
        let at = changed["at"].as_i64()?;
        let moment = jiff::Timestamp::from_millisecond(at).ok()?.to_string();
        let (code, text) = run(fleet, &["explain", "shop/web", "--at", &moment]);
        (code == 0 && text.contains("2 -> 3") && text.contains("3 serving after")).then_some(text)
    });
    assert!(text.contains("began    vm-") && text.contains("replay   identical"), "{text}");
    let changed = fleet.get("/api/decisions?module=shop/web").expect("decisions");
    let changed = changed.as_array().expect("rows").iter();
    let mut changed = changed.filter(|row| row["from"] == 2 && row["to"] == 3);
    let id = changed.next().expect("the change")["id"].as_str().expect("a name").to_owned();
    let page = fleet.page(&format!("/decisions/shop%2Fweb/{id}")).expect("its page");
    for part in ["<h1>shop/web: ", "min/max", "decided the same again", "3 serving after"] {
        assert!(page.contains(part), "{part:?} is missing in:\n{page}");
    }
    let (code, text) = run(&fleet, &["explain", "shop/web", "--verify"]);
    assert!(code == 0 && text.contains("each comes to the same again"), "{text}");
    let (code, text) = run(&fleet, &["explain", "shop/wbe"]);
    assert!(code == 1 && text.contains("policies scale shop/web"), "{text}");
}
