//! The same questions, put to a real Prometheus and to us, must get the same answers.
//!
//! Debian has Prometheus 2.42, we follow version 3. Where these differ by design is kept out of
//! sight or written down here:
//! - 2.42 has windows that are closed on the left. All samples lie three tenths of a second past
//!   a multiple of 15 s, and everything is asked for at half seconds, so that no sample and no step
//!   of a subquery is ever on the edge of a window or of the lookback.
//! - 2.42 knows no `mad_over_time`, `sort_by_label`, `double_exponential_smoothing`, and no
//!   durations as numbers.
//! - 2.42 keeps the metric's name through `atan2`, lets the window of `predict_linear(x[5m] @ t, s)`
//!   run dry from step to step, and takes NaN for a date.
//! - 2.42 reads the start of a young counter a little differently: no counter here begins in the
//!   middle of what is asked for.
//! - The last digits of means and variances differ, as 3 rounds less: one part in 10^9 is granted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use model::series::{Labels, STALE};
use query::{Limits, QueryError, Value, api};
use serde_json::Value as Json;

use crate::memory::Memory;
use crate::wire::write_request;

/// 2024-03-01, just after a leap day.
const BASE_MS: i64 = 1_709_251_200_000;
const EVERY_MS: i64 = 15_000;
const SAMPLES: i64 = 160;

#[test]
#[ignore = "needs the Debian package prometheus"]
fn a_real_prometheus_answers_the_same() {
    let memory = samples();
    let prometheus = Prometheus::start();
    let headers = "Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n\
                   X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
    let (status, answer) =
        prometheus.request("POST", "/api/v1/write", headers, &write_request(&memory));
    assert_eq!(status, 204, "{}", String::from_utf8_lossy(&answer));

    let mut differences = Vec::new();
    let mut asked = 0;
    for expression in EXPRESSIONS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        for when in WHEN {
            asked += 1;
            let (ours, theirs) =
                (ours(&memory, expression, *when), prometheus.ask(expression, *when));
            if let Some(difference) = difference(&ours, &theirs, is_ordered(expression)) {
                differences.push(format!("{expression} at {when:?}: {difference}"));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {asked}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(asked > 500, "only {asked} questions");
}

/// When to ask, in seconds, half a second after [`BASE_MS`].
#[derive(Clone, Copy, Debug)]
enum When {
    At(i64),
    Every { start: i64, end: i64, step: i64 },
}

const WHEN: &[When] = &[
    When::At(1_200),
    When::At(1_817),
    When::Every { start: 600, end: 2_700, step: 60 },
    When::Every { start: 0, end: 2_400, step: 47 },
];

const EXPRESSIONS: &str = r#"
    requests_total
    requests_total{vm="web-1"}
    requests_total{vm=~"web-.*",mode!="idle"}
    {__name__=~"flavor|temperature",vm!="db-1"}
    temperature
    temperature offset 3m
    temperature offset -3m
    temperature @ 1709252000
    temperature @ start()
    temperature @ end() offset 1m
    gone
    rate(requests_total[1m])
    rate(requests_total[5m])
    rate(requests_total[5m] offset 2m)
    rate(requests_total[5m] @ 1709252400)
    rate(requests_total[47s])
    rate(requests_total[20s])
    increase(requests_total[10m])
    irate(requests_total[5m])
    idelta(temperature[5m])
    delta(temperature[5m])
    delta(temperature[2h])
    deriv(temperature[10m])
    predict_linear(temperature[10m], 3600)
    predict_linear(temperature[10m] offset 1m, 3600)
    changes(temperature[10m])
    changes(steps[10m])
    resets(requests_total[10m])
    resets(temperature[10m])
    holt_winters(temperature[10m], 0.3, 0.6)
    avg_over_time(temperature[5m])
    min_over_time(temperature[5m])
    max_over_time(temperature[5m])
    sum_over_time(temperature[5m])
    count_over_time(temperature[5m])
    quantile_over_time(0.9, temperature[5m])
    quantile_over_time(2, temperature[5m])
    stddev_over_time(temperature[5m])
    stdvar_over_time(temperature[5m])
    last_over_time(temperature[5m])
    present_over_time(temperature[5m])
    absent_over_time(temperature{vm="nowhere"}[5m])
    absent_over_time(gone[5m])
    count_over_time(gone[5m])
    last_over_time(gone[10m])
    sum(requests_total)
    sum by (vm) (requests_total)
    sum without (mode) (requests_total)
    sum by (vm, nowhere) (rate(requests_total[5m]))
    sum(rate(requests_total[5m])) by (mode)
    avg(rate(requests_total[5m]))
    avg by (job) (temperature)
    min by (job) (temperature)
    max by (job) (temperature)
    count by (job) (temperature)
    count(gone)
    group by (job) (temperature)
    stddev by (job) (temperature)
    stdvar(temperature)
    quantile(0.5, temperature)
    quantile by (job) (0.9, rate(requests_total[5m]))
    quantile(-1, temperature)
    topk(2, requests_total)
    topk(1, requests_total) by (mode)
    topk(3, rate(requests_total[5m]))
    bottomk(2, requests_total)
    bottomk(1, temperature) by (job)
    topk(0, requests_total)
    count_values("value", steps)
    count_values by (vm) ("value", steps)
    sum(topk(2, requests_total))
    requests_total + 1
    1 - temperature
    temperature > 20
    20 < temperature
    temperature > bool 20
    temperature == temperature
    temperature != bool 20
    -temperature
    +temperature
    temperature % 7
    temperature ^ 2
    2 ^ temperature
    temperature / 0
    (temperature + 1) atan2 3
    requests_total / requests_total
    requests_total / ignoring(mode) group_left flavor
    requests_total * on(vm) group_left(flavor) flavor
    flavor * on(vm) group_right requests_total
    flavor * on(vm) group_right(flavor) requests_total
    requests_total / on(vm) flavor
    flavor / on(vm) requests_total
    requests_total > on(vm) group_left temperature
    temperature > on(vm) flavor
    temperature > bool on(vm) flavor
    temperature and requests_total
    temperature and on(vm) flavor
    temperature or gone
    temperature or on(vm) flavor
    temperature unless on(vm) flavor
    temperature unless gone
    gone or temperature
    temperature > 20 and temperature < 25
    temperature > 25 or temperature < 15
    sum(requests_total) by (vm) / on(vm) flavor
    sum(rate(requests_total{mode="user"}[5m])) by (vm) / sum(rate(requests_total[5m])) by (vm)
    1 - avg by (vm) (rate(requests_total{mode="idle"}[5m]))
    requests_total - requests_total offset 5m
    sum(requests_total) > 10000 or vector(0)
    temperature * scalar(sum(flavor))
    scalar(temperature)
    scalar(temperature{vm="web-1"})
    vector(1)
    vector(time())
    time()
    1 + 2 * 3 ^ 2
    1 > bool 2
    10 % 3 == bool 1
    -1 ^ 2
    2 ^ 3 ^ 2
    "a string"
    pi()
    NaN
    abs(temperature - 20)
    ceil(temperature)
    floor(temperature)
    round(temperature)
    round(temperature, 0.5)
    exp(temperature / 10)
    ln(temperature)
    log2(temperature - 20)
    log10(temperature)
    sqrt(temperature - 20)
    sgn(temperature - 20)
    clamp(temperature, 18, 22)
    clamp(temperature, 22, 18)
    clamp_min(temperature, 20)
    clamp_max(temperature, 20)
    sin(temperature)
    cos(temperature)
    tan(temperature)
    asin(temperature / 100)
    acos(temperature / 100)
    atan(temperature)
    sinh(temperature / 10)
    cosh(temperature / 10)
    tanh(temperature / 10)
    asinh(temperature)
    acosh(temperature)
    atanh(temperature / 100)
    deg(temperature)
    rad(temperature)
    absent(temperature)
    absent(temperature{vm="nowhere"})
    absent(temperature{vm="nowhere",job=~"a.*"})
    absent(sum(gone))
    absent(gone)
    sort(temperature)
    sort_desc(temperature)
    timestamp(temperature)
    timestamp(temperature offset 1m)
    timestamp(temperature + 1)
    year()
    month()
    day_of_month(vector(time() - 86400))
    day_of_week()
    day_of_year()
    days_in_month(vector(time() - 86400))
    hour()
    minute()
    minute((temperature > 0) * 60)
    label_replace(temperature, "kind", "$1-$2", "vm", "(.*)-(.*)")
    label_replace(temperature, "vm", "", "vm", ".*")
    label_replace(temperature, "kind", "x", "vm", "web")
    label_join(temperature, "both", "/", "job", "vm")
    histogram_quantile(0.5, latency_bucket)
    histogram_quantile(0.85, sum by (le) (rate(latency_bucket[5m])))
    histogram_quantile(0.85, sum by (le, vm) (rate(latency_bucket[5m])))
    histogram_quantile(0, latency_bucket)
    histogram_quantile(1, latency_bucket)
    histogram_quantile(1.5, latency_bucket)
    max_over_time(rate(requests_total[1m])[10m:1m])
    avg_over_time(temperature[10m:30s])
    avg_over_time(temperature[10m:])
    sum_over_time((temperature > 20)[10m:47s])
    max_over_time(sum(rate(requests_total[2m]))[10m:2m])
    min_over_time(temperature[10m:1m] offset 5m)
    count_over_time((temperature @ start())[10m:1m])
    rate(sum(requests_total)[10m:30s])
    stddev_over_time(avg_over_time(temperature[2m])[10m:1m])
    absent_over_time(gone[1m:10s])
    temperature{
    sum(temperature
    nope(temperature)
    rate(temperature)
    temperature[5m] + 1
    1 == 1
    abs({__name__=~"flavor|temperature",vm="web-1"})
    rate({__name__=~"requests_total|steps",vm="web-1"}[5m])
"#;

fn is_ordered(expression: &str) -> bool {
    ["sort", "topk", "bottomk"].iter().any(|name| expression.starts_with(name))
        && !expression.contains(" by ")
}

fn samples() -> Memory {
    let mut memory = Memory::default();
    let mut add = |labels: &[(&str, &str)], value: &dyn Fn(i64) -> Option<f64>| {
        let points = memory.0.entry(Labels::of(labels.iter().copied())).or_default();
        for index in 0..SAMPLES {
            if let Some(value) = value(index) {
                points.times.push(BASE_MS + 300 + index * EVERY_MS);
                points.values.push(value);
            }
        }
    };
    for (vm, job, speed) in [("web-1", "web", 3), ("web-2", "web", 5), ("db-1", "db", 11)] {
        for (mode, share) in [("user", 7), ("system", 2), ("idle", 13)] {
            let labels = [("__name__", "requests_total"), ("vm", vm), ("job", job), ("mode", mode)];
            // Falls to near zero once, at another time for each.
            add(&labels, &|index| {
                let since = if index < speed * 9 { index + 1000 } else { index - speed * 9 };
                Some((since * speed * share + index % share) as f64)
            });
        }
        let labels = [("__name__", "temperature"), ("vm", vm), ("job", job)];
        add(&labels, &|index| match (index * speed) % 41 {
            7 => None,
            11 if speed == 5 => Some(f64::NAN),
            13 if speed == 11 => Some(STALE),
            odd => Some(20.0 + odd as f64 / 4.0 - (index % 17) as f64 / 3.0),
        });
        add(&[("__name__", "steps"), ("vm", vm)], &|index| Some((index / speed % 4) as f64 / 2.0));
        for (bound, share) in [("0.1", 2), ("0.25", 5), ("1", 9), ("2.5", 9), ("+Inf", 10)] {
            let labels = [("__name__", "latency_bucket"), ("vm", vm), ("le", bound)];
            add(&labels, &|index| Some((index * share * speed + share) as f64));
        }
    }
    for (vm, flavor, cores) in [("web-1", "small", 2.0), ("db-1", "large", 8.0)] {
        add(&[("__name__", "flavor"), ("vm", vm), ("flavor", flavor)], &|_| Some(cores));
    }
    add(&[("__name__", "gone"), ("vm", "web-1")], &|index| match index {
        0..60 => Some(1.0),
        60 => Some(STALE),
        _ => None,
    });
    memory
}

fn ours(memory: &Memory, expression: &str, when: When) -> Json {
    let limits = Limits::default();
    let ms = |seconds: i64| BASE_MS + 500 + seconds * 1000;
    let outcome = match when {
        When::At(at) => query::instant(memory, expression, ms(at), limits),
        When::Every { start, end, step } => {
            query::range(memory, expression, ms(start), ms(end), step * 1000, limits)
                .map(Value::Matrix)
        }
    };
    let mut bytes = Vec::new();
    match outcome {
        Ok(value) => api::value(&value, &[], &mut bytes),
        Err(error @ QueryError::Source(_)) => panic!("{error}"),
        Err(error) => {
            api::error(api::ErrorType::of(&error), &error.to_string(), &mut bytes);
        }
    }
    serde_json::from_slice(&bytes).unwrap()
}

/// What differs, if anything; of errors only their kind must be the same.
fn difference(ours: &Json, theirs: &Json, ordered: bool) -> Option<String> {
    if theirs["status"] == "error" || ours["status"] == "error" {
        let same = ours["errorType"] == theirs["errorType"];
        return (!same).then(|| side_by_side(ours, theirs));
    }
    let (ours, theirs) = (&ours["data"], &theirs["data"]);
    if ours["resultType"] != theirs["resultType"] {
        return Some(format!("{} is not {}", ours["resultType"], theirs["resultType"]));
    }
    let (mut ours, mut theirs) = (ours["result"].clone(), theirs["result"].clone());
    for result in [&mut ours, &mut theirs] {
        if let Json::Array(series) = result
            && !ordered
        {
            series.sort_by_key(|one| one["metric"].to_string());
        }
    }
    (!same(&ours, &theirs)).then(|| side_by_side(&ours, &theirs))
}

fn side_by_side(ours: &Json, theirs: &Json) -> String {
    let [ours, theirs] =
        [ours, theirs].map(|json| json.to_string().chars().take(600).collect::<String>());
    format!("\n    ours   {ours}\n    theirs {theirs}")
}

fn same(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Array(ours), Json::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Json::Object(ours), Json::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|b| same(value, b)))
        }
        (Json::String(ours), Json::String(theirs)) => ours == theirs || close(ours, theirs),
        _ => ours == theirs,
    }
}

fn close(ours: &str, theirs: &str) -> bool {
    let (Ok(ours), Ok(theirs)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else {
        return false;
    };
    (ours - theirs).abs() <= 1e-9 * ours.abs().max(theirs.abs()).max(1e-3)
}

/// A server on loopback with a folder of its own; both go when this does.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Prometheus {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("query-prometheus-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        let port = (21_000..32_000)
            .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .expect("one of eleven thousand ports is free");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus is installed");
        let mut started = Self { child, folder, port };
        started.wait();
        started
    }

    /// Until it logs that it is ready; goes on emptying its log, so that it never blocks on it.
    fn wait(&mut self) {
        let log = self.child.stderr.take().expect("its log is piped");
        let mut lines = BufReader::new(log).lines();
        let ready = lines.find(|line| {
            line.as_ref().is_ok_and(|line| line.contains("ready to receive web requests"))
        });
        assert!(ready.is_some(), "prometheus ended before it was ready");
        std::thread::spawn(move || lines.for_each(drop));
    }

    fn ask(&self, expression: &str, when: When) -> Json {
        let at = |seconds: i64| format!("{}.5", BASE_MS / 1000 + seconds);
        let (path, times) = match when {
            When::At(seconds) => ("/api/v1/query", format!("time={}", at(seconds))),
            When::Every { start, end, step } => {
                ("/api/v1/query_range", format!("start={}&end={}&step={step}", at(start), at(end)))
            }
        };
        let body = format!("{times}&query={}", percent_encoded(expression));
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        let (_, answer) = self.request("POST", path, headers, body.as_bytes());
        serde_json::from_slice(&answer).unwrap()
    }

    /// By HTTP 1.0, so that the answer ends where the connection does.
    fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.0\r\n{headers}Content-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
