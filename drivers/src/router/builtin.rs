//! Drives the built-in router ([`super::proxy`]) over its socket.
//!
//! The router lives on without us, so all that is known of it is asked anew each time. It applies
//! a routing before it answers, which is what [`Router::push`] promises.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use model::unit::Span;
use scaler::hands::{Answer, HandError, Router, RouterReport, Routing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::proxy::socket_in;
use super::{Ground, Kind, Problem};
use crate::files::{last_line, make_private_folder};
use crate::machine::{FRESH_PATH, Folder};

/// How long the router may take to answer on its socket.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it may take to start, and to stop.
const LIFE_PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// The longest text of the router's that is passed on, in characters.
const MAX_DETAIL_CHARS: usize = 200;

/// The HTTP proxy that is built in, as a process of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuiltinSettings {
    pub name: String,
    pub listen: SocketAddr,
}

impl Kind for BuiltinSettings {
    fn word(&self) -> &'static str {
        "builtin"
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// It is on the brain's own machine: nobody leads its traffic elsewhere.
    fn waive_after(&self) -> Option<Span> {
        None
    }

    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    fn places(&self) -> Vec<String> {
        vec![self.listen.to_string()]
    }

    fn open(&self, ground: &Ground) -> Arc<dyn Router> {
        let folder = ground.data.join(&self.name);
        Arc::new(BuiltinRouter::new(self.name.clone(), folder, self.listen, ground.exe.clone()))
    }
}

/// The built-in router of this machine.
#[derive(Debug)]
pub struct BuiltinRouter {
    name: String,
    folder: PathBuf,
    listen: SocketAddr,
    exe: PathBuf,
}

impl BuiltinRouter {
    /// `folder` is the router's own; `listen` is where clients come; `exe` is the program that is
    /// a router when started as `exe router --folder FOLDER --listen ADDR`. Starts nothing.
    pub fn new(name: String, folder: PathBuf, listen: SocketAddr, exe: PathBuf) -> Self {
        Self { name, folder, listen, exe }
    }

    /// Starts the router's process, unless one answers already. It outlives this one.
    pub async fn ensure_running(&self) -> Result<(), HandError> {
        if self.report().await.is_ok() {
            return Ok(());
        }
        let child = self.start().map_err(|error| {
            HandError::Failed(format!("cannot start {}: {error}", self.exe.display()))
        })?;
        let up = self.wait_until_up(child);
        timeout(LIFE_PATIENCE, up).await.unwrap_or(Err(HandError::TimedOut(LIFE_PATIENCE)))
    }

    /// Ends the router's process, and what it serves with it. None running is a success.
    async fn end(&self) -> Result<(), HandError> {
        let folder = Folder::at(self.folder.clone());
        let gone = async {
            while folder.exists() && matches!(folder.try_lock(), Ok(None)) {
                // What it answers does not matter, only that it goes.
                let _ = self.ask(Method::POST, "/stop", Bytes::new()).await;
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(LIFE_PATIENCE, gone).await.map_err(|_| HandError::TimedOut(LIFE_PATIENCE))
    }

    fn start(&self) -> io::Result<Child> {
        make_private_folder(&self.folder)?;
        let log = File::create(self.log())?;
        Command::new(&self.exe)
            .arg("router")
            .arg("--folder")
            .arg(&self.folder)
            .arg("--listen")
            .arg(self.listen.to_string())
            .env_clear() // There may be secrets in ours.
            .env("PATH", FRESH_PATH)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
    }

    async fn wait_until_up(&self, mut child: Child) -> Result<(), HandError> {
        // It is reaped when it ends, however much later that is.
        let reaper = tokio::spawn(async move { child.wait().await.is_ok() });
        loop {
            let has_ended = reaper.is_finished();
            if self.report().await.is_ok() {
                return Ok(());
            }
            // It ends at once if another one holds the folder; then that one is about to answer.
            if has_ended && !matches!(Folder::at(self.folder.clone()).try_lock(), Ok(None)) {
                let line = last_line(&self.log());
                return Err(HandError::Failed(format!("the router ended at once: {line}")));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("router.log")
    }

    async fn report(&self) -> Result<RouterReport, HandError> {
        let (status, body) = self.ask(Method::GET, "/report", Bytes::new()).await?;
        if status != StatusCode::OK {
            return Err(HandError::Failed(in_words(status, &body)));
        }
        let unreadable = |error| HandError::Failed(format!("an unreadable report: {error}"));
        serde_json::from_slice(&body).map_err(unreadable)
    }

    async fn put(&self, routing: &Routing) -> Result<(), HandError> {
        let unwritable = |error| HandError::Refused(format!("a routing beyond JSON: {error}"));
        let body = serde_json::to_vec(routing).map_err(unwritable)?;
        let (status, body) = self.ask(Method::PUT, "/routing", body.into()).await?;
        match status {
            StatusCode::OK => Ok(()),
            _ if status.is_client_error() => Err(HandError::Refused(in_words(status, &body))),
            _ => Err(HandError::Failed(in_words(status, &body))),
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), HandError> {
        let request = Request::builder().method(method).uri(path).header(HOST, "router");
        let request = request.body(Full::new(body)).expect("a method and a path of our own");
        let answer = timeout(PATIENCE, self.exchange(request)).await;
        let answer = answer.map_err(|_| HandError::TimedOut(PATIENCE))?;
        answer.map_err(|error| HandError::Failed(format!("no word with the router: {error}")))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = UnixStream::connect(socket_in(&self.folder)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It carries the request, and ends with it: its error is the request's error.
        let connection = tokio::spawn(async move { connection.await.is_ok() });
        let exchange = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await?;
            Ok((status, body.to_bytes()))
        };
        let outcome = exchange.await;
        connection.abort();
        outcome
    }
}

impl Router for BuiltinRouter {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(self.ensure_running())
    }

    fn push<'a>(&'a self, routing: &'a Routing) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.put(routing))
    }

    fn observe(&self) -> Answer<'_, Result<RouterReport, HandError>> {
        Box::pin(self.report())
    }

    fn stop(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(self.end())
    }
}

fn in_words(status: StatusCode, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(MAX_DETAIL_CHARS).collect();
    format!("{status}: {text}")
}
