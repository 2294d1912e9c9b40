//! What the scaler would do, that it may do it, and why it did what it did.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use dashboards::view::quiet::HoldView;
use model::id::{ModuleId, Object, VmId};
use model::time::Time;
use query::source::SourceError;
use samples::Samples;
use scaler::reason::Decision;
use scaler::steps::WAITS_FOR_ROUTERS;
use serde::{Deserialize, Serialize};

use super::acts::{ask_for, program, read};
use super::data::{Answer, ApiError, by_time, to_json, unavailable};
use crate::brain::Handle;
use crate::brain::acts::Request;
use crate::brain::acts::hold::holds_of;
use crate::brain::aftermath::{Aftermath, Measured, aftermath};
use crate::brain::core::{Core, LOAD, SERVING};
use crate::brain::history::histories;
use crate::brain::plan::{self, ApplyWish};

/// What came of a decision is looked for within this time after it.
const WATCHED: Duration = Duration::from_secs(1800);
/// Decisions of one module within that time, at most.
const MAX_DECISIONS: usize = 1000;
/// Without a policy to say otherwise a load has settled after this long.
const SETTLE: Duration = Duration::from_secs(180);

/// Of which module; all of them if none is said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichModule {
    module: Option<ModuleId>,
}

pub(super) async fn plan(State(handle): State<Handle>, Query(which): Query<WhichModule>) -> Answer {
    let Some(module) = which.module else {
        return to_json(&handle.ask(plan::plan).await.map_err(unavailable)?);
    };
    let asked = handle.ask(move |core, now| {
        plan::of_module(core, &module, now).ok_or_else(|| unknown(core, &module))
    });
    to_json(&asked.await.map_err(unavailable)??)
}

/// That no policy scales a module, and which modules policies scale.
fn unknown(core: &Core, module: &ModuleId) -> ApiError {
    let known: Vec<&str> = core.config.scaler.policies.keys().map(ModuleId::as_str).collect();
    let why = format!("no policy scales {module}; policies scale {}", known.join(", "));
    ApiError(StatusCode::NOT_FOUND, why)
}

/// Carries out a plan that was shown before, if it still says the same.
pub(super) async fn apply(State(handle): State<Handle>, headers: HeaderMap, body: Bytes) -> Answer {
    let wish: ApplyWish = read(&body)?;
    Ok(Json(ask_for(&handle, Request::Apply(wish), program(&headers)).await?))
}

/// Which decision: the newest of a module, or the newest up to a moment in milliseconds since the
/// epoch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichDecision {
    module: ModuleId,
    at: Option<i64>,
}

/// A decision, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explained {
    pub decision: Decision,
    pub after: Aftermath,
    pub replay: Replay,
    /// What keeps VMs of the module from coming right now, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
    /// What people hold of the module right now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldView>,
}

/// Whether this program decides the same by what was stored with the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replay {
    Identical,
    /// Another program made it, or there is a mistake.
    Differs,
    /// It was made by a program that did not store all it went by.
    TooOld,
}

impl Replay {
    pub(super) fn of(decision: &Decision) -> Self {
        let Some(mut again) = scaler::decide::replay(decision) else { return Self::TooOld };
        again.moves.clone_from(&decision.moves);
        again.short = decision.short;
        if again == *decision { Self::Identical } else { Self::Differs }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical: this program decides the same by what was stored",
            Self::Differs => "differs: another version decided it",
            Self::TooOld => "not possible: an older version did not store all it went by",
        }
    }
}

pub(super) async fn explain(
    State(handle): State<Handle>,
    Query(which): Query<WhichDecision>,
) -> Answer {
    let (module, until) = (which.module, Time::from_millis(which.at.unwrap_or(i64::MAX - 1)));
    let Some(decision) = decision_at(&handle, &module, until).await? else {
        let asked = handle.ask(move |core, _| match core.config.scaler.policies.get(&module) {
            None => unknown(core, &module),
            Some(_) => {
                let why = format!("no decision about {module} is recorded up to then");
                ApiError(StatusCode::NOT_FOUND, why)
            }
        });
        return Err(asked.await.map_err(unavailable)?);
    };
    let after = came_of(&handle, &decision).await?;
    let replay = Replay::of(&decision);
    let waits = waits_now(&handle, &decision.module).await?.filter(|_| which.at.is_none());
    let module = decision.module.clone();
    let holds = handle.ask(move |core, now| holds_of(core, &module, now));
    let holds = holds.await.map_err(unavailable)?;
    let holds = if which.at.is_none() { holds } else { Vec::new() };
    to_json(&Explained { decision, after, replay, waits, holds })
}

/// What keeps VMs of a module from coming or going right now, if anything does.
pub(super) async fn waits_now(
    handle: &Handle,
    module: &ModuleId,
) -> Result<Option<String>, ApiError> {
    let module = module.clone();
    let waits = handle.ask(move |core, _| {
        let memory = &core.scaler.memory;
        let ours = |vm: &VmId| {
            core.scaler.vms.get(vm).is_some_and(|vm| vm.module.as_ref() == Some(&module))
        };
        let spared = memory.spared.iter().filter(|(vm, _)| ours(vm));
        let spared = spared.map(|(vm, why)| format!("{vm}: {why}"));
        let withheld =
            core.scaler.steps.values().filter(|step| step.is_withheld() && ours(&step.vm));
        let withheld = withheld.map(|step| format!("{}: {WAITS_FOR_ROUTERS}", step.vm));
        let waits = memory.modules.get(&module).and_then(|memory| memory.waits.clone());
        let all: Vec<String> = waits.into_iter().chain(spared).chain(withheld).collect();
        (!all.is_empty()).then(|| all.join("; "))
    });
    waits.await.map_err(unavailable)
}

/// How the modules with a policy have behaved of late.
pub(super) async fn history(State(handle): State<Handle>) -> Answer {
    to_json(&histories(&handle).await.map_err(unavailable)?)
}

/// The newest up to a moment. A change within the second before goes first: moments are written in
/// whole seconds, and a hold often follows a change at once.
async fn decision_at(
    handle: &Handle,
    module: &ModuleId,
    until: Time,
) -> Result<Option<Decision>, ApiError> {
    let second = until - Duration::from_millis(999);
    let within = decisions(handle, module, second, until, MAX_DECISIONS).await?;
    if let Some(change) = within.into_iter().find(|decision| !decision.is_hold()) {
        return Ok(Some(change));
    }
    let newest = decisions(handle, module, Time::from_millis(0), until, 1).await?;
    Ok(newest.into_iter().next())
}

/// Which VM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichVm {
    vm: VmId,
}

/// Why a VM would not be taken away by choice now.
pub(super) async fn why_not_removed(
    State(handle): State<Handle>,
    Query(which): Query<WhichVm>,
) -> Answer {
    let asked = handle.ask(move |core, now| {
        let (config, facts) = (&core.config.scaler, &core.senses.facts);
        let found = scaler::stay::standing(config, &core.scaler, facts, &which.vm, now);
        found.ok_or_else(|| {
            let why =
                format!("there is no VM {}; `cloudbrain why vm/{0}` knows its past", which.vm);
            ApiError(StatusCode::NOT_FOUND, why)
        })
    });
    to_json(&asked.await.map_err(unavailable)??)
}

pub(super) async fn came_of(handle: &Handle, decision: &Decision) -> Result<Aftermath, ApiError> {
    if decision.is_hold() {
        return Ok(Aftermath::default());
    }
    let (from, until) = (decision.at + Duration::from_millis(1), decision.at + WATCHED);
    let later = decisions(handle, &decision.module, from, until, MAX_DECISIONS).await?;
    let changes = later.iter().filter(|later| !later.is_hold() && later.mode.acts());
    let next_change = changes.map(|later| later.at).min();
    let module = decision.module.clone();
    let settle = handle.ask(move |core, _| {
        let policy = core.config.scaler.policies.get(&module);
        policy.map_or(SETTLE, |policy| policy.out.settle.0)
    });
    let settle = settle.await.map_err(unavailable)?;
    let (module, times) = (decision.module.clone(), (decision.at, until));
    let measured = handle.recorder.run(move |samples| measured(samples, module, times));
    let measured = measured.await.map_err(unavailable)?;
    Ok(aftermath(decision, &measured, next_change, settle))
}

fn measured(
    samples: &Samples,
    module: ModuleId,
    (from, until): (Time, Time),
) -> Result<Vec<Measured>, SourceError> {
    let rows = by_time(samples, &Object::Module(module), from.millis()..until.millis())?;
    let points = rows.into_iter().filter_map(|(at, values)| {
        let serving = *values.get(SERVING)? as u32;
        Some(Measured { at: Time::from_millis(at), serving, load: values.get(LOAD).copied() })
    });
    Ok(points.collect())
}

/// The newest first; what another program wrote is passed over.
pub(super) async fn decisions(
    handle: &Handle,
    module: &ModuleId,
    from: Time,
    until: Time,
    limit: usize,
) -> Result<Vec<Decision>, ApiError> {
    let until = until + Duration::from_millis(1);
    let rows = handle.store.decisions(Some(module), from, until, limit).await;
    let rows = rows.map_err(unavailable)?;
    Ok(rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect())
}
