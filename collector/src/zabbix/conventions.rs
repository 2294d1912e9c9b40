//! What is usual among those who run Zabbix: the mapping that counts where the user writes none.
//!
//! Roles, projects and modules stand in tags, in macros, in `asset_tag`, or in groups that are
//! named `project/module`; the hypervisor of a VM is the value of an item, as in the templates for
//! VMware, or was written into the inventory from one.

use super::mapping::{
    Kind, RawCheckRule, RawDataSourceFields, RawHostFields, RawKindRule, RawMapping, RawSource,
    RawSwitchFields, RawVmFields, Says,
};

fn tag(text: &str) -> RawSource {
    RawSource::Tag(text.to_owned())
}

fn inventory(text: &str) -> RawSource {
    RawSource::Inventory(text.to_owned())
}

fn group(text: &str) -> RawSource {
    RawSource::Group(text.to_owned())
}

impl Default for RawMapping {
    fn default() -> Self {
        let rule = |condition, is| RawKindRule { condition, is };
        let check = |problem: &str, says| RawCheckRule { problem: problem.to_owned(), says };
        Self {
            kinds: vec![
                rule(tag("role=vm"), Kind::Vm),
                rule(tag("role=hypervisor"), Kind::Host),
                rule(tag("role=host"), Kind::Host),
                rule(tag("role=switch"), Kind::Switch),
                rule(tag("role=data*source"), Kind::DataSource),
                rule(tag("role=database"), Kind::DataSource),
                rule(inventory("type=VM"), Kind::Vm),
                rule(inventory("type=Hypervisor"), Kind::Host),
                rule(inventory("type=Switch"), Kind::Switch),
                rule(group("Virtual machines"), Kind::Vm),
                rule(group("Hypervisors"), Kind::Host),
                rule(group("Zabbix servers"), Kind::Ignore),
                rule(tag("module"), Kind::Vm),
            ],
            vm: RawVmFields::default(),
            host: RawHostFields::default(),
            switch: RawSwitchFields::default(),
            data_source: RawDataSourceFields::default(),
            checks: vec![
                check("Unavailable by ICMP ping*", Says::Dead),
                check("Hypervisor is down*", Says::Dead),
                check("*agent is not available*", Says::AgentSilent),
            ],
        }
    }
}

impl Default for RawVmFields {
    fn default() -> Self {
        let project = ["{$PROJECT}"].map(str::to_owned).map(RawSource::Macro);
        let module = ["{$MODULE}"].map(str::to_owned).map(RawSource::Macro);
        let of = |tag_name: &str, [own]: [RawSource; 1]| {
            let asset = inventory("asset_tag={project}/{module}");
            vec![tag(tag_name), own, asset, group("{project}/{module}")]
        };
        Self {
            id: vec![RawSource::Host("{id}".to_owned())],
            project: of("project", project),
            module: of("module", module),
            host: vec![
                RawSource::Item("vm.hv.name".to_owned()),
                RawSource::Item("vmware.vm.hv.name[{$VMWARE.URL},{$VMWARE.VM.UUID}]".to_owned()),
                inventory("location"),
                tag("hypervisor"),
                tag("host"),
            ],
        }
    }
}

impl Default for RawHostFields {
    fn default() -> Self {
        Self {
            id: vec![RawSource::Name("{id}".to_owned())],
            switch: vec![tag("switch"), tag("rack"), inventory("site_rack")],
        }
    }
}

impl Default for RawSwitchFields {
    fn default() -> Self {
        Self { id: vec![RawSource::Name("{id}".to_owned())] }
    }
}

impl Default for RawDataSourceFields {
    fn default() -> Self {
        Self {
            id: vec![RawSource::Name("{id}".to_owned())],
            kind: vec![tag("kind"), tag("target")],
            vm: vec![tag("vm")],
        }
    }
}
