//! Rules in force: what is asked for them, and what is made of the answers.
//!
//! The states of all rules, one room of the store each: most evaluations change nothing, so most
//! turns write nothing. A room is written in the transaction of the turn that changed it, with the
//! incidents that follow; so a `kill -9` finds both or none.

use std::collections::{BTreeMap, BTreeSet};

use alerter::rule::{self, Failure, Ground, Heard, Report, RuleName, RuleState, Said};
use model::series::Labels;
use model::time::Time;
use query::Value;

use super::RuleSet;
use crate::brain::asker::{Answer, Asked};

/// The keys of rules among all questions, and the rooms of their states.
const PREFIX: &str = "rule/";

/// What is remembered of all rules.
#[derive(Clone, Debug, Default)]
pub struct Book {
    states: BTreeMap<RuleName, RuleState>,
    /// Those that the store does not know as they are.
    changed: BTreeSet<RuleName>,
    /// How each was evaluated last, since this brain began.
    evaluated: BTreeMap<RuleName, Evaluated>,
}

/// One evaluation of a rule, for whoever wonders why it says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    pub at: Time,
    /// Series that its expression gave; None if it failed.
    pub series: Option<usize>,
    /// What was left out of them, and why; or why there are none.
    pub doubts: Vec<String>,
}

/// What is to be asked for the rules.
pub fn asked(rules: &RuleSet) -> impl Iterator<Item = Asked> {
    rules.iter().map(|(name, checked)| Asked {
        key: room(name).into(),
        expression: checked.expression.clone(),
        every: checked.rule.every,
        lookback: checked.within,
    })
}

/// Whose answer it is, if it is one of a rule.
pub fn rule_of(key: &str) -> Option<RuleName> {
    RuleName::parse(key.strip_prefix(PREFIX)?).ok()
}

/// An answer, in the words of the rules.
pub fn heard(outcome: Result<Value, String>) -> Heard {
    match outcome {
        Ok(Value::Vector(samples)) => {
            Ok(samples.into_iter().map(|sample| (sample.labels, sample.value)).collect())
        }
        Ok(Value::Scalar(point)) => Ok(vec![(Labels::default(), point.value)]),
        Ok(Value::Matrix(_) | Value::String { .. }) => {
            Err(Failure::Fault("it gives no number at one moment".to_owned()))
        }
        Err(reason) => Err(Failure::Fault(reason)),
    }
}

impl Book {
    /// As a former brain stored it. A state that cannot be read begins anew.
    pub fn restore(memory: &BTreeMap<String, String>) -> Self {
        let rooms = memory.iter().filter_map(|(room, json)| {
            let name = rule_of(room)?;
            let state = serde_json::from_str(json).unwrap_or_else(|error| {
                tracing::warn!(%name, %error, "what a rule remembered cannot be read");
                RuleState::default()
            });
            Some((name, state))
        });
        Self { states: rooms.collect(), ..Self::default() }
    }

    /// Takes in an answer. None if it is none of a rule in force: it was asked before the files
    /// changed.
    pub fn judge(
        &mut self,
        rules: &RuleSet,
        ground: Ground,
        is_blind: bool,
        answer: Answer,
    ) -> Option<Report> {
        let name = rule_of(&answer.key)?;
        let checked = rules.get(&name)?;
        let (at, series) = (answer.at, answer.outcome.as_ref().ok().map(count));
        let heard = if is_blind { Err(Failure::Blind) } else { heard(answer.outcome) };
        let state = self.states.entry(name.clone()).or_default();
        let before = state.clone();
        let report = rule::hear(&checked.rule, &checked.asks(), state, ground, answer.at, heard);
        if before != *state {
            self.changed.insert(name.clone());
        }
        let doubts = doubts(&report, series);
        self.evaluated.insert(name, Evaluated { at, series, doubts });
        Some(report)
    }

    /// Ends what rules have told that are no longer in force.
    pub fn keep_only(&mut self, rules: &RuleSet, ground: Ground, at: Time) -> Vec<Said> {
        let mut said = Vec::new();
        for (name, state) in &mut self.states {
            if !rules.contains_key(name) && *state != RuleState::default() {
                said.extend(rule::end(name, state, ground, at));
                self.changed.insert(name.clone());
            }
        }
        said
    }

    /// How a rule was evaluated last; None before its first time.
    pub fn evaluated(&self, name: &RuleName) -> Option<&Evaluated> {
        self.evaluated.get(name)
    }

    pub fn states(&self) -> &BTreeMap<RuleName, RuleState> {
        &self.states
    }

    /// The rooms that have changed since they were taken last, as JSON.
    pub fn take_changes(&mut self) -> Vec<(String, String)> {
        let changed = std::mem::take(&mut self.changed);
        let rooms = changed.iter().filter_map(|name| {
            let json = serde_json::to_string(self.states.get(name)?).ok()?;
            Some((room(name), json))
        });
        rooms.collect()
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
        Value::Scalar(_) | Value::String { .. } => 1,
    }
}

/// What somebody should know who wonders why a rule is quiet.
fn doubts(report: &Report, series: Option<usize>) -> Vec<String> {
    let mut doubts: Vec<String> = report.fault.clone().into_iter().collect();
    let left_out = [
        (&report.strangers, "name no object that the rule is about"),
        (&report.numberless, "have no number for a value"),
        (&report.over_limit, "are too many to be watched"),
    ];
    for (left, why) in left_out.into_iter().filter(|(left, _)| left.count > 0) {
        let first = left.first.as_deref().unwrap_or_default();
        doubts.push(format!("{} series {why}, such as {first}", left.count));
    }
    if series == Some(0) {
        doubts.push("no series matches".to_owned());
    }
    doubts
}

fn room(name: &RuleName) -> String {
    format!("{PREFIX}{name}")
}

/// All questions of the rules.
pub fn questions(rules: &RuleSet) -> Vec<Asked> {
    asked(rules).collect()
}

#[cfg(test)]
mod tests {
    use model::topology::Topology;
    use query::{Point, Sample};

    use super::*;
    use crate::brain::eye;
    use crate::config::rules::Rules;

    fn rules() -> RuleSet {
        let (rules, _) = Rules::built_in();
        rules.set
    }

    /// The disk of the host h1 as full as can be, at a minute.
    fn full(minute: i64) -> Answer {
        let mount = model::metric::MOUNT_LABEL;
        let labels = Labels::of([("host", "h1"), (mount, "/")]);
        let sample = Sample { labels, at_ms: minute * 60_000, value: 1.0 };
        Answer {
            key: "rule/disk_full".into(),
            at: Time::from_millis(minute * 60_000),
            outcome: Ok(Value::Vector(vec![sample])),
        }
    }

    fn on_ground<T>(work: impl FnOnce(Ground) -> T) -> T {
        let (topology, collector) = (Topology::default(), eye::collector());
        work(Ground { topology: &topology, is_whole: false, collector: &collector })
    }

    fn told(said: &[Said]) -> Vec<String> {
        said.iter().map(|said| format!("{:?} {}", said.signal.state, said.words.text.zh)).collect()
    }

    #[test]
    fn a_restart_in_the_middle_goes_on_where_it_was() {
        let rules = rules();
        let mut book = Book::default();
        let mut memory = BTreeMap::new();
        let mut said = Vec::new();
        for minute in 0..5 {
            let report = on_ground(|ground| book.judge(&rules, ground, false, full(minute)));
            said.extend(report.expect("a rule in force").said);
            memory.extend(book.take_changes());
            book = Book::restore(&memory);
        }
        assert_eq!(told(&said), ["Problem(High) h1 的 / 已用 100 %：程序即将无法写入"]);
        assert_eq!(memory.keys().collect::<Vec<_>>(), ["rule/disk_full"]);
        let report = on_ground(|ground| book.judge(&rules, ground, true, full(6)));
        assert_eq!(told(&report.expect("a rule in force").said), Vec::<String>::new());
        assert!(book.take_changes().is_empty(), "nothing has changed, so nothing is written");
    }

    #[test]
    fn a_rule_that_is_no_more_ends_what_it_told() {
        let mut rules = rules();
        let mut book = Book::default();
        for minute in 0..3 {
            on_ground(|ground| book.judge(&rules, ground, false, full(minute)));
        }
        rules.remove(&RuleName::parse("disk_full").unwrap());
        let at = Time::from_millis(0);
        let said = on_ground(|ground| book.keep_only(&rules, ground, at));
        assert_eq!(told(&said), ["Ok 不再对 宿主机 h1 检查 disk_full"]);
        assert!(on_ground(|ground| book.keep_only(&rules, ground, at)).is_empty());
        assert!(on_ground(|ground| book.judge(&rules, ground, false, full(9))).is_none());
    }

    #[test]
    fn answers_without_a_number_at_one_moment_are_faults() {
        let scalar = heard(Ok(Value::Scalar(Point { at_ms: 0, value: 2.0 })));
        assert_eq!(scalar, Ok(vec![(Labels::default(), 2.0)]));
        assert!(heard(Ok(Value::Matrix(Vec::new()))).is_err());
        assert_eq!(heard(Err("no".to_owned())), Err(Failure::Fault("no".to_owned())));
        assert_eq!(rule_of("policy/x"), None);
        assert_eq!(rule_of("rule/X"), None);
    }
}
