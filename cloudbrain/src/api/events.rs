//! Live updates: one stream per open page, a fresh fragment after each turn, at most two a second.
//!
//! A page that does not read fast enough holds up nobody: its stream builds the next fragment only
//! when the last one was taken.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};

use super::pages::Reader;
use crate::brain::{Handle, view};

const AT_MOST_EVERY: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn events(State(handle): State<Handle>, headers: HeaderMap) -> impl IntoResponse {
    let reader = Reader::of(&headers);
    let stream =
        Sse::new(fragments(handle, reader)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Some proxies would hold the stream back to compress or to batch it.
    ([(HeaderName::from_static("x-accel-buffering"), "no")], stream)
}

fn fragments(handle: Handle, reader: Reader) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(handle, move |mut handle| async move {
        loop {
            handle.turns.changed().await.ok()?;
            tokio::time::sleep(AT_MOST_EVERY).await;
            let turn = *handle.turns.borrow_and_update();
            let asked = handle.ask(move |core, now| {
                let overview = reader.dress(view::overview(core, now, reader.lang));
                dashboards::overview_fragment(&overview)
            });
            if let Ok(html) = asked.await {
                let event = Event::default().event("overview").id(turn.to_string()).data(html);
                return Some((Ok(event), handle));
            }
        }
    })
}
