//! One incident as pages: what it is and why, and the review that writes itself.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{self, HeaderMap};
use axum::response::{Html, IntoResponse, Response};
use dashboards::view::review::ReviewView;
use model::id::IncidentId;
use model::lang::Lang;
use model::time::Time;
use serde::Deserialize;

use super::data::{Answer, ApiError, to_json, unavailable};
use super::pages::{Page, Reader, lost, trouble};
use super::quiet::me;
use super::story;
use crate::brain::acts::view::doings;
use crate::brain::review::{self, Facts};
use crate::brain::{Handle, view};

/// Decisions, lines of the journal and earlier incidents that are looked through.
const MAX_DECISIONS: usize = 1_000;
const MAX_JOURNAL: usize = 10_000;
const MAX_EARLIER: usize = 1_000;
/// What the closing itself brought about is part of the incident.
const AFTER: Duration = Duration::from_secs(1);

/// What it is, why, who is told and why or why not.
pub(super) async fn incident(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path(id): Path<IncidentId>,
) -> Page {
    let reader = Reader::of(&headers);
    let facts = facts(&handle, &id).await.map_err(IntoResponse::into_response)?;
    let facts = facts.ok_or_else(|| lost(reader))?;
    let me = me(&headers);
    let asked = handle.ask(move |core, now| {
        let overview = reader.dress(view::overview(core, now, reader.lang));
        (overview, doings(core, &id, me, now))
    });
    let (overview, doings) = asked.await.map_err(trouble)?;
    let incident = view::incident(&facts, doings, reader.lang);
    Ok(Html(dashboards::incident_page(&overview, &incident)))
}

/// How it went.
pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path(id): Path<IncidentId>,
) -> Page {
    let reader = Reader::of(&headers);
    let review = review_of(&handle, &id, reader.lang).await.map_err(IntoResponse::into_response)?;
    let review = review.ok_or_else(|| lost(reader))?;
    let zone = handle.ask(|core, _| core.config.raw.timezone.clone()).await.map_err(trouble)?;
    Ok(Html(dashboards::review_page(&review, &reader.at(handle.clock.now(), zone))))
}

/// In which language; by default as the browser asks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    lang: Option<Lang>,
}

/// How it went, for a wiki.
pub(super) async fn markdown(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path(id): Path<IncidentId>,
    Query(wish): Query<Wish>,
) -> Result<Response, ApiError> {
    let mut reader = Reader::of(&headers);
    reader.lang = wish.lang.unwrap_or(reader.lang);
    let review = review_of(&handle, &id, reader.lang).await?;
    let review = review.ok_or_else(|| story::unknown(&id))?;
    let zone = handle.ask(|core, _| core.config.raw.timezone.clone()).await.map_err(unavailable)?;
    let text = dashboards::review_markdown(&review, &reader.at(handle.clock.now(), zone));
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}

/// How it went, as data.
pub(super) async fn json(
    State(handle): State<Handle>,
    Path(id): Path<IncidentId>,
    Query(wish): Query<Wish>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let review = review_of(&handle, &id, wish.lang.unwrap_or_default()).await?;
    let answer: Answer = to_json(&review.ok_or_else(|| story::unknown(&id))?);
    answer
}

async fn review_of(
    handle: &Handle,
    id: &IncidentId,
    lang: Lang,
) -> Result<Option<ReviewView>, ApiError> {
    let facts = facts(handle, id).await?;
    Ok(facts.map(|facts| review::review(&facts, lang, handle.clock.now())))
}

/// Everything that is written down about an incident; None if there never was one of that id.
async fn facts(handle: &Handle, id: &IncidentId) -> Result<Option<Facts>, ApiError> {
    let Some(story) = story::of(handle, id).await? else { return Ok(None) };
    let asked = story.clone();
    let known = handle.ask(move |core, now| review::known(core, &asked, now));
    let known = known.await.map_err(unavailable)?;
    let from = known.began;
    let until = story.incident.closed.map_or(Time::from_millis(i64::MAX), |end| end + AFTER);
    let store = &handle.store;
    let decisions = store.decisions(None, from, until, MAX_DECISIONS).await.map_err(unavailable)?;
    let journal = store.journal(from, until, MAX_JOURNAL).await.map_err(unavailable)?;
    let earlier = store.incidents(MAX_EARLIER).await.map_err(unavailable)?;
    let earlier = earlier.iter().filter(|row| row.closed.is_some());
    let earlier = earlier.filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
    Ok(Some(Facts { story, decisions, journal, earlier, known }))
}
