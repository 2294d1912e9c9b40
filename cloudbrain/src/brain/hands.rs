//! Carries out steps and keeps the provider in view, each in tasks of its own, so that a slow one
//! delays nobody. What came of it returns as an input of the brain. Routers are in `tending`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::Channel;
use model::clock::SharedClock;
use model::id::{HostId, IncidentId};
use model::vm::Vm;
use scaler::hands::{CreateOrder, Deployer, HandError, Machine, Program, Provider, Router};
use scaler::steps::{Step, StepKind, StepOutcome};
use tokio::sync::{Semaphore, mpsc};

use crate::config::Config;

use super::Input;
use super::core::{Core, Heard};
use super::fail::fail_point;

/// Steps of one hand being carried out at once.
const AT_ONCE: usize = 32;
/// Stopping a program takes no longer, if its policy does not say.
const GRACE: Duration = Duration::from_secs(15);

/// An acknowledgement is passed on at most so often, with this pause between.
const ACKNOWLEDGE_TRIES: u32 = 3;
const ACKNOWLEDGE_PAUSE: Duration = Duration::from_secs(10);

/// The routers, in the order of the file.
pub type Routers = Vec<Arc<dyn Router>>;

/// All hands, by kind.
#[derive(Clone, Debug)]
pub struct Hands {
    pub provider: Option<Arc<dyn Provider>>,
    pub deployer: Option<Arc<dyn Deployer>>,
    pub routers: Routers,
    pub channels: BTreeMap<String, Arc<dyn Channel>>,
    pub at_once: Permits,
}

/// Bounds the steps under way. A provider may take minutes to make a VM, and what starts programs
/// must not wait for it.
#[derive(Clone, Debug)]
pub struct Permits {
    provider: Arc<Semaphore>,
    deployer: Arc<Semaphore>,
}

impl Default for Permits {
    fn default() -> Self {
        let permits = || Arc::new(Semaphore::new(AT_ONCE));
        Self { provider: permits(), deployer: permits() }
    }
}

impl Permits {
    fn of(&self, kind: StepKind) -> &Semaphore {
        match kind {
            StepKind::Create | StepKind::Destroy => &self.provider,
            StepKind::Deploy | StepKind::Undeploy => &self.deployer,
        }
    }
}

/// All that a step of any kind needs.
struct Job {
    order: CreateOrder,
    machine: Machine,
    /// None if its module is no longer configured.
    program: Option<Program>,
    grace: Duration,
}

impl Hands {
    /// Says where others would go on waking people that somebody works on an incident. The worst
    /// that a loss of it does is to wake somebody in vain.
    pub fn acknowledge(&self, incident: &IncidentId) {
        for channel in self.channels.values() {
            if channel.acknowledge(incident).is_none() {
                continue;
            }
            let (channel, incident) = (channel.clone(), incident.clone());
            tokio::spawn(async move {
                for _ in 0..ACKNOWLEDGE_TRIES {
                    let Some(answer) = channel.acknowledge(&incident) else { return };
                    let Err(error) = answer.await else { return };
                    tracing::warn!(channel = channel.name(), %incident, %error, "not acknowledged there");
                    tokio::time::sleep(ACKNOWLEDGE_PAUSE).await;
                }
            });
        }
    }

    /// Starts one step; its outcome comes back as an input.
    pub fn carry_out(&self, core: &Core, step: Step, sender: &mpsc::Sender<Input>) {
        let Some(vm) = core.scaler.vms.get(&step.vm).cloned() else { return };
        let order = CreateOrder {
            vm: vm.id.clone(),
            flavor: vm.flavor.clone(),
            prefer: None,
            avoid: avoided(core),
            again: step.attempt > 1,
            origin: core.scaler.memory.origin.clone(),
        };
        let job = Job {
            machine: Machine { vm: vm.id.clone(), addresses: vm.addresses },
            program: program(&core.config, &vm, order.origin.epoch),
            grace: grace(&core.config, &vm),
            order,
        };
        let (hands, sender) = (self.clone(), sender.clone());
        tokio::spawn(async move {
            let _permit = hands.at_once.of(step.kind).acquire().await;
            let outcome = hands.effect(step.kind, &job).await;
            if outcome != StepOutcome::Done {
                tracing::warn!(vm = %step.vm, kind = ?step.kind, ?outcome, "step not done");
            }
            let done = Heard::StepDone { vm: step.vm, kind: step.kind, outcome };
            let _ = sender.send(Input::Heard(done)).await; // Else the brain is shutting down.
        });
    }

    async fn effect(&self, kind: StepKind, job: &Job) -> StepOutcome {
        let (Some(provider), Some(deployer)) = (&self.provider, &self.deployer) else {
            return StepOutcome::Refused("no provider is configured".to_owned());
        };
        let Job { order, machine, program, grace } = job;
        fail_point!("before ", kind.as_str());
        let result = match kind {
            StepKind::Create => provider.create(order).await,
            StepKind::Destroy => provider.destroy(&order.vm).await,
            StepKind::Undeploy => deployer.undeploy(machine, *grace).await,
            StepKind::Deploy => match program {
                Some(program) => deployer.deploy(machine, program).await,
                None => Err(HandError::Refused("its module is no longer configured".to_owned())),
            },
        };
        fail_point!("after ", kind.as_str());
        outcome_of(result)
    }
}

/// Hosts that are down, by our own looks or by their provider's word.
fn avoided(core: &Core) -> BTreeSet<HostId> {
    let facts = &core.senses.facts;
    let said = facts.provider.iter().flat_map(|provider| &provider.hosts_down);
    facts.hosts_down.iter().chain(said).cloned().collect()
}

fn outcome_of(result: Result<(), HandError>) -> StepOutcome {
    match result {
        Ok(()) => StepOutcome::Done,
        Err(error @ (HandError::TimedOut(_) | HandError::Unclear(_))) => {
            StepOutcome::Unknown(error.to_string())
        }
        Err(error @ HandError::NoCapacity { .. }) => StepOutcome::NoCapacity(error.to_string()),
        Err(HandError::Refused(why)) => StepOutcome::Refused(why),
        Err(HandError::Failed(why)) => StepOutcome::Failed(why),
    }
}

fn program(config: &Config, vm: &Vm, epoch: u64) -> Option<Program> {
    let id = vm.module.as_ref()?;
    let module = config.modules.get(id)?;
    Some(Program {
        module: id.clone(),
        assignment: vm.assignment,
        command: module.program.clone(),
        environment: module.environment.clone(),
        epoch,
    })
}

fn grace(config: &Config, vm: &Vm) -> Duration {
    let policy = vm.module.as_ref().and_then(|module| config.scaler.policies.get(module));
    policy.map_or(GRACE, |policy| policy.drain.kill_after.0)
}

/// Looks at the provider again and again, never twice at once.
pub async fn watch_provider(
    provider: Arc<dyn Provider>,
    every: Duration,
    clock: SharedClock,
    sender: mpsc::Sender<Input>,
) {
    loop {
        let begun = clock.now();
        let seen = provider.observe().await.map_err(|error| error.to_string());
        if sender.send(Input::Heard(Heard::Provider { begun, seen })).await.is_err() {
            return;
        }
        tokio::time::sleep(every).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use model::clock::Clock;
    use model::id::VmId;
    use model::time::Time;
    use scaler::hands::{Answer, Sighting};

    use super::*;

    /// A provider whose lists take a minute, and the clock that shows it.
    #[derive(Clone, Debug, Default)]
    struct Slow(Arc<AtomicI64>);

    impl Clock for Slow {
        fn now(&self) -> Time {
            Time::from_millis(self.0.load(Ordering::Relaxed))
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    impl Provider for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn observe(&self) -> Answer<'_, Result<Sighting, HandError>> {
            self.0.fetch_add(60_000, Ordering::Relaxed);
            Box::pin(async { Ok(Sighting::default()) })
        }

        fn create<'a>(&'a self, _: &'a CreateOrder) -> Answer<'a, Result<(), HandError>> {
            Box::pin(async { Ok(()) })
        }

        fn destroy<'a>(&'a self, _: &'a VmId) -> Answer<'a, Result<(), HandError>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_list_is_as_old_as_its_begin() {
        let (slow, (sender, mut inbox)) = (Slow::default(), mpsc::channel(1));
        let clock = SharedClock::new(slow.clone());
        tokio::spawn(watch_provider(Arc::new(slow), Duration::ZERO, clock, sender));
        let mut begins = Vec::new();
        for _ in 0..2 {
            let Some(Input::Heard(Heard::Provider { begun, .. })) = inbox.recv().await else {
                panic!("it lists again and again")
            };
            begins.push(begun.millis());
        }
        assert_eq!(begins, [0, 60_000]);
    }
}
