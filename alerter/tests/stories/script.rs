//! Plays a story written as lines and writes down what the alerter did.
//!
//! A line is a time, a verb and its words; `{1..5}` stands for five of a kind, and `12s+8s`
//! spreads them over eight seconds from second 12. Timers run in between. After each event the
//! state goes into pieces and back, as a restart would have it; so each story is a test of that as well.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::act::{Act, Scope, Silence, Window};
use alerter::loss::Loss;
use alerter::record::{Record, restore};
use alerter::{
    Action, Event, IncidentSummary, OnDuty, Repair, Settings, State, incidents, step, wake_at, why,
};
use model::id::{HostId, IncidentId, ModuleId, Object, ProjectId, VmId};
use model::lang::Lang;
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::{DataSource, Host, Module, Project, Topology, VmPlace};
use model::zone::Zone;

/// 2026-03-02T10:00:00Z: what the stories call `0s`.
const START: Time = Time::from_millis(1_772_445_600_000);

/// How much of each message is written down.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Show {
    FirstLine,
    WholeText,
    /// And the lines of the trail; moments as seconds of the story.
    Trail,
}

pub(crate) struct Play {
    pub(crate) settings: Settings,
    pub(crate) topology: Topology,
    pub(crate) show: Show,
    state: State,
    record: Record,
    /// What a store would hold.
    stored: BTreeMap<String, String>,
    log: String,
}

impl Play {
    /// `h1` carries 20 VMs of shop's web, 20 of bank's api and 10 of game's srv; `h2` 20 more of
    /// web, `h3` 30 more of api; alice, bob and carol own the three; all behind `sw1`. Shop's web
    /// uses the data source `orders-db`, which runs on `db-1` on `h4`.
    pub(crate) fn on_the_usual_fleet() -> Self {
        let mut topology = Topology::default();
        for host in ["h1", "h2", "h3", "h4"] {
            let switch = Some("sw1".parse().unwrap());
            topology.hosts.insert(host.parse().unwrap(), Host { switch });
        }
        topology.switches.insert("sw1".parse().unwrap());
        own(&mut topology, "shop", "web", "alice");
        own(&mut topology, "bank", "api", "bob");
        own(&mut topology, "game", "srv", "carol");
        for (vms, host, module) in [
            ("web-{01..20}", "h1", Some("shop/web")),
            ("api-{01..20}", "h1", Some("bank/api")),
            ("srv-{01..10}", "h1", Some("game/srv")),
            ("web-{21..40}", "h2", Some("shop/web")),
            ("api-{21..50}", "h3", Some("bank/api")),
        ] {
            add(&mut topology, vms, host, module);
        }
        add(&mut topology, "db-1", "h4", None);
        let (kind, vm) = ("mysql".to_owned(), Some(id("db-1")));
        topology.data_sources.insert("orders-db".parse().unwrap(), DataSource { kind, vm });
        let web = ModuleId::parse("shop/web").unwrap();
        topology.modules.get_mut(&web).unwrap().uses.insert("orders-db".parse().unwrap());
        Self::on(topology)
    }

    pub(crate) fn on(topology: Topology) -> Self {
        let (settings, state) = (Settings::default(), State::default());
        let (record, stored) = (Record::default(), BTreeMap::new());
        let (show, log) = (Show::FirstLine, String::new());
        Self { settings, topology, show, state, record, stored, log }
    }

    /// Plays the lines, then lets the timers run to the time of the last.
    pub(crate) fn play(mut self, story: &str) -> String {
        let mut events = Vec::new();
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (time, told) = line.split_once(' ').unwrap_or((line, "tick"));
            for (at, told) in spread(time, told) {
                events.push((at, told));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        for (at, told) in events {
            self.run_until(at);
            let event = self.read(&told, at);
            self.step(event, at);
        }
        self.log
    }

    fn run_until(&mut self, until: Time) {
        while let Some(due) = wake_at(&self.state).filter(|due| *due < until) {
            self.step(Event::Tick, due);
        }
    }

    fn step(&mut self, event: Event, now: Time) {
        let actions = step(&self.settings, &self.topology, &mut self.state, event, now);
        for action in actions {
            self.write(action, now);
        }
        for piece in self.record.catch_up(&mut self.state) {
            match piece.json {
                Some(json) => drop(self.stored.insert(piece.key, json)),
                None => drop(self.stored.remove(&piece.key)),
            }
        }
        assert_eq!(self.record.catch_up(&mut self.state), [], "once is enough");
        let pieces = self.stored.iter().map(|(key, json)| (key.as_str(), json.as_str()));
        let restored = restore(pieces).unwrap();
        assert!(restored == self.state, "a restart would lose something of {:?}", self.stored);
        self.state = restored;
    }

    fn write(&mut self, action: Action, now: Time) {
        let time = now.since(START).as_secs_f64();
        let line = match action {
            Action::Opened(summary) => format!("opened {}: {}", summary.id, summary.headline.en),
            Action::Changed(_) => return,
            Action::Noted(note) if self.show == Show::Trail => {
                let object = note.object.as_ref().map_or(String::new(), |o| format!(" {o}"));
                let incident = note.incident.as_ref().map_or(String::new(), |i| format!(" {i}"));
                format!(
                    "note{incident}{object}: {}",
                    in_seconds(&note.text(Lang::En, &Zone::default()))
                )
            }
            Action::Noted(_) => return,
            Action::AcknowledgementBroken { incident, broken } => {
                format!("acknowledgement of {incident} broken: {}", broken.why.en)
            }
            Action::Closed(summary) => match summary.merged_into {
                Some(into) => format!("{} is now part of {into}", summary.id),
                None => format!("closed {}{}", summary.id, self.cost(&summary)),
            },
            Action::Tell(message) => {
                let whole = self.show == Show::WholeText;
                let shown = message.text.lines().take(if whole { usize::MAX } else { 1 });
                let kind = format!("{:?}", message.kind).to_lowercase();
                let text = shown.collect::<Vec<_>>().join("\n      ");
                format!("{} {kind} {}: {text}", message.to, message.incident)
            }
        };
        self.log += &format!("{time}s {line}\n");
    }

    fn read(&mut self, told: &str, now: Time) -> Event {
        let words: Vec<&str> = told.split_whitespace().collect();
        match words[..] {
            ["bad" | "ok" | "silent", ..] => Event::Signal(signal(&words, now)),
            ["move", vm, to] => {
                let (vm, to): (VmId, HostId) = (vm.parse().unwrap(), to.parse().unwrap());
                let from = self.topology.vms.change(&vm, |place| place.host.replace(to.clone()));
                let from = from.flatten().unwrap();
                Event::VmMoved { vm, from, to }
            }
            ["add", vm, host, module] => {
                add(&mut self.topology, vm, host, Some(module));
                self.topology.vms.change(&id(vm), |place| place.created = now).unwrap();
                Event::Tick
            }
            ["drain", vm] => {
                self.topology.vms.change(&id(vm), |place| place.leaving = true).unwrap();
                Event::VmLeaving { vm: id(vm) }
            }
            ["gone", vm] => {
                self.topology.vms.remove(&id(vm));
                Event::VmGone { vm: id(vm) }
            }
            ["repair", vm, "failed", failed] => self.repair(vm, failed, None, now),
            ["repair", vm, "failed", failed, "by", by] => self.repair(vm, failed, Some(by), now),
            ["ack", number] => Event::Acknowledged {
                incident: IncidentId::parse(number).unwrap(),
                by: "ops".parse().unwrap(),
                text: String::new(),
            },
            ["maintenance", on, until] => {
                let until = START + seconds(until);
                Event::Maintenance { on: on.parse().unwrap(), from: now, until }
            }
            ["silence", id, on, "until", until] => silence(id, on, None, until, now),
            ["silence", id, on, "check", check, "until", until] => {
                silence(id, on, Some(check), until, now)
            }
            ["silence", id, on, "from", from, "until", until] => {
                silence(id, on, None, until, START + seconds(from))
            }
            ["expire", id] => act(Act::Expired(id.parse().unwrap())),
            ["label", object, check, silences] => act(Act::Labelled {
                object: object.parse().unwrap(),
                check: check.parse().unwrap(),
                silences: silences.split('+').map(|id| id.parse().unwrap()).collect(),
            }),
            ["snooze", number, "by", by, "until", until] => act(Act::Snoozed {
                incident: IncidentId::parse(number).unwrap(),
                by: by.parse().unwrap(),
                until: START + seconds(until),
            }),
            ["open", id, on, "until", until] => {
                act(Act::Opened(window(id, on, now, START + seconds(until), Some("ops"))))
            }
            ["end", id] => act(Act::Ended(id.parse().unwrap())),
            ["plan", id, on, "from", from, "until", until] => act(Act::Planned(vec![window(
                id,
                on,
                START + seconds(from),
                START + seconds(until),
                None,
            )])),
            ["plan", "nothing"] => act(Act::Planned(Vec::new())),
            ["relieve", schedule, people] => {
                let people = people.split('+').map(|person| person.parse().unwrap()).collect();
                let duty = OnDuty { people, since: now };
                self.settings.on_duty.insert(schedule.parse().unwrap(), duty);
                Event::Relieved
            }
            ["know", ..] => Event::Beside(crate::beside::read(&words[1..])),
            ["page"] => {
                self.write_page(now);
                Event::Tick
            }
            ["why", of] => {
                self.explain(of, now);
                Event::Tick
            }
            ["tick"] => Event::Tick,
            _ => panic!("not understood: {told}"),
        }
    }

    fn repair(&self, vm: &str, failed: &str, by: Option<&str>, now: Time) -> Event {
        Event::Repaired(Repair {
            vm: id(vm),
            module: ModuleId::parse("shop/web").unwrap(),
            replaced_by: by.map(id),
            failed_at: START + seconds(failed),
            done_at: by.map(|_| now),
        })
    }

    /// What an incident cost, where the trail is shown.
    fn cost(&self, summary: &IncidentSummary) -> String {
        if self.show != Show::Trail {
            return String::new();
        }
        let second = |at: Option<Time>| at.map_or(-1.0, |at| at.since(START).as_secs_f64());
        let (began, repaired) = (second(summary.began), second(summary.repaired));
        let loss = |l: &Loss| format!(" {} {} VMs {} ms", l.module, l.vms, l.vm_ms);
        let losses: String = summary.losses.iter().map(loss).collect();
        format!(": began {began}s, repaired {repaired}s,{losses}")
    }

    /// Why things stand as they do, of an incident or an object.
    fn explain(&mut self, of: &str, now: Time) {
        let time = now.since(START).as_secs_f64();
        let mut lines = Vec::new();
        if let Ok(object) = of.parse::<Object>() {
            let why = why::object(&self.settings, &self.topology, &self.state, &object, now);
            lines.push(why.text(Lang::En, &Zone::default()));
            lines.extend(why.words.iter().map(|word| word.text(Lang::En, &Zone::default())));
        } else {
            let id = IncidentId::parse(of).unwrap();
            let why = why::incident(&self.settings, &self.topology, &self.state, &id, now);
            let why = why.expect("it is open");
            lines.extend(why.members.iter().map(|member| member.text(Lang::En, &Zone::default())));
            let person = |p: &why::PersonWhy| {
                format!("{}: {}", p.person, p.text(Lang::En, &Zone::default()))
            };
            lines.extend(why.people.iter().map(person));
        }
        self.log += &format!("{time}s why {}\n", in_seconds(&lines.join("\n      ")));
    }

    fn write_page(&mut self, now: Time) {
        let time = now.since(START).as_secs_f64();
        for open in incidents(&self.settings, &self.topology, &self.state) {
            self.log += &format!("{time}s page {}: {}\n", open.id, open.headline.en);
            for silence in &open.silences {
                let whole = if open.is_silenced { "" } else { "partly " };
                let (id, by) = (&silence.id, &silence.by);
                let until = silence.until.since(START).as_secs();
                self.log += &format!("      {whole}silenced: {id} by {by} until {until}s\n");
            }
            for (by, snooze) in &open.snoozes {
                let until = snooze.until.since(START).as_secs();
                self.log += &format!("      snoozed by {by} until {until}s\n");
            }
            for reason in open.reasons {
                self.log += &format!("      {}\n", reason.en);
            }
        }
    }
}

pub(crate) fn own(topology: &mut Topology, project: &str, module: &str, owner: &str) {
    let project = ProjectId::parse(project).unwrap();
    let owners = [owner.parse().unwrap()].into();
    topology.projects.insert(project.clone(), Project { owners });
    let id = ModuleId::of(&project, module).unwrap();
    topology.modules.insert(id, Module { project, uses: Default::default() });
}

/// VMs that have been there since the day before.
pub(crate) fn add(topology: &mut Topology, vms: &str, host: &str, module: Option<&str>) {
    for vm in names(vms) {
        let place = VmPlace {
            host: Some(host.parse().unwrap()),
            module: module.map(|module| module.parse().unwrap()),
            created: START - Duration::from_secs(86_400),
            leaving: false,
        };
        topology.vms.insert(id(&vm), place);
    }
}

pub(crate) fn chinese(settings: &mut Settings, person: &str) {
    settings.people = BTreeMap::from([(person.parse().unwrap(), Lang::Zh)]);
}

fn act(act: Act) -> Event {
    Event::Act(Box::new(act))
}

/// By object, or by label if it is called so.
fn silence(id: &str, on: &str, check: Option<&str>, until: &str, from: Time) -> Event {
    let scope = match on {
        "labels" => Scope::Labels(Vec::new()),
        on => Scope::Object {
            on: on.parse().unwrap(),
            check: check.map(|check| check.parse().unwrap()),
        },
    };
    let silence = Silence {
        id: id.parse().unwrap(),
        scope,
        from,
        until: START + seconds(until),
        by: "ops".parse().unwrap(),
        comment: "known".to_owned(),
    };
    act(Act::Silenced { silence, covers: Vec::new() })
}

fn window(id: &str, on: &str, from: Time, until: Time, by: Option<&str>) -> Window {
    Window {
        id: id.parse().unwrap(),
        on: [on.parse().unwrap()].into(),
        from,
        until,
        by: by.map(|by| by.parse().unwrap()),
        comment: String::new(),
    }
}

/// `bad vm.ping vm/web-1 [high] [by probe] [via col-a] [at 8s]`
fn signal(words: &[&str], now: Time) -> Signal {
    let after = |key: &str| words.iter().position(|word| *word == key).map(|at| words[at + 1]);
    let severity = match (words[1], words.get(3)) {
        (_, Some(&"warning")) => Severity::Warning,
        (_, Some(&"info")) => Severity::Info,
        (_, Some(&"disaster")) => Severity::Disaster,
        ("host.ping" | "switch.ping" | "ds.up" | "collector.uplink", _) => Severity::Disaster,
        _ => Severity::High,
    };
    Signal {
        source: after("by").unwrap_or("probe").parse().unwrap(),
        check: words[1].parse().unwrap(),
        object: words[2].parse::<Object>().unwrap(),
        state: match words[0] {
            "bad" => SignalState::Problem(severity),
            "ok" => SignalState::Ok,
            _ => SignalState::Silent,
        },
        at: after("at").map_or(now, |at| START + seconds(at)),
        via: after("via").map(|via| via.parse().unwrap()),
        text: String::new(),
    }
}

/// One event for each object that a range or several objects in a row name.
fn spread(time: &str, told: &str) -> Vec<(Time, String)> {
    let (start, over) = time.split_once('+').unwrap_or((time, "0s"));
    let many = told.split_whitespace().find(|word| word.contains('{') || word.contains(','));
    let Some(many) = many else { return vec![(START + seconds(start), told.to_owned())] };
    let each: Vec<String> = many.split(',').flat_map(names).collect();
    let gap = seconds(over) / u32::try_from(each.len().max(2) - 1).unwrap();
    let events = each.iter().zip(0u32..);
    events
        .map(|(one, place)| (START + seconds(start) + gap * place, told.replace(many, one)))
        .collect()
}

fn names(range: &str) -> Vec<String> {
    let Some((before, rest)) = range.split_once('{') else { return vec![range.to_owned()] };
    let (bounds, after) = rest.split_once('}').unwrap();
    let (first, last) = bounds.split_once("..").unwrap();
    let (width, numbers) = (first.len(), first.parse::<u32>().unwrap()..=last.parse().unwrap());
    numbers.map(|number| format!("{before}{number:0width$}{after}")).collect()
}

/// A text with its moments as seconds of the story: `2026-03-02T10:00:12Z` is `12s`.
fn in_seconds(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("2026-03-02T") {
        let (hours, minutes) = (&rest[at + 11..at + 13], &rest[at + 14..at + 16]);
        let (hours, minutes): (u32, u32) = (hours.parse().unwrap(), minutes.parse().unwrap());
        let seconds: u32 = rest[at + 17..at + 19].parse().unwrap();
        told += &rest[..at];
        told += &format!("{}s", (hours - 10) * 3600 + minutes * 60 + seconds);
        rest = &rest[at + 20..];
    }
    told + rest
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs_f64(text.strip_suffix('s').unwrap().parse().unwrap())
}

fn id(vm: &str) -> VmId {
    VmId::parse(vm).unwrap()
}
