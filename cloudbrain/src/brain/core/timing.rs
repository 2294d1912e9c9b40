//! From the schedules of the policies to moments, for the scaler: those that hold now, and those that
//! begin within the hour, so that none is missed if a turn comes late.

use std::time::Duration;

use model::time::Time;

use crate::config::timetable::spans_of;

use super::Core;

/// So far ahead spans are handed over,
const AHEAD: Duration = Duration::from_secs(2 * 3_600);
/// and this often.
const EVERY: Duration = Duration::from_secs(600);

impl Core {
    /// Hands over which schedules hold or begin soon, when that may have changed.
    pub(super) fn keep_time(&mut self, now: Time) {
        // A clock that is set back does not stop it.
        if self.time_due.is_some_and(|due| due > now && due <= now + EVERY) {
            return;
        }
        self.time_due = Some(now + EVERY);
        self.senses.facts.schedules = spans_of(&self.config.timetables, now, AHEAD);
    }
}
