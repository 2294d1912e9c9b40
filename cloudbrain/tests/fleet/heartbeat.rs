//! The dead man's switch with the real binary and a far side of the test's own: it hears from us
//! while we work, hears that we do not when we do not, and operations hear when it refuses us.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

use crate::common::Fleet;

/// Waits for pings, and answers each as it was told to.
struct FarSide {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<&'static str>>,
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
const UNKNOWN: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\nOK (not found)";

impl FarSide {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let far_side = Self { address, heard: Arc::default(), answer: Arc::new(Mutex::new(TAKEN)) };
        let (heard, answer) = (far_side.heard.clone(), far_side.answer.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let request = request(&mut BufReader::new(&stream));
                heard.lock().expect("no panic").push(request);
                let answer = *answer.lock().expect("no panic");
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        far_side
    }

    fn heard(&self, what: &str) -> usize {
        let heard = self.heard.lock().expect("no panic");
        heard.iter().filter(|request| request.starts_with(what)).count()
    }

    fn forget(&self) {
        self.heard.lock().expect("no panic").clear();
    }
}

/// The first line and the body.
fn request(stream: &mut impl std::io::BufRead) -> String {
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    let _ = stream.read_line(&mut first);
    while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    format!("{} {}", first.trim(), String::from_utf8_lossy(&body))
}

/// The shop, with a heartbeat to the far side every second, and whatever else.
fn fleet(name: &str, far_side: &FarSide, more: &str) -> Fleet {
    let url = format!("http://{}", far_side.address);
    Fleet::prepare(name, |main| {
        let main = main.replace("collector:\n", &format!("collector:\n{more}"));
        format!(
            "{main}\nheartbeat:\n  - ping: {{name: hc, url: \"{url}/ping/a-secret-uuid\", \
             fail_url: \"{url}/ping/a-secret-uuid/fail\", every: 1s, method: post}}\n"
        )
    })
}

const ALIVE: &str = "POST /ping/a-secret-uuid HTTP/1.1 {\"state\":\"alive\"}";
const FAIL: &str = "POST /ping/a-secret-uuid/fail HTTP/1.1 {\"state\":";

#[test]
fn it_beats_while_the_brain_works_and_a_refused_beat_is_told_to_operations() {
    let far_side = FarSide::open();
    let mut fleet = fleet("heartbeat", &far_side, "");
    fleet.start_brain();
    fleet.wait("beats", |_| (far_side.heard(ALIVE) >= 2).then_some(()));
    assert_eq!(far_side.heard(FAIL), 0);

    *far_side.answer.lock().expect("no panic") = UNKNOWN;
    let told = |fleet: &Fleet, kind: &str| -> Option<Value> {
        let all = fleet.get("/api/messages")?;
        let of = |message: &&Value| {
            message["to"] == "ops"
                && message["root"] == "channel/heartbeat-hc"
                && message["kind"] == kind
        };
        all.as_array()?.iter().find(of).cloned()
    };
    let message = fleet.wait("operations to be told", |fleet| told(fleet, "problem"));
    let text = message["text"].as_str().expect("a text");
    assert!(text.contains("OK (not found)"), "{text}");
    assert!(!text.contains("a-secret-uuid"), "{text}");
    let page = fleet.page("/monitor").expect("the page");
    assert!(page.contains("heartbeat-hc"), "the page names it");
    assert!(!page.contains("a-secret-uuid"));

    fleet.kill_brain();
    *far_side.answer.lock().expect("no panic") = TAKEN;
    fleet.start_brain();
    fleet.wait("the end to be told, also by the next brain", |fleet| told(fleet, "resolved"));
}

#[test]
fn it_stops_when_the_record_cannot_be_written() {
    let far_side = FarSide::open();
    let mut fleet = fleet("heartbeat-store", &far_side, "");
    // As a full disk: the kernel refuses each write to a file. Without the signal, which would
    // end the program.
    let program = env!("CARGO_BIN_EXE_cloudbrain");
    let serve = format!("trap '' XFSZ; exec {program} serve --config cloudbrain.yaml");
    let mut command = Command::new("sh");
    command.args(["-c", &serve]).current_dir(&fleet.folder).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    fleet.brain = Some(command.spawn().expect("a shell runs"));
    fleet.wait("beats", |_| (far_side.heard(ALIVE) >= 2).then_some(()));

    let pid =
        fleet.brain.as_ref().map(std::process::Child::id).and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).expect("it runs");
    let full = Rlimit { current: Some(0), maximum: None };
    prlimit(Some(pid), Resource::Fsize, full).expect("it is our child");
    fleet.wait("the fault to be told", |_| (far_side.heard(FAIL) >= 1).then_some(()));
    far_side.forget();
    fleet.wait("it again", |_| (far_side.heard(FAIL) >= 2).then_some(()));
    assert_eq!(far_side.heard(ALIVE), 0, "no beat while nothing can be recorded");

    prlimit(Some(pid), Resource::Fsize, Rlimit { current: None, maximum: None })
        .expect("it is our child");
    fleet.wait("beats again", |_| (far_side.heard(ALIVE) >= 1).then_some(()));
}

#[test]
fn it_stops_when_the_eye_is_blind() {
    let far_side = FarSide::open();
    // The broadcast address: no connection leads there.
    let more = "  canaries: [255.255.255.255:9]\n";
    let mut fleet = fleet("heartbeat-blind", &far_side, more);
    fleet.start_brain();
    fleet.wait("the fault to be told", |_| (far_side.heard(FAIL) >= 2).then_some(()));
    let heard = far_side.heard.lock().expect("no panic").join("\n");
    assert!(heard.contains("{\"state\":\"blind since "), "{heard}");
}
