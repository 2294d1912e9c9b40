//! The built-in router: a small HTTP/1.1 reverse proxy in a process of its own.
//!
//! Traffic must go on while the brain is dead or being replaced, so the router is a separate
//! process with the last routing on disk. It is told what to do over a Unix socket that only its
//! user can open: `PUT /routing`, `GET /report`, `POST /stop`.
//!
//! What it does with a request is in `exchange`, whom it picks in `table`. It speaks neither TLS
//! nor HTTP/2, refuses upgrades, and holds no body in memory.
//!
//! Invariants: a routing is on disk before it is in force, and in force before it is
//! acknowledged; its stamp never falls; one process per folder. Once [`Proxy::apply`] has
//! returned, no new request goes to a VM that the routing lacks, and those under way are counted
//! in [`Proxy::report`] until the last byte of their answer.

mod body;
mod control;
mod exchange;
mod headers;
mod table;

pub(crate) use self::control::socket_in;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use model::clock::SharedClock;
use scaler::hands::{RouterReport, Routing, Stamp};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use self::table::Table;
use crate::files::{self, Found, make_private_folder};
use crate::machine::Folder;

/// How many clients may be connected at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4096;

/// How long a client may take to send the head of a request, and to begin the next one.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes, and its largest number of header lines.
const MAX_HEAD_BYTES: usize = 32 << 10;
const MAX_HEADERS: usize = 100;

/// What is read ahead of a slow reader, in bytes.
const MAX_BUFFER_BYTES: usize = 64 << 10;

/// The pause after a failed accept: most likely there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why the router's process ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Another process serves this folder: there is nothing to do.
    #[error("a router runs already on this folder")]
    RunsAlready,
    #[error("{doing}")]
    Io { doing: &'static str, source: io::Error },
}

/// A routing that is older than the one in force, or of a brain that was superseded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{in_force} is in force")]
pub struct StaleRouting {
    pub in_force: Stamp,
}

/// The proxy itself, without its process. Clones share everything.
#[derive(Clone, Debug)]
pub struct Proxy {
    table: Arc<Table>,
}

impl Proxy {
    /// A proxy without any route: it answers 404 to everything.
    pub fn new(clock: SharedClock) -> Self {
        Self { table: Arc::new(Table::new(clock)) }
    }

    /// Makes this the routing. The same generation again is fine.
    pub fn apply(&self, routing: &Routing) -> Result<(), StaleRouting> {
        self.table.apply(routing)
    }

    pub fn report(&self) -> RouterReport {
        self.table.report()
    }

    /// Serves clients until this is dropped; then those that are connected are still served.
    pub async fn serve(&self, listener: TcpListener) -> Infallible {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let permit = Arc::clone(&room).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, client)) => {
                    tokio::spawn(self.clone().serve_client(stream, client, permit));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a client");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve_client(
        self,
        stream: TcpStream,
        client: SocketAddr,
        _permit: OwnedSemaphorePermit,
    ) {
        let _ = stream.set_nodelay(true); // Without it, it is only slower.
        let answer = service_fn(|request| {
            let table = Arc::clone(&self.table);
            async move { Ok::<_, Infallible>(exchange::exchange(&table, client, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_header_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER_BYTES)
            .serve_connection(TokioIo::new(stream), answer);
        if let Err(error) = connection.await {
            tracing::debug!(%client, %error, "connection ended");
        }
    }
}

/// Runs the router until it is asked to stop: `cloudbrain router --folder FOLDER --listen ADDR`.
///
/// [`crate::vm::detach`] should have been called. The path of `folder` must leave room for a
/// socket in it: at most about 90 bytes.
pub async fn run(folder: &Path, listen: SocketAddr, clock: SharedClock) -> Result<(), ProxyError> {
    make_private_folder(folder).map_err(doing("make the folder"))?;
    let lock = Folder::at(folder.to_owned()).lock_for_life().await;
    let lock = lock.map_err(doing("take the lock"))?;
    let Some(_held_for_life) = lock else { return Err(ProxyError::RunsAlready) };

    let proxy = Proxy::new(clock);
    restore(&proxy, folder);
    let listener = TcpListener::bind(listen).await.map_err(doing("listen for clients"))?;
    let control = control::listen(folder).map_err(doing("listen on the socket"))?;
    tokio::select! {
        never = proxy.serve(listener) => match never {},
        () = control::serve(control, &proxy, folder) => Ok(()),
    }
}

/// Puts the last routing in force again. Without it the router serves nobody until the brain
/// pushes the next one, which is still better than no router.
fn restore(proxy: &Proxy, folder: &Path) {
    match files::read_json::<Routing>(&folder.join(control::ROUTING_FILE)) {
        Found::Nothing => {}
        Found::Unreadable(error) => tracing::error!(%error, "unreadable routing.json"),
        Found::Read(routing) => {
            proxy.apply(&routing).expect("no routing is older than none at all");
        }
    }
}

fn doing(doing: &'static str) -> impl FnOnce(io::Error) -> ProxyError {
    move |source| ProxyError::Io { doing, source }
}
