//! What a policy can get wrong by itself. Each finding names the key and what to write instead.
//!
//! What is legal and yet unwise is told by [`super::lint`].

use std::time::Duration;

use model::unit::Share;

use super::care::split;
use super::deploy::RawDeploy;
use super::metric::RawMetric;
use super::{
    Aggregate, Aim, DrainWait, Finding, FindingSeverity, Measure, Metric, MetricSource, MissingOut,
    Over, Policy, RawCapacity, RawPolicy, RawSchedule,
};

/// What routers tell of each VM, beside what agents do.
pub const REQUESTS_PER_SECOND: &str = "requests_per_second";
/// How far the value of a target metric may be off before something is done.
const TOLERANCE: f64 = 0.1;
/// Products of decimal fractions are off by less: 0.9 x 0.8 is a little more than 0.72.
const ROUNDING: f64 = 1e-9;
/// A window of more would be a history.
const LONGEST_WINDOW: Duration = Duration::from_secs(3_600);

/// Checks a policy. The policy is None exactly if one of the findings is an error.
pub fn check(raw: RawPolicy) -> (Option<Policy>, Vec<Finding>) {
    let mut findings = Vec::new();
    check_capacity(&raw, &mut findings);
    check_counts(&raw, &mut findings);
    check_pace(&raw, &mut findings);
    check_missing_data(&raw, &mut findings);
    check_care(&raw, &mut findings);
    without_effect(&raw, &mut findings);
    check_schedules(&raw, &mut findings);
    let metrics = raw.metrics.iter().enumerate();
    let metrics = metrics.filter_map(|(i, m)| check_metric(&raw, i, m, &mut findings)).collect();
    if findings.iter().any(|finding| finding.severity == FindingSeverity::Error) {
        return (None, findings);
    }
    (Some(assemble(raw, metrics)), findings)
}

fn assemble(raw: RawPolicy, metrics: Vec<Metric>) -> Policy {
    let by_work = !metrics.is_empty() && metrics.iter().all(Metric::is_decided_by_work);
    Policy {
        module: raw.module,
        flavor: raw.flavor,
        mode: raw.mode,
        min: raw.capacity.min,
        max: raw.capacity.max,
        initial: raw.capacity.initial.unwrap_or(raw.capacity.min),
        metrics,
        schedules: raw.schedules,
        forecast: raw.forecast,
        out: raw.pace.out.filled(by_work, raw.capacity.max),
        inward: raw.pace.inward.filled(by_work),
        create: raw.pace.create,
        missing: raw.missing_data,
        deploy: raw.deploy,
        ready: raw.health.ready,
        drain: raw.drain,
        terminate: raw.terminate,
        isolation: raw.isolation,
    }
}

fn check_capacity(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    let RawCapacity { min, max, initial } = raw.capacity;
    if min > max {
        findings.push(Finding::error(
            "capacity.min",
            format!("min {min} is above max {max}; write a min of at most {max}, or raise max"),
        ));
    }
    if max == 0 {
        findings.push(Finding::error("capacity.max", "max 0 allows no VM; write at least 1"));
    }
    let wakes = |metric: &RawMetric| metric.source == MetricSource::Outside;
    if min == 0 && !raw.metrics.iter().any(wakes) {
        findings.push(Finding::error(
            "capacity.min",
            "min 0 needs a metric from outside the module's own VMs, which would all be gone; \
             write at least 1, or a metric with source: outside, an expr and a target",
        ));
    }
    if let Some(initial) = initial.filter(|initial| !(min..=max).contains(initial)) {
        findings.push(Finding::error(
            "capacity.initial",
            format!("initial {initial} is outside {min} to {max}; write a count within"),
        ));
    }
}

/// What else is a plain count.
fn check_counts(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    let (pace, create) = (&raw.pace, &raw.pace.create);
    let count = |share: Share| match share {
        Share::Count(count) => count,
        Share::Percent(_) => 0,
    };
    let counts = [
        ("capacity.max", raw.capacity.max),
        ("pace.out.max_step", pace.out.max_step.map_or(0, count)),
        ("pace.out.max_in_flight", pace.out.max_in_flight.unwrap_or(0)),
        ("pace.in.max_step", pace.inward.max_step.map_or(0, count)),
        ("pace.create.stop_after", create.stop_after),
        ("pace.create.per_hour", create.per_hour),
        ("deploy.surge", count(raw.deploy.surge)),
        ("forecast.max_raise", count(raw.forecast.max_raise)),
    ];
    findings.extend(counts.into_iter().filter_map(|(key, count)| Finding::too_many(key, count)));
    for (i, metric) in raw.metrics.iter().enumerate() {
        let steps = [
            ("out", metric.out.as_ref().map(|out| out.step)),
            ("in", metric.inward.as_ref().map(|inward| inward.step)),
        ];
        let path = |side| format!("metrics.{i}.{side}.step");
        let counts = steps.into_iter().filter_map(|(side, step)| Some((side, count(step?))));
        findings.extend(counts.filter_map(|(side, n)| Finding::too_many(path(side), n)));
    }
}

fn check_pace(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    if let Some(guard) = raw.pace.inward.guard.filter(|guard| !(*guard > 0.0 && *guard <= 1.0)) {
        findings.push(Finding::error(
            "pace.in.guard",
            format!("guard {guard} is outside 0 to 1; write for example 0.9"),
        ));
    }
    if raw.pace.out.max_in_flight == Some(0) {
        let message = "with 0 VMs on their way none ever comes; write at least 1";
        findings.push(Finding::error("pace.out.max_in_flight", message));
    }
    for (key, step) in [("out", raw.pace.out.max_step), ("in", raw.pace.inward.max_step)] {
        if let Some(step) = step.filter(|step| is_nothing(*step)) {
            let message = format!("a step of {step} changes nothing; write at least 1");
            findings.push(Finding::error(format!("pace.{key}.max_step"), message));
        }
    }
    let create = &raw.pace.create;
    for (key, count) in [("stop_after", create.stop_after), ("per_hour", create.per_hour)] {
        if count == 0 {
            let message = "with 0 no VM is ever made; write at least 1";
            findings.push(Finding::error(format!("pace.create.{key}"), message));
        }
    }
    if create.retry_first.0.is_zero() || create.retry_first > create.retry_max {
        let message = format!(
            "retry_first {} and retry_max {}; write a first pause above 0 that is not the longer",
            create.retry_first, create.retry_max
        );
        findings.push(Finding::error("pace.create.retry_first", message));
    }
}

fn is_nothing(share: Share) -> bool {
    matches!(share, Share::Count(0) | Share::Percent(0))
}

fn check_missing_data(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    let missing = &raw.missing_data;
    if missing.out == MissingOut::ToFloor && missing.floor.is_none() {
        let message = format!(
            "to-floor needs the count to rise to; write floor: {}",
            raw.capacity.min.max(raw.capacity.max / 2)
        );
        findings.push(Finding::error("missing_data.out", message));
    }
    if let Some(floor) = missing.floor.filter(|floor| *floor > raw.capacity.max) {
        let max = raw.capacity.max;
        let message = format!("floor {floor} is above max {max}; write at most {max}");
        findings.push(Finding::error("missing_data.floor", message));
    }
}

/// What is kept for later. Whoever relies on it at night must know by day that it does nothing yet.
fn without_effect(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    if raw.health.live.is_some() {
        let message = "nobody asks it yet: serving VMs go on being asked by health.ready; write what \
                       matters there, or leave this for the day it counts";
        findings.push(Finding::warning("health.live", message));
    }
    let only_surge = RawDeploy { surge: raw.deploy.surge, ..RawDeploy::default() };
    if raw.deploy != only_surge {
        let message = "there are no releases yet: only `surge` is read; leave the rest for the day it \
                       counts";
        findings.push(Finding::warning("deploy", message));
    }
}

fn check_care(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    if !(1..=4).contains(&raw.isolation.witnesses) {
        findings.push(Finding::error(
            "isolation.witnesses",
            format!(
                "{} witnesses; there are agent, readiness, router and provider: write 1 to 4 (2 \
                 is usual)",
                raw.isolation.witnesses
            ),
        ));
    }
    let ready = &raw.health.ready;
    let asked = Asked { http: ready.http.as_deref(), tcp: ready.tcp, exec: ready.exec.as_deref() };
    check_probe("health.ready", asked, findings);
    if let Some(live) = &raw.health.live {
        let asked = Asked { http: live.http.as_deref(), tcp: live.tcp, exec: live.exec.as_deref() };
        check_probe("health.live", asked, findings);
        if live.http.is_none() && live.tcp.is_none() && live.exec.is_none() {
            let message = "neither http nor tcp nor exec; write for example tcp: 8080";
            findings.push(Finding::error("health.live", message));
        }
    }
    if raw.drain.wait == DrainWait::Hook {
        let message = "modules cannot be asked yet whether they let a VM go; write connections, \
                       or time";
        findings.push(Finding::error("drain.wait", message));
    }
    for (index, label) in raw.terminate.protect.iter().enumerate() {
        let pair = label.split_once('=');
        if pair.is_none_or(|(key, value)| key.is_empty() || value.is_empty()) {
            let message = format!("{label:?} is no label; write for example role=cron or vm=vm-3");
            findings.push(Finding::error(format!("terminate.protect.{index}"), message));
        }
    }
    for (index, word) in raw.terminate.order.iter().enumerate() {
        if raw.terminate.order[..index].contains(word) {
            let message = "the same word a second time; keep one";
            findings.push(Finding::error(format!("terminate.order.{index}"), message));
        }
    }
}

/// What a probe asks.
#[derive(Clone, Copy)]
struct Asked<'a> {
    http: Option<&'a str>,
    tcp: Option<u16>,
    exec: Option<&'a str>,
}

fn check_probe(at: &str, asked: Asked<'_>, findings: &mut Vec<Finding>) {
    let Asked { http, tcp, exec } = asked;
    let mut ways = [("http", http.is_some()), ("tcp", tcp.is_some()), ("exec", exec.is_some())]
        .into_iter()
        .filter_map(|(way, is_named)| is_named.then_some(way));
    if let (Some(first), Some(second)) = (ways.next(), ways.next()) {
        let message = format!("`{first}` and `{second}` both say what to ask; write one of them");
        findings.push(Finding::error(format!("{at}.{second}"), message));
    }
    if exec.is_some_and(|program| !program.starts_with('/') || program.ends_with('/')) {
        let message = "the absolute path of a program is wanted, without arguments; write for \
                       example /usr/local/bin/queue-ready";
        findings.push(Finding::error(format!("{at}.exec"), message));
    }
    let (port, path) = http.map_or((None, None), split);
    if path.is_some_and(|path| !path.starts_with('/')) {
        let message = "a path on the program's port is wanted, or a port and a path; write for \
                       example /ready or :8080/ready";
        findings.push(Finding::error(format!("{at}.http"), message));
    }
    if port == Some(0) || tcp == Some(0) {
        findings.push(Finding::error(at, "port 0 is none; write for example 8080"));
    }
}

fn check_schedules(raw: &RawPolicy, findings: &mut Vec<Finding>) {
    let max = raw.capacity.max;
    for (index, schedule) in raw.schedules.iter().enumerate() {
        let at = |key: &str| format!("schedules.{index}.{key}");
        if raw.schedules[..index].iter().any(|earlier| earlier.name == schedule.name) {
            let message = format!("a second schedule {:?}; write another name", schedule.name);
            findings.push(Finding::error(at("name"), message));
        }
        let RawSchedule { min, max: ceiling, mode, .. } = schedule;
        if min.is_none() && ceiling.is_none() && mode.is_none() {
            let message = "it changes nothing; write min, max or mode";
            findings.push(Finding::error(at("name"), message));
        }
        if let Some(floor) = min.filter(|floor| *floor > max) {
            let message = format!("min {floor} is above the policy's max {max}; lower it");
            findings.push(Finding::error(at("min"), message));
        }
        if *ceiling == Some(0) {
            findings.push(Finding::error(at("max"), "max 0 allows no VM; write at least 1"));
        }
        if let Some(ceiling) = ceiling.filter(|ceiling| *ceiling < raw.capacity.min) {
            let floor = raw.capacity.min;
            let message = format!("max {ceiling} is below the policy's min {floor}; raise it");
            findings.push(Finding::error(at("max"), message));
        }
    }
}

fn check_metric(
    raw: &RawPolicy,
    index: usize,
    metric: &RawMetric,
    findings: &mut Vec<Finding>,
) -> Option<Metric> {
    let path = |key: &str| format!("metrics.{index}.{key}");
    if !(metric.coverage > 0.0 && metric.coverage <= 1.0) {
        findings.push(Finding::error(
            path("coverage"),
            format!("coverage {} is outside 0 to 1; write for example 0.7", metric.coverage),
        ));
    }
    if raw.metrics[..index].iter().any(|earlier| earlier.name == metric.name) {
        findings.push(Finding::error(
            path("name"),
            format!("a second metric {:?}; write another name", metric.name),
        ));
    }
    check_source(metric, &path, findings);
    check_sum(metric, &path, findings);
    check_max_age(metric, &path, findings);
    check_window(metric, &path, findings);
    check_window_of_rate(metric, &path, findings);
    let aim = check_aim(metric, &path, findings);
    let measure = check_measure(metric, &path, findings);
    Some(Metric {
        name: metric.name.clone(),
        source: metric.source,
        measure: measure?,
        over: metric.over,
        aggregate: metric.aggregate,
        window: metric.window.0,
        max_age: metric.max_age.0,
        coverage: metric.coverage,
        aim: aim?,
    })
}

/// What comes from outside is one number: the whole of the work.
fn check_source(metric: &RawMetric, path: &impl Fn(&str) -> String, findings: &mut Vec<Finding>) {
    if metric.source == MetricSource::Cloudmonitor {
        return;
    }
    if metric.expr.is_none() {
        let message = "what comes from outside the VMs is asked by an expr; write for example \
                       expr: sum(queue_depth)";
        findings.push(Finding::error(path("source"), message));
    }
    if metric.target.is_none() {
        let message = "what comes from outside does not fall as VMs are added, so it needs a \
                       target: what one VM takes of it";
        findings.push(Finding::error(path("source"), message));
    }
}

/// Thresholds would go on adding VMs up to the ceiling: a sum is as large with them as without.
fn check_sum(metric: &RawMetric, path: &impl Fn(&str) -> String, findings: &mut Vec<Finding>) {
    if metric.aggregate == Aggregate::Sum && metric.target.is_none() {
        let message = "a sum does not fall as VMs are added, so it needs a target: what one VM \
                       takes of it; write that instead of `out` and `in`, or aggregate: mean";
        findings.push(Finding::error(path("aggregate"), message));
    }
    if metric.aggregate == Aggregate::Sum && metric.over == Over::All {
        let message = "VMs on their way carry nothing yet of a sum; leave `over` out";
        findings.push(Finding::error(path("over"), message));
    }
}

fn check_max_age(metric: &RawMetric, path: &impl Fn(&str) -> String, findings: &mut Vec<Finding>) {
    if metric.max_age.0.is_zero() {
        let message = "no sample is ever so new; write for example 45s";
        findings.push(Finding::error(path("max_age"), message));
    }
}

fn check_window(metric: &RawMetric, path: &impl Fn(&str) -> String, findings: &mut Vec<Finding>) {
    if metric.window.0 > LONGEST_WINDOW {
        let message = format!("{} is too long a window; write at most 1h", metric.window);
        findings.push(Finding::error(path("window"), message));
    }
    if metric.expr.is_some() && !metric.window.0.is_zero() {
        let message = "an expr says its window itself, as avg_over_time(x[1m]); leave window out";
        findings.push(Finding::error(path("window"), message));
    }
}

fn check_window_of_rate(
    metric: &RawMetric,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) {
    let is_rate = metric.metric.as_deref() == Some(REQUESTS_PER_SECOND);
    if is_rate && !metric.window.0.is_zero() {
        let message = format!(
            "{REQUESTS_PER_SECOND} is a rate between two looks at the routers already; leave \
             window out"
        );
        findings.push(Finding::error(path("window"), message));
    }
}

fn check_aim(
    metric: &RawMetric,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) -> Option<Aim> {
    match (metric.target, metric.out) {
        (Some(_), Some(_)) => {
            let message = "`target` and `out` both say what is wanted; write one of them, or a \
                           second metric";
            findings.push(Finding::error(path("target"), message));
            None
        }
        (None, None) => {
            let message = "nothing to compare it with; write out: {above: ..., step: ...}, or \
                           target";
            findings.push(Finding::error(path("out"), message));
            None
        }
        (Some(target), None) => check_target(metric, target, path, findings),
        (None, Some(out)) => check_band(metric, out, path, findings),
    }
}

fn check_target(
    metric: &RawMetric,
    target: f64,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) -> Option<Aim> {
    if metric.inward.is_some() {
        let message = "a target goes both ways by itself; leave `in` out";
        findings.push(Finding::error(path("in"), message));
    }
    if !(target > 0.0 && target.is_finite()) {
        let message = format!("target {target} is not above 0; write for example 0.7");
        findings.push(Finding::error(path("target"), message));
        return None;
    }
    let tolerance = metric.tolerance.unwrap_or(TOLERANCE);
    if !(0.0..=0.5).contains(&tolerance) {
        let message = format!("tolerance {tolerance} is outside 0 to 0.5; write for example 0.1");
        findings.push(Finding::error(path("tolerance"), message));
        return None;
    }
    Some(Aim::Target { target, tolerance })
}

/// A fleet flaps if taking VMs away lifts the load over the other threshold.
fn check_band(
    metric: &RawMetric,
    out: super::RawAbove,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) -> Option<Aim> {
    let before = findings.len();
    if metric.tolerance.is_some() {
        let message = "thresholds have no tolerance; leave it out, or write a target";
        findings.push(Finding::error(path("tolerance"), message));
    }
    let above = out.above;
    if !(above > 0.0 && above.is_finite()) {
        let message = format!("above {above} is not above 0; write for example 0.8");
        findings.push(Finding::error(path("out.above"), message));
    }
    let steps = [("out.step", Some(out.step)), ("in.step", metric.inward.map(|i| i.step))];
    for (key, step) in steps {
        if let Some(step) = step.filter(|step| is_nothing(*step)) {
            let message = format!("a step of {step} changes nothing; write at least 1");
            findings.push(Finding::error(path(key), message));
        }
    }
    if let Some(below) = metric.inward.map(|inward| inward.below)
        && !(below >= 0.0 && below < 0.9 * above - ROUNDING)
    {
        let message = format!(
            "in below {below} is too near to out above {above}: the fleet would flap; write less \
             than {:.2}",
            0.9 * above
        );
        findings.push(Finding::error(path("in.below"), message));
    }
    (findings.len() == before).then_some(Aim::Band { out, inward: metric.inward })
}

fn check_measure(
    metric: &RawMetric,
    path: &impl Fn(&str) -> String,
    findings: &mut Vec<Finding>,
) -> Option<Measure> {
    let name = match (&metric.metric, &metric.expr) {
        (Some(_), Some(_)) => {
            findings.push(Finding::error(
                path("expr"),
                "`metric` and `expr` both say what to read; write one of them",
            ));
            return None;
        }
        (None, Some(expression)) => return Some(Measure::Expression(expression.clone())),
        (Some(name), None) => name,
        (None, None) => model::metric::LOAD1_PER_CORE,
    };
    if name == REQUESTS_PER_SECOND {
        return Some(Measure::Metric(REQUESTS_PER_SECOND));
    }
    let Some(known) = model::metric::by_name(name) else {
        let names: Vec<_> = model::metric::whole_machine().map(|metric| metric.name).collect();
        findings.push(Finding::error(
            path("metric"),
            format!(
                "no metric {name:?}; write one of {}, {REQUESTS_PER_SECOND}, or an `expr` in \
                 PromQL",
                names.join(", ")
            ),
        ));
        return None;
    };
    Some(Measure::Metric(known.name))
}
