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

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceOut {
    pub max_step: Share,
    /// After a change the load is not believed for this long: load1 needs three minutes to show
    /// 95 % of a step.
    pub settle: Span,
    pub cooldown: Span,
    /// VMs on their way at once.
    #[schemars(range(min = 1))]
    pub max_in_flight: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPaceIn {
    pub max_step: Share,
    /// The highest count wanted within this time is kept.
    pub stabilise: Span,
    pub cooldown: Span,
    /// The load after taking VMs away must stay below this part of `out.above`.
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
        Self {
            timeout: Span::secs(480),
            retry_first: Span::secs(30),
            retry_max: Span::secs(900),
            stop_after: 5,
            per_hour: 40,
        }
    }
}
