//! How fast a service burns its error budget, and whether somebody must be told now.
//!
//! One failed probe a minute is, at 99.9 %, enough to burn an hour's share of the budget, so the usual
//! rules page for each lost packet. Here they are fed with *confirmed* down time, and hold their
//! tongue until it amounts to [`Objective::min_bad`] probes.
//!
//! A rule says which share of the whole budget may burn in its long window; how much that is follows
//! from the target and the length of the promise, so one table serves a month and a quarter. The
//! short window must exceed the same pace: it is what ends the alarm soon after the outage ends.
//! Rules are independent; each that fires is told.
//!
//! Unknown time burns nothing. How much of a window it is is part of the answer: a calm that rests on
//! it is no calm. The timeline says what is confirmed; whoever gives one with unconfirmed down time
//! gets alarms for it.

use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::interval::{Interval, State};
use crate::terms::Target;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What is made of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// Somebody looks at it today.
    Ticket,
    /// Somebody is woken.
    Page,
}

/// So much of the budget, in so long, is too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurnRule {
    pub urgency: Urgency,
    /// Of the budget of the whole promise.
    pub percent: u32,
    pub long: Duration,
    pub short: Duration,
}

/// The rules, most urgent first.
pub const BURN_RULES: [BurnRule; 4] = [
    BurnRule::new(Urgency::Page, 2, HOUR, 5 * MINUTE),
    BurnRule::new(Urgency::Page, 5, 6 * HOUR, 30 * MINUTE),
    BurnRule::new(Urgency::Ticket, 10, DAY, 2 * HOUR),
    BurnRule::new(Urgency::Ticket, 10, 3 * DAY, 6 * HOUR),
];

impl BurnRule {
    const fn new(urgency: Urgency, percent: u32, long: u64, short: u64) -> Self {
        let (long, short) = (Duration::from_secs(long), Duration::from_secs(short));
        Self { urgency, percent, long, short }
    }

    /// How many times faster than evenly over the promise of this length it would have to burn.
    pub fn factor(&self, length: Duration) -> f64 {
        f64::from(self.percent) / 100.0 * length.as_secs_f64() / self.long.as_secs_f64()
    }
}

/// What was promised, and what the probing of it can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    pub target: Target,
    /// Of the promise: 30 days, or of the calendar month.
    pub length: Duration,
    /// Between two probes; above zero.
    pub interval: Duration,
    /// Less down time than these many probes stand for is never an alarm.
    pub min_bad: u32,
}

/// One window of a rule, up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub length: Duration,
    pub down: Duration,
    /// So much of it nobody knows.
    pub unknown: Duration,
    /// More down time than this is too fast.
    pub allowed: Duration,
}

/// What a rule says now, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burn {
    pub rule: BurnRule,
    pub long: Window,
    pub short: Window,
    /// How many probes the down time of the long window stands for.
    pub bad: u32,
    pub finding: Finding,
}

/// Whether a rule fires, and if not, why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    Fires,
    /// The long window has no more than its share.
    Slow,
    /// The long window has more than its share, but the short one no longer has.
    Over,
    /// Both have, but the down time stands for too few probes.
    TooFewProbes,
}

impl Window {
    /// How many times faster than evenly over the promise it burns; none if nothing may burn.
    pub fn rate(&self, target: Target) -> Option<f64> {
        let even = f64::from(1_000_000 - target.millionths()) / 1_000_000.0;
        let share = self.down.as_secs_f64() / self.length.as_secs_f64();
        (even > 0.0).then(|| share / even)
    }

    fn exceeds(&self) -> bool {
        self.down > self.allowed
    }

    fn of(timeline: &[Interval], length: Duration, allowed: Duration, now: Time) -> Self {
        let mut window = Self { length, down: Duration::ZERO, unknown: Duration::ZERO, allowed };
        let begin = timeline.partition_point(|span| span.until <= now - length);
        let spans = timeline[begin..].iter().map_while(|span| span.clip(now - length, now));
        for span in spans {
            match span.state {
                State::Down => window.down += span.length(),
                State::Unknown => window.unknown += span.length(),
                State::Up | State::Maintenance | State::NotApplicable => (),
            }
        }
        window
    }
}

impl Objective {
    /// What each of the [`BURN_RULES`] says now, of a timeline that is in order and reaches back
    /// three days, or as far as there is one.
    pub fn burns(&self, timeline: &[Interval], now: Time) -> Vec<Burn> {
        BURN_RULES.iter().map(|rule| self.burn(*rule, timeline, now)).collect()
    }

    /// What one rule says now.
    pub fn burn(&self, rule: BurnRule, timeline: &[Interval], now: Time) -> Burn {
        let [long, short] = [rule.long, rule.short]
            .map(|length| Window::of(timeline, length, self.allowed(&rule, length), now));
        let bad = self.probes(timeline, now - rule.long, now);
        let finding = if !long.exceeds() {
            Finding::Slow
        } else if !short.exceeds() {
            Finding::Over
        } else if bad < self.min_bad {
            Finding::TooFewProbes
        } else {
            Finding::Fires
        };
        Burn { rule, long, short, bad, finding }
    }

    /// How much down time a window of this length may have by a rule, rounded down.
    pub fn allowed(&self, rule: &BurnRule, window: Duration) -> Duration {
        let spare = u128::from(1_000_000 - self.target.millionths()) * self.length.as_millis();
        let share = spare * u128::from(rule.percent) * window.as_millis();
        let allowed = share / (100 * 1_000_000 * rule.long.as_millis().max(1));
        Duration::from_millis(u64::try_from(allowed).unwrap_or(u64::MAX))
    }

    /// The least number of bad probes at the interval that such down time is made of: n of them, and
    /// the good one that ends it, span n intervals.
    fn probes(&self, timeline: &[Interval], from: Time, until: Time) -> u32 {
        let down = timeline.iter().filter(|span| span.state == State::Down);
        let parts = down.filter_map(|span| span.clip(from, until));
        let interval = self.interval.as_millis().max(1);
        let probes: u128 = parts.map(|part| part.length().as_millis().div_ceil(interval)).sum();
        u32::try_from(probes).unwrap_or(u32::MAX)
    }
}
