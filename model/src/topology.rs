//! Who stands on what, and whose it is: switch > host > VM > module > project.
//!
//! One topology lies under the alerter, the scaler and the availability ledger, so that the
//! incident, the repair and the bill are one story.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{CollectorId, DataSourceId, HostId, ModuleId, PersonId, ProjectId, SwitchId, VmId};
use crate::places::Places;
use crate::time::Time;

/// Everything that is known to exist, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    pub switches: BTreeSet<SwitchId>,
    pub hosts: BTreeMap<HostId, Host>,
    pub vms: Places,
    pub modules: BTreeMap<ModuleId, Module>,
    pub projects: BTreeMap<ProjectId, Project>,
    pub data_sources: BTreeMap<DataSourceId, DataSource>,
    pub collectors: BTreeSet<CollectorId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub switch: Option<SwitchId>,
}

/// Where a VM runs and what it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmPlace {
    /// None while the provider has not said yet.
    pub host: Option<HostId>,
    /// None while the VM waits in a pool.
    pub module: Option<ModuleId>,
    pub created: Time,
    /// It is being taken away on purpose: what it says now is no fault.
    pub leaving: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    pub project: ProjectId,
    pub uses: BTreeSet<DataSourceId>,
}

/// A business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Who is told when it suffers; empty means operations are told instead, never nobody.
    pub owners: BTreeSet<PersonId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// `mysql`, `redis`, `memcached`, `postgresql`.
    pub kind: String,
    /// The VM it runs on, where that is known.
    pub vm: Option<VmId>,
}

impl Topology {
    /// The VMs that run on a host, whatever they serve.
    pub fn vms_on(&self, host: &HostId) -> impl ExactSizeIterator<Item = &VmId> {
        self.vms.on(host)
    }

    /// The VMs that serve a module.
    pub fn vms_of(&self, module: &ModuleId) -> impl ExactSizeIterator<Item = &VmId> {
        self.vms.of(module)
    }

    /// The business a VM works for, if it works for any.
    pub fn project_of(&self, vm: &VmId) -> Option<&ProjectId> {
        let module = self.vms.get(vm)?.module.as_ref()?;
        self.modules.get(module).map(|module| &module.project)
    }
}
