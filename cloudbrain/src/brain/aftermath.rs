//! What came of a decision: when the VMs served, and whether the load became what was expected.
//!
//! A scaler that never looks back cannot be trusted, and cannot be corrected: a policy whose loads
//! come out higher than expected has a wrong idea of its metric. Read off the module's own series,
//! so that it can be said of any decision whose samples are still kept.

use std::time::Duration;

use model::time::Time;
use scaler::reason::Decision;
use serde::{Deserialize, Serialize};

/// What was measured of a module at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub at: Time,
    pub serving: u32,
    pub load: Option<f64>,
}

/// What came of one decision, as far as it is known by now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Aftermath {
    /// How long it took until as many VMs served as were wanted, in milliseconds.
    pub served_after_ms: Option<i64>,
    /// The load once it had settled, and how long after the decision that was.
    pub load: Option<f64>,
    pub load_after_ms: Option<i64>,
    /// The load that was to be expected if the work had stayed the same.
    pub expected: Option<f64>,
    /// When the next decision changed the count, if that was before the load could settle.
    pub overtaken_at: Option<Time>,
}

/// Reads off what came of a decision. `measured` is in order of time; `next_change` is when the
/// count was changed again; `settle` is how long the load needs to show a change.
pub fn aftermath(
    decision: &Decision,
    measured: &[Measured],
    next_change: Option<Time>,
    settle: Duration,
) -> Aftermath {
    let is_there = |point: &&Measured| match decision.to >= decision.from {
        true => point.serving >= decision.to,
        false => point.serving <= decision.to,
    };
    let until = next_change.unwrap_or(Time::from_millis(i64::MAX));
    let mut points = measured.iter().filter(|point| (decision.at..until).contains(&point.at));
    let served = points.find(is_there).map(|point| point.at);
    let settled = served.map(|at| at + settle);
    let load = settled.and_then(|at| points.find(|point| point.at >= at && point.load.is_some()));
    let since = |at: Time| at.millis() - decision.at.millis();
    Aftermath {
        served_after_ms: served.map(since),
        load: load.and_then(|point| point.load),
        load_after_ms: load.map(|point| since(point.at)),
        expected: expected(decision),
        overtaken_at: next_change.filter(|_| load.is_none()),
    }
}

/// The same work over the wanted VMs; what is the whole of it stays as it is.
fn expected(decision: &Decision) -> Option<f64> {
    let reading = decision.inputs.readings.first()?;
    let load = reading.value?;
    if reading.is_whole() {
        return Some(load);
    }
    let work = load * f64::from(decision.inputs.serving);
    (decision.to > 0).then(|| work / f64::from(decision.to))
}
