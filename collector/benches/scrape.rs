//! What one scraped sample costs to read: `cargo bench -p collector --bench scrape`.
//!
//! 1,000 targets of 100 series each, with help and types as exporters write them, about 9 kB a
//! page. `steady` is a page like the one before; `first` one of which nothing is known;
//! `one_more_series` differs from the one before at each look. `looks_over_loopback` is the whole
//! of a look, with HTTP and the sockets, and with the time of the target that answers.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use collector::prometheus::http::{HttpUrl, TlsRoots};
use collector::prometheus::page::Page;
use collector::prometheus::scrape::{ScrapeTarget, ScrapeWatch};
use collector::prometheus::text::Format;
use divan::Bencher;
use divan::counter::ItemsCount;
use model::clock::{FixedClock, SharedClock};
use model::series::Labels;
use model::time::Time;

const TARGETS: usize = 1_000;
const FAMILIES: usize = 50;
const SERIES: usize = 2 * FAMILIES;

fn main() {
    divan::main();
}

#[divan::bench]
fn steady(bencher: Bencher<'_, '_>) {
    let (rounds, mut targets) = ([texts(0, 0), texts(1, 0)], targets());
    let mut rounds = rounds.iter().cycle();
    bencher.counter(ItemsCount::new(TARGETS * SERIES)).bench_local(|| {
        read_all(&mut targets, rounds.next().expect("it has no end"));
    });
}

#[divan::bench]
fn one_more_series(bencher: Bencher<'_, '_>) {
    let (rounds, mut targets) = ([texts(0, 0), texts(1, 1)], targets());
    let mut rounds = rounds.iter().cycle();
    bencher.counter(ItemsCount::new(TARGETS * SERIES)).bench_local(|| {
        read_all(&mut targets, rounds.next().expect("it has no end"));
    });
}

#[divan::bench]
fn first(bencher: Bencher<'_, '_>) {
    let texts = texts(0, 0);
    bencher
        .counter(ItemsCount::new(TARGETS * SERIES))
        .with_inputs(targets)
        .bench_local_refs(|targets| read_all(targets, &texts));
}

#[divan::bench]
fn looks_over_loopback(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut watch = watch(served(&text(0, 0, 0)));
    let clock = SharedClock::new(FixedClock(Time::default()));
    bencher.counter(ItemsCount::new(SERIES)).bench_local(|| {
        let look = runtime.block_on(watch.look(Duration::from_secs(1), &clock));
        assert_eq!(look.rows[0].values[0], 1.0, "{:?}", look.answer);
    });
}

fn watch(address: SocketAddr) -> ScrapeWatch {
    let url = HttpUrl::parse(&format!("http://{address}/metrics")).expect("a good URL");
    ScrapeWatch::new(ScrapeTarget::new(url, Labels::default()), TlsRoots::of_nobody())
        .expect("good headers")
}

/// Answers each request of one connection with the same page, for as long as it is asked.
fn served(text: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("it listens");
        answer_all(stream, answer.as_bytes());
    });
    address
}

fn answer_all(mut stream: TcpStream, answer: &[u8]) {
    let mut request = [0; 4096];
    // A request is small enough to come in one piece.
    while stream.read(&mut request).is_ok_and(|bytes| bytes > 0) {
        stream.write_all(answer).expect("the other end reads");
    }
}

fn read_all(targets: &mut [Page], texts: &[String]) {
    for (target, text) in targets.iter_mut().zip(texts) {
        divan::black_box(target.read(text.as_bytes(), Format::Text, Time::default()));
    }
}

fn targets() -> Vec<Page> {
    let targets = (0..TARGETS).map(|target| {
        let common = Labels::of([("instance", format!("vm-{target}")), ("job", "node".to_owned())]);
        Page::new(common, Vec::new(), 10_000, true)
    });
    targets.collect()
}

/// `more` series come in the middle of each page.
fn texts(round: usize, more: usize) -> Vec<String> {
    (0..TARGETS).map(|target| text(target, round, more)).collect()
}

fn text(target: usize, round: usize, more: usize) -> String {
    let mut text = String::new();
    for family in 0..FAMILIES {
        writeln!(text, "# HELP node_some_metric_{family} What it is that this metric tells of.")
            .and_then(|()| writeln!(text, "# TYPE node_some_metric_{family} gauge"))
            .expect("a string takes all");
        let devices = if family == FAMILIES / 2 { 2 + more } else { 2 };
        for device in 0..devices {
            let value = (target * 31 + family * 7 + device + round * 13) as f64 * 1.37;
            writeln!(text, "node_some_metric_{family}{{device=\"sd{device}\"}} {value:.2}")
                .expect("a string takes all");
        }
    }
    text
}
