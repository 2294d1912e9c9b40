//! Plays evaluations written as lines and writes down what the rule said.
//!
//! A line is a time and what was heard: `web-1=0.95` a value, `web-1:/data=0.95` one of a part,
//! `blind`, `fault REASON`, `gone web-1` for a VM that left the topology just before, or nothing
//! for an evaluation without a series. After each the state goes through JSON, as a restart would
//! have it; so each story is a test of that as well.

use std::time::Duration;

use alerter::rule::{
    Bound, Condition, Failure, Ground, Heard, Kind, On, Rule, RuleName, RuleState, Said, Template,
    Texts, hear,
};
use expect_test::Expect;
use model::id::CollectorId;
use model::series::Labels;
use model::signal::{Severity, SignalState};
use model::time::Time;
use model::topology::{Topology, VmPlace};

pub(crate) const ASKS: &str = "usage";

/// Above 0.9 for 30 s is bad, below 0.8 for 20 s is good again; evaluated each 10 s.
pub(crate) fn rule() -> Rule {
    let text = |text| Some(Template::parse(text).unwrap());
    Rule {
        name: RuleName::parse("usage_high").unwrap(),
        condition: Condition::Number { fires: Bound::Above(0.9), clears: Bound::Below(0.8) },
        on: On::Kinds(vec![Kind::Vm]),
        every: Duration::from_secs(10),
        hold: Duration::from_secs(30),
        clear_after: Duration::from_secs(20),
        severity: Severity::Average,
        text: Texts { en: text("{value%} of {threshold%}"), zh: None },
        runbook: None,
    }
}

pub(crate) fn topology() -> Topology {
    let mut topology = Topology::default();
    for vm in ["web-1", "web-2", "web-3"] {
        let place = VmPlace { host: None, module: None, created: Time::default(), leaving: false };
        topology.vms.insert(vm.parse().unwrap(), place);
    }
    topology
}

pub(crate) fn check(rule: &Rule, script: &str, expected: &Expect) {
    let mut play = Play { topology: topology(), state: RuleState::default() };
    let mut told = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        for said in play.line(rule, line) {
            told.push_str(&said);
            told.push('\n');
        }
    }
    expected.assert_eq(&told);
}

struct Play {
    topology: Topology,
    state: RuleState,
}

impl Play {
    fn line(&mut self, rule: &Rule, line: &str) -> Vec<String> {
        let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(vm) = rest.strip_prefix("gone ") {
            self.topology.vms.remove(&vm.parse().unwrap());
            return Vec::new();
        }
        let at = Time::from_millis(time.strip_suffix('s').unwrap().parse::<i64>().unwrap() * 1000);
        let collector = CollectorId::parse("main").unwrap();
        let ground = Ground { topology: &self.topology, is_whole: true, collector: &collector };
        let report = hear(rule, ASKS, &mut self.state, ground, at, heard(rest));
        let stored = serde_json::to_string(&self.state).unwrap();
        self.state = serde_json::from_str(&stored).unwrap();
        report.said.iter().map(|said| shown(time, said)).collect()
    }
}

fn heard(rest: &str) -> Heard {
    if rest == "blind" {
        return Err(Failure::Blind);
    }
    if let Some(reason) = rest.strip_prefix("fault ") {
        return Err(Failure::Fault(reason.to_owned()));
    }
    let series = rest.split_whitespace().map(|word| {
        let (name, value) = word.split_once('=').unwrap();
        let (vm, part) = name.split_once(':').unwrap_or((name, ""));
        let labels = [("__name__", "usage"), ("vm", vm), ("mountpoint", part)];
        (Labels::of(labels), value.parse().unwrap())
    });
    Ok(series.collect())
}

pub(crate) fn shown(time: &str, said: &Said) -> String {
    let signal = &said.signal;
    let state = match signal.state {
        SignalState::Ok => "ok".to_owned(),
        SignalState::Silent => "silent".to_owned(),
        SignalState::Problem(severity) => format!("{severity:?}").to_lowercase(),
    };
    format!("{time} {} {} {state}: {}", signal.object, signal.check, signal.text)
}
