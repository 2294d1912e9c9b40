//! Which items are read: those whose key is in the table, of hosts that are known.

use std::collections::BTreeMap;

use model::series::Labels;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ids::{HostKey, ItemId};
use super::loose;
use super::metrics::{CORES_KEY, Scale, key_names, series_of};
use crate::text::clean;

/// Unsupported items that are named; the others are counted.
pub const MAX_NAMED: usize = 50;

/// What is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    pub by_id: BTreeMap<ItemId, Item>,
    /// Zabbix itself cannot read them.
    pub unsupported: BTreeMap<ItemId, Unsupported>,
    pub cores: BTreeMap<HostKey, f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub host: HostKey,
    pub value_type: ValueType,
    pub series: Vec<(Labels, Scale)>,
}

/// The number by which `history.get` must ask: with the wrong one it answers nothing, and says so
/// in no way. Items of other types hold no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueType {
    Float = 0,
    Unsigned = 3,
}

/// An item that Zabbix cannot read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    pub host: HostKey,
    pub key: String,
    pub error: String,
}

/// One row of `item.get`.
#[derive(Debug, Deserialize)]
pub(crate) struct ItemRow {
    itemid: ItemId,
    hostid: HostKey,
    #[serde(deserialize_with = "loose::text")]
    key_: String,
    #[serde(deserialize_with = "loose::integer")]
    value_type: i64,
    #[serde(default, deserialize_with = "loose::text")]
    units: String,
    #[serde(default, deserialize_with = "loose::integer")]
    state: i64,
    #[serde(default, deserialize_with = "loose::text")]
    error: String,
}

pub(super) fn item_params(hosts: &[HostKey]) -> Value {
    json!({
        "output": ["itemid", "hostid", "key_", "value_type", "units", "state", "error"],
        "hostids": hosts, "monitored": true,
        "filter": { "value_type": [ValueType::Float as i64, ValueType::Unsigned as i64] },
        "search": { "key_": key_names() }, "startSearch": true, "searchByAny": true,
    })
}

/// The number of cores is read seldom, often once a day, so only its newest value is asked for.
pub(super) fn cores_params(hosts: &[HostKey]) -> Value {
    json!({
        "output": ["hostid", "key_", "lastvalue"], "hostids": hosts, "monitored": true,
        "filter": { "key_": [CORES_KEY, "system.cpu.num[]", "system.cpu.num[online]"] },
    })
}

impl Items {
    /// Chooses among the items of some hosts. Of two items that give the same series of a host,
    /// the one whose spelling stands first in the table counts.
    pub(super) fn choose(&mut self, rows: Vec<ItemRow>) {
        let mut best: BTreeMap<(HostKey, Labels), (usize, ItemId, Scale)> = BTreeMap::new();
        let mut types = BTreeMap::new();
        for row in rows {
            let value_type = match row.value_type {
                0 => ValueType::Float,
                3 => ValueType::Unsigned,
                _ => continue,
            };
            let series = series_of(&row.key_, &row.units);
            if row.state == 1 && !series.is_empty() {
                let (key, error) = (clean(&row.key_, 128), clean(&row.error, 200));
                let item = Unsupported { host: row.hostid, key, error };
                self.unsupported.insert(row.itemid, item);
                continue;
            }
            types.insert(row.itemid, value_type);
            for (rank, labels, scale) in series {
                let new = (rank, row.itemid, scale);
                let known = best.entry((row.hostid, labels)).or_insert(new);
                if (new.0, new.1) < (known.0, known.1) {
                    *known = new;
                }
            }
        }
        for ((host, labels), (_, id, scale)) in best {
            let Some(value_type) = types.get(&id).copied() else { continue };
            let fresh = || Item { host, value_type, series: Vec::new() };
            self.by_id.entry(id).or_insert_with(fresh).series.push((labels, scale));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::api::read_answer;
    use super::super::loose::Rows;
    use super::*;

    #[test]
    fn recorded_items_are_chosen_with_the_type_they_have() {
        let body = include_bytes!("../../tests/data/zabbix/6.0/item.get.json");
        let rows: Rows<ItemRow> = read_answer("item.get", body).unwrap();
        let mut items = Items::default();
        items.choose(rows.good);
        let types: BTreeMap<u64, ValueType> =
            items.by_id.iter().map(|(id, item)| (id.0, item.value_type)).collect();
        assert_eq!(types[&44554], ValueType::Float);
        assert_eq!(types[&44562], ValueType::Unsigned);
        assert!(!types.contains_key(&44563), "a text: the hypervisor's name");
        assert_eq!(items.by_id[&ItemId(44555)].series.len(), 2, "load, and load per core");
    }

    #[test]
    fn of_two_spellings_one_counts_and_what_is_unsupported_is_named() {
        let row = |id: u64, key: &str, state: u64| {
            json!({
                "itemid": id, "hostid": "7", "key_": key, "value_type": "0", "units": "%",
                "state": state, "error": "Cannot\nread",
            })
        };
        let rows = json!([
            row(1, "system.cpu.util", 0),
            row(2, "system.cpu.util[,idle]", 0),
            row(3, "vfs.dev.util[vda]", 1),
            row(4, "web.test.fail", 1),
        ]);
        let rows: Rows<ItemRow> = serde_json::from_value(rows).unwrap();
        let mut items = Items::default();
        items.choose(rows.good);
        assert_eq!(items.by_id.keys().copied().collect::<Vec<_>>(), [ItemId(2)]);
        let named: Vec<_> =
            items.unsupported.values().map(|item| (&*item.key, &*item.error)).collect();
        assert_eq!(named, [("vfs.dev.util[vda]", "Cannot read")]);
    }
}
