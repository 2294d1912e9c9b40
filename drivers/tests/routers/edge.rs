//! One real router for one test, with its driver and the VMs behind it. It ends with the test, also
//! when the test fails.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use drivers::router::haproxy::HaproxySettings;
use drivers::router::nginx::NginxSettings;
use drivers::router::{Ground, RouterSpec};
use model::id::{ModuleId, VmId};
use rustix::process::{Pid, Signal, kill_process};
use scaler::hands::{HandError, Route, Router, RouterReport, Routing, Uncounted};

use crate::app::App;

/// How long a test waits for what must come; far beyond what a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Which router it is.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    Nginx(NginxSettings),
    Haproxy(HaproxySettings),
}

#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) folder: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) which: Which,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) generation: u64,
    pub(crate) process: Option<Child>,
}

impl Edge {
    /// An nginx with two workers; `change` may alter the settings before.
    pub(crate) async fn nginx(change: impl FnOnce(&mut NginxSettings)) -> Self {
        let (folder, listen, check) = (folder(), free_address(), free_address());
        let mut settings = NginxSettings::named("edge", folder.join("cloudbrain.conf"));
        settings.config = folder.join("nginx.conf");
        settings.check = check;
        change(&mut settings);
        std::fs::write(&settings.config, nginx_conf(&folder, listen)).expect("a folder of ours");
        Self::start(folder, listen, Which::Nginx(settings)).await
    }

    /// An HAProxy in master-worker mode.
    pub(crate) async fn haproxy(change: impl FnOnce(&mut HaproxySettings)) -> Self {
        let (folder, listen) = (folder(), free_address());
        let path = |name: &str| folder.join(name);
        let mut settings =
            HaproxySettings::named("edge", path("cloudbrain.cfg"), path("admin.sock"));
        settings.config = vec![path("haproxy.cfg")];
        settings.reload = vec!["sh".into(), path("reload.sh").to_string_lossy().into_owned()];
        change(&mut settings);
        std::fs::write(path("haproxy.cfg"), haproxy_cfg(&folder, listen)).expect("ours");
        let reload = format!("kill -USR2 $(cat {}/pid)\n", folder.display());
        std::fs::write(path("reload.sh"), reload).expect("a folder of ours");
        Self::start(folder, listen, Which::Haproxy(settings)).await
    }

    async fn start(folder: PathBuf, listen: SocketAddr, which: Which) -> Self {
        let router = open(&which, &folder);
        let mut edge = Self { folder, listen, which, router, generation: 0, process: None };
        // The file has to be there before the router starts; that nobody answers yet is right.
        assert!(edge.router.prepare().await.is_err());
        // What the router's own file refers to must be in ours, even if nobody serves it.
        assert!(edge.push(&[]).await.is_err(), "it does not run yet");
        edge.start_process();
        edge.wait("it answers", async |edge| edge.report().await.is_ok()).await;
        edge
    }

    /// Another brain's hand on the same router: it knows only what is there.
    pub(crate) fn start_over(&mut self) {
        self.router = open(&self.which, &self.folder);
    }

    pub(crate) fn start_process(&mut self) {
        let mut command = match &self.which {
            Which::Nginx(settings) => {
                let mut command = Command::new("/usr/sbin/nginx");
                command.arg("-c").arg(&settings.config).args(["-g", "daemon off;"]);
                command
            }
            Which::Haproxy(settings) => {
                let mut command = Command::new("/usr/sbin/haproxy");
                command.arg("-W").arg("-p").arg(self.folder.join("pid"));
                for path in settings.config.iter().chain([&settings.include]) {
                    command.arg("-f").arg(path);
                }
                command
            }
        };
        let mut log = std::fs::OpenOptions::new();
        log.create(true).append(true);
        let log = log.open(self.folder.join("log")).expect("a folder of ours");
        let out = log.try_clone().expect("a second handle");
        let command = command.stdin(Stdio::null()).stdout(out).stderr(log);
        self.process = Some(command.spawn().expect("it is installed"));
    }

    pub(crate) fn include(&self) -> &Path {
        match &self.which {
            Which::Nginx(settings) => &settings.include,
            Which::Haproxy(settings) => &settings.include,
        }
    }

    pub(crate) fn include_text(&self) -> String {
        std::fs::read_to_string(self.include()).expect("the driver wrote it")
    }

    /// The next routing, with these VMs.
    pub(crate) fn routing(&mut self, vms: &[(&str, &App)]) -> Routing {
        self.generation += 1;
        let vm = |(id, app): &(&str, &App)| (vm(id), app.address);
        let route = Route { domains: Vec::new(), upstreams: vms.iter().map(vm).collect() };
        let modules = [(ModuleId::parse("shop/web").expect("a name"), route)].into();
        Routing { generation: self.generation, modules, ..Routing::default() }
    }

    pub(crate) async fn push(&mut self, vms: &[(&str, &App)]) -> Result<(), HandError> {
        let routing = self.routing(vms);
        self.router.push(&routing).await
    }

    /// A brain that is killed after so long in the middle of a push, and the one that comes after it.
    pub(crate) async fn push_and_die(&mut self, routing: &Routing, after: Duration) {
        let (router, routing) = (Arc::clone(&self.router), routing.clone());
        let brain = move || {
            let brain = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let brain = brain.expect("a runtime of its own");
            let _ =
                brain.block_on(async { tokio::time::timeout(after, router.push(&routing)).await });
        };
        tokio::task::spawn_blocking(brain).await.expect("it does not panic");
        self.start_over();
    }

    pub(crate) async fn report(&self) -> Result<RouterReport, HandError> {
        self.router.observe().await
    }

    /// Whether a VM that was taken out is certainly idle.
    pub(crate) async fn is_idle(&self, id: &str) -> bool {
        let report = self.report().await.expect("it runs");
        let in_flight = report.upstreams.get(&vm(id)).map_or(0, |upstream| upstream.in_flight);
        in_flight == 0 && !report.uncounted.holds(&vm(id))
    }

    /// Looks again and again until it is so.
    pub(crate) async fn wait(&self, what: &str, mut is_so: impl AsyncFnMut(&Self) -> bool) {
        let wait = async {
            while !is_so(self).await {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        waited.unwrap_or_else(|_| panic!("waited in vain until {what}\n{log}"));
    }

    /// SIGKILL to all its processes, as a power failure would.
    pub(crate) fn power_off(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // The master first: it would put others in the place of its children.
        let children = children(process.id());
        process.kill().expect("it is our child");
        process.wait().expect("it is our child");
        for child in children {
            signal(child, Signal::KILL);
        }
    }

    /// Somebody has HAProxy's master start a new worker. Right after its own start it may not hear it.
    pub(crate) async fn reload_by_hand(&self) {
        let before = self.children();
        let deadline = tokio::time::sleep(PATIENCE);
        let mut deadline = std::pin::pin!(deadline);
        let mut again = tokio::time::interval(Duration::from_secs(2));
        while self.children() == before {
            tokio::select! {
                () = &mut deadline => panic!("no new worker"),
                _ = again.tick() => self.signal(Signal::USR2),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Says something at its socket, as an operator would.
    pub(crate) fn say(&self, order: &str) {
        let mut socket = UnixStream::connect(self.folder.join("admin.sock")).expect("it runs");
        writeln!(socket, "{order}").expect("it listens");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers and closes");
    }

    pub(crate) fn children(&self) -> Vec<u32> {
        children(self.process.as_ref().expect("it runs").id())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self::signal(self.process.as_ref().expect("it runs").id(), signal);
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.power_off();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder); // Else the folder tells what happened.
        }
    }
}

/// Under load VMs come and go one by one, `rounds` times; each that went is killed the moment the
/// driver says it is idle.
pub(crate) async fn comes_and_goes(edge: &mut Edge, rounds: u32) {
    let mut vms: BTreeMap<String, App> = BTreeMap::new();
    for number in 0..3 {
        vms.insert(format!("vm-{number:03}"), App::start().await);
    }
    edge.push(&list(&vms)).await.expect("three serve");
    let load = crate::load::Load::start(edge.listen);
    for number in 3..3 + rounds {
        vms.insert(format!("vm-{number:03}"), App::start().await);
        edge.push(&list(&vms)).await.expect("one comes");
        let (id, app) = vms.pop_first().expect("there are four");
        edge.push(&list(&vms)).await.expect("one goes");
        edge.wait("it is idle", async |edge| edge.is_idle(&id).await).await;
        app.kill().await;
    }
    load.end_well().await;
}

pub(crate) fn list(vms: &BTreeMap<String, App>) -> Vec<(&str, &App)> {
    vms.iter().map(|(id, app)| (id.as_str(), app)).collect()
}

pub(crate) fn vm(id: &str) -> VmId {
    VmId::parse(id).expect("a name for a VM")
}

pub(crate) fn these(ids: &[&str]) -> Uncounted {
    Uncounted::These(ids.iter().map(|id| vm(id)).collect())
}

pub(crate) fn ground(folder: &Path) -> Ground {
    Ground { exe: "unused".into(), data: folder.join("data"), folder: folder.to_owned() }
}

fn open(which: &Which, folder: &Path) -> Arc<dyn Router> {
    let spec = match which.clone() {
        Which::Nginx(settings) => RouterSpec::Nginx(Box::new(settings)),
        Which::Haproxy(settings) => RouterSpec::Haproxy(Box::new(settings)),
    };
    assert_eq!(spec.problems(), []);
    spec.open(&ground(folder))
}

fn nginx_conf(folder: &Path, listen: SocketAddr) -> String {
    let at = folder.display();
    format!(
        "user root;
worker_processes 2;
pid {at}/pid;
error_log {at}/error.log notice;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {at}/body;
    proxy_temp_path {at}/proxy;
    fastcgi_temp_path {at}/fastcgi;
    uwsgi_temp_path {at}/uwsgi;
    scgi_temp_path {at}/scgi;
    include {at}/cloudbrain.conf;
    server {{
        listen {listen};
        location / {{
            proxy_pass http://shop.web;
            proxy_next_upstream off;
        }}
    }}
}}
"
    )
}

fn haproxy_cfg(folder: &Path, listen: SocketAddr) -> String {
    let at = folder.display();
    format!(
        "global
    stats socket {at}/admin.sock mode 600 level admin expose-fd listeners
    nbthread 2
defaults
    mode http
    retries 0
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend web
    bind {listen}
    default_backend shop.web
"
    )
}

pub(crate) fn folder() -> PathBuf {
    let name = format!("drivers-routers-{}-{}", std::process::id(), number());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// An address that nobody listens at, below the ports that Linux gives out by itself.
pub(crate) fn free_address() -> SocketAddr {
    let start = 21_000 + (std::process::id() % 50) as u16 * 200;
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], start + number() % 200));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

fn number() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid");
    let _ = kill_process(pid, signal); // It may have ended by itself.
}
