//! Vantages with the real binary: one that cannot reach the site, one that goes on while the brain is dead,
//! and what is refused.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};

use crate::common::{Fleet, http, site};

const TOKEN: &str = "a-token-of-this-test";

/// A business that is only watched, from the brain and two vantages.
fn fleet(name: &str, site: SocketAddr, quorum: u32) -> Fleet {
    let fleet = Fleet::prepare(name, |main| {
        let ours = format!("resolve: {{far.example.com: {site}, ");
        let vantages = "vantages:\n  - {name: beijing, token: \"${file:token}\"}\n  \
                        - {name: osaka, token: \"${file:token}\"}\n";
        main.replace("resolve: {", &ours).replace("alerter:", &format!("{vantages}alerter:"))
    });
    let project = "apiVersion: cloudbrain/v1\nkind: Project\nname: far\nowners: {dev: [alice]}\n\
                   domains: [far.example.com]\nmodules: [{name: web, monitor: js}]\n";
    let policy = format!(
        "apiVersion: cloudbrain/v1\nkind: AccountingPolicy\nname: far\nversion: 1\n\
         projects: [far]\nvantages: {{quorum: {quorum}}}\n"
    );
    let write = |file: &str, text: &str| {
        std::fs::write(fleet.folder.join(file), text).expect("a folder of ours");
    };
    write("token", TOKEN);
    write("projects/far.yaml", project);
    write("policies/far.yaml", &policy);
    fleet
}

/// A vantage that ends with the test.
struct Vantage {
    child: Child,
    log: PathBuf,
}

impl Vantage {
    /// It finds the site at `site`.
    fn start(fleet: &Fleet, name: &str, site: SocketAddr) -> Self {
        let log = fleet.folder.join(format!("{name}.log"));
        let out = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        let child = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
            .args(["vantage", "--name", name])
            .args(["--brain", &format!("http://{}", fleet.listen)])
            .arg("--token-file")
            .arg(fleet.folder.join("token"))
            .arg("--spool")
            .arg(fleet.folder.join(name))
            .args(["--resolve", &format!("far.example.com={site}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out.expect("a folder of ours"))
            .spawn()
            .expect("the binary under test runs");
        Self { child, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Vantage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nobody listens there.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a free port")
}

fn module(fleet: &Fleet) -> Option<Value> {
    fleet.get("/api/report?project=far&period=today")?["modules"].get(0).cloned()
}

/// Once it has looked for itself, there is something to probe for others.
fn start(fleet: &mut Fleet) {
    fleet.start_brain();
    fleet.wait("a first look", module);
}

fn seconds(of: &Value, what: &str) -> u64 {
    of[what].as_u64().unwrap_or_default()
}

#[test]
fn what_one_vantage_alone_cannot_reach_is_a_partial_and_no_down_time() {
    let (address, is_bad) = site();
    let mut fleet = fleet("vantage-partial", address, 2);
    start(&mut fleet);
    let _osaka = Vantage::start(&fleet, "osaka", address);
    let beijing = Vantage::start(&fleet, "beijing", nowhere());
    let told = fleet.wait("a partial", |fleet| {
        module(fleet).filter(|one| seconds(&one["partials"][0], "seen_down_s") >= 3)
    });
    assert_eq!(told["partials"][0]["vantages"], json!(["beijing"]), "{told}");
    assert_eq!((seconds(&told, "down_s"), &told["outages"]), (0, &json!([])), "{told}");
    assert!(!beijing.log().contains("ERROR"), "{}", beijing.log());
    let report = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["report", "--project", "far", "--period", "today"])
        .args(["--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(text.contains("seen down from beijing only"), "{text}");
    let page = fleet.page("/reports/far?period=today").expect("a page");
    assert!(page.contains("seen down from beijing only"), "{page}");
    let page = fleet.page("/modules/far/web").expect("a page");
    for row in ["beijing</th>", "brain</th>", "osaka</th>"] {
        assert!(page.contains(row), "{row} in: {page}");
    }
    // And now it really is down.
    is_bad.store(true, Relaxed);
    let told = fleet.wait("an outage that two saw", |fleet| {
        module(fleet).filter(|one| seconds(one, "down_s") >= 3)
    });
    let why = told["outages"][0]["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("seen from beijing, "), "{told}");
}

/// How long it was unknown since before the brain was killed for six seconds, by that quorum, once it was seen
/// to be up for `up_s` more; and what the vantage and the brain say to that.
fn unknown_while_dead(name: &str, quorum: u32, up_s: u64) -> (u64, String) {
    let (address, _) = site();
    let mut fleet = fleet(name, address, quorum);
    start(&mut fleet);
    let osaka = Vantage::start(&fleet, "osaka", address);
    fleet.wait("answers on record", |fleet| fleet.log().contains("a vantage looks").then_some(()));
    let before = module(&fleet).expect("it was told before");
    fleet.kill_brain();
    std::thread::sleep(std::time::Duration::from_secs(6));
    fleet.start_brain();
    let after = fleet.wait("some seconds of being up again", |fleet| {
        module(fleet).filter(|told| seconds(told, "up_s") >= seconds(&before, "up_s") + up_s)
    });
    assert_eq!(seconds(&after, "down_s"), 0, "{after}");
    let said = format!("{before}\n{after}\n{}\n{}", osaka.log(), fleet.log());
    (seconds(&after, "unknown_s").saturating_sub(seconds(&before, "unknown_s")), said)
}

#[test]
fn while_the_brain_is_dead_one_vantage_knows_enough_for_a_quorum_of_one() {
    let (unknown, said) = unknown_while_dead("vantage-one", 1, 12);
    assert!(unknown <= 3, "{unknown} s unknown: {said}");
}

#[test]
fn while_the_brain_is_dead_one_vantage_does_not_know_enough_for_a_quorum_of_two() {
    let (unknown, said) = unknown_while_dead("vantage-two", 2, 4);
    assert!(unknown >= 5, "{unknown} s unknown: {said}");
}

#[test]
fn who_is_no_vantage_or_sends_nonsense_is_told_so() {
    let mut fleet = fleet("vantage-refused", nowhere(), 2);
    fleet.start_brain();
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    let brain = fleet.listen;
    let post = |name: &str, token: &str, body: &str| {
        let head = format!("Authorization: Bearer {token}\r\n");
        let path = format!("/api/vantages/{name}/answers");
        http(brain, "POST", &path, &head, body).expect("it answers")
    };
    let now = jiff::Timestamp::now().as_millisecond();
    let batch = |boot: u64, first: u64, at: i64| {
        let probe = json!({"probe": {"module": "far/web", "domain": "far.example.com",
            "outcome": {"healthy": {"doubt": null}}}});
        json!({"boot": boot, "first": first, "sent": now, "answers": [{"at": at, "what": probe}]})
            .to_string()
    };
    let refused = [
        ("paris", TOKEN, batch(1, 1, now), 404, "the main file names no vantage"),
        ("beijing", "guessed", batch(1, 1, now), 401, "the token is not that of vantage beijing"),
        ("beijing", TOKEN, batch(1, 1, now + 60_000), 422, "set the clock"),
        ("beijing", TOKEN, batch(1, 0, now), 400, "send 1 to 1000"),
        ("beijing", TOKEN, "{\"boot\": 1}".to_owned(), 400, "missing field"),
        ("beijing", TOKEN, " ".repeat((2 << 20) + 1), 413, "length limit"),
    ];
    for (name, token, body, status, words) in refused {
        let (told, answer) = post(name, token, &body);
        assert_eq!(told, status, "{answer}");
        assert!(answer.contains(words), "{words} in: {answer}");
    }
    let taken = |boot: u64, first: u64| {
        let (status, answer) = post("beijing", TOKEN, &batch(boot, first, now));
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str::<Value>(&answer).expect("JSON")
    };
    assert_eq!(taken(7, 1), json!({"new": 1, "repeated": 0, "lost": 0}));
    assert_eq!(taken(7, 1), json!({"new": 0, "repeated": 1, "lost": 0}));
    assert_eq!(taken(7, 5), json!({"new": 1, "repeated": 0, "lost": 3}));
    fleet.kill_brain();
    fleet.start_brain();
    fleet.wait("the next brain", |fleet| fleet.get("/api/overview"));
    assert_eq!(taken(7, 5), json!({"new": 0, "repeated": 1, "lost": 0}), "it was on record");
    let beijing = fleet.get("/api/vantages").expect("it answers")["beijing"].clone();
    assert_eq!((&beijing["lost"], beijing["heard"].is_i64()), (&json!(3), true), "{beijing}");
    let journal = fleet.get("/api/journal").expect("it answers").to_string();
    assert!(journal.contains("vantage beijing dropped 3 answers"), "{journal}");
    assert!(fleet.log().contains("a vantage was refused"), "{}", fleet.log());
}
