//! The agents that come by themselves: what they bring is durable before they are told so.
//!
//! Samples go to the sample store, and what was learnt of an agent's machine to the store, in that
//! order of need: an item that was asked for must be known again after a restart. Only then the
//! agent gets its answer, and the brain the same frame that a poll would have given it. If either
//! store fails, the agent gets none, and brings all of it again.
//!
//! Invariant: nothing that an agent was told was taken is lost by a `kill -9`; what it brings
//! twice has the same series and times, and so is one sample.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use collector::active::{self, ActiveBatch, Directory, Named, Settings, Told};
use collector::parts::Parts;
use collector::passive::AgentError;
use model::id::Object;
use model::sample::Frame;
use model::time::Time;
use model::topology::Topology;
use store::Change;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::core::Heard;
use super::rows::labels;
use super::{Handle, Input};
use crate::config::Config;

/// Under which name it is stored what is known of the agents.
const ROOM: &str = "active";
/// Provider and Zabbix servers have told by then who is in the fleet.
const GRACE: Duration = Duration::from_secs(60);
/// Batches that may wait; agents wait with them.
const WAITING: usize = 256;
/// No more rows than these are written at once.
const MAX_ROWS: usize = 20_000;

/// What the core hears of active agents.
#[derive(Debug)]
pub enum Word {
    /// An agent brought figures; they are in the sample store already.
    Frame(Frame),
    Silent {
        object: Object,
        at: Time,
        error: AgentError,
    },
}

/// The parts of the machines whose agents have come, as a former brain stored them.
pub fn kept(memory: &BTreeMap<String, String>) -> BTreeMap<Object, Parts> {
    // What cannot be read is found again: agents tell of their parts every ten minutes.
    memory.get(ROOM).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Opens the door for agents, if the files want one.
pub async fn listen(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let Some(active) = &config.raw.collector.active else { return Ok(None) };
    let address = active.listen;
    let listener = TcpListener::bind(address).await;
    Ok(Some(listener.with_context(|| format!("listening for active agents on {address}"))?))
}

/// Starts the server, and the task that keeps what it brings.
pub fn spawn(
    listener: TcpListener,
    config: &Config,
    kept: BTreeMap<Object, Parts>,
    directory: watch::Receiver<Arc<Directory>>,
    handle: &Handle,
) {
    let (out, told) = mpsc::channel(WAITING);
    let settings = Settings { interval: config.raw.collector.interval.0, grace: GRACE };
    let (clock, gauges) = (handle.clock.clone(), handle.active.clone());
    let (known, seen) = (kept.clone(), directory.clone());
    tokio::spawn(active::serve(listener, settings, kept, directory, out, clock, gauges));
    let full_from = handle.clock.now() + GRACE;
    let keeper = Keeper { handle: handle.clone(), known, directory: seen, full_from };
    tokio::spawn(keeper.run(told));
}

/// Whoever may speak for an object of the fleet: VMs and hosts, by their own names. A name that
/// both have is the VM's.
pub fn directory(config: &Config, topology: &Topology) -> Directory {
    let written = config.raw.collector.active.iter().flat_map(|active| &active.objects);
    let polled = config.raw.collector.agents.iter().map(|agent| &agent.object);
    let mut objects: BTreeSet<Object> = written.chain(polled).cloned().collect();
    objects.extend(topology.hosts.keys().cloned().map(Object::Host));
    objects.extend(topology.vms.keys().cloned().map(Object::Vm));
    let (vms, others): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| matches!(object, Object::Vm(_)));
    let named = |object: Object| {
        let labels = labels(&object, topology);
        (object.name().to_owned(), Named { object, labels })
    };
    Directory { names: others.into_iter().chain(vms).map(named).collect() }
}

struct Keeper {
    handle: Handle,
    /// As it is stored.
    known: BTreeMap<Object, Parts>,
    directory: watch::Receiver<Arc<Directory>>,
    /// From then on whoever is not in the directory is gone.
    full_from: Time,
}

/// Why a batch was not kept.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error("the parts of machines could not be written")]
    Parts(#[source] store::StoreError),
    #[error("samples could not be written")]
    Samples(#[source] samples::SamplesError),
}

/// The brain is shutting down.
struct Gone;

impl Keeper {
    async fn run(mut self, mut told: mpsc::Receiver<Told>) {
        while let Some(first) = told.recv().await {
            if self.round(first, &mut told).await.is_err() {
                return;
            }
        }
    }

    /// Takes in all that waits, so that many agents share one write.
    async fn round(&mut self, first: Told, told: &mut mpsc::Receiver<Told>) -> Result<(), Gone> {
        let (mut batches, mut rows, mut next) = (Vec::new(), 0, Some(first));
        while let Some(told_next) = next {
            match told_next {
                Told::Batch(batch) => {
                    rows += batch.rows.len();
                    batches.push(batch);
                }
                Told::Silent { object, at, error } => {
                    self.tell(Word::Silent { object, at, error }).await?;
                }
            }
            next = if rows < MAX_ROWS { told.try_recv().ok() } else { None };
        }
        match self.keep(&mut batches).await {
            Ok(()) => self.confirm(batches).await,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what agents brought was not kept; they will bring it again");
                Ok(())
            }
        }
    }

    async fn keep(&mut self, batches: &mut [ActiveBatch]) -> Result<(), NotKept> {
        let parts = batches.iter_mut().filter_map(|batch| batch.parts.take());
        let parts: BTreeMap<Object, Parts> = parts.collect();
        if !parts.is_empty() {
            self.remember(parts).await.map_err(NotKept::Parts)?;
        }
        let rows: Vec<_> =
            batches.iter_mut().flat_map(|batch| std::mem::take(&mut batch.rows)).collect();
        if !rows.is_empty() {
            self.handle.recorder.append(rows).await.map_err(NotKept::Samples)?;
        }
        Ok(())
    }

    async fn remember(&mut self, parts: BTreeMap<Object, Parts>) -> Result<(), store::StoreError> {
        let mut known = self.known.clone();
        known.extend(parts);
        if self.handle.clock.now() > self.full_from {
            let directory = self.directory.borrow().clone();
            let there: BTreeSet<&Object> =
                directory.names.values().map(|named| &named.object).collect();
            known.retain(|object, _| there.contains(object));
        }
        let json = serde_json::to_string(&known).expect("names become JSON");
        let change = Change::Memory { room: ROOM.to_owned(), json };
        self.handle.store.commit(vec![change]).await?;
        self.known = known;
        Ok(())
    }

    async fn confirm(&self, batches: Vec<ActiveBatch>) -> Result<(), Gone> {
        for batch in batches {
            let _ = batch.done.send(()); // Its connection may have ended meanwhile.
            for frame in batch.frames {
                self.tell(Word::Frame(frame)).await?;
            }
        }
        Ok(())
    }

    async fn tell(&self, word: Word) -> Result<(), Gone> {
        self.handle.inbox.send(Input::Heard(Heard::Active(word))).await.map_err(|_| Gone)
    }
}
