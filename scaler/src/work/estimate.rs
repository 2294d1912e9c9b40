//! From loads to work: how much the module was given to do, in VMs at a load of 1.
//!
//! A ratio of load to target misleads while the fleet changes: VMs that just came show a low load,
//! those that left took their samples with them. The work does not change when the fleet does. It is
//! the mean load of the VMs that were measured times the VMs that served *while it was measured*.
//!
//! A load average shows a step only bit by bit (load1: 63 % after a minute). Its law is known, so it
//! is undone: what has to be added to the last mean to come to this one, parted by the share that an
//! interval lets through. A young VM's average began at zero; what it lacks is known as well.

use std::collections::VecDeque;
use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use super::{Seen, tuning::Tuning};

/// What is kept to tell work from loads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimator {
    /// The newest sample that was used.
    newest: Option<Time>,
    /// Since when how many VMs served; an entry per change.
    served: VecDeque<(Time, u32)>,
    /// When it was looked last.
    looked: Option<Time>,
    /// Means that VMs of full age showed, for metrics that are load averages.
    damped: VecDeque<(Time, f32)>,
    undamped: Option<f32>,
}

/// One estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) work: f32,
    /// The end of the interval over which it was measured, and its length if that is known.
    pub(super) at: Time,
    pub(super) interval: Option<Duration>,
}

/// The counts of served VMs reach back so far.
const SERVED_FOR: Duration = Duration::from_secs(600);
const MOST_CHANGES: usize = 64;
/// After so many time constants a load average has forgotten how it began.
const FORGOTTEN_AFTER: u32 = 5;

impl Estimator {
    /// The newest sample that was used.
    pub(super) fn newest(&self) -> Option<Time> {
        self.newest
    }

    /// The work, if samples came that were not used before.
    pub(super) fn look(&mut self, seen: &Seen<'_>, tuning: &Tuning) -> Option<Estimate> {
        self.note_served(seen);
        let newest = seen.vms.iter().filter_map(|vm| vm.load).map(|(_, at)| at).max()?;
        if self.newest.is_some_and(|used| newest <= used) {
            return None;
        }
        let interval = self.newest.map(|used| newest.since(used));
        let mean = self.mean(seen, newest, interval.unwrap_or(Duration::ZERO))?;
        self.newest = Some(newest);
        let load = match seen.damping {
            Some(damping) => self.undamp(mean, newest, interval, damping),
            None => mean,
        };
        let work = load * self.served_over(newest, interval);
        let work = match (seen.damping, interval) {
            (Some(_), Some(interval)) => self.smooth(work, interval, tuning),
            _ => work,
        };
        Some(Estimate { work, at: newest, interval })
    }

    /// Those that serve now and did so at the last look served all the time between.
    fn note_served(&mut self, seen: &Seen<'_>) {
        let from = self.looked.unwrap_or(seen.now);
        self.looked = Some(seen.now);
        let count = seen.vms.iter().filter(|vm| vm.since <= from).count() as u32;
        if self.served.back().is_none_or(|(_, last)| *last != count) {
            self.served.push_back((from, count));
        }
        let start = seen.now - SERVED_FOR;
        while self.served.len() > MOST_CHANGES
            || self.served.get(1).is_some_and(|(at, _)| *at <= start)
        {
            self.served.pop_front();
        }
    }

    /// The mean number of VMs that served over an interval.
    fn served_over(&self, until: Time, interval: Option<Duration>) -> f32 {
        let from = until - interval.unwrap_or(Duration::from_secs(1));
        let ends = self.served.iter().skip(1).map(|(at, _)| *at).chain([until]);
        let mut weighed = 0.0;
        let mut length = 0.0;
        for ((start, count), end) in self.served.iter().zip(ends) {
            let part = end.min(until).since(from.max(*start)).as_secs_f32();
            weighed += part * *count as f32;
            length += part;
        }
        let first = self.served.front().map_or(0.0, |(_, count)| *count as f32);
        if length > 0.0 { weighed / length } else { first }
    }

    /// The mean load of the VMs whose sample belongs to the newest round.
    fn mean(&self, seen: &Seen<'_>, newest: Time, interval: Duration) -> Option<f32> {
        let round = newest - interval / 2;
        let loads = seen.vms.iter().filter_map(|vm| {
            let (load, at) = vm.load?;
            (at > round || at == newest).then(|| load as f32 + self.lacking(seen, vm.since, at))
        });
        let (sum, count) = loads.fold((0.0, 0.0), |(sum, n), load| (sum + load, n + 1.0));
        (count > 0.0).then(|| sum / count)
    }

    /// What the load average of a VM that began at `since` lacks, compared with an old one's: all
    /// that the old ones showed then, as far as it has not faded yet.
    fn lacking(&self, seen: &Seen<'_>, since: Time, at: Time) -> f32 {
        let Some(damping) = seen.damping else { return 0.0 };
        let age = at.since(since);
        if age >= damping * FORGOTTEN_AFTER {
            return 0.0;
        }
        let then = self.damped.iter().rev().find(|(when, _)| *when <= since + seen.tick);
        then.map_or(0.0, |(when, mean)| {
            let faded = at.since((*when).max(since)).as_secs_f32() / damping.as_secs_f32();
            mean * (-faded).exp()
        })
    }

    fn undamp(
        &mut self,
        mean: f32,
        at: Time,
        interval: Option<Duration>,
        damping: Duration,
    ) -> f32 {
        let last = self.damped.back().copied();
        self.damped.push_back((at, mean));
        while self.damped.len() > MOST_CHANGES
            || self.damped.get(1).is_some_and(|(when, _)| at.since(*when) > damping * 6)
        {
            self.damped.pop_front();
        }
        let (Some((_, last)), Some(interval)) = (last, interval) else { return mean };
        let kept = (-interval.as_secs_f32() / damping.as_secs_f32()).exp();
        (last + (mean - last) / (1.0 - kept)).max(0.0)
    }

    fn smooth(&mut self, work: f32, interval: Duration, tuning: &Tuning) -> f32 {
        let gain = super::share(interval, tuning.undamped);
        let last = self.undamped.unwrap_or(work);
        let smoothed = last + gain * (work - last);
        self.undamped = Some(smoothed);
        smoothed
    }
}
