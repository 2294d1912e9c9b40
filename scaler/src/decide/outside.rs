//! What lies outside the policy: a release, protected VMs, the pool, the fleet, the mode, a promise
//! that is broken already, and what people hold.

use super::limits::Chain;
use crate::facts::SpentBudget;
use crate::hold::HoldWhat;
use crate::policy::Mode;
use crate::reason::Reason;

impl Chain<'_> {
    pub(super) fn release(&mut self) {
        self.skip("release", "none is going out");
    }

    /// If all that could go are protected, the count does not drop: what is wanted and what is there
    /// would go apart.
    pub(super) fn protection(&mut self) {
        let Some(removable) = self.inputs.room.removable.filter(|_| self.is_in()) else {
            return self.skip("protection", "nothing is taken away");
        };
        let lowest = self.from.saturating_sub(removable);
        let detail = format!("{removable} VMs may go");
        if self.to < lowest {
            self.clip("protection", lowest, detail, Reason::Protected { removable });
        } else {
            self.pass("protection", detail);
        }
    }

    /// No more is wanted on account of load than can be had. A floor is wanted all the same.
    pub(super) fn pool(&mut self) {
        let room = self.inputs.room;
        if let Some(until) =
            room.stuck_until.filter(|until| self.now < *until && self.is_load_out())
        {
            let reason = Reason::LoadDoesNotFall { until };
            return self.clip("pool", self.from, reason.to_string(), reason);
        }
        let (Some(ready), Some(creatable), true) = (room.ready, room.creatable, self.is_out())
        else {
            return self.skip("pool", "nothing is needed of it");
        };
        let detail = format!("{ready} ready in the pool, {creatable} can be made");
        let owed = self.from.saturating_sub(self.inputs.serving + self.inputs.warming);
        let free = ready.saturating_add(creatable).saturating_sub(owed);
        let most = self.from.saturating_add(free).max(self.floor().min(self.to));
        if self.to > most {
            self.clip("pool", most, detail, Reason::NoRoom { ready, creatable });
        } else {
            self.pass("pool", detail);
        }
    }

    fn is_load_out(&self) -> bool {
        let by_load = matches!(self.reason, Reason::LoadAbove { .. } | Reason::OffTarget { .. });
        self.is_out() && by_load
    }

    pub(super) fn fleet_brake(&mut self) {
        let Some(room) = self.inputs.room.brake.filter(|_| self.is_in()) else {
            return self.skip("fleet brake", "nothing is taken away");
        };
        let lowest = self.from.saturating_sub(room);
        let detail = format!("the fleet may lose {room} more");
        if self.to < lowest {
            self.clip("fleet brake", lowest, detail, Reason::FleetBrake { room });
        } else {
            self.pass("fleet brake", detail);
        }
    }

    /// A mode that does not act leaves the count as it would be; the record says so.
    pub(super) fn mode(&mut self) {
        let mode = self.mode.as_str();
        if self.mode == Mode::OutOnly && self.is_in() && !self.is_above_bounds() {
            return self.clip("mode", self.from, mode, Reason::OutOnly);
        }
        self.pass("mode", mode);
    }

    /// A ceiling is law, also in a mode that takes nothing away on account of load.
    fn is_above_bounds(&self) -> bool {
        let ceilings = self.inputs.schedules.iter().filter_map(|span| span.max);
        ceilings.chain([self.terms.max]).any(|ceiling| self.from > ceiling)
    }

    /// Whoever was promised more than he got does not get less. A ceiling is law all the same.
    pub(super) fn error_budget(&mut self) {
        let Some(spent) = self.inputs.spent.clone() else {
            return self.skip("error budget", "none is used up");
        };
        let SpentBudget { policy, until, .. } = &spent;
        let detail = format!("that of {policy} is used up until {until}");
        if self.is_in() && !self.is_above_bounds() {
            return self.clip("error budget", self.from, detail, Reason::BudgetSpent(spent));
        }
        self.pass("error budget", detail);
    }

    pub(super) fn hold(&mut self) {
        let what = if self.is_out() { HoldWhat::Out } else { HoldWhat::In };
        let Some(hold) = self.inputs.holds.iter().find(|hold| hold.covers(what)) else {
            return self.skip("hold", "nothing is held");
        };
        let detail = format!("hold {} of {} until {}", hold.id, hold.what.as_str(), hold.until);
        if self.to == self.from {
            return self.pass("hold", detail);
        }
        let reason = Reason::Held {
            hold: hold.id.clone(),
            what: hold.what,
            until: hold.until,
            wanted: self.to,
            because: Box::new(self.reason.clone()),
        };
        self.clip("hold", self.from, detail, reason);
    }
}
