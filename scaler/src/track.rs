//! How many VMs a target metric asks for.
//!
//! `target: 250` says what one VM is to carry. What all of them carry now, parted by that, is the
//! count. It is one function, so that what stands in it can be replaced by a better estimate without
//! a change elsewhere: stabilisation, guard, steps, pace and bounds come after it, as for all.

use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::decide::{Ask, Members};
use crate::facts::Facts;
use crate::policy::{Metric, MetricSource, MissingOut, Policy};
use crate::reason::{Reading, Reason};

/// What is remembered of a target metric from tick to tick, stored with the module's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackMemory {}

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
    /// The count in force.
    pub desired: u32,
    /// Before this the load does not yet show the last change.
    pub settled_until: Time,
    pub now: Time,
    /// Since the last tick; zero after a hole.
    pub elapsed: Duration,
}

/// What the metric asks for.
pub fn ask(look: &Tracking<'_>, _memory: &mut TrackMemory) -> Ask {
    let Tracking { reading, desired, .. } = *look;
    let is_outside = look.metric.source == MetricSource::Outside;
    if !is_outside && look.members.serving.is_empty() {
        return Ask::stay(reading, desired, Reason::NothingServes);
    }
    if !is_outside && look.now < look.settled_until {
        return Ask::stay(reading, desired, Reason::Settling { until: look.settled_until });
    }
    let Some(value) = proven(look) else {
        return Ask::stay(reading, desired, reading.missing());
    };
    let carriers = if is_outside { 1.0 } else { f64::from(reading.serving) };
    let needed = value * carriers / look.target;
    let wants = needed.ceil().min(f64::from(u32::MAX)) as u32;
    let off = if is_outside { needed / f64::from(desired) } else { value / look.target };
    let is_near = (off - 1.0).abs() <= look.tolerance;
    if is_near || wants == desired || (!reading.known && wants < desired) {
        let reason = Reason::OnTarget { metric: reading.name.clone(), value, target: look.target };
        return Ask::stay(reading, desired, reason);
    }
    let metric = reading.name.clone();
    Ask::of(reading, wants, Reason::OffTarget { metric, value, target: look.target, wants })
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
