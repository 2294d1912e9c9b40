//! From stretches of down time to outages, and from outages to the figures of a period.
//!
//! A service that comes back for half a minute and falls again had one outage, not two: counted as
//! two, its repairs look quick and its failures frequent, and both lie. So down time becomes one
//! outage, with parts, unless the service was *seen to be well* in between for as long as the merge
//! gap. Only time that is up, or for which nothing was promised, is that. Unknown time is not, nor
//! maintenance, however long: nobody saw the outage end, and none may be counted that nobody saw
//! begin. What lies between parts is never down time of the outage.
//!
//! An outage that began before the period is told whole, for its repair took as long as it took, but
//! only what lies in the period is its [`Outage::counted`] time. What came after the period is not
//! looked at: a report of October does not change in November.
//!
//! Invariants: the counted time of all outages is the down time of the period, whatever the merge
//! gap; outages are in order, and so are their parts, which do not touch.

use std::time::Duration;

use model::time::Time;

use crate::interval::{Interval, State};

/// With fewer outages than this an average says less than a list of them.
const ENOUGH_TO_AVERAGE: usize = 5;

/// One outage, of which at least a part lies in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// All its down time, in order, also from before the period; none after it. Never empty.
    pub parts: Vec<Interval>,
    /// How long it was really down, all parts together.
    pub down: Duration,
    /// The part of `down` that lies in the period.
    pub counted: Duration,
    /// It began before the period, or with all that is known.
    pub began_before: bool,
    /// It was seen to be well directly before; else it may have begun earlier.
    pub begin_seen: bool,
    pub end: End,
}

/// What is known of the end of an outage, as of the end of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It was seen to end.
    Seen,
    /// It ended while nobody looked, and so may have lasted longer.
    Unseen,
    /// Nobody has seen it end yet.
    Open,
}

impl Outage {
    pub fn from(&self) -> Time {
        self.parts[0].from
    }

    /// The end of its last part. Of an open one: until when it is known to be down.
    pub fn until(&self) -> Time {
        self.parts[self.parts.len() - 1].until
    }

    /// Why it began, in words.
    pub fn why(&self) -> &str {
        &self.parts[0].why
    }

    /// Whether both its ends were seen; else it may have been down for longer.
    pub fn is_whole(&self) -> bool {
        self.begin_seen && self.end == End::Seen
    }
}

/// The outages of the time from `from` to before `until`. The timeline is in order; let it reach
/// back before `from`, so that an outage that began before is told whole.
pub fn outages(timeline: &[Interval], from: Time, until: Time, merge_gap: Duration) -> Vec<Outage> {
    let mut found: Vec<Outage> = Vec::new();
    // Since its last part, how long it was seen to be well.
    let mut well = Duration::ZERO;
    let mut before: Option<Interval> = None;
    for span in timeline.iter().filter_map(|span| span.clip(span.from, until)) {
        match (span.state, found.last_mut()) {
            (State::Down, Some(last)) if well.is_zero() || well < merge_gap => {
                last.extend(span.clone());
                well = Duration::ZERO;
            }
            (State::Down, _) => {
                found.push(Outage::begin(&span, before.as_ref(), from));
                well = Duration::ZERO;
            }
            (State::Up | State::NotApplicable, last) => {
                well += span.length();
                last.into_iter().for_each(|last| last.is_well_from(span.from));
            }
            (State::Unknown | State::Maintenance, _) => (),
        }
        before = Some(span);
    }
    for outage in &mut found {
        let parts = outage.parts.iter().filter_map(|part| part.clip(from, until));
        outage.counted = parts.map(|part| part.length()).sum();
    }
    found.retain(|outage| !outage.counted.is_zero());
    found
}

impl Outage {
    /// `before` is what lies directly before it, and `from` where the period begins.
    fn begin(part: &Interval, before: Option<&Interval>, from: Time) -> Self {
        let well = |before: &Interval| matches!(before.state, State::Up | State::NotApplicable);
        Self {
            down: part.length(),
            counted: Duration::ZERO,
            began_before: part.from < from || (before.is_none() && part.from == from),
            begin_seen: before.is_some_and(well),
            end: End::Open,
            parts: vec![part.clone()],
        }
    }

    fn is_well_from(&mut self, at: Time) {
        if self.end == End::Open {
            self.end = if self.until() == at { End::Seen } else { End::Unseen };
        }
    }

    fn extend(&mut self, part: Interval) {
        self.down += part.length();
        self.end = End::Open;
        match self.parts.last_mut() {
            Some(last) if last.until == part.from => last.until = part.until,
            _ => self.parts.push(part),
        }
    }
}

/// What is said of several durations. The mean alone lies where one is long and the others short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    pub mean: Duration,
    pub median: Duration,
    pub worst: Duration,
}

impl Lengths {
    /// None of nothing.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        let count = u32::try_from(sorted.len()).ok()?;
        let worst = *sorted.last()?;
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let mean = sorted.iter().sum::<Duration>() / count;
        Some(Self { mean, median: (low + high) / 2, worst })
    }
}

/// The figures of the outages of one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Outages that began in the period.
    pub started: u32,
    /// Outages that ended in it, seen or unseen.
    pub ended: u32,
    /// How long those were down that ended in the period (MTTR). None if none did.
    pub repair: Option<Lengths>,
    /// Of some that ended it is not known how long they really were: `repair` is at least this.
    pub repair_is_at_least: bool,
    /// The longest outage that is still open at the end: to be shown apart, with a `>`.
    pub open: Option<Duration>,
    /// Up time for each outage that began (MTBF). None if none did: more than the period.
    pub between: Option<Duration>,
    /// So few that the list of them says more than these figures.
    pub list_them: bool,
}

impl Statistics {
    /// `up` is how long it was up in the period.
    pub fn of(outages: &[Outage], up: Duration) -> Self {
        let ended = || outages.iter().filter(|outage| outage.end != End::Open);
        let open = outages.iter().filter(|outage| outage.end == End::Open);
        let started = count(outages.iter().filter(|outage| !outage.began_before));
        Self {
            started,
            ended: count(ended()),
            repair: Lengths::of(ended().map(|outage| outage.down)),
            repair_is_at_least: ended().any(|outage| !outage.is_whole()),
            open: open.map(|outage| outage.down).max(),
            between: (started > 0).then(|| up / started),
            list_them: outages.len() < ENOUGH_TO_AVERAGE,
        }
    }
}

fn count<T>(list: impl Iterator<Item = T>) -> u32 {
    u32::try_from(list.count()).unwrap_or(u32::MAX)
}
