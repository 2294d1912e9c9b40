//! One series that a rule keeps in mind, from its first bad value to its end.
//!
//! Waits are summed up over evaluations in a row. An evaluation that is missing, late or without a
//! value for this series adds nothing: the wait stands still and goes on with the next two values
//! in a row.

use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use super::state::Phase;
use super::{Condition, FORGET, GRACE, Rule};

/// Later than so many intervals after the last evaluation, nobody knows what was in between.
const IN_A_ROW: u32 = 2;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Watch {
    pub(super) phase: Phase,
    /// How long it has been bad, if it is not told yet; else how long it has been good.
    pub(super) held: Wait,
    /// How long it has had no value.
    pub(super) absent: Wait,
    /// The last one; finite.
    pub(super) value: f64,
    /// The topology knew its object. What it never knew cannot be gone.
    pub(super) known: bool,
}

/// Time that passed between evaluations in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wait {
    sum_ms: u64,
    /// The last evaluation that counted; None if it stands still.
    last: Option<Time>,
}

/// What an evaluation says of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen {
    /// It has a value, finite.
    Value(f64),
    /// It has none, and others of its object have.
    PartAbsent,
    /// Nothing is heard of its object.
    Absent,
}

impl Wait {
    fn go_on(&mut self, at: Time, every: Duration) {
        let passed = self.last.map_or(Duration::ZERO, |last| at.since(last));
        if passed <= every.saturating_mul(IN_A_ROW) {
            self.sum_ms += u64::try_from(passed.as_millis()).unwrap_or(0);
        }
        self.last = Some(at);
    }

    fn stand_still(&mut self) {
        self.last = None;
    }

    fn begin_anew(&mut self) {
        *self = Self::default();
    }

    fn reaches(self, enough: Duration) -> bool {
        u128::from(self.sum_ms) >= enough.as_millis()
    }
}

impl Watch {
    /// A series that is not watched yet. None if there is no reason to.
    pub(super) fn begin(rule: &Rule, value: f64, at: Time, known: bool) -> Option<Self> {
        let phase = match rule.condition {
            Condition::NoData => Phase::Heard,
            Condition::Presence => Phase::Waiting,
            Condition::Number { fires, .. } if fires.holds(value) => Phase::Waiting,
            Condition::Number { .. } => return None,
        };
        let none = Wait::default();
        let watch = Self { phase, held: none, absent: none, value, known };
        watch.next(rule, Seen::Value(value), at)
    }

    /// Nothing can be said about this moment.
    pub(super) fn stand_still(&mut self) {
        self.held.stand_still();
        self.absent.stand_still();
    }

    /// Takes in one evaluation. None if it need not be watched any more.
    pub(super) fn next(mut self, rule: &Rule, seen: Seen, at: Time) -> Option<Self> {
        match (rule.condition, seen) {
            (Condition::NoData, Seen::Value(_)) => {
                self.phase = Phase::Heard;
                self.held.begin_anew();
                self.absent.begin_anew();
                Some(self)
            }
            (Condition::NoData, Seen::PartAbsent | Seen::Absent) => self.silent(rule, at),
            (Condition::Presence, Seen::Value(value)) => {
                self.value = value;
                self.judged(rule, at, true, false)
            }
            (Condition::Presence, Seen::PartAbsent | Seen::Absent) => {
                self.judged(rule, at, false, true)
            }
            (Condition::Number { fires, clears }, Seen::Value(value)) => {
                self.value = value;
                self.absent.begin_anew();
                self.judged(rule, at, fires.holds(value), clears.holds(value))
            }
            (Condition::Number { .. }, Seen::PartAbsent) => self.lost(rule, at, true),
            (Condition::Number { .. }, Seen::Absent) => self.lost(rule, at, false),
        }
    }

    fn judged(mut self, rule: &Rule, at: Time, is_bad: bool, is_good: bool) -> Option<Self> {
        match self.phase {
            Phase::Heard | Phase::Waiting => {
                if !is_bad {
                    return None;
                }
                self.held.go_on(at, rule.every);
                if self.held.reaches(rule.hold) {
                    self.phase = Phase::Bad;
                    self.held.begin_anew();
                }
            }
            Phase::Bad | Phase::Lost => {
                self.phase = Phase::Bad;
                if !is_good {
                    self.held.begin_anew();
                    return Some(self);
                }
                self.held.go_on(at, rule.every);
                if self.held.reaches(rule.clear_after) {
                    return None;
                }
            }
        }
        Some(self)
    }

    /// A number that is not there.
    fn lost(mut self, rule: &Rule, at: Time, is_part: bool) -> Option<Self> {
        self.held.stand_still();
        self.absent.go_on(at, rule.every);
        let grace = GRACE.max(rule.every.saturating_mul(3));
        match self.phase {
            Phase::Heard | Phase::Waiting if self.absent.reaches(grace) => return None,
            // The others speak, so it is no silence: this part is no more.
            Phase::Bad | Phase::Lost if is_part && self.absent.reaches(grace) => return None,
            Phase::Bad if self.absent.reaches(grace) => self.phase = Phase::Lost,
            Phase::Lost if self.absent.reaches(FORGET) => return None,
            Phase::Heard | Phase::Waiting | Phase::Bad | Phase::Lost => {}
        }
        Some(self)
    }

    /// An object that is not heard, by a rule that tells just that.
    fn silent(mut self, rule: &Rule, at: Time) -> Option<Self> {
        match self.phase {
            Phase::Heard | Phase::Waiting | Phase::Bad => {
                self.held.go_on(at, rule.every);
                let is_enough = self.held.reaches(rule.hold);
                self.phase = if is_enough { Phase::Lost } else { Phase::Waiting };
            }
            Phase::Lost => {
                self.absent.go_on(at, rule.every);
                if self.absent.reaches(FORGET) {
                    return None;
                }
            }
        }
        Some(self)
    }
}
