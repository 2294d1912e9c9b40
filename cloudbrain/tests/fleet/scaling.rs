//! Policies at their edges, with the real binary: what `check` refuses, a policy that is torn, taken
//! away and brought back under a running fleet, and holds over a `kill -9`.

use std::process::{Command, Output};

use serde_json::Value;

use crate::common::Fleet;
use crate::files::{check, refused};

const POLICY: &str = "policies/web.yaml";
const HEALTH: &str = "\nhealth:";

/// The example's policy with something more in it.
fn with(more: &str) -> String {
    format!("\n{more}\nhealth:")
}

fn cli(fleet: &Fleet, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(words)
        .args(["--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs")
}

#[track_caller]
fn said(output: &Output, code: i32) -> String {
    let told = [&output.stdout[..], &output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}

#[test]
fn what_a_policy_gets_wrong_is_told_with_its_line_and_what_to_write() {
    let peak = "{name: peak, cron: \"0 8 * * *\", duration: 2h, timezone: Asia/Shanghai, ";
    let schedules = |list: &str| with(&format!("schedules: [{list}]"));
    let wrong = [
        (
            "typo",
            schedules(&format!("{peak}mim: 4}}")),
            "unknown key \"mim\"; did you mean \"min\"?",
        ),
        ("cron", schedules(&format!("{}min: 4}}", peak.replace("0 8 *", "0 25 *"))), "0 25 * * *"),
        ("zone", schedules(&format!("{}min: 4}}", peak.replace("Asia", "Mars"))), "no time zone"),
        ("idle", schedules(&format!("{peak}}}")), "it changes nothing; write min, max or mode"),
        ("high", schedules(&format!("{peak}min: 9}}")), "min 9 is above the policy's max 8"),
        (
            "e2",
            schedules(&format!(
                "{peak}min: 6}}, {{name: night, cron: \"0 10 * * *\", duration: 1h, timezone: \
                 Asia/Shanghai, lead: 1m, max: 5}}"
            )),
            "E2: it holds together with peak",
        ),
        ("e3", with("deploy: {surge: 9}"), "E3: max 8 and a surge of 9 are 17 VMs"),
        ("hook", with("missing_data: {out: to-floor}"), "to-floor needs the count to rise to"),
        ("blind", with("missing_data: {floor: 20}"), "floor 20 is above max 8"),
        ("protect", with("forecast: {mode: raise}"), "unknown value \"raise\"; did you mean"),
    ];
    for (name, to, expected) in wrong {
        let (code, told) = check(name, POLICY, |text| text.replacen(HEALTH, &to, 1));
        assert!(told.contains(expected) && told.contains("web.yaml:"), "{name}: {told}");
        assert_ne!(code, 0, "{name}: {told}");
    }
}

#[test]
fn a_floor_above_a_ceiling_is_refused_before_the_day_it_would_matter() {
    let schedules = "schedules:\n  - {name: day, cron: \"0 8 * * *\", duration: 4h, timezone: \
                     Europe/Berlin, min: 6}\n  - {name: feast, cron: \"0 9 24 12 *\", duration: 1h, \
                     timezone: Europe/Berlin, max: 4}";
    let (code, told) = check("feast", POLICY, |text| text.replacen(HEALTH, &with(schedules), 1));
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("at least 6 are wanted by day and at most 4 by feast"), "{told}");
}

#[test]
fn a_hook_that_nobody_could_answer_is_refused() {
    let expected = &["web.yaml:", "modules cannot be asked yet", "write connections, or time"];
    refused("hook", POLICY, "drain: {", "drain: {wait: hook, ", expected);
}

#[test]
fn a_preview_needs_no_brain_and_names_zone_and_change() {
    let fleet = Fleet::prepare("preview", |main| main);
    let path = fleet.folder.join(POLICY);
    let text = std::fs::read_to_string(&path).expect("the example");
    let schedules = "schedules:\n  - {name: noon, cron: \"0 12 * * *\", duration: 2h, timezone: \
                     Asia/Shanghai, lead: 10m, min: 5}";
    std::fs::write(&path, text.replacen(HEALTH, &with(schedules), 1)).expect("a folder of ours");
    let preview = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
            .args(["schedule", "preview", "shop/web", "--days", "2", "--config"])
            .arg(fleet.folder.join("cloudbrain.yaml"))
            .args(words)
            .output()
            .expect("the binary under test runs")
    };
    let told = said(&preview(&[]), 0);
    assert!(told.starts_with("shop/web  now "), "{told}");
    assert!(told.contains("11:50 +08:00  Asia/Shanghai  5 to 8 VMs, mode auto  (noon)"), "{told}");
    let json: Value = serde_json::from_str(&said(&preview(&["-o", "json"]), 0)).expect("JSON");
    assert!(json[0]["changes"].as_array().is_some_and(|changes| changes.len() >= 4), "{json}");
}

/// The newest decision about the module.
fn decision(fleet: &Fleet) -> Option<Value> {
    fleet.get("/api/decisions?module=shop/web&limit=1")?.as_array()?.first().cloned()
}

#[test]
fn a_policy_that_is_torn_or_taken_away_destroys_nothing() {
    let mut fleet = Fleet::start("frozen");
    fleet.wait_until_up(2);
    let path = fleet.folder.join(POLICY);
    let good = std::fs::read_to_string(&path).expect("the example");
    let before = fleet.vm_pids();
    // Written in pieces, as a slow editor does: each piece is refused, or says less of the same.
    for part in 1..good.len() / 150 {
        std::fs::write(&path, &good[..part * 150]).expect("a folder of ours");
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    std::fs::remove_file(&path).expect("a folder of ours");
    let frozen = fleet.wait("the module to be frozen", |fleet| {
        decision(fleet).filter(|decision| decision["reason"]["kind"] == "no_policy")
    });
    assert_eq!(frozen["mode"], "paused");
    let page = fleet.page("/modules/shop/web").expect("the page");
    assert!(
        page.contains("its policy file is gone: everything stays as it is"),
        "the page says so"
    );
    fleet.kill_brain();
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let told = said(&cli(&fleet, &["plan"]), 0);
    assert!(told.contains("its policy file is gone"), "{told}");
    for (vm, pid) in &before {
        assert_eq!(fleet.vm_pids().get(vm), Some(pid), "{vm} still runs");
    }
    std::fs::write(&path, &good).expect("a folder of ours");
    fleet.wait("the policy to be in force again", |fleet| {
        decision(fleet).filter(|decision| decision["mode"] == "auto")
    });
    fleet.wait_until_up(2);
}

#[test]
fn a_hold_is_kept_over_a_kill_and_says_what_would_be_done() {
    let mut fleet = Fleet::start("hold");
    fleet.wait_until_up(2);
    let hold =
        ["hold", "shop/web", "--what", "out", "--for", "2h", "--by", "ops", "--reason", "sale"];
    let told = said(&cli(&fleet, &hold), 0);
    assert!(told.starts_with("h1 holds shop/web (out: nothing is added) until "), "{told}");
    fleet.kill_brain();
    // More are wanted by the file now, and the hold says no.
    let path = fleet.folder.join(POLICY);
    let text = std::fs::read_to_string(&path).expect("the example");
    std::fs::write(&path, text.replace("min: 2", "min: 4")).expect("a folder of ours");
    fleet.start_brain();
    let held = fleet.wait("the hold to be told", |fleet| {
        decision(fleet).filter(|decision| decision["reason"]["kind"] == "held")
    });
    assert_eq!((&held["reason"]["wanted"], &held["to"]), (&4.into(), &2.into()), "{held}");
    for command in [["plan", "shop/web"], ["explain", "shop/web"]] {
        let shown = cli(&fleet, &command);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("held     h1 (out) until "), "{command:?}: {shown}");
    }
    let listed = said(&cli(&fleet, &["holds"]), 0);
    assert!(
        listed.contains("h1 holds shop/web (out") && listed.contains("by ops: sale"),
        "{listed}"
    );
    let page = fleet.page("/quiet").expect("the page");
    assert!(page.contains("/quiet/holds/h1/end"), "the page offers its end");
    let journal = fleet.get("/api/journal").expect("the journal").to_string();
    assert!(journal.contains("h1 of shop/web (out)"), "{journal}");
    said(&cli(&fleet, &["unhold", "h1", "--by", "ops"]), 0);
    fleet.wait("what was held back", |fleet| {
        (fleet.get("/api/overview")?["modules"][0]["serving"].as_u64()? >= 4).then_some(())
    });
    let again = said(&cli(&fleet, &["unhold", "h1", "--by", "ops"]), 1);
    assert!(again.contains("no hold h1 is in force"), "{again}");
}

#[test]
fn a_hold_that_makes_no_sense_is_refused_with_what_to_write() {
    let mut fleet = Fleet::prepare("hold-bad", |main| main);
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let refused = |words: &str, code: i32, expected: &str| {
        let mut words: Vec<&str> = words.split(' ').collect();
        words.extend(["--reason", "sale"]);
        let told = said(&cli(&fleet, &words), code);
        assert!(told.contains(expected), "{words:?}: {told}");
    };
    refused("hold shop/wbe --what in --for 2h --by ops", 1, "policies scale shop/web");
    refused("hold shop/web --what in --for 8d --by ops", 1, "at most 7d are taken");
    refused("hold shop/web --what in --for 2h --by nobody", 1, "nobody is called \"nobody\"");
    refused("hold shop/web --what up --for 2h --by ops", 2, "write in, out, isolate or all");
    refused("hold web --what in --for 2h --by ops", 1, "no policy scales web");
}

/// Readiness by a program of the user's: VMs serve while it ends with 0, and what it says of a new one
/// is why that does not.
#[test]
fn a_program_of_the_users_says_whether_a_vm_is_ready() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut fleet = Fleet::prepare("ready-exec", |main| main);
    let (program, asked) = (fleet.folder.join("queue-ready"), fleet.folder.join("asked"));
    let script = format!(
        "#!/bin/sh\necho \"$CLOUDBRAIN_VM $CLOUDBRAIN_ADDRESS\" >> {0}\n\
         [ ! -e {0}.full ] || {{ echo 'its queue is full'; exit 1; }}\n",
        asked.display()
    );
    std::fs::write(&program, script).expect("a folder of ours");
    let may_run = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, may_run).expect("a folder of ours");
    let path = fleet.folder.join(POLICY);
    let text = std::fs::read_to_string(&path).expect("the example");
    assert!(text.contains("{http: /ready,"), "the example asks over HTTP");
    let text = text.replace("{http: /ready,", &format!("{{exec: {},", program.display()));
    std::fs::write(&path, &text).expect("a folder of ours");
    fleet.start_brain();
    fleet.wait_until_up(2);
    let words = std::fs::read_to_string(&asked).expect("it was asked");
    assert!(words.lines().all(|line| line.ends_with(" 127.0.0.1")), "{words}");
    std::fs::write(fleet.folder.join("asked.full"), "").expect("a folder of ours");
    std::fs::write(&path, text.replace("min: 2", "min: 3")).expect("a folder of ours");
    let vm = fleet.wait("a VM whose program is started", |fleet| {
        let overview = fleet.get("/api/overview")?;
        let vms = overview["hosts"].as_array()?.iter().filter_map(|host| host["vms"].as_array());
        let mut started = vms.flatten().filter(|vm| vm["state"] == "deploying");
        Some(started.next()?["id"].as_str()?.to_owned())
    });
    fleet.wait("the program's word on it", |fleet| {
        let asked = std::fs::read_to_string(fleet.folder.join("asked")).ok()?;
        (asked.lines().filter(|line| line.starts_with(&format!("{vm} "))).count() > 3).then_some(())
    });
    let overview = fleet.get("/api/overview").expect("the overview");
    assert_eq!(overview["modules"][0]["serving"], 2, "a queue that is full serves nobody");
    std::fs::remove_file(fleet.folder.join("asked.full")).expect("a folder of ours");
    fleet.wait("three that serve", |fleet| {
        (fleet.get("/api/overview")?["modules"][0]["serving"] == 3).then_some(())
    });
}
