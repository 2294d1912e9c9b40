//! The page of silences and maintenance, and the forms of all pages: plain HTML that needs no script.
//!
//! What a form asks for goes the way of the API. Then the browser is led back to where the form
//! stood; a "no" is a page of its own, in the reader's language. Who somebody is he says himself:
//! there is no login yet. The last answer is kept in a cookie, so that it is chosen already.

use alerter::act::LabelMatcher;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use model::id::{IncidentId, ModuleId, PersonId, ProjectId, SilenceId, WindowId};
use model::lang::Lang;
use scaler::hold::HoldWhat;
use serde::Deserialize;

use super::acts::{Failure, ask_for};
use super::data::{ApiError, take_on};
use super::pages::{Reader, back, cookie, trouble};
use crate::brain::Handle;
use crate::brain::acts::correct::CorrectWish;
use crate::brain::acts::hold::HoldWish;
use crate::brain::acts::labels;
use crate::brain::acts::{Refusal, Request, SilenceWish, SnoozeWish, WindowWish, view};
use crate::brain::core::Acknowledgement;

/// From where the journal says it came.
const PAGE: &str = "the page";

pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
) -> Result<Html<String>, Response> {
    let asked =
        handle.ask(|core, now| (view::quiet(core, now), now, core.config.raw.timezone.clone()));
    let (quiet, now, zone) = asked.await.map_err(trouble)?;
    let reader = Reader::of(&headers).at(now, zone);
    Ok(Html(dashboards::quiet_page(&quiet, me(&headers).as_ref(), &reader)))
}

/// Who the reader said to be last.
pub(super) fn me(headers: &HeaderMap) -> Option<PersonId> {
    cookie(headers, "person")?.parse().ok()
}

/// What the forms send; what a form does not ask for, or was left empty, is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    by: String,
    #[serde(rename = "for")]
    lasting: String,
    on: String,
    check: String,
    labels: String,
    comment: String,
    what: String,
    from: String,
    until: String,
}

impl Fields {
    pub(super) fn by(&self) -> Result<PersonId, Refusal> {
        self.by.parse().map_err(|_| Refusal::new("choose who you are", "请选择您是谁"))
    }

    fn lasting(&self) -> Result<Option<model::unit::Span>, Refusal> {
        let span = self.lasting.parse().map_err(|_| {
            let wrong = &self.lasting;
            Refusal::new(
                format!("{wrong:?} is no duration; write for example 2h"),
                format!("{wrong:?} 不是有效时长；例如 2h"),
            )
        });
        span.map(Some)
    }

    fn objects(&self) -> Result<Vec<model::id::Object>, Refusal> {
        let names = self.on.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        let objects = names.map(|name| {
            name.parse().map_err(|error| {
                Refusal::new(
                    format!("{error}"),
                    format!("{name:?} 不是对象；请写成 类型/名称，例如 host/h1"),
                )
            })
        });
        objects.collect()
    }

    fn silence(&self) -> Result<SilenceWish, Refusal> {
        let mut objects = self.objects()?.into_iter();
        let check = Some(self.check.trim()).filter(|check| !check.is_empty());
        let check: Option<Result<_, model::id::IdError>> = check.map(str::parse);
        let check = check.transpose().map_err(|error| {
            Refusal::new(error.to_string(), format!("{:?} 不是检查项名称", self.check))
        })?;
        let (on, more) = (objects.next(), objects.next());
        if more.is_some() {
            let en = "one object at a time; silence what is above them, or each by itself";
            return Err(Refusal::new(en, "每次只能静默一个对象；请静默其上层对象，或逐个静默"));
        }
        Ok(SilenceWish {
            on,
            check,
            matchers: self.matchers()?,
            by: self.by()?,
            comment: self.comment.clone(),
            lasting: self.lasting()?,
            until: None,
            foreign: None,
        })
    }

    fn matchers(&self) -> Result<Vec<LabelMatcher>, Refusal> {
        labels::matchers(&self.labels).map_err(|error| {
            let zh = format!("{:?} 不是标签条件；例如 alertname=Slow, vm=~web-.*", self.labels);
            Refusal::new(error, zh)
        })
    }

    pub(super) fn hold(&self) -> Result<HoldWish, Refusal> {
        let module = match self.on.as_str() {
            "fleet" => None,
            on => Some(on.parse().map_err(|error: model::id::IdError| {
                Refusal::new(error.to_string(), format!("{on:?} 不是模块名称；例如 shop/web"))
            })?),
        };
        let what = HoldWhat::ALL.into_iter().find(|what| what.as_str() == self.what);
        let what = what
            .ok_or_else(|| Refusal::new("choose what is to be left alone", "请选择暂停的内容"))?;
        let (by, reason) = (self.by()?, self.comment.clone());
        Ok(HoldWish { module, what, by, reason, lasting: self.lasting()?, until: None })
    }

    fn correction(&self, module: ModuleId) -> Result<CorrectWish, Refusal> {
        if self.from.is_empty() || self.until.is_empty() {
            return Err(Refusal::new("say from when until when it was so", "请填写开始和结束时间"));
        }
        let period = format!("{}..{}", self.from, self.until);
        let (state, reason) = (self.what.clone(), self.comment.clone());
        Ok(CorrectWish { module, period, state, by: self.by()?, reason })
    }

    fn window(&self) -> Result<WindowWish, Refusal> {
        Ok(WindowWish {
            on: self.objects()?,
            by: self.by()?,
            comment: self.comment.clone(),
            lasting: self.lasting()?,
            until: None,
        })
    }
}

pub(super) async fn acknowledge(
    State(handle): State<Handle>,
    Path(id): Path<IncidentId>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let by = match fields.by() {
        Ok(by) => by,
        Err(refusal) => return refused(&headers, &refusal),
    };
    let word = Acknowledgement { by: by.clone(), text: fields.comment };
    match take_on(&handle, &id, word).await {
        Ok(()) => done(&headers, &by),
        Err(ApiError(StatusCode::SERVICE_UNAVAILABLE, why)) => trouble(why),
        Err(ApiError(_, why)) => {
            refused(&headers, &Refusal::new(why, format!("无法认领故障 {id}：它可能已结束")))
        }
    }
}

pub(super) async fn snooze(
    State(handle): State<Handle>,
    Path(incident): Path<IncidentId>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let wish = fields.by().and_then(|by| {
        let lasting = fields.lasting()?;
        Ok(SnoozeWish { by, lasting, until: None })
    });
    act(&handle, &headers, &fields, wish.map(|wish| Request::Snooze { incident, wish })).await
}

pub(super) async fn silence(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    act(&handle, &headers, &fields, fields.silence().map(Request::Silence)).await
}

pub(super) async fn expire(
    State(handle): State<Handle>,
    Path(silence): Path<SilenceId>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let request = fields.by().map(|by| Request::Expire { silence, by: Some(by) });
    act(&handle, &headers, &fields, request).await
}

pub(super) async fn open_window(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    act(&handle, &headers, &fields, fields.window().map(Request::Open)).await
}

pub(super) async fn end_window(
    State(handle): State<Handle>,
    Path(window): Path<WindowId>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let request = fields.by().map(|by| Request::End { window, by });
    act(&handle, &headers, &fields, request).await
}

pub(super) async fn correct(
    State(handle): State<Handle>,
    Path((project, name)): Path<(ProjectId, String)>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let module = ModuleId::of(&project, &name).map_err(|error| {
        Refusal::new(error.to_string(), format!("{name:?} 不是模块名称；例如 web"))
    });
    let wish = module.and_then(|module| fields.correction(module));
    act(&handle, &headers, &fields, wish.map(Request::Correct)).await
}

pub(super) async fn act(
    handle: &Handle,
    headers: &HeaderMap,
    fields: &Fields,
    request: Result<Request, Refusal>,
) -> Response {
    let (request, by) = match request.and_then(|request| Ok((request, fields.by()?))) {
        Ok(found) => found,
        Err(refusal) => return refused(headers, &refusal),
    };
    match ask_for(handle, request, PAGE.to_owned()).await {
        Ok(_) => done(headers, &by),
        Err(Failure::Refused(refusal)) => refused(headers, &refusal),
        Err(Failure::Unavailable(why)) => trouble(why),
    }
}

/// Back to where the form stood.
fn done(headers: &HeaderMap, by: &PersonId) -> Response {
    let to = [(header::LOCATION, back(headers))];
    let mut response = (StatusCode::SEE_OTHER, to).into_response();
    let cookie = format!("person={by}; Path=/; Max-Age=31536000; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn refused(headers: &HeaderMap, refusal: &Refusal) -> Response {
    let reader = Reader::of(headers);
    let why = match reader.lang {
        Lang::En => &refusal.why.en,
        Lang::Zh => &refusal.why.zh,
    };
    let page = dashboards::refused_page(why, &back(headers), reader.lang, reader.theme);
    (StatusCode::UNPROCESSABLE_ENTITY, Html(page)).into_response()
}
