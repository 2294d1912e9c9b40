//! One task for each Zabbix server: it lists hosts, tails events, compares, and reads values, each
//! at its own pace, and tells the brain what came of it.
//!
//! What an event says reaches the brain together with how far was read, so both are stored in one
//! transaction; after a crash in between the events are read again. An error of the API says
//! nothing about what Zabbix watches: what was known before holds.

use std::time::Duration;

use collector::zabbix::api::{Access, Login};
use collector::zabbix::brake::Brake;
use collector::zabbix::error::ApiError;
use collector::zabbix::ids::EventId;
use collector::zabbix::mapping::RawMapping;
use collector::zabbix::measure::MetricsState;
use collector::zabbix::poll::{EventBatch, EventState};
use collector::zabbix::problems::Told;
use collector::zabbix::secret::Secret;
use collector::zabbix::stats::{Fault, Stats};
use collector::zabbix::topology::Entry;
use collector::zabbix::watch::{Limits, Settings, ZabbixWatch};
use model::clock::SharedClock;
use model::id::SourceId;
use model::series::Row;
use model::signal::{Signal, SignalState};
use model::time::Time;
use model::topology::Topology;
use serde::Serialize;
use tokio::sync::mpsc;

use super::Input;
use super::core::{Acknowledged, Heard};
use crate::config::sources::RawZabbix;
use crate::config::{Config, Zabbix};

/// Events are asked for this often, if the API is quick.
const EVENTS_EVERY: Duration = Duration::from_secs(3);
const RECONCILE_EVERY: Duration = Duration::from_secs(60);
const METRICS_EVERY: Duration = Duration::from_secs(30);
const HOSTS_EVERY: Duration = Duration::from_secs(300);
/// After a fault nothing is asked for this long.
const FAULT_PAUSE: Duration = Duration::from_secs(10);
const CALL_WITHIN: Duration = Duration::from_secs(20);
/// Acknowledgements that wait for a server.
const WAITING: usize = 64;

/// What a server told.
#[derive(Debug)]
pub struct Word {
    /// The server's name in the files.
    pub server: String,
    pub signals: Vec<Signal>,
    /// What there is, if it was listed.
    pub topology: Option<Topology>,
    /// What is to be stored with it: under which name, and what.
    pub memory: Option<(String, String)>,
    /// There if a round is done, or was broken off.
    pub round: Option<Box<Round>>,
}

/// How all that was due at once went.
#[derive(Debug)]
pub struct Round {
    /// What is wrong with the server itself, and what to do; None if it answered well.
    pub fault: Option<Fault>,
    pub stats: Stats,
}

/// Under which names the state of a server is stored.
fn room(server: &str, part: &str) -> String {
    format!("zabbix/{server}/{part}")
}

/// What a former brain stored of a server.
#[derive(Debug, Default)]
pub struct Kept {
    events: EventState,
    hosts: Option<Brake<Entry>>,
}

impl Kept {
    /// `memory` gives what was stored under a name. What cannot be read is forgotten: it is found
    /// again by looking.
    pub fn read(server: &str, memory: impl Fn(&str) -> Option<String>) -> Self {
        let events = memory(&room(server, "events"));
        let hosts = memory(&room(server, "hosts"));
        Self {
            events: events.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default(),
            hosts: hosts.and_then(|json| serde_json::from_str(&json).ok()),
        }
    }
}

/// Starts the task of one server. Returns where acknowledgements are sent to.
pub fn spawn(
    config: &Config,
    zabbix: &Zabbix,
    kept: Kept,
    clock: SharedClock,
    (sender, rows): (mpsc::Sender<Input>, mpsc::Sender<Vec<Row>>),
) -> anyhow::Result<mpsc::Sender<Acknowledged>> {
    let hosts = kept.hosts.unwrap_or(Brake { known: Default::default() });
    let watch = ZabbixWatch::new(settings(zabbix)?, &hosts, clock.clone())?;
    let (orders, wanted) = mpsc::channel(WAITING);
    let now = clock.now();
    let task = Task {
        server: zabbix.raw.name.clone(),
        page: format!("http://{}/incidents", config.raw.listen),
        watch,
        events: kept.events,
        hosts,
        metrics: MetricsState::since(now),
        due: Due { events: now, reconcile: now + RECONCILE_EVERY, metrics: now, hosts: now },
        clock,
        sender,
        rows,
    };
    tokio::spawn(task.run(wanted));
    Ok(orders)
}

fn settings(zabbix: &Zabbix) -> anyhow::Result<Settings> {
    let RawZabbix { name, url, user, mapping, export, .. } = &zabbix.raw;
    let secret = Secret::new(zabbix.secret.reveal());
    let login = match user {
        Some(user) => Login::Password { user: user.clone(), password: secret },
        None => Login::Token(secret),
    };
    let access = Access { url: url.clone(), login, authority: None, call_timeout: CALL_WITHIN };
    let mapping: RawMapping = mapping.clone().unwrap_or_default();
    let (source, export) = (SourceId::parse(name)?, export.clone());
    Ok(Settings { source, access, mapping, export, limits: Limits::default() })
}

struct Task {
    server: String,
    /// Where an incident is shown.
    page: String,
    watch: ZabbixWatch,
    events: EventState,
    hosts: Brake<Entry>,
    metrics: MetricsState,
    due: Due,
    clock: SharedClock,
    sender: mpsc::Sender<Input>,
    rows: mpsc::Sender<Vec<Row>>,
}

/// When each part is due.
struct Due {
    events: Time,
    reconcile: Time,
    metrics: Time,
    hosts: Time,
}

/// The brain is shutting down.
struct Gone;

impl Task {
    async fn run(mut self, mut orders: mpsc::Receiver<Acknowledged>) {
        loop {
            let next = self.due.events.min(self.due.metrics);
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.acknowledge(&order).await,
                    None => return,
                },
                () = tokio::time::sleep(next.since(self.clock.now())) => {
                    if self.round().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Does what is due. A fault is told and waited for.
    async fn round(&mut self) -> Result<(), Gone> {
        let now = self.clock.now();
        let done = self.parts(now).await?;
        let fault = done.err().map(|error| Fault::new(&error, now));
        if fault.is_some() {
            let later = self.clock.now() + FAULT_PAUSE;
            self.due.events = self.due.events.max(later);
            self.due.metrics = self.due.metrics.max(later);
        }
        let stats = self.watch.stats();
        self.tell(Vec::new(), None, None, Some(Box::new(Round { fault, stats }))).await
    }

    async fn parts(&mut self, now: Time) -> Result<Result<(), ApiError>, Gone> {
        if now >= self.due.hosts {
            match self.watch.topology(&self.hosts).await {
                Ok(refresh) => {
                    self.hosts = refresh.state;
                    self.due.hosts = now + self.watch.cycle(HOSTS_EVERY);
                    let topology = refresh.directory.topology().clone();
                    let memory = self.memory("hosts", &self.hosts);
                    self.tell(Vec::new(), Some(topology), memory, None).await?;
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        if now >= self.due.events {
            let batch = self.watch.events(&self.events).await;
            self.due.events = now + self.watch.cycle(EVENTS_EVERY);
            if let Err(error) = self.take(batch).await? {
                return Ok(Err(error));
            }
        }
        if now >= self.due.reconcile {
            let batch = self.watch.reconcile(&self.events).await;
            self.due.reconcile = now + self.watch.cycle(RECONCILE_EVERY);
            if let Err(error) = self.take(batch).await? {
                return Ok(Err(error));
            }
        }
        if now >= self.due.metrics {
            self.due.metrics = now + self.watch.cycle(METRICS_EVERY);
            return self.measure().await;
        }
        Ok(Ok(()))
    }

    /// Takes over what a poll brought.
    async fn take(
        &mut self,
        batch: Result<EventBatch, ApiError>,
    ) -> Result<Result<(), ApiError>, Gone> {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error)),
        };
        self.events = batch.state;
        if batch.has_more {
            self.due.events = self.clock.now();
        }
        if batch.has_new_hosts {
            self.due.hosts = self.clock.now();
        }
        // What is under maintenance there is not told here either; its end always is.
        let is_told = |told: &Told| !told.suppressed || told.signal.state == SignalState::Ok;
        let told = batch.told.into_iter().filter(is_told);
        let signals: Vec<Signal> = told.map(|told| told.signal).collect();
        if batch.has_changed || !signals.is_empty() {
            let memory = self.memory("events", &self.events);
            self.tell(signals, None, memory, None).await?;
        }
        Ok(batch.fault.map_or(Ok(()), Err))
    }

    async fn measure(&mut self) -> Result<Result<(), ApiError>, Gone> {
        match self.watch.metrics(&mut self.metrics).await {
            Ok(batch) => {
                if batch.has_more {
                    self.due.metrics = self.clock.now();
                }
                if !batch.rows.is_empty() {
                    self.rows.send(batch.rows).await.map_err(|_| Gone)?;
                }
                Ok(batch.fault.map_or(Ok(()), Err))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Acknowledges there what was taken on here.
    async fn acknowledge(&self, order: &Acknowledged) {
        let open = self.events.problems.open_now().iter();
        let concerned = open.filter(|(_, open)| {
            open.targets.iter().any(|target| order.objects.contains(&target.object))
        });
        let events: Vec<EventId> = concerned.map(|(event, _)| *event).collect();
        if events.is_empty() {
            return;
        }
        let message = format!("{}: {}", order.word.by, order.word.text);
        let link = format!("{}/{}", self.page, order.incident);
        let done = self.watch.acknowledge(&events, &message, &link).await;
        let server = &self.server;
        tracing::info!(%server, incident = %order.incident, ?done, "acknowledged there, too");
    }

    fn memory(&self, part: &str, state: &impl Serialize) -> Option<(String, String)> {
        Some((room(&self.server, part), serde_json::to_string(state).ok()?))
    }

    async fn tell(
        &self,
        signals: Vec<Signal>,
        topology: Option<Topology>,
        memory: Option<(String, String)>,
        round: Option<Box<Round>>,
    ) -> Result<(), Gone> {
        let server = self.server.clone();
        let word = Word { server, signals, topology, memory, round };
        self.sender.send(Input::Heard(Heard::Zabbix(Box::new(word)))).await.map_err(|_| Gone)
    }
}
