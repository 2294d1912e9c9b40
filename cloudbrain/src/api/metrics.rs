//! `/metrics`: the brain's own figures, as Prometheus text.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::data::{ApiError, unavailable};
use crate::brain::Handle;
use crate::brain::figures::{self, Figure};

pub(super) async fn metrics(State(handle): State<Handle>) -> Result<impl IntoResponse, ApiError> {
    let figures = figures::read(&handle).await.map_err(unavailable)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text(&figures)))
}

fn text(figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures {
        let Figure { name, help, values } = figure;
        let kind = if figure.is_counter() { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{labels} {value}");
        }
    }
    text
}
