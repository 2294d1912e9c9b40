//! The demo's users: an open-loop load, calm, rush, calm.
//!
//! Open loop means that users do not wait for each other: a slow answer does not slow the next
//! request down, so an overload shows as what it is.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::header::HOST;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::clock::SharedClock;
use model::time::Time;
use tokio::sync::Semaphore;

/// Requests per second in the calm and in the rush; each costs four milliseconds of CPU.
const CALM_PER_S: f64 = 12.0;
const RUSH_PER_S: f64 = 80.0;
/// The rush begins and ends at these parts of the time, and reaches its height in this one.
const RUSH_FROM: f64 = 0.15;
const RUSH_UNTIL: f64 = 0.60;
const SLOPE: f64 = 0.01;
/// A user gives up after this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Users waiting at once; beyond it a request counts as failed, as it would in a real crowd.
const CROWD: usize = 512;

/// When what happens, in seconds from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve {
    pub lasting_s: f64,
}

impl Curve {
    pub(super) fn rush_from_s(self) -> f64 {
        self.lasting_s * RUSH_FROM
    }

    pub(super) fn rush_until_s(self) -> f64 {
        self.lasting_s * RUSH_UNTIL
    }

    /// A host dies in the middle of the rush.
    pub(super) fn kill_at_s(self) -> f64 {
        self.lasting_s * 0.42
    }

    /// Requests per second at a moment.
    pub(super) fn rate(self, second: f64) -> f64 {
        let slope = self.lasting_s * SLOPE;
        let up = ((second - self.rush_from_s()) / slope).clamp(0.0, 1.0);
        let down = ((self.rush_until_s() - second) / slope).clamp(0.0, 1.0);
        CALM_PER_S + (RUSH_PER_S - CALM_PER_S) * up.min(down)
    }
}

/// One request that failed, as its user saw it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub at: Time,
    /// The VM it was sent to last, if the router named one.
    pub vm: Option<String>,
    pub what: String,
}

/// What the users saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub requests: u64,
    pub failures: Vec<Failure>,
}

/// Shared with the tasks of all requests; each holds it for an addition only.
pub(super) type SharedTally = Arc<Mutex<Tally>>;

/// Sends requests along the curve until it ends.
pub(super) async fn run(curve: Curve, router: SocketAddr, clock: SharedClock, tally: SharedTally) {
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .build_http::<Empty<Bytes>>();
    let crowd = Arc::new(Semaphore::new(CROWD));
    let start = clock.elapsed();
    let mut next_s = 0.0;
    loop {
        let second = clock.elapsed().saturating_sub(start).as_secs_f64();
        if second >= curve.lasting_s {
            return;
        }
        if second < next_s {
            tokio::time::sleep(Duration::from_secs_f64(next_s - second)).await;
            continue;
        }
        next_s += 1.0 / curve.rate(second);
        let at = clock.now();
        add(&tally, |tally| tally.requests += 1);
        match crowd.clone().try_acquire_owned() {
            Err(_) => fail(&tally, Failure { at, vm: None, what: "the crowd is too big".into() }),
            Ok(place) => {
                let (client, tally) = (client.clone(), tally.clone());
                tokio::spawn(async move {
                    if let Err((vm, what)) = visit(&client, router).await {
                        fail(&tally, Failure { at, vm, what });
                    }
                    drop(place);
                });
            }
        }
    }
}

async fn visit(
    client: &Client<HttpConnector, Empty<Bytes>>,
    router: SocketAddr,
) -> Result<(), (Option<String>, String)> {
    let request = Request::get(format!("http://{router}/"))
        .header(HOST, "shop.example.com")
        .body(Empty::new())
        .map_err(|error| (None, error.to_string()))?;
    let visit = async {
        let response = client.request(request).await.map_err(|e| (None, e.to_string()))?;
        let status = response.status();
        let header = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let vm = header("x-cloudbrain-vm");
        let reason = header("x-cloudbrain-router").unwrap_or_default();
        let body = response.into_body().collect().await;
        match body {
            Err(error) => Err((vm, format!("cut off: {error}"))),
            Ok(_) if status.is_success() => Ok(()),
            Ok(_) => Err((vm, format!("{status} {reason}"))),
        }
    };
    match tokio::time::timeout(PATIENCE, visit).await {
        Ok(result) => result,
        Err(_) => Err((None, format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

fn add(tally: &SharedTally, change: impl FnOnce(&mut Tally)) {
    let mut tally = tally.lock().expect("no holder of this lock panics");
    change(&mut tally);
}

fn fail(tally: &SharedTally, failure: Failure) {
    add(tally, |tally| tally.failures.push(failure));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_calm_then_a_rush_then_calm_and_the_host_dies_in_the_rush() {
        let curve = Curve { lasting_s: 100.0 };
        assert!((curve.rate(5.0) - CALM_PER_S).abs() < 1e-9);
        assert!((curve.rate(40.0) - RUSH_PER_S).abs() < 1e-9);
        assert!((curve.rate(95.0) - CALM_PER_S).abs() < 1e-9);
        assert!((curve.rate(curve.kill_at_s()) - RUSH_PER_S).abs() < 1e-9);
    }
}
