//! A module in simulated time: VMs, a pool that refills, a load that shows late and with noise.
//!
//! The order of a tick: what was under way arrives, samples that are due are seen, the scaler
//! decides, what it wants is ordered, and the work of the tick falls on the VMs that serve. VMs that
//! were let go are paid for until they are drained. A dead VM is known to be dead after a minute, and
//! is then replaced.

use std::collections::VecDeque;
use std::time::Duration;

use model::time::Time;

use super::decider::{Decider, Look, SeenVm, vm_id};
use super::trace::Trace;

/// What the made-up module is like.
#[derive(Clone, Debug)]
pub struct Setting {
    /// When the trace begins: schedules look at the calendar.
    pub from: Time,
    /// A sample is the mean over this time,
    pub collect: Duration,
    /// and is seen so long after it.
    pub lag: Duration,
    /// The time constant of the load, if it is a load average.
    pub damping: Option<Duration>,
    pub pool_total: u32,
    pub take: Duration,
    pub make: Duration,
    /// The pool begins to make at most one VM in this time.
    pub refill_every: Duration,
    pub drain: Duration,
    /// Noise of a sample, and lasting difference between VMs, as parts.
    pub noise: f64,
    pub imbalance: f64,
    pub seed: u64,
    /// So many VMs die at the peak of the work.
    pub kill_at_peak: u32,
    /// Nobody measures for so long around the peak.
    pub blind_at_peak: Duration,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            from: START,
            collect: Duration::from_secs(15),
            lag: Duration::from_secs(15),
            damping: None,
            pool_total: 10,
            take: Duration::from_secs(10),
            make: Duration::from_secs(180),
            refill_every: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            noise: 0.03,
            imbalance: 0.05,
            seed: 1,
            kill_at_peak: 0,
            blind_at_peak: Duration::ZERO,
        }
    }
}

/// One tick that was played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub demand: f64,
    pub serving: u32,
    /// Serving, on their way, draining, and dead without anybody knowing.
    pub paid: u32,
    /// Whether the scaler wanted more than its policy's `max`, or was there.
    pub is_at_max: bool,
}

/// One change of the count.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub tick: usize,
    pub from: u32,
    pub to: u32,
    pub reason: String,
}

/// A run from its first tick to its last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Played {
    pub moments: Vec<Moment>,
    /// What the scaler wanted, by tick.
    pub wanted: Vec<u32>,
    pub changes: Vec<Change>,
}

/// A dead VM is known to be dead after this.
const DEATH_SEEN_AFTER: Duration = Duration::from_secs(60);
/// An older sample tells nothing of the work.
const FRESH: Duration = Duration::from_secs(60);
/// Simulated time begins here if nobody says when, so that what is older has a place.
const START: Time = Time::from_millis(1_000_000_000);

/// Plays a trace.
pub fn play(trace: &Trace, decider: &mut Decider, setting: &Setting) -> Played {
    let mut world = World::new(trace, decider, setting);
    let mut played = Played::default();
    for tick in 0..trace.demand.len() {
        world.arrive(tick);
        let listed = world.listed();
        let serving: Vec<SeenVm> = world.serving.iter().map(Vm::seen).collect();
        let look = Look {
            now: world.time(tick),
            serving: &serving,
            warming: world.coming.len() as u32,
            ready: world.pool,
            desired: world.desired,
            work: world.measured(tick),
        };
        let want = decider.decide(&look);
        if want.to != world.desired {
            let (from, to) = (world.desired, want.to);
            let reason = want.reason.to_string();
            played.changes.push(Change { tick, from, to, reason });
        }
        world.desired = want.to;
        world.staff(listed, tick);
        played.wanted.push(want.to);
        let is_at_max = want.to >= decider.policy().max;
        played.moments.push(world.work(tick, is_at_max));
        world.measure(tick);
    }
    played
}

#[derive(Clone, Debug)]
struct Vm {
    number: u32,
    since: Time,
    ready_at: Time,
    died: Option<Time>,
    weight: f64,
    load: f64,
    gathered: f64,
    seen: Option<(f64, Time)>,
    is_of_pool: bool,
}

impl Vm {
    fn seen(&self) -> SeenVm {
        SeenVm { id: vm_id(self.number), since: self.since, load: self.seen }
    }
}

/// The samples of one interval.
#[derive(Debug)]
struct Round {
    seen_at: Time,
    end: Time,
    /// By the number of the VM.
    loads: Vec<(u32, f64)>,
}

#[derive(Debug)]
struct World<'a> {
    trace: &'a Trace,
    setting: &'a Setting,
    chance: Chance,
    serving: Vec<Vm>,
    coming: Vec<Vm>,
    draining: Vec<Time>,
    pool: u32,
    refills: VecDeque<Time>,
    last_refill: Option<Time>,
    /// What was measured and is not seen yet, oldest first.
    samples: VecDeque<Round>,
    desired: u32,
    last_number: u32,
}

impl<'a> World<'a> {
    fn new(trace: &'a Trace, decider: &Decider, setting: &'a Setting) -> Self {
        let policy = decider.policy();
        let limit = policy.metrics.first().map_or(1.0, |metric| metric.aim.above());
        let work = trace.demand.first().copied().unwrap_or(0.0);
        let needed = (work / limit).ceil() as u32;
        let mut world = Self {
            trace,
            setting,
            chance: Chance(setting.seed),
            serving: Vec::new(),
            coming: Vec::new(),
            draining: Vec::new(),
            pool: setting.pool_total,
            refills: VecDeque::new(),
            last_refill: None,
            samples: VecDeque::new(),
            desired: needed.max(policy.initial).clamp(policy.min, policy.max),
            last_number: 0,
        };
        let long_ago = setting.from - Duration::from_secs(3600);
        for _ in 0..world.desired {
            let mut vm = world.vm(long_ago, long_ago, true);
            vm.load = work / f64::from(world.desired);
            world.serving.push(vm);
        }
        world
    }

    fn time(&self, tick: usize) -> Time {
        self.setting.from + self.trace.tick * tick as u32
    }

    /// The work by the samples that are there.
    fn measured(&self, tick: usize) -> Option<f64> {
        let now = self.time(tick);
        let fresh = |(_, at): &(f64, Time)| now.since(*at) < FRESH;
        let loads: Vec<f64> =
            self.serving.iter().filter_map(|vm| Some(vm.seen.filter(fresh)?.0)).collect();
        (!loads.is_empty()).then(|| loads.iter().sum())
    }

    fn listed(&self) -> u32 {
        (self.serving.len() + self.coming.len()) as u32
    }

    fn vm(&mut self, since: Time, ready_at: Time, is_of_pool: bool) -> Vm {
        self.last_number += 1;
        let weight = (1.0 + self.setting.imbalance * self.chance.bell()).max(0.5);
        Vm {
            number: self.last_number,
            since,
            ready_at,
            died: None,
            weight,
            load: 0.0,
            gathered: 0.0,
            seen: None,
            is_of_pool,
        }
    }

    /// What was under way and is due.
    fn arrive(&mut self, tick: usize) {
        let now = self.time(tick);
        let (ready, coming) = self.coming.drain(..).partition(|vm: &Vm| vm.ready_at <= now);
        self.coming = coming;
        self.serving.extend(ready.into_iter().map(|vm: Vm| Vm { since: vm.ready_at, ..vm }));
        self.refill(now);
        if tick == self.trace.peak() {
            self.kill(now);
        }
        self.serving.retain(|vm| vm.died.is_none_or(|died| now.since(died) < DEATH_SEEN_AFTER));
        while self.samples.front().is_some_and(|round| round.seen_at <= now) {
            let Some(round) = self.samples.pop_front() else { break };
            for (number, load) in round.loads {
                if let Some(vm) = self.serving.iter_mut().find(|vm| vm.number == number) {
                    vm.seen = Some((load, round.end));
                }
            }
        }
    }

    fn refill(&mut self, now: Time) {
        let total = self.setting.pool_total;
        let drained = self.draining.len();
        self.draining.retain(|end| *end > now);
        let back = (drained - self.draining.len()) as u32;
        self.pool = (self.pool + back).min(total);
        while self.pool + self.refills.len() as u32 > total && self.refills.pop_back().is_some() {}
        while self.refills.front().is_some_and(|ready| *ready <= now) {
            self.refills.pop_front();
            self.pool += 1;
        }
        let is_short = self.pool + (self.refills.len() as u32) < total;
        let is_due = |last: Time| now.since(last) >= self.setting.refill_every;
        if is_short && self.last_refill.is_none_or(is_due) {
            self.refills.push_back(now + self.setting.make);
            self.last_refill = Some(now);
        }
    }

    fn kill(&mut self, now: Time) {
        let most = self.serving.len().saturating_sub(1);
        let count = (self.setting.kill_at_peak as usize).min(most);
        for vm in self.serving.iter_mut().take(count) {
            vm.died = Some(now);
            vm.seen = None;
        }
    }

    /// Orders what is missing, and lets go what is too much: first what is still on its way.
    fn staff(&mut self, listed: u32, tick: usize) {
        let now = self.time(tick);
        for _ in listed..self.desired {
            let is_of_pool = self.pool > 0;
            self.pool -= u32::from(is_of_pool);
            let wait = if is_of_pool { self.setting.take } else { self.setting.make };
            let vm = self.vm(now, now + wait, is_of_pool);
            self.coming.push(vm);
        }
        for _ in self.desired..listed {
            if let Some(vm) = self.coming.pop() {
                self.pool += u32::from(vm.is_of_pool && self.pool < self.setting.pool_total);
                continue;
            }
            let dead = self.serving.iter().position(|vm| vm.died.is_some());
            let youngest = self.serving.iter().enumerate().max_by_key(|(_, vm)| vm.since);
            let Some(index) = dead.or(youngest.map(|(index, _)| index)) else { break };
            let vm = self.serving.remove(index);
            if vm.died.is_none() {
                self.draining.push(now + self.setting.drain);
            }
        }
    }

    /// The work of a tick falls on the VMs that serve.
    fn work(&mut self, tick: usize, is_at_max: bool) -> Moment {
        let demand = self.trace.demand[tick];
        let paid = (self.serving.len() + self.coming.len() + self.draining.len()) as u32;
        let weights: f64 =
            self.serving.iter().filter(|vm| vm.died.is_none()).map(|vm| vm.weight).sum();
        let mut serving = 0;
        let part = self
            .setting
            .damping
            .map(|damping| 1.0 - (-self.trace.tick.as_secs_f64() / damping.as_secs_f64()).exp());
        for vm in self.serving.iter_mut().filter(|vm| vm.died.is_none()) {
            serving += 1;
            let load = demand / weights * vm.weight;
            vm.load = part.map_or(load, |part| vm.load + part * (load - vm.load));
            vm.gathered += load;
        }
        Moment { demand, serving, paid, is_at_max }
    }

    /// Measures at the end of each interval.
    fn measure(&mut self, tick: usize) {
        let ticks = (self.setting.collect.as_secs_f64() / self.trace.tick.as_secs_f64()).round();
        let ticks = (ticks as usize).max(1);
        if !(tick + 1).is_multiple_of(ticks) {
            return;
        }
        let end = self.time(tick + 1);
        let is_dark = self.is_dark(tick);
        let mut loads = Vec::with_capacity(self.serving.len());
        for vm in &mut self.serving {
            let noise = 1.0 + self.setting.noise * self.chance.bell();
            let start = end - self.trace.tick * ticks as u32;
            let lived = end.since(start.max(vm.since)).as_secs_f64();
            let lived = (lived / self.trace.tick.as_secs_f64()).round().max(1.0);
            let mean = vm.gathered / lived;
            vm.gathered = 0.0;
            let load = if self.setting.damping.is_some() { vm.load } else { mean };
            if vm.died.is_none() && !is_dark {
                loads.push((vm.number, (load * noise).max(0.0)));
            }
        }
        let seen_at = end + self.setting.lag;
        self.samples.push_back(Round { seen_at, end, loads });
    }

    fn is_dark(&self, tick: usize) -> bool {
        let half = self.setting.blind_at_peak / 2;
        let (now, peak) = (self.time(tick), self.time(self.trace.peak()));
        let is_around_peak = now + half >= peak && now < peak + half && !half.is_zero();
        is_around_peak || !self.trace.is_measured[tick]
    }
}

/// Chance from a seed (SplitMix64), the same on every machine.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// Between 0 and 1, both excluded.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// With mean 0 and standard deviation 1.
    fn bell(&mut self) -> f64 {
        let (radius, angle) = (self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }
}
