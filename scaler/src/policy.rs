//! The scaling policy of one module: as written ([`RawPolicy`]) and as checked ([`Policy`]).
//!
//! Operations write it, so each refusal says which key, why, and what to write instead. Inner code
//! sees only the checked form, where `min <= max` and a fleet cannot flap between the thresholds.

use std::time::Duration;

use model::id::{FlavorId, ModuleId};
use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A policy file, as written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ScalingPolicy v1")]
pub struct RawPolicy {
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    pub kind: PolicyKind,
    /// The module it scales, `project/name`.
    pub module: ModuleId,
    /// The VM size it is scaled with.
    pub flavor: FlavorId,
    /// A new policy only says what it would do, until it is told to act.
    #[serde(default)]
    pub mode: Mode,
    pub capacity: RawCapacity,
    /// None means that the count stays at `min`; dead VMs are replaced all the same.
    #[serde(default)]
    pub metrics: Vec<RawMetric>,
    #[serde(default)]
    pub pace: RawPace,
    #[serde(default)]
    pub missing_data: RawMissingData,
    pub health: RawHealth,
    #[serde(default)]
    pub drain: RawDrain,
    #[serde(default)]
    pub terminate: RawTerminate,
    #[serde(default)]
    pub isolation: RawIsolation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    #[serde(rename = "cloudbrain/v1")]
    V1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyKind {
    ScalingPolicy,
}

/// How far the scaler may go for a module.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It decides and records, and changes nothing.
    #[default]
    DryRun,
    Auto,
    /// It adds, and never takes away on account of load.
    OutOnly,
    /// It changes nothing, and the record says so.
    Paused,
}

impl Mode {
    /// Whether the world may be changed at all.
    pub fn acts(self) -> bool {
        matches!(self, Self::Auto | Self::OutOnly)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Auto => "auto",
            Self::OutOnly => "out-only",
            Self::Paused => "paused",
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCapacity {
    pub min: u32,
    pub max: u32,
    /// The first count of a module that was never scaled; `min` if it is left out.
    pub initial: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMetric {
    pub name: String,
    /// A metric of the VMs; `load1_per_core` if there is no `expr` either.
    pub metric: Option<String>,
    /// A PromQL expression instead of `metric`: one value for each VM by its label `vm`, or one
    /// value without it for the module as a whole. It has to fall as VMs are added, as a mean does.
    pub expr: Option<String>,
    /// What is compared with the thresholds: over the serving VMs.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// An older sample counts as missing.
    #[serde(default = "default_max_age")]
    pub max_age: Span,
    /// With a smaller part of the serving VMs reporting, the metric is unknown.
    #[serde(default = "default_coverage")]
    pub coverage: f64,
    pub out: RawAbove,
    #[serde(rename = "in")]
    pub inward: Option<RawBelow>,
}

/// How the values of the VMs become one. There is no sum: it does not fall as VMs are added, so
/// nothing could be projected from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    #[default]
    Mean,
    Max,
    Min,
    P50,
    P90,
    P95,
    P99,
}

impl Aggregate {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Max => "max",
            Self::Min => "min",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// Over finite values; None without any. Between two ranks it is interpolated.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let quantile = match self {
            Self::Mean => {
                let sum = values.iter().sum::<f64>();
                return (!values.is_empty()).then(|| sum / values.len() as f64);
            }
            Self::Min => 0.0,
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
            Self::Max => 1.0,
        };
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = quantile * sorted.len().checked_sub(1)? as f64;
        let (low, high) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
        Some(low + (high - low) * rank.fract())
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAbove {
    pub above: f64,
    #[serde(rename = "for", default)]
    pub lasting: Span,
    pub step: Share,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBelow {
    pub below: f64,
    #[serde(rename = "for", default)]
    pub lasting: Span,
    pub step: Share,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPace {
    pub out: RawPaceOut,
    #[serde(rename = "in")]
    pub inward: RawPaceIn,
    pub create: RawPaceCreate,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceOut {
    pub max_step: Share,
    /// After a change the load is not believed for this long: load1 needs three minutes to show
    /// 95 % of a step.
    pub settle: Span,
    pub cooldown: Span,
    /// VMs on their way at once.
    pub max_in_flight: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceIn {
    pub max_step: Share,
    /// The highest count wanted within this time is kept.
    pub stabilise: Span,
    pub cooldown: Span,
    /// The load after taking VMs away must stay below this part of `out.above`.
    pub guard: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceCreate {
    /// A VM that is not in the pool after this long is given up.
    pub timeout: Span,
    pub retry_first: Span,
    pub retry_max: Span,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawMissingData {
    #[serde(rename = "in")]
    pub inward: MissingIn,
    pub out: MissingOut,
}

/// There is one value: nothing is ever taken away blind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingIn {
    #[default]
    Hold,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingOut {
    /// Go out if the VMs that do report prove overload even if all others were idle.
    #[default]
    OnPartial,
    Hold,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHealth {
    pub ready: RawReady,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReady {
    /// A path on the program's port; without it a TCP connection must succeed.
    pub http: Option<String>,
    #[serde(default = "default_expect")]
    pub expect: u16,
    #[serde(default = "default_every")]
    pub every: Span,
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// Successes in a row that make a VM ready.
    #[serde(default = "default_times")]
    pub pass: u32,
    /// Failures in a row that make a serving VM suspect.
    #[serde(default = "default_times")]
    pub fail: u32,
    /// A VM that is not ready this long after its program was started is given up.
    #[serde(default = "default_deadline")]
    pub deadline: Span,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDrain {
    /// How long requests under way may take to finish.
    pub timeout: Span,
    /// Between SIGTERM and SIGKILL.
    pub kill_after: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTerminate {
    /// Which VM leaves first; ties are broken by the next word.
    pub order: Vec<Leaver>,
    /// A VM younger than this is not taken away.
    pub young: Span,
    pub recycle: Recycle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Leaver {
    /// From the host that carries most VMs of the module.
    CrowdedHost,
    Oldest,
    Newest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recycle {
    #[default]
    Destroy,
    ToPool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawIsolation {
    pub mode: IsolationMode,
    /// How many of agent, readiness, router and provider must agree that a VM is ill.
    pub witnesses: u32,
    /// For how long they must agree.
    pub after: Span,
    /// At most this part of a module may be isolated at once.
    pub max_share: Share,
    /// An isolated VM that still runs may come back for this long before it is replaced.
    pub replace_after: Span,
    pub keep_for_debug: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationMode {
    /// Ill VMs stay in the routers; only those that do not run any more are replaced.
    None,
    Replace,
}

fn default_max_age() -> Span {
    Span::secs(45)
}
fn default_coverage() -> f64 {
    0.7
}
fn default_expect() -> u16 {
    200
}
fn default_every() -> Span {
    Span::secs(2)
}
fn default_timeout() -> Span {
    Span::secs(1)
}
fn default_times() -> u32 {
    3
}
fn default_deadline() -> Span {
    Span::secs(180)
}

impl Default for RawPaceOut {
    fn default() -> Self {
        Self {
            max_step: Share::Count(4),
            settle: Span::secs(180),
            cooldown: Span::secs(0),
            max_in_flight: 6,
        }
    }
}

impl Default for RawPaceIn {
    fn default() -> Self {
        Self {
            max_step: Share::Count(1),
            stabilise: Span::secs(600),
            cooldown: Span::secs(300),
            guard: 0.9,
        }
    }
}

impl Default for RawPaceCreate {
    fn default() -> Self {
        Self { timeout: Span::secs(480), retry_first: Span::secs(30), retry_max: Span::secs(900) }
    }
}

impl Default for RawDrain {
    fn default() -> Self {
        Self { timeout: Span::secs(60), kill_after: Span::secs(15) }
    }
}

impl Default for RawTerminate {
    fn default() -> Self {
        Self {
            order: vec![Leaver::CrowdedHost, Leaver::Oldest],
            young: Span::secs(600),
            recycle: Recycle::Destroy,
        }
    }
}

impl Default for RawIsolation {
    fn default() -> Self {
        Self {
            mode: IsolationMode::Replace,
            witnesses: 2,
            after: Span::secs(30),
            max_share: Share::Percent(20),
            replace_after: Span::secs(300),
            keep_for_debug: Span::secs(7200),
        }
    }
}

/// A policy that was checked.
#[derive(Clone, Debug)]
pub struct Policy {
    pub module: ModuleId,
    pub flavor: FlavorId,
    pub mode: Mode,
    pub min: u32,
    pub max: u32,
    pub initial: u32,
    pub metrics: Vec<Metric>,
    pub out: RawPaceOut,
    pub inward: RawPaceIn,
    pub create: RawPaceCreate,
    pub missing_out: MissingOut,
    pub ready: RawReady,
    pub drain: RawDrain,
    pub terminate: RawTerminate,
    pub isolation: RawIsolation,
}

/// One metric with its thresholds, checked: `below` lies well under `above`.
#[derive(Clone, Debug)]
pub struct Metric {
    pub name: String,
    pub measure: Measure,
    pub aggregate: Aggregate,
    pub max_age: Duration,
    pub coverage: f64,
    pub out: RawAbove,
    pub inward: Option<RawBelow>,
}

/// What a metric of a policy is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The VMs' own metric of this name.
    Metric(&'static str),
    /// A PromQL expression; whoever has the samples evaluates it.
    Expression(String),
}

/// One thing that a check found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: the keys down to the value, for example `capacity.min` or `metrics.0.in.below`.
    pub path: String,
    pub message: String,
    pub severity: FindingSeverity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingSeverity {
    /// The file is refused.
    Error,
    /// It is taken, and the reader is told.
    Warning,
}

impl Finding {
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), severity: FindingSeverity::Error }
    }

    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), severity: FindingSeverity::Warning }
    }
}

/// Checks a policy. The policy is None exactly if one of the findings is an error.
pub fn check(raw: RawPolicy) -> (Option<Policy>, Vec<Finding>) {
    let mut findings = Vec::new();
    check_capacity(&raw.capacity, &mut findings);
    check_pace(&raw, &mut findings);
    let metrics = raw.metrics.iter().enumerate();
    let metrics = metrics.filter_map(|(i, m)| check_metric(&raw, i, m, &mut findings)).collect();
    if findings.iter().any(|finding| finding.severity == FindingSeverity::Error) {
        return (None, findings);
    }
    (Some(assemble(raw, metrics)), findings)
}

fn assemble(raw: RawPolicy, metrics: Vec<Metric>) -> Policy {
    Policy {
        module: raw.module,
        flavor: raw.flavor,
        mode: raw.mode,
        min: raw.capacity.min,
        max: raw.capacity.max,
        initial: raw.capacity.initial.unwrap_or(raw.capacity.min),
        metrics,
        out: raw.pace.out,
        inward: raw.pace.inward,
        create: raw.pace.create,
        missing_out: raw.missing_data.out,
        ready: raw.health.ready,
        drain: raw.drain,
        terminate: raw.terminate,
        isolation: raw.isolation,
    }
}

fn check_capacity(capacity: &RawCapacity, findings: &mut Vec<Finding>) {
    let RawCapacity { min, max, initial } = *capacity;
    if min > max {
        findings.push(Finding::error(
            "capacity.min",
            format!("min {min} is above max {max}; write a min of at most {max}, or raise max"),
        ));
    }
    if min == 0 {
        findings.push(Finding::error(
            "capacity.min",
            "min 0 needs a metric from outside the module's own VMs, which would all be gone; \
             write at least 1",
        ));
    }
    if let Some(initial) = initial.filter(|initial| !(min..=max).contains(initial)) {
        findings.push(Finding::error(
            "capacity.initial",
            format!("initial {initial} is outside {min} to {max}; write a count within"),
        ));
    }
}

fn check_pace(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    let guard = raw.pace.inward.guard;
    if !(guard > 0.0 && guard <= 1.0) {
        findings.push(Finding::error(
            "pace.in.guard",
            format!("guard {guard} is outside 0 to 1; write for example 0.9"),
        ));
    }
    if raw.isolation.witnesses == 0 {
        findings.push(Finding::error(
            "isolation.witnesses",
            "0 witnesses would isolate every VM; write 1 to 4 (2 is usual)",
        ));
    }
    if raw.health.ready.http.as_ref().is_some_and(|path| !path.starts_with('/')) {
        findings.push(Finding::error(
            "health.ready.http",
            "a path on the program's port is wanted; write for example /ready",
        ));
    }
}

fn check_metric(
    raw: &RawPolicy,
    index: usize,
    metric: &RawMetric,
    findings: &mut Vec<Finding>,
) -> Option<Metric> {
    let path = |key: &str| format!("metrics.{index}.{key}");
    if !(metric.coverage > 0.0 && metric.coverage <= 1.0) {
        findings.push(Finding::error(
            path("coverage"),
            format!("coverage {} is outside 0 to 1; write for example 0.7", metric.coverage),
        ));
    }
    check_band(raw, metric, &path, findings);
    if raw.metrics[..index].iter().any(|earlier| earlier.name == metric.name) {
        findings.push(Finding::error(
            path("name"),
            format!("a second metric {:?}; write another name", metric.name),
        ));
    }
    Some(Metric {
        name: metric.name.clone(),
        measure: check_measure(metric, &path, findings)?,
        aggregate: metric.aggregate,
        max_age: metric.max_age.0,
        coverage: metric.coverage,
        out: metric.out,
        inward: metric.inward,
    })
}

fn check_measure(
    metric: &RawMetric,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) -> Option<Measure> {
    let name = match (&metric.metric, &metric.expr) {
        (Some(_), Some(_)) => {
            findings.push(Finding::error(
                path("expr"),
                "`metric` and `expr` both say what to read; write one of them",
            ));
            return None;
        }
        (None, Some(expression)) => return Some(Measure::Expression(expression.clone())),
        (Some(name), None) => name,
        (None, None) => model::metric::LOAD1_PER_CORE,
    };
    let Some(known) = model::metric::by_name(name) else {
        let names: Vec<_> = model::metric::whole_machine().map(|metric| metric.name).collect();
        findings.push(Finding::error(
            path("metric"),
            format!(
                "no metric {name:?}; write one of {}, or an `expr` in PromQL",
                names.join(", ")
            ),
        ));
        return None;
    };
    Some(Measure::Metric(known.name))
}

/// A fleet flaps if taking VMs away lifts the load over the other threshold.
fn check_band(
    raw: &RawPolicy,
    metric: &RawMetric,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) {
    let Some(inward) = metric.inward else { return };
    let (below, above) = (inward.below, metric.out.above);
    if !(below >= 0.0 && above > 0.0 && below < 0.9 * above) {
        findings.push(Finding::error(
            path("in.below"),
            format!(
                "in below {below} is too near to out above {above}: the fleet would flap; \
                 write less than {:.2}",
                0.9 * above
            ),
        ));
        return;
    }
    let step = inward.step.of(raw.capacity.max).min(raw.pace.inward.max_step.of(raw.capacity.max));
    let smallest = (f64::from(step) / (1.0 - below / above)).floor() as u32 + 1;
    if raw.capacity.min + step < smallest {
        findings.push(Finding::warning(
            path("in.step"),
            format!(
                "with fewer than {smallest} VMs, taking {step} away would lift the load over \
                 {above}: the guard will keep them"
            ),
        ));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use model::id::ModuleId;

    use super::*;

    /// A policy with short times, which tests change where they need to.
    pub(crate) fn raw() -> RawPolicy {
        let metric = RawMetric {
            name: "load".to_owned(),
            metric: None,
            expr: None,
            aggregate: Aggregate::Mean,
            max_age: Span::secs(5),
            coverage: 0.7,
            out: RawAbove { above: 0.8, lasting: Span::secs(3), step: Share::Count(2) },
            inward: Some(RawBelow { below: 0.4, lasting: Span::secs(10), step: Share::Count(1) }),
        };
        let ready = RawReady {
            http: Some("/ready".to_owned()),
            expect: 200,
            every: Span::secs(1),
            timeout: Span::secs(1),
            pass: 2,
            fail: 2,
            deadline: Span::secs(30),
        };
        RawPolicy {
            api_version: ApiVersion::V1,
            kind: PolicyKind::ScalingPolicy,
            module: ModuleId::parse("shop/web").unwrap(),
            flavor: FlavorId::parse("small").unwrap(),
            mode: Mode::Auto,
            capacity: RawCapacity { min: 2, max: 8, initial: None },
            metrics: vec![metric],
            pace: RawPace {
                out: RawPaceOut { settle: Span::secs(5), ..RawPaceOut::default() },
                inward: RawPaceIn {
                    stabilise: Span::secs(10),
                    cooldown: Span::secs(5),
                    ..RawPaceIn::default()
                },
                create: RawPaceCreate { timeout: Span::secs(60), ..RawPaceCreate::default() },
            },
            missing_data: RawMissingData::default(),
            health: RawHealth { ready },
            drain: RawDrain { timeout: Span::secs(10), kill_after: Span::secs(2) },
            terminate: RawTerminate { young: Span::secs(0), ..RawTerminate::default() },
            isolation: RawIsolation {
                after: Span::secs(1),
                max_share: Share::Percent(60),
                replace_after: Span::secs(0),
                keep_for_debug: Span::secs(20),
                ..RawIsolation::default()
            },
        }
    }

    fn refused(change: impl FnOnce(&mut RawPolicy)) -> Finding {
        let mut raw = raw();
        change(&mut raw);
        let (policy, findings) = check(raw);
        assert!(policy.is_none(), "{findings:?}");
        findings.into_iter().find(|f| f.severity == FindingSeverity::Error).unwrap()
    }

    #[test]
    fn a_good_policy_passes() {
        let (policy, findings) = check(raw());
        assert_eq!(findings, []);
        assert_eq!(policy.unwrap().initial, 2);
    }

    #[test]
    fn each_refusal_names_the_key_and_what_to_write() {
        let finding = refused(|raw| raw.capacity.min = 9);
        assert_eq!(finding.path, "capacity.min");
        assert!(finding.message.contains("at most 8"), "{finding:?}");
        assert_eq!(refused(|raw| raw.capacity.min = 0).path, "capacity.min");
        assert_eq!(refused(|raw| raw.capacity.initial = Some(9)).path, "capacity.initial");
        assert_eq!(refused(|raw| raw.metrics[0].coverage = 0.0).path, "metrics.0.coverage");
        assert_eq!(refused(|raw| raw.pace.inward.guard = f64::NAN).path, "pace.in.guard");
        assert_eq!(refused(|raw| raw.isolation.witnesses = 0).path, "isolation.witnesses");
        let finding = refused(|raw| raw.metrics[0].metric = Some("laod".to_owned()));
        assert!(finding.message.contains("load1_per_core"), "{finding:?}");
    }

    #[test]
    fn a_metric_is_read_from_one_place_and_has_one_name() {
        let both = refused(|raw| {
            raw.metrics[0].metric = Some("load1_per_core".to_owned());
            raw.metrics[0].expr = Some("up".to_owned());
        });
        assert_eq!(both.path, "metrics.0.expr");
        let twice = refused(|raw| raw.metrics.push(raw.metrics[0].clone()));
        assert_eq!(twice.path, "metrics.1.name");
        let mut raw = raw();
        raw.metrics[0].expr = Some("up".to_owned());
        let policy = check(raw).0.unwrap();
        assert_eq!(policy.metrics[0].measure, Measure::Expression("up".to_owned()));
    }

    #[test]
    fn aggregates_are_those_of_the_field() {
        let values = [4.0, 1.0, 3.0, 2.0];
        let of = |aggregate: Aggregate| aggregate.of(&values).unwrap();
        assert_eq!((of(Aggregate::Mean), of(Aggregate::P50)), (2.5, 2.5));
        assert_eq!((of(Aggregate::Min), of(Aggregate::Max)), (1.0, 4.0));
        assert!((of(Aggregate::P90) - 3.7).abs() < 1e-9);
        assert_eq!((Aggregate::Mean.of(&[]), Aggregate::P99.of(&[])), (None, None));
    }

    #[test]
    fn thresholds_between_which_a_fleet_would_flap_are_refused() {
        let finding = refused(|raw| raw.metrics[0].inward.as_mut().unwrap().below = 0.75);
        assert_eq!(finding.path, "metrics.0.in.below");
        assert!(finding.message.contains("less than 0.72"), "{finding:?}");
    }

    #[test]
    fn a_step_that_the_guard_will_hold_back_is_said() {
        let mut raw = raw();
        raw.capacity.min = 1;
        raw.metrics[0].inward.as_mut().unwrap().below = 0.6;
        let (policy, findings) = check(raw);
        assert!(policy.is_some());
        assert_eq!(findings[0].severity, FindingSeverity::Warning);
    }
}
