//! What one indicator says of its module: what is settled of it, and the recent looks that may still
//! change it.
//!
//! Indicators look at their own pace, so each has a window of its own. What is settled here and not yet by
//! the slowest of them waits in [`Track::settled`].
//!
//! Invariant: the settled intervals, without a gap, reach from the horizon of the ledger, or the first
//! look, to the horizon of the track.

use std::collections::BTreeMap;

use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::accounting::Accounting;
use crate::indicator::{Indicator, Pace};
use crate::interval::{Interval, State, push, push_alike};
use crate::judge::{Judged, judge};
use crate::look::Look;
use crate::spread::{cut_out, spread};

/// A prober that keeps to its interval fills a small part of it.
const MAX_LOOKS: usize = 1_000;
/// So many settled intervals that differ in their reason alone may wait for a slower indicator.
const MAX_WAITING: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Track {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pace: Option<Pace>,
    /// Its first look.
    pub(crate) first: Time,
    /// When it was taken away, while others measured its module; apart and in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) away: Vec<(Time, Time)>,
    /// Since when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Time>,
    /// Everything before it is settled.
    pub(crate) horizon: Time,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) settled: Vec<Interval>,
    /// Failures that were no outage, of the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) blips: Vec<Time>,
    /// The last look before the horizon.
    pub(crate) anchor: Option<Judged>,
    /// What is proven at the horizon; unknown before the first proof.
    pub(crate) standing: State,
    /// Looks since the horizon.
    pub(crate) looks: BTreeMap<Time, Look>,
}

impl Track {
    /// Of an indicator that looks for the first time.
    pub(crate) fn new(horizon: Time, first: Time) -> Self {
        Self {
            pace: None,
            first,
            away: Vec::new(),
            ended: None,
            horizon,
            settled: Vec::new(),
            blips: Vec::new(),
            anchor: None,
            standing: State::Unknown,
            looks: BTreeMap::new(),
        }
    }

    /// Whether the look counts; it is too late otherwise, or one too many.
    pub(crate) fn take(
        &mut self,
        (indicator, accounting): (&Indicator, &Accounting),
        now: Time,
        at: Time,
        look: Look,
    ) -> bool {
        let accounting = accounting.rules_of(indicator, self.pace);
        let too_late = at < self.horizon || at < now - accounting.patience();
        let too_many = self.looks.len() >= MAX_LOOKS && !self.looks.contains_key(&at);
        if too_late || too_many {
            return false;
        }
        self.first = self.first.min(at);
        self.come_back(at);
        let known = self.looks.entry(at).or_insert_with(|| look.clone());
        if *known < look {
            *known = look;
        }
        true
    }

    /// Whether there is nothing of it that counts.
    pub(crate) fn is_blank(&self) -> bool {
        self.looks.is_empty() && self.anchor.is_none()
    }

    /// Settles what is old enough, of a module that was published at `since`.
    pub(crate) fn settle(
        &mut self,
        (indicator, accounting): (&Indicator, &Accounting),
        (since, now): (Time, Time),
        seen: Time,
    ) {
        let accounting = accounting.rules_of(indicator, self.pace);
        let horizon = now - accounting.patience().saturating_mul(2);
        if horizon <= self.horizon {
            return;
        }
        let judged = self.judge(&accounting);
        for interval in self.unsettled(&accounting, &judged, since, seen) {
            if let Some(part) = interval.clip(since, horizon) {
                push_alike(&mut self.settled, part);
            }
        }
        for look in judged.into_iter().take_while(|look| look.at < horizon) {
            self.blips.extend(look.is_blip().then_some(look.at));
            self.standing = look.proves().unwrap_or(self.standing);
            self.anchor = Some(look);
        }
        self.looks = self.looks.split_off(&horizon);
        self.horizon = horizon;
        if self.settled.len() > MAX_WAITING {
            let mut fewer = Vec::new();
            self.settled.drain(..).for_each(|interval| push(&mut fewer, interval));
            self.settled = fewer;
        }
    }

    /// It looks again: while it was taken away it said nothing.
    fn come_back(&mut self, at: Time) {
        if let Some(ended) = self.ended.take_if(|ended| *ended <= at) {
            self.away.push((ended, at));
        }
        // It had come back sooner: that look was late.
        let late = self.away.iter_mut().find(|(from, until)| *from <= at && at < *until);
        late.into_iter().for_each(|(_, until)| *until = at);
        self.away.retain(|(from, until)| from < until);
    }

    /// What it says of the time from `from` to before `until`, without a gap, by the name of its indicator.
    /// What was before it began, and after it ended, does not concern it.
    pub(crate) fn testimony(
        &self,
        indicator: &Indicator,
        recent: Vec<Interval>,
        (from, until): (Time, Time),
    ) -> Vec<Interval> {
        let end = self.ended.map_or(until, |ended| ended.clamp(from, until));
        let begin = self.first.clamp(from, end);
        let mut list = Vec::new();
        push_alike(&mut list, apart(from, begin));
        let said = self.settled.iter().cloned().chain(recent).collect();
        for interval in cut_out(said, &self.away, apart) {
            if let Some(part) = interval.clip(begin, end) {
                let why = match part.state {
                    State::Down | State::Unknown => indicator.signed(part.why),
                    State::Up | State::Maintenance | State::NotApplicable => part.why,
                };
                push_alike(&mut list, Interval { why, ..part });
            }
        }
        push_alike(&mut list, apart(end, until));
        list
    }

    /// From its horizon to the present, of a module that was published at `since`.
    pub(crate) fn recent(
        &self,
        (indicator, accounting): (&Indicator, &Accounting),
        since: Time,
        seen: Time,
    ) -> Vec<Interval> {
        let accounting = accounting.rules_of(indicator, self.pace);
        self.unsettled(&accounting, &self.judge(&accounting), since, seen)
    }

    /// When looks failed and no outage came of it, as far as that did not go to the ledger.
    pub(crate) fn recent_blips(&self, indicator: &Indicator, accounting: &Accounting) -> Vec<Time> {
        let judged = self.judge(&accounting.rules_of(indicator, self.pace));
        let recent = judged.iter().filter(|look| look.is_blip()).map(|look| look.at);
        self.blips.iter().copied().chain(recent).collect()
    }

    /// Drops what is before this; gives back the blips of it.
    pub(crate) fn forget_before(&mut self, horizon: Time) -> Vec<Time> {
        self.settled.retain_mut(|interval| {
            interval.from = interval.from.max(horizon);
            interval.from < interval.until
        });
        self.away.retain(|(_, until)| *until > horizon);
        let kept = self.blips.partition_point(|at| *at < horizon);
        self.blips.drain(..kept).collect()
    }

    fn unsettled(
        &self,
        accounting: &Accounting,
        judged: &[Judged],
        since: Time,
        seen: Time,
    ) -> Vec<Interval> {
        let looks: Vec<&Judged> = self.anchor.iter().chain(judged).collect();
        spread(accounting, &looks, self.horizon.max(since), seen)
    }

    fn judge(&self, accounting: &Accounting) -> Vec<Judged> {
        judge(accounting, self.standing, self.looks.iter().map(|(at, look)| (*at, look)))
    }
}

fn apart(from: Time, until: Time) -> Interval {
    Interval { from, until, state: State::NotApplicable, why: String::new() }
}
