//! The fleet brake: how many VMs may still be taken away by choice.
//!
//! Each policy may be right by its own light and all of them wrong together: if the monitor says
//! zero for everything, every module wants to shrink. So over the whole fleet only a part leaves by
//! choice within a quarter of an hour, whoever chose it. What is dead or ill does not count: it is
//! not there to be taken away.

use std::time::Duration;

use model::time::Time;

use crate::state::State;

const WINDOW: Duration = Duration::from_secs(900);
/// This part of the fleet, in percent, may leave within the window,
const PERCENT: usize = 10;
/// and so many in any case: a small fleet is guarded by the bounds of its modules.
const AT_LEAST: usize = 5;

/// How many more VMs may leave now.
pub(crate) fn room(state: &State, now: Time) -> u32 {
    let lately = state.memory.removals.iter().filter(|at| now.since(**at) < WINDOW).count();
    let allowed = AT_LEAST.max(state.vms.len() * PERCENT / 100);
    if bug!(NoFleetBrake) { u32::MAX } else { allowed.saturating_sub(lately) as u32 }
}

/// One more VM leaves by choice.
pub(crate) fn note(state: &mut State, now: Time) {
    let removals = &mut state.memory.removals;
    while removals.front().is_some_and(|at| now.since(*at) >= WINDOW) {
        removals.pop_front();
    }
    removals.push_back(now);
}
