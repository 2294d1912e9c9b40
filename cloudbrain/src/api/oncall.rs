//! Who is on duty: read by anybody, changed by somebody who says who he is.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::brain::Handle;
use crate::brain::core::{Heard, StandIn};
use crate::brain::duty::Said;
use crate::oncall::Roster;

use super::data::{Answer, ApiError, to_json, unavailable};

/// So many days ahead are listed, at most.
pub const MAX_DAYS: u32 = 366;

/// Which moment, in milliseconds since the epoch, and how many days from it on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    at: Option<i64>,
    #[serde(default = "two_weeks")]
    days: u32,
}

/// Who is on duty by each schedule, and what was said of stand-ins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OncallView {
    pub at: Time,
    pub schedules: Vec<Roster>,
    /// In the order in which they were said; of those that count at once the last wins.
    pub overrides: Vec<Said>,
}

pub(super) async fn oncall(State(handle): State<Handle>, Query(which): Query<Which>) -> Answer {
    let ahead = ahead(which.days)?;
    let asked = handle.ask(move |core, now| {
        let at = which.at.map_or(now, Time::from_millis);
        let schedules = core.duty.rosters(&core.config, at, ahead);
        OncallView { at, schedules, overrides: core.duty.said().to_vec() }
    });
    to_json(&asked.await.map_err(unavailable)?)
}

/// Somebody stands in. The answer is what was understood, once it is on record.
pub(super) async fn stand_in(State(handle): State<Handle>, Json(word): Json<StandIn>) -> Answer {
    let asked = handle.ask(move |core, now| core.stands_in(&word, now)).await;
    let said = asked.map_err(unavailable)?;
    let said = said.map_err(|why| ApiError(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    handle.tell(Heard::StandsIn(said.clone())).await.map_err(unavailable)?;
    to_json(&said)
}

fn ahead(days: u32) -> Result<Duration, ApiError> {
    if days == 0 || days > MAX_DAYS {
        let why = format!("{days} days; write 1 to {MAX_DAYS}");
        return Err(ApiError(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    Ok(Duration::from_secs(u64::from(days) * 86_400))
}

fn two_weeks() -> u32 {
    14
}
