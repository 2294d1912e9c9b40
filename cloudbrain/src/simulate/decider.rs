//! The scaler's decision for one module, with what it remembers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use model::id::{FlavorId, ModuleId, VmId};
use model::metric::{CPU_UTILIZATION, LOAD1_PER_CORE};
use model::time::Time;
use model::vm::{Vm, VmState};
use scaler::decide::{Members, Room, Scene, Want, decide};
use scaler::facts::{Facts, Sample, ScheduleSpan};
use scaler::lead::LeadTimes;
use scaler::policy::{FindingSeverity, Measure, Policy, check};
use scaler::state::ModuleMemory;
use serde::Deserialize;
use serde_json::json;

use super::foresight::Foresight;

/// One VM in service, as the metrics show it.
#[derive(Clone, Debug)]
pub struct SeenVm {
    pub id: VmId,
    pub since: Time,
    /// Its newest load, and the end of the interval over which it was measured.
    pub load: Option<(f64, Time)>,
}

/// What one look goes by.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub now: Time,
    pub serving: &'a [SeenVm],
    pub warming: u32,
    /// VMs that wait in the pool.
    pub ready: u32,
    /// The count in force.
    pub desired: u32,
    /// What all VMs were measured to carry together, for the forecast.
    pub work: Option<f64>,
}

/// The scaler for one module.
#[derive(Debug)]
pub struct Decider {
    policy: Policy,
    memory: ModuleMemory,
    lead_times: LeadTimes,
    last: Option<Time>,
    /// The VMs' own metrics that the policy reads.
    metrics: Vec<&'static str>,
    foresight: Foresight,
}

impl Decider {
    /// # Errors
    /// If the policy reads anything but metrics of the VMs: in a made-up module nobody answers
    /// expressions.
    pub fn new(policy: Policy, lead_times: LeadTimes) -> anyhow::Result<Self> {
        let metrics = policy.metrics.iter().map(|metric| match &metric.measure {
            Measure::Metric(name) => Ok(*name),
            Measure::Expression(expression) => bail!(
                "metric {}: the expression {expression} has no value in a made-up module; simulate \
                 with a metric of the VMs",
                metric.name
            ),
        });
        let metrics = metrics.collect::<anyhow::Result<Vec<_>>>()?;
        let memory = ModuleMemory { desired: policy.initial, ..ModuleMemory::default() };
        Ok(Self {
            policy,
            memory,
            lead_times,
            last: None,
            metrics,
            foresight: Foresight::default(),
        })
    }

    /// With its schedules, and with the forecast that its policy asks for.
    #[must_use]
    pub fn with_foresight(self, schedules: Vec<ScheduleSpan>) -> Self {
        let foresight = Foresight::of(&self.policy, schedules);
        Self { foresight, ..self }
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn memory(&self) -> &ModuleMemory {
        &self.memory
    }

    /// Takes up what was remembered before, as after a restart.
    pub fn resume(&mut self, memory: ModuleMemory, last: Option<Time>) {
        (self.memory, self.last) = (memory, last);
    }

    pub fn last(&self) -> Option<Time> {
        self.last
    }

    /// Decides, and remembers it as `serve` would.
    pub fn decide(&mut self, look: &Look<'_>) -> Want {
        let elapsed = self.last.map_or(Duration::ZERO, |last| look.now.since(last));
        self.last = Some(look.now);
        self.memory.desired = look.desired;
        let vms: Vec<Vm> = look.serving.iter().map(|vm| self.vm(vm)).collect();
        let members =
            Members { serving: vms.iter().collect(), coming: Vec::new(), warming: look.warming };
        self.foresight.measured(look.work, look.now);
        let facts = self.facts(look);
        let room = Room { ready: Some(look.ready), ..Room::default() };
        let (now, lead) = (look.now, self.lead_times);
        let scene = Scene {
            members: &members,
            facts: &facts,
            room,
            lead,
            holds: &[],
            now,
            elapsed,
            tick: Duration::ZERO,
        };
        let mut want = decide(&self.policy, &mut self.memory, &scene);
        if !want.mode.acts() {
            want.to = look.desired; // A schedule has it pause.
        }
        if want.to > look.desired {
            self.memory.last_out = Some(look.now);
        } else if want.to < look.desired {
            self.memory.last_in = Some(look.now);
        }
        self.memory.desired = want.to;
        want
    }

    fn vm(&self, seen: &SeenVm) -> Vm {
        Vm {
            id: seen.id.clone(),
            flavor: self.policy.flavor.clone(),
            state: VmState::Serving,
            since: seen.since,
            created: seen.since,
            host: None,
            addresses: None,
            module: Some(self.policy.module.clone()),
            assignment: 1,
            route_generation: 0,
            why: String::new(),
        }
    }

    fn facts(&mut self, look: &Look<'_>) -> Facts {
        let with_load = look.serving.iter().filter_map(|vm| Some((vm, vm.load?)));
        let samples = with_load.map(|(vm, (value, at))| {
            let metrics = self.metrics.iter();
            let all = metrics.map(|name| ((*name).to_owned(), Sample { value, at })).collect();
            (vm.id.clone(), all)
        });
        let samples = samples.collect();
        let module = || self.policy.module.clone();
        let forecasts = self.foresight.forecast().map(|told| (module(), told.clone()));
        let forecasts = forecasts.into_iter().collect();
        let held = self.foresight.schedules(look.now);
        let schedules = BTreeMap::from([(self.policy.module.clone(), held)]);
        Facts { samples, forecasts, schedules, ..Facts::default() }
    }
}

/// What the benchmark's operator would write, and the facts of its world.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct BenchmarkWorld {
    pub tick_s: u64,
    pub collect_s: u64,
    pub lag_s: u64,
    pub min: u32,
    pub max: u32,
    pub pool_total: u32,
    pub pool_take_s: u64,
    pub cold_boot_s: u64,
    pub refill_every_s: u64,
    pub drain_s: u64,
    pub load_tau_s: f64,
}

/// The thresholds of the benchmark.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct BenchmarkPolicy {
    pub target: f64,
    pub hi: f64,
}

impl BenchmarkWorld {
    pub fn lead_times(&self) -> LeadTimes {
        LeadTimes::known(
            Duration::from_secs(self.pool_take_s),
            Duration::from_secs(self.cold_boot_s),
        )
    }

    /// The policy that one would write for it: a target, its tolerance up to `hi`, and no pace of
    /// one's own, since the work waits by itself.
    ///
    /// # Errors
    /// If the numbers make no policy.
    pub fn policy(&self, thresholds: BenchmarkPolicy) -> anyhow::Result<Policy> {
        let metric = if self.load_tau_s > 0.0 { LOAD1_PER_CORE } else { CPU_UTILIZATION };
        let BenchmarkPolicy { target, hi } = thresholds;
        let max_age_s = self.lag_s + 3 * self.collect_s + self.tick_s;
        let raw = json!({
            "apiVersion": "cloudbrain/v1",
            "kind": "ScalingPolicy",
            "module": "benchmark/module",
            "flavor": "vm",
            "mode": "auto",
            "capacity": {"min": self.min, "max": self.max},
            "metrics": [{
                "name": "load", "metric": metric, "target": target,
                "tolerance": (hi / target - 1.0).clamp(0.0, 0.5),
                "max_age": format!("{max_age_s}s"),
            }],
            "pace": {
                "out": {"max_step": self.max, "settle": "0s", "max_in_flight": self.max},
                "in": {"max_step": self.max, "stabilise": "0s", "cooldown": "0s", "guard": 1.0},
            },
            "health": {"ready": {"http": "/ready"}},
        });
        let raw = serde_json::from_value(raw).context("the benchmark's numbers make no policy")?;
        let (policy, findings) = check(raw);
        let errors = findings.iter().filter(|f| f.severity == FindingSeverity::Error);
        let errors: Vec<String> = errors.map(|f| format!("{}: {}", f.path, f.message)).collect();
        policy
            .with_context(|| format!("the benchmark's numbers are refused: {}", errors.join("; ")))
    }
}

/// Names that made-up modules bear.
pub(crate) fn vm_id(number: u32) -> VmId {
    VmId::parse(&format!("vm-{number}")).expect("a number makes a good name")
}

/// The module and flavor of a policy.
pub fn names(policy: &Policy) -> (&ModuleId, &FlavorId) {
    (&policy.module, &policy.flavor)
}
