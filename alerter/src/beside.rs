//! What other rooms know of an open incident and its messages should say: what it has cost the
//! users of each module, and where there is room for what was lost.
//!
//! The alerter keeps no accounts and knows no provider. So it says what it would like to know
//! ([`questions`]), and is handed the answers ([`crate::Event::Beside`]) before it speaks. Where
//! nothing was handed in, nothing is said: there is no number without evidence.
//!
//! What was handed in last holds until the next time; it is stored with the rest of the state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{FlavorId, HostId, IncidentId, ModuleId, Object, VmId};
use model::lang::Lang;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::lines::Lines;
use crate::message::{MessageKind, RootState};
use crate::object;
use crate::state::{Incident, State};
use crate::words::{lasting, row};

/// Hosts with room that are named, at most: the roomiest.
pub const MAX_HOSTS: usize = 5;

/// The answers, by incident.
pub type Beside = BTreeMap<IncidentId, Known>;

/// What is wanted to be known of one open incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub incident: IncidentId,
    /// The modules that suffered by it.
    pub modules: BTreeMap<ModuleId, Suffering>,
    /// The VMs that a dead host or switch has taken.
    pub lost: BTreeSet<VmId>,
}

/// One module under one incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suffering {
    pub since: Time,
    /// All of it is well again: its end may be told next.
    pub is_over: bool,
}

/// What is known of one incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    pub costs: BTreeMap<ModuleId, Cost>,
    pub room: Vec<Room>,
}

/// What the users of one module saw of an incident, from its beginning on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub up: Duration,
    /// Of confirmed outages.
    pub down: Duration,
    pub unknown: Duration,
    /// Probes that failed and of which no outage came.
    pub blips: u32,
    /// This month so far, once it is over for the module; None if nothing is known of it.
    pub month: Option<Month>,
}

/// The availability of one module in this month so far, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Month {
    /// Up, as a share of what is known.
    pub up: f64,
    /// How much of it is known.
    pub coverage: f64,
}

/// Where there is room for VMs of a flavor of which some were lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    pub flavor: FlavorId,
    pub lost: u32,
    /// The roomiest first, at most [`MAX_HOSTS`], and how many more VMs each takes; None if no
    /// provider tells.
    pub hosts: Option<Vec<(HostId, u32)>>,
    /// VMs that wait in the pool.
    pub ready: u32,
}

/// What is wanted to be known of all open incidents.
pub fn questions(state: &State) -> Vec<Question> {
    state.incidents.values().map(question).collect()
}

fn question(incident: &Incident) -> Question {
    let mut modules: BTreeMap<ModuleId, Suffering> = BTreeMap::new();
    for member in incident.members.values().filter(|member| !member.elsewhere) {
        let Some(module) = &member.module else { continue };
        let (since, is_over) = (member.since, member.well.is_some());
        match modules.get_mut(module) {
            Some(known) => {
                known.since = known.since.min(since);
                known.is_over &= is_over;
            }
            None => drop(modules.insert(module.clone(), Suffering { since, is_over })),
        }
    }
    Question { incident: incident.id(), modules, lost: lost(incident) }
}

fn lost(incident: &Incident) -> BTreeSet<VmId> {
    let carries = |root: &Object| matches!(root, Object::Host(_) | Object::Switch(_));
    let is_dead = incident.root_state() == RootState::Down && incident.roots.keys().any(carries);
    let vms = incident.suffering().filter_map(|(object, _)| object::vm(object));
    vms.filter(|_| is_dead).cloned().collect()
}

/// A line for each module, of what its users saw.
pub(crate) fn costs(known: &Known, facts: &Facts, kind: MessageKind, lang: Lang, to: &mut Lines) {
    let is_over = kind == MessageKind::Resolved;
    let lines = facts.modules.iter().filter_map(|module| {
        let cost = known.costs.get(module.id)?;
        let seen = seen(cost, is_over, lang)?;
        let colon = lang.pick(": ", "：");
        let month = cost.month.filter(|_| is_over).map(|month| this_month(month, lang));
        Some(format!("{}{colon}{seen}{}", module.label, month.unwrap_or_default()))
    });
    to.short_list(lines.collect(), lang.pick("modules", "个模块"));
}

/// None if nobody looked.
fn seen(cost: &Cost, is_over: bool, lang: Lang) -> Option<String> {
    let so_far = if is_over { "" } else { lang.pick(" so far", "目前") };
    let unknown = if cost.unknown.is_zero() {
        String::new()
    } else {
        let unknown = lasting(cost.unknown, lang);
        lang.pick(format!("; nobody saw it for {unknown}"), format!("；另有 {unknown}未能探测"))
    };
    if !cost.down.is_zero() {
        let down = lasting(cost.down, lang);
        let zh_verb = if is_over { "曾有" } else { "目前已有" };
        let seen = lang.pick(
            format!("down for users for {down}{so_far}"),
            format!("用户{zh_verb} {down}无法使用"),
        );
        return Some(seen + &unknown);
    }
    if cost.up.is_zero() {
        return None;
    }
    let seen = match (cost.blips, cost.unknown.is_zero()) {
        (0, true) => lang.pick(
            format!("users saw nothing of it{so_far}: all probes answered"),
            format!("用户{so_far}未受影响：探测全部正常"),
        ),
        (0, false) => lang.pick(
            format!("no outage was seen by users{so_far}"),
            format!("{so_far}未发现用户受影响"),
        ),
        (blips, _) => lang.pick(
            format!("no outage{so_far}, but {blips} of its probes failed"),
            format!("{so_far}未构成中断，但有 {blips} 次探测失败"),
        ),
    };
    Some(seen + &unknown)
}

/// "; 99.93 % up this month", rounded down, so that it never flatters.
fn this_month(month: Month, lang: Lang) -> String {
    let up = percent(month.up);
    let part = if month.coverage < 0.9995 {
        let coverage = percent(month.coverage);
        lang.pick(format!(" ({coverage} of it is known)"), format!("（已知时间占 {coverage}）"))
    } else {
        String::new()
    };
    lang.pick(format!("; {up} up this month{part}"), format!("；本月可用率 {up}{part}"))
}

fn percent(share: f64) -> String {
    // The little extra keeps 0.9993, which binary numbers cannot hold, from reading 99.92 %.
    let hundredths = (share * 10_000.0 + 1e-6).floor();
    if hundredths >= 10_000.0 { "100 %".to_owned() } else { format!("{:.2} %", hundredths / 100.0) }
}

/// A line for each flavor of which VMs were lost: where there is room for new ones.
pub(crate) fn rooms(known: &Known, lang: Lang, to: &mut Lines) {
    let lines = known.room.iter().map(|room| place_for(room, lang)).collect();
    to.short_list(lines, lang.pick("flavors", "种套餐"));
}

fn place_for(room: &Room, lang: Lang) -> String {
    let Room { flavor, lost, ready, .. } = room;
    let place = match room.hosts.as_deref() {
        None => String::new(),
        Some([]) => lang.pick("no host has room; ", "没有宿主机有余量；").to_owned(),
        Some(hosts) => {
            let hosts = hosts.iter().take(MAX_HOSTS);
            let hosts: Vec<String> = hosts
                .map(|(host, vms)| {
                    lang.pick(format!("{vms} on {host}"), format!("{host} 可放 {vms} 台"))
                })
                .collect();
            row(&hosts, lang) + lang.pick("; ", "；")
        }
    };
    lang.pick(
        format!("Room for {flavor} ({lost} lost): {place}{ready} ready in the pool"),
        format!("套餐 {flavor}（失去 {lost} 台）可补位置：{place}资源池有 {ready} 台待用"),
    )
}
