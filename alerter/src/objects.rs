//! A set of objects that is written seldom, and then by the thousand: what somebody was told of.
//!
//! A storm is told to ten people who each keep ten thousand names; a tree would be half empty.

use model::id::Object;
use serde::{Deserialize, Serialize};

/// In order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Object>")]
pub(crate) struct Objects(Vec<Object>);

impl Objects {
    pub(crate) fn contains(&self, object: &Object) -> bool {
        self.0.binary_search(object).is_ok()
    }

    /// Whether all of them are in it, which come in order.
    pub(crate) fn has_all<'a>(&self, others: impl IntoIterator<Item = &'a Object>) -> bool {
        let mut rest = self.0.iter();
        others.into_iter().all(|other| rest.find(|known| *known >= other) == Some(other))
    }

    /// These as well.
    pub(crate) fn take_in(&mut self, others: Self) {
        if self.0.is_empty() {
            *self = others;
            return;
        }
        let mut new: Vec<Object> = others.0;
        new.retain(|object| !self.contains(object));
        self.0.reserve_exact(new.len());
        self.0.append(&mut new);
        self.0.sort(); // Two runs that are in order already.
    }
}

impl FromIterator<Object> for Objects {
    fn from_iter<I: IntoIterator<Item = Object>>(objects: I) -> Self {
        objects.into_iter().collect::<Vec<Object>>().into()
    }
}

impl From<Vec<Object>> for Objects {
    fn from(mut objects: Vec<Object>) -> Self {
        objects.sort();
        objects.dedup();
        objects.shrink_to_fit();
        Self(objects)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn objects(numbers: &[u8]) -> Vec<Object> {
        numbers.iter().map(|number| format!("vm/v{number}").parse().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn it_is_what_a_set_would_be(
            first in prop::collection::vec(0..20_u8, 0..12),
            then in prop::collection::vec(0..20_u8, 0..12),
        ) {
            let (first, then) = (objects(&first), objects(&then));
            let set: BTreeSet<&Object> = first.iter().chain(&then).collect();
            let mut list: Objects = first.iter().cloned().collect();
            list.take_in(then.iter().cloned().collect());
            prop_assert!(list.0.iter().eq(set.iter().copied()));
            let sorted: Objects = then.iter().cloned().collect();
            let (all, first): (_, Objects) = (&sorted.0, first.iter().cloned().collect());
            prop_assert!(list.has_all(all));
            prop_assert_eq!(first.has_all(all), all.iter().all(|object| first.contains(object)));
            for object in objects(&(0..20).collect::<Vec<u8>>()) {
                prop_assert_eq!(list.contains(&object), set.contains(&object));
            }
        }
    }
}
