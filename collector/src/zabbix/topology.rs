//! What each host of a Zabbix server is, by the user's mapping.
//!
//! Each becomes a VM, a host (hypervisor), a switch or a data source, or is listed with the
//! reason why it is none: a host that were dropped silently would be an alarm that never comes.
//! Names that are no valid ids are reasons, too; they are not bent into shape, since the same
//! thing would then have two names.
//!
//! Pure: [`classify`] reads rows, [`Directory`] answers questions about all that is there.

use std::collections::BTreeMap;

use model::id::{DataSourceId, HostId, IdError, ModuleId, Object, ProjectId, SwitchId, VmId};
use model::series::Labels;
use model::topology::{DataSource, Host, Module, Topology, VmPlace};
use serde::{Deserialize, Serialize};

use super::brake::Brake;
use super::host::ZabbixHost;
use super::ids::HostKey;
use super::mapping::{Field, Kind, Mapping, Place, Source};
use crate::text::clean;

/// The longest name that is repeated, in characters.
const MAX_NAME_CHARS: usize = 128;

/// One host of the Zabbix server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The technical name, cleaned.
    pub host: String,
    pub is_monitored: bool,
    pub in_maintenance: bool,
    /// What Zabbix says of its own way to the agent.
    pub interface_error: Option<String>,
    /// Other names that it goes by.
    pub aliases: Vec<String>,
    pub what: What,
}

/// What a host of a Zabbix server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Vm {
        id: VmId,
        /// None while it waits in a pool, or while nobody says whose it is.
        module: Option<ModuleId>,
        project: Option<ProjectId>,
        /// As the source wrote it; see [`Directory`].
        host: Option<HostId>,
    },
    Host {
        id: HostId,
        switch: Option<SwitchId>,
    },
    Switch {
        id: SwitchId,
    },
    DataSource {
        id: DataSourceId,
        kind: String,
        vm: Option<VmId>,
    },
    /// The mapping says that it is not ours.
    Ignored,
    /// Nobody says what it is, or what is said is no id.
    Unknown {
        reason: String,
    },
}

/// All hosts that are there, by what they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    places: BTreeMap<HostKey, Entry>,
    topology: Topology,
    /// Hosts of which another one, with a lower number, is the same object already.
    pub doubles: Vec<(HostKey, Object)>,
}

/// Says what a host is.
pub fn classify(mapping: &Mapping, host: &ZabbixHost) -> Entry {
    let what = what(mapping, host).unwrap_or_else(|reason| What::Unknown { reason });
    let names = [host.host.as_str(), host.name.as_str()];
    let short = names.iter().filter_map(|name| name.split_once('.')).map(|(short, _)| short);
    let mut aliases: Vec<String> =
        names.into_iter().chain(short).map(|name| clean(name, MAX_NAME_CHARS)).collect();
    aliases.sort();
    aliases.dedup();
    Entry {
        host: clean(&host.host, MAX_NAME_CHARS),
        is_monitored: host.is_monitored,
        in_maintenance: host.in_maintenance,
        interface_error: host.interface_error.clone(),
        aliases,
        what,
    }
}

impl What {
    /// The object that it is, if it is one.
    pub fn object(&self) -> Option<Object> {
        match self {
            Self::Vm { id, .. } => Some(Object::Vm(id.clone())),
            Self::Host { id, .. } => Some(Object::Host(id.clone())),
            Self::Switch { id } => Some(Object::Switch(id.clone())),
            Self::DataSource { id, .. } => Some(Object::DataSource(id.clone())),
            Self::Ignored | Self::Unknown { .. } => None,
        }
    }
}

impl Directory {
    /// The topology of what is there. A VM's host is found by any of the names that Zabbix has
    /// for it, if only one host bears that name.
    pub fn of(brake: &Brake<Entry>) -> Self {
        let places: BTreeMap<_, _> =
            brake.live().map(|(id, known)| (id, known.what.clone())).collect();
        let hosts = host_names(places.values());
        let mut directory = Self { places, ..Self::default() };
        let mut first: BTreeMap<Object, HostKey> = BTreeMap::new();
        for (id, known) in brake.live() {
            let Some(object) = known.what.what.object() else { continue };
            if first.contains_key(&object) {
                directory.doubles.push((id, object));
                continue;
            }
            first.insert(object, id);
            let mut what = known.what.what.clone();
            if let What::Vm { host: Some(host), .. } = &mut what
                && let Some(found) = hosts.get(host.as_str()).cloned().flatten()
            {
                *host = found;
            }
            add(&mut directory.topology, &what, known.first_seen);
        }
        directory
    }

    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    pub fn entries(&self) -> impl Iterator<Item = (HostKey, &Entry)> {
        self.places.iter().map(|(id, entry)| (*id, entry))
    }

    pub fn entry(&self, host: HostKey) -> Option<&Entry> {
        self.places.get(&host)
    }

    pub fn object(&self, host: HostKey) -> Option<Object> {
        self.places.get(&host)?.what.object()
    }

    /// Hosts of which nobody says what they are, and why.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.places.values().filter_map(|entry| {
            let What::Unknown { reason } = &entry.what else { return None };
            Some((entry.host.as_str(), reason.as_str()))
        })
    }

    /// The labels that the series of an object bear: its own name, and what it stands in.
    pub fn labels(&self, object: &Object) -> Labels {
        let mut pairs = vec![(object.kind(), object.name().to_owned())];
        if let Object::Vm(vm) = object {
            if let Some(place) = self.topology.vms.get(vm) {
                pairs.extend(place.host.iter().map(|host| ("host", host.to_string())));
                pairs.extend(place.module.iter().map(|module| ("module", module.to_string())));
            }
            pairs.extend(self.topology.project_of(vm).map(|id| ("project", id.to_string())));
        }
        if let Object::Host(host) = object {
            let switch = self.topology.hosts.get(host).and_then(|host| host.switch.as_ref());
            pairs.extend(switch.map(|switch| ("switch", switch.to_string())));
        }
        Labels::of(pairs)
    }
}

/// Each name that a host goes by; None for one that several have.
fn host_names<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeMap<String, Option<HostId>> {
    let mut names: BTreeMap<String, Option<HostId>> = BTreeMap::new();
    for entry in entries {
        let What::Host { id, .. } = &entry.what else { continue };
        let own = std::iter::once(id.as_str());
        for name in own.chain(entry.aliases.iter().map(String::as_str)) {
            let known = names.entry(name.to_owned()).or_insert_with(|| Some(id.clone()));
            if known.as_ref() != Some(id) {
                *known = None;
            }
        }
    }
    names
}

fn add(topology: &mut Topology, what: &What, created: model::time::Time) {
    match what {
        What::Vm { id, module, project, host } => {
            if let (Some(module), Some(project)) = (module, project) {
                topology.projects.entry(project.clone()).or_default();
                let fresh = || Module { project: project.clone(), uses: Default::default() };
                topology.modules.entry(module.clone()).or_insert_with(fresh);
            }
            let (host, module) = (host.clone(), module.clone());
            topology.hosts.extend(
                host.iter()
                    .filter(|host| !topology.hosts.contains_key(host))
                    .map(|host| (host.clone(), Host::default()))
                    .collect::<Vec<_>>(),
            );
            topology.vms.insert(id.clone(), VmPlace { host, module, created, leaving: false });
        }
        What::Host { id, switch } => {
            topology.switches.extend(switch.clone());
            topology.hosts.insert(id.clone(), Host { switch: switch.clone() });
        }
        What::Switch { id } => {
            topology.switches.insert(id.clone());
        }
        What::DataSource { id, kind, vm } => {
            let source = DataSource { kind: kind.clone(), vm: vm.clone() };
            topology.data_sources.insert(id.clone(), source);
        }
        What::Ignored | What::Unknown { .. } => (),
    }
}

fn what(mapping: &Mapping, host: &ZabbixHost) -> Result<What, String> {
    let kind = mapping.kinds.iter().find(|(condition, _)| fits(condition, host));
    let Some((_, kind)) = kind else {
        let groups = clean(&host.groups.join(", "), MAX_NAME_CHARS);
        return Err(format!("no rule of kinds fits it; its groups are {groups:?}"));
    };
    Ok(match kind {
        Kind::Vm => vm(mapping, host)?,
        Kind::Host => What::Host {
            id: required(&mapping.host_id, host, HostId::parse)?,
            switch: optional(&mapping.host_switch, host, SwitchId::parse)?,
        },
        Kind::Switch => What::Switch { id: required(&mapping.switch_id, host, SwitchId::parse)? },
        Kind::DataSource => What::DataSource {
            id: required(&mapping.data_source_id, host, DataSourceId::parse)?,
            kind: clean(&find(&mapping.data_source_kind, host).unwrap_or_default(), 32),
            vm: optional(&mapping.data_source_vm, host, VmId::parse)?,
        },
        Kind::Ignore => What::Ignored,
    })
}

fn vm(mapping: &Mapping, host: &ZabbixHost) -> Result<What, String> {
    let project = optional(&mapping.vm_project, host, ProjectId::parse)?;
    let module = find(&mapping.vm_module, host);
    let module = match (&project, &module) {
        (Some(project), Some(module)) => {
            // A tag may hold the module's whole name.
            let own = module.strip_prefix(&format!("{project}/")).unwrap_or(module);
            Some(ModuleId::of(project, own).map_err(|error| error.to_string())?)
        }
        (None, Some(_)) => return Err("it has a module and no project".to_owned()),
        (_, None) => None,
    };
    Ok(What::Vm {
        id: required(&mapping.vm_id, host, VmId::parse)?,
        module,
        project,
        host: optional(&mapping.vm_host, host, HostId::parse)?,
    })
}

fn required<T>(
    field: &Field,
    host: &ZabbixHost,
    parse: fn(&str) -> Result<T, IdError>,
) -> Result<T, String> {
    optional(field, host, parse)?
        .ok_or_else(|| format!("none of the sources of {} says one", field.name))
}

fn optional<T>(
    field: &Field,
    host: &ZabbixHost,
    parse: fn(&str) -> Result<T, IdError>,
) -> Result<Option<T>, String> {
    let found = find(field, host);
    let parsed = found.map(|text| parse(&clean(&text, 2 * MAX_NAME_CHARS))).transpose();
    parsed.map_err(|error| format!("{}: {error}", field.name))
}

/// The first source that says something.
fn find(field: &Field, host: &ZabbixHost) -> Option<String> {
    let mut said = field.sources.iter().filter_map(|source| {
        let mut texts = texts(source, host).into_iter();
        match &source.pattern {
            Some(pattern) => texts.find_map(|text| pattern.fill(field.name, text)),
            None => texts.next(),
        }
    });
    said.find(|text| !text.trim().is_empty()).map(|text| text.trim().to_owned())
}

fn fits(condition: &Source, host: &ZabbixHost) -> bool {
    texts(condition, host).into_iter().any(|text| match &condition.pattern {
        Some(pattern) => pattern.fits(text),
        None => true,
    })
}

/// What stands at a place; several texts where a name may come several times.
fn texts<'a>(source: &'a Source, host: &'a ZabbixHost) -> Vec<&'a str> {
    let one = |found: Option<&'a String>| found.map(String::as_str).into_iter().collect();
    match &source.from {
        Place::Item(key) => one(host.items.get(key)),
        Place::Inventory(name) => one(host.inventory.get(name)),
        Place::Tag(name) => {
            let tags = host.tags.iter().filter(|tag| tag.tag == *name);
            tags.map(|tag| tag.value.as_str()).collect()
        }
        Place::Macro(name) => one(host.macros.get(name)),
        Place::Group => host.groups.iter().map(String::as_str).collect(),
        Place::Host => vec![&host.host],
        Place::Name => vec![&host.name],
        Place::Value(value) => vec![value],
    }
}

#[cfg(test)]
#[path = "topology_tests.rs"]
mod tests;
