//! From the first signal of an outage to the incident on disk: `cargo bench -p house-tests --bench
//! outage`.
//!
//! The whole brain but its network: 100 hosts with 100 VMs each, modules spread over them, owners. The
//! signals come in as a Zabbix server tells them; a turn decides; its rows are committed to a real
//! store (SQLite, `synchronous=FULL`). A second turn, one second later by the clock that is handed in,
//! settles what the VMs said. Timed are both turns and both commits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::brain::zabbix::Word;
use cloudbrain::config;
use divan::Bencher;
use model::id::{HostId, ModuleId, Object, PersonId, VmId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::{Host, Module, Project, Topology, VmPlace};
use store::Store;

const HOSTS: usize = 100;
const VMS_ON_A_HOST: usize = 100;
const MODULES: usize = 200;
const START: Time = Time::from_millis(1_800_000_000_000);

fn main() {
    divan::main();
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("letters and digits")
}

fn host(number: usize) -> HostId {
    id(&format!("host-{number:03}"))
}

fn vm(number: usize) -> VmId {
    id(&format!("vm-{number:05}"))
}

fn fleet() -> Topology {
    let mut topology = Topology::default();
    topology.hosts.extend((0..HOSTS).map(|number| (host(number), Host::default())));
    let module = |number: usize| -> ModuleId { id(&format!("p{}/m{number}", number / 10)) };
    for number in 0..MODULES {
        let owners = [id::<PersonId>("alice")].into();
        let project: model::id::ProjectId = id(&format!("p{}", number / 10));
        topology.projects.insert(project.clone(), Project { owners });
        topology.modules.insert(module(number), Module { project, uses: [].into() });
    }
    for number in 0..HOSTS * VMS_ON_A_HOST {
        let place = VmPlace {
            host: Some(host(number / VMS_ON_A_HOST)),
            module: Some(module(number % MODULES)),
            created: Time::from_millis(0),
            leaving: false,
        };
        topology.vms.insert(vm(number), place);
    }
    topology
}

fn word(signals: Vec<Signal>, topology: Option<Topology>) -> Heard {
    let server = "zabbix".to_owned();
    Heard::Zabbix(Box::new(Word { server, signals, topology, memory: None, round: None }))
}

fn down(object: Object) -> Signal {
    let check = if matches!(object, Object::Vm(_)) { "vm.ping" } else { "host.ping" };
    Signal {
        source: id("zabbix"),
        check: id(check),
        object,
        state: SignalState::Problem(Severity::Disaster),
        at: START,
        via: None,
        text: "unreachable for 60 s".to_owned(),
    }
}

/// A brain that knows the fleet and rests, with a store in a folder of its own.
fn brain(folder: &Path) -> (Core, Store) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/cloudbrain.yaml");
    let config = config::load(&example).config.expect("the example is in order");
    let before = START - Duration::from_secs(60);
    let mut core = Core::new(Arc::new(config), Inheritance::default(), before);
    core.hear(word(Vec::new(), Some(fleet())), before);
    let store = Store::open(folder, before).expect("a folder of our own").store;
    (core, store)
}

/// So many hosts of a hundred go down with all they carry.
#[divan::bench(args = [1, 10], sample_count = 30)]
fn decided_and_stored(bencher: Bencher<'_, '_>, hosts: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let root: PathBuf = std::env::temp_dir().join(format!("outage-{}", std::process::id()));
    let count = std::cell::Cell::new(0);
    let commit = |core: &mut Core, store: &Store, now: Time| {
        let changes = core.turn(now).changes;
        runtime.block_on(store.commit(changes)).expect("it is durable");
    };
    let ready = || {
        count.set(count.get() + 1);
        let (mut core, store) = brain(&root.join(count.get().to_string()));
        commit(&mut core, &store, START - Duration::from_secs(30));
        let signals = (0..hosts).flat_map(|number| {
            let vms = number * VMS_ON_A_HOST..(number + 1) * VMS_ON_A_HOST;
            let vms = vms.map(|number| down(Object::Vm(vm(number))));
            std::iter::once(down(Object::Host(host(number)))).chain(vms)
        });
        (core, store, signals.collect::<Vec<Signal>>())
    };
    bencher.with_inputs(ready).bench_local_values(|(mut core, store, signals)| {
        core.hear(word(signals, None), START);
        commit(&mut core, &store, START);
        commit(&mut core, &store, START + Duration::from_secs(1));
        assert_eq!(core.incidents().len(), hosts);
        (core, store)
    });
    let _ = std::fs::remove_dir_all(&root);
}
