//! What the decoder remembers of series it has seen, so that it need not read them again.
//!
//! A sender sends the same series in the same order, minute after minute. So the bytes of a
//! series' labels are kept as they came, together with the shape and the column they led to; who
//! sends the same bytes again gets the same column without a label being read. The columns of one
//! shape are kept in the order they came, as that is the order to expect.
//!
//! The memory is bounded by two generations: what was not met while the young one filled up goes
//! with the old one. Forgetting costs time, never a sample.
//!
//! Invariant: a slot is only believed after its bytes were compared, so two series whose hashes
//! collide are never taken for each other.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::mem;
use std::sync::Arc;

use model::series::Shape;

/// Beside its raw labels: what one series costs in shape and slots, roughly, in bytes.
const SERIES_BYTES: usize = 250;

/// Series that came together and share a shape.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) shape: Arc<Shape>,
    /// The labels of all columns as they were sent, one after the other.
    raw: Box<[u8]>,
    /// Where each column's labels end in `raw`.
    ends: Box<[usize]>,
}

/// Groups by the hash of each series' labels.
#[derive(Debug)]
pub(super) struct Memory {
    max_bytes: usize,
    young: BTreeMap<u64, Slot>,
    young_bytes: usize,
    old: BTreeMap<u64, Slot>,
}

/// A series found, and whether it should be refreshed to stay in memory.
pub(super) struct Known {
    pub(super) group: Arc<Group>,
    pub(super) column: usize,
    pub(super) is_old: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    group: Arc<Group>,
    column: usize,
}

impl Group {
    /// `columns` are the labels of each column of the shape, as they were sent.
    pub(super) fn new(shape: Shape, columns: &[&[u8]]) -> Self {
        debug_assert_eq!(shape.columns.len(), columns.len());
        let ends = columns.iter().scan(0, |end, labels| {
            *end += labels.len();
            Some(*end)
        });
        Self { shape: Arc::new(shape), ends: ends.collect(), raw: columns.concat().into() }
    }

    /// The labels of a column as they were sent; `None` past the last.
    #[inline]
    pub(super) fn raw(&self, column: usize) -> Option<&[u8]> {
        let end = *self.ends.get(column)?;
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.raw.get(start..end)
    }

    fn bytes(&self) -> usize {
        self.raw.len() + self.ends.len() * SERIES_BYTES
    }
}

impl Memory {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, young: BTreeMap::new(), young_bytes: 0, old: BTreeMap::new() }
    }

    /// Which column the labels `raw` led to, if that is remembered.
    pub(super) fn find(&self, raw: &[u8]) -> Option<Known> {
        let hash = hash(raw);
        let young = self.young.get(&hash).map(|slot| (slot, false));
        let (slot, is_old) = young.or_else(|| Some((self.old.get(&hash)?, true)))?;
        let is_it = slot.group.raw(slot.column) == Some(raw);
        is_it.then(|| Known { group: slot.group.clone(), column: slot.column, is_old })
    }

    /// Remembers a group, or keeps it from being forgotten.
    pub(super) fn keep(&mut self, group: &Arc<Group>) {
        let bytes = group.bytes();
        if self.young_bytes + bytes > self.max_bytes / 2 {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if bytes > self.max_bytes / 2 {
            return;
        }
        self.young_bytes += bytes;
        for column in 0..group.ends.len() {
            let raw = group.raw(column).expect("a column of this group");
            self.young.insert(hash(raw), Slot { group: group.clone(), column });
        }
    }
}

/// Not keyed: who makes hashes collide only makes their own series slow.
fn hash(raw: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(raw);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use model::series::Labels;

    use super::*;

    fn group(names: &[&str]) -> Arc<Group> {
        let columns = names.iter().map(|name| Labels::metric(name)).collect();
        let raw: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        Arc::new(Group::new(Shape { common: Labels::default(), columns }, &raw))
    }

    fn found(memory: &Memory, raw: &str) -> String {
        memory.find(raw.as_bytes()).map_or("unknown".to_owned(), |known| {
            let age = if known.is_old { "old" } else { "young" };
            format!("{age} {} of {:?}", known.column, known.group.shape.columns)
        })
    }

    #[test]
    fn a_group_knows_the_bytes_of_its_columns() {
        let group = group(&["load1", "load5"]);
        assert_eq!(group.raw(1), Some(b"load5".as_slice()));
        assert_eq!(group.raw(2), None);
    }

    #[test]
    fn what_is_not_met_again_is_forgotten_first() {
        let one = SERIES_BYTES + 2;
        let mut memory = Memory::new(4 * one); // A generation holds two series of two bytes.
        memory.keep(&group(&["a1", "a2"]));
        assert_eq!(found(&memory, "a2"), "young 1 of [a1, a2]");
        memory.keep(&group(&["b1"]));
        assert_eq!(found(&memory, "a2"), "old 1 of [a1, a2]");
        let met = memory.find(b"a1").unwrap();
        memory.keep(&met.group);
        memory.keep(&group(&["c1", "c2"]));
        assert_eq!(found(&memory, "b1"), "unknown");
        assert_eq!(found(&memory, "a2"), "old 1 of [a1, a2]");
    }

    #[test]
    fn a_series_with_the_hash_of_another_is_not_taken_for_it() {
        let mut memory = Memory::new(1 << 20);
        memory.young.insert(hash(b"b1"), Slot { group: group(&["a1"]), column: 0 });
        assert_eq!(found(&memory, "b1"), "unknown");
    }

    #[test]
    fn a_group_that_is_too_big_is_not_kept() {
        let mut memory = Memory::new(SERIES_BYTES);
        memory.keep(&group(&["a1"]));
        assert_eq!(found(&memory, "a1"), "unknown");
    }
}
