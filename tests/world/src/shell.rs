//! What `cloudbrain` does around the core: one turn, the store, kills and starts.

use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::vm::{Vm, VmState};
use scaler::facts::Facts;
use scaler::state::{Memory, State};
use scaler::steps::{StepKind, StepOutcome, absorb, issue};
use scaler::tick::tick;

use crate::trouble::{Routing, Trouble};
use crate::world::{Brain, Event, Order, Stored, World};

/// A look is due this long after the last while things move, and while nothing does.
const BUSY: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(45);
const BACKUP_EVERY: Duration = Duration::from_secs(3600);
const BACKUPS: usize = 24;

impl World {
    /// One turn of the brain: look, decide, store, act.
    pub(crate) fn turn(&mut self) {
        self.ticks += 1;
        self.look();
        let now = self.brain_now();
        self.brain.facts.follow(now);
        let outcome = tick(&self.files, &mut self.brain.state, &self.brain.facts, now);
        let steps = issue(&mut self.brain.state, now);
        let moves = std::mem::take(&mut self.brain.state.moves);
        for vm in &moves {
            self.tell(|_| format!("{} {}: {}", vm.id, vm.state, vm.why));
            self.p10_two_lists_lack_it(vm);
        }
        let dies_at = self.brain.dies_at.take();
        if dies_at == Some(0) {
            return self.kill_brain();
        }
        self.commit(&moves);
        for decision in &outcome.decisions {
            self.tell(|_| {
                let (from, to) = (decision.from, decision.to);
                format!("decision {}: {from} -> {to}: {}", decision.module, decision.reason)
            });
            Self::check_decision(self, decision);
        }
        if dies_at == Some(1) {
            return self.kill_brain();
        }
        if let Some(routing) = outcome.routing {
            self.check_routing(&routing);
            self.brain.routing = routing;
        }
        self.push_routing();
        for (number, step) in steps.into_iter().enumerate() {
            if dies_at == Some(number as u64 + 2) {
                return self.kill_brain();
            }
            self.send(step);
        }
        if dies_at.is_some() {
            return self.kill_brain();
        }
        self.next_tick();
    }

    fn send(&mut self, step: scaler::steps::Step) {
        let Some(vm) = self.brain.state.vms.get(&step.vm) else { return };
        let order = Order {
            life: self.brain.life,
            flavor: vm.flavor.clone(),
            module: vm.module.clone(),
            assignment: vm.assignment,
            step,
        };
        self.tell(|_| format!("order {:?} {}", order.step.kind, order.step.vm));
        self.check_order(&order);
        self.later(50, 2000, Event::Arrives(Box::new(order)));
    }

    fn next_tick(&mut self) {
        let state = &self.brain.state;
        let resting = |state: VmState| {
            matches!(state, VmState::Serving | VmState::Pool | VmState::Quarantine)
        };
        let busy = !state.steps.is_empty() || state.vms.values().any(|vm| !resting(vm.state));
        let wait = match (busy, self.active.is_empty()) {
            (true, _) => BUSY,
            (false, false) => BUSY * 2,
            (false, true) => IDLE,
        };
        self.tick_in(wait);
    }

    fn tick_in(&mut self, wait: Duration) {
        self.brain.tick_number += 1;
        self.at(self.now + wait, Event::Tick(self.brain.tick_number));
    }

    fn commit(&mut self, moves: &[Vm]) {
        self.p12_rows_move_along_edges(moves);
        let state = &self.brain.state;
        if self.brain.stored.vms != state.vms {
            self.brain.stored.vms.clone_from(&state.vms);
        }
        if self.brain.stored.steps != state.steps {
            self.brain.stored.steps.clone_from(&state.steps);
        }
        self.brain.stored.memory.clone_from(&state.memory);
        self.brain.stored.at = self.now;
        if self.now.since(self.brain.backed_up) >= BACKUP_EVERY {
            self.brain.backed_up = self.now;
            self.brain.backups.push_front(self.brain.stored.clone());
            self.brain.backups.truncate(BACKUPS);
        }
    }

    /// Gone at once, with everything it had in memory.
    pub(crate) fn kill_brain(&mut self) {
        self.tell(|_| "the brain is killed".to_owned());
        self.brain.up = false;
        self.brain.life += 1;
        let down = match self.dice.roll(10) {
            0 => self.dice.span_s(600, 7200),
            1..=3 => self.dice.span_s(60, 600),
            _ => self.dice.span_s(1, 20),
        };
        self.at(self.now + down, Event::BrainStarts);
    }

    pub(crate) fn start_brain(&mut self) {
        if self.brain.up {
            return;
        }
        self.tell(|_| "the brain starts".to_owned());
        self.brain.life += 1;
        self.brain.up = true;
        self.brain.polled = None;
        (self.brain.listing, self.brain.listed) = (None, None);
        self.brain.facts = Facts::default();
        for edge in &self.edges {
            self.brain.facts.routers.insert(edge.name.clone(), Default::default());
        }
        let Stored { vms, steps, memory, .. } = self.brain.stored.clone();
        let json = serde_json::to_string(&memory).expect("what is remembered can be written");
        let memory = serde_json::from_str(&json).expect("and read back");
        self.brain.state = State::restore(&self.files, vms, steps, memory);
        self.brain.routing = self.brain.state.routing();
        self.oracle.brain_started(self.now);
        self.tick_in(Duration::from_millis(200));
    }

    /// Somebody puts back a store from hours ago and starts the brain on it.
    pub(crate) fn restore_store(&mut self, hours: u64) {
        let Some(backup) = self.brain.backups.get(hours as usize).cloned() else { return };
        self.tell(|_| format!("the store of {hours} h ago is put back"));
        let left_a_trace = self.left_a_trace(&backup.memory);
        self.oracle.store_restored(backup.at, left_a_trace, self.now);
        self.brain.known_at_restore = backup.vms.keys().cloned().collect();
        self.brain.stored = backup;
        self.brain.up = false;
        self.start_brain();
    }

    /// Whether anything in the world shows that there was a later record than this.
    fn left_a_trace(&self, memory: &Memory) -> bool {
        let number =
            |id: &VmId| id.as_str().strip_prefix("vm-").and_then(|n| n.parse::<u64>().ok());
        let mut machines = self.cloud.machines.values();
        machines.any(|machine| number(&machine.id) > Some(memory.next_vm))
            || self.edges.iter().any(|edge| edge.routing.generation > memory.routing_generation)
    }

    pub(crate) fn returns(&mut self, life: u64, vm: &VmId, kind: StepKind, outcome: StepOutcome) {
        if !self.brain.up || life != self.brain.life {
            return;
        }
        self.tell(|_| format!("answer {kind:?} {vm}: {outcome:?}"));
        let now = self.brain_now();
        absorb(&self.files, &mut self.brain.state, vm, kind, outcome, now);
        self.tick_in(Duration::from_millis(20));
    }

    /// Sends the routing to each router that does not follow it and is not being told already.
    fn push_routing(&mut self) {
        let wanted = self.brain.routing.generation;
        if self.is(Trouble::BrainCutOff) || wanted == 0 {
            return;
        }
        for index in 0..self.edges.len() {
            let edge = &self.edges[index];
            let busy = edge.pushed.is_some_and(|pushed| pushed >= wanted);
            if edge.routing.generation >= wanted || busy || self.is_deaf(index) {
                continue;
            }
            self.edges[index].pushed = Some(wanted);
            let routing = Box::new(self.brain.routing.clone());
            let slow = self.router_is(index, Routing::Slow);
            let (low, high) = if slow { (20_000, 240_000) } else { (20, 800) };
            self.later(low, high, Event::Pushed { edge: index, routing });
        }
    }

    pub(crate) fn pushed(&mut self, index: usize, routing: scaler::hands::Routing) {
        self.edges[index].pushed = None;
        if self.is_deaf(index) {
            return;
        }
        self.tell(|_| format!("edge-{index} follows {}", routing.generation));
        self.edge_follows(index, routing);
        if self.brain.up {
            self.tick_in(Duration::from_millis(20));
        }
    }

    pub(crate) fn is_deaf(&self, index: usize) -> bool {
        self.router_is(index, Routing::Deaf)
    }

    fn router_is(&self, index: usize, how: Routing) -> bool {
        self.troubles().any(|trouble| {
            matches!(trouble, Trouble::Router(victim, what)
                if what == how && victim as usize % self.edges.len() == index)
        })
    }
}

impl Brain {
    /// How it tells a moment.
    pub fn clock(&self, at: Time) -> Time {
        Time::from_millis(at.millis() + self.offset_ms)
    }
}

impl Brain {
    /// Whether the store that it runs on knew this VM when it was put back.
    pub(crate) fn backups_know(&self, id: &VmId) -> bool {
        self.known_at_restore.contains(id)
    }
}
