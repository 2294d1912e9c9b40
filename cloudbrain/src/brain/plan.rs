//! What the scaler would do right now, as it is shown, saved, and carried out on a person's word.
//!
//! A saved plan is not a script: it is what a person has read and agreed to. So to apply one means
//! to work the plan out anew, and to go on only if it still says the same; see
//! [`Plan::agrees`]. What the world did in between cannot be undone by a file.

use std::fmt;
use std::time::Duration;

use dashboards::view::quiet::HoldView;
use model::id::{FlavorId, ModuleId, PersonId, VmId};
use model::time::Time;
use model::vm::VmState;
use scaler::ahead::{Ahead, ahead};
use scaler::plan::{ModulePlan, PoolPlan, RoutingPlan};
use scaler::policy::{Mode, Policy};
use serde::{Deserialize, Serialize};

use super::acts::Refusal;
use super::acts::hold::holds_of;
use super::core::Core;

/// What would be done now, with what it rests on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub fleet: String,
    pub at: Time,
    /// When the provider was seen last; None if it was not seen yet.
    pub observed: Option<Time>,
    /// Whether that look is known to have shown everything.
    pub complete: bool,
    pub modules: Vec<PlannedModule>,
    pub pools: Vec<PlannedPool>,
    pub routers: Vec<String>,
    pub routing: RoutingPlan,
}

/// What would be done for one module, and what its policy allows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedModule {
    /// Changes when the policy does.
    pub policy: String,
    pub min: u32,
    pub max: u32,
    /// A person's word is being carried out just now.
    pub approved: Option<u32>,
    /// What people hold of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldView>,
    /// What would follow within [`AHEAD`] if the work stayed as it is; None if that was not asked
    /// for, or cannot be foreseen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Vec<Ahead>>,
    #[serde(flatten)]
    pub plan: ModulePlan,
}

/// So far a plan of one module looks ahead.
pub const AHEAD: Duration = Duration::from_secs(900);

/// A pool as it is, and what would happen to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlannedPool {
    #[serde(flatten)]
    pub stock: PoolStock,
    pub plan: PoolPlan,
}

/// How many VMs a pool holds, and of how many.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PoolStock {
    pub flavor: FlavorId,
    pub ready: u32,
    pub wanted: u32,
    pub being_made: u32,
    pub total: u32,
    pub max_total: u32,
    /// Why fewer VMs are ordered than are wanted, if so.
    pub waits: Option<String>,
}

/// Somebody wants a plan carried out that was shown before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyWish {
    pub by: PersonId,
    /// When the plan was made.
    pub at: Time,
    pub modules: Vec<Agreed>,
}

/// What somebody has read of the plan of one module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    pub module: ModuleId,
    pub policy: String,
    pub from: u32,
    pub to: u32,
    /// The VMs, and where each would go.
    pub moves: Vec<(VmId, VmState)>,
}

impl fmt::Display for PoolStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ready, wanted, being_made, total, max_total, .. } = self;
        write!(
            f,
            "ready {ready} of {wanted}  being made {being_made}  in all {total} of {max_total}"
        )?;
        match &self.waits {
            Some(waits) => write!(f, "  waits: {waits}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, moves, .. } = self;
        write!(f, "{from} -> {to}")?;
        for (number, (vm, state)) in moves.iter().enumerate() {
            let before = if number == 0 { " with " } else { ", " };
            write!(f, "{before}{vm} {state}")?;
        }
        Ok(())
    }
}

impl PlannedModule {
    /// Whether the brain does this by itself.
    pub fn acts(&self) -> bool {
        self.plan.decision.mode.acts()
    }

    /// Whether it would change something, and waits for a person to say so.
    pub fn waits_for_a_person(&self) -> bool {
        let changes = !self.plan.decision.is_hold() || !self.plan.moves.is_empty();
        self.plan.decision.mode == Mode::DryRun && changes
    }

    /// What a person agrees to by applying this.
    pub fn agreed(&self) -> Agreed {
        let decision = &self.plan.decision;
        let moves = self.plan.moves.iter().map(|step| (step.vm.clone(), step.to));
        Agreed {
            module: decision.module.clone(),
            policy: self.policy.clone(),
            from: decision.from,
            to: decision.to,
            moves: moves.collect(),
        }
    }
}

impl Plan {
    /// Whether the plan still says what somebody agreed to; a "no" says what it says now.
    pub fn agrees(&self, agreed: &Agreed) -> Result<(), Refusal> {
        let module = &agreed.module;
        let found = self.modules.iter().find(|row| row.plan.decision.module == *module);
        let Some(now) = found.map(PlannedModule::agreed) else {
            let en = format!("no policy scales {module}");
            return Err(Refusal::missing(en, format!("没有策略管理 {module}")));
        };
        if now.policy != agreed.policy {
            return Err(Refusal::new(
                format!("the policy of {module} has changed since; make a new plan"),
                format!("{module} 的策略已变更；请重新生成计划"),
            ));
        }
        if now != *agreed {
            return Err(Refusal::new(
                format!(
                    "the world has moved: {module} was {agreed}, now it is {now}; make a new plan"
                ),
                format!("情况已变化：{module} 原为 {agreed}，现为 {now}；请重新生成计划"),
            ));
        }
        Ok(())
    }
}

/// Asks the scaler what it would do, without doing it.
pub fn plan(core: &Core, now: Time) -> Plan {
    let (config, facts) = (&core.config.scaler, &core.senses.facts);
    let planned = scaler::plan::plan(config, &core.scaler, facts, now);
    let modules = planned.modules.into_iter().map(|plan| {
        let policy = config.policies.get(&plan.decision.module);
        let memory = core.scaler.memory.modules.get(&plan.decision.module);
        let approved = memory.and_then(|memory| memory.approval.as_ref());
        let approved = approved.map(|approval| approval.to);
        // Whose policy file is gone keeps what it has.
        let kept = plan.decision.from;
        let (min, max) = policy.map_or((kept, kept), |policy| (policy.min, policy.max));
        let policy = policy.map_or_else(|| "none".to_owned(), fingerprint);
        let holds = holds_of(core, &plan.decision.module, now);
        PlannedModule { policy, min, max, approved, holds, ahead: None, plan }
    });
    let pools = planned.pools.into_iter();
    let pools = pools.map(|plan| PlannedPool { stock: stock(core, &plan.flavor), plan });
    Plan {
        fleet: core.config.raw.fleet.clone(),
        at: now,
        observed: facts.provider.as_ref().map(|provider| provider.begun),
        complete: facts.provider.as_ref().is_some_and(|provider| provider.complete),
        modules: modules.collect(),
        pools: pools.collect(),
        routers: facts.routers.keys().cloned().collect(),
        routing: planned.routing,
    }
}

/// The plan of one module, with what would follow; None if no policy scales it.
pub fn of_module(core: &Core, module: &ModuleId, now: Time) -> Option<Plan> {
    let mut plan = plan(core, now);
    plan.modules.retain(|row| row.plan.decision.module == *module);
    let (config, facts) = (&core.config.scaler, &core.senses.facts);
    let row = plan.modules.first_mut()?;
    row.ahead = ahead(config, &core.scaler, facts, module, now, AHEAD);
    Some(plan)
}

/// A short word for all that a policy says: two that differ in anything have different words.
fn fingerprint(policy: &Policy) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let text = format!("{policy:?}");
    let hash = text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

/// How one pool stands.
pub(super) fn stock(core: &Core, flavor: &FlavorId) -> PoolStock {
    let count = |test: &dyn Fn(VmState) -> bool| {
        let vms = core.scaler.vms.values();
        vms.filter(|vm| vm.flavor == *flavor && test(vm.state)).count() as u32
    };
    let settings = core.config.scaler.pools.get(flavor);
    let memory = core.scaler.memory.pools.get(flavor);
    PoolStock {
        flavor: flavor.clone(),
        ready: count(&|state| state == VmState::Pool),
        wanted: settings.map_or(0, |pool| pool.ready),
        being_made: count(&|state| matches!(state, VmState::Creating | VmState::Booting)),
        total: count(&|state| state != VmState::Gone),
        max_total: settings.map_or(0, |pool| pool.max_total),
        waits: memory.and_then(|memory| memory.waits.clone()),
    }
}
