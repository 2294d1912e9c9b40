//! What runs inside a VM that is a process of this machine: its agent, and the module's program.
//!
//! It takes its orders from a file and answers in another (see `machine`), so it needs no brain
//! to go on, and a new brain finds it as the old one left it. The agent comes from the caller:
//! hands know nothing of senses.
//!
//! The program is a child in the VM's own process group. If it ends by itself it is started
//! again, each time a little later. Its output goes straight to `app.log`, which is emptied when
//! it has grown too large.
//!
//! Invariants: one process per folder, once (`lock`, `run.json`); a program starts only when
//! nothing of an earlier one is left, so two never fight for the port; `app.json` says `stopped`
//! only when nothing of the program is left.

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use model::clock::SharedClock;
use model::id::Object;
use scaler::hands::Program;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::files::Found;
use crate::machine::{App, AppState, FOLDER_VARIABLE, FRESH_PATH, Folder, Life, Order, Run, Spec};
use crate::process::{self, ProcessMark};

/// How often the order is looked at.
const ORDER_LOOK: Duration = Duration::from_millis(100);

/// How long a program must live to count as started.
const SETTLE: Duration = Duration::from_millis(100);

/// The pause after the first end of a program; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A program that lived this long is forgiven its earlier ends.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// What a program gets between SIGTERM and SIGKILL when the VM itself is asked to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// How often the tether is looked at.
const TETHER_LOOK: Duration = Duration::from_secs(1);

/// The largest `app.log`, in bytes; it is emptied when it is found larger.
const MAX_LOG_BYTES: u64 = 1 << 20;

/// What an agent must know of the VM or host it speaks for.
#[derive(Clone, Debug, PartialEq)]
pub struct VmIdentity {
    /// A VM or a host.
    pub id: Object,
    /// The cores it was sold with: load is told per core.
    pub cores: f64,
    /// Over which the mean load is taken.
    pub load_window: Duration,
}

/// Why the process of a VM ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// It could not leave the process group of whoever started it.
    #[error("it leads no process group of its own")]
    NotDetached,
    /// Another process is this VM, or was: a VM runs once.
    #[error("this VM runs already, or did")]
    RanBefore,
    #[error("no spec.json that could be read")]
    NoSpec,
    #[error("its agent ended")]
    AgentEnded,
    #[error("{doing}")]
    Io { doing: &'static str, source: io::Error },
}

/// Leaves the session and process group of whoever started this process, so that it outlives
/// them. To be called first thing in the process of a VM, a host or a router.
pub fn detach() {
    // It fails only if this process leads a group already, which is just as good.
    let _ = rustix::process::setsid();
}

/// Runs a VM or a host until SIGTERM, or until its tether is gone.
///
/// `folder` was filled by the provider; [`detach`] must have been called. The agent is served by
/// `serve_agent`, which is not expected to end.
pub async fn run<F, A>(folder: &Path, clock: SharedClock, serve_agent: F) -> Result<(), VmError>
where
    F: FnOnce(TcpListener, VmIdentity) -> A,
    A: Future<Output = ()> + Send,
{
    if !process::leads_own_group() {
        return Err(VmError::NotDetached);
    }
    let folder = Folder::at(folder.to_owned());
    let lock = folder.lock_for_life().await.map_err(doing("take the lock"))?;
    let never_ran = matches!(folder.life(), Life::NeverRan);
    let Some(_held_for_life) = lock.filter(|_| never_ran) else { return Err(VmError::RanBefore) };
    let Found::Read(spec) = folder.spec() else { return Err(VmError::NoSpec) };

    let mut asked_to_stop = signal(SignalKind::terminate()).map_err(doing("listen for SIGTERM"))?;
    let agent = open(&folder, &spec).await.map_err(doing("open the agent's port"))?;
    let outcome = tokio::select! {
        _ = asked_to_stop.recv() => Ok(()),
        () = tether_gone(spec.tether) => Ok(()),
        () = serve_agent(agent, identity(&spec)) => Err(VmError::AgentEnded),
        never = Supervisor::new(&folder, &spec, clock).run() => match never {},
    };
    // What does not end now dies with the VM's folder; there is nobody left to tell here.
    let _ = process::end_all(folder.path(), Some(std::process::id()), SHUTDOWN_GRACE).await;
    outcome
}

/// From here on the VM can be spoken to, and is known to have run.
async fn open(folder: &Folder, spec: &Spec) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, spec.agent_port)).await?;
    let process = own_mark()?;
    let app = spec.app_port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    folder.write_run(&Run { process, agent: listener.local_addr()?, app })?;
    Ok(listener)
}

fn own_mark() -> io::Result<ProcessMark> {
    ProcessMark::of(std::process::id()).ok_or_else(|| io::Error::other("no /proc to look into"))
}

fn identity(spec: &Spec) -> VmIdentity {
    let load_window = Duration::from_millis(spec.load_window_ms);
    VmIdentity { id: spec.id.clone(), cores: spec.cores, load_window }
}

async fn tether_gone(tether: Option<ProcessMark>) {
    let Some(tether) = tether else { return std::future::pending().await };
    while tether.is_alive() {
        sleep(TETHER_LOOK).await;
    }
}

/// Keeps running what the order says.
struct Supervisor<'a> {
    folder: &'a Folder,
    spec: &'a Spec,
    clock: SharedClock,
    /// The order that is being carried out.
    order: Order,
    /// The inode, time and size of the order when it was last read.
    seen: Option<(u64, i64, i64, u64)>,
}

impl<'a> Supervisor<'a> {
    fn new(folder: &'a Folder, spec: &'a Spec, clock: SharedClock) -> Self {
        Self { folder, spec, clock, order: Order::default(), seen: None }
    }

    async fn run(mut self) -> Infallible {
        loop {
            if let Some(program) = self.order.program.clone() {
                self.keep_running(&program).await;
            } else {
                self.order = self.next_order().await;
            }
            self.clear(Duration::from_millis(self.order.grace_ms)).await;
            if self.order.program.is_none() {
                self.record(AppState::Stopped, None, String::new());
            }
        }
    }

    /// Ends when another order has come.
    async fn keep_running(&mut self, program: &Program) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = self.clock.elapsed();
            let ended = match self.start(program) {
                Ok(child) => self.watch(child).await,
                Err(error) => Some(format!("cannot start {:?}: {error}", first_word(program))),
            };
            let Some(how) = ended else { return };
            self.record(AppState::Exited, None, how);
            if self.clock.elapsed().saturating_sub(started) >= FORGIVEN_AFTER {
                pause = FIRST_PAUSE;
            }
            if let Ok(order) = timeout(pause, self.next_order()).await {
                self.order = order;
                return;
            }
            self.clear(Duration::ZERO).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// How the program ended, or None if another order came first.
    async fn watch(&mut self, mut child: Child) -> Option<String> {
        if let Ok(status) = timeout(SETTLE, child.wait()).await {
            return Some(in_words(status));
        }
        let process = child.id().and_then(ProcessMark::of);
        self.record(AppState::Running, process, String::new());
        tokio::select! {
            status = child.wait() => Some(in_words(status)),
            order = self.next_order() => {
                self.clear(Duration::from_millis(order.grace_ms)).await;
                self.order = order;
                None
            }
        }
    }

    fn start(&self, program: &Program) -> io::Result<Child> {
        let port = self.spec.app_port.unwrap_or_default().to_string();
        let words: Vec<_> = program.command.iter().map(|w| w.replace("${PORT}", &port)).collect();
        let (name, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let log = OpenOptions::new().create(true).append(true).open(self.folder.app_log())?;
        Command::new(name)
            .args(arguments)
            .envs(&program.environment)
            .env("PATH", path_for(program))
            .env("PORT", port)
            .env("CLOUDBRAIN_VM", self.spec.id.name())
            .env("CLOUDBRAIN_MODULE", program.module.as_str())
            .env(FOLDER_VARIABLE, self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
    }

    /// Leaves nothing running on this VM but itself, however long that takes.
    async fn clear(&self, grace: Duration) {
        let own_group = Some(std::process::id());
        while process::end_all(self.folder.path(), own_group, grace).await.is_err() {
            tracing::warn!(vm = %self.spec.id, "something on this VM survives its kill");
        }
    }

    /// A full disk costs the word about the program, not the program.
    fn record(&self, state: AppState, process: Option<ProcessMark>, detail: String) {
        let app = App { generation: self.order.generation, state, process, detail };
        if let Err(error) = self.folder.write_app(&app) {
            tracing::warn!(vm = %self.spec.id, %error, "cannot write app.json");
        }
    }

    /// Waits for an order other than the one that is being carried out. Nothing is lost if this
    /// is dropped while it waits.
    async fn next_order(&mut self) -> Order {
        loop {
            self.bound_log();
            if let Some(order) = self.changed_order() {
                return order;
            }
            sleep(ORDER_LOOK).await;
        }
    }

    fn changed_order(&mut self) -> Option<Order> {
        let file = std::fs::metadata(self.folder.deploy_file()).ok()?;
        let stamp = (file.ino(), file.mtime(), file.mtime_nsec(), file.size());
        if self.seen.replace(stamp) == Some(stamp) {
            return None;
        }
        match self.folder.order() {
            Found::Read(order) if order != self.order => Some(order),
            Found::Read(_) | Found::Nothing | Found::Unreadable(_) => None,
        }
    }

    /// The program appends, so after this it goes on at the beginning.
    fn bound_log(&self) {
        let path = self.folder.app_log();
        let is_too_large = std::fs::metadata(&path).is_ok_and(|log| log.len() > MAX_LOG_BYTES);
        if is_too_large && let Err(error) = File::create(&path) {
            tracing::warn!(path = %path.display(), %error, "cannot empty the program's log");
        }
    }
}

/// The folder of this very program first, so that a module may be run by it.
fn path_for(program: &Program) -> String {
    let rest = program.environment.get("PATH").map_or(FRESH_PATH, String::as_str);
    let own = std::env::current_exe().ok();
    match own.as_deref().and_then(Path::parent).and_then(Path::to_str) {
        Some(folder) => format!("{folder}:{rest}"),
        None => rest.to_owned(),
    }
}

fn first_word(program: &Program) -> &str {
    program.command.first().map_or("", String::as_str)
}

fn in_words(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => format!("it ended with {status}"),
        Err(error) => format!("it cannot be waited for: {error}"),
    }
}

fn doing(doing: &'static str) -> impl FnOnce(io::Error) -> VmError {
    move |source| VmError::Io { doing, source }
}
