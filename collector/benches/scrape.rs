//! What one scraped sample costs to read: `cargo bench -p collector --bench scrape`.
//!
//! 1,000 targets of 100 series each, with help and types as exporters write them, about 9 kB a
//! page. `steady` is a page like the one before; `first` one of which nothing is known;
//! `one_more_series` differs from the one before at each look.

use std::fmt::Write;

use collector::prometheus::page::Page;
use collector::prometheus::text::Format;
use divan::Bencher;
use divan::counter::ItemsCount;
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
