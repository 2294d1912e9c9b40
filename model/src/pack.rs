//! Packs maps and sets that are filled in order.
//!
//! Names come by number: a tree that grows at its end leaves each node half empty behind it, and a map
//! of a hundred thousand VMs takes nearly twice what it has. So a large one is built anew, full, each
//! time it has doubled: what that costs an entry does not follow how many there are.

use std::collections::{BTreeMap, BTreeSet};

/// Smaller ones are not worth it.
const LARGE: usize = 1024;

/// Knows when one map or set was packed last.
#[derive(Clone, Debug, Default)]
pub struct Packer {
    /// How many entries it had then.
    packed: usize,
}

impl Packer {
    /// Something was put into the map.
    pub fn grown<K: Ord, V>(&mut self, map: &mut BTreeMap<K, V>) {
        if map.len() >= LARGE.max(2 * self.packed) {
            self.packed = map.len();
            pack(map);
        }
    }

    /// Something was put into the set.
    pub fn grown_set<K: Ord>(&mut self, set: &mut BTreeSet<K>) {
        if set.len() >= LARGE.max(2 * self.packed) {
            self.packed = set.len();
            *set = std::mem::take(set).into_iter().collect();
        }
    }
}

/// Whether a map that had so many entries, and has so many now, has grown enough to be packed.
pub fn has_doubled(before: usize, now: usize) -> bool {
    now >= LARGE && now.checked_ilog2() > before.checked_ilog2()
}

/// Builds it anew, with full nodes.
pub fn pack<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    *map = std::mem::take(map).into_iter().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_packed_when_it_has_doubled_and_stays_what_it_was() {
        let (mut map, mut packer, mut packed) = (BTreeMap::new(), Packer::default(), Vec::new());
        for number in 0..5 * LARGE {
            map.insert(number, number);
            let before = packer.packed;
            packer.grown(&mut map);
            packed.extend((packer.packed != before).then_some(map.len()));
        }
        assert_eq!(packed, [LARGE, 2 * LARGE, 4 * LARGE]);
        assert!(map.into_iter().eq((0..5 * LARGE).map(|number| (number, number))));
    }
}
