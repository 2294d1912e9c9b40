//! Drives an nginx of this machine by a file that its configuration includes.
//!
//! A push writes the file whole, has `nginx -t` judge it, reloads, and then looks until the new
//! workers answer with the new stamp and every old one has stopped taking connections: exit 0 of a
//! reload says only that a signal was sent. If nginx refuses, the last file that it took is put
//! back, so that nobody's reload tomorrow brings down what runs today.
//!
//! nginx without its commercial parts cannot drain a server, ramp one up, or count its requests.
//! What is under way on a VM that was taken out is therefore known from the old workers (see
//! `workers`), and of failures it bears no witness.
//!
//! Invariants: the file that is in force is the file that is there, but for the moments of a push;
//! a push that fails leaves the last good file; no reload is asked for more often than
//! `reload_every`, but for an urgent one (whoever pushes keeps to [`Router::rests`]).

mod upstreams;
mod workers;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::id::VmId;
use model::unit::Span;
use scaler::hands::{Answer, HandError, Router, RouterReport, Routing, Stamp, Uncounted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use self::upstreams::{PATH, Word, render, vms_of, word_of};
use self::workers::{Known, Workers, beside, has_left};
use super::include::{Include, refuse_older, stamp_of};
use super::{Ground, Kind, Problem};
use crate::command;

/// How long a worker may take to say which routing it follows.
const WORD_PATIENCE: Duration = Duration::from_secs(2);
/// How long `nginx -t` and the order to reload may take: they look up the names in all files.
const COMMAND_PATIENCE: Duration = Duration::from_secs(20);
/// How long the new workers may take to answer, and the old ones to stop listening.
const RELOAD_PATIENCE: Duration = Duration::from_secs(10);
/// How often they are looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Where workers cannot be seen, so many answers in a row must be new ones, with this pause.
const ANSWERS_IN_A_ROW: u32 = 10;
const ANSWER_PAUSE: Duration = Duration::from_millis(50);
/// Of so many silences in a row the first is looked into, as that runs a program.
const DIAGNOSE_EVERY: u32 = 15;
/// The longest answer that is read, in bytes.
const MAX_WORD_BYTES: u64 = 4096;

/// An nginx of this machine. Its own configuration has `include PATH;` in `http {}` and says what
/// leads where: `proxy_pass http://shop.web;` for module `shop/web`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NginxSettings {
    pub name: String,
    /// The file that is written, relative to the main file. nginx's configuration includes it.
    pub include: PathBuf,
    /// nginx's own configuration.
    #[serde(default = "default_config")]
    pub config: PathBuf,
    /// How nginx is called, for example `[sudo, nginx]`. `-t`, `-T` and `-s reload` are added.
    #[serde(default = "default_program")]
    pub program: Vec<String>,
    /// A free address on loopback where nginx is to say which routing it follows.
    #[serde(default = "default_check")]
    pub check: SocketAddr,
    /// Two reloads are this far apart at least, and what comes in between is merged; a VM that is
    /// ill is taken out at once.
    #[serde(default = "default_reload_every")]
    pub reload_every: Span,
    /// While more workers than this still finish requests of before, no VM is taken out for want of
    /// load: each reload leaves workers behind until the last long connection ends.
    #[serde(default = "default_max_old_workers")]
    pub max_old_workers: usize,
    /// Directives for each upstream, without semicolon: `[least_conn, keepalive 32]`.
    #[serde(default)]
    pub each_upstream: Vec<String>,
    /// After so long without a word of it its acknowledgement is not waited for. Only if it gets no
    /// traffic by then, because DNS or a virtual address leads elsewhere.
    pub waive_after: Option<Span>,
}

impl NginxSettings {
    /// With everything else as it is if left out of a file.
    pub fn named(name: &str, include: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            include,
            config: default_config(),
            program: default_program(),
            check: default_check(),
            reload_every: default_reload_every(),
            max_old_workers: default_max_old_workers(),
            each_upstream: Vec::new(),
            waive_after: None,
        }
    }
}

impl Kind for NginxSettings {
    fn word(&self) -> &'static str {
        "nginx"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn waive_after(&self) -> Option<Span> {
        self.waive_after
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.program.is_empty() {
            problems.push(Problem::new("program", "is empty; write for example [sudo, nginx]"));
        }
        if !self.check.ip().is_loopback() || self.check.port() == 0 {
            let message = "only this machine may ask there; write for example 127.0.0.1:8099";
            problems.push(Problem::new("check", message));
        }
        if self.each_upstream.iter().any(|line| line.trim().is_empty() || line.contains(['{', ';']))
        {
            let message = "one directive each, without semicolon; write for example [least_conn]";
            problems.push(Problem::new("each_upstream", message));
        }
        if self.include.file_name().is_none() {
            let message = "is no file; write for example /etc/nginx/cloudbrain.conf";
            problems.push(Problem::new("include", message));
        }
        problems
    }

    fn places(&self) -> Vec<String> {
        vec![self.include.display().to_string(), self.check.to_string()]
    }

    fn open(&self, ground: &Ground) -> Arc<dyn Router> {
        let mut settings = self.clone();
        settings.include = ground.path(&self.include);
        settings.config = ground.path(&self.config);
        settings.program = ground.command(&self.program);
        let include = Include::at(settings.include.clone());
        Arc::new(NginxRouter { settings, include, inner: Mutex::default() })
    }
}

#[derive(Debug)]
struct NginxRouter {
    settings: NginxSettings,
    include: Include,
    /// Held by whoever pushes or observes, so that neither sees the other's half.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    known: Known,
    /// How often in a row nobody answered, and what was found out about it.
    silences: u32,
    diagnosis: String,
}

/// What all workers that serve follow at least, and its text if that is known.
#[derive(Debug)]
struct Followed {
    stamp: Stamp,
    text: String,
}

impl Router for NginxRouter {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn prepare(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(self.begin())
    }

    fn rests(&self) -> Duration {
        self.settings.reload_every.0
    }

    fn push<'a>(&'a self, routing: &'a Routing) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.take(routing))
    }

    fn observe(&self) -> Answer<'_, Result<RouterReport, HandError>> {
        Box::pin(self.report())
    }

    /// It is not ours to end.
    fn stop(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(async { Ok(()) })
    }
}

impl NginxRouter {
    /// The file must be there before nginx can include it.
    async fn begin(&self) -> Result<(), HandError> {
        let _inner = self.inner.lock().await;
        if self.include.read().await?.is_empty() {
            self.include.write(&render(&self.settings, &Routing::default())?).await?;
        }
        match self.ask().await {
            Ok(_) => Ok(()),
            Err(error) => Err(HandError::Failed(self.diagnose(&error).await)),
        }
    }

    async fn take(&self, routing: &Routing) -> Result<(), HandError> {
        let mut inner = self.inner.lock().await;
        let text = render(&self.settings, routing)?;
        let before = self.include.read().await?;
        let word = self.ask().await;
        let in_force = word.as_ref().map_or(Stamp::default(), |word| word.stamp);
        refuse_older(routing.stamp(), &[stamp_of(&before), in_force])?;
        let word = match word {
            Ok(word) => word,
            Err(error) => {
                // Whoever starts it next starts it with the newest.
                self.test(&text, &before).await?;
                return Err(HandError::Failed(self.diagnose(&error).await));
            }
        };
        let workers = beside(word.worker).await;
        let followed = self.followed(in_force).await?;
        inner.see(workers.as_ref(), &followed.text);
        if before == text && followed.text == text {
            return Ok(());
        }
        self.spare(workers.as_ref(), &before, routing, in_force)?;
        self.test(&text, &before).await?;
        let followed = match self.reload().await {
            Ok(()) => self.wait_until_followed(routing.stamp(), workers.as_ref()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = followed {
            self.include.take_back(&before).await?;
            return Err(error);
        }
        self.include.keep(&text).await?;
        inner.see(beside(self.ask().await?.worker).await.as_ref(), &text);
        Ok(())
    }

    async fn report(&self) -> Result<RouterReport, HandError> {
        let mut inner = self.inner.lock().await;
        let word = match self.ask().await {
            Ok(word) => word,
            Err(error) => {
                if inner.silences % DIAGNOSE_EVERY == 0 {
                    inner.diagnosis = self.diagnose(&error).await;
                }
                inner.silences += 1;
                return Err(HandError::Failed(inner.diagnosis.clone()));
            }
        };
        inner.silences = 0;
        let Followed { stamp: Stamp { epoch, generation }, text } =
            self.followed(word.stamp).await?;
        let uncounted = inner.see(beside(word.worker).await.as_ref(), &text);
        Ok(RouterReport { epoch, generation, uncounted, ..RouterReport::default() })
    }

    /// What every worker that serves follows at least, when one of them follows this. When a push
    /// was cut off, a new worker may answer while an old one still takes connections: only a push
    /// that saw them all leave kept its text.
    async fn followed(&self, by_one: Stamp) -> Result<Followed, HandError> {
        let kept = self.include.kept().await?;
        let stamp = stamp_of(&kept).min(by_one);
        let text = if stamp_of(&kept) == by_one { kept } else { String::new() };
        Ok(Followed { stamp, text })
    }

    /// Each reload leaves old workers behind that hold memory until their last connection ends, so a
    /// fleet that breathes must not pile them up for the sake of a VM less.
    fn spare(
        &self,
        workers: Option<&Workers>,
        before: &str,
        routing: &Routing,
        in_force: Stamp,
    ) -> Result<(), HandError> {
        let (old, most) = (workers.map_or(0, |w| w.leaving.len()), self.settings.max_old_workers);
        let before = vms_of(before);
        let adds = routing
            .modules
            .values()
            .flat_map(|route| route.upstreams.keys())
            .any(|vm| !before.contains(vm));
        if old <= most || routing.is_urgent_after(in_force) || adds || before.is_empty() {
            return Ok(());
        }
        Err(HandError::Failed(format!(
            "{old} old workers still finish requests of before, more than max_old_workers ({most}); \
             no VM is taken out until they are fewer (worker_shutdown_timeout in nginx bounds them)"
        )))
    }

    /// Puts the text there if nginx would take it, and leaves the last good one there if not.
    async fn test(&self, text: &str, before: &str) -> Result<(), HandError> {
        self.include.write(text).await?;
        let tested = self.nginx(&["-t", "-q"]).await;
        let refused = match tested {
            Ok(ended) if ended.is_success() => return Ok(()),
            Ok(ended) => HandError::Failed(format!(
                "nginx -t refuses its configuration, so the last good routing stays in force: {}",
                ended.complaint(&["[emerg]"])
            )),
            Err(error) => error,
        };
        self.include.take_back(before).await?;
        Err(refused)
    }

    async fn reload(&self) -> Result<(), HandError> {
        let ended = self.nginx(&["-s", "reload"]).await?;
        if ended.is_success() {
            return Ok(());
        }
        let said = ended.complaint(&["[error]", "[emerg]"]);
        Err(HandError::Failed(format!("nginx -s reload: {said}")))
    }

    /// Waits until new workers answer, and no old one takes connections.
    async fn wait_until_followed(
        &self,
        stamp: Stamp,
        old: Option<&Workers>,
    ) -> Result<(), HandError> {
        let followed = async {
            let mut answers = 0;
            let wanted = if old.is_some() { 1 } else { ANSWERS_IN_A_ROW };
            while answers < wanted {
                let is_new = self.ask().await.is_ok_and(|word| word.stamp == stamp);
                answers = if is_new { answers + 1 } else { 0 };
                sleep(if old.is_some() { LOOK_AGAIN } else { ANSWER_PAUSE }).await;
            }
            for worker in old.iter().flat_map(|workers| &workers.serving) {
                while !has_left(*worker).await {
                    sleep(LOOK_AGAIN).await;
                }
            }
        };
        timeout(RELOAD_PATIENCE, followed).await.map_err(|_| {
            HandError::Failed(format!(
                "reloaded, but {stamp} was not seen to answer at {} within {} s; see nginx's error \
                 log",
                self.settings.check,
                RELOAD_PATIENCE.as_secs()
            ))
        })
    }

    /// Why nobody answers, in a sentence for whoever has to mend it.
    async fn diagnose(&self, silence: &HandError) -> String {
        let (check, config) = (self.settings.check, self.settings.config.display());
        let printed = match self.nginx(&["-T"]).await {
            Ok(printed) => printed,
            Err(error) => return format!("{error} (program: how nginx is called)"),
        };
        if !printed.is_success() {
            let said = printed.complaint(&["[emerg]"]);
            return format!("nobody answers at {check}, and nginx -t refuses {config}: {said}");
        }
        if !includes(&printed.output, self.include.path()) {
            let include = self.include.path().display();
            return format!(
                "{config} does not include {include}; write `include {include};` in http {{}}"
            );
        }
        format!(
            "nobody answers at {check} ({silence}); nginx does not run, or has yet to be reloaded"
        )
    }

    async fn nginx(&self, arguments: &[&str]) -> Result<command::Ended, HandError> {
        let mut words = self.settings.program.clone();
        words.push("-c".to_owned());
        words.push(self.settings.config.to_string_lossy().into_owned());
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        command::run(&words, b"", COMMAND_PATIENCE).await
    }

    /// Asks whichever worker comes first which routing it follows.
    async fn ask(&self) -> Result<Word, HandError> {
        let check = self.settings.check;
        let answer = timeout(WORD_PATIENCE, exchange(check)).await;
        let answer = answer.map_err(|_| HandError::TimedOut(WORD_PATIENCE))?;
        let answer = answer.map_err(|error| HandError::Failed(error.to_string()))?;
        let strange =
            || HandError::Failed(format!("something else than this routing answers at {check}"));
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(strange)?;
        word_of(body).ok_or_else(strange)
    }
}

impl Inner {
    /// Takes note of the workers, which serve with the file of this text, and tells what they may be
    /// busy with that is not in it. An empty text is one that is not known.
    fn see(&mut self, workers: Option<&Workers>, text: &str) -> Uncounted {
        let Some(workers) = workers else { return Uncounted::Everything };
        if text.is_empty() {
            return Uncounted::Everything;
        }
        let vms: Arc<BTreeSet<VmId>> = Arc::new(vms_of(text));
        self.known.note(workers, &vms);
        self.known.uncounted(workers, &vms)
    }
}

async fn exchange(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {PATH} HTTP/1.0\r\nHost: cloudbrain\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_WORD_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Whether the files that `nginx -T` printed have this one among them.
fn includes(printed: &[u8], include: &Path) -> bool {
    let line = format!("# configuration file {}:", include.display());
    String::from_utf8_lossy(printed).lines().any(|printed| printed == line)
}

fn default_config() -> PathBuf {
    "/etc/nginx/nginx.conf".into()
}
fn default_program() -> Vec<String> {
    vec!["nginx".to_owned()]
}
fn default_check() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8099))
}
fn default_reload_every() -> Span {
    Span::secs(2)
}
fn default_max_old_workers() -> usize {
    16
}
