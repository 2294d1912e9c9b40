//! Decisions and their reasons, also of every "no".
//!
//! Nobody trusts a scaler that cannot say why it did nothing at three in the morning. So a
//! decision carries what it saw, what each metric asked for, and each limit in the order in which
//! it was applied.

use std::fmt;
use std::time::Duration;

use model::id::{DecisionId, HoldId, ModuleId, VmId};
use model::time::Time;
use model::unit::Span;
use model::vm::{Vm, VmState};
use serde::{Deserialize, Serialize};

use crate::facts::SpentBudget;
use crate::hold::HoldWhat;
pub use crate::inputs::{Ask, Clocks, Inputs, Reading, Room, Terms};
use crate::policy::Mode;
use crate::work::Account;

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
    /// Each limit, in the order of [`crate::decide::STAGES`].
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

/// One thing that may change what was asked for, in the order in which they are applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// One of [`crate::decide::STAGES`].
    pub name: String,
    /// The count that came in,
    pub from: u32,
    /// and the one that went out.
    pub to: u32,
    #[serde(default)]
    pub outcome: LimitOutcome,
    pub detail: String,
}

/// What a limit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitOutcome {
    /// It was looked at, and let the count pass.
    Passed,
    /// It changed the count. Older builds recorded no others.
    #[default]
    Changed,
    /// It is not about such a change.
    NotApplicable,
}

impl LimitOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Changed => "changed",
            Self::NotApplicable => "n/a",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, from, to, outcome, detail } = self;
        match outcome {
            LimitOutcome::Changed => write!(f, "{name} {from} -> {to}: {detail}"),
            LimitOutcome::Passed | LimitOutcome::NotApplicable => {
                write!(f, "{name} {}: {detail}", outcome.as_str())
            }
        }
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
    /// The error budget of the module is used up.
    BudgetSpent(SpentBudget),
    /// A target metric is so far off that another count is wanted.
    OffTarget {
        metric: String,
        value: f64,
        target: f64,
        wants: u32,
    },
    OnTarget {
        metric: String,
        value: f64,
        target: f64,
    },
    /// The work, as it is expected, wants another count.
    WorkAsks {
        metric: String,
        wants: u32,
        limit: f64,
        account: Account,
    },
    WorkFits {
        metric: String,
        limit: f64,
        account: Account,
    },
    /// Fewer would do, and letting them go is not worth an action yet.
    SurplusTooSmall {
        metric: String,
        keeps: u32,
        surplus: Duration,
        price: Duration,
        account: Account,
    },
    /// A metric is unknown for so long that the policy wants its floor for that.
    BlindToFloor {
        metric: String,
        floor: u32,
        lasted: Duration,
    },
    /// A schedule, or the forecast, wants at least so many.
    Floor {
        floor: u32,
        by: String,
    },
    /// A schedule wants at most so many.
    Ceiling {
        ceiling: u32,
        by: String,
    },
    /// All VMs that could go are protected, young, or needed.
    Protected {
        removable: u32,
    },
    /// The pool is empty and no more VMs can be made.
    NoRoom {
        ready: u32,
        creatable: u32,
    },
    /// The fleet lost enough VMs by choice for the moment.
    FleetBrake {
        room: u32,
    },
    /// A person said that this is to be left alone for a while.
    Held {
        hold: HoldId,
        what: HoldWhat,
        until: Time,
        wanted: u32,
        because: Box<Reason>,
    },
    /// There is no policy for the module any more: everything stays as it is.
    NoPolicy,
    /// The count doubled, and the load did not fall.
    LoadDoesNotFall {
        until: Time,
    },
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
            Self::BudgetSpent(SpentBudget { policy, down, allowed, until }) => write!(
                f,
                "down {} where {policy} allows {}: the error budget is used up, and nothing is taken \
                 away until {until}",
                seconds(*down),
                seconds(*allowed)
            ),
            Self::OffTarget { metric, value, target, wants } => {
                write!(f, "{metric} {value:.2}, target {target:.2}: {wants} are wanted")
            }
            Self::WorkAsks { metric, wants, limit, account } => {
                write!(f, "{metric}: {account}; {wants} VMs carry that at up to {limit:.2} each")
            }
            Self::WorkFits { metric, limit, account } => {
                write!(f, "{metric}: {account}; that fits at up to {limit:.2} a VM")
            }
            Self::SurplusTooSmall { metric, keeps, surplus, price, account } => write!(
                f,
                "{metric}: {account}; {keeps} VMs would do, but to have more cost {} of VM time so \
                 far and an action is worth {}",
                seconds(*surplus),
                seconds(*price)
            ),
            Self::OnTarget { metric, value, target } => {
                write!(f, "{metric} {value:.2}, target {target:.2}: the count fits")
            }
            Self::BlindToFloor { metric, floor, lasted } => write!(
                f,
                "{metric} unknown for {}: at least {floor} until it is known",
                seconds(*lasted)
            ),
            Self::Floor { floor, by } => write!(f, "{by} wants at least {floor}"),
            Self::Ceiling { ceiling, by } => write!(f, "{by} wants at most {ceiling}"),
            Self::Protected { removable: 0 } => {
                f.write_str("none may go: all are protected, young or needed")
            }
            Self::Protected { removable } => {
                write!(f, "only {removable} may go: the others are protected, young or needed")
            }
            Self::NoRoom { ready, creatable } => {
                write!(f, "no VM to be had: {ready} ready in the pool, {creatable} can be made")
            }
            Self::FleetBrake { room } => {
                write!(f, "the fleet brake lets {room} more go for now")
            }
            Self::Held { hold, what, until, wanted, because } => write!(
                f,
                "held ({what}) by {hold} until {until}: would be {wanted}, because {because}",
                what = what.as_str()
            ),
            Self::NoPolicy => f.write_str("its policy file is gone: everything stays as it is"),
            Self::LoadDoesNotFall { until } => {
                write!(f, "adding VMs did not bring the load down: no more until {until}")
            }
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
            Self::BudgetSpent(_) => "budget-spent",
            Self::OffTarget { .. } => "off-target",
            Self::OnTarget { .. } => "on-target",
            Self::WorkAsks { .. } => "work-asks",
            // A surplus comes and goes: it is no news.
            Self::WorkFits { .. } | Self::SurplusTooSmall { .. } => "work-fits",
            Self::BlindToFloor { .. } => "blind-to-floor",
            Self::Floor { .. } => "floor",
            Self::Ceiling { .. } => "ceiling",
            Self::Protected { .. } => "protected",
            Self::NoRoom { .. } => "no-room",
            Self::FleetBrake { .. } => "fleet-brake",
            Self::Held { .. } => "held",
            Self::NoPolicy => "no-policy",
            Self::LoadDoesNotFall { .. } => "load-does-not-fall",
            Self::Inert { .. } => "inert",
        }
    }
}

/// Whole seconds, written as in files.
fn seconds(span: Duration) -> Span {
    Span(Duration::from_secs(span.as_secs()))
}
