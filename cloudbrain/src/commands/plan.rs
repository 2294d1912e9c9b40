//! `plan` and `apply`: what the scaler would do, and that it may do it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use dashboards::view::quiet::HoldView;
use model::id::FlavorId;
use model::unit::Span;
use model::vm::VmState;
use scaler::ahead::Ahead;
use scaler::plan::Move;
use scaler::policy::Mode;
use scaler::reason::LimitOutcome;
use serde_json::Value;

use super::ask::brain_of;
use super::http::{get_json, post_json};
use super::{Found, say};
use crate::brain::plan::{AHEAD, ApplyWish, Plan, PlannedModule, PlannedPool};
use crate::cli::{ApplyArgs, Output, PlanArgs};

/// A saved plan is no larger: it is a person who has read it.
const MAX_PLAN_BYTES: u64 = 16 * 1024 * 1024;
/// So many VMs of a line are named, and the others counted.
const NAMED: usize = 8;

pub(super) async fn plan(args: PlanArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let module = args.module.as_ref().map_or_else(String::new, |id| format!("?module={id}"));
    let plan: Plan = get_json(brain, &format!("/api/plan{module}")).await?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&plan)?),
        Output::Text => tell(&plan, args.save.as_deref()),
    }
    if let Some(file) = &args.save {
        let text = serde_json::to_string_pretty(&plan)?;
        std::fs::write(file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    let is_quiet = plan.modules.iter().all(|row| row.plan.is_quiet());
    Ok(if is_quiet { Found::Nothing } else { Found::Differences })
}

fn tell(plan: &Plan, saved: Option<&Path>) {
    say(&format!("{}  as of {}  {}", plan.fleet, plan.at, observed(plan)));
    for row in &plan.modules {
        tell_module(plan, row);
    }
    for pool in &plan.pools {
        tell_pool(pool);
    }
    tell_routing(plan);
    say(&summary(plan));
    let waiting: Vec<&PlannedModule> =
        plan.modules.iter().filter(|row| row.waits_for_a_person()).collect();
    if waiting.is_empty() {
        return;
    }
    let names: Vec<&str> = waiting.iter().map(|row| row.plan.decision.module.as_str()).collect();
    let how = match saved {
        Some(file) => format!("cloudbrain apply {} --by PERSON", file.display()),
        None => "cloudbrain plan --save plan.json, then cloudbrain apply plan.json --by PERSON"
            .to_owned(),
    };
    say(&format!(
        "Only watched, so nothing happens by itself: {}. To do it once: {how}",
        names.join(", ")
    ));
}

/// How fresh and how complete the look at the provider is that all this rests on.
fn observed(plan: &Plan) -> String {
    match plan.observed {
        None => "the provider was not seen yet: no VM can be made".to_owned(),
        Some(at) => {
            let age = match plan.at.since(at).as_secs() {
                0 => "just now".to_owned(),
                seconds => format!("{} ago", Span::secs(seconds)),
            };
            let whole = if plan.complete { "complete" } else { "not known to be complete" };
            format!("provider seen {age}, {whole}")
        }
    }
}

/// What is left alone, whatever the lines below would have.
pub(super) fn tell_holds(holds: &[HoldView]) {
    for hold in holds {
        let HoldView { id, what, until, by, reason, .. } = hold;
        say(&format!("  held     {id} ({what}) until {until} by {by}: {reason}"));
    }
}

fn tell_module(plan: &Plan, row: &PlannedModule) {
    let decision = &row.plan.decision;
    let (mode, policy) = (decision.mode.as_str(), &row.policy[..row.policy.len().min(8)]);
    say(&format!("{}  mode {mode}  policy {policy}", decision.module));
    say(&format!(
        "  serving {}  on their way {}  wanted {} -> {}  bounds {}..{}",
        decision.inputs.serving,
        decision.inputs.warming,
        decision.from,
        decision.to,
        row.min,
        row.max,
    ));
    tell_holds(&row.holds);
    if let Some(to) = row.approved {
        say(&format!("  a person's word is being carried out: {to} VMs"));
    }
    let moves = &row.plan.moves;
    let taken = moves.iter().filter(|step| step.from == VmState::Pool);
    if let Some(vms) = named(taken) {
        say(&format!("  + take     {vms} from the pool"));
    }
    if row.plan.short > 0 {
        say(&format!("  + owed     {} more, as the pool fills", row.plan.short));
    }
    let others = moves.iter().filter(|step| step.from != VmState::Pool);
    for (to, steps) in by_goal(others) {
        let sign = if to == VmState::Draining || to == VmState::Destroying { '-' } else { '~' };
        let why = steps.first().map_or("", |step| step.why.as_str());
        let vms = named(steps.iter().copied()).unwrap_or_default();
        say(&format!("  {sign} {:<8} {vms}: {why}", to.as_str()));
    }
    say(&format!("    why      {}", decision.reason));
    for limit in decision.limits.iter().filter(|limit| limit.outcome == LimitOutcome::Changed) {
        say(&format!("    limit    {limit}"));
    }
    if let Some(ahead) = &row.ahead {
        tell_ahead(ahead);
    }
    for vm in &row.plan.moving {
        let since = Span::secs(plan.at.since(vm.since).as_secs());
        say(&format!("    moving   {} {} for {since}: {}", vm.id, vm.state, vm.why));
    }
}

fn tell_ahead(ahead: &[Ahead]) {
    let span = Span::secs(AHEAD.as_secs());
    if ahead.is_empty() {
        say(&format!("    ahead    nothing else would change in {span} at this load"));
    }
    for Ahead { at, from, to, reason } in ahead {
        say(&format!("    ahead    {from} -> {to} at {at} if the work stays as it is: {reason}"));
    }
}

fn by_goal<'a>(steps: impl Iterator<Item = &'a Move>) -> BTreeMap<VmState, Vec<&'a Move>> {
    let mut goals: BTreeMap<VmState, Vec<&Move>> = BTreeMap::new();
    for step in steps {
        goals.entry(step.to).or_default().push(step);
    }
    goals
}

/// The first few by name, and how many more; None if there are none.
fn named<'a>(steps: impl Iterator<Item = &'a Move>) -> Option<String> {
    let names: Vec<&str> = steps.map(|step| step.vm.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("{shown}{rest}"))
}

fn tell_pool(pool: &PlannedPool) {
    let PlannedPool { stock, plan } = pool;
    let mut line = format!("pool {}  {stock}", stock.flavor);
    if plan.ready_after != plan.ready {
        line += &format!("  ready {} -> {}", plan.ready, plan.ready_after);
    }
    for (count, what) in [(plan.orders, "to be made"), (plan.returns, "to be given back")] {
        if count > 0 {
            line += &format!("  {count} {what}");
        }
    }
    say(&line);
}

fn tell_routing(plan: &Plan) {
    let routing = &plan.routing;
    if routing.generation == routing.generation_after {
        return;
    }
    let count = |vms: &[model::id::VmId], sign: char| {
        if vms.is_empty() { String::new() } else { format!("  {sign}{}", vms.len()) }
    };
    say(&format!(
        "routers {}  generation {} -> {}{}{}",
        plan.routers.join(", "),
        routing.generation,
        routing.generation_after,
        count(&routing.enter, '+'),
        count(&routing.leave, '-'),
    ));
}

fn summary(plan: &Plan) -> String {
    let sum = |count: fn(&PlannedModule) -> u32| plan.modules.iter().map(count).sum::<u32>();
    let add = sum(|row| row.plan.added() + row.plan.short);
    let (remove, replace) = (sum(|row| row.plan.removed()), sum(|row| row.plan.replaced()));
    let is_router = plan.routing.generation != plan.routing.generation_after;
    let mut ordered: BTreeMap<&FlavorId, u32> = BTreeMap::new();
    for pool in plan.pools.iter().filter(|pool| pool.plan.orders > 0) {
        ordered.insert(&pool.plan.flavor, pool.plan.orders);
    }
    let ordered: Vec<String> =
        ordered.iter().map(|(flavor, count)| format!("{count} x {flavor} to be made")).collect();
    let orders =
        if ordered.is_empty() { String::new() } else { format!(", {}", ordered.join(", ")) };
    let routers = if is_router { ", 1 router change" } else { "" };
    format!("Plan: {add} to add, {remove} to remove, {replace} to replace{orders}{routers}.")
}

pub(super) async fn apply(args: ApplyArgs) -> anyhow::Result<Found> {
    let plan = read(&args.plan)?;
    let waiting = plan.modules.iter().filter(|row| row.waits_for_a_person());
    let wish = ApplyWish {
        by: args.by.clone(),
        at: plan.at,
        modules: waiting.map(PlannedModule::agreed).collect(),
    };
    if wish.modules.is_empty() {
        bail!("{} has nothing to carry out: {}", args.plan.display(), why_nothing(&plan));
    }
    let answer: Value = post_json(brain_of(&args.ask)?, "/api/plan/apply", &wish).await?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&answer)?),
        Output::Text => {
            for agreed in &wish.modules {
                say(&format!("{} goes {agreed}, by {}", agreed.module, args.by));
            }
            say("See how it goes with: cloudbrain plan");
        }
    }
    Ok(Found::Nothing)
}

fn read(file: &Path) -> anyhow::Result<Plan> {
    let reading = || format!("reading {}", file.display());
    let size = std::fs::metadata(file).with_context(reading)?.len();
    if size > MAX_PLAN_BYTES {
        bail!("{} is no saved plan: {size} bytes", file.display());
    }
    let text = std::fs::read_to_string(file).with_context(reading)?;
    serde_json::from_str(&text).with_context(|| {
        format!("{} is no saved plan; write one with: cloudbrain plan --save FILE", file.display())
    })
}

fn why_nothing(plan: &Plan) -> &'static str {
    let acts = |row: &PlannedModule| row.plan.decision.mode.acts();
    if plan.modules.iter().any(|row| row.plan.decision.mode == Mode::DryRun) {
        "it changes nothing in modules that are only watched (mode dry-run)"
    } else if plan.modules.iter().all(acts) {
        "all its modules act by themselves"
    } else {
        "none of its modules is in mode dry-run"
    }
}
