//! Why (not): one incident with its trail, and one object with what is known of it.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use model::id::{IncidentId, Object};
use model::time::Time;
use serde::Deserialize;
use serde_json::json;

use super::data::{Answer, ApiError, messages_of, unavailable};
use crate::brain::Handle;
use crate::brain::record::note_of;
use crate::brain::story::{self, Story};

/// Signals in the trail of an incident in one answer, beside its own 500 lines and a few.
const MAX_NOTES: usize = 2_000;
/// Lines of an object's trail in one answer.
const MAX_NOTES_OF_OBJECT: usize = 200;
const MAX_MESSAGES: usize = 1_000;
/// Signals from so long before the first sign are shown with an incident.
const BEFORE: Duration = Duration::from_secs(60);

pub(super) async fn incident(State(handle): State<Handle>, Path(id): Path<IncidentId>) -> Answer {
    let story = of(&handle, &id).await?.ok_or_else(|| unknown(&id))?;
    Ok(Json(json!({
        "incident": story.incident,
        "messages": story.messages,
        "why": story.why.as_ref().map(|why| story::why_json(why, &story.zone)),
        "trail": story::notes_json(&story.notes, &story.zone),
    })))
}

/// Of which object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    object: Object,
}

/// What is known of an object, its trail with the newest line first, and how its incident stands.
pub(super) async fn why(State(handle): State<Handle>, Query(which): Query<Which>) -> Answer {
    let object = which.object.clone();
    let asked = handle
        .ask(move |core, now| (story::object(core, &object, now), core.settings.zone.clone()));
    let ((why, incident), zone) = asked.await.map_err(unavailable)?;
    let notes = handle.store.notes_of_object(&which.object, MAX_NOTES_OF_OBJECT).await;
    let notes: Vec<_> = notes.map_err(unavailable)?.into_iter().filter_map(note_of).collect();
    Ok(Json(json!({
        "why": story::object_json(&why, &zone),
        "incident": incident.as_ref().map(|why| story::why_json(why, &zone)),
        "trail": story::notes_json(&notes, &zone),
    })))
}

/// One incident, open or over, however old; None if there never was one.
pub(super) async fn of(handle: &Handle, id: &IncidentId) -> Result<Option<Story>, ApiError> {
    let wanted = id.clone();
    let asked = handle
        .ask(move |core, now| (story::present(core, &wanted, now), core.settings.zone.clone()));
    let (present, zone) = asked.await.map_err(unavailable)?;
    let present = match present {
        Some(present) => Some(present),
        None => past(handle, id).await?.map(|incident| (incident, None)),
    };
    let Some((incident, why)) = present else { return Ok(None) };
    let from = incident.began.unwrap_or(incident.opened) - BEFORE;
    let until =
        incident.closed.unwrap_or(Time::from_millis(i64::MAX - 1)) + Duration::from_millis(1);
    let notes = handle.store.notes_of_incident(id, from, until, MAX_NOTES).await;
    let notes = notes.map_err(unavailable)?.into_iter().filter_map(note_of).collect();
    let messages = messages_of(handle, Some(id), MAX_MESSAGES).await?;
    Ok(Some(Story { incident, why, notes, messages, zone }))
}

async fn past(
    handle: &Handle,
    id: &IncidentId,
) -> Result<Option<alerter::IncidentSummary>, ApiError> {
    let row = handle.store.incident(id).await.map_err(unavailable)?;
    let Some(row) = row else { return Ok(None) };
    let read = serde_json::from_str(&row.body);
    read.map(Some).map_err(|error| unavailable(format!("the record of {id}: {error}")))
}

pub(super) fn unknown(id: &IncidentId) -> ApiError {
    ApiError(StatusCode::NOT_FOUND, format!("no incident {id} is known"))
}
