//! The provider: what it makes, refuses, forgets, and what it says there is.

use world::fleet::WEB;
use world::trouble::{Creating, Ending, Listing, Trouble};

use crate::{OF_API, OF_WEB, exactly_what_is_wanted, fault, go_on, orders, play, serving};

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
fn a_provider_without_room_is_asked_seldom_and_again_when_it_may_have_some() {
    // Cluster autoscaler #547, #252; MCM #181: a full zone was asked in a tight loop, or never again.
    let faults = [
        fault(1.0, 9.0, Trouble::Creates(Creating::NoCapacity)),
        fault(1.0, 9.0, Trouble::Load { module: OF_WEB, percent: 300 }),
    ];
    let mut world = play(&faults, 1.0);
    let before = orders(&world, "Create");
    go_on(&mut world, 9.0);
    let asked = orders(&world, "Create") - before;
    assert!((8..120).contains(&asked), "asked {asked} times in eight hours");
    go_on(&mut world, 24.0);
    exactly_what_is_wanted(world);
}

#[test]
fn what_cannot_be_destroyed_holds_up_nobody_else() {
    // Nomad #672, #879: one node that did not end stopped all scaling, for a day.
    let faults = [
        fault(2.0, 8.0, Trouble::Destroys(Ending::Fails)),
        fault(2.5, 2.5, Trouble::VmDies(2)),
        fault(4.0, 7.0, Trouble::Load { module: OF_WEB, percent: 150 }),
    ];
    let before = serving(&play(&faults, 4.0), WEB);
    assert!(serving(&play(&faults, 4.5), WEB) > before);
}
