//! How many VMs a target metric asks for.
//!
//! `target: 0.7` says what one VM is to carry. For a metric that VMs show as a mean the count follows
//! from the work, its variability and the time until a VM serves ([`crate::work`]): the load may come
//! as near to the limit, `target` times one and `tolerance`, as the module's own past allows. A metric
//! of another kind, as the length of a queue, is parted by its target.
//!
//! Guard, steps, pace and bounds come after it, as for all. Stabilisation does not wait for what the
//! work says: that has waited by itself.

use std::time::Duration;

use model::time::Time;
use model::vm::Vm;
use serde::{Deserialize, Serialize};

use crate::decide::{Ask, Members, Room, fresh};
use crate::facts::Facts;
use crate::lead::LeadTimes;
use crate::policy::{Measure, Metric, MetricSource, MissingOut, Policy};
use crate::reason::{Reading, Reason};
use crate::work::{self, Seen, SeenVm, Supply, Tuning, Wanted, Why, WorkMemory};

/// What is remembered of a target metric from tick to tick, stored with the module's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackMemory {
    pub work: WorkMemory,
}

/// All that is known when a target metric is asked.
#[derive(Clone, Copy, Debug)]
pub struct Tracking<'a> {
    pub policy: &'a Policy,
    pub metric: &'a Metric,
    pub target: f64,
    /// So far from the target nothing is asked for, as a part of it.
    pub tolerance: f64,
    pub reading: &'a Reading,
    pub members: &'a Members<'a>,
    pub facts: &'a Facts,
    pub room: Room,
    pub lead: LeadTimes,
    /// The count in force.
    pub desired: u32,
    /// Before this the load does not yet show the last change.
    pub settled_until: Time,
    pub now: Time,
    /// Since the last tick; zero after a hole.
    pub elapsed: Duration,
}

/// The usual time between two ticks.
const TICK: Duration = Duration::from_secs(15);

/// What the metric asks for.
pub fn ask(look: &Tracking<'_>, memory: &mut TrackMemory) -> Ask {
    let Tracking { reading, desired, metric, .. } = *look;
    let is_outside = metric.source == MetricSource::Outside;
    if !is_outside && look.members.serving.is_empty() {
        return Ask::stay(reading, desired, Reason::NothingServes);
    }
    if metric.is_decided_by_work() {
        return by_work(look, &mut memory.work);
    }
    if !is_outside && look.now < look.settled_until {
        return Ask::stay(reading, desired, Reason::Settling { until: look.settled_until });
    }
    by_ratio(look)
}

fn by_ratio(look: &Tracking<'_>) -> Ask {
    let Tracking { reading, desired, .. } = *look;
    let Some(value) = proven(look) else {
        return Ask::stay(reading, desired, reading.missing());
    };
    let is_whole = look.metric.is_whole();
    let carriers = if is_whole { 1.0 } else { f64::from(reading.serving) };
    let needed = value * carriers / look.target;
    let wants = needed.ceil().min(f64::from(u32::MAX)) as u32;
    let each = if is_whole { value / f64::from(desired.max(1)) } else { value };
    if !reading.known && wants <= desired {
        return Ask::stay(reading, desired, reading.missing());
    }
    let is_near = (each / look.target - 1.0).abs() <= look.tolerance && (desired > 0 || !is_whole);
    if is_near || wants == desired {
        let metric = reading.name.clone();
        let reason = Reason::OnTarget { metric, value: each, target: look.target };
        return Ask::stay(reading, desired, reason);
    }
    let metric = reading.name.clone();
    Ask::of(reading, wants, Reason::OffTarget { metric, value, target: look.target, wants })
}

fn by_work(look: &Tracking<'_>, memory: &mut WorkMemory) -> Ask {
    let fresh = fresh(look.policy, look.metric, &look.members.serving, look.facts, look.now);
    let mut fresh = fresh.into_iter().peekable();
    // The samples come in the order of the VMs.
    let mut load =
        |vm: &Vm| fresh.next_if(|(sampled, _)| sampled.id == vm.id).map(|(_, s)| (s.value, s.at));
    let vms = look.members.serving.iter();
    let vms: Vec<SeenVm> = vms.map(|vm| SeenVm { since: vm.since, load: load(vm) }).collect();
    let ready = look.room.ready.unwrap_or(0);
    let supply = Supply { ready, take: look.lead.take, make: look.lead.make };
    let warming = look.desired.saturating_sub(vms.len() as u32).max(look.members.warming);
    let seen = Seen {
        now: look.now,
        elapsed: look.elapsed,
        tick: TICK,
        vms: &vms,
        warming,
        supply,
        limit: look.metric.aim.above(),
        damping: damping(look.metric),
        coverage: look.metric.coverage,
        min: look.policy.min,
        max: look.policy.max,
    };
    told(look, work::look(memory, &seen, &Tuning::default()))
}

/// The time constant of a metric that is a load average.
fn damping(metric: &Metric) -> Option<Duration> {
    match &metric.measure {
        Measure::Metric("load1_per_core") => Some(Duration::from_secs(60)),
        Measure::Metric(_) | Measure::Expression(_) => None,
    }
}

fn told(look: &Tracking<'_>, Wanted { count, why }: Wanted) -> Ask {
    let Tracking { reading, desired, .. } = *look;
    let metric = reading.name.clone();
    let limit = look.metric.aim.above();
    let (to, reason) = match why {
        Why::NothingKnown | Why::Blind { .. } => (desired, reading.missing()),
        Why::ProvenByPart { work, fresh, serving } => {
            let load_at_least = work / f64::from(serving.max(1));
            let reason = Reason::OverloadProvenByPart {
                metric,
                load_at_least,
                above: limit,
                fresh,
                serving,
            };
            (count.max(desired), reason)
        }
        Why::Moves(account) => (count, Reason::WorkAsks { metric, wants: count, limit, account }),
        Why::Fits(account) => (desired, Reason::WorkFits { metric, limit, account }),
        Why::Surplus { keeps, surplus, price, account } => {
            (desired, Reason::SurplusTooSmall { metric, keeps, surplus, price, account })
        }
    };
    if to > desired && look.policy.missing.out == MissingOut::Hold && !reading.known {
        return Ask::stay(reading, desired, reading.missing());
    }
    Ask { is_patient: true, ..Ask::of(reading, to, reason) }
}

/// The value, or what the VMs that do report prove by themselves.
fn proven(look: &Tracking<'_>) -> Option<f64> {
    let reading = look.reading;
    if reading.known {
        return reading.value;
    }
    match look.policy.missing.out {
        MissingOut::Hold => None,
        MissingOut::OnPartial | MissingOut::ToFloor => {
            reading.at_least.filter(|value| *value > look.target * (1.0 + look.tolerance))
        }
    }
}
