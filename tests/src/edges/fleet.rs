//! A fleet of processes with a router in front, for one run: its files, its brain, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use model::time::Time;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::load::get;
use super::{CALM, COME_AND_GO, Kind, Plan, REPLACED_AT_ONCE};

/// How long anything may take that must come.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Two for each VM, dead ones among them.
const PORTS: u16 = 160;

#[derive(Debug)]
pub struct Fleet {
    pub router: SocketAddr,
    folder: PathBuf,
    listen: SocketAddr,
    brain: Child,
    edge: Option<Child>,
    /// VMs and the built-in router end when this one does.
    tether: Child,
    /// Its files are kept for whoever looks into what happened.
    keeps_files: bool,
}

/// Who is in which state.
#[derive(Clone, Debug, Default)]
pub struct Status {
    pub serving: BTreeSet<String>,
    /// VMs of the module on their way in or out.
    moving: usize,
    pool: usize,
}

impl Status {
    /// Nobody is on the way in or out, and the pool has who comes next. Who was isolated is kept for
    /// a while, out of the routers.
    pub fn is_quiet(&self) -> bool {
        self.moving == 0 && self.pool >= COME_AND_GO
    }
}

impl Fleet {
    pub fn start(plan: &Plan) -> anyhow::Result<Self> {
        let name = format!("cloudbrain-edges-{}-{:?}", std::process::id(), plan.kind);
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder); // Most often there is none.
        for part in ["projects", "policies"] {
            std::fs::create_dir_all(folder.join(part)).context("making a folder")?;
        }
        let ports = free_ports()?;
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (listen, router, check) = (at(ports), at(ports + 1), at(ports + 2));
        let tether = Command::new("sleep").arg("86400").spawn().context("starting sleep")?;
        let file = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).with_context(|| format!("writing {name}"))
        };
        let routers = routers(plan.kind, &folder, router, check);
        file("cloudbrain.yaml", &main_file(listen, &routers, ports + 3, tether.id()))?;
        file("projects/shop.yaml", &project(&plan.figure))?;
        file("policies/web.yaml", &policy(CALM))?;
        file("policies/pool.yaml", &pool())?;
        file("nginx.conf", &nginx_conf(&folder, router))?;
        file("haproxy.cfg", &haproxy_cfg(&folder, router))?;
        let log = std::fs::File::create(folder.join("brain.log")).context("opening the log")?;
        let brain = Command::new(&plan.cloudbrain)
            .args(["serve", "--config"])
            .arg(folder.join("cloudbrain.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", plan.cloudbrain.display()))?;
        let mut fleet =
            Self { router, folder, listen, brain, edge: None, tether, keeps_files: false };
        fleet.edge = fleet.start_edge(plan.kind)?;
        Ok(fleet)
    }

    /// Its own router includes a file that the brain writes first.
    fn start_edge(&self, kind: Kind) -> anyhow::Result<Option<Child>> {
        let path = |name: &str| self.folder.join(name);
        let (mut command, include) = match kind {
            Kind::Builtin => return Ok(None),
            Kind::Nginx => {
                let mut command = Command::new("/usr/sbin/nginx");
                command.arg("-c").arg(path("nginx.conf")).args(["-g", "daemon off;"]);
                (command, path("cloudbrain.conf"))
            }
            Kind::Haproxy => {
                let mut command = Command::new("/usr/sbin/haproxy");
                command.arg("-W").arg("-f").arg(path("haproxy.cfg"));
                command.arg("-f").arg(path("cloudbrain.cfg"));
                (command, path("cloudbrain.cfg"))
            }
        };
        self.until("the brain to write the router's file", || {
            let text = std::fs::read_to_string(&include).unwrap_or_default();
            Ok(text.contains("shop.web").then_some(()))
        })?;
        let log = std::fs::File::create(path("edge.log")).context("opening the log")?;
        let out = log.try_clone().context("opening the log")?;
        let command = command.stdin(Stdio::null()).stdout(out).stderr(log);
        Ok(Some(command.spawn().context("starting the router; is it installed?")?))
    }

    /// From now on the module has exactly so many VMs, and the brain knows it.
    pub fn bounds(&self, count: usize) -> anyhow::Result<()> {
        let (beside, path) = (self.folder.join("web.new"), self.folder.join("policies/web.yaml"));
        std::fs::write(&beside, policy(count)).context("writing the policy")?;
        std::fs::rename(beside, path).context("writing the policy")?;
        signal(self.brain.id(), Signal::HUP);
        Ok(())
    }

    /// SIGKILL to the VM and not to its program, which goes on: by its provider's word it is dead.
    pub fn kill_under_its_program(&self, vm: &str) -> anyhow::Result<()> {
        let path = self.folder.join("state/process/vms").join(vm).join("run.json");
        let text = std::fs::read_to_string(&path).context("reading run.json")?;
        let run: Value = serde_json::from_str(&text).context("reading run.json")?;
        let pid = run["pid"].as_u64().context("it has a process")?;
        signal(u32::try_from(pid).context("a pid")?, Signal::KILL);
        Ok(())
    }

    pub fn status(&self) -> anyhow::Result<Status> {
        let overview = self.get("/api/overview")?;
        let mut status = Status::default();
        let hosts = overview["hosts"].as_array().context("the overview lists hosts")?;
        for vm in hosts.iter().filter_map(|host| host["vms"].as_array()).flatten() {
            let id = vm["id"].as_str().unwrap_or_default().to_owned();
            match vm["state"].as_str() {
                Some("serving") => drop(status.serving.insert(id)),
                Some("pool") => status.pool += 1,
                Some("reserved" | "deploying" | "ready" | "draining") => {
                    status.moving += 1;
                }
                _ => {}
            }
        }
        Ok(status)
    }

    /// When the newest decision to grow was made.
    pub fn last_scale_out(&self) -> anyhow::Result<Time> {
        let decisions = self.get("/api/decisions?module=shop/web&limit=20")?;
        let all = decisions.as_array().context("a list of decisions")?;
        let grew = all.iter().find(|d| d["to"].as_u64() > d["from"].as_u64());
        let at = grew.and_then(|decision| decision["at"].as_i64());
        Ok(Time::from_millis(at.context("a decision to grow")?))
    }

    /// When each VM came to which state since then, as the journal words it: `vm ready`.
    pub fn moves_since(&self, since: Time) -> anyhow::Result<BTreeMap<(String, String), Time>> {
        let rows = self.get(&format!("/api/journal?limit=1000&from={}", since.millis()))?;
        let rows = rows.as_array().context("a list of what was done")?;
        let moves = rows.iter().filter_map(|row| {
            let vm = row["object"].as_str()?.strip_prefix("vm/")?.to_owned();
            let at = Time::from_millis(row["at"].as_i64()?);
            Some(((vm, row["what"].as_str()?.to_owned()), at))
        });
        Ok(moves.collect())
    }

    /// Leaves its files behind when it ends; tells where.
    pub fn keep_files(&mut self) -> &Path {
        self.keeps_files = true;
        &self.folder
    }

    /// Looks again and again until it is so.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> anyhow::Result<Status> {
        self.until(what, || Ok(self.status().ok().filter(|status| is_so(status))))
    }

    /// Waits until the router sends requests to somebody who answers.
    pub fn wait_until_answered(&self) -> anyhow::Result<()> {
        self.until("an answer", || Ok(get(self.router).ok().map(drop)))
    }

    fn until<T>(
        &self,
        what: &str,
        mut look: impl FnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            if let Some(found) = look()? {
                return Ok(found);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let mut told = format!("waited in vain for {what}; {:?}", self.status());
        for log in ["brain.log", "edge.log", "error.log"] {
            let text = std::fs::read_to_string(self.folder.join(log)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(20)..].join("\n");
            let _ = write!(told, "\n{log}:\n{tail}");
        }
        bail!(told)
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let mut stream = TcpStream::connect(self.listen).context("asking the brain")?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("half an answer")?;
        serde_json::from_str(body).context("an answer that is no JSON")
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.brain.kill();
        let _ = self.brain.wait();
        if let Some(edge) = &mut self.edge {
            signal(edge.id(), Signal::TERM); // Its workers end with it.
            let _ = edge.wait();
        }
        if let Ok(mut stream) = std::os::unix::net::UnixStream::connect(
            self.folder.join("state/router/edge/router.sock"),
        ) {
            let _ =
                stream.write_all(b"POST /stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.read(&mut [0; 64]);
        }
        let _ = self.tether.kill();
        let _ = self.tether.wait();
        if !std::thread::panicking() && !self.keeps_files {
            let _ = std::fs::remove_dir_all(&self.folder); // Else it tells what happened.
        }
    }
}

fn routers(kind: Kind, folder: &Path, router: SocketAddr, check: SocketAddr) -> String {
    let at = folder.display();
    match kind {
        Kind::Builtin => format!("builtin: {{name: edge, listen: {router}}}"),
        Kind::Nginx => format!(
            "nginx: {{name: edge, include: {at}/cloudbrain.conf, config: {at}/nginx.conf, check: {check}}}"
        ),
        Kind::Haproxy => format!(
            "haproxy: {{name: edge, include: {at}/cloudbrain.cfg, socket: {at}/admin.sock, \
             config: [{at}/haproxy.cfg]}}"
        ),
    }
}

fn main_file(listen: SocketAddr, router: &str, first_port: u16, tether: u32) -> String {
    let last_port = first_port + PORTS;
    format!(
        "fleet: edges
listen: {listen}
tick: 500ms
flavors: {{small: {{cores: 0.1}}}}
providers:
  - process:
      name: local
      ports: {first_port}-{last_port}
      tether: {tether}
      hosts: [{{name: h1, max_vms: 40}}, {{name: h2, max_vms: 40}}]
routers:
  - {router}
brake: {{share: 100%, within: 1s}}
collector: {{interval: 1s, timeout: 900ms}}
channels: [inbox: {{name: inbox, path: messages.ndjson}}]
people: {{ops: {{channel: inbox}}}}
operations: [ops]
"
    )
}

fn project(figure: &Path) -> String {
    format!(
        "apiVersion: cloudbrain/v1
kind: Project
name: shop
domains: [shop.example.com]
modules:
  - name: web
    program: [{}, app, \"${{PORT}}\"]
",
        figure.display()
    )
}

/// So many VMs, whatever the load.
fn policy(count: usize) -> String {
    let most = COME_AND_GO;
    // At its ceiling a module ends who is dead at once, to have the place; here the dead still serve.
    let max = if count > CALM { count + REPLACED_AT_ONCE } else { count };
    format!(
        "apiVersion: cloudbrain/v1
kind: ScalingPolicy
module: shop/web
flavor: small
mode: auto
capacity: {{min: {count}, max: {max}}}
pace:
  out: {{max_step: {most}, settle: 0s, max_in_flight: {most}}}
  in: {{max_step: {most}, stabilise: 0s, cooldown: 0s}}
  create: {{timeout: 60s, retry_first: 1s, retry_max: 5s, stop_after: 1000, per_hour: 100000}}
health:
  ready: {{http: /ready, every: 100ms, timeout: 90ms, pass: 1, fail: 20, deadline: 60s}}
drain: {{timeout: 20s, kill_after: 3s}}
terminate: {{young: 0s}}
isolation: {{witnesses: 1, after: 0s, max_share: 1000, replace_after: 0s, keep_for_debug: 15s}}
"
    )
}

fn pool() -> String {
    let (ready, total) = (COME_AND_GO + REPLACED_AT_ONCE, 70);
    format!(
        "apiVersion: cloudbrain/v1
kind: Pool
flavor: small
ready: {ready}
max_total: {total}
refill: {{per_minute: 6000, in_flight: 8}}
recheck: 30s
"
    )
}

fn nginx_conf(folder: &Path, listen: SocketAddr) -> String {
    let at = folder.display();
    format!(
        "user root;
worker_processes 2;
pid {at}/pid;
error_log {at}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {at}/body;
    proxy_temp_path {at}/proxy;
    fastcgi_temp_path {at}/fastcgi;
    uwsgi_temp_path {at}/uwsgi;
    scgi_temp_path {at}/scgi;
    include {at}/cloudbrain.conf;
    server {{
        listen {listen} backlog=4096;
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

/// The first of a run of free ports below those that Linux gives out by itself.
fn free_ports() -> anyhow::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 21_000 + (std::process::id() % 40) as u16 * 250;
    let blocks = (0..40).map(|block| 21_000 + (first - 21_000 + block * 250) % 10_000);
    let free = blocks.into_iter().find(|port| (*port..*port + 8).all(|port| is_free(&port)));
    free.context("no free ports between 21000 and 31000")
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal); // It may be gone already.
    }
}
