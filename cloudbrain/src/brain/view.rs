//! What the core knows, in the form that pages and API show it. It reads and decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::{Acknowledgement, IncidentSummary};
use availability::Interval;
use dashboards::view::quiet::Doings;
use dashboards::view::{
    AvailabilityView, DecisionMark, Fault, Health, HostView, IncidentPage, IncidentView,
    MessageView, ModuleView, MonitorHealth, Overview, PoolView, Theme, VantageView, VmTile,
};
use jiff::tz::TimeZone;
use model::id::{HostId, ModuleId, PersonId};
use model::lang::Lang;
use model::time::Time;
use model::verdict::ProbeTarget;
use model::vm::{Vm, VmState};
use scaler::steps::{Step, WAITS_FOR_ROUTERS};
use serde_json::Value;

use crate::oncall::local_minute;

use super::core::{CHART_SPAN, Core};
use super::plan::{PoolStock, stock};
use super::report;
use super::review::{self, Facts};
use super::senses::{Cause, probe_name};
use crate::chinese;

/// A VM's sample older than so many intervals is stale.
const STALE_AFTER_INTERVALS: u32 = 3;
/// The doubts of a module that its page lists.
const DOUBTS: usize = 5;
/// The newest decisions of a module that its page lists.
const DECISIONS: usize = 50;

/// Everything the first page shows.
pub fn overview(core: &Core, now: Time, lang: Lang) -> Overview {
    let (hosts, unplaced) = hosts(core, now);
    let zone = zone(core);
    let modules = core.config.modules.keys();
    let modules = modules.map(|module| module_view(core, module, now, lang));
    let pools = core.config.scaler.pools.keys().map(|flavor| pool_view(stock(core, flavor)));
    let mut view = Overview {
        fleet: core.config.raw.fleet.clone(),
        now,
        lang,
        theme: Theme::Auto,
        zone: core.config.raw.timezone.clone(),
        hosts,
        unplaced,
        modules: modules.collect(),
        incidents: core.incidents().iter().map(|i| incident_view(i, &zone, lang)).collect(),
        pools: pools.collect(),
        monitor: monitor(core, now),
    };
    if lang == Lang::Zh {
        chinese::overview(&mut view);
    }
    view
}

fn hosts(core: &Core, now: Time) -> (Vec<HostView>, Vec<VmTile>) {
    let mut by_host: BTreeMap<HostId, Vec<VmTile>> = BTreeMap::new();
    let mut unplaced = Vec::new();
    for vm in core.scaler.vms.values() {
        match &vm.host {
            Some(host) => by_host.entry(host.clone()).or_default().push(tile(core, vm, now)),
            None => unplaced.push(tile(core, vm, now)),
        }
    }
    for host in core.topology.hosts.keys() {
        by_host.entry(host.clone()).or_default();
    }
    let hosts = by_host.into_iter().map(|(id, vms)| {
        let fault = core.senses.faults.get(&format!("host/{id}"));
        let up = match (core.senses.facts.is_host_down(&id), fault) {
            (true, _) => Health::Down,
            (false, Some(_)) => Health::Unknown,
            (false, None) => Health::Up,
        };
        HostView { id, up, why: fault.map(|fault| fault.error.clone()), vms }
    });
    (hosts.collect(), unplaced)
}

fn tile(core: &Core, vm: &Vm, now: Time) -> VmTile {
    let samples = core.senses.facts.samples.get(&vm.id);
    let load = samples.and_then(|samples| samples.get(model::metric::LOAD1_PER_CORE));
    let stale_after = core.config.raw.collector.interval.0 * STALE_AFTER_INTERVALS;
    VmTile {
        id: vm.id.clone(),
        state: vm.state,
        health: health(core, vm),
        module: vm.module.clone(),
        load: load.map(|load| load.value),
        stale: load.is_some_and(|load| now.since(load.at) > stale_after),
        why: why(core, vm),
    }
}

/// Why it is in its state, and why its end waits, if it does.
fn why(core: &Core, vm: &Vm) -> String {
    let is_withheld = core.scaler.steps.get(&vm.id).is_some_and(Step::is_withheld);
    let waits = is_withheld.then_some(WAITS_FOR_ROUTERS);
    let why = Some(vm.why.as_str()).filter(|why| !why.is_empty());
    why.into_iter().chain(waits).collect::<Vec<_>>().join("; ")
}

fn health(core: &Core, vm: &Vm) -> Health {
    let silent = core.senses.facts.is_agent_silent(&vm.id);
    match vm.state {
        VmState::Isolated => Health::Down,
        VmState::Serving | VmState::Pool if silent => Health::Down,
        VmState::Serving | VmState::Pool => Health::Up,
        VmState::Wanted
        | VmState::Creating
        | VmState::Booting
        | VmState::Reserved
        | VmState::Deploying
        | VmState::Ready => Health::Starting,
        VmState::Draining | VmState::Stopped | VmState::Destroying | VmState::Gone => {
            Health::Leaving
        }
        VmState::Quarantine => Health::Unknown,
    }
}

fn module_view(core: &Core, id: &ModuleId, now: Time, lang: Lang) -> ModuleView {
    let policy = core.config.scaler.policies.get(id);
    let memory = core.scaler.memory.modules.get(id);
    let module = &core.config.modules[id];
    let (load, serving) = core.reading(id, now);
    let vms = core.scaler.vms.values().filter(|vm| vm.module.as_ref() == Some(id));
    let capacity = vms.filter(|vm| vm.state.is_capacity()).count() as u32;
    let metric = policy.and_then(|policy| policy.metrics.first());
    // Of the whole of the work no threshold is known: they are for what one VM has of it.
    let metric = metric.filter(|metric| !metric.is_whole());
    let band = metric.and_then(|m| Some((m.aim.below()?, m.aim.above())));
    let points = core.series.get(id).into_iter().flatten();
    ModuleView {
        id: id.clone(),
        project: module.project.clone(),
        serving,
        warming: capacity.saturating_sub(serving),
        desired: memory.map_or(0, |memory| memory.desired),
        min: policy.map_or(0, |policy| policy.min),
        max: policy.map_or(0, |policy| policy.max),
        mode: policy.map_or("no policy", |policy| policy.mode.as_str()).to_owned(),
        thresholds: band,
        load,
        load_series: with_gaps(core, points.clone().map(|point| (point.at, point.load))),
        count_series: points.map(|point| (point.at, point.serving)).collect(),
        decisions: decisions(core, id, lang),
        availability: availability(core, id, now),
        not_probed: module.measured_by.as_ref().err().cloned(),
        measured_by: report::measures(core, id),
        doubts: doubts(core, id),
        vantages: vantages(core, id, now),
    }
}

/// What each place sees of a module, if there are several.
fn vantages(core: &Core, id: &ModuleId, now: Time) -> Vec<VantageView> {
    let seen =
        core.by_vantage(id, now).into_iter().map(|(name, Interval { until, state, why, .. })| {
            VantageView { name, state: state.to_string(), at: until, why }
        });
    seen.collect()
}

/// Why the contract's yes may be none for this module, each reason once, with one probe that has it.
fn doubts(core: &Core, id: &ModuleId) -> Vec<String> {
    let module = &core.config.modules[id];
    let surprises = module.monitor.iter().flat_map(|monitor| &monitor.surprises).cloned();
    let own = core.senses.doubts.iter().filter(|(target, _)| target.module() == id);
    // Targets come in their order, the domain before the VMs: the first of each reason stays.
    let reasons: BTreeMap<&String, &ProbeTarget> =
        own.rev().map(|(target, doubt)| (&doubt.text, target)).collect();
    let told =
        reasons.into_iter().map(|(reason, target)| format!("{}: {reason}", probe_name(target)));
    surprises.chain(told).take(DOUBTS).collect()
}

/// Where no point was made for a while, nobody looked: a gap, not a line.
fn with_gaps(
    core: &Core,
    points: impl Iterator<Item = (Time, Option<f64>)>,
) -> Vec<(Time, Option<f64>)> {
    let longest = core.config.raw.tick.0 * 3 + Duration::from_secs(1);
    let mut series: Vec<(Time, Option<f64>)> = Vec::new();
    for (at, load) in points {
        if let Some((last, Some(_))) = series.last()
            && at.since(*last) > longest
        {
            series.push((*last + longest, None));
        }
        series.push((at, load));
    }
    series
}

fn decisions(core: &Core, id: &ModuleId, lang: Lang) -> Vec<DecisionMark> {
    let ours = core.recent.iter().rev().filter(|decision| decision.module == *id);
    let marks = ours.take(DECISIONS).map(|decision| DecisionMark {
        at: decision.at,
        id: decision.id.clone(),
        from: decision.from,
        to: decision.to,
        reason: match lang {
            Lang::En => decision.reason.to_string(),
            Lang::Zh => chinese::chinese(&decision.reason.in_chinese()),
        },
        held: decision.is_hold(),
    });
    let mut marks: Vec<DecisionMark> = marks.collect();
    marks.reverse();
    marks
}

/// Over the time that the charts show, or since the module is published.
fn availability(core: &Core, id: &ModuleId, now: Time) -> AvailabilityView {
    let from = now - CHART_SPAN;
    let Some(report) = core.availability(id, from, now) else {
        return AvailabilityView::nothing(now);
    };
    AvailabilityView {
        up_s: report.up.as_secs_f64(),
        down_s: report.down.as_secs_f64(),
        unknown_s: report.unknown.as_secs_f64(),
        known: report.known,
        low: report.low,
        high: report.high,
        coverage: report.coverage,
        since: from + report.not_applicable,
    }
}

fn pool_view(pool: PoolStock) -> PoolView {
    PoolView {
        flavor: pool.flavor,
        ready: pool.ready,
        wanted_ready: pool.wanted,
        total: pool.total,
        max_total: pool.max_total,
        booting: pool.being_made,
        note: pool.waits.unwrap_or_default(),
    }
}

pub(super) fn incident_view(
    incident: &IncidentSummary,
    zone: &TimeZone,
    lang: Lang,
) -> IncidentView {
    let reasons = incident.reasons.iter().map(|reason| lang.pick(&reason.en, &reason.zh).clone());
    IncidentView {
        id: incident.id.clone(),
        root: incident.root.to_string(),
        state: format!("{:?}", incident.state).to_lowercase(),
        severity: incident.severity,
        opened: incident.opened,
        closed: incident.closed,
        headline: lang.pick(&incident.headline.en, &incident.headline.zh).clone(),
        detail: reasons.collect(),
        businesses: incident.businesses.clone(),
        affected: incident.affected.len(),
        silenced: silenced(incident),
        acknowledged: acknowledged(incident, zone, lang),
    }
}

/// Who silenced it, and until when, if all its roots are.
fn silenced(incident: &IncidentSummary) -> Option<(PersonId, Time)> {
    let ours = incident.silences.iter().filter(|_| incident.is_silenced);
    let last = ours.max_by_key(|silence| silence.until)?;
    Some((last.by.clone(), last.until))
}

/// The zone of the pages; the check of the files has found it.
pub(crate) fn zone(core: &Core) -> TimeZone {
    TimeZone::get(&core.config.raw.timezone).unwrap_or(TimeZone::UTC)
}

/// Who works on it, or whose acknowledgement no longer counts.
fn acknowledged(incident: &IncidentSummary, zone: &TimeZone, lang: Lang) -> Option<String> {
    if let Some(Acknowledgement { by, at, text }) = &incident.acknowledged {
        let at = local_minute(zone, *at);
        let colon = if text.is_empty() { "" } else { lang.pick(": ", "：") };
        return Some(lang.pick(
            format!("{by}, since {at}{colon}{text}"),
            format!("{by}，自 {at} 起{colon}{text}"),
        ));
    }
    let broken = incident.broken.as_ref()?;
    let (by, at, why) = (&broken.by, local_minute(zone, broken.at), &broken.why);
    Some(lang.pick(
        format!("by nobody; that of {by} broke at {at}: {}", why.en),
        format!("无人认领；{by} 的认领于 {at} 失效：{}", why.zh),
    ))
}

/// One incident with all that is known about it.
pub fn incident(facts: &Facts, doings: Option<Doings>, lang: Lang) -> IncidentPage {
    let story = &facts.story;
    let why = story.why.as_ref();
    let members = why.into_iter().flat_map(|why| &why.members);
    let people = why.into_iter().flat_map(|why| &why.people);
    IncidentPage {
        incident: incident_view(&story.incident, &facts.known.zone, lang),
        affected: story.incident.affected.iter().map(ToString::to_string).collect(),
        members: members.map(|member| member.text(lang, &story.zone)).collect(),
        more_members: why.map_or(0, |why| why.more),
        people: people
            .map(|person| (person.person.to_string(), person.text(lang, &story.zone)))
            .collect(),
        events: review::events(facts, lang),
        left_out: story.incident.unnoted,
        messages: story.messages.iter().filter_map(message_view).collect(),
        doings,
    }
}

fn message_view(message: &Value) -> Option<MessageView> {
    let word = |key: &str| message[key].as_str().map(str::to_owned);
    Some(MessageView {
        to: word("to")?,
        kind: word("kind")?,
        view: word("view")?,
        at: Time::from_millis(message["at"].as_i64()?),
        delivered: message["delivered"].as_i64().map(Time::from_millis),
        channel: word("channel").unwrap_or_default(),
        error: word("error"),
        text: word("text")?,
    })
}

fn monitor(core: &Core, now: Time) -> MonitorHealth {
    let faults = core.senses.faults.iter().map(|(object, fault)| Fault {
        object: object.clone(),
        error: match &fault.cause {
            Cause::Files { remedy } => format!("{}; {remedy}", fault.error),
            Cause::Target | Cause::Blind => fault.error.clone(),
        },
        since: fault.since,
    });
    MonitorHealth {
        data_age_s: core.senses.newest.map(|at| now.since(at).as_secs_f64()),
        targets: core.names().len() as u32,
        faults: faults.collect(),
        config_error: core.config_error.clone(),
        recovery: core.recovery_in_words(),
    }
}
