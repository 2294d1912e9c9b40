//! What the tests share: a clock, a server that ends with its test, and reading looks.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use collector::datasource::{
    DataSourceKind, DataSourceTarget, DataSourceWatch, Origin, Password, metrics,
};
use collector::look::{Answer, Look};
use collector::probe::Prober;
use model::clock::{Clock, SharedClock};
use model::series::{Labels, METRIC_NAME, is_stale};
use model::time::Time;

/// Long enough for any server that is well.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// When all looks happen: 2026-06-15T12:00:00Z.
const TODAY: Time = Time::from_millis(1_781_524_800_000);

struct TestClock(tokio::time::Instant);

impl Clock for TestClock {
    fn now(&self) -> Time {
        TODAY + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own clock")]
pub(crate) fn clock() -> SharedClock {
    SharedClock::new(TestClock(tokio::time::Instant::now()))
}

pub(crate) fn target(kind: DataSourceKind, port: u16) -> DataSourceTarget {
    DataSourceTarget {
        id: "orders-db".parse().unwrap(),
        kind,
        address: format!("127.0.0.1:{port}"),
        user: None,
        password: None,
        database: None,
        tls: None,
        common: Labels::of([("project", "shop")]),
    }
}

pub(crate) fn with_login(
    mut target: DataSourceTarget,
    user: &str,
    password: &str,
) -> DataSourceTarget {
    target.user = Some(user.to_owned());
    target.password = Some(Password::new(password));
    target
}

pub(crate) async fn look(target: &DataSourceTarget) -> Look {
    look_within(target, LONG).await
}

pub(crate) async fn look_within(target: &DataSourceTarget, timeout: Duration) -> Look {
    let look = DataSourceWatch::new(target.clone(), Prober::new()).look(timeout, &clock()).await;
    check(target, &look);
    look
}

/// What holds for every look: its series are those of the table, and no secret is in it.
fn check(target: &DataSourceTarget, look: &Look) {
    let known: Vec<_> = metrics(target.kind).collect();
    for column in look.rows.iter().flat_map(|row| &row.shape.columns) {
        let name = column.get(METRIC_NAME);
        let fits = |label: Option<(&str, &str)>| label.is_none_or(|(l, v)| column.get(l) == v);
        assert!(known.iter().any(|m| m.name == name && fits(m.label)), "{column} is in no table");
    }
    let shown = format!("{target:?} {look:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

/// A value by the name of its series: `mysql_threads{kind="connected"}`.
pub(crate) fn value(look: &Look, series: &str) -> Option<f64> {
    let row = look.rows.first()?;
    let at = row.shape.columns.iter().position(|column| column.to_string() == series)?;
    (!is_stale(row.values[at])).then(|| row.values[at])
}

#[track_caller]
pub(crate) fn assert_values(look: &Look, expected: &[(&str, f64)]) {
    for (series, expected) in expected {
        assert_eq!(value(look, series), Some(*expected), "{series} of {look:#?}");
    }
}

/// How often a counter went up between two looks.
#[track_caller]
pub(crate) fn moved(before: &Look, after: &Look, series: &str) -> f64 {
    let [before, after] = [before, after].map(|look| value(look, series).expect(series));
    after - before
}

/// Names of the table of which the look has no series.
pub(crate) fn absent(kind: DataSourceKind, look: &Look) -> Vec<String> {
    let row = look.rows.first().expect("a row");
    let has = |name: &str, label: Option<(&str, &str)>| {
        row.shape.columns.iter().any(|column| {
            column.get(METRIC_NAME) == name && label.is_none_or(|(l, v)| column.get(l) == v)
        })
    };
    let absent = metrics(kind).filter(|metric| !has(metric.name, metric.label));
    absent
        .map(|metric| match metric.origin {
            Origin::Field { key, .. } => format!("{} ({key})", metric.name),
            Origin::Word { .. } | Origin::NotWord { .. } | Origin::Derived { .. } => {
                metric.name.to_owned()
            }
        })
        .collect()
}

/// An answer in one line.
pub(crate) fn shown(look: &Look) -> String {
    match &look.answer {
        Answer::Up => "up".to_owned(),
        Answer::Down { phase, hint } => format!("{phase}: {hint}"),
        Answer::Misconfigured { what, remedy } => format!("{what} -> {remedy}"),
        Answer::Blind { reason } => format!("blind: {reason}"),
    }
}

/// A port that nobody uses, outside the range that connections are given.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 9_000).unwrap();
    loop {
        let port = 21_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 11_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A folder that ends with its test.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("{name}-{}-{}", std::process::id(), free_port()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A server that ends with its test.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) folder: Scratch,
}

impl Server {
    pub(crate) fn start(mut command: Command, port: u16, folder: Scratch) -> Self {
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, port, folder }
    }

    /// Until it lets us in, or tells why not.
    pub(crate) async fn ready(&self, target: &DataSourceTarget) {
        for _ in 0..300 {
            let look =
                DataSourceWatch::new(target.clone(), Prober::new()).look(LONG, &clock()).await;
            if !matches!(look.answer, Answer::Down { .. }) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("it does not get ready: {log}");
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end, and gives what it said.
#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let failed = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {said}{failed}");
    said
}

/// Whether we are root, as which some servers refuse to run.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A program that ends with its test.
#[derive(Debug)]
pub(crate) struct Background(Child);

impl Background {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Asks again until it is so; the last answer if it never is.
pub(crate) async fn until<T>(mut ask: impl AsyncFnMut() -> T, is_so: impl Fn(&T) -> bool) -> T {
    for _ in 0..200 {
        let answer = ask().await;
        if is_so(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ask().await
}
