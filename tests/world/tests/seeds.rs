//! A thousand days, each from a seed, each judged by P1 to P24.
//!
//! A thousand take a minute with `--release`; without it a few are played, to see that they still
//! are. `SEEDS=100000 cargo test -p world --release --test seeds` plays more of them, `SEED=17` plays
//! one and tells its story.

use world::oracle::PROPERTIES;
use world::run::{faults_of, play, play_all, report};

/// Days of the thousand that still end badly, and by which property: what is to be mended next. A day
/// that is not among them must not. The list is bound to the seeds' days, so it only ever gets shorter.
const OPEN: [(u64, &str); 15] = [
    (238, "P23"), // Nobody was ever heard: VMs that boot are given up in the dark.
    (440, "P23"),
    (318, "P22"), // An order to destroy that is answered too late is still open at rest.
    (368, "P6"),  // A pool counts another VM than the oracle as one too many.
    (724, "P6"),
    (733, "P6"),
    (741, "P6"),
    (752, "P6"),
    (639, "P10"), // A store is put back in the middle of a destruction.
    (812, "P10"),
    (825, "P10"),
    (834, "P10"),
    (936, "P10"),
    (736, "P1"),  // A store is put back under a module that was about to shrink.
    (747, "P12"), // An order of a lost record is repeated under its old number.
];

fn number(name: &str) -> Option<u64> {
    std::env::vars().find(|(key, _)| key == name)?.1.parse().ok()
}

#[test]
fn no_day_breaks_a_property() {
    if let Some(seed) = number("SEED") {
        let day = play(seed, faults_of(seed), true);
        println!("{}\n{:?}", day.story.join("\n"), day.end);
        return;
    }
    let first = number("FIRST").unwrap_or(0);
    let seeds = number("SEEDS").unwrap_or(if cfg!(debug_assertions) { 20 } else { 1000 });
    let enough = number("ENOUGH").unwrap_or(OPEN.len() as u64 + 1) as usize;
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (mut failures, ticks) = play_all(first..first + seeds, threads, enough);
    failures.retain(|failure| !OPEN.contains(&(failure.seed, failure.violation.property)));
    println!("{seeds} days, {ticks} looks");
    let mut count = std::collections::BTreeMap::new();
    for failure in &failures {
        println!(
            "seed {}: {}: {}",
            failure.seed, failure.violation.property, failure.violation.what
        );
        let entry = count.entry(failure.violation.property).or_insert((0, failure.seed));
        entry.0 += 1;
    }
    println!("{count:?}");
    if let Some(failure) = failures.first() {
        panic!("{} of {seeds} days ended badly\n{}", failures.len(), report(failure));
    }
}

#[test]
fn the_same_seed_makes_the_same_day() {
    let story = |seed| play(seed, faults_of(seed), true).story;
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

#[test]
fn each_property_says_where_it_is_held() {
    for (number, property) in PROPERTIES.iter().enumerate() {
        assert_eq!(property.id, format!("P{}", number + 1));
        assert!(!property.held.is_empty());
    }
}
