//! Decisions and their reasons, also of every "no".
//!
//! Nobody trusts a scaler that cannot say why it did nothing at three in the morning. So a
//! decision carries what it saw, what each metric asked for, and each limit in the order in which
//! it was applied.

use std::fmt;
use std::time::Duration;

use model::id::{DecisionId, ModuleId, VmId};
use model::time::Time;
use model::unit::Span;
use model::vm::{Vm, VmState};
use serde::{Deserialize, Serialize};

use crate::policy::{Aggregate, Mode};

/// What the scaler wants for one module, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub id: DecisionId,
    pub module: ModuleId,
    pub at: Time,
    pub mode: Mode,
    pub from: u32,
    /// In a mode that does not act: what it would be.
    pub to: u32,
    pub reason: Reason,
    pub inputs: Inputs,
    /// Each limit that changed the count, in order.
    pub limits: Vec<Limit>,
    /// What was begun for it in the same tick.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
    /// VMs that it wants and that the pool could not give in that tick.
    #[serde(default)]
    pub short: u32,
}

/// A VM that went to another state, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub vm: VmId,
    pub to: VmState,
    pub why: String,
}

impl Moved {
    /// The newest move of a VM.
    pub fn of(vm: &Vm) -> Self {
        Self { vm: vm.id.clone(), to: vm.state, why: vm.why.clone() }
    }
}

impl Decision {
    /// Whether the count stays.
    pub fn is_hold(&self) -> bool {
        self.from == self.to
    }
}

/// What was known when it was decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    pub serving: u32,
    /// On their way into service.
    pub warming: u32,
    pub readings: Vec<Reading>,
}

/// One metric, over the serving VMs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub name: String,
    #[serde(default)]
    pub aggregate: Aggregate,
    /// The aggregate over the VMs with a fresh sample; None without any.
    #[serde(alias = "mean")]
    pub value: Option<f64>,
    /// The aggregate if every VM without a fresh sample were idle.
    #[serde(default)]
    pub at_least: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub fresh: u32,
    pub serving: u32,
    pub oldest_sample_s: Option<f64>,
    pub known: bool,
    /// Why its expression has no value, if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    pub out_above: f64,
    pub in_below: Option<f64>,
}

/// One limit that changed what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub name: String,
    pub from: u32,
    pub to: u32,
    pub detail: String,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from, to, detail } = self;
        write!(f, "{name} {from} -> {to}: {detail}")
    }
}

/// Why the count changes, or stays. Times are seconds; loads are per core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// The count in force lies outside the policy's bounds.
    Bounds {
        min: u32,
        max: u32,
    },
    LoadAbove {
        metric: String,
        load: f64,
        above: f64,
        lasted: Duration,
    },
    LoadBelow {
        metric: String,
        load: f64,
        below: f64,
        lasted: Duration,
    },
    /// The VMs that report prove overload, whatever the others do.
    OverloadProvenByPart {
        metric: String,
        load_at_least: f64,
        above: f64,
        fresh: u32,
        serving: u32,
    },
    LoadInBand {
        load: Option<f64>,
    },
    /// No metric is given: the count is what the policy's bounds say.
    NotElastic,
    AboveNotLongEnough {
        load: f64,
        above: f64,
        lasted: Duration,
        needed: Duration,
    },
    BelowNotLongEnough {
        load: f64,
        below: f64,
        lasted: Duration,
        needed: Duration,
    },
    SamplesMissing {
        metric: String,
        fresh: u32,
        serving: u32,
        coverage: f64,
    },
    /// The expression of a metric has no value.
    NoAnswer {
        metric: String,
        fault: String,
    },
    NothingServes,
    Settling {
        until: Time,
    },
    CoolingDown {
        until: Time,
    },
    Stabilising {
        until: Time,
        keeps: u32,
    },
    /// VMs that are on their way will bring the load down.
    AlreadyOnTheirWay {
        projected: f64,
        above: f64,
    },
    StillWarming {
        warming: u32,
    },
    WouldOverload {
        projected: f64,
        limit: f64,
    },
    AtMax {
        max: u32,
    },
    AtMin {
        min: u32,
    },
    TooManyInFlight {
        warming: u32,
        max: u32,
    },
    OutOnly,
    /// What would be done, were the mode `auto`.
    Inert {
        mode: Mode,
        wanted: u32,
        because: Box<Reason>,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bounds { min, max } => write!(f, "the policy's bounds are {min} to {max}"),
            Self::LoadAbove { metric, load, above, lasted } => {
                write!(f, "{metric} {load:.2} > {above:.2} for {}", seconds(*lasted))
            }
            Self::LoadBelow { metric, load, below, lasted } => {
                write!(f, "{metric} {load:.2} < {below:.2} for {}", seconds(*lasted))
            }
            Self::OverloadProvenByPart { metric, load_at_least, above, fresh, serving } => write!(
                f,
                "{metric} at least {load_at_least:.2} > {above:.2}, by {fresh} of {serving} VMs alone"
            ),
            Self::LoadInBand { load: Some(load) } => write!(f, "load {load:.2} is within its band"),
            Self::LoadInBand { load: None } => f.write_str("load is within its band"),
            Self::NotElastic => f.write_str("the policy names no metric: the count stays"),
            Self::AboveNotLongEnough { load, above, lasted, needed } => write!(
                f,
                "load {load:.2} > {above:.2} for {} of {}",
                seconds(*lasted),
                seconds(*needed)
            ),
            Self::BelowNotLongEnough { load, below, lasted, needed } => write!(
                f,
                "load {load:.2} < {below:.2} for {} of {}",
                seconds(*lasted),
                seconds(*needed)
            ),
            Self::SamplesMissing { metric, fresh, serving, coverage } => write!(
                f,
                "{metric} unknown: fresh samples from {fresh} of {serving} VMs, {:.0} % needed",
                coverage * 100.0
            ),
            Self::NoAnswer { metric, fault } => write!(f, "{metric} unknown: {fault}"),
            Self::NothingServes => f.write_str("no VM serves: no load to go by"),
            Self::Settling { until } => write!(f, "settling after the last change until {until}"),
            Self::CoolingDown { until } => write!(f, "cooling down until {until}"),
            Self::Stabilising { until, keeps } => {
                write!(f, "{keeps} were wanted lately: kept until {until}")
            }
            Self::AlreadyOnTheirWay { projected, above } => write!(
                f,
                "with the VMs on their way load will be {projected:.2}, not above {above:.2}"
            ),
            Self::StillWarming { warming } => write!(f, "{warming} VMs are still on their way"),
            Self::WouldOverload { projected, limit } => {
                write!(f, "with one VM less load would be {projected:.2} > {limit:.2}")
            }
            Self::AtMax { max } => write!(f, "at max {max}"),
            Self::AtMin { min } => write!(f, "at min {min}"),
            Self::TooManyInFlight { warming, max } => {
                write!(f, "{warming} VMs are on their way, at most {max} at once")
            }
            Self::OutOnly => f.write_str("mode out-only takes nothing away"),
            Self::Inert { mode, wanted, because } => {
                write!(f, "mode {}: would be {wanted}, because {because}", mode.as_str())
            }
        }
    }
}

impl Reason {
    /// The kind of reason without its numbers: a hold is recorded anew when this changes.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bounds { .. } => "bounds",
            Self::LoadAbove { .. } => "load-above",
            Self::LoadBelow { .. } => "load-below",
            Self::OverloadProvenByPart { .. } => "overload-proven-by-part",
            Self::LoadInBand { .. } => "load-in-band",
            Self::NotElastic => "not-elastic",
            Self::AboveNotLongEnough { .. } => "above-not-long-enough",
            Self::BelowNotLongEnough { .. } => "below-not-long-enough",
            Self::SamplesMissing { .. } => "samples-missing",
            Self::NoAnswer { .. } => "no-answer",
            Self::NothingServes => "nothing-serves",
            Self::Settling { .. } => "settling",
            Self::CoolingDown { .. } => "cooling-down",
            Self::Stabilising { .. } => "stabilising",
            Self::AlreadyOnTheirWay { .. } => "already-on-their-way",
            Self::StillWarming { .. } => "still-warming",
            Self::WouldOverload { .. } => "would-overload",
            Self::AtMax { .. } => "at-max",
            Self::AtMin { .. } => "at-min",
            Self::TooManyInFlight { .. } => "too-many-in-flight",
            Self::OutOnly => "out-only",
            Self::Inert { .. } => "inert",
        }
    }
}

/// Whole seconds, written as in files.
fn seconds(span: Duration) -> Span {
    Span(Duration::from_secs(span.as_secs()))
}
