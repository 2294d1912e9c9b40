//! What stands on disk of a fleet of processes, and where the next VM goes.
//!
//! Everything here waits for the disk and is called where that holds up nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use model::id::{FlavorId, HostId, Object, VmId};
use model::vm::Addresses;
use scaler::hands::{CreateOrder, HandError, Power, SeenHost, SeenVm, Shortage, Sighting};

use super::{ProcessConfig, ProcessConfigError, ProcessHost, failed};
use crate::files::{Found, make_private_folder};
use crate::machine::{Folder, Life, Run, Spec};
use crate::process::ProcessMark;

/// Stands for the flavor of a VM whose `spec.json` cannot be read.
const UNKNOWN_FLAVOR: &str = "unknown";

/// The fleet as it was configured; how it is stands on disk alone.
#[derive(Debug)]
pub(super) struct Fleet {
    config: ProcessConfig,
    hosts: PathBuf,
    vms: PathBuf,
    tether: Option<ProcessMark>,
}

/// A VM as it stands on disk.
#[derive(Debug)]
pub(super) struct KnownVm {
    pub(super) id: VmId,
    pub(super) folder: Folder,
    /// None if it cannot be read.
    spec: Option<Spec>,
}

/// What is left to do for a VM or host to run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// It runs.
    Done,
    /// It was started already, and is about to run.
    Wait,
    Start,
}

impl KnownVm {
    pub(super) fn host(&self) -> Option<&HostId> {
        self.spec.as_ref()?.host.as_ref()
    }

    fn seen(&self) -> SeenVm {
        let (power, run) = match self.folder.life() {
            Life::NeverRan => (Power::Building, None),
            Life::Running(run) => (Power::Running, Some(run)),
            Life::Dead(run) => (Power::Stopped, run),
        };
        let flavor = self.spec.as_ref().and_then(|spec| spec.flavor.clone());
        SeenVm {
            id: self.id.clone(),
            flavor: flavor.unwrap_or_else(unknown_flavor),
            host: self.host().cloned(),
            power,
            addresses: run.and_then(|run| Some(Addresses { agent: run.agent, app: run.app? })),
            origin: self.spec.as_ref().and_then(|spec| spec.origin.clone()),
            labels: BTreeMap::new(),
        }
    }
}

impl Fleet {
    pub(super) fn new(config: ProcessConfig) -> Result<Self, ProcessConfigError> {
        let wrong = |source| ProcessConfigError::Folder { path: config.folder.clone(), source };
        let [hosts, vms] = ["hosts", "vms"].map(|name| prepare(&config.folder.join(name)));
        let (hosts, vms) = (hosts.map_err(wrong)?, vms.map_err(wrong)?);
        let mark = |pid| ProcessMark::of(pid).ok_or(ProcessConfigError::NoTether(pid));
        let tether = config.tether.map(mark).transpose()?;
        Ok(Self { config, hosts, vms, tether })
    }

    pub(super) fn config(&self) -> &ProcessConfig {
        &self.config
    }

    /// None if no file can bear its name.
    pub(super) fn vm_folder(&self, vm: &VmId) -> Option<Folder> {
        Folder::of(&self.vms, vm.as_str())
    }

    /// None if no file can bear its name.
    pub(super) fn host_folder(&self, host: &HostId) -> Option<Folder> {
        Folder::of(&self.hosts, host.as_str())
    }

    /// The folders of all VMs, then of all hosts, configured or not.
    pub(super) fn all_folders(&self) -> Result<Vec<Folder>, HandError> {
        let all = [list(&self.vms)?, list(&self.hosts)?].concat();
        Ok(all.into_iter().map(|(_, folder)| folder).collect())
    }

    pub(super) fn vms(&self) -> Result<Vec<KnownVm>, HandError> {
        let known = list(&self.vms)?.into_iter().filter_map(|(name, folder)| {
            let spec = readable_spec(&folder);
            Some(KnownVm { id: VmId::parse(&name).ok()?, folder, spec })
        });
        Ok(known.collect())
    }

    pub(super) fn observe(&self) -> Result<Sighting, HandError> {
        let vms = self.vms()?;
        let hosts = self.config.hosts.iter().map(|host| self.see_host(host, &vms)).collect();
        let vms = vms.iter().map(KnownVm::seen).collect();
        Ok(Sighting { complete: true, hosts, vms, quotas: Vec::new() })
    }

    /// Chooses a host and ports for a VM and writes them down, unless it runs or is about to.
    pub(super) fn prepare_vm(
        &self,
        folder: &Folder,
        order: &CreateOrder,
    ) -> Result<Next, HandError> {
        match folder.life() {
            Life::Running(_) => return Ok(Next::Done),
            Life::Dead(_) => return Err(HandError::Refused("it ran and died".to_owned())),
            Life::NeverRan => {}
        }
        let spec = self.place(order)?;
        self.prepare(folder, &spec).map_err(|error| failed("write its spec", &error))
    }

    /// Chooses a port for a host and writes it down, unless it runs or ran.
    pub(super) fn prepare_host(
        &self,
        folder: &Folder,
        host: &ProcessHost,
    ) -> Result<Next, HandError> {
        if !matches!(folder.life(), Life::NeverRan) {
            return Ok(Next::Done);
        }
        let no_port = || HandError::Failed("no port is free for a host".to_owned());
        let [agent_port] = self.free_ports(folder)?.ok_or_else(no_port)?;
        let largest = self.config.flavors.values().map(|flavor| flavor.cores).fold(1.0, f64::max);
        let cores = largest * f64::from(host.max_vms.max(1));
        let spec = Spec {
            cores,
            agent_port,
            app_port: None,
            ..self.spec(Object::Host(host.id.clone()), None, None)
        };
        self.prepare(folder, &spec).map_err(|error| failed("write its spec", &error))
    }

    fn prepare(&self, folder: &Folder, spec: &Spec) -> io::Result<Next> {
        folder.make()?;
        // Whoever holds the lock is booting and has read the spec that is there.
        let Some(_lock) = folder.try_lock()? else { return Ok(Next::Wait) };
        folder.write_spec(spec)?;
        Ok(Next::Start)
    }

    fn place(&self, order: &CreateOrder) -> Result<Spec, HandError> {
        let flavor = order.flavor.clone();
        let no_flavor = || HandError::Refused(format!("there is no flavor {flavor}"));
        let cores = self.config.flavors.get(&order.flavor).ok_or_else(no_flavor)?.cores;
        let full = |detail: &str| HandError::NoCapacity {
            flavor: order.flavor.clone(),
            shortage: Shortage::Room,
            detail: detail.to_owned(),
        };
        let host = self.choose_host(order)?.ok_or_else(|| full("each is full or down"))?;
        let folder = self.vm_folder(&order.vm).ok_or_else(super::too_long)?;
        let ports = self.free_ports(&folder)?.ok_or_else(|| full("no two ports are free"))?;
        let [agent_port, app_port] = ports;
        let id = Object::Vm(order.vm.clone());
        let app_port = Some(app_port);
        let origin = Some(order.origin.clone());
        Ok(Spec { cores, agent_port, app_port, origin, ..self.spec(id, Some(host), Some(flavor)) })
    }

    fn spec(&self, id: Object, host: Option<HostId>, flavor: Option<FlavorId>) -> Spec {
        let load_window_ms = u64::try_from(self.config.load_window.as_millis());
        Spec {
            id,
            host,
            flavor,
            cores: 1.0,
            agent_port: 0,
            app_port: None,
            load_window_ms: load_window_ms.unwrap_or(u64::MAX),
            tether: self.tether,
            origin: None,
        }
    }

    /// The preferred host if it has room, else the emptiest that has.
    fn choose_host(&self, order: &CreateOrder) -> Result<Option<HostId>, HandError> {
        let mut others = self.vms()?;
        others.retain(|vm| vm.id != order.vm);
        let hosts = self.config.hosts.iter().filter(|host| !order.avoid.contains(&host.id));
        let fitting: Vec<_> = hosts.filter(|host| self.room(host, &others) > 0).collect();
        let preferred = fitting.iter().find(|host| Some(&host.id) == order.prefer.as_ref());
        let emptiest = || fitting.iter().min_by_key(|host| count_on(&host.id, &others));
        Ok(preferred.or_else(emptiest).map(|host| host.id.clone()))
    }

    /// How many more VMs fit on a host; none on a dead one. VMs that died take room until they
    /// are destroyed.
    fn room(&self, host: &ProcessHost, vms: &[KnownVm]) -> u32 {
        match self.host_folder(&host.id).map(|folder| folder.life()) {
            Some(Life::Running(_)) => host.max_vms.saturating_sub(count_on(&host.id, vms)),
            Some(Life::NeverRan | Life::Dead(_)) | None => 0,
        }
    }

    fn see_host(&self, host: &ProcessHost, vms: &[KnownVm]) -> SeenHost {
        let room = self.room(host, vms);
        let room: BTreeMap<_, _> =
            self.config.flavors.keys().map(|flavor| (flavor.clone(), room)).collect();
        let agent = self.host_folder(&host.id).and_then(|folder| run_of(&folder));
        let agent = agent.map(|run| run.agent);
        SeenHost { id: host.id.clone(), agent, room, is_down: false }
    }

    /// Ports that stand in no other spec and that nobody listens on.
    fn free_ports<const N: usize>(&self, own: &Folder) -> Result<Option<[u16; N]>, HandError> {
        let others = self.all_folders()?.into_iter().filter(|other| other.path() != own.path());
        let specs = others.filter_map(|folder| readable_spec(&folder));
        let taken: BTreeSet<u16> =
            specs.flat_map(|spec| [Some(spec.agent_port), spec.app_port]).flatten().collect();
        let ports = self.config.ports.clone().filter(|port| !taken.contains(port));
        let free: Vec<u16> = ports.filter(|port| is_unused(*port)).take(N).collect();
        Ok(free.try_into().ok())
    }
}

fn count_on(host: &HostId, vms: &[KnownVm]) -> u32 {
    let count = vms.iter().filter(|vm| vm.host() == Some(host)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn run_of(folder: &Folder) -> Option<Run> {
    match folder.life() {
        Life::NeverRan => None,
        Life::Running(run) => Some(run),
        Life::Dead(run) => run,
    }
}

fn readable_spec(folder: &Folder) -> Option<Spec> {
    match folder.spec() {
        Found::Read(spec) => Some(spec),
        Found::Nothing => None,
        Found::Unreadable(error) => {
            tracing::warn!(folder = %folder.path().display(), %error, "unreadable spec.json");
            None
        }
    }
}

fn is_unused(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn list(parent: &Path) -> Result<Vec<(String, Folder)>, HandError> {
    Folder::all(parent).map_err(|error| failed(&format!("list {}", parent.display()), &error))
}

fn prepare(folder: &Path) -> io::Result<PathBuf> {
    make_private_folder(folder)?;
    folder.canonicalize()
}

fn unknown_flavor() -> FlavorId {
    FlavorId::parse(UNKNOWN_FLAVOR).expect("the constant is a valid name")
}
