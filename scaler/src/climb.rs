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

/// Load wants the count to go up to `to`, and it will.
pub(crate) fn note(memory: &mut ModuleMemory, load: f64, to: u32, now: Time) {
    let begin = Climb { from: memory.desired, load, stopped_until: None };
    let climb = memory.climb.get_or_insert(begin);
    let paused = climb.stopped_until.is_some_and(|until| until <= now);
    if load < climb.load * FALLEN || memory.desired < climb.from || paused {
        *climb = begin;
    }
    if to >= climb.from.saturating_mul(2).max(climb.from + 2) && memory.desired > climb.from {
        climb.stopped_until = Some(now + PAUSE);
    }
}

/// Until when load is no reason to add VMs.
pub(crate) fn stuck_until(memory: &ModuleMemory) -> Option<Time> {
    memory.climb?.stopped_until
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Time {
        Time::from_millis(minutes * 60_000)
    }

    /// The count goes up by two each time; returns until when it is stuck after the last.
    fn climb(loads: &[f64]) -> Option<Time> {
        let mut memory = ModuleMemory { desired: 3, ..ModuleMemory::default() };
        for (minute, load) in loads.iter().enumerate() {
            let to = memory.desired + 2;
            note(&mut memory, *load, to, at(minute as i64));
            memory.desired = to;
        }
        stuck_until(&memory)
    }

    #[test]
    fn a_load_that_does_not_fall_while_the_count_doubles_stops_the_climb() {
        assert_eq!(climb(&[0.95]), None);
        assert_eq!(climb(&[0.95, 0.95]), Some(at(1) + PAUSE));
    }

    #[test]
    fn a_load_that_falls_may_go_on_climbing() {
        assert_eq!(climb(&[2.0, 1.2, 0.9]), None);
    }
}
