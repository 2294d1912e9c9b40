//! How long users wait, with the real binary: a slow application shows in the percentiles, one that does
//! not answer in time is a failure, and a brain that is killed counts nothing twice.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;

use crate::common::Fleet;
use crate::files::refused;

/// A well application that takes its time, and counts whom it was asked by.
struct App {
    address: SocketAddr,
    takes_ms: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
}

impl App {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let app = Self { address, takes_ms: Arc::default(), asked: Arc::default() };
        let (takes_ms, asked) = (app.takes_ms.clone(), app.asked.clone());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (takes_ms, asked) = (takes_ms.clone(), asked.clone());
                std::thread::spawn(move || {
                    let _ = stream.read(&mut [0; 4096]);
                    asked.fetch_add(1, Relaxed);
                    std::thread::sleep(Duration::from_millis(takes_ms.load(Relaxed)));
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n200");
                });
            }
        });
        app
    }
}

/// A project that is only watched, with promises of its own.
fn fleet(name: &str, app: &App) -> Fleet {
    let fleet = Fleet::prepare(name, |main| {
        let ours = format!("resolve: {{speed.example.com: {}, ", app.address);
        main.replace("resolve: {", &ours)
    });
    let project = "apiVersion: cloudbrain/v1\nkind: Project\nname: speed\nowners: {dev: [alice]}\n\
                   domains: [speed.example.com]\nmodules: [{name: web, monitor: js}]\n";
    let policy = "apiVersion: cloudbrain/v1\nkind: AccountingPolicy\nname: speed\nversion: 1\n\
                  projects: [speed]\nlatency: {within: [100ms, 600ms], target: 99% within 300ms}\n";
    let write = |file: &str, text: &str| {
        std::fs::write(fleet.folder.join(file), text).expect("a folder of ours");
    };
    write("projects/speed.yaml", project);
    write("policies/speed.yaml", policy);
    fleet
}

fn latency(fleet: &Fleet) -> Option<Value> {
    let view = fleet.get("/api/report?project=speed&period=today")?;
    Some(view["modules"].get(0)?["latency"].clone()).filter(Value::is_object)
}

fn number(view: &Value, what: &str) -> u64 {
    view[what].as_u64().unwrap_or_default()
}

#[test]
fn a_slow_application_shows_in_the_percentiles_and_a_late_answer_is_a_failure() {
    let app = App::start();
    let mut fleet = fleet("latency", &app);
    fleet.start_brain();
    fleet.wait("quick answers", |fleet| (number(&latency(fleet)?, "probes") >= 4).then_some(()));
    let quick = latency(&fleet).expect("it was told before");
    assert!(number(&quick, "p99_us") < 300_000 && quick["is_met"] == true, "{quick}");
    app.takes_ms.store(400, Relaxed);
    let slow = fleet.wait("slow answers", |fleet| {
        latency(fleet).filter(|view| number(view, "p99_us") >= 390_000)
    });
    assert_eq!((&slow["is_met"], number(&slow, "failures")), (&Value::Bool(false), 0), "{slow}");
    assert!(number(&slow, "slowest_us") >= 400_000, "{slow}");
    app.takes_ms.store(2_000, Relaxed);
    let late = fleet
        .wait("a timeout", |fleet| latency(fleet).filter(|view| number(view, "failures") >= 2));
    assert!(number(&late, "slowest_us") < 800_000, "a timeout is no time: {late}");
    for within in late["within"].as_array().expect("a list") {
        let in_time = number(within, "count") + number(&late, "failures");
        assert!(in_time <= number(within, "of"), "a failure is above each threshold: {late}");
        assert_eq!(number(within, "of"), number(&late, "probes"), "{late}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["report", "--project", "speed", "--period", "today", "--lang", "zh"])
        .args(["--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for words in ["响应时间", "目标 99% 未达标", "承诺 99% 的探测在 300ms 内得到应答"]
    {
        assert!(text.contains(words), "{words} in: {text}");
    }
    let page = fleet.page("/reports/speed?period=today").expect("a page");
    assert!(page.contains("<h3>Latency</h3>") && page.contains("missed (99%)"), "{page}");
}

#[test]
fn a_brain_that_is_killed_counts_each_probe_once() {
    let app = App::start();
    let mut fleet = fleet("latency-killed", &app);
    for round in 1..=3_u64 {
        fleet.start_brain();
        let wanted = round * 4;
        fleet.wait("some answers", |fleet| {
            (number(&latency(fleet)?, "probes") >= wanted).then_some(())
        });
        fleet.kill_brain();
    }
    let asked = app.asked.load(Relaxed);
    fleet.start_brain();
    let told = fleet.wait("the brain", |fleet| Some(number(&latency(fleet)?, "probes")));
    // The last probe of each brain may have died with it, and this one has begun to ask, too.
    let since = app.asked.load(Relaxed) - asked;
    assert!(told + 3 * 2 >= asked && told <= asked + since, "{told} of {asked}, then {since}");
}

#[test]
fn times_that_tell_no_answers_apart_are_refused() {
    let file = "policies/availability.yaml";
    let (from, to) = ("within: [50ms, 100ms]", "within: [100ms, 800ms]");
    let expected =
        &["availability.yaml:17:", "800ms tells no answers apart", "given up after 800ms"];
    refused("latency-long", file, from, to, expected);
    let from = "target: 99% within 300ms";
    let expected =
        &["availability.yaml:18:", "promises nothing; write for example 99% within 300ms"];
    refused("latency-target", file, from, "target: 99% in 300ms", expected);
    let expected = &["availability.yaml:18:", "\"101%\" is no target"];
    refused("latency-share", file, from, "target: 101% within 300ms", expected);
}
