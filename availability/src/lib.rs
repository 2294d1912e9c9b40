//! Decides when a module was up, when it was down, and when nobody can say. Pure.
//!
//! An availability number is worth what its rules are worth. Where probes are simply counted, a
//! prober that did not look makes the number better, a lost packet makes it worse, and an outage
//! that is probed more often weighs more. Here time is counted instead: each moment of a module
//! has exactly one state, *unknown* is a state of its own, and a report gives the number as what
//! is known, between the lowest and the highest it can have been.
//!
//! The idea: an [`Accounting`] names the rules; a [`Ledger`] takes the verdicts of one module, in
//! whatever order they arrive, and answers with a [`Report`] about any period. Behind a window of
//! recent verdicts the past is settled into [`Interval`]s, which the caller may store.
//!
//! A [`Period`] says what moments a month of some zone is, [`outages`] makes outages of down time, and
//! a [`Budget`] and its [`Objective`] say what a promise allows, and when that is used up too fast.
//!
//! [`Latencies`] takes how long the same probes took, and makes of each hour one [`Answers`], which those of a
//! period are merged from.
//!
//! A module may be measured by several [`Indicator`]s, each at its own [`Pace`]; the ledger takes what each
//! of them says, and [`Rounds`] make one look of what many VMs say.
//!
//! Where several vantages probe, each has a ledger of its own, and [`join`] makes of them what is believed.
//!
//! It reads no clock and probes nothing.
//!
//! Invariants: the states of a period add up to its length, to the millisecond; time that was not
//! looked at is never up and never down; the order in which verdicts arrive does not matter; what
//! is settled does not change.

mod account;
mod accounting;
mod budget;
mod burn;
mod cause;
pub mod chinese;
mod hours;
mod indicator;
mod interval;
mod judge;
mod latency;
mod ledger;
#[cfg(test)]
mod letters;
mod look;
mod outage;
mod overlay;
mod period;
mod quorum;
mod report;
mod round;
mod share;
mod spread;
mod standing;
mod tally;
mod terms;
mod track;
mod whole;

pub use account::Account;
pub use accounting::Accounting;
pub use budget::{Budget, Outlook, Unresolvable, resolvable};
pub use burn::{BURN_RULES, Burn, BurnRule, Finding, Objective, Urgency, Window};
pub use cause::{Cause, Circumstances};
pub use hours::ServiceHours;
pub use indicator::{Indicator, IndicatorError, Pace};
pub use interval::{Interval, State};
pub use latency::{
    Answer, Answers, LENGTHS, Latencies, LatencyPromise, LatencyTerms, Sketch, Stretch, Within,
    hour_of, start_of,
};
pub use ledger::Ledger;
pub use outage::{End, Lengths, Outage, Statistics, outages};
pub use overlay::{Kind, Overlay, lay};
pub use period::{Day, Month, Period, PeriodError, Shape, WeekStart};
pub use quorum::{Joined, Partial, counted, join};
pub use report::Report;
pub use round::Rounds;
pub use share::{Share, digits};
pub use standing::Standing;
pub use tally::{Tally, Verdict};
pub use terms::{Maintenance, Target, Terms, Unknown};
pub use whole::whole;
