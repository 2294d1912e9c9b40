//! What the VMs of a module say together. Each is probed once an interval, so each interval is a round, and
//! a round is one look at the module: its users are served while one of its VMs answers as it should.
//!
//! - **good** as soon as one VM answered well;
//! - **blind** if none did, and one could not be looked at: it may have been well;
//! - **bad** if all failed.
//!
//! The look counts from the beginning of its round, so that looks come evenly whichever VM answers first. A
//! round is waited for as long as it lasts once it is over: a probe may hang. One that answers well after
//! that still counts.

use std::collections::BTreeMap;
use std::time::Duration;

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
    Good,
    /// The first blind outcome of it, or else its first failure.
    NotYet(Outcome),
}

impl Rounds {
    /// A VM was probed, in rounds of this length. Gives back the look if that decides its round.
    pub fn hear(
        &mut self,
        length: Duration,
        at: Time,
        outcome: &Outcome,
    ) -> Option<(Time, Outcome)> {
        let begin = begin_of(length, at);
        let is_good = matches!(outcome, Outcome::Healthy { .. });
        let is_over = self.over.is_some_and(|over| begin < over);
        let known = self.open.get(&begin);
        match (known, outcome) {
            (Some(Round::Good), _) => return None,
            (_, Outcome::Healthy { .. }) if !is_over => drop(self.open.insert(begin, Round::Good)),
            (None | Some(Round::NotYet(Outcome::Unhealthy { .. })), Outcome::Blind { .. })
            | (None, Outcome::Unhealthy { .. })
                if !is_over =>
            {
                self.open.insert(begin, Round::NotYet(outcome.clone()));
            }
            _ => (),
        }
        is_good.then(|| (begin, outcome.clone()))
    }

    /// The looks of the rounds that are over and in which no VM was well, oldest first.
    pub fn close(&mut self, length: Duration, now: Time) -> Vec<(Time, Outcome)> {
        let over = begin_of(length, now) - length;
        let open = self.open.split_off(&over);
        self.over = self.over.max(Some(over));
        let closed = std::mem::replace(&mut self.open, open).into_iter();
        let told = closed.filter_map(|(begin, round)| match round {
            Round::Good => None,
            Round::NotYet(outcome) => Some((begin, outcome)),
        });
        told.collect()
    }
}

fn begin_of(length: Duration, at: Time) -> Time {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX).max(1);
    Time::from_millis(at.millis().div_euclid(length) * length)
}
