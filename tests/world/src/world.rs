//! One day of a fleet: an event queue, the brain in the middle, everything else made up.
//!
//! The brain is the real core (`scaler::tick`, `steps`) in a shell that does what `cloudbrain`
//! does: it keeps what its senses say, stores before it acts, takes in what comes back. It may be
//! killed between any two of these. All chance comes from the seed; the faults are a list.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use model::id::{FlavorId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Vm, VmState};
use scaler::facts::Facts;
use scaler::hands::{Routing, SeenVm, Sighting};
use scaler::state::{Config, Memory, State};
use scaler::steps::{Step, StepKind, StepOutcome};

use crate::cloud::{Cloud, HOSTS, HOSTS_IN_A_RACK, Machine};
use crate::dice::Dice;
use crate::edge::Edge;
use crate::fleet::{Fleet, MODULES, START, module};
use crate::oracle::{Lacked, Oracle, Violation};
use crate::trouble::{Fault, Trouble};

/// How long a day in here takes, and how much of its end is without faults.
pub const DAY: Duration = Duration::from_secs(24 * 3600);
pub const CALM: Duration = Duration::from_secs(3 * 3600);

/// Something that happens at a moment.
#[derive(Debug)]
pub(crate) enum Event {
    Begins(usize),
    Ends(usize),
    /// The brain looks at everything, if this is still its next look.
    Tick(u64),
    Arrives(Box<Order>),
    Returns {
        life: u64,
        vm: VmId,
        kind: StepKind,
        outcome: StepOutcome,
    },
    MadeLate(Box<Machine>),
    Pushed {
        edge: usize,
        routing: Box<Routing>,
    },
    DropDoubles,
    BrainStarts,
}

/// A step on its way to a hand.
#[derive(Debug)]
pub(crate) struct Order {
    pub life: u64,
    pub step: Step,
    pub flavor: FlavorId,
    pub module: Option<ModuleId>,
    pub assignment: u32,
}

/// What survives a kill.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub vms: BTreeMap<VmId, Vm>,
    pub steps: BTreeMap<VmId, Step>,
    pub memory: Memory,
    /// The state of each VM that ever was: its row is never deleted.
    pub rows: BTreeMap<VmId, VmState>,
    /// When it was written.
    pub at: Time,
}

/// A list that was begun and comes later.
#[derive(Clone, Debug)]
pub(crate) struct UnderWay {
    pub begun: Time,
    /// The same moment by the brain's clock.
    pub begun_by_brain: Time,
    pub comes: Time,
    pub says: Sighting,
}

/// The process around the core.
#[derive(Debug, Default)]
pub struct Brain {
    pub up: bool,
    /// Counts its starts: answers to a former one are lost.
    pub life: u64,
    pub state: State,
    pub facts: Facts,
    pub stored: Stored,
    /// How far its clock is off.
    pub offset_ms: i64,
    pub routing: Routing,
    /// Where it is killed in its next turn.
    pub(crate) dies_at: Option<u64>,
    pub(crate) tick_number: u64,
    pub(crate) polled: Option<Time>,
    /// The list that is under way.
    pub(crate) listing: Option<UnderWay>,
    /// When it took in its newest list.
    pub(crate) listed: Option<Time>,
    /// Copies of the store, one an hour.
    pub(crate) backups: VecDeque<Stored>,
    pub(crate) backed_up: Time,
    /// The VMs of the store that was put back.
    pub(crate) known_at_restore: std::collections::BTreeSet<VmId>,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub now: Time,
    pub dice: Dice,
    pub fleet: Fleet,
    /// The files as they are now.
    pub files: Config,
    pub cloud: Cloud,
    pub edges: Vec<Edge>,
    pub brain: Brain,
    pub oracle: Oracle,
    pub faults: Vec<Fault>,
    /// Which of the faults are there now.
    pub active: Vec<usize>,
    pub load: BTreeMap<ModuleId, f64>,
    /// What the provider listed lately, for a replica that lags.
    pub(crate) lists: VecDeque<(Time, Vec<SeenVm>)>,
    pub story: Option<Vec<String>>,
    queue: BTreeMap<(Time, u64), Event>,
    queued: u64,
    pub ticks: u64,
}

impl World {
    pub fn new(seed: u64, faults: Vec<Fault>, with_story: bool) -> Self {
        let fleet = Fleet::from_seed(seed);
        let edges = (0..fleet.routers)
            .map(|number| Edge { name: format!("edge-{number}"), ..Edge::default() });
        let mut world = Self {
            seed,
            now: START,
            dice: Dice::new(seed, 3),
            files: fleet.files.clone(),
            cloud: Cloud::default(),
            edges: edges.collect(),
            brain: Brain::default(),
            oracle: Oracle::default(),
            active: Vec::new(),
            load: BTreeMap::new(),
            lists: VecDeque::new(),
            story: with_story.then(Vec::new),
            queue: BTreeMap::new(),
            queued: 0,
            ticks: 0,
            fleet,
            faults,
        };
        for index in 0..world.faults.len() {
            let (from, until) = (world.faults[index].from, world.faults[index].until);
            world.at(from, Event::Begins(index));
            world.at(until, Event::Ends(index));
        }
        world.at(START, Event::BrainStarts);
        world
    }

    /// Plays until a moment. The error is the first property that was broken.
    pub fn run_until(&mut self, end: Time) -> Result<(), Violation> {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
            if let Some(violation) = self.oracle.violation.take() {
                return Err(violation);
            }
        }
        self.now = end;
        Ok(())
    }

    pub(crate) fn at(&mut self, when: Time, event: Event) {
        self.queued += 1;
        self.queue.insert((when, self.queued), event);
    }

    pub(crate) fn later(&mut self, low_ms: u64, high_ms: u64, event: Event) {
        let wait = Duration::from_millis(self.dice.between(low_ms, high_ms));
        self.at(self.now + wait, event);
    }

    /// Writes a line of the story, if anybody will read it.
    pub(crate) fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.story.is_some() {
            let s = self.now.since(START).as_secs();
            let line = line(self);
            let stamp = format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
            self.story.get_or_insert_default().push(format!("{stamp} {line}"));
        }
    }

    /// Ends the story with what is on record.
    pub(crate) fn tell_state(&mut self) {
        let vms: Vec<String> = self.brain.state.vms.values().map(|vm| format!("{vm:?}")).collect();
        vms.into_iter().for_each(|vm| self.tell(|_| vm));
        let modules = format!("{:?}", self.brain.state.memory.pools);
        self.tell(|_| modules);
    }

    pub fn brain_now(&self) -> Time {
        Time::from_millis(self.now.millis() + self.brain.offset_ms)
    }

    /// The troubles of this moment, the newest last.
    pub fn troubles(&self) -> impl DoubleEndedIterator<Item = Trouble> {
        self.active.iter().map(|index| self.faults[*index].what)
    }

    pub fn is(&self, trouble: Trouble) -> bool {
        self.troubles().any(|active| active == trouble)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Begins(index) => self.begins(index),
            Event::Ends(index) => self.ends(index),
            Event::Tick(number) => {
                if self.brain.up && number == self.brain.tick_number {
                    self.turn();
                }
            }
            Event::Arrives(order) => self.arrives(&order),
            Event::Returns { life, vm, kind, outcome } => self.returns(life, &vm, kind, outcome),
            Event::MadeLate(machine) => {
                self.tell(|_| format!("{} is made at last", machine.id));
                self.oracle.made.insert(machine.id.clone(), Lacked::since(self.now));
                self.cloud.make(*machine);
                self.later(40_000, 40_000, Event::DropDoubles);
                self.after_making();
            }
            Event::Pushed { edge, routing } => self.pushed(edge, *routing),
            Event::DropDoubles => self.cloud.drop_doubles(),
            Event::BrainStarts => self.start_brain(),
        }
    }

    fn begins(&mut self, index: usize) {
        self.active.push(index);
        let what = self.faults[index].what;
        self.tell(|_| format!("--- {what:?}"));
        self.oracle.trouble(what, self.now);
        match what {
            Trouble::HostDies(victim) => self.kill_host(victim, index),
            Trouble::RackDies(victim) => {
                let first = victim as usize % (HOSTS / HOSTS_IN_A_RACK) * HOSTS_IN_A_RACK;
                (first..first + HOSTS_IN_A_RACK)
                    .for_each(|host| self.kill_host(host as u64, index));
            }
            Trouble::VmDies(victim) => {
                let now = self.now;
                if let Some(machine) = self.victim(victim) {
                    machine.dead_since.get_or_insert(now);
                }
            }
            Trouble::ProgramHangs(victim) => {
                let now = self.now;
                if let Some(machine) = self.victim(victim) {
                    machine.hangs_since = Some(now);
                }
            }
            Trouble::ModuleHangs { module } => self.hang(&picked(module)),
            Trouble::AgentGone(victim) => {
                if let Some(machine) = self.victim(victim) {
                    machine.mute = true;
                }
            }
            Trouble::Router(victim, crate::trouble::Routing::OldFile) => {
                let edge = victim as usize % self.edges.len();
                self.edges[edge].restart_with_old_file(self.now);
            }
            Trouble::BrainKilled { point } => self.brain.dies_at = Some(point),
            Trouble::StoreRestored { hours } => self.restore_store(hours),
            Trouble::ClockJumps { seconds } => self.brain.offset_ms += seconds * 1000,
            Trouble::PolicyEdited { .. }
            | Trouble::PolicyRemoved { .. }
            | Trouble::ModulePaused { .. } => self.write_files(),
            Trouble::Creates(_)
            | Trouble::Destroys(_)
            | Trouble::Deploys(_)
            | Trouble::ProviderDown
            | Trouble::Lists(_)
            | Trouble::Samples(_)
            | Trouble::AgentsDark
            | Trouble::ProbesFail
            | Trouble::BrainCutOff
            | Trouble::Router(..)
            | Trouble::Load { .. } => {}
        }
    }

    fn hang(&mut self, module: &ModuleId) {
        let now = self.now;
        let of = |machine: &Machine| machine.program.as_ref().is_some_and(|p| p.module == *module);
        for machine in self.cloud.machines.values_mut().filter(|machine| of(machine)) {
            machine.hangs_since.get_or_insert(now);
        }
    }

    fn kill_host(&mut self, victim: u64, index: usize) {
        let (until, now) = (self.faults[index].until, self.now);
        self.cloud.kill_host(victim as usize % HOSTS, until, now);
    }

    fn ends(&mut self, index: usize) {
        self.active.retain(|active| *active != index);
        let what = self.faults[index].what;
        self.oracle.trouble(what, self.now);
        match what {
            Trouble::ProgramHangs(_) | Trouble::ModuleHangs { .. } => {
                self.cloud.machines.values_mut().for_each(|machine| machine.hangs_since = None);
            }
            Trouble::AgentGone(_) => {
                self.cloud.machines.values_mut().for_each(|machine| machine.mute = false);
            }
            Trouble::PolicyEdited { .. }
            | Trouble::PolicyRemoved { .. }
            | Trouble::ModulePaused { .. } => self.write_files(),
            Trouble::Creates(_)
            | Trouble::Destroys(_)
            | Trouble::Deploys(_)
            | Trouble::ProviderDown
            | Trouble::Lists(_)
            | Trouble::Samples(_)
            | Trouble::AgentsDark
            | Trouble::ProbesFail
            | Trouble::BrainCutOff
            | Trouble::Router(..)
            | Trouble::HostDies(_)
            | Trouble::RackDies(_)
            | Trouble::VmDies(_)
            | Trouble::BrainKilled { .. }
            | Trouble::StoreRestored { .. }
            | Trouble::ClockJumps { .. }
            | Trouble::Load { .. } => {}
        }
    }

    fn victim(&mut self, pick: u64) -> Option<&mut Machine> {
        let count = self.cloud.machines.len() as u64;
        self.cloud.machines.values_mut().nth((pick % count.max(1)) as usize)
    }

    /// The files as all edits of this moment leave them.
    fn write_files(&mut self) {
        let mut files = self.fleet.files.clone();
        for trouble in self.troubles() {
            if let Trouble::PolicyEdited { module: pick, min, max } = trouble
                && let Some(policy) = files.policies.get_mut(&picked(pick))
            {
                (policy.min, policy.max) = (min, max);
            } else if let Trouble::PolicyRemoved { module: pick } = trouble {
                files.policies.remove(&picked(pick));
            } else if let Trouble::ModulePaused { module: pick } = trouble
                && let Some(policy) = files.policies.get_mut(&picked(pick))
            {
                policy.mode = scaler::policy::Mode::Paused;
            }
        }
        self.files = files;
    }
}

/// The module that a number picks.
pub fn picked(pick: u64) -> ModuleId {
    module(MODULES[pick as usize % MODULES.len()])
}
