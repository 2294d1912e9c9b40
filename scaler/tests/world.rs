//! A small made-up world around the scaler, run from a seed: VMs are made, die, hang and drain,
//! the brain is killed at any tick, steps are lost before or after they took effect.
//!
//! The oracle reads the world's own ledger, never the scaler's state, so that a mistake in its
//! bookkeeping cannot hide itself. First safety under faults, then, once the faults stop, that
//! everything comes to rest at the wanted count.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::collections::{BTreeMap, BTreeSet};

use model::id::{HostId, ModuleId, VmId};
use model::time::Time;
use model::vm::{Addresses, VmState};
use scaler::facts::{AgentFact, Facts, ProviderFact, ReadyFact, RouterFact, Sample, SeenFact};
use scaler::hands::{Power, Routing, UpstreamReport};
use scaler::state::{Config, Memory, State};
use scaler::steps::{Step, StepKind, StepOutcome, absorb, issue};
use scaler::tick::tick;

const POLICY_MAX: usize = 8;
const POOL_MAX_TOTAL: usize = 14;

/// A small generator of our own: the same seed gives the same world on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// What really exists.
#[derive(Default)]
struct Ledger {
    vms: BTreeMap<VmId, RealVm>,
    /// What the router follows.
    routing: Routing,
    in_flight: BTreeMap<VmId, u32>,
    created: BTreeSet<VmId>,
}

struct RealVm {
    host: HostId,
    alive: bool,
    program: Option<u32>,
    program_since: Time,
}

struct World {
    seed: u64,
    dice: Dice,
    now: Time,
    config: Config,
    state: State,
    /// What survives a kill of the brain: as it was committed last.
    stored: (BTreeMap<VmId, model::vm::Vm>, BTreeMap<VmId, Step>, Memory),
    ledger: Ledger,
    /// What the senses remember of each VM.
    silent: BTreeMap<VmId, (u32, Option<Time>)>,
    heard: BTreeMap<VmId, Time>,
    passes: BTreeMap<VmId, (u32, u32)>,
    load: f64,
    /// The router takes no new routing for so many seconds.
    router_hangs: u64,
    faults: bool,
}

fn config() -> Config {
    let policy = r#"{
        "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web",
        "flavor": "small", "mode": "auto", "capacity": {"min": 3, "max": 8},
        "metrics": [{"name": "load", "max_age": "5s",
            "out": {"above": 0.8, "for": "3s", "step": 2},
            "in": {"below": 0.4, "for": "10s", "step": 1}}],
        "pace": {"out": {"settle": "5s"}, "in": {"stabilise": "20s", "cooldown": "5s"},
                 "create": {"timeout": "60s"}},
        "health": {"ready": {"http": "/ready", "pass": 2, "fail": 2, "deadline": "30s"}},
        "drain": {"timeout": "10s"}, "terminate": {"young": "0"},
        "isolation": {"after": "1s", "max_share": "60%", "replace_after": "0",
                      "keep_for_debug": "20s"}
    }"#;
    let pool = r#"{"apiVersion": "cloudbrain/v1", "kind": "Pool", "flavor": "small",
        "ready": 3, "max_total": 14, "refill": {"per_minute": 60, "in_flight": 6}}"#;
    let policy = scaler::policy::check(serde_json::from_str(policy).unwrap()).0.unwrap();
    let pool = scaler::pool::check(serde_json::from_str(pool).unwrap()).0.unwrap();
    let module = policy.module.clone();
    Config {
        domains: BTreeMap::from([(module.clone(), vec!["shop.example.com".to_owned()])]),
        policies: BTreeMap::from([(module, policy)]),
        pools: BTreeMap::from([(pool.flavor.clone(), pool)]),
    }
}

fn module() -> ModuleId {
    ModuleId::parse("shop/web").unwrap()
}

fn addresses() -> Addresses {
    Addresses { agent: "127.0.0.1:1".parse().unwrap(), app: "127.0.0.1:2".parse().unwrap() }
}

impl World {
    fn from_seed(seed: u64) -> Self {
        Self {
            seed,
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1),
            now: Time::from_millis(1_000_000),
            config: config(),
            state: State::default(),
            stored: Default::default(),
            ledger: Ledger::default(),
            silent: BTreeMap::new(),
            heard: BTreeMap::new(),
            passes: BTreeMap::new(),
            load: 1.5,
            router_hangs: 0,
            faults: true,
        }
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.now = self.now + std::time::Duration::from_secs(1);
            if self.faults {
                self.misfortune();
            }
            self.poll();
            self.brain();
            self.check_safety();
        }
    }

    fn misfortune(&mut self) {
        if self.dice.one_in(20) {
            self.load = self.dice.roll(80) as f64 / 10.0;
        }
        if self.dice.one_in(40) {
            let victims: Vec<VmId> = self.ledger.vms.keys().cloned().collect();
            if let Some(victim) = victims.get(self.dice.roll(victims.len().max(1) as u64) as usize)
            {
                self.ledger.vms.get_mut(victim).unwrap().alive = false;
            }
        }
        if self.dice.one_in(60) {
            self.router_hangs = self.dice.roll(30);
        }
        if self.dice.one_in(15) {
            self.kill_the_brain();
        }
    }

    /// What was not committed is lost, and nobody waits for a step any more.
    fn kill_the_brain(&mut self) {
        let (vms, steps, memory) = self.stored.clone();
        let json = serde_json::to_string(&memory).unwrap();
        let memory = serde_json::from_str(&json).unwrap();
        self.state = State::restore(&self.config, vms, steps, memory);
        self.silent.clear();
        self.heard.clear();
        self.passes.clear();
    }

    /// The senses ask every VM.
    fn poll(&mut self) {
        for (id, vm) in &self.state.vms {
            let real = self.ledger.vms.get(id);
            let alive = real.is_some_and(|real| real.alive);
            let misses = self.silent.entry(id.clone()).or_default();
            if alive {
                *misses = (0, None);
                self.heard.insert(id.clone(), self.now);
            } else {
                *misses = (misses.0 + 1, misses.1.or(Some(self.now)));
            }
            let ready = alive && real.is_some_and(|r| r.program == Some(vm.assignment));
            let (passes, fails) = self.passes.entry(id.clone()).or_default();
            (*passes, *fails) = if ready { (*passes + 1, 0) } else { (0, *fails + 1) };
        }
    }

    fn facts(&mut self) -> Facts {
        let mut facts = Facts::default();
        let serving = self.ledger.routing.modules.get(&module()).map_or(0, |r| r.upstreams.len());
        for (id, (misses, since)) in &self.silent {
            let heard = self.heard.get(id).copied();
            facts
                .agents
                .insert(id.clone(), AgentFact { heard, silent_since: *since, misses: *misses });
            if *misses == 0 && !self.dice.one_in(10) {
                let load = self.load / serving.max(1) as f64;
                let sample = Sample { value: load, at: self.now };
                let name = model::metric::LOAD1_PER_CORE.to_owned();
                facts.samples.insert(id.clone(), BTreeMap::from([(name, sample)]));
            }
        }
        for (id, (passes, fails)) in &self.passes {
            let Some(vm) = self.state.vms.get(id) else { continue };
            let fact = ReadyFact {
                assignment: vm.assignment,
                passes_in_a_row: *passes,
                fails_in_a_row: *fails,
                failing_since: (*fails > 0).then_some(self.now),
            };
            facts.ready.insert(id.clone(), fact);
        }
        facts.provider = (!self.faults || !self.dice.one_in(5)).then(|| self.sighting());
        facts.routers.insert("edge".to_owned(), self.router());
        facts
    }

    fn sighting(&self) -> ProviderFact {
        let seen = self.ledger.vms.iter().map(|(id, vm)| {
            let power = if vm.alive { Power::Running } else { Power::Stopped };
            let fact = SeenFact {
                flavor: "small".parse().unwrap(),
                host: Some(vm.host.clone()),
                power,
                addresses: Some(addresses()),
            };
            (id.clone(), fact)
        });
        let vms = seen.collect();
        ProviderFact { complete: true, at: self.now, vms, room: BTreeMap::new() }
    }

    fn router(&mut self) -> RouterFact {
        self.ledger.in_flight.retain(|_, requests| {
            *requests = requests.saturating_sub(1);
            *requests > 0
        });
        let routed = self.ledger.routing.modules.get(&module());
        for id in routed.iter().flat_map(|route| route.upstreams.keys()) {
            self.ledger.in_flight.insert(id.clone(), 3);
        }
        let reports = self.ledger.in_flight.iter().map(|(id, in_flight)| {
            (id.clone(), UpstreamReport { in_flight: *in_flight, ..UpstreamReport::default() })
        });
        let (acknowledged, upstreams) = (self.ledger.routing.generation, reports.collect());
        RouterFact { acknowledged, upstreams, ..RouterFact::default() }
    }

    /// One turn of the brain, which may be cut off at each commit and each effect.
    fn brain(&mut self) {
        let facts = self.facts();
        tick(&self.config, &mut self.state, &facts, self.now);
        let steps = issue(&mut self.state, self.now);
        if self.cut_off() {
            return self.kill_the_brain();
        }
        self.commit();
        self.router_hangs = self.router_hangs.saturating_sub(1);
        if self.router_hangs == 0 {
            self.ledger.routing = self.state.routing();
        }
        for step in steps {
            if self.cut_off() {
                return self.kill_the_brain();
            }
            let outcome = self.carry_out(&step);
            if self.cut_off() {
                return self.kill_the_brain();
            }
            absorb(&self.config, &mut self.state, &step.vm, step.kind, outcome, self.now);
        }
        self.commit();
    }

    fn cut_off(&mut self) -> bool {
        self.faults && self.dice.one_in(60)
    }

    fn commit(&mut self) {
        self.stored = (self.state.vms.clone(), self.state.steps.clone(), self.state.memory.clone());
    }

    fn carry_out(&mut self, step: &Step) -> StepOutcome {
        let lost_before = self.faults && self.dice.one_in(15);
        let lost_after = self.faults && self.dice.one_in(15);
        if lost_before {
            return StepOutcome::Failed("made-up failure".to_owned());
        }
        let outcome = self.effect(step);
        if lost_after { StepOutcome::Unknown("made-up silence".to_owned()) } else { outcome }
    }

    fn effect(&mut self, step: &Step) -> StepOutcome {
        match step.kind {
            StepKind::Create => self.create(&step.vm),
            StepKind::Deploy => match self.ledger.vms.get_mut(&step.vm).filter(|vm| vm.alive) {
                None => return StepOutcome::Failed("it does not run".to_owned()),
                Some(real) => {
                    real.program = Some(self.state.vms[&step.vm].assignment);
                    real.program_since = self.now;
                }
            },
            StepKind::Undeploy => self.stop(&step.vm),
            StepKind::Destroy => {
                self.stop(&step.vm);
                self.ledger.vms.remove(&step.vm);
            }
        }
        StepOutcome::Done
    }

    fn create(&mut self, id: &VmId) {
        let host = HostId::parse(["h1", "h2"][self.dice.roll(2) as usize]).unwrap();
        let real = RealVm { host, alive: true, program: None, program_since: self.now };
        self.ledger.vms.entry(id.clone()).or_insert(real);
        self.ledger.created.insert(id.clone());
    }

    /// The heart of it: a living program is stopped only when no router sends to it any more.
    fn stop(&mut self, id: &VmId) {
        let routed = self.ledger.routing.modules.values().any(|r| r.upstreams.contains_key(id));
        let Some(real) = self.ledger.vms.get_mut(id) else { return };
        let serving = real.alive && real.program.take().is_some();
        assert!(!(routed && serving), "seed {}: {id} stopped while routers send to it", self.seed);
    }

    fn check_safety(&self) {
        let assigned = |vm: &&VmId| {
            self.ledger.vms.get(*vm).is_some_and(|real| real.program.is_some() && real.alive)
        };
        let total = self.ledger.vms.len();
        assert!(total <= POOL_MAX_TOTAL, "seed {}: {total} VMs exist", self.seed);
        let routed = self.ledger.routing.modules.get(&module());
        let routed: Vec<_> = routed.iter().flat_map(|route| route.upstreams.keys()).collect();
        assert!(routed.len() <= POLICY_MAX + 1, "seed {}: {} routed", self.seed, routed.len());
        let well = routed.iter().copied().filter(assigned).count();
        assert!(
            routed.is_empty() || well > 0 || self.faults,
            "seed {}: no routed VM works at rest",
            self.seed
        );
    }

    fn serving(&self) -> usize {
        self.state.vms.values().filter(|vm| vm.state == VmState::Serving).count()
    }
}

#[test]
fn after_any_misfortune_exactly_the_wanted_vms_exist() {
    for seed in 0..100 {
        let mut world = World::from_seed(seed);
        world.run(600);
        world.faults = false;
        world.load = 1.8;
        world.run(400);
        let desired = world.state.memory.modules[&module()].desired as usize;
        let states: Vec<_> = world.state.vms.values().map(|vm| vm.state).collect();
        assert_eq!(world.serving(), desired, "seed {seed}: {states:?}");
        assert_eq!(world.ledger.vms.len(), desired + 3, "seed {seed}: no orphan, pool full");
        assert!((3..=4).contains(&desired), "seed {seed}: load 1.8 wants 3 or 4, not {desired}");
        assert!(world.state.steps.is_empty(), "seed {seed}: nothing is left to do");
    }
}

#[test]
fn the_same_seed_makes_the_same_world() {
    let story = |seed| {
        let mut world = World::from_seed(seed);
        world.run(300);
        serde_json::to_string(&(&world.state.vms, &world.state.memory)).unwrap()
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

#[test]
fn a_dry_run_decides_and_gives_the_module_nothing() {
    let mut world = World::from_seed(1);
    world.faults = false;
    for policy in world.config.policies.values_mut() {
        policy.mode = scaler::policy::Mode::DryRun;
    }
    world.run(60);
    assert!(world.state.vms.values().all(|vm| vm.module.is_none()), "no VM was taken");
    assert_eq!(world.ledger.vms.len(), 3, "the pool is filled all the same");
    let facts = world.facts();
    let decisions = scaler::tick::preview(&world.config, &world.state, &facts, world.now);
    let told = decisions[0].reason.to_string();
    assert!(told.starts_with("mode dry-run: would be"), "{told}");
}
