//! What the hands must do for a VM in the state it is in, and what becomes of it afterwards.
//!
//! A step is derived from the state, never from a script: whoever was killed in the middle finds
//! the same step wanted again, and since each hand is idempotent, doing it twice is harmless. A VM
//! has at most one open step.

use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::vm::VmState;
use serde::{Deserialize, Serialize};

use crate::life::note_failed_start;
use crate::policy::Recycle;
use crate::state::{Config, Doubt, Ending, State};
use crate::{clock, refill, sight};

/// One thing to do, stored before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub vm: VmId,
    pub kind: StepKind,
    pub attempt: u32,
    /// When it was wanted first.
    pub planned: Time,
    /// Not to be tried before.
    pub not_before: Time,
    /// Handed to a hand, whose answer is awaited.
    pub issued: bool,
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    Create,
    Deploy,
    Undeploy,
    Destroy,
}

impl Step {
    /// Whether it waits for routers, [`WAITS_FOR_ROUTERS`].
    pub fn is_withheld(&self) -> bool {
        !self.issued && self.error.as_deref() == Some(WAITS_FOR_ROUTERS)
    }
}

impl StepKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Deploy => "deploy",
            Self::Undeploy => "undeploy",
            Self::Destroy => "destroy",
        }
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    Done,
    /// It may or may not have happened.
    Unknown(String),
    /// It did not happen and may work next time.
    Failed(String),
    NoCapacity(String),
    /// It will never work.
    Refused(String),
}

/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A step that may not be taken yet is looked at again after this long.
const WITHHELD: Duration = Duration::from_secs(1);
/// Why a step is withheld.
pub const WAITS_FOR_ROUTERS: &str =
    "waits until every router has let go of it, and what it was doing is done or had its time";
/// A program that cannot be started this often condemns its VM.
const DEPLOY_ATTEMPTS: u32 = 3;

/// Opens a step. One of another kind that is still open is out of date and gives way, unless a
/// hand is at it.
pub(crate) fn open(state: &mut State, id: &VmId, kind: StepKind, now: Time) {
    if state.steps.get(id).is_some_and(|step| step.kind == kind || step.issued) {
        return;
    }
    let step = Step {
        vm: id.clone(),
        kind,
        attempt: 0,
        planned: now,
        not_before: now,
        issued: false,
        error: None,
    };
    state.steps.insert(id.clone(), step);
}

/// An open step waits for another look.
pub(crate) fn withhold(state: &mut State, id: &VmId, now: Time) {
    if let Some(step) = state.steps.get_mut(id).filter(|step| !step.issued) {
        // Each move is a row of the store, so there is one for a whole second.
        if step.not_before <= now {
            step.not_before = now + WITHHELD;
            step.error = Some(WAITS_FOR_ROUTERS.to_owned());
        }
    }
}

/// The steps to hand out now, marked as issued; none while the record may be older than the world.
pub fn issue(state: &mut State, now: Time) -> Vec<Step> {
    if !state.sight.is_current {
        return Vec::new();
    }
    let due = state.steps.values_mut().filter(|step| !step.issued && step.not_before <= now);
    due.map(|step| {
        step.issued = true;
        step.attempt += 1;
        step.clone()
    })
    .collect()
}

/// After a restart nobody is at any step: all that were issued may or may not have happened. Most
/// are simply done again. What may have been made is looked for first.
pub fn forget_issued(state: &mut State) {
    let cut_off = "cut off by a restart; it may or may not have happened";
    for step in state.steps.values_mut().filter(|step| step.issued) {
        step.issued = false;
        step.error = Some(cut_off.to_owned());
    }
    if bug!(LoseSteps) {
        state.steps.clear();
    }
    let orders = state.steps.values().filter(|step| step.kind == StepKind::Create);
    let tried: Vec<VmId> =
        orders.filter(|step| step.attempt > 0).map(|step| step.vm.clone()).collect();
    // Whatever is listed from now on was begun after the last look of the brain that was cut off.
    let last = state.memory.last_tick.unwrap_or_default();
    for id in tried {
        doubt(state, &id, cut_off.to_owned(), false, last);
    }
}

/// An order for a VM may or may not have been carried out. Its step ends here: it is asked for
/// again under the same name, but only when the provider's lists show that it is not there.
pub(crate) fn doubt(state: &mut State, id: &VmId, why: String, given_up: bool, now: Time) {
    let asked = state.steps.remove(id).map_or(1, |step| step.attempt);
    sight::known(state, id, now);
    state.memory.doubts.insert(id.clone(), Doubt { why, given_up, asked });
}

/// Takes in what came of a step.
pub fn absorb(
    config: &Config,
    state: &mut State,
    id: &VmId,
    kind: StepKind,
    outcome: StepOutcome,
    now: Time,
) {
    clock::follow(state, now);
    let (frozen, is_moot) = (is_frozen(config, state, id), is_moot(state, id, kind));
    let Some(step) = state.steps.get_mut(id).filter(|step| step.kind == kind) else { return };
    step.issued = false;
    let attempt = step.attempt;
    if is_moot && outcome != StepOutcome::Done {
        state.steps.remove(id);
        return;
    }
    match outcome {
        StepOutcome::Done => {
            state.steps.remove(id);
            done(config, state, id, kind, attempt, now);
        }
        StepOutcome::Unknown(why) | StepOutcome::Failed(why) => match kind {
            // Providers say "error" and make it all the same.
            StepKind::Create => not_made(config, state, id, why, false, now),
            StepKind::Deploy if attempt >= DEPLOY_ATTEMPTS && !frozen => {
                if let Some(module) = state.vms.get(id).and_then(|vm| vm.module.clone()) {
                    note_failed_start(state, &module, now);
                }
                condemn(state, id, format!("its program does not start: {why}"), now);
            }
            StepKind::Deploy | StepKind::Undeploy | StepKind::Destroy => retry(step, why, now),
        },
        StepOutcome::NoCapacity(why) => {
            if let Some(vm) = state.vms.get(id) {
                let pool = state.memory.pools.entry(vm.flavor.clone()).or_default();
                pool.last_shortage = Some((now, why.clone()));
            }
            not_made(config, state, id, why, true, now);
        }
        StepOutcome::Refused(why) if frozen => retry(step, why, now),
        StepOutcome::Refused(why) => refused(config, state, id, kind, why, now),
    }
}

/// Whether the VM has moved on while a hand was at it, so that a failure says nothing any more.
fn is_moot(state: &State, id: &VmId, kind: StepKind) -> bool {
    let wants = match kind {
        StepKind::Create => return false, // What may have been made is looked for.
        StepKind::Deploy => VmState::Deploying,
        StepKind::Undeploy => VmState::Draining,
        StepKind::Destroy => VmState::Destroying,
    };
    state.vms.get(id).is_none_or(|vm| vm.state != wants)
}

/// By its provider's word nothing was made, or nobody knows. The VM keeps its place in the count
/// until the lists show the same.
fn not_made(config: &Config, state: &mut State, id: &VmId, why: String, given_up: bool, now: Time) {
    let Some(vm) = state.vms.get(id).filter(|vm| vm.state == VmState::Creating) else {
        state.steps.remove(id);
        return;
    };
    let flavor = vm.flavor.clone();
    refill::note_failure(config, state, &flavor, why.clone(), now);
    if bug!(ForgetUnknown) {
        state.steps.remove(id);
        return state.shift(id, VmState::Gone, why, now);
    }
    doubt(state, id, why, given_up, now);
}

/// Whether its module has no policy any more: then nothing of it is taken away.
fn is_frozen(config: &Config, state: &State, id: &VmId) -> bool {
    let module = state.vms.get(id).and_then(|vm| vm.module.as_ref());
    module.is_some_and(|module| !config.policies.contains_key(module))
}

fn retry(step: &mut Step, why: String, now: Time) {
    let doublings = step.attempt.saturating_sub(1).min(6);
    step.not_before = now + (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
    step.error = Some(why);
}

fn done(config: &Config, state: &mut State, id: &VmId, kind: StepKind, attempt: u32, now: Time) {
    let Some(vm) = state.vms.get(id) else { return };
    let at = vm.state;
    match kind {
        StepKind::Create if at == VmState::Creating => {
            let pool = state.memory.pools.entry(vm.flavor.clone()).or_default();
            pool.last_made = Some(now);
            sight::known(state, id, now);
            state.shift(id, VmState::Booting, "the provider made it", now);
        }
        StepKind::Undeploy if at == VmState::Draining => {
            state.memory.out_since.remove(id);
            state.shift(id, VmState::Stopped, "drained, program stopped", now);
            release(config, state, id, now);
        }
        // It is gone when the lists say so, too: see `life`.
        StepKind::Destroy if at == VmState::Destroying && bug!(DoneIsGone) => {
            state.shift(id, VmState::Gone, "destroyed", now);
        }
        StepKind::Destroy if at == VmState::Destroying => {
            let before = state.memory.ending.get(id).map_or(0, |ending| ending.times);
            sight::known(state, id, now);
            let ending = Ending { said: now, times: before + attempt };
            state.memory.ending.insert(id.clone(), ending);
        }
        // Deploy: readiness decides, see `life`. Else the VM has moved on meanwhile.
        StepKind::Create | StepKind::Deploy | StepKind::Undeploy | StepKind::Destroy => {}
    }
}

/// A stopped VM goes back to its pool, or goes for good; which of them its policy says.
pub(crate) fn release(config: &Config, state: &mut State, id: &VmId, now: Time) {
    let Some(vm) = state.vms.get_mut(id) else { return };
    let policy = vm.module.as_ref().and_then(|module| config.policies.get(module));
    let Some(policy) = policy else { return };
    match policy.terminate.recycle {
        Recycle::ToPool => {
            vm.module = None;
            state.shift(id, VmState::Pool, "recycled", now);
        }
        Recycle::Destroy => {
            condemn(state, id, "no longer needed".to_owned(), now);
            had_its_time(state, id);
        }
    }
}

/// Sends a VM to its end. It keeps its module, so that the record tells whose it was.
pub(crate) fn condemn(state: &mut State, id: &VmId, why: String, now: Time) {
    state.shift(id, VmState::Destroying, why, now);
    state.memory.suspects.remove(id);
    sight::known(state, id, now);
    open(state, id, StepKind::Destroy, now);
}

/// What a condemned VM was doing has been waited for: it is not waited for again.
pub(crate) fn had_its_time(state: &mut State, id: &VmId) {
    state.memory.out_since.insert(id.clone(), Time::default());
}

fn refused(config: &Config, state: &mut State, id: &VmId, kind: StepKind, why: String, now: Time) {
    match kind {
        StepKind::Create => not_made(config, state, id, why, true, now),
        StepKind::Deploy => {
            state.steps.remove(id);
            condemn(state, id, why, now);
        }
        // What cannot be stopped or destroyed must not be forgotten: it costs, and may serve.
        StepKind::Undeploy | StepKind::Destroy => {
            if let Some(step) = state.steps.get_mut(id) {
                retry(step, why, now);
            }
        }
    }
}
