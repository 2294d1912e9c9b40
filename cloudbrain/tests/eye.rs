//! The brain without a socket or a disk: what it says when it cannot see, when it is late, and
//! when somebody takes an incident on.

use std::sync::Arc;
use std::time::Duration;

use cloudbrain::brain::core::{Acknowledgement, Core, Heard, Inheritance};
use cloudbrain::config::{self, Config};
use collector::findings::{Confirm, Subject};
use collector::look::{Answer, Look};
use collector::passive::AgentError;
use collector::poller::Sensed;
use model::id::{CheckId, Object};
use model::sample::Frame;
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Timings, Verdict};

/// The example's files, with legacy machines to poll and a module that is watched only.
fn config() -> Config {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = config::load(&path.join("../examples/shop/cloudbrain.yaml"));
    let mut config = loaded.config.expect("the example is in order");
    config.scaler = scaler::state::Config::default();
    config
}

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

fn machine(number: u64) -> Object {
    format!("host/legacy-{number}").parse().expect("a good name")
}

struct World {
    core: Core,
    told: Vec<String>,
}

impl World {
    fn new() -> Self {
        let core = Core::new(Arc::new(config()), Inheritance::default(), at(0));
        Self { core, told: Vec::new() }
    }

    fn hear(&mut self, sensed: Sensed, now: Time) {
        self.core.hear(Heard::Sensed(sensed), now);
        let turn = self.core.turn(now);
        self.told.extend(turn.messages.iter().map(|message| message.text.clone()));
    }

    /// All machines are asked, one after the other, within one second.
    fn ask_all(&mut self, second: i64, answer: bool) {
        for machine in 0..20 {
            let object = self::machine(machine);
            let at = at(second) + Duration::from_millis(machine * 40);
            let sensed = if answer {
                let values = [("load1_per_core".to_owned(), 0.5)].into();
                Sensed::Frame(Frame { target: object, at, values })
            } else {
                let error = AgentError::TimedOut(Duration::from_millis(800));
                Sensed::AgentFault { object, at, error }
            };
            self.hear(sensed, at);
        }
        let healthy = Outcome::Healthy { doubt: None };
        let unhealthy = Outcome::Unhealthy { phase: Phase::Connect, hint: "no route".to_owned() };
        let module = "shop/web".parse().expect("a good name");
        let target = ProbeTarget::Domain { module, domain: "shop.example.com".to_owned() };
        let outcome = if answer { healthy } else { unhealthy };
        let at = at(second) + Duration::from_millis(900);
        let (took, timings) = (Duration::ZERO, Timings::default());
        let verdict = Verdict { target, at, outcome, took, timings, family: None };
        self.hear(Sensed::Verdict(verdict), at);
    }
}

#[test]
fn a_broken_uplink_is_one_message_and_nobodys_downtime() {
    let mut world = World::new();
    for second in 0..60 {
        let answer = !(20..40).contains(&second);
        world.ask_all(second, answer);
    }
    assert!(world.core.eye.blindness().is_none());
    let spell = &world.core.eye.spells[0];
    assert_eq!((spell.from, world.core.eye.spells.len()), (at(20), 1));
    let about_others: Vec<_> = world.told.iter().filter(|text| !text.contains("main")).collect();
    assert!(about_others.is_empty(), "{about_others:?}");
    assert!(!world.told.is_empty(), "operations are told that the monitor is blind");
    let ledger = &world.core.ledgers[&"shop/web".parse().unwrap()];
    let report = ledger.report(&world.core.accounting, at(1), at(58));
    assert_eq!(report.down, Duration::ZERO, "{report:?}");
    assert!(report.unknown >= Duration::from_secs(19), "{report:?}");
}

#[test]
fn looks_that_begin_late_are_told_without_a_rule_and_hide_nothing() {
    let mut world = World::new();
    world.ask_all(0, true);
    for second in 1..30 {
        let worst = Duration::from_millis(700);
        world.hear(Sensed::Lag { at: at(second), worst }, at(second));
    }
    let late = world.told.iter().filter(|text| text.contains("main")).count();
    assert_eq!(late, 1, "{:?}", world.told);
    let fault = |number: u64, second: i64| {
        let object = machine(number);
        let error = AgentError::TimedOut(Duration::from_millis(800));
        Sensed::AgentFault { object, at: at(second), error }
    };
    for second in 30..60 {
        world.hear(fault(3, second), at(second));
    }
    let down = world.told.iter().filter(|text| text.contains("legacy-3")).count();
    assert_eq!(down, 1, "a slow collector still sees: {:?}", world.told);
}

#[test]
fn an_incident_is_taken_on_by_people_of_the_files_only_and_its_objects_are_named() {
    let mut world = World::new();
    world.ask_all(0, true);
    let error = AgentError::TimedOut(Duration::from_millis(800));
    for second in 1..30 {
        let (object, at) = (machine(3), at(second));
        world.hear(Sensed::AgentFault { object, at, error: error.clone() }, at);
    }
    let open = world.core.incidents();
    let word = |by: &str| Acknowledgement { by: by.parse().expect("a name"), text: "disk".into() };
    let refused = world.core.acknowledged(&open[0].id, word("mallory")).expect_err("a stranger");
    assert_eq!(refused, r#"nobody is called "mallory"; known are alice, dana, ops"#);
    let unknown = "I-99".parse().expect("a name");
    let refused = world.core.acknowledged(&unknown, word("ops")).expect_err("no such incident");
    assert_eq!(refused, "no incident I-99 is open");
    let taken = world.core.acknowledged(&open[0].id, word("ops")).expect("it is open");
    assert_eq!(taken.objects, [machine(3)].into());
    world.core.hear(Heard::Acknowledged(taken.clone()), at(31));
    let turn = world.core.turn(at(31));
    assert_eq!(turn.acknowledged, [taken], "the sources are to be told");
    let acknowledged = world.core.incidents()[0].acknowledged.clone().expect("it was taken on");
    assert_eq!((acknowledged.by.as_str(), acknowledged.text.as_str()), ("ops", "disk"));
}

#[test]
fn what_was_taken_on_and_gets_worse_is_nobodys_any_more_and_the_journal_says_why() {
    let mut world = World::new();
    let disk = |severity: Severity, second: i64| Signal {
        source: "zabbix".parse().expect("a name"),
        check: "host.disk".parse().expect("a name"),
        object: machine(3),
        state: SignalState::Problem(severity),
        at: at(second),
        via: None,
        text: String::new(),
    };
    world.core.hear(Heard::Channel(disk(Severity::High, 1)), at(1));
    let open = world.core.incidents();
    let by = "ops".parse().expect("a name");
    let word = Acknowledgement { by, text: String::new() };
    let taken = world.core.acknowledged(&open[0].id, word).expect("it is open");
    world.core.hear(Heard::Acknowledged(taken), at(5));
    world.core.turn(at(5));
    world.core.hear(Heard::Channel(disk(Severity::Disaster, 10)), at(10));
    let turn = world.core.turn(at(10));
    let journal: Vec<String> = turn.changes.iter().map(|change| format!("{change:?}")).collect();
    let broken = journal.iter().find(|row| row.contains("acknowledgement broken"));
    let broken = broken.expect("the journal says so");
    assert!(broken.contains("ops had acknowledged it, but the severity rose"), "{broken}");
    let incident = &world.core.incidents()[0];
    assert_eq!(incident.acknowledged, None);
    assert_eq!(incident.broken.as_ref().map(|broken| broken.by.as_str()), Some("ops"));
}

/// Three looks of the example's own check, which fail.
fn fail_front_page(world: &mut World, second: i64) {
    for second in second..second + 3 {
        let subject = Subject {
            object: "module/shop/web".parse().expect("a good name"),
            check: CheckId::parse("check.front-page").expect("a good name"),
            severity: Severity::High,
            confirm: Confirm { down: 3, up: 1 },
        };
        let (phase, hint) = (Phase::Condition, "status is 503, want 200".to_owned());
        let look = Look::new(at(second), Duration::ZERO, Answer::Down { phase, hint });
        let name = "check/shop/front-page".to_owned();
        world.hear(Sensed::Looked { name, subject: Some(subject), look }, at(second));
    }
}

#[test]
fn a_check_that_is_taken_out_of_its_file_leaves_no_incident_behind() {
    let mut world = World::new();
    world.core.turn(at(0));
    fail_front_page(&mut world, 1);
    let open = |world: &World| world.core.incidents().iter().filter(|i| i.closed.is_none()).count();
    (4..20).for_each(|second| drop(world.core.turn(at(second))));
    assert_eq!(open(&world), 1);
    let headline = world.core.incidents()[0].headline.en.clone();
    let expected = "web does not work (check.front-page: condition: status is 503, want 200)";
    assert!(headline.contains(expected), "{headline}");
    let config = Config { checks: Vec::new(), ..config() };
    world.core.hear(Heard::Config(Arc::new(config)), at(20));
    (20..60).for_each(|second| drop(world.core.turn(at(second))));
    assert_eq!(open(&world), 0);
}

/// A brain with files of its own that takes over from another: what is open after a while.
fn open_after_restart(world: &World, config: Config) -> Vec<String> {
    let inheritance = Inheritance { alerter: world.core.alerter.clone(), ..Inheritance::default() };
    let mut core = Core::new(Arc::new(config), inheritance, at(20));
    (20..60).for_each(|second| drop(core.turn(at(second))));
    let open = core.incidents().into_iter().filter(|incident| incident.closed.is_none());
    open.map(|incident| incident.root.to_string()).collect()
}

#[test]
fn a_check_that_was_taken_out_while_nobody_ran_leaves_no_incident_behind() {
    let mut world = World::new();
    world.core.turn(at(0));
    fail_front_page(&mut world, 1);
    // What an agent said is no word of a check: whoever takes over must see that for himself.
    for second in 4..20 {
        let error = AgentError::TimedOut(Duration::from_millis(800));
        world.hear(Sensed::AgentFault { object: machine(3), at: at(second), error }, at(second));
    }
    let without = Config { checks: Vec::new(), ..config() };
    assert_eq!(open_after_restart(&world, without), ["host/legacy-3"]);
    assert_eq!(open_after_restart(&world, config()), ["module/shop/web", "host/legacy-3"]);
}

#[test]
fn a_check_of_a_module_that_has_not_served_yet_is_nobodys_incident() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = config::load(&path.join("../examples/shop/cloudbrain.yaml"));
    let config = loaded.config.expect("the example is in order");
    let core = Core::new(Arc::new(config), Inheritance::default(), at(0));
    let mut world = World { core, told: Vec::new() };
    world.core.turn(at(0));
    fail_front_page(&mut world, 1);
    (4..20).for_each(|second| drop(world.core.turn(at(second))));
    assert!(world.core.incidents().is_empty(), "{:?}", world.core.incidents());
}
