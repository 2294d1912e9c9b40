//! Drives an HAProxy of this machine, by its socket and by a file at once.
//!
//! The socket changes the running process at once and without a reload; the file makes sure that a
//! reload or a restart, by whomever, starts with the same servers. Both hold the stamp of the
//! routing, the process in a variable, so it is always known which one is followed.
//!
//! What a running HAProxy cannot be told (a new backend; a server where the way of balancing does
//! not allow it, as `static-rr` and `source` do not) takes a reload, by the command of the user.
//! Without one the push fails and says so.
//!
//! A server that leaves is put into maintenance, not into drain: drain still lets clients with a
//! cookie of it come back. It is deleted once it is idle.
//!
//! What somebody changes at the socket by hand is seen with the next look: the report then bears the
//! stamp of nobody, so that the routing is pushed again. What is in the file is never deleted.
//!
//! Invariants: backends that are not in a file of ours are never touched; the stamp is set last, so
//! a push that was cut off in the middle does not count; who comes is there before who goes is gone.

mod backends;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::id::VmId;
use model::unit::Span;
use scaler::hands::{
    Answer, HandError, Router, RouterReport, Routing, Stamp, Uncounted, UpstreamReport,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use self::backends::{Wanted, backends_of, follows, orders, render, servers_of, wanted};
use self::socket::{Counts, Place, Process, Socket};
use super::groups::vm_of;
use super::include::{Include, refuse_older, stamp_of};
use super::{Ground, Kind, Problem, siblings};
use crate::command;

/// How long a check of the files, and the order to reload, may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(20);
/// How long the new process may take to answer.
const RELOAD_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Where processes cannot be seen, an old one may still finish requests this long after a reload.
const OLD_PROCESS_LASTS: Duration = Duration::from_secs(600);

/// An HAProxy of this machine that reads a file of ours beside its own: `haproxy -f haproxy.cfg -f
/// cloudbrain.cfg`. Its own says what leads where: `use_backend shop.web` for module `shop/web`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HaproxySettings {
    pub name: String,
    /// The file that is written, relative to the main file. HAProxy is started with it.
    pub include: PathBuf,
    /// Its stats socket, with level admin.
    pub socket: PathBuf,
    /// The files that HAProxy reads before ours.
    #[serde(default = "default_config")]
    pub config: Vec<PathBuf>,
    /// How HAProxy is called to check its files.
    #[serde(default = "default_program")]
    pub program: Vec<String>,
    /// How it is told to reload, for example `[systemctl, reload, haproxy]`: for what a running one
    /// cannot be told, such as a new module.
    #[serde(default)]
    pub reload: Vec<String>,
    /// A new server gets its full share of the requests only after this long.
    pub slow_start: Option<Span>,
    /// What else stands behind each server: `check inter 2s maxconn 200`.
    #[serde(default)]
    pub server_options: String,
    /// Lines for each backend: `[balance leastconn]`.
    #[serde(default)]
    pub each_backend: Vec<String>,
    /// After so long without a word of it its acknowledgement is not waited for. Only if it gets no
    /// traffic by then, because DNS or a virtual address leads elsewhere.
    pub waive_after: Option<Span>,
}

impl HaproxySettings {
    /// With everything else as it is if left out of a file.
    pub fn named(name: &str, include: PathBuf, socket: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            include,
            socket,
            config: default_config(),
            program: default_program(),
            reload: Vec::new(),
            slow_start: None,
            server_options: String::new(),
            each_backend: Vec::new(),
            waive_after: None,
        }
    }

    /// What stands behind the address of each server, with a space before it.
    fn options(&self) -> String {
        let slow = self.slow_start.map(|slow| format!(" slowstart {}ms", slow.0.as_millis()));
        let words = self.server_options.split_whitespace().map(|word| format!(" {word}"));
        slow.into_iter().chain(words).collect()
    }

    /// Whether HAProxy itself is to look how its servers do.
    fn checks(&self) -> bool {
        self.server_options.split_whitespace().any(|word| word == "check")
    }
}

impl Kind for HaproxySettings {
    fn word(&self) -> &'static str {
        "haproxy"
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
            problems.push(Problem::new("program", "is empty; write for example [haproxy]"));
        }
        if self.include.file_name().is_none() {
            let message = "is no file; write for example /etc/haproxy/cloudbrain.cfg";
            problems.push(Problem::new("include", message));
        }
        if self.each_backend.iter().any(|line| line.trim().is_empty() || line.contains('\n')) {
            let message = "one line each; write for example [balance leastconn]";
            problems.push(Problem::new("each_backend", message));
        }
        if self.server_options.contains(['\n', ';']) {
            let message = "all in one line; write for example check inter 2s";
            problems.push(Problem::new("server_options", message));
        }
        problems
    }

    fn places(&self) -> Vec<String> {
        vec![self.include.display().to_string(), self.socket.display().to_string()]
    }

    fn open(&self, ground: &Ground) -> Arc<dyn Router> {
        let mut settings = self.clone();
        settings.include = ground.path(&self.include);
        settings.config = self.config.iter().map(|path| ground.path(path)).collect();
        settings.program = ground.command(&self.program);
        settings.reload = ground.command(&self.reload);
        let include = Include::at(settings.include.clone());
        let socket = Socket(ground.path(&self.socket));
        Arc::new(HaproxyRouter { settings, include, socket, inner: Mutex::default() })
    }
}

#[derive(Debug)]
struct HaproxyRouter {
    settings: HaproxySettings,
    include: Include,
    socket: Socket,
    /// Held by whoever pushes or observes, so that neither sees the other's half.
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What each server had done when it was looked at last, and its failures in a row.
    seen: BTreeMap<Place, (Counts, u32)>,
}

impl Router for HaproxyRouter {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn prepare(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(self.begin())
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

impl HaproxyRouter {
    /// The file must be there before HAProxy can be started with it.
    async fn begin(&self) -> Result<(), HandError> {
        let _inner = self.inner.lock().await;
        if self.include.read().await?.is_empty() {
            self.include.write(&render(&self.settings, &Routing::default())?).await?;
        }
        let tested = self.test().await;
        self.socket.stamp().await?;
        tested
    }

    async fn take(&self, routing: &Routing) -> Result<(), HandError> {
        let _inner = self.inner.lock().await;
        let text = render(&self.settings, routing)?;
        let before = self.include.read().await?;
        let in_force = self.socket.stamp().await;
        let known = in_force.as_ref().map_or(Stamp::default(), |stamp| *stamp);
        refuse_older(routing.stamp(), &[stamp_of(&before), known])?;
        if before != text {
            self.include.write(&text).await?;
        }
        in_force?; // Whoever starts it next starts it with the newest.
        let wanted = wanted(routing)?;
        let ours: BTreeSet<String> =
            backends_of(&text).union(&backends_of(&before)).cloned().collect();
        if let Some(why) = self.tell(&wanted, &ours).await? {
            self.reload(routing.stamp(), &why, &before).await?;
        }
        if !follows(&self.socket.servers().await?, &wanted, &ours) {
            let why = "it was told, and does not follow; is anybody else at its socket?";
            return Err(HandError::Failed(why.to_owned()));
        }
        self.socket.set_stamp(routing.stamp()).await?;
        self.include.keep(&text).await
    }

    /// Tells the running process. Some: what only a reload can do.
    async fn tell(
        &self,
        wanted: &Wanted,
        ours: &BTreeSet<String>,
    ) -> Result<Option<String>, HandError> {
        let running = self.socket.servers().await?;
        let backends = self.socket.backends().await?;
        let orders = orders(&self.settings, &running, wanted, ours);
        let strange = wanted.keys().map(|(backend, _)| backend).find(|b| !backends.contains(b));
        let why = match strange {
            Some(backend) => Some(format!("the running HAProxy has no backend {backend}")),
            None => self.tell_all(&orders.comes).await?,
        };
        match why {
            None => {
                let refused = self.tell_all(&orders.goes).await?;
                refused.map_or(Ok(None), |said| Err(HandError::Failed(said)))
            }
            // Who goes must not be gone before who comes is there.
            Some(why) if !self.settings.reload.is_empty() => Ok(Some(why)),
            Some(why) => Err(HandError::Failed(format!(
                "{why}; that takes a reload: write `reload: [systemctl, reload, haproxy]`, or reload \
                 it by hand"
            ))),
        }
    }

    /// Says one thing after the other, up to the first that is not done: what was answered to it.
    async fn tell_all(&self, orders: &[String]) -> Result<Option<String>, HandError> {
        for order in orders {
            if let Some(said) = self.socket.order(order).await? {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }

    async fn reload(&self, stamp: Stamp, why: &str, before: &str) -> Result<(), HandError> {
        tracing::info!(router = self.settings.name, why, "a reload is needed");
        if let Err(error) = self.test().await {
            self.include.take_back(before).await?;
            return Err(error);
        }
        let ended = command::run(&self.settings.reload, b"", COMMAND_PATIENCE).await?;
        if !ended.is_success() {
            let said = ended.complaint(&["[ALERT]"]);
            return Err(HandError::Failed(format!("{why}; the reload failed: {said}")));
        }
        let followed = async {
            while !self.socket.stamp().await.is_ok_and(|now| now == stamp) {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(RELOAD_PATIENCE, followed).await.map_err(|_| {
            let include = self.include.path().display();
            HandError::Failed(format!(
                "{why}; reloaded, and it does not follow {include}: is it started with -f {include}?"
            ))
        })
    }

    /// Whether HAProxy would take its files, ours included.
    async fn test(&self) -> Result<(), HandError> {
        let mut words = self.settings.program.clone();
        words.push("-c".to_owned());
        for path in self.settings.config.iter().chain([&self.settings.include]) {
            words.extend(["-f".to_owned(), path.to_string_lossy().into_owned()]);
        }
        let ended = command::run(&words, b"", COMMAND_PATIENCE).await?;
        if ended.is_success() {
            return Ok(());
        }
        let said = ended.complaint(&["[ALERT]"]);
        Err(HandError::Failed(format!("haproxy -c refuses its configuration: {said}")))
    }

    async fn report(&self) -> Result<RouterReport, HandError> {
        let mut inner = self.inner.lock().await;
        // In this order: what is under way is counted after the stamp was in force.
        let mut stamp = self.socket.stamp().await?;
        let text = self.include.read().await?;
        let (ours, wanted) = (backends_of(&text), servers_of(&text));
        let mut counts = self.socket.counts().await?;
        counts.retain(|(backend, _), _| ours.contains(backend));
        let uncounted = others(self.socket.process().await?).await;
        let servers = self.socket.servers().await?;
        for (place, counts) in &counts {
            let is_out = servers.get(place).is_some_and(|server| server.is_out);
            if is_out && counts.in_flight == 0 && !wanted.contains_key(place) {
                // It may still hold an idle connection; then it goes the next time.
                let _ = self.socket.order(&format!("del server {}/{}", place.0, place.1)).await;
            }
        }
        if stamp == stamp_of(&text) && !follows(&servers, &wanted, &ours) {
            let router = &self.settings.name;
            tracing::warn!(router, "somebody else has changed its servers; it is told again");
            stamp = Stamp::default(); // What it does is not what any routing of ours says.
        }
        let Stamp { epoch, generation } = stamp;
        Ok(RouterReport { epoch, generation, upstreams: inner.upstreams(counts), uncounted })
    }
}

impl Inner {
    fn upstreams(&mut self, counts: BTreeMap<Place, Counts>) -> BTreeMap<VmId, UpstreamReport> {
        let judged = counts.into_iter().map(|(place, now)| {
            let in_a_row = match self.seen.get(&place) {
                Some((before, in_a_row)) => failures_in_a_row(*before, now, *in_a_row),
                None => 0,
            };
            (place, (now, in_a_row))
        });
        self.seen = judged.collect();
        let report = |(place, (counts, failed_in_a_row)): (&Place, &(Counts, u32))| {
            let Counts { in_flight, answered: served, failed } = *counts;
            let failed_in_a_row = *failed_in_a_row;
            Some((vm_of(&place.1)?, UpstreamReport { in_flight, served, failed, failed_in_a_row }))
        };
        self.seen.iter().filter_map(report).collect()
    }
}

/// HAProxy counts failures and not rows of them: between two looks in which nothing was answered,
/// all that failed, failed in a row.
fn failures_in_a_row(before: Counts, now: Counts, in_a_row: u32) -> u32 {
    let new = now.failed.saturating_sub(before.failed);
    match now.answered > before.answered || now.failed < before.failed {
        true => 0,
        false => in_a_row.saturating_add(u32::try_from(new).unwrap_or(u32::MAX)),
    }
}

/// A reload leaves the old process behind until its last connection ends, and the new one counts
/// nothing of it.
async fn others(process: Process) -> Uncounted {
    let has_others = match siblings::of(process.pid, "haproxy").await {
        Some(siblings) => siblings.iter().any(|sibling| sibling.mark.pid != process.pid),
        None => Duration::from_secs(process.up_s) < OLD_PROCESS_LASTS,
    };
    if has_others { Uncounted::Everything } else { Uncounted::Nothing }
}

fn default_config() -> Vec<PathBuf> {
    vec!["/etc/haproxy/haproxy.cfg".into()]
}
fn default_program() -> Vec<String> {
    vec!["haproxy".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_failures_ends_with_an_answer() {
        let counts = |answered, failed| Counts { in_flight: 0, answered, failed };
        assert_eq!(failures_in_a_row(counts(10, 0), counts(10, 2), 0), 2);
        assert_eq!(failures_in_a_row(counts(10, 2), counts(10, 3), 2), 3);
        assert_eq!(failures_in_a_row(counts(10, 3), counts(10, 3), 3), 3, "nobody came");
        assert_eq!(failures_in_a_row(counts(10, 3), counts(11, 4), 3), 0);
        assert_eq!(failures_in_a_row(counts(10, 3), counts(0, 0), 3), 0, "it was started anew");
    }
}
