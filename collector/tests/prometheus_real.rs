//! Against the real things from Debian's packages: node_exporter scraped, Prometheus writing to us.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use collector::look::{Answer, Look};
use collector::prometheus::http::{HttpUrl, TlsRoots};
use collector::prometheus::remote_write::{Decoder, check_headers};
use collector::prometheus::scrape::{ScrapeTarget, ScrapeWatch};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::clock::{FixedClock, SharedClock};
use model::series::{Labels, Row, is_absent, is_stale};
use model::time::Time;

/// How often something is looked for that must come, and how long between.
const PATIENCE: (u32, Duration) = (300, Duration::from_millis(100));

/// A program with a folder of its own, ended when this is dropped.
struct Running {
    process: Child,
    folder: PathBuf,
}

impl Running {
    fn start(program: &str, folder: &str, arguments: impl FnOnce(&PathBuf) -> Vec<String>) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("the folder for tests can be written to");
        let process = Command::new(program)
            .args(arguments(&folder))
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} runs: {error}"));
        Self { process, folder }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound")
}

fn node_exporter(address: SocketAddr, folder: &str) -> Running {
    Running::start("prometheus-node-exporter", folder, |_| {
        vec![format!("--web.listen-address={address}")]
    })
}

/// Looks again until `is_there`, or for good.
async fn until<T>(what: &str, mut is_there: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.0 {
        if let Some(found) = is_there().await {
            return found;
        }
        tokio::time::sleep(PATIENCE.1).await;
    }
    panic!("still no {what}");
}

fn watch(address: SocketAddr) -> ScrapeWatch {
    let url = HttpUrl::parse(&format!("http://{address}/metrics")).expect("a good URL");
    let target = ScrapeTarget::new(url, Labels::of([("instance", "here")]));
    ScrapeWatch::new(target, TlsRoots::of_nobody()).expect("headers that can be sent")
}

fn value(look: &Look, metric: &str) -> Option<f64> {
    let row = look.rows.last()?;
    let at = row.shape.columns.iter().position(|labels| labels.to_string() == metric)?;
    Some(row.values[at])
}

/// A figure of the kernel's: the word after `name` in a file of /proc.
fn kernel(path: &str, name: &str) -> f64 {
    let text = fs::read_to_string(path).expect("Linux has it");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("it is in there");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

#[tokio::test]
#[ignore = "needs the Debian package prometheus-node-exporter"]
async fn a_real_node_exporter_is_scraped_whole() {
    let address = free_address();
    let _exporter = node_exporter(address, "node-exporter");
    let clock = SharedClock::new(FixedClock(Time::from_millis(1000)));
    let mut watch = watch(address);
    let look = until("page", async || {
        let look = watch.look(Duration::from_secs(9), &clock).await;
        (look.answer == Answer::Up).then_some(look)
    })
    .await;
    assert_eq!((&look.refused, look.refused_count), (&Vec::new(), 0));
    let page = get(address, "/metrics").expect("it answered us as well");
    let lines = page.lines().filter(|line| !line.starts_with('#')).count() as f64;
    let taken = value(&look, "scrape_samples_scraped").expect("each look has it");
    // Its own series of the request under way may come and go.
    assert!(taken > 200.0 && (taken - lines).abs() < 20.0, "{taken} of {lines}");
    let bytes = 1024.0 * kernel("/proc/meminfo", "MemTotal:");
    assert_eq!(value(&look, "node_memory_MemTotal_bytes"), Some(bytes));
    assert_eq!(value(&look, "node_boot_time_seconds"), Some(kernel("/proc/stat", "btime")));
    let files = value(&look, "node_filefd_maximum").expect("Linux has it");
    assert_eq!(files.to_string(), fs::read_to_string("/proc/sys/fs/file-max").unwrap().trim());
    let load = value(&look, "node_load1").expect("Linux has it");
    assert!((load - kernel("/proc/loadavg", "")).abs() < 2.0, "{load}");
    // The page of the next look is mostly the same, and nothing of it is refused either.
    let again = watch.look(Duration::from_secs(9), &clock).await;
    assert_eq!((again.answer, again.refused_count), (Answer::Up, 0));
}

/// All that was written to us: the bits of each value, by series and time.
type Written = BTreeMap<(Labels, i64), u64>;

/// Takes remote write at any path, and keeps it. What is wrong is kept as text.
struct Receiver {
    decoder: Decoder,
    written: Mutex<Written>,
    faults: Mutex<Vec<String>>,
}

impl Receiver {
    async fn start() -> (SocketAddr, Arc<Self>) {
        let receiver = Arc::new(Self {
            decoder: Decoder::default(),
            written: Mutex::default(),
            faults: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let shared = shared.clone();
                    async move { shared.take(request).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (address, receiver)
    }

    async fn take(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Empty<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let version = header("x-prometheus-remote-write-version");
        let checked = check_headers(header("content-type"), header("content-encoding"), version);
        let decoded = checked.and_then(|()| self.decoder.decode(&body));
        let fault = |text: String| self.faults.lock().expect("nobody panics here").push(text);
        match decoded {
            Ok(decoded) => {
                if decoded.refused_count > 0 {
                    fault(format!("refused: {:?}", decoded.refused));
                }
                let mut written = self.written.lock().expect("nobody panics here");
                written.extend(decoded.rows.iter().flat_map(samples));
            }
            Err(error) => fault(error.to_string()),
        }
        Ok(Response::new(Empty::new()))
    }

    fn written(&self) -> Written {
        self.written.lock().expect("nobody panics here").clone()
    }
}

fn samples(row: &Row) -> Vec<((Labels, i64), u64)> {
    let columns = row.shape.columns.iter().zip(&row.values);
    let present = columns.filter(|(_, value)| !is_absent(**value) && !is_stale(**value));
    let at = row.at.millis();
    present.map(|(own, value)| ((row.shape.common.with(own), at), value.to_bits())).collect()
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.to_owned())
}

/// What Prometheus itself says it scraped in the last seconds.
fn told(prometheus: SocketAddr) -> Option<Written> {
    let body = get(prometheus, "/api/v1/query?query=%7Bjob%3D%22node%22%7D%5B5s%5D")?;
    let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let mut told = Written::new();
    for series in answer["data"]["result"].as_array().expect("a matrix") {
        let labels = series["metric"].as_object().expect("labels").iter();
        let labels = labels.map(|(name, value)| (name.as_str(), value.as_str().expect("text")));
        let labels = Labels::of(labels);
        for point in series["values"].as_array().expect("points") {
            let at = (point[0].as_f64().expect("seconds") * 1000.0).round() as i64;
            let value: f64 = point[1].as_str().and_then(|v| v.parse().ok()).expect("a number");
            told.insert((labels.clone(), at), value.to_bits());
        }
    }
    Some(told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the Debian packages prometheus and prometheus-node-exporter"]
async fn what_a_real_prometheus_scraped_arrives_as_its_own_api_tells_it() {
    let (exporter_address, prometheus_address) = (free_address(), free_address());
    let _exporter = node_exporter(exporter_address, "node-exporter-of-prometheus");
    let (receiver_address, receiver) = Receiver::start().await;
    let _prometheus = Running::start("prometheus", "prometheus", |folder| {
        let config = folder.join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s}}\n\
             scrape_configs:\n\
             - job_name: node\n  static_configs: [{{targets: ['{exporter_address}']}}]\n\
             remote_write:\n\
             - url: http://{receiver_address}/api/v1/write\n  \
               queue_config: {{batch_send_deadline: 1s}}\n"
        );
        fs::write(&config, text).expect("a folder of ours");
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={prometheus_address}"),
        ]
    });
    let told = until("five seconds of samples", async || {
        let told = told(prometheus_address)?;
        let ups = told.keys().filter(|(labels, _)| labels.get("__name__") == "up").count();
        (ups >= 4).then_some(told)
    })
    .await;
    assert!(told.len() > 1_000, "{} samples are no page of node_exporter's", told.len());
    until("all of it here", async || {
        let written = receiver.written();
        told.keys().all(|key| written.contains_key(key)).then_some(())
    })
    .await;
    let written = receiver.written();
    let differs = |(key, bits): &(&(Labels, i64), &u64)| {
        let both_nan = f64::from_bits(**bits).is_nan() && f64::from_bits(written[*key]).is_nan();
        written[*key] != **bits && !both_nan
    };
    let different: Vec<_> = told.iter().filter(differs).collect();
    assert!(different.is_empty(), "{different:?}");
    assert_eq!(*receiver.faults.lock().unwrap(), Vec::<String>::new());
}
