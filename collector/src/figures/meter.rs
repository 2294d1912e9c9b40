//! The arithmetic behind the figures: from counters that only grow to shares and means.
//!
//! The CPU time of a set of processes is not simply the sum over the set: a process that ends
//! takes its time away with it, and one that joins brings time it used before. So it is the
//! *growth* of each process that is summed up. What a process used that lived and died between
//! two samples is found in the `cutime` of the parent that waited for it.
//!
//! Pure: no file, no clock. Invariant: growth is never negative.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// One process, told apart from a later one with the same number by when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessKey {
    pub pid: i32,
    /// Ticks since boot.
    pub started: u64,
}

/// The counters of one process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub parent_pid: i32,
    /// Ticks it spent itself (`utime` + `stime`).
    pub own: u64,
    /// Ticks spent by children that ended and that it waited for (`cutime` + `cstime`).
    pub reaped: u64,
}

/// Measures the CPU time that a changing set of processes spends.
#[derive(Clone, Debug, Default)]
pub struct CpuMeter {
    last: BTreeMap<ProcessKey, Usage>,
    /// Ticks since boot.
    last_at: Option<u64>,
}

impl CpuMeter {
    /// The ticks spent since the sample before; None for the first. `at` is in ticks since boot.
    pub fn feed(&mut self, at: u64, now: BTreeMap<ProcessKey, Usage>) -> Option<u64> {
        let before = std::mem::replace(&mut self.last, now);
        let last_at = self.last_at.replace(at)?;
        let counted = counted_of_ended(&before, &self.last);
        let grown = |(key, usage): (&ProcessKey, &Usage)| match before.get(key) {
            Some(then) => {
                let reaped = usage.reaped.saturating_sub(then.reaped);
                let news = reaped.saturating_sub(counted.get(&key.pid).copied().unwrap_or(0));
                usage.own.saturating_sub(then.own) + news
            }
            None if key.started >= last_at => usage.own + usage.reaped,
            // It lived elsewhere before: what it has used so far was not used here.
            None => 0,
        };
        Some(self.last.iter().map(grown).sum())
    }
}

/// By parent: what was counted already of its children that have ended since.
fn counted_of_ended(
    before: &BTreeMap<ProcessKey, Usage>,
    now: &BTreeMap<ProcessKey, Usage>,
) -> BTreeMap<i32, u64> {
    let mut counted = BTreeMap::new();
    for (_, usage) in before.iter().filter(|(key, _)| !now.contains_key(*key)) {
        *counted.entry(usage.parent_pid).or_default() += usage.own + usage.reaped;
    }
    counted
}

/// A mean in which what happened counts the less the longer ago it was, by a factor e per window.
///
/// Until a whole window was seen it is the mean of what was seen: a machine that starts under
/// full load says so at once, instead of climbing towards it from zero.
#[derive(Clone, Debug)]
pub struct Mean {
    window: Duration,
    sum: f64,
    weight: f64,
}

impl Mean {
    pub fn over(window: Duration) -> Self {
        Self { window, sum: 0.0, weight: 0.0 }
    }

    /// Adds a value that held for `span`, and returns the mean; None if nothing was ever added.
    pub fn feed(&mut self, value: f64, span: Duration) -> Option<f64> {
        let kept = (-span.as_secs_f64() / self.window.as_secs_f64().max(f64::MIN_POSITIVE)).exp();
        self.sum = self.sum * kept + value * (1.0 - kept);
        self.weight = self.weight * kept + (1.0 - kept);
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

/// Counters as they were about one span ago; before a whole span has passed, the first.
#[derive(Clone, Debug)]
pub struct Window<T> {
    span: Duration,
    kept: VecDeque<(Duration, T)>,
}

impl<T: Clone> Window<T> {
    pub fn over(span: Duration) -> Self {
        Self { span, kept: VecDeque::new() }
    }

    /// Takes in the counters as they are `at`, and tells the old ones with how long ago they
    /// were; None for the first.
    pub fn feed(&mut self, at: Duration, now: T) -> Option<(Duration, T)> {
        let is_old = |(then, _): &(Duration, T)| *then + self.span <= at;
        while self.kept.get(1).is_some_and(is_old) {
            self.kept.pop_front();
        }
        let old = self.kept.front().map(|(then, old)| (at.saturating_sub(*then), old.clone()));
        self.kept.push_back((at, now));
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds samples written as `at: pid(parent,started)=own+reaped ...` and lists what grew.
    fn grown(samples: &[&str]) -> Vec<Option<u64>> {
        let mut meter = CpuMeter::default();
        samples.iter().map(|sample| feed(&mut meter, sample)).collect()
    }

    fn feed(meter: &mut CpuMeter, sample: &str) -> Option<u64> {
        let (at, processes) = sample.split_once(':').unwrap();
        let now = processes.split_whitespace().map(|process| {
            let numbers = process.split(['(', ',', ')', '=', '+']).filter(|part| !part.is_empty());
            let numbers: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
            let [pid, parent_pid, started, own, reaped] = numbers[..] else { panic!("{process}") };
            let key = ProcessKey { pid: pid as i32, started };
            (key, Usage { parent_pid: parent_pid as i32, own, reaped })
        });
        meter.feed(at.parse().unwrap(), now.collect())
    }

    #[test]
    fn each_process_counts_by_what_it_grew() {
        let samples = ["100: 1(0,5)=40+0 2(1,6)=10+0", "200: 1(0,5)=90+0 2(1,6)=60+0"];
        assert_eq!(grown(&samples), [None, Some(100)]);
    }

    #[test]
    fn a_process_that_vanishes_takes_nothing_back() {
        let samples = ["100: 1(0,5)=40+0 2(1,6)=1000+0", "200: 1(0,5)=50+0", "300: 1(0,5)=60+0"];
        assert_eq!(grown(&samples), [None, Some(10), Some(10)]);
    }

    #[test]
    fn a_child_that_was_waited_for_is_not_counted_twice() {
        let samples = ["100: 1(0,5)=0+0 2(1,6)=70+5", "200: 1(0,5)=0+95"];
        assert_eq!(grown(&samples), [None, Some(20)]);
    }

    #[test]
    fn a_child_that_lived_between_two_samples_is_counted_by_its_parent() {
        let samples = ["100: 1(0,5)=0+0", "200: 1(0,5)=0+30", "300: 1(0,5)=0+30"];
        assert_eq!(grown(&samples), [None, Some(30), Some(0)]);
    }

    #[test]
    fn a_new_child_counts_whole_and_an_old_stranger_from_now_on() {
        let samples = ["100: 1(0,5)=0+0", "200: 1(0,5)=0+0 2(1,150)=30+2 3(1,20)=9000+0"];
        assert_eq!(grown(&samples), [None, Some(32)]);
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let samples = ["100: 1(0,5)=0+0 2(1,6)=500+0", "200: 1(0,5)=0+500 2(1,160)=3+0"];
        assert_eq!(grown(&samples), [None, Some(3)]);
    }

    #[test]
    fn a_mean_starts_with_what_it_sees_and_forgets_by_a_factor_e_per_window() {
        let second = Duration::from_secs(1);
        let mut mean = Mean::over(10 * second);
        assert_eq!(mean.feed(2.0, second), Some(2.0));
        assert_eq!(mean.feed(9.0, Duration::ZERO), Some(2.0));
        for _ in 0..1000 {
            mean.feed(2.0, second);
        }
        let after_a_window = mean.feed(0.0, 10 * second).unwrap();
        assert!((after_a_window - 2.0 / std::f64::consts::E).abs() < 1e-9, "{after_a_window}");
    }

    #[test]
    fn a_mean_depends_on_the_time_that_passed_and_not_on_how_often_it_was_fed() {
        let (mut often, mut seldom) =
            (Mean::over(Duration::from_secs(60)), Mean::over(Duration::from_secs(60)));
        for value in [0.0, 1.0, 0.25] {
            for _ in 0..30 {
                often.feed(value, Duration::from_secs(1));
            }
            seldom.feed(value, Duration::from_secs(30));
        }
        let difference = often.feed(0.0, Duration::from_secs(1)).unwrap()
            - seldom.feed(0.0, Duration::from_secs(1)).unwrap();
        assert!(difference.abs() < 1e-9);
    }

    #[test]
    fn a_mean_over_no_window_is_the_last_value() {
        let mut mean = Mean::over(Duration::ZERO);
        mean.feed(5.0, Duration::from_secs(1));
        assert_eq!(mean.feed(3.0, Duration::from_secs(1)), Some(3.0));
    }

    #[test]
    fn a_window_tells_what_was_a_span_ago_and_keeps_no_more() {
        let second = Duration::from_secs(1);
        let mut window = Window::over(3 * second);
        let mut told = Vec::new();
        for at in 0..8 {
            told.extend(window.feed(at * second, at).map(|(ago, then)| (ago.as_secs(), then)));
        }
        assert_eq!(told, [(1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)]);
        assert!(window.kept.len() <= 4);
        assert_eq!(window.feed(60 * second, 60), Some((53 * second, 7)));
    }
}
