//! How fast a module may grow, shrink, and have VMs made.

use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPace {
    pub out: RawPaceOut,
    #[serde(rename = "in")]
    pub inward: RawPaceIn,
    pub create: RawPaceCreate,
}

/// How a module may grow, as written. What is left out depends on what asks: thresholds do not know how
/// much is needed, so they go in small steps with pauses. Where the work decides (all metrics have a
/// `target` for the mean over serving VMs) that is known, and has waited by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceOut {
    /// VMs added at once: 4, or `100%` if the work decides.
    pub max_step: Option<Share>,
    /// After a change the load is not believed for this long (`3m`): load1 needs three minutes to show
    /// 95 % of a step.
    pub settle: Option<Span>,
    /// The pause after VMs were added: none if left out.
    pub cooldown: Option<Span>,
    /// VMs on their way at once: 6, or `capacity.max` if the work decides.
    #[schemars(range(min = 1))]
    pub max_in_flight: Option<u32>,
}

/// How a module may shrink, as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceIn {
    /// VMs taken away at once: 1, or `25%` if the work decides.
    pub max_step: Option<Share>,
    /// The highest count wanted within this time is kept: `10m`. Targets have waited by themselves.
    pub stabilise: Option<Span>,
    /// The pause after any change: `5m`, or none if the work decides.
    pub cooldown: Option<Span>,
    /// The load after taking VMs away must stay below this part of `out.above`: 0.9, or 1 if the
    /// work decides.
    pub guard: Option<f64>,
}

/// How a module may grow, checked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceOut {
    pub max_step: Share,
    pub settle: Span,
    pub cooldown: Span,
    pub max_in_flight: u32,
}

/// How a module may shrink, checked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceIn {
    pub max_step: Share,
    pub stabilise: Span,
    pub cooldown: Span,
    pub guard: f64,
}

/// How VMs are made for the module. Failures of all modules with one flavor count together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceCreate {
    /// A VM that is not in the pool after this long is given up.
    pub timeout: Span,
    pub retry_first: Span,
    pub retry_max: Span,
    /// After so many failures in a row no VM is made until one try succeeds or a person says so.
    #[schemars(range(min = 1))]
    pub stop_after: u32,
    /// VMs that may be made within an hour, failures among them.
    #[schemars(range(min = 1))]
    pub per_hour: u32,
}

impl RawPaceCreate {
    /// How VMs are made that may come to either of two modules: as the more patient and the more careful
    /// of them says. Each module may cause as many as its own policy says.
    pub(crate) fn joined(self, other: Self) -> Self {
        Self {
            timeout: self.timeout.max(other.timeout),
            retry_first: self.retry_first.max(other.retry_first),
            retry_max: self.retry_max.max(other.retry_max),
            stop_after: self.stop_after.min(other.stop_after),
            per_hour: self.per_hour.saturating_add(other.per_hour),
        }
    }
}

impl RawPaceOut {
    /// With what was left out. `by_work` if the work decides, at most for `max` VMs.
    pub(super) fn filled(self, by_work: bool, max: u32) -> PaceOut {
        let (step, in_flight) =
            if by_work { (Share::Percent(100), max) } else { (Share::Count(4), 6) };
        PaceOut {
            max_step: self.max_step.unwrap_or(step),
            settle: self.settle.unwrap_or(Span::secs(180)),
            cooldown: self.cooldown.unwrap_or_default(),
            max_in_flight: self.max_in_flight.unwrap_or(in_flight),
        }
    }
}

impl RawPaceIn {
    /// With what was left out. `by_work` if the work decides.
    pub(super) fn filled(self, by_work: bool) -> PaceIn {
        let (step, cooldown, guard) = if by_work {
            (Share::Percent(25), Span::default(), 1.0)
        } else {
            (Share::Count(1), Span::secs(300), 0.9)
        };
        PaceIn {
            max_step: self.max_step.unwrap_or(step),
            stabilise: self.stabilise.unwrap_or(Span::secs(600)),
            cooldown: self.cooldown.unwrap_or(cooldown),
            guard: self.guard.unwrap_or(guard),
        }
    }
}

impl Default for RawPaceCreate {
    fn default() -> Self {
        Self {
            timeout: Span::secs(480),
            retry_first: Span::secs(30),
            retry_max: Span::secs(900),
            stop_after: 5,
            per_hour: 40,
        }
    }
}
