//! The whole loop for a big fleet: `cargo bench -p house-tests`.
//!
//! 5,000 VMs in 200 modules on 250 hosts. One round is what happens in one interval: a frame of
//! each VM comes in, then one turn: the scaler decides for each module, alerter and ledgers are
//! asked, the rows of the transaction are derived. Serving and drawing the page is measured apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::brain::view;
use cloudbrain::config::{self, Config};
use collector::poller::Sensed;
use divan::Bencher;
use model::id::{ModuleId, Object, VmId};
use model::lang::Lang;
use model::sample::Frame;
use model::time::Time;
use model::vm::{Addresses, Vm, VmState};
use scaler::hands::{Power, RouterReport, SeenHost, SeenVm, Sighting};

const MODULES: usize = 200;
const VMS_PER_MODULE: usize = 25;
const HOSTS: usize = 250;

fn main() {
    divan::main();
}

/// The example's files, with its one module made into two hundred.
fn big_config() -> Config {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../examples/shop/cloudbrain.yaml");
    let mut config = config::load(&path).config.expect("the example is in order");
    let (id, module) = config.modules.pop_first().expect("it has a module");
    let policy = config.scaler.policies.remove(&id).expect("it has a policy");
    for number in 0..MODULES {
        let id = ModuleId::parse(&format!("shop/web-{number}")).expect("a good name");
        let mut policy = policy.clone();
        policy.module = id.clone();
        policy.max = 100;
        config.scaler.policies.insert(id.clone(), policy);
        config.scaler.domains.insert(id.clone(), vec![format!("w{number}.example.com")]);
        config.modules.insert(id, module.clone());
    }
    for pool in config.scaler.pools.values_mut() {
        pool.max_total = 10_000;
        pool.ready = 0;
    }
    config
}

fn vm(number: usize, now: Time) -> Vm {
    let at = "127.0.0.1:1".parse().expect("an address");
    Vm {
        id: VmId::parse(&format!("vm-{number}")).expect("a good name"),
        flavor: "small".parse().expect("a good name"),
        state: VmState::Serving,
        since: now,
        created: now,
        host: Some(format!("h{}", number % HOSTS).parse().expect("a good name")),
        addresses: Some(Addresses { agent: at, app: at }),
        module: Some(format!("shop/web-{}", number % MODULES).parse().expect("a good name")),
        assignment: 1,
        route_generation: 1,
        why: "ready".to_owned(),
    }
}

fn frame(number: usize, at: Time) -> Frame {
    let id = VmId::parse(&format!("vm-{number}")).expect("a good name");
    let load = 0.55 + (number % 7) as f64 / 100.0;
    let values = model::metric::whole_machine().map(|metric| (metric.name.to_owned(), load));
    Frame { target: Object::Vm(id), at, values: values.collect() }
}

fn sighting(core: &Core) -> Sighting {
    let hosts = (0..HOSTS).map(|number| SeenHost {
        id: format!("h{number}").parse().expect("a good name"),
        agent: None,
        room: BTreeMap::new(),
        is_down: false,
    });
    let vms = core.scaler.vms.values().map(|vm| SeenVm {
        id: vm.id.clone(),
        flavor: vm.flavor.clone(),
        host: vm.host.clone(),
        power: Power::Running,
        addresses: vm.addresses,
        origin: None,
        labels: BTreeMap::new(),
    });
    Sighting { complete: true, hosts: hosts.collect(), vms: vms.collect(), quotas: Vec::new() }
}

/// A brain at rest, past its first turn.
fn big_core() -> (Core, Time) {
    let start = Time::from_millis(1_800_000_000_000);
    let mut inheritance = Inheritance::default();
    for number in 0..MODULES * VMS_PER_MODULE {
        let vm = vm(number, start);
        inheritance.scaler.vms.insert(vm.id.clone(), vm);
    }
    inheritance.scaler.memory.routing_generation = 1;
    for module in 0..MODULES {
        let id = ModuleId::parse(&format!("shop/web-{module}")).expect("a good name");
        let memory = inheritance.scaler.memory.modules.entry(id).or_default();
        memory.desired = VMS_PER_MODULE as u32;
    }
    let mut core = Core::new(Arc::new(big_config()), inheritance, start);
    let mut now = start;
    for _ in 0..3 {
        now = now + Duration::from_secs(15);
        round(&mut core, now);
    }
    (core, now)
}

/// One interval: every VM is heard, the provider and the router are seen, and then a turn.
fn round(core: &mut Core, now: Time) {
    let seen = sighting(core);
    core.hear(Heard::Provider { begun: now, seen: Ok(seen) }, now);
    let generation = core.scaler.memory.routing_generation;
    let report = RouterReport { generation, ..RouterReport::default() };
    let (name, report) = ("edge".to_owned(), Ok(report));
    core.hear(Heard::Router { name, report, trouble: None }, now);
    for number in 0..MODULES * VMS_PER_MODULE {
        core.hear(Heard::Sensed(Sensed::Frame(frame(number, now))), now);
    }
    divan::black_box(core.turn(now));
}

/// Taking in a frame of each VM, and one turn.
#[divan::bench(sample_count = 20)]
fn interval_of_5000_vms(bencher: Bencher<'_, '_>) {
    let (mut core, mut now) = big_core();
    bencher.bench_local(|| {
        now = now + Duration::from_secs(15);
        round(&mut core, now);
    });
    assert_eq!(core.scaler.vms.len(), MODULES * VMS_PER_MODULE, "the fleet was at rest");
}

/// The turn alone, when nothing new was heard.
#[divan::bench(sample_count = 20)]
fn turn_of_5000_vms(bencher: Bencher<'_, '_>) {
    let (mut core, mut now) = big_core();
    bencher.bench_local(|| {
        now = now + Duration::from_secs(1);
        divan::black_box(core.turn(now));
    });
}

/// The first page for the same fleet.
#[divan::bench(sample_count = 10)]
fn page_of_5000_vms(bencher: Bencher<'_, '_>) {
    let (core, now) = big_core();
    bencher.bench_local(|| dashboards::overview_page(&view::overview(&core, now, Lang::En)));
}
