//! The fleet brake: how many VMs may still be taken away by choice.
//!
//! Each policy may be right by its own light and all of them wrong together: if the monitor says
//! zero for everything, every module wants to shrink. So over the whole fleet only a part leaves by
//! choice within a quarter of an hour, whoever chose it. What is dead or ill does not count: it is
//! not there to be taken away.

use model::time::Time;
use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::State;

/// So many may leave within the window in any case: a small fleet is guarded by the bounds of its
/// modules.
const AT_LEAST: usize = 5;

/// How much of the fleet may leave by choice within which time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Brake {
    /// This part of all VMs, and five in any case.
    pub share: Share,
    pub within: Span,
}

impl Default for Brake {
    fn default() -> Self {
        Self { share: Share::Percent(10), within: Span::secs(900) }
    }
}

/// How many more VMs may leave now.
pub(crate) fn room(state: &State, now: Time) -> u32 {
    let window = state.brake.within.0;
    let lately = state.memory.removals.iter().filter(|at| now.since(**at) < window).count();
    let fleet = u32::try_from(state.vms.len()).unwrap_or(u32::MAX);
    let allowed = AT_LEAST.max(state.brake.share.of(fleet) as usize);
    if bug!(NoFleetBrake) { u32::MAX } else { allowed.saturating_sub(lately) as u32 }
}

/// One more VM leaves by choice.
pub(crate) fn note(state: &mut State, now: Time) {
    let removals = &mut state.memory.removals;
    while removals.front().is_some_and(|at| now.since(*at) >= state.brake.within.0) {
        removals.pop_front();
    }
    removals.push_back(now);
}
