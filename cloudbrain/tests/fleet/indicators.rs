//! By what the availability of a module is measured, with the real binary: a module that no domain leads to by
//! its check, one by its VMs, and what cannot measure anything.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use crate::common::{Fleet, site};
use crate::files::refused;

/// A business with a worker behind no domain, of which a check asks.
fn with_worker(name: &str, site: SocketAddr) -> Fleet {
    let fleet = Fleet::prepare(name, |main| main);
    let project = format!(
        "apiVersion: cloudbrain/v1\nkind: Project\nname: far\nowners: {{dev: [alice]}}\n\
         modules: [{{name: worker}}, {{name: batch}}]\n\
         checks:\n  - http: {{name: queue, url: \"http://{site}/\", interval: 1s, timeout: 1s, \
         confirm_down: 2, confirm_up: 1}}\n"
    );
    std::fs::write(fleet.folder.join("projects/far.yaml"), project).expect("a folder of ours");
    fleet
}

fn report(fleet: &Fleet, project: &str) -> Option<Value> {
    fleet.get(&format!("/api/report?project={project}&period=today"))
}

fn seconds(of: &Value, what: &str) -> u64 {
    of[what].as_u64().unwrap_or_default()
}

/// The one module of a project, once it was so for that long.
fn once(fleet: &Fleet, project: &str, what: &str, least: u64) -> Value {
    fleet.wait(what, |fleet| {
        let module = report(fleet, project)?["modules"].get(0)?.clone();
        (seconds(&module, what) >= least).then_some(module)
    })
}

fn told(fleet: &Fleet, project: &str, lang: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["report", "--project", project, "--period", "today", "--lang", lang])
        .args(["--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_module_that_no_domain_leads_to_is_accounted_for_by_its_check() {
    let (address, is_bad) = site();
    let mut fleet = with_worker("worker", address);
    fleet.start_brain();
    let up = once(&fleet, "far", "up_s", 3);
    assert_eq!((&up["module"], seconds(&up, "down_s")), (&json!("far/worker"), 0), "{up}");
    let measure =
        json!([{"by": "check/queue", "each_ms": 1000, "confirm_down": 2, "confirm_up": 1}]);
    assert_eq!(up["measured_by"], measure, "{up}");
    is_bad.store(true, Relaxed);
    let down = once(&fleet, "far", "down_s", 3);
    let why = down["outages"][0]["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("check/queue: "), "{down}");
    // What was down before a death of the brain is down after it, and none of it is counted twice.
    fleet.kill_brain();
    fleet.start_brain();
    is_bad.store(false, Relaxed);
    let again = once(&fleet, "far", "up_s", seconds(&up, "up_s") + 3);
    assert!(seconds(&again, "down_s") >= seconds(&down, "down_s"), "{down}\n{again}");
    assert_eq!(again["outages"].as_array().map(Vec::len), Some(1), "{again}");
    let unprobed = json!([{"module": "far/batch", "why": "the project file names no monitor: X"}]);
    assert_eq!(report(&fleet, "far").expect("a report")["not_probed"], unprobed);
    let text = told(&fleet, "far", "en");
    for words in ["measured by", "check/queue each 1s, down after 2, up after 1", "check/queue: "] {
        assert!(text.contains(words), "{words} in: {text}");
    }
    let text = told(&fleet, "far", "zh");
    for words in ["衡量依据", "check/queue 每 1s 一次", "检查 queue："] {
        assert!(text.contains(words), "{words} in: {text}");
    }
    for path in ["/reports/far?period=today", "/modules/far/worker"] {
        let page = fleet.page(path).expect("a page");
        assert!(page.contains("check/queue each 1s"), "{path}: {page}");
    }
}

/// Process groups that are there and do nothing, until the test ends and they with it.
struct Stopped(Vec<i64>);

impl Stopped {
    fn of(groups: impl Iterator<Item = i64>) -> Self {
        let stopped = Self(groups.collect());
        stopped.signal("-STOP");
        stopped
    }

    fn signal(&self, signal: &str) {
        for group in self.0.iter().filter(|group| **group > 1) {
            let group = format!("-{group}");
            let _ = Command::new("kill").args([signal, "--", &group]).status(); // It may be gone.
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

#[test]
fn a_module_that_is_measured_by_its_vms_is_down_when_none_of_them_answers() {
    let mut fleet = Fleet::prepare("by-vms", |main| main);
    let file = fleet.folder.join("projects/shop.yaml");
    let project = std::fs::read_to_string(&file).expect("the example");
    let project = project.replace("monitor: js", "monitor: js\n    measured_by: [vms]");
    std::fs::write(&file, project).expect("a folder of ours");
    fleet.start_brain();
    let up = once(&fleet, "shop", "up_s", 3);
    assert_eq!(up["measured_by"][0]["by"], "vms", "{up}");
    assert_eq!(seconds(&up, "down_s"), 0, "{up}");
    fleet.wait_until_up(2);
    let pids = fleet.vm_pids();
    assert!(pids.len() >= 2, "{pids:?}");
    let _stopped = Stopped::of(pids.into_values());
    let down = once(&fleet, "shop", "down_s", 2);
    let why = down["outages"][0]["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("vms: "), "{down}");
}

#[test]
fn what_cannot_measure_a_module_is_refused_with_what_can() {
    let refuse = |name: &str, words: &str, expected: &[&str]| {
        let to = format!("monitor: js\n    measured_by: {words}");
        let expected = [&["shop.yaml:"], expected].concat();
        refused(name, "projects/shop.yaml", "monitor: js", &to, &expected);
    };
    refuse("by-nothing", "[]", &["12", "nothing would measure it", "[domain]"]);
    refuse("by-word", "[pages]", &["12", "\"pages\" measures nothing", "check/NAME"]);
    refuse(
        "by-check",
        "[domain, check/login]",
        &["12", "check of shop/web", "known are front-page"],
    );
    let slow = "url: \"http://shop.example.com/\", interval: 30m";
    let by_checks = "monitor: js\n    measured_by: [checks]";
    let (code, told) = crate::files::check("by-slow", "projects/shop.yaml", |text| {
        text.replace("monitor: js", by_checks).replace("url: \"http://shop.example.com/\"", slow)
    });
    assert_eq!(code, 1, "{told}");
    let arithmetic =
        "shop/web is measured by check/front-page: 30m probes x 3 confirmations cannot";
    assert!(told.contains("availability.yaml:8:") && told.contains(arithmetic), "{told}");
}
