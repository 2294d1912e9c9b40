//! What vantages ask, and what they bring.
//!
//! A vantage proves itself by its token. What it brings is on record before it is told so; what is wrong with
//! it is said in one sentence, and in our log. A batch that is wrong in itself gets a 4xx and is not to be
//! repeated; whatever else is, until it is taken.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use model::id::VantageId;
use model::time::Time;
use tokio::sync::oneshot;

use super::data::{Answer, ApiError, to_json, unavailable};
use crate::brain::Handle;
use crate::brain::core::Heard;
use crate::vantage::wire::{Answer as Seen, Batch, LONGEST_REASON, MOST_ANSWERS};

/// Clocks may differ by so much; an answer from the future would be believed for a moment that nobody
/// has seen yet.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);
/// No batch is under way for longer.
const ON_ITS_WAY: Duration = Duration::from_secs(30);
/// Nobody counts so far; what is greater comes of a fault.
const LAST_NUMBER: u64 = u64::MAX / 2;

/// `GET /api/vantages`: how each fares.
pub(super) async fn list(State(handle): State<Handle>) -> Answer {
    let asked = handle.ask(|core, now| {
        let standings = core.vantages.standings(&core.accounting, core.started, now);
        standings.map(|(name, one)| (name.clone(), one)).collect::<BTreeMap<_, _>>()
    });
    to_json(&asked.await.map_err(unavailable)?)
}

/// `GET /api/vantages/NAME/targets`.
pub(super) async fn targets(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let name = known(&handle, &name, &headers).await?;
    let asked = handle.ask(move |core, _| core.vantage_targets(&name)).await;
    to_json(&asked.map_err(unavailable)?)
}

/// `POST /api/vantages/NAME/answers`.
pub(super) async fn answers(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let name = known(&handle, &name, &headers).await?;
    let batch = read(body, handle.clock.now()).map_err(|error| refused(name.as_str(), error))?;
    let (reply, taken) = oneshot::channel();
    let heard = Heard::Vantage { name: name.clone(), batch, reply };
    handle.tell(heard).await.map_err(unavailable)?;
    match taken.await.map_err(unavailable)? {
        Some(taken) => to_json(&taken),
        None => Err(refused(name.as_str(), stranger(name.as_str()))),
    }
}

/// The vantage of this name, if it has the token of that.
async fn known(handle: &Handle, name: &str, headers: &HeaderMap) -> Result<VantageId, ApiError> {
    let id: Option<VantageId> = name.parse().ok();
    let asked = id.clone();
    let vantage = handle.ask(move |core, _| core.config.vantages.get(&asked?).cloned());
    let vantage = vantage.await.map_err(unavailable)?;
    let (Some(id), Some(vantage)) = (id, vantage) else {
        return Err(refused(name, stranger(name)));
    };
    let said = headers.get(AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    if is_same(said, format!("Bearer {}", vantage.token.reveal()).as_bytes()) {
        return Ok(id);
    }
    let message = format!("the token is not that of vantage {name}; see vantages in the main file");
    Err(refused(name, ApiError(StatusCode::UNAUTHORIZED, message)))
}

/// In a time that does not tell how much of it is right.
fn is_same(said: &[u8], right: &[u8]) -> bool {
    let differs = said.iter().zip(right).fold(0, |differs, (a, b)| differs | (a ^ b));
    said.len() == right.len() && differs == 0
}

fn read(body: Result<Bytes, BytesRejection>, now: Time) -> Result<Batch, ApiError> {
    let body = body.map_err(|error| ApiError(error.status(), error.body_text()))?;
    let batch: Batch = serde_json::from_slice(&body).map_err(|error| {
        ApiError(StatusCode::BAD_REQUEST, format!("no batch of answers: {error}"))
    })?;
    let count = batch.answers.len();
    if batch.answers.iter().any(Seen::is_too_long) {
        let message = format!("a reason of more than {LONGEST_REASON} bytes");
        return Err(ApiError(StatusCode::BAD_REQUEST, message));
    }
    if count > MOST_ANSWERS || !(1..LAST_NUMBER).contains(&batch.first) {
        let message = format!("{count} answers from {} on; send 1 to {MOST_ANSWERS}", batch.first);
        return Err(ApiError(StatusCode::BAD_REQUEST, message));
    }
    let newest = batch.answers.iter().map(|answer| answer.at).chain([batch.sent]).max();
    let newest = newest.unwrap_or(batch.sent);
    let behind = now.since(batch.sent);
    if newest.since(now) > CLOCKS_DIFFER || behind > ON_ITS_WAY {
        let message = format!(
            "sent at {} and about times up to {newest}, and here it is {now}: set the clock of the \
             vantage",
            batch.sent
        );
        return Err(ApiError(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    Ok(batch)
}

fn stranger(name: &str) -> ApiError {
    let message = format!("the main file names no vantage {name:?}");
    ApiError(StatusCode::NOT_FOUND, message)
}

fn refused(vantage: &str, error: ApiError) -> ApiError {
    tracing::warn!(vantage, why = error.1, "a vantage was refused");
    error
}
