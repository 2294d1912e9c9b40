//! A small fleet of processes for one test: two hosts with room for two VMs each.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use drivers::deployer::process::ProcessDeployer;
use drivers::provider::process::{ProcessConfig, ProcessFlavor, ProcessHost, ProcessProvider};
use model::id::{FlavorId, HostId, ModuleId, VmId};
use scaler::hands::{
    CreateOrder, HandError, Machine, Origin, Power, Program, Provider, SeenVm, Sighting,
};
use serde_json::Value;

use crate::common::{Scratch, example, port_block};

#[derive(Debug)]
pub(crate) struct TestFleet {
    pub(crate) scratch: Scratch,
    pub(crate) config: ProcessConfig,
    pub(crate) provider: ProcessProvider,
}

impl TestFleet {
    /// With its hosts running. All of it ends by itself soon after the test's process.
    pub(crate) async fn start() -> Self {
        let fleet = Self::tethered(std::process::id());
        fleet.provider.start_hosts().await.expect("both hosts start");
        fleet
    }

    pub(crate) fn tethered(tether: u32) -> Self {
        let scratch = Scratch::new();
        let first_port = port_block();
        let host = |id: &str| ProcessHost { id: host(id), rack: None, max_vms: 2 };
        let config = ProcessConfig {
            name: "here".to_owned(),
            folder: scratch.path().join("fleet"),
            exe: example(),
            hosts: vec![host("h1"), host("h2")],
            flavors: [(flavor(), ProcessFlavor { cores: 0.5 })].into(),
            ports: first_port..=first_port + 15,
            load_window: Duration::from_secs(10),
            tether: Some(tether),
        };
        let provider = ProcessProvider::new(config.clone()).expect("a folder to work in");
        Self { scratch, config, provider }
    }

    pub(crate) async fn create(&self, id: &str) -> Result<(), HandError> {
        self.provider.create(&order(id)).await
    }

    pub(crate) async fn destroy(&self, id: &str) -> Result<(), HandError> {
        self.provider.destroy(&vm(id)).await
    }

    pub(crate) fn deployer(&self) -> ProcessDeployer {
        ProcessDeployer::new(&self.config.folder).expect("the provider made the folder")
    }

    pub(crate) async fn observe(&self) -> Sighting {
        self.provider.observe().await.expect("the folder can be listed")
    }

    pub(crate) async fn seen(&self, id: &str) -> Option<SeenVm> {
        self.observe().await.vms.into_iter().find(|seen| seen.id.as_str() == id)
    }

    pub(crate) async fn power(&self, id: &str) -> Option<Power> {
        self.seen(id).await.map(|seen| seen.power)
    }

    pub(crate) fn vm_file(&self, id: &str, file: &str) -> PathBuf {
        self.config.folder.join("vms").join(id).join(file)
    }

    /// What a file of a VM says; null if it is not there.
    pub(crate) fn json(&self, id: &str, file: &str) -> Value {
        let text = std::fs::read_to_string(self.vm_file(id, file)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn pid(&self, id: &str, file: &str) -> u32 {
        let pid = self.json(id, file)["pid"].as_u64().expect("a process is written there");
        u32::try_from(pid).expect("a pid")
    }
}

pub(crate) fn vm(id: &str) -> VmId {
    VmId::parse(id).expect("a name for a VM")
}

pub(crate) fn machine(id: &str) -> Machine {
    Machine { vm: vm(id), addresses: None }
}

pub(crate) fn host(id: &str) -> HostId {
    HostId::parse(id).expect("a name for a host")
}

pub(crate) fn flavor() -> FlavorId {
    FlavorId::parse("small").expect("a name for a flavor")
}

pub(crate) fn order(id: &str) -> CreateOrder {
    let origin = Origin { incarnation: "first".to_owned(), epoch: 1 };
    let (vm, flavor, avoid) = (vm(id), flavor(), BTreeSet::new());
    CreateOrder { vm, flavor, prefer: None, avoid, again: false, origin }
}

pub(crate) fn program(assignment: u32, command: &[&str]) -> Program {
    Program {
        module: ModuleId::parse("shop/web").expect("a name for a module"),
        assignment,
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        environment: [("COLOUR".to_owned(), "blue".to_owned())].into(),
        epoch: 1,
    }
}

pub(crate) fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is there");
}

/// Whether a process is there, other than waiting to be reaped.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat_of(pid).is_some_and(|stat| !stat.starts_with(['Z', 'X']))
}

/// `/proc/PID/stat` from the state on; None if no process bears this number.
pub(crate) fn stat_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned())
}
