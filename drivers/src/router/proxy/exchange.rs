//! One request: whom it is sent to, and what is done when that fails.
//!
//! A request that cannot have reached anybody is tried with each upstream once. A request that
//! may have been carried out is repeated only if that does no harm: it reads, it has no body, and
//! it is repeated once. Everything else that fails is told to the client, with the reason and the
//! VM in the answer's head, so that a failure of a VM is never taken for one of the router.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::client::legacy;
use model::id::VmId;
use tokio::time::timeout;

use super::body::{AnswerBody, Tracked, Upload};
use super::headers;
use super::table::{Lease, NoUpstream, Table};

/// How long an upstream may take to begin its answer after the last of the request was sent.
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(30);

/// Why the router answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    UnknownDomain,
    NoUpstream,
    /// No connection to the upstream.
    Unreachable,
    /// The upstream broke off before it answered.
    Broken,
    TimedOut,
    /// The client broke off its request.
    ClientBroke,
    Tunnel,
    NoTarget,
}

/// Answers one request of a client. Never fails: a failure is an answer too.
pub(super) async fn exchange(
    table: &Arc<Table>,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    let (mut head, body) = request.into_parts();
    if headers::wants_tunnel(&head) {
        return Refusal::Tunnel.answer(None);
    }
    let Some(domain) = headers::domain_of(&head) else {
        return Refusal::UnknownDomain.answer(None);
    };
    headers::forward(&mut head, client.ip());
    send_on(table, &domain, &head, &Upload::new(body)).await
}

async fn send_on(
    table: &Table,
    domain: &str,
    head: &request::Parts,
    upload: &Upload,
) -> Response<AnswerBody> {
    let mut may_repeat = upload.is_empty() && is_reading(&head.method);
    let mut tried: Vec<VmId> = Vec::new();
    let mut last = Refusal::NoUpstream;
    loop {
        let lease = match table.pick(domain, &tried) {
            Ok(lease) => lease,
            Err(NoUpstream::UnknownDomain) => return Refusal::UnknownDomain.answer(tried.last()),
            Err(NoUpstream::NoneLeft) => return last.answer(tried.last()),
        };
        tried.push(lease.vm().clone());
        last = match attempt(lease, head, upload).await {
            Ok(answer) => return answer,
            Err(refusal) => refusal,
        };
        let was_not_sent = last == Refusal::Unreachable;
        let may_go_on =
            was_not_sent || (last == Refusal::Broken && std::mem::take(&mut may_repeat));
        if !may_go_on {
            return last.answer(tried.last());
        }
    }
}

/// Asks one upstream.
async fn attempt(
    lease: Lease,
    head: &request::Parts,
    upload: &Upload,
) -> Result<Response<AnswerBody>, Refusal> {
    let mut request = Request::new(upload.lend().ok_or(Refusal::Unreachable)?);
    *request.uri_mut() = headers::uri_at(lease.address(), &head.uri).ok_or(Refusal::NoTarget)?;
    *request.method_mut() = head.method.clone();
    *request.headers_mut() = head.headers.clone();

    let answer = match begin_of_answer(lease.client().request(request), upload).await {
        Some(Ok(answer)) if answer.status() != StatusCode::SWITCHING_PROTOCOLS => answer,
        Some(Ok(_)) => return Err(fail(&lease, Refusal::Broken)),
        Some(Err(_)) if upload.is_broken() => return Err(Refusal::ClientBroke),
        Some(Err(error)) if error.is_connect() => return Err(fail(&lease, Refusal::Unreachable)),
        Some(Err(_)) => return Err(fail(&lease, Refusal::Broken)),
        None => return Err(fail(&lease, Refusal::TimedOut)),
    };
    lease.answered();
    let (mut head, body) = answer.into_parts();
    head.version = Version::HTTP_11;
    headers::back(&mut head.headers, lease.vm());
    Ok(Response::from_parts(head, Either::Left(Tracked::new(body, lease))))
}

/// None if the upstream took too long. A client that still sends is no slow upstream.
async fn begin_of_answer(
    mut request: legacy::ResponseFuture,
    upload: &Upload,
) -> Option<Result<Response<Incoming>, legacy::Error>> {
    loop {
        let frames = upload.frames();
        match timeout(UPSTREAM_PATIENCE, &mut request).await {
            Ok(answer) => return Some(answer),
            Err(_) if upload.frames() != frames => {}
            Err(_) => return None,
        }
    }
}

fn fail(lease: &Lease, refusal: Refusal) -> Refusal {
    lease.failed();
    refusal
}

fn is_reading(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

impl Refusal {
    fn answer(self, vm: Option<&VmId>) -> Response<AnswerBody> {
        let (status, reason, text) = self.words();
        let mut answer =
            Response::new(Either::Right(Full::new(Bytes::from_static(text.as_bytes()))));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(headers::ROUTER, HeaderValue::from_static(reason));
        if let Some(vm) = vm {
            headers.insert(headers::VM, headers::of_vm(vm));
        }
        answer
    }

    fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::UnknownDomain => {
                (StatusCode::NOT_FOUND, "unknown-domain", "This domain leads nowhere here.\n")
            }
            Self::NoUpstream => {
                (StatusCode::SERVICE_UNAVAILABLE, "no-upstream", "No VM serves this now.\n")
            }
            Self::Unreachable => {
                (StatusCode::BAD_GATEWAY, "unreachable", "The VM cannot be reached.\n")
            }
            Self::Broken => (StatusCode::BAD_GATEWAY, "broken", "The VM broke off.\n"),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed-out", "The VM took too long.\n"),
            Self::ClientBroke => {
                (StatusCode::BAD_REQUEST, "client-broke", "The request broke off.\n")
            }
            Self::Tunnel => {
                (StatusCode::NOT_IMPLEMENTED, "upgrade", "Upgrades are not passed on.\n")
            }
            Self::NoTarget => (StatusCode::BAD_REQUEST, "no-target", "The target has no path.\n"),
        }
    }
}
