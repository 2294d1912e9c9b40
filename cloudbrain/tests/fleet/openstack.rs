//! The real binary with a real Nova: what it makes and destroys is counted by Nova's own word, while
//! quotas are full, hosts are down, the API hangs and the brain is killed.
//!
//! Guests are made up: one agent answers for all of them, and their programs are processes of this
//! machine on the addresses that Neutron gave them (127.77.0.0/16).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::{Fleet, free_ports};

/// What a busy machine may need for the slowest of it.
const PATIENCE: Duration = Duration::from_secs(400);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A cloud in a folder of its own, run by `tests/real/openstack.sh`.
struct OpenStack {
    folder: PathBuf,
    port: u16,
    /// What `seed` said.
    said: BTreeMap<String, String>,
}

impl OpenStack {
    fn start() -> Self {
        let name = format!("brain-openstack-{}", std::process::id());
        let (folder, port) = (std::env::temp_dir().join(name), free_ports());
        let mut cloud = Self { folder, port, said: BTreeMap::new() };
        for word in ["install", "up", "seed"] {
            cloud.recipe(&[word]);
        }
        let env = std::fs::read_to_string(cloud.folder.join("env")).expect("seed wrote it");
        let pairs = env.lines().filter_map(|line| line.split_once('='));
        cloud.said = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        cloud
    }

    fn recipe(&self, words: &[&str]) -> String {
        self.recipe_with(words, &[])
    }

    fn recipe_with(&self, words: &[&str], environment: &[(&str, &str)]) -> String {
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/real/openstack.sh");
        let output = Command::new(recipe)
            .arg(words[0])
            .arg(&self.folder)
            .args(&words[1..])
            .env("OPENSTACK_PORT", self.port.to_string())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("the recipe can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn said(&self, name: &str) -> &str {
        self.said.get(name).map_or("", String::as_str)
    }

    /// The VM that each server says it is, with its status, by Nova's word.
    fn servers(&self) -> Vec<(String, String)> {
        let said = self.recipe(&["servers"]);
        let words = said.lines().filter_map(|line| line.rsplit_once(' ')?.0.split_once(' '));
        words.map(|(vm, status)| (vm.to_owned(), status.to_owned())).collect()
    }
}

impl Drop for OpenStack {
    fn drop(&mut self) {
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/real/openstack.sh");
        let _ = Command::new(recipe).arg("down").arg(&self.folder).output();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The guests of this fleet: an agent for all, a program for each.
struct Guests {
    agent: Child,
    folder: PathBuf,
}

impl Guests {
    fn kill(&self, vm: &str) {
        if let Ok(pid) = std::fs::read_to_string(self.folder.join("guests").join(vm)) {
            let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        }
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        let programs = std::fs::read_dir(self.folder.join("guests"));
        let names = programs.into_iter().flatten().flatten();
        let names: Vec<String> = names.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.iter().for_each(|vm| self.kill(vm));
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

const GUEST: &str = "\
import http.server, sys
class Guest(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Guest).serve_forever()
";

const DEPLOY: &str = r#"#!/bin/sh
here=$(dirname "$0"); input=$(cat)
vm=$(printf %s "$input" | jq -r .vm); app=$(printf %s "$input" | jq -r .app)
mkdir -p "$here/guests"; pid=$here/guests/$vm
[ ! -s "$pid" ] || kill "$(cat "$pid")" 2>/dev/null
rm -f "$pid"
[ "$1" = deploy ] || exit 0
setsid /usr/bin/python3 "$here/guest.py" "${app%:*}" "${app##*:}" >/dev/null 2>&1 </dev/null &
echo $! >"$pid"
# Until it has left our process group, it would end with us.
until curl -s -o /dev/null "http://$app/"; do sleep 0.1; done
"#;

fn policy(min: u32, max: u32) -> String {
    format!(
        "apiVersion: cloudbrain/v1\nkind: ScalingPolicy\nmodule: shop/web\nflavor: small\nmode: auto\n\
         capacity: {{min: {min}, max: {max}}}\n\
         pace: {{in: {{stabilise: 0s, cooldown: 0s}}, create: {{timeout: 5m, retry_first: 1s, retry_max: 4s}}}}\n\
         health: {{ready: {{http: /ready, every: 500ms, timeout: 400ms, pass: 2, fail: 3, deadline: 60s}}}}\n\
         drain: {{timeout: 2s, kill_after: 1s}}\nterminate: {{young: 0s, recycle: to-pool}}\n\
         isolation: {{witnesses: 2, after: 500ms, max_share: \"100%\", replace_after: \"0\", keep_for_debug: 5s}}\n"
    )
}

fn pool(ready: u32) -> String {
    format!(
        "apiVersion: cloudbrain/v1\nkind: Pool\nflavor: small\nready: {ready}\nmax_total: 40\n\
         refill: {{per_minute: 60, in_flight: 8}}\nrecheck: 30s\n"
    )
}

/// A fleet on that cloud, its files written and nothing started.
fn fleet(cloud: &OpenStack) -> (Fleet, Guests) {
    let ports = free_ports();
    let said = |name| cloud.said(name);
    let fleet = Fleet::prepare("openstack", |main| {
        let keep = |from: &str, to: &str| {
            let at = |word| main.find(word).expect("a key of the example");
            main[at(from)..at(to)].to_owned()
        };
        keep("fleet:", "providers:")
            + &keep("routers:", "collector:")
            + "collector: {interval: 1s, timeout: 800ms}\n"
            + &keep("channels:", "maintenance:")
            + &format!(
                "brake: {{share: \"100%\", within: 10s}}\n\
                 alerter: {{group_wait: 2s, child_wait: 2s}}\n\
                 providers:\n  - openstack:\n      name: cloud\n      auth_url: {}\n      \
                 credential_id: {}\n      credential_secret: ${{file:fleet.secret}}\n      \
                 topology: {{credential_id: {}, credential_secret: \"${{file:topology.secret}}\"}}\n      \
                 image: {}\n      networks: [{}]\n      flavors: {{small: vm.small}}\n      \
                 agent_port: {}\n      app_port: {}\n      settle: 20s\n\
                 deployer: {{exec: {{program: [./deploy.sh], timeout: 1m}}}}\n",
                said("OS_AUTH_URL"),
                said("OS_CREDENTIAL_ID"),
                said("OS_TOPOLOGY_ID"),
                said("OS_IMAGE"),
                said("OS_NETWORK"),
                ports,
                ports + 1,
            )
    });
    let folder = fleet.folder.clone();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("our own");
    write("fleet.secret", said("OS_CREDENTIAL_SECRET"));
    write("topology.secret", said("OS_TOPOLOGY_SECRET"));
    write("guest.py", GUEST);
    write("deploy.sh", DEPLOY);
    let chmod = Command::new("chmod").args(["+x"]).arg(folder.join("deploy.sh")).status();
    assert!(chmod.expect("chmod runs").success());
    write("policies/web.yaml", &policy(2, 8));
    write("policies/pool-small.yaml", &pool(2));
    std::fs::remove_file(folder.join("projects/shop.yaml")).expect("the example has it");
    let project = "apiVersion: cloudbrain/v1\nkind: Project\nname: shop\nowners: {dev: [alice]}\n\
                   domains: [shop.example.com]\nmodules: [{name: web, program: [web]}]\n";
    write("projects/shop.yaml", project);
    let agent = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["agent", "--listen", &format!("0.0.0.0:{ports}")])
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary under test runs");
    (fleet, Guests { agent, folder })
}

/// Waits until `look` finds something, for longer than other fleets do.
#[track_caller]
fn wait<T>(fleet: &Fleet, what: &str, mut look: impl FnMut(&Fleet) -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
        if let Some(found) = look(fleet) {
            return found;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let seen = fleet.get("/api/overview").map(|view| view["hosts"].to_string());
    panic!("waited in vain for {what}; {seen:?}; the brain's log:\n{}", fleet.log());
}

#[track_caller]
fn wait_for(fleet: &Fleet, serving: u64, ready: u64) {
    wait(fleet, &format!("{serving} serving and {ready} ready"), |fleet| {
        let view = fleet.get("/api/overview")?;
        let (module, pool) = (&view["modules"][0], &view["pools"][0]);
        let is_so = module["serving"].as_u64()? == serving
            && module["warming"].as_u64()? == 0
            && pool["ready"].as_u64()? == ready
            && pool["booting"].as_u64()? == 0;
        is_so.then_some(())
    });
}

/// Exactly so many servers, all ACTIVE, each another VM.
#[track_caller]
fn exactly(fleet: &Fleet, cloud: &OpenStack, count: usize) {
    wait(fleet, &format!("exactly {count} servers"), |_| {
        let servers = cloud.servers();
        let names: BTreeMap<_, _> = servers.iter().cloned().collect();
        let all_run = servers.iter().all(|(_, status)| status == "ACTIVE");
        (servers.len() == count && names.len() == count && all_run).then_some(())
    });
}

fn capacity(fleet: &Fleet) -> Option<Value> {
    Some(fleet.get("/api/capacity")?["flavors"][0].clone())
}

/// The VMs that serve, with their hosts.
fn serving(fleet: &Fleet) -> Option<Vec<(String, String)>> {
    let view = fleet.get("/api/overview")?;
    let mut serving = Vec::new();
    for host in view["hosts"].as_array()? {
        for vm in host["vms"].as_array()?.iter().filter(|vm| vm["state"] == "serving") {
            serving.push((vm["id"].as_str()?.to_owned(), host["id"].as_str()?.to_owned()));
        }
    }
    Some(serving)
}

#[test]
#[ignore = "installs and starts a real OpenStack, which takes minutes; tests/run lifts this"]
fn a_real_nova_gives_exactly_what_is_wanted_whatever_fails() {
    let cloud = OpenStack::start();
    let (mut fleet, guests) = fleet(&cloud);
    let write = |folder: &Path, name: &str, text: String| {
        std::fs::write(folder.join("policies").join(name), text).expect("our own");
    };
    let folder = fleet.folder.clone();

    // Out and in.
    fleet.start_brain();
    wait_for(&fleet, 2, 2);
    exactly(&fleet, &cloud, 4);
    write(&folder, "web.yaml", policy(4, 8));
    wait_for(&fleet, 4, 2);
    exactly(&fleet, &cloud, 6);
    write(&folder, "web.yaml", policy(2, 2));
    wait_for(&fleet, 2, 2);
    exactly(&fleet, &cloud, 4);

    // The quota is full: it is known beforehand, and nothing is asked in vain.
    cloud.recipe_with(&["seed"], &[("OPENSTACK_INSTANCES", "5")]);
    write(&folder, "pool-small.yaml", pool(6));
    wait(&fleet, "the quota to bind", |fleet| {
        let first = capacity(fleet)?["bounds"][0].clone();
        let is_full = first["more"] == 0 && first["limit"]["quota"]["name"] == "instances";
        is_full.then_some(())
    });
    exactly(&fleet, &cloud, 5);
    cloud.recipe(&["seed"]);
    write(&folder, "pool-small.yaml", pool(2));
    wait_for(&fleet, 2, 2);
    exactly(&fleet, &cloud, 4);

    // Boots fail, and no host is left to try: nothing of it stays behind.
    cloud.recipe(&["guests", r#"{"fail_names": "cr-"}"#]);
    write(&folder, "pool-small.yaml", pool(3));
    wait(&fleet, "a failed boot", |fleet| {
        fleet.log().contains("maximum number of retries").then_some(())
    });
    cloud.recipe(&["guests", "{}"]);
    wait_for(&fleet, 2, 3);
    exactly(&fleet, &cloud, 5);

    // A hypervisor goes down with its guests: one of several, since nothing is done when all of a
    // module look ill.
    write(&folder, "web.yaml", policy(4, 4));
    wait_for(&fleet, 4, 3);
    exactly(&fleet, &cloud, 7);
    let serve = wait(&fleet, "VMs that serve", serving);
    let on = |host: &str| serve.iter().filter(|(_, on)| on == host).count();
    let host = serve.iter().map(|(_, host)| host.clone()).min_by_key(|host| on(host));
    let host = host.expect("four serve");
    assert!(on(&host) < 4, "the pool gives from several hosts: {serve:?}");
    cloud.recipe(&["host", &host, "down"]);
    for (vm, _) in serve.iter().filter(|(_, on)| *on == host) {
        guests.kill(vm);
    }
    wait(&fleet, "the VMs on other hosts", |fleet| {
        let serving = serving(fleet)?;
        (serving.len() == 4 && serving.iter().all(|(_, on)| *on != host)).then_some(())
    });
    wait(&fleet, "an incident about the host", |fleet| {
        let incidents = fleet.get("/api/incidents")?;
        let root = format!("host/{host}");
        incidents.as_array()?.iter().any(|one| one["root"] == root.as_str()).then_some(())
    });
    cloud.recipe(&["host", &host, "up"]);
    wait_for(&fleet, 4, 3);
    exactly(&fleet, &cloud, 7);

    // The API hangs: the pool gives what it has, and is filled up afterwards.
    cloud.recipe(&["service", "nova-api", "stop"]);
    write(&folder, "web.yaml", policy(6, 6));
    wait(&fleet, "six to serve without the API", |fleet| {
        (serving(fleet)?.len() == 6).then_some(())
    });
    cloud.recipe(&["service", "nova-api", "go"]);
    wait_for(&fleet, 6, 3);
    exactly(&fleet, &cloud, 9);

    // The brain is killed between an order and its answer.
    cloud.recipe(&["guests", r#"{"boot_s": 6}"#]);
    write(&folder, "pool-small.yaml", pool(6));
    wait(&fleet, "a server that boots", |_| {
        cloud.servers().iter().any(|(_, status)| status == "BUILD").then_some(())
    });
    fleet.kill_brain();
    fleet.start_brain();
    wait_for(&fleet, 6, 6);
    exactly(&fleet, &cloud, 12);
}
