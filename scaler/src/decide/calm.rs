//! From what each metric asks for to one count that may be believed: combine, stabilise, guard,
//! step, pace.

use model::time::Time;
use model::unit::Span;

use super::limits::Chain;
use crate::inputs::{Ask, Reading};
use crate::policy::MissingOut;
use crate::reason::Reason;

impl Chain<'_> {
    /// Any metric may ask for more, and the largest wins; fewer only if all agree, and the smallest
    /// step wins. Returns what was asked for, if that is known.
    pub(super) fn combine(&mut self) -> Option<u32> {
        if let Some(reason) = self.blind_floor() {
            let Reason::BlindToFloor { floor, .. } = reason else { return None };
            self.want("combine", floor, reason);
            return None;
        }
        let asks = &self.inputs.asks;
        let Some(chosen) = chosen(asks, self.from) else {
            self.skip("combine", "no metric asks for anything");
            return Some(self.from);
        };
        self.reason = chosen.reason.clone();
        let asked = is_known(&chosen.reason).then_some(chosen.to);
        if chosen.to == self.from {
            self.pass("combine", "no change is asked for");
        } else {
            let word = if chosen.to > self.from { "any may add" } else { "all agree on fewer" };
            let reason = chosen.reason.clone();
            self.clip("combine", chosen.to, format!("{word}: {}", chosen.metric), reason);
        }
        asked
    }

    /// A metric has been unknown for so long that the policy wants its floor for that.
    fn blind_floor(&self) -> Option<Reason> {
        let missing = &self.terms.missing;
        let lasted = self.now.since(self.inputs.clocks.unknown_since?);
        let floor = missing.floor.filter(|floor| *floor > self.from)?;
        let is_due = missing.out == MissingOut::ToFloor && lasted >= missing.alert_after.0;
        if !is_due || self.inputs.serving == 0 {
            return None;
        }
        let blind = self.inputs.readings.iter().find(|reading| !reading.known)?;
        Some(Reason::BlindToFloor { metric: blind.name.clone(), floor, lasted })
    }

    /// On the way in, the highest count asked for within the window wins.
    pub(super) fn stabilise(&mut self) {
        if bug!(NoStabilise) {
            return self.skip("stabilise", "nothing is waited for");
        }
        if !self.is_in() {
            return self.skip("stabilise", "only fewer are waited for");
        }
        if self.are_asks_patient() {
            return self.pass("stabilise", "the work asked for more long enough ago");
        }
        let clocks = self.inputs.clocks;
        let window = self.terms.inward.stabilise.0;
        let since = clocks.watching_since.unwrap_or(self.now);
        let until = since + window;
        if self.now < until {
            let detail = format!("watched without a hole since {since} only");
            let hold = Reason::Stabilising { until, keeps: self.from };
            return self.clip("stabilise", self.from, detail, hold);
        }
        let keeps = clocks.highest.unwrap_or(self.from).min(self.from);
        if keeps <= self.to {
            return self.pass("stabilise", format!("no more were wanted within {}", Span(window)));
        }
        let until = clocks.highest_until.unwrap_or(self.now).max(since) + window;
        let detail = format!("{keeps} were wanted within {}", Span(window));
        self.clip("stabilise", keeps, detail, Reason::Stabilising { until, keeps });
    }

    /// What remains must be able to carry the load.
    pub(super) fn guard(&mut self) {
        if !self.is_in() {
            return self.skip("guard", "only fewer are a risk");
        }
        let mut to = self.to;
        while to < self.from && self.overload_with(to).is_some() {
            to += 1;
        }
        if to == self.to {
            return self.pass("guard", format!("{to} can carry the load"));
        }
        let (projected, limit) = self.overload_with(to - 1).unwrap_or_default();
        let detail = format!("with {} load would be {projected:.2} > {limit:.2}", to - 1);
        self.clip("guard", to, detail, Reason::WouldOverload { projected, limit });
    }

    /// The projected load with `count` VMs and its limit, if it would be too high.
    fn overload_with(&self, count: u32) -> Option<(f64, f64)> {
        self.inputs.readings.iter().find_map(|reading| {
            let projected = work(reading)? / f64::from(count.max(1));
            let limit = self.terms.inward.guard * reading.out_above;
            (projected > limit).then_some((projected, limit))
        })
    }

    pub(super) fn step(&mut self) {
        let (out, inward) = (self.terms.out.max_step, self.terms.inward.max_step);
        let reason = self.reason.clone();
        if self.is_out() {
            let most = out.of(self.from).max(1);
            match self.from.saturating_add(most) {
                cap if self.to > cap => {
                    self.clip("step", cap, format!("at most {most} more at once"), reason);
                }
                _ => self.pass("step", format!("at most {most} more at once")),
            }
        } else if self.is_in() {
            let most = inward.of(self.from).max(1);
            match self.from.saturating_sub(most) {
                lowest if self.to < lowest => {
                    self.clip("step", lowest, format!("at most {most} fewer at once"), reason);
                }
                _ => self.pass("step", format!("at most {most} fewer at once")),
            }
        } else {
            self.skip("step", "no change");
        }
    }

    pub(super) fn pace(&mut self) {
        if self.is_out() {
            self.pace_out();
        } else if self.is_in() {
            self.pace_in();
        } else {
            self.skip("pace", "no change");
        }
    }

    fn pace_out(&mut self) {
        let (warming, max) = (self.inputs.warming, self.terms.out.max_in_flight);
        let cooled = self.inputs.clocks.last_out.map(|at| at + self.terms.out.cooldown.0);
        let most = self.from.saturating_add(max.saturating_sub(warming));
        let detail = format!("{warming} on their way, at most {max} at once");
        if let Some(until) = cooled.filter(|until| self.now < *until) {
            let hold = Reason::CoolingDown { until };
            self.clip("pace", self.from, hold.to_string(), hold);
        } else if self.to > most {
            let hold = Reason::TooManyInFlight { warming, max };
            self.clip("pace", most, detail, hold);
        } else {
            self.pass("pace", detail);
        }
    }

    /// Whether all that ask for fewer waited by themselves.
    fn are_asks_patient(&self) -> bool {
        let mut fewer = self.inputs.asks.iter().filter(|ask| ask.to < self.from).peekable();
        fewer.peek().is_some() && fewer.all(|ask| ask.is_patient)
    }

    fn pace_in(&mut self) {
        let missing = self.from.saturating_sub(self.inputs.serving);
        let warming = self.inputs.warming.max(missing);
        let clocks = self.inputs.clocks;
        // What was taken away lately does not show in the load yet.
        let settles = clocks.last_in.map(|at| at + self.terms.out.settle.0);
        let cooled =
            clocks.last_out.max(clocks.last_in).map(|at| at + self.terms.inward.cooldown.0);
        let cooled = cooled.max(clocks.next_in);
        let is_ahead = |until: &Time| self.now < *until;
        let is_patient = self.are_asks_patient();
        let hold = if warming > 0 && !is_patient {
            Reason::StillWarming { warming }
        } else if let Some(until) = cooled.filter(is_ahead) {
            Reason::CoolingDown { until }
        } else if let Some(until) = settles.filter(is_ahead).filter(|_| !is_patient) {
            Reason::Settling { until }
        } else {
            return self.pass("pace", "none on their way, and cooled down");
        };
        self.clip("pace", self.from, hold.to_string(), hold);
    }
}

/// All that the VMs carry together, by one metric; None if that is unknown.
pub(super) fn work(reading: &Reading) -> Option<f64> {
    let carriers = if reading.is_whole() { 1 } else { reading.serving };
    Some(reading.value? * f64::from(carriers))
}

/// The ask that counts: the largest for more, else the most pressing for no change, else the
/// smallest step for fewer.
fn chosen(asks: &[Ask], from: u32) -> Option<&Ask> {
    let most =
        asks.iter().filter(|ask| ask.to > from).reduce(|a, b| if b.to > a.to { b } else { a });
    let staying = asks.iter().filter(|ask| ask.to == from);
    let staying =
        staying.reduce(|a, b| if urgency(&b.reason) > urgency(&a.reason) { b } else { a });
    let fewer =
        asks.iter().filter(|ask| ask.to < from).reduce(|a, b| if b.to > a.to { b } else { a });
    most.or(staying).or(fewer)
}

/// Which of several reasons to stay is told.
fn urgency(reason: &Reason) -> u8 {
    if matches!(reason, Reason::AboveNotLongEnough { .. } | Reason::AlreadyOnTheirWay { .. }) {
        return 2;
    }
    u8::from(!is_known(reason))
}

/// Whether the load was known when that was said.
fn is_known(reason: &Reason) -> bool {
    !matches!(
        reason,
        Reason::SamplesMissing { .. }
            | Reason::NoAnswer { .. }
            | Reason::Settling { .. }
            | Reason::NothingServes
    )
}
