//! Which values of an agent were taken already.
//!
//! An agent that gets no answer sends the same values again, under the same numbers of the same
//! session. Numbers rise by one with each value, and a request is confirmed whole or not at all;
//! so the highest number that was confirmed says it all.
//!
//! This is for sparing work, not for being right: it ends with the process. What comes again after
//! that has the series and the time that it had before, which for the store is the same sample.
//!
//! Invariant: no more than [`MAX_SESSIONS`] are remembered; the oldest are forgotten first.

use std::collections::VecDeque;

/// An agent starts a session when it starts itself; two at once are rare.
const MAX_SESSIONS: usize = 4;
/// Real ones have 32 digits. Of a longer one nothing is remembered.
const MAX_SESSION_BYTES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Seen(VecDeque<(Box<str>, u64)>);

impl Seen {
    pub(super) fn is_known(&self, session: &str, id: u64) -> bool {
        self.0.iter().any(|(known, highest)| **known == *session && id <= *highest)
    }

    /// All up to `highest` was confirmed.
    pub(super) fn note(&mut self, session: &str, highest: u64) {
        if session.is_empty() || session.len() > MAX_SESSION_BYTES {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| **known == *session) {
            Some((_, known)) => *known = highest.max(*known),
            None => self.0.push_back((session.into(), highest)),
        }
        if self.0.len() > MAX_SESSIONS {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_confirmed_is_known_until_too_many_sessions_came_after() {
        let mut seen = Seen::default();
        seen.note("a", 7);
        seen.note("a", 5); // An older request that was confirmed late.
        let known = |seen: &Seen| [5, 7, 8].map(|id| seen.is_known("a", id));
        assert_eq!(known(&seen), [true, true, false]);
        assert!(!seen.is_known("b", 1));
        seen.note("", 9);
        seen.note(&"x".repeat(65), 9);
        assert!(!seen.is_known("", 1) && seen.0.len() == 1);
        for session in ["b", "c", "d"] {
            seen.note(session, 1);
        }
        assert_eq!(known(&seen), [true, true, false]);
        seen.note("e", 1);
        assert_eq!((known(&seen), seen.0.len()), ([false; 3], MAX_SESSIONS));
    }
}
