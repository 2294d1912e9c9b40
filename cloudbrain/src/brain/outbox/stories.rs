//! What the outbox does, told as stories: who is told what, when, on which channel, and what
//! becomes of each message in the end.
//!
//! Nothing is sent here: what departs is written down, and the story says how it lands.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use expect_test::{Expect, expect};
use model::clock::{FixedClock, SharedClock};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::brain::start;
use crate::config;

const FILE: &str = "
fleet: test
operations: [ops]
channels:
  - wecom: {name: wecom, url: 'http://127.0.0.1:1/${file:key}'}
  - inbox: {name: file, path: inbox}
  - webhook: {name: hook, url: 'http://127.0.0.1:1/'}
people:
  ann: {channels: [wecom, file], fallback_after: 60s}
  bob: {channel: file}
  eve: {channel: wecom}
  ops: {channel: hook}
";

struct World {
    config: Config,
    hands: Hands,
    outbox: Outbox,
    flying: VecDeque<Order>,
    /// By key.
    rows: BTreeMap<String, OutgoingRow>,
    memory: Option<String>,
    log: String,
}

impl World {
    fn new() -> Self {
        let folder = folder();
        let loaded = config::load(&folder.join("cloudbrain.yaml"));
        let _ = fs::remove_dir_all(&folder);
        let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems));
        let clock = SharedClock::new(FixedClock(Time::default()));
        let channels = start::channels(&config, &clock).expect("channels");
        let (provider, deployer, routers) = (None, None, Vec::new());
        let hands = Hands {
            provider,
            deployer,
            routers,
            channels,
            at_once: crate::brain::hands::Permits::default(),
        };
        let outbox = Outbox::restore(&config, &hands, Vec::new(), None, Time::default());
        let (flying, rows, log) = (VecDeque::new(), BTreeMap::new(), String::new());
        Self { config, hands, outbox, flying, rows, memory: None, log }
    }

    fn act(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let seconds: i64 = words[0].trim_end_matches('s').parse().expect("seconds");
        let now = Time::from_millis(seconds * 1000);
        let mut news = Vec::new();
        match &words[1..] {
            [] => {}
            ["tell", to, key, kind] => news.push(message(to, key, kind, "host/h1", now)),
            ["fault", to, key, channel] => {
                news.push(message(to, key, "problem", &format!("channel/{channel}"), now));
            }
            ["lands", channel, result @ ..] => self.land(channel, result, now),
            ["crash"] => self.crash(now),
            other => panic!("no such act: {other:?}"),
        }
        for signal in self.outbox.signals(&self.config, now) {
            self.log +=
                &format!("{seconds}s {} {:?}: {}\n", signal.object, signal.state, signal.text);
        }
        let changes = self.outbox.take_up(&self.config, news, now);
        changes.into_iter().for_each(|change| self.record(seconds, change));
        for order in std::mem::take(&mut self.outbox.orders) {
            let thread = order.thread.as_ref().map(|id| format!(" in {id}")).unwrap_or_default();
            let to = &order.messages[0].to;
            self.log += &format!(
                "{seconds}s {} -> {to}: {}{thread}\n",
                order.channel,
                order.keys.join("+")
            );
            self.flying.push_back(order);
        }
    }

    /// The oldest parcel under way on a channel ends.
    fn land(&mut self, channel: &str, result: &[&str], now: Time) {
        let place = self.flying.iter().position(|order| order.channel == channel);
        let order =
            self.flying.remove(place.expect("something is under way")).expect("it is there");
        let result = match result {
            ["ok"] => Ok(Receipt::of(order.keys.len())),
            ["ok", "thread", id] => {
                Ok(Receipt { thread: Some((*id).to_owned()), ..Receipt::of(order.keys.len()) })
            }
            ["ok", "only", taken] => Ok(Receipt::of(taken.parse().expect("a number"))),
            ["again"] => Err(ChannelError::Retry { detail: "503".to_owned(), after: None }),
            ["again", after] => {
                let after = Duration::from_secs(after.parse().expect("seconds"));
                Err(ChannelError::Retry { detail: "429".to_owned(), after: Some(after) })
            }
            ["silence"] => Err(ChannelError::Unclear("no answer".to_owned())),
            _ => Err(ChannelError::Refused("bad key".to_owned())),
        };
        let Order { channel, keys, .. } = order;
        self.outbox.delivered(&self.config, Delivery { channel, keys, result }, now);
    }

    /// The next brain finds what was recorded, and nothing else.
    fn crash(&mut self, now: Time) {
        self.flying.clear();
        let rows = self.rows.values().filter(|row| row.status == OutgoingStatus::Waiting);
        let mut rows: Vec<OutgoingRow> = rows.cloned().collect();
        rows.sort_by_key(|row| row.created);
        let memory = self.memory.as_deref();
        self.outbox = Outbox::restore(&self.config, &self.hands, rows, memory, now);
    }

    fn record(&mut self, seconds: i64, change: Change) {
        let row = match change {
            Change::Outgoing(row) => row,
            Change::Memory { room, json } => {
                assert_eq!(room, ROOM);
                self.memory = Some(json);
                return;
            }
            Change::Vm(_)
            | Change::Step(_)
            | Change::Decision(_)
            | Change::Incident(_)
            | Change::Transition(_)
            | Change::Look(_)
            | Change::ForgetLooks { .. }
            | Change::Answers(_)
            | Change::ForgetAnswers { .. }
            | Change::Journal(_)
            | Change::Note(_)
            | Change::ForgetNotes { .. }
            | Change::Forget { .. }
            | Change::Router { .. }
            | Change::Alive(_)
            | Change::Origin { .. } => panic!("no business of the outbox: {change:?}"),
        };
        if row.status != OutgoingStatus::Waiting {
            let why = row.error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            self.log += &format!("{seconds}s {} {}{why}\n", row.key, row.status);
        }
        let before = self.rows.insert(row.key.clone(), row);
        let is_open = |row: &OutgoingRow| row.status == OutgoingStatus::Waiting;
        assert!(before.is_none_or(|row| is_open(&row)), "it ends once");
    }
}

fn folder() -> PathBuf {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("cloudbrain-outbox-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    for part in ["projects", "policies"] {
        fs::create_dir_all(folder.join(part)).expect("a folder");
    }
    fs::write(folder.join("key"), "secret").expect("a secret");
    fs::write(folder.join("cloudbrain.yaml"), FILE).expect("a file");
    folder
}

/// Its key is `INCIDENT.NUMBER`.
fn message(to: &str, key: &str, kind: &str, root: &str, at: Time) -> Message {
    let (incident, _) = key.split_once('.').expect("incident.number");
    let message = json!({
        "key": format!("{key}-{to}"), "to": to, "kind": kind, "view": "owner",
        "incident": incident, "root": root, "state": "down", "severity": "high", "affected": [],
        "businesses": [], "lang": "en", "text": format!("{key} {kind}"), "at": at.millis(),
    });
    serde_json::from_value(message).expect("a message")
}

fn check(story: &str, expected: &Expect) {
    let mut world = World::new();
    story.trim().lines().for_each(|line| world.act(line));
    expected.assert_eq(&world.log);
}

#[test]
fn a_message_is_tried_until_it_is_delivered() {
    check(
        "
        0s tell bob i1.1 problem
        1s lands file again
        2s
        3s
        4s lands file ok thread t1
        9s tell bob i1.2 resolved
        9s lands file ok
        ",
        &expect![[r#"
            0s file -> bob: i1.1-bob
            3s file -> bob: i1.1-bob
            4s i1.1-bob delivered
            9s file -> bob: i1.2-bob in t1
            9s i1.2-bob delivered
        "#]],
    );
}

#[test]
fn only_the_newest_word_is_told_and_the_end_if_the_problem_was() {
    check(
        "
        0s tell bob i1.1 problem
        1s lands file again
        2s tell bob i1.2 update
        3s lands file ok
        4s tell bob i1.3 update
        5s lands file again
        6s tell bob i1.4 resolved
        7s lands file ok
        ",
        &expect![[r#"
            0s file -> bob: i1.1-bob
            2s i1.1-bob overtaken: a newer word says all it would have said
            2s file -> bob: i1.2-bob
            3s i1.2-bob delivered
            4s file -> bob: i1.3-bob
            6s i1.3-bob overtaken: a newer word says all it would have said
            6s file -> bob: i1.4-bob
            7s i1.4-bob delivered
        "#]],
    );
}

#[test]
fn what_waited_long_for_its_way_says_how_things_are_by_then() {
    let mut world = World::new();
    world.act("0s tell bob i1.1 problem");
    world.act("1s lands file again");
    let mut body_after = |seconds: i64| {
        let now = Time::from_millis(seconds * 1000);
        world.outbox.renew(now, |message| {
            Some(Message { text: format!("as of {seconds}"), at: now, ..message.clone() })
        });
        for change in world.outbox.take_up(&world.config, Vec::new(), now) {
            world.record(seconds, change);
        }
        world.rows.values().map(|row| row.body.clone()).collect::<String>()
    };
    assert!(body_after(2).contains("i1.1 problem"), "it is not due yet");
    assert!(body_after(40).contains("as of 40"));
    assert!(body_after(80).contains("as of 40"), "it is under way by now");
}

#[test]
fn a_problem_that_was_over_before_it_could_be_told_is_not_told_at_all() {
    check(
        "
        0s tell bob i1.1 problem
        1s tell bob i1.2 resolved
        2s lands file again
        3s tell bob i2.1 problem
        4s lands file silence
        5s tell bob i2.2 resolved
        ",
        &expect![[r#"
            0s file -> bob: i1.1-bob
            2s i1.1-bob overtaken: a newer word says all it would have said
            2s i1.2-bob overtaken: the problem was over before it could be told
            3s file -> bob: i2.1-bob
            5s i2.1-bob overtaken: a newer word says all it would have said
            5s file -> bob: i2.2-bob
        "#]],
    );
}

#[test]
fn who_cannot_be_reached_on_one_channel_is_told_on_the_next() {
    check(
        "
        0s tell ann i1.1 problem
        1s lands wecom refused
        2s lands file ok
        20s tell eve i2.1 problem
        21s lands wecom refused
        22s tell eve i2.2 resolved
        30s tell eve i3.1 problem
        31s lands wecom refused
        32s tell eve i3.2 update
        33s lands wecom ok
        40s tell eve i3.3 resolved
        41s lands wecom ok
        ",
        &expect![[r#"
            0s wecom -> ann: i1.1-ann
            1s channel/wecom Problem(High): to ann: bad key
            1s file -> ann: i1.1-ann
            2s i1.1-ann delivered
            20s wecom -> eve: i2.1-eve
            21s i2.1-eve refused: refused: bad key
            22s i2.2-eve overtaken: the problem was over before it could be told
            30s wecom -> eve: i3.1-eve
            31s i3.1-eve refused: refused: bad key
            32s wecom -> eve: i3.2-eve
            33s i3.2-eve delivered
            40s wecom -> eve: i3.3-eve
            41s i3.3-eve delivered
        "#]],
    );
}

#[test]
fn a_channel_that_fails_for_long_makes_way_and_is_told_of() {
    check(
        "
        0s tell ann i1.1 problem
        1s lands wecom again
        4s
        5s lands wecom again
        62s
        63s lands file ok
        70s tell ann i2.1 problem
        71s lands wecom again
        72s lands file ok
        301s
        302s fault ops i3.1 hook
        303s fault ops i4.1 wecom
        400s tell eve i5.1 problem
        401s lands wecom ok
        ",
        &expect![[r#"
            0s wecom -> ann: i1.1-ann
            4s wecom -> ann: i1.1-ann
            62s file -> ann: i1.1-ann
            63s i1.1-ann delivered
            70s wecom -> ann: i2.1-ann
            71s file -> ann: i2.1-ann
            72s i2.1-ann delivered
            301s channel/wecom Problem(High): 503
            302s wecom -> ops: i3.1-ops
            303s hook -> ops: i4.1-ops
            400s wecom -> eve: i5.1-eve
            401s channel/wecom Ok: it delivers again
            401s i3.1-ops delivered
        "#]],
    );
}

#[test]
fn what_is_too_much_goes_out_as_a_digest_and_none_is_lost() {
    check(
        "
        0s tell eve i1.1 problem
        0s tell eve i2.1 problem
        0s tell eve i3.1 problem
        0s tell ann i3.1 problem
        1s lands wecom ok
        4s
        5s lands wecom ok only 1
        8s
        9s lands wecom ok
        12s
        12s lands wecom ok
        ",
        &expect![[r#"
            0s wecom -> eve: i1.1-eve
            1s i1.1-eve delivered
            4s wecom -> eve: i2.1-eve+i3.1-eve
            5s i2.1-eve delivered
            8s wecom -> ann: i3.1-ann
            9s i3.1-ann delivered
            12s wecom -> eve: i3.1-eve
            12s i3.1-eve delivered
        "#]],
    );
}

#[test]
fn a_channel_that_asks_for_silence_gets_it_for_all() {
    check(
        "
        0s tell eve i1.1 problem
        1s lands wecom again 30
        20s tell eve i2.1 problem
        31s
        ",
        &expect![[r#"
            0s wecom -> eve: i1.1-eve
            31s wecom -> eve: i1.1-eve
            31s wecom -> eve: i2.1-eve
        "#]],
    );
}

#[test]
fn after_a_crash_only_who_knows_repeats_is_told_again() {
    check(
        "
        0s tell bob i1.1 problem
        0s tell eve i2.1 problem
        0s tell ann i3.1 problem
        1s crash
        2s lands file ok
        5s lands wecom ok
        6s tell eve i2.2 resolved
        10s
        ",
        &expect![[r#"
            0s file -> bob: i1.1-bob
            0s wecom -> eve: i2.1-eve
            1s i2.1-eve refused: perhaps not delivered: the brain was stopped while it was sent, and this channel cannot tell it from a repetition
            1s file -> bob: i1.1-bob
            1s wecom -> ann: i3.1-ann
            2s i1.1-bob delivered
            5s i3.1-ann delivered
            6s wecom -> eve: i2.2-eve
        "#]],
    );
    check(
        "
        0s tell ann i3.1 problem
        1s crash
        2s lands file ok
        ",
        &expect![[r#"
            0s wecom -> ann: i3.1-ann
            1s file -> ann: i3.1-ann
            2s i3.1-ann delivered
        "#]],
    );
}

fn act() -> impl Strategy<Value = String> {
    let kinds = prop::sample::select(vec!["update", "resolved"]);
    let people = || prop::sample::select(vec!["ann", "bob", "eve"]);
    let results = prop::sample::select(vec!["ok", "again", "silence", "refused", "again 9"]);
    let channels = prop::sample::select(vec!["wecom", "file"]);
    prop_oneof![
        3 => (people(), 0..4_u8, kinds).prop_map(|(to, i, kind)| format!("tell {to} i{i} {kind}")),
        4 => (channels, results).prop_map(|(channel, result)| format!("lands {channel} {result}")),
        1 => Just("crash".to_owned()),
        3 => Just(String::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens, each message ends once, as what became of it; and in the end none waits.
    #[test]
    fn every_message_ends_once(acts in prop::collection::vec(act(), 1..60)) {
        let mut world = World::new();
        let (mut seconds, mut number, mut told) = (0, 0, 0);
        for act in acts {
            seconds += 3;
            let words: Vec<&str> = act.split_whitespace().collect();
            match words[..] {
                ["tell", to, incident, kind] => {
                    number += 1;
                    told += 1;
                    let is_first = !world.rows.values().any(|row| {
                        row.to.as_str() == to && row.incident.as_str() == incident
                    });
                    let kind = if is_first { "problem" } else { kind };
                    world.act(&format!("{seconds}s tell {to} {incident}.{number} {kind}"));
                }
                ["lands", channel, ..] if !world.flying.iter().any(|o| o.channel == channel) => {}
                _ => world.act(&format!("{seconds}s {act}")),
            }
        }
        for _ in 0..200 {
            seconds += 301;
            world.act(&format!("{seconds}s"));
            while let Some(order) = world.flying.front() {
                let channel = order.channel.clone();
                world.act(&format!("{seconds}s lands {channel} ok"));
            }
        }
        prop_assert_eq!(world.rows.len(), told);
        let waiting = world.rows.values().filter(|row| row.status == OutgoingStatus::Waiting);
        prop_assert_eq!(waiting.count(), 0);
    }
}
