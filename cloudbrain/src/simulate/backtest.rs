//! Two policies on the work that a module really had.
//!
//! Recorded is load, and load depends on how many VMs there were; a policy that had other VMs would
//! have seen another. So the work is told first, the sum of the loads of all VMs, and both policies
//! are played on that. It is a lower bound where VMs were full: what did not fit was not measured.

use std::time::Duration;

use scaler::lead::LeadTimes;
use scaler::policy::Policy;
use serde::Serialize;

use crate::config::timetable::Timetable;

use super::decider::Decider;
use super::outcome::Outcome;
use super::trace::Trace;
use super::world::{Setting, play};

/// One recorded minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minute {
    pub at_s: f64,
    /// The sum of the loads, and the VMs that it is of.
    pub sum: f64,
    pub vms: f64,
}

/// A policy and when its schedules hold.
#[derive(Clone, Debug)]
pub struct Dated {
    pub policy: Policy,
    pub timetable: Timetable,
}

/// Both runs, and what to think of them.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    pub hours: f64,
    /// VM-hours that there really were.
    pub recorded_vm_hours: f64,
    pub now: Outcome,
    pub new: Outcome,
    pub missing_minutes: f64,
    /// Minutes in which the VMs were full, so that the work is only known to be no less.
    pub censored_minutes: f64,
}

/// A VM with more load than this is full.
const FULL: f64 = 1.0;

/// Plays both policies on recorded minutes.
///
/// # Errors
/// If nothing was recorded, or a policy cannot be simulated.
pub fn compare(
    minutes: &[Minute],
    now: Dated,
    new: Dated,
    setting: &Setting,
) -> anyhow::Result<Compared> {
    let rows: Vec<(f64, f64)> = minutes.iter().map(|minute| (minute.at_s, minute.sum)).collect();
    let trace = Trace::of_rows(&rows, Duration::from_secs(15))?;
    let tick_minutes = trace.tick.as_secs_f64() / 60.0;
    let unmeasured = trace.is_measured.iter().filter(|is_measured| !**is_measured).count();
    let censored = minutes.iter().filter(|minute| minute.sum > FULL * minute.vms).count();
    Ok(Compared {
        hours: trace.hours(),
        recorded_vm_hours: minutes.iter().map(|minute| minute.vms).sum::<f64>() / 60.0,
        now: run(&trace, now, setting)?,
        new: run(&trace, new, setting)?,
        missing_minutes: unmeasured as f64 * tick_minutes,
        censored_minutes: censored as f64,
    })
}

fn run(trace: &Trace, dated: Dated, setting: &Setting) -> anyhow::Result<Outcome> {
    let Dated { policy, timetable } = dated;
    let until = setting.from + trace.span();
    let schedules = timetable.spans(setting.from, until);
    let limit = policy.metrics.first().map_or(1.0, |metric| metric.aim.above());
    let (min, max) = (policy.min, policy.max);
    let lead_times = LeadTimes::known(setting.take, setting.make);
    let mut decider = Decider::new(policy, lead_times)?.with_foresight(schedules);
    Ok(Outcome::of(trace, &play(trace, &mut decider, setting), limit, min, max))
}
