//! Whom the collector asks, derived from what exists.

use std::sync::Arc;

use collector::datasource::{DataSourceTarget, Password};
use collector::findings::Subject;
use collector::poller::{AgentTarget, ProbeAddress, ProbeSpec, ReadyCheck, ReadySpec, Targets};
use collector::watch::{Source, WatchSpec};
use model::id::{CheckId, DataSourceId, ModuleId, Object};
use model::series::Labels;
use model::signal::Severity;
use model::verdict::ProbeTarget;
use model::vm::{Vm, VmState};

use crate::config::{Config, DataSource, Module, Monitor};

use super::senses::Senses;

/// Derives the targets anew. The domain of a module is probed from the moment its file is there.
pub(super) fn derive(
    config: &Config,
    scaler: &scaler::state::State,
    senses: &Senses,
) -> Arc<Targets> {
    let canaries = config.raw.collector.canaries.clone();
    let mut targets = Targets { canaries, ..Targets::default() };
    for agent in &config.raw.collector.agents {
        let target = AgentTarget { object: agent.object.clone(), address: agent.address };
        targets.agents.push(target);
    }
    for host in senses.hosts.values() {
        if let Some(address) = host.agent {
            targets.agents.push(AgentTarget { object: Object::Host(host.id.clone()), address });
        }
    }
    for (id, module) in &config.modules {
        targets.probes.extend(domain_probe(config, id, module));
    }
    for vm in scaler.vms.values() {
        add_vm(config, vm, &mut targets);
    }
    targets.watches.extend(config.data_sources.iter().map(|(id, source)| data_source(id, source)));
    Arc::new(targets)
}

/// A data source is watched without being asked for.
fn data_source(id: &DataSourceId, source: &DataSource) -> WatchSpec {
    let server = source.raw.server();
    let password = source.password.as_ref().map(|password| Password::new(password.reveal()));
    let mut common = vec![("project", source.project.to_string())];
    common.extend(server.vm.iter().map(|vm| ("vm", vm.to_string())));
    let target = DataSourceTarget {
        id: id.clone(),
        kind: source.raw.kind().parse().expect("the files know the kinds that are looked at"),
        address: server.address.clone(),
        user: server.user.clone(),
        password,
        database: server.database.clone(),
        common: Labels::of(common),
    };
    WatchSpec {
        name: format!("datasource/{id}"),
        subject: Some(Subject {
            object: Object::DataSource(id.clone()),
            check: CheckId::parse("ds.up").expect("it is a name"),
            severity: Severity::Disaster,
        }),
        destination: server.address.clone(),
        every: server.interval.0,
        timeout: server.timeout.0,
        source: Source::DataSource(target),
    }
}

fn domain_probe(config: &Config, id: &ModuleId, module: &Module) -> Option<ProbeSpec> {
    let Monitor { domain, path } = module.monitor.as_ref().ok()?;
    let pinned = config.raw.collector.resolve.get(domain);
    let address = match pinned {
        Some(address) => ProbeAddress::Socket(*address),
        None => ProbeAddress::Resolve { host: host_of(domain), port: port_of(domain) },
    };
    Some(ProbeSpec {
        target: ProbeTarget::Domain { module: id.clone(), domain: domain.clone() },
        address,
        host_header: domain.clone(),
        path: path.clone(),
    })
}

fn host_of(domain: &str) -> String {
    domain.rsplit_once(':').map_or(domain, |(host, _)| host).to_owned()
}

fn port_of(domain: &str) -> u16 {
    domain.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80)
}

fn add_vm(config: &Config, vm: &Vm, targets: &mut Targets) {
    let Some(addresses) = vm.addresses else { return };
    if is_asked(vm.state) {
        let object = Object::Vm(vm.id.clone());
        targets.agents.push(AgentTarget { object, address: addresses.agent });
    }
    let Some(module_id) = &vm.module else { return };
    if let Some(policy) = config.scaler.policies.get(module_id) {
        let ready = &policy.ready;
        if matches!(vm.state, VmState::Deploying | VmState::Serving | VmState::Isolated) {
            let check = match &ready.http {
                Some(path) => ReadyCheck::Http { path: path.clone(), expect_status: ready.expect },
                None => ReadyCheck::Tcp,
            };
            targets.ready.push(ReadySpec {
                vm: vm.id.clone(),
                assignment: vm.assignment,
                address: addresses.app,
                check,
                every: ready.every.0,
                timeout: ready.timeout.0,
            });
        }
    }
    let monitor = config.modules.get(module_id).and_then(|module| module.monitor.as_ref().ok());
    if let (VmState::Serving, Some(monitor)) = (vm.state, monitor) {
        targets.probes.push(ProbeSpec {
            target: ProbeTarget::Vm { module: module_id.clone(), vm: vm.id.clone() },
            address: ProbeAddress::Socket(addresses.app),
            host_header: monitor.domain.clone(),
            path: monitor.path.clone(),
        });
    }
}

/// From its first boot until it is given up.
fn is_asked(state: VmState) -> bool {
    !matches!(
        state,
        VmState::Wanted
            | VmState::Creating
            | VmState::Destroying
            | VmState::Gone
            | VmState::Quarantine
    )
}
