//! `/api/report?project=P&period=2026-10&format=json|text|csv|html|svg`: availability, as the command `report`
//! prints it; and `/reports/P?period=2026-10`, the same as a page. Without a project, all of them, or
//! with `owner=NAME` those of one owner: `/api/report?period=2026-10` and `/reports?owner=NAME`.

use std::path::PathBuf;

use availability::Period;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use dashboards::report::{badge, company_csv, company_text, csv, text};
use dashboards::view::beside::BesideView;
use dashboards::view::report::{Around, Correcting, Picked};
use dashboards::{company_file, report_file, view};
use model::id::{PersonId, ProjectId};
use model::lang::Lang;
use model::time::Time;
use serde::{Deserialize, Serialize};

use super::acts::read;
use super::data::{Answer, ApiError, to_json, unavailable};
use super::pages::{Page, Reader, lost, trouble};
use super::quiet::me;
use crate::brain::Handle;
use crate::brain::core::Heard;
use crate::brain::mailing::{self, Mails, letter};
use crate::brain::report::corrected::states;
use crate::brain::report::{Refusal, beside, company, report};
use crate::chinese::chinese;
use crate::config::yaml::Document;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// All, if it is left out.
    project: Option<ProjectId>,
    /// Whose projects, if no project is named.
    owner: Option<PersonId>,
    /// This month, if it is left out.
    #[serde(default = "this_month")]
    period: String,
    #[serde(default)]
    format: Format,
    /// That of the reader, if it is left out.
    lang: Option<Lang>,
}

fn this_month() -> String {
    "this-month".to_owned()
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Text,
    Csv,
    /// One file, to be sent and printed.
    Html,
    /// A badge of one project.
    Svg,
}

pub(super) async fn available(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let lang = asked.lang.unwrap_or(Reader::of(&headers).lang);
    let Asked { owner, period, format, .. } = asked;
    match (asked.project, owner) {
        (Some(_), Some(_)) => {
            let why = "a project or an owner, not both; leave one out".to_owned();
            Err(ApiError(StatusCode::BAD_REQUEST, why))
        }
        (Some(project), None) => {
            let view = report(&handle, project, period, lang).await;
            let view = view.map_err(|refusal| refused(&refusal))?;
            Ok(match format {
                Format::Json => Json(view).into_response(),
                Format::Text => typed(TEXT, text(&view, lang)),
                Format::Csv => typed(CSV, csv(&view)),
                Format::Svg => typed(SVG, badge(&view, lang)),
                Format::Html => {
                    let file = report_file(&view, &reader(&handle, lang).await?);
                    saved(&format!("{}-{}", view.project, view.period), file)
                }
            })
        }
        (None, owner) => {
            let view = company(&handle, period, owner, lang).await;
            let view = view.map_err(|refusal| refused(&refusal))?;
            Ok(match format {
                Format::Json => Json(view).into_response(),
                Format::Text => typed(TEXT, company_text(&view, lang)),
                Format::Csv => typed(CSV, company_csv(&view)),
                Format::Html => {
                    let file = company_file(&view, &reader(&handle, lang).await?);
                    saved(&format!("availability-{}", view.period), file)
                }
                Format::Svg => {
                    let why = "a badge is of one project; name it".to_owned();
                    return Err(ApiError(StatusCode::BAD_REQUEST, why));
                }
            })
        }
    }
}

/// Somebody wants to see the mail now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailWish {
    to: PersonId,
    #[serde(default = "this_month")]
    period: String,
}

/// Sends one person the report mail of a period, by the way that it takes each week.
pub(super) async fn mail(State(handle): State<Handle>, body: Bytes) -> Answer {
    let MailWish { to, period } = read(&body)?;
    let refuse = |why| ApiError(StatusCode::UNPROCESSABLE_ENTITY, why);
    let person = to.clone();
    let known =
        handle.ask(move |core, _| mailing::reader(core, &person)).await.map_err(unavailable)?;
    let lang = known.map_err(refuse)?;
    let letter = letter(&handle, &to, lang, &period).await.map_err(refuse)?;
    let nothing = || refuse(format!("{to} owns nothing that there is an account of"));
    let mut message = letter.ok_or_else(nothing)?;
    message.key = format!("{}-{}", message.key, message.at.millis());
    let sent = to_json(&serde_json::json!({"key": message.key, "text": message.text}));
    let mails = Mails { series: None, messages: vec![message] };
    handle.tell(Heard::Mails(mails)).await.map_err(unavailable)?;
    sent
}

const TEXT: &str = "text/plain; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";
const SVG: &str = "image/svg+xml";

fn typed(kind: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// A page that is a file has its style within, which a page of ours may not have; so browsers are told
/// to keep it and not to show it.
fn saved(name: &str, page: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}.html\"");
    ([(header::CONTENT_DISPOSITION, disposition)], Html(page)).into_response()
}

/// Who reads a file: nobody knows in which light.
async fn reader(handle: &Handle, lang: Lang) -> Result<view::Reader, ApiError> {
    let asked = handle.ask(|core, now| (core.config.raw.timezone.clone(), now)).await;
    let (zone, now) = asked.map_err(unavailable)?;
    Ok(view::Reader { now, lang, theme: view::Theme::Auto, zone })
}

/// What a badge may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Badge {
    #[serde(default = "this_month")]
    period: String,
    #[serde(default)]
    lang: Lang,
}

/// `/api/badge/shop.svg`: the language is in the address, since others' pages show it.
pub(super) async fn badge_of(
    State(handle): State<Handle>,
    Path(file): Path<String>,
    Query(Badge { period, lang }): Query<Badge>,
) -> Result<Response, ApiError> {
    let project = file.strip_suffix(".svg").and_then(|name| ProjectId::parse(name).ok());
    let why = || "no badge; write /api/badge/PROJECT.svg".to_owned();
    let project = project.ok_or_else(|| ApiError(StatusCode::NOT_FOUND, why()))?;
    let view = report(&handle, project, period, lang).await;
    let view = view.map_err(|refusal| refused(&refusal))?;
    Ok(typed(SVG, badge(&view, lang)))
}

/// A policy that is not in force, to be laid beside the one that is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    pub project: ProjectId,
    pub period: String,
    /// What its file is called, for those who read what is wrong with it.
    pub file: PathBuf,
    pub text: String,
    #[serde(default)]
    pub lang: Lang,
}

/// It changes nothing: whoever may read a report may ask what another policy would say.
pub(super) async fn beside_of(
    State(handle): State<Handle>,
    Json(proposed): Json<Proposed>,
) -> Result<Json<BesideView>, ApiError> {
    let Proposed { project, period, file, text, lang } = proposed;
    let document = Document { path: file, text };
    let view = beside(&handle, project, period, document, lang).await;
    view.map(Json).map_err(|refusal| refused(&refusal))
}

/// Which report is to be shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    #[serde(default = "this_month")]
    period: String,
    /// The span that an outage led to, for the form of its module.
    correct: Option<String>,
}

pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path(project): Path<String>,
    Query(Shown { period, correct }): Query<Shown>,
) -> Page {
    let reader = Reader::of(&headers);
    let Ok(project) = ProjectId::parse(&project) else { return Err(lost(reader)) };
    let view = report(&handle, project, period, reader.lang).await;
    let view = view.map_err(|refusal| not_shown(&refusal, reader))?;
    let of = Some(view.project.clone());
    let (around, zone, now) = around(&handle, of, view.period.clone()).await.map_err(trouble)?;
    let correcting = correcting(&handle, &headers, correct.as_deref()).await.map_err(trouble)?;
    Ok(Html(dashboards::report_page(&view, &around, &correcting, &reader.at(now, zone))))
}

/// What the forms of the page offer.
async fn correcting(
    handle: &Handle,
    headers: &HeaderMap,
    picked: Option<&str>,
) -> Result<Correcting, String> {
    let people = handle.ask(|core, _| core.config.raw.people.keys().cloned().collect()).await?;
    let states = states().map(str::to_owned).collect();
    Ok(Correcting { people, me: me(headers), states, picked: picked.and_then(Picked::read) })
}

/// Of all projects, or of those of one owner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// Empty, as the form sends it, for all.
    #[serde(default)]
    owner: String,
    #[serde(default = "this_month")]
    period: String,
}

pub(super) async fn companys_page(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Query(Whose { owner, period }): Query<Whose>,
) -> Page {
    let reader = Reader::of(&headers);
    let owner = Some(owner).filter(|owner| !owner.is_empty());
    let Ok(owner) = owner.map(|owner| PersonId::parse(&owner)).transpose() else {
        return Err(lost(reader));
    };
    let view = company(&handle, period, owner, reader.lang).await;
    let view = view.map_err(|refusal| not_shown(&refusal, reader))?;
    let (around, zone, now) = around(&handle, None, view.period.clone()).await.map_err(trouble)?;
    Ok(Html(dashboards::company_page(&view, &around, &reader.at(now, zone))))
}

/// The periods beside one, by the calendar of the project or by that of the fleet, with the zone of the
/// fleet and the present.
async fn around(
    handle: &Handle,
    project: Option<ProjectId>,
    period: String,
) -> Result<(Around, String, Time), String> {
    let asked = handle.ask(move |core, now| {
        let accountings = &core.config.accountings;
        let policy =
            project.as_ref().map_or(accountings.usual(), |project| accountings.of(project));
        let period = Period::parse(&period, &policy.zone, policy.week_start, now).ok();
        let begun = |period: &Period| period.from() < now;
        let label = |period: Period| period.label();
        let before = period.as_ref().and_then(Period::before).map(label);
        let after = period.as_ref().and_then(Period::after).filter(begun).map(label);
        (Around { before, after }, core.config.raw.timezone.clone(), now)
    });
    asked.await
}

/// A page with the one sentence of why there is none.
fn not_shown(refusal: &Refusal, reader: Reader) -> Response {
    let ApiError(status, why) = refused(refusal);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return trouble(why);
    }
    let why = if reader.lang == Lang::Zh { chinese(&why) } else { why };
    (status, Html(dashboards::no_report_page(&why, reader.lang, reader.theme))).into_response()
}

/// What is asked for is not there, cannot be read, or nobody can say now.
fn refused(refusal: &Refusal) -> ApiError {
    let status = match refusal {
        Refusal::NoProject { .. } | Refusal::NoOwner { .. } => StatusCode::NOT_FOUND,
        Refusal::Period(_) | Refusal::Ahead(_) => StatusCode::BAD_REQUEST,
        Refusal::Policy(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Brain(_) | Refusal::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    ApiError(status, refusal.to_string())
}

#[cfg(test)]
mod tests {
    use availability::WeekStart;
    use axum::body::to_bytes;
    use dashboards::view::Theme;
    use jiff::tz::TimeZone;

    use super::*;

    async fn told(refusal: Refusal, lang: Lang) -> (StatusCode, String) {
        let answer = not_shown(&refusal, Reader { lang, theme: Theme::Auto });
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("it is in memory");
        (status, String::from_utf8(body.to_vec()).expect("a page is text"))
    }

    #[tokio::test]
    async fn whoever_asks_for_no_report_is_told_why_and_what_to_write() {
        let wrong = || Period::parse("2026-13", &TimeZone::UTC, WeekStart::Monday, Time::default());
        let wrong = || Refusal::Period(wrong().expect_err("there is no such month"));
        let (status, page) = told(wrong(), Lang::En).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(page.contains("months are 01 to 12") && page.contains("no such report"), "{page}");
        let (_, page) = told(wrong(), Lang::Zh).await;
        assert!(page.contains("月份为 01 至 12") && page.contains("没有这份报告"), "{page}");
    }

    #[tokio::test]
    async fn a_project_that_is_not_there_is_404_and_the_others_are_named() {
        let id = |text: &str| ProjectId::parse(text).expect("a good name");
        let refusal = Refusal::NoProject { project: id("shpo"), known: vec![id("shop")] };
        let (status, page) = told(refusal, Lang::En).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("no project shpo; there are: shop"), "{page}");
        let (owner, known) = ("bob".parse().expect("a good name"), vec![]);
        let (status, page) = told(Refusal::NoOwner { owner, known }, Lang::Zh).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(page.contains("bob 没有项目"), "{page}");
    }
}
