//! The brake on the way out: adding VMs did not help.
//!
//! A thermometer that is stuck, or a shared disk on which every VM waits, shows a load that no
//! number of VMs brings down; without a brake the count climbs to `max` for nothing. So once load
//! has doubled the count in two steps or more and has not fallen, it stays for a while. Where load
//! really doubles that fast, the same pause costs a quarter of an hour; that is the price.

use std::time::Duration;

use model::time::Time;

use crate::state::{Climb, ModuleMemory};

/// How long the count stays before it is tried again.
const PAUSE: Duration = Duration::from_secs(900);
/// A load that is lower than this part of what it was has fallen.
const FALLEN: f64 = 0.95;

/// Whether the count may go up now, on a load of so much. None if it may, else until when not.
pub(crate) fn hold(memory: &mut ModuleMemory, load: f64, now: Time) -> Option<Time> {
    let desired = memory.desired;
    let climb = memory.climb.get_or_insert(Climb { from: desired, load, stopped_until: None });
    if load < climb.load * FALLEN || desired < climb.from {
        *climb = Climb { from: desired, load, stopped_until: None };
        return None;
    }
    if let Some(until) = climb.stopped_until {
        if now < until {
            return Some(until);
        }
        *climb = Climb { from: desired, load, stopped_until: None };
        return None;
    }
    if desired < climb.from.saturating_mul(2).max(climb.from + 2) {
        return None;
    }
    let until = now + PAUSE;
    climb.stopped_until = Some(until);
    Some(until)
}

/// The load is within bounds: what comes next is another climb.
pub(crate) fn forget(memory: &mut ModuleMemory) {
    memory.climb = None;
}
