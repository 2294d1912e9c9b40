//! Samples with the real binary: what is pushed, scraped and read of data sources is found by
//! PromQL, and what was acknowledged is there after a `kill -9`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::common::{Fleet, free_ports};

/// A field of a protobuf message with bytes in it.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A remote write of one sample, in a snappy block.
pub(crate) fn remote_write(metric: &str, vm: &str, value: f64, at_ms: i64) -> Vec<u8> {
    let label = |name: &str, value: &str| {
        field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat())
    };
    let mut sample = vec![1 << 3 | 1];
    sample.extend(value.to_le_bytes());
    sample.push(2 << 3);
    sample.extend(varint(at_ms as u64));
    let series = [label("__name__", metric), label("vm", vm), field(2, &sample)].concat();
    snap::raw::Encoder::new().compress_vec(&field(1, &series)).expect("it is small")
}

/// Status of a POST with a body of bytes.
pub(crate) fn push(brain: SocketAddr, body: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(brain).ok()?;
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nHost: brain\r\nContent-Encoding: snappy\r\n\
         Content-Type: application/x-protobuf\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// The values of an instant query.
pub(crate) fn ask(fleet: &Fleet, expression: &str) -> Option<Vec<f64>> {
    let answer = fleet.get(&format!("/api/v1/query?query={}", encoded(expression)))?;
    let result = answer["data"]["result"].as_array()?;
    result.iter().map(|sample| sample["value"][1].as_str()?.parse().ok()).collect()
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) fn now_ms() -> i64 {
    let now = jiff::Timestamp::now();
    now.as_millisecond()
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let mut fleet = Fleet::start("samples-kill");
    fleet.wait("the brain to be ready", |fleet| fleet.get("/api/overview"));
    let begin = now_ms() - 200_000;
    let mut acknowledged = 0;
    for round in 0..4 {
        for push_number in 0..25 {
            let at = begin + (round * 25 + push_number) * 1000;
            let body = remote_write("pushed", "a", acknowledged as f64, at);
            let status = fleet.wait("an answer", |fleet| push(fleet.listen, &body));
            assert_eq!(status, 204);
            acknowledged += 1;
        }
        fleet.kill_brain();
        fleet.start_brain();
        let count = "count_over_time(pushed[1h])";
        let found =
            fleet.wait("the samples", |fleet| ask(fleet, count).filter(|found| !found.is_empty()));
        assert_eq!(found, [f64::from(acknowledged)], "after kill {round}");
    }
    let last = ask(&fleet, "last_over_time(pushed[1h])").expect("an answer");
    assert_eq!(last, [f64::from(acknowledged - 1)]);
    let rubbish = push(fleet.listen, b"rubbish").expect("an answer");
    assert_eq!(rubbish, 400);
    let wrong = fleet.get("/api/v1/query?query=sum(").expect("an answer");
    assert_eq!(wrong["errorType"], "bad_data", "{wrong}");
    let unknown = fleet.get("/api/v1/query?query=frobnicate(up)").expect("an answer");
    assert!(unknown["error"].to_string().contains("frobnicate"), "{unknown}");
}

#[test]
fn the_fleet_measures_itself_and_answers_promql() {
    let fleet = Fleet::start("samples-own");
    fleet.wait_until_up(2);
    let load = r#"avg by (module) (load1_per_core{module="shop/web"})"#;
    fleet.wait("the load of the module", |fleet| ask(fleet, load).filter(|found| found.len() == 1));
    let hosts = r#"count by (host) (count by (host, vm) (load1_per_core{vm!=""}))"#;
    fleet.wait("both hosts", |fleet| ask(fleet, hosts).filter(|found| found.len() == 2));
    let serving = fleet.wait("the module's own", |fleet| {
        ask(fleet, "cloudbrain_module_serving_vms").filter(|found| found == &[2.0])
    });
    assert_eq!(serving, [2.0]);
    let values = fleet.get("/api/v1/label/module/values").expect("an answer");
    assert_eq!(values["data"], serde_json::json!(["shop/web"]));
    let end = now_ms() / 1000;
    let range = format!(
        "/api/v1/query_range?query=cloudbrain_module_serving_vms&start={}&end={end}&step=1",
        end - 10
    );
    let chart = fleet.get(&range).expect("an answer");
    assert_eq!(chart["data"]["resultType"], "matrix", "{chart}");
}

/// An exporter of one page; it can be made to hang up.
fn exporter(is_down: &Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let is_down = is_down.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if is_down.load(Relaxed) {
                continue;
            }
            let is_down = is_down.clone();
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                while !is_down.load(Relaxed) && stream.read(&mut request).is_ok_and(|n| n > 0) {
                    let page = "# TYPE jobs gauge\njobs{queue=\"mail\"} 7\nbroken{ 1\n";
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{page}",
                        page.len()
                    );
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn an_exporter_of_a_file_is_scraped_and_its_end_is_seen_at_once() {
    let is_down = Arc::new(AtomicBool::new(false));
    let address = exporter(&is_down);
    let mut fleet = Fleet::prepare("samples-scrape", |main| {
        let scrape = "collector:\n  scrapes:\n    - {name: jobs, interval: 1s, timeout: 1s, \
                      file_sd: [\"jobs-*.json\"]}\n";
        main.replace("collector:\n", scrape)
    });
    let list = serde_json::json!([{"targets": [address.to_string()], "labels": {"room": "r1"}}]);
    std::fs::write(fleet.folder.join("jobs-1.json"), list.to_string()).expect("a folder of ours");
    fleet.start_brain();
    let expression = r#"jobs{job="jobs", room="r1", queue="mail"}"#;
    let found = fleet.wait("the page", |fleet| ask(fleet, expression).filter(|f| !f.is_empty()));
    assert_eq!(found, [7.0]);
    assert_eq!(ask(&fleet, r#"up{job="jobs"}"#), Some(vec![1.0]));
    assert_eq!(ask(&fleet, "scrape_samples_refused"), Some(vec![1.0]), "one line is broken");
    is_down.store(true, Relaxed);
    fleet.wait("its end", |fleet| ask(fleet, expression).filter(Vec::is_empty));
    assert_eq!(ask(&fleet, r#"up{job="jobs"}"#), Some(vec![0.0]));
}

struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill(); // It may have been killed already.
        let _ = self.0.wait();
    }
}

fn redis(port: u16, folder: &std::path::Path) -> Redis {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn();
    Redis(child.expect("redis-server runs"))
}

#[test]
#[ignore = "needs the Debian package redis-server"]
fn a_data_source_of_a_project_is_watched_without_being_asked_for() {
    let port = free_ports();
    let mut fleet = Fleet::prepare("samples-redis", |main| main);
    let project = fleet.folder.join("projects/shop.yaml");
    let text = std::fs::read_to_string(&project).expect("the example");
    let text = text.replace("    monitor: js\n", "    monitor: js\n    uses: [sessions]\n");
    let source = format!(
        "data_sources:\n  - redis: {{name: sessions, address: \"127.0.0.1:{port}\", interval: 1s, \
         timeout: 1s}}\n"
    );
    std::fs::write(&project, text + &source).expect("a folder of ours");
    let mut server = redis(port, &fleet.folder);
    fleet.start_brain();
    let up = r#"datasource_up{datasource="sessions", project="shop"}"#;
    fleet.wait("it to be up", |fleet| ask(fleet, up).filter(|found| found == &[1.0]));
    let memory = ask(&fleet, "redis_memory_used_bytes").expect("an answer");
    assert!(memory[0] > 100_000.0, "{memory:?}");
    server.0.kill().expect("it is our child");
    let incident = fleet.wait("an incident", |fleet| {
        let incidents = fleet.get("/api/incidents")?;
        let all = incidents.as_array()?.clone();
        all.into_iter().find(|incident| incident["root"] == "datasource/sessions")
    });
    let headline = incident["headline"]["en"].as_str().expect("a text");
    assert_eq!(headline, "data source sessions is down; no VM suffers");
    fleet.wait("it to be down", |fleet| ask(fleet, up).filter(|found| found == &[0.0]));
}
