//! The pages: asks the brain, lets `dashboards` draw, remembers theme and language in cookies.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use dashboards::view::{Overview, Theme};
use model::id::ModuleId;
use model::lang::Lang;
use model::time::Time;
use serde::Deserialize;

use super::data::monitor_view;
use crate::brain::{Handle, view};
use crate::chinese;

/// How somebody wants to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) lang: Lang,
    pub(super) theme: Theme,
}

/// The value of a cookie, if it was sent.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok())?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

impl Reader {
    /// By cookie, else by what the browser asks for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let accepts_chinese = text(header::ACCEPT_LANGUAGE).trim_start().starts_with("zh");
        let lang = match cookie(headers, "lang") {
            Some("zh") => Lang::Zh,
            Some("en") => Lang::En,
            _ if accepts_chinese => Lang::Zh,
            _ => Lang::En,
        };
        let theme = match cookie(headers, "theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::Auto,
        };
        Self { lang, theme }
    }

    /// A reader of a page that has a view of its own.
    pub(super) fn at(self, now: Time, zone: String) -> dashboards::view::Reader {
        dashboards::view::Reader { now, lang: self.lang, theme: self.theme, zone }
    }

    pub(super) fn dress(self, mut overview: Overview) -> Overview {
        overview.lang = self.lang;
        overview.theme = self.theme;
        overview
    }
}

pub(super) type Page = Result<Html<String>, Response>;

pub(super) async fn overview(State(handle): State<Handle>, headers: HeaderMap) -> Page {
    let reader = Reader::of(&headers);
    let asked = handle.ask(move |core, now| view::overview(core, now, reader.lang)).await;
    let overview = reader.dress(asked.map_err(trouble)?);
    Ok(Html(dashboards::overview_page(&overview)))
}

pub(super) async fn module(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Path((project, name)): Path<(String, String)>,
) -> Page {
    let reader = Reader::of(&headers);
    let asked = handle.ask(move |core, now| {
        let id = ModuleId::parse(&format!("{project}/{name}")).ok()?;
        let overview = reader.dress(view::overview(core, now, reader.lang));
        let module = overview.modules.iter().find(|module| module.id == id)?;
        Some(dashboards::module_page(&overview, module))
    });
    asked.await.map_err(trouble)?.map(Html).ok_or_else(|| lost(reader))
}

/// Whether the monitor itself can be believed.
pub(super) async fn monitor(State(handle): State<Handle>, headers: HeaderMap) -> Page {
    let (mut view, now, zone) = monitor_view(&handle).await.map_err(trouble)?;
    let reader = Reader::of(&headers).at(now, zone);
    if reader.lang == Lang::Zh {
        chinese::monitor(&mut view);
    }
    Ok(Html(dashboards::monitor_page(&view, &reader)))
}

/// What the form for theme and language sends.
#[derive(Debug, Deserialize)]
pub(super) struct Preferences {
    theme: Option<String>,
    lang: Option<String>,
}

pub(super) async fn preferences(headers: HeaderMap, Form(form): Form<Preferences>) -> Response {
    let mut response =
        (StatusCode::SEE_OTHER, [(header::LOCATION, back(&headers))]).into_response();
    let known = ["auto", "light", "dark", "en", "zh"];
    for (name, value) in [("theme", form.theme), ("lang", form.lang)] {
        let value = value.filter(|value| known.contains(&value.as_str()));
        let Some(value) = value else { continue };
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// The page the form stood on, without its host, so that nobody is sent elsewhere.
pub(super) fn back(headers: &HeaderMap) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let uri = referer.and_then(|referer| referer.parse::<Uri>().ok());
    let path = uri.and_then(|uri| Some(uri.path_and_query()?.to_string()));
    let is_ours = |path: &String| {
        path.starts_with('/') && !["//", "/\\"].iter().any(|start| path.starts_with(start))
    };
    path.filter(is_ours).unwrap_or("/".to_owned())
}

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], dashboards::STYLE)
}

pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], dashboards::SCRIPT)
}

pub(super) async fn not_found(headers: HeaderMap) -> Response {
    lost(Reader::of(&headers))
}

pub(super) fn lost(reader: Reader) -> Response {
    let page = dashboards::not_found_page(reader.lang, reader.theme);
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

pub(super) fn trouble(why: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}
