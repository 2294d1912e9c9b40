//! The front door: pages, live updates, the JSON API, health and metrics.
//!
//! It reads and asks; it decides nothing. Everything listens on loopback only (the files' check
//! refuses anything else until access control is there), no page loads anything from elsewhere,
//! and whatever came from a monitored system is escaped by the page builder.

mod acts;
mod alerts;
mod capacity;
mod data;
mod decision;
mod events;
mod explore;
pub mod forecast;
mod guard;
mod holds;
mod metrics;
pub mod oncall;
mod pages;
mod prom;
mod quiet;
pub mod report;
mod review;
pub mod rules;
pub mod scaling;
mod silences;
mod story;
mod vantages;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post};
use collector::posted::MAX_BODY_BYTES as MAX_ALERT_BYTES;
use collector::prometheus::remote_write::MAX_BODY_BYTES;
use tokio::net::TcpListener;

use crate::brain::Handle;
use crate::vantage::wire::MAX_BODY_BYTES as MAX_BATCH_BYTES;

/// Nothing from elsewhere, nothing inline, no frame around us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Serves until `stop` is done.
pub async fn serve(
    handle: Handle,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let serving = axum::serve(listener, router(handle)).with_graceful_shutdown(stop);
    serving.await.context("serving the page and the API")
}

fn router(handle: Handle) -> Router {
    Router::new()
        .route("/", get(pages::overview))
        .route("/incidents/{id}", get(review::incident))
        .route("/incidents/{id}/review", get(review::page))
        .route("/incidents/{id}/review.md", get(review::markdown))
        .route("/modules/{project}/{name}", get(pages::module))
        .route("/decisions/{module}/{id}", get(decision::page))
        .route("/reports", get(report::companys_page))
        .route("/reports/{project}", get(report::page))
        .route("/monitor", get(pages::monitor))
        .route("/explore", get(explore::explore))
        .route("/rules", get(rules::page))
        .route("/capacity", get(capacity::page))
        .route("/preferences", post(pages::preferences))
        .route("/assets/style.css", get(pages::style))
        .route("/assets/live.js", get(pages::script))
        .route("/events", get(events::events))
        .route("/healthz", get(data::healthz))
        .route("/readyz", get(data::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/query", get(prom::query).post(prom::query))
        .route("/api/v1/query_range", get(prom::query_range).post(prom::query_range))
        .route("/api/v1/series", get(prom::series).post(prom::series))
        .route("/api/v1/labels", get(prom::labels).post(prom::labels))
        .route("/api/v1/label/{name}/values", get(prom::label_values))
        .route("/api/v1/metadata", get(prom::metadata))
        .route("/api/v1/status/buildinfo", get(prom::buildinfo))
        .route("/api/v1/rules", get(rules::as_prometheus))
        .route("/api/rules", get(rules::rules))
        .route("/api/v1/admin/tsdb/delete_series", post(prom::delete_series))
        .route("/api/v1/write", post(prom::write).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)))
        .route("/api/v1/admin/tsdb/flush", post(prom::flush))
        .route("/api/v1/admin/tsdb/compact", post(prom::compact))
        .route(
            "/api/v2/alerts",
            get(alerts::list).post(alerts::post).layer(DefaultBodyLimit::max(MAX_ALERT_BYTES)),
        )
        .route(
            "/api/alertmanager/webhook",
            post(alerts::post).layer(DefaultBodyLimit::max(MAX_ALERT_BYTES)),
        )
        .route("/api/overview", get(data::overview))
        .route("/api/monitor", get(data::monitor))
        .route("/api/capacity", get(capacity::capacity))
        .route("/api/forecast", get(forecast::forecast))
        .route("/api/plan", get(scaling::plan))
        .route("/api/explain", get(scaling::explain))
        .route("/api/why-not-removed", get(scaling::why_not_removed))
        .route("/api/history", get(scaling::history))
        .route("/api/decisions", get(data::decisions))
        .route("/api/report", get(report::available))
        .route("/api/report/mail", post(report::mail))
        .route("/api/badge/{file}", get(report::badge_of))
        .route("/api/incidents", get(data::incidents))
        .route("/api/incidents/{id}", get(story::incident))
        .route("/api/incidents/{id}/review", get(review::json))
        .route("/api/why", get(story::why))
        .route("/api/incidents/{id}/acknowledge", post(data::acknowledge))
        .route("/api/oncall", get(oncall::oncall))
        .route("/api/oncall/overrides", post(oncall::stand_in))
        .route("/api/messages", get(data::messages))
        .route("/api/journal", get(data::journal))
        .route("/api/samples", get(data::samples))
        .route("/api/active", get(data::active))
        .route("/api/vantages", get(vantages::list))
        .route("/api/vantages/{name}/targets", get(vantages::targets))
        .route(
            "/api/vantages/{name}/answers",
            post(vantages::answers).layer(DefaultBodyLimit::max(MAX_BATCH_BYTES)),
        )
        .merge(acts())
        .fallback(pages::not_found)
        .layer(middleware::from_fn(secured))
        .with_state(handle)
}

/// What people do: by API, in Alertmanager's form, and by the forms of the pages.
fn acts() -> Router<Handle> {
    Router::new()
        .route("/api/incidents/{id}/snooze", post(acts::snooze))
        .route("/api/plan/apply", post(scaling::apply))
        .route("/api/recovery", post(data::recovery))
        .route("/api/report/beside", post(report::beside_of))
        .route("/api/silences", get(acts::silences).post(acts::silence))
        .route("/api/silences/{id}", delete(acts::expire))
        .route("/api/maintenance", get(acts::windows).post(acts::open_window))
        .route("/api/maintenance/{id}", delete(acts::end_window))
        .route("/api/v2/silences", get(silences::list).post(silences::post))
        .route("/api/v2/silence/{id}", get(silences::one).delete(silences::expire))
        .route("/api/corrections", post(acts::correct))
        .route("/modules/{project}/{name}/correct", post(quiet::correct))
        .route("/api/releases", post(acts::release))
        .route("/api/holds", get(holds::holds).post(holds::hold))
        .route("/api/holds/{id}", delete(holds::unhold))
        .route("/quiet/holds", post(holds::hold_by_form))
        .route("/quiet/holds/{id}/end", post(holds::unhold_by_form))
        .route("/quiet", get(quiet::page))
        .route("/quiet/silences", post(quiet::silence))
        .route("/quiet/silences/{id}/expire", post(quiet::expire))
        .route("/quiet/maintenance", post(quiet::open_window))
        .route("/quiet/maintenance/{id}/end", post(quiet::end_window))
        .route("/incidents/{id}/acknowledge", post(quiet::acknowledge))
        .route("/incidents/{id}/snooze", post(quiet::snooze))
        .layer(middleware::from_fn(guard::same_origin))
}

async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let pairs: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in pairs {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
