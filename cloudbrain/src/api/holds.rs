//! Holds on the scaler over the API and by the forms of the page.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::http::header::HeaderMap;
use axum::response::Response;
use axum::{Form, Json};
use model::id::HoldId;

use super::acts::{ask_for, ender, program, read};
use super::data::{Answer, to_json, unavailable};
use super::quiet::{Fields, act};
use crate::brain::Handle;
use crate::brain::acts::Request;
use crate::brain::acts::hold::{self, HoldWish};

pub(super) async fn holds(State(handle): State<Handle>) -> Answer {
    to_json(&handle.ask(hold::holds).await.map_err(unavailable)?)
}

pub(super) async fn hold(State(handle): State<Handle>, headers: HeaderMap, body: Bytes) -> Answer {
    let wish: HoldWish = read(&body)?;
    Ok(Json(ask_for(&handle, Request::Hold(wish), program(&headers)).await?))
}

pub(super) async fn unhold(
    State(handle): State<Handle>,
    Path(hold): Path<HoldId>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let request = Request::Unhold { hold, by: ender(&uri)?.by };
    Ok(Json(ask_for(&handle, request, program(&headers)).await?))
}

pub(super) async fn hold_by_form(
    State(handle): State<Handle>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    act(&handle, &headers, &fields, fields.hold().map(Request::Hold)).await
}

pub(super) async fn unhold_by_form(
    State(handle): State<Handle>,
    Path(hold): Path<HoldId>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let request = fields.by().map(|by| Request::Unhold { hold, by });
    act(&handle, &headers, &fields, request).await
}
