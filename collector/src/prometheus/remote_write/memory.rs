//! What the decoder remembers of series it has seen, so that it need not read them again.
//!
//! A sender sends the same series in the same order, minute after minute. So the bytes of a
//! series' labels are kept as they came, together with the shape and the column they led to; who
//! sends the same bytes again gets the same column without a label being read. The columns of one
//! shape are kept in the order they came, as that is the order to expect. Series of one target end
//! alike, since only the first label, the metric's name, differs: what all have at the end is kept
//! once.
//!
//! The memory is bounded. When it is full, what is new is not remembered, until there was as much of
//! that as is remembered; then everything goes that was not met since the last time. So a fleet
//! that fits is never forgotten, and of one that does not a part is known. Not to remember costs
//! time, never a sample.
//!
//! Invariant: a slot is only believed after its bytes were compared, so two series whose hashes
//! collide are never taken for each other.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use model::series::Shape;

/// Beside its own bytes: what one series costs in shape and slots, roughly, in bytes.
const SERIES_BYTES: usize = 60;
/// What a group costs, and each label that its series have in common, roughly, in bytes.
const GROUP_BYTES: usize = 300;
const LABEL_BYTES: usize = 100;

/// Series that came together and share a shape.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) shape: Arc<Shape>,
    /// What each column's labels begin with as they were sent, one column after the other.
    heads: Box<[u8]>,
    /// Where each column's head ends in `heads`.
    ends: Box<[u32]>,
    /// What the labels of all columns end with.
    tail: Box<[u8]>,
    /// Since memory was cleaned.
    is_met: AtomicBool,
}

/// Groups by the hash of each series' labels.
#[derive(Debug)]
pub(super) struct Memory {
    max_bytes: usize,
    bytes: usize,
    slots: BTreeMap<u64, Slot>,
    /// How many series were not kept since memory was cleaned.
    unkept: usize,
}

/// Where a series led to.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) group: Arc<Group>,
    pub(super) column: u32,
}

impl Group {
    /// `columns` are the labels of each column of the shape, as they were sent.
    pub(super) fn new(shape: Shape, columns: &[&[u8]]) -> Self {
        debug_assert_eq!(shape.columns.len(), columns.len());
        let tail = common_tail(columns);
        let heads: Vec<&[u8]> =
            columns.iter().map(|labels| &labels[..labels.len() - tail.len()]).collect();
        let ends = heads.iter().scan(0, |end, head| {
            *end += head.len() as u32; // A message of 32 MiB has no more.
            Some(*end)
        });
        Self {
            shape: Arc::new(shape),
            ends: ends.collect(),
            heads: heads.concat().into(),
            tail: tail.into(),
            is_met: AtomicBool::new(true),
        }
    }

    /// What follows the labels of a column, if `message` begins with them to the byte.
    #[inline]
    pub(super) fn after_labels<'a>(&self, column: u32, message: &'a [u8]) -> Option<&'a [u8]> {
        message.strip_prefix(self.head(column)?)?.strip_prefix(&*self.tail)
    }

    /// None past the last column.
    #[inline]
    fn head(&self, column: u32) -> Option<&[u8]> {
        let column = column as usize;
        let end = *self.ends.get(column)?;
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.heads.get(start as usize..end as usize)
    }

    fn bytes(&self) -> usize {
        let labels = GROUP_BYTES + LABEL_BYTES * self.shape.common.len() + self.tail.len();
        labels + self.heads.len() + self.ends.len() * SERIES_BYTES
    }
}

impl Memory {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, bytes: 0, slots: BTreeMap::new(), unkept: 0 }
    }

    /// Which column the labels `raw` led to, if that is remembered.
    pub(super) fn find(&self, raw: &[u8]) -> Option<Slot> {
        let slot = self.slots.get(&hash(raw))?;
        if !slot.group.after_labels(slot.column, raw)?.is_empty() {
            return None;
        }
        slot.group.is_met.store(true, Relaxed);
        Some(slot.clone())
    }

    /// Remembers a group, if there is room; `columns` are those it was made of.
    pub(super) fn keep(&mut self, group: &Arc<Group>, columns: &[&[u8]]) {
        let bytes = group.bytes();
        if self.bytes + bytes > self.max_bytes {
            self.unkept += columns.len();
            if self.unkept < self.slots.len() {
                return;
            }
            self.clean();
        }
        if self.bytes + bytes > self.max_bytes {
            return;
        }
        self.bytes += bytes;
        for (column, raw) in (0..).zip(columns) {
            self.slots.insert(hash(raw), Slot { group: group.clone(), column });
        }
    }

    /// Drops what was not met since the last time.
    fn clean(&mut self) {
        self.unkept = 0;
        self.slots.retain(|_, slot| slot.group.is_met.load(Relaxed));
        self.bytes = 0;
        for slot in self.slots.values() {
            // Of all slots of a group the first one counts it.
            if slot.group.is_met.swap(false, Relaxed) {
                self.bytes += slot.group.bytes();
            }
        }
    }
}

fn common_tail<'a>(columns: &[&'a [u8]]) -> &'a [u8] {
    let Some((first, others)) = columns.split_first() else { return &[] };
    let mut length = first.len();
    for other in others {
        let alike = first.iter().rev().zip(other.iter().rev()).take(length);
        length = alike.take_while(|(one, two)| one == two).count();
    }
    &first[first.len() - length..]
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
        Arc::new(Group::new(Shape { common: Labels::default(), columns }, &raw(names)))
    }

    fn raw<'a>(names: &[&'a str]) -> Vec<&'a [u8]> {
        names.iter().map(|name| name.as_bytes()).collect()
    }

    fn keep(memory: &mut Memory, names: &[&str]) {
        memory.keep(&group(names), &raw(names));
    }

    fn found(memory: &Memory, raw: &str) -> String {
        memory.find(raw.as_bytes()).map_or("unknown".to_owned(), |slot| {
            format!("{} of {:?}", slot.column, slot.group.shape.columns)
        })
    }

    #[test]
    fn a_group_knows_the_bytes_of_its_columns() {
        let group = group(&["load1 of a", "load11 of a", "1 of a"]);
        assert_eq!((&*group.heads, &*group.tail), (b"loadload1".as_slice(), b"1 of a".as_slice()));
    }

    #[test]
    fn only_all_bytes_of_a_column_lead_to_it() {
        let group = group(&["load1 of a", "load5 of a", "up of a"]);
        let after = |column, message: &'static str| group.after_labels(column, message.as_bytes());
        assert_eq!(after(1, "load5 of a, 7"), Some(b", 7".as_slice()));
        assert_eq!(after(1, "load1 of a, 7"), None);
        assert_eq!(after(1, "load5 of b, 7"), None);
        assert_eq!(after(1, "load5 of "), None);
        assert_eq!(after(3, "up of a"), None);
    }

    #[test]
    fn what_is_not_met_again_is_forgotten_first() {
        let one = group(&["a1"]).bytes();
        let mut memory = Memory::new(3 * one);
        keep(&mut memory, &["a1"]);
        keep(&mut memory, &["b1"]);
        keep(&mut memory, &["c1"]);
        for name in ["d1", "e1", "f1"] {
            keep(&mut memory, &[name]); // The third of them has all in memory looked at.
        }
        assert_eq!(found(&memory, "f1"), "unknown", "all in memory was new");
        assert_eq!(found(&memory, "b1"), "0 of [b1]");
        for name in ["g1", "h1", "i1"] {
            keep(&mut memory, &[name]);
        }
        let all = ["a1", "b1", "c1", "g1", "h1", "i1"].map(|name| found(&memory, name));
        assert_eq!(all, ["unknown", "0 of [b1]", "unknown", "unknown", "unknown", "0 of [i1]"]);
        assert_eq!(memory.bytes, 2 * one);
    }

    #[test]
    fn a_fleet_that_fits_is_known_whole_and_one_that_does_not_in_part() {
        let names: Vec<String> = (0..100).map(|number| format!("{number:02}")).collect();
        let unknown = |fits: usize| {
            let mut memory = Memory::new(fits * group(&["00"]).bytes());
            let mut unknown = 0;
            for round in 0..10 {
                for name in &names {
                    let is_new = memory.find(name.as_bytes()).is_none();
                    unknown += usize::from(is_new && round > 0);
                    if is_new {
                        keep(&mut memory, &[name]);
                    }
                }
            }
            unknown
        };
        assert_eq!(unknown(100), 0);
        assert!(unknown(90) < 200, "of 900: {}", unknown(90));
    }

    #[test]
    fn a_series_with_the_hash_of_another_is_not_taken_for_it() {
        let mut memory = Memory::new(1 << 20);
        memory.slots.insert(hash(b"b1"), Slot { group: group(&["a1"]), column: 0 });
        assert_eq!(found(&memory, "b1"), "unknown");
    }

    #[test]
    fn a_group_that_is_too_big_is_not_kept() {
        let mut memory = Memory::new(SERIES_BYTES);
        keep(&mut memory, &["a1"]);
        assert_eq!(found(&memory, "a1"), "unknown");
    }
}
