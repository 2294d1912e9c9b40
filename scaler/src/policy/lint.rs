//! What is written well and yet will not work well: the lint of policies.
//!
//! Each finding shows its arithmetic and what to write instead, so that whoever reads it can check
//! it by hand. Errors are refused, as what is misspelt is. What can only be known from the past says
//! nothing while there is no past ([`History`]).
//!
//! The numbers are those of docs/policies.md. E4 (`min: 0`) and the hard half of E1 are told by
//! [`super::check`], E5 (a second policy of a module) by whoever has all files, and the change of
//! clocks under a schedule by whoever knows zones.

mod times;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use model::unit::Span;

use super::{Aim, Finding, Metric, Policy, RawAbove, RawBelow};
use crate::facts::ScheduleSpan;
use crate::pool::Pool;

/// How a module has behaved. What is not known says nothing.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct History {
    /// From the order of a VM to the pool: 95 of 100 take no longer.
    pub boot_p95: Option<Duration>,
    /// From the start of the program to readiness, likewise.
    pub ready_p95: Option<Duration>,
    /// How long requests take: 99 of 100 take no longer.
    pub request_p99: Option<Duration>,
    /// The part of last week in which `max` VMs were wanted, 0 to 1.
    pub share_at_max: Option<f64>,
    /// How each metric goes with the count of serving VMs: -1 if it falls as they rise.
    pub correlation: BTreeMap<String, f64>,
}

/// From where on the share of time at `max` is worth a word.
const MUCH_AT_MAX: f64 = 0.05;
/// A metric that falls as VMs are added correlates with them at least so much.
const FALLS: f64 = -0.1;

/// Looks at one policy. `spans` are its schedules over the time that is looked ahead.
pub fn lint(
    policy: &Policy,
    pool: Option<&Pool>,
    spans: &[ScheduleSpan],
    history: &History,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, metric) in policy.metrics.iter().enumerate() {
        let at = format!("metrics.{index}");
        if let Aim::Band { out, inward } = metric.aim {
            band(policy, &at, out, inward, history, &mut findings);
        }
        coverage(policy, &at, metric, &mut findings);
        falls(&at, metric, history, &mut findings);
    }
    times::overlaps(policy, spans, &mut findings);
    findings.extend(pool.and_then(|pool| surge(policy, pool)));
    patience(policy, history, &mut findings);
    findings.extend(at_max(policy, history));
    findings
}

fn band(
    policy: &Policy,
    at: &str,
    out: RawAbove,
    inward: Option<RawBelow>,
    history: &History,
    findings: &mut Vec<Finding>,
) {
    findings.extend(large(policy, at, "out.step", out.step.of(policy.min)));
    let Some(inward) = inward else { return };
    let step = inward.step.of(policy.min).min(policy.inward.max_step.of(policy.min));
    findings.extend(large(policy, at, "in.step", step));
    findings.extend(flaps(policy, at, out, inward));
    findings.extend(boots_slower(policy, at, inward, history));
}

/// W2. Of one or two VMs any step is the half, so that says nothing.
fn large(policy: &Policy, at: &str, key: &str, step: u32) -> Option<Finding> {
    let min = policy.min;
    (step * 2 > min && min > 2).then(|| {
        let message = format!(
            "W2: a step of {step} is more than half of min {min}, so a small fleet overshoots; \
             write at most {}, or raise capacity.min to {}",
            min / 2,
            step * 2
        );
        Finding::warning(format!("{at}.{key}"), message)
    })
}

/// E1, its soft half. Taking `s` of `n` lifts the load from `lo` to `lo * n / (n - s)`, which stays
/// below `hi` if `n > s / (1 - lo / hi)`.
fn flaps(policy: &Policy, at: &str, out: RawAbove, inward: RawBelow) -> Option<Finding> {
    let (lo, hi) = (inward.below, out.above);
    let step = inward.step.of(policy.max).min(policy.inward.max_step.of(policy.max)).max(1);
    let smallest = smallest_safe(step, lo, hi);
    (policy.min.saturating_add(step) < smallest).then(|| {
        let message = format!(
            "E1: taking {step} away is safe from {smallest} VMs on: {step} / (1 - {lo} / {hi}) = \
             {:.2}; below that the guard keeps them, though the load is under {lo}; write a lower \
             in.below, or raise capacity.min to {}",
            f64::from(step) / (1.0 - lo / hi),
            smallest - step
        );
        Finding::warning(format!("{at}.in.step"), message)
    })
}

/// The smallest fleet of which `step` may go without lifting a load of `lo` over `hi`.
fn smallest_safe(step: u32, lo: f64, hi: f64) -> u32 {
    // A hair more, so that 3 / 0.375 is 8 whatever the last bit says.
    (f64::from(step) / (1.0 - lo / hi) + 1e-9).floor() as u32 + 1
}

fn boots_slower(policy: &Policy, at: &str, inward: RawBelow, history: &History) -> Option<Finding> {
    let boot = history.boot_p95?;
    let waited = inward.lasting.0 + policy.inward.stabilise.0;
    (waited < boot * 2).then(|| {
        let message = format!(
            "W1: a VM is given back after {} (in.for) + {} (pace.in.stabilise), and to get one \
             takes {} (p95): less than twice that; write pace.in.stabilise: {}",
            inward.lasting,
            policy.inward.stabilise,
            whole(boot),
            whole(boot * 2 - inward.lasting.0.min(boot * 2))
        );
        Finding::warning(format!("{at}.in.for"), message)
    })
}

fn coverage(policy: &Policy, at: &str, metric: &Metric, findings: &mut Vec<Finding>) {
    let needed = metric.coverage * f64::from(policy.min);
    if needed < 1.0 && policy.min > 0 {
        let message = format!(
            "W6: coverage {} of min {} is {needed:.2}: less than one VM speaks for all of them; \
             write a coverage of at least {:.2}",
            metric.coverage,
            policy.min,
            1.0 / f64::from(policy.min)
        );
        findings.push(Finding::warning(format!("{at}.coverage"), message));
    }
}

fn falls(at: &str, metric: &Metric, history: &History, findings: &mut Vec<Finding>) {
    let Some(correlation) = history.correlation.get(&metric.name) else { return };
    if matches!(metric.aim, Aim::Target { .. }) && *correlation > FALLS {
        let message = format!(
            "W5: {} has not fallen as VMs were added (correlation {correlation:.2}, below {FALLS} \
             is wanted): the count would run to max; write a metric that is shared out among the \
             VMs, such as requests_per_second",
            metric.name
        );
        findings.push(Finding::warning(format!("{at}.target"), message));
    }
}

/// E3.
fn surge(policy: &Policy, pool: &Pool) -> Option<Finding> {
    let surge = policy.deploy.surge.of(policy.max);
    let (most, total) = (policy.max.saturating_add(surge), pool.max_total);
    (most > total).then(|| {
        let message = format!(
            "E3: max {} and a surge of {surge} are {most} VMs, the pool's max_total is {total}; \
             write at most {}, or raise max_total to {most}",
            policy.max,
            total.saturating_sub(surge)
        );
        Finding::error("capacity.max", message)
    })
}

fn patience(policy: &Policy, history: &History, findings: &mut Vec<Finding>) {
    let drain = policy.drain.timeout;
    if let Some(request) = history.request_p99.filter(|request| drain.0 < *request) {
        let message = format!(
            "W3: requests take up to {} (p99), and after {drain} they are cut; write at least {}",
            whole(request),
            whole(request * 2)
        );
        findings.push(Finding::warning("drain.timeout", message));
    }
    let deadline = policy.ready.deadline;
    if let Some(ready) = history.ready_p95.filter(|ready| deadline.0 < *ready) {
        let message = format!(
            "W4: to become ready takes up to {} (p95), and after {deadline} a VM is given up; \
             write at least {}",
            whole(ready),
            whole(ready * 2)
        );
        findings.push(Finding::warning("health.ready.deadline", message));
    }
}

fn at_max(policy: &Policy, history: &History) -> Option<Finding> {
    let share = history.share_at_max.filter(|share| *share > MUCH_AT_MAX)?;
    let message = format!(
        "W7: in {:.0} % of last week {} were wanted, which is max: what was missing nobody knows; \
         raise max",
        share * 100.0,
        policy.max
    );
    Some(Finding::warning("capacity.max", message))
}

/// Whole seconds, rounded up.
fn whole(span: Duration) -> Span {
    Span::secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}
