//! Clocks that jump: what is remembered moves with them.
//!
//! Whoever sets a clock forward by an hour must not end every drain and every boot at once, and
//! set back, nothing may wait an hour longer than it should. A brain that was stopped for an hour
//! has not looked for an hour either, which is the same: no VM had its chance. So after a gap that
//! is longer than any pause between two looks, all that is timed moves by that gap.

use std::time::Duration;

use model::time::Time;
use model::vm::VmState;

use crate::state::{Absence, ModuleMemory, State};

/// Two looks are never so far apart, unless a clock jumped or nobody looked.
const GAP: Duration = Duration::from_secs(90);
/// Who has not looked for so long does not know that a load stayed low.
const LONG_GAP_MS: i64 = 600_000;
/// What lies so far back has no deadline that a jump could bring near.
const SETTLED: Duration = Duration::from_secs(3600);

/// Follows the clock to `now`. Whoever takes anything in does so first: what is noted after a jump and
/// then moved by it would lie as far ahead as the jump went.
pub(crate) fn follow(state: &mut State, now: Time) {
    let Some(last) = state.memory.last_tick else { return };
    let ahead_ms = now.millis().saturating_sub(last.millis());
    if bug!(StandStill) {
        return;
    }
    if ahead_ms < 0 || now.since(last) > GAP {
        shift(state, ahead_ms, last);
        state.memory.last_tick = Some(now);
    }
}

fn shift(state: &mut State, by_ms: i64, last: Time) {
    let moved = |at: Time| Time::from_millis(at.millis().saturating_add(by_ms));
    for vm in state.vms.values_mut() {
        let settled = matches!(vm.state, VmState::Serving | VmState::Pool | VmState::Quarantine)
            && last.since(vm.since) > SETTLED;
        if by_ms < 0 || !settled {
            vm.since = moved(vm.since);
        }
        if by_ms < 0 {
            vm.created = moved(vm.created);
        }
    }
    for step in state.steps.values_mut() {
        step.not_before = moved(step.not_before);
    }
    let memory = &mut state.memory;
    let singles = memory.suspects.values_mut().chain(memory.ended.values_mut());
    let singles = singles.chain(memory.out_since.values_mut());
    singles.chain(memory.removals.iter_mut()).for_each(|at| *at = moved(*at));
    memory.ending.values_mut().for_each(|ending| ending.said = moved(ending.said));
    memory.patients.values_mut().for_each(|patient| patient.well_since = None);
    // Two lists on either side of a gap are not two lists so far apart.
    let known = state
        .vms
        .keys()
        .map(|id| (id.clone(), Absence { known: moved(last), ..Absence::default() }));
    memory.absences = known.collect();
    if let Some(recovery) = &mut memory.recovery {
        recovery.last_pass = moved(recovery.last_pass);
    }
    for pool in memory.pools.values_mut() {
        pool.ordered.iter_mut().chain(&mut pool.not_before).for_each(|at| *at = moved(*at));
    }
    memory.timings.shift(moved);
    for module in memory.modules.values_mut() {
        if by_ms >= LONG_GAP_MS {
            module.below.clear();
            module.tracks.values_mut().for_each(|track| track.work.forget_surplus());
        }
        shift_module(module, moved);
    }
}

fn shift_module(module: &mut ModuleMemory, moved: impl Fn(Time) -> Time) {
    let times = module.last_out.iter_mut().chain(&mut module.last_in);
    let times = times.chain(&mut module.next_start).chain(&mut module.last_recorded);
    times.chain(&mut module.isolations).chain(&mut module.removals).for_each(|at| *at = moved(*at));
    // Nobody knows what was asked for in the gap: it is watched anew.
    module.asked.clear();
    module.watching_since = None;
    if let Some(climb) = &mut module.climb {
        climb.stopped_until = climb.stopped_until.map(&moved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn state() -> State {
        let mut state = State::default();
        state.memory.last_tick = Some(at(10_000));
        state.memory.removals.push_back(at(9_990));
        state
    }

    #[test]
    fn what_is_timed_moves_with_a_clock_that_jumps() {
        for jump in [3_600, -3_600] {
            let mut state = state();
            follow(&mut state, at(10_000 + jump));
            assert_eq!(state.memory.removals[0], at(9_990 + jump), "{jump} s");
        }
    }

    #[test]
    fn after_a_long_gap_a_load_was_low_for_no_time() {
        for (jump, remains) in [(300, true), (3_600, false), (-3_600, true)] {
            let mut state = state();
            let module = state.memory.modules.entry("shop/web".parse().unwrap()).or_default();
            module.below.insert("load".to_owned(), Duration::from_secs(600));
            follow(&mut state, at(10_000 + jump));
            let module = state.memory.modules.values().next().unwrap();
            assert_eq!(!module.below.is_empty(), remains, "{jump} s");
        }
    }

    #[test]
    fn between_two_looks_time_passes() {
        let mut state = state();
        follow(&mut state, at(10_060));
        assert_eq!(state.memory.removals[0], at(9_990));
    }
}
