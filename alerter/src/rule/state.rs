//! What is remembered of one rule.

use std::collections::BTreeMap;

use model::id::Object;
use serde::{Deserialize, Serialize};

use super::watch::Watch;

/// Where a watched series is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Its object is heard; only a rule about missing data watches what is well.
    Heard,
    /// Bad, or silent, and not for long enough.
    Waiting,
    /// Told as a problem.
    Bad,
    /// Told as silent.
    Lost,
}

/// Everything that one rule needs to go on after a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleState {
    /// By object and part.
    pub(super) watched: BTreeMap<Object, BTreeMap<String, Watch>>,
    /// What it asks and of whom, as far as the series depend on it: what a former rule of this name
    /// watched is of no use to another.
    pub(super) asks: String,
    /// Evaluations in a row that could not be judged.
    pub(super) failures: u32,
    /// Why, if that was told.
    pub(super) fault: Option<String>,
}

impl RuleState {
    /// How many series are watched.
    pub fn len(&self) -> usize {
        self.watched.values().map(BTreeMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// The objects that are told as a problem.
    pub fn bad(&self) -> impl Iterator<Item = &Object> {
        self.in_phase(Phase::Bad)
    }

    /// The objects that are told as silent, and no part of them as a problem.
    pub fn silent(&self) -> impl Iterator<Item = &Object> {
        let is_bad = |object: &Object| self.bad().any(|bad| bad == object);
        self.in_phase(Phase::Lost).filter(move |object| !is_bad(object))
    }

    /// Why the rule cannot be judged, if that was told.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    fn in_phase(&self, phase: Phase) -> impl Iterator<Item = &Object> {
        let watched = self.watched.iter();
        watched
            .filter(move |(_, parts)| parts.values().any(|watch| watch.phase == phase))
            .map(|(object, _)| object)
    }
}
