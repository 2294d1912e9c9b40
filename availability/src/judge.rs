//! Judges looks in the order in which they were taken: which failures were an outage.
//!
//! One failure may be a lost packet, so a module goes down only with a row of failures, and comes
//! up again only with a row of successes; then the change holds from the first of the row. A look
//! that disagrees and stays alone changes nothing. Before anything is known, one success is
//! believed, and failures are unknown until they are a row: the module may never have worked.
//!
//! Blind looks neither break a row nor belong to it. A row that takes longer than the
//! accounting's patience is none: that is what makes the past final some time later.

use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::accounting::Accounting;
use crate::interval::State;
use crate::look::Look;

/// A look and what was made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) at: Time,
    /// What the look itself says.
    says: State,
    reason: String,
    /// What the module is from this look on.
    pub(crate) state: State,
}

impl Judged {
    /// A failure that belongs to no outage.
    pub(crate) fn is_blip(&self) -> bool {
        self.says == State::Down && self.state != State::Down
    }

    /// What is known of the module after this look, if it says more than was known before.
    pub(crate) fn proves(&self) -> Option<State> {
        (self.says != State::Unknown && self.state != State::Unknown).then_some(self.state)
    }

    pub(crate) fn why(&self) -> &str {
        if self.state == self.says {
            &self.reason
        } else if self.state == State::Up {
            "a failure that was not confirmed"
        } else if self.state == State::Down {
            "a success that was not confirmed"
        } else {
            "failures that were not confirmed, and never a success"
        }
    }
}

/// Judges looks in order of time. `standing` is what was proven before the first of them.
pub(crate) fn judge<'a>(
    accounting: &Accounting,
    standing: State,
    looks: impl Iterator<Item = (Time, &'a Look)>,
) -> Vec<Judged> {
    let mut judge = Judge { accounting, standing, row: Vec::new(), judged: Vec::new() };
    for (at, look) in looks {
        judge.hear(at, look);
    }
    judge.judged
}

struct Judge<'a> {
    accounting: &'a Accounting,
    /// Up, down, or unknown while nothing is proven.
    standing: State,
    /// Looks that all say the same, against `standing`; by their place in `judged`.
    row: Vec<usize>,
    judged: Vec<Judged>,
}

impl Judge<'_> {
    fn hear(&mut self, at: Time, look: &Look) {
        let (says, reason) = look.testimony();
        if says == State::Unknown {
            self.note(at, says, reason, State::Unknown);
        } else if says == self.standing {
            self.row.clear();
            self.note(at, says, reason, says);
        } else {
            self.note(at, says, reason, self.standing);
            self.extend_row(at, says);
        }
    }

    fn note(&mut self, at: Time, says: State, reason: &str, state: State) {
        self.judged.push(Judged { at, says, reason: reason.to_owned(), state });
    }

    fn extend_row(&mut self, at: Time, says: State) {
        let (judged, patience) = (&self.judged, self.accounting.patience());
        self.row
            .retain(|place| judged[*place].says == says && at.since(judged[*place].at) <= patience);
        self.row.push(self.judged.len() - 1);
        if self.row.len() >= self.needed(says) {
            for place in self.row.drain(..) {
                self.judged[place].state = says;
            }
            self.standing = says;
        }
    }

    fn needed(&self, says: State) -> usize {
        let needed = match (self.standing, says) {
            (_, State::Down) => self.accounting.confirm_down,
            (State::Down, _) => self.accounting.confirm_up,
            _ => 1,
        };
        usize::try_from(needed.max(1)).unwrap_or(usize::MAX)
    }
}
