//! A map that knows which of its entries may differ from what is stored.
//!
//! A storm leaves ten thousand words behind, and each turn adds a few. To find those few by comparing
//! everything with what was stored costs more than all the rest of the turn. So whoever changes an
//! entry does it through a method that notes it; there is no other way in.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use model::pack::Packer;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
#[serde(bound(
    serialize = "K: Serialize, V: Serialize",
    deserialize = "K: Deserialize<'de> + Ord, V: Deserialize<'de>"
))]
pub(crate) struct Kept<K: Ord, V> {
    entries: BTreeMap<K, V>,
    #[serde(skip)]
    changed: BTreeSet<K>,
    #[serde(skip)]
    packer: Packer,
}

impl<K: Ord + Clone, V> Kept<K, V> {
    /// As it stands in the store.
    pub(crate) fn stored(entries: BTreeMap<K, V>) -> Self {
        Self { entries, changed: BTreeSet::new(), packer: Packer::default() }
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        if !self.changed.contains(key) {
            self.changed.insert(key.clone());
        }
        Some(entry)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.changed.insert(key.clone());
        self.entries.insert(key, value);
        self.packer.grown(&mut self.entries);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let removed = self.entries.remove(key)?;
        self.changed.insert(key.clone());
        Some(removed)
    }

    /// All of them, each held for changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.changed.extend(self.entries.keys().cloned());
        self.entries.values_mut()
    }

    /// The keys of what was changed, put in or taken out since this was asked last.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.changed)
    }
}

impl<K: Ord + Clone, V: Default> Kept<K, V> {
    /// The entry, empty if there was none.
    pub(crate) fn or_default(&mut self, key: K) -> &mut V {
        if !self.changed.contains(&key) {
            self.changed.insert(key.clone());
        }
        self.packer.grown(&mut self.entries);
        self.entries.entry(key).or_default()
    }
}

impl<K: Ord, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), changed: BTreeSet::new(), packer: Packer::default() }
    }
}

impl<K: Ord, V> Deref for Kept<K, V> {
    type Target = BTreeMap<K, V>;
    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

/// What is stored of it has no part in what it is.
impl<K: Ord, V: PartialEq> PartialEq for Kept<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<'a, K: Ord, V> IntoIterator for &'a Kept<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::collections::btree_map::Iter<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}
