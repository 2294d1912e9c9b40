//! Illness: of a rack, of all that is probed, of a whole module, of what waits in the pool.

use world::fleet::{API, MODULES, WEB, module};
use world::trouble::Trouble;

use crate::{OF_WEB, fault, go_on, play, serving};

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

#[test]
fn probes_that_all_fail_at_once_isolate_nobody() {
    // code.org PR#25578: a deep health check failed everywhere, and everything was replaced.
    let before = play(&[], 3.0);
    let world = play(&[fault(3.0, 4.0, Trouble::ProbesFail)], 4.0);
    for name in MODULES {
        assert!(serving(&world, name) >= serving(&before, name), "{name}");
    }
}

#[test]
fn what_died_unseen_in_the_pool_is_given_to_nobody() {
    let rush = fault(3.0, 5.0, Trouble::Load { module: OF_WEB, percent: 200 });
    let mut world = play(&[rush], 2.99);
    let idle = world.cloud.machines.values_mut().filter(|machine| machine.program.is_none());
    let mut rotten = Vec::new();
    for machine in idle {
        machine.dead_since = Some(world.now);
        rotten.push(machine.id.clone());
    }
    let told = world.story.as_ref().map_or(0, Vec::len);
    go_on(&mut world, 4.0);
    let story = world.story.take().unwrap_or_default();
    let given = |id| story[told..].iter().any(|line| line.ends_with(&format!("order Deploy {id}")));
    assert!(!rotten.is_empty() && !rotten.iter().any(given));
}
