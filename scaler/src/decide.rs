//! How many VMs a module should have, and why.
//!
//! The mean load over the serving VMs is compared with two thresholds that lie apart. Above the
//! upper one for long enough: more. Below the lower one for long enough, and quiet for the whole
//! stabilisation time, and still safe with fewer: less. A load that is not known, because samples
//! are too old, too few, or younger than the last change, pauses both clocks: it neither starts
//! nor resets anything, and nothing is ever taken away on account of it.

use std::time::Duration;

use model::time::Time;
use model::vm::Vm;

use crate::facts::{Facts, Sample};
use crate::policy::{Aggregate, Metric, MissingOut, Mode, Policy};
use crate::reason::{Inputs, Limit, Reading, Reason};
use crate::state::ModuleMemory;

/// The VMs of one module, by how far they are.
#[derive(Clone, Debug, Default)]
pub struct Members<'a> {
    /// In the routers, by every router's word.
    pub serving: Vec<&'a Vm>,
    /// On their way there.
    pub warming: u32,
}

/// The outcome of one look at one module.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    pub to: u32,
    pub reason: Reason,
    pub inputs: Inputs,
    pub limits: Vec<Limit>,
}

/// The longest time between two ticks that still counts as watching without a hole.
const LONGEST_GAP: Duration = Duration::from_secs(60);

/// Decides for one module, and advances its memory to `now`. `elapsed` is the time since the last
/// tick. `memory.desired` is left as it is: the caller applies the want if the mode allows.
pub fn decide(
    policy: &Policy,
    memory: &mut ModuleMemory,
    members: &Members<'_>,
    facts: &Facts,
    now: Time,
    elapsed: Duration,
) -> Want {
    let settled_until = settled_until(policy, members);
    let readings: Vec<Reading> =
        policy.metrics.iter().map(|metric| read(policy, metric, members, facts, now)).collect();
    advance_clocks(policy, memory, &readings, now < settled_until, elapsed);
    let look = Look { policy, members, readings: &readings, now, settled_until };
    let mut limits = Vec::new();
    let (mut to, mut reason) = look.ask(memory, &mut limits);
    remember_ask(policy, memory, (to, &reason), now, elapsed);
    if to < memory.desired && to >= policy.min && !bug!(NoStabilise) {
        (to, reason) = look.stabilise(memory, to, reason, &mut limits);
    }
    let serving = members.serving.len() as u32;
    let inputs = Inputs { serving, warming: members.warming, readings };
    Want { to, reason, inputs, limits }
}

fn settled_until(policy: &Policy, members: &Members<'_>) -> Time {
    let newest = members.serving.iter().map(|vm| vm.since).max().unwrap_or_default();
    if bug!(IgnoreSettle) { Time::default() } else { newest + policy.out.settle.0 }
}

/// One metric over the serving VMs with a fresh sample.
fn read(
    policy: &Policy,
    metric: &Metric,
    members: &Members<'_>,
    facts: &Facts,
    now: Time,
) -> Reading {
    let samples = fresh(policy, metric, &members.serving, facts, now);
    let serving = members.serving.len();
    let mut values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    let value = metric.aggregate.of(&values);
    let (min, max) = (Aggregate::Min.of(&values), Aggregate::Max.of(&values));
    values.resize(serving, 0.0);
    let coverage = if bug!(IgnoreCoverage) { 0.001 } else { metric.coverage };
    let known = serving > 0 && samples.len() as f64 >= coverage * serving as f64;
    Reading {
        name: metric.name.clone(),
        aggregate: metric.aggregate,
        value,
        at_least: value.and_then(|_| metric.aggregate.of(&values)),
        min,
        max,
        fresh: samples.len() as u32,
        serving: serving as u32,
        oldest_sample_s: samples.iter().map(|s| now.since(s.at)).max().map(|age| age.as_secs_f64()),
        known,
        fault: facts.answer(&policy.module, metric).and_then(|answer| answer.values.clone().err()),
        out_above: metric.out.above,
        in_below: metric.inward.map(|inward| inward.below),
    }
}

/// The load as a metric of a policy reads it, for charts; None without a fresh sample.
pub fn load(
    policy: &Policy,
    metric: &Metric,
    serving: &[&Vm],
    facts: &Facts,
    now: Time,
) -> Option<f64> {
    let samples = fresh(policy, metric, serving, facts, now);
    metric.aggregate.of(&samples.iter().map(|sample| sample.value).collect::<Vec<f64>>())
}

/// The samples of the VMs that may be believed: young enough, taken since the VM serves, and
/// numbers.
fn fresh(
    policy: &Policy,
    metric: &Metric,
    serving: &[&Vm],
    facts: &Facts,
    now: Time,
) -> Vec<Sample> {
    let samples = serving.iter().filter_map(|vm| {
        let sample = facts.sample(&policy.module, metric, &vm.id)?;
        let young = now.since(sample.at) <= metric.max_age || bug!(IgnoreMaxAge);
        let fresh = young && (sample.at >= vm.since || bug!(IgnoreSettle));
        (fresh && sample.value.is_finite() && sample.value >= 0.0).then_some(sample)
    });
    samples.collect()
}

/// The load to compare with the upper threshold, if one may be trusted.
fn proof_of_load(policy: &Policy, reading: &Reading) -> Option<f64> {
    if reading.known {
        return reading.value;
    }
    match policy.missing_out {
        MissingOut::Hold => None,
        MissingOut::OnPartial => reading.at_least.filter(|load| *load > reading.out_above),
    }
}

fn advance_clocks(
    policy: &Policy,
    memory: &mut ModuleMemory,
    readings: &[Reading],
    unsettled: bool,
    elapsed: Duration,
) {
    if unsettled {
        return;
    }
    for reading in readings {
        if let Some(load) = proof_of_load(policy, reading) {
            let clock = memory.above.entry(reading.name.clone()).or_default();
            *clock = if load > reading.out_above { *clock + elapsed } else { Duration::ZERO };
        }
        if let (true, Some(load), Some(below)) = (reading.known, reading.value, reading.in_below) {
            let clock = memory.below.entry(reading.name.clone()).or_default();
            *clock = if load < below { *clock + elapsed } else { Duration::ZERO };
        }
    }
}

/// Keeps what was asked for, newest last, one entry per change. A load that is not known asks for
/// nothing, so it neither renews nor breaks the stabilisation.
fn remember_ask(
    policy: &Policy,
    memory: &mut ModuleMemory,
    (asked, reason): (u32, &Reason),
    now: Time,
    elapsed: Duration,
) {
    if memory.watching_since.is_none() || elapsed > LONGEST_GAP {
        memory.watching_since = Some(now);
        memory.asked.clear();
    }
    let known = !matches!(
        reason,
        Reason::SamplesMissing { .. }
            | Reason::NoAnswer { .. }
            | Reason::Settling { .. }
            | Reason::NothingServes
    );
    if known && memory.asked.back().is_none_or(|(_, last)| *last != asked) {
        memory.asked.push_back((now, asked));
    }
    // An entry holds until the next one, so the newest of those before the window stays.
    let window_start = now - policy.inward.stabilise.0;
    while memory.asked.get(1).is_some_and(|(at, _)| *at <= window_start) {
        memory.asked.pop_front();
    }
}

/// Everything that one decision looks at.
struct Look<'a> {
    policy: &'a Policy,
    members: &'a Members<'a>,
    readings: &'a [Reading],
    now: Time,
    settled_until: Time,
}

impl Look<'_> {
    /// The count that the bounds and the load ask for.
    fn ask(&self, memory: &ModuleMemory, limits: &mut Vec<Limit>) -> (u32, Reason) {
        let (min, max) = (self.policy.min, self.policy.max);
        let desired = memory.desired;
        if !(min..=max).contains(&desired) {
            return (desired.clamp(min, max), Reason::Bounds { min, max });
        }
        if self.readings.is_empty() {
            return (desired, Reason::NotElastic);
        }
        if self.members.serving.is_empty() {
            return (desired, Reason::NothingServes);
        }
        if self.now < self.settled_until {
            return (desired, Reason::Settling { until: self.settled_until });
        }
        match self.over(memory) {
            Some(Ok((step, reason))) => self.outward(memory, step, reason, limits),
            Some(Err(hold)) => (desired, hold),
            None => self.inward(memory, limits),
        }
    }

    /// The metric that asks for most, or why one that is over its threshold has to wait.
    fn over(&self, memory: &ModuleMemory) -> Option<Result<(u32, Reason), Reason>> {
        let mut waiting = None;
        let mut largest: Option<(u32, Reason)> = None;
        for (metric, reading) in self.policy.metrics.iter().zip(self.readings) {
            let above = metric.out.above;
            let Some(load) = proof_of_load(self.policy, reading).filter(|load| *load > above)
            else {
                continue;
            };
            let lasted = memory.above.get(&metric.name).copied().unwrap_or_default();
            let needed = metric.out.lasting.0;
            if lasted < needed {
                waiting = Some(Reason::AboveNotLongEnough { load, above, lasted, needed });
                continue;
            }
            let step = metric.out.step.of(memory.desired);
            if largest.as_ref().is_none_or(|(most, _)| step > *most) {
                largest = Some((step, load_above(reading, load, above, lasted)));
            }
        }
        largest.map(Ok).or(waiting.map(Err))
    }

    fn outward(
        &self,
        memory: &ModuleMemory,
        step: u32,
        reason: Reason,
        limits: &mut Vec<Limit>,
    ) -> (u32, Reason) {
        let desired = memory.desired;
        if let Some(hold) = self.hold_out(memory) {
            return (desired, hold);
        }
        let mut to = desired + step;
        let max_step = self.policy.out.max_step.of(desired);
        limit(limits, "pace.out.max_step", &mut to, desired + max_step, max_step);
        let room = self.policy.out.max_in_flight.saturating_sub(self.members.warming);
        limit(limits, "pace.out.max_in_flight", &mut to, desired + room, room);
        limit(limits, "capacity.max", &mut to, self.policy.max, self.policy.max);
        (to, reason)
    }

    fn hold_out(&self, memory: &ModuleMemory) -> Option<Reason> {
        let (policy, warming) = (self.policy, self.members.warming);
        if memory.desired >= policy.max {
            return Some(Reason::AtMax { max: policy.max });
        }
        if let Some(projected) = self.projected_with_warming() {
            let above = self.readings.iter().map(|r| r.out_above).fold(f64::INFINITY, f64::min);
            return Some(Reason::AlreadyOnTheirWay { projected, above });
        }
        if warming >= policy.out.max_in_flight {
            return Some(Reason::TooManyInFlight { warming, max: policy.out.max_in_flight });
        }
        let until = memory.last_out? + policy.out.cooldown.0;
        (self.now < until).then_some(Reason::CoolingDown { until })
    }

    /// The load once all VMs on their way serve, if that is below every threshold.
    fn projected_with_warming(&self) -> Option<f64> {
        let serving = self.members.serving.len() as f64;
        let share = serving / (serving + f64::from(self.members.warming));
        let projected = |reading: &Reading| {
            proof_of_load(self.policy, reading).map(|load| (load * share, reading.out_above))
        };
        let all: Vec<_> = self.readings.iter().filter_map(projected).collect();
        let enough = self.members.warming > 0 && all.iter().all(|(load, above)| load <= above);
        enough.then(|| all.iter().map(|(load, _)| *load).fold(0.0, f64::max))
    }

    fn inward(&self, memory: &ModuleMemory, limits: &mut Vec<Limit>) -> (u32, Reason) {
        let desired = memory.desired;
        match self.under(memory) {
            Err(hold) => (desired, hold),
            Ok((step, reason)) => match self.hold_in(memory) {
                Some(hold) => (desired, hold),
                None => self.guarded(desired, step, reason, limits),
            },
        }
    }

    /// The smallest step all metrics agree on, or why they do not.
    fn under(&self, memory: &ModuleMemory) -> Result<(u32, Reason), Reason> {
        let mut smallest: Option<(u32, Reason)> = None;
        for (metric, reading) in self.policy.metrics.iter().zip(self.readings) {
            let load = self.known_load(metric, reading)?;
            let Some(inward) = metric.inward.filter(|inward| load < inward.below) else {
                return Err(Reason::LoadInBand { load: Some(load) });
            };
            let lasted = memory.below.get(&metric.name).copied().unwrap_or_default();
            let (below, needed) = (inward.below, inward.lasting.0);
            if lasted < needed {
                return Err(Reason::BelowNotLongEnough { load, below, lasted, needed });
            }
            let step = inward.step.of(memory.desired);
            if smallest.as_ref().is_none_or(|(least, _)| step < *least) {
                let metric = metric.name.clone();
                smallest = Some((step, Reason::LoadBelow { metric, load, below, lasted }));
            }
        }
        smallest.ok_or(Reason::NotElastic)
    }

    fn known_load(&self, metric: &Metric, reading: &Reading) -> Result<f64, Reason> {
        let metric_name = || metric.name.clone();
        let missing = || match &reading.fault {
            Some(fault) => Reason::NoAnswer { metric: metric_name(), fault: fault.clone() },
            None => Reason::SamplesMissing {
                metric: metric_name(),
                fresh: reading.fresh,
                serving: reading.serving,
                coverage: metric.coverage,
            },
        };
        reading.value.filter(|_| reading.known).ok_or_else(missing)
    }

    fn hold_in(&self, memory: &ModuleMemory) -> Option<Reason> {
        let policy = self.policy;
        if memory.desired <= policy.min {
            return Some(Reason::AtMin { min: policy.min });
        }
        if policy.mode == Mode::OutOnly {
            return Some(Reason::OutOnly);
        }
        let missing = memory.desired.saturating_sub(self.members.serving.len() as u32);
        let warming = self.members.warming.max(missing);
        if warming > 0 {
            return Some(Reason::StillWarming { warming });
        }
        let until = memory.last_out.max(memory.last_in)? + policy.inward.cooldown.0;
        (self.now < until).then_some(Reason::CoolingDown { until })
    }

    /// Lowers the step until what remains can carry the load.
    fn guarded(
        &self,
        desired: u32,
        step: u32,
        reason: Reason,
        limits: &mut Vec<Limit>,
    ) -> (u32, Reason) {
        let mut to = desired.saturating_sub(step);
        let max_step = self.policy.inward.max_step.of(desired);
        let lowest = desired.saturating_sub(max_step);
        if to < lowest {
            limits.push(limited("pace.in.max_step", to, lowest, format!("at most {max_step}")));
            to = lowest;
        }
        to = to.max(self.policy.min);
        let asked = to;
        while to < desired && self.overload_with(to).is_some() {
            to += 1;
        }
        if to > asked {
            limits.push(limited("pace.in.guard", asked, to, "fewer would be overloaded".into()));
        }
        match self.overload_with(desired - 1) {
            Some((projected, limit)) if to == desired => {
                (desired, Reason::WouldOverload { projected, limit })
            }
            _ => (to, reason),
        }
    }

    /// The projected load with `count` VMs and its limit, if it would be too high.
    fn overload_with(&self, count: u32) -> Option<(f64, f64)> {
        let serving = self.members.serving.len() as f64;
        self.readings.iter().find_map(|reading| {
            let projected = reading.value? * serving / f64::from(count.max(1));
            let limit = self.policy.inward.guard * reading.out_above;
            (projected > limit).then_some((projected, limit))
        })
    }

    /// The highest count asked for within the window wins.
    fn stabilise(
        &self,
        memory: &ModuleMemory,
        to: u32,
        reason: Reason,
        limits: &mut Vec<Limit>,
    ) -> (u32, Reason) {
        let window = self.policy.inward.stabilise.0;
        let watched_enough = memory.watching_since.is_some_and(|since| since + window <= self.now);
        let highest = memory.asked.iter().map(|(_, asked)| *asked).max().unwrap_or(memory.desired);
        let keeps = if watched_enough { highest.min(memory.desired) } else { memory.desired };
        if keeps <= to {
            return (to, reason);
        }
        if keeps < memory.desired {
            limits.push(limited("pace.in.stabilise", to, keeps, format!("{keeps} wanted lately")));
            return (keeps, reason);
        }
        let latest_high = memory.asked.iter().rev().find(|(_, asked)| *asked >= keeps);
        let next = latest_high.and_then(|high| memory.asked.iter().find(|entry| entry.0 > high.0));
        let from = next.map_or(self.now, |(at, _)| *at);
        let until = from.max(memory.watching_since.unwrap_or(self.now)) + window;
        (memory.desired, Reason::Stabilising { until, keeps })
    }
}

fn load_above(reading: &Reading, load: f64, above: f64, lasted: Duration) -> Reason {
    let metric = reading.name.clone();
    if reading.known {
        return Reason::LoadAbove { metric, load, above, lasted };
    }
    let (fresh, serving) = (reading.fresh, reading.serving);
    Reason::OverloadProvenByPart { metric, load_at_least: load, above, fresh, serving }
}

fn limit(limits: &mut Vec<Limit>, name: &str, to: &mut u32, cap: u32, value: u32) {
    if *to > cap {
        limits.push(limited(name, *to, cap, format!("at most {value}")));
        *to = cap;
    }
}

fn limited(name: &str, from: u32, to: u32, detail: String) -> Limit {
    Limit { name: name.to_owned(), from, to, detail }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use model::id::VmId;
    use model::vm::VmState;

    use super::*;
    use crate::facts::{Answer, Values};
    use crate::policy::{RawPolicy, check, tests::raw};

    fn vm(number: usize) -> Vm {
        Vm {
            id: VmId::parse(&format!("vm-{number}")).unwrap(),
            flavor: "small".parse().unwrap(),
            state: VmState::Serving,
            since: Time::from_millis(0),
            created: Time::from_millis(0),
            host: None,
            addresses: None,
            module: None,
            assignment: 1,
            route_generation: 1,
            why: String::new(),
        }
    }

    fn facts(vms: &[Vm], loads: &str, now: Time) -> Facts {
        let loads = loads.split_whitespace().map(|load| load.parse::<f64>().ok());
        let samples = vms.iter().zip(loads).filter_map(|(vm, load)| {
            let sample = Sample { value: load?, at: now };
            let name = model::metric::LOAD1_PER_CORE.to_owned();
            Some((vm.id.clone(), BTreeMap::from([(name, sample)])))
        });
        Facts { samples: samples.collect(), ..Facts::default() }
    }

    /// Plays lines of `seconds loads-of-the-serving-vms [warming=n]`, a tick each, `-` for a
    /// missing sample; the wanted count is put in force at once.
    fn play(raw: RawPolicy, start: u32, script: &str, expected: &Expect) {
        let policy = check(raw).0.unwrap();
        let mut memory = ModuleMemory { desired: start, ..ModuleMemory::default() };
        let mut log = String::new();
        let mut last = None;
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (at, rest) = line.split_once(' ').unwrap();
            let (loads, warming) = rest.split_once("warming=").unwrap_or((rest, "0"));
            let now = Time::from_millis(at.parse::<i64>().unwrap() * 1000);
            let vms: Vec<Vm> = (1..=loads.split_whitespace().count()).map(vm).collect();
            let members =
                Members { serving: vms.iter().collect(), warming: warming.parse().unwrap() };
            let elapsed = last.map_or(Duration::ZERO, |last| now.since(last));
            let facts = facts(&vms, loads, now);
            let want = decide(&policy, &mut memory, &members, &facts, now, elapsed);
            writeln!(log, "{at} {} -> {}: {}", memory.desired, want.to, want.reason).unwrap();
            if want.to > memory.desired {
                memory.last_out = Some(now);
            } else if want.to < memory.desired {
                memory.last_in = Some(now);
            }
            memory.desired = want.to;
            last = Some(now);
        }
        expected.assert_eq(&log);
    }

    #[test]
    fn a_rush_that_lasts_scales_out_and_what_is_on_its_way_counts() {
        play(
            raw(),
            3,
            "
            100 0.5 0.5 0.5
            101 1.5 1.5 1.5
            102 1.5 1.5 1.5
            103 1.5 1.5 1.5
            104 1.2 1.2 1.2 warming=2
            105 1.9 1.9 1.9 warming=2
            ",
            &expect![[r#"
                100 3 -> 3: load 0.50 is within its band
                101 3 -> 3: load 1.50 > 0.80 for 1s of 3s
                102 3 -> 3: load 1.50 > 0.80 for 2s of 3s
                103 3 -> 5: load 1.50 > 0.80 for 3s
                104 5 -> 5: with the VMs on their way load will be 0.72, not above 0.80
                105 5 -> 7: load 1.90 > 0.80 for 5s
            "#]],
        );
    }

    #[test]
    fn a_calm_scales_in_only_after_it_lasted_and_was_stable() {
        play(
            raw(),
            4,
            "
            100 0.2 0.2 0.2 0.2
            105 0.2 0.2 0.2 0.2
            110 0.2 0.2 0.2 0.2
            112 0.2 0.2 0.2 0.2
            121 0.2 0.2 0.2 0.2
            122 0.2 0.2 0.2
            127 0.2 0.2 0.2
            ",
            &expect![[r#"
                100 4 -> 4: load 0.20 < 0.40 for 0 of 10s
                105 4 -> 4: load 0.20 < 0.40 for 5s of 10s
                110 4 -> 4: 4 were wanted lately: kept until 1970-01-01T00:02:00Z
                112 4 -> 4: 4 were wanted lately: kept until 1970-01-01T00:02:00Z
                121 4 -> 3: load 0.20 < 0.40 for 21s
                122 3 -> 3: cooling down until 1970-01-01T00:02:06Z
                127 3 -> 3: 3 were wanted lately: kept until 1970-01-01T00:02:17Z
            "#]],
        );
    }

    #[test]
    fn nothing_is_taken_away_on_a_load_that_is_not_known() {
        let script = "
            100 0.1 0.1 0.1 0.1
            120 0.1 - - 0.1
            140 0.1 - - -
            ";
        play(
            raw(),
            4,
            script,
            &expect![[r#"
                100 4 -> 4: load 0.10 < 0.40 for 0 of 10s
                120 4 -> 4: load unknown: fresh samples from 2 of 4 VMs, 70 % needed
                140 4 -> 4: load unknown: fresh samples from 1 of 4 VMs, 70 % needed
            "#]],
        );
    }

    #[test]
    fn a_part_of_the_vms_can_prove_overload() {
        play(
            raw(),
            4,
            "
            100 2.0 2.0 - -
            104 2.0 2.0 - -
            ",
            &expect![[r#"
                100 4 -> 4: load 1.00 > 0.80 for 0 of 3s
                104 4 -> 6: load at least 1.00 > 0.80, by 2 of 4 VMs alone
            "#]],
        );
    }

    /// One tick of a policy whose metric is an expression.
    fn ask(aggregate: Aggregate, values: Result<Values, &str>, answered_s: i64) -> String {
        let mut raw = raw();
        raw.metrics[0].expr = Some("some expression".to_owned());
        raw.metrics[0].aggregate = aggregate;
        raw.metrics[0].out.lasting = model::unit::Span::secs(0);
        let policy = check(raw).0.unwrap();
        let mut memory = ModuleMemory { desired: 4, ..ModuleMemory::default() };
        let vms: Vec<Vm> = (1..=4).map(vm).collect();
        let members = Members { serving: vms.iter().collect(), warming: 0 };
        let at = Time::from_millis(answered_s * 1000);
        let answer = Answer { at, values: values.map_err(str::to_owned) };
        let answers = BTreeMap::from([("load".to_owned(), answer)]);
        let answers = BTreeMap::from([(policy.module.clone(), answers)]);
        let facts = Facts { answers, ..Facts::default() };
        let now = Time::from_millis(100_000);
        let want = decide(&policy, &mut memory, &members, &facts, now, Duration::from_secs(1));
        format!("{}: {}", want.to, want.reason)
    }

    fn each(values: &[f64]) -> Result<Values, &'static str> {
        let vms = (1..).map(|number| vm(number).id);
        Ok(Values::Each(vms.zip(values.iter().copied()).collect()))
    }

    #[test]
    fn an_expression_counts_as_a_metric_does() {
        use Aggregate::{Max, Mean, Min};
        let told = |aggregate, values, at| ask(aggregate, values, at);
        assert_eq!(told(Mean, each(&[0.9, 1.0, 1.1, 1.0]), 100), "6: load 1.00 > 0.80 for 1s");
        assert_eq!(told(Max, each(&[0.5, 0.5, 0.5, 0.9]), 100), "6: load 0.90 > 0.80 for 1s");
        assert_eq!(told(Min, each(&[0.5, 0.9, 0.9, 0.9]), 100), "4: load 0.50 is within its band");
        assert_eq!(told(Mean, Ok(Values::Whole(0.9)), 100), "6: load 0.90 > 0.80 for 1s");
    }

    #[test]
    fn an_expression_that_does_not_cover_the_vms_proves_what_its_part_proves() {
        let part = each(&[2.0, 2.0]);
        let proven = "6: load at least 1.00 > 0.80, by 2 of 4 VMs alone";
        assert_eq!(ask(Aggregate::Mean, part.clone(), 100), proven);
        let unknown = "4: load unknown: fresh samples from 2 of 4 VMs, 70 % needed";
        assert_eq!(ask(Aggregate::Min, part, 100), unknown);
    }

    #[test]
    fn an_expression_without_a_fresh_value_holds_and_says_why() {
        let failed = Err("the query was stopped: 2s are over");
        let why = "4: load unknown: the query was stopped: 2s are over";
        assert_eq!(ask(Aggregate::Mean, failed, 100), why);
        let old = "4: load unknown: fresh samples from 0 of 4 VMs, 70 % needed";
        assert_eq!(ask(Aggregate::Mean, Ok(Values::Whole(0.1)), 90), old);
        assert_eq!(ask(Aggregate::Mean, Ok(Values::Whole(f64::NAN)), 100), old);
    }

    #[test]
    fn rubbish_samples_are_no_samples() {
        play(
            raw(),
            3,
            "
            100 NaN -5 inf
            110 NaN -5 inf
            ",
            &expect![[r#"
                100 3 -> 3: load unknown: fresh samples from 0 of 3 VMs, 70 % needed
                110 3 -> 3: load unknown: fresh samples from 0 of 3 VMs, 70 % needed
            "#]],
        );
    }

    #[test]
    fn the_guard_keeps_vms_whose_leaving_would_overload_the_rest() {
        let mut raw = raw();
        raw.metrics[0].inward.as_mut().unwrap().below = 0.7;
        play(
            raw,
            3,
            "
            100 0.6 0.6 0.6
            130 0.6 0.6 0.6
            ",
            &expect![[r#"
                100 3 -> 3: load 0.60 < 0.70 for 0 of 10s
                130 3 -> 3: with one VM less load would be 0.90 > 0.72
            "#]],
        );
    }

    #[test]
    fn bounds_hold_without_any_sample() {
        play(
            raw(),
            1,
            "
            100 -
            101 - -
            ",
            &expect![[r#"
                100 1 -> 2: the policy's bounds are 2 to 8
                101 2 -> 2: load unknown: fresh samples from 0 of 2 VMs, 70 % needed
            "#]],
        );
    }

    #[test]
    fn max_is_a_law() {
        let mut raw = raw();
        raw.capacity.max = 4;
        play(
            raw,
            3,
            "
            100 9 9 9
            104 9 9 9
            110 9 9 9 9
            ",
            &expect![[r#"
                100 3 -> 3: load 9.00 > 0.80 for 0 of 3s
                104 3 -> 4: load 9.00 > 0.80 for 4s
                110 4 -> 4: at max 4
            "#]],
        );
    }

    #[test]
    fn out_only_takes_nothing_away() {
        let mut raw = raw();
        raw.mode = Mode::OutOnly;
        play(
            raw,
            4,
            "
            100 0.1 0.1 0.1 0.1
            130 0.1 0.1 0.1 0.1
            ",
            &expect![[r#"
                100 4 -> 4: load 0.10 < 0.40 for 0 of 10s
                130 4 -> 4: mode out-only takes nothing away
            "#]],
        );
    }
}
