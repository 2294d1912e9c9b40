//! Whom the collector asks, derived from what exists.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use collector::check::CheckTarget;
use collector::datasource::{DataSourceTarget, Password};
use collector::findings::{Confirm, Subject};
use collector::poller::{AgentTarget, ProbeAddress, ProbeSpec, ReadyCheck, ReadySpec, Targets};
use collector::prometheus::discovery::Endpoint;
use collector::prometheus::http::{HttpUrl, TlsRoots};
use collector::prometheus::scrape::ScrapeTarget;
use collector::watch::{self, Source, WatchSpec};
use model::id::{CheckId, DataSourceId, ModuleId, Object};
use model::series::Labels;
use model::signal::Severity;
use model::verdict::ProbeTarget;
use model::vm::{Vm, VmState};

use crate::config::checks::Check;
use crate::config::{Config, DataSource, Module, Monitor, Scrape};

use super::core::{Discovered, MISSES};
use super::discover;
use super::senses::Senses;

/// What is not told in a file: two failures are news, and one good answer ends it.
const CONFIRM: Confirm = Confirm { down: MISSES, up: 1 };

/// Derives the targets anew. The domain of a module is probed from the moment its file is there.
pub(super) fn derive(
    config: &Config,
    scaler: &scaler::state::State,
    senses: &Senses,
    discovered: &Discovered,
    active: &BTreeMap<Object, bool>,
) -> Arc<Targets> {
    let canaries = config.raw.collector.canaries.clone();
    let mut targets = Targets { canaries, ..Targets::default() };
    for agent in &config.raw.collector.agents {
        let target = AgentTarget::new(agent.object.clone(), agent.address);
        targets.agents.push(target);
    }
    for host in senses.hosts.values() {
        if let Some(address) = host.agent {
            targets.agents.push(AgentTarget::new(Object::Host(host.id.clone()), address));
        }
    }
    for (id, module) in &config.modules {
        targets.probes.extend(domain_probe(config, id, module));
    }
    for vm in scaler.vms.values() {
        add_vm(config, vm, &mut targets);
    }
    // Who comes by itself is not asked, unless it has fallen silent.
    targets.agents.retain(|agent| active.get(&agent.object) != Some(&false));
    targets
        .watches
        .extend(config.data_sources.iter().map(|(id, source)| Arc::new(data_source(id, source))));
    targets.watches.extend(config.checks.iter().map(|check| Arc::new(custom(config, check))));
    targets.watches.extend(discovered.watches.iter().cloned());
    Arc::new(targets)
}

/// All exporters that there are. There may be thousands, so they are derived when the lists change
/// and not each turn.
pub(super) fn exporters(config: &Config, discovered: &Discovered) -> Vec<Arc<WatchSpec>> {
    let scrapes = config.scrapes.iter();
    scrapes.flat_map(|scrape| scrapes_of(scrape, discovered)).map(Arc::new).collect()
}

/// The exporters of one scrape, whichever list names them; of two lists the first counts.
fn scrapes_of(scrape: &Scrape, discovered: &Discovered) -> Vec<WatchSpec> {
    let Some(roots) = &discovered.roots else { return Vec::new() };
    let lists = discovered.lists.iter().filter(|(list, _)| list.scrape() == scrape.raw.name);
    let mut watches: BTreeMap<String, WatchSpec> = BTreeMap::new();
    for endpoint in lists.flat_map(|(_, endpoints)| endpoints) {
        let name = format!("scrape/{}/{}", scrape.raw.name, endpoint.url);
        if let Some(watch) = exporter(&name, scrape, endpoint, roots) {
            watches.entry(name).or_insert(watch);
        }
    }
    watches.into_values().collect()
}

fn exporter(
    name: &str,
    scrape: &Scrape,
    endpoint: &Endpoint,
    roots: &TlsRoots,
) -> Option<WatchSpec> {
    let raw = &scrape.raw;
    // The lists were checked when they were read; a header that cannot be sent, with the files.
    let mut target =
        ScrapeTarget::new(HttpUrl::parse(&endpoint.url).ok()?, endpoint.labels.clone());
    target.interval = raw.interval.0;
    target.timeout = raw.timeout.0;
    target.limits.series = raw.max_series;
    target.honor_timestamps = raw.honor_timestamps;
    target.access = discover::access(scrape);
    let source = watch::Scrape::new(target, roots.clone()).ok()?;
    Some(WatchSpec {
        name: name.to_owned(),
        subject: subject_of(&endpoint.labels),
        destination: endpoint.url.clone(),
        every: raw.interval.0,
        timeout: raw.timeout.0,
        source: Source::Scrape(Box::new(source)),
    })
}

/// An exporter that says of which VM or host it speaks goes bad with it.
fn subject_of(labels: &Labels) -> Option<Subject> {
    let object = ["vm", "host"].into_iter().find_map(|kind| {
        let name = Some(labels.get(kind)).filter(|name| !name.is_empty())?;
        format!("{kind}/{name}").parse().ok()
    })?;
    let check = CheckId::parse("exporter.up").expect("it is a name");
    Some(Subject { object, check, severity: Severity::Warning, confirm: CONFIRM })
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
        tls: source.tls.clone(),
        common: Labels::of(common),
    };
    WatchSpec {
        name: format!("datasource/{id}"),
        subject: Some(Subject {
            object: Object::DataSource(id.clone()),
            check: CheckId::parse("ds.up").expect("it is a name"),
            severity: Severity::Disaster,
            confirm: CONFIRM,
        }),
        destination: server.address.clone(),
        every: server.interval.0,
        timeout: server.timeout.0,
        source: Source::DataSource(target),
    }
}

/// A check of the user's own is a check of its module; without one, of its business.
fn custom(config: &Config, check: &Check) -> WatchSpec {
    let Check { project, module, spec } = check;
    let common = spec.common();
    let mut labels = vec![("project", project.to_string())];
    labels.extend(module.iter().map(|module| ("module", module.to_string())));
    let object = module.clone().map_or_else(|| Object::Project(project.clone()), Object::Module);
    let id = CheckId::parse(&format!("check.{}", common.name));
    WatchSpec {
        name: format!("check/{project}/{}", common.name),
        subject: Some(Subject {
            object,
            check: id.unwrap_or_else(|_| common.name.clone()), // It was near the limit.
            severity: common.severity,
            confirm: Confirm { down: common.confirm_down, up: common.confirm_up },
        }),
        destination: spec.destination(),
        every: common.interval.0,
        timeout: common.timeout.0,
        source: Source::Check(Box::new(CheckTarget {
            spec: spec.clone(),
            common: Labels::of(labels),
            pins: config.raw.collector.resolve.clone(),
        })),
    }
}

fn domain_probe(config: &Config, id: &ModuleId, module: &Module) -> Option<ProbeSpec> {
    let Monitor { domain, path, surprises: _ } = module.monitor.as_ref().ok()?;
    let domain = domain.as_ref()?;
    Some(ProbeSpec {
        target: ProbeTarget::Domain { module: id.clone(), domain: domain.clone() },
        address: address_of(domain, &config.raw.collector.resolve),
        host_header: domain.clone(),
        path: path.clone(),
    })
}

/// Where a domain is probed: where the files or a command line have it, else where it leads.
pub fn address_of(domain: &str, pins: &BTreeMap<String, SocketAddr>) -> ProbeAddress {
    match pins.get(domain) {
        Some(address) => ProbeAddress::Socket(*address),
        None => {
            ProbeAddress::Resolve { host: host_of(domain), port: port_of(domain), family: None }
        }
    }
}

fn host_of(domain: &str) -> String {
    let host = domain.rsplit_once(':').map_or(domain, |(host, _)| host);
    host.trim_matches(['[', ']']).to_owned()
}

fn port_of(domain: &str) -> u16 {
    domain.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80)
}

fn add_vm(config: &Config, vm: &Vm, targets: &mut Targets) {
    let Some(addresses) = vm.addresses else { return };
    if is_asked(vm.state) {
        let object = Object::Vm(vm.id.clone());
        let is_awaited = vm.state == VmState::Booting;
        targets.agents.push(AgentTarget { object, address: addresses.agent, is_awaited });
    }
    let Some(module_id) = &vm.module else { return };
    if let Some(policy) = config.scaler.policies.get(module_id) {
        let ready = &policy.ready;
        if matches!(vm.state, VmState::Deploying | VmState::Serving | VmState::Isolated) {
            let (port, path) = ready.door();
            let check = match (&ready.exec, path) {
                (Some(program), _) => ReadyCheck::Exec { program: program.clone() },
                (None, Some(path)) => {
                    ReadyCheck::Http { path: path.to_owned(), expect_status: ready.expect }
                }
                (None, None) => ReadyCheck::Tcp,
            };
            let mut address = addresses.app;
            address.set_port(port.unwrap_or(address.port()));
            targets.ready.push(ReadySpec {
                vm: vm.id.clone(),
                assignment: vm.assignment,
                address,
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
            host_header: monitor.domain.clone().unwrap_or_else(|| addresses.app.to_string()),
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
