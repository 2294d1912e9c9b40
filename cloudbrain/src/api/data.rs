//! The JSON API. Each answer is what the pages show, as data; each "no" says why.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use collector::active::ActiveReadings;
use dashboards::view::monitor::MonitorView;
use model::id::{IncidentId, ModuleId, Object};
use model::lang::Lang;
use model::series::{METRIC_NAME, MatchOp, Matcher};
use model::time::Time;
use query::source::{Points, Source as _, SourceError, Wanted};
use samples::Samples;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::brain::Handle;
use crate::brain::core::{Acknowledgement, Heard, RecoveryWord};
use crate::brain::monitor;
use crate::brain::view;

/// At most so many rows in one answer.
const MAX_ROWS: usize = 1000;

/// Why a request was not answered: a status, and a sentence.
#[derive(Debug)]
pub(super) struct ApiError(pub(super) StatusCode, pub(super) String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

pub(super) fn unavailable(why: impl std::fmt::Display) -> ApiError {
    ApiError(StatusCode::SERVICE_UNAVAILABLE, why.to_string())
}

pub(super) type Answer = Result<Json<Value>, ApiError>;

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The brain has looked at the world at least once, and can write its record.
pub(super) async fn readyz(State(handle): State<Handle>) -> Result<&'static str, ApiError> {
    if let Some(trouble) = handle.trouble.borrow().clone() {
        return Err(unavailable(trouble));
    }
    match *handle.turns.borrow() {
        0 => Err(unavailable("the first look at the world is not done yet")),
        _ => Ok("ready\n"),
    }
}

/// The agents that come by themselves: how it goes with them, who is a stranger, what is refused.
pub(super) async fn active(State(handle): State<Handle>) -> Json<ActiveReadings> {
    Json(handle.active.read())
}

pub(super) async fn overview(State(handle): State<Handle>) -> Answer {
    let asked = handle.ask(|core, now| view::overview(core, now, Lang::En));
    to_json(&asked.await.map_err(unavailable)?)
}

/// How well the monitor sees: what the page shows, with all that its lists leave out.
pub(super) async fn monitor(State(handle): State<Handle>) -> Answer {
    let (view, _, _) = monitor_view(&handle).await.map_err(unavailable)?;
    to_json(&view)
}

/// The view, its moment, and the zone of the pages.
pub(super) async fn monitor_view(handle: &Handle) -> Result<(MonitorView, Time, String), String> {
    let beside = handle.beside().await;
    let asked = handle.ask(move |core, now| {
        (monitor::view(core, &beside, now), now, core.config.raw.timezone.clone())
    });
    asked.await
}

/// Which rows: of a module, from and until moments in milliseconds since the epoch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    module: Option<ModuleId>,
    incident: Option<IncidentId>,
    from: Option<i64>,
    until: Option<i64>,
    limit: Option<usize>,
}

impl Which {
    fn span(&self) -> (Time, Time) {
        let from = Time::from_millis(self.from.unwrap_or(0));
        (from, Time::from_millis(self.until.unwrap_or(i64::MAX)))
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS)
    }
}

/// The newest first.
pub(super) async fn decisions(State(handle): State<Handle>, Query(which): Query<Which>) -> Answer {
    let (from, until) = which.span();
    let rows = handle.store.decisions(which.module.as_ref(), from, until, which.limit()).await;
    let rows = rows.map_err(unavailable)?;
    let decisions = rows.iter().map(|row| {
        let mut body: Value = serde_json::from_str(&row.body).unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut body {
            fields.insert("text".to_owned(), Value::String(row.reason.clone()));
        }
        body
    });
    Ok(Json(decisions.collect()))
}

pub(super) async fn incidents(State(handle): State<Handle>) -> Answer {
    let incidents = handle.ask(|core, _| core.incidents()).await.map_err(unavailable)?;
    to_json(&incidents)
}

/// Somebody takes an incident on. The answer is the incident, once that is on record.
pub(super) async fn acknowledge(
    State(handle): State<Handle>,
    Path(id): Path<IncidentId>,
    Json(word): Json<Acknowledgement>,
) -> Answer {
    take_on(&handle, &id, word).await?;
    super::story::incident(State(handle), Path(id)).await
}

/// Notes who has taken an incident on, and returns once that is on record.
pub(super) async fn take_on(
    handle: &Handle,
    id: &IncidentId,
    word: Acknowledgement,
) -> Result<(), ApiError> {
    let wanted = id.clone();
    let asked = handle.ask(move |core, _| core.acknowledged(&wanted, word));
    let acknowledged = asked.await.map_err(unavailable)?;
    let acknowledged =
        acknowledged.map_err(|why| ApiError(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    handle.tell(Heard::Acknowledged(acknowledged)).await.map_err(unavailable)
}

/// Somebody says that the record is older than the world, or that it is as it should be.
pub(super) async fn recovery(
    State(handle): State<Handle>,
    Json(word): Json<RecoveryWord>,
) -> Answer {
    let asked = word.clone();
    let refused = handle.ask(move |core, _| core.refuse_recovery(&asked)).await;
    if let Some(why) = refused.map_err(unavailable)? {
        return Err(ApiError(StatusCode::UNPROCESSABLE_ENTITY, why));
    }
    handle.tell(Heard::Recovery(word)).await.map_err(unavailable)?;
    let recovery = handle.ask(|core, _| core.recovery_in_words()).await.map_err(unavailable)?;
    to_json(&recovery)
}

/// The newest first.
pub(super) async fn messages(State(handle): State<Handle>, Query(which): Query<Which>) -> Answer {
    let messages = messages_of(&handle, which.incident.as_ref(), which.limit()).await?;
    Ok(Json(Value::Array(messages)))
}

/// Messages with what became of them.
pub(super) async fn messages_of(
    handle: &Handle,
    incident: Option<&IncidentId>,
    limit: usize,
) -> Result<Vec<Value>, ApiError> {
    let rows = handle.store.messages(incident, limit).await.map_err(unavailable)?;
    let messages = rows.iter().map(|row| {
        let mut body: Value = serde_json::from_str(&row.body).unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut body {
            fields.insert("channel".to_owned(), json!(row.channel));
            fields.insert("status".to_owned(), json!(row.status.as_str()));
            fields.insert("attempts".to_owned(), json!(row.attempts));
            fields.insert("delivered".to_owned(), json!(row.delivered));
            fields.insert("error".to_owned(), json!(row.error));
        }
        body
    });
    Ok(messages.collect())
}

/// The newest first.
pub(super) async fn journal(State(handle): State<Handle>, Query(which): Query<Which>) -> Answer {
    let (from, until) = which.span();
    let rows = handle.store.journal(from, until, which.limit()).await.map_err(unavailable)?;
    let rows = rows.iter().map(|row| {
        json!({"at": row.at, "who": row.who, "what": row.what, "object": row.object,
               "text": row.text})
    });
    Ok(Json(rows.collect()))
}

/// Whose samples, and from when until when, in milliseconds since the epoch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    object: Object,
    from: Option<i64>,
    until: Option<i64>,
}

/// What was measured of one object, oldest first; the last minute if no time is given.
pub(super) async fn samples(State(handle): State<Handle>, Query(whose): Query<Whose>) -> Answer {
    let until = whose.until.map_or(handle.clock.now(), Time::from_millis);
    let from = whose.from.map_or(until - Duration::from_secs(60), Time::from_millis);
    let times = from.millis()..until.millis() + 1;
    let object = whose.object;
    let read = handle.recorder.run(move |samples| by_time(samples, &object, times));
    let rows = read.await.map_err(unavailable)?;
    let skip = rows.len().saturating_sub(MAX_ROWS);
    let rows = rows.into_iter().skip(skip);
    Ok(Json(rows.map(|(at, values)| json!({"at": at, "values": values})).collect()))
}

/// Values by time, and by metric with its labels that are not the object's own.
pub(super) type ByTime = BTreeMap<i64, BTreeMap<String, f64>>;

pub(super) fn by_time(
    samples: &Samples,
    object: &Object,
    times: Range<i64>,
) -> Result<ByTime, SourceError> {
    let equal = |name: &str, value: &str| Matcher {
        name: name.to_owned(),
        op: MatchOp::Equal,
        value: value.to_owned(),
    };
    let mut matchers = vec![equal(object.kind(), object.name())];
    if !matches!(object, Object::Vm(_)) {
        matchers.push(equal("vm", "")); // Of a host or module itself, not of what it carries.
    }
    let mut rows = ByTime::new();
    for found in samples.find(&matchers, times.clone(), MAX_ROWS)? {
        let mut points = Points::default();
        samples.read(found.series, times.clone(), Wanted::Last, &mut points)?;
        let name = found.labels.get(METRIC_NAME);
        for (at, value) in points.times.into_iter().zip(points.values) {
            if !value.is_nan() {
                rows.entry(at).or_default().insert(name.to_owned(), value);
            }
        }
    }
    Ok(rows)
}

pub(super) fn to_json(value: &impl serde::Serialize) -> Answer {
    serde_json::to_value(value).map(Json).map_err(unavailable)
}
