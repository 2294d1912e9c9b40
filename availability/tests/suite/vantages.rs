//! What several vantages deliver, whenever it comes.

use std::collections::BTreeMap;

use availability::{Joined, Ledger, State, join};
use model::id::VantageId;
use model::time::Time;
use model::verdict::Outcome;
use proptest::prelude::*;

use crate::verdicts::{bad, each_minute, good};

const NAMES: [&str; 3] = ["beijing", "brain", "osaka"];

type Ledgers = BTreeMap<VantageId, Ledger>;

fn minute(minute: i64) -> Time {
    Time::from_millis(minute * 60_000)
}

fn ledgers() -> Ledgers {
    let named = NAMES.map(|name| (VantageId::parse(name).unwrap(), Ledger::new(minute(0))));
    named.into()
}

/// A vantage says what time it is by what it delivers, and by nothing else.
fn deliver(ledgers: &mut Ledgers, name: &str, at: i64, outcome: &Outcome) {
    let ledger = ledgers.get_mut(&VantageId::parse(name).unwrap()).unwrap();
    ledger.observe(&each_minute(), minute(at), outcome);
    ledger.tick(&each_minute(), minute(at));
}

fn joined(ledgers: &Ledgers, until: i64, quorum: u32) -> Joined {
    let (from, until) = (minute(0), minute(until));
    let seen = ledgers.iter();
    let seen =
        seen.map(|(name, one)| (name.clone(), one.timeline(&each_minute(), &[], from, until)));
    join(&seen.collect(), quorum)
}

fn state_at(joined: &Joined, at: i64) -> State {
    let over = |one: &&availability::Interval| one.from <= minute(at) && minute(at) < one.until;
    joined.timeline.iter().find(over).unwrap().state
}

#[test]
fn what_comes_hours_late_takes_the_place_of_unknown() {
    let mut ledgers = ledgers();
    for at in 0..180 {
        let outcome = if (60..80).contains(&at) { bad("500") } else { good() };
        deliver(&mut ledgers, "brain", at, &outcome);
        if at < 30 {
            deliver(&mut ledgers, "osaka", at, &outcome);
        }
    }
    let before = joined(&ledgers, 180, 2);
    assert_eq!(
        [20, 50, 70].map(|at| state_at(&before, at)),
        [State::Up, State::Unknown, State::Unknown]
    );
    for at in 30..180 {
        let outcome = if (62..80).contains(&at) { bad("connect: refused") } else { good() };
        deliver(&mut ledgers, "osaka", at, &outcome);
    }
    let after = joined(&ledgers, 179, 2);
    let down: Vec<_> = after.timeline.iter().filter(|one| one.state == State::Down).collect();
    assert_eq!(down.len(), 1);
    assert_eq!((down[0].from, down[0].until), (minute(62), minute(80)));
    assert_eq!(down[0].why, "seen from brain, osaka: status: 500");
    assert_eq!((after.partials[0].from, after.partials[0].until), (minute(60), minute(62)));
}

/// What each vantage delivers in its own order, the word of which comes next, and what comes twice.
fn deliveries() -> impl Strategy<Value = (Vec<(usize, bool)>, Vec<usize>)> {
    let answers = prop::collection::vec((0..NAMES.len(), prop::bool::weighted(0.4)), 1..150);
    (answers, prop::collection::vec(0..150_usize, 0..40))
}

proptest! {
    /// A vantage delivers in order, and says again what was not acknowledged; who of several comes first,
    /// nobody knows.
    #[test]
    fn who_delivers_first_and_what_comes_twice_changes_nothing(
        (answers, again) in deliveries(), quorum in 1..4_u32,
    ) {
        let mut minutes = [0_i64; NAMES.len()];
        let timed: Vec<(usize, i64, bool)> = answers
            .iter()
            .map(|(vantage, is_good)| {
                minutes[*vantage] += 1;
                (*vantage, minutes[*vantage], *is_good)
            })
            .collect();
        let outcome = |is_good| if is_good { good() } else { bad("500") };
        let (mut one, mut other) = (ledgers(), ledgers());
        for (vantage, at, is_good) in &timed {
            deliver(&mut one, NAMES[*vantage], *at, &outcome(*is_good));
        }
        let mut sorted = timed.clone();
        sorted.sort_by_key(|(vantage, at, _)| (*vantage, *at));
        for (number, (vantage, at, is_good)) in sorted.iter().enumerate() {
            deliver(&mut other, NAMES[*vantage], *at, &outcome(*is_good));
            for place in again.iter().filter(|place| **place <= number) {
                let (vantage, at, is_good) = sorted[*place];
                deliver(&mut other, NAMES[vantage], at, &outcome(is_good));
            }
        }
        prop_assert_eq!(joined(&one, 160, quorum), joined(&other, 160, quorum));
    }
}
