//! The error budget of a period: how long it may be down, what is left of that, and until when it
//! lasts at the present pace. And whether a promise can be watched at all.
//!
//! Unknown time uses up nothing, for nobody knows that it was down; so what is left is the most that
//! can be left, and [`Budget::unknown`] says how much less it may be.
//!
//! A promise that is finer than the probing is a trap: with three probes a minute apart to confirm an
//! outage, each one that is seen at all takes three of the 4.3 minutes that 99.99 % leave a month.
//! [`resolvable`] refuses such a promise, with the arithmetic.

use std::fmt;
use std::time::Duration;

use model::time::Time;
use model::unit::Span;

use crate::tally::Tally;
use crate::terms::Target;

/// A budget must pay for this many detections of an outage.
const LEAST_DETECTIONS: u32 = 3;
const MILLIONTHS: u128 = 1_000_000;

/// What a promise allows, and what was used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How long it may be down in the whole period.
    pub whole: Duration,
    /// How long it was down.
    pub used: Duration,
    /// How long nobody knows; it uses up nothing.
    pub unknown: Duration,
}

/// Until when a budget lasts, if things go on as they went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Nothing was used up, so there is no pace.
    Untouched,
    /// At least to the end of the period.
    Lasts,
    /// It will be used up then, within the period.
    UsedUpAt(Time),
    /// Nothing is left.
    UsedUp,
}

impl Budget {
    /// `counted` is the time of the whole period that counts, also what is still to come; `so_far`
    /// is what was until now.
    pub fn new(target: Target, counted: Duration, so_far: &Tally) -> Self {
        let (used, unknown) = (so_far.down, so_far.unknown);
        Self { whole: target.budget(counted), used, unknown }
    }

    /// What may still be down; none if it is overdrawn.
    pub fn left(&self) -> Duration {
        self.whole.saturating_sub(self.used)
    }

    /// How much more was down than was allowed.
    pub fn overdrawn(&self) -> Duration {
        self.used.saturating_sub(self.whole)
    }

    /// Of the budget what is left, in percent, rounded down; 0 if there never was any.
    pub fn left_percent(&self) -> u32 {
        let percent = self.left().as_millis() * 100 / self.whole.as_millis().max(1);
        u32::try_from(percent).unwrap_or(100)
    }

    /// Until when it lasts if as much is used up each day as was from `from` until `now`, in a period
    /// that ends at `until`.
    pub fn outlook(&self, from: Time, now: Time, until: Time) -> Outlook {
        if self.used.is_zero() {
            return Outlook::Untouched;
        }
        if self.used >= self.whole {
            return Outlook::UsedUp;
        }
        let elapsed = now.min(until).since(from).as_millis();
        let lasts = elapsed * self.whole.as_millis() / self.used.as_millis().max(1);
        let end = from + Duration::from_millis(u64::try_from(lasts).unwrap_or(u64::MAX));
        if end < until { Outlook::UsedUpAt(end) } else { Outlook::Lasts }
    }
}

/// A promise that the probing cannot watch over, with the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unresolvable {
    target: Target,
    interval: Duration,
    confirm: u32,
    /// Of the promise.
    length: Duration,
}

/// Refuses a target that probes at this interval, of which so many confirm an outage, cannot watch
/// over in a period of this length: if the budget does not pay for three detections.
///
/// # Errors
/// With what is wrong, and what could be written instead.
pub fn resolvable(
    target: Target,
    interval: Duration,
    confirm: u32,
    length: Duration,
) -> Result<(), Unresolvable> {
    let confirm = confirm.max(1);
    let needed = interval.saturating_mul(confirm).saturating_mul(LEAST_DETECTIONS);
    if target.budget(length) >= needed {
        return Ok(());
    }
    Err(Unresolvable { target, interval, confirm, length })
}

impl std::error::Error for Unresolvable {}

/// `1m probes x 3 confirmations cannot police 99.99%: one detection takes 3m, and of 30d it leaves 4m19s,
/// in which at least three must fit; probe each 28s, or promise 99.97%`.
impl fmt::Display for Unresolvable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, interval, confirm, length } = *self;
        let detection = interval.saturating_mul(confirm);
        let budget = target.budget(length);
        let (each, takes, leaves) = (Span(interval), Span(detection), Span(whole_seconds(budget)));
        write!(
            f,
            "{each} probes x {confirm} confirmations cannot police {target}: one detection "
        )?;
        write!(f, "takes {takes}, and of {} it leaves {leaves}, in which at ", Span(length))?;
        f.write_str("least three must fit; ")?;
        let interval = whole_seconds(budget / (LEAST_DETECTIONS.saturating_mul(confirm)));
        match (interval.is_zero(), most_that_resolves(detection, length)) {
            (false, Some(target)) => {
                write!(f, "probe each {}, or promise {target}", Span(interval))
            }
            (false, None) => write!(f, "probe each {}", Span(interval)),
            (true, Some(target)) => write!(f, "promise {target}"),
            (true, None) => f.write_str("probe more often, over a longer time"),
        }
    }
}

/// With two digits behind the point; people promise no odder numbers.
fn most_that_resolves(detection: Duration, length: Duration) -> Option<Target> {
    let needed = u128::from(LEAST_DETECTIONS) * detection.as_millis() * MILLIONTHS;
    let lost = needed.div_ceil(length.as_millis().max(1));
    let hundredths = MILLIONTHS.checked_sub(lost)? / 100;
    Target::parse(&format!("{}.{:02}", hundredths / 100, hundredths % 100)).ok()
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}
