//! A host as the API tells it: lean rows, read loosely.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dialect::{Version, Word};
use super::ids::HostKey;
use super::loose;
use super::mapping::Mapping;

/// What a mapping is applied to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZabbixHost {
    /// The technical name, which agents use.
    pub host: String,
    /// The name that people see.
    pub name: String,
    pub is_monitored: bool,
    pub in_maintenance: bool,
    /// What Zabbix says of its own way to the agent.
    pub interface_error: Option<String>,
    pub groups: Vec<String>,
    /// Its own first, then those of its templates; a name may come several times.
    pub tags: Vec<Tag>,
    pub macros: BTreeMap<String, String>,
    pub inventory: BTreeMap<String, String>,
    /// The newest values of the items that the mapping names, by key.
    pub items: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    #[serde(deserialize_with = "loose::text")]
    pub tag: String,
    #[serde(default, deserialize_with = "loose::text")]
    pub value: String,
}

/// One row of `host.get`.
#[derive(Debug, Deserialize)]
pub(crate) struct HostRow {
    pub(super) hostid: HostKey,
    #[serde(deserialize_with = "loose::text")]
    host: String,
    #[serde(default, deserialize_with = "loose::text")]
    name: String,
    #[serde(default, deserialize_with = "loose::integer")]
    status: i64,
    #[serde(default, deserialize_with = "loose::flag")]
    maintenance_status: bool,
    #[serde(default, alias = "hostgroups")]
    groups: Vec<Group>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default, rename = "inheritedTags")]
    inherited_tags: Vec<Tag>,
    #[serde(default)]
    macros: Vec<Macro>,
    #[serde(default, deserialize_with = "loose::map")]
    inventory: BTreeMap<String, String>,
    #[serde(default)]
    interfaces: Vec<Interface>,
}

#[derive(Debug, Deserialize)]
struct Group {
    #[serde(deserialize_with = "loose::text")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Macro {
    #[serde(rename = "macro", deserialize_with = "loose::text")]
    name: String,
    /// A secret one has none.
    #[serde(default, deserialize_with = "loose::text")]
    value: String,
}

#[derive(Debug, Deserialize)]
struct Interface {
    /// 0 unknown, 1 reachable, 2 not reachable; before 5.4 the host had it.
    #[serde(default, deserialize_with = "loose::integer")]
    available: i64,
    #[serde(default, deserialize_with = "loose::text")]
    error: String,
}

/// One row of `item.get`, for the values that a mapping needs.
#[derive(Debug, Deserialize)]
pub(super) struct ValueRow {
    pub(super) hostid: HostKey,
    #[serde(deserialize_with = "loose::text")]
    pub(super) key_: String,
    #[serde(default, deserialize_with = "loose::text")]
    pub(super) lastvalue: String,
}

/// What to ask `host.get` about these hosts.
pub(super) fn host_params(ids: &[HostKey], mapping: &Mapping, version: Version) -> Value {
    let mut params = json!({
        "output": ["hostid", "host", "name", "status", "maintenance_status"],
        "hostids": ids,
        "selectTags": ["tag", "value"],
        "selectMacros": ["macro", "value"],
        "selectInterfaces": ["available", "error"],
        "selectInventory": mapping.inventory_fields(),
    });
    // 7.0 takes no empty list, 5.4 and older have no such field of an interface.
    if mapping.inventory_fields().is_empty() {
        params["selectInventory"] = json!(["type"]);
    }
    if version < (Version { major: 5, minor: 4 }) {
        params["selectInterfaces"] = json!(["interfaceid"]);
    }
    params[version.name(Word::SelectGroups)] = json!(["name"]);
    let inherited = version.name(Word::SelectInheritedTags);
    if !inherited.is_empty() {
        params[inherited] = json!(["tag", "value"]);
    }
    params
}

/// What to ask `item.get` for the values that the mapping needs.
pub(super) fn value_params(ids: &[HostKey], mapping: &Mapping) -> Value {
    json!({
        "output": ["hostid", "key_", "lastvalue"],
        "hostids": ids,
        "filter": { "key_": mapping.item_keys() },
    })
}

impl From<HostRow> for ZabbixHost {
    fn from(row: HostRow) -> Self {
        let error = row.interfaces.iter().find(|interface| interface.available == 2);
        let mut tags = row.tags;
        tags.sort(); // Their order differs from call to call.
        let mut inherited_tags = row.inherited_tags;
        inherited_tags.sort();
        tags.append(&mut inherited_tags);
        let mut groups: Vec<String> = row.groups.into_iter().map(|group| group.name).collect();
        groups.sort();
        Self {
            host: row.host,
            name: row.name,
            is_monitored: row.status == 0,
            in_maintenance: row.maintenance_status,
            interface_error: error.map(|interface| crate::text::clean(&interface.error, 200)),
            groups,
            tags,
            macros: row.macros.into_iter().map(|pair| (pair.name, pair.value)).collect(),
            inventory: row.inventory,
            items: BTreeMap::new(),
        }
    }
}
