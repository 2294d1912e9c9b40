//! What others have suffered, replayed: each a day with just these faults.
//!
//! The thousand days of `seeds.rs` mix everything; here each pain stands alone and bears the name
//! under which it was reported, so that whoever asks "and what if" finds the answer. One file for
//! each part of the world that the pain comes from.

mod brain;
mod files;
mod health;
mod provider;
mod routers;
mod samples;

use std::time::Duration;

use model::time::Time;
use scaler::state::Config;
use world::fleet::{START, module};
use world::trouble::{Fault, Trouble};
use world::world::World;

/// A fleet that acts, behind one router.
const SEED: u64 = 3;

fn hours(hours: f64) -> Time {
    START + Duration::from_secs_f64(hours * 3600.0)
}

fn fault(from: f64, until: f64, what: Trouble) -> Fault {
    Fault { from: hours(from), until: hours(until), what }
}

/// Plays the faults up to an hour; a broken property fails the test with the story so far.
fn play(faults: &[Fault], until: f64) -> World {
    play_with(|_| {}, faults, until)
}

/// The same, with other files.
fn play_with(edit: impl Fn(&mut Config), faults: &[Fault], until: f64) -> World {
    let mut world = World::new(SEED, faults.to_vec(), true);
    edit(&mut world.fleet.files);
    edit(&mut world.files);
    go_on(&mut world, until);
    world
}

fn go_on(world: &mut World, until: f64) {
    if let Err(violation) = world.run_until(hours(until)) {
        let story = world.story.take().unwrap_or_default();
        panic!("{}\n{violation:?}", story.join("\n"));
    }
}

fn serving(world: &World, name: &str) -> usize {
    world.edges[0].upstreams(&module(name)).count()
}

/// How many orders of a kind the brain has given so far.
fn orders(world: &World, kind: &str) -> usize {
    let story = world.story.as_ref().expect("each of these days is told");
    story.iter().filter(|line| line.contains(&format!("order {kind} "))).count()
}

/// Who picks the module of a trouble: the numbers are taken modulo the three modules.
const OF_WEB: u64 = 0;
const OF_API: u64 = 1;

fn exactly_what_is_wanted(mut world: World) {
    world.check_rest();
    let broken = world.oracle.violation.take();
    assert!(broken.is_none(), "{broken:?}\n{}", world.story.unwrap_or_default().join("\n"));
}
