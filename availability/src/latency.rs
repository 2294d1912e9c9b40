//! How long the users of each module waited, by the hour.
//!
//! A mean of percentiles is the percentile of nothing. So the answers of an hour become a [`Sketch`],
//! which hours of any period are merged from, and exact counts for the thresholds of the policy: no
//! verdict rests on an estimate. A probe that failed has no time, and is above every threshold.
//!
//! The looks of an hour are kept one by one until none of it can come any more, one *patience* of
//! the [`Accounting`] after its end, as a [`crate::Ledger`] takes them: so the order does not matter, nor
//! does saying one twice. Then they are counted by the thresholds that are in force, once and for all.
//!
//! Bounds: [`MAX_LOOKS`] of one module; more, and later ones, are counted and left out.

mod answers;
mod packed;
mod sketch;
mod terms;

pub use answers::{Answer, Answers, Within};
pub use sketch::Sketch;
pub use terms::{LatencyPromise, LatencyTerms};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::ModuleId;
use model::time::Time;

use crate::accounting::Accounting;

/// One that is probed twice a second stays below.
const MAX_LOOKS: usize = 10_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// The looks at all modules that are not settled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    now: Time,
    /// The hours before it are settled.
    settled_until: Time,
    looks: BTreeMap<ModuleId, BTreeMap<Time, Answer>>,
    left_out: u64,
}

/// One hour of one module, that nothing will change any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    pub module: ModuleId,
    pub at: Time,
    pub answers: Answers,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::restore(Time::from_millis(i64::MIN), [])
    }
}

impl Latencies {
    /// As they were left. Looks at what is settled already are nothing new.
    pub fn restore(
        settled_until: Time,
        looks: impl IntoIterator<Item = (ModuleId, Time, Answer)>,
    ) -> Self {
        let now = settled_until;
        let mut latencies = Self { now, settled_until, looks: BTreeMap::new(), left_out: 0 };
        for (module, at, answer) in looks.into_iter().filter(|(_, at, _)| *at >= settled_until) {
            latencies.looks.entry(module).or_default().insert(at, answer);
        }
        latencies
    }

    /// Takes in a look that began at `at`, and says whether it is to be kept: it is not if it came too
    /// late, or says nothing new.
    pub fn observe(
        &mut self,
        accounting: &Accounting,
        module: &ModuleId,
        at: Time,
        answer: Answer,
    ) -> bool {
        let looks = self.looks.entry(module.clone()).or_default();
        let too_late = at < self.settled_until || at < self.now - accounting.patience();
        let known = looks.get(&at);
        if too_late || (known.is_none() && looks.len() >= MAX_LOOKS) {
            self.left_out += 1;
            return false;
        }
        let is_news = known.is_none_or(|known| *known < answer);
        if is_news {
            looks.insert(at, answer);
        }
        is_news
    }

    /// Says what time it is, and takes the hours that are over for good, oldest first. They are counted
    /// by the thresholds of their module.
    pub fn settle(
        &mut self,
        accounting: &Accounting,
        now: Time,
        thresholds: impl Fn(&ModuleId) -> BTreeSet<Duration>,
    ) -> Vec<Hour> {
        self.now = self.now.max(now);
        let until = hour_of(self.now - accounting.patience());
        if until <= self.settled_until {
            return Vec::new();
        }
        self.settled_until = until;
        let mut settled = Vec::new();
        for (module, looks) in &mut self.looks {
            let rest = looks.split_off(&until);
            let over = std::mem::replace(looks, rest);
            settled.extend(hours(module, &over, &thresholds(module)));
        }
        self.looks.retain(|_, looks| !looks.is_empty());
        settled
    }

    /// The hours of a module that are not settled, as they are now.
    pub fn under_way(&self, module: &ModuleId, thresholds: &BTreeSet<Duration>) -> Vec<Hour> {
        self.looks.get(module).map_or(Vec::new(), |looks| hours(module, looks, thresholds))
    }

    pub fn settled_until(&self) -> Time {
        self.settled_until
    }

    /// How many looks were left out because they came too late, or were too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Hours are those of UTC. A period has those that begin in it, also where its days begin at half past.
pub fn hour_of(at: Time) -> Time {
    let hour = HOUR.as_millis() as i64;
    Time::from_millis(at.millis().div_euclid(hour) * hour)
}

fn hours(
    module: &ModuleId,
    looks: &BTreeMap<Time, Answer>,
    thresholds: &BTreeSet<Duration>,
) -> Vec<Hour> {
    let looks: Vec<(Time, Answer)> = looks.iter().map(|(at, answer)| (*at, *answer)).collect();
    let hours = looks.chunk_by(|a, b| hour_of(a.0) == hour_of(b.0)).map(|looks| {
        let at = hour_of(looks[0].0);
        let answers = Answers::of_hour(at, looks.iter().map(|(_, answer)| answer), thresholds);
        Hour { module: module.clone(), at, answers }
    });
    hours.collect()
}
