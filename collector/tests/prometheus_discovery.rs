//! Lists of targets: as text, in files that change, and from a service that has its bad days.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use collector::prometheus::discovery::{
    Brake, Defaults, Discovery, FileLists, ListService, Refreshed, Source, TargetGroup, endpoints,
    read_json, read_yaml,
};
use collector::prometheus::http::{Access, HttpUrl, TlsRoots};
use expect_test::{Expect, expect};
use model::time::Time;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn defaults() -> Defaults {
    let params = BTreeMap::from([("debug".to_owned(), "no".to_owned())]);
    let labels = BTreeMap::from([("job".to_owned(), "node".to_owned())]);
    Defaults { params, labels, ..Defaults::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "expect! is written where it is used")]
fn check_list(json: &str, expected: Expect) {
    let groups = read_json(json.as_bytes()).expect("a good list");
    assert_eq!(groups, read_yaml(json.as_bytes()).expect("JSON is YAML"));
    let (found, refused) = endpoints(&groups, &defaults()).expect("small enough");
    let found = found.iter().map(|endpoint| format!("{} {}\n", endpoint.url, endpoint.labels));
    let refused = refused.iter().map(|one| format!("refused {}: {}\n", one.what, one.why));
    expected.assert_eq(&found.chain(refused).collect::<String>());
}

#[test]
fn a_list_names_pages_and_their_labels() {
    check_list(
        r#"[
            {"targets": ["vm-1:9100", "[::1]:9100", "vm-2"], "labels": {"module": "shop/web"}},
            {"targets": ["vm-3:9115"], "labels": {
                "__scheme__": "https", "__metrics_path__": "/probe", "__param_target": "a b&c",
                "__param_debug": "yes", "__meta_zone": "z1", "job": "probe", "instance": "vm-3",
                "empty": ""}},
            {"targets": ["page"], "labels": {"__address__": "vm-4:1", "__metrics_path__": "m?x=y"}},
            {"targets": []}
        ]"#,
        expect![[r#"
            http://vm-1:9100/metrics?debug=no {instance="vm-1:9100",job="node",module="shop/web"}
            http://[::1]:9100/metrics?debug=no {instance="[::1]:9100",job="node",module="shop/web"}
            http://vm-2/metrics?debug=no {instance="vm-2",job="node",module="shop/web"}
            https://vm-3:9115/probe?debug=yes&target=a%20b%26c {instance="vm-3",job="probe"}
            http://vm-4:1/m?x=y&debug=no {instance="vm-4:1",job="node"}
        "#]],
    );
}

#[test]
fn an_address_that_is_none_costs_only_itself() {
    check_list(
        r#"[{"targets": ["vm-1", "", "vm 2", "http://vm-3/", "me:secret@vm-4", "vm-5"]},
            {"targets": ["vm-6"], "labels": {"__scheme__": "ftp"}}]"#,
        expect![[r#"
            http://vm-1/metrics?debug=no {instance="vm-1",job="node"}
            http://vm-5/metrics?debug=no {instance="vm-5",job="node"}
            refused : it is no address: host or host:port is expected
            refused vm 2: "http://vm 2/metrics?debug=no" is no URL
            refused http://vm-3/: it is no address: host or host:port is expected
            refused me:secret@vm-4: it is no address: host or host:port is expected
            refused vm-6: "ftp://vm-6/metrics?debug=no" does not begin with http:// or https://
        "#]],
    );
}

#[test]
fn what_is_no_list_says_why() {
    let said = |error: &(dyn Error + 'static)| {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        causes.join(": ").lines().next().unwrap().to_owned()
    };
    let long = format!("[{}]", " ".repeat(17 << 20));
    let mut answers = String::new();
    for text in ["", " \n", "null", "{}", "[1]", "[{}]", "[{\"targets\": [1]}]", "[", &long] {
        let json = read_json(text.as_bytes()).map_or_else(|e| said(&e), |read| format!("{read:?}"));
        let yaml = read_yaml(text.as_bytes()).map_or_else(|e| said(&e), |read| format!("{read:?}"));
        answers += &format!("{:.20}\n  {json}\n  {yaml}\n", text.trim());
    }
    expect![[r#"

          it is empty; a list of no targets is written []
          it is empty; a list of no targets is written []

          it is empty; a list of no targets is written []
          it is empty; a list of no targets is written []
        null
          it is no JSON list of targets and labels: invalid type: null, expected a sequence at line 1 column 4
          it is empty; a list of no targets is written []
        {}
          it is no JSON list of targets and labels: invalid type: map, expected a sequence at line 1 column 0
          it is no YAML list of targets and labels: error: line 1 column 1: expected sequence start
        [1]
          it is no JSON list of targets and labels: invalid type: integer `1`, expected struct TargetGroup at line 1 column 2
          it is no YAML list of targets and labels: error: line 1 column 2: expected mapping start
        [{}]
          it is no JSON list of targets and labels: missing field `targets` at line 1 column 3
          it is no YAML list of targets and labels: error: line 1 column 2: missing field `targets`
        [{"targets": [1]}]
          it is no JSON list of targets and labels: invalid type: integer `1`, expected a string at line 1 column 15
          [TargetGroup { targets: ["1"], labels: {} }]
        [
          it is no JSON list of targets and labels: EOF while parsing a list at line 1 column 1
          it is no YAML list of targets and labels: error: line 1 column 1: unclosed bracket '['
        [                   
          it is longer than 16777216 bytes, or has too many targets and labels
          it is longer than 16777216 bytes, or has too many targets and labels
    "#]].assert_eq(&answers);
    assert!(read_yaml(b"- targets: ['\xff']").is_err());
    assert_eq!(read_json(b"[]").unwrap(), []);
}

#[test]
fn a_list_that_would_grow_out_of_bounds_is_refused() {
    let labels = BTreeMap::from([("note".to_owned(), "x".repeat(100_000))]);
    let group = TargetGroup { targets: vec!["vm-1".to_owned(); 1_000], labels };
    assert!(endpoints(&[group], &defaults()).is_err());
}

/// A folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("discovery-{name}"));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("the folder for tests can be written to");
    folder
}

fn targets(discovery: &Discovery) -> String {
    let urls = discovery.targets().map(|target| {
        target.url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned()
    });
    urls.collect::<Vec<_>>().join(" ")
}

fn shown(refreshed: &Refreshed, discovery: &Discovery) -> String {
    let changed = if refreshed.has_changed { "changed" } else { "the same" };
    let held = refreshed.held.map_or(String::new(), |held| format!(", {} held", held.missing));
    let errors = refreshed.errors.iter().map(|error| {
        let first: &dyn Error = error;
        let chain = std::iter::successors(Some(first), |&error| error.source()).take(2);
        format!(", {}", chain.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    });
    format!("{changed}{held}{}: {}", errors.collect::<String>(), targets(discovery))
}

fn hour(hour: u64) -> Time {
    Time::from_millis(1_772_445_600_000) + Duration::from_secs(3600 * hour)
}

#[tokio::test]
async fn files_are_read_again_when_they_change() {
    let folder = folder("files");
    let patterns = [folder.join("tg_*.json"), folder.join("more.yml")];
    let mut files = Discovery::new(
        Source::Files(FileLists::new(patterns).unwrap()),
        Defaults::default(),
        Brake::default(),
    );
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let numbered = |count: usize| -> String {
        let targets: Vec<String> = (0..count).map(|at| format!("\"a{at}\"")).collect();
        format!("[{{\"targets\": [{}]}}]", targets.join(","))
    };
    let mut log = String::new();
    let mut refresh = async |what: &str| {
        let refreshed = files.refresh(hour(0)).await;
        log += &format!("{what}: {}\n", shown(&refreshed, &files));
    };
    refresh("nothing there").await;
    write("tg_a.json", &numbered(3));
    write("tg_a.yml", "- targets: [not, asked, for]");
    write("more.yml", "- targets: [b1, b2]\n  labels: {zone: z1}\n");
    refresh("two files").await;
    refresh("no change").await;
    write("tg_a.json", &numbered(5));
    refresh("two more").await;
    write("tg_a.json", "[{\"targets\": [\"half a");
    refresh("broken").await;
    write("more.yml", "");
    refresh("emptied").await;
    write("tg_a.json", &numbered(4));
    write("more.yml", "- targets: [b1, b2]\n");
    refresh("one less, no labels").await;
    fs::remove_file(folder.join("tg_a.json")).unwrap();
    refresh("gone").await;
    refresh("gone").await;
    refresh("gone").await;
    expect![[r#"
        nothing there: the same, the file FOLDER/more.yml cannot be read: No such file or directory (os error 2): 
        two files: changed: a0 a1 a2 b1 b2
        no change: the same: a0 a1 a2 b1 b2
        two more: changed: a0 a1 a2 a3 a4 b1 b2
        broken: the same, the last list is 0 h old and holds until it is 24 h old: the file FOLDER/tg_a.json is no list of targets: a0 a1 a2 a3 a4 b1 b2
        emptied: the same, the last list is 0 h old and holds until it is 24 h old: the file FOLDER/tg_a.json is no list of targets, the last list is 0 h old and holds until it is 24 h old: the file FOLDER/more.yml is no list of targets: a0 a1 a2 a3 a4 b1 b2
        one less, no labels: changed: a0 a1 a2 a3 b1 b2
        gone: the same, 4 held: a0 a1 a2 a3 b1 b2
        gone: the same, 4 held: a0 a1 a2 a3 b1 b2
        gone: changed: b1 b2
    "#]].assert_eq(&log.replace(&folder.display().to_string(), "FOLDER"));
}

#[test]
fn patterns_are_checked() {
    for good in ["a.json", "/x/tg_*.yaml", "x/*.yml"] {
        FileLists::new([PathBuf::from(good)]).unwrap();
    }
    for bad in ["a.txt", "*/a.json", "a*b*.json", "a", "", "*.toml"] {
        assert!(FileLists::new([PathBuf::from(bad)]).is_err(), "{bad}");
    }
}

/// Serves each answer once, each on a connection of its own, and gives back the URL.
async fn service(answers: Vec<&'static str>) -> HttpUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/targets", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.expect("the other end writes");
            }
            let request = String::from_utf8(request).expect("a head is text");
            assert!(request.contains("x-prometheus-refresh-interval-seconds: 60\r\n"), "{request}");
            stream.write_all(answer.as_bytes()).await.expect("the other end reads");
        }
    });
    HttpUrl::parse(&url).expect("a good URL")
}

#[tokio::test]
async fn a_service_with_bad_days_changes_nothing() {
    const OK: &str = "HTTP/1.0 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\r\n";
    let url = service(vec![
        "HTTP/1.0 503 Busy\r\n\r\n",
        leaked(OK, r#"[{"targets": ["a1", "a2"], "labels": {"zone": "z1"}}]"#),
        "HTTP/1.0 500 Oh\r\n\r\n[]",
        "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
        OK,
        leaked(OK, "null"),
        leaked(OK, "[]"),
        leaked(OK, "[]"),
        leaked(OK, "[]"),
    ])
    .await;
    let minute = Duration::from_secs(60);
    let service =
        ListService::new(url, &Access::Open, minute, minute, TlsRoots::of_nobody()).unwrap();
    let source = Source::Service(Box::new(service));
    let mut discovery = Discovery::new(source, Defaults::default(), Brake::default());
    let mut log = String::new();
    for _ in 0..9 {
        let refreshed = discovery.refresh(hour(0)).await;
        log += &format!("{}\n", shown(&refreshed, &discovery));
    }
    expect![[r#"
        the same, the service gave no list: status 503: 
        changed: a1 a2
        the same, the last list is 0 h old and holds until it is 24 h old: the service gave no list: status 500: a1 a2
        the same, the last list is 0 h old and holds until it is 24 h old: the service gave no list: its answer is not application/json: a1 a2
        the same, the last list is 0 h old and holds until it is 24 h old: what was found is no list of targets: a1 a2
        the same, the last list is 0 h old and holds until it is 24 h old: what was found is no list of targets: a1 a2
        the same, 2 held: a1 a2
        the same, 2 held: a1 a2
        changed: 
    "#]]
    .assert_eq(&log);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_holds_for_a_day() {
    const OK: &str = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n";
    const BUSY: &str = "HTTP/1.0 503 Busy\r\n\r\n";
    let list = leaked(OK, r#"[{"targets": ["a1", "a2"]}]"#);
    let hours = [0, 1, 2, 24, 25, 26, 27, 28, 29, 30];
    let answers = vec![list, list, BUSY, BUSY, BUSY, BUSY, BUSY, BUSY, list, BUSY];
    let (url, day) = (service(answers).await, Duration::from_secs(60));
    let service = ListService::new(url, &Access::Open, day, day, TlsRoots::of_nobody()).unwrap();
    let source = Source::Service(Box::new(service));
    let mut discovery = Discovery::new(source, Defaults::default(), Brake::default());
    let mut log = String::new();
    for at in hours {
        let refreshed = discovery.refresh(hour(at)).await;
        log += &format!("{at} h: {}\n", shown(&refreshed, &discovery));
    }
    expect![[r#"
        0 h: changed: a1 a2
        1 h: the same: a1 a2
        2 h: the same, the last list is 1 h old and holds until it is 24 h old: the service gave no list: status 503: a1 a2
        24 h: the same, the last list is 23 h old and holds until it is 24 h old: the service gave no list: status 503: a1 a2
        25 h: the same, 2 held, no list for 24 h: what it named is looked at no longer: the service gave no list: status 503: a1 a2
        26 h: the same, 2 held, no list for 24 h: what it named is looked at no longer: the service gave no list: status 503: a1 a2
        27 h: changed, no list for 24 h: what it named is looked at no longer: the service gave no list: status 503: 
        28 h: the same, no list for 24 h: what it named is looked at no longer: the service gave no list: status 503: 
        29 h: changed: a1 a2
        30 h: the same, the last list is 1 h old and holds until it is 24 h old: the service gave no list: status 503: a1 a2
    "#]].assert_eq(&log);
}

#[tokio::test]
async fn of_files_each_holds_for_a_day_of_its_own() {
    let folder = folder("day");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("a.json", r#"[{"targets": ["a1"]}]"#);
    write("b.json", r#"[{"targets": ["b1", "b2", "b3", "b4", "b5", "b6"]}]"#);
    let lists = || Source::Files(FileLists::new([folder.join("*.json")]).unwrap());
    let mut files = Discovery::new(lists(), Defaults::default(), Brake::default());
    let mut log = String::new();
    let mut refresh = async |files: &mut Discovery, at: u64| {
        let refreshed = files.refresh(hour(at)).await;
        log += &format!("{at} h: {}\n", shown(&refreshed, files));
    };
    refresh(&mut files, 0).await;
    write("a.json", "half");
    refresh(&mut files, 12).await;
    write("b.json", r#"[{"targets": ["b1", "b2", "b3", "b4", "b5"]}]"#);
    refresh(&mut files, 13).await;
    refresh(&mut files, 24).await;
    write("a.json", r#"[{"targets": ["a1"]}]"#);
    refresh(&mut files, 25).await;
    // After a restart nobody remembers what stood in it.
    write("a.json", "half");
    let mut files = Discovery::new(lists(), Defaults::default(), files.brake().clone());
    for at in [26, 26, 26, 26, 49, 50, 50, 50] {
        refresh(&mut files, at).await;
    }
    expect![[r#"
        0 h: changed: a1 b1 b2 b3 b4 b5 b6
        12 h: the same, the last list is 12 h old and holds until it is 24 h old: the file FOLDER/a.json is no list of targets: a1 b1 b2 b3 b4 b5 b6
        13 h: changed, the last list is 13 h old and holds until it is 24 h old: the file FOLDER/a.json is no list of targets: a1 b1 b2 b3 b4 b5
        24 h: changed, no list for 24 h: what it named is looked at no longer: the file FOLDER/a.json is no list of targets: b1 b2 b3 b4 b5
        25 h: changed: a1 b1 b2 b3 b4 b5
        26 h: the same, the last list is 1 h old and holds until it is 24 h old: the file FOLDER/a.json is no list of targets: a1 b1 b2 b3 b4 b5
        26 h: the same, the last list is 1 h old and holds until it is 24 h old: the file FOLDER/a.json is no list of targets: a1 b1 b2 b3 b4 b5
        26 h: the same, the last list is 1 h old and holds until it is 24 h old: the file FOLDER/a.json is no list of targets: a1 b1 b2 b3 b4 b5
        26 h: the same, the last list is 1 h old and holds until it is 24 h old: the file FOLDER/a.json is no list of targets: a1 b1 b2 b3 b4 b5
        49 h: changed, no list for 24 h: what it named is looked at no longer: the file FOLDER/a.json is no list of targets: b1 b2 b3 b4 b5
        50 h: the same, no list for 24 h: what it named is looked at no longer: the file FOLDER/a.json is no list of targets: b1 b2 b3 b4 b5
        50 h: the same, no list for 24 h: what it named is looked at no longer: the file FOLDER/a.json is no list of targets: b1 b2 b3 b4 b5
        50 h: the same, no list for 24 h: what it named is looked at no longer: the file FOLDER/a.json is no list of targets: b1 b2 b3 b4 b5
    "#]].assert_eq(&log.replace(&folder.display().to_string(), "FOLDER"));
}

#[tokio::test]
async fn of_what_never_told_anything_nothing_holds() {
    let folder = folder("never");
    fs::write(folder.join("a.json"), "half").unwrap();
    let source = Source::Files(FileLists::new([folder.join("a.json")]).unwrap());
    let mut files = Discovery::new(source, Defaults::default(), Brake::default());
    for at in [0, 1] {
        let refreshed = files.refresh(hour(at)).await;
        assert_eq!(refreshed.errors.len(), 1);
        assert!(refreshed.errors[0].to_string().ends_with("a.json is no list of targets"));
    }
}

fn leaked(head: &str, body: &str) -> &'static str {
    format!("{head}{body}").leak()
}

#[tokio::test]
async fn a_written_list_is_meant_and_a_stored_brake_outlives_a_restart() {
    let list = |count: usize| {
        let targets = (0..count).map(|at| format!("a{at}")).collect();
        vec![TargetGroup { targets, labels: BTreeMap::new() }]
    };
    let defaults = Defaults::default;
    let mut written = Discovery::new(Source::Static(list(9)), defaults(), Brake::default());
    assert!(written.refresh(hour(0)).await.has_changed);
    assert!(!written.refresh(hour(0)).await.has_changed);
    let stored = serde_json::to_string(written.brake()).unwrap();
    let restored: Brake = serde_json::from_str(&stored).unwrap();
    let mut next = Discovery::new(Source::Static(list(2)), defaults(), restored);
    assert_eq!(next.targets().count(), 9);
    assert_eq!(next.refresh(hour(0)).await.held, None);
    assert_eq!(next.targets().count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_lists_are_read_or_refused(bytes: Vec<u8>, text in "[-\\[\\]{}:\"a, \n&*!]{0,60}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            for read in [read_json(bytes), read_yaml(bytes)].into_iter().flatten() {
                prop_assert!(endpoints(&read, &defaults()).is_ok());
            }
        }
    }

    #[test]
    fn a_spoiled_list_is_read_or_refused(at: proptest::sample::Index, byte: u8, cut: bool) {
        let mut list = br#"[{"targets": ["vm-1:9100"], "labels": {"__param_a": "b", "c": "d"}}]"#.to_vec();
        let at = at.index(list.len());
        if cut { list.truncate(at) } else { list[at] = byte }
        for read in [read_json(&list), read_yaml(&list)].into_iter().flatten() {
            prop_assert!(endpoints(&read, &defaults()).is_ok());
        }
    }
}
