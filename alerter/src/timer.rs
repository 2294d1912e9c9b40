//! Asks "is it time yet?" and remembers the nearest "not yet".
//!
//! Each wait is asked about where it is decided; the answer "no" is what wakes the alerter again.
//! So a deadline cannot be forgotten, and none is kept that no decision waits for.

use model::time::Time;

#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) now: Time,
    next: Option<Time>,
}

impl Timer {
    pub(crate) fn at(now: Time) -> Self {
        Self { now, next: None }
    }

    pub(crate) fn reached(&mut self, moment: Time) -> bool {
        if moment <= self.now {
            return true;
        }
        self.next = Some(self.next.map_or(moment, |next| next.min(moment)));
        false
    }

    /// The nearest moment that was asked about and is still ahead.
    pub(crate) fn next(&self) -> Option<Time> {
        self.next
    }
}
