//! VMs that are processes of this machine, on hosts that are processes too.
//!
//! A fleet for a demo, a test or a single machine, with nothing else to install. It is honest in
//! what matters: VMs and hosts have agents of their own, go on when the brain dies, can be killed
//! from outside, and a host takes its VMs along. All that is known of them stands in files (see
//! `machine`), so a new brain sees what the old one saw.
//!
//! It isolates nothing: the programs of all VMs run as the user of the brain. A VM whose own
//! process is killed alone leaves its program behind until the VM is destroyed.
//!
//! Invariants: a VM id gets at most one process, ever; nothing is signalled but what is known to
//! be ours by more than its pid; a host that died stays dead until [`ProcessProvider::revive`].

mod boot;
mod fleet;

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::id::{FlavorId, HostId, SwitchId, VmId};
use scaler::hands::{Answer, CreateOrder, HandError, Provider, Sighting};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use self::boot::{boot, start};
use self::fleet::{Fleet, Next};
use crate::blocking;
use crate::machine::{Folder, Life};
use crate::process::StillThere;

/// How long a destroyed VM may take to be gone.
const DESTROY_PATIENCE: Duration = Duration::from_secs(10);

/// How often a VM that is being destroyed is looked at.
const DESTROY_LOOK: Duration = Duration::from_millis(20);

/// A fleet of processes.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// The name it bears in `cloudbrain.yaml`.
    pub name: String,
    /// Where all state is kept, below `hosts/` and `vms/`. Made if it is not there.
    pub folder: PathBuf,
    /// The program that is a VM when started as `exe vm --folder FOLDER`.
    pub exe: PathBuf,
    pub hosts: Vec<ProcessHost>,
    pub flavors: BTreeMap<FlavorId, ProcessFlavor>,
    /// The ports of this machine that agents and programs may listen on.
    pub ports: RangeInclusive<u16>,
    /// Over which agents take the mean load.
    pub load_window: Duration,
    /// The pid of a process without which VMs and hosts end themselves.
    pub tether: Option<u32>,
}

/// One host of a fleet of processes.
#[derive(Clone, Debug)]
pub struct ProcessHost {
    pub id: HostId,
    /// The switch it stands behind: for the topology, the provider itself has no use for it.
    pub rack: Option<SwitchId>,
    /// How many VMs fit on it, whatever their flavor.
    pub max_vms: u32,
}

/// A VM size.
#[derive(Clone, Copy, Debug)]
pub struct ProcessFlavor {
    /// What its agent divides the load by; more than 0. Nothing holds the VM to it.
    pub cores: f64,
}

/// Why a fleet of processes cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProcessConfigError {
    #[error("there is no process {0} to be tethered to")]
    NoTether(u32),
    #[error("cannot use the folder {}", path.display())]
    Folder { path: PathBuf, source: io::Error },
}

/// The provider of a fleet of processes.
#[derive(Debug)]
pub struct ProcessProvider {
    fleet: Arc<Fleet>,
    /// Held from choosing a host and ports until the choice stands in a file.
    placing: Mutex<()>,
}

impl ProcessProvider {
    /// Takes over what stands in the folder. Starts nothing; see [`Self::start_hosts`].
    pub fn new(config: ProcessConfig) -> Result<Self, ProcessConfigError> {
        Ok(Self { fleet: Arc::new(Fleet::new(config)?), placing: Mutex::default() })
    }

    /// The hosts as they were configured.
    pub fn hosts(&self) -> &[ProcessHost] {
        &self.fleet.config().hosts
    }

    /// Starts each host that never ran. One that died is left dead.
    pub async fn start_hosts(&self) -> Result<(), HandError> {
        let mut first_error = Ok(());
        for host in self.hosts() {
            let folder = self.host_folder(&host.id)?;
            if matches!(folder.life(), Life::NeverRan) {
                first_error = first_error.and(self.start_host(host, &folder).await);
            }
        }
        first_error
    }

    /// Starts a host that died. Its VMs stay dead. One that runs is a success.
    pub async fn revive(&self, host: &HostId) -> Result<(), HandError> {
        let config = self.hosts().iter().find(|known| known.id == *host);
        let config = config.ok_or_else(|| no_such_host(host))?;
        let folder = self.host_folder(host)?;
        if matches!(folder.life(), Life::Running(_)) {
            return Ok(());
        }
        folder.forget_run().map_err(|error| failed("forget the dead host", &error))?;
        self.start_host(config, &folder).await
    }

    /// Kills a host with all its VMs, as a power cut would. All stay in the list.
    pub async fn kill_host(&self, host: &HostId) -> Result<(), HandError> {
        // No VM is placed on a host while it dies.
        let _placing = self.placing.lock().await;
        let folder = self.host_folder(host)?;
        if !folder.exists() {
            return Err(no_such_host(host));
        }
        let vms = self.look(Fleet::vms).await?;
        let on_it = vms.into_iter().filter(|vm| vm.host() == Some(host)).map(|vm| vm.folder);
        let dying: Vec<_> = std::iter::once(folder).chain(on_it).collect();
        // All at once, and only then is it waited for.
        dying.iter().for_each(|folder| _ = folder.strike());
        for folder in dying {
            folder.kill().await.map_err(|StillThere| cannot_kill(host))?;
        }
        Ok(())
    }

    /// Ends the whole fleet and removes all that is known of it.
    pub async fn destroy_all(&self) -> Result<(), HandError> {
        let _placing = self.placing.lock().await;
        let mut first_error = Ok(());
        for folder in self.look(Fleet::all_folders).await? {
            first_error = first_error.and(destroy(&folder).await);
        }
        first_error
    }

    async fn make(&self, order: &CreateOrder) -> Result<(), HandError> {
        let folder = self.fleet.vm_folder(&order.vm).ok_or_else(too_long)?;
        let placing = self.placing.lock().await;
        let (order, target) = (order.clone(), folder.clone());
        let child = match self.look(move |fleet| fleet.prepare_vm(&target, &order)).await? {
            Next::Done => return Ok(()),
            Next::Wait => None,
            Next::Start => Some(start(&self.fleet.config().exe, &folder)?),
        };
        drop(placing);
        boot(&folder, child).await
    }

    async fn start_host(&self, host: &ProcessHost, folder: &Folder) -> Result<(), HandError> {
        let placing = self.placing.lock().await;
        let (host, target) = (host.clone(), folder.clone());
        let child = match self.look(move |fleet| fleet.prepare_host(&target, &host)).await? {
            Next::Done => return Ok(()),
            Next::Wait => None,
            Next::Start => Some(start(&self.fleet.config().exe, folder)?),
        };
        drop(placing);
        boot(folder, child).await
    }

    fn host_folder(&self, host: &HostId) -> Result<Folder, HandError> {
        self.fleet.host_folder(host).ok_or_else(too_long)
    }

    /// Looks at the disk where that holds up nobody.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Fleet) -> Result<T, HandError> + Send + 'static,
    ) -> Result<T, HandError> {
        let fleet = Arc::clone(&self.fleet);
        blocking(move || look(&fleet)).await
    }
}

impl Provider for ProcessProvider {
    fn name(&self) -> &str {
        &self.fleet.config().name
    }

    fn observe(&self) -> Answer<'_, Result<Sighting, HandError>> {
        Box::pin(self.look(Fleet::observe))
    }

    fn create<'a>(&'a self, order: &'a CreateOrder) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.make(order))
    }

    fn destroy<'a>(&'a self, vm: &'a VmId) -> Answer<'a, Result<(), HandError>> {
        Box::pin(async {
            match self.fleet.vm_folder(vm) {
                Some(folder) => destroy(&folder).await,
                None => Ok(()), // No file can bear its name, so it never was.
            }
        })
    }
}

/// Kills what runs in a folder and removes it. The folder goes last, and only while nothing holds
/// its lock: whatever cuts this off, the VM is still in the list and can be destroyed again.
async fn destroy(folder: &Folder) -> Result<(), HandError> {
    let gone = async {
        while folder.exists() {
            folder.kill().await.map_err(|StillThere| HandError::TimedOut(DESTROY_PATIENCE))?;
            match folder.try_lock() {
                Ok(Some(_lock)) => {
                    return folder.remove().map_err(|error| failed("remove its folder", &error));
                }
                Ok(None) => sleep(DESTROY_LOOK).await, // It was just being started.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(failed("take its lock", &error)),
            }
        }
        Ok(())
    };
    timeout(DESTROY_PATIENCE, gone).await.unwrap_or(Err(HandError::TimedOut(DESTROY_PATIENCE)))
}

fn failed(doing: &str, error: &io::Error) -> HandError {
    HandError::Failed(format!("cannot {doing}: {error}"))
}

fn cannot_kill(host: &HostId) -> HandError {
    HandError::Failed(format!("something on {host} survives its kill"))
}

fn no_such_host(host: &HostId) -> HandError {
    HandError::Refused(format!("there is no host {host}"))
}

fn too_long() -> HandError {
    HandError::Refused("its name is too long for a file".to_owned())
}
