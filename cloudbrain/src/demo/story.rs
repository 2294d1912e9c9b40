//! Tells what happens while it happens, by what the brain's API says, and keeps it for the end.

use std::collections::{BTreeMap, BTreeSet};

use alerter::message::Message;
use anyhow::Context as _;
use model::clock::SharedClock;
use model::id::{ModuleId, VmId};
use model::time::Time;
use model::vm::VmState;
use scaler::reason::Decision;
use serde_json::Value;

use super::Teller;
use super::fleet::Fleet;
use super::load::{Curve, Tally};
use super::summary::{self, Figures, Summary};
use crate::commands::get_json;

/// How the host died, and when the router knew.
#[derive(Clone, Debug)]
pub(super) struct Kill {
    pub at: Time,
    /// Seconds from the start.
    pub at_s: f64,
    pub vms: Vec<VmId>,
    /// Seconds from the kill; None if it never happened.
    pub out_of_router_s: Option<f64>,
}

/// One look at the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Look {
    pub second: f64,
    pub serving: u32,
    /// The VMs that serve, by the brain's word.
    pub vms: BTreeSet<String>,
}

/// What was seen so far.
#[derive(Debug)]
pub(super) struct Story {
    teller: Teller,
    curve: Curve,
    begun: std::time::Duration,
    begun_at: Time,
    module: ModuleId,
    looks: Vec<Look>,
    /// Which lines were told already.
    told: BTreeSet<String>,
    figures: Figures,
}

/// Whether the module serves and its pool is full.
pub(super) async fn is_up(fleet: &Fleet) -> bool {
    let Ok(overview) = get_json::<Value>(fleet.listen(), "/api/overview").await else {
        return false;
    };
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let serves = |module: &Value| {
        number(&module["serving"]) >= number(&module["min"]) && number(&module["warming"]) == 0
    };
    let full = |pool: &Value| number(&pool["ready"]) >= number(&pool["wanted_ready"]);
    let all = |list: &Value, test: &dyn Fn(&Value) -> bool| {
        list.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(test))
    };
    all(&overview["modules"], &serves) && all(&overview["pools"], &full)
}

impl Story {
    pub(super) fn begin(fleet: &Fleet, clock: &SharedClock, curve: Curve, teller: Teller) -> Self {
        let module = fleet.config.modules.keys().next().expect("the demo's files name one");
        Self {
            teller,
            curve,
            begun: clock.elapsed(),
            begun_at: clock.now(),
            module: module.clone(),
            looks: Vec::new(),
            told: BTreeSet::new(),
            figures: Figures::begin(fleet.brain_pid()),
        }
    }

    pub(super) fn second(&self, clock: &SharedClock) -> f64 {
        clock.elapsed().saturating_sub(self.begun).as_secs_f64()
    }

    fn second_of(&self, at: Time) -> f64 {
        (at.millis() - self.begun_at.millis()) as f64 / 1000.0
    }

    /// Looks once, and tells what is new.
    pub(super) async fn look(&mut self, fleet: &Fleet, clock: &SharedClock) -> anyhow::Result<()> {
        let second = self.second(clock);
        self.milestones(second);
        self.figures.look(fleet.brain_pid());
        // A brain that is busy for a moment is asked again at the next look.
        let Ok(overview) = get_json::<Value>(fleet.listen(), "/api/overview").await else {
            return Ok(());
        };
        self.look_at_vms(&overview, second);
        for decision in self.decisions(fleet).await? {
            if !decision.is_hold() {
                let (from, to) = (decision.from, decision.to);
                let text = format!("decision  {from} -> {to} VMs: {}", decision.reason);
                self.once(&format!("decision {}", decision.id), decision.at, &text);
            }
        }
        for message in messages(fleet).await? {
            let first = message.text.lines().next().unwrap_or_default();
            let text = format!("message   to {}: {first}", message.to);
            self.once(&format!("message {}", message.key), message.at, &text);
        }
        Ok(())
    }

    fn milestones(&mut self, second: f64) {
        let points = [
            (0.0, "calm      a dozen requests a second"),
            (self.curve.rush_from_s(), "rush      eighty requests a second"),
            (self.curve.kill_at_s(), "kill      host h2 dies: SIGKILL to all its processes"),
            (self.curve.rush_until_s(), "calm      the rush is over"),
        ];
        for (at, text) in points {
            if second >= at && self.told.insert(text.to_owned()) {
                self.line(at, text);
            }
        }
    }

    fn look_at_vms(&mut self, overview: &Value, second: f64) {
        let vms = serving_vms(overview, &self.module);
        let serving = vms.len() as u32;
        if self.looks.last().is_none_or(|last| last.vms != vms) {
            let names: Vec<&str> = vms.iter().map(String::as_str).collect();
            self.line(second, &format!("serving   {serving} VMs: {}", names.join(" ")));
            self.looks.push(Look { second, serving, vms });
        }
    }

    async fn decisions(&self, fleet: &Fleet) -> anyhow::Result<Vec<Decision>> {
        let module = &self.module;
        let path = format!("/api/decisions?module={module}&from={}", self.begun_at.millis());
        let mut decisions: Vec<Decision> =
            get_json(fleet.listen(), &path).await.context("asking for decisions")?;
        decisions.sort_by_key(|decision| decision.at);
        Ok(decisions)
    }

    fn once(&mut self, key: &str, at: Time, text: &str) {
        if self.told.insert(key.to_owned()) {
            self.line(self.second_of(at), text);
        }
    }

    fn line(&self, second: f64, text: &str) {
        self.teller.tell(&format!("{second:6.1} s  {text}"));
    }

    /// Puts the summary together.
    pub(super) async fn finish(
        self,
        fleet: &Fleet,
        clock: &SharedClock,
        tally: &Tally,
        kill: Kill,
    ) -> anyhow::Result<Summary> {
        let seconds = self.second(clock);
        let overview: Value = get_json(fleet.listen(), "/api/overview").await?;
        let decisions = self.decisions(fleet).await?;
        let messages = messages(fleet).await?;
        let moves = moves(fleet, self.begun_at).await?;
        let availability = availability(&overview, &self.module);
        let incidents: BTreeSet<_> =
            messages.iter().map(|message| message.incident.clone()).collect();
        Ok(Summary {
            seconds,
            requests: tally.requests,
            failed: summary::classify(&tally.failures, &kill, &moves),
            vms: self.looks.iter().map(|look| (round(look.second), look.serving)).collect(),
            decisions: decisions
                .iter()
                .filter(|decision| !decision.is_hold())
                .map(|decision| summary::Decided::of(decision, self.second_of(decision.at)))
                .collect(),
            kill: summary::Killed {
                at_s: round(kill.at_s),
                vms: kill.vms.iter().map(ToString::to_string).collect(),
                out_of_router_s: kill.out_of_router_s.map(round),
                replaced_s: replaced_s(&self.looks, &kill).map(round),
            },
            incidents: incidents.len(),
            messages: messages.iter().map(summary::Told::of).collect(),
            availability,
            brain: self.figures.end(seconds),
        })
    }
}

pub(super) fn round(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

fn serving_vms(overview: &Value, module: &ModuleId) -> BTreeSet<String> {
    let hosts = overview["hosts"].as_array().into_iter().flatten();
    let tiles = hosts.flat_map(|host| host["vms"].as_array().into_iter().flatten());
    let serving = tiles.filter(|tile| {
        tile["module"] == module.as_str() && tile["state"] == VmState::Serving.as_str()
    });
    serving.filter_map(|tile| tile["id"].as_str().map(str::to_owned)).collect()
}

/// From the kill until as many living VMs serve as before.
fn replaced_s(looks: &[Look], kill: &Kill) -> Option<f64> {
    let before = looks.iter().rfind(|look| look.second < kill.at_s)?.serving;
    let dead: BTreeSet<String> = kill.vms.iter().map(ToString::to_string).collect();
    let whole = looks.iter().find(|look| {
        let living = look.vms.difference(&dead).count() as u32;
        look.second >= kill.at_s && living >= before
    });
    whole.map(|look| look.second - kill.at_s)
}

async fn messages(fleet: &Fleet) -> anyhow::Result<Vec<Message>> {
    let mut messages: Vec<Message> =
        get_json(fleet.listen(), "/api/messages").await.context("asking for messages")?;
    messages.sort_by_key(|message| message.at);
    Ok(messages)
}

/// When each VM went into or out of service by the scaler's will: the times at which a failed
/// request would be its fault.
async fn moves(fleet: &Fleet, from: Time) -> anyhow::Result<BTreeMap<String, Vec<Time>>> {
    let path = format!("/api/journal?from={}", from.millis());
    let journal: Vec<Value> = get_json(fleet.listen(), &path).await?;
    let mut moves: BTreeMap<String, Vec<Time>> = BTreeMap::new();
    for entry in journal {
        let object = entry["object"].as_str().and_then(|object| object.strip_prefix("vm/"));
        let (Some(vm), Some(at)) = (object, entry["at"].as_i64()) else { continue };
        moves.entry(vm.to_owned()).or_default().push(Time::from_millis(at));
    }
    Ok(moves)
}

fn availability(overview: &Value, module: &ModuleId) -> Value {
    let modules = overview["modules"].as_array().into_iter().flatten();
    let module = modules.into_iter().find(|row| row["id"] == module.as_str());
    module.map(|module| module["availability"].clone()).unwrap_or_default()
}
