//! What became of the samples that were offered since the start: refused, lost, or pushed by others.
//!
//! Kept beside the sample store, in memory and bounded, so that the page *Is the monitor healthy?*
//! and `/metrics` can tell of every loss. How many the store refused it counts itself; here is
//! which ones, a few of each sort.

use std::collections::{BTreeMap, VecDeque};

use collector::look::Refusal;
use collector::prometheus::remote_write::Decoded;
use model::time::Time;
use samples::{Appended, SamplesError, Why};

/// So many refused series are named of each sort, the newest last.
const NAMED: usize = 3;

#[derive(Clone, Debug, Default)]
pub struct Intake {
    /// Values of polls that could not be written.
    pub unwritten: Loss,
    /// Values that were dropped because too many waited for the store.
    pub dropped: Loss,
    pub pushed: Pushed,
    /// A few of the series that were refused.
    pub refused: BTreeMap<Why, VecDeque<String>>,
    /// Since when there is no room on the disk.
    pub disk_full: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    pub values: u64,
    pub last: Option<Time>,
}

/// What others sent by remote write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    pub requests: u64,
    pub values: u64,
    /// Values that remote write can carry and that are not taken, for example native histograms.
    pub left_out: u64,
    /// A few of those of the newest request that had some.
    pub examples: Vec<Refusal>,
    /// When the last request was taken.
    pub last: Option<Time>,
    /// The last request that was not taken, and why; None once another one was.
    pub fault: Option<(Time, String)>,
}

impl Loss {
    fn add(&mut self, values: u64, now: Time) {
        self.values += values;
        self.last = Some(now);
    }
}

impl Intake {
    /// Something was offered to the store.
    pub(super) fn offered(&mut self, outcome: &Result<Appended, SamplesError>, now: Time) {
        match outcome {
            Ok(appended) => {
                self.disk_full = None;
                for refused in &appended.named {
                    self.name(refused.why, &refused.what);
                }
            }
            Err(SamplesError::DiskFull { .. }) => {
                self.disk_full.get_or_insert(now);
            }
            Err(SamplesError::Io { .. } | SamplesError::Damaged { .. }) => {}
        }
    }

    pub(super) fn unwritten(&mut self, values: u64, now: Time) {
        self.unwritten.add(values, now);
    }

    pub(super) fn dropped(&mut self, values: u64, now: Time) {
        self.dropped.add(values, now);
    }

    /// A request was taken, and so many values of it.
    pub(super) fn pushed(&mut self, request: &Decoded, values: u64, now: Time) {
        let pushed = &mut self.pushed;
        pushed.requests += 1;
        pushed.values += values;
        pushed.left_out += request.refused_count;
        if !request.refused.is_empty() {
            pushed.examples = request.refused.iter().take(NAMED).cloned().collect();
        }
        pushed.last = Some(now);
        pushed.fault = None;
    }

    pub(super) fn push_refused(&mut self, why: String, now: Time) {
        self.pushed.fault = Some((now, why));
    }

    fn name(&mut self, why: Why, series: &str) {
        let named = self.refused.entry(why).or_default();
        if named.iter().any(|known| known == series) {
            return;
        }
        if named.len() == NAMED {
            named.pop_front();
        }
        named.push_back(series.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use samples::Refused;

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a_few_of_each_sort_are_named_once() {
        let mut intake = Intake::default();
        for name in ["a", "b", "a", "c", "d", "d"] {
            let named = vec![Refused { what: name.to_owned(), why: Why::TooOld }];
            let appended = Appended { accepted: 0, refused: 1, named };
            intake.offered(&Ok(appended), at(1));
        }
        assert_eq!(intake.refused[&Why::TooOld], ["b", "c", "d"]);
    }

    #[test]
    fn the_disk_is_full_from_the_first_refusal_until_something_is_written() {
        let full = || Err(SamplesError::DiskFull { path: PathBuf::from("/data") });
        let mut intake = Intake::default();
        intake.offered(&full(), at(1));
        intake.offered(&full(), at(2));
        assert_eq!(intake.disk_full, Some(at(1)));
        intake.offered(&Ok(Appended::default()), at(3));
        assert_eq!(intake.disk_full, None);
    }

    #[test]
    fn a_refused_push_is_told_until_one_is_taken() {
        let mut intake = Intake::default();
        intake.push_refused("no snappy block".to_owned(), at(1));
        assert!(intake.pushed.fault.is_some() && intake.pushed.last.is_none());
        let histogram = Refusal { what: "h".to_owned(), why: "a native histogram".to_owned() };
        let refused = vec![histogram.clone()];
        let some = Decoded { rows: Vec::new(), samples: 8, refused, refused_count: 1 };
        let none = Decoded { rows: Vec::new(), samples: 8, refused: Vec::new(), refused_count: 0 };
        intake.pushed(&some, 7, at(2));
        intake.pushed(&none, 8, at(3));
        let Pushed { requests, values, left_out, examples, last, fault } = intake.pushed;
        assert_eq!((requests, values, left_out), (2, 15, 1));
        assert_eq!((examples, last, fault), (vec![histogram], Some(at(3)), None));
    }
}
