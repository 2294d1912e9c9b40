//! One evaluation of one rule: values in, signals out.

use std::collections::{BTreeMap, BTreeSet};

use model::id::Object;
use model::series::Labels;
use model::time::Time;
use model::topology::Topology;

use super::labels::{object_of, part_of};
use super::said::{Standing, ended, fault, standing, words_of};
use super::state::RuleState;
use super::watch::{Seen, Watch};
use super::{Condition, Ground, Rule, RuleName, Said};

/// So many evaluations in a row must fail before the rule itself is told of.
const FAILURES: u32 = 2;

/// What an evaluation came to.
pub type Heard = Result<Vec<(Labels, f64)>, Failure>;

/// Why an evaluation came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// We do not see just now, so nothing follows from what is not there. No fault of the rule.
    Blind,
    /// The rule could not be evaluated, for this reason.
    Fault(String),
}

/// What became of an evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub said: Vec<Said>,
    /// Series that name no object of the rule's kinds.
    pub strangers: Left,
    /// Series with a value that is no number to judge by: NaN or infinite.
    pub numberless: Left,
    /// Series that ought to be watched and are not, since too many are.
    pub over_limit: Left,
    /// Why the rule as a whole could not be judged this time.
    pub fault: Option<String>,
}

/// Series that were left out: how many, and one of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    pub count: usize,
    pub first: Option<String>,
}

impl Left {
    /// Of several the first by name, so that their order changes nothing.
    fn add(&mut self, name: String) {
        self.count += 1;
        if self.first.as_ref().is_none_or(|first| name < *first) {
            self.first = Some(name);
        }
    }
}

/// The values of one evaluation, by object and part.
#[derive(Debug, Default)]
struct Values {
    by_object: BTreeMap<Object, BTreeMap<String, f64>>,
    series: usize,
}

/// Takes in one evaluation of `rule`. `asks` says what was asked; if it is not what was asked
/// before, what was watched ends.
pub fn hear(
    rule: &Rule,
    asks: &str,
    state: &mut RuleState,
    ground: Ground,
    at: Time,
    heard: Heard,
) -> Report {
    let mut report = Report::default();
    if state.asks != asks {
        report.said = end(&rule.name, state, ground, at);
        asks.clone_into(&mut state.asks);
    }
    match heard {
        Ok(vector) => judge(rule, state, ground, at, vector, &mut report),
        Err(failure) => {
            state.watched.values_mut().flat_map(BTreeMap::values_mut).for_each(Watch::stand_still);
            match failure {
                Failure::Blind => return report,
                Failure::Fault(reason) => report.fault = Some(reason),
            }
        }
    }
    report.said.extend(tell_fault(rule, state, ground, at, report.fault.as_deref()));
    report
}

/// Ends all that a rule has told: it is no more, or is another now.
pub fn end(name: &RuleName, state: &mut RuleState, ground: Ground, at: Time) -> Vec<Said> {
    let before = std::mem::take(state);
    let told = before.watched.iter().filter(|(_, parts)| standing(parts) != Standing::Good);
    let mut said: Vec<Said> = told.map(|(object, _)| ended(name, object, at)).collect();
    said.extend(before.fault.map(|_| fault(name, None, ground, at)));
    said
}

fn judge(
    rule: &Rule,
    state: &mut RuleState,
    ground: Ground,
    at: Time,
    vector: Vec<(Labels, f64)>,
    report: &mut Report,
) {
    let mut values = Values::gather(rule, state, vector, report);
    let objects: BTreeSet<Object> =
        state.watched.keys().chain(values.by_object.keys()).cloned().collect();
    let mut room = rule.condition.limit().saturating_sub(state.len());
    for object in objects {
        let parts = state.watched.remove(&object).unwrap_or_default();
        let seen = values.by_object.remove(&object).unwrap_or_default();
        let before = standing(&parts);
        let exists = exists(ground.topology, &object);
        let is_gone = ground.is_whole && !exists && parts.values().any(|watch| watch.known);
        let after = if is_gone {
            Standing::Gone
        } else {
            let mut next = follow(rule, parts, &seen, exists, at);
            for (part, watch) in fresh(rule, &next, seen, exists, at) {
                if room == 0 {
                    report.over_limit.add(format!("{object} {part}").trim_end().to_owned());
                } else {
                    room -= 1;
                    next.insert(part, watch);
                }
            }
            let after = standing(&next);
            if !next.is_empty() {
                state.watched.insert(object.clone(), next);
            }
            after
        };
        if !before.is_same(&after) {
            report.said.push(words_of(rule, &object, &before, &after, ground, at));
        }
    }
    report.fault = whole_fault(rule, &values, report);
}

/// The parts that are watched already.
fn follow(
    rule: &Rule,
    parts: BTreeMap<String, Watch>,
    seen: &BTreeMap<String, f64>,
    exists: bool,
    at: Time,
) -> BTreeMap<String, Watch> {
    let others = if seen.is_empty() { Seen::Absent } else { Seen::PartAbsent };
    let next = parts.into_iter().filter_map(|(part, mut watch)| {
        watch.known |= exists;
        let seen = seen.get(&part).map_or(others, |value| Seen::Value(*value));
        Some((part, watch.next(rule, seen, at)?))
    });
    next.collect()
}

/// The parts that are worth being watched from now on.
fn fresh(
    rule: &Rule,
    known: &BTreeMap<String, Watch>,
    seen: BTreeMap<String, f64>,
    exists: bool,
    at: Time,
) -> Vec<(String, Watch)> {
    let unknown = seen.into_iter().filter(|(part, _)| !known.contains_key(part));
    let begun =
        unknown.filter_map(|(part, value)| Some((part, Watch::begin(rule, value, at, exists)?)));
    begun.collect()
}

impl Values {
    /// Of two values of one part the worse counts.
    fn gather(
        rule: &Rule,
        state: &RuleState,
        vector: Vec<(Labels, f64)>,
        report: &mut Report,
    ) -> Self {
        let mut values = Self { series: vector.len(), ..Self::default() };
        for (labels, value) in vector {
            let Some((object, carried)) = object_of(&rule.on, &labels) else {
                report.strangers.add(labels.to_string());
                continue;
            };
            if !value.is_finite() {
                report.numberless.add(format!("{object} is {value}"));
                continue;
            }
            if is_needless(rule, state, &object, value) {
                continue;
            }
            let part = match rule.condition {
                Condition::NoData => String::new(),
                Condition::Number { .. } | Condition::Presence => part_of(&labels, carried),
            };
            let known = values.by_object.entry(object).or_default().entry(part).or_insert(value);
            *known = worse(rule, *known, value);
        }
        values
    }
}

/// A good value of an object that nothing is kept in mind of: most values are.
fn is_needless(rule: &Rule, state: &RuleState, object: &Object, value: f64) -> bool {
    match rule.condition {
        Condition::Number { fires, .. } => {
            !fires.holds(value) && !state.watched.contains_key(object)
        }
        Condition::Presence | Condition::NoData => false,
    }
}

fn worse(rule: &Rule, one: f64, other: f64) -> f64 {
    match rule.condition {
        Condition::Number { fires, .. } if !fires.points_up() => one.min(other),
        Condition::Number { .. } | Condition::Presence | Condition::NoData => one.max(other),
    }
}

/// What makes the rule useless as a whole, or blind for some of what it should see.
fn whole_fault(rule: &Rule, values: &Values, report: &Report) -> Option<String> {
    let first = |left: &Left| left.first.clone().unwrap_or_default();
    let Report { strangers, numberless, over_limit, .. } = report;
    if over_limit.count > 0 {
        let (limit, count) = (rule.condition.limit(), over_limit.count);
        let first = first(over_limit);
        return Some(format!(
            "more than {limit} series to keep in mind; {count} are not watched, for example {first}"
        ));
    }
    if values.series == 0 {
        return None;
    }
    if strangers.count == values.series {
        let first = first(strangers);
        return Some(format!("none of its series names what it is on, for example {first}"));
    }
    (numberless.count + strangers.count == values.series)
        .then(|| format!("it gives no number, for example {}", first(numberless)))
}

/// Tells once that a rule cannot be judged, and once that it can again.
fn tell_fault(
    rule: &Rule,
    state: &mut RuleState,
    ground: Ground,
    at: Time,
    reason: Option<&str>,
) -> Option<Said> {
    let Some(reason) = reason else {
        state.failures = 0;
        return state.fault.take().map(|_| fault(&rule.name, None, ground, at));
    };
    state.failures = state.failures.saturating_add(1).min(FAILURES);
    if state.failures < FAILURES || state.fault.is_some() {
        return None;
    }
    state.fault = Some(reason.to_owned());
    Some(fault(&rule.name, Some(reason), ground, at))
}

fn exists(topology: &Topology, object: &Object) -> bool {
    match object {
        Object::Switch(id) => topology.switches.contains(id),
        Object::Host(id) => topology.hosts.contains_key(id),
        Object::Vm(id) => topology.vms.contains_key(id),
        Object::Module(id) => topology.modules.contains_key(id),
        Object::Project(id) => topology.projects.contains_key(id),
        Object::DataSource(id) => topology.data_sources.contains_key(id),
        Object::Collector(id) => topology.collectors.contains(id),
        // Channels and pools stand in no topology: whoever judges one has just looked.
        Object::Channel(_) | Object::Pool(_) | Object::Vantage(_) => true,
    }
}
