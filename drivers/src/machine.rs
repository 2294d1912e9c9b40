//! The folder of a VM that is a process: what stands in it, and who writes what.
//!
//! Brain and VM have no connection to one another; either may die and the other goes on. What
//! they must know of each other stands in files:
//!
//! | file | written by | says |
//! | --- | --- | --- |
//! | `spec.json` | provider, before the first start | who it is and what it gets |
//! | `run.json` | the VM, once, when it can be spoken to | its process and addresses |
//! | `deploy.json` | deployer | the program that should run |
//! | `app.json` | the VM | the program that does run |
//! | `app.log`, `vm.log` | the program; the VM itself | what they print |
//! | `lock` | held by the VM for its whole life | |
//!
//! A host has the same folder without a program.
//!
//! Invariants: at most one process holds the lock of a folder, and the kernel lets go of it when
//! that process dies, however it dies. A folder with a `run.json` is never started again: a VM
//! runs once, so that a late start cannot bring back what was given up for dead.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::id::{FlavorId, HostId, Object};
use scaler::hands::{Origin, Program};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::files::{self, Found};
use crate::process::{self, ProcessMark, StillThere};

/// Stands in the environment of everything that runs on a VM, so that it is found again even if
/// it left the VM's process group.
pub(crate) const FOLDER_VARIABLE: &str = "CLOUDBRAIN_FOLDER";

/// Where programs are looked for on a VM. The brain's own environment stays with the brain: it
/// may hold secrets.
pub(crate) const FRESH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How often, and with what pause, a lock is tried that others may hold for a moment.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The folder of one VM or host.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// `spec.json`: what a VM or host is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) id: Object,
    /// None for a host.
    pub(crate) host: Option<HostId>,
    /// None for a host.
    pub(crate) flavor: Option<FlavorId>,
    pub(crate) cores: f64,
    pub(crate) agent_port: u16,
    /// None for a host: it runs no program.
    pub(crate) app_port: Option<u16>,
    pub(crate) load_window_ms: u64,
    /// The process without which this one ends itself.
    pub(crate) tether: Option<ProcessMark>,
    /// On whose record it was ordered. None for a host.
    #[serde(default)]
    pub(crate) origin: Option<Origin>,
}

/// `run.json`: the process of a VM or host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    #[serde(flatten)]
    pub(crate) process: ProcessMark,
    pub(crate) agent: SocketAddr,
    pub(crate) app: Option<SocketAddr>,
}

/// `deploy.json`: what should run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The highest of the brains that gave an order.
    #[serde(default)]
    pub(crate) epoch: u64,
    /// The assignment of the program, or of the program that is to stop; 0 before the first.
    pub(crate) generation: u32,
    pub(crate) program: Option<Program>,
    /// How long what runs now has between SIGTERM and SIGKILL.
    pub(crate) grace_ms: u64,
}

/// `app.json`: what does run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct App {
    /// The generation of the order this is about.
    pub(crate) generation: u32,
    pub(crate) state: AppState,
    /// None if it could not be started, or was stopped.
    #[serde(flatten)]
    pub(crate) process: Option<ProcessMark>,
    /// How it ended, in words.
    pub(crate) detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AppState {
    Running,
    /// It ended by itself and is about to be started again.
    Exited,
    /// It was to stop, and nothing of it is left.
    Stopped,
}

/// The lock of a folder, held until this is dropped or its process ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

/// Whether the process of a folder lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It never said that it can be spoken to; it may be about to.
    NeverRan,
    Running(Run),
    /// It ran and is gone. None if its `run.json` cannot be read: then nobody can speak to it.
    Dead(Option<Run>),
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that is just being started has a copy of the file until
        // it runs its own program. If this fails, that moment is waited for.
        let _ = self.0.unlock();
    }
}

impl Folder {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder of an id within a folder of folders; None if no file can bear its name.
    pub(crate) fn of(parent: &Path, id: &str) -> Option<Self> {
        files::name_of(id).map(|name| Self(parent.join(name)))
    }

    /// All folders within a folder of folders, with the ids they are named after.
    pub(crate) fn all(parent: &Path) -> io::Result<Vec<(String, Self)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                all.push((files::id_of(&name), Self(entry.path())));
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other)); // A folder lists in any order.
        Ok(all)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn exists(&self) -> bool {
        self.0.is_dir()
    }

    pub(crate) fn app_log(&self) -> PathBuf {
        self.0.join("app.log")
    }

    pub(crate) fn vm_log(&self) -> PathBuf {
        self.0.join("vm.log")
    }

    pub(crate) fn deploy_file(&self) -> PathBuf {
        self.0.join("deploy.json")
    }

    pub(crate) fn make(&self) -> io::Result<()> {
        files::make_private_folder(&self.0)
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        files::remove_folder(&self.0)
    }

    /// Lets a dead one start again.
    pub(crate) fn forget_run(&self) -> io::Result<()> {
        match fs::remove_file(self.0.join("run.json")) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// The lock of this folder; None if another process holds it.
    pub(crate) fn try_lock(&self) -> io::Result<Option<Lock>> {
        let file = File::create(self.0.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The same for the process that is to hold it for its whole life. Others hold it for a
    /// moment to look or to write; who still holds it after this patience holds it for life.
    pub(crate) async fn lock_for_life(&self) -> io::Result<Option<Lock>> {
        for _ in 0..LOCK_TRIES {
            if let Some(lock) = self.try_lock()? {
                return Ok(Some(lock));
            }
            sleep(LOCK_PAUSE).await;
        }
        Ok(None)
    }

    pub(crate) fn spec(&self) -> Found<Spec> {
        files::read_json(&self.0.join("spec.json"))
    }

    pub(crate) fn write_spec(&self, spec: &Spec) -> io::Result<()> {
        files::write_json(&self.0.join("spec.json"), spec)
    }

    pub(crate) fn write_run(&self, run: &Run) -> io::Result<()> {
        files::write_json(&self.0.join("run.json"), run)
    }

    pub(crate) fn order(&self) -> Found<Order> {
        files::read_json(&self.deploy_file())
    }

    pub(crate) fn write_order(&self, order: &Order) -> io::Result<()> {
        files::write_json(&self.deploy_file(), order)
    }

    pub(crate) fn app(&self) -> Found<App> {
        files::read_json(&self.0.join("app.json"))
    }

    pub(crate) fn write_app(&self, app: &App) -> io::Result<()> {
        files::write_json(&self.0.join("app.json"), app)
    }

    pub(crate) fn life(&self) -> Life {
        match files::read_json::<Run>(&self.0.join("run.json")) {
            Found::Nothing => Life::NeverRan,
            Found::Unreadable(_) => Life::Dead(None),
            Found::Read(run) if run.process.is_alive() => Life::Running(run),
            Found::Read(run) => Life::Dead(Some(run)),
        }
    }

    /// Kills the VM's process group, if its process lives; tells the number of that group.
    pub(crate) fn strike(&self) -> Option<u32> {
        // The number of a dead leader may be that of a stranger's group by now.
        let Life::Running(run) = self.life() else { return None };
        run.process.kill_group();
        Some(run.process.pid)
    }

    /// Kills everything that belongs here, and waits until it is gone.
    pub(crate) async fn kill(&self) -> Result<(), StillThere> {
        let group = self.strike();
        process::end_all(&self.0, group, Duration::ZERO).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_read_back_as_they_were_written() {
        let process = ProcessMark { pid: 7, started_ticks: 9 };
        let agent = "127.0.0.1:1".parse().unwrap();
        let run = Run { process, agent, app: None };
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(text, r#"{"pid":7,"started_ticks":9,"agent":"127.0.0.1:1","app":null}"#);
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);

        for process in [Some(process), None] {
            let detail = "why".to_owned();
            let app = App { generation: 3, state: AppState::Exited, process, detail };
            let text = serde_json::to_string(&app).unwrap();
            assert_eq!(serde_json::from_str::<App>(&text).unwrap(), app, "{text}");
        }
    }
}
