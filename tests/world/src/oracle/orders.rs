//! Judged when an order leaves the brain, or takes effect: P2, P5, P7, P10, P12, P13, P16, P19,
//! P21, P23.

use std::collections::BTreeSet;
use std::time::Duration;

use model::id::{FlavorId, ModuleId, VmId};
use model::vm::Vm;
use scaler::policy::Mode;
use scaler::steps::StepKind;

use crate::cloud::Machine;
use crate::oracle::Lacked;
use crate::trouble::Trouble;
use crate::world::{Brain, Order, World};

const HOUR: Duration = Duration::from_secs(3600);
/// What is under way on a VM that leaves by choice has so long, and on one that was ill.
const DRAIN: Duration = Duration::from_secs(60);
const KILL_AFTER: Duration = Duration::from_secs(15);
/// Orders for one flavor within an hour: what two policies allow.
const PER_HOUR: usize = 80;
/// And while none of them comes up.
const BARREN_PER_HOUR: usize = 20;
/// After a store was put back two lists, a minute apart, must show what is there.
const TWO_LISTS: Duration = Duration::from_secs(60);

impl World {
    pub(crate) fn check_order(&mut self, order: &Order) {
        match order.step.kind {
            StepKind::Create => {
                self.p12_names_are_used_once(&order.step.vm);
                self.p6_no_hasty_repetition(order);
                self.p13_bounded_effort(&order.flavor);
            }
            StepKind::Deploy => {
                self.oracle.last_order = self.now;
                self.check_deploy(order);
            }
            StepKind::Undeploy => {
                self.oracle.last_order = self.now;
                self.oracle.told_to_stop.insert(order.step.vm.clone(), order.assignment);
                self.p5_router_first(&order.step.vm);
            }
            StepKind::Destroy => self.check_destroy(order),
        }
    }

    fn check_deploy(&mut self, order: &Order) {
        let id = &order.step.vm;
        let Some(module) = &order.module else {
            return self.broken("P7", format!("{id} is started for nobody"));
        };
        let mode = self.files.policies.get(module).map(|policy| policy.mode);
        if matches!(mode, Some(Mode::DryRun)) {
            self.broken("P16", format!("{id} is started for {module}, a dry run"));
        }
        if mode.is_none() {
            self.broken("P17", format!("{id} is started for {module}, whose policy is gone"));
        }
        self.p7_no_double_assignment(module, id);
        self.p7_each_assignment_has_its_number(order);
        self.p19_pool_truth(order);
        self.p2_module_ceiling(module, id);
    }

    fn p7_no_double_assignment(&mut self, module: &ModuleId, id: &VmId) {
        let routed = self.edges.iter().any(|edge| {
            edge.routing
                .modules
                .iter()
                .any(|(other, route)| other != module && route.upstreams.contains_key(id))
        });
        let stale = self.edges.iter().any(|edge| edge.restarted >= edge.reported);
        if routed && !stale && self.works(id) {
            self.broken("P7", format!("{id} is started for {module}, and serves another"));
        }
    }

    /// A late word about an earlier assignment is told from one about this.
    fn p7_each_assignment_has_its_number(&mut self, order: &Order) {
        let id = &order.step.vm;
        let (key, planned) = ((id.clone(), order.assignment), order.step.planned);
        let before = self.oracle.assigned.insert(key, planned);
        if before.is_some_and(|before| before != planned) && self.oracle.clock_jumped.is_none() {
            let number = order.assignment;
            self.broken("P7", format!("{id} is given away twice under the number {number}"));
        }
    }

    /// Whoever is given out was heard within the pool's recheck time.
    fn p19_pool_truth(&mut self, order: &Order) {
        let first = order.step.attempt == 1 && order.step.planned == self.brain_now();
        let recheck = self.files.pools.get(&order.flavor).map(|pool| pool.recheck);
        let heard = self.oracle.answered.get(&order.step.vm).copied().unwrap_or_default();
        let slack = Duration::from_secs(1);
        if first && recheck.is_some_and(|recheck| self.now.since(heard) > recheck + slack) {
            let s = self.now.since(heard).as_secs();
            self.broken("P19", format!("{} is given out, last heard {s} s ago", order.step.vm));
        }
    }

    fn p2_module_ceiling(&mut self, module: &ModuleId, id: &VmId) {
        let Some(policy) = self.files.policies.get(module) else { return };
        let owned = |machine: &&Machine| {
            // What an old store does not know, a person must say; and that a program runs on a VM which
            // waits in the pool by that store, nobody can.
            let recorded = self.brain.state.vms.get(&machine.id).and_then(|vm| vm.module.as_ref());
            let known = self.oracle.restored.is_none_or(|at| {
                let is_kept = self.brain.backups_know(&machine.id) && recorded == Some(module);
                machine.made >= at || is_kept
            });
            known && machine.program.as_ref().is_some_and(|program| program.module == *module)
        };
        let mut owned: BTreeSet<&VmId> =
            self.cloud.machines.values().filter(owned).map(|machine| &machine.id).collect();
        owned.insert(id);
        let (many, max) = (owned.len(), policy.max as usize);
        if many > max {
            self.broken("P2", format!("{id} makes {many} VMs of {module}; {max} are allowed"));
        }
    }

    /// Something was made: all that bears our tag counts, whatever state it is in.
    pub(crate) fn after_making(&mut self) {
        let pools = self.fleet.files.pools.values();
        let over = pools.filter_map(|pool| {
            let of = |machine: &&Machine| machine.flavor == pool.flavor;
            let names: BTreeSet<&VmId> =
                self.cloud.machines.values().filter(of).map(|machine| &machine.id).collect();
            (names.len() > pool.max_total as usize).then(|| {
                format!("{} VMs of {}; {} are allowed", names.len(), pool.flavor, pool.max_total)
            })
        });
        let over: Vec<String> = over.collect();
        for what in over {
            self.broken("P2", what);
        }
    }

    /// While it works, or runs by its provider's word, too, a program is stopped only when no router sends
    /// to it. What is under way has its time only with a program that works.
    fn p5_router_first(&mut self, id: &VmId) {
        let works = self.works(id);
        let runs = self.cloud.get(id).is_some_and(|machine| machine.runs(self.now));
        if !works && (!runs || self.oracle.is_called_dead(id)) {
            return;
        }
        let timeout = if self.oracle.ill.contains(id) { KILL_AFTER } else { DRAIN };
        for edge in &self.edges {
            // Nobody can know yet what a router did that was started again since it was heard.
            let unknown = edge.restarted >= edge.reported;
            if edge.sends_to(id) && !unknown {
                let name = edge.name.clone();
                return self.broken("P5", format!("{id} is stopped while {name} sends to it"));
            }
            let left = edge.out.get(id).copied();
            if let Some(left) = left
                && works
                && left.busy_until > self.now
                && self.now.since(left.at) + Duration::from_secs(10) < timeout
                && self.oracle.clock_jumped.is_none_or(|at| at < left.at)
            {
                let s = self.now.since(left.at).as_secs();
                return self
                    .broken("P5", format!("{id} is stopped {s} s after it left, still busy"));
            }
        }
    }

    fn check_destroy(&mut self, order: &Order) {
        let id = &order.step.vm;
        self.oracle.issued_destroy.entry(id.clone()).or_insert(self.now);
        self.p5_router_first(id);
        self.p10_orphan_mercy(order);
        let Some(machine) = self.cloud.get(id) else { return };
        let on_record = self.brain.state.vms.get(id);
        let for_being_late = on_record.is_some_and(|vm| vm.why.starts_with("not "));
        let age = self.now.since(machine.made);
        let boots = machine.dead_since.is_none()
            && machine
                .up_from
                .is_some_and(|from| from.since(machine.made) < Duration::from_secs(160));
        if for_being_late
            && boots
            && age < Duration::from_secs(280)
            && machine.program.is_none()
            && !self.health_is_doubtful()
        {
            let s = age.as_secs();
            self.broken("P21", format!("{id} is destroyed {s} s after it was made, and is well"));
        }
        self.p23_monitor_lost(id);
    }

    /// No VM is called dead because of a list that was begun before it was made, or is looked at twice.
    pub(crate) fn p10_two_lists_lack_it(&mut self, moved: &Vm) {
        let (id, given_up) = (&moved.id, moved.why == "it died while it booted");
        let lacked = self.oracle.made.get(id).is_none_or(Lacked::by_two_lists);
        if given_up && !lacked && !self.oracle.stopped.contains(id) {
            self.broken("P10", format!("{id} is given up, and two lists do not lack it"));
        }
    }

    /// With the agents dark and everybody else well, nothing that waits in the pool is destroyed.
    fn p23_monitor_lost(&mut self, id: &VmId) {
        let only_dark = self.troubles().all(|trouble| trouble == Trouble::AgentsDark);
        let dark = self.is(Trouble::AgentsDark) && only_dark;
        let idle = self.cloud.get(id).is_some_and(|m| m.runs(self.now) && m.program.is_none());
        let never_used = self.brain.state.vms.get(id).is_some_and(|vm| vm.assignment == 0);
        let quiet = self.now.since(self.oracle.shaken) > Duration::from_secs(300);
        let same = self.now.since(self.oracle.edited) > HOUR;
        // One that was sent to its end before, and told so again, was not lost with the monitor.
        let began = self.faults.iter().filter(|fault| fault.what == Trouble::AgentsDark);
        let began = began.map(|fault| fault.from).filter(|from| *from <= self.now).max();
        let step = self.brain.state.steps.get(id).map(|step| step.planned);
        let since = self.brain.state.vms.get(id).map(|vm| vm.since).min(step);
        let in_the_dark = since > began.map(|from| self.brain.clock(from));
        if dark && idle && never_used && quiet && same && in_the_dark {
            self.broken(
                "P23",
                format!("{id} waits in the pool, is well, and is destroyed unheard"),
            );
        }
    }

    /// After a store was put back nothing is destroyed that it does not know.
    fn p10_orphan_mercy(&mut self, order: &Order) {
        let id = &order.step.vm;
        let Some(restored) = self.oracle.restored else { return };
        let Some(machine) = self.cloud.get(id) else { return };
        let unknown = machine.made < restored && !self.brain.backups_know(id);
        let lately = self.now.since(restored) < TWO_LISTS;
        if unknown || lately && machine.made < restored {
            let why = if unknown { "the store does not know it" } else { "the store is old" };
            self.broken("P10", format!("{id} is destroyed, and {why}"));
        }
    }

    /// An order of unknown outcome is repeated under its name, and only when two lists lack it.
    /// The provider is told that it is not the first; only a store that was put back may not know.
    fn p6_no_hasty_repetition(&mut self, order: &Order) {
        let id = &order.step.vm;
        self.oracle.first_ordered.entry(id.clone()).or_insert(self.now);
        let before = self.oracle.ordered_vms.insert(id.clone(), Lacked::since(self.now));
        let is_first = order.step.attempt <= 1;
        if before.is_some() && is_first && self.oracle.restored.is_none() {
            self.broken("P6", format!("{id} is ordered again, as if it were the first time"));
        }
        if before.is_some_and(|before| !before.by_two_lists()) {
            self.broken("P6", format!("{id} is ordered again before two lists could lack it"));
        }
    }

    /// What the store refuses: it is asked on each row that a turn writes.
    pub(crate) fn p12_rows_move_along_edges(&mut self, moves: &[Vm]) {
        let Brain { state, stored, .. } = &mut self.brain;
        let mut refused = None;
        for vm in moves.iter().chain(state.vms.values()) {
            let before = stored.rows.insert(vm.id.clone(), vm.state);
            if let Some(before) = before.filter(|b| *b != vm.state && !b.may_become(vm.state)) {
                refused =
                    Some(format!("{}: it is {before} and may not become {}", vm.id, vm.state));
            }
        }
        if let Some(what) = refused {
            self.broken("P12", format!("the store refuses {what}"));
        }
    }

    /// What was to be destroyed is never made again.
    fn p12_names_are_used_once(&mut self, id: &VmId) {
        if self.oracle.issued_destroy.contains_key(id) {
            self.broken("P12", format!("{id} is ordered, and was destroyed before"));
        }
    }

    fn p13_bounded_effort(&mut self, flavor: &FlavorId) {
        let now = self.now;
        let up = self.cloud.machines.values().filter(|machine| machine.flavor == *flavor);
        let newest = up.filter_map(|machine| machine.up_from.filter(|from| *from <= now)).max();
        let came_up = self.oracle.came_up.entry(flavor.clone()).or_default();
        *came_up = newest.unwrap_or_default().max(*came_up);
        let barren_since = *came_up;
        let ordered = self.oracle.ordered.entry(flavor.clone()).or_default();
        ordered.retain(|at| now.since(*at) < HOUR);
        ordered.push_back(now);
        let barren = ordered.iter().filter(|at| **at > barren_since).count();
        let many = ordered.len();
        if many > PER_HOUR {
            self.broken("P13", format!("{many} orders for {flavor} within an hour"));
        } else if barren > BARREN_PER_HOUR {
            self.broken("P13", format!("{barren} orders for {flavor} in a row, and none came up"));
        }
    }
}
