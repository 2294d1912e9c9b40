//! How a promise stands now: what is left of this period's error budget, until when it lasts, and
//! whether it burns too fast.
//!
//! It is made of the same timeline and terms as a report, so that an alarm and the report after it
//! cannot disagree: whoever takes planned work or a correction into account does so here, too.

use std::time::Duration;

use model::time::Time;

use crate::budget::{Budget, Outlook};
use crate::burn::{Burn, Finding, Objective, Urgency};
use crate::interval::Interval;
use crate::overlay::Overlay;
use crate::period::Period;
use crate::tally::Tally;
use crate::terms::{Target, Terms};

/// Down time of fewer probes than this is no alarm, however little the promise allows.
const LEAST_BAD: u32 = 3;

/// The promise of one thing over one period, up to now.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub target: Target,
    /// The end of the period.
    pub until: Time,
    pub budget: Budget,
    pub outlook: Outlook,
    /// What each of the [`crate::BURN_RULES`] says.
    pub burns: Vec<Burn>,
}

impl Standing {
    /// None if nothing is promised. `timeline` is in order and without gaps, and reaches at least from
    /// the beginning of the period, and three days back, up to now. It is probed each `interval`, and
    /// `confirm` failures are an outage.
    pub fn new(
        terms: &Terms,
        period: &Period,
        (interval, confirm): (Duration, u32),
        now: Time,
        timeline: &[Interval],
        overlays: &[Overlay],
    ) -> Option<Self> {
        let target = terms.target?;
        let whole = terms.lay(timeline, overlays);
        let inside = whole.iter().filter_map(|part| part.clip(period.from(), now));
        let so_far = Tally::of(&inside.collect::<Vec<_>>()).under(terms.unknown);
        let to_come = terms.promised(now, period.until());
        let budget = Budget::new(target, so_far.counted() + to_come, &so_far);
        let length = period.until().since(period.from());
        let min_bad = confirm.max(LEAST_BAD);
        let objective = Objective { target, length, interval, min_bad };
        Some(Self {
            target,
            until: period.until(),
            outlook: budget.outlook(period.from(), now, period.until()),
            budget,
            burns: objective.burns(&whole, now),
        })
    }

    /// More was down than is allowed, or just as much.
    pub fn is_spent(&self) -> bool {
        self.outlook == Outlook::UsedUp
    }

    /// How many times faster than it lasts the budget burns, by the fastest rule of this urgency that
    /// fires; none if none does.
    pub fn burns_at(&self, urgency: Urgency) -> Option<f64> {
        let firing = self.burns.iter().filter(|burn| burn.finding == Finding::Fires);
        let firing = firing.filter(|burn| burn.rule.urgency == urgency);
        // Where nothing may burn, whatever does is too fast.
        firing.map(|burn| burn.long.rate(self.target).unwrap_or(f64::MAX)).reduce(f64::max)
    }
}
