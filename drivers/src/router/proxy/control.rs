//! The socket by which the brain speaks to the router: `PUT /routing`, `GET /report`,
//! `POST /stop`. Only the router's own user can open it, since it lies in a private folder.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use scaler::hands::Routing;
use serde::Serialize;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::time::{sleep, timeout};

use super::{ACCEPT_PAUSE, Proxy};
use crate::blocking;
use crate::files::{make_private_folder, write_json};

pub(super) const ROUTING_FILE: &str = "routing.json";

/// The largest routing, in bytes: some tens of thousands of VMs.
const MAX_ROUTING_BYTES: usize = 8 << 20;

/// How long one visit on the socket may take.
const VISIT_PATIENCE: Duration = Duration::from_secs(10);

/// How many visits there may be at once.
const MAX_VISITS: usize = 16;

#[derive(Debug)]
struct Control {
    proxy: Proxy,
    folder: PathBuf,
    /// Held from the check of a generation until it is in force.
    pushing: Mutex<()>,
    stop: Notify,
}

type Reply = Response<Full<Bytes>>;

/// Where the socket of a router's folder is.
pub(crate) fn socket_in(folder: &Path) -> PathBuf {
    folder.join("router.sock")
}

/// Opens the socket. The caller holds the lock of the folder, so a socket that is there was left
/// by a router that died.
pub(super) fn listen(folder: &Path) -> io::Result<UnixListener> {
    make_private_folder(folder)?;
    let socket = socket_in(folder);
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(socket),
    }
}

/// Serves the socket until somebody asks the router to stop.
pub(super) async fn serve(listener: UnixListener, proxy: &Proxy, folder: &Path) {
    let control = Arc::new(Control {
        proxy: proxy.clone(),
        folder: folder.to_owned(),
        pushing: Mutex::default(),
        stop: Notify::new(),
    });
    tokio::select! {
        never = accept(listener, &control) => match never {},
        () = control.stop.notified() => {}
    }
}

async fn accept(listener: UnixListener, control: &Arc<Control>) -> Infallible {
    let room = Arc::new(Semaphore::new(MAX_VISITS));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let control = Arc::clone(control);
                tokio::spawn(async move {
                    let _permit = permit;
                    let _ = timeout(VISIT_PATIENCE, visit(control, stream)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the socket");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn visit(control: Arc<Control>, stream: UnixStream) {
    let answer = service_fn(|request| {
        let control = Arc::clone(&control);
        async move { Ok::<_, Infallible>(control.answer(request).await) }
    });
    let connection =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "visit ended");
    }
}

impl Control {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        match (request.method(), request.uri().path()) {
            (&Method::PUT, "/routing") => self.push(request.into_body()).await,
            (&Method::GET, "/report") => json(StatusCode::OK, &self.proxy.report()),
            (&Method::POST, "/stop") => {
                self.stop.notify_one();
                text(StatusCode::OK, "stopping")
            }
            _ => text(StatusCode::NOT_FOUND, "PUT /routing, GET /report or POST /stop"),
        }
    }

    async fn push(&self, body: Incoming) -> Reply {
        let body = match Limited::new(body, MAX_ROUTING_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return text(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let routing: Routing = match serde_json::from_slice(&body) {
            Ok(routing) => routing,
            Err(error) => return text(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let _pushing = self.pushing.lock().await;
        if let Err(stale) = self.proxy.table.check(routing.stamp()) {
            return json(StatusCode::CONFLICT, &stale.in_force);
        }
        let (file, routing) = (self.folder.join(ROUTING_FILE), Arc::new(routing));
        let written = Arc::clone(&routing);
        if let Err(error) = blocking(move || write_json(&file, &*written)).await {
            return text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string());
        }
        self.proxy.apply(&routing).expect("nobody else applies while this is held");
        json(StatusCode::OK, &routing.stamp())
    }
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(bytes) => reply(status, bytes.into()),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn text(status: StatusCode, text: &str) -> Reply {
    reply(status, Bytes::copy_from_slice(text.as_bytes()))
}

fn reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply
}
