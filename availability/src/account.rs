//! The account of one thing over one period: what a report says of it.
//!
//! Page, mail, command and API are made of this and nothing else, so that they cannot disagree. What
//! lies in the future is no part of it: a report of a month that is under way says how far it
//! reaches.

use std::time::Duration;

use model::time::Time;

use crate::budget::Budget;
use crate::interval::{Interval, State};
use crate::outage::{Outage, Statistics, outages};
use crate::overlay::{Kind, Overlay};
use crate::period::{Day, Period};
use crate::tally::{Tally, Verdict};
use crate::terms::Terms;

/// What is said of a period, up to the present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub from: Time,
    /// The end of the period, or the present if that is earlier.
    pub until: Time,
    /// As it was, with unknown time apart whatever the terms make of it.
    pub tally: Tally,
    /// None without a target, or if no time counts.
    pub verdict: Option<Verdict>,
    /// Of the whole period, as far as it counts.
    pub budget: Option<Budget>,
    pub outages: Vec<Outage>,
    pub statistics: Statistics,
    /// Each local day that has begun, with what was of it.
    pub days: Vec<(Day, Tally)>,
    /// When nobody knows, and why.
    pub unknown: Vec<Interval>,
    /// Planned work that does not count, and why.
    pub maintenance: Vec<Interval>,
    /// What people say that a span was, whatever was measured, in order of time.
    pub corrections: Vec<Overlay>,
}

impl Account {
    /// `timeline` is in order and without gaps, and reaches at least from the beginning of the period
    /// to its end or `now`; what is before lets outages be told whole. The overlays are those of the
    /// files and of people; the terms say which count.
    pub fn new(
        terms: &Terms,
        period: &Period,
        now: Time,
        timeline: &[Interval],
        overlays: &[Overlay],
    ) -> Self {
        let (from, until) = (period.from(), period.until().min(now).max(period.from()));
        let whole = terms.lay(timeline, overlays);
        let inside: Vec<Interval> =
            whole.iter().filter_map(|interval| interval.clip(from, until)).collect();
        let tally = Tally::of(&inside);
        let outages = outages(&whole, from, until, terms.merge_gap);
        let judged = tally.under(terms.unknown);
        let is_over = overlays.iter().any(|one| ends(one, until, period.until()));
        let to_come = if is_over { Duration::ZERO } else { terms.promised(until, period.until()) };
        let of = |state| inside.iter().filter(|i| i.state == state).cloned().collect();
        Self {
            from,
            until,
            tally,
            verdict: terms.target.and_then(|target| judged.verdict(target)),
            budget: terms
                .target
                .map(|target| Budget::new(target, judged.counted() + to_come, &judged)),
            statistics: Statistics::of(&outages, tally.up),
            outages,
            days: days(period, until, &inside),
            unknown: of(State::Unknown),
            maintenance: of(State::Maintenance),
            corrections: corrections(overlays, from, until),
        }
    }
}

/// Nothing is promised for the rest of the period.
fn ends(overlay: &Overlay, from: Time, until: Time) -> bool {
    overlay.kind == Kind::NotApplicable && overlay.from <= from && overlay.until >= until
}

fn corrections(overlays: &[Overlay], from: Time, until: Time) -> Vec<Overlay> {
    let said = overlays.iter().filter(|overlay| overlay.kind == Kind::Correction);
    let cut = said.map(|one| Overlay {
        from: one.from.max(from),
        until: one.until.min(until),
        ..one.clone()
    });
    let mut inside: Vec<Overlay> = cut.filter(|one| one.from < one.until).collect();
    inside.sort_by_key(|one| (one.from, one.said));
    inside
}

/// One pass over the timeline for all days.
fn days(period: &Period, until: Time, inside: &[Interval]) -> Vec<(Day, Tally)> {
    let mut rest = inside;
    let begun = period.days().into_iter().filter(|day| day.from < until);
    let told = begun.map(|day| {
        let over = rest.partition_point(|interval| interval.until <= day.from);
        rest = &rest[over..];
        let of_it = rest.iter().take_while(|interval| interval.from < day.until);
        let parts: Vec<Interval> =
            of_it.filter_map(|interval| interval.clip(day.from, day.until)).collect();
        (day, Tally::of(&parts))
    });
    told.collect()
}
