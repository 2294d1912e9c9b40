//! What deciding costs when much goes wrong at once, and how it grows: `cargo bench -p alerter`.
//!
//! A fleet has a hundred VMs on each host, twenty hosts behind a switch, VMs of a module spread over
//! hosts. Timed is what follows the first signal: the signals are heard, the look that settles what
//! they mean, its messages, and the pieces that a store would have to take. Nothing is written here;
//! with a real store: `cargo bench -p house-tests --bench outage`.

use alerter::record::Record;
use alerter::{Action, Event, Settings, State, step};
use divan::{AllocProfiler, Bencher, black_box};
use model::id::{HostId, ModuleId, Object, PersonId, VmId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::{Host, Module, Project, Topology, VmPlace};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const VMS_ON_A_HOST: usize = 100;
const HOSTS_BEHIND_A_SWITCH: usize = 20;
const VMS_OF_A_MODULE: usize = 50;
const START: Time = Time::from_millis(1_795_000_000_000);

fn main() {
    divan::main();
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("letters and digits")
}

fn host(number: usize) -> HostId {
    id(&format!("host-{number:05}"))
}

fn vm(number: usize) -> VmId {
    id(&format!("vm-{number:07}"))
}

fn fleet(vms: usize) -> Topology {
    fleet_on(vms, VMS_ON_A_HOST)
}

/// VM `n` is on host `n / vms_on_a_host` and of module `n % modules`.
fn fleet_on(vms: usize, vms_on_a_host: usize) -> Topology {
    let mut topology = Topology::default();
    for number in 0..vms.div_ceil(vms_on_a_host) {
        let switch = id(&format!("switch-{:04}", number / HOSTS_BEHIND_A_SWITCH));
        topology.hosts.insert(host(number), Host { switch: Some(switch) });
    }
    let modules = (vms / VMS_OF_A_MODULE).max(1);
    let module = |number: usize| -> ModuleId { id(&format!("p{}/m{number}", number / 10)) };
    for number in 0..modules {
        let owners = [id::<PersonId>(&format!("owner-{}", number / 10 % 50))].into();
        topology.projects.insert(id(&format!("p{}", number / 10)), Project { owners });
        let project = id(&format!("p{}", number / 10));
        topology.modules.insert(module(number), Module { project, uses: [].into() });
    }
    for number in 0..vms {
        let place = VmPlace {
            host: Some(host(number / vms_on_a_host)),
            module: Some(module(number % modules)),
            created: Time::from_millis(0),
            leaving: false,
        };
        topology.vms.insert(vm(number), place);
    }
    topology
}

fn down(object: Object) -> Event {
    let check = if matches!(object, Object::Vm(_)) { "vm.ping" } else { "host.ping" };
    Event::Signal(Signal {
        source: id("agent"),
        check: id(check),
        object,
        state: SignalState::Problem(Severity::High),
        at: START,
        via: None,
        text: "no answer within 3 s".to_owned(),
    })
}

/// All hosts up to `hosts` and what they carry.
fn outage(hosts: usize) -> Vec<Event> {
    let signals = (0..hosts).flat_map(|number| {
        let vms = number * VMS_ON_A_HOST..(number + 1) * VMS_ON_A_HOST;
        let vms = vms.map(|number| down(Object::Vm(vm(number))));
        vms.chain([down(Object::Host(host(number)))])
    });
    signals.collect()
}

/// Hears all, looks once, and gives the pieces for the store.
fn decide(topology: &Topology, events: Vec<Event>) -> (State, Record, usize) {
    let (settings, mut state, mut record) =
        (Settings::default(), State::default(), Record::default());
    let mut opened = 0;
    let last = [Event::Tick];
    let later = START + std::time::Duration::from_secs(1);
    let times = std::iter::repeat_n(START, events.len()).chain([later]);
    for (event, now) in events.into_iter().chain(last).zip(times) {
        let actions = step(&settings, topology, &mut state, event, now);
        opened += actions.iter().filter(|action| matches!(action, Action::Opened(_))).count();
    }
    black_box(record.catch_up(&mut state));
    (state, record, opened)
}

/// So many hosts of a fleet of a hundred with ten thousand VMs.
#[divan::bench(args = [1, 10])]
fn hosts_down_of_10_000_vms(bencher: Bencher, hosts: usize) {
    let topology = fleet(10_000);
    bencher.with_inputs(|| outage(hosts)).bench_local_values(|events| {
        let (state, record, opened) = decide(&topology, events);
        assert_eq!(opened, hosts);
        (state, record)
    });
}

/// One host of a fleet that grows: what it costs must not follow the fleet.
#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000])]
fn one_host_down_of(bencher: Bencher, vms: usize) {
    let topology = fleet(vms);
    bencher.with_inputs(|| outage(1)).bench_local_values(|events| decide(&topology, events));
}

/// One more signal and the look after it, while a storm stands.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn one_more_with_so_many_vms_down(bencher: Bencher, vms: usize) {
    let topology = fleet(vms + VMS_ON_A_HOST);
    let (mut state, mut record, _) = decide(&topology, outage(vms / VMS_ON_A_HOST));
    let settings = Settings::default();
    let mut now = START + std::time::Duration::from_secs(2);
    let mut next = vms;
    bencher.bench_local(|| {
        now = now + std::time::Duration::from_secs(120);
        let event = down(Object::Vm(vm(next)));
        next = vms + (next + 1 - vms) % VMS_ON_A_HOST;
        black_box(step(&settings, &topology, &mut state, event, now));
        black_box(record.catch_up(&mut state));
    });
}

/// The same, where ten hosts carry them all, as in the storm of posted alerts of part D.
#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn one_more_with_so_many_down_on_ten_hosts(bencher: Bencher, vms: usize) {
    let topology = fleet_on(vms + VMS_ON_A_HOST, vms / 10);
    let signals = (0..vms).map(|number| down(Object::Vm(vm(number)))).collect();
    let (mut state, mut record, _) = decide(&topology, signals);
    let settings = Settings::default();
    let mut now = START + std::time::Duration::from_secs(2);
    let mut next = vms;
    bencher.bench_local(|| {
        now = now + std::time::Duration::from_secs(120);
        let event = down(Object::Vm(vm(next)));
        next = vms + (next + 1 - vms) % VMS_ON_A_HOST;
        black_box(step(&settings, &topology, &mut state, event, now));
        black_box(record.catch_up(&mut state));
    });
}

/// VMs on no host that anybody knows, as alerts say that bear no labels but a name: all in one incident.
#[divan::bench(args = [1_000, 10_000, 20_000], sample_count = 3, sample_size = 1)]
fn lone_vms_down(bencher: Bencher, vms: usize) {
    let topology = Topology::default();
    let signals = || (0..vms).map(|number| down(Object::Vm(vm(number)))).collect();
    bencher.with_inputs(signals).bench_local_values(|events| told(&topology, events));
}

/// Hosts behind no switch: an incident each.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 3, sample_size = 1)]
fn lone_hosts_down(bencher: Bencher, hosts: usize) {
    let topology = Topology::default();
    let signals = || (0..hosts).map(|number| down(Object::Host(host(number)))).collect();
    bencher.with_inputs(signals).bench_local_values(|events| told(&topology, events));
}

/// Hears all, and looks until everybody is told.
fn told(topology: &Topology, events: Vec<Event>) -> State {
    let (mut state, mut now) = (State::default(), START);
    let settings = Settings { operations: [id::<PersonId>("ops")].into(), ..Settings::default() };
    let mut told = 0;
    let steps = events.into_iter().chain(std::iter::repeat_n(Event::Tick, 4));
    for event in steps {
        if matches!(event, Event::Tick) {
            now = now + std::time::Duration::from_secs(60);
        }
        let actions = step(&settings, topology, &mut state, event, now);
        told += actions.iter().filter(|action| matches!(action, Action::Tell(_))).count();
    }
    assert!(told > 0, "somebody is told");
    state
}

/// The topology alone: time and memory to build it.
#[divan::bench(args = [10_000, 100_000, 1_000_000], sample_count = 3, sample_size = 1)]
fn topology_of(vms: usize) -> Topology {
    fleet(vms)
}

/// A VM moves, and what its new host carries is asked.
#[divan::bench(args = [10_000, 1_000_000])]
fn one_vm_moves_among(bencher: Bencher, vms: usize) {
    let mut topology = fleet(vms);
    let (first, hosts) = (vm(0), vms / VMS_ON_A_HOST);
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % hosts;
        let to = host(next);
        topology.vms.change(&first, |place| place.host = Some(to.clone()));
        topology.vms_on(&to).len()
    });
}
