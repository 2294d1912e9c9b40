//! One metric over the VMs that are read, as far as their samples may be believed.

use model::time::Time;
use model::vm::Vm;

use super::Scene;
use crate::facts::{Answer, Facts, Sample, is_recent};
use crate::inputs::Reading;
use crate::policy::{Aggregate, Metric, MetricSource, Over, Policy};

pub(super) fn read(policy: &Policy, metric: &Metric, scene: &Scene<'_>) -> Reading {
    if is_one_value(policy, metric, scene.facts) {
        one_value(policy, metric, scene)
    } else {
        of_vms(policy, metric, scene)
    }
}

/// Whether there is one value without any VM: from outside, or an expression that summed already.
fn is_one_value(policy: &Policy, metric: &Metric, facts: &Facts) -> bool {
    let is_summed = || facts.answer(&policy.module, metric).and_then(Answer::whole).is_some();
    metric.source == MetricSource::Outside || (metric.aggregate == Aggregate::Sum && is_summed())
}

fn of_vms(policy: &Policy, metric: &Metric, scene: &Scene<'_>) -> Reading {
    let vms = read_of(metric, scene);
    let samples = fresh(policy, metric, &vms, scene.facts, scene.now);
    let mut values: Vec<f64> = samples.iter().map(|(_, sample)| sample.value).collect();
    let value = together(metric.aggregate, &values, vms.len());
    let [min, p90, max] =
        [Aggregate::Min, Aggregate::P90, Aggregate::Max].map(|aggregate| aggregate.of(&values));
    values.resize(vms.len(), 0.0);
    let coverage = if bug!(IgnoreCoverage) { 0.001 } else { metric.coverage };
    let known = !vms.is_empty() && samples.len() as f64 >= coverage * vms.len() as f64;
    let hottest = samples.iter().max_by(|(_, a), (_, b)| a.value.total_cmp(&b.value));
    let oldest = samples.iter().map(|(_, sample)| scene.now.since(sample.at)).max();
    Reading {
        value,
        at_least: value.and_then(|_| metric.aggregate.of(&values)),
        min,
        p90,
        max,
        hottest: hottest.map(|(vm, _)| vm.id.clone()),
        fresh: samples.len() as u32,
        serving: vms.len() as u32,
        oldest_sample_s: oldest.map(|age| age.as_secs_f64()),
        known,
        ..blank(policy, metric, scene.facts)
    }
}

/// One value for `vms` of them. In a sum, those without a sample have as much as the others on
/// average: work does not go away because a sample is late.
fn together(aggregate: Aggregate, values: &[f64], vms: usize) -> Option<f64> {
    if aggregate == Aggregate::Sum {
        return Some(Aggregate::Mean.of(values)? * vms as f64);
    }
    aggregate.of(values)
}

/// The whole of the work, which is there without any VM.
fn one_value(policy: &Policy, metric: &Metric, scene: &Scene<'_>) -> Reading {
    let sample = whole(policy, metric, scene.facts, scene.now);
    let blank = blank(policy, metric, scene.facts);
    Reading {
        value: sample.map(|sample| sample.value),
        fresh: u32::from(sample.is_some()),
        serving: 1,
        oldest_sample_s: sample.map(|sample| scene.now.since(sample.at).as_secs_f64()),
        known: sample.is_some(),
        ..blank
    }
}

/// The one value, if it may be believed.
fn whole(policy: &Policy, metric: &Metric, facts: &Facts, now: Time) -> Option<Sample> {
    let sample = facts.answer(&policy.module, metric)?.whole()?;
    (is_recent(sample.at, metric.max_age, now) && is_number(sample.value)).then_some(sample)
}

fn blank(policy: &Policy, metric: &Metric, facts: &Facts) -> Reading {
    let fault = facts.answer(&policy.module, metric).and_then(|a| a.values.clone().err());
    Reading {
        name: metric.name.clone(),
        source: metric.source,
        over: metric.over,
        aggregate: metric.aggregate,
        value: None,
        at_least: None,
        min: None,
        p90: None,
        max: None,
        hottest: None,
        fresh: 0,
        serving: 0,
        oldest_sample_s: None,
        known: false,
        coverage: metric.coverage,
        fault,
        out_above: metric.aim.above(),
        in_below: metric.aim.below(),
        aim: Some(metric.aim),
        above_for: std::time::Duration::ZERO,
        below_for: std::time::Duration::ZERO,
        tracked: None,
    }
}

fn read_of<'a>(metric: &Metric, scene: &Scene<'a>) -> Vec<&'a Vm> {
    let members = scene.members;
    match metric.over {
        Over::Serving => members.serving.clone(),
        Over::All => members.serving.iter().chain(&members.coming).copied().collect(),
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
    if is_one_value(policy, metric, facts) {
        return whole(policy, metric, facts, now).map(|sample| sample.value);
    }
    let samples = fresh(policy, metric, serving, facts, now);
    let values: Vec<f64> = samples.iter().map(|(_, sample)| sample.value).collect();
    together(metric.aggregate, &values, serving.len())
}

/// So many times its limit, or what half of the VMs carry, is more than one VM ever carries alone.
const MOST: f64 = 20.0;

/// The samples of the VMs that may be believed: young enough, taken since the VM serves, numbers, and
/// cut to what can be. One sample of one VM in another unit, or of a counter that jumped, would else
/// be taken for work, and what is learnt of it shake the module for an hour.
pub(crate) fn fresh<'a>(
    policy: &Policy,
    metric: &Metric,
    vms: &[&'a Vm],
    facts: &Facts,
    now: Time,
) -> Vec<(&'a Vm, Sample)> {
    let samples = vms.iter().filter_map(|vm| {
        let sample = facts.sample(&policy.module, metric, &vm.id)?;
        let young = is_recent(sample.at, metric.max_age, now) || bug!(IgnoreMaxAge);
        let fresh = young && (sample.at >= vm.since || bug!(IgnoreSettle));
        (fresh && is_number(sample.value)).then_some((*vm, sample))
    });
    tamed(metric, samples.collect())
}

fn tamed<'a>(metric: &Metric, mut samples: Vec<(&'a Vm, Sample)>) -> Vec<(&'a Vm, Sample)> {
    let mut values: Vec<f64> = samples.iter().map(|(_, sample)| sample.value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let usual = values.get(values.len() / 2).copied().filter(|_| values.len() > 2);
    let most = MOST * metric.aim.above().max(usual.unwrap_or_default());
    if most > 0.0 {
        samples.iter_mut().for_each(|(_, sample)| sample.value = sample.value.min(most));
    }
    samples
}

fn is_number(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
