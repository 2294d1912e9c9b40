//! Looks up one key after another in a large map.
//!
//! Who goes through ten thousand VMs in their order and asks another map for each of them asks it in
//! its order, too. A search from the top each time costs more than all the rest of a look; the next
//! entry is mostly the one that is wanted, or a few further on.
//!
//! Any order gives the same answers; the map's own gives them quickly.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

/// After so many entries that were not wanted a search is cheaper.
const STEPS: usize = 16;

#[derive(Debug)]
pub(crate) struct Finder<'a, K, V> {
    map: &'a BTreeMap<K, V>,
    /// The entry where the last answer was found, or the one behind it.
    here: Option<(&'a K, &'a V)>,
    ahead: Range<'a, K, V>,
}

impl<'a, K: Ord, V> Finder<'a, K, V> {
    pub(crate) fn new(map: &'a BTreeMap<K, V>) -> Self {
        Self { map, here: None, ahead: map.range(..) }
    }

    pub(crate) fn get<Q: Ord>(&mut self, key: &Q) -> Option<&'a V>
    where
        K: Borrow<Q>,
    {
        for step in 0..STEPS {
            let Some((here, value)) = self.here else { break };
            match here.borrow().cmp(key) {
                Ordering::Less => self.here = self.ahead.next(),
                Ordering::Equal => return Some(value),
                Ordering::Greater if step > 0 => return None, // It was passed just now.
                Ordering::Greater => break,
            }
        }
        self.search(key)
    }

    pub(crate) fn has<Q: Ord>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    fn search<Q: Ord>(&mut self, key: &Q) -> Option<&'a V>
    where
        K: Borrow<Q>,
    {
        self.ahead = self.map.range((Bound::Included(key), Bound::Unbounded));
        self.here = self.ahead.next();
        self.here.filter(|(here, _)| (*here).borrow() == key).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_a_search_would(
            map in prop::collection::btree_map(0..80_u8, any::<u8>(), 0..80),
            keys in prop::collection::vec(0..80_u8, 0..60),
            is_sorted in any::<bool>(),
        ) {
            let mut keys = keys;
            if is_sorted {
                keys.sort_unstable();
            }
            let mut finder = Finder::new(&map);
            for key in keys {
                prop_assert_eq!(finder.get(&key), map.get(&key), "{}", key);
            }
        }
    }
}
