//! The web application of the demo: each request costs a little CPU, and `/monitor/monitor.js`
//! answers by the Monitor.X contract.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use rustix::time::{ClockId, clock_gettime};
use tokio::net::TcpListener;

use super::Found;

pub(super) async fn serve(port: u16, cost_ms: u32) -> anyhow::Result<Found> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let cost = Duration::from_millis(u64::from(cost_ms));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true); // Only makes it faster.
        tokio::spawn(async move {
            let service = service_fn(move |request| async move {
                Ok::<_, Infallible>(answer(&request, cost).await)
            });
            // A client that goes away is no news to anybody.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: &Request<Incoming>, cost: Duration) -> Response<Full<Bytes>> {
    let body = match request.uri().path() {
        "/ready" => "ready\n",
        "/monitor/monitor.js" => "200\n",
        _ => {
            let _ = tokio::task::spawn_blocking(move || work(cost)).await; // Cannot panic.
            "hello from the shop\n"
        }
    };
    Response::new(Full::new(Bytes::from_static(body.as_bytes())))
}

/// Uses CPU time, not time: on a busy machine it takes longer and costs the same.
fn work(cost: Duration) {
    let used = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or(cost);
    let start = used();
    let mut sum: u64 = 0;
    while used().saturating_sub(start) < cost {
        for number in 0..2_000_u64 {
            sum = std::hint::black_box(sum.wrapping_add(number));
        }
    }
}
