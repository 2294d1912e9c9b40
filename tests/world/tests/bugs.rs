//! Deliberate bugs, each of which the world must catch within a thousand days.
//!
//! `cargo test -p world --release --features mutants --test bugs -- --ignored --nocapture` plants one after
//! the other and writes the table of `docs/simulator.md` between its marks. With `BUG=NoShare SEED=17` before it,
//! that one day is told instead.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use scaler::mutants::{Bug, plant};
use world::run::{faults_of, play};

const SEEDS: u64 = 1000;
const BEGIN: &str = "<!-- bugs: begin -->\n";
const END: &str = "<!-- bugs: end -->\n";

/// The first seed that catches a bug, the property by which it does, and what was seen.
type Catch = Option<(u64, &'static str, String)>;

fn caught(bug: Bug) -> Catch {
    plant(Some(bug));
    let found = (0..SEEDS).find_map(|seed| {
        let violation = play(seed, faults_of(seed), false).end.err()?;
        Some((seed, violation.property, violation.what))
    });
    plant(None);
    found
}

fn variable(name: &str) -> Option<String> {
    Some(std::env::vars().find(|(key, _)| key == name)?.1)
}

fn tell(name: &str, seed: u64) -> String {
    plant(Bug::ALL.iter().find(|bug| format!("{bug:?}") == name).copied());
    let day = play(seed, faults_of(seed), true);
    plant(None);
    format!("{}\n{:?}", day.story.join("\n"), day.end)
}

#[test]
#[ignore = "takes minutes; tests/run lifts it"]
fn each_deliberate_bug_is_caught_within_a_thousand_days() {
    if let (Some(bug), Some(seed)) = (variable("BUG"), variable("SEED")) {
        let seed = seed.parse().expect("SEED is a number");
        return println!("{}", tell(&bug, seed));
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = caught(*bug);
            println!("{bug:?}: {found:?}");
            results.lock().expect("no worker panics").push((*bug, found));
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut results = results.into_inner().expect("no worker panics");
    results.sort_by_key(|(bug, _)| *bug);
    let missed: Vec<Bug> =
        results.iter().filter(|(_, found)| found.is_none()).map(|(bug, _)| *bug).collect();
    write_table(&results);
    assert!(missed.is_empty(), "not caught within {SEEDS} days: {missed:?}");
    assert!(results.len() >= 30, "{} bugs", results.len());
}

fn write_table(results: &[(Bug, Catch)]) {
    let mut table = String::from("| bug | caught by | days needed | for example |\n");
    table.push_str("| --- | --- | ---: | --- |\n");
    for (bug, found) in results {
        let what = bug.what();
        let _ = match found {
            Some((seed, property, example)) => {
                writeln!(table, "| {what} | {property} | {} | {example} |", seed + 1)
            }
            None => writeln!(table, "| {what} | **not caught** | {SEEDS} | |"),
        };
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulator.md");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    if let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) {
        let text = format!("{}{table}{}", &text[..begin + BEGIN.len()], &text[end..]);
        std::fs::write(path, text).expect("docs/simulator.md can be written");
    }
}
