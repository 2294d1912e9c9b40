//! The brain without a socket or a disk: what it does when somebody has heard of a later one.

use std::path::Path;
use std::sync::Arc;

use cloudbrain::brain::core::{Core, Heard, Inheritance, RecoveryWord, Turn};
use cloudbrain::config;
use model::time::Time;
use scaler::hands::{Origin, RouterReport, Sighting};
use store::Change;

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

/// The third brain on its store.
fn core() -> Core {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/cloudbrain.yaml");
    let mut config = config::load(&path).config.expect("the example is in order");
    config.scaler = scaler::state::Config::default();
    let mut inheritance = Inheritance::default();
    inheritance.scaler.memory.origin = Origin { incarnation: "first".to_owned(), epoch: 3 };
    Core::new(Arc::new(config), inheritance, at(0))
}

fn look(core: &mut Core, epoch: u64, second: i64) -> Turn {
    let sighting = Sighting { complete: true, ..Sighting::default() };
    core.hear(Heard::Provider { begun: at(second), seen: Ok(sighting) }, at(second));
    let report = RouterReport { epoch, ..RouterReport::default() };
    let name = "edge".to_owned();
    core.hear(Heard::Router { name, report: Ok(report), trouble: None }, at(second));
    core.turn(at(second))
}

fn origin(turn: &Turn) -> Option<(String, u64)> {
    turn.changes.iter().find_map(|change| {
        let Change::Origin { incarnation, epoch } = change else { return None };
        Some((incarnation.clone(), *epoch))
    })
}

#[test]
fn a_brain_that_was_superseded_records_and_does_nothing_more() {
    let mut core = core();
    assert_eq!(look(&mut core, 3, 0).superseded, None);
    let turn = look(&mut core, 4, 1);
    let why = turn.superseded.expect("it stops");
    assert_eq!(why, "router edge has heard of brain number 4, and this is number 3");
    assert!(turn.changes.is_empty() && turn.steps.is_empty() && turn.routing.is_none());
}

#[test]
fn a_brain_that_starts_on_an_old_store_is_cautious_and_goes_on_above_all_others() {
    let mut core = core();
    let turn = look(&mut core, 7, 0);
    assert_eq!(turn.superseded, None);
    let (name, epoch) = origin(&turn).expect("it has a new name");
    assert!(name != "first" && epoch == 8, "{name} {epoch}");
    assert!(turn.routing.is_none() && core.recovery_in_words().is_some());
    let later = look(&mut core, 9, 1);
    assert_eq!(origin(&later), Some((name, 10)), "another was heard of meanwhile");
    let word = RecoveryWord { by: "ops".parse().expect("a name"), done: true };
    assert_eq!(core.refuse_recovery(&word), None);
    core.hear(Heard::Recovery(word.clone()), at(1));
    let turn = look(&mut core, 9, 2);
    assert_eq!(turn.routing.map(|routing| routing.epoch), Some(10), "it routes again, above all");
    assert!(core.refuse_recovery(&word).is_some_and(|why| why.contains("no recovery")));
}
