//! What the VMs of a module say together. Each is probed once an interval, so each interval is a round, and
//! a round is one look at the module: its users are served while one of its VMs answers as it should.
//!
//! - **good** as soon as one VM answered well;
//! - **blind** once all have told and one of them could not be looked at: it may have been well;
//! - **bad** once all have failed.
//!
//! The look counts from the beginning of its round, so that looks come evenly whichever VM answers first. A
//! VM that says nothing is waited for as long as a round lasts once that is over: a probe may hang.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::verdict::Outcome;

/// Of one module.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    open: BTreeMap<Time, Round>,
    /// Rounds that began before it are over.
    over: Option<Time>,
}

#[derive(Clone, Debug)]
enum Round {
    Told,
    /// Who told, and the first blind outcome, or else the first failure.
    NotYet(BTreeSet<VmId>, Outcome),
}

impl Rounds {
    /// One of so many VMs was probed, in rounds of this length. Gives back the look if that decides its round.
    pub fn hear(
        &mut self,
        length: Duration,
        (vm, of): (&VmId, usize),
        at: Time,
        outcome: &Outcome,
    ) -> Option<(Time, Outcome)> {
        let begin = begin_of(length, at);
        if self.is_decided(begin) {
            return None;
        }
        let (mut told, known) = match self.open.remove(&begin) {
            Some(Round::NotYet(told, known)) => (told, known),
            Some(Round::Told) | None => (BTreeSet::new(), outcome.clone()),
        };
        told.insert(vm.clone());
        let said = match (&known, outcome) {
            (_, Outcome::Healthy { .. }) | (Outcome::Unhealthy { .. }, Outcome::Blind { .. }) => {
                outcome.clone()
            }
            _ => known,
        };
        if matches!(said, Outcome::Healthy { .. }) || told.len() >= of {
            return Some(self.decide(begin, said));
        }
        self.open.insert(begin, Round::NotYet(told, said));
        None
    }

    /// What holds for the module whatever its VMs say, as when there is none. Gives back the look, if its round
    /// is not decided yet.
    pub fn say(&mut self, length: Duration, at: Time, outcome: Outcome) -> Option<(Time, Outcome)> {
        let begin = begin_of(length, at);
        (!self.is_decided(begin)).then(|| self.decide(begin, outcome))
    }

    /// The looks of the rounds that are over and undecided, oldest first.
    pub fn close(&mut self, length: Duration, now: Time) -> Vec<(Time, Outcome)> {
        let over = begin_of(length, now) - length;
        let open = self.open.split_off(&over);
        self.over = self.over.max(Some(over));
        let closed = std::mem::replace(&mut self.open, open).into_iter();
        let told = closed.filter_map(|(begin, round)| match round {
            Round::Told => None,
            Round::NotYet(_, outcome) => Some((begin, outcome)),
        });
        told.collect()
    }

    fn is_decided(&self, begin: Time) -> bool {
        let is_over = self.over.is_some_and(|over| begin < over);
        is_over || matches!(self.open.get(&begin), Some(Round::Told))
    }

    fn decide(&mut self, begin: Time, outcome: Outcome) -> (Time, Outcome) {
        self.open.insert(begin, Round::Told);
        (begin, outcome)
    }
}

fn begin_of(length: Duration, at: Time) -> Time {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
    Time::from_millis(at.millis().div_euclid(length) * length)
}
