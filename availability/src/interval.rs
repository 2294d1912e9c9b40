//! Stretches of time that are in one state, and lists of them.

use std::fmt;
use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

/// What a module is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Up,
    Down,
    /// Nobody looked, or nobody could.
    Unknown,
    /// Out of service on purpose, and announced.
    Maintenance,
    /// It did not exist for its users.
    NotApplicable,
}

impl State {
    pub const ALL: [Self; 5] =
        [Self::Up, Self::Down, Self::Unknown, Self::Maintenance, Self::NotApplicable];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Maintenance => "maintenance",
            Self::NotApplicable => "not-applicable",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// From `from` to before `until` it was in this state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    pub from: Time,
    /// After `from`.
    pub until: Time,
    pub state: State,
    /// Why it came into this state, in words.
    pub why: String,
}

impl Interval {
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// The part of it from `from` to before `until`.
    pub(crate) fn clip(&self, from: Time, until: Time) -> Option<Self> {
        let (from, until) = (self.from.max(from), self.until.min(until));
        (from < until).then(|| Self { from, until, ..self.clone() })
    }
}

/// Adds the interval that follows at the end of a list without gaps, in which neighbours differ
/// in state.
pub(crate) fn push(list: &mut Vec<Interval>, next: Interval) {
    if next.from >= next.until {
        return;
    }
    match list.last_mut() {
        Some(last) if last.state == next.state => last.until = next.until,
        _ => list.push(next),
    }
}

/// Likewise, where neighbours differ in state or reason: so what is said of a moment does not depend on
/// where the list begins.
pub(crate) fn push_alike(list: &mut Vec<Interval>, next: Interval) {
    if next.from >= next.until {
        return;
    }
    match list.last_mut() {
        Some(last) if last.state == next.state && last.why == next.why => last.until = next.until,
        _ => list.push(next),
    }
}
