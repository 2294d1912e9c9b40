//! Scripts: events as servers tell them, and what is said of them; then any order of them.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::brake::Brake;
use super::super::event::EventRow;
use super::super::mapping::RawMapping;
use super::super::reconcile::{Fate, OpenThere, There};
use super::super::topology::{Entry, What};
use super::*;

/// Hosts 1 to 3 are VMs, host 9 is a hypervisor, all others are unknown.
struct World {
    source: SourceId,
    mapping: Mapping,
    directory: Directory,
    problems: Problems,
    vanished_rounds: u32,
}

impl World {
    fn new() -> Self {
        let entry = |what| Entry {
            host: String::new(),
            is_monitored: true,
            in_maintenance: false,
            interface_error: None,
            aliases: Vec::new(),
            what,
        };
        let vm = |n: u64| What::Vm {
            id: format!("vm{n}").parse().unwrap(),
            module: None,
            project: None,
            host: None,
        };
        let mut list: BTreeMap<HostKey, Entry> =
            (1..=3).map(|n| (HostKey(n), entry(vm(n)))).collect();
        let host = What::Host { id: "h9".parse().unwrap(), switch: None };
        list.insert(HostKey(9), entry(host));
        let mut brake = Brake::default();
        brake.list(list, Time::default());
        Self {
            source: "zabbix".parse().unwrap(),
            mapping: Mapping::try_from(&RawMapping::default()).unwrap(),
            directory: Directory::of(&brake),
            problems: Problems::default(),
            vanished_rounds: 0,
        }
    }

    fn with<R>(
        &mut self,
        at: i64,
        run: impl FnOnce(&mut Problems, &mut u32, &Context<'_>) -> R,
    ) -> R {
        let text = serde_json::to_string(&self.problems).unwrap();
        self.problems = serde_json::from_str(&text).unwrap(); // It survives a restart at any time.
        let context = Context {
            source: &self.source,
            mapping: &self.mapping,
            directory: &self.directory,
            now: Time::from_millis(at),
        };
        run(&mut self.problems, &mut self.vanished_rounds, &context)
    }

    /// Absorbs as the watch does: reads the unsure rows again first. `rows` is what a server
    /// holds by now.
    fn absorb(&mut self, at: i64, batch: &[Row], rows: &[Row]) -> Vec<Told> {
        self.with(at, |problems, _, context| {
            let mut batch: Vec<Event> = batch.iter().map(Row::event).collect();
            let unsure = problems.unsure(&batch);
            let ended = rows.iter().filter(|row| unsure.contains(&row.id) && row.recovery != 0);
            let ended = ended.map(|row| (row.id, EventId(row.recovery))).collect();
            let mut told = problems.learn(&ended, &mut batch, context);
            told.extend(problems.absorb(batch, Why::Event, context));
            told
        })
    }
}

#[derive(Clone, Debug)]
struct Row {
    id: EventId,
    trigger: u64,
    at: i64,
    is_problem: bool,
    severity: i64,
    recovery: u64,
    host: u64,
    name: String,
    suppressed: bool,
}

impl Row {
    fn event(&self) -> Event {
        let row = json!({
            "eventid": self.id.0.to_string(), "objectid": self.trigger, "clock": self.at,
            "ns": "0", "value": u8::from(self.is_problem), "severity": self.severity,
            "name": self.name, "r_eventid": self.recovery.to_string(),
            "suppressed": u8::from(self.suppressed), "hosts": [{"hostid": self.host.to_string()}],
        });
        serde_json::from_value::<EventRow>(row).unwrap().into()
    }
}

fn problem(id: u64, trigger: u64, at: i64, severity: i64, host: u64, recovery: u64) -> Row {
    let name = format!("p{id}");
    let id = EventId(id);
    Row { id, trigger, at, is_problem: true, severity, recovery, host, name, suppressed: false }
}

fn recovery(id: u64, trigger: u64, at: i64) -> Row {
    Row { is_problem: false, severity: 0, ..problem(id, trigger, at, 0, 1, 0) }
}

fn shown(told: &[Told]) -> String {
    let lines = told.iter().map(|told| {
        let Signal { object, check, state, at, text, .. } = &told.signal;
        let at_s = at.millis() / 1000;
        let suppressed = if told.suppressed { " suppressed" } else { "" };
        let why = if told.why == Why::Event { String::new() } else { format!(" ({:?})", told.why) };
        format!("{at_s}s {object} {check} {state:?} {text:?} by {}{suppressed}{why}\n", told.event)
    });
    lines.collect()
}

fn check(told: &[Told], expected: &Expect) {
    expected.assert_eq(&shown(told));
}

#[test]
fn a_problem_and_its_recovery() {
    let mut world = World::new();
    let p = problem(10, 77, 100, 4, 1, 0);
    let mut told = world.absorb(101_000, std::slice::from_ref(&p), &[]);
    let ended = Row { recovery: 11, ..p };
    told.extend(world.absorb(131_000, &[recovery(11, 77, 130)], &[ended]));
    check(
        &told,
        &expect![[r#"
            100s vm/vm1 zabbix.77 Problem(High) "p10" by 10
            130s vm/vm1 zabbix.77 Ok "p10" by 10
        "#]],
    );
    assert!(world.problems.open_now().is_empty());
}

#[test]
fn a_recorded_trigger_with_several_problems_ends_with_its_one_recovery() {
    let recorded = include_str!("../../tests/data/zabbix/6.0/scenario.multiple.json");
    let mut recorded: Value = serde_json::from_str(recorded).unwrap();
    let rows = recorded["events"].as_array_mut().unwrap();
    for row in rows.iter_mut() {
        row["hosts"] = json!([{"hostid": "2"}]);
    }
    let mut events: Vec<Event> = rows
        .iter()
        .map(|row| serde_json::from_value::<EventRow>(row.clone()).unwrap().into())
        .collect();
    let mut world = World::new();
    let told = world.with(1_795_229_480_000, |problems, _, context| {
        let last = events.split_off(3);
        let mut told = problems.absorb(events, Why::Event, context);
        told.extend(problems.absorb(last, Why::Event, context));
        told
    });
    check(
        &told,
        &expect![[r#"
            1795229470s vm/vm2 zabbix.24645 Problem(Warning) "multi" by 75448
            1795229472s vm/vm2 zabbix.24645 Problem(Warning) "multi" by 75449
            1795229473s vm/vm2 zabbix.24645 Problem(Warning) "multi" by 75451
            1795229474s vm/vm2 zabbix.24645 Ok "multi" by 75451
        "#]],
    );
}

#[test]
fn a_recovery_that_ends_only_those_with_its_tag_leaves_the_others_open() {
    let mut world = World::new();
    let (a, b) = (problem(10, 77, 100, 3, 1, 0), problem(11, 77, 101, 5, 1, 0));
    world.absorb(102_000, &[a.clone(), b.clone()], &[]);
    let ended = Row { recovery: 12, ..b };
    let mut told = world.absorb(111_000, &[recovery(12, 77, 110)], &[a.clone(), ended]);
    let ended = Row { recovery: 13, ..a };
    told.extend(world.absorb(121_000, &[recovery(13, 77, 120)], &[ended]));
    check(
        &told,
        &expect![[r#"
            110s vm/vm1 zabbix.77 Problem(Average) "p10" by 11
            120s vm/vm1 zabbix.77 Ok "p10" by 10
        "#]],
    );
}

#[test]
fn a_problem_that_appears_after_its_recovery_is_said_and_ended() {
    let mut world = World::new();
    let mut told = world.absorb(105_000, &[recovery(11, 77, 104)], &[]);
    told.extend(world.absorb(106_000, &[problem(10, 77, 100, 2, 3, 11)], &[]));
    check(
        &told,
        &expect![[r#"
            100s vm/vm3 zabbix.77 Problem(Warning) "p10" by 10
            104s vm/vm3 zabbix.77 Ok "p10" by 10
        "#]],
    );
}

#[test]
fn the_times_of_a_check_never_go_back_and_never_run_ahead() {
    let mut world = World::new();
    let p = problem(10, 77, 9_999, 2, 1, 11);
    let mut told = world.absorb(100_000, &[p], &[]);
    told.extend(world.absorb(110_000, &[recovery(11, 77, 50)], &[]));
    told.extend(world.absorb(120_000, &[problem(12, 77, 60, 2, 1, 0)], &[]));
    check(
        &told,
        &expect![[r#"
            100s vm/vm1 zabbix.77 Problem(Warning) "p10" by 10
            100s vm/vm1 zabbix.77 Ok "p10" by 10
            100s vm/vm1 zabbix.77 Problem(Warning) "p12" by 12
        "#]],
    );
}

#[test]
fn problems_that_say_whether_something_lives_share_a_check() {
    let mut world = World::new();
    let named = |row: Row, name: &str| Row { name: name.to_owned(), ..row };
    let down = named(problem(10, 1, 100, 5, 9, 20), "Hypervisor is down");
    let ping = named(problem(11, 2, 101, 4, 9, 21), "Unavailable by ICMP ping");
    let agent = named(problem(12, 3, 102, 3, 1, 0), "Zabbix agent is not available (for 3m)");
    let mut told = world.absorb(110_000, &[down, ping, agent], &[]);
    told.extend(world.absorb(120_000, &[recovery(20, 1, 119)], &[]));
    told.extend(world.absorb(130_000, &[recovery(21, 2, 129)], &[]));
    check(
        &told,
        &expect![[r#"
            100s host/h9 host.ping Problem(Disaster) "Hypervisor is down" by 10
            101s host/h9 host.ping Problem(Disaster) "Unavailable by ICMP ping" by 11
            102s vm/vm1 vm.agent Problem(Average) "Zabbix agent is not available (for 3m)" by 12
            119s host/h9 host.ping Problem(High) "Unavailable by ICMP ping" by 10
            129s host/h9 host.ping Ok "Unavailable by ICMP ping" by 11
        "#]],
    );
}

#[test]
fn a_problem_of_an_unknown_host_is_said_when_its_host_is_known() {
    let mut world = World::new();
    assert!(
        world
            .absorb(100_000, &[problem(10, 77, 99, 4, 2, 0), problem(11, 78, 99, 4, 55, 0)], &[])
            .len()
            == 1
    );
    let known = std::mem::take(&mut world.directory);
    assert!(world.absorb(101_000, &[problem(12, 79, 99, 4, 3, 0)], &[]).is_empty());
    world.directory = known;
    let told = world.with(110_000, |problems, _, context| problems.find_homes(context));
    check(
        &told,
        &expect![[r#"
        110s vm/vm3 zabbix.79 Problem(High) "p12" by 12 (Reconciled)
    "#]],
    );
}

fn there(rows: &[Row]) -> There {
    let open = |row: &Row| OpenThere {
        trigger: TriggerId(row.trigger),
        severity: super::super::event::severity(row.severity),
        suppressed: row.suppressed,
    };
    rows.iter().map(|row| (row.id, open(row))).collect()
}

#[test]
fn what_no_event_tells_is_found_by_comparing() {
    let mut world = World::new();
    let rows: Vec<Row> = (10..16).map(|n| problem(n, n, 100, 3, 1, 0)).collect();
    world.absorb(101_000, &rows[..5], &[]);
    let worse = Row { severity: 5, ..rows[0].clone() };
    let planned = Row { suppressed: true, ..rows[1].clone() };
    let open = there(&[worse, planned, rows[5].clone()]);
    let difference = world.problems.compare(&open);
    assert_eq!(difference.unknown, [EventId(15)]);
    let fates = [(12, Fate::EndedBy(EventId(30))), (13, Fate::HostDeleted)];
    let fates = fates.map(|(id, fate)| (EventId(id), fate)).into();
    let (told, departed) = world.with(160_000, |problems, rounds, context| {
        let mut told = problems.amend(&difference.changed, &open, context);
        let (ended, departed) = problems.bury(&difference.vanished, &fates, rounds, context);
        told.extend(ended);
        told.extend(problems.absorb(vec![rows[5].event()], Why::Reconciled, context));
        (told, departed)
    });
    check(
        &told,
        &expect![[r#"
            160s vm/vm1 zabbix.10 Problem(Disaster) "p10" by 10 (Reconciled)
            160s vm/vm1 zabbix.11 Problem(Average) "p11" by 11 suppressed (Reconciled)
            160s vm/vm1 zabbix.12 Ok "p12" by 12 (Reconciled)
            160s vm/vm1 zabbix.14 Ok "p14" by 14 (Vanished)
            100s vm/vm1 zabbix.15 Problem(Average) "p15" by 15 (Reconciled)
        "#]],
    );
    assert_eq!((departed.len(), departed[0].event), (1, EventId(13)), "it has not ended");
    assert!(world.problems.compare(&open).vanished.is_empty(), "and is reported once");
    let day_later = 160_000 + 86_400_000;
    let told = world.with(day_later, |problems, _, context| problems.bury_old(context));
    check(
        &told,
        &expect![[r#"
        86560s vm/vm1 zabbix.13 Ok "p13" by 13 (HostDeleted)
    "#]],
    );
}

#[test]
fn many_that_vanish_without_a_word_are_believed_the_third_time() {
    let mut world = World::new();
    let rows: Vec<Row> = (10..21).map(|n| problem(n, n, 100, 3, 1, 0)).collect();
    world.absorb(101_000, &rows, &[]);
    let ended: Vec<usize> = (0..3)
        .map(|_| {
            let vanished = world.problems.compare(&There::new()).vanished;
            world.with(160_000, |problems, rounds, context| {
                problems.bury(&vanished, &BTreeMap::new(), rounds, context).0.len()
            })
        })
        .collect();
    assert_eq!(ended, [0, 0, 11]);
}

#[test]
fn what_is_disabled_is_reported_and_stays_open() {
    let mut world = World::new();
    world.absorb(101_000, &[problem(10, 7, 100, 3, 1, 0)], &[]);
    let mut watched = |triggers: &[u64]| {
        let triggers = triggers.iter().map(|id| TriggerId(*id)).collect();
        let fates = BTreeMap::from([(EventId(10), Fate::Unknown)]);
        let departed = world
            .with(160_000, |problems, _, context| problems.watched(&triggers, &fates, context));
        departed.into_iter().map(|departed| departed.standing).collect::<Vec<_>>()
    };
    assert_eq!(watched(&[7]), []);
    assert_eq!(watched(&[]), [Standing::Disabled]);
    assert_eq!(watched(&[]), []);
    assert_eq!(watched(&[7]), [Standing::Watched]);
    assert_eq!(world.problems.open_now().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whatever order events arrive in and however they are cut into batches: a check was last
    /// said to be bad if and only if one of its problems is open there.
    #[test]
    fn what_was_said_last_is_what_is_true(
        steps in prop::collection::vec((1u64..5, any::<bool>(), 1u64..4, 1i64..6), 1..40),
        order in prop::collection::vec(any::<u16>(), 40),
        cuts in prop::collection::vec(1usize..6, 40),
    ) {
        let mut rows: Vec<Row> = Vec::new();
        for (at, (trigger, is_end, host, severity)) in steps.iter().enumerate() {
            let id = 10 + at as u64;
            if *is_end {
                for row in rows.iter_mut().filter(|row| row.is_problem && row.trigger == *trigger && row.recovery == 0) {
                    row.recovery = id;
                }
                rows.push(recovery(id, *trigger, at as i64));
            } else {
                rows.push(problem(id, *trigger, at as i64, *severity, *host, 0));
            }
        }
        let mut arriving: Vec<(u16, Row)> = order.iter().copied().zip(rows.clone()).collect();
        // What was read before the recovery was known has no number of it yet.
        for (salt, row) in &mut arriving {
            if *salt % 2 == 0 { row.recovery = 0; }
        }
        arriving.sort_by_key(|(salt, _)| *salt);
        let mut arriving: Vec<Row> = arriving.into_iter().map(|(_, row)| row).collect();
        let mut world = World::new();
        let mut last: BTreeMap<String, (bool, Time)> = BTreeMap::new();
        let mut now = 100_000;
        let mut note = |told: Vec<Told>| {
            for told in told {
                let name = format!("{} {}", told.signal.object, told.signal.check);
                let is_bad = told.signal.state != SignalState::Ok;
                let before = last.insert(name, (is_bad, told.signal.at));
                assert!(before.is_none_or(|(_, at)| at <= told.signal.at), "time goes back");
            }
        };
        for cut in cuts {
            let batch: Vec<Row> = arriving.drain(..cut.min(arriving.len())).collect();
            note(world.absorb(now, &batch, &rows));
            now += 100;
        }
        note(world.absorb(now, &[], &rows));
        let open: BTreeSet<EventId> = rows.iter().filter(|row| row.is_problem && row.recovery == 0).map(|row| row.id).collect();
        let here: BTreeSet<EventId> = world.problems.open_now().keys().copied().collect();
        prop_assert_eq!(&here, &open);
        let bad: BTreeSet<String> = rows.iter().filter(|row| open.contains(&row.id))
            .map(|row| format!("vm/vm{} zabbix.{}", row.host, row.trigger)).collect();
        let said: BTreeSet<String> = last.into_iter().filter(|(_, (is_bad, _))| *is_bad).map(|(name, _)| name).collect();
        prop_assert_eq!(said, bad);
    }
}
