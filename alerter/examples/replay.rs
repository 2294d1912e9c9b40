//! Plays one correlation case in simulated time and prints a JSON message a line.
//!
//! `cargo run -p alerter --example replay -- CASE.json > OUT.jsonl`; what comes out is judged by
//! `check.py` of the correlation cases. Delivery is not played: each message arrives at once, and
//! `channel` and `sync` events are ignored.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use alerter::message::Message;
use alerter::{Action, Event, Settings, State, incidents, step, wake_at};
use model::id::{HostId, Object, VmId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::{DataSource, Host, Module, Project, Topology, VmPlace};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Second 0 of each case. Late enough that a VM can be older than the case.
const START: Time = Time::from_millis(1_772_445_600_000);
const DAY: Duration = Duration::from_secs(86_400);

fn main() -> Fallible<()> {
    let path = std::env::args().nth(1).ok_or("usage: replay CASE.json")?;
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let mut world = World::of(&case)?;
    for event in expanded(&case["events"])? {
        world.run_until(after(event.at_s));
        world.play(&event)?;
    }
    world.run_until(after(case["end_s"].as_f64().ok_or("no end_s")?));
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for message in &world.told {
        writeln!(out, "{}", line(message))?;
    }
    Ok(())
}

struct World {
    settings: Settings,
    topology: Topology,
    state: State,
    told: Vec<Message>,
    /// Until when the alerter is not running.
    away_until: Time,
}

impl World {
    fn of(case: &Value) -> Fallible<Self> {
        let mut world = Self {
            settings: Settings::default(),
            topology: topology(&case["topology"])?,
            state: State::default(),
            told: Vec::new(),
            away_until: START,
        };
        for window in list(&case["topology"]["maintenance"]) {
            let on = text(window, "on")?.parse()?;
            let second = |key: &str| window[key].as_f64().map(after).ok_or("no window in seconds");
            let event =
                Event::Maintenance { on, from: second("from_s")?, until: second("until_s")? };
            world.step(event, START);
        }
        Ok(world)
    }

    /// Lets the timers run that fall due before `until`.
    fn run_until(&mut self, until: Time) {
        while let Some(due) = wake_at(&self.state).filter(|due| *due < until) {
            if self.away_until >= until {
                return;
            }
            self.step(Event::Tick, due.max(self.away_until));
        }
    }

    fn step(&mut self, event: Event, now: Time) {
        let actions = step(&self.settings, &self.topology, &mut self.state, event, now);
        self.told.extend(actions.into_iter().filter_map(|action| match action {
            Action::Tell(message) => Some(message),
            Action::Opened(_) | Action::Changed(_) | Action::Closed(_) => None,
        }));
    }

    fn play(&mut self, planned: &Planned) -> Fallible<()> {
        let (event, now) = (&planned.event, after(planned.at_s));
        if now < self.away_until {
            return Ok(());
        }
        match text(event, "kind")? {
            "problem" | "ok" | "nodata" => self.step(Event::Signal(signal(planned)?), now),
            "topo" => {
                let event = self.change_topology(event, now)?;
                self.step(event, now);
            }
            "ack" => self.acknowledge(event, now)?,
            "restart" => {
                self.state = serde_json::from_str(&serde_json::to_string(&self.state)?)?;
                let down_s = event["down_s"].as_f64().ok_or("no down_s")?;
                self.away_until = now + Duration::from_secs_f64(down_s);
            }
            _ => (),
        }
        Ok(())
    }

    fn acknowledge(&mut self, event: &Value, now: Time) -> Fallible<()> {
        let root: Object = text(event, "on")?.parse()?;
        let open = incidents(&self.settings, &self.topology, &self.state);
        let by = text(event, "by")?.parse()?;
        if let Some(incident) = open.into_iter().find(|incident| incident.root == root) {
            let text = event["text"].as_str().unwrap_or_default().to_owned();
            self.step(Event::Acknowledged { incident: incident.id, by, text }, now);
        }
        Ok(())
    }

    fn change_topology(&mut self, event: &Value, now: Time) -> Fallible<Event> {
        let vm: VmId = text(event, "vm")?.parse()?;
        Ok(match text(event, "op")? {
            "vm_add" => {
                self.topology.vms.insert(vm, place(event, now)?);
                Event::Tick
            }
            "vm_move" => {
                let to: HostId = text(event, "host")?.parse()?;
                let place = self.topology.vms.get_mut(&vm).ok_or("a move of no VM")?;
                let from = place.host.replace(to.clone()).ok_or("a move from nowhere")?;
                Event::VmMoved { vm, from, to }
            }
            "vm_drain" => {
                self.topology.vms.get_mut(&vm).ok_or("a drain of no VM")?.leaving = true;
                Event::VmLeaving { vm }
            }
            "vm_gone" => {
                self.topology.vms.remove(&vm);
                Event::VmGone { vm }
            }
            other => return Err(format!("no such change: {other}").into()),
        })
    }
}

/// One event of the case, ranges and copies written out.
struct Planned {
    at_s: f64,
    stamp_s: f64,
    on: Option<String>,
    event: Value,
}

fn expanded(events: &Value) -> Fallible<Vec<Planned>> {
    let mut planned = Vec::new();
    for event in list(events) {
        let start = event["t"].as_f64().ok_or("an event without t")?;
        let stamp = event["at"].as_f64().unwrap_or(start);
        let objects =
            names(if event["on_each"].is_null() { &event["on"] } else { &event["on_each"] });
        let objects: Vec<_> = match objects.is_empty() {
            true => vec![None],
            false => objects.into_iter().map(Some).collect(),
        };
        let gap = event["spread_s"].as_f64().unwrap_or(0.0) / (objects.len() - 1).max(1) as f64;
        for (place, on) in objects.into_iter().enumerate() {
            for copy in 0..event["copies"].as_u64().unwrap_or(1) {
                let shift = gap * place as f64;
                let late = copy as f64 * event["copy_gap_s"].as_f64().unwrap_or(0.0);
                let (at_s, stamp_s) = (start + shift + late, stamp + shift);
                planned.push(Planned { at_s, stamp_s, on: on.clone(), event: event.clone() });
            }
        }
    }
    planned.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    Ok(planned)
}

fn signal(planned: &Planned) -> Fallible<Signal> {
    let event = &planned.event;
    let check = text(event, "check")?;
    let via = event["via"].as_str().map(str::parse).transpose()?;
    Ok(Signal {
        source: event["src"].as_str().unwrap_or("zabbix").parse()?,
        check: check.parse()?,
        object: planned.on.as_deref().ok_or("a signal on nothing")?.parse()?,
        state: match text(event, "kind")? {
            "problem" => SignalState::Problem(severity(event, check)?),
            "nodata" => SignalState::Silent,
            _ => SignalState::Ok,
        },
        at: after(planned.stamp_s),
        via,
        text: event["text"].as_str().unwrap_or_default().to_owned(),
    })
}

fn severity(event: &Value, check: &str) -> Fallible<Severity> {
    if let Some(named) = event.get("severity") {
        return Ok(serde_json::from_value(named.clone())?);
    }
    Ok(match check {
        "host.ping" | "switch.ping" | "ds.up" | "collector.uplink" => Severity::Disaster,
        agent if agent.ends_with(".agent") => Severity::Warning,
        _ => Severity::High,
    })
}

fn topology(case: &Value) -> Fallible<Topology> {
    let mut topology = Topology::default();
    for (id, _) in rows(&case["switches"]) {
        topology.switches.insert(id.parse()?);
    }
    for (id, row) in rows(&case["hosts"]) {
        let switch = row["switch"].as_str().map(str::parse).transpose()?;
        topology.hosts.insert(id.parse()?, Host { switch });
    }
    for (id, row) in rows(&case["projects"]) {
        let owners =
            names(&row["owners"]).iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
        topology.projects.insert(id.parse()?, Project { owners });
    }
    for (id, row) in rows(&case["modules"]) {
        let uses = names(&row["uses"]).iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
        topology
            .modules
            .insert(id.parse()?, Module { project: text(row, "project")?.parse()?, uses });
    }
    for (id, row) in rows(&case["vms"]) {
        let created = row["created_s"].as_f64().map_or(START - DAY, after);
        topology.vms.insert(id.parse()?, place(row, created)?);
    }
    for (id, row) in rows(&case["datasources"]) {
        let vm = row["vm"].as_str().map(str::parse).transpose()?;
        topology
            .data_sources
            .insert(id.parse()?, DataSource { kind: text(row, "kind")?.into(), vm });
    }
    for (id, _) in rows(&case["collectors"]) {
        topology.collectors.insert(id.parse()?);
    }
    Ok(topology)
}

fn place(row: &Value, created: Time) -> Fallible<VmPlace> {
    let host = row["host"].as_str().map(str::parse).transpose()?;
    let module = row["module"].as_str().map(str::parse).transpose()?;
    Ok(VmPlace { host, module, created, leaving: false })
}

fn rows(value: &Value) -> Vec<(String, &Value)> {
    list(value)
        .iter()
        .flat_map(|row| names(&row["id"]).into_iter().map(move |id| (id, row)))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> Fallible<&'a str> {
    value[key].as_str().ok_or_else(|| format!("no {key} in {value}").into())
}

/// `web-{01..20}` stands for web-01 to web-20.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(name) => range(name).unwrap_or_else(|| vec![name.clone()]),
        Value::Array(values) => values.iter().flat_map(names).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn range(name: &str) -> Option<Vec<String>> {
    let (before, rest) = name.split_once('{')?;
    let (bounds, after) = rest.split_once('}')?;
    let (first, last) = bounds.split_once("..")?;
    let (width, first, last) = (first.len(), first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
    Some((first..=last).map(|number| format!("{before}{number:0width$}{after}")).collect())
}

fn after(seconds: f64) -> Time {
    START + Duration::from_millis((seconds * 1000.0).round() as u64)
}

fn line(message: &Message) -> Value {
    let mut roots = vec![message.root.to_string()];
    roots.extend(message.more_roots.iter().map(Object::to_string));
    let mut line: BTreeMap<&str, Value> = BTreeMap::new();
    line.insert("t", json!(message.at.since(START).as_secs_f64()));
    line.insert("to", json!(message.to));
    line.insert("kind", json!(message.kind));
    line.insert("incident", json!(message.incident));
    line.insert("root", if roots.len() == 1 { json!(roots[0]) } else { json!(roots) });
    line.insert("state", json!(message.state));
    line.insert("severity", json!(message.severity));
    line.insert("affected", json!(message.affected));
    line.insert("businesses", json!(message.businesses));
    line.insert("text", json!(message.text));
    json!(line)
}
