//! A vantage: a place beside the brain that probes what the brain probes, and tells it what it saw.
//!
//! It probes by the brain's own prober, decides nothing, and keeps two things on disk: the last list of
//! targets, so that it starts without the brain, and what is not delivered yet (see [`spool`]). The brain says
//! each minute what to probe; what was seen goes to it every second or two, and at once when it is back.

pub mod spool;
pub mod wire;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use collector::gauges::Gauges;
use collector::poller::{self, Pace, ProbeSpec, Sensed, Targets};
use drivers::uplink::Uplink;
use model::clock::SharedClock;
use model::id::VantageId;
use model::verdict::{ProbeTarget, Verdict};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::brain::targets::address_of;
use spool::{Limits, Place, Spool};
use wire::{Answer, Batch, MOST_ANSWERS, Taken, Target, TargetList, What};

/// What to probe is asked this often, and more often while it is not known.
const LIST_EVERY: Duration = Duration::from_secs(60);
const LIST_AGAIN: Duration = Duration::from_secs(2);
/// What was seen within half an interval goes in one batch, if that is not too rare.
const SHORTEST_GATHER: Duration = Duration::from_millis(200);
const LONGEST_GATHER: Duration = Duration::from_secs(2);
/// A brain that is away is tried again this often.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Who has nothing to say says so this often.
const ALIVE_EVERY: Duration = Duration::from_secs(2);
const PROBES_AT_ONCE: usize = 256;
/// Answers that wait for being gathered.
const WAITING: usize = 8_192;
const LIST: &str = "targets.json";

/// What a vantage is told on its command line.
#[derive(Debug)]
pub struct Settings {
    pub name: VantageId,
    pub uplink: Uplink,
    /// Where it keeps what it keeps.
    pub folder: PathBuf,
    pub limits: Limits,
    /// Addresses for domains that this machine should not look up.
    pub resolve: BTreeMap<String, SocketAddr>,
}

/// Probes and tells until it is stopped.
///
/// # Errors
/// If its folder cannot be used.
pub async fn run(settings: Settings, clock: SharedClock) -> anyhow::Result<()> {
    let folder = &settings.folder;
    let spool = Spool::open(folder, settings.limits, clock.now())
        .with_context(|| format!("opening the spool {}", folder.display()))?;
    let vantage = Arc::new(Vantage { settings, clock, spool: Mutex::new(spool) });
    let (sensed, seen) = mpsc::channel(WAITING);
    let (list, listed) = watch::channel(vantage.kept_list());
    tokio::spawn(vantage.clone().gather(seen, listed.clone()));
    tokio::spawn(vantage.clone().deliver());
    tokio::spawn(vantage.clone().look(listed, sensed));
    vantage.follow(&list).await;
    Ok(())
}

struct Vantage {
    settings: Settings,
    clock: SharedClock,
    spool: Mutex<Spool>,
}

impl Vantage {
    fn with_spool<T>(&self, work: impl FnOnce(&mut Spool) -> T) -> T {
        work(&mut self.spool.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it was told to probe last.
    fn kept_list(&self) -> TargetList {
        let kept = std::fs::read(self.settings.folder.join(LIST));
        kept.ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    /// Asks again and again what to probe.
    async fn follow(&self, list: &watch::Sender<TargetList>) {
        let mut trouble = None;
        loop {
            let asked = self.ask_for_targets().await;
            let wait = if asked.is_ok() { LIST_EVERY } else { LIST_AGAIN };
            match asked {
                Ok(targets) => {
                    trouble = None;
                    if list.send_if_modified(|last| replace_if_other(last, targets)) {
                        self.keep_list(&list.borrow());
                    }
                }
                Err(error) => tell_once(&mut trouble, error, "no news of what to probe"),
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask_for_targets(&self) -> Result<TargetList, String> {
        let path = format!("/api/vantages/{}/targets", self.settings.name);
        let said = self.settings.uplink.get(&path).await?;
        match said.status {
            200 => serde_json::from_slice(&said.body).map_err(|error| error.to_string()),
            status => Err(format!("{status}: {}", String::from_utf8_lossy(&said.body))),
        }
    }

    fn keep_list(&self, list: &TargetList) {
        tracing::info!(targets = list.targets.len(), interval = %list.interval, "what to probe");
        let written = serde_json::to_vec(list).map_err(std::io::Error::from);
        let path = self.settings.folder.join(LIST);
        if let Err(error) = written.and_then(|json| drivers::write_whole(&path, &json)) {
            tracing::warn!(%error, "what to probe is not kept; the next start needs the brain");
        }
    }

    /// Looks at the targets of the list, at its pace.
    async fn look(
        self: Arc<Self>,
        mut list: watch::Receiver<TargetList>,
        sensed: mpsc::Sender<Sensed>,
    ) {
        let mut looking: Option<Looking> = None;
        loop {
            let news = list.borrow_and_update().clone();
            let pace = pace_of(&news);
            let targets = Arc::new(self.targets(news));
            match &looking {
                Some(now) if now.pace == pace => drop(now.targets.send_replace(targets)),
                _ => looking = Some(Looking::begin(pace, targets, &self.clock, &sensed)),
            }
            if list.changed().await.is_err() {
                return; // The process is shutting down.
            }
        }
    }

    fn targets(&self, list: TargetList) -> Targets {
        let resolve = &self.settings.resolve;
        let probe = |Target { module, domain, path }: Target| ProbeSpec {
            address: address_of(&domain, resolve),
            host_header: domain.clone(),
            target: ProbeTarget::Domain { module, domain },
            path,
        };
        let probes = list.targets.into_iter().map(probe).collect();
        Targets { probes, canaries: list.canaries, ..Targets::default() }
    }

    /// Keeps what was seen, a batch at a time.
    async fn gather(
        self: Arc<Self>,
        mut seen: mpsc::Receiver<Sensed>,
        list: watch::Receiver<TargetList>,
    ) {
        let mut some = Vec::new();
        loop {
            let taken = seen.recv_many(&mut some, MOST_ANSWERS).await;
            if taken == 0 {
                return; // The process is shutting down.
            }
            let answers: Vec<Answer> = some.drain(..).filter_map(answer).collect();
            let now = self.clock.now();
            if let Err(error) = self.with_spool(|spool| spool.put(&answers, now)) {
                tracing::error!(%error, answers = answers.len(), "answers lost: the spool is not writable");
            }
            if taken == MOST_ANSWERS {
                continue; // More wait already.
            }
            let interval = list.borrow().interval.0;
            tokio::time::sleep((interval / 2).clamp(SHORTEST_GATHER, LONGEST_GATHER)).await;
        }
    }

    /// Sends what is kept, the oldest first, for ever.
    async fn deliver(self: Arc<Self>) {
        let (mut trouble, mut next) = (None, self.with_spool(Spool::oldest));
        loop {
            let wait = match self.send(next).await {
                Ok(Taken { repeated, lost, .. }) => {
                    trouble = None;
                    if repeated + lost > 0 {
                        tracing::info!(repeated, lost, "the brain has counted");
                    }
                    Duration::ZERO
                }
                Err(error) => {
                    tell_once(
                        &mut trouble,
                        error,
                        "nothing is delivered; it is kept and tried again",
                    );
                    TRY_AGAIN
                }
            };
            tokio::time::sleep(wait).await;
            next = self.await_batch().await;
        }
    }

    /// The next batch, or none after a while.
    async fn await_batch(&self) -> Option<(Place, Vec<Answer>)> {
        let mut waited = Duration::ZERO;
        loop {
            let next = self.with_spool(Spool::oldest);
            if next.is_some() || waited >= ALIVE_EVERY {
                return next;
            }
            tokio::time::sleep(SHORTEST_GATHER).await;
            waited += SHORTEST_GATHER;
        }
    }

    async fn send(&self, batch: Option<(Place, Vec<Answer>)>) -> Result<Taken, String> {
        let place = batch.as_ref().map(|(place, _)| *place);
        let here = || self.with_spool(|spool| (spool.boot(), spool.next()));
        let (boot, first) = place.map_or_else(here, |place| (place.boot, place.first));
        let answers = batch.map_or(Vec::new(), |(_, answers)| answers);
        let batch = Batch { boot, first, sent: self.clock.now(), answers };
        let body = serde_json::to_string(&batch).map_err(|error| error.to_string())?;
        let path = format!("/api/vantages/{}/answers", self.settings.name);
        let said = self.settings.uplink.post(&path, body).await?;
        let text = String::from_utf8_lossy(&said.body);
        match (said.status, place) {
            (200, place) => {
                place.into_iter().for_each(|place| self.with_spool(|spool| spool.remove(place)));
                serde_json::from_slice(&said.body).map_err(|error| error.to_string())
            }
            // It is wrong in itself, and would be for ever.
            (400 | 413 | 422, Some(place)) => {
                self.with_spool(|spool| spool.drop_batch(place));
                Err(format!("{}, and this batch is dropped: {text}", said.status))
            }
            (status, _) => Err(format!("{status}: {text}")),
        }
    }
}

/// The poller, at one pace.
struct Looking {
    pace: Pace,
    targets: watch::Sender<Arc<Targets>>,
    task: JoinHandle<()>,
}

impl Looking {
    fn begin(
        pace: Pace,
        targets: Arc<Targets>,
        clock: &SharedClock,
        sensed: &mpsc::Sender<Sensed>,
    ) -> Self {
        let (targets, aimed) = watch::channel(targets);
        let (rows, _) = mpsc::channel(1); // Probes bring none.
        let gauges = Arc::new(Gauges::default());
        let look = poller::run(aimed, pace, clock.clone(), sensed.clone(), rows, gauges);
        Self { pace, targets, task: tokio::spawn(look) }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pace_of(list: &TargetList) -> Pace {
    // Before the first list there is nothing to probe, at any pace.
    let interval = if list.interval.0.is_zero() { LIST_EVERY } else { list.interval.0 };
    Pace { interval, timeout: list.timeout.0, max_in_flight: PROBES_AT_ONCE }
}

fn answer(sensed: Sensed) -> Option<Answer> {
    match sensed {
        Sensed::Verdict(Verdict {
            target: ProbeTarget::Domain { module, domain },
            at,
            outcome,
            ..
        }) => Some(Answer { at, what: What::Probe { module, domain, outcome } }),
        Sensed::Canary { address, at, answered } => {
            Some(Answer { at, what: What::Canary { address, answered } })
        }
        Sensed::Verdict(_)
        | Sensed::Frame(_)
        | Sensed::Split { .. }
        | Sensed::AgentFault { .. }
        | Sensed::Blind { .. }
        | Sensed::Ready { .. }
        | Sensed::Looked { .. }
        | Sensed::Lag { .. } => None,
    }
}

fn replace_if_other(last: &mut TargetList, next: TargetList) -> bool {
    let is_other = *last != next;
    *last = next;
    is_other
}

/// The same trouble is told once.
fn tell_once(last: &mut Option<String>, error: String, what: &str) {
    if last.as_ref() != Some(&error) {
        tracing::warn!(error, "{what}");
        *last = Some(error);
    }
}
