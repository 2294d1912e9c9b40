//! Lists the hosts of a Zabbix server: first their numbers, then what is needed of each.
//!
//! No version of the API has pages for hosts. So the numbers of all are asked for, which is
//! little, and then a few hundred at a time, with no field that is not used.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::api::Deadline;
use super::brake::{Brake, Listed};
use super::error::ApiError;
use super::host::{HostRow, ValueRow, ZabbixHost, host_params, value_params};
use super::ids::HostKey;
use super::loose::Rows;
use super::stats::MAX_LISTED;
use super::topology::{Directory, Entry, classify};
use super::watch::ZabbixWatch;

/// How many hosts are asked for at once.
const MAX_HOSTS: usize = 300;

/// What a list of hosts brought.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// Store it, and hand it in the next time.
    pub state: Brake<Entry>,
    /// What has changed by this list.
    pub listed: Listed,
    pub directory: Arc<Directory>,
}

#[derive(Debug, Deserialize)]
struct NumberRow {
    hostid: HostKey,
}

impl ZabbixWatch {
    /// Lists all hosts. An error keeps the last list in force.
    pub async fn topology(&self, state: &Brake<Entry>) -> Result<Refresh, ApiError> {
        let deadline = self.api.within(self.limits.topology);
        let hosts = self.hosts(state, deadline).await.map_err(|error| self.blame(error))?;
        let mut state = state.clone();
        let listed = state.list(hosts, self.clock.now());
        let directory = Arc::new(Directory::of(&state));
        let held = listed.held.iter().filter_map(|id| Some(directory.entry(*id)?.host.clone()));
        self.know(directory.clone(), held.take(MAX_LISTED).collect());
        Ok(Refresh { state, listed, directory })
    }

    async fn hosts(
        &self,
        state: &Brake<Entry>,
        deadline: Deadline,
    ) -> Result<BTreeMap<HostKey, Entry>, ApiError> {
        let version = self.api.version(deadline).await?;
        let all = json!({ "output": ["hostid"] });
        let numbers: Rows<NumberRow> = self.api.rows("host.get", &all, deadline).await?;
        let numbers: Vec<HostKey> = numbers.good.iter().map(|row| row.hostid).collect();
        let params = |ids: &[HostKey]| host_params(ids, &self.mapping, version);
        let rows: Rows<HostRow> =
            self.api.by_ids("host.get", &numbers, MAX_HOSTS, deadline, params).await?;
        self.note(|stats| stats.odd_rows += rows.bad as u64);
        let mut hosts: BTreeMap<HostKey, ZabbixHost> =
            rows.good.into_iter().map(|row| (row.hostid, row.into())).collect();
        self.add_values(&numbers, &mut hosts, deadline).await?;
        let mut entries: BTreeMap<HostKey, Entry> =
            hosts.iter().map(|(id, host)| (*id, classify(&self.mapping, host))).collect();
        // A host whose row could not be read is there all the same.
        for id in numbers.iter().filter(|id| !hosts.contains_key(id)) {
            entries.extend(state.known.get(id).map(|known| (*id, known.what.clone())));
        }
        Ok(entries)
    }

    async fn add_values(
        &self,
        numbers: &[HostKey],
        hosts: &mut BTreeMap<HostKey, ZabbixHost>,
        deadline: Deadline,
    ) -> Result<(), ApiError> {
        if self.mapping.item_keys().is_empty() {
            return Ok(());
        }
        let params = |ids: &[HostKey]| value_params(ids, &self.mapping);
        let rows: Rows<ValueRow> =
            self.api.by_ids("item.get", numbers, MAX_HOSTS, deadline, params).await?;
        for row in rows.good {
            if let Some(host) = hosts.get_mut(&row.hostid) {
                host.items.insert(row.key_, row.lastvalue);
            }
        }
        Ok(())
    }
}
