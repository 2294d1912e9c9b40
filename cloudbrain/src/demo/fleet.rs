//! The demo's own fleet: the files of `examples/shop` in a folder of their own, a brain that runs
//! on them as a process of its own, and the end of it all.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use drivers::provider::process::ProcessProvider;
use drivers::router::RouterSpec;
use model::id::{HostId, VmId};
use rustix::process::{Pid, Signal, kill_process};
use scaler::hands::{Provider as _, Router, Routing};
use serde::de::DeserializeOwned;

use crate::brain::start::{make_hands_without_starting, router_folder};
use crate::config::raw::{RawConfig, RawProvider};
use crate::config::{self, Config};

const MAIN: &str = include_str!("../../../examples/shop/cloudbrain.yaml");
const FILES: [(&str, &str); 3] = [
    ("projects/shop.yaml", include_str!("../../../examples/shop/projects/shop.yaml")),
    ("policies/web.yaml", include_str!("../../../examples/shop/policies/web.yaml")),
    ("policies/pool-small.yaml", include_str!("../../../examples/shop/policies/pool-small.yaml")),
];
/// Below the ports that Linux gives out by itself, so that no client of the load is in the way.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const VM_PORTS: u16 = 200;
/// The brain may take this long to end by itself.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// A running fleet. Whoever holds it ends it with [`Fleet::end`]; when it is dropped without, what
/// it can end at once is ended.
#[derive(Debug)]
pub(super) struct Fleet {
    pub folder: PathBuf,
    pub config: Config,
    pub router: SocketAddr,
    pub hands: Arc<Hands>,
    brain: Child,
}

/// The demo's own hold on provider and router: to kill a host, to see what the router does, and to
/// end it all.
#[derive(Debug)]
pub(super) struct Hands {
    provider: ProcessProvider,
    router: Arc<dyn Router>,
    routing: PathBuf,
}

impl Hands {
    pub(super) async fn vms_on(&self, host: &HostId) -> anyhow::Result<Vec<VmId>> {
        let seen = self.provider.observe().await.context("looking at the hosts")?;
        let on_it = seen.vms.into_iter().filter(|vm| vm.host.as_ref() == Some(host));
        Ok(on_it.map(|vm| vm.id).collect())
    }

    pub(super) async fn kill_host(&self, host: &HostId) -> anyhow::Result<()> {
        self.provider.kill_host(host).await.with_context(|| format!("killing {host}"))
    }

    /// The VMs that the router sends requests to: by the routing it keeps, once it says that it
    /// follows it.
    pub(super) async fn routed(&self) -> anyhow::Result<Vec<VmId>> {
        let text = std::fs::read_to_string(&self.routing).context("reading the routing")?;
        let routing: Routing = serde_json::from_str(&text).context("reading the routing")?;
        let report = self.router.observe().await.context("asking the router")?;
        if report.generation != routing.generation {
            bail!("the router is between two routings");
        }
        Ok(routing.modules.into_values().flat_map(|route| route.upstreams.into_keys()).collect())
    }

    async fn end(&self) -> anyhow::Result<()> {
        self.router.stop().await.context("stopping the router")?;
        self.provider.destroy_all().await.context("stopping the VMs")
    }
}

impl Fleet {
    /// Writes the files and starts a brain on them.
    pub(super) fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("cloudbrain-demo-{}", std::process::id()));
        let (listen, router, vm_ports) = free_ports(listen)?;
        write_files(&folder, listen, router, vm_ports)?;
        let main = folder.join("cloudbrain.yaml");
        let config = config::load(&main).config.context("the demo's own files are refused")?;
        let (provider, routers) = make_hands_without_starting(&config)?;
        let provider = provider.context("the demo's files name no provider")?;
        let router_hand = routers.into_iter().next().context("the demo's files name no router")?;
        let routing = router_folder(&config, router_hand.name()).join("routing.json");
        let hands = Arc::new(Hands { provider, router: router_hand, routing });
        let exe = std::env::current_exe().context("finding this program")?;
        let brain = start_brain(&exe, &main, &folder.join("brain.log"))?;
        Ok(Self { folder, config, router, hands, brain })
    }

    pub(super) fn listen(&self) -> SocketAddr {
        self.config.raw.listen
    }

    pub(super) fn brain_pid(&self) -> u32 {
        self.brain.id()
    }

    /// The brain's own words, if it has ended.
    pub(super) fn brain_ended(&mut self) -> Option<String> {
        let status = self.brain.try_wait().ok().flatten()?;
        let log = std::fs::read_to_string(self.folder.join("brain.log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Some(format!("the brain ended with {status}:\n{}", tail.join("\n")))
    }

    /// Ends everything that was started and removes the folder.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        signal(self.brain.id(), Signal::TERM);
        for _ in 0..STOP_WITHIN.as_millis() / 100 {
            if self.brain.try_wait().ok().flatten().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let _ = self.brain.kill(); // It may have ended by itself.
        let _ = self.brain.wait(); // Its status tells nothing new.
        self.hands.end().await?;
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("removing {}", self.folder.display()))
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.brain.kill(); // VMs and router are tethered to this process and end with it.
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal); // It may be gone already.
    }
}

fn start_brain(exe: &Path, main: &Path, log: &Path) -> anyhow::Result<Child> {
    let log = std::fs::File::create(log).context("opening the brain's log")?;
    Command::new(exe)
        .arg("serve")
        .arg("--config")
        .arg(main)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("starting the brain")
}

fn write_files(
    folder: &Path,
    listen: SocketAddr,
    router: SocketAddr,
    vm_ports: u16,
) -> anyhow::Result<()> {
    let mut main: RawConfig = parse(MAIN)?;
    main.listen = listen;
    for address in main.collector.resolve.values_mut() {
        *address = router;
    }
    for provider in &mut main.providers {
        let RawProvider::Process(process) = provider else { continue };
        process.ports = format!("{vm_ports}-{}", vm_ports + VM_PORTS - 1);
        process.tether = Some(std::process::id());
    }
    for spec in &mut main.routers {
        if let RouterSpec::Builtin(builtin) = spec {
            builtin.listen = router;
        }
    }
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    // JSON is YAML too.
    let text = serde_json::to_string_pretty(&main)?;
    std::fs::write(folder.join("cloudbrain.yaml"), text)?;
    // Under whatever name this program was installed.
    let exe = std::env::current_exe().context("finding this program")?;
    let program = format!("program: [{}, ", serde_json::to_string(&exe)?);
    for (name, text) in FILES {
        let text = text.replace("program: [cloudbrain, ", &program);
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().context("each file stands in a folder")?)?;
        std::fs::write(&path, text)?;
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))
}

/// The page's address, the router's, and the first port for VMs.
fn free_ports(wanted: SocketAddr) -> anyhow::Result<(SocketAddr, SocketAddr, u16)> {
    if !wanted.ip().is_loopback() {
        bail!("the demo listens on loopback only; write for example --listen 127.0.0.1:8090");
    }
    let is_free = |port: u16| TcpListener::bind(SocketAddr::new(wanted.ip(), port)).is_ok();
    let near = (wanted.port()..wanted.port().saturating_add(50)).find(|port| is_free(*port));
    let page = near.with_context(|| format!("no free port at or after {wanted}"))?;
    let start = PORTS.start + (std::process::id() % 50) as u16 * VM_PORTS;
    let router = (start..PORTS.end).find(|port| is_free(*port)).context("no free port")?;
    let at = |port| SocketAddr::new(wanted.ip(), port);
    Ok((at(page), at(router), router + 1))
}
