//! Rules of every standing, for the page of the rules.

use dashboards::view::rules::{Bad, RuleLine, RuleStanding, RulesView};
use model::signal::Severity;
use model::time::Time;

use super::NOW;

/// One that fires, one that fails, one that is quiet, one that finds nothing, one that is off.
pub(crate) fn all_sorts() -> RulesView {
    let line = |bad: &str, good: &str| Bad::Line { bad: bad.to_owned(), good: good.to_owned() };
    let disk = RuleLine {
        firing: (1..=12).map(|number| format!("host/h{number}")).collect(),
        doubts: vec!["3 series have no number for a value, such as x".to_owned()],
        bad: line("> 0.95", "<= 0.9"),
        ..rule("disk_full", RuleStanding::Fires)
    };
    let mine = RuleLine {
        series: None,
        doubts: vec!["the query was stopped before it was done".to_owned()],
        file: "rules/shop.yaml".to_owned(),
        bad: Bad::Presence,
        ..rule("my_own", RuleStanding::Fails)
    };
    let quiet = RuleLine { bad: line("> 0.9", "<= 0.8"), ..rule("cpu_busy", RuleStanding::Quiet) };
    let idle = RuleLine {
        series: Some(0),
        doubts: vec!["no series matches".to_owned()],
        ..rule("redis_silent", RuleStanding::Idle)
    };
    let waits = RuleLine { evaluated: None, series: None, ..rule("new", RuleStanding::Waits) };
    let off = RuleLine { evaluated: None, series: None, ..rule("swap_used", RuleStanding::Off) };
    let silent = RuleLine {
        silent: vec!["datasource/orders".to_owned()],
        ..rule("mysql_lag", RuleStanding::Silent)
    };
    let part = rule("part", RuleStanding::Doubtful);
    RulesView { rules: vec![quiet, disk, off, idle, mine, waits, silent, part] }
}

fn rule(name: &str, state: RuleStanding) -> RuleLine {
    RuleLine {
        name: name.to_owned(),
        file: "built-in/machines.yaml".to_owned(),
        severity: Severity::High,
        state,
        on: "vm, host".to_owned(),
        query: "max without (state) (system_filesystem_utilization{mount!~\"/snap/.*\"})"
            .to_owned(),
        bad: Bad::NoData,
        every_s: 30,
        for_s: 120,
        evaluated: Some(Time::from_millis(NOW.millis() - 12_000)),
        series: Some(4),
        firing: Vec::new(),
        silent: Vec::new(),
        doubts: Vec::new(),
    }
}
