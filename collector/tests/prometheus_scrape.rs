//! Looks at targets that answer well, badly, slowly, or not at all.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collector::look::{Answer, Look};
use collector::prometheus::http::{Access, Header, HttpUrl, Secret, TlsRoots};
use collector::prometheus::scrape::{ScrapeTarget, ScrapeWatch};
use model::clock::{FixedClock, SharedClock};
use model::series::{Labels, Row, is_absent, is_stale};
use model::time::Time;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

const LONG: Duration = Duration::from_secs(60);

/// What the fake target does with one request.
#[derive(Clone, Debug)]
enum Does {
    Answer(Vec<u8>),
    AnswerAndClose(Vec<u8>),
    /// Closes the connection with the request unanswered.
    Close,
    /// Sends this much, and no more.
    Hang(Vec<u8>),
}

/// A target that does the next thing of its list for each request, on whatever connection.
struct Target {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: mpsc::Receiver<String>,
}

impl Target {
    async fn that(does: impl IntoIterator<Item = Does>) -> Self {
        Self::over(does, None).await
    }

    async fn over(does: impl IntoIterator<Item = Does>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(AtomicUsize::new(0));
        let (said, requests) = mpsc::channel(16);
        let mut does: Vec<Does> = does.into_iter().collect();
        does.reverse();
        let (does, counter) = (Arc::new(Mutex::new(does)), connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (does, said, tls) = (does.clone(), said.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &does, &said).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &does, &said).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, connections, requests }
    }

    fn described(&self) -> ScrapeTarget {
        let url = format!("http://{}/metrics?x=y", self.address);
        target(&url)
    }

    fn watch(&self) -> ScrapeWatch {
        watch(self.described())
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve<S>(mut stream: S, does: &Mutex<Vec<Does>>, said: &mpsc::Sender<String>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut request).await {
                Ok(0) | Err(_) => return,
                Ok(_) => (),
            }
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        request.clear();
        let next = does.lock().expect("no test panics in here").pop();
        let (answer, closes) = match next {
            None | Some(Does::Close) => return,
            Some(Does::Answer(answer)) => (answer, false),
            Some(Does::AnswerAndClose(answer)) => (answer, true),
            Some(Does::Hang(start)) => {
                stream.write_all(&start).await.expect("the other end listens");
                stream.flush().await.expect("the other end listens");
                said.send(text).await.expect("the test listens");
                return std::future::pending().await;
            }
        };
        // The other end may have had enough of it.
        let _ = stream.write_all(&answer).await;
        let _ = stream.flush().await;
        said.send(text).await.expect("the test listens");
        if closes {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

fn target(url: &str) -> ScrapeTarget {
    let url = HttpUrl::parse(url).expect("a good URL");
    ScrapeTarget::new(url, Labels::of([("instance", "web-1")]))
}

fn watch(target: ScrapeTarget) -> ScrapeWatch {
    ScrapeWatch::new(target, TlsRoots::of_nobody()).expect("headers that can be sent")
}

/// A certificate for 127.0.0.1, and who trusts it.
fn authority() -> (TlsAcceptor, TlsRoots) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("it is made");
    let roots = TlsRoots::of_pem(made.cert.pem().as_bytes()).expect("a good certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.expect("a good key"))
        .expect("they belong together");
    (TlsAcceptor::from(Arc::new(config)), roots)
}

fn clock() -> SharedClock {
    SharedClock::new(FixedClock(Time::from_millis(1000)))
}

fn page(text: &str) -> Vec<u8> {
    answer("200 OK", "", text.as_bytes())
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

fn shown_row(row: &Row) -> String {
    let columns = row.shape.columns.iter().zip(&row.values).map(|(labels, value)| match *value {
        value if is_absent(value) => format!("{labels} -"),
        value if is_stale(value) => format!("{labels} STALE"),
        value => format!("{labels} {value}"),
    });
    columns.collect::<Vec<_>>().join(" ").replace("scrape_", "")
}

fn shown(look: &Look) -> String {
    let answer = match &look.answer {
        Answer::Up => "up".to_owned(),
        Answer::Down { phase, hint } => format!("down in {phase}: {hint}"),
        Answer::Misconfigured { what, .. } => format!("misconfigured: {what}"),
        Answer::Blind { reason } => format!("blind: {reason}"),
    };
    let rows: Vec<String> = look.rows.iter().map(shown_row).collect();
    format!("{answer} | {}", rows.join(" | "))
}

/// One look at a target that does one thing.
async fn looked(does: Does) -> String {
    let target = Target::that([does]).await;
    shown(&target.watch().look(LONG, &clock()).await)
}

async fn answered(body: Vec<u8>) -> String {
    looked(Does::Answer(body)).await
}

const NOTHING: &str = "up 0 duration_seconds 0 samples_scraped 0 samples_refused 0";

#[tokio::test]
async fn looks_share_a_connection_and_say_what_they_saw() {
    let mut target =
        Target::that(["a 1\nb 2\n", "a 3\n"].map(|text| Does::Answer(page(text)))).await;
    let mut watch = target.watch();
    let first = watch.look(LONG, &clock()).await;
    assert_eq!(
        shown(&first),
        "up | up 1 duration_seconds 0 samples_scraped 2 samples_refused 0 a 1 b 2"
    );
    assert_eq!((first.at, first.rows[0].at), (Time::from_millis(1000), Time::from_millis(1000)));
    assert_eq!(first.rows[0].shape.common.to_string(), r#"{instance="web-1"}"#);
    assert_eq!(
        shown(&watch.look(LONG, &clock()).await),
        "up | up 1 duration_seconds 0 samples_scraped 1 samples_refused 0 a 3 b STALE"
    );
    assert_eq!(target.connections(), 1);
    let end = watch.end(Time::from_millis(5));
    assert_eq!(
        shown_row(&end),
        "up STALE duration_seconds STALE samples_scraped STALE samples_refused STALE a STALE"
    );
    let request = target.requests.recv().await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let host = target.address;
    assert_eq!(
        request,
        format!(
            "GET /metrics?x=y HTTP/1.1\r\nhost: {host}\r\nuser-agent: cloudbrain/{version}\r\n\
             accept: text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5,\
             */*;q=0.1\r\nx-prometheus-scrape-timeout-seconds: 10\r\n\r\n"
        )
    );
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_fault() {
    let does = [Does::AnswerAndClose(page("a 1")), Does::AnswerAndClose(page("a 2"))];
    let target = Target::that(does).await;
    let mut watch = target.watch();
    for _ in 0..2 {
        assert_eq!(watch.look(LONG, &clock()).await.answer, Answer::Up);
    }
    assert_eq!(target.connections(), 2);
    // Nothing is left to answer: the third connection is closed without a word.
    let last = shown(&watch.look(LONG, &clock()).await);
    assert!(last.starts_with("down in first byte: "), "{last}");
    assert!(last.ends_with(&format!("| {NOTHING} a STALE")), "{last}");
}

#[tokio::test]
async fn a_kept_connection_that_ends_with_the_request_is_tried_anew_once() {
    let good = || Does::Answer(page("a 1"));
    let target = Target::that([good(), Does::Close, good(), Does::Close, Does::Close]).await;
    let mut watch = target.watch();
    for connections in [1, 2] {
        assert_eq!(watch.look(LONG, &clock()).await.answer, Answer::Up);
        assert_eq!(target.connections(), connections);
    }
    assert_ne!(watch.look(LONG, &clock()).await.answer, Answer::Up);
    assert_eq!(target.connections(), 3);
}

#[tokio::test]
async fn each_wrong_answer_says_how_far_the_look_came() {
    let cases = [
        (answer("500 Oh", "", b"a 1"), "down in status: status 500"),
        (answer("302 Found", "Location: /login\r\n", b""), "down in redirect: redirects to /login"),
        (answer("401 No", "", b""), "misconfigured: the target answers 401: it does not let us in"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "down in first byte: invalid HTTP version parsed"),
        (
            answer("200 OK", "Content-Type: text/html\r\n", b"<html>\n<p>Log in</p>"),
            "down in content: no sample on the page; line 1: a name is expected at \"<html>\"",
        ),
        (
            answer("200 OK", "Content-Encoding: br\r\n", b"x"),
            "down in body: the content encoding \"br\" was not asked for",
        ),
        (
            answer("200 OK", "Content-Encoding: gzip\r\n", b"not gzip at all"),
            "down in body: its gzip is broken: invalid gzip header",
        ),
        (
            answer("200 OK", "Content-Type: application/openmetrics-text\r\n", b"a 1\n"),
            "down in body: the page was cut short: it has no # EOF",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n".to_vec(),
            "misconfigured: the page is longer than 16777216 bytes",
        ),
    ];
    for (body, expected) in cases {
        let looked = answered(body).await;
        let (answer, rows) = looked.split_once(" | ").unwrap();
        assert_eq!(answer, expected);
        assert!(rows.starts_with("up 0 "), "{rows}");
    }
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\na 1\n".to_vec();
    let cut = looked(Does::AnswerAndClose(cut)).await;
    assert!(cut.starts_with("down in body: "), "{cut}");
}

#[tokio::test]
async fn an_empty_page_and_one_of_bad_values_are_answers() {
    let up = "up | up 1 duration_seconds 0 samples_scraped 0 samples_refused";
    assert_eq!(answered(page("")).await, format!("{up} 0"));
    assert_eq!(answered(page("a NaN\n")).await, format!("{up} 1 a -"));
    let open = "Content-Type: application/openmetrics-text; version=1.0.0\r\n";
    let open = answer("200 OK", open, b"a 1 1.5 # {} 2\n# EOF\n");
    let looked = answered(open).await;
    assert_eq!(
        looked,
        "up | a 1 | up 1 duration_seconds 0 samples_scraped 1 samples_refused 0 a -"
    );
}

#[tokio::test]
async fn compressed_pages_are_asked_for_when_told_and_bounded() {
    let encoded = "Content-Encoding: gzip\r\n";
    let good = answer("200 OK", encoded, &gzipped(b"a 1\n"));
    let bomb = answer("200 OK", encoded, &gzipped(&vec![b'#'; 5000]));
    let mut target = Target::that([Does::Answer(good), Does::Answer(bomb)]).await;
    let mut described = target.described();
    described.gzip = Some(true);
    described.limits.body_bytes = 4000;
    let mut watch = watch(described);
    assert_eq!(watch.look(LONG, &clock()).await.answer, Answer::Up);
    assert!(target.requests.recv().await.unwrap().contains("accept-encoding: gzip\r\n"));
    let bomb = shown(&watch.look(LONG, &clock()).await);
    assert!(bomb.starts_with("misconfigured: the page is longer than 4000 bytes"), "{bomb}");
}

#[tokio::test]
async fn a_page_without_a_length_is_bounded_as_well() {
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..50 {
        chunked.extend_from_slice(b"64\r\n");
        chunked.extend_from_slice(&[b'#'; 100]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let target = Target::that([Does::Answer(chunked.clone()), Does::Answer(chunked)]).await;
    let mut described = target.described();
    described.limits.body_bytes = 5000;
    assert_eq!(watch(described.clone()).look(LONG, &clock()).await.answer, Answer::Up);
    described.limits.body_bytes = 4999;
    let long = shown(&watch(described).look(LONG, &clock()).await);
    assert!(long.starts_with("misconfigured: the page is longer than 4999 bytes"), "{long}");
}

#[tokio::test]
async fn a_target_that_hangs_is_given_up_in_time() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na 1\n".to_vec();
    for (sent, phase) in [(Vec::new(), "first byte"), (head, "body")] {
        let mut target = Target::that([Does::Hang(sent), Does::Answer(page("a 1"))]).await;
        let mut watch = target.watch();
        let clock = clock();
        // Real time up to where it hangs; from there on only the deadline is left to come.
        let time_passes = async {
            target.requests.recv().await;
            tokio::time::pause();
        };
        let (look, ()) = tokio::join!(watch.look(LONG, &clock), time_passes);
        tokio::time::resume();
        assert_eq!(shown(&look), format!("down in {phase}: no end within 10s | {NOTHING}"));
        // The half-read answer is not taken for the next one.
        assert_eq!(watch.look(LONG, &clock).await.answer, Answer::Up);
    }
}

#[tokio::test]
async fn nobody_there_is_told_from_no_such_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = shown(&watch(target(&format!("http://{address}/"))).look(LONG, &clock()).await);
    assert!(gone.starts_with("down in connect: "), "{gone}");
    let nameless = watch(target("http://no-such-name.invalid/")).look(LONG, &clock()).await;
    assert!(shown(&nameless).starts_with("down in dns: "), "{}", shown(&nameless));
}

#[tokio::test]
async fn a_certificate_is_checked() {
    let (acceptor, roots) = authority();
    let target = Target::over([Does::Answer(page("a 1"))], Some(acceptor)).await;
    let mut described = target.described();
    described.url = HttpUrl::parse(&format!("https://{}/metrics", target.address)).unwrap();
    let stranger = shown(&watch(described.clone()).look(LONG, &clock()).await);
    assert!(stranger.starts_with("down in tls: "), "{stranger}");
    let mut friend = ScrapeWatch::new(described, roots).unwrap();
    assert_eq!(friend.look(LONG, &clock()).await.answer, Answer::Up);
}

#[tokio::test]
async fn secrets_are_sent_and_not_shown() {
    let mut target = Target::that([Does::Answer(page("a 1")), Does::Answer(page("a 1"))]).await;
    let mut described = target.described();
    let password = Secret::new("open sesame");
    described.access = Access::Basic { user: "scraper".to_owned(), password };
    described.headers = vec![Header { name: "X-Team".to_owned(), value: Secret::new("hidden") }];
    let text = format!("{described:?} {:?}", watch(described.clone()));
    assert!(!text.contains("sesame") && !text.contains("hidden"), "{text}");
    watch(described.clone()).look(LONG, &clock()).await;
    let request = target.requests.recv().await.unwrap();
    assert!(request.contains("authorization: Basic c2NyYXBlcjpvcGVuIHNlc2FtZQ==\r\n"), "{request}");
    assert!(request.contains("x-team: hidden\r\n"), "{request}");
    described.access = Access::Bearer(Secret::new("token"));
    watch(described.clone()).look(LONG, &clock()).await;
    assert!(target.requests.recv().await.unwrap().contains("authorization: Bearer token\r\n"));
    described.headers = vec![Header { name: "a b".to_owned(), value: Secret::new("x") }];
    let error = ScrapeWatch::new(described, TlsRoots::of_nobody()).unwrap_err();
    assert!(error.to_string().starts_with("the header \"a b\" cannot be sent"));
}

#[test]
fn urls_are_checked() {
    for good in ["http://a/metrics", "https://a:9100", "http://[::1]:9100/x?y=z"] {
        HttpUrl::parse(good).unwrap();
    }
    for (bad, why) in [
        ("a:9100", "does not begin with http"),
        ("ftp://a/", "does not begin with http"),
        ("http://", "is no URL"),
        ("/metrics", "does not begin with http"),
        ("http://me:secret@a/", "belong into the settings"),
        ("http://me:secret@a b/", "belong into the settings"),
        ("http://a b/", "is no URL"),
    ] {
        let error = HttpUrl::parse(bad).unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains("secret"), "{error}");
    }
}
