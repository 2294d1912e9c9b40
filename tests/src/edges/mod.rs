//! Scale-ins and replacements under load, through a real router, by the real binary.
//!
//! The promise is that no request is lost when VMs come and go. So a fleet of processes is made to
//! grow and shrink by its policy's bounds, VMs are killed under their programs, users ask at a fixed
//! rate without waiting for each other, and each request that is not answered whole is a failure.
//!
//! Nothing hides a failure: no router retries, no user does, and programs die of SIGTERM on the
//! spot. Who it is that fails is therefore always the order in which things are done.
//!
//! `tests/routers.rs` runs a little of it, `src/bin/router-figure.rs` as much as the figure wants.

pub mod app;
pub mod clock;
pub mod fleet;
pub mod load;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use model::clock::SharedClock;

use self::fleet::{Fleet, Status};
use self::load::{Load, Tally};

/// How many serve in the calm, and how many come and go in each round.
pub const CALM: usize = 4;
pub const COME_AND_GO: usize = 8;
/// So many of those who serve are replaced at once.
pub const REPLACED_AT_ONCE: usize = 4;

/// Which router is in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Builtin,
    Nginx,
    Haproxy,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    pub kind: Kind,
    /// The `cloudbrain` to be tested.
    pub cloudbrain: PathBuf,
    /// This program, which is also what runs on the VMs: `figure app PORT`.
    pub figure: PathBuf,
    pub requests_per_s: u32,
    pub scale_ins: usize,
    pub replacements: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    pub tally: Tally,
    pub scale_ins: usize,
    pub replacements: usize,
    pub took: Duration,
    /// Of each round the VM that answered first, and all new VMs.
    pub first_serves: Vec<Wait>,
    pub all_serve: Vec<Wait>,
}

/// From a decision to the first request that a new VM answered, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    pub whole: Duration,
    /// Until its program was ordered to start.
    pub to_start: Duration,
    /// From there until its program was seen to be ready.
    pub to_ready: Duration,
    /// From there, over the update of the router, until its first answer.
    pub to_answer: Duration,
}

/// Grows, replaces and shrinks until the plan is fulfilled. `say` is told after each round.
pub fn run(plan: &Plan, clock: &SharedClock, mut say: impl FnMut(&str)) -> anyhow::Result<Outcome> {
    let mut fleet = Fleet::start(plan)?;
    fleet.wait("the first to serve", |status| status.serving.len() == CALM)?;
    // A VM serves by the brain's word a moment before the router knows it.
    fleet.wait_until_answered()?;
    let load = Load::start(fleet.router, plan.requests_per_s, clock);
    let began = clock.elapsed();
    let (mut scale_ins, mut replacements) = (0, 0);
    let (mut first_serves, mut all_serve) = (Vec::new(), Vec::new());
    while scale_ins < plan.scale_ins || replacements < plan.replacements {
        let before = fleet.status()?;
        fleet.bounds(CALM + COME_AND_GO)?;
        let after = fleet
            .wait("more to serve", |s| s.serving.len() == CALM + COME_AND_GO && s.is_quiet())?;
        let waits = waits(&fleet, &load, &before, &after)?;
        first_serves.extend(waits.iter().min());
        all_serve.extend(waits);
        if replacements < plan.replacements {
            replacements += replace(&mut fleet, plan.replacements - replacements)?;
        }
        fleet.bounds(CALM)?;
        fleet.wait("the rest to be gone", |s| s.serving.len() == CALM && s.is_quiet())?;
        scale_ins += COME_AND_GO;
        let so_far = load.so_far();
        say(&format!(
            "{scale_ins} scale-ins, {replacements} replacements, {} requests, {} failed",
            so_far.requests,
            so_far.failures.len()
        ));
    }
    let took = clock.elapsed().saturating_sub(began);
    let tally = load.end();
    ensure!(tally.requests > 0, "nobody asked");
    if !tally.failures.is_empty() {
        say(&format!("its files are kept in {}", fleet.keep_files().display()));
    }
    Ok(Outcome { tally, scale_ins, replacements, took, first_serves, all_serve })
}

/// Kills some of those who serve under their programs, which go on, and waits for the others.
fn replace(fleet: &mut Fleet, most: usize) -> anyhow::Result<usize> {
    let before = fleet.status()?;
    let victims: Vec<String> =
        before.serving.iter().take(REPLACED_AT_ONCE.min(most)).cloned().collect();
    for victim in &victims {
        fleet.kill_under_its_program(victim)?;
    }
    fleet.wait("others to take their place", |status| {
        let gone = victims.iter().all(|victim| !status.serving.contains(victim));
        gone && status.serving.len() == CALM + COME_AND_GO && status.is_quiet()
    })?;
    Ok(victims.len())
}

/// How long after the decision each new VM answered its first request.
fn waits(fleet: &Fleet, load: &Load, before: &Status, after: &Status) -> anyhow::Result<Vec<Wait>> {
    let decided = fleet.last_scale_out()?;
    let moves = fleet.moves_since(decided)?;
    let new = after.serving.difference(&before.serving);
    let waits = new.filter_map(|vm| {
        // Nobody may have asked it yet.
        let answered = load.first_answer_of(vm)?;
        let moved = |to: &str| moves.get(&(vm.clone(), to.to_owned())).copied();
        let (started, ready) = (moved("vm deploying")?, moved("vm ready")?);
        Some(Wait {
            whole: answered.since(decided),
            to_start: started.since(decided),
            to_ready: ready.since(started),
            to_answer: answered.since(ready),
        })
    });
    Ok(waits.collect())
}

/// The middle one and the one that nine of ten do not exceed, in milliseconds.
pub fn middle_and_p90(waits: impl Iterator<Item = Duration>) -> (u128, u128) {
    let mut sorted: Vec<Duration> = waits.collect();
    sorted.sort();
    let at =
        |share: usize| sorted.get((sorted.len() * share / 100).min(sorted.len().saturating_sub(1)));
    (at(50).map_or(0, Duration::as_millis), at(90).map_or(0, Duration::as_millis))
}
