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
/// What answers are summed up by, in hours: a year is read from some sixty rows, and not from 8,760.
pub const LENGTHS: [u32; 3] = [768, 24, 1];

/// The looks at all modules that are not settled yet, and the sums that go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    now: Time,
    /// The hours before it are settled.
    settled_until: Time,
    looks: BTreeMap<ModuleId, BTreeMap<Time, Answer>>,
    /// The longer stretches that are under way, by module and hours.
    sums: BTreeMap<(ModuleId, u32), (Time, Answers)>,
    left_out: u64,
}

/// What is settled of one module: an hour, or all hours so far of a longer stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub module: ModuleId,
    /// One of [`LENGTHS`].
    pub hours: u32,
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
        let (looks_left, sums) = (BTreeMap::new(), BTreeMap::new());
        let mut latencies = Self { now, settled_until, looks: looks_left, sums, left_out: 0 };
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

    /// A longer stretch goes on as it was left.
    pub fn resume(&mut self, stretch: Stretch) {
        let Stretch { module, hours, at, answers } = stretch;
        self.sums.insert((module, hours), (at, answers));
    }

    /// The monitor itself was blind from `from` to before `until`: what it saw then counts for nothing.
    pub fn blind(&mut self, from: Time, until: Time) {
        for looks in self.looks.values_mut() {
            looks.retain(|at, _| *at < from || *at >= until);
        }
    }

    /// Says what time it is, and takes the hours that are over for good, and with each the longer stretches
    /// that it is a part of. They are counted by the thresholds of their module.
    pub fn settle(
        &mut self,
        accounting: &Accounting,
        now: Time,
        thresholds: impl Fn(&ModuleId) -> BTreeSet<Duration>,
    ) -> Vec<Stretch> {
        self.now = self.now.max(now);
        let until = hour_of(self.now - accounting.patience());
        if until <= self.settled_until {
            return Vec::new();
        }
        self.settled_until = until;
        let mut over = Vec::new();
        for (module, looks) in &mut self.looks {
            let rest = looks.split_off(&until);
            let looks = std::mem::replace(looks, rest);
            over.extend(hours(module, &looks, &thresholds(module)));
        }
        self.looks.retain(|_, looks| !looks.is_empty());
        let settled = over.iter().flat_map(|hour| self.sum_up(hour)).collect();
        self.sums.retain(|(_, hours), (at, _)| *at >= start_of(until, *hours));
        settled
    }

    /// The hour, and the longer stretches with it.
    fn sum_up(&mut self, hour: &Stretch) -> [Stretch; LENGTHS.len()] {
        LENGTHS.map(|hours| {
            if hours == hour.hours {
                return hour.clone();
            }
            let (module, at) = (hour.module.clone(), start_of(hour.at, hours));
            let sum = self.sums.entry((module.clone(), hours)).or_default();
            if sum.0 != at {
                *sum = (at, Answers::default());
            }
            sum.1.merge(&hour.answers);
            Stretch { module, hours, at, answers: sum.1.clone() }
        })
    }

    /// The hours of a module that are not settled, as they are now.
    pub fn under_way(&self, module: &ModuleId, thresholds: &BTreeSet<Duration>) -> Vec<Stretch> {
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
    start_of(at, 1)
}

/// When the stretch of so many hours began in which a moment lies.
pub fn start_of(at: Time, hours: u32) -> Time {
    let length = HOUR.as_millis() as i64 * i64::from(hours);
    Time::from_millis(at.millis().div_euclid(length).saturating_mul(length))
}

fn hours(
    module: &ModuleId,
    looks: &BTreeMap<Time, Answer>,
    thresholds: &BTreeSet<Duration>,
) -> Vec<Stretch> {
    let looks: Vec<(Time, Answer)> = looks.iter().map(|(at, answer)| (*at, *answer)).collect();
    let hours = looks.chunk_by(|a, b| hour_of(a.0) == hour_of(b.0)).map(|looks| {
        let at = hour_of(looks[0].0);
        let answers = Answers::of_hour(at, looks.iter().map(|(_, answer)| answer), thresholds);
        Stretch { module: module.clone(), hours: 1, at, answers }
    });
    hours.collect()
}
