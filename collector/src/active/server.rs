//! The connections of active agents: one request each, within one deadline.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::clock::SharedClock;
use model::id::Object;
use model::series::Row;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::book::{Book, Brought, Found};
use super::gauges::ActiveGauges;
use super::host::{Clocks, moment};
use super::wire::{self, Data, Request, Value};
use super::{ActiveBatch, Directory, Settings, Told};
use crate::frame::{self, FrameError, MAX_FRAME_BYTES};
use crate::parts::Parts;
use crate::text::clean;

/// The others wait in the kernel's backlog.
const MAX_CONNECTIONS: usize = 256;
/// No machine may take the places of all others.
const MAX_CONNECTIONS_OF_ONE: usize = 64;
/// For a whole connection, with the time that its values need to become durable.
const DEADLINE: Duration = Duration::from_secs(10);
/// For all requests together that are longer than [`SMALL_BYTES`], in KiB.
const MEMORY_KIB: usize = 64 << 10;
/// So small a request needs no leave: it cannot be held up by long ones.
const SMALL_BYTES: usize = 256 << 10;
/// How long to wait before accepting again when that failed, as it does without descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked who was silent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Server {
    book: Mutex<Book>,
    out: mpsc::Sender<Told>,
    clock: SharedClock,
    gauges: Arc<ActiveGauges>,
    memory: Semaphore,
    /// Connections by address.
    peers: Mutex<BTreeMap<IpAddr, usize>>,
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("an unreadable request")]
    Unreadable(#[source] serde_json::Error),
    /// It has to send the same again.
    #[error("the values were not kept")]
    NotKept,
    #[error("it is too early to know who belongs to the fleet")]
    TooEarly,
}

/// What became of the values of one request.
#[derive(Default)]
struct Sum {
    processed: u64,
    failed: u64,
}

impl Server {
    pub(super) fn new(
        settings: Settings,
        kept: BTreeMap<Object, Parts>,
        out: mpsc::Sender<Told>,
        clock: SharedClock,
        gauges: Arc<ActiveGauges>,
    ) -> Self {
        let book = Mutex::new(Book::new(settings, kept, clock.elapsed()));
        let memory = Semaphore::new(MEMORY_KIB);
        Self { book, out, clock, gauges, memory, peers: Mutex::default() }
    }

    pub(super) async fn run(
        self,
        listener: TcpListener,
        mut directory: watch::Receiver<Arc<Directory>>,
    ) {
        let server = Arc::new(self);
        let mut connections = JoinSet::new();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let first = directory.borrow_and_update().clone();
        let mut is_open = !first.names.is_empty();
        server.aim(&first).await;
        loop {
            // Before anybody is known the kernel keeps them waiting: an agent that asks for its list
            // and is turned away comes again after a minute.
            let has_room = is_open && connections.len() < MAX_CONNECTIONS;
            tokio::select! {
                () = server.out.closed() => return,
                changed = directory.changed() => {
                    if changed.is_err() {
                        return; // The process is shutting down.
                    }
                    let newest = directory.borrow_and_update().clone();
                    is_open = true;
                    server.aim(&newest).await;
                }
                _ = look.tick() => server.tell_of_silence().await,
                Some(_) = connections.join_next() => (),
                accepted = listener.accept(), if has_room => match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(server.clone().serve_one(stream, peer.ip()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "an agent's connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    async fn aim(&self, directory: &Arc<Directory>) {
        let ended = self.book().aim(directory, self.clock.elapsed());
        self.gauges.keep_only(|object| self.book().has(object));
        self.gauges.agents.store(self.book().agents() as u64, Relaxed);
        self.end(ended).await;
    }

    /// Marks of series that end are not answered for: at worst a series ends a little later.
    async fn end(&self, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let (done, _) = oneshot::channel();
        let batch = ActiveBatch { rows, frames: Vec::new(), parts: None, done };
        let _ = self.out.send(Told::Batch(batch)).await; // Nobody listens: we end as well.
    }

    async fn tell_of_silence(&self) {
        let silent = self.book().silent(self.clock.elapsed());
        for (object, error) in silent {
            let told = Told::Silent { object, at: self.clock.now(), error };
            let _ = self.out.send(told).await; // Nobody listens: we end as well.
        }
    }

    async fn serve_one(self: Arc<Self>, stream: TcpStream, peer: IpAddr) {
        self.gauges.connections.fetch_add(1, Relaxed);
        if !self.enter(peer) {
            self.gauges.refused_connections.fetch_add(1, Relaxed);
            return;
        }
        let served = tokio::time::timeout(DEADLINE, self.exchange(stream, peer)).await;
        self.leave(peer);
        match served {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let error = &error as &dyn Error;
                tracing::debug!(%peer, error, "an agent got no answer");
            }
            Err(_) => tracing::debug!(%peer, "an agent took too long"),
        }
        self.gauges.unanswered.fetch_add(1, Relaxed);
    }

    fn enter(&self, peer: IpAddr) -> bool {
        let mut peers = lock(&self.peers);
        let open = peers.entry(peer).or_default();
        let has_room = *open < MAX_CONNECTIONS_OF_ONE;
        *open += usize::from(has_room);
        has_room
    }

    fn leave(&self, peer: IpAddr) {
        let mut peers = lock(&self.peers);
        if let Some(open) = peers.get_mut(&peer) {
            *open -= 1;
            if *open == 0 {
                peers.remove(&peer);
            }
        }
    }

    async fn exchange(&self, mut stream: TcpStream, peer: IpAddr) -> Result<(), NoAnswer> {
        let header = frame::read_header(&mut stream, MAX_FRAME_BYTES).await?;
        let bytes = header.memory_bytes();
        let kib = if bytes <= SMALL_BYTES { 0 } else { bytes.div_ceil(1024) as u32 };
        let _leave = self.memory.acquire_many(kib).await.expect("it is never closed");
        let body = frame::read_body(&mut stream, &header).await?;
        let answer = self.answer(&body, peer).await?;
        let answer = frame::encode_as(header.coding, &answer);
        stream.write_all(&answer).await.map_err(FrameError::Io)?;
        Ok(stream.shutdown().await.map_err(FrameError::Io)?)
    }

    async fn answer(&self, body: &[u8], peer: IpAddr) -> Result<Vec<u8>, NoAnswer> {
        let refuse = |_: &serde_json::Error| {
            self.gauges.refused_requests.fetch_add(1, Relaxed);
        };
        let now = self.clock.elapsed();
        match wire::read(body).inspect_err(refuse).map_err(NoAnswer::Unreadable)? {
            Request::Checks(checks) => {
                let list = self.book().list(&checks, now);
                self.gauges.agents.store(self.book().agents() as u64, Relaxed);
                self.reply_to(list, &checks.host, &checks.host_metadata, peer)
            }
            Request::Heartbeat(beat) => {
                let heard = match self.book().heard(&beat.host, now) {
                    Found::Known(()) => Found::Known(wire::success("")),
                    Found::Stranger => Found::Stranger,
                    Found::Unsure => Found::Unsure,
                };
                self.reply_to(heard, &beat.host, "", peer)
            }
            Request::Data(data) => self.keep(&data, peer).await,
            Request::Other(what) => {
                self.gauges.refused_requests.fetch_add(1, Relaxed);
                let what = clean(&what, 80);
                Ok(wire::failed(&format!("\"{what}\" is not served here: agents only")))
            }
        }
    }

    fn reply_to(
        &self,
        found: Found<Vec<u8>>,
        name: &str,
        metadata: &str,
        peer: IpAddr,
    ) -> Result<Vec<u8>, NoAnswer> {
        match found {
            Found::Known(reply) => Ok(reply),
            Found::Unsure => Err(NoAnswer::TooEarly),
            Found::Stranger => {
                self.stranger(name, metadata, peer);
                Ok(wire::failed(&format!("host [{}] not found", clean(name, 200))))
            }
        }
    }

    fn stranger(&self, name: &str, metadata: &str, peer: IpAddr) {
        if !self.gauges.stranger(name, metadata, peer, self.clock.now()) {
            let (name, metadata) = (clean(name, 200), clean(metadata, 200));
            tracing::warn!(%name, %metadata, %peer, "an agent whose Hostname= the fleet does not know");
        }
    }

    async fn keep(&self, data: &Data<'_>, peer: IpAddr) -> Result<Vec<u8>, NoAnswer> {
        let began = self.clock.elapsed();
        let sent = data.clock.map(|clock| moment(clock, data.ns));
        let clocks = Clocks { received: self.clock.now(), sent };
        let mut sum = Sum::default();
        let mut waiting = Vec::new();
        for (name, values) in by_host(data) {
            let session = data.session.as_deref();
            let found = self.book().take(name, session, &values, clocks, began);
            match found {
                Found::Known(brought) => waiting.push(self.hand_over(brought, clocks).await?),
                Found::Unsure => return Err(NoAnswer::TooEarly),
                Found::Stranger => {
                    self.stranger(name, "", peer);
                    sum.failed += values.len() as u64;
                }
            }
        }
        for (brought, kept) in waiting {
            kept.await.map_err(|_| NoAnswer::NotKept)?;
            sum.add(&brought);
            self.gauges.count(&brought.object, &brought.taken);
            let ended = self.book().confirm(brought);
            self.end(ended).await;
        }
        self.gauges.agents.store(self.book().agents() as u64, Relaxed);
        Ok(wire::success(&sum.told(self.clock.elapsed().saturating_sub(began))))
    }

    /// Gives it to the owner, who says later that it was kept.
    async fn hand_over(
        &self,
        mut brought: Brought,
        clocks: Clocks,
    ) -> Result<(Brought, oneshot::Receiver<()>), NoAnswer> {
        if let Some(skew_ms) = clocks.skew_ms() {
            self.gauges.skew(&brought.object, skew_ms);
        }
        let (done, kept) = oneshot::channel();
        let batch = ActiveBatch {
            rows: std::mem::take(&mut brought.taken.rows),
            frames: brought.frames.clone(),
            parts: brought.parts.clone().map(|parts| (brought.object.clone(), parts)),
            done,
        };
        self.out.send(Told::Batch(batch)).await.map_err(|_| NoAnswer::NotKept)?;
        Ok((brought, kept))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

impl Sum {
    fn add(&mut self, brought: &Brought) {
        self.processed += brought.taken.processed;
        self.failed += brought.taken.failed;
    }

    /// In the words of a Zabbix server, which senders read.
    fn told(&self, took: Duration) -> String {
        let Self { processed, failed } = self;
        let total = processed + failed;
        let seconds = took.as_secs_f64();
        format!(
            "processed: {processed}; failed: {failed}; total: {total}; seconds spent: {seconds:.6}"
        )
    }
}

/// The values of each host, in the order in which they came.
fn by_host<'d>(data: &'d Data<'_>) -> BTreeMap<&'d str, Vec<&'d Value<'d>>> {
    let mut hosts: BTreeMap<&str, Vec<&Value<'_>>> = BTreeMap::new();
    for value in &data.data {
        let name = value.host.as_deref().or(data.host.as_deref()).unwrap_or_default();
        hosts.entry(name).or_default().push(value);
    }
    hosts
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
