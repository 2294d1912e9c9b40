//! The one topology under alerter, availability and pages.
//!
//! It follows from what the files, the scaler, the provider, Zabbix servers and posted alerts know.
//! A fleet has ten thousand VMs and seldom changes, and an outage is no time to look at all of them:
//! so the topology is kept, and each turn changes what has changed. Only when a source is replaced
//! whole is it derived anew.
//!
//! Invariant: what is kept is what [`derive`] would give, but for VMs that were just lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use alerter::Event;
use model::id::{HostId, VmId};
use model::time::Time;
use model::topology::{DataSource, Host, Module, Project, Topology, VmPlace};
use model::vm::{Vm, VmState};
use scaler::state::State;

use crate::config::Config;
use crate::config::raw::RawProvider;

use super::senses::Senses;

/// Who knows something of the fleet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sources<'a> {
    pub config: &'a Config,
    pub scaler: &'a State,
    pub senses: &'a Senses,
    /// Zabbix servers, by name.
    pub servers: &'a BTreeMap<String, Topology>,
    /// What labels of posted alerts say.
    pub posted: &'a dyn Labelled,
}

/// The fleet as labels have it. There may be a hundred thousand VMs in them, so where each is, is read
/// off its labels when it is asked.
pub(super) trait Labelled: fmt::Debug {
    /// All but the VMs.
    fn rest(&self) -> &Topology;
    /// Where a VM is; None if no label speaks of it.
    fn vm(&self, vm: &VmId) -> Option<VmPlace>;
    /// All VMs that labels speak of.
    fn vms(&self) -> Box<dyn Iterator<Item = (VmId, VmPlace)> + '_>;
}

/// Keeps the topology.
#[derive(Debug, Default)]
pub(super) struct Surveyor {
    /// VMs of the scaler's, by its last word.
    ours: BTreeSet<VmId>,
    /// Hosts of the provider's, by its last word.
    hosts: BTreeSet<HostId>,
    /// VMs that vanished from the pool without having been sent away, and until when they are still
    /// told of.
    lost: BTreeMap<VmId, (VmPlace, Time)>,
    is_stale: bool,
    /// Something has changed since this was last asked.
    is_moved: bool,
}

impl Surveyor {
    /// A source was replaced whole: next time all is derived anew.
    pub(super) fn start_over(&mut self) {
        self.is_stale = true;
    }

    /// Whether anything has changed since this was asked last.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.is_moved)
    }

    /// Brings the topology up to `sources`, and says what changed in the alerter's words.
    ///
    /// A VM that dies in the pool is gone within a second, before anybody is told what took it. So
    /// that operations read of it, it keeps its place until `lost_until`.
    pub(super) fn follow(
        &mut self,
        topology: &mut Topology,
        sources: Sources<'_>,
        lost_until: Time,
        now: Time,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        if self.is_stale || !self.hosts.iter().eq(sources.senses.hosts.keys()) {
            self.replace(topology, sources, lost_until, &mut events);
        } else {
            self.follow_scaler(topology, sources, lost_until, &mut events);
        }
        self.let_go(topology, now, &mut events);
        self.is_moved |= !events.is_empty();
        events
    }

    /// What posted alerts say that is `new`: it is believed of what nobody else knows.
    pub(super) fn learn(
        &mut self,
        topology: &mut Topology,
        sources: Sources<'_>,
        new: &Topology,
    ) -> Vec<Event> {
        let is_known = |test: &dyn Fn(&Topology) -> bool| sources.servers.values().any(test);
        for (id, project) in &new.projects {
            let is_known = is_known(&|other| other.projects.contains_key(id));
            if !is_known && !sources.config.projects.contains_key(id) {
                let known = &sources.posted.rest().projects;
                let project = known.get(id).unwrap_or(project).clone();
                topology.projects.insert(id.clone(), project);
            }
        }
        add_rest(topology, new);
        let mut events = Vec::new();
        for (id, place) in &new.vms {
            let is_known = is_known(&|other| other.vms.contains_key(id));
            if !is_known && !self.ours.contains(id) {
                put(topology, id, Some(place.clone()), &mut events);
            }
        }
        self.is_moved = true;
        events
    }

    fn replace(
        &mut self,
        topology: &mut Topology,
        sources: Sources<'_>,
        lost_until: Time,
        events: &mut Vec<Event>,
    ) {
        let mut fresh = derive(sources);
        for (vm, place) in &topology.vms {
            if is_waiting(place) && !fresh.vms.contains_key(vm) {
                self.lost.entry(vm.clone()).or_insert_with(|| (place.clone(), lost_until));
            }
        }
        let lost = self.lost.iter().filter(|(vm, _)| !fresh.vms.contains_key(*vm));
        let lost: Vec<_> = lost.map(|(vm, (place, _))| (vm.clone(), place.clone())).collect();
        fresh.vms.extend(lost);
        for (vm, before) in &topology.vms {
            events.extend(change(vm, Some(before), fresh.vms.get(vm)));
        }
        self.is_moved |= *topology != fresh;
        *topology = fresh;
        self.ours = present(sources.scaler).map(|vm| vm.id.clone()).collect();
        self.hosts = sources.senses.hosts.keys().cloned().collect();
        self.is_stale = false;
    }

    fn follow_scaler(
        &mut self,
        topology: &mut Topology,
        sources: Sources<'_>,
        lost_until: Time,
        events: &mut Vec<Event>,
    ) {
        for vm in present(sources.scaler) {
            let place = place(vm);
            let is_new = !self.ours.contains(&vm.id);
            if is_new {
                self.ours.insert(vm.id.clone());
                self.lost.remove(&vm.id);
            }
            if is_new || topology.vms.get(&vm.id) != Some(&place) {
                self.is_moved = true;
                put(topology, &vm.id, Some(place), events);
            }
        }
        let is_here = |vm: &VmId| sources.scaler.vms.get(vm).is_some_and(exists);
        let gone: Vec<VmId> = self.ours.iter().filter(|vm| !is_here(vm)).cloned().collect();
        for vm in gone {
            self.ours.remove(&vm);
            self.is_moved = true;
            let elsewhere = sources.servers.values().find_map(|other| other.vms.get(&vm)).cloned();
            let elsewhere = elsewhere.or_else(|| sources.posted.vm(&vm));
            match topology.vms.get(&vm) {
                Some(place) if elsewhere.is_none() && is_waiting(place) => {
                    self.lost.insert(vm, (place.clone(), lost_until));
                }
                _ => put(topology, &vm, elsewhere, events),
            }
        }
    }

    /// Those that were lost long enough ago are gone.
    fn let_go(&mut self, topology: &mut Topology, now: Time, events: &mut Vec<Event>) {
        let over = self.lost.iter().filter(|(_, (_, until))| *until <= now);
        let over: Vec<VmId> = over.map(|(vm, _)| vm.clone()).collect();
        for vm in over {
            self.lost.remove(&vm);
            put(topology, &vm, None, events);
        }
    }
}

/// All that is known, derived anew.
pub(super) fn derive(sources: Sources<'_>) -> Topology {
    let Sources { config, scaler, senses, servers, posted } = sources;
    let mut topology = Topology::default();
    topology.collectors.insert(super::eye::collector());
    for host in senses.hosts.keys() {
        topology.hosts.insert(host.clone(), Host::default());
    }
    for (host, switch) in config.raw.providers.iter().flat_map(RawProvider::hosts) {
        topology.switches.extend(switch.clone());
        let known = topology.hosts.entry(host).or_default();
        known.switch = switch.or(known.switch.take());
    }
    for (id, project) in &config.projects {
        topology.projects.insert(id.clone(), Project { owners: project.owners.clone() });
    }
    for (id, module) in &config.modules {
        let module = Module { project: module.project.clone(), uses: module.uses.clone() };
        topology.modules.insert(id.clone(), module);
    }
    for (id, source) in &config.data_sources {
        let (kind, vm) = (source.raw.kind().to_owned(), source.raw.server().vm.clone());
        topology.data_sources.insert(id.clone(), DataSource { kind, vm });
    }
    topology.vms.extend(present(scaler).map(|vm| (vm.id.clone(), place(vm))));
    for other in servers.values() {
        add_rest(&mut topology, other);
        add_vms(&mut topology, other.vms.iter().map(|(id, vm)| (id.clone(), vm.clone())));
    }
    add_rest(&mut topology, posted.rest());
    add_vms(&mut topology, posted.vms());
    topology
}

/// Adds the VMs that another source knows of; what is known already is known better.
fn add_vms(topology: &mut Topology, others: impl Iterator<Item = (VmId, VmPlace)>) {
    for (id, vm) in others {
        if !topology.vms.contains_key(&id) {
            topology.vms.insert(id, vm);
        }
    }
}

/// Likewise all but the VMs.
fn add_rest(topology: &mut Topology, other: &Topology) {
    topology.switches.extend(other.switches.iter().cloned());
    for (id, host) in &other.hosts {
        topology.hosts.entry(id.clone()).or_insert_with(|| host.clone());
    }
    for (id, module) in &other.modules {
        topology.modules.entry(id.clone()).or_insert_with(|| module.clone());
    }
    for (id, project) in &other.projects {
        topology.projects.entry(id.clone()).or_insert_with(|| project.clone());
    }
    for (id, source) in &other.data_sources {
        topology.data_sources.entry(id.clone()).or_insert_with(|| source.clone());
    }
}

/// Those of the scaler's VMs that there are.
fn present(scaler: &State) -> impl Iterator<Item = &Vm> {
    scaler.vms.values().filter(|vm| exists(vm))
}

fn exists(vm: &Vm) -> bool {
    !matches!(vm.state, VmState::Wanted | VmState::Creating | VmState::Gone)
}

/// A VM belongs to its module from the moment it serves: what is still on its way there was not
/// lost by anybody.
fn place(vm: &Vm) -> VmPlace {
    let serves = vm.state >= VmState::Serving;
    VmPlace {
        host: vm.host.clone(),
        module: vm.module.clone().filter(|_| serves),
        created: vm.created,
        leaving: matches!(vm.state, VmState::Draining | VmState::Stopped),
    }
}

/// Whether it waits in a pool.
fn is_waiting(place: &VmPlace) -> bool {
    place.module.is_none() && !place.leaving
}

fn put(topology: &mut Topology, vm: &VmId, after: Option<VmPlace>, events: &mut Vec<Event>) {
    events.extend(change(vm, topology.vms.get(vm), after.as_ref()));
    match after {
        Some(place) => drop(topology.vms.insert(vm.clone(), place)),
        None => drop(topology.vms.remove(vm)),
    }
}

/// What happened to a VM, in the alerter's words.
fn change(vm: &VmId, before: Option<&VmPlace>, after: Option<&VmPlace>) -> Vec<Event> {
    let vm = vm.clone();
    match (before, after) {
        (Some(_), None) => vec![Event::VmGone { vm }],
        (Some(before), Some(after)) => {
            let leaves = after.leaving && !before.leaving;
            let leaving = leaves.then(|| Event::VmLeaving { vm: vm.clone() });
            let moved = match (&before.host, &after.host) {
                (Some(from), Some(to)) if from != to => {
                    Some(Event::VmMoved { vm, from: from.clone(), to: to.clone() })
                }
                _ => None,
            };
            leaving.into_iter().chain(moved).collect()
        }
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// What was said of the fleet, as if it had been read off labels.
    impl Labelled for Topology {
        fn rest(&self) -> &Topology {
            self
        }
        fn vm(&self, vm: &VmId) -> Option<VmPlace> {
            self.vms.get(vm).cloned()
        }
        fn vms(&self) -> Box<dyn Iterator<Item = (VmId, VmPlace)> + '_> {
            Box::new(self.vms.iter().map(|(id, place)| (id.clone(), place.clone())))
        }
    }

    static CONFIG: LazyLock<Config> = LazyLock::new(|| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        crate::config::load(&path.join("../examples/shop/cloudbrain.yaml")).config.unwrap()
    });

    /// What happens to one VM of five: by the scaler's word, a server's, or an alert's.
    #[derive(Clone, Debug)]
    enum Happening {
        Ours(Option<VmState>, Option<u8>),
        Server(Option<u8>),
        Alert(Option<u8>),
        StartOver,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        let state = prop_oneof![
            Just(VmState::Creating),
            Just(VmState::Pool),
            Just(VmState::Serving),
            Just(VmState::Draining),
        ];
        let host = || prop::option::of(0..3_u8);
        prop_oneof![
            (prop::option::of(state), host())
                .prop_map(|(state, host)| Happening::Ours(state, host)),
            host().prop_map(Happening::Server),
            host().prop_map(Happening::Alert),
            Just(Happening::StartOver),
        ]
    }

    fn on(host: u8) -> VmPlace {
        let host = Some(HostId::parse(&format!("h{host}")).unwrap());
        VmPlace { host, module: None, created: Time::default(), leaving: false }
    }

    fn vm(id: &VmId, state: VmState, host: Option<u8>) -> Vm {
        Vm {
            id: id.clone(),
            flavor: "small".parse().unwrap(),
            state,
            since: Time::default(),
            created: Time::default(),
            host: host.and_then(|host| on(host).host),
            addresses: None,
            module: Some("shop/web".parse().unwrap()),
            assignment: 0,
            route_generation: 0,
            why: String::new(),
        }
    }

    proptest! {
        /// Lost VMs are let go of at once here, so that nothing is left but what is known.
        #[test]
        fn what_is_kept_is_what_would_be_derived(
            happenings in prop::collection::vec((0..5_u8, happening()), 0..40),
        ) {
            let config = &*CONFIG;
            let (mut scaler, senses) = (State::default(), Senses::default());
            let mut servers = BTreeMap::from([("zabbix".to_owned(), Topology::default())]);
            let mut posted = Topology::default();
            let (mut surveyor, mut topology) = (Surveyor::default(), Topology::default());
            surveyor.start_over();
            for (number, happening) in happenings {
                let id = VmId::parse(&format!("v{number}")).unwrap();
                let mut new = Topology::default();
                match happening {
                    Happening::Ours(None, _) => drop(scaler.vms.remove(&id)),
                    Happening::Ours(Some(state), host) => {
                        scaler.vms.insert(id.clone(), vm(&id, state, host));
                    }
                    Happening::Server(host) => {
                        let vms = &mut servers.get_mut("zabbix").unwrap().vms;
                        match host {
                            Some(host) => drop(vms.insert(id, on(host))),
                            None => drop(vms.remove(&id)),
                        }
                        surveyor.start_over();
                    }
                    Happening::Alert(Some(host)) => {
                        posted.vms.insert(id.clone(), on(host));
                        new.vms.insert(id, on(host));
                    }
                    Happening::Alert(None) => {
                        posted.vms.remove(&id);
                        surveyor.start_over();
                    }
                    Happening::StartOver => surveyor.start_over(),
                }
                let (scaler, senses) = (&scaler, &senses);
                let sources = Sources { config, scaler, senses, servers: &servers, posted: &posted };
                if new != Topology::default() {
                    surveyor.learn(&mut topology, sources, &new);
                }
                let before = topology.clone();
                let events = surveyor.follow(&mut topology, sources, Time::default(), Time::default());
                prop_assert_eq!(&topology, &derive(sources));
                let gone = before.vms.keys().filter(|vm| !topology.vms.contains_key(*vm));
                let told = events.iter().filter(|event| matches!(event, Event::VmGone { .. }));
                prop_assert_eq!(told.count(), gone.count());
            }
        }
    }
}
