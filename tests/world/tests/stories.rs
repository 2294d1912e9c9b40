//! What others have suffered, replayed: each a day with just these faults.
//!
//! The thousand days of `seeds.rs` mix everything; here each pain stands alone and bears the name
//! under which it was reported, so that whoever asks "and what if" finds the answer.

use std::time::Duration;

use model::time::Time;
use world::fleet::{API, START, WEB, module};
use world::trouble::{Creating, Ending, Fault, Listing, Lying, Trouble};
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
    let mut world = World::new(SEED, faults.to_vec(), true);
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

/// Who picks the module of a trouble: the numbers are taken modulo the three modules.
const OF_WEB: u64 = 0;
const OF_API: u64 = 1;

fn exactly_what_is_wanted(mut world: World) {
    world.check_rest();
    let broken = world.oracle.violation.take();
    assert!(broken.is_none(), "{broken:?}\n{}", world.story.unwrap_or_default().join("\n"));
}

#[test]
fn without_samples_nothing_leaves_however_idle_it_is() {
    // Kubernetes #99394, KEDA #1850, #2244: the metric was gone, and so were the pods.
    let idle = fault(3.0, 9.0, Trouble::Load { module: OF_WEB, percent: 10 });
    for lie in [Lying::Missing, Lying::Delayed, Lying::NotANumber, Lying::Negative, Lying::Behind] {
        let before = serving(&play(&[], 3.0), WEB);
        let world = play(&[idle.clone(), fault(3.0, 9.0, Trouble::Samples(lie))], 8.9);
        assert_eq!(serving(&world, WEB), before, "{lie:?}");
    }
}

#[test]
fn half_of_the_samples_still_prove_an_overload() {
    // Kubernetes #61007, #109214: one missing sample froze the way out.
    let faults = [
        fault(3.0, 6.0, Trouble::Samples(Lying::HalfMissing)),
        fault(3.0, 6.0, Trouble::Load { module: OF_WEB, percent: 300 }),
    ];
    let before = serving(&play(&[], 3.0), WEB);
    assert!(serving(&play(&faults, 4.0), WEB) > before);
}

#[test]
fn one_liar_moves_no_fleet_to_its_ceiling_and_back() {
    let world = play(&[fault(3.0, 5.0, Trouble::Samples(Lying::OneLiar))], 9.0);
    let max = world.files.policies[&module(WEB)].max as usize;
    assert!(serving(&world, WEB) < max);
}

#[test]
fn zeros_everywhere_trip_the_brake_and_leave_the_floor() {
    let world = play(&[fault(5.0, 8.0, Trouble::Samples(Lying::Zero))], 8.0);
    for name in [WEB, API] {
        let min = world.files.policies[&module(name)].min as usize;
        assert!(serving(&world, name) >= min, "{name}");
    }
}

#[test]
fn a_provider_that_makes_twice_late_or_while_it_says_no_ends_with_the_exact_count() {
    let calls = [
        Creating::Twice,
        Creating::MadeLate,
        Creating::Lost,
        Creating::FailsButMakes,
        Creating::NoCapacityButMakes,
        Creating::SaysYesMakesNothing,
        Creating::EndsInError,
    ];
    for how in calls {
        let faults = [
            fault(1.0, 4.0, Trouble::Creates(how)),
            fault(1.0, 4.0, Trouble::Load { module: OF_WEB, percent: 200 }),
        ];
        exactly_what_is_wanted(play(&faults, 24.0));
    }
}

#[test]
fn a_provider_that_says_yes_and_destroys_nothing_is_asked_again() {
    let faults = [
        fault(3.0, 6.0, Trouble::Destroys(Ending::SaysYesDoesNothing)),
        fault(3.0, 6.0, Trouble::Load { module: OF_API, percent: 10 }),
        fault(3.5, 3.5, Trouble::VmDies(4)),
    ];
    exactly_what_is_wanted(play(&faults, 24.0));
}

#[test]
fn lists_with_holes_empty_stale_or_slanderous_destroy_nothing() {
    let before = play(&[], 3.0).cloud.made_so_far;
    for lie in [Listing::Incomplete, Listing::Empty, Listing::Holes, Listing::Slander] {
        let world = play(&[fault(1.0, 3.0, Trouble::Lists(lie))], 3.0);
        assert_eq!(world.cloud.made_so_far, before, "{lie:?}: nothing was replaced");
    }
}

#[test]
fn a_brain_that_starts_while_the_provider_is_down_destroys_no_worker() {
    // MCM #657: after a restart the list was empty, and every worker was an orphan.
    let before: Vec<u64> = play(&[], 2.0).cloud.machines.into_keys().collect();
    let faults = [
        fault(2.0, 4.0, Trouble::ProviderDown),
        fault(2.5, 2.5, Trouble::BrainKilled { point: 0 }),
        fault(4.0, 4.5, Trouble::Lists(Listing::Empty)),
    ];
    let world = play(&faults, 4.5);
    let lost = before.iter().filter(|machine| !world.cloud.machines.contains_key(*machine));
    assert_eq!(lost.count(), 0);
}

#[test]
fn a_brain_that_is_lost_again_and_again_makes_no_more_than_is_wanted() {
    // MCM #318: nine machines for three wanted, while the leader was lost.
    let mut faults = vec![fault(2.0, 8.0, Trouble::Load { module: OF_WEB, percent: 200 })];
    for minute in 0..30 {
        let at = 2.0 + f64::from(minute) / 60.0;
        faults.push(fault(at, at, Trouble::BrainKilled { point: minute as u64 % 5 }));
    }
    exactly_what_is_wanted(play(&faults, 24.0));
}

#[test]
fn machines_that_never_start_are_made_a_few_times_and_then_seldom() {
    // CloudStack #9318: 30,000 VMs for a group of four; #14185: 2,296 for a group of two.
    for how in [Creating::NeverStarts, Creating::EndsInError] {
        let faults = [
            fault(1.0, 24.0, Trouble::Creates(how)),
            fault(1.0, 24.0, Trouble::Load { module: OF_WEB, percent: 300 }),
        ];
        let before = play(&[], 1.0).cloud.made_so_far;
        let world = play(&faults, 24.0);
        let made = world.cloud.made_so_far - before;
        assert!(made <= 24 * 8, "{how:?}: {made} machines in a day");
        let total: u32 = world.files.pools.values().map(|pool| pool.max_total).sum();
        assert!(world.cloud.machines.len() <= total as usize);
    }
}

#[test]
fn a_store_of_yesterday_destroys_nothing_that_it_does_not_know() {
    let faults = [
        fault(2.0, 6.0, Trouble::Load { module: OF_WEB, percent: 200 }),
        fault(10.0, 10.0, Trouble::StoreRestored { hours: 9 }),
    ];
    let mut world = play(&faults, 9.99);
    let before: Vec<u64> = world.cloud.machines.keys().copied().collect();
    go_on(&mut world, 10.02);
    assert!(world.brain.state.memory.recovery.is_some(), "it was noticed");
    go_on(&mut world, 10.03);
    let kept = before.iter().filter(|machine| world.cloud.machines.contains_key(*machine));
    assert_eq!(kept.count(), before.len(), "0 destroys");
}

#[test]
fn a_dead_rack_is_replaced_without_a_person() {
    let world = play(&[fault(5.0, 9.0, Trouble::RackDies(0))], 6.0);
    for name in [WEB, API] {
        let well = world.routed_everywhere(&module(name));
        let wanted = world.brain.state.memory.modules[&module(name)].desired as usize;
        let works = well.iter().filter(|id| world.cloud.get(id).unwrap().is_well(world.now));
        assert!(works.count() >= wanted, "{name}");
    }
}
