//! Silences in the form of Alertmanager's API v2, so that `amtool` and Karma work on ours.
//!
//! What Alertmanager says by labels alone we say by object as well: a silence of an object is shown
//! with the label of its kind, `vm="web-01"`, and one that comes in with matchers covers posted
//! alerts. Whoever made it is as its sender says: an Alertmanager knows no people.

use alerter::act::{LabelMatcher, Scope, Silence};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use collector::posted::Labels;
use model::id::{PersonId, SilenceId};
use model::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::acts::{ask_for, program, read};
use super::data::{Answer, ApiError, to_json, unavailable};
use crate::brain::Handle;
use crate::brain::acts::labels::{self, Test};
use crate::brain::acts::{Foreign, Request, SilenceWish};

/// More filters than these say nothing more.
const MAX_FILTERS: usize = 20;

/// A silence as Alertmanager takes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Posted {
    #[serde(default)]
    id: Option<String>,
    matchers: Vec<LabelMatcher>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
}

/// A silence as Alertmanager tells it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: SilenceId,
    status: Value,
    updated_at: String,
    matchers: Vec<LabelMatcher>,
    starts_at: String,
    ends_at: String,
    created_by: PersonId,
    comment: String,
}

/// Those whose own matchers match all filters, as `?filter=vm="web-01"`.
pub(super) async fn list(State(handle): State<Handle>, RawQuery(query): RawQuery) -> Answer {
    let filters = filters(query.as_deref().unwrap_or_default())?;
    let all = handle.ask(|core, now| {
        let present = core.alerter.silences().filter(|silence| silence.until > now);
        present.map(|silence| told(silence, now)).collect::<Vec<Told>>()
    });
    let mut all = all.await.map_err(unavailable)?;
    all.retain(|silence| labels::all_match(&filters, &silence.labels()));
    to_json(&all)
}

pub(super) fn filters(query: &str) -> Result<Vec<Test>, ApiError> {
    let wrong = |why: String| ApiError(StatusCode::BAD_REQUEST, why);
    let filters = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "filter");
    let filters = filters.map(|(_, text)| {
        let matcher = labels::matcher(&text).map_err(wrong)?;
        Test::of(&matcher).map_err(|refusal| wrong(refusal.why.en))
    });
    filters.take(MAX_FILTERS).collect()
}

pub(super) async fn one(State(handle): State<Handle>, Path(id): Path<SilenceId>) -> Answer {
    let wanted = id.clone();
    let found = handle.ask(move |core, now| core.alerter.silence(&wanted).map(|s| told(s, now)));
    let found = found.await.map_err(unavailable)?;
    to_json(
        &found.ok_or_else(|| {
            ApiError(StatusCode::NOT_FOUND, format!("no silence {id} is in force"))
        })?,
    )
}

pub(super) async fn post(State(handle): State<Handle>, headers: HeaderMap, body: Bytes) -> Answer {
    let posted: Posted = read(&body)?;
    let wish = posted.wish()?;
    let done = ask_for(&handle, Request::Silence(wish), program(&headers)).await?;
    Ok(Json(json!({"silenceID": done["id"]})))
}

pub(super) async fn expire(
    State(handle): State<Handle>,
    Path(silence): Path<SilenceId>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    ask_for(&handle, Request::Expire { silence, by: None }, program(&headers)).await?;
    Ok(StatusCode::OK)
}

impl Told {
    /// Its own matchers, as if they were the labels of an alert.
    fn labels(&self) -> Labels {
        self.matchers.iter().map(|m| (&m.name, &m.value)).collect()
    }
}

impl Posted {
    fn wish(self) -> Result<SilenceWish, ApiError> {
        let refused = |why: String| ApiError(StatusCode::UNPROCESSABLE_ENTITY, why);
        let id = self.id.filter(|id| !id.is_empty());
        let id: Option<Result<SilenceId, _>> = id.map(|id| id.parse());
        let id = id.transpose().map_err(|error| refused(error.to_string()))?;
        let moment = |field: &str, text: &str| {
            let stamp: Result<jiff::Timestamp, _> = text.parse();
            let millis = stamp.map(|stamp| Time::from_millis(stamp.as_millisecond()));
            millis.map_err(|_| {
                refused(format!("{field} {text:?} is no time; write 2026-03-02T10:00:00Z"))
            })
        };
        let from = moment("startsAt", &self.starts_at)?;
        let until = moment("endsAt", &self.ends_at)?;
        Ok(SilenceWish {
            on: None,
            check: None,
            matchers: self.matchers,
            by: author(&self.created_by)
                .ok_or_else(|| refused("createdBy is empty; say who silences".to_owned()))?,
            comment: self.comment,
            lasting: None,
            until: None,
            foreign: Some(Foreign { id, from, until }),
        })
    }
}

/// A name as ours are written: `Jane Doe` becomes `Jane-Doe`.
fn author(name: &str) -> Option<PersonId> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-:@/".contains(c);
    let name = name.trim().chars().map(|c| if allowed(c) { c } else { '-' });
    PersonId::parse(&name.take(100).collect::<String>()).ok()
}

fn told(silence: &Silence, now: Time) -> Told {
    let state = if silence.from <= now { "active" } else { "pending" };
    Told {
        id: silence.id.clone(),
        status: json!({"state": state}),
        updated_at: stamp(silence.from),
        matchers: match &silence.scope {
            Scope::Labels(matchers) => matchers.clone(),
            Scope::Object { on, check } => {
                let check = check.as_ref().map(|check| equal("check", check.as_str()));
                [equal(on.kind(), on.name())].into_iter().chain(check).collect()
            }
        },
        starts_at: stamp(silence.from),
        ends_at: stamp(silence.until),
        created_by: silence.by.clone(),
        comment: silence.comment.clone(),
    }
}

fn equal(name: &str, value: &str) -> LabelMatcher {
    let (name, value) = (name.to_owned(), value.to_owned());
    LabelMatcher { name, value, is_regex: false, is_equal: true }
}

/// With milliseconds, as its readers expect.
fn stamp(at: Time) -> String {
    let stamp = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    format!("{stamp:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_becomes_a_name_of_ours() {
        let name = |text: &str| author(text).map(|name| name.to_string());
        assert_eq!(name("Jane Doe <jane@example.com>").unwrap(), "Jane-Doe--jane@example.com-");
        assert_eq!(name("root").unwrap(), "root");
        assert_eq!(name("王").unwrap(), "-");
        assert_eq!(name("  "), None);
    }

    #[test]
    fn times_have_their_milliseconds() {
        assert_eq!(stamp(Time::from_millis(1_772_445_751_000)), "2026-03-02T10:02:31.000Z");
    }
}
