//! The account of one module: what is settled, and the recent verdicts that may still change it.
//!
//! A verdict may come late, and a failure is an outage only when more follow. So nothing is
//! decided while it could still turn: a verdict is taken up to one *patience* after it was made
//! (ten intervals, or more if the accounting confirms slowly), a row of failures or successes
//! must be complete within one patience, and therefore a moment is settled two patiences after it.
//! Within that window the order of arrival changes nothing.
//!
//! Bounds: at most [`MAX_LOOKS`] verdicts in the window; more, and later ones than that, are
//! counted and left out. The newest [`MAX_INTERVALS`] settled intervals and [`MAX_BLIPS`] blips are
//! remembered; a report that reaches behind them says unknown for what was forgotten.
//!
//! Invariant: the settled intervals, without a gap, reach from `since` to the horizon, or from the
//! oldest that is remembered.

use std::collections::BTreeMap;

use model::time::Time;
use model::verdict::Outcome;
use serde::{Deserialize, Serialize};

use crate::accounting::Accounting;
use crate::interval::{Interval, State, push};
use crate::judge::{Judged, judge};
use crate::look::Look;
use crate::report::Report;
use crate::spread::{black_out, spread, unknown};

/// A prober that keeps to its interval fills a small part of it.
const MAX_LOOKS: usize = 1_000;
const MAX_INTERVALS: usize = 4_000;
const MAX_BLIPS: usize = 4_000;
const FORGOTTEN: &str = "not remembered any more";

/// The availability of one module since it was published. It is whole when it is read back, and so is its
/// [`Ledger::tail`] once it is completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    since: Time,
    /// The newest time told by [`Ledger::tick`].
    now: Time,
    /// Everything before it is settled.
    horizon: Time,
    settled: Vec<Interval>,
    /// Up to here the settled intervals were handed out.
    taken_until: Time,
    /// Failures before the horizon that were no outage.
    blips: Vec<Time>,
    /// The last look before the horizon.
    anchor: Option<Judged>,
    /// What is proven at the horizon; unknown before the first proof.
    standing: State,
    /// Looks since the horizon.
    looks: BTreeMap<Time, Look>,
    /// Spans since the horizon in which the monitor itself was dead; apart and in order.
    dead: Vec<(Time, Time)>,
    left_out: u64,
}

impl Ledger {
    /// The ledger of a module that was published at `since`.
    pub fn new(since: Time) -> Self {
        Self {
            since,
            now: since,
            horizon: Time::from_millis(i64::MIN),
            settled: Vec::new(),
            taken_until: since,
            blips: Vec::new(),
            anchor: None,
            standing: State::Unknown,
            looks: BTreeMap::new(),
            dead: Vec::new(),
            left_out: 0,
        }
    }

    /// Takes in a verdict on a probe that began at `at`. The order does not matter, nor does
    /// saying it twice; see the bounds of the window.
    pub fn observe(&mut self, accounting: &Accounting, at: Time, outcome: &Outcome) {
        let too_late = at < self.horizon || at < self.now - accounting.patience();
        let too_many = self.looks.len() >= MAX_LOOKS && !self.looks.contains_key(&at);
        if too_late || too_many {
            self.left_out += 1;
            return;
        }
        let look = Look::from_outcome(outcome);
        let known = self.looks.entry(at).or_insert_with(|| look.clone());
        if *known < look {
            *known = look;
        }
    }

    /// Says what time it is. Whatever was not probed until now is known to be unknown, and what is
    /// old enough is settled.
    pub fn tick(&mut self, accounting: &Accounting, now: Time) {
        self.now = self.now.max(now);
        let horizon = self.now - accounting.patience().saturating_mul(2);
        if horizon > self.horizon {
            self.settle(accounting, horizon);
        }
    }

    /// The monitor itself was dead from `from` to before `until`: exactly that span is unknown,
    /// whatever the verdicts around it would say. What is settled stays as it is.
    pub fn blind(&mut self, from: Time, until: Time) {
        if from >= until {
            return;
        }
        self.dead.push((from, until));
        self.dead.sort_unstable();
        self.dead.dedup_by(|next, last| {
            let touching = next.0 <= last.1;
            if touching {
                last.1 = last.1.max(next.1);
            }
            touching
        });
    }

    /// The settled intervals that have ended since this was asked last, oldest first and without a
    /// gap. The newest state comes when it has ended and that is settled.
    pub fn take_transitions(&mut self) -> Vec<Interval> {
        let ended = &self.settled[..self.settled.len().saturating_sub(1)];
        let news = ended.partition_point(|interval| interval.from < self.taken_until);
        let taken = ended[news..].to_vec();
        if let Some(last) = taken.last() {
            self.taken_until = last.until;
        }
        taken
    }

    /// What of it may still change, or was not handed out yet. The rest is never changed again, so whoever
    /// keeps it needs to write only this anew; see [`Ledger::complete`].
    pub fn tail(&self) -> Self {
        let handed_out = self.settled.partition_point(|interval| interval.from < self.taken_until);
        Self {
            settled: self.settled[handed_out..].to_vec(),
            blips: Vec::new(),
            anchor: self.anchor.clone(),
            looks: self.looks.clone(),
            dead: self.dead.clone(),
            ..*self
        }
    }

    /// Makes a tail whole again, with what [`Ledger::take_transitions`] and [`Ledger::settled_blips`] gave
    /// out once, oldest first. What does not reach up to the tail without a gap is left out.
    pub fn complete(&mut self, stored: Vec<Interval>, blips: Vec<Time>) {
        let (mut known, mut from) = (Vec::new(), self.remembers_from());
        for interval in stored.into_iter().rev() {
            if interval.until == from {
                from = interval.from;
                known.push(interval);
            }
        }
        known.reverse();
        known.append(&mut self.settled);
        self.settled = known;
        forget_oldest(&mut self.settled, MAX_INTERVALS);
        if self.blips.is_empty() {
            self.blips = blips;
        }
    }

    /// Failures that were no outage, and never will be; only added to, but that the oldest are forgotten.
    pub fn settled_blips(&self) -> &[Time] {
        &self.blips
    }

    /// Accounts for the time from `from` to before `until`. What lies after the last tick and the
    /// last verdict is unknown; the newest time is by the present knowledge, and a failure in it
    /// counts as a blip until it is confirmed.
    pub fn report(&self, accounting: &Accounting, from: Time, until: Time) -> Report {
        let timeline = self.timeline(accounting, &[], from, until);
        Report::new(accounting, timeline, self.blips(accounting, from, until))
    }

    /// The time from `from` to before `until`, whole and in order. For what lies behind the bounds of
    /// the memory `stored` is asked: intervals in order, as [`Ledger::take_transitions`] gave them out
    /// once; without them it is unknown.
    pub fn timeline(
        &self,
        accounting: &Accounting,
        stored: &[Interval],
        from: Time,
        until: Time,
    ) -> Vec<Interval> {
        let unsettled = self.unsettled(accounting, &self.judge(accounting));
        let known = || self.settled.iter().chain(&unsettled);
        let known_until = known().last().map_or(self.since, |last| last.until);
        let before = Interval {
            from,
            until: self.since,
            state: State::NotApplicable,
            why: "not published yet".to_owned(),
        };
        let forgotten = remembered(stored, self.since, self.remembers_from());
        let ahead = unknown(known_until, until, "not looked at yet".to_owned());
        let mut timeline = Vec::new();
        for interval in [&before].into_iter().chain(&forgotten).chain(known()).chain([&ahead]) {
            if let Some(part) = interval.clip(from, until) {
                push(&mut timeline, part);
            }
        }
        timeline
    }

    /// When its module was published.
    pub fn since(&self) -> Time {
        self.since
    }

    /// The beginning of the oldest settled interval that is not forgotten.
    pub fn remembers_from(&self) -> Time {
        self.settled.first().map_or(self.since, |first| first.from)
    }

    /// Up to when something is known; what lies after it nobody has looked at yet.
    pub fn known_until(&self) -> Time {
        self.seen_until().max(self.since)
    }

    /// Whether nothing since then is forgotten. Before it was published there was nothing.
    pub fn remembers_all_since(&self, from: Time) -> bool {
        self.remembers_from() <= from.max(self.since)
    }

    /// How many failures there were that no outage came of, as far as they are remembered.
    pub fn blips(&self, accounting: &Accounting, from: Time, until: Time) -> u32 {
        let judged = self.judge(accounting);
        let recent = judged.iter().filter(|look| look.is_blip()).map(|look| look.at);
        let blips = self.blips.iter().copied().chain(recent);
        let count = blips.filter(|at| from <= *at && *at < until).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many verdicts were left out because they came too late, or were too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn settle(&mut self, accounting: &Accounting, horizon: Time) {
        let judged = self.judge(accounting);
        for interval in self.unsettled(accounting, &judged) {
            if let Some(part) = interval.clip(self.since, horizon) {
                push(&mut self.settled, part);
            }
        }
        for look in judged.into_iter().take_while(|look| look.at < horizon) {
            self.blips.extend(look.is_blip().then_some(look.at));
            self.standing = look.proves().unwrap_or(self.standing);
            self.anchor = Some(look);
        }
        self.looks = self.looks.split_off(&horizon);
        self.dead.retain(|(_, until)| *until > horizon);
        self.horizon = horizon;
        forget_oldest(&mut self.settled, MAX_INTERVALS);
        forget_oldest(&mut self.blips, MAX_BLIPS);
    }

    fn judge(&self, accounting: &Accounting) -> Vec<Judged> {
        judge(accounting, self.standing, self.looks.iter().map(|(at, look)| (*at, look)))
    }

    /// From the horizon to the present.
    fn unsettled(&self, accounting: &Accounting, judged: &[Judged]) -> Vec<Interval> {
        let looks: Vec<&Judged> = self.anchor.iter().chain(judged).collect();
        let from = self.horizon.max(self.since);
        black_out(spread(accounting, &looks, from, self.seen_until()), &self.dead)
    }

    fn seen_until(&self) -> Time {
        self.looks.keys().next_back().map_or(self.now, |newest| self.now.max(*newest))
    }
}

/// What the stored intervals say of a span; where they say nothing it is unknown.
fn remembered(stored: &[Interval], from: Time, until: Time) -> Vec<Interval> {
    let mut list = Vec::new();
    let mut done = from;
    for part in stored.iter().filter_map(|interval| interval.clip(from, until)) {
        push(&mut list, unknown(done, part.from, FORGOTTEN.to_owned()));
        done = part.until;
        push(&mut list, part);
    }
    push(&mut list, unknown(done, until, FORGOTTEN.to_owned()));
    list
}

fn forget_oldest<T>(list: &mut Vec<T>, keep: usize) {
    list.drain(..list.len().saturating_sub(keep));
}
