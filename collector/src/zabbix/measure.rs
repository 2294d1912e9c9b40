//! Reads values: the IO around [`super::items`], [`super::history`] and [`super::rows`], which
//! decide what is asked and what becomes of it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::series::Row;
use model::time::Time;

use super::api::Deadline;
use super::error::ApiError;
use super::history::{History, HistoryRow, Reading};
use super::host::ValueRow;
use super::ids::{HostKey, ItemId};
use super::items::{ItemRow, Items, MAX_NAMED, Unsupported, cores_params, item_params};
use super::loose::Rows;
use super::rows::Shapes;
use super::topology::Directory;
use super::watch::ZabbixWatch;

/// How many hosts' items are asked for at once, how many items' values, and how many values.
const MAX_HOSTS: usize = 200;
const MAX_ITEMS: usize = 300;
const MAX_VALUES: usize = 10_000;
/// How many values one round reads; what is left is read in the next, what is oldest first.
const MAX_ROUND: usize = 500_000;
/// How often it is looked which items there are.
const CHOOSE_EVERY: Duration = Duration::from_secs(600);
/// Not more often than that, even if the hosts change all the time.
const CHOOSE_AT_MOST: Duration = Duration::from_secs(60);

/// What values are read of, and how far. It is not stored: after a restart, or if rows could not
/// be stored, begin anew with the time of the newest that is.
#[derive(Debug)]
pub struct MetricsState {
    items: Items,
    chosen: Option<(Time, Arc<Directory>)>,
    history: History,
    shapes: Shapes,
    told_unsupported: BTreeSet<ItemId>,
}

/// What a round brought.
#[derive(Debug, Default)]
pub struct MetricsBatch {
    /// With the time of the source, to the second.
    pub rows: Vec<Row>,
    /// Items that Zabbix cannot read; each is told once.
    pub unsupported: Vec<Unsupported>,
    /// There is more to read at once.
    pub has_more: bool,
    /// What ended the round early; the rows are good all the same.
    pub fault: Option<ApiError>,
}

impl MetricsState {
    /// Reads values from then on, a day back at most.
    pub fn since(since: Time) -> Self {
        Self {
            items: Items::default(),
            chosen: None,
            history: History::since(since),
            shapes: Shapes::default(),
            told_unsupported: BTreeSet::new(),
        }
    }

    pub fn items(&self) -> &Items {
        &self.items
    }

    /// Of the items that Zabbix cannot read, those that were not told yet.
    fn news(&mut self) -> Vec<Unsupported> {
        let items = &self.items.unsupported;
        self.told_unsupported.retain(|id| items.contains_key(id));
        let fresh = items.iter().filter(|(id, _)| self.told_unsupported.insert(**id));
        fresh.map(|(_, item)| item.clone()).take(MAX_NAMED).collect()
    }
}

impl ZabbixWatch {
    /// Reads the values that came since.
    pub async fn metrics(&self, state: &mut MetricsState) -> Result<MetricsBatch, ApiError> {
        let deadline = self.api.within(self.limits.metrics);
        let directory = self.directory();
        let now = self.clock.now();
        let mut batch = MetricsBatch::default();
        if must_choose(state, &directory, now) {
            let chosen = self.choose(&directory, deadline).await;
            state.items = chosen.map_err(|error| self.blame(error))?;
            state.chosen = Some((now, directory.clone()));
            batch.unsupported = state.news();
            batch.rows = state.shapes.end_old(&state.items, &directory, now);
        }
        let mut readings = Vec::new();
        match self.read_values(state, &mut readings, deadline).await {
            Ok(has_more) => batch.has_more = has_more,
            Err(error) => batch.fault = Some(self.blame(error)),
        }
        batch.rows.extend(state.shapes.rows(&readings, &state.items, &directory));
        let is_done = batch.fault.is_none() && !batch.has_more;
        self.note(|stats| {
            stats.items = state.items.by_id.len();
            stats.unsupported_items = state.items.unsupported.len();
            stats.measured_at = if is_done { Some(now) } else { stats.measured_at };
        });
        match batch.fault.take() {
            Some(error) if batch.rows.is_empty() && batch.unsupported.is_empty() => Err(error),
            fault => Ok(MetricsBatch { fault, ..batch }),
        }
    }

    async fn choose(&self, directory: &Directory, deadline: Deadline) -> Result<Items, ApiError> {
        let doubles: BTreeSet<HostKey> = directory.doubles.iter().map(|(id, _)| *id).collect();
        let known = directory.entries().filter(|(id, entry)| {
            entry.is_monitored && entry.what.object().is_some() && !doubles.contains(id)
        });
        let hosts: Vec<HostKey> = known.map(|(id, _)| id).collect();
        let rows: Rows<ItemRow> =
            self.api.by_ids("item.get", &hosts, MAX_HOSTS, deadline, item_params).await?;
        let cores: Rows<ValueRow> =
            self.api.by_ids("item.get", &hosts, MAX_HOSTS, deadline, cores_params).await?;
        self.note(|stats| stats.odd_rows += (rows.bad + cores.bad) as u64);
        let mut items = Items::default();
        items.choose(rows.good);
        let cores =
            cores.good.iter().filter_map(|row| Some((row.hostid, row.lastvalue.parse().ok()?)));
        items.cores = cores.collect();
        Ok(items)
    }

    /// Whether more is left to read.
    async fn read_values(
        &self,
        state: &mut MetricsState,
        readings: &mut Vec<Reading>,
        deadline: Deadline,
    ) -> Result<bool, ApiError> {
        let windows = state.history.windows(&state.items, MAX_ITEMS, self.clock.now());
        let mut waiting = VecDeque::from(windows);
        while let Some(window) = waiting.pop_front() {
            if readings.len() >= MAX_ROUND {
                return Ok(true);
            }
            let params = |limit| window.params(limit);
            let page = self.api.page("history.get", MAX_VALUES, deadline, params).await?;
            let (rows, size): (Rows<HistoryRow>, usize) = page;
            let (fresh, odd) = state.history.take(&rows.good, self.clock.now());
            self.note(|stats| stats.odd_rows += (odd + rows.bad) as u64);
            readings.extend(fresh);
            let last_s = rows.good.iter().map(|row| row.clock).max();
            for left in window.after(rows.good.len() + rows.bad, size, last_s).into_iter().rev() {
                waiting.push_front(left);
            }
        }
        Ok(false)
    }
}

fn must_choose(state: &MetricsState, directory: &Arc<Directory>, now: Time) -> bool {
    let Some((at, known)) = &state.chosen else { return true };
    let age = now.since(*at);
    age >= CHOOSE_EVERY || (age >= CHOOSE_AT_MOST && known != directory)
}
