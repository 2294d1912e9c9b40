//! Judged when the scaler decides: P1, P8, P17.

use std::time::Duration;

use model::id::{ModuleId, VmId};
use scaler::decide::replay;
use scaler::policy::{Aim, Policy};
use scaler::reason::{Decision, Reason};

use crate::world::World;

/// Looks come seldom while nothing moves, so a value may be so much older than the policy says.
const SLACK: Duration = Duration::from_secs(1);
const LOOKS_APART: Duration = Duration::from_secs(60);
const TO_AND_FRO: Duration = Duration::from_secs(900);
const HOUR: Duration = Duration::from_secs(3600);

impl World {
    pub(crate) fn check_decision(&mut self, decision: &Decision) {
        self.p15_replays(decision);
        let Some(policy) = self.files.policies.get(&decision.module).cloned() else { return };
        if !policy.mode.acts() || decision.is_hold() {
            return;
        }
        let by_load = matches!(decision.reason, Reason::LoadBelow { .. });
        if decision.to < decision.from && by_load {
            self.p1_no_blind_scale_in(&policy);
            self.p8_patience(&policy);
        }
        let by_bound = matches!(decision.reason, Reason::Bounds { .. } | Reason::Floor { .. });
        if by_bound && decision.to > decision.from {
            self.oracle.lifted.insert(decision.module.clone(), self.now);
        }
        self.p8_no_flapping(decision);
        self.p17_bounds_are_law(&policy, decision);
    }

    fn p1_no_blind_scale_in(&mut self, policy: &Policy) {
        let module = &policy.module;
        let serving = self.routed_everywhere(module);
        for metric in &policy.metrics {
            let fresh = serving.iter().filter(|id| {
                let at = self.oracle.measured.get(*id);
                at.is_some_and(|at| self.now.since(*at) <= metric.max_age + SLACK)
            });
            let fresh = fresh.count();
            let needed = metric.coverage * serving.len() as f64;
            if (fresh as f64) < needed {
                let all = serving.len();
                let what = format!("{module} gives VMs away; {fresh} of {all} VMs have fresh load");
                return self.broken("P1", what);
            }
        }
        let settle = policy.out.settle.0;
        if let Some(joined) = self.oracle.joined.get(module).copied()
            && self.now.since(joined) + SLACK < settle
        {
            let ago = self.now.since(joined).as_secs();
            self.broken("P1", format!("{module} gives VMs away {ago} s after one joined"));
        }
    }

    /// What is stored of a decision is enough to make it again; without a policy nothing is decided.
    fn p15_replays(&mut self, decision: &Decision) {
        let again = replay(decision);
        if decision.inputs.terms.is_some() && again.as_ref() != Some(decision) {
            let what = format!("{} of {} replays to {again:?}", decision.id, decision.module);
            self.broken("P15", what);
        }
    }

    /// A load was low for the whole time that the policy wants to see, and the highest count that was
    /// asked for within the time of stabilisation wins. What a bound asked for goes with the bound.
    fn p8_patience(&mut self, policy: &Policy) {
        let Some(at) = self.oracle.not_low.get(&policy.module).copied() else { return };
        let lasted = policy.metrics.iter().map(|metric| match metric.aim {
            Aim::Band { inward: Some(inward), .. } => inward.lasting.0,
            Aim::Band { inward: None, .. } | Aim::Target { .. } => Duration::ZERO,
        });
        let stabilise = policy.inward.stabilise.0;
        let lifted = self.oracle.lifted.get(&policy.module);
        let is_lifted = lifted.is_some_and(|at| self.now.since(*at) < stabilise);
        let stabilise = if is_lifted { Duration::ZERO } else { stabilise };
        let needed = lasted.max().unwrap_or_default() + stabilise;
        let low_for = self.now.since(at);
        if low_for + LOOKS_APART < needed {
            let (module, low, needed) = (&policy.module, low_for.as_secs(), needed.as_secs());
            let what =
                format!("{module} gives VMs away, its load low for {low} s; {needed} s it waits");
            self.broken("P8", what);
        }
    }

    /// Polled without a lie: what of that the brain cannot take for low.
    pub(crate) fn note_loads_that_are_not_low(&mut self) {
        for (module, policy) in &self.files.policies {
            let low = policy.metrics.iter().find_map(|metric| metric.aim.below());
            let (Some(low), Some(load)) = (low, self.load.get(module)) else { continue };
            let settle = policy.out.settle.0 + LOOKS_APART;
            let joined = self.oracle.joined.get(module).copied().unwrap_or_default();
            let routed = self.routed_everywhere(module);
            // Where nothing serves nothing can be measured.
            let measured = !routed.is_empty();
            let measured =
                measured && routed.iter().all(|id| self.oracle.measured.get(id) == Some(&self.now));
            // The load of VMs counts that serve, by the word of every router.
            let measured = measured && (0..self.edges.len()).all(|edge| !self.is_deaf(edge));
            if *load > low && measured && self.now.since(joined) > settle {
                self.oracle.not_low.insert(module.clone(), self.now);
            }
        }
    }

    /// The VMs that every router sends to.
    pub fn routed_everywhere(&self, module: &ModuleId) -> Vec<VmId> {
        let first = self.edges[0].upstreams(module);
        let everywhere = first.filter(|id| self.edges.iter().all(|edge| edge.sends_to(id)));
        everywhere.cloned().collect()
    }

    /// At most one change of direction an hour while nothing disturbs the load.
    fn p8_no_flapping(&mut self, decision: &Decision) {
        let (now, shaken) = (self.now, self.oracle.shaken);
        let turns = self.oracle.turns.entry(decision.module.clone()).or_default();
        turns.retain(|(at, _)| now.since(*at) < HOUR && *at > shaken + TO_AND_FRO);
        turns.push_back((now, decision.to > decision.from));
        let pairs = turns.iter().zip(turns.iter().skip(1));
        let reversals = pairs.filter(|(a, b)| a.1 != b.1 && b.0.since(a.0) < TO_AND_FRO).count();
        if reversals > 1 && self.active.is_empty() {
            self.broken("P8", format!("{} went to and fro {reversals} times", decision.module));
        }
    }

    fn p17_bounds_are_law(&mut self, policy: &Policy, decision: &Decision) {
        let within = (policy.min..=policy.max).contains(&decision.to);
        let nearer = decision.to.abs_diff(policy.max) < decision.from.abs_diff(policy.max)
            && decision.to > policy.max;
        if !within && !nearer {
            let (to, min, max) = (decision.to, policy.min, policy.max);
            self.broken("P17", format!("{} goes to {to}, allowed {min} to {max}", policy.module));
        }
    }
}
