//! What happens in a case, as written, and each of it written out.

use std::time::Duration;

use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use serde::Deserialize;

use super::{
    Fallible, Happening, List, Listed, Names, Planned, after, around, bad, needed, optional,
    parsed, place_of,
};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Problem,
    Ok,
    Nodata,
    Topo,
    Ack,
    Sync,
    Restart,
    Channel,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with t and kind")]
pub(super) struct RawEvent {
    t: f64,
    kind: Kind,
    at: Option<f64>,
    #[serde(default)]
    on: Names,
    #[serde(default)]
    on_each: Names,
    #[serde(default)]
    spread_s: f64,
    #[serde(default = "once")]
    copies: u32,
    #[serde(default)]
    copy_gap_s: f64,
    check: Option<String>,
    src: Option<String>,
    via: Option<String>,
    severity: Option<Severity>,
    #[serde(default)]
    text: String,
    op: Option<Op>,
    vm: Option<String>,
    host: Option<String>,
    module: Option<String>,
    by: Option<String>,
    #[serde(default)]
    open: Vec<RawOpen>,
    down_s: Option<f64>,
    to: Option<String>,
    state: Option<ChannelState>,
}

#[derive(Deserialize)]
enum Op {
    #[serde(rename = "vm_move")]
    Move,
    #[serde(rename = "vm_add")]
    Add,
    #[serde(rename = "vm_drain")]
    Drain,
    #[serde(rename = "vm_gone")]
    Gone,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChannelState {
    Up,
    Down,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with check and on")]
struct RawOpen {
    check: String,
    #[serde(default)]
    on: Names,
    #[serde(default)]
    on_each: Names,
    severity: Option<Severity>,
    #[serde(default)]
    text: String,
}

fn once() -> u32 {
    1
}

impl RawEvent {
    /// How many words it is written out to.
    pub(super) fn count(&self) -> usize {
        let objects = self.on.count().max(self.on_each.count()).max(1);
        let listed = self.open.iter().map(|open| open.on.count().max(open.on_each.count()));
        let listed = listed.fold(1, usize::saturating_add);
        objects.saturating_mul(self.copies as usize).saturating_mul(listed)
    }

    pub(super) fn write_out(
        &self,
        place: &str,
        start: Time,
        out: &mut Vec<Planned>,
    ) -> Fallible<()> {
        let each = self.on_each.written_out();
        let one = self.on.written_out();
        let objects = if each.is_empty() { one } else { each };
        let objects: Vec<Option<&str>> = match objects.is_empty() {
            true => vec![None],
            false => objects.iter().map(|object| Some(object.as_str())).collect(),
        };
        let gap_s = self.spread_s / (objects.len() - 1).max(1) as f64;
        for (index, on) in objects.iter().enumerate() {
            for copy in 0..self.copies {
                let shift_s = gap_s * index as f64;
                let late_s = f64::from(copy) * self.copy_gap_s;
                let at = after(start, self.t + shift_s + late_s, place)?;
                let stamp = around(start, self.at.unwrap_or(self.t) + shift_s, place)?;
                out.push(Planned { at, what: self.happening(*on, at, stamp, place)? });
            }
        }
        Ok(())
    }

    fn happening(
        &self,
        on: Option<&str>,
        at: Time,
        stamp: Time,
        place: &str,
    ) -> Fallible<Happening> {
        match self.kind {
            Kind::Problem => self.said(on, stamp, place, |check| {
                SignalState::Problem(self.severity.unwrap_or_else(|| usual_severity(check)))
            }),
            Kind::Ok => self.said(on, stamp, place, |_| SignalState::Ok),
            Kind::Nodata => self.said(on, stamp, place, |_| SignalState::Silent),
            Kind::Topo => self.topology_change(at, place),
            Kind::Ack => Ok(Happening::Acknowledged {
                root: parsed(needed(on, place, "on")?, place)?,
                by: parsed(needed(self.by.as_deref(), place, "by")?, place)?,
                text: self.text.clone(),
            }),
            Kind::Sync => self.sync(stamp, place),
            Kind::Restart => {
                let seconds = *needed(self.down_s.as_ref(), place, "down_s")?;
                let down = Duration::try_from_secs_f64(seconds).map_err(|e| bad(place, e))?;
                Ok(Happening::Restart { down })
            }
            Kind::Channel => Ok(Happening::Channel {
                to: parsed(needed(self.to.as_deref(), place, "to")?, place)?,
                is_up: matches!(needed(self.state.as_ref(), place, "state")?, ChannelState::Up),
            }),
        }
    }

    fn said(
        &self,
        on: Option<&str>,
        stamp: Time,
        place: &str,
        state: impl Fn(&str) -> SignalState,
    ) -> Fallible<Happening> {
        let check = needed(self.check.as_deref(), place, "check")?;
        let on = needed(on, place, "on")?;
        Ok(Happening::Signal(self.signal(check, on, state(check), &self.text, stamp, place)?))
    }

    fn signal(
        &self,
        check: &str,
        on: &str,
        state: SignalState,
        text: &str,
        at: Time,
        place: &str,
    ) -> Fallible<Signal> {
        Ok(Signal {
            source: parsed(self.src.as_deref().unwrap_or("zabbix"), place)?,
            check: parsed(check, place)?,
            object: parsed(on, place)?,
            state,
            at,
            via: optional(self.via.as_deref(), place)?,
            text: text.to_owned(),
        })
    }

    fn topology_change(&self, at: Time, place: &str) -> Fallible<Happening> {
        let vm = parsed(needed(self.vm.as_deref(), place, "vm")?, place)?;
        Ok(match needed(self.op.as_ref(), place, "op")? {
            Op::Add => {
                let (host, module) = (self.host.as_deref(), self.module.as_deref());
                Happening::VmAdded { vm, place: place_of(host, module, at, place)? }
            }
            Op::Move => {
                let to = parsed(needed(self.host.as_deref(), place, "host")?, place)?;
                Happening::VmMoved { vm, to }
            }
            Op::Drain => Happening::VmDrained { vm },
            Op::Gone => Happening::VmGone { vm },
        })
    }

    fn sync(&self, at: Time, place: &str) -> Fallible<Happening> {
        let mut listed = Vec::new();
        for open in &self.open {
            let each = open.on_each.written_out();
            let objects = if each.is_empty() { open.on.written_out() } else { each };
            let severity = open.severity.unwrap_or_else(|| usual_severity(&open.check));
            for on in &objects {
                let state = SignalState::Problem(severity);
                let signal = self.signal(&open.check, on, state, &open.text, at, place)?;
                listed.push(Listed { signal, has_severity: open.severity.is_some() });
            }
        }
        let source = parsed(self.src.as_deref().unwrap_or("zabbix"), place)?;
        Ok(Happening::Sync(List { source, at, open: listed }))
    }
}

fn usual_severity(check: &str) -> Severity {
    match check {
        "host.ping" | "switch.ping" | "ds.up" | "collector.uplink" => Severity::Disaster,
        agent if agent.ends_with(".agent") => Severity::Warning,
        _ => Severity::High,
    }
}
