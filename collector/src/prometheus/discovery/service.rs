//! Lists of targets asked of a service, as `http_sd` asks.
//!
//! The service answers 200 with the whole list in JSON, each time; anything else is a fault, and
//! the list before it still holds.

use std::time::Duration;

use super::list::{TargetGroup, read_json};
use super::{DiscoveryError, MAX_LIST_BYTES};
use crate::prometheus::client::{Bounds, HttpClient};
use crate::prometheus::http::{Access, Header, HeaderError, HttpUrl, TlsRoots};

/// A service that tells of targets.
#[derive(Debug)]
pub struct ListService {
    client: HttpClient,
    timeout: Duration,
}

impl ListService {
    /// `interval` is how often the caller asks, which the service is told. Opens nothing yet.
    pub fn new(
        url: HttpUrl,
        access: &Access,
        interval: Duration,
        timeout: Duration,
        roots: TlsRoots,
    ) -> Result<Self, HeaderError> {
        let seconds = interval.as_secs_f64().to_string();
        let headers = [
            Header::new("Accept", "application/json"),
            Header::new("X-Prometheus-Refresh-Interval-Seconds", &seconds),
        ];
        let client = HttpClient::new(url, access, &headers, None, roots)?;
        Ok(Self { client, timeout })
    }

    pub(super) async fn read(&mut self) -> Result<Vec<TargetGroup>, DiscoveryError> {
        let bounds = Bounds { timeout: self.timeout, body_bytes: MAX_LIST_BYTES };
        let answer = self.client.get(bounds).await;
        let answer = answer.map_err(|error| DiscoveryError::Service(error.to_string()))?;
        if answer.status != 200 {
            return Err(DiscoveryError::Service(format!("status {}", answer.status)));
        }
        let kind = answer.headers.get("content-type").map(|kind| kind.as_bytes());
        if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"application/json")) {
            return Err(DiscoveryError::Service("its answer is not application/json".to_owned()));
        }
        read_json(&answer.body).map_err(DiscoveryError::List)
    }
}
