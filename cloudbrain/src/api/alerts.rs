//! Alerts from elsewhere: Alertmanager's API for Prometheus, vmalert and Grafana, and the webhook
//! of an Alertmanager, at one address each.
//!
//! A post is answered once what follows from it is durable: a sender that hears nothing repeats it.
//! What was posted and has not ended is listed at the same address, for `amtool` and Karma.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use collector::posted::{self, Labels};
use model::id::SilenceId;
use model::time::Time;
use serde::Serialize;
use serde_json::json;

use super::data::{ApiError, unavailable};
use super::silences::filters;
use crate::brain::Handle;
use crate::brain::acts::labels::all_match;
use crate::brain::core::{Core, Heard};
use crate::brain::posted::OpenAlert;

/// The only one: we tell people, and not receivers.
const RECEIVER: &str = "cloudbrain";

/// `POST /api/v2/alerts`, and the webhook's form of it.
pub(super) async fn post(State(handle): State<Handle>, body: Bytes) -> Result<Response, ApiError> {
    let (alerts, errors) = posted::read(&body, handle.clock.now());
    if !alerts.is_empty() {
        handle.tell(Heard::Posted(alerts)).await.map_err(unavailable)?;
    }
    if errors.is_empty() {
        return Ok(Json(json!({})).into_response());
    }
    // Those that could be taken were taken; a sender would repeat them for ever otherwise.
    let told: Vec<String> = errors.iter().take(20).map(ToString::to_string).collect();
    Ok((StatusCode::BAD_REQUEST, Json(json!({"error": told.join("; ")}))).into_response())
}

/// An alert as Alertmanager tells it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    annotations: BTreeMap<&'static str, String>,
    labels: Labels,
    fingerprint: String,
    receivers: [Receiver; 1],
    status: Status,
    starts_at: String,
    updated_at: String,
    ends_at: String,
}

#[derive(Debug, Serialize)]
struct Receiver {
    name: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: &'static str,
    silenced_by: Vec<SilenceId>,
    inhibited_by: [String; 0],
}

/// `GET /api/v2/alerts?filter=vm="web-01"&silenced=false`: what was posted and has not ended.
pub(super) async fn list(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<Told>>, ApiError> {
    let query = query.unwrap_or_default();
    let filters = filters(&query)?;
    let is_wanted = |state: &str| {
        let mut said = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == state);
        !said.any(|(_, value)| value == "false")
    };
    let (active, silenced) = (is_wanted("active"), is_wanted("silenced"));
    let asked = handle.ask(move |core, now| {
        let open = core.posted.open().filter(|alert| all_match(&filters, alert.labels));
        let told = open.map(|alert| told(core, alert, now));
        let is_asked = |told: &Told| if told.status.state == "active" { active } else { silenced };
        told.filter(is_asked).collect::<Vec<Told>>()
    });
    Ok(Json(asked.await.map_err(unavailable)?))
}

fn told(core: &Core, alert: OpenAlert<'_>, now: Time) -> Told {
    let word = core.alerter.last_word(alert.object, alert.check);
    let text = word.map_or("", |word| word.text);
    let silenced_by: Vec<SilenceId> =
        core.alerter.silenced_by(alert.object).into_iter().cloned().collect();
    let state = if silenced_by.is_empty() { "active" } else { "suppressed" };
    Told {
        annotations: BTreeMap::from([("summary", text.to_owned())]),
        labels: alert.labels.clone(),
        fingerprint: fingerprint(alert.labels),
        receivers: [Receiver { name: RECEIVER }],
        status: Status { state, silenced_by, inhibited_by: [] },
        starts_at: word.map_or(now, |word| word.since).to_string(),
        updated_at: word.map_or(now, |word| word.heard).to_string(),
        ends_at: alert.ends.to_string(),
    }
}

/// As Prometheus has it: FNV-1a over names and values, each closed by a byte that is in no text.
fn fingerprint(labels: &Labels) -> String {
    const OFFSET: u64 = 14_695_981_039_346_656_037;
    const PRIME: u64 = 1_099_511_628_211;
    let texts = labels.iter().flat_map(|(name, value)| [name, value]);
    let bytes = texts.flat_map(|text| text.bytes().chain([255]));
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}
