//! The latest good words about what is well, by their own stamps.
//!
//! A word may overtake an older one on its way: the end of a trouble arrives, and then its beginning.
//! Nothing is remembered of what is well but this, so that such a beginning is known for stale. It is
//! bounded in time and in number, and not stored: what it saves from is a false alarm now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{CheckId, Object, SourceId};
use model::signal::Signal;
use model::time::Time;

use crate::state::Word;

/// Words are hardly ever later than this.
const LATE: Duration = Duration::from_secs(3_600);
/// Of more objects nothing is remembered.
const MAX_OBJECTS: usize = 20_000;

/// One for each check and source that was good of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latest(BTreeMap<Object, Vec<Good>>);

#[derive(Clone, Debug)]
struct Good {
    check: CheckId,
    source: SourceId,
    /// By the source's own clock.
    at: Time,
    /// By ours.
    heard: Time,
}

impl Latest {
    /// A good word of which nothing else is kept.
    pub(crate) fn note(&mut self, signal: &Signal, now: Time) {
        let Signal { object, check, source, at, .. } = signal;
        self.put(
            object,
            Good { check: check.clone(), source: source.clone(), at: *at, heard: now },
        );
    }

    /// Good words that are about to be forgotten.
    pub(crate) fn take_over(&mut self, object: &Object, words: &[Word]) {
        for Word { check, source, at, heard, .. } in words.iter().filter(|word| word.is_good()) {
            let (check, source) = (check.clone(), source.clone());
            self.put(object, Good { check, source, at: *at, heard: *heard });
        }
    }

    fn put(&mut self, object: &Object, good: Good) {
        if self.0.len() >= MAX_OBJECTS && !self.0.contains_key(object) {
            return;
        }
        let known = self.0.entry(object.clone()).or_default();
        let same = |other: &&mut Good| other.check == good.check && other.source == good.source;
        match known.iter_mut().find(same) {
            Some(known) => (known.at, known.heard) = (known.at.max(good.at), good.heard),
            None => known.push(good),
        }
    }

    /// The stamp of the last good word of the check and source of a signal.
    pub(crate) fn of(&self, signal: &Signal) -> Option<Time> {
        let mut known = self.0.get(&signal.object)?.iter();
        let same = |good: &&Good| good.check == signal.check && good.source == signal.source;
        known.find(same).map(|good| good.at)
    }

    pub(crate) fn forget(&mut self, now: Time) {
        self.0.retain(|_, known| {
            known.retain(|good| good.heard + LATE > now);
            !known.is_empty()
        });
    }

    pub(crate) fn times(&mut self) -> impl Iterator<Item = &mut Time> {
        self.0.values_mut().flatten().flat_map(|good| [&mut good.at, &mut good.heard])
    }
}

/// It is no part of what is known: a restart forgets it.
impl PartialEq for Latest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
