//! The world: VMs that are processes, kept by the test and not by the program it kills.
//!
//! It answers the calls of the brain (`cloudbrain::brain::fail::cloud`) through the product's own
//! provider of processes, goes on while the brain is dead, and writes a ledger of what it was asked
//! and did. It can be told to answer wrongly.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cloudbrain::brain::fail::cloud::{Call, Reply};
use drivers::provider::process::{ProcessConfig, ProcessFlavor, ProcessHost, ProcessProvider};
use model::id::{HostId, VmId};
use scaler::hands::{CreateOrder, HandError, Provider as _, Sighting};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;

/// How the next call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Well,
    /// It is done, and the answer says that it failed.
    DoneButSaysNo,
    /// Nothing is done, for want of room.
    Full,
    /// Nothing is done, and the answer says that it was.
    OnlySaysYes,
}

/// What happened here, whoever asked for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) made: Vec<VmId>,
    pub(crate) destroyed: Vec<VmId>,
    /// The most VMs that ever were at once, in whatever state.
    pub(crate) most: usize,
}

struct Shared {
    provider: ProcessProvider,
    creates: Mutex<VecDeque<Turn>>,
    destroys: Mutex<VecDeque<Turn>>,
    ledger: Mutex<Ledger>,
    /// Held while a call changes the world, so that the ledger is in order.
    changing: tokio::sync::Mutex<()>,
}

pub(crate) struct Cloud {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
}

impl Cloud {
    /// Two hosts; the socket lies in `fail`. All of it ends with this process.
    pub(crate) fn start(state: &Path, fail: &Path, ports: std::ops::RangeInclusive<u16>) -> Self {
        let host = |id: &str| ProcessHost {
            id: HostId::parse(id).expect("a name"),
            rack: None,
            max_vms: 20,
        };
        let flavor = "small".parse().expect("a name");
        let config = ProcessConfig {
            name: "cloud".to_owned(),
            folder: state.join("process"),
            exe: env!("CARGO_BIN_EXE_cloudbrain").into(),
            hosts: vec![host("h1"), host("h2")],
            flavors: [(flavor, ProcessFlavor { cores: 0.5 })].into(),
            ports,
            load_window: Duration::from_secs(10),
            tether: Some(std::process::id()),
        };
        let provider = ProcessProvider::new(config).expect("a folder of ours");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = Arc::new(Shared {
            provider,
            creates: Mutex::default(),
            destroys: Mutex::default(),
            ledger: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        });
        runtime.block_on(shared.provider.start_hosts()).expect("the hosts start");
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(fail.join("cloud.sock")).expect("a folder of ours")
        };
        runtime.spawn(serve(listener, shared.clone()));
        Self { runtime: Some(runtime), shared }
    }

    /// How the next creates are answered; those after them well.
    pub(crate) fn answer_creates(&self, turns: &[Turn]) {
        lock(&self.shared.creates).extend(turns);
    }

    pub(crate) fn answer_destroys(&self, turns: &[Turn]) {
        lock(&self.shared.destroys).extend(turns);
    }

    pub(crate) fn ledger(&self) -> Ledger {
        lock(&self.shared.ledger).clone()
    }

    /// From now on "the most" is counted anew.
    pub(crate) fn count_anew(&self) {
        lock(&self.shared.creates).clear();
        lock(&self.shared.destroys).clear();
        let now = self.see().vms.len();
        *lock(&self.shared.ledger) = Ledger { most: now, ..Ledger::default() };
    }

    pub(crate) fn see(&self) -> Sighting {
        self.run(self.shared.provider.observe()).expect("it is our own folder")
    }

    /// The ids of all VMs, in whatever state.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.see().vms.iter().map(|vm| vm.id.to_string()).collect()
    }

    pub(crate) fn kill_host(&self, host: &str) {
        let host = HostId::parse(host).expect("a name");
        self.run(self.shared.provider.kill_host(&host)).expect("it dies");
    }

    pub(crate) fn revive(&self, host: &str) {
        let host = HostId::parse(host).expect("a name");
        self.run(self.shared.provider.revive(&host)).expect("it starts");
    }

    /// Ends all VMs and hosts.
    pub(crate) fn end(&self) {
        let ended = self.run(self.shared.provider.destroy_all());
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("it is there until the end").block_on(work)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
}

async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        // A caller that dies in the middle does not take its call back.
        tokio::spawn(async move { visit(stream, &shared).await });
    }
}

async fn visit(stream: UnixStream, shared: &Shared) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read).read_line(&mut line).await.ok()?;
    let call = serde_json::from_str(&line).ok()?;
    let mut reply = serde_json::to_vec(&shared.answer(call).await).ok()?;
    reply.push(b'\n');
    write.write_all(&reply).await.ok()
}

impl Shared {
    async fn answer(&self, call: Call) -> Reply {
        match call {
            Call::Observe => match self.provider.observe().await {
                Ok(sighting) => Reply::Seen(sighting),
                Err(error) => Reply::Failed(error.to_string()),
            },
            Call::Create(order) => {
                let turn = lock(&self.creates).pop_front().unwrap_or(Turn::Well);
                in_turn(turn, self.create(&order)).await
            }
            Call::Destroy(vm) => {
                let turn = lock(&self.destroys).pop_front().unwrap_or(Turn::Well);
                in_turn(turn, self.destroy(&vm)).await
            }
        }
    }

    async fn create(&self, order: &CreateOrder) -> Result<(), HandError> {
        let _changing = self.changing.lock().await;
        let is_new = !self.count().await.contains(&order.vm);
        let made = self.provider.create(order).await;
        let now = self.count().await;
        let mut ledger = lock(&self.ledger);
        ledger.most = ledger.most.max(now.len());
        if is_new && now.contains(&order.vm) {
            ledger.made.push(order.vm.clone());
        }
        made
    }

    async fn destroy(&self, vm: &VmId) -> Result<(), HandError> {
        let _changing = self.changing.lock().await;
        let was_there = self.count().await.contains(vm);
        let done = self.provider.destroy(vm).await;
        if was_there && done.is_ok() {
            lock(&self.ledger).destroyed.push(vm.clone());
        }
        done
    }

    async fn count(&self) -> BTreeSet<VmId> {
        let sighting = self.provider.observe().await.unwrap_or_default();
        sighting.vms.into_iter().map(|vm| vm.id).collect()
    }
}

async fn in_turn(turn: Turn, call: impl Future<Output = Result<(), HandError>>) -> Reply {
    match turn {
        Turn::Full => return Reply::Full("the cloud is full".to_owned()),
        Turn::OnlySaysYes => return Reply::Done,
        Turn::Well | Turn::DoneButSaysNo => {}
    }
    match (turn, call.await) {
        (Turn::DoneButSaysNo, _) => Reply::Failed("500: try again".to_owned()),
        (_, Ok(())) => Reply::Done,
        (_, Err(HandError::NoCapacity { detail, .. })) => Reply::Full(detail),
        (_, Err(error)) => Reply::Failed(error.to_string()),
    }
}
