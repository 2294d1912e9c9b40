//! `/api/report?project=P&period=2026-10&format=json|text|csv`: availability, as the command `report`
//! prints it; and `/reports/P?period=2026-10`, the same as a page.

use availability::Period;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use dashboards::report::{csv, text};
use dashboards::view::report::ReportView;
use model::id::ProjectId;
use model::lang::Lang;
use model::time::Time;
use serde::Deserialize;

use super::data::ApiError;
use super::pages::{Page, Reader, lost, trouble};
use crate::brain::Handle;
use crate::brain::report::{Refusal, report};
use crate::chinese::chinese;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    project: ProjectId,
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
}

pub(super) async fn available(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let lang = asked.lang.unwrap_or(Reader::of(&headers).lang);
    let view = report(&handle, asked.project, asked.period, lang)
        .await
        .map_err(|refusal| refused(&refusal))?;
    Ok(match asked.format {
        Format::Json => Json(view).into_response(),
        Format::Text => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text(&view, lang))
            .into_response(),
        Format::Csv => {
            ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv(&view)).into_response()
        }
    })
}

/// Which report is to be shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    #[serde(default = "this_month")]
    period: String,
}

pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path(project): Path<String>,
    Query(Shown { period }): Query<Shown>,
) -> Page {
    let reader = Reader::of(&headers);
    let Ok(project) = ProjectId::parse(&project) else { return Err(lost(reader)) };
    let view = report(&handle, project, period, reader.lang).await;
    let view = view.map_err(|refusal| not_shown(&refusal, reader))?;
    let (before, zone, now) = before(&handle, &view).await.map_err(trouble)?;
    let reader = reader.at(now, zone);
    Ok(Html(dashboards::report_page(&view, before.as_deref(), &reader)))
}

/// The period that this one is compared with, the zone of the fleet, and the present.
async fn before(
    handle: &Handle,
    view: &ReportView,
) -> Result<(Option<String>, String, Time), String> {
    let (project, period) = (view.project.clone(), view.period.clone());
    let asked = handle.ask(move |core, now| {
        let policy = core.config.accountings.of(&project);
        let period = Period::parse(&period, &policy.zone, policy.week_start, now).ok();
        let before = period.and_then(|period| Some(period.before()?.label()));
        (before, core.config.raw.timezone.clone(), now)
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
        Refusal::NoProject { .. } => StatusCode::NOT_FOUND,
        Refusal::Period(_) | Refusal::Ahead(_) => StatusCode::BAD_REQUEST,
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
    }
}
