//! The account of one module: what is settled, and the recent verdicts that may still change it.
//!
//! It may be measured by several [`Indicator`]s, each at its own pace: its domain, its VMs, checks. Each is
//! judged by its own looks alone, and the module is, at each moment, as the worst of them says; so a check
//! that comes each five minutes needs no more patience of the domain, which is probed each ten seconds.
//!
//! A verdict may come late, and a failure is an outage only when more follow. So nothing is
//! decided while it could still turn: a verdict is taken up to one *patience* after it was made
//! (ten intervals, or more if the accounting confirms slowly), a row of failures or successes
//! must be complete within one patience, and therefore a moment is settled two patiences after it.
//! Within that window the order of arrival changes nothing.
//!
//! Bounds: at most a thousand verdicts of an indicator in its window; more, and later ones than that, are
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
use crate::indicator::{Indicator, Pace};
use crate::interval::{Interval, State, push};
use crate::judge::Judged;
use crate::look::Look;
use crate::report::Report;
use crate::spread::{black_out, unknown};
use crate::track::Track;
use crate::whole::whole;

const MAX_INTERVALS: usize = 4_000;
const MAX_BLIPS: usize = 4_000;
const FORGOTTEN: &str = "not remembered any more";

/// The availability of one module since it was published. It is whole when it is read back, and so is its
/// [`Ledger::tail`] once it is completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Ledger {
    since: Time,
    /// The newest time told by [`Ledger::tick`].
    now: Time,
    /// Everything before it is settled, by all indicators.
    horizon: Time,
    settled: Vec<Interval>,
    /// Up to here the settled intervals were handed out.
    taken_until: Time,
    /// Failures before the horizon that were no outage.
    blips: Vec<Time>,
    /// What each indicator says since the horizon.
    tracks: BTreeMap<Indicator, Track>,
    /// Spans since the horizon in which the monitor itself was dead; apart and in order.
    dead: Vec<(Time, Time)>,
    left_out: u64,
}

/// As a ledger is read; before there were indicators, what the domain said stood among the rest.
#[derive(Deserialize)]
struct Written {
    since: Time,
    now: Time,
    horizon: Time,
    settled: Vec<Interval>,
    taken_until: Time,
    blips: Vec<Time>,
    #[serde(default)]
    tracks: BTreeMap<Indicator, Track>,
    dead: Vec<(Time, Time)>,
    left_out: u64,
    anchor: Option<Judged>,
    standing: Option<State>,
    #[serde(default)]
    looks: BTreeMap<Time, Look>,
}

impl From<Written> for Ledger {
    fn from(written: Written) -> Self {
        let Written { since, now, horizon, settled, taken_until, .. } = written;
        let Written { blips, mut tracks, dead, left_out, anchor, standing, looks, .. } = written;
        if let Some(standing) = standing {
            let domain = Track { anchor, standing, looks, ..Track::new(horizon, since) };
            tracks.insert(Indicator::Domain, domain);
        }
        Self { since, now, horizon, settled, taken_until, blips, tracks, dead, left_out }
    }
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
            tracks: BTreeMap::new(),
            dead: Vec::new(),
            left_out: 0,
        }
    }

    /// Takes in a verdict on a probe of its domain that began at `at`. The order does not matter, nor
    /// does saying it twice; see the bounds of the window.
    pub fn observe(&mut self, accounting: &Accounting, at: Time, outcome: &Outcome) {
        self.observe_by(accounting, (&Indicator::Domain, None), at, outcome);
    }

    /// Takes in what an indicator says, likewise; without a pace it keeps to that of the accounting. It counts
    /// from its first look on: one that is new makes no time unknown in which others looked.
    pub fn observe_by(
        &mut self,
        accounting: &Accounting,
        (indicator, pace): (&Indicator, Option<Pace>),
        at: Time,
        outcome: &Outcome,
    ) {
        if !self.tracks.contains_key(indicator) {
            self.tracks.insert(indicator.clone(), Track::new(self.horizon, at));
        }
        let Some(track) = self.tracks.get_mut(indicator) else { return };
        track.pace = pace;
        let look = Look::from_outcome(outcome);
        let is_taken = track.take((indicator, accounting), self.now, at, look);
        self.left_out += u64::from(!is_taken);
        if track.is_blank() {
            self.tracks.remove(indicator);
        }
    }

    /// The module is measured by these alone from `now` on. While no indicator looks it is unknown.
    pub fn measured_by(&mut self, indicators: &[Indicator], now: Time) {
        let gone = self.tracks.iter_mut().filter(|(name, _)| !indicators.contains(name));
        gone.for_each(|(_, track)| track.ended = track.ended.or(Some(now)));
    }

    /// Whether nobody ever looked, as far as is remembered.
    pub fn is_blank(&self) -> bool {
        self.tracks.is_empty() && self.settled.iter().all(|one| one.state == State::Unknown)
    }

    /// Says what time it is. Whatever was not probed until now is known to be unknown, and what is
    /// old enough is settled.
    pub fn tick(&mut self, accounting: &Accounting, now: Time) {
        self.now = self.now.max(now);
        let (now, seen, since) = (self.now, self.seen_until(), self.since);
        for (indicator, track) in &mut self.tracks {
            track.settle((indicator, accounting), (since, now), seen);
        }
        let horizons = self.tracks.values().map(|track| track.horizon);
        let horizon = horizons.min().unwrap_or(now - accounting.patience().saturating_mul(2));
        if horizon > self.horizon {
            self.settle(horizon);
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
            tracks: self.tracks.clone(),
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
        let unsettled = self.unsettled(accounting);
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
        let tracks = self.tracks.iter();
        let recent =
            tracks.flat_map(|(indicator, track)| track.recent_blips(indicator, accounting));
        let blips = self.blips.iter().copied().chain(recent);
        let count = blips.filter(|at| from <= *at && *at < until).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many verdicts were left out because they came too late, or were too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn settle(&mut self, horizon: Time) {
        let from = self.horizon.max(self.since);
        for interval in self.joined((from, horizon), |_, _| Vec::new()) {
            push(&mut self.settled, interval);
        }
        let blips = self.tracks.values_mut().flat_map(|track| track.forget_before(horizon));
        let mut blips: Vec<Time> = blips.collect();
        blips.sort_unstable();
        self.blips.append(&mut blips);
        self.tracks.retain(|_, track| track.ended.is_none_or(|ended| ended > horizon));
        self.dead.retain(|(_, until)| *until > horizon);
        self.horizon = horizon;
        forget_oldest(&mut self.settled, MAX_INTERVALS);
        forget_oldest(&mut self.blips, MAX_BLIPS);
    }

    /// From the horizon to the present.
    fn unsettled(&self, accounting: &Accounting) -> Vec<Interval> {
        let (from, seen) = (self.horizon.max(self.since), self.seen_until());
        self.joined((from, seen), |indicator, track| {
            track.recent((indicator, accounting), self.since, seen)
        })
    }

    /// What all indicators say together, of time that none of them has handed to the ledger.
    fn joined(
        &self,
        (from, until): (Time, Time),
        recent: impl Fn(&Indicator, &Track) -> Vec<Interval>,
    ) -> Vec<Interval> {
        if from >= until {
            return Vec::new();
        }
        let said = self.tracks.iter().map(|(indicator, track)| {
            track.testimony(indicator, recent(indicator, track), (from, until))
        });
        let mut said: Vec<Vec<Interval>> = said.collect();
        let joined = match said.len() {
            0 => vec![unknown(from, until, self.why_unmeasured(from).to_owned())],
            1 => said.remove(0),
            _ => whole(&said),
        };
        let measured = joined.into_iter().map(|one| match one.state {
            State::NotApplicable => {
                unknown(one.from, one.until, self.why_unmeasured(one.from).to_owned())
            }
            State::Up | State::Down | State::Unknown | State::Maintenance => one,
        });
        black_out(measured.collect(), &self.dead)
    }

    /// Why a moment concerns no indicator.
    fn why_unmeasured(&self, at: Time) -> &'static str {
        let was_measured = self.settled.iter().any(|one| one.state != State::Unknown);
        match was_measured || self.tracks.values().any(|track| track.first < at) {
            true => "nothing measures it any more",
            false => "not probed yet",
        }
    }

    fn seen_until(&self) -> Time {
        let newest = self.tracks.values().filter_map(|track| track.looks.keys().next_back());
        newest.fold(self.now, |newest, at| newest.max(*at))
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
