//! Alerts from elsewhere: Alertmanager's API for Prometheus, vmalert and Grafana, and the webhook
//! of an Alertmanager, at one address each.
//!
//! A post is answered once what follows from it is durable: a sender that hears nothing repeats it.
//! What was posted and has not ended is listed at the same address, for `amtool` and Karma.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use collector::posted::{self, Labels};
use futures_util::stream;
use model::id::{CheckId, Object, SilenceId};
use model::time::Time;
use serde::Serialize;
use serde_json::json;

use super::data::{ApiError, unavailable};
use super::silences::filters;
use crate::brain::Handle;
use crate::brain::acts::labels::{Test, all_match};
use crate::brain::core::{Core, Heard};
use crate::brain::posted::OpenAlert;

/// So many are looked at in one turn of the brain, and written before the next: there may be a hundred
/// thousand, and neither the brain nor its memory is there for a list of them.
const PAGE: usize = 1000;

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

/// What a list is asked for.
#[derive(Debug)]
struct Wanted {
    filters: Vec<Test>,
    active: bool,
    silenced: bool,
}

/// A part of the list.
#[derive(Debug)]
struct Page {
    alerts: Vec<Told>,
    /// It goes on behind this alert; None at the end.
    last: Option<(Object, CheckId)>,
}

/// `GET /api/v2/alerts?filter=vm="web-01"&silenced=false`: what was posted and has not ended.
pub(super) async fn list(
    State(handle): State<Handle>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wanted = Arc::new(Wanted::read(&query.unwrap_or_default())?);
    let first = page(&handle, &wanted, None).await.map_err(unavailable)?;
    let texts = stream::try_unfold(Some((first, "[")), move |at| {
        let (handle, wanted) = (handle.clone(), wanted.clone());
        async move {
            let Some((Page { alerts, last }, before)) = at else { return Ok(None) };
            let (mut text, before) = written(&alerts, before)?;
            if last.is_none() {
                text.push_str(if before == "[" { "[]" } else { "]" });
                return Ok(Some((text, None)));
            }
            let next = page(&handle, &wanted, last).await.map_err(io::Error::other)?;
            Ok::<_, io::Error>(Some((text, Some((next, before)))))
        }
    });
    Ok(([(CONTENT_TYPE, "application/json")], Body::from_stream(texts)).into_response())
}

/// Each alert with what stands `before` it, and what will stand before the next.
fn written(alerts: &[Told], mut before: &'static str) -> io::Result<(String, &'static str)> {
    let mut text = String::new();
    for alert in alerts {
        text.push_str(before);
        text.push_str(&serde_json::to_string(alert)?);
        before = ",";
    }
    Ok((text, before))
}

async fn page(
    handle: &Handle,
    wanted: &Arc<Wanted>,
    behind: Option<(Object, CheckId)>,
) -> Result<Page, String> {
    let wanted = wanted.clone();
    let page = move |core: &Core, now: Time| {
        let open: Vec<OpenAlert<'_>> = core.posted.open(behind.as_ref()).take(PAGE).collect();
        let last = open.last().filter(|_| open.len() == PAGE);
        let last = last.map(|alert| (alert.object.clone(), alert.check.clone()));
        let silenced = match (open.first(), open.last()) {
            (Some(first), Some(last)) => core.alerter.silenced(first.object, last.object),
            _ => BTreeMap::new(),
        };
        let matching = open.into_iter().filter(|alert| all_match(&wanted.filters, alert.labels));
        let told = matching.map(|alert| told(core, alert, silenced.get(alert.object), now));
        Page { alerts: told.filter(|told| wanted.has(told)).collect(), last }
    };
    handle.ask(page).await
}

impl Wanted {
    fn read(query: &str) -> Result<Self, ApiError> {
        let is_wanted = |state: &str| {
            let mut said =
                form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == state);
            !said.any(|(_, value)| value == "false")
        };
        let (active, silenced) = (is_wanted("active"), is_wanted("silenced"));
        Ok(Self { filters: filters(query)?, active, silenced })
    }

    fn has(&self, told: &Told) -> bool {
        if told.status.state == "active" { self.active } else { self.silenced }
    }
}

fn told(core: &Core, alert: OpenAlert<'_>, silence: Option<&&SilenceId>, now: Time) -> Told {
    let word = core.alerter.last_word(alert.object, alert.check);
    let text = word.map_or("", |word| word.text);
    let silenced_by: Vec<SilenceId> = silence.map(|id| (*id).clone()).into_iter().collect();
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
