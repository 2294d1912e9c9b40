//! The scaling policy of one module: as written ([`RawPolicy`]) and as checked ([`Policy`]).
//!
//! Operations write it, so each refusal says which key, why, and what to write instead. Inner code
//! sees only the checked form, where `min <= max` and a fleet cannot flap between the thresholds.
//!
//! A schedule is kept as it is written: it speaks of local times of a zone, and zones are not known
//! here. Whoever knows them hands over the moments, as [`crate::facts::ScheduleSpan`].

mod care;
mod check;
mod deploy;
mod finding;
pub mod lint;
mod metric;
mod pace;
mod raw;

#[cfg(test)]
pub(crate) mod tests;

use model::id::{FlavorId, ModuleId};

pub use care::{
    DrainThen, DrainWait, IsolationMode, Leaver, RawDrain, RawHealth, RawIsolation, RawLive,
    RawReady, RawTerminate, Recycle,
};
pub use check::{REQUESTS_PER_SECOND, check};
pub use deploy::{DeployOrder, DeployStyle, OnBrake, RawDeploy};
pub use finding::{Finding, FindingSeverity};
pub use metric::{
    Aggregate, Aim, Measure, Metric, MetricSource, Over, RawAbove, RawBelow, RawMetric,
};
pub use pace::{PaceIn, PaceOut, RawPace, RawPaceCreate, RawPaceIn, RawPaceOut};
pub use raw::{
    ApiVersion, ForecastMode, MissingIn, MissingOut, Mode, PolicyKind, RawCapacity, RawForecast,
    RawMissingData, RawPolicy, RawSchedule, ScheduleMode,
};

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
    pub schedules: Vec<RawSchedule>,
    pub forecast: RawForecast,
    pub out: PaceOut,
    pub inward: PaceIn,
    pub create: RawPaceCreate,
    pub missing: RawMissingData,
    pub deploy: RawDeploy,
    pub ready: RawReady,
    pub drain: RawDrain,
    pub terminate: RawTerminate,
    pub isolation: RawIsolation,
}
