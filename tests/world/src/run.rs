//! Plays days, many at a time, and shortens the story of one that ended badly.

use std::any::Any;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fleet::START;
use crate::oracle::Violation;
use crate::trouble::{Fault, plan};
use crate::world::{CALM, DAY, World};

/// How one day ended.
#[derive(Debug)]
pub struct Day {
    pub ticks: u64,
    pub story: Vec<String>,
    pub end: Result<(), Violation>,
}

/// A seed that ended badly, with the fewest faults that it takes.
#[derive(Clone, Debug)]
pub struct Failure {
    pub seed: u64,
    pub violation: Violation,
    pub faults: Vec<Fault>,
}

/// So many of the last lines of a story are shown.
const LINES: usize = 60;

/// The faults of a seed.
pub fn faults_of(seed: u64) -> Vec<Fault> {
    plan(seed, START, START + DAY - CALM)
}

/// Plays one day and judges what is left of it.
pub fn play(seed: u64, faults: Vec<Fault>, with_story: bool) -> Day {
    let mut world = World::new(seed, faults, with_story);
    let end = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    let end = end.unwrap_or_else(|cause| Err(fallen(&world, cause.as_ref())));
    Day { ticks: world.ticks, story: world.story.unwrap_or_default(), end }
}

fn live(world: &mut World) -> Result<(), Violation> {
    world.run_until(START + DAY)?;
    world.check_rest();
    world.tell_state();
    world.oracle.violation.take().map_or(Ok(()), Err)
}

/// A core that panics is a day that ended badly, with its seed and its story like any other.
fn fallen(world: &World, cause: &(dyn Any + Send)) -> Violation {
    let said = cause.downcast_ref::<String>().map(String::as_str);
    let what = said.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("no words");
    Violation { property: "panic", at: world.now, what: what.to_owned() }
}

/// Plays the seeds on `threads` threads. Gives back the failures, by seed, at most `enough` of
/// them, and how many looks were taken in all.
pub fn play_all(seeds: std::ops::Range<u64>, threads: usize, enough: usize) -> (Vec<Failure>, u64) {
    let (next, ticks) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let failed = AtomicU64::new(0);
    let work = || {
        let mut failures = Vec::new();
        while failed.load(Ordering::Relaxed) < enough as u64 {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let faults = faults_of(seed);
            let day = play(seed, faults.clone(), false);
            ticks.fetch_add(day.ticks, Ordering::Relaxed);
            if let Err(violation) = day.end {
                failed.fetch_add(1, Ordering::Relaxed);
                failures.push(Failure { seed, violation, faults });
            }
        }
        failures
    };
    let mut failures: Vec<Failure> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a day must not panic"))
            .collect()
    });
    failures.sort_by_key(|failure| failure.seed);
    (failures, ticks.into_inner())
}

/// Drops one fault after the other for as long as the same property is broken.
pub fn shrink(failure: &Failure) -> Failure {
    let mut short = failure.clone();
    let mut size = (short.faults.len() / 2).max(1);
    loop {
        let mut start = 0;
        while start < short.faults.len() {
            let mut fewer = short.faults.clone();
            fewer.drain(start..(start + size).min(fewer.len()));
            match play(short.seed, fewer.clone(), false).end {
                Err(violation) if violation.property == short.violation.property => {
                    short = Failure { seed: short.seed, violation, faults: fewer };
                }
                _ => start += size,
            }
        }
        if size == 1 {
            return short;
        }
        size /= 2;
    }
}

/// What a person reads of a failure: seed, property, the faults it takes, the end of the story.
pub fn report(failure: &Failure) -> String {
    let short = shrink(failure);
    let mut text = String::new();
    let Violation { property, what, at } = &short.violation;
    let hours = at.since(START).as_secs_f64() / 3600.0;
    let _ = writeln!(text, "seed {}: {property} after {hours:.2} h: {what}", short.seed);
    for fault in &short.faults {
        let from = fault.from.since(START).as_secs();
        let until = fault.until.since(START).as_secs();
        let _ = writeln!(text, "  fault {from} s to {until} s: {:?}", fault.what);
    }
    let day = play(short.seed, short.faults.clone(), true);
    for line in day.story.iter().rev().take(LINES).rev() {
        let _ = writeln!(text, "    {line}");
    }
    text
}
