//! Who leaves a module when it has too many VMs, and how many may go at all.
//!
//! A VM that does not serve yet goes first. Of those that serve, the policy's order says who; but
//! never one that is young, never the last that is well, never more at once than the policy's step,
//! and over the fleet no more than the brake allows. So what remains carries on whatever the reason
//! for taking away was.

use model::id::VmId;
use model::time::Time;
use model::vm::{Vm, VmState};

use crate::brake;
use crate::facts::Facts;
use crate::policy::{Leaver, Policy};
use crate::protect::protected_by;
use crate::routing::is_acknowledged;
use crate::state::State;

/// Sends away what is too many: first what does not serve yet, then by the policy's order.
pub(crate) fn dismiss(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    surplus: u32,
    now: Time,
) {
    let at_once = room(policy, state, members, now);
    for _ in 0..if bug!(AllAtOnce) { surplus } else { surplus.min(at_once) } {
        let look = Look { policy, state, members, facts, now };
        if let Some(early) = look.early() {
            leave(state, &early, now);
        } else if let (Some(next), true) = (look.next(), brake::room(state, now) > 0) {
            brake::note(state, now);
            if let Some(memory) = state.memory.modules.get_mut(&policy.module) {
                memory.removals.push_back(now);
            }
            leave(state, &next, now);
        } else {
            break;
        }
    }
}

/// How many more VMs of a module may leave within this tick.
fn room(policy: &Policy, state: &mut State, members: &[VmId], now: Time) -> u32 {
    let at_once = policy.inward.max_step.of(members.len() as u32).max(1);
    let tick = state.tick;
    let Some(memory) = state.memory.modules.get_mut(&policy.module) else { return at_once };
    memory.removals.retain(|at| now.since(*at) < tick);
    at_once.saturating_sub(memory.removals.len() as u32)
}

/// How many VMs of a module may be taken away by choice, beside what the fleet brake says.
pub(crate) fn removable(
    policy: &Policy,
    state: &State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
) -> u32 {
    let look = Look { policy, state, members, facts, now };
    let well = look.serving().filter(|vm| look.is_well(vm)).count();
    if bug!(TakeLast) {
        return look.candidates().count() as u32;
    }
    look.candidates().count().min(well.saturating_sub(1)) as u32
}

fn leave(state: &mut State, id: &VmId, now: Time) {
    state.shift(id, VmState::Draining, "no longer needed: out of the routers first", now);
    state.steps.remove(id);
}

/// All that says who may leave one module.
pub(crate) struct Look<'a> {
    pub policy: &'a Policy,
    pub state: &'a State,
    pub members: &'a [VmId],
    pub facts: &'a Facts,
    pub now: Time,
}

impl<'a> Look<'a> {
    fn vms(&self) -> impl Iterator<Item = &'a Vm> + use<'a> {
        let state = self.state;
        self.members.iter().filter_map(move |id| state.vms.get(id))
    }

    /// The newest that is being started, if no hand is at it.
    fn early(&self) -> Option<VmId> {
        let issued = |vm: &&Vm| self.state.steps.get(&vm.id).is_some_and(|step| step.issued);
        let early = self.vms().filter(|vm| vm.state == VmState::Deploying && !issued(vm));
        early.max_by_key(|vm| vm.since).map(|vm| vm.id.clone())
    }

    fn serving(&self) -> impl Iterator<Item = &'a Vm> + use<'a> {
        let facts = self.facts;
        self.vms().filter(move |vm| {
            vm.state == VmState::Serving && is_acknowledged(facts, vm.route_generation)
        })
    }

    fn is_well(&self, vm: &Vm) -> bool {
        !self.state.memory.suspects.contains_key(&vm.id) && !self.state.is_dead(&vm.id)
    }

    /// Those that may leave at all.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = &'a Vm> + use<'a> {
        let (policy, facts, now) = (self.policy, self.facts, self.now);
        let young = policy.terminate.young.0;
        let old =
            self.serving().filter(move |vm| now.since(vm.since) >= young || bug!(IgnoreYoung));
        old.filter(move |vm| protected_by(policy, facts, vm).is_none())
    }

    /// Who leaves first of those that serve.
    pub(crate) fn next(&self) -> Option<VmId> {
        let well = self.serving().filter(|vm| self.is_well(vm)).count();
        if well < 2 && !bug!(TakeLast) {
            return None; // The last healthy one is never taken away.
        }
        self.candidates().min_by_key(|vm| self.rank(vm)).map(|vm| vm.id.clone())
    }

    /// The lowest rank leaves first.
    pub(crate) fn rank(&self, vm: &Vm) -> (Vec<i64>, VmId) {
        let words = self.policy.terminate.order.iter().map(|word| match word {
            Leaver::Failed => -i64::from(!self.is_well(vm)),
            // Isolated VMs go by themselves, and there is one release.
            Leaver::Isolated | Leaver::OldRelease => 0,
            Leaver::LeastLoad => load_millis(self.policy, self.facts, vm),
            Leaver::CrowdedZone => -self.sharing(|other| self.rack(other) == self.rack(vm)),
            Leaver::CrowdedHost => -self.sharing(|other| other.host == vm.host),
            Leaver::Oldest => vm.created.millis(),
            Leaver::Newest => -vm.created.millis(),
        });
        (words.collect(), vm.id.clone())
    }

    /// How many that serve share something.
    fn sharing(&self, shares: impl Fn(&Vm) -> bool) -> i64 {
        self.serving().filter(|vm| shares(vm)).count() as i64
    }

    /// Without a known rack every host is one of its own.
    fn rack<'b>(&'b self, vm: &'b Vm) -> Option<&'b str> {
        let host = vm.host.as_ref()?;
        Some(self.facts.racks.get(host).map_or(host.as_str(), |rack| rack.as_str()))
    }
}

/// The load of a VM by the policy's first metric, in thousandths; without one it leaves last.
fn load_millis(policy: &Policy, facts: &Facts, vm: &Vm) -> i64 {
    let metric = policy.metrics.first();
    let sample = metric.and_then(|metric| facts.sample(&policy.module, metric, &vm.id));
    sample.map_or(i64::MAX, |sample| (sample.value * 1000.0) as i64)
}
