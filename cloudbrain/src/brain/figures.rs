//! The brain's own figures: what `/metrics` tells and the sample store keeps of the brain itself.
//!
//! One more figure is one more line here. Names of counters end in `_total`. The figures of modules
//! are kept by each turn already, with labels of their own, so they are not kept once more.

mod outside;

use std::time::Duration;

use availability::{Budget, Urgency};
use model::series::{Labels, METRIC_NAME, Row, Shaper};
use model::time::Time;
use model::vm::VmState;
use scaler::capacity::Stock;
use tokio::sync::mpsc;

use super::Handle;
use super::capacity;
use super::core::{Core, DESIRED, LOAD, SERVING};
use super::monitor::{self, Beside};

/// How often they are kept.
const KEEP_EVERY: Duration = Duration::from_secs(15);
const BURN_RATE: &str = "cloudbrain_error_budget_burn_rate";
/// The tiers of the sample store, as a label says them.
const TIERS: [&str; 3] = ["raw", "5m", "1h"];

/// One name, and its values by their labels.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub help: &'static str,
    /// With the name as a label.
    pub values: Vec<(Labels, f64)>,
}

impl Figure {
    /// Counters only grow until the next start.
    pub fn is_counter(&self) -> bool {
        self.name.ends_with("_total")
    }

    fn one(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, values: vec![(Labels::metric(name), value)] }
    }

    fn by<V: ToString>(
        name: &'static str,
        help: &'static str,
        label: &str,
        values: impl IntoIterator<Item = (V, f64)>,
    ) -> Self {
        let labelled = |(of, value): (V, f64)| {
            let labels = [(METRIC_NAME, name.to_owned()), (label, of.to_string())];
            (Labels::of(labels), value)
        };
        Self { name, help, values: values.into_iter().map(labelled).collect() }
    }
}

/// All of them, now.
pub fn all(core: &Core, beside: &Beside, turns: u64, now: Time) -> Vec<Figure> {
    let mut figures = fleet(core);
    figures.extend(modules(core, now));
    figures.extend(pools(core));
    figures.extend(budgets(core));
    figures.push(Figure::one("cloudbrain_turns_total", "looks at everything", turns as f64));
    figures.extend(polls(beside));
    if core.config.raw.collector.active.is_some() {
        figures.extend(active(beside));
    }
    figures.extend(sight(core, beside, now));
    figures.extend(samples(beside));
    let limit = core.config.raw.samples.max_series as f64;
    figures.push(Figure::one("cloudbrain_samples_series_limit", "the most series taken", limit));
    figures.extend(rules(core));
    figures
}

fn fleet(core: &Core) -> Vec<Figure> {
    let vms = VmState::ALL.map(|state| {
        let count = core.scaler.vms.values().filter(|vm| vm.state == state).count();
        (state, count as f64)
    });
    let open = core.incidents().iter().filter(|incident| incident.closed.is_none()).count();
    let is_recovering = f64::from(u8::from(core.scaler.memory.recovery.is_some()));
    let is_refused = f64::from(u8::from(core.config_error.is_some()));
    vec![
        Figure::by("cloudbrain_vms", "VMs by state", "state", vms),
        Figure::one("cloudbrain_incidents_open", "open incidents", open as f64),
        Figure::one(
            "cloudbrain_recovering",
            "1 while the record is older than the world and nothing is done",
            is_recovering,
        ),
        Figure::one("cloudbrain_config_error", "1 while new files are refused", is_refused),
    ]
}

fn modules(core: &Core, now: Time) -> [Figure; 3] {
    let desired = core.scaler.memory.modules.iter();
    let desired = desired.map(|(module, memory)| (module, f64::from(memory.desired)));
    let readings: Vec<_> =
        core.config.modules.keys().map(|module| (module, core.reading(module, now))).collect();
    let serving = readings.iter().map(|(module, (_, serving))| (module, f64::from(*serving)));
    let load = readings.iter().filter_map(|(module, (load, _))| Some((module, (*load)?)));
    [
        Figure::by(DESIRED, "VMs wanted", "module", desired),
        Figure::by(SERVING, "VMs in the routers", "module", serving),
        Figure::by(
            LOAD,
            "the first metric of the policy, else the mean load per core of the serving VMs",
            "module",
            load,
        ),
    ]
}

fn pools(core: &Core) -> [Figure; 3] {
    let stocks = capacity::stocks(core);
    let by = |name, help, of: fn(&(Stock, Option<u32>)) -> Option<u32>| {
        let values =
            stocks.iter().filter_map(|(flavor, stock)| Some((flavor, f64::from(of(stock)?))));
        Figure::by(name, help, "flavor", values)
    };
    [
        by(capacity::ALLOCATED, "VMs that work for modules", |(stock, _)| Some(stock.allocated)),
        by("cloudbrain_pool_ready_vms", "VMs that wait in the pool", |(stock, _)| {
            Some(stock.ready)
        }),
        by("cloudbrain_pool_creatable_vms", "VMs that could still be made", |(_, more)| *more),
    ]
}

/// What is promised, and how it stands.
fn budgets(core: &Core) -> [Figure; 3] {
    let by = |name, help, of: fn(&Budget) -> Duration| {
        let values = core.budgets.iter();
        let values = values.map(|(module, word)| (module, of(&word.standing.budget).as_secs_f64()));
        Figure::by(name, help, "module", values)
    };
    [
        by("cloudbrain_error_budget_seconds", "may be down this month", |budget| budget.whole),
        by("cloudbrain_error_budget_left_seconds", "may still be down this month", Budget::left),
        burns(core),
    ]
}

fn burns(core: &Core) -> Figure {
    let urgencies = [(Urgency::Page, "page"), (Urgency::Ticket, "ticket")];
    let labelled = core.budgets.iter().flat_map(|(module, word)| {
        urgencies.map(|(urgency, label)| {
            let name = (METRIC_NAME, BURN_RATE.to_owned());
            let labels = [name, ("module", module.to_string()), ("urgency", label.to_owned())];
            (Labels::of(labels), word.standing.burns_at(urgency).unwrap_or(0.0))
        })
    });
    let help = "how many times faster than it lasts the error budget burns; 0 while no rule fires";
    Figure { name: BURN_RATE, help, values: labelled.collect() }
}

/// How the looking itself goes.
fn polls(Beside { gauges, .. }: &Beside) -> Vec<Figure> {
    let one = |name, help, value: u64| Figure::one(name, help, value as f64);
    let faults = gauges.faults.iter().map(|(fault, count)| (fault.as_str(), *count as f64));
    vec![
        one("cloudbrain_polls_total", "polls and probes that ended", gauges.polls),
        one(
            "cloudbrain_poll_keys_unsupported_total",
            "item keys agents did not know",
            gauges.keys_unsupported,
        ),
        one(
            "cloudbrain_poll_keys_unanswered_total",
            "item keys that a poll which broke off did not come to",
            gauges.keys_unanswered,
        ),
        one(
            "cloudbrain_poll_values_rubbish_total",
            "values that were no number",
            gauges.values_rubbish,
        ),
        one("cloudbrain_poll_beats_missed_total", "polls not begun in time", gauges.beats_missed),
        Figure::by("cloudbrain_poll_faults_total", "polls that failed, by how", "fault", faults),
        one("cloudbrain_poll_targets", "targets that are asked", gauges.targets),
        one("cloudbrain_poll_suspects", "targets that used up their whole time", gauges.suspects),
        one("cloudbrain_polls_in_flight", "polls under way", gauges.in_flight),
        Figure::one(
            "cloudbrain_poll_lag_seconds",
            "begun too late, worst of the last second",
            gauges.lag.as_secs_f64(),
        ),
    ]
}

/// Agents that come by themselves.
fn active(Beside { active, .. }: &Beside) -> Vec<Figure> {
    let one = |name, help, value: u64| Figure::one(name, help, value as f64);
    let skew = active.skew_ms.iter().map(|(object, skew_ms)| (object, *skew_ms as f64 / 1000.0));
    vec![
        one("cloudbrain_active_agents", "agents that come by themselves", active.agents),
        one("cloudbrain_active_connections_total", "connections taken", active.connections),
        one(
            "cloudbrain_active_connections_refused_total",
            "connections beyond what one address may have",
            active.refused_connections,
        ),
        one(
            "cloudbrain_active_requests_refused_total",
            "requests unreadable, or for other servers",
            active.refused_requests,
        ),
        one(
            "cloudbrain_active_requests_unanswered_total",
            "requests without an answer, to be sent again",
            active.unanswered,
        ),
        one(
            "cloudbrain_active_requests_of_strangers_total",
            "requests by names the fleet does not know",
            active.stranger_requests,
        ),
        one("cloudbrain_active_values_total", "values kept", active.values),
        one("cloudbrain_active_values_known_total", "values sent again though kept", active.known),
        one(
            "cloudbrain_active_values_refused_total",
            "values not taken: no number, or not asked for",
            active.refused,
        ),
        one(
            "cloudbrain_active_values_unsupported_total",
            "items agents could not tell",
            active.unsupported,
        ),
        Figure::by(
            "cloudbrain_active_clock_skew_seconds",
            "clocks ahead of ours by more than two seconds, or behind",
            "object",
            skew,
        ),
    ]
}

/// How many rules there are and how they stand.
fn rules(core: &Core) -> [Figure; 3] {
    let states = || core.book.states().values();
    let bad: usize = states().map(|state| state.bad().count()).sum();
    let faults = states().filter(|state| state.fault().is_some()).count();
    let count = core.config.rules.set.len();
    [
        Figure::one("cloudbrain_rules", "rules in force", count as f64),
        Figure::one("cloudbrain_rules_bad", "objects that are bad by a rule", bad as f64),
        Figure::one("cloudbrain_rules_faults", "rules that cannot be judged", faults as f64),
    ]
}

/// What the page *Is the monitor healthy?* says in its first line.
fn sight(core: &Core, beside: &Beside, now: Time) -> Vec<Figure> {
    let view = monitor::view(core, beside, now);
    let one = |name, help, value: usize| Figure::one(name, help, value as f64);
    let mut figures = vec![
        one("cloudbrain_targets", "all that is to be looked at", view.targets as usize),
        one(
            "cloudbrain_targets_seen",
            "targets of which it is known how they fare",
            view.seen as usize,
        ),
        one("cloudbrain_faults", "targets that do not answer as they should", view.faults.count),
        one("cloudbrain_unwatched", "what nobody looks at", view.unwatched.count),
        one("cloudbrain_doubts", "healthy probes that look doubtful", view.doubts.count),
        one("cloudbrain_blind", "1 while the collector sees nothing", {
            usize::from(core.eye.is_blind())
        }),
    ];
    let age = view.newest.map(|at| now.since(at).as_secs_f64());
    let age =
        age.map(|age| Figure::one("cloudbrain_data_age_seconds", "of the newest sample", age));
    figures.extend(age);
    figures
}

fn samples(Beside { samples, intake, .. }: &Beside) -> Vec<Figure> {
    let one = |name, help, value: u64| Figure::one(name, help, value as f64);
    let bytes = TIERS.into_iter().zip(samples.part_bytes.map(|bytes| bytes as f64));
    let refused = samples.refused.iter().map(|(why, count)| (why.as_str(), *count as f64));
    let lost = [("unwritten", intake.unwritten.values), ("dropped", intake.dropped.values)];
    let lost = lost.map(|(how, values)| (how, values as f64));
    let is_full = u64::from(intake.disk_full.is_some());
    vec![
        one("cloudbrain_samples_series", "series in the sample store", samples.series as u64),
        one(
            "cloudbrain_samples_in_memory",
            "values in memory and log",
            samples.unsealed_values as u64,
        ),
        one("cloudbrain_samples_log_bytes", "the log of the sample store", samples.log_bytes),
        one("cloudbrain_samples_parts", "files of the sample store", samples.parts as u64),
        Figure::by("cloudbrain_samples_part_bytes", "files by tier", "tier", bytes),
        one("cloudbrain_samples_disk_full", "1 while no sample can be written", is_full),
        one("cloudbrain_samples_pushed_total", "values by remote write", intake.pushed.values),
        one(
            "cloudbrain_samples_push_left_out_total",
            "values by remote write of a form that is not taken",
            intake.pushed.left_out,
        ),
        Figure::by("cloudbrain_samples_refused_total", "values not taken", "reason", refused),
        Figure::by("cloudbrain_samples_lost_total", "values of polls lost", "how", lost),
    ]
}

/// All figures, by asking everybody. The error says why the brain does not answer.
pub async fn read(handle: &Handle) -> Result<Vec<Figure>, String> {
    let beside = handle.beside().await;
    let turns = *handle.turns.borrow();
    let outside = outside::outside(handle).await;
    let mut figures = handle.ask(move |core, now| all(core, &beside, turns, now)).await?;
    figures.extend(outside);
    Ok(figures)
}

/// Keeps them as samples again and again, until nobody takes samples any more.
pub async fn keep(handle: Handle, instance: String, rows: mpsc::Sender<Vec<Row>>) {
    let mut shaper =
        Shaper::new(Labels::of([("job", "cloudbrain".to_owned()), ("instance", instance)]));
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        // A brain that does not answer leaves a gap, which is what there is to be seen.
        let Ok(figures) = read(&handle).await else { continue };
        let kept =
            figures.into_iter().filter(|figure| ![DESIRED, SERVING, LOAD].contains(&figure.name));
        let row = shaper.row(handle.clock.now(), kept.flat_map(|figure| figure.values));
        if rows.send(vec![row]).await.is_err() {
            return;
        }
    }
}
