//! The brain without a socket: what it makes of agents that come by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cloudbrain::brain::active::Word;
use cloudbrain::brain::core::{Core, Heard, Inheritance, Turn};
use cloudbrain::config::{self, Config};
use collector::passive::AgentError;
use collector::poller::Sensed;
use model::id::Object;
use model::sample::Frame;
use model::time::Time;

/// The example's files, with an open door, one machine that has an address, and one that has none.
fn config() -> Config {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = config::load(&path.join("../examples/shop/cloudbrain.yaml"));
    let mut config = loaded.config.expect("the example is in order");
    config.scaler = scaler::state::Config::default();
    let written = serde_json::json!({
        "agents": [{"object": "host/polled", "address": "127.0.0.1:1"}],
        "active": {"listen": "127.0.0.1:1", "objects": ["host/legacy", "vm/h1"]},
    });
    let senses: config::raw::RawCollector =
        serde_json::from_value(written).expect("it is as the files have it");
    config.raw.collector.agents = senses.agents;
    config.raw.collector.active = senses.active;
    config
}

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

fn object(name: &str) -> Object {
    name.parse().expect("a good name")
}

struct World {
    core: Core,
    told: Vec<String>,
}

impl World {
    fn new(inheritance: Inheritance) -> Self {
        Self { core: Core::new(Arc::new(config()), inheritance, at(0)), told: Vec::new() }
    }

    fn hear(&mut self, heard: Heard, second: i64) -> Turn {
        self.core.hear(heard, at(second));
        let turn = self.core.turn(at(second));
        self.told.extend(turn.messages.iter().map(|message| message.text.clone()));
        turn
    }

    fn comes(&mut self, name: &str, second: i64) -> Turn {
        let values = BTreeMap::from([("load1_per_core".to_owned(), 0.5)]);
        let frame = Frame { target: object(name), at: at(second), values };
        self.hear(Heard::Active(Word::Frame(frame)), second)
    }

    fn is_silent(&mut self, name: &str, second: i64) -> Turn {
        let error = AgentError::TimedOut(Duration::from_secs(10));
        let word = Word::Silent { object: object(name), at: at(second), error };
        self.hear(Heard::Active(word), second)
    }
}

fn polled(turn: &Turn) -> Option<Vec<String>> {
    let targets = turn.targets.as_ref()?;
    Some(targets.agents.iter().map(|agent| agent.object.to_string()).collect())
}

#[test]
fn who_comes_by_itself_is_not_polled_until_it_falls_silent() {
    let mut world = World::new(Inheritance::default());
    let first = world.core.turn(at(0));
    assert_eq!(polled(&first), Some(vec!["host/polled".to_owned()]));
    let came = world.comes("host/polled", 1);
    assert_eq!(polled(&came), Some(Vec::new()));
    assert!(came.rows.is_empty(), "its samples are kept already");
    let silent = world.is_silent("host/polled", 11);
    assert_eq!(polled(&silent), Some(vec!["host/polled".to_owned()]));
    // From here on the poll alone speaks: it finds the agent alive.
    for second in [16, 21, 26, 40, 60] {
        let frame =
            Frame { target: object("host/polled"), at: at(second), values: BTreeMap::new() };
        world.hear(Heard::Sensed(Sensed::Frame(frame)), second);
        world.is_silent("host/polled", second);
    }
    assert!(world.told.is_empty(), "{:?}", world.told);
    assert_eq!(polled(&world.comes("host/polled", 61)), Some(Vec::new()));
}

#[test]
fn one_without_an_address_that_comes_no_more_is_down_until_it_comes_again() {
    let mut world = World::new(Inheritance::default());
    world.comes("host/legacy", 1);
    for second in [11, 16, 21, 40] {
        world.is_silent("host/legacy", second);
    }
    let about = |world: &World| world.told.iter().filter(|text| text.contains("legacy")).count();
    assert_eq!(about(&world), 1, "{:?}", world.told);
    assert!(world.core.senses.faults.contains_key("host/legacy"));
    for second in 50..100 {
        world.comes("host/legacy", second);
    }
    assert_eq!(about(&world), 2, "its end is told: {:?}", world.told);
    assert!(world.core.senses.faults.is_empty());
}

#[test]
fn who_came_before_a_restart_is_not_polled_after_it() {
    let active = [object("host/polled")].into();
    let mut world = World::new(Inheritance { active, ..Inheritance::default() });
    assert!(world.core.turn(at(0)).targets.is_none_or(|targets| targets.agents.is_empty()));
}

#[test]
fn agents_are_known_by_the_names_of_the_fleet() {
    let mut world = World::new(Inheritance::default());
    let directory = world.core.turn(at(0)).directory.expect("the first turn says it");
    let named: Vec<String> =
        directory.names.iter().map(|(name, named)| format!("{name}={}", named.object)).collect();
    // A name that a host and a VM have is the VM's.
    assert_eq!(named, ["h1=vm/h1", "h2=host/h2", "legacy=host/legacy", "polled=host/polled"]);
    let labels = &directory.names["h2"].labels;
    assert_eq!((labels.get("host"), labels.get("switch")), ("h2", "sw1"));
    assert!(world.core.turn(at(1)).directory.is_none(), "nothing has changed");
}
