//! What holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alerter::act::{Act, Scope, Silence};
use alerter::message::{MAX_TEXT_CHARS, Message, MessageKind};
use alerter::{
    Action, EscalationStep, Event, OnDuty, Party, Settings, State, incidents, step, wake_at,
};
use model::id::{IncidentId, Object, PersonId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::{Host, Topology};

use crate::script::{add, own};

const START: Time = Time::from_millis(1_772_445_600_000);
const HOUR: Duration = Duration::from_secs(3_600);

/// Three racks of two hosts with six VMs each, of two businesses.
fn racks() -> Topology {
    let mut topology = Topology::default();
    own(&mut topology, "shop", "web", "alice");
    own(&mut topology, "bank", "api", "bob");
    for rack in 1..=3 {
        topology.switches.insert(format!("sw{rack}").parse().unwrap());
        for host in [format!("h{rack}1"), format!("h{rack}2")] {
            let switch = Some(format!("sw{rack}").parse().unwrap());
            topology.hosts.insert(host.parse().unwrap(), Host { switch });
            add(&mut topology, &format!("web-{host}-{{1..3}}"), &host, Some("shop/web"));
            add(&mut topology, &format!("api-{host}-{{1..3}}"), &host, Some("bank/api"));
        }
    }
    topology
}

/// A small generator with a period long enough for a test.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

struct World {
    settings: Settings,
    topology: Topology,
    state: State,
    now: Time,
    told: Vec<Message>,
    /// Incidents that others took over: those who were told of one are told of its end by the
    /// other.
    merged: BTreeSet<String>,
}

impl World {
    fn new(topology: Topology) -> Self {
        Self {
            settings: Settings::default(),
            topology,
            state: State::default(),
            now: START,
            told: Vec::new(),
            merged: BTreeSet::new(),
        }
    }

    fn step(&mut self, event: Event) {
        let actions = step(&self.settings, &self.topology, &mut self.state, event, self.now);
        for action in actions {
            match action {
                Action::Tell(message) => self.told.push(message),
                Action::Closed(summary) if summary.merged_into.is_some() => {
                    self.merged.insert(summary.id.to_string());
                }
                Action::Opened(_)
                | Action::Changed(_)
                | Action::Closed(_)
                | Action::Noted(_)
                | Action::AcknowledgementBroken { .. } => (),
            }
        }
    }

    fn say(&mut self, object: &Object, said: SignalState) {
        let check = format!("{}.ping", object.kind()).parse().unwrap();
        let (source, text) = ("probe".parse().unwrap(), String::new());
        let (object, at) = (object.clone(), self.now);
        self.step(Event::Signal(Signal {
            source,
            check,
            object,
            state: said,
            at,
            via: None,
            text,
        }));
    }

    fn silence(&mut self, on: &Object, until: Time) {
        let scope = Scope::Object { on: on.clone(), check: None };
        let (id, by, from) = (self.state.next_silence(), "ops".parse().unwrap(), self.now);
        let comment = String::new();
        let silence = Silence { id, scope, from, until, by, comment };
        self.step(Event::Act(Box::new(Act::Silenced { silence, covers: Vec::new() })));
    }

    fn snooze(&mut self, number: usize, until: Time) {
        let incident = format!("i{number}").parse().unwrap();
        for by in ["ops", "alice", "bob"].map(|by| by.parse().unwrap()) {
            let incident = IncidentId::clone(&incident);
            self.step(Event::Act(Box::new(Act::Snoozed { incident, by, until })));
        }
    }

    fn relieve(&mut self, schedule: &str, person: &str) {
        let duty = OnDuty { people: [person.parse().unwrap()].into(), since: self.now };
        self.settings.on_duty.insert(schedule.parse().unwrap(), duty);
        self.step(Event::Relieved);
    }

    fn acknowledge_all(&mut self) {
        for open in incidents(&self.settings, &self.topology, &self.state) {
            let by = "ann".parse().unwrap();
            let text = String::new();
            self.step(Event::Acknowledged { incident: open.id, by, text });
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = wake_at(&self.state).filter(|due| *due <= until) {
            assert!(due > self.now, "it asks to be woken in the past, again and again");
            self.now = due;
            self.step(Event::Tick);
        }
        self.now = until;
    }

    fn objects(&self) -> Vec<Object> {
        let switches = self.topology.switches.iter().cloned().map(Object::Switch);
        let hosts = self.topology.hosts.keys().cloned().map(Object::Host);
        switches.chain(hosts).chain(self.topology.vms.keys().cloned().map(Object::Vm)).collect()
    }
}

/// Whoever was told of a problem is told of its end, once; nobody else is.
fn assert_ends_match(seed: u64, world: &World) {
    let mut open: BTreeMap<(PersonId, String), bool> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for message in &world.told {
        assert!(keys.insert(&message.key), "seed {seed}: {} was used before", message.key);
        assert!(message.text.chars().count() <= MAX_TEXT_CHARS, "seed {seed}");
        let key = (message.to.clone(), message.incident.to_string());
        let was_open = open.get(&key).copied();
        match message.kind {
            MessageKind::Problem => assert_eq!(was_open, None, "seed {seed}: {}", message.key),
            MessageKind::Update => assert!(was_open.is_some(), "seed {seed}: {}", message.key),
            MessageKind::Resolved => {
                assert_eq!(was_open, Some(true), "seed {seed}: {}", message.key)
            }
        }
        open.insert(key, message.kind != MessageKind::Resolved);
    }
    let unfinished: Vec<_> =
        open.iter().filter(|(key, is_open)| **is_open && !world.merged.contains(&key.1)).collect();
    assert!(unfinished.is_empty(), "seed {seed}: not told of the end: {unfinished:?}");
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut outcomes = BTreeMap::new();
    for seed in 0..100 {
        let mut world = World::new(racks());
        let mut bad: Vec<Object> = world.objects();
        bad.retain(|object| object.name().contains("h1") || object.name() == "sw1");
        let mut chance = Chance(seed);
        while !bad.is_empty() {
            let object = bad.swap_remove(chance.below(bad.len()));
            world.say(&object, SignalState::Problem(Severity::High));
            world.pass(Duration::from_secs(chance.below(2) as u64));
        }
        world.pass(HOUR);
        let said = world.told.iter().map(|m| (m.to.clone(), m.root.clone(), m.affected.clone()));
        outcomes.insert(said.collect::<Vec<_>>(), seed);
    }
    assert_eq!(outcomes.len(), 1, "{outcomes:#?}");
    let told = outcomes.first_key_value().unwrap().0;
    assert!(told.iter().all(|(_, root, _)| root.to_string() == "switch/sw1"), "{told:?}");
    assert_eq!(told.len(), 3, "one message each for alice, bob and operations");
}

#[test]
fn whatever_breaks_and_heals_each_is_told_of_the_end_and_nothing_is_kept() {
    for seed in 0..100 {
        let mut world = World::new(racks());
        let objects = world.objects();
        let mut chance = Chance(seed);
        for _ in 0..60 {
            let object = &objects[chance.below(objects.len())];
            let said = match chance.below(5) {
                0 => SignalState::Silent,
                1 | 2 => SignalState::Ok,
                3 => SignalState::Problem(Severity::High),
                _ => SignalState::Problem(Severity::Disaster),
            };
            world.say(object, said);
            world.pass(Duration::from_secs(chance.below(90) as u64));
        }
        for object in &objects {
            world.say(object, SignalState::Ok);
        }
        world.pass(HOUR);
        world.step(Event::Maintenance { on: objects[0].clone(), from: START, until: START });
        world.pass(HOUR);
        assert_ends_match(seed, &world);
        let kept = serde_json::to_value(&world.state).unwrap();
        for part in ["words", "incidents", "repairs", "module_sizes"] {
            assert_eq!(kept[part], serde_json::json!({}), "seed {seed} keeps {part}");
        }
    }
}

/// Operations and shop are whoever is on duty; what nobody acknowledges goes to more and more.
#[test]
fn whoever_is_relieved_acknowledges_or_is_called_each_is_told_of_the_end() {
    let name = |text: &str| -> PersonId { text.parse().unwrap() };
    for seed in 0..40 {
        let mut world = World::new(racks());
        let mut chance = Chance(seed);
        let shop = "shop".parse().unwrap();
        world.topology.projects.get_mut(&shop).unwrap().owners = [name("shop-duty")].into();
        world.settings.operations = [name("ops-duty")].into();
        world.relieve("shop-duty", "alice");
        world.relieve("ops-duty", "ann");
        for (party, to) in [(Party::Operations, "lead"), (Party::Project(shop), "ops-duty")] {
            let step = |minutes: u64, to: &str| EscalationStep {
                after: Duration::from_secs(minutes * 60),
                to: [name(to)].into(),
                severity: Severity::High,
            };
            world.settings.escalation.insert(party, vec![step(2, to), step(5, "boss")]);
        }
        let objects = world.objects();
        for _ in 0..80 {
            let object = &objects[chance.below(objects.len())];
            match chance.below(8) {
                0 => world.relieve("shop-duty", ["alice", "ann", "bob"][chance.below(3)]),
                1 => world.relieve("ops-duty", ["ann", "lead", "bob"][chance.below(3)]),
                2 => world.acknowledge_all(),
                3 | 4 => world.say(object, SignalState::Ok),
                5 | 6 => world.say(object, SignalState::Problem(Severity::High)),
                _ => world.say(object, SignalState::Problem(Severity::Disaster)),
            }
            world.pass(Duration::from_secs(chance.below(120) as u64));
        }
        for object in &objects {
            world.say(object, SignalState::Ok);
        }
        world.pass(HOUR);
        assert_ends_match(seed, &world);
        assert!(world.told.iter().all(|message| !message.to.as_str().ends_with("-duty")));
        let kept = serde_json::to_value(&world.state).unwrap();
        assert_eq!(kept["incidents"], serde_json::json!({}), "seed {seed}");
    }
}

#[test]
fn whatever_people_put_off_each_is_told_of_the_end_and_nothing_is_kept() {
    for seed in 0..100 {
        let mut world = World::new(racks());
        let objects = world.objects();
        let mut chance = Chance(seed);
        for _ in 0..80 {
            let object = &objects[chance.below(objects.len())];
            let until = world.now + Duration::from_secs(chance.below(900) as u64);
            match chance.below(8) {
                0 => world.silence(object, until),
                1 => world.snooze(chance.below(9), until),
                2 | 3 => world.say(object, SignalState::Ok),
                4 => world.say(object, SignalState::Problem(Severity::Disaster)),
                _ => world.say(object, SignalState::Problem(Severity::High)),
            }
            world.pass(Duration::from_secs(chance.below(90) as u64));
        }
        for object in &objects {
            world.say(object, SignalState::Ok);
        }
        world.pass(HOUR);
        assert_ends_match(seed, &world);
        let kept = serde_json::to_value(&world.state).unwrap();
        assert_eq!(kept["incidents"], serde_json::json!({}), "seed {seed}");
        assert_eq!(kept["acts"]["silences"], serde_json::json!({}), "seed {seed}");
    }
}

#[test]
fn a_fleet_that_is_well_costs_nothing() {
    let mut world = World::new(racks());
    for object in world.objects() {
        world.say(&object, SignalState::Ok);
    }
    assert_eq!(world.state, State::default());
}

#[test]
fn a_storm_is_looked_at_once_a_second_and_not_once_an_event() {
    let mut world = World::new(racks());
    let vms: Vec<Object> = world.topology.vms.keys().cloned().map(Object::Vm).collect();
    world.say(&vms[0], SignalState::Problem(Severity::High));
    let after_first = wake_at(&world.state);
    for vm in &vms[1..] {
        world.say(vm, SignalState::Problem(Severity::High));
    }
    assert_eq!(after_first, Some(START + Duration::from_secs(60)));
    assert_eq!(wake_at(&world.state), Some(START + Duration::from_secs(1)));
}

/// Who was told what of an object.
fn heard(world: &World, object: &Object) -> Vec<(PersonId, MessageKind)> {
    let names = |message: &&Message| message.root == *object || message.more_roots.contains(object);
    let about = world.told.iter().filter(names);
    about.map(|message| (message.to.clone(), message.kind)).collect()
}

#[test]
fn a_clock_that_is_set_back_an_hour_neither_stops_it_nor_makes_it_tell_twice() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let mut world = World::new(racks());
    let vm = |name: &str| -> Object { name.parse().unwrap() };
    let [before, during, after] = ["vm/api-h12-1", "vm/web-h21-1", "vm/web-h31-1"].map(vm);
    let (before, during, after) = (&before, &during, &after);
    let bad = SignalState::Problem(Severity::High);
    world.say(before, bad);
    world.pass(minutes(5));
    assert_eq!(heard(&world, before).len(), 2, "its owner and operations");
    world.say(during, bad);
    world.now = world.now - HOUR;
    world.say(after, bad);
    world.pass(minutes(2));
    for object in [before, during, after] {
        let heard = heard(&world, object);
        assert_eq!(heard.len(), 2, "{object}: {heard:?}");
    }
    // What our own senses say by the clock that was set back ends it, as fast as ever.
    for object in [before, during, after] {
        world.say(object, SignalState::Ok);
    }
    world.pass(minutes(5));
    for object in [before, during, after] {
        let ends =
            heard(&world, object).into_iter().filter(|(_, kind)| *kind == MessageKind::Resolved);
        assert_eq!(ends.count(), 2, "{object}");
        assert_eq!(heard(&world, object).len(), 4, "{object}");
    }
}

#[test]
fn a_source_an_hour_ahead_is_heard_and_still_when_its_clock_is_set_right() {
    let mut world = World::new(racks());
    let object: Object = "vm/api-h12-1".parse().unwrap();
    let say = |world: &mut World, state, ahead| {
        world.step(Event::Signal(Signal {
            source: "zabbix".parse().unwrap(),
            check: "vm.ping".parse().unwrap(),
            object: object.clone(),
            state,
            at: world.now + ahead,
            via: None,
            text: String::new(),
        }));
    };
    say(&mut world, SignalState::Problem(Severity::High), HOUR);
    // Older than what it said last: stale, however wrong its clock is.
    say(&mut world, SignalState::Ok, HOUR - Duration::from_secs(5));
    world.pass(Duration::from_secs(120));
    assert_eq!(world.told.len(), 2, "{:?}", world.told);
    say(&mut world, SignalState::Ok, Duration::ZERO);
    world.pass(Duration::from_secs(120));
    let ends = world.told.iter().filter(|message| message.kind == MessageKind::Resolved);
    assert_eq!(ends.count(), 2, "its end is told within two minutes");
}

#[test]
fn a_hostile_name_or_text_breaks_no_limit() {
    let mut topology = racks();
    let long = "x".repeat(255);
    own(&mut topology, &long[..120], &long[..120], "mallory");
    let module = format!("{}/{}", &long[..120], &long[..120]);
    add(&mut topology, &format!("{}-{{100..160}}", &long[..250]), "h11", Some(&module));
    let mut world = World::new(topology);
    let object: Object = "host/h11".parse().unwrap();
    let text = "\u{1b}[31m<script>名\n".repeat(1_000);
    let at = world.now;
    world.step(Event::Signal(Signal {
        source: "probe".parse().unwrap(),
        check: "host.ping".parse().unwrap(),
        object,
        state: SignalState::Problem(Severity::Disaster),
        at,
        via: None,
        text,
    }));
    world.pass(HOUR);
    let mallory = world.told.iter().find(|message| message.to.as_str() == "mallory").unwrap();
    assert!(world.told.iter().all(|message| message.text.chars().count() <= MAX_TEXT_CHARS));
    assert!(mallory.text.contains("and 59 more"), "{}", mallory.text);
    assert!(!mallory.text.contains('\u{1b}'));
}
