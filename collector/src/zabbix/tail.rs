//! Reads a stream of events whose numbers appear out of order, without losing one.
//!
//! Zabbix gives out event ids before it commits, from several processes at once. So after event
//! 120 was seen, 118 may still appear: a cursor that goes on at 121 loses it, and in a storm that
//! is every fifth event. Their clocks are no help, for a late value makes an event in the past.
//!
//! So the cursor goes on, and each id that was skipped is remembered and asked for by number at
//! every poll. Most skipped ids never appear, since internal events use the same numbers; after
//! [`GIVE_UP_AFTER`] they are given up. Measured, the others appear within 0.3 s.
//!
//! Pure; the state can be stored. Store it together with what follows from the events, and hand
//! the new state to the next poll only then: what was not stored is read again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use super::ids::EventId;

/// How long a skipped id is asked for.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// How many skipped ids are remembered; beyond that, the oldest are given up.
pub const MAX_SKIPPED: usize = 20_000;

/// How far the stream was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// The highest id that was seen; none before the first poll.
    pub cursor: Option<EventId>,
    /// Ids below it that were not there, and when each was first missed.
    pub skipped: BTreeMap<EventId, Time>,
    /// Ids given up before their time because there were too many: only the reconciliation can
    /// find what was behind them.
    pub given_up_early: u64,
}

impl Tail {
    /// Where to read on.
    pub fn next(&self) -> EventId {
        self.cursor.unwrap_or_default().next()
    }

    /// Begins at an id: what came before is not read.
    pub fn begin(&mut self, newest: EventId) {
        self.cursor = Some(newest);
        self.skipped.clear();
    }

    /// Takes in a page that was read at [`Self::next`], and says which of it is new.
    pub fn page(&mut self, ids: &BTreeSet<EventId>, now: Time) -> Vec<EventId> {
        let mut fresh = Vec::new();
        let from = self.next();
        for id in ids.range(from..).copied() {
            self.skip(self.next(), id, now);
            self.cursor = Some(id);
            fresh.push(id);
        }
        fresh
    }

    /// Takes in what was there of `asked`, and says which of it is new. What was missed for too
    /// long is given up now that it was asked for once more.
    pub fn asked_again(
        &mut self,
        asked: &[EventId],
        there: &BTreeSet<EventId>,
        now: Time,
    ) -> Vec<EventId> {
        let found = there.iter().filter(|id| self.skipped.remove(id).is_some()).copied().collect();
        for id in asked {
            if self.skipped.get(id).is_some_and(|missed| now.since(*missed) >= GIVE_UP_AFTER) {
                self.skipped.remove(id);
            }
        }
        found
    }

    /// The server's newest id. If that lies before our cursor, the numbers began anew, or the
    /// newest events were removed; both ways what comes next is read. Says whether it was so.
    pub fn resync(&mut self, newest: EventId) -> bool {
        let is_behind = Some(newest) < self.cursor;
        if is_behind {
            self.begin(newest);
        }
        is_behind
    }

    fn skip(&mut self, from: EventId, to: EventId, now: Time) {
        let reachable = to.0.saturating_sub(MAX_SKIPPED as u64).max(from.0);
        self.given_up_early += reachable - from.0;
        self.skipped.extend((reachable..to.0).map(|id| (EventId(id), now)));
        while self.skipped.len() > MAX_SKIPPED {
            self.skipped.pop_first();
            self.given_up_early += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1000;

    /// A server: each event's id, and when it becomes visible.
    struct Server(Vec<(u64, i64)>);

    impl Server {
        fn visible(&self, at: i64, wanted: impl Fn(EventId) -> bool) -> BTreeSet<EventId> {
            let seen = self.0.iter().filter(|(_, from)| *from <= at).map(|(id, _)| EventId(*id));
            seen.filter(|id| wanted(*id)).collect()
        }
    }

    fn poll(tail: &mut Tail, server: &Server, at: i64, limit: usize) -> Vec<EventId> {
        let now = Time::from_millis(at);
        let asked: Vec<EventId> = tail.skipped.keys().copied().collect();
        let there = server.visible(at, |id| asked.contains(&id));
        let mut got = tail.asked_again(&asked, &there, now);
        let next = tail.next();
        let page = server.visible(at, |id| id >= next).into_iter().take(limit).collect();
        got.extend(tail.page(&page, now));
        *tail = serde_json::from_str(&serde_json::to_string(&tail).unwrap()).unwrap();
        got
    }

    #[test]
    fn an_id_that_appears_late_is_not_lost() {
        let server = Server(vec![(5, 0), (6, 300), (7, 0), (9, 100), (8, 400)]);
        let mut tail = Tail { cursor: Some(EventId(4)), ..Tail::default() };
        let got: Vec<Vec<u64>> = [0, 100, 300, 400, 500]
            .map(|at| poll(&mut tail, &server, at, 1000).iter().map(|id| id.0).collect())
            .into();
        assert_eq!(got, [vec![5, 7], vec![9], vec![6], vec![8], vec![]]);
        assert!(tail.skipped.is_empty());
    }

    #[test]
    fn an_id_that_never_appears_is_given_up_after_a_last_look() {
        let server = Server(vec![(7, 0), (6, 45 * SECOND)]);
        let mut tail = Tail { cursor: Some(EventId(4)), ..Tail::default() };
        poll(&mut tail, &server, 0, 1000);
        poll(&mut tail, &server, 29 * SECOND, 1000);
        assert_eq!(tail.skipped.len(), 2);
        // The collector was away meanwhile: what appeared is taken though its time is over.
        assert_eq!(poll(&mut tail, &server, 600 * SECOND, 1000), [EventId(6)]);
        assert!(tail.skipped.is_empty());
    }

    #[test]
    fn a_leap_of_millions_costs_no_memory() {
        let server = Server(vec![(50_000_000, 0)]);
        let mut tail = Tail { cursor: Some(EventId(0)), ..Tail::default() };
        assert_eq!(poll(&mut tail, &server, 0, 10), [EventId(50_000_000)]);
        assert_eq!(tail.skipped.len(), MAX_SKIPPED);
        assert_eq!(tail.given_up_early, 50_000_000 - 1 - MAX_SKIPPED as u64);
    }

    #[test]
    fn numbers_that_begin_anew_are_followed() {
        let mut tail = Tail { cursor: Some(EventId(900)), ..Tail::default() };
        tail.page(&BTreeSet::from([EventId(905)]), Time::default());
        assert!(!tail.resync(EventId(905)));
        assert!(tail.resync(EventId(12)));
        assert_eq!((tail.next(), tail.skipped.len()), (EventId(13), 0));
    }

    proptest! {
        #[test]
        fn each_event_is_got_once(
            events in prop::collection::vec((1u64..4, 0i64..5000, 0i64..25_000), 1..120),
            polls in prop::collection::vec(1i64..4000, 1..40),
            limit in 1usize..20,
        ) {
            let mut id = 0;
            let mut begun = 0;
            let server = Server(events.into_iter().map(|(step, pause, late)| {
                id += step;
                begun += pause / 100;
                (id, begun + late)
            }).collect());
            let mut tail = Tail { cursor: Some(EventId(0)), ..Tail::default() };
            let mut at = 0;
            let mut got = Vec::new();
            for pause in polls {
                at += pause;
                got.extend(poll(&mut tail, &server, at, limit));
            }
            // Polls go on until all is read, never so far apart that a gap's time ends between.
            for _ in 0..200 {
                at += 250;
                got.extend(poll(&mut tail, &server, at, limit));
            }
            let count = got.len();
            let all: BTreeSet<EventId> = got.into_iter().collect();
            prop_assert_eq!(count, all.len(), "twice");
            prop_assert_eq!(all, server.visible(at, |_| true));
        }
    }
}
