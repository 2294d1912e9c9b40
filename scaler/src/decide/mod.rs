//! How many VMs a module should have, and why.
//!
//! The mean load over the serving VMs is compared with two thresholds that lie apart. Above the
//! upper one for long enough: more. Below the lower one for long enough, and quiet for the whole
//! stabilisation time, and still safe with fewer: less. A load that is not known, because samples
//! are too old, too few, or younger than the last change, pauses both clocks: it neither starts
//! nor resets anything, and nothing is ever taken away on account of it.
//!
//! It goes in two steps. First all that is known is gathered into [`Inputs`], and the clocks are
//! moved on. Then `judge` makes the count of those inputs and of nothing else, through the
//! [`STAGES`] in their order. So a stored decision holds all it went by, and [`replay`] comes to the
//! same again, bit by bit.

mod ask;
mod bounds;
mod calm;
mod clocks;
mod limits;
mod outside;
mod read;

#[cfg(test)]
mod tests;

use std::time::Duration;

use model::time::Time;
use model::vm::Vm;

use crate::facts::{Facts, ScheduleSpan};
use crate::hold::Hold;
pub use crate::inputs::{Ask, Inputs, Room};
use crate::inputs::{Reading, Terms};
use crate::lead::LeadTimes;
use crate::policy::{Aim, Mode, Policy};
use crate::reason::{Decision, Limit, Reason};
use crate::state::ModuleMemory;
use crate::track::{self, Tracking};

pub use limits::STAGES;
pub(crate) use read::fresh;
pub use read::load;

/// The VMs of one module, by how far they are.
#[derive(Clone, Debug, Default)]
pub struct Members<'a> {
    /// In the routers, by every router's word.
    pub serving: Vec<&'a Vm>,
    /// Those on their way there that a metric `over: all` reads, too.
    pub coming: Vec<&'a Vm>,
    /// On their way there: what `coming` holds, and what is not there yet.
    pub warming: u32,
}

/// All that one look at one module goes by, beside its policy and its memory.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub members: &'a Members<'a>,
    pub facts: &'a Facts,
    pub room: Room,
    /// How long a VM that is ordered now takes to serve.
    pub lead: LeadTimes,
    /// The holds that the module is under now.
    pub holds: &'a [Hold],
    pub now: Time,
    /// Since the last look.
    pub elapsed: Duration,
    /// Within this time the count falls by one step.
    pub tick: Duration,
}

/// The outcome of one look at one module.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// The mode that holds now: the policy's, or a stricter one by schedule.
    pub mode: Mode,
    pub to: u32,
    pub reason: Reason,
    pub inputs: Inputs,
    pub limits: Vec<Limit>,
}

/// Decides for one module, and advances its memory to `now`. `memory.desired` is left as it is: the
/// caller applies the want if the mode allows.
pub fn decide(policy: &Policy, memory: &mut ModuleMemory, scene: &Scene<'_>) -> Want {
    let inputs = gather(policy, memory, scene);
    let judged = judge(scene.now, memory.desired, inputs);
    clocks::remember_ask(policy, memory, judged.asked, scene);
    let Judged { mode, to, reason, limits, inputs, .. } = judged;
    Want { mode, to, reason, inputs, limits }
}

/// Decides again by what is stored with a decision. It comes to the same, unless this build decides
/// otherwise than the one that made it; None if that was too old to store all it went by.
pub fn replay(decision: &Decision) -> Option<Decision> {
    decision.inputs.terms.as_ref()?;
    let judged = judge(decision.at, decision.from, decision.inputs.clone());
    let Judged { mode, to, reason, limits, inputs, .. } = judged;
    let want = Want { mode, to, reason, inputs, limits };
    let (id, module) = (decision.id.clone(), decision.module.clone());
    let again = want.into_decision(id, module, decision.from, decision.at);
    // What was begun for it is no part of what it decided.
    Some(Decision { moves: decision.moves.clone(), short: decision.short, ..again })
}

/// The mode of a module now: its policy's, or a stricter one by schedule.
pub fn mode_now(policy: &Policy, facts: &Facts, now: Time) -> Mode {
    strictest(policy.mode, &schedules_now(policy, facts, now))
}

impl Want {
    /// The record of it.
    pub fn into_decision(
        self,
        id: model::id::DecisionId,
        module: model::id::ModuleId,
        from: u32,
        at: Time,
    ) -> Decision {
        let Self { mode, to, reason, inputs, limits } = self;
        let reason = match mode {
            Mode::Auto | Mode::OutOnly => reason,
            Mode::DryRun | Mode::Paused => {
                Reason::Inert { mode, wanted: to, because: Box::new(reason) }
            }
        };
        let (moves, short) = (Vec::new(), 0);
        Decision { id, module, at, mode, from, to, reason, inputs, limits, moves, short }
    }
}

/// What a look at the inputs came to.
struct Judged {
    mode: Mode,
    to: u32,
    /// What all metrics together asked for; None if one of them was unknown.
    asked: Option<u32>,
    reason: Reason,
    limits: Vec<Limit>,
    inputs: Inputs,
}

fn gather(policy: &Policy, memory: &mut ModuleMemory, scene: &Scene<'_>) -> Inputs {
    let Scene { members, facts, now, .. } = *scene;
    let elapsed = clocks::watched(memory, scene);
    let settled_until = clocks::settled_until(policy, members);
    let mut readings: Vec<Reading> =
        policy.metrics.iter().map(|metric| read::read(policy, metric, scene)).collect();
    let is_settled = now >= settled_until;
    clocks::advance(policy, memory, &mut readings, is_settled.then_some(elapsed), scene);
    for (metric, reading) in policy.metrics.iter().zip(&mut readings) {
        let Aim::Target { target, tolerance } = metric.aim else { continue };
        let track = memory.tracks.entry(metric.name.clone()).or_default();
        let look = Tracking {
            policy,
            metric,
            target,
            tolerance,
            reading: &reading.clone(),
            members,
            facts,
            room: scene.room,
            lead: scene.lead,
            desired: memory.desired,
            settled_until,
            now,
            elapsed,
        };
        reading.tracked = Some(track::ask(&look, track));
    }
    let has_target = readings.iter().any(|reading| reading.tracked.is_some());
    Inputs {
        serving: members.serving.len() as u32,
        warming: members.warming,
        readings,
        terms: Some(Terms::of(policy)),
        clocks: clocks::told(policy, memory, settled_until, scene),
        schedules: schedules_now(policy, facts, now),
        forecast: facts.forecasts.get(&policy.module).cloned(),
        room: scene.room,
        lead: has_target.then_some(scene.lead),
        spent: facts.spent.get(&policy.module).filter(|spent| now < spent.until).cloned(),
        holds: scene.holds.to_vec(),
        asks: Vec::new(),
    }
}

fn judge(now: Time, from: u32, mut inputs: Inputs) -> Judged {
    let Some(terms) = inputs.terms.clone() else {
        unreachable!("whoever gathers inputs puts the terms among them")
    };
    let mode = strictest(terms.mode, &inputs.schedules);
    inputs.asks = inputs
        .readings
        .iter()
        .map(|reading| ask::ask(&terms, &inputs, reading, now, from))
        .collect();
    let mut chain = limits::Chain::new(&terms, &inputs, now, from, mode);
    chain.metrics();
    let asked = chain.combine();
    chain.stabilise();
    chain.guard();
    chain.step();
    chain.pace();
    chain.schedule();
    chain.min_max();
    chain.release();
    chain.protection();
    chain.pool();
    chain.fleet_brake();
    chain.mode();
    chain.error_budget();
    chain.hold();
    let (to, reason, limits) = chain.done();
    Judged { mode, to, asked, reason, limits, inputs }
}

fn schedules_now(policy: &Policy, facts: &Facts, now: Time) -> Vec<ScheduleSpan> {
    let all = facts.schedules.get(&policy.module).into_iter().flatten();
    all.filter(|span| span.holds(now)).cloned().collect()
}

fn strictest(mode: Mode, schedules: &[ScheduleSpan]) -> Mode {
    schedules.iter().filter_map(|span| span.mode).fold(mode, Mode::stricter)
}
