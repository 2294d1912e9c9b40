//! Rules tried on the sample data of their files, in simulated time.
//!
//! Time begins at 0. Each rule is evaluated at each of its intervals by the same query engine and
//! judged by the same code as in the fleet; then it is looked at how it stands.

use std::collections::{BTreeMap, BTreeSet};

use alerter::Bilingual;
use alerter::rule::{self, Ground, RuleName, RuleState};
use model::id::{CollectorId, Object};
use model::signal::SignalState;
use model::time::Time;
use model::topology::Topology;
use scaler::policy::Finding;

use super::raw::{RawExpectation, RawFiring, RawTest};
use super::written::{self, MAX_SERIES, Written};
use super::{Checked, RuleSet, engine};
use crate::brain::asker::{Asked, answer};
use crate::brain::eye;

/// Evaluations of one rule in one test: two days at every two seconds.
const MAX_EVALUATIONS: i64 = 100_000;

/// Runs all tests of a file. `own` are the rules that stand in it; what does not come out as
/// expected is an error at its place.
pub fn run(rules: &RuleSet, own: &[RuleName], tests: &[RawTest]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, test) in tests.iter().enumerate() {
        let mut trial = Trial { rules, own, path: format!("tests.{number}"), findings: Vec::new() };
        trial.test(test);
        findings.append(&mut trial.findings);
    }
    findings
}

struct Trial<'a> {
    rules: &'a RuleSet,
    own: &'a [RuleName],
    path: String,
    findings: Vec<Finding>,
}

/// How one rule stands.
#[derive(Debug, Default)]
struct Stand {
    state: RuleState,
    /// What was said last of each object.
    texts: BTreeMap<Object, Bilingual>,
    next: i64,
}

impl Trial<'_> {
    fn error(&mut self, path: &str, message: impl Into<String>) {
        self.findings.push(Finding::error(format!("{}.{path}", self.path), message));
    }

    fn test(&mut self, test: &RawTest) {
        let Some(samples) = self.samples(test) else { return };
        let mut stands: BTreeMap<RuleName, Stand> = BTreeMap::new();
        let mut order: Vec<(usize, &RawExpectation)> = test.expect.iter().enumerate().collect();
        order.sort_by_key(|(_, expectation)| expectation.at);
        for (number, expectation) in order {
            let path = format!("expect.{number}");
            let Some(checked) = self.rule_of(&path, expectation) else { continue };
            let until = i64::try_from(expectation.at.0.as_millis()).unwrap_or(i64::MAX);
            let every = i64::try_from(checked.rule.every.as_millis()).unwrap_or(i64::MAX);
            if until / every > MAX_EVALUATIONS {
                let message = format!("more than {MAX_EVALUATIONS} evaluations; write less");
                self.error(&format!("{path}.at"), message);
                continue;
            }
            let stand = stands.entry(checked.rule.name.clone()).or_default();
            stand.go_on(checked, &samples, until, every);
            self.compare(test, &path, expectation, stand);
        }
    }

    fn samples(&mut self, test: &RawTest) -> Option<Written> {
        let mut samples = Written::default();
        let interval_ms = i64::try_from(test.interval.0.as_millis()).unwrap_or(0);
        if interval_ms == 0 {
            self.error("interval", "write at least 1ms; 1m is usual");
        }
        if test.input.len() > MAX_SERIES {
            self.error("input", format!("more than {MAX_SERIES} series; write fewer"));
            return None;
        }
        for (number, input) in test.input.iter().enumerate() {
            let labels = written::series(&input.series);
            let values = written::values(&input.values);
            match (labels, values) {
                (Ok(labels), Ok(values)) => samples.add(labels, interval_ms, &values),
                (labels, values) => {
                    for (key, error) in [("series", labels.err()), ("values", values.err())] {
                        if let Some(error) = error {
                            self.error(&format!("input.{number}.{key}"), error.to_string());
                        }
                    }
                }
            }
        }
        self.findings.is_empty().then_some(samples)
    }

    fn rule_of(&mut self, path: &str, expectation: &RawExpectation) -> Option<&Checked> {
        let named = expectation.rule.as_ref().or(match self.own {
            [only] => Some(only),
            _ => None,
        });
        let Some(name) = named else {
            self.error(path, "of which rule? the file has several; write rule: NAME");
            return None;
        };
        let rules = self.rules;
        let found = rules.get(name);
        if found.is_none() {
            let message = format!("no rule {name} is in force");
            self.error(&format!("{path}.rule"), message);
        }
        found
    }

    fn compare(&mut self, test: &RawTest, path: &str, expected: &RawExpectation, found: &Stand) {
        let bad: BTreeSet<&Object> = found.state.bad().collect();
        let silent: BTreeSet<&Object> = found.state.silent().collect();
        let (name, at) = (&test.name, expected.at);
        let because = found
            .state
            .fault()
            .map_or_else(String::new, |why| format!(" (the rule cannot be judged: {why})"));
        let at = format!("{name}, at {at}");
        if let Some(firing) = &expected.firing {
            let wanted: BTreeSet<&Object> = firing.iter().map(|firing| &firing.on).collect();
            if wanted != bad {
                let (wanted, bad) = (names(&wanted), names(&bad));
                let message = format!("{at}: expected firing {wanted}, found {bad}{because}");
                self.error(&format!("{path}.firing"), message);
            }
            self.compare_texts(path, &at, firing, found);
        }
        for object in expected.not_firing.iter().filter(|object| bad.contains(object)) {
            let message = format!("{at}: expected not firing {object}, found it firing");
            self.error(&format!("{path}.not_firing"), message);
        }
        if let Some(no_data) = &expected.no_data {
            let wanted: BTreeSet<&Object> = no_data.iter().collect();
            if wanted != silent {
                let (wanted, silent) = (names(&wanted), names(&silent));
                let message =
                    format!("{at}: expected no data of {wanted}, found {silent}{because}");
                self.error(&format!("{path}.no_data"), message);
            }
        }
    }

    fn compare_texts(&mut self, path: &str, at: &str, firing: &[RawFiring], found: &Stand) {
        for (number, firing) in firing.iter().enumerate() {
            let (Some(wanted), Some(text)) = (&firing.text, found.texts.get(&firing.on)) else {
                continue;
            };
            let both = [("en", &wanted.en, &text.en), ("zh", &wanted.zh, &text.zh)];
            for (lang, wanted, text) in both {
                if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != text) {
                    let on = &firing.on;
                    let message = format!("{at}: expected of {on} {wanted:?}, found {text:?}");
                    self.error(&format!("{path}.firing.{number}.text.{lang}"), message);
                }
            }
        }
    }
}

impl Stand {
    /// Evaluates the rule up to a moment, that included.
    fn go_on(&mut self, checked: &Checked, samples: &Written, until: i64, every: i64) {
        let collector: CollectorId = eye::collector();
        let topology = Topology::default();
        let ground = Ground { topology: &topology, is_whole: false, collector: &collector };
        let asked = Asked {
            key: "trial".into(),
            expression: checked.expression.clone(),
            every: checked.rule.every,
            lookback: checked.within,
        };
        while self.next <= until {
            let at = Time::from_millis(self.next);
            let heard = engine::heard(answer(samples, &asked, at, &|| false).outcome);
            let asks = checked.asks();
            let report = rule::hear(&checked.rule, &asks, &mut self.state, ground, at, heard);
            for said in report.said {
                if matches!(said.signal.state, SignalState::Problem(_)) {
                    self.texts.insert(said.signal.object, said.words.text);
                }
            }
            self.next += every;
        }
    }
}

fn names(objects: &BTreeSet<&Object>) -> String {
    if objects.is_empty() {
        return "none".to_owned();
    }
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
