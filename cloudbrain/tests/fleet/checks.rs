//! Checks that users write into a project file: made by the real binary against servers that turn
//! bad and well again, and refused where they are wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::Value;

use crate::common::Fleet;
use crate::files::{check, refused};
use crate::samples::ask;

/// An API and a name server that can be made to fail.
struct Servers {
    is_bad: Arc<AtomicBool>,
    api: SocketAddr,
    names: SocketAddr,
}

impl Servers {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let servers = Self {
            is_bad: Arc::default(),
            api: listener.local_addr().expect("it listens"),
            names: socket.local_addr().expect("it is bound"),
        };
        let (api_is_bad, names_are_bad) = (servers.is_bad.clone(), servers.is_bad.clone());
        std::thread::spawn(move || serve_pages(&listener, &api_is_bad));
        std::thread::spawn(move || serve_names(&socket, &names_are_bad));
        servers
    }
}

fn serve_pages(listener: &TcpListener, is_bad: &AtomicBool) {
    for mut stream in listener.incoming().flatten() {
        let is_bad = is_bad.load(Relaxed);
        std::thread::spawn(move || {
            let (status, body) = match is_bad {
                true => ("503 Unavailable", r#"{"status": "degraded"}"#),
                false => ("200 OK", r#"{"status": "ok"}"#),
            };
            let length = body.len();
            let _ = stream.read(&mut [0; 4096]); // A check of the port alone says nothing.
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        });
    }
}

/// One address for every name; none while it is bad.
fn serve_names(socket: &UdpSocket, is_bad: &AtomicBool) {
    let mut message = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut message) {
        let question = &message[12..length.max(12)];
        // A name ends with an empty label; type and class follow.
        let end = question.iter().position(|byte| *byte == 0).unwrap_or_default() + 5;
        let (code, count) = if is_bad.load(Relaxed) { (0x83, 0) } else { (0x80, 1) };
        let header = [message[0], message[1], 0x81, code, 0, 1, 0, count, 0, 0, 0, 0];
        let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7];
        let answer = [&header[..], &question[..end.min(question.len())]].concat();
        let answer = if count == 1 { [&answer[..], &record].concat() } else { answer };
        let _ = socket.send_to(&answer, from);
    }
}

/// A project of its own, which is watched only.
fn project(servers: &Servers) -> String {
    let Servers { api, names, is_bad: _ } = servers;
    let times = "interval: 500ms, timeout: 400ms";
    format!(
        "apiVersion: cloudbrain/v1\n\
         kind: Project\n\
         name: billing\n\
         owners: {{dev: [alice]}}\n\
         modules: [{{name: api}}, {{name: names}}]\n\
         checks:\n\
         - http: {{name: orders, url: \"http://{api}/orders\", {times}, severity: disaster,\n\
         \x20   headers: {{Authorization: \"Bearer ${{file:token}}\"}}, json: ['/status == \"ok\"']}}\n\
         - tcp: {{name: port, address: \"{api}\", {times}}}\n\
         - dns: {{name: resolves, module: names, query: shop.test, server: \"{names}\",\n\
         \x20   answers: [10.0.0.7], {times}, confirm_down: 2, confirm_up: 2}}\n\
         - ping: {{name: self, host: 127.0.0.1, {times}, rtt_below: 100ms, packets: 1}}\n"
    )
}

fn open_incident(fleet: &Fleet, root: &str) -> Option<Value> {
    let incidents = fleet.get("/api/incidents")?.as_array()?.clone();
    incidents.into_iter().find(|incident| incident["root"] == root)
}

#[test]
fn a_check_of_each_kind_is_made_and_told_when_it_turns_bad_and_when_it_is_good_again() {
    let servers = Servers::start();
    let mut fleet = Fleet::prepare("checks", |main| main);
    std::fs::write(fleet.folder.join("token"), "canary-7f3\n").expect("a folder of ours");
    std::fs::write(fleet.folder.join("projects/billing.yaml"), project(&servers)).expect("ours");
    fleet.start_brain();
    let up = |check: &str| format!("check_up{{project=\"billing\", check=\"{check}\"}}");
    for check in ["orders", "port", "resolves"] {
        fleet.wait(check, |fleet| ask(fleet, &up(check)).filter(|found| found == &[1.0]));
    }
    fleet.wait("a ping, or why there is none", |fleet| {
        let pings = ask(fleet, &up("self")).is_some_and(|found| found == [1.0]);
        let page = fleet.get("/api/overview")?.to_string();
        (pings || page.contains("ping_group_range")).then_some(())
    });
    assert_eq!(ask(&fleet, "check_http_status"), Some(vec![200.0]));
    assert_eq!(ask(&fleet, "count(check_duration_seconds{phase=\"connect\"})"), Some(vec![2.0]));

    servers.is_bad.store(true, Relaxed);
    let api = fleet.wait("an incident", |fleet| open_incident(fleet, "module/billing/api"));
    assert_eq!(api["severity"], "disaster", "{api}");
    let message = fleet.wait("word of it", |fleet| {
        let all = fleet.inbox();
        all.into_iter().find(|message| message["text"].to_string().contains("check.orders"))
    });
    let text = message["text"].as_str().expect("a text");
    let expected = "api does not work (check.orders: condition: status is 503, want 200-299; \
                    /status is \"degraded\", want == \"ok\"";
    assert!(text.starts_with(expected), "{text}");
    let names = fleet.wait("the other", |fleet| open_incident(fleet, "module/billing/names"));
    assert!(names.to_string().contains("the answer is NXDOMAIN, want NOERROR"), "{names}");
    assert_eq!(ask(&fleet, &up("port")), Some(vec![1.0]), "the port is open all the same");

    servers.is_bad.store(false, Relaxed);
    for check in ["orders", "resolves"] {
        fleet.wait(check, |fleet| ask(fleet, &up(check)).filter(|found| found == &[1.0]));
    }
    for root in ["module/billing/api", "module/billing/names"] {
        fleet.wait("the end of it", |fleet| {
            let incident = open_incident(fleet, root)?;
            incident["closed"].is_number().then_some(())
        });
    }
    let told = format!("{}{:?}", fleet.log(), fleet.inbox());
    assert!(!told.contains("canary-7f3"), "a secret is never told");
}

#[test]
fn a_bad_check_is_refused_with_its_line_and_the_way_out() {
    let with = |name: &str, check: &str, expected: &[&str]| {
        let to = format!("checks:\n  - {check}\n");
        refused(name, "projects/shop.yaml", "checks:\n", &to, expected);
    };
    let expected = &["shop.yaml:17:", "unknown value \"htpp\"", "did you mean \"http\"?"];
    with("check-kind", "htpp: {name: a, url: \"http://x/\"}", expected);
    let expected = &["shop.yaml:17:", "unknown key \"statsu\"", "did you mean \"status\"?"];
    with("check-key", "http: {name: a, url: \"http://x/\", statsu: [200]}", expected);
    let expected = &["shop.yaml:19:", "\"a(\" is no regular expression: unclosed group"];
    let check = "http:\n      name: a\n      body_matches: [\"a(\"]\n      url: \"http://x/\"";
    with("check-pattern", check, expected);
    let expected = &["shop.yaml:17:", "no JSON condition", "write for example /status =="];
    with("check-json", "http: {name: a, url: \"http://x/\", json: [\"status=ok\"]}", expected);
    let expected = &["shop.yaml:19:", "checks.0.tcp.timeout", "pile up; write less"];
    let check = "tcp:\n      name: a\n      timeout: 1h\n      address: \"x:1\"";
    with("check-times", check, expected);
    let expected = &["shop.yaml:17:", "unknown module \"wbe\"; known are web"];
    with("check-module", "ping: {name: a, host: h, module: wbe}", expected);
    let expected = &["shop.yaml:17:", "the environment has no CLOUDBRAIN_NO_SUCH; set it"];
    let check = "tcp: {name: a, address: \"h:1\", send: \"${env:CLOUDBRAIN_NO_SUCH}\"}";
    with("check-secret", check, expected);
    let expected = &["shop.yaml:18:", "a second check a; rename one"];
    with("check-twice", "ping: {name: a, host: h}\n  - ping: {name: a, host: h}", expected);
}

#[test]
fn an_insecure_check_is_taken_with_a_warning() {
    let (code, told) = check("check-insecure", "projects/shop.yaml", |text| {
        let check = "checks:\n  - http: {name: a, url: \"https://x/\", tls: {insecure: true}}\n";
        text.replacen("checks:\n", check, 1)
    });
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("shop.yaml:17: warning: checks.0.http.tls.insecure"), "{told}");
}
