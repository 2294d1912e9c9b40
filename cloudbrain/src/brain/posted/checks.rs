//! The alerts of one object.
//!
//! A hundred thousand objects have one each, for which a tree of its own would be ten times what is in
//! it. So they are a list, in order, and a search in it is a search by halves.

use std::collections::BTreeMap;
use std::time::Duration;

use collector::posted::Labels;
use model::id::CheckId;
use model::time::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the labels of an alert said stays known for so long after its end.
pub(super) const REMEMBERED: Duration = Duration::from_secs(3600);

/// What is kept of one alert.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Known {
    /// Over since then, or will be.
    pub(super) ends: Time,
    pub(super) is_over: bool,
    pub(super) labels: Labels,
    /// It is part of something that goes on, and is not forgotten before.
    #[serde(skip)]
    pub(super) needed_until: Option<Time>,
}

impl Known {
    /// When it ends if it is not repeated, or is forgotten if it has ended.
    pub(super) fn due(&self) -> Time {
        let end = if self.is_over { self.ends + REMEMBERED } else { self.ends };
        self.needed_until.map_or(end, |until| until.max(end))
    }
}

/// By check; stored as a map.
#[derive(Debug, Default)]
pub(super) struct Checks(pub(super) Vec<(CheckId, Known)>);

impl Checks {
    pub(super) fn get(&self, check: &CheckId) -> Option<&Known> {
        let place = self.place(check).ok()?;
        Some(&self.0[place].1)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Known> {
        self.0.iter().map(|(_, known)| known)
    }

    /// Returns whether that check was not there.
    pub(super) fn insert(&mut self, check: CheckId, known: Known) -> bool {
        match self.place(&check) {
            Ok(place) => {
                self.0[place].1 = known;
                false
            }
            Err(place) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (check, known));
                true
            }
        }
    }

    fn place(&self, check: &CheckId) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(check))
    }
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(check, known)| (check, known)))
    }
}

impl<'de> Deserialize<'de> for Checks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let known = BTreeMap::<CheckId, Known>::deserialize(deserializer)?;
        Ok(Self(known.into_iter().collect()))
    }
}
