//! Fills in the page *Is the monitor healthy?*: what is seen and what not, and what was lost.
//!
//! It reads what the senses, the schedule and the sample store have counted, and invents nothing: a
//! part of which nothing is known is left out. The sources have a file of their own.

mod sources;

use collector::active::ActiveReadings;
use collector::gauges::GaugeReadings;
use dashboards::view::monitor::{
    Doubt, Listed, Loss, MonitorView, Refused, Rejected, ScheduleView, Spell, StoreView,
    TargetFault, TierView, Trouble, Unwatched,
};
use model::time::Time;
use samples::Stats;

use super::core::Core;
use super::intake::{self, Intake, Pushed};
use super::senses::{Cause, Fault, Senses, probe_name};
use crate::config::sources::RawSamples;

/// A target of which values were left out is shown with as many of them.
const EXAMPLES: usize = 3;
/// The time that one value of a coarser tier stands for, in seconds.
const TIER_STEPS_S: [Option<u32>; 3] = [None, Some(300), Some(3_600)];

/// What is known beside the core.
#[derive(Clone, Debug)]
pub struct Beside {
    pub gauges: GaugeReadings,
    pub active: ActiveReadings,
    pub samples: Stats,
    pub intake: Intake,
}

/// How well the monitor sees and remembers, now.
pub fn view(core: &Core, beside: &Beside, now: Time) -> MonitorView {
    let senses = &core.senses;
    let names = core.names();
    MonitorView {
        targets: names.len() as u32,
        seen: names.iter().filter(|name| is_seen(senses, name)).count() as u32,
        newest: senses.newest,
        config_error: core.config_error.clone(),
        recovery: core.recovery_in_words(),
        sources: sources::all(core, beside, now),
        faults: faults(senses),
        unwatched: unwatched(core),
        doubts: doubts(senses),
        rejected: rejected(senses),
        refused: refused(beside),
        losses: losses(&beside.intake),
        store: Some(store(core, beside)),
        schedule: schedule(&beside.gauges),
        spells: spells(core),
    }
}

/// Of how it fares, something is known. What is down is seen to be down, and what has not begun to
/// serve is not expected to answer.
fn is_seen(senses: &Senses, name: &str) -> bool {
    match senses.faults.get(name) {
        Some(fault) => fault.cause == Cause::Target,
        None => senses.looks.contains_key(name),
    }
}

fn faults(senses: &Senses) -> Listed<TargetFault> {
    let fault = |(object, fault): (&String, &Fault)| TargetFault {
        object: object.clone(),
        since: fault.since,
        what: fault.error.clone(),
        trouble: trouble(&fault.cause),
    };
    senses.faults.iter().map(fault).collect::<Vec<_>>().into()
}

fn trouble(cause: &Cause) -> Trouble {
    match cause {
        Cause::Target => Trouble::Down,
        Cause::Files { remedy } => Trouble::Misconfigured { remedy: remedy.clone() },
        Cause::Blind => Trouble::NotSeen,
    }
}

/// Modules that are not probed, hosts without an agent, exporters that cannot be scraped, and hosts
/// in Zabbix of which nobody says what they are.
fn unwatched(core: &Core) -> Listed<Unwatched> {
    let one = |object: String, reason: &str| Unwatched { object, reason: reason.to_owned() };
    let modules = core.config.modules.iter();
    let mut all: Vec<Unwatched> = modules
        .filter_map(|(id, module)| {
            Some(one(format!("module/{id}"), module.measured_by.as_ref().err()?))
        })
        .collect();
    let hosts = core.senses.hosts.values().filter(|host| host.agent.is_none());
    let no_agent = "the provider names no address of an agent on it";
    all.extend(hosts.map(|host| one(format!("host/{}", host.id), no_agent)));
    if core.discovered().roots.is_none() {
        let no_roots = "the certificates that this system trusts cannot be read";
        let scrapes = core.config.scrapes.iter();
        all.extend(scrapes.map(|scrape| one(format!("scrape/{}", scrape.raw.name), no_roots)));
    }
    let mut unnamed = 0;
    for (server, stats) in &core.senses.zabbix {
        let unknown = stats.unknown.iter();
        all.extend(unknown.map(|(host, why)| one(format!("{host} in zabbix {server}"), why)));
        unnamed += stats.unknown_count.saturating_sub(stats.unknown.len());
    }
    Listed { count: all.len() + unnamed, first: all }
}

fn doubts(senses: &Senses) -> Listed<Doubt> {
    let doubts = senses.doubts.iter().map(|(target, doubt)| Doubt {
        object: probe_name(target),
        doubt: doubt.text.clone(),
        since: doubt.since,
    });
    doubts.collect::<Vec<_>>().into()
}

/// What the newest look at each target left out.
fn rejected(senses: &Senses) -> Listed<Rejected> {
    let rejected = senses.refused.by_target.iter().map(|(object, (count, named))| {
        let example =
            |refusal: &collector::look::Refusal| format!("{}: {}", refusal.what, refusal.why);
        let examples = named.iter().take(EXAMPLES).map(example).collect();
        Rejected { object: object.clone(), count: *count, examples }
    });
    rejected.collect::<Vec<_>>().into()
}

fn refused(beside: &Beside) -> Vec<Refused> {
    let named = &beside.intake.refused;
    let refused = beside.samples.refused.iter().map(|(why, count)| Refused {
        why: why.as_str().to_owned(),
        count: *count,
        names: named.get(why).into_iter().flatten().cloned().collect(),
    });
    refused.chain(left_out(&beside.intake.pushed)).collect()
}

/// What was pushed in a form that is not taken.
fn left_out(pushed: &Pushed) -> Option<Refused> {
    let why = pushed.examples.first()?.why.clone();
    let names = pushed.examples.iter().map(|example| example.what.clone()).collect();
    Some(Refused { why, count: pushed.left_out, names })
}

fn losses(intake: &Intake) -> Vec<Loss> {
    let all = [("unwritten_samples", intake.unwritten), ("dropped_samples", intake.dropped)];
    let lost = all.into_iter().filter(|(_, loss)| loss.values > 0);
    lost.map(|(what, intake::Loss { values, last })| Loss {
        what: what.to_owned(),
        count: values,
        last,
    })
    .collect()
}

fn store(core: &Core, Beside { samples, intake, .. }: &Beside) -> StoreView {
    let RawSamples { keep_raw, keep_five_minutes, keep_hours, max_series } =
        &core.config.raw.samples;
    let kept = [keep_raw, keep_five_minutes, keep_hours];
    let tiers = TIER_STEPS_S.iter().enumerate().map(|(tier, step_s)| TierView {
        step_s: *step_s,
        bytes: samples.part_bytes[tier],
        oldest: samples.oldest[tier],
        kept_days: (kept[tier].0.as_secs() / 86_400) as u32,
    });
    StoreView {
        series: samples.series as u64,
        max_series: *max_series as u64,
        log_bytes: samples.log_bytes,
        tiers: tiers.collect(),
        disk_full: intake.disk_full,
    }
}

fn schedule(gauges: &GaugeReadings) -> ScheduleView {
    ScheduleView {
        lag_s: gauges.lag.as_secs_f64(),
        lag_worst_s: gauges.lag_max.as_secs_f64(),
        in_flight: gauges.in_flight,
        suspects: gauges.suspects,
        missed: gauges.beats_missed,
    }
}

fn spells(core: &Core) -> Vec<Spell> {
    let spells = core.eye.spells.iter().map(|spell| Spell {
        from: spell.from,
        until: spell.until,
        reason: spell.reason.clone(),
    });
    spells.collect()
}
