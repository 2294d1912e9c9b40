//! VMs that bear our tag and that no record tells of.
//!
//! They are counted and shown. One that this very record once ordered, and lost track of because
//! its provider made it after it had said no, is an orphan: it costs and serves nobody. It is
//! destroyed, but late and few at a time: two complete lists must name it, further apart than any
//! order takes. If there are many, the fault is rather with the record, and a person decides; and
//! what a lost record may have made is never destroyed without one.

use model::id::VmId;
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::facts::Facts;
use crate::sight::LISTS_APART;
use crate::state::{Config, State};
use crate::steps::condemn;
use crate::{brake, recovery, refill};

/// More orphans than this, and more than one VM in [`ONE_IN`], are left to a person.
const FEW: usize = 3;
const ONE_IN: usize = 20;

/// Takes note of strangers, and ends what is certainly an orphan.
pub(crate) fn look_after(config: &Config, state: &mut State, facts: &Facts, now: Time) {
    take_in(state, facts, now);
    forget_missing(state, facts, now);
    let orphans: Vec<VmId> = strangers(state).filter(|id| recovery::is_ours(state, id)).collect();
    if bug!(DestroyStrangers) {
        let all: Vec<VmId> = strangers(state).collect();
        all.iter().for_each(|id| condemn(state, id, "a stranger".to_owned(), now));
        return;
    }
    if orphans.len() > FEW.max(state.vms.len() / ONE_IN) || !state.sight.proves_absence {
        return;
    }
    for id in orphans {
        let vm = &state.vms[&id];
        let takes = refill::create(config, &vm.flavor).timeout.0;
        let list = facts.provider.as_ref().filter(|list| list.vms.contains_key(&id));
        let named_again = list.is_some_and(|list| list.begun.since(vm.since) >= takes * 2);
        if named_again && brake::room(state, now) > 0 {
            brake::note(state, now);
            condemn(state, &id, "an orphan: ordered once, made late, used by nobody".into(), now);
        }
    }
}

fn strangers(state: &State) -> impl Iterator<Item = VmId> {
    let strangers = state.vms.values().filter(|vm| vm.state == VmState::Quarantine);
    strangers.map(|vm| vm.id.clone())
}

/// A stranger that is no longer there needs no more quarantine. Nobody is told to destroy it: the list
/// may lie for however long, and then it is a stranger again.
fn forget_missing(state: &mut State, facts: &Facts, now: Time) {
    let gone: Vec<VmId> =
        strangers(state).filter(|id| state.is_absent(facts, id, LISTS_APART)).collect();
    for id in gone {
        state.shift(&id, VmState::Gone, "no longer listed by its provider", now);
    }
}

fn take_in(state: &mut State, facts: &Facts, now: Time) {
    let Some(provider) = &facts.provider else { return };
    for (id, seen) in &provider.vms {
        if state.vms.contains_key(id) || state.memory.ended.contains_key(id) {
            continue;
        }
        let stranger = Vm {
            id: id.clone(),
            flavor: seen.flavor.clone(),
            state: VmState::Quarantine,
            since: now,
            created: now,
            host: seen.host.clone(),
            addresses: seen.addresses,
            module: None,
            assignment: 0,
            route_generation: 0,
            why: "it bears our tag and no record tells of it".to_owned(),
        };
        state.vms.insert(id.clone(), stranger);
    }
}
