//! Judged when a routing is to be changed, and when a router follows: P4, P9, P16, P17, P18, P24.

use std::collections::BTreeSet;
use std::time::Duration;

use model::id::{ModuleId, VmId};
use model::vm::VmState;
use scaler::hands::Routing;
use scaler::policy::Mode;

use crate::edge::{Left, all};
use crate::world::World;

/// A VM that went ill within this time may still pass for well.
const UNNOTICED: Duration = Duration::from_secs(180);
/// While somebody lies about health, it may pass for well for longer.
const UNNOTICED_IN_DOUBT: Duration = Duration::from_secs(3 * 3600);
const BRAKE_WINDOW: Duration = Duration::from_secs(900);
const BRAKE_AT_LEAST: usize = 5;
const ISOLATION_WINDOW: Duration = Duration::from_secs(900);
/// So long after it is cut off, what is isolated is isolated on nothing.
const CUT_OFF: Duration = Duration::from_secs(60);

impl World {
    /// The brain wants another routing: who leaves it, and why.
    pub(crate) fn check_routing(&mut self, wanted: &Routing) {
        let before: BTreeSet<VmId> = all(&self.brain.routing).cloned().collect();
        let after: BTreeSet<VmId> = all(wanted).cloned().collect();
        let left: Vec<VmId> = before.difference(&after).cloned().collect();
        after.difference(&before).for_each(|id| self.p5_stays_out(id));
        let mut chosen = Vec::new();
        for id in &left {
            let Some(vm) = self.brain.state.vms.get(id).cloned() else { continue };
            let Some(module) = vm.module.clone() else { continue };
            let well = self.works(id);
            if vm.state == VmState::Isolated {
                self.oracle.ill.insert(id.clone());
            } else {
                self.oracle.ill.remove(id);
            }
            self.p16_p17_frozen(&module, id);
            if vm.state == VmState::Isolated && !self.oracle.is_called_dead(id) {
                self.p9_bounded_share(&module, id);
            }
            if vm.state == VmState::Isolated && well {
                self.p9_witnesses(id);
            }
            if vm.state == VmState::Draining && well {
                chosen.push(module.clone());
                self.p18_young(&module, id);
            }
            if vm.state == VmState::Draining {
                self.p4_last_healthy(&module, &before, &after, id);
            }
        }
        self.p24_blast_radius(&chosen);
        self.oracle.routed.retain(|id, _| after.contains(id));
    }

    /// Whose program was told to stop is not sent to again before it is started anew.
    fn p5_stays_out(&mut self, id: &VmId) {
        let assignment = self.brain.state.vms.get(id).map(|vm| vm.assignment);
        let stopped = self.oracle.told_to_stop.get(id).copied();
        if stopped.is_some() && stopped == assignment {
            self.broken("P5", format!("{id} is routed again, and its program was told to stop"));
        }
    }

    fn p4_last_healthy(
        &mut self,
        module: &ModuleId,
        before: &BTreeSet<VmId>,
        after: &BTreeSet<VmId>,
        leaver: &VmId,
    ) {
        let patience = if self.health_is_doubtful() { UNNOTICED_IN_DOUBT } else { UNNOTICED };
        let since = self.now - patience;
        let belongs = |id: &&VmId| {
            self.brain.state.vms.get(*id).is_some_and(|vm| vm.module.as_ref() == Some(module))
        };
        let works = before.iter().filter(belongs).any(|id| self.works(id));
        let remains = after.iter().filter(belongs).any(|id| {
            self.cloud.get(id).is_some_and(|machine| machine.seemed_well(since, self.now))
        });
        if works && !remains {
            self.broken(
                "P4",
                format!("{module} is left without a VM that works, as {leaver} leaves"),
            );
        }
    }

    /// Who was isolated though it was well: by how many witnesses.
    fn p9_witnesses(&mut self, id: &VmId) {
        let now = self.now;
        if self.oracle.cut_off_since.is_some_and(|since| now.since(since) > CUT_OFF) {
            return self.broken("P9", format!("{id} is isolated while the brain is cut off"));
        }
        let facts = &self.brain.facts;
        let silent = facts.agents.get(id).is_some_and(|agent| agent.misses >= 2);
        let failing = facts.ready.get(id).is_some_and(|ready| ready.fails_in_a_row >= 3);
        let called_dead = self.oracle.is_called_dead(id);
        let unreachable = facts.routers.values().any(|router| {
            router.upstreams.get(id).is_some_and(|report| report.failed_in_a_row >= 3)
        });
        let witnesses = [silent, failing, called_dead, unreachable];
        let witnesses = witnesses.into_iter().filter(|says| *says).count();
        if witnesses < 2 {
            self.broken("P9", format!("{id} is well, and isolated by {witnesses} witness"));
        }
    }

    /// Of those that run by their provider's word, ill or not, only a part is isolated within the window.
    fn p9_bounded_share(&mut self, module: &ModuleId, id: &VmId) {
        let (now, serving) = (self.now, self.edges[0].upstreams(module).count());
        let isolated = self.oracle.isolated.entry(module.clone()).or_default();
        isolated.retain(|at| now.since(*at) < ISOLATION_WINDOW);
        isolated.push_back(now);
        let many = isolated.len();
        if many > (serving / 5).max(1) + 1 {
            let what = format!("{many} of {serving} VMs of {module} isolated, the last {id}");
            self.broken("P9", what);
        }
    }

    fn p18_young(&mut self, module: &ModuleId, id: &VmId) {
        let Some(policy) = self.files.policies.get(module) else { return };
        let young = policy.terminate.young.0;
        let since = self.oracle.routed.get(id).copied();
        if since.is_some_and(|since| self.now.since(since) + Duration::from_secs(5) < young) {
            self.broken("P18", format!("{id} of {module} leaves by choice, and is young"));
        }
    }

    fn p24_blast_radius(&mut self, chosen: &[ModuleId]) {
        let (now, tick) = (self.now, self.files.tick);
        let dismissed = &mut self.oracle.dismissed;
        dismissed.retain(|(at, _)| now.since(*at) < BRAKE_WINDOW);
        dismissed.extend(chosen.iter().map(|module| (now, module.clone())));
        let lately = dismissed.iter().filter(|(at, _)| now.since(*at) < tick);
        let lately: Vec<&ModuleId> = lately.map(|(_, module)| module).collect();
        for (module, policy) in &self.files.policies {
            let leaving = lately.iter().filter(|leaver| **leaver == module).count();
            if leaving > 1 && policy.inward.max_step.of(policy.max) < leaving as u32 {
                return self.broken("P24", format!("{leaving} VMs of {module} leave in one tick"));
            }
        }
        let fleet = self.cloud.machines.len();
        let many = self.oracle.dismissed.len();
        if !chosen.is_empty() && many > BRAKE_AT_LEAST.max(fleet / 10) {
            self.broken("P24", format!("{many} VMs left by choice within a quarter of an hour"));
        }
    }

    fn p16_p17_frozen(&mut self, module: &ModuleId, id: &VmId) {
        match self.files.policies.get(module).map(|policy| policy.mode) {
            None => self.broken("P17", format!("{id} leaves {module}, whose policy is gone")),
            Some(Mode::DryRun | Mode::Paused) if self.works(id) => {
                self.broken("P16", format!("{id} leaves {module}, which must not change"));
            }
            Some(Mode::DryRun | Mode::Paused | Mode::Auto | Mode::OutOnly) => {}
        }
    }

    /// A router takes a routing over.
    pub(crate) fn edge_follows(&mut self, index: usize, routing: Routing) {
        let now = self.now;
        let newcomers: Vec<(ModuleId, VmId)> = routing
            .modules
            .iter()
            .flat_map(|(module, route)| route.upstreams.keys().map(move |id| (module, id)))
            .filter(|(_, id)| !self.edges[index].sends_to(id))
            .map(|(module, id)| (module.clone(), id.clone()))
            .collect();
        let is_new = routing.generation > self.edges[index].newest;
        self.edges[index].newest = self.edges[index].newest.max(routing.generation);
        for id in self.edges[index].follow(routing) {
            let busy = self.dice.span_s(0, 100);
            self.edges[index].out.insert(id, Left { at: now, busy_until: now + busy });
        }
        for (module, id) in newcomers.into_iter().filter(|(_, id)| self.edges[index].sends_to(id)) {
            self.oracle.routed.entry(id).or_insert(now);
            if is_new {
                self.oracle.joined.insert(module, now);
            }
        }
    }
}
