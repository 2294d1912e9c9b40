//! The load: missing, old, a lie, stuck, or steady all day.

use world::fleet::{API, WEB, module};
use world::trouble::{Lying, Trouble};

use crate::{OF_API, OF_WEB, fault, play, play_with, serving};

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
fn a_thermometer_that_is_stuck_does_not_climb_to_the_ceiling() {
    // Nomad #413: the metric did not follow, and each look added one more.
    let wide = |files: &mut scaler::state::Config| {
        files.policies.get_mut(&module(API)).expect("it is one of the three").max = 12;
    };
    let before = serving(&play_with(wide, &[], 3.0), API);
    let world = play_with(wide, &[fault(3.0, 3.5, Trouble::Samples(Lying::Stuck))], 3.3);
    let after = serving(&world, API);
    assert!(after > before && after <= before * 2 + 2, "{before}, then {after}");
}

#[test]
fn bounds_hold_without_any_metric() {
    // Cluster autoscaler #4942, #6564: a new minimum was not enforced, as no pod asked for it.
    let faults = [
        fault(2.0, 9.0, Trouble::Samples(Lying::Missing)),
        fault(3.0, 5.0, Trouble::PolicyEdited { module: OF_WEB, min: 7, max: 8 }),
        fault(5.0, 9.0, Trouble::PolicyEdited { module: OF_WEB, min: 1, max: 2 }),
    ];
    assert!(serving(&play(&faults, 4.0), WEB) >= 7);
    assert!(serving(&play(&faults, 8.0), WEB) <= 2);
}

#[test]
fn a_rush_is_answered_once_and_not_at_each_look() {
    // Nomad #610, kubernetes #28692: what was on its way did not count, and was ordered again.
    let faults = [fault(3.0, 6.0, Trouble::Load { module: OF_API, percent: 150 })];
    let world = play(&faults, 5.0);
    let (have, max) = (serving(&world, API), world.files.policies[&module(API)].max as usize);
    assert!(have < max, "{have} of {max} for a load of one and a half");
}
