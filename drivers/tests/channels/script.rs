//! A program on this machine: what it is given, and what its end is taken for.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use alerter::hands::Parcel;
use drivers::channel::Trust;
use expect_test::expect;
use serde_json::{Value, json};

use crate::common::{Scratch, alone, ground, open, problem, told};

/// Runs these lines of shell as the program of a channel.
async fn run(scratch: &Scratch, lines: &str, timeout: &str) -> String {
    let path = scratch.path().join("tell");
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("the script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
    let settings = json!({"script": {
        "name": "own", "program": ["./tell", "an argument"], "timeout": timeout,
        "environment": {"TOKEN": "${SCRIPT}"},
    }});
    let ground = ground(scratch.path(), Trust::only(Vec::new()));
    let message = problem();
    let parcel = Parcel { address: Some("4711"), ..alone(&message) };
    told(&open(settings, &ground).expect("a channel").deliver(parcel).await)
}

#[tokio::test]
async fn it_is_given_the_message_and_nothing_else() {
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let lines = format!(
        "cat >{0}.json; env | sort | grep -v ^_= | grep -v ^PWD >{0}.env; echo \"$1\" >{0}.args",
        out.display()
    );
    assert_eq!(run(&scratch, &lines, "20s").await, "1 told");
    let read = |end: &str| fs::read_to_string(format!("{}.{end}", out.display())).unwrap();
    let mut input: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(input["message"]["text"], json!(problem().text));
    input["message"] = json!("...");
    expect![[r#"{"address":"4711","channel":"own","key":"I-7-ann-1","message":"...","to":"ann","version":1}"#]]
        .assert_eq(&input.to_string());
    expect![[r#"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        TOKEN=secret-SCRIPT
    "#]]
    .assert_eq(&read("env"));
    assert_eq!(read("args"), "an argument\n");
}

#[tokio::test]
async fn its_exit_code_says_what_to_do_next() {
    let scratch = Scratch::new();
    let mut lines = String::new();
    for script in [
        "exit 0",
        "echo fine; exit 0",
        "echo busy >&2; exit 75",
        "exit 1",
        "echo 'no such user secret-SCRIPT' >&2; echo more >&2; exit 78",
        "kill -TERM $$",
        "printf '\\033[31mred\\n' >&2; exit 3",
    ] {
        lines += &format!("{script} => {}\n", run(&scratch, script, "20s").await);
    }
    expect![[r#"
        exit 0 => 1 told
        echo fine; exit 0 => 1 told
        echo busy >&2; exit 75 => again: exit 75: busy
        exit 1 => again: exit 1: 
        echo 'no such user secret-SCRIPT' >&2; echo more >&2; exit 78 => never: exit 78: no such user ***
        kill -TERM $$ => perhaps: ended by signal: 15 (SIGTERM): 
        printf '\033[31mred\n' >&2; exit 3 => again: exit 3: [31mred
    "#]].assert_eq(&lines);
}

#[tokio::test]
async fn a_flood_of_output_neither_blocks_nor_fills_memory() {
    let scratch = Scratch::new();
    let flood = "head -c 20000000 /dev/zero | tr '\\0' x >&2; head -c 20000000 /dev/zero; exit 1";
    let outcome = run(&scratch, flood, "60s").await;
    assert!(outcome.starts_with("again: exit 1: xxxx") && outcome.len() < 400, "{outcome}");
}

#[tokio::test]
async fn what_hangs_is_killed_with_its_children() {
    let scratch = Scratch::new();
    let pids = scratch.path().join("pids");
    let lines =
        format!("sleep 1000 & echo $! >{0}; echo $$ >>{0}; echo at it >&2; wait", pids.display());
    let outcome = run(&scratch, &lines, "2s").await;
    assert_eq!(outcome, "perhaps: killed after 2s at it");
    assert_gone(&fs::read_to_string(pids).unwrap()).await;
}

#[tokio::test]
async fn what_it_leaves_running_ends_with_it() {
    let scratch = Scratch::new();
    let pids = scratch.path().join("pids");
    let lines = format!("sleep 1000 & echo $! >{}; exit 0", pids.display());
    assert_eq!(run(&scratch, &lines, "20s").await, "1 told");
    assert_gone(&fs::read_to_string(pids).unwrap()).await;
}

#[tokio::test]
async fn a_program_that_is_not_there_may_come() {
    let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
    let settings = json!({"script": {"name": "own", "program": ["./none"]}});
    let outcome = told(&open(settings, &ground).unwrap().deliver(alone(&problem())).await);
    assert!(outcome.starts_with("again: ") && outcome.contains("cannot be started"), "{outcome}");
}

/// A killed process is gone once its parent, or init, has noticed.
async fn assert_gone(pids: &str) {
    for pid in pids.split_whitespace() {
        let status = format!("/proc/{pid}/status");
        let is_gone = || {
            let text = fs::read_to_string(&status).unwrap_or_default();
            text.is_empty() || text.contains("State:\tZ")
        };
        let wait = async {
            while !is_gone() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(30), wait).await;
        waited.unwrap_or_else(|_| panic!("process {pid} lives on"));
    }
}
