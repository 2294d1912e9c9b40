//! What each metric asks for by itself.

use model::time::Time;

use super::clocks::proof_of_load;
use crate::inputs::{Ask, Inputs, Reading, Terms};
use crate::policy::{Aim, Over, RawAbove, RawBelow};
use crate::reason::Reason;

/// The count that one metric asks for; `from` if none.
pub(super) fn ask(terms: &Terms, inputs: &Inputs, reading: &Reading, now: Time, from: u32) -> Ask {
    match (&reading.aim, &reading.tracked) {
        (Some(Aim::Band { out, inward }), _) => {
            let band = Band { terms, inputs, reading, now, from };
            band.ask(*out, *inward)
        }
        (Some(Aim::Target { .. }), Some(tracked)) => tracked.clone(),
        (Some(Aim::Target { .. }) | None, _) => Ask::stay(reading, from, Reason::NotElastic),
    }
}

/// A metric with two thresholds.
struct Band<'a> {
    terms: &'a Terms,
    inputs: &'a Inputs,
    reading: &'a Reading,
    now: Time,
    from: u32,
}

impl Band<'_> {
    fn ask(&self, out: RawAbove, inward: Option<RawBelow>) -> Ask {
        let settled_until = self.inputs.clocks.settled_until;
        if self.inputs.serving == 0 {
            return self.stay(Reason::NothingServes);
        }
        if self.now < settled_until {
            return self.stay(Reason::Settling { until: settled_until });
        }
        let proof = proof_of_load(self.terms.missing.out, self.reading);
        match proof.filter(|load| *load > out.above) {
            Some(load) => self.over(load, out),
            None => self.under(inward),
        }
    }

    fn stay(&self, reason: Reason) -> Ask {
        Ask::stay(self.reading, self.from, reason)
    }

    fn over(&self, load: f64, out: RawAbove) -> Ask {
        let (above, lasted) = (out.above, self.reading.above_for);
        let needed = out.lasting.0;
        if lasted < needed {
            return self.stay(Reason::AboveNotLongEnough { load, above, lasted, needed });
        }
        if let Some(projected) = self.projected(load).filter(|projected| *projected <= above) {
            return self.stay(Reason::AlreadyOnTheirWay { projected, above });
        }
        let to = self.from.saturating_add(out.step.of(self.from));
        Ask::of(self.reading, to, self.load_above(load, above))
    }

    /// The load once all VMs on their way serve; None if there are none.
    fn projected(&self, load: f64) -> Option<f64> {
        let (serving, warming) = (f64::from(self.inputs.serving), f64::from(self.inputs.warming));
        let is_ahead = self.inputs.warming > 0 && self.reading.over == Over::Serving;
        is_ahead.then(|| load * serving / (serving + warming))
    }

    fn load_above(&self, load: f64, above: f64) -> Reason {
        let Reading { name, fresh, serving, above_for, .. } = self.reading;
        let (metric, fresh, serving) = (name.clone(), *fresh, *serving);
        if self.reading.known {
            return Reason::LoadAbove { metric, load, above, lasted: *above_for };
        }
        Reason::OverloadProvenByPart { metric, load_at_least: load, above, fresh, serving }
    }

    fn under(&self, inward: Option<RawBelow>) -> Ask {
        let Some(load) = self.reading.value.filter(|_| self.reading.known) else {
            return self.stay(self.reading.missing());
        };
        let Some(inward) = inward.filter(|inward| load < inward.below) else {
            return self.stay(Reason::LoadInBand { load: Some(load) });
        };
        let (below, lasted, needed) = (inward.below, self.reading.below_for, inward.lasting.0);
        if lasted < needed {
            return self.stay(Reason::BelowNotLongEnough { load, below, lasted, needed });
        }
        let to = self.from.saturating_sub(inward.step.of(self.from));
        let metric = self.reading.name.clone();
        Ask::of(self.reading, to, Reason::LoadBelow { metric, load, below, lasted })
    }
}
