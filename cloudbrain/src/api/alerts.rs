//! Alerts from elsewhere: Alertmanager's API for Prometheus, vmalert and Grafana, and the webhook
//! of an Alertmanager, at one address each.
//!
//! A post is answered once what follows from it is durable: a sender that hears nothing repeats it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use collector::posted;
use serde_json::json;

use super::data::{ApiError, unavailable};
use crate::brain::core::Heard;
use crate::brain::{Handle, Input};

/// `POST /api/v2/alerts`, and the webhook's form of it.
pub(super) async fn post(State(handle): State<Handle>, body: Bytes) -> Result<Response, ApiError> {
    let (alerts, errors) = posted::read(&body, handle.clock.now());
    if !alerts.is_empty() {
        let mut turns = handle.turns.clone();
        turns.mark_unchanged();
        let heard = Input::Heard(Heard::Posted(alerts));
        handle.inbox.send(heard).await.map_err(|_| unavailable("the brain is shutting down"))?;
        turns.changed().await.map_err(|_| unavailable("the brain is shutting down"))?;
    }
    if errors.is_empty() {
        return Ok(Json(json!({})).into_response());
    }
    // Those that could be taken were taken; a sender would repeat them for ever otherwise.
    let told: Vec<String> = errors.iter().take(20).map(ToString::to_string).collect();
    Ok((StatusCode::BAD_REQUEST, Json(json!({"error": told.join("; ")}))).into_response())
}
