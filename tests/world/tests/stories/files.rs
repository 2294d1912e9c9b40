//! The files: bounds edited, a policy deleted, VMs protected, a module that is only watched.

use world::fleet::WEB;
use world::trouble::Trouble;

use crate::{OF_WEB, fault, play, play_with, serving};

#[test]
fn a_module_whose_policy_is_deleted_or_paused_keeps_its_vms() {
    let idle = fault(3.0, 9.0, Trouble::Load { module: OF_WEB, percent: 10 });
    for what in
        [Trouble::PolicyRemoved { module: OF_WEB }, Trouble::ModulePaused { module: OF_WEB }]
    {
        let before = serving(&play(&[], 3.0), WEB);
        let world = play(&[idle.clone(), fault(3.0, 9.0, what)], 8.9);
        assert_eq!(serving(&world, WEB), before, "{what:?}");
    }
}

#[test]
fn where_all_are_protected_nobody_leaves_and_the_count_does_not_drop() {
    // AWS lowers the count all the same, and is then short of it for ever.
    let guarded = |files: &mut scaler::state::Config| {
        for policy in files.policies.values_mut() {
            policy.terminate.protect = (0..6).map(|host| format!("host=h{host}")).collect();
        }
    };
    let idle = fault(3.0, 9.0, Trouble::Load { module: OF_WEB, percent: 10 });
    let before = serving(&play_with(guarded, &[], 3.0), WEB);
    let world = play_with(guarded, &[idle], 8.9);
    assert_eq!(serving(&world, WEB), before);
    let desired = world.brain.state.memory.modules[&world::fleet::module(WEB)].desired;
    assert_eq!(desired as usize, before);
}

#[test]
fn a_file_that_is_edited_all_the_time_breaks_nothing() {
    let faults = (0_u32..200).map(|number| {
        let at = 2.0 + f64::from(number) / 60.0;
        let (min, max) = (1 + number % 4, 4 + number * 7 % 5);
        fault(at, at + 0.05, Trouble::PolicyEdited { module: OF_WEB, min, max })
    });
    play(&faults.collect::<Vec<_>>(), 8.0);
}
