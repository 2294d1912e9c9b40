//! What measures the availability of modules: probes of domains, rounds of VMs, and checks. What the files do
//! not name for a module is looked at, and alarmed of, all the same, and does not go into its account.

use std::collections::{BTreeMap, BTreeSet};

use availability::{Accounting, Indicator, Ledger};
use collector::look::{Answer, Look};
use model::id::ModuleId;
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Verdict};
use model::vm::VmState;

use crate::config::indicators::Indicators;

use super::Core;

impl Core {
    /// A domain was probed.
    pub(super) fn measured_by_domain(&mut self, module: &ModuleId, verdict: &Verdict) {
        self.observed(module, &Indicator::Domain, verdict.at, &verdict.outcome);
        self.time_answer(module, verdict);
    }

    /// A VM was probed: it is heard with the others of its round.
    pub(super) fn measured_by_vm(&mut self, module: &ModuleId, verdict: &Verdict) {
        if !self.is_measured_by(module, &Indicator::Vms) {
            return;
        }
        let ProbeTarget::Vm { vm, .. } = &verdict.target else { return };
        let vms = self.topology.vms_of(module).filter_map(|id| self.scaler.vms.get(id));
        let serving = vms.filter(|vm| vm.state == VmState::Serving).count();
        let rounds = self.rounds_of_vms.entry(module.clone()).or_default();
        let every = self.accounting.interval;
        let look = rounds.hear(every, (vm, serving), verdict.at, &verdict.outcome);
        if let Some((at, outcome)) = look {
            self.observed(module, &Indicator::Vms, at, &outcome);
        }
    }

    /// A check looked, which is known by `check/PROJECT/NAME`.
    pub(super) fn measured_by_check(&mut self, module: &ModuleId, name: &str, look: &Look) {
        let name = name.splitn(3, '/').nth(2).and_then(|name| format!("check/{name}").parse().ok());
        let Some(indicator) = name else { return };
        self.observed(module, &indicator, look.at, &outcome(&look.answer));
    }

    /// The rounds that are over, in which no VM answered as it should.
    pub(super) fn close_rounds(&mut self, now: Time) {
        self.miss_vms(now);
        let every = self.accounting.interval;
        let closed = self.rounds_of_vms.iter_mut().flat_map(|(module, rounds)| {
            let looks = rounds.close(every, now);
            looks.into_iter().map(|look| (module.clone(), look))
        });
        let closed: Vec<(ModuleId, (Time, Outcome))> = closed.collect();
        for (module, (at, outcome)) in closed {
            self.observed(&module, &Indicator::Vms, at, &outcome);
        }
    }

    /// Where none of the VMs that there should be serves, there is none to probe, and users meet nobody. Where
    /// the policy wants none, it is as it should be.
    fn miss_vms(&mut self, now: Time) {
        if self.is_recovering {
            return; // Who does not know his VMs does not know that there are none.
        }
        let serving = self.scaler.vms.values().filter(|vm| vm.state == VmState::Serving);
        let serving: BTreeSet<&ModuleId> = serving.filter_map(|vm| vm.module.as_ref()).collect();
        let without = self.scaler.memory.modules.iter().filter(|(module, _)| {
            !serving.contains(module)
                && self.ledgers.contains_key(*module)
                && self.is_measured_by(module, &Indicator::Vms)
        });
        let without = without.map(|(module, memory)| (module.clone(), memory.desired > 0));
        for (module, is_wanted) in without.collect::<Vec<_>>() {
            let said = if is_wanted { nobody() } else { Outcome::Healthy { doubt: None } };
            let rounds = self.rounds_of_vms.entry(module.clone()).or_default();
            if let Some((at, outcome)) = rounds.say(self.accounting.interval, now, said) {
                self.observed(&module, &Indicator::Vms, at, &outcome);
            }
        }
    }

    fn observed(&mut self, module: &ModuleId, indicator: &Indicator, at: Time, outcome: &Outcome) {
        let Some(pace) = self.indicators(module).and_then(|all| all.get(indicator)) else { return };
        let (by, rules) = ((indicator, *pace), &self.accounting);
        let is_new = !self.ledgers.contains_key(module);
        let ledger = self.ledgers.entry(module.clone()).or_insert_with(|| Ledger::new(at));
        ledger.observe_by(rules, by, at, outcome);
        self.heard.insert(module.clone());
        if is_new {
            self.follow_domain(module, at);
        }
    }

    /// Whether others look at it, too, is remembered: what measures it later changes no report of before.
    pub(super) fn follow_domain(&mut self, module: &ModuleId, at: Time) {
        if self.config.modules.contains_key(module) {
            let is_seen = self.is_measured_by(module, &Indicator::Domain);
            self.not_by_domain.follow(module, is_seen, at);
        }
    }

    /// The files may measure a module by something else now.
    pub(super) fn follow_indicators(&mut self, now: Time) {
        for (module, ledger) in &mut self.ledgers {
            let Some(known) = self.config.modules.get(module) else { continue };
            let named = known.measured_by.iter().flat_map(BTreeMap::keys).cloned();
            ledger.measured_by(&named.collect::<Vec<_>>(), now);
        }
        let is_kept = |module: &ModuleId| {
            let by =
                self.config.modules.get(module).and_then(|known| known.measured_by.as_ref().ok());
            by.is_some_and(|by| by.contains_key(&Indicator::Vms))
        };
        self.rounds_of_vms.retain(|module, _| is_kept(module));
        for module in self.ledgers.keys().cloned().collect::<Vec<_>>() {
            self.follow_domain(&module, now);
        }
    }

    /// What measures a module; None if nothing does.
    pub fn indicators(&self, module: &ModuleId) -> Option<&Indicators> {
        self.config.modules.get(module)?.measured_by.as_ref().ok()
    }

    pub(super) fn is_measured_by(&self, module: &ModuleId, indicator: &Indicator) -> bool {
        self.indicators(module).is_some_and(|all| all.contains_key(indicator))
    }

    /// The rules for the slowest that measures a module: so finely its account is known.
    pub fn accounting_of(&self, module: &ModuleId) -> Accounting {
        let paces = self.indicators(module).into_iter().flatten();
        let rules = paces.map(|(_, pace)| self.accounting.paced(*pace));
        let slowest = rules.max_by_key(|rules| rules.interval.saturating_mul(rules.confirm_down));
        slowest.unwrap_or_else(|| self.accounting.clone())
    }
}

fn nobody() -> Outcome {
    Outcome::Unhealthy { phase: Phase::Connect, hint: "no VM of it serves".to_owned() }
}

/// A check that cannot be made as it is written says nothing of the module.
fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Up => Outcome::Healthy { doubt: None },
        Answer::Down { phase, hint } => Outcome::Unhealthy { phase: *phase, hint: hint.clone() },
        Answer::Misconfigured { what: reason, .. } | Answer::Blind { reason } => {
            Outcome::Blind { reason: reason.clone() }
        }
    }
}
