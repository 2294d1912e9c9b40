//! A policy file as it is written. The parts with more than one key have files of their own.
//!
//! Nothing here is believed: [`super::check`] makes a [`super::Policy`] of it, or says why not.

use model::id::{FlavorId, ModuleId};
use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::care::{RawDrain, RawHealth, RawIsolation, RawTerminate};
use super::deploy::RawDeploy;
use super::metric::RawMetric;
use super::pace::RawPace;

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
    /// None means that the count stays within `capacity`; dead VMs are replaced all the same.
    #[serde(default)]
    pub metrics: Vec<RawMetric>,
    /// When floor and ceiling are others, or the mode is stricter. They never set the count.
    #[serde(default)]
    pub schedules: Vec<RawSchedule>,
    #[serde(default)]
    pub forecast: RawForecast,
    #[serde(default)]
    pub pace: RawPace,
    #[serde(default)]
    pub missing_data: RawMissingData,
    /// How a new release goes out. Of these keys scaling needs `surge`; the others are checked and
    /// kept, and have no effect before there are releases.
    #[serde(default)]
    pub deploy: RawDeploy,
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

    /// The stricter of two: what acts least.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let strictness = |mode: Self| match mode {
            Self::Auto => 0,
            Self::OutOnly => 1,
            Self::DryRun => 2,
            Self::Paused => 3,
        };
        if strictness(other) > strictness(self) { other } else { self }
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCapacity {
    /// Never fewer by choice. 0 needs a metric with `source: outside`.
    pub min: u32,
    /// Never more, whatever state they are in.
    #[schemars(range(min = 1))]
    pub max: u32,
    /// The first count of a module that was never scaled; `min` if it is left out.
    pub initial: Option<u32>,
}

/// A span of time that comes again and again, and what holds in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSchedule {
    /// What people call it; once in a policy.
    pub name: String,
    /// When it begins, in five fields: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// For how long it holds each time: elapsed time, also over a change of clocks.
    pub duration: Span,
    /// The IANA time zone of `cron`.
    pub timezone: String,
    /// It begins so much earlier, so that VMs serve when the rush comes.
    #[serde(default)]
    pub lead: Span,
    /// The floor is at least this; the highest of those that hold counts.
    pub min: Option<u32>,
    /// The ceiling is at most this; the lowest of those that hold counts.
    #[schemars(range(min = 1))]
    pub max: Option<u32>,
    /// The mode is at least this strict.
    pub mode: Option<ScheduleMode>,
}

/// The modes that a schedule may set: both stricter than `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleMode {
    OutOnly,
    Paused,
}

impl From<ScheduleMode> for Mode {
    fn from(mode: ScheduleMode) -> Self {
        match mode {
            ScheduleMode::OutOnly => Self::OutOnly,
            ScheduleMode::Paused => Self::Paused,
        }
    }
}

/// Whether what is likely to come may lift the floor. It never takes anything away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawForecast {
    pub mode: ForecastMode,
    /// So far ahead is looked.
    pub horizon: Span,
    /// With less history than this it only observes.
    pub min_history: Span,
    /// The floor is lifted by at most this part of the count, or by so many VMs.
    pub max_raise: Share,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForecastMode {
    #[default]
    None,
    /// It is made, judged and shown, and changes nothing.
    Observe,
    /// It lifts the floor, as long as it is better than "same time last week".
    RaiseFloor,
}

/// What is done when a metric is not known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawMissingData {
    #[serde(rename = "in")]
    pub inward: MissingIn,
    pub out: MissingOut,
    /// With `out: to-floor`: the count to rise to. It is read for no other value.
    pub floor: Option<u32>,
    /// So long a metric may be unknown before it is told, and before `to-floor` rises.
    pub alert_after: Span,
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
    /// As `on-partial`, and rise to `floor` once the metric is unknown for `alert_after`.
    ToFloor,
}

impl Default for RawForecast {
    fn default() -> Self {
        Self {
            mode: ForecastMode::None,
            horizon: Span::secs(1_800),
            min_history: Span::secs(3 * 86_400),
            max_raise: Share::Percent(50),
        }
    }
}

impl Default for RawMissingData {
    fn default() -> Self {
        Self {
            inward: MissingIn::Hold,
            out: MissingOut::OnPartial,
            floor: None,
            alert_after: Span::secs(120),
        }
    }
}
