//! A store that is older than the world.
//!
//! Somebody puts back the copy of yesterday. It names VMs that are long gone, knows nothing of
//! those that were made since, and believes that a VM waits in the pool which serves another module
//! today. A brain that acts on it destroys what it does not know and gives away what is in use.
//!
//! It can be noticed: the provider lists a VM with a number that this record never gave out, or a
//! router follows a routing that this record never made. Then nothing is ordered, nothing is
//! decided and no routing is pushed until `PASSES` complete lists in a row, a minute apart, have
//! shown what is there, or a person says so. Numbers that the lost record may have used are never
//! used again. VMs that bear them go into quarantine, and are never destroyed without a person.
//!
//! Until the first word of the world nobody knows whether the record is old; so nothing is done
//! before that either. A list that lacks much of the fleet may lack what would show it, too.

use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::vm::VmState;
use serde::{Deserialize, Serialize};

use crate::facts::{Facts, RouterFact};
use crate::state::State;
use crate::steps::doubt;

/// That the store is older than the world, since when, and how far it is known what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub since: Time,
    pub why: String,
    /// Complete lists that were begun since, and when the last of them was.
    pub passes: u32,
    pub last_pass: Time,
}

/// So many complete lists show what is there.
const PASSES: u32 = 2;
const PASSES_APART: Duration = Duration::from_secs(60);
/// More numbers, and more assignments of one VM, than a lost record gave out.
const NUMBERS: u64 = 10_000;
const ASSIGNMENTS: u32 = 1_000;
/// If no router or no provider answers, the other alone must do after this long.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// A provider whose list lacks a part of the fleet which answers is waited for so long.
const RIGHT_WITHIN: Duration = Duration::from_secs(600);

/// Finds out whether the record is as new as the world. Returns whether anything may be done.
pub(crate) fn look(state: &mut State, facts: &Facts, now: Time) -> bool {
    let first = *state.sight.first_look.get_or_insert(now);
    if state.memory.recovery.is_some() {
        return pass(state, facts);
    }
    if let Some(why) = evidence(state, facts).filter(|_| !bug!(TrustOldStore)) {
        enter(state, why, now);
        return false;
    }
    let listed = facts.provider.as_ref().is_some_and(|list| list.complete);
    let heard = facts.routers.values().any(|router| !router.silent);
    let is_new = state.memory.routing_generation == 0;
    // Who is not listed has the first word before the list is believed.
    let proves = state.sight.proves_absence && state.sight.unasked == 0;
    let sees = listed && (proves || bug!(TrustOldStore));
    // One look that fails in between, or one list that is not complete, makes nothing right.
    state.sight.was_refuted = !sees && (state.sight.was_refuted || state.sight.refuted_by > 0);
    let within = if state.sight.was_refuted { RIGHT_WITHIN } else { HEARD_WITHIN };
    let waited = now.since(first) >= within;
    // Waiting proves nothing while nobody is heard: the brain may be cut off from all of them.
    let followed = facts.routers.values().any(|router| router.follows() > 0);
    state.sight.is_current |= sees && (heard || is_new) || waited && (listed || followed);
    state.sight.is_current
}

/// Stops everything until it is known what is there.
pub fn enter(state: &mut State, why: String, now: Time) {
    let memory = &mut state.memory;
    // A second copy may be older than the first recovery, which left numbers behind, too; but fewer
    // VMs were ever made than there were seconds.
    let seconds = u64::try_from(now.millis() / 1000).unwrap_or(0);
    let next_vm = (memory.next_vm + NUMBERS).max(seconds);
    memory.lost_numbers.push((memory.next_vm + 1, next_vm));
    memory.next_vm = next_vm;
    memory.recovery = Some(Recovery { since: now, why, passes: 0, last_pass: now });
    // What was being made then was made or given up long since: it is not ordered again.
    let ordered = state.vms.values().filter(|vm| vm.state == VmState::Creating);
    let ordered: Vec<VmId> = ordered.map(|vm| vm.id.clone()).collect();
    for id in ordered {
        doubt(state, &id, "ordered on a record that was lost".to_owned(), true, now);
    }
    // A VM may have been given away more often than the record says, and may serve just now. Like the
    // numbers of VMs, those of assignments leave behind what an earlier recovery gave out.
    let assignments = u32::try_from(seconds).unwrap_or(u32::MAX / 2);
    for vm in state.vms.values_mut().filter(|vm| vm.module.is_none()) {
        vm.assignment = vm.assignment.saturating_add(ASSIGNMENTS).max(assignments);
        state.memory.doubtful.insert(vm.id.clone());
    }
    state.sight.is_current = false;
}

/// It is known what is there. The next routing is a new one, and no router follows it before it says
/// so.
pub fn leave(state: &mut State) {
    let memory = &mut state.memory;
    memory.recovery = None;
    memory.routes.clear();
    for vm in state.vms.values_mut() {
        vm.route_generation = memory.routing_generation + 1;
    }
    state.sight.is_current = true;
}

/// The number of a VM that we named.
pub(crate) fn number(id: &VmId) -> Option<u64> {
    id.as_str().strip_prefix("vm-")?.parse().ok()
}

/// Whether a VM that nobody knows was certainly ordered by this very record.
pub(crate) fn is_ours(state: &State, id: &VmId) -> bool {
    let memory = &state.memory;
    let lost = |n: u64| memory.lost_numbers.iter().any(|(from, to)| (*from..=*to).contains(&n));
    number(id).is_some_and(|n| n <= memory.next_vm && !lost(n))
}

/// What shows that the world knows of a later record than this one.
fn evidence(state: &State, facts: &Facts) -> Option<String> {
    if state.sight.is_current {
        return None; // From then on we push ourselves.
    }
    let known = state.memory.next_vm;
    let list = facts.provider.iter().flat_map(|list| list.vms.keys());
    if let Some(id) = list.filter(|id| number(id).is_some_and(|n| n > known)).max() {
        return Some(format!("{id} exists, and the record ends at vm-{known}"));
    }
    let ours = state.memory.routing_generation;
    let ahead = facts.routers.iter().find(|(_, router)| router.follows() > ours);
    ahead.map(|(name, router)| {
        let theirs = router.follows();
        format!("router {name} follows routing {theirs}, and the record ends at {ours}")
    })
}

fn pass(state: &mut State, facts: &Facts) -> bool {
    let list = facts.provider.as_ref().filter(|_| state.sight.proves_absence);
    let ours = state.memory.routing_generation;
    let theirs = facts.routers.values().map(RouterFact::follows).max().unwrap_or(ours);
    let heard = facts.routers.is_empty() || theirs > 0;
    let Some(recovery) = &mut state.memory.recovery else { return true };
    let apart = if recovery.passes == 0 { Duration::ZERO } else { PASSES_APART };
    if let Some(list) = list.filter(|list| list.begun >= recovery.last_pass + apart)
        && heard
    {
        recovery.passes += 1;
        recovery.last_pass = list.begun;
    }
    if recovery.passes < PASSES {
        return false;
    }
    // The next routing must be newer than any that a router follows.
    state.memory.routing_generation = if bug!(StaleGeneration) { ours } else { ours.max(theirs) };
    leave(state);
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::vm::{Addresses, Vm};

    use super::*;
    use crate::facts::{AgentFact, ProviderFact, SeenFact};
    use crate::hands::Power;
    use crate::state::Config;
    use crate::tick::tick;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn facts(vms: &[&str], acknowledged: u64, begun_s: i64) -> Facts {
        let seen = SeenFact {
            flavor: "small".parse().unwrap(),
            host: None,
            power: Power::Running,
            addresses: None,
            origin: None,
            labels: BTreeMap::new(),
        };
        let vms = vms.iter().map(|vm| (vm.parse().unwrap(), seen.clone())).collect();
        let begun = at(begun_s);
        let provider = ProviderFact { complete: true, begun, vms, ..ProviderFact::default() };
        let router = RouterFact { acknowledged, ..RouterFact::default() };
        let routers = [("edge".to_owned(), router)].into();
        Facts { provider: Some(provider), routers, ..Facts::default() }
    }

    #[test]
    fn a_number_or_a_routing_that_was_never_given_out_stops_everything() {
        for facts in [facts(&["vm-4"], 2, 0), facts(&[], 3, 0)] {
            let mut state = State::default();
            (state.memory.next_vm, state.memory.routing_generation) = (3, 2);
            tick(&Config::default(), &mut state, &facts, at(0));
            assert!(state.memory.recovery.is_some() && !state.sight.is_current);
        }
    }

    #[test]
    fn two_lists_a_minute_apart_end_it_with_a_routing_above_any() {
        let mut state = State::default();
        state.memory.routing_generation = 2;
        let mut look = |begun_s, second| {
            tick(&Config::default(), &mut state, &facts(&["vm-9"], 7, begun_s), at(second));
            state.memory.recovery.is_some()
        };
        for (begun_s, second) in [(0, 1), (0, 70), (61, 71), (61, 140), (120, 141)] {
            assert!(look(begun_s, second), "the list of second {begun_s}, at {second}");
        }
        assert!(!look(121, 142));
        assert_eq!(state.memory.recovery, None);
        assert!(state.memory.routing_generation >= 7 && state.memory.next_vm > 9);
        let stranger = &state.vms[&"vm-9".parse().unwrap()];
        assert_eq!(stranger.state, VmState::Quarantine, "nobody knows whose it is");
    }

    /// The provider lists nothing at all while two of three VMs answer: the list of what was made since
    /// may be as empty.
    #[test]
    fn a_list_that_lacks_the_fleet_does_not_show_that_the_record_is_new() {
        let mut state = State::default();
        state.memory.routing_generation = 2;
        let ids: [VmId; 5] = ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"].map(|id| id.parse().unwrap());
        let addresses = Addresses {
            agent: "127.0.0.1:1".parse().unwrap(),
            app: "127.0.0.1:2".parse().unwrap(),
        };
        for id in &ids {
            let vm = Vm { id: id.clone(), addresses: Some(addresses), ..pooled() };
            state.vms.insert(id.clone(), vm);
        }
        state.memory.next_vm = 5;
        let mut is_current = |listed: &[&str], second: i64| {
            let mut facts = facts(listed, 2, second);
            if second == 90 {
                facts.provider = None; // It cannot be asked just then.
            }
            let agent = AgentFact { heard: Some(at(second)), silent_since: None, misses: 0 };
            facts.agents = ids.iter().map(|id| (id.clone(), agent)).collect();
            tick(&Config::default(), &mut state, &facts, at(second));
            state.sight.is_current
        };
        assert!(!is_current(&[], 0) && !is_current(&[], 61) && !is_current(&[], 90));
        assert!(!is_current(&[], 300));
        assert!(is_current(&["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"], 301));
    }

    fn pooled() -> Vm {
        Vm {
            id: "vm-1".parse().unwrap(),
            flavor: "small".parse().unwrap(),
            state: VmState::Pool,
            since: at(0),
            created: at(0),
            host: None,
            addresses: None,
            module: None,
            assignment: 0,
            route_generation: 0,
            why: String::new(),
        }
    }

    #[test]
    fn nothing_is_done_before_the_first_word_of_the_world() {
        let mut state = State::default();
        state.memory.routing_generation = 2;
        let silent = Facts { provider: None, ..Facts::default() };
        tick(&Config::default(), &mut state, &silent, at(0));
        assert!(!state.sight.is_current);
        tick(&Config::default(), &mut state, &facts(&[], 2, 0), at(1));
        assert!(state.sight.is_current);
    }
}
