//! How long things have been as they are. All of it is stored, so that a restart changes nothing;
//! and where nobody looked, nothing is made up: after a hole the clocks stand where they stood, and
//! what was asked for begins anew.

use std::time::Duration;

use model::time::Time;

use super::{Members, Scene};
use crate::inputs::{Clocks, Reading};
use crate::policy::{MissingOut, Policy};
use crate::state::ModuleMemory;

/// The longest time between two ticks that still counts as watching without a hole.
const LONGEST_GAP: Duration = Duration::from_secs(60);

/// Notes whether there was a hole, and says how much of the time since the last tick was watched.
pub(super) fn watched(memory: &mut ModuleMemory, scene: &Scene<'_>) -> Duration {
    let is_hole = scene.elapsed > LONGEST_GAP;
    if memory.watching_since.is_none() || is_hole {
        memory.watching_since = Some(scene.now);
        memory.asked.clear();
    }
    if is_hole { Duration::ZERO } else { scene.elapsed }
}

/// When the load shows the VMs that came last.
pub(super) fn settled_until(policy: &Policy, members: &Members<'_>) -> Time {
    let newest = members.serving.iter().map(|vm| vm.since).max().unwrap_or_default();
    if bug!(IgnoreSettle) { Time::default() } else { newest + policy.out.settle.0 }
}

/// Moves the clocks of the thresholds on, and says in the readings how they stand. While a metric
/// is unknown, or the load is not settled, they stand still.
pub(super) fn advance(
    policy: &Policy,
    memory: &mut ModuleMemory,
    readings: &mut [Reading],
    settled_for: Option<Duration>,
    scene: &Scene<'_>,
) {
    for reading in &mut *readings {
        let above = memory.above.entry(reading.name.clone()).or_default();
        let below = memory.below.entry(reading.name.clone()).or_default();
        if let Some(elapsed) = settled_for {
            if let Some(load) = proof_of_load(policy.missing.out, reading) {
                *above = if load > reading.out_above { *above + elapsed } else { Duration::ZERO };
            }
            if let (true, Some(load), Some(limit)) =
                (reading.known, reading.value, reading.in_below)
            {
                *below = if load < limit { *below + elapsed } else { Duration::ZERO };
            }
        }
        (reading.above_for, reading.below_for) = (*above, *below);
    }
    // Where no VM serves there is nothing to know.
    let is_blind = readings.iter().any(|reading| !reading.known && reading.serving > 0);
    memory.unknown_since =
        is_blind.then(|| memory.unknown_since.map_or(scene.now, |since| since.min(scene.now)));
    forget_old_metrics(memory, readings);
}

/// A metric that was taken out of the policy begins anew if it comes back.
fn forget_old_metrics(memory: &mut ModuleMemory, readings: &[Reading]) {
    let is_read = |name: &String| readings.iter().any(|reading| reading.name == *name);
    memory.above.retain(|name, _| is_read(name));
    memory.below.retain(|name, _| is_read(name));
    memory.tracks.retain(|name, _| is_read(name));
}

/// The load to compare with the upper threshold, if one may be trusted.
pub(super) fn proof_of_load(missing: MissingOut, reading: &Reading) -> Option<f64> {
    if reading.known {
        return reading.value;
    }
    match missing {
        MissingOut::Hold => None,
        MissingOut::OnPartial | MissingOut::ToFloor => {
            reading.at_least.filter(|load| *load > reading.out_above)
        }
    }
}

/// How the clocks stand, for the inputs.
pub(super) fn told(
    policy: &Policy,
    memory: &ModuleMemory,
    settled_until: Time,
    &Scene { now, tick, .. }: &Scene<'_>,
) -> Clocks {
    let window_start = now - policy.inward.stabilise.0;
    // An entry holds until the next one begins.
    let ends = memory.asked.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let held = || memory.asked.iter().map(|(_, asked)| *asked).zip(ends.clone());
    let recent = || held().filter(|(_, end)| *end > window_start);
    let highest = recent().map(|(asked, _)| asked).max();
    let keeps = highest.map(|highest| highest.min(memory.desired));
    let highest_until = recent().filter(|(asked, _)| Some(*asked) >= keeps).map(|(_, end)| end);
    Clocks {
        settled_until,
        last_out: memory.last_out,
        last_in: memory.last_in,
        next_in: memory.last_in.map(|at| at + tick),
        watching_since: memory.watching_since,
        highest,
        highest_until: highest_until.max(),
        unknown_since: memory.unknown_since,
    }
}

/// Keeps what was asked for, newest last, one entry per change. A load that is not known asks for
/// nothing, so it neither renews nor breaks the stabilisation.
pub(super) fn remember_ask(
    policy: &Policy,
    memory: &mut ModuleMemory,
    asked: Option<u32>,
    scene: &Scene<'_>,
) {
    if let Some(asked) = asked
        && memory.asked.back().is_none_or(|(_, last)| *last != asked)
    {
        memory.asked.push_back((scene.now, asked));
    }
    // An entry holds until the next one, so the newest of those before the window stays.
    let window_start = scene.now - policy.inward.stabilise.0;
    while memory.asked.get(1).is_some_and(|(at, _)| *at <= window_start) {
        memory.asked.pop_front();
    }
}
