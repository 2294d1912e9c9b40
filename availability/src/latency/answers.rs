//! What became of the probes of some hours, and how long their answers took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::time::Time;
use model::verdict::Outcome;

use super::packed;
use super::sketch::Sketch;
use super::terms::LatencyPromise;
use crate::share::Share;

/// Of two at one moment the worse is believed, whichever came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Took(Duration),
    /// Too late, wrong, or none at all: that is slower than anything.
    Failed,
}

impl Answer {
    /// In whole microseconds, rounded up; None if nobody looked.
    pub fn of(outcome: &Outcome, took: Duration) -> Option<Self> {
        let rounded = Duration::from_micros(micros(took + Duration::from_nanos(999)));
        match outcome {
            Outcome::Healthy { .. } => Some(Self::Took(rounded)),
            Outcome::Unhealthy { .. } => Some(Self::Failed),
            Outcome::Blind { .. } => None,
        }
    }
}

/// The answers of some hours. It can be merged with those of others, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    pub probes: u64,
    pub failures: u64,
    pub slowest: Duration,
    pub sketch: Sketch,
    pub within: BTreeMap<Duration, Within>,
}

/// How many answers came within a threshold: exact, for promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    pub count: u64,
    /// Of so many probes: those of the hours in which it was counted.
    pub of: u64,
    /// The first hour in which it was.
    pub since: Time,
}

impl Answers {
    /// Those of the hour that began at `at`.
    pub fn of_hour<'a>(
        at: Time,
        answers: impl IntoIterator<Item = &'a Answer>,
        thresholds: &BTreeSet<Duration>,
    ) -> Self {
        let new = |threshold: &Duration| (*threshold, Within { count: 0, of: 0, since: at });
        let mut hour = Self { within: thresholds.iter().map(new).collect(), ..Self::default() };
        answers.into_iter().for_each(|answer| hour.add(*answer));
        hour
    }

    fn add(&mut self, answer: Answer) {
        self.probes += 1;
        match answer {
            Answer::Failed => self.failures += 1,
            Answer::Took(took) => {
                self.slowest = self.slowest.max(took);
                self.sketch.add(took);
            }
        }
        for (threshold, within) in &mut self.within {
            within.of += 1;
            within.count += u64::from(answer <= Answer::Took(*threshold));
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.probes += other.probes;
        self.failures += other.failures;
        self.slowest = self.slowest.max(other.slowest);
        self.sketch.merge(&other.sketch);
        for (threshold, more) in &other.within {
            let all = self.within.entry(*threshold).or_insert(Within { count: 0, of: 0, ..*more });
            all.count += more.count;
            all.of += more.of;
            all.since = all.since.min(more.since);
        }
    }

    /// Of those that were answered; no longer than the slowest.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        Some(self.sketch.percentile(percent)?.min(self.slowest))
    }

    /// None if nothing was counted.
    pub fn keeps(&self, promise: &LatencyPromise) -> Option<bool> {
        let share = self.within.get(&promise.within)?.share()?;
        Some(share.reaches(promise.share.millionths()))
    }

    /// All but probes and failures, in few bytes. `at` is when the first of the hours began.
    pub fn pack(&self, at: Time) -> Vec<u8> {
        let mut bytes = Vec::new();
        packed::put(&mut bytes, micros(self.slowest));
        packed::put(&mut bytes, self.within.len() as u64);
        for (threshold, within) in &self.within {
            let since = within.since.since(at).as_millis() as u64;
            for number in [micros(*threshold), within.count, self.probes - within.of, since] {
                packed::put(&mut bytes, number);
            }
        }
        self.sketch.pack(&mut bytes);
        bytes
    }

    /// As they were packed; None if it is something else.
    pub fn unpack(at: Time, probes: u64, failures: u64, mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let slowest = Duration::from_micros(packed::take(bytes)?);
        let mut within = BTreeMap::new();
        for _ in 0..packed::take(bytes)? {
            let threshold = Duration::from_micros(packed::take(bytes)?);
            let count = packed::take(bytes)?;
            let of = probes.checked_sub(packed::take(bytes)?)?;
            let since = at + Duration::from_millis(packed::take(bytes)?);
            within.insert(threshold, Within { count, of, since });
        }
        let sketch = Sketch::unpack(bytes)?;
        // Each that did not fail took some time.
        probes.checked_sub(failures).filter(|answered| *answered == sketch.whole())?;
        Some(Self { probes, failures, slowest, sketch, within })
    }
}

impl Within {
    /// None of no probes.
    pub fn share(&self) -> Option<Share> {
        Share::of_counts(self.count, self.of)
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
