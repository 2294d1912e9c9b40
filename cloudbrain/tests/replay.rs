//! The correlation cases of `tests/correlation`, played by the real binary and judged by their own
//! judge; and what a case that cannot be played is answered with.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cloudbrain::replay::case::{Case, Happening, Planned};
use cloudbrain::replay::play;
use model::lang::Lang;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/correlation")
}

fn replay(case: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloudbrain"));
    command.arg("replay").arg(case).args(more).output().expect("the binary under test runs")
}

#[test]
#[ignore = "needs the Debian package python3"]
fn the_judge_passes_all_cases() {
    let out = std::env::temp_dir().join(format!("cloudbrain-replay-{}", std::process::id()));
    std::fs::create_dir_all(&out).expect("a folder of ours");
    let mut count = 0;
    for entry in std::fs::read_dir(cases()).expect("the cases").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let played = replay(&path, &[]);
            assert!(played.status.success(), "{path:?}: {played:?}");
            let name = path.with_extension("jsonl");
            let name = name.file_name().expect("a file has a name");
            std::fs::write(out.join(name), played.stdout).expect("a folder of ours");
            count += 1;
        }
    }
    let judge = Command::new("python3")
        .arg(cases().join("check.py"))
        .arg("judge-all")
        .args([cases(), out.clone()])
        .output()
        .expect("python3 is installed");
    let told = String::from_utf8_lossy(&judge.stdout).into_owned();
    std::fs::remove_dir_all(&out).expect("a folder of ours");
    assert!(count >= 49, "{count} cases");
    assert_eq!(told.lines().last(), Some(format!("{count} of {count}").as_str()), "{told}");
}

#[test]
fn a_case_can_be_read_in_chinese() {
    let told = replay(&cases().join("host-down-vms-after.json"), &["--lang", "zh", "-o", "text"]);
    let told = String::from_utf8(told.stdout).expect("text");
    assert!(told.contains("宿主机 h1"), "{told}");
}

/// The page of messages with each of its commands carried out anew.
fn carried_out(page: &str) -> String {
    let mut parts = page.split("`cloudbrain replay tests/correlation/");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (command, rest) = part.split_once('`').expect("a command ends");
        let (case, arguments) = command.split_once(' ').expect("it has arguments");
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let output = replay(&cases().join(case), &arguments).stdout;
        let output = String::from_utf8(output).expect("text");
        let (_, after) = rest.split_once("```text\n").expect("a block begins");
        let (_, after) = after.split_once("```\n").expect("a block ends");
        told += &format!("`cloudbrain replay tests/correlation/{command}`\n\n```text\n");
        told += &format!("{}\n```\n{after}", output.trim_end());
    }
    told
}

#[test]
fn the_messages_in_the_documentation_are_those_that_are_told() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/messages.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let told = carried_out(&page);
    assert_eq!(told.matches("tests/correlation/").count(), 6);
    expect_test::expect_file![path].assert_eq(&told);
}

/// A small case, with `what` in place of its events.
fn small(what: &str) -> String {
    format!(
        r#"{{"case": "small", "start": "2026-03-02T10:00:00Z", "end_s": 1000, "topology": {{
            "hosts": [{{"id": "h{{1..2}}"}}],
            "vms": [{{"id": "w{{1..4}}", "host": "h1", "module": "web"}}],
            "modules": [{{"id": "web", "project": "shop"}}],
            "projects": [{{"id": "shop", "owners": ["alice"]}}]}}, {what}}}"#
    )
}

#[track_caller]
fn refused(what: &str, expected: &str) {
    let error = Case::parse(&small(what)).expect_err("it cannot be played").to_string();
    assert_eq!(error, expected);
}

#[test]
fn what_cannot_be_played_is_named_with_its_place() {
    refused(
        r#""events": [{"t": 1, "kind": "problem", "on": "vm/w1"}]"#,
        "events.0: the key \"check\" is missing",
    );
    refused(
        r#""events": [{"t": 1, "kind": "ok", "check": "vm.ping", "on": "vm w1"}]"#,
        "events.0: \"vm w1\" is no object; write kind/name with kind one of switch, host, vm, \
         module, project, datasource, collector, channel, pool, vantage",
    );
    refused(
        r#""events": [{"t": -5, "kind": "restart", "down_s": 1}]"#,
        "events.0: -5 is no number of seconds from 0 on",
    );
    refused(
        r#""events": [{"t": 1, "kind": "topo", "vm": "w1"}]"#,
        "events.0: the key \"op\" is missing",
    );
    refused(
        r#""events": [], "settings": {"group_wait_s": -1}"#,
        "settings.group_wait_s: cannot convert float seconds to Duration: value is negative",
    );
    let huge = r#""events": [{"t": 1, "kind": "ok", "check": "c", "on_each": "vm/{1..4000000}"}]"#;
    refused(huge, "events.0: the case is more than 1000000 names and events");
    let output = replay(Path::new("/nowhere/case.json"), &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("reading /nowhere/case.json"), "{told}");
}

#[test]
fn a_slip_of_the_pen_is_named_and_not_played() {
    let event = |more: &str| {
        format!(
            r#""events": [{{"t": 1, "kind": "ok", "check": "vm.ping", "on": "vm/w1", {more}}}]"#
        )
    };
    let misspelt = "events.0: unknown key \"servity\"; did you mean \"severity\"?";
    refused(&event(r#""servity": "high""#), misspelt);
    let copies = "events.0: the case is more than 1000000 names and events";
    refused(&event(r#""copies": 4000000000"#), copies);
    let list = r#""events": [{"t": 1, "kind": "sync", "copies": 2000,
        "open": [{"check": "vm.ping", "on_each": "vm/{1..900}"}]}]"#;
    refused(list, copies);
    let row = small(&event(r#""at": 1"#)).replace("\"module\": \"web\"", "\"modul\": \"web\"");
    let told = |text: &str| Case::parse(text).expect_err("it cannot be played").to_string();
    assert_eq!(told(&row), "topology.vms.0: unknown key \"modul\"; did you mean \"module\"?");
    let rows = small(&event(r#""at": 1"#)).replace("\"vms\"", "\"vmz\"");
    assert_eq!(told(&rows), "topology: unknown key \"vmz\"; did you mean \"vms\"?");
    let many = small(r#""events": []"#).replace("w{1..4}", "w{1..900000}\", \"v{1..900000}");
    let many = many.replace("\"w{", "[\"w{").replace("\", \"host\"", "\"], \"host\"");
    assert_eq!(told(&many), "topology: the case is more than 1000000 names and events");
    let zeros = format!(
        r#""events": [{{"t": 1, "kind": "ok", "on_each": "vm/{{{}1..9}}"}}]"#,
        "0".repeat(70_000)
    );
    assert!(told(&small(&zeros)).starts_with("events.0: the key \"check\""));
    let noted = small(&event(r#""labels": {"team": "x"}, "note": "the second of two""#));
    assert!(Case::parse(&noted).is_ok(), "what resembles no key is somebody's note");
}

#[test]
fn what_is_no_case_or_no_setting_is_said_in_words() {
    let told = |text: &str| Case::parse(text).expect_err("it cannot be played").to_string();
    let wanted = "expected an object with start, end_s, topology and events";
    assert_eq!(told("null"), format!("the case: invalid type: null, {wanted}"));
    assert_eq!(told("{}"), "the case: missing field `start`");
    refused(
        r#""events": [7]"#,
        "events.0: invalid type: integer `7`, expected an object with t and kind",
    );
    refused(
        r#""events": [{"t": 1, "kind": "ok", "check": "vm.ping", "on": 7}]"#,
        "events.0: wanted is a name or a list of names",
    );
    for (setting, expected) in [
        (r#""suspect_share": 9"#, "settings.suspect_share: 9 is no share from 0 to 1"),
        (r#""blind_share": -1"#, "settings.blind_share: -1 is no share from 0 to 1"),
        (
            r#""flap_changes": 0"#,
            "settings.flap_changes: what never changed cannot be unstable; write 1 or more",
        ),
    ] {
        refused(&format!(r#""events": [], "settings": {{{setting}}}"#), expected);
    }
    let window = r#"{"start": "2026-03-28T00:00:00Z", "end_s": 900, "events": [], "topology": {
        "maintenance": [{"on": "host/h1", "from_s": 100, "until_s": 50}]}}"#;
    assert_eq!(told(window), "topology.maintenance.0: until_s 50 is not after from_s 100");
}

/// Who was told what of which root, and when.
fn told(what: &str) -> Vec<String> {
    let case = Case::parse(&small(what)).expect("a case");
    let start = case.start;
    let told = play(case, Lang::En).into_iter().map(|message| {
        let seconds = message.at.since(start).as_secs_f64();
        let kind = format!("{:?}", message.kind).to_lowercase();
        format!("{seconds} {} {kind} {}", message.to, message.root)
    });
    told.collect()
}

#[test]
fn what_was_before_the_case_may_be_written_with_negative_seconds() {
    let behind = r#""events": [
        {"t": 10, "at": -3590, "kind": "problem", "check": "vm.ping", "on": "vm/w1"},
        {"t": 20, "at": -3595, "kind": "ok", "check": "vm.ping", "on": "vm/w1"},
        {"t": 300, "at": -3300, "kind": "ok", "check": "vm.ping", "on": "vm/w1"}]"#;
    let of_w1 = ["70 alice problem vm/w1", "70 ops problem vm/w1"];
    let ends = ["360 alice resolved vm/w1", "360 ops resolved vm/w1"];
    assert_eq!(told(behind), [of_w1, ends].concat(), "the older word is stale");
    let planned = small(behind).replace(
        "\"projects\"",
        r#""maintenance": [{"on": "vm/w1", "from_s": -600, "until_s": 200}],
            "projects""#,
    );
    let told = play(Case::parse(&planned).expect("a case"), Lang::En);
    let first =
        told.first().map(|message| message.at.since(Case::parse(&planned).expect("a case").start));
    assert_eq!(first.map(|at| at.as_secs()), Some(200), "the window began before the case");
    let young = small(behind)
        .replace(r#""host": "h1", "module""#, r#""host": "h1", "created_s": -200, "module""#);
    let case = Case::parse(&young).expect("a case");
    let vm = case.topology.vms.values().next().expect("four VMs");
    assert_eq!(case.start.since(vm.created).as_secs(), 200);
    refused(
        r#""events": [{"t": 1, "at": -1e13, "kind": "ok", "check": "vm.ping", "on": "vm/w1"}]"#,
        "events.0: -10000000000000 is no number of seconds that a case may last",
    );
}

#[test]
fn bulk_events_and_ranges_are_written_out_in_the_order_of_arrival() {
    let events = r#""events": [
        {"t": 10, "kind": "problem", "check": "vm.ping", "on_each": "vm/w{1..3}", "spread_s": 20,
         "copies": 2, "copy_gap_s": 100},
        {"t": 15, "kind": "topo", "op": "vm_gone", "vm": "w4"}]"#;
    let case = Case::parse(&small(events)).expect("a case");
    let told: Vec<String> = case
        .events
        .iter()
        .map(|planned| {
            let at = planned.at.since(case.start).as_secs();
            if let Happening::Signal(signal) = &planned.what {
                format!("{at} {} {}", signal.object, signal.at.since(case.start).as_secs())
            } else {
                format!("{at} {:?}", planned.what)
            }
        })
        .collect();
    let expected = [
        "10 vm/w1 10",
        "15 VmGone { vm: vm/w4 }",
        "20 vm/w2 20",
        "30 vm/w3 30",
        "110 vm/w1 10",
        "120 vm/w2 20",
        "130 vm/w3 30",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_name_may_have_several_ranges() {
    let events = r#""events": [
        {"t": 1, "kind": "ok", "check": "vm.ping", "on_each": "vm/r{1..2}-w{09..10}"}]"#;
    let case = Case::parse(&small(events)).expect("a case");
    let object = |planned: &Planned| {
        let Happening::Signal(signal) = &planned.what else { panic!("{planned:?}") };
        signal.object.name().to_owned()
    };
    let objects: Vec<String> = case.events.iter().map(object).collect();
    assert_eq!(objects, ["r1-w09", "r1-w10", "r2-w09", "r2-w10"]);
    let huge = events.replace("{1..2}", "{1..2000}").replace("{09..10}", "{1..2000}");
    refused(&huge, "events.0: the case is more than 1000000 names and events");
}

#[test]
fn a_window_by_the_clock_on_the_wall_follows_its_zone() {
    // 2026-03-29 is the day on which Berlin's clocks go from 02:00 to 03:00.
    let window = |days: &str| {
        format!(
            r#"{{"start": "2026-03-28T00:00:00Z", "end_s": 200000, "events": [], "topology": {{
                "maintenance": [{{"on": "host/h1", "from": "01:30", "until": "04:00",
                "tz": "Europe/Berlin", "days": [{days}]}}]}}}}"#
        )
    };
    let hours = |case: &str| -> Vec<String> {
        let windows = Case::parse(case).expect("a case").windows;
        windows.iter().map(|window| format!("{} {}", window.from, window.until)).collect()
    };
    let saturday = "2026-03-28T00:30:00Z 2026-03-28T03:00:00Z";
    let sunday = "2026-03-29T00:30:00Z 2026-03-29T02:00:00Z";
    let monday = "2026-03-29T23:30:00Z 2026-03-30T02:00:00Z";
    assert_eq!(hours(&window("")), [saturday, sunday, monday]);
    assert_eq!(hours(&window(r#""Sun""#)), [sunday]);
    let told = Case::parse(&window(r#""someday""#)).expect_err("no day").to_string();
    assert_eq!(told, "topology.maintenance.0: no day \"someday\"; write mon to sun");
}

fn of_ops(what: &str) -> Vec<String> {
    told(what).into_iter().filter(|line| line.contains(" ops ")).collect()
}

#[test]
fn what_a_source_does_not_list_any_more_has_ended() {
    let events = r#""events": [
        {"t": 10, "kind": "problem", "check": "vm.ping", "on": "vm/w1"},
        {"t": 300, "kind": "sync", "src": "zabbix", "open": [{"check": "vm.ping", "on": "vm/w2"}]}]"#;
    let expected = ["70 ops problem vm/w1", "360 ops resolved vm/w1", "360 ops problem vm/w2"];
    assert_eq!(of_ops(events), expected);
}

#[test]
fn what_a_source_lists_is_as_bad_as_the_list_says_and_as_before_if_it_does_not_say() {
    let events = |severity: &str| {
        format!(
            r#""events": [
            {{"t": 10, "kind": "problem", "check": "host.disk", "on": "host/h1", "severity": "warning"}},
            {{"t": 200, "kind": "restart", "down_s": 20}},
            {{"t": 225, "kind": "sync", "open": [{{"check": "host.disk", "on": "host/h1"{severity}}}]}}]"#
        )
    };
    let problem = "40 ops problem host/h1";
    assert_eq!(of_ops(&events("")), [problem]);
    assert_eq!(of_ops(&events(r#", "severity": "warning""#)), [problem]);
    let raised = of_ops(&events(r#", "severity": "disaster""#));
    assert_eq!(raised, [problem, "225 ops update host/h1"]);
}

#[test]
fn a_list_ends_what_it_does_not_name_at_its_own_moment() {
    // The clock of the source is 100 s behind: what it says at 490 is no older than its list.
    let events = r#""events": [
        {"t": 210, "at": 110, "kind": "problem", "check": "host.ping", "on": "host/h1"},
        {"t": 400, "at": 300, "kind": "sync", "open": []},
        {"t": 490, "at": 390, "kind": "problem", "check": "host.ping", "on": "host/h1"}]"#;
    let ops = of_ops(events);
    let expected =
        ["240 ops problem host/h1", "460 ops resolved host/h1", "520 ops problem host/h1"];
    assert_eq!(ops, expected);
    // A list that was made before the problem says nothing about it.
    let early = r#""events": [
        {"t": 10, "kind": "problem", "check": "host.ping", "on": "host/h1"},
        {"t": 60, "at": 5, "kind": "sync", "open": []},
        {"t": 300, "kind": "sync", "open": []}]"#;
    assert_eq!(of_ops(early), ["40 ops problem host/h1", "360 ops resolved host/h1"]);
}

#[test]
fn nobody_hears_of_the_end_of_what_he_was_never_told_of() {
    let events = |until: u32| {
        format!(
            r#""events": [
            {{"t": 5, "kind": "channel", "to": "alice", "state": "down"}},
            {{"t": 10, "kind": "problem", "check": "vm.ping", "on": "vm/w1"}},
            {{"t": 200, "kind": "ok", "check": "vm.ping", "on": "vm/w1"}},
            {{"t": {until}, "kind": "channel", "to": "alice", "state": "up"}}]"#
        )
    };
    let heard = |until| {
        let told = play(Case::parse(&small(&events(until))).expect("a case"), Lang::En);
        let alice = told.iter().filter(|message| message.to.as_str() == "alice");
        alice.map(|message| format!("{:?}", message.kind)).collect::<Vec<_>>()
    };
    assert_eq!(heard(600), Vec::<String>::new());
    assert_eq!(heard(150), ["Problem", "Resolved"]);
}
