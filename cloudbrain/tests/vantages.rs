//! The brain without a socket or a disk, and what vantages tell it: of five hundred businesses none is down
//! because one vantage is cut off, and alarms need a quorum.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use availability::{Interval, State, Tally};
use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::brain::vantages::Vantages;
use cloudbrain::config::{self, Config};
use cloudbrain::vantage::wire::{Answer, Batch, Taken, What};
use collector::findings::{Confirm, Subject};
use collector::look::{Answer as SaidOf, Look};
use collector::poller::Sensed;
use model::id::{ModuleId, Object};
use model::signal::Severity;
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Timings, Verdict};
use store::Change;

const MAIN: &str = "\
fleet: made-up
store: state
projects: projects
policies: policies
collector: {interval: 10s, timeout: 3s}
channels: [{inbox: {name: inbox, path: messages.ndjson}}]
people: {ops: {channel: inbox}}
operations: [ops]
vantages:
  - {name: beijing, token: a-token-of-beijing}
  - {name: osaka, token: another-token-of-osaka, canaries: [\"192.0.2.1:53\"]}
";
const POLICY: &str = "\
apiVersion: cloudbrain/v1
kind: AccountingPolicy
name: standard
version: 1
vantages: {quorum: 2}
";

/// So many businesses, which are only watched; two vantages beside the brain, and two must agree.
fn config(name: &str, businesses: usize) -> Config {
    let folder = folder(name);
    write_files(&folder, businesses);
    read(&folder).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn read(folder: &Path) -> Result<Config, Vec<String>> {
    let loaded = config::load(&folder.join("cloudbrain.yaml"));
    let _ = std::fs::remove_dir_all(folder);
    loaded.config.ok_or_else(|| loaded.problems.iter().map(ToString::to_string).collect())
}

fn write(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of ours");
    std::fs::write(path, text).expect("a folder of ours");
}

fn write_files(folder: &Path, businesses: usize) {
    write(folder, "cloudbrain.yaml", MAIN);
    write(folder, "policies/availability.yaml", POLICY);
    for number in 0..businesses {
        let project = format!(
            "apiVersion: cloudbrain/v1\nkind: Project\nname: b{number}\nowners: {{ops: [ops]}}\n\
             domains: [b{number}.example.com]\nmodules: [{{name: web, monitor: js}}]\n"
        );
        write(folder, &format!("projects/b{number}.yaml"), &project);
    }
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("cloudbrain-vantages-{name}-{}", std::process::id()))
}

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

fn module(business: usize) -> ModuleId {
    format!("b{business}/web").parse().expect("a good name")
}

fn outcome(is_good: bool) -> Outcome {
    match is_good {
        true => Outcome::Healthy { doubt: None },
        false => Outcome::Unhealthy { phase: Phase::Connect, hint: "no route to host".to_owned() },
    }
}

struct World {
    core: Core,
    businesses: usize,
    /// The answers that each vantage has sent.
    sent: [u64; 2],
    opened: Vec<String>,
    told: Vec<String>,
}

const NAMES: [&str; 2] = ["beijing", "osaka"];

impl World {
    fn new(name: &str, businesses: usize) -> Self {
        let config = Arc::new(config(name, businesses));
        let core = Core::new(config, Inheritance::default(), at(0));
        Self { core, businesses, sent: [0; 2], opened: Vec::new(), told: Vec::new() }
    }

    fn turn(&mut self, now: Time) {
        let turn = self.core.turn(now);
        self.told.extend(turn.messages.iter().map(|message| message.text.clone()));
        for incident in self.core.incidents().iter().filter(|one| one.closed.is_none()) {
            let root = incident.root.to_string();
            if !self.opened.contains(&root) {
                self.opened.push(root);
            }
        }
    }

    /// The brain's own probes of all businesses.
    fn look(&mut self, second: i64, is_good: impl Fn(usize) -> bool) {
        for business in 0..self.businesses {
            let target = ProbeTarget::Domain {
                module: module(business),
                domain: format!("b{business}.example.com"),
            };
            let (took, timings) = (Duration::ZERO, Timings::default());
            let outcome = outcome(is_good(business));
            let verdict = Verdict { target, at: at(second), outcome, took, timings, family: None };
            self.core.hear(Heard::Sensed(Sensed::Verdict(verdict)), at(second));
        }
    }

    /// A vantage tells of its probes of all businesses, which it made at `second`.
    fn deliver(
        &mut self,
        vantage: usize,
        second: i64,
        now: i64,
        is_good: impl Fn(usize) -> bool,
    ) -> Taken {
        let answers = (0..self.businesses).map(|business| {
            let (module, outcome) = (module(business), outcome(is_good(business)));
            let domain = format!("b{business}.example.com");
            Answer { at: at(second), what: What::Probe { module, domain, outcome } }
        });
        let answers: Vec<Answer> = answers.collect();
        let first = self.sent[vantage] + 1;
        self.sent[vantage] += answers.len() as u64;
        self.post(vantage, Batch { boot: 1, first, sent: at(now), answers }, now)
    }

    fn post(&mut self, vantage: usize, batch: Batch, now: i64) -> Taken {
        let name = NAMES[vantage].parse().expect("a good name");
        let (reply, mut taken) = tokio::sync::oneshot::channel();
        self.core.hear(Heard::Vantage { name, batch, reply }, at(now));
        taken.try_recv().expect("it is answered").expect("it is known")
    }

    fn tally(&self, business: usize, from: i64, until: i64) -> Tally {
        let joined = self.core.believed(&module(business), at(from), at(until));
        Tally::of(&joined.expect("it is accounted for").timeline)
    }
}

#[test]
fn of_five_hundred_businesses_none_is_down_because_one_vantage_is_cut_off() {
    let mut world = World::new("cut-off", 500);
    for second in (0..600).step_by(10) {
        let is_cut_off = (200..400).contains(&second);
        world.look(second, |_| true);
        world.deliver(0, second + 1, second + 1, |_| !is_cut_off);
        world.deliver(1, second + 2, second + 2, |_| true);
        world.turn(at(second + 3));
    }
    assert_eq!(world.opened, ["vantage/beijing"]);
    let about_businesses: Vec<_> =
        world.told.iter().filter(|text| !text.contains("vantage beijing")).collect();
    assert!(about_businesses.is_empty(), "{about_businesses:?}");
    assert!(world.told.iter().any(|text| text.contains("of 500 targets")), "{:?}", world.told);
    let open = world.core.incidents().iter().filter(|one| one.closed.is_none()).count();
    assert_eq!(open, 0, "and its end is told");
    for business in 0..500 {
        let tally = world.tally(business, 10, 590);
        assert_eq!((tally.down, tally.unknown), (Duration::ZERO, Duration::ZERO), "{business}");
    }
    // Seen from Beijing alone it is unknown, and no down time.
    let core = &world.core;
    let seen = core.seen(&module(7), &core.ledgers[&module(7)], at(10), at(590));
    let beijing = Tally::of(&seen[&"beijing".parse().unwrap()]);
    assert_eq!(beijing.down, Duration::ZERO);
    let unknown = beijing.unknown.as_secs();
    assert!((190..=220).contains(&unknown), "from the first silence to the last: {beijing:?}");
}

/// A business of which its module is written so, with a check; two of three must agree.
fn checked(name: &str, module: &str) -> Result<Config, Vec<String>> {
    let folder = folder(name);
    write_files(&folder, 0);
    let project = format!(
        "apiVersion: cloudbrain/v1\nkind: Project\nname: b0\nowners: {{ops: [ops]}}\n\
         modules: [{{name: web, {module}}}]\n\
         checks: [{{tcp: {{name: queue, address: \"10.0.0.9:5672\", interval: 1m}}}}]\n"
    );
    write(&folder, "projects/b0.yaml", &project);
    read(&folder)
}

#[test]
fn what_the_brain_alone_looks_at_the_brain_alone_decides() {
    let config = checked("alone", "uses: []").unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut core = Core::new(Arc::new(config), Inheritance::default(), at(0));
    let subject = || Subject {
        object: Object::Module(module(0)),
        check: "check.queue".parse().expect("a good name"),
        severity: Severity::High,
        confirm: Confirm { down: 3, up: 2 },
    };
    for minute in 0..60 {
        let (second, phase, hint) = (minute * 60, Phase::Connect, "refused".to_owned());
        let is_down = (20..30).contains(&minute);
        let answer = if is_down { SaidOf::Down { phase, hint } } else { SaidOf::Up };
        let look = Look::new(at(second), Duration::ZERO, answer);
        let (name, subject) = ("check/b0/queue".to_owned(), Some(subject()));
        core.hear(Heard::Sensed(Sensed::Looked { name, subject, look }), at(second));
        core.turn(at(second));
    }
    assert!(core.vantage_targets(&"beijing".parse().unwrap()).unwrap().targets.is_empty());
    let tally = Tally::of(&core.believed(&module(0), at(0), at(3_540)).unwrap().timeline);
    let minutes = [tally.up, tally.down, tally.unknown].map(|time| time.as_secs() / 60);
    assert_eq!(minutes, [49, 10, 0]);
    let report = core.availability(&module(0), at(0), at(3_540)).unwrap();
    assert_eq!(report.outages[0].why, "check/queue: connect: refused");
    assert!(report.accounting.contains("a probe each 1m, down after 3"), "{}", report.accounting);
}

/// What measures a module from now on changes no account of before.
#[test]
fn a_module_that_gets_a_domain_keeps_what_the_brain_alone_knew() {
    let before = checked("gets-1", "uses: []").unwrap_or_else(|problems| panic!("{problems:?}"));
    let with_domain = "domains: [b0.example.com], monitor: js";
    let after = checked("gets-2", with_domain).unwrap_or_else(|problems| panic!("{problems:?}"));
    let core = Core::new(Arc::new(before), Inheritance::default(), at(0));
    let mut world =
        World { core, businesses: 1, sent: [0; 2], opened: Vec::new(), told: Vec::new() };
    for minute in 0..60 {
        let look = Look::new(at(minute * 60), Duration::ZERO, SaidOf::Up);
        let subject = Subject {
            object: Object::Module(module(0)),
            check: "check.queue".parse().expect("a good name"),
            severity: Severity::High,
            confirm: Confirm { down: 3, up: 2 },
        };
        let (name, subject) = ("check/b0/queue".to_owned(), Some(subject));
        world.core.hear(Heard::Sensed(Sensed::Looked { name, subject, look }), at(minute * 60));
        world.turn(at(minute * 60));
    }
    world.core.hear(Heard::Config(Arc::new(after)), at(3_600));
    for second in (3_600..7_200).step_by(10) {
        world.look(second, |_| true);
        world.deliver(0, second, second, |_| !(5_000..6_000).contains(&second));
        world.deliver(1, second, second, |_| !(5_000..6_000).contains(&second));
        world.turn(at(second));
    }
    let told = |from, until| {
        let tally = world.tally(0, from, until);
        [tally.up, tally.down, tally.unknown].map(|time| time.as_secs() / 60)
    };
    assert_eq!(told(0, 3_540), [59, 0, 0], "the brain alone looked");
    let [up, down, unknown] = told(3_660, 7_140);
    assert!((up + down, unknown) >= (57, 0) && down >= 16 && unknown <= 1, "{up} {down} {unknown}");
}

#[test]
fn a_quorum_about_what_the_brain_alone_looks_at_is_refused() {
    let both = "domains: [b0.example.com], monitor: js, measured_by: [domain, checks]";
    let told = checked("both", both).unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    for words in ["availability.yaml:5:", "b0/web is measured by its domain and by check/queue"] {
        assert!(told[0].contains(words), "{words} in: {told:?}");
    }
}

#[test]
fn of_few_targets_canaries_tell_that_it_is_the_vantage() {
    let mut world = World::new("canaries", 3);
    for second in (0..300).step_by(10) {
        let is_cut_off = (100..200).contains(&second);
        world.look(second, |_| true);
        world.deliver(0, second + 1, second + 1, |_| true);
        let address = "192.0.2.1:53".parse().expect("an address");
        let what = What::Canary { address, answered: !is_cut_off };
        let canary = Answer { at: at(second + 1), what };
        world.sent[1] += 1;
        let (boot, first) = (1, world.sent[1]);
        let batch = Batch { boot, first, sent: at(second + 1), answers: vec![canary] };
        world.post(1, batch, second + 1);
        world.deliver(1, second + 2, second + 2, |_| !is_cut_off);
        world.turn(at(second + 3));
    }
    assert_eq!(world.opened, ["vantage/osaka"]);
    let core = &world.core;
    let seen = core.seen(&module(1), &core.ledgers[&module(1)], at(10), at(290));
    let osaka = Tally::of(&seen[&"osaka".parse().unwrap()]);
    assert_eq!(osaka.down, Duration::ZERO, "{osaka:?}");
    assert!((90..=130).contains(&osaka.unknown.as_secs()), "{osaka:?}");
}

#[test]
fn what_fails_from_one_place_is_no_alarm_and_from_two_it_is_one_that_names_them() {
    let mut world = World::new("alarms", 12);
    for second in (0..400).step_by(10) {
        world.look(second, |business| business != 3 || second < 200);
        world.deliver(0, second + 1, second + 1, |business| business != 3 || second < 100);
        world.deliver(1, second + 2, second + 2, |_| true);
        world.turn(at(second + 3));
        if second == 190 {
            assert!(world.opened.is_empty(), "{:?}", world.opened);
        }
    }
    assert_eq!(world.opened, ["module/b3/web"]);
    let incident = &world.core.incidents()[0];
    let told = incident.headline.en.contains("seen from beijing, brain: b3.example.com fails");
    assert!(told, "{incident:?}");
    let tally = world.tally(3, 10, 390);
    assert_eq!(tally.down, Duration::from_secs(190), "{tally:?}");
    let joined = world.core.believed(&module(3), at(10), at(390)).expect("it is accounted for");
    let [partial] = joined.partials.as_slice() else { panic!("{:?}", joined.partials) };
    assert_eq!((partial.from, partial.until), (at(101), at(200)));
    assert_eq!(joined.timeline.last().map(|last| last.state), Some(State::Down));
}

#[test]
fn one_that_falls_silent_is_told_of_once_and_those_that_are_left_raise_alarms_without_it() {
    let mut world = World::new("silent", 12);
    for second in (0..300).step_by(10) {
        world.look(second, |business| business != 3 || second < 150);
        if second < 100 {
            world.deliver(0, second + 1, second + 1, |_| true);
            world.deliver(1, second + 1, second + 1, |_| true);
        }
        world.turn(at(second + 3));
    }
    assert_eq!(world.opened, ["vantage/beijing", "vantage/osaka", "module/b3/web"]);
    assert!(world.told.iter().any(|text| text.contains("delivers nothing")), "{:?}", world.told);
    assert_eq!(world.tally(3, 0, 190).down, Duration::ZERO, "an alarm is no down time");
}

#[test]
fn what_is_delivered_hours_late_or_twice_counts_once_and_what_was_dropped_is_unknown() {
    let mut world = World::new("late", 12);
    for second in (0..600).step_by(10) {
        world.look(second, |business| business != 3 || !(100..200).contains(&second));
        world.turn(at(second + 3));
    }
    assert_eq!(world.tally(3, 110, 190).unknown, Duration::from_secs(80), "one of three knows it");
    for second in (0..600).step_by(10) {
        let taken = world.deliver(1, second, 700, |business| business != 3 || second < 150);
        assert_eq!((taken.new, taken.lost), (12, 0));
    }
    let known = world.tally(3, 10, 590);
    // Osaka saw it down from 150 on, the brain from 100 to 200, and of Beijing nothing is known.
    assert_eq!((known.down, known.unknown), (Duration::from_secs(50), Duration::from_secs(440)));
    let before = world.core.believed(&module(3), at(0), at(600));
    world.sent[1] = 0;
    let taken = world.deliver(1, 0, 701, |_| false);
    assert_eq!((taken.new, taken.repeated), (0, 12));
    assert_eq!(world.core.believed(&module(3), at(0), at(600)), before);
    world.sent[1] = 60 * 12 + 30;
    assert_eq!(world.deliver(1, 900, 901, |_| true).lost, 30);
}

#[test]
fn a_brain_that_takes_over_knows_what_vantages_told_the_last_one() {
    let mut world = World::new("handed-on", 12);
    let mut memory = std::collections::BTreeMap::new();
    for second in (0..300).step_by(10) {
        world.look(second, |_| true);
        world.deliver(0, second + 1, second + 1, |business| business != 3 || second < 100);
        for change in world.core.turn(at(second + 3)).changes {
            if let Change::Memory { room, json } = change {
                memory.insert(room, json);
            }
        }
    }
    let vantages = Vantages::restore(&world.core.config, &memory).expect("it reads back");
    let (config, ledgers) = (world.core.config.clone(), world.core.ledgers.clone());
    let inheritance = Inheritance { vantages, ledgers, ..Inheritance::default() };
    let before = world.core.believed(&module(3), at(0), at(290));
    world.core = Core::new(config, inheritance, at(300));
    assert_eq!(world.core.believed(&module(3), at(0), at(290)), before);
    world.sent[0] -= 12;
    let taken = world.deliver(0, 291, 301, |_| true);
    assert_eq!((taken.new, taken.repeated), (0, 12), "it was acknowledged before");
}

/// What is settled goes to rows, once each, and no more is written of a ledger than what may still change.
#[test]
fn hours_of_outages_seen_from_elsewhere_are_rows_and_what_is_written_of_them_stays_small() {
    let mut world = World::new("rows", 1);
    let (mut memory, mut rows, mut longest) = (BTreeMap::new(), Vec::new(), 0);
    for second in (0..20_000).step_by(10) {
        let is_down = second % 400 >= 350;
        world.look(second, |_| !is_down);
        world.deliver(0, second, second, |_| !is_down);
        for change in world.core.turn(at(second)).changes {
            if let Change::Memory { room, json } = change {
                if room.starts_with("vantage/beijing/") {
                    longest = longest.max(json.len());
                }
                memory.insert(room, json);
            } else if let Change::Transition(row) = change
                && row.vantage.is_some()
            {
                rows.push(row);
            }
        }
    }
    assert!(rows.len() > 90, "{}", rows.len());
    assert!(rows.windows(2).all(|two| two[0].until == Some(two[1].at)), "each once, without a gap");
    assert!(longest < 3_000, "{longest} bytes");
    let mut vantages = Vantages::restore(&world.core.config, &memory).expect("it reads back");
    for (vantage, module, ledger) in vantages.ledgers_mut() {
        assert_eq!((vantage.as_str(), module.as_str()), ("beijing", "b0/web"));
        let told = rows.iter().map(|row| Interval {
            from: row.at,
            until: row.until.expect("it is over"),
            state: state(&row.state),
            why: row.why.clone(),
        });
        ledger.complete(told.collect(), Vec::new());
    }
    let own = &world.core.ledgers[&module(0)];
    let seen = |vantages: &Vantages| {
        vantages.seen((&module(0), own), &world.core.accounting, (at(0), at(19_000)))
    };
    assert_eq!(seen(&vantages), seen(&world.core.vantages));
}

/// As a row has it.
fn state(word: &str) -> State {
    *State::ALL.iter().find(|state| state.as_str() == word).expect("a state")
}

/// What is said of files in which one thing is changed.
fn said_of(name: &str, of: &str, by: &str) -> Vec<String> {
    let folder = folder(name);
    write_files(&folder, 1);
    for file in ["cloudbrain.yaml", "policies/availability.yaml"] {
        let text = std::fs::read_to_string(folder.join(file)).expect("it is there");
        std::fs::write(folder.join(file), text.replace(of, by)).expect("a folder of ours");
    }
    let loaded = config::load(&folder.join("cloudbrain.yaml"));
    let _ = std::fs::remove_dir_all(&folder);
    loaded.problems.iter().map(|problem| problem.message.clone()).collect()
}

#[test]
fn a_quorum_that_cannot_be_reached_is_refused_and_one_of_all_says_what_it_costs() {
    let said = |quorum: &str| said_of("lint", "{quorum: 2}", quorum);
    assert_eq!(said("{quorum: 2}"), [""; 0]);
    assert_eq!(
        said("{quorum: 4}"),
        [
            "vantages.quorum: 4 of 3 vantages (brain, beijing, osaka): no outage could ever be known; write at most 3, or \
          name more under vantages in the main file"
        ]
    );
    assert_eq!(
        said("{quorum: 0}"),
        ["vantages.quorum: nobody would have to see it down; write at least 1"]
    );
    assert_eq!(
        said("{quorum: 3}\ntarget: 99.5%"),
        [
            "vantages.quorum: all 3 vantages (brain, beijing, osaka) must agree, so while one is cut off each outage is \
          unknown: of 28d 99.5% leaves 3h21m36s, and one cut off for so long can hide all of it; write \
          2, or name more vantages"
        ]
    );
}

#[test]
fn a_vantage_without_a_name_of_its_own_or_a_token_that_can_be_guessed_is_refused() {
    let said = |of: &str, by: &str| said_of("names", of, by);
    assert_eq!(
        said("name: osaka", "name: beijing"),
        ["vantages.1.name: a second vantage beijing; rename one"]
    );
    let brain = said("name: osaka", "name: brain");
    assert_eq!(
        brain,
        ["vantages.1.name: \"brain\" cannot be told from others; write for example beijing"]
    );
    let short = said("token: a-token-of-beijing", "token: beijing");
    assert_eq!(short, ["vantages.0.token: a token of less than 16 characters is guessed"]);
    let missing = said("token: a-token-of-beijing", "token: \"${file:none}\"");
    assert!(missing[0].contains("cannot be read"), "{missing:?}");
}
