//! Labels that many targets have, kept once.
//!
//! A thousand machines with the same exporter show the same hundred series each, and differ only
//! in what the target has in common. Whoever remembers series of many targets passes their own
//! labels through here and holds what comes back.
//!
//! What nobody holds any more is dropped when the pool has doubled.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use model::series::Labels;

/// Below this it is not worth looking for what nobody holds.
const SMALL: usize = 1024;

/// Cheap to clone; all clones are one pool.
#[derive(Clone, Debug, Default)]
pub struct LabelPool(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    labels: BTreeSet<Labels>,
    /// How many there were after the last cleaning.
    cleaned: usize,
}

impl LabelPool {
    /// The same labels, and the same memory as all others that came through here.
    pub fn shared(&self, labels: Labels) -> Labels {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.labels.get(&labels) {
            return known.clone();
        }
        if kept.labels.len() >= SMALL.max(2 * kept.cleaned) {
            kept.labels.retain(Labels::is_held_elsewhere);
            kept.cleaned = kept.labels.len();
        }
        kept.labels.insert(labels.clone());
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: usize) -> Labels {
        Labels::of([("number", number.to_string())])
    }

    #[test]
    fn the_same_labels_are_kept_once() {
        let pool = LabelPool::default();
        let one = pool.shared(numbered(1));
        let other = pool.shared(numbered(1));
        assert!(std::ptr::eq(one.pairs(), other.pairs()));
        assert_eq!(other, numbered(1));
    }

    #[test]
    fn what_nobody_holds_is_dropped() {
        let pool = LabelPool::default();
        let held = pool.shared(numbered(0));
        (1..10 * SMALL).for_each(|number| drop(pool.shared(numbered(number))));
        assert!(pool.0.lock().unwrap().labels.len() <= 2 * SMALL);
        assert!(std::ptr::eq(held.pairs(), pool.shared(numbered(0)).pairs()));
    }
}
