//! A person carries out what a module that is only watched would do.
//!
//! A policy begins its life as `dry-run`: it decides, and changes nothing. Whoever has read its plan
//! may want just that done, once, without handing the module over. So an approval lets the module go
//! to one count and then ends: it is kept with the module, survives a restart, and never outlives
//! [`LONGEST`].
//!
//! It gives no right to anything but the count: an ill VM of a watched module is not isolated.

use std::time::Duration;

use model::id::{HoldId, ModuleId, PersonId, VmId};
use model::time::Time;

use crate::facts::Facts;
use crate::hold::{self, HoldWhat};
use crate::policy::{Mode, Policy};
use crate::state::{Approval, Config, ModuleMemory, State};
use crate::tick::in_service;

/// What has not come to its end after this long is given up: the world is not as it was planned.
pub const LONGEST: Duration = Duration::from_secs(1800);

/// Why a plan is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    #[error("no policy scales it")]
    NoPolicy,
    /// The brain carries out its plans by itself.
    #[error("its mode is {}: the brain does this by itself", .0.as_str())]
    ActsByItself(Mode),
    #[error("its mode is paused: nothing is changed until the file says otherwise")]
    Paused,
    #[error("{to} VMs lie outside the policy's bounds {min} to {max}")]
    OutOfBounds { to: u32, min: u32, max: u32 },
    /// A person said before that it is to be left alone.
    #[error("hold {hold} leaves it alone until {until}; end it first: cloudbrain unhold {hold}")]
    Held { hold: HoldId, until: Time },
}

/// Lets a watched module go to `to` VMs.
pub fn approve(
    config: &Config,
    state: &mut State,
    module: &ModuleId,
    to: u32,
    by: PersonId,
    now: Time,
) -> Result<(), ApprovalError> {
    let policy = config.policies.get(module).ok_or(ApprovalError::NoPolicy)?;
    match policy.mode {
        Mode::DryRun => {}
        Mode::Paused => return Err(ApprovalError::Paused),
        mode @ (Mode::Auto | Mode::OutOnly) => return Err(ApprovalError::ActsByItself(mode)),
    }
    let (min, max) = (policy.min, policy.max);
    if !(min..=max).contains(&to) {
        return Err(ApprovalError::OutOfBounds { to, min, max });
    }
    if let Some(held) = held(policy, state, to, now) {
        return Err(held);
    }
    let fresh = || ModuleMemory { desired: policy.initial, ..ModuleMemory::default() };
    let memory = state.memory.modules.entry(module.clone()).or_insert_with(fresh);
    memory.approval = Some(Approval { to, by, at: now });
    Ok(())
}

/// The hold against going to that count, if there is one.
fn held(policy: &Policy, state: &State, to: u32, now: Time) -> Option<ApprovalError> {
    let module = &policy.module;
    let desired = state.memory.modules.get(module).map_or(policy.initial, |known| known.desired);
    let what = if to < desired { HoldWhat::In } else { HoldWhat::Out };
    let holds = hold::of_module(state.memory.holds.values(), module, now);
    let held = holds.into_iter().find(|hold| hold.covers(what))?;
    Some(ApprovalError::Held { hold: held.id, until: held.until })
}

/// Whether a module is on its way to a count that a person approved of.
pub(crate) fn is_open(state: &State, module: &ModuleId) -> bool {
    state.memory.modules.get(module).is_some_and(|memory| memory.approval.is_some())
}

/// Ends an approval once all its VMs serve and no other is on its way, once it is too old, or once
/// the policy acts by itself.
pub(crate) fn close_if_done(
    policy: &Policy,
    state: &mut State,
    members: &[VmId],
    facts: &Facts,
    now: Time,
) {
    let Some(memory) = state.memory.modules.get(&policy.module) else { return };
    let Some(approval) = &memory.approval else { return };
    let vms = || members.iter().filter_map(|id| state.vms.get(id));
    let serving = vms().filter(|vm| in_service(vm, facts)).count() as u32;
    let capacity = vms().filter(|vm| vm.state.is_capacity()).count() as u32;
    let is_done = serving == approval.to && capacity == approval.to;
    let is_void = now.since(approval.at) >= LONGEST || policy.mode != Mode::DryRun;
    if (is_done || is_void)
        && let Some(memory) = state.memory.modules.get_mut(&policy.module)
    {
        memory.approval = None;
    }
}
