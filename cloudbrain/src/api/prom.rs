//! What Prometheus, Grafana and their kin expect of a store of samples: remote write in, and
//! operations of the store.
//!
//! A push is acknowledged only once its samples are durable. What the store refuses is named in
//! the answer, and the rest of the push is kept: a sender would repeat a refused push for ever.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector::prometheus::remote_write::{RemoteWriteError, check_headers};

use super::data::{ApiError, unavailable};
use crate::brain::Handle;

/// `POST /api/v1/write`: remote write 1.0.
pub(super) async fn write(
    State(handle): State<Handle>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let version = text("x-prometheus-remote-write-version");
    let encoding = text(header::CONTENT_ENCODING.as_str());
    check_headers(text(header::CONTENT_TYPE.as_str()), encoding, version).map_err(refused)?;
    let decoder = handle.remote_write.clone();
    let now = handle.clock.now();
    let written = handle.recorder.run(move |samples| {
        let decoded = decoder.decode(&body).map_err(refused)?;
        samples.append(&decoded.rows, now).map_err(unavailable)
    });
    written.await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn refused(error: RemoteWriteError) -> ApiError {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    ApiError(status, error.to_string())
}

/// `POST /api/v1/admin/tsdb/flush`: what is in memory goes into chunks on disk.
pub(super) async fn flush(State(handle): State<Handle>) -> Result<StatusCode, ApiError> {
    handle.recorder.run(|samples| samples.flush()).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/admin/tsdb/compact`: chunks on disk come into their final form.
pub(super) async fn compact(State(handle): State<Handle>) -> Result<StatusCode, ApiError> {
    handle.recorder.run(|samples| samples.compact()).await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}
