//! How the user says what the hosts of a Zabbix server are.
//!
//! What Zabbix calls a host may be a VM, a hypervisor, a switch or a database, and every company
//! notes elsewhere whose it is: in a tag, a group, the inventory, a macro, the name. So each field
//! has an ordered list of sources, and the first that says something counts. An item's value
//! stands before the inventory and that before a tag, since a VM moves and nobody rewrites tags.
//!
//! A source reads `NAME`, or `NAME=PATTERN` where only a part of the text is wanted; see
//! [`super::pattern`]. The default fits what is usual: tags `role`, `project` and `module`, or
//! groups named `project/module`.
//!
//! [`RawMapping`] is what stands in a file, [`Mapping`] what was checked.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::{Pattern, PatternError};

/// What the hosts of a Zabbix server are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RawMapping {
    /// What a Zabbix host is. The first rule that fits counts; a host that none fits is listed as
    /// unknown.
    pub kinds: Vec<RawKindRule>,
    pub vm: RawVmFields,
    pub host: RawHostFields,
    pub switch: RawSwitchFields,
    pub data_source: RawDataSourceFields,
    /// Problems that tell more than that something is amiss: the first rule that fits counts.
    pub checks: Vec<RawCheckRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKindRule {
    #[serde(rename = "if")]
    pub condition: RawSource,
    pub is: Kind,
}

/// What a Zabbix host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Vm,
    Host,
    Switch,
    DataSource,
    /// Not ours to watch; it is not listed as unknown either.
    Ignore,
}

/// Where to look for something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawSource {
    /// The newest value of the item with this key, such as the hypervisor a VM runs on.
    Item(String),
    /// A field of the inventory by its name in the API, such as `location` or `asset_tag`.
    Inventory(String),
    Tag(String),
    /// A macro of the host itself, such as `{$PROJECT}`.
    Macro(String),
    /// Any of its groups that fits this pattern, such as `{project}/{module}`.
    Group(String),
    /// The technical name, which agents use.
    Host(String),
    /// The name that people see.
    Name(String),
    /// Always this.
    Value(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawVmFields {
    pub id: Vec<RawSource>,
    pub project: Vec<RawSource>,
    pub module: Vec<RawSource>,
    /// The host (hypervisor) it runs on, by its id or by any name that Zabbix has for it.
    pub host: Vec<RawSource>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawHostFields {
    pub id: Vec<RawSource>,
    /// The switch, or the rack, it hangs on.
    pub switch: Vec<RawSource>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSwitchFields {
    pub id: Vec<RawSource>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDataSourceFields {
    pub id: Vec<RawSource>,
    /// `mysql`, `redis`, `memcached`, `postgresql`.
    pub kind: Vec<RawSource>,
    /// The VM it runs on.
    pub vm: Vec<RawSource>,
}

/// What a problem says of its object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCheckRule {
    /// A pattern for the name of the problem.
    pub problem: String,
    pub says: Says,
}

/// What a problem says of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// It is dead: `host.ping`, `vm.ping`, `switch.ping`, `ds.up`.
    Dead,
    /// Its agent is silent: `host.agent`, `vm.agent`.
    AgentSilent,
}

/// A mapping that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    pub(super) kinds: Vec<(Source, Kind)>,
    pub(super) vm_id: Field,
    pub(super) vm_project: Field,
    pub(super) vm_module: Field,
    pub(super) vm_host: Field,
    pub(super) host_id: Field,
    pub(super) host_switch: Field,
    pub(super) switch_id: Field,
    pub(super) data_source_id: Field,
    pub(super) data_source_kind: Field,
    pub(super) data_source_vm: Field,
    pub(super) checks: Vec<(Pattern, Says)>,
}

/// What is looked for, and where, in this order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) sources: Vec<Source>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub(super) from: Place,
    /// What the text must look like.
    pub(super) pattern: Option<Pattern>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Item(String),
    Inventory(String),
    Tag(String),
    Macro(String),
    Group,
    Host,
    Name,
    Value(String),
}

/// Why a mapping is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    #[error("{field}: {source}")]
    Pattern { field: &'static str, source: PatternError },
    #[error("{field}: {text:?} names nothing")]
    Empty { field: &'static str, text: String },
    #[error("{field}: the pattern {pattern:?} has no {{{hole}}}")]
    NoHole { field: &'static str, pattern: String, hole: &'static str },
    #[error(
        "kinds: an item's value cannot say what a host is; use a tag, a group or the inventory"
    )]
    ItemKind,
}

impl Mapping {
    /// The fields of the inventory that are asked for.
    pub(super) fn inventory_fields(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        for source in self.sources() {
            if let Place::Inventory(name) = &source.from {
                fields.insert(name.as_str());
            }
        }
        fields
    }

    /// The keys of the items whose values are asked for.
    pub(super) fn item_keys(&self) -> BTreeSet<&str> {
        let mut keys = BTreeSet::new();
        for source in self.sources() {
            if let Place::Item(key) = &source.from {
                keys.insert(key.as_str());
            }
        }
        keys
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        let fields = [
            &self.vm_id,
            &self.vm_project,
            &self.vm_module,
            &self.vm_host,
            &self.host_id,
            &self.host_switch,
            &self.switch_id,
            &self.data_source_id,
            &self.data_source_kind,
            &self.data_source_vm,
        ];
        let rules = self.kinds.iter().map(|(source, _)| source);
        fields.into_iter().flat_map(|field| &field.sources).chain(rules)
    }
}

impl TryFrom<&RawMapping> for Mapping {
    type Error = MappingError;

    fn try_from(raw: &RawMapping) -> Result<Self, MappingError> {
        let kinds = raw.kinds.iter().map(|rule| match source("kinds", &rule.condition)? {
            Source { from: Place::Item(_), .. } => Err(MappingError::ItemKind),
            source => Ok((source, rule.is)),
        });
        let checks = raw.checks.iter().map(|rule| {
            let pattern = Pattern::parse(&rule.problem);
            Ok((
                pattern.map_err(|source| MappingError::Pattern { field: "checks", source })?,
                rule.says,
            ))
        });
        Ok(Self {
            kinds: kinds.collect::<Result<_, _>>()?,
            vm_id: field("id", &raw.vm.id)?,
            vm_project: field("project", &raw.vm.project)?,
            vm_module: field("module", &raw.vm.module)?,
            vm_host: field("host", &raw.vm.host)?,
            host_id: field("id", &raw.host.id)?,
            host_switch: field("switch", &raw.host.switch)?,
            switch_id: field("id", &raw.switch.id)?,
            data_source_id: field("id", &raw.data_source.id)?,
            data_source_kind: field("kind", &raw.data_source.kind)?,
            data_source_vm: field("vm", &raw.data_source.vm)?,
            checks: checks.collect::<Result<_, _>>()?,
        })
    }
}

/// The sources of a field: each pattern must have a hole of the field's name.
fn field(name: &'static str, raw: &[RawSource]) -> Result<Field, MappingError> {
    let sources = raw.iter().map(|raw| {
        let source = source(name, raw)?;
        match &source.pattern {
            Some(pattern) if !pattern.has_hole(name) => {
                let pattern = format!("{pattern:?}").trim_matches('"').to_owned();
                Err(MappingError::NoHole { field: name, pattern, hole: name })
            }
            _ => Ok(source),
        }
    });
    Ok(Field { name, sources: sources.collect::<Result<_, _>>()? })
}

fn source(field: &'static str, raw: &RawSource) -> Result<Source, MappingError> {
    let pattern = |text: &str| {
        Pattern::parse(text).map(Some).map_err(|source| MappingError::Pattern { field, source })
    };
    let empty = |text: &String| MappingError::Empty { field, text: text.clone() };
    // A key may hold `=` inside its brackets, so the pattern of an item begins after them.
    let split = |text: &String| -> Result<(String, Option<Pattern>), MappingError> {
        let from = text.rfind(']').unwrap_or(0);
        let (name, rest) = match text[from..].find('=') {
            Some(at) => (&text[..from + at], Some(&text[from + at + 1..])),
            None => (text.as_str(), None),
        };
        if name.is_empty() {
            return Err(empty(text));
        }
        Ok((name.to_owned(), rest.map(pattern).transpose()?.flatten()))
    };
    let named = |from: fn(String) -> Place, text: &String| -> Result<Source, MappingError> {
        let (name, pattern) = split(text)?;
        Ok(Source { from: from(name), pattern })
    };
    match raw {
        RawSource::Item(text) => named(Place::Item, text),
        RawSource::Inventory(text) => named(Place::Inventory, text),
        RawSource::Tag(text) => named(Place::Tag, text),
        RawSource::Macro(text) => named(Place::Macro, text),
        RawSource::Group(text) => Ok(Source { from: Place::Group, pattern: pattern(text)? }),
        RawSource::Host(text) => Ok(Source { from: Place::Host, pattern: pattern(text)? }),
        RawSource::Name(text) => Ok(Source { from: Place::Name, pattern: pattern(text)? }),
        RawSource::Value(text) if text.is_empty() => Err(empty(text)),
        RawSource::Value(text) => Ok(Source { from: Place::Value(text.clone()), pattern: None }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(raw: serde_json::Value) -> Result<Mapping, String> {
        let raw: RawMapping = serde_json::from_value(raw).map_err(|error| error.to_string())?;
        Mapping::try_from(&raw).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_is_valid_and_asks_for_few_fields() {
        let mapping = check(json!({})).unwrap();
        let fields: Vec<&str> = mapping.inventory_fields().into_iter().collect();
        assert_eq!(fields, ["asset_tag", "location", "site_rack", "type"]);
        assert!(mapping.item_keys().contains("vm.hv.name"));
    }

    #[test]
    fn a_mapping_reads_as_people_write_it() {
        let mapping = check(json!({
            "kinds": [{"if": {"group": "KVM*"}, "is": "host"}, {"if": {"tag": "app"}, "is": "vm"}],
            "vm": {
                "id": [{"inventory": "serialno_a"}],
                "module": [{"item": "app.name[a=b]={module}.*"}, {"value": "web"}],
            },
            "checks": [{"problem": "*is down", "says": "dead"}],
        }))
        .unwrap();
        assert_eq!((mapping.kinds.len(), mapping.checks.len()), (2, 1));
        assert!(mapping.item_keys().contains("app.name[a=b]"));
        assert_eq!(mapping.vm_id.sources[0].from, Place::Inventory("serialno_a".to_owned()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_place() {
        let cases = [
            (json!({"vmm": {}}), "unknown field `vmm`"),
            (json!({"vm": {"id": [{"tagg": "x"}]}}), "unknown variant `tagg`"),
            (
                json!({"vm": {"id": [{"host": "*.example"}]}}),
                "id: the pattern \"*.example\" has no {id}",
            ),
            (json!({"vm": {"id": [{"tag": "=x"}]}}), "id: \"=x\" names nothing"),
            (json!({"vm": {"id": [{"value": ""}]}}), "names nothing"),
            (json!({"vm": {"id": [{"host": "{"}]}}), "write {name}"),
            (json!({"kinds": [{"if": {"item": "k"}, "is": "vm"}]}), "item's value cannot"),
            (json!({"kinds": [{"if": {"tag": "k"}, "is": "planet"}]}), "unknown variant `planet`"),
        ];
        for (raw, expected) in cases {
            let told = check(raw).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
    }
}
