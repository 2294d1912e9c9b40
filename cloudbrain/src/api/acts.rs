//! What people ask for, over the JSON API: to put off, to silence, to announce work, to end early.
//!
//! Each is answered once it is on record. A "no" is a sentence, with 422, or 404 if what is named is
//! not there.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{HeaderMap, USER_AGENT};
use axum::http::{StatusCode, Uri};
use model::id::{IncidentId, SilenceId, WindowId};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;

use super::data::{Answer, ApiError, to_json, unavailable};
use super::story::incident;
use crate::brain::acts::correct::CorrectWish;
use crate::brain::acts::release::ReleaseWish;
use crate::brain::acts::{Ender, Refusal, Request, SilenceWish, Wanted, WindowWish, view};
use crate::brain::core::Heard;
use crate::brain::{Handle, Input};

/// The longest name of a program that the journal keeps.
const MAX_AGENT_CHARS: usize = 60;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    /// The brain does not answer, and why.
    Unavailable(String),
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) if refusal.is_missing => {
                Self(StatusCode::NOT_FOUND, refusal.why.en)
            }
            Failure::Refused(refusal) => Self(StatusCode::UNPROCESSABLE_ENTITY, refusal.why.en),
            Failure::Unavailable(why) => unavailable(why),
        }
    }
}

/// Asks the brain to do it, and waits until that is on record.
pub(super) async fn ask_for(
    handle: &Handle,
    request: Request,
    from: String,
) -> Result<Value, Failure> {
    let (reply, replied) = oneshot::channel();
    let heard = Heard::Act(Box::new(Wanted { request, from, reply }));
    let away = || Failure::Unavailable("the brain is shutting down".to_owned());
    handle.inbox.send(Input::Heard(heard)).await.map_err(|_| away())?;
    replied.await.map_err(|_| away())?.map_err(Failure::Refused)
}

/// Which program asks, for the journal.
pub(super) fn program(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let printable = agent.chars().filter(|c| !c.is_control());
    let agent: String = printable.take(MAX_AGENT_CHARS).collect();
    if agent.is_empty() { "the API".to_owned() } else { agent }
}

/// A body of JSON, or a sentence about what is wrong with it.
pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let error = format!("the request is not understood: {error}");
        ApiError(StatusCode::UNPROCESSABLE_ENTITY, error)
    })
}

/// `?by=alice`.
pub(super) fn ender(uri: &Uri) -> Result<Ender, ApiError> {
    let found = Query::<Ender>::try_from_uri(uri);
    found.map(|Query(ender)| ender).map_err(|_| {
        let error = "say who ends it: add ?by=PERSON".to_owned();
        ApiError(StatusCode::UNPROCESSABLE_ENTITY, error)
    })
}

pub(super) async fn snooze(
    State(handle): State<Handle>,
    Path(id): Path<IncidentId>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let request = Request::Snooze { incident: id.clone(), wish: read(&body)? };
    ask_for(&handle, request, program(&headers)).await?;
    incident(State(handle), Path(id)).await
}

pub(super) async fn silences(State(handle): State<Handle>) -> Answer {
    to_json(&handle.ask(view::silences).await.map_err(unavailable)?)
}

pub(super) async fn silence(
    State(handle): State<Handle>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let wish: SilenceWish = read(&body)?;
    Ok(Json(ask_for(&handle, Request::Silence(wish), program(&headers)).await?))
}

pub(super) async fn expire(
    State(handle): State<Handle>,
    Path(silence): Path<SilenceId>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let request = Request::Expire { silence, by: Some(ender(&uri)?.by) };
    Ok(Json(ask_for(&handle, request, program(&headers)).await?))
}

pub(super) async fn correct(
    State(handle): State<Handle>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let wish: CorrectWish = read(&body)?;
    Ok(Json(ask_for(&handle, Request::Correct(wish), program(&headers)).await?))
}

pub(super) async fn release(
    State(handle): State<Handle>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let wish: ReleaseWish = read(&body)?;
    Ok(Json(ask_for(&handle, Request::Release(wish), program(&headers)).await?))
}

pub(super) async fn windows(State(handle): State<Handle>) -> Answer {
    to_json(&handle.ask(view::windows).await.map_err(unavailable)?)
}

pub(super) async fn open_window(
    State(handle): State<Handle>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let wish: WindowWish = read(&body)?;
    Ok(Json(ask_for(&handle, Request::Open(wish), program(&headers)).await?))
}

pub(super) async fn end_window(
    State(handle): State<Handle>,
    Path(window): Path<WindowId>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let request = Request::End { window, by: ender(&uri)?.by };
    Ok(Json(ask_for(&handle, request, program(&headers)).await?))
}
