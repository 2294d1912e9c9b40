//! The metrics of a policy: what is read, over which VMs, and what it is compared with.

use std::time::Duration;

use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A metric, as written: with `out` (and `in`) for two thresholds, or with `target`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMetric {
    pub name: String,
    /// Where it comes from: the module's own VMs, or something that is there without them.
    #[serde(default)]
    pub source: MetricSource,
    /// A metric of the VMs; `load1_per_core` if there is no `expr` either.
    pub metric: Option<String>,
    /// A PromQL expression instead of `metric`: one value for each VM by its label `vm`, or one
    /// value without it for the module as a whole. It has to fall as VMs are added, as a mean does.
    pub expr: Option<String>,
    /// Whose values are read.
    #[serde(default)]
    pub over: Over,
    /// How the values of the VMs become one.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Each VM's value is its mean over this time; `0`, the default, takes the newest sample. For
    /// `metric` alone: an `expr` says so itself, as `avg_over_time(x[1m])`.
    #[serde(default)]
    pub window: Span,
    /// An older sample counts as missing.
    #[serde(default = "default_max_age")]
    pub max_age: Span,
    /// With a smaller part of the VMs reporting, the metric is unknown.
    #[serde(default = "default_coverage")]
    pub coverage: f64,
    pub out: Option<RawAbove>,
    #[serde(rename = "in")]
    pub inward: Option<RawBelow>,
    /// What each VM is to carry: the count is made such that the value comes to this. With
    /// `source: outside` or `aggregate: sum` it is the part of the whole that one VM takes.
    pub target: Option<f64>,
    /// So far from `target` nothing is done, as a part of it; 0.1 if left out.
    pub tolerance: Option<f64>,
}

/// Where a metric comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricSource {
    /// What this program measures of the module's VMs.
    #[default]
    Cloudmonitor,
    /// An `expr` with one value that is there without any VM of the module, and is the whole of the
    /// work, for example the length of a queue. With it `min: 0` may be written.
    Outside,
}

/// Whose values of a metric are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// The VMs in the routers.
    #[default]
    Serving,
    /// Also those on their way there.
    All,
}

/// How the values of the VMs become one.
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
    /// All of them together. It does not fall as VMs are added, so it wants a `target`: what one VM
    /// takes of it.
    Sum,
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
            Self::Sum => "sum",
        }
    }

    /// Over finite values; None without any. Between two ranks it is interpolated.
    pub fn of(self, values: &[f64]) -> Option<f64> {
        let sum = || (!values.is_empty()).then(|| values.iter().sum::<f64>());
        let quantile = match self {
            Self::Mean => return Some(sum()? / values.len() as f64),
            Self::Sum => return sum(),
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

/// The upper threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAbove {
    pub above: f64,
    #[serde(rename = "for", default)]
    pub lasting: Span,
    pub step: Share,
}

/// The lower threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBelow {
    pub below: f64,
    #[serde(rename = "for", default)]
    pub lasting: Span,
    pub step: Share,
}

/// One metric, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    pub name: String,
    pub source: MetricSource,
    pub measure: Measure,
    pub over: Over,
    pub aggregate: Aggregate,
    /// Zero: the newest sample.
    pub window: Duration,
    pub max_age: Duration,
    pub coverage: f64,
    pub aim: Aim,
}

impl Metric {
    /// Whether the work decides what it asks for: a target for the mean over the VMs that serve.
    pub fn is_decided_by_work(&self) -> bool {
        let is_mean = self.aggregate == Aggregate::Mean && self.over == Over::Serving;
        let is_own = self.source == MetricSource::Cloudmonitor;
        is_own && is_mean && matches!(self.aim, Aim::Target { .. })
    }

    /// Whether its value is the whole of the work, not what one VM has of it.
    pub fn is_whole(&self) -> bool {
        self.source == MetricSource::Outside || self.aggregate == Aggregate::Sum
    }
}

/// What a metric is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// `below` lies well under `above`.
    Band {
        out: RawAbove,
        inward: Option<RawBelow>,
    },
    Target {
        target: f64,
        tolerance: f64,
    },
}

impl Aim {
    /// What the value must not be above for long: the upper threshold, or the target with its
    /// tolerance.
    pub fn above(&self) -> f64 {
        match self {
            Self::Band { out, .. } => out.above,
            Self::Target { target, tolerance } => target * (1.0 + tolerance),
        }
    }

    /// What the value must be under before anything is taken away; None if nothing ever is.
    pub fn below(&self) -> Option<f64> {
        match self {
            Self::Band { inward, .. } => inward.map(|inward| inward.below),
            Self::Target { target, tolerance } => Some(target * (1.0 - tolerance)),
        }
    }
}

/// What a metric of a policy is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The VMs' own metric of this name.
    Metric(&'static str),
    /// A PromQL expression; whoever has the samples evaluates it.
    Expression(String),
}

fn default_max_age() -> Span {
    Span::secs(45)
}

fn default_coverage() -> f64 {
    0.7
}
