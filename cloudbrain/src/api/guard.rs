//! Refuses what another site's page sends on its reader's behalf.
//!
//! There is no login yet: whoever reaches this address may act. A page elsewhere must not be able to
//! do so through the browser of somebody who can, by a form that sends itself. Browsers say where a
//! request comes from; programs say nothing, and are not what this is about.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Lets through what a page of ours, or no page at all, sent.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let is_reading = [Method::GET, Method::HEAD].contains(request.method());
    if is_reading || is_ours(request.headers()) {
        return next.run(request).await;
    }
    let error = "this was sent by a page of another site; nothing was done";
    (StatusCode::FORBIDDEN, Json(json!({"error": error}))).into_response()
}

fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return ["same-origin", "none"].contains(&site);
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let uri = origin.parse::<Uri>().ok();
    let authority = uri.as_ref().and_then(Uri::authority).map(|authority| authority.as_str());
    authority.is_some() && authority == text(HOST.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
        is_ours(&headers.collect())
    }

    #[test]
    fn a_page_of_ours_and_a_program_may_act_and_no_other_page() {
        assert!(of(&[("host", "127.0.0.1:8090")]));
        assert!(of(&[("sec-fetch-site", "same-origin")]));
        assert!(of(&[("sec-fetch-site", "none")]));
        assert!(of(&[("host", "127.0.0.1:8090"), ("origin", "http://127.0.0.1:8090")]));
        assert!(!of(&[("sec-fetch-site", "cross-site")]));
        assert!(!of(&[("sec-fetch-site", "same-site")]));
        assert!(!of(&[("host", "127.0.0.1:8090"), ("origin", "http://127.0.0.1:9000")]));
        assert!(!of(&[("host", "127.0.0.1:8090"), ("origin", "null")]));
        assert!(!of(&[("origin", "http://evil.example")]));
    }
}
