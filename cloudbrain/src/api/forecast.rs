//! `/api/forecast?module=`: what a module is likely to need, and how good such words were.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use model::id::ModuleId;
use scaler::facts::Forecast;
use scaler::forecast::Score;
use scaler::policy::ForecastMode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::brain::Handle;
use crate::brain::forecaster::{self, Foreseen};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    module: ModuleId,
}

/// A module's forecast and its score.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForecastView {
    pub module: ModuleId,
    pub mode: ForecastMode,
    pub forecast: Option<Forecast>,
    pub score: Score,
    pub history_s: u64,
}

pub(super) async fn forecast(
    State(handle): State<Handle>,
    Query(asked): Query<Asked>,
) -> Result<Json<ForecastView>, Response> {
    let module = asked.module.clone();
    let found =
        handle.ask(move |core, _| core.config.scaler.policies.get(&asked.module).map(Foreseen::of));
    let foreseen = match found.await {
        Ok(Some(Some(foreseen))) => foreseen,
        Ok(Some(None)) => {
            return Err(refusal(
                StatusCode::CONFLICT,
                &format!(
                    "{module}: its policy reads no metric of the VMs that would tell its work"
                ),
            ));
        }
        Ok(None) => {
            return Err(refusal(
                StatusCode::NOT_FOUND,
                &format!("{module}: no policy is in force"),
            ));
        }
        Err(why) => return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, &why)),
    };
    let mode = foreseen.terms.mode;
    let scored = forecaster::score(&handle, foreseen).await;
    let scored = scored.map_err(|why| refusal(StatusCode::SERVICE_UNAVAILABLE, &why))?;
    let history_s = scored.history.as_secs();
    let view =
        ForecastView { module, mode, forecast: scored.forecast, score: scored.score, history_s };
    Ok(Json(view))
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}
