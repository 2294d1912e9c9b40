//! Floors and ceilings: of schedules, of the forecast, of the policy. They are law: they hold
//! without any metric, and the way there goes at the pace of the policy.

use super::calm::work;
use super::limits::Chain;
use crate::facts::Forecast;
use crate::policy::ForecastMode;
use crate::reason::Reason;

/// A bound, and who wants it.
type Bound = (u32, String);

impl Chain<'_> {
    pub(super) fn schedule(&mut self) {
        let (floor, ceiling) = (self.highest_floor(), self.lowest_ceiling());
        // A ceiling is the stronger word: more than it may not be there.
        if let Some((ceiling, by)) = ceiling.filter(|(ceiling, _)| self.to > *ceiling) {
            let (to, is_law) = (self.down_to(ceiling), self.from > ceiling);
            return self.bound("schedule", to, is_law, Reason::Ceiling { ceiling, by });
        }
        if let Some((floor, by)) = floor.clone().filter(|(floor, _)| self.to < *floor) {
            let (to, is_law) = (self.up_to(floor), self.from < floor);
            return self.bound("schedule", to, is_law, Reason::Floor { floor, by });
        }
        match (floor, self.inputs.schedules.first()) {
            (Some((floor, by)), _) => self.pass("schedule", format!("floor {floor} by {by}")),
            (None, Some(span)) => self.pass("schedule", format!("schedule {} holds", span.name)),
            (None, None) => self.skip("schedule", "none holds"),
        }
    }

    pub(super) fn min_max(&mut self) {
        let (min, max) = (self.terms.min, self.terms.max);
        if !(min..=max).contains(&self.from) {
            // The load may want more than the one bound while the other is on the way.
            let to = match self.from > max {
                true => self.down_to(max).max(min),
                false => self.up_to(min).min(max),
            };
            return self.bound("min/max", to, true, Reason::Bounds { min, max });
        }
        if self.to > max {
            self.bound("min/max", max, false, Reason::AtMax { max });
        } else if self.to < min {
            self.bound("min/max", min, false, Reason::AtMin { min });
        } else {
            self.pass("min/max", format!("at least {min}, at most {max}"));
        }
    }

    /// A bound that the count in force breaks makes a change of its own; else it only takes back
    /// what the load asked for. A typo in a ceiling, put right a minute later, costs a few steps.
    fn bound(&mut self, stage: &str, to: u32, is_law: bool, reason: Reason) {
        let next = self.inputs.clocks.next_in.filter(|next| self.now < *next);
        if let Some(until) = next.filter(|_| is_law && to < self.from) {
            let detail = format!("{reason}; the next step there at {until}");
            return self.clip(stage, self.from, detail, Reason::CoolingDown { until });
        }
        if is_law {
            return self.want(stage, to, reason);
        }
        let detail = reason.to_string();
        self.clip(stage, to, detail, reason);
    }

    /// As far up to a floor as the pace allows at once.
    fn up_to(&self, floor: u32) -> u32 {
        if floor <= self.from {
            return floor;
        }
        let room = self.terms.out.max_in_flight.saturating_sub(self.inputs.warming);
        let step = self.terms.out.max_step.of(self.from).max(1).min(room);
        floor.min(self.from.saturating_add(step)).max(self.to)
    }

    /// As far down to a ceiling as the pace allows at once.
    fn down_to(&self, ceiling: u32) -> u32 {
        let step = self.terms.inward.max_step.of(self.from).max(1);
        ceiling.max(self.from.saturating_sub(step)).min(self.to)
    }

    /// The floor that holds now, whoever wants it.
    pub(super) fn floor(&self) -> u32 {
        let highest = self.highest_floor().map_or(0, |(floor, _)| floor);
        highest.max(self.terms.min)
    }

    /// Never above a ceiling, which is the stronger word: else the count would go to and fro between them.
    fn highest_floor(&self) -> Option<Bound> {
        let spans = self.inputs.schedules.iter();
        let floors = spans.filter_map(|span| Some((span.min?, format!("schedule {}", span.name))));
        let forecast = self.inputs.forecast.as_ref().and_then(|forecast| self.forecast(forecast));
        let forecast = forecast.map(|count| (count, "the forecast".to_owned()));
        let highest = floors.chain(forecast).reduce(|a, b| if b.0 > a.0 { b } else { a });
        let most = self.lowest_ceiling().map_or(self.terms.max, |(ceiling, _)| ceiling);
        highest.map(|(floor, by)| (floor.min(most).min(self.terms.max), by))
    }

    fn lowest_ceiling(&self) -> Option<Bound> {
        let spans = self.inputs.schedules.iter();
        let ceilings =
            spans.filter_map(|span| Some((span.max?, format!("schedule {}", span.name))));
        ceilings.reduce(|a, b| if b.0 < a.0 { b } else { a })
    }

    /// How far the forecast lifts the floor: at most `max_raise` over what the load needs now. That
    /// need does not depend on what the forecast lifted before, so it cannot lift itself.
    fn forecast(&self, forecast: &Forecast) -> Option<u32> {
        let terms = &self.terms.forecast;
        // It says nothing of the time after its horizon.
        let is_over = self.now > forecast.at + terms.horizon.0;
        if terms.mode != ForecastMode::RaiseFloor || !forecast.is_trusted || is_over {
            return None;
        }
        let mut needed = self.terms.min;
        for reading in &self.inputs.readings {
            let work = work(reading).filter(|_| reading.known)?;
            needed = needed.max((work / reading.out_above).ceil().min(f64::from(u32::MAX)) as u32);
        }
        let most = needed.saturating_add(terms.max_raise.of(needed));
        (!self.inputs.readings.is_empty()).then(|| forecast.count.min(most).min(self.terms.max))
    }
}
