//! How well it goes with the agents that come by themselves, for `/metrics` and for people.
//!
//! Counted where it happens. What has a name comes from outside, so it is cleaned, cut, and kept
//! in short lists from which the oldest falls out.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::id::Object;
use model::time::Time;
use serde::Serialize;

use super::host::Taken;
use crate::look::Refusal;
use crate::text::clean;

/// How many are named of each sort.
const MAX_NAMED: usize = 32;
const MAX_TEXT_CHARS: usize = 200;
/// A clock that is wrong by less is not worth a word.
const WORTH_TELLING_MS: u64 = 2000;

/// Counts of one server. Shared between it and whoever shows them.
#[derive(Debug, Default)]
pub struct ActiveGauges {
    pub(super) connections: AtomicU64,
    pub(super) refused_connections: AtomicU64,
    pub(super) refused_requests: AtomicU64,
    pub(super) unanswered: AtomicU64,
    pub(super) agents: AtomicU64,
    values: AtomicU64,
    known: AtomicU64,
    unsupported: AtomicU64,
    refused: AtomicU64,
    strangers: AtomicU64,
    named: Mutex<Named>,
}

/// Those that are named.
#[derive(Debug, Default)]
struct Named {
    strangers: VecDeque<Stranger>,
    refused: VecDeque<RefusedValue>,
    skew_ms: BTreeMap<Object, i64>,
}

/// Somebody whom the fleet does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stranger {
    /// As it calls itself.
    pub name: String,
    /// `HostMetadata` of its files.
    pub metadata: String,
    pub address: IpAddr,
    /// When it came last.
    pub at: Time,
    pub requests: u64,
}

/// A value that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedValue {
    pub object: Object,
    pub key: String,
    pub why: String,
    /// How often in a row.
    pub times: u64,
}

/// The gauges at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ActiveReadings {
    pub connections: u64,
    /// Too many from one address.
    pub refused_connections: u64,
    /// Unreadable, or meant for another sort of server.
    pub refused_requests: u64,
    /// Connections closed without an answer: whoever it was has to come again.
    pub unanswered: u64,
    /// Agents that have come since the start, or before it, and are in the fleet.
    pub agents: u64,
    /// Values that were kept.
    pub values: u64,
    /// Values that were sent again though they were confirmed.
    pub known: u64,
    /// Items that agents could not tell.
    pub unsupported: u64,
    /// Values that were not taken.
    pub refused: u64,
    /// Requests by those whom the fleet does not know.
    pub stranger_requests: u64,
    /// The newest last.
    pub strangers: Vec<Stranger>,
    pub refused_values: Vec<RefusedValue>,
    /// Clocks that are ahead of ours (or behind, below 0) by more than two seconds.
    pub skew_ms: BTreeMap<Object, i64>,
}

impl ActiveGauges {
    pub fn read(&self) -> ActiveReadings {
        let named = self.named();
        ActiveReadings {
            connections: self.connections.load(Relaxed),
            refused_connections: self.refused_connections.load(Relaxed),
            refused_requests: self.refused_requests.load(Relaxed),
            unanswered: self.unanswered.load(Relaxed),
            agents: self.agents.load(Relaxed),
            values: self.values.load(Relaxed),
            known: self.known.load(Relaxed),
            unsupported: self.unsupported.load(Relaxed),
            refused: self.refused.load(Relaxed),
            stranger_requests: self.strangers.load(Relaxed),
            strangers: named.strangers.iter().cloned().collect(),
            refused_values: named.refused.iter().cloned().collect(),
            skew_ms: named.skew_ms.clone(),
        }
    }

    pub(super) fn count(&self, object: &Object, taken: &Taken) {
        let kept = taken.processed - taken.known - taken.unsupported;
        self.values.fetch_add(kept, Relaxed);
        self.known.fetch_add(taken.known, Relaxed);
        self.unsupported.fetch_add(taken.unsupported, Relaxed);
        self.refused.fetch_add(taken.failed, Relaxed);
        taken.refused.iter().for_each(|refusal| self.named().refuse(object, refusal));
    }

    /// Says whether it was here before.
    pub(super) fn stranger(&self, name: &str, metadata: &str, address: IpAddr, at: Time) -> bool {
        self.strangers.fetch_add(1, Relaxed);
        let name = clean(name, MAX_TEXT_CHARS);
        let metadata = clean(metadata, MAX_TEXT_CHARS);
        self.named().stranger(Stranger { name, metadata, address, at, requests: 1 })
    }

    pub(super) fn skew(&self, object: &Object, skew_ms: i64) {
        let skews = &mut self.named().skew_ms;
        if skew_ms.unsigned_abs() > WORTH_TELLING_MS {
            skews.insert(object.clone(), skew_ms);
        } else {
            skews.remove(object);
        }
    }

    /// Forgets what was said of others.
    pub(super) fn keep_only(&self, is_there: impl Fn(&Object) -> bool) {
        let mut named = self.named();
        named.skew_ms.retain(|object, _| is_there(object));
        named.refused.retain(|refused| is_there(&refused.object));
    }

    fn named(&self) -> MutexGuard<'_, Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Named {
    fn stranger(&mut self, new: Stranger) -> bool {
        let known = self.strangers.iter().position(|known| known.name == new.name);
        let before = known.and_then(|place| self.strangers.remove(place));
        let requests = before.as_ref().map_or(0, |before| before.requests) + new.requests;
        // Only the request for a list of items tells the metadata.
        let metadata = match &before {
            Some(before) if new.metadata.is_empty() => before.metadata.clone(),
            _ => new.metadata.clone(),
        };
        push(&mut self.strangers, Stranger { requests, metadata, ..new });
        before.is_some()
    }

    fn refuse(&mut self, object: &Object, Refusal { what, why }: &Refusal) {
        let is_same = |old: &RefusedValue| old.object == *object && old.key == *what;
        let known = self.refused.iter().position(is_same);
        let before = known.and_then(|place| self.refused.remove(place));
        let times = before.map_or(0, |before| before.times) + 1;
        let (object, key, why) = (object.clone(), what.clone(), why.clone());
        push(&mut self.refused, RefusedValue { object, key, why, times });
    }
}

fn push<T>(list: &mut VecDeque<T>, new: T) {
    list.push_back(new);
    if list.len() > MAX_NAMED {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn strangers_are_named_once_cleaned_and_not_too_many() {
        let gauges = ActiveGauges::default();
        let came = |name: &str, metadata: &str| {
            gauges.stranger(name, metadata, HERE, Time::from_millis(7))
        };
        assert!(!came("web\u{1b}[2J", "role=vm\nproject=shop"));
        assert!(came("web\u{1b}[2J", ""));
        let strangers = gauges.read().strangers;
        let expected = ("web[2J", "role=vm project=shop", 2);
        let Stranger { name, metadata, requests, .. } = &strangers[0];
        assert_eq!((name.as_str(), metadata.as_str(), *requests), expected);
        for number in 0..100 {
            came(&format!("x{number}"), "");
        }
        let readings = gauges.read();
        assert_eq!((readings.strangers.len(), readings.stranger_requests), (MAX_NAMED, 102));
        assert_eq!(readings.strangers.last().unwrap().name, "x99");
    }

    #[test]
    fn a_clock_that_is_right_again_is_told_of_no_more() {
        let (gauges, vm) = (ActiveGauges::default(), "vm/web-1".parse().unwrap());
        gauges.skew(&vm, -3000);
        assert_eq!(gauges.read().skew_ms[&vm], -3000);
        gauges.skew(&vm, 2000);
        assert!(gauges.read().skew_ms.is_empty());
        gauges.skew(&vm, i64::MIN);
        gauges.keep_only(|_| false);
        assert!(gauges.read().skew_ms.is_empty());
    }
}
