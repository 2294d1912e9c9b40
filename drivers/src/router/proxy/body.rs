//! Bodies on their way through the router, never held in memory as a whole.
//!
//! Three things are to be known of them. Of a request's body: whether any of it was read, for if
//! not, it can be sent to another upstream. Also whether it still moves, since a long upload is
//! no slow upstream. Of an answer's body: when it ends, since the upstream is busy until then,
//! and when it stands still.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::table::Lease;

/// How long an answer may stand still.
const STALL_PATIENCE: Duration = Duration::from_secs(30);

/// What is sent to an upstream.
pub(super) type RequestBody = Either<Lent, Empty<Bytes>>;

/// What is sent to a client.
pub(super) type AnswerBody = Either<Tracked, Full<Bytes>>;

/// The body of a request, to be sent to one upstream after another.
#[derive(Debug)]
pub(super) struct Upload {
    /// None once a part of it was read; a body without bytes can be sent as often as wanted.
    body: Option<Arc<Mutex<Option<Incoming>>>>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    frames: AtomicU64,
    is_broken: AtomicBool,
}

/// A request's body in the hands of one attempt; it goes back if nothing of it was read.
#[derive(Debug)]
pub(super) struct Lent {
    body: Option<Incoming>,
    was_read: bool,
    home: Arc<Mutex<Option<Incoming>>>,
    progress: Arc<Progress>,
}

/// An answer's body. The upstream counts as busy until it has ended or was dropped.
#[derive(Debug)]
pub(super) struct Tracked {
    body: Incoming,
    lease: Option<Lease>,
    stall: Option<Pin<Box<Sleep>>>,
}

/// Why an answer's body broke off.
#[derive(Debug)]
pub(super) enum Cut {
    Broken(hyper::Error),
    Stalled,
}

impl Upload {
    pub(super) fn new(body: Incoming) -> Self {
        let body = (!body.is_end_stream()).then(|| Arc::new(Mutex::new(Some(body))));
        Self { body, progress: Arc::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.body.is_none()
    }

    /// The body for one attempt; None if an earlier one has read some of it.
    pub(super) fn lend(&self) -> Option<RequestBody> {
        let Some(home) = &self.body else { return Some(Either::Right(Empty::new())) };
        let body = home.lock().expect("nobody panics while holding it").take()?;
        Some(Either::Left(Lent {
            body: Some(body),
            was_read: false,
            home: Arc::clone(home),
            progress: Arc::clone(&self.progress),
        }))
    }

    /// Grows while the client sends.
    pub(super) fn frames(&self) -> u64 {
        self.progress.frames.load(Relaxed)
    }

    /// Whether the client broke it off.
    pub(super) fn is_broken(&self) -> bool {
        self.progress.is_broken.load(Relaxed)
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        this.was_read = true;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        this.progress.frames.fetch_add(1, Relaxed);
        this.progress.is_broken.fetch_or(matches!(frame, Some(Err(_))), Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.was_read {
            *self.home.lock().expect("nobody panics while holding it") = self.body.take();
        }
    }
}

impl Tracked {
    pub(super) fn new(body: Incoming, lease: Lease) -> Self {
        Self { body, lease: Some(lease), stall: None }
    }

    fn cut(&mut self, why: Cut) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(lease) = self.lease.take() {
            lease.failed();
        }
        Poll::Ready(Some(Err(why)))
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.stall = None;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => this.cut(Cut::Broken(error)),
            Poll::Ready(None) => {
                this.lease = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                let stall = this.stall.get_or_insert_with(|| Box::pin(sleep(STALL_PATIENCE)));
                ready!(stall.as_mut().poll(context));
                this.cut(Cut::Stalled)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(_) => f.write_str("the upstream broke off its answer"),
            Self::Stalled => f.write_str("the upstream's answer stood still"),
        }
    }
}

impl std::error::Error for Cut {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            Self::Stalled => None,
        }
    }
}
