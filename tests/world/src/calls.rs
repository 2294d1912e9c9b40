//! What becomes of an order: what it does to the machines, and what the brain hears of it.

use std::time::Duration;

use model::time::Time;
use scaler::steps::{StepKind, StepOutcome};

use crate::cloud::{HOSTS, Machine, ROOM_OF_A_HOST, Running};
use crate::oracle::Lacked;
use crate::trouble::{Creating, Ending, Trouble};
use crate::world::{Event, Order, World, picked};

impl World {
    pub(crate) fn arrives(&mut self, order: &Order) {
        let (outcome, slow) = match order.step.kind {
            StepKind::Create => self.create(order),
            StepKind::Destroy => self.destroy(order),
            StepKind::Deploy => self.deploy(order),
            StepKind::Undeploy => self.undeploy(order),
        };
        let (life, vm, kind) = (order.life, order.step.vm.clone(), order.step.kind);
        let (low, high) = if slow { (20_000, 60_000) } else { (50, 3_000) };
        self.later(low, high, Event::Returns { life, vm, kind, outcome });
    }

    /// Now and then an order goes well in the worst of times.
    fn creating(&mut self) -> Option<Creating> {
        let trouble = self.troubles().rev().find_map(|trouble| trouble.creates());
        trouble.filter(|_| self.dice.chance(85))
    }

    fn create(&mut self, order: &Order) -> (StepOutcome, bool) {
        if self.is(Trouble::ProviderDown) {
            return (StepOutcome::Unknown("no answer within 30s".to_owned()), true);
        }
        let known = self.cloud.get(&order.step.vm).is_some();
        if known && self.fleet.has_tokens {
            return (StepOutcome::Done, false);
        }
        let Some(host) = self.host_with_room() else {
            return (StepOutcome::NoCapacity("no host has room".to_owned()), false);
        };
        let machine = self.machine(order, host);
        let failed = || (StepOutcome::Failed("internal error".to_owned()), false);
        let full = || (StepOutcome::NoCapacity("quota exceeded".to_owned()), false);
        match self.creating() {
            None => self.make(machine),
            Some(Creating::Fails) => return failed(),
            Some(Creating::FailsButMakes) => {
                self.make(machine);
                return failed();
            }
            Some(Creating::NoCapacity) => return full(),
            Some(Creating::NoCapacityButMakes) => {
                self.make(machine);
                return full();
            }
            Some(Creating::MadeLate) => {
                let late = self.dice.span_s(30, 600);
                let shift = |at: Time| at + late;
                let machine = Machine {
                    made: shift(machine.made),
                    up_from: machine.up_from.map(shift),
                    ..machine
                };
                self.at(self.now + late, Event::MadeLate(Box::new(machine)));
                return (StepOutcome::Unknown("no answer within 30s".to_owned()), true);
            }
            Some(Creating::Lost) => {
                return (StepOutcome::Unknown("no answer within 30s".to_owned()), true);
            }
            Some(Creating::Twice) => {
                self.make(machine.clone());
                self.make(machine);
            }
            Some(Creating::SaysYesMakesNothing) => {}
            Some(Creating::NeverStarts) => self.make(Machine { up_from: None, ..machine }),
            Some(Creating::EndsInError) => {
                self.make(Machine { dead_since: Some(self.now), up_from: None, ..machine });
            }
            Some(Creating::Refused) => {
                return (StepOutcome::Refused("no such image".to_owned()), false);
            }
        }
        (StepOutcome::Done, false)
    }

    fn machine(&mut self, order: &Order, host: usize) -> Machine {
        let boots = self.dice.span_s(30, 150);
        Machine {
            id: order.step.vm.clone(),
            flavor: order.flavor.clone(),
            host,
            made: self.now,
            up_from: Some(self.now + boots),
            dead_since: None,
            program: None,
            mute: false,
            hangs_since: None,
        }
    }

    fn make(&mut self, machine: Machine) {
        self.oracle.made.insert(machine.id.clone(), Lacked::since(self.now));
        self.cloud.make(machine);
        self.at(self.now + Duration::from_secs(40), Event::DropDoubles);
        self.after_making();
    }

    fn host_with_room(&mut self) -> Option<usize> {
        let first = self.dice.roll(HOSTS as u64) as usize;
        (first..first + HOSTS).map(|host| host % HOSTS).find(|host| {
            let used = self.cloud.machines.values().filter(|machine| machine.host == *host);
            !self.cloud.is_down(*host, self.now) && used.count() < ROOM_OF_A_HOST
        })
    }

    fn destroy(&mut self, order: &Order) -> (StepOutcome, bool) {
        if self.is(Trouble::ProviderDown) {
            return (StepOutcome::Unknown("no answer within 30s".to_owned()), true);
        }
        let trouble = self.troubles().rev().find_map(|trouble| trouble.destroys());
        self.end(trouble, |world| world.cloud.destroy(&order.step.vm))
    }

    fn end(
        &mut self,
        trouble: Option<Ending>,
        effect: impl FnOnce(&mut Self),
    ) -> (StepOutcome, bool) {
        match trouble {
            None => {
                effect(self);
                (StepOutcome::Done, false)
            }
            Some(Ending::SaysYesDoesNothing) => (StepOutcome::Done, false),
            Some(Ending::Fails) => (StepOutcome::Failed("internal error".to_owned()), false),
            Some(Ending::Unheard) => {
                effect(self);
                (StepOutcome::Unknown("no answer within 30s".to_owned()), true)
            }
        }
    }

    fn deploying(&self) -> Option<Ending> {
        self.troubles().rev().find_map(|trouble| trouble.deploys())
    }

    fn deploy(&mut self, order: &Order) -> (StepOutcome, bool) {
        let Some(module) = order.module.clone() else {
            return (StepOutcome::Refused("its module is no longer configured".to_owned()), false);
        };
        let now = self.now;
        let runs = |machine: &&mut Machine| machine.runs(now);
        if self.cloud.get_mut(&order.step.vm).filter(runs).is_none() {
            return (StepOutcome::Failed("it does not run".to_owned()), false);
        }
        let starts = self.dice.span_s(3, 40);
        let hangs = self.troubles().any(
            |trouble| matches!(trouble, Trouble::ModuleHangs { module: pick } if picked(pick) == module),
        );
        let running = Running { module, assignment: order.assignment, ready_from: now + starts };
        self.end(self.deploying(), |world| {
            let Some(machine) = world.cloud.get_mut(&order.step.vm) else { return };
            machine.hangs_since = machine.hangs_since.or(hangs.then_some(now));
            let newer = |old: &Running| running.assignment > old.assignment;
            if machine.program.as_ref().is_none_or(newer) {
                machine.program = Some(running);
            }
        })
    }

    fn undeploy(&mut self, order: &Order) -> (StepOutcome, bool) {
        self.end(self.deploying().filter(|how| *how != Ending::SaysYesDoesNothing), |world| {
            if let Some(machine) = world.cloud.get_mut(&order.step.vm) {
                machine.program = None;
            }
        })
    }
}
