//! The rules and how it goes with each: for whoever wonders why one says nothing, as JSON and as a
//! page, and for Grafana, which asks for those in force as it asks Prometheus.

use std::path::Path;

use alerter::rule::{Bound, Condition, On, RuleName};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Html;
use dashboards::view::rules::{Bad, RuleLine, RuleStanding, RulesView};
use model::id::Object;
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::data::{Answer, ApiError, to_json, unavailable};
use super::pages::Reader;
use crate::brain::Handle;
use crate::brain::core::Core;
use crate::chinese;
use crate::rules::Checked;

/// One rule, and how it was evaluated last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleView {
    pub name: RuleName,
    pub severity: Severity,
    /// Where it stands; `built-in/...` for those that are there without a file.
    #[serde(default)]
    pub file: String,
    /// It is switched off there, and not evaluated.
    #[serde(default)]
    pub is_off: bool,
    /// The kinds of objects, or the one object, that its series speak of.
    #[serde(default)]
    pub on: String,
    /// In PromQL.
    pub query: String,
    /// What is bad: `> 0.9`; `present`, `no data`.
    #[serde(default)]
    pub bad: String,
    /// When it is good again: `<= 0.85`; empty where there is no line.
    #[serde(default)]
    pub good: String,
    pub every_s: u64,
    pub for_s: u64,
    /// None before its first time.
    pub evaluated: Option<Time>,
    /// Series that the query gave; None if it failed.
    pub series: Option<usize>,
    pub firing: Vec<Object>,
    /// Of which nothing is heard any more.
    pub silent: Vec<Object>,
    /// Why it may be quiet though something is wrong.
    pub doubts: Vec<String>,
}

impl RuleView {
    /// It was evaluated, and nothing here is what it is about.
    pub fn is_idle(&self) -> bool {
        self.series == Some(0) && self.firing.is_empty() && self.silent.is_empty()
    }

    fn standing(&self) -> RuleStanding {
        match (self.evaluated, self.series) {
            _ if self.is_off => RuleStanding::Off,
            _ if !self.firing.is_empty() => RuleStanding::Fires,
            (None, _) => RuleStanding::Waits,
            (Some(_), None) => RuleStanding::Fails,
            _ if !self.silent.is_empty() => RuleStanding::Silent,
            _ if self.is_idle() => RuleStanding::Idle,
            _ if !self.doubts.is_empty() => RuleStanding::Doubtful,
            (Some(_), Some(_)) => RuleStanding::Quiet,
        }
    }
}

/// All rules by name, those that are switched off last.
fn views(core: &Core) -> Vec<RuleView> {
    let rules = &core.config.rules;
    let folder = &core.config.folder;
    let place = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let on = rules.set.iter().map(|(name, checked)| {
        let file = rules.files.get(name).map(|path| place(path)).unwrap_or_default();
        let evaluated = core.book.evaluated(name);
        let state = core.book.states().get(name);
        let objects = |objects: Option<Vec<Object>>| objects.unwrap_or_default();
        RuleView {
            file,
            evaluated: evaluated.map(|evaluated| evaluated.at),
            series: evaluated.and_then(|evaluated| evaluated.series),
            firing: objects(state.map(|state| state.bad().cloned().collect())),
            silent: objects(state.map(|state| state.silent().cloned().collect())),
            doubts: evaluated.map(|evaluated| evaluated.doubts.clone()).unwrap_or_default(),
            ..written(name, checked)
        }
    });
    let off = rules.off.iter().map(|(name, (checked, path))| RuleView {
        file: place(path),
        is_off: true,
        ..written(name, checked)
    });
    on.chain(off).collect()
}

/// What stands in the file.
fn written(name: &RuleName, checked: &Checked) -> RuleView {
    let Checked { rule, expression, .. } = checked;
    let (bad, good) = match rule.condition {
        Condition::Number { fires, clears } => (line(fires), line(clears)),
        Condition::Presence => (PRESENT.to_owned(), String::new()),
        Condition::NoData => (NO_DATA.to_owned(), String::new()),
    };
    let on = match &rule.on {
        On::Kinds(kinds) => kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(", "),
        On::One(object) => object.to_string(),
    };
    RuleView {
        name: name.clone(),
        severity: rule.severity,
        file: String::new(),
        is_off: false,
        on,
        query: expression.to_string(),
        bad,
        good,
        every_s: rule.every.as_secs(),
        for_s: rule.hold.as_secs(),
        evaluated: None,
        series: None,
        firing: Vec::new(),
        silent: Vec::new(),
        doubts: Vec::new(),
    }
}

const PRESENT: &str = "present";
const NO_DATA: &str = "no data";

fn line(bound: Bound) -> String {
    match bound {
        Bound::Above(line) => format!("> {line}"),
        Bound::AtLeast(line) => format!(">= {line}"),
        Bound::Below(line) => format!("< {line}"),
        Bound::AtMost(line) => format!("<= {line}"),
    }
}

/// `/rules`.
pub(super) async fn page(
    State(handle): State<Handle>,
    headers: HeaderMap,
) -> Result<Html<String>, ApiError> {
    let asked = handle.ask(|core, now| (views(core), now, core.config.raw.timezone.clone()));
    let (rules, now, zone) = asked.await.map_err(unavailable)?;
    let reader = Reader::of(&headers).at(now, zone);
    let rules = rules.into_iter().map(|rule| shown(rule, reader.lang)).collect();
    Ok(Html(dashboards::rules_page(&RulesView { rules }, &reader)))
}

fn shown(rule: RuleView, lang: Lang) -> RuleLine {
    let names = |objects: &[Object]| objects.iter().map(ToString::to_string).collect();
    let bad = match rule.bad.as_str() {
        PRESENT => Bad::Presence,
        NO_DATA => Bad::NoData,
        _ => Bad::Line { bad: rule.bad.clone(), good: rule.good.clone() },
    };
    let doubts = rule.doubts.iter().map(|doubt| match lang {
        Lang::En => doubt.clone(),
        Lang::Zh => chinese::chinese(doubt),
    });
    RuleLine {
        state: rule.standing(),
        firing: names(&rule.firing),
        silent: names(&rule.silent),
        doubts: doubts.collect(),
        name: rule.name.to_string(),
        file: rule.file,
        severity: rule.severity,
        on: rule.on,
        query: rule.query,
        bad,
        every_s: rule.every_s,
        for_s: rule.for_s,
        evaluated: rule.evaluated,
        series: rule.series,
    }
}

/// `/api/rules`.
pub(super) async fn rules(State(handle): State<Handle>) -> Answer {
    to_json(&handle.ask(|core, _| views(core)).await.map_err(unavailable)?)
}

/// `/api/v1/rules`, in the form of Prometheus: one group.
pub(super) async fn as_prometheus(State(handle): State<Handle>) -> Answer {
    let views = handle.ask(|core, _| views(core)).await.map_err(unavailable)?;
    let rules: Vec<Value> = views.iter().filter(|rule| !rule.is_off).map(prometheus).collect();
    let group = json!({
        "name": "cloudbrain", "file": "rules", "interval": 30, "limit": 0, "rules": rules,
        "evaluationTime": 0, "lastEvaluation": views.iter().filter_map(|view| view.evaluated).max(),
    });
    Ok(Json(json!({"status": "success", "data": {"groups": [group]}})))
}

fn prometheus(rule: &RuleView) -> Value {
    let alerts = rule.firing.iter().map(|object| {
        json!({
            "labels": {"alertname": rule.name, "severity": rule.severity, object.kind(): object.name()},
            "annotations": {}, "state": "firing",
        })
    });
    let alerts: Vec<Value> = alerts.collect();
    let health = match (rule.evaluated, rule.series) {
        (None, _) => "unknown",
        (Some(_), None) => "err",
        (Some(_), Some(_)) => "ok",
    };
    json!({
        "type": "alerting", "name": rule.name, "query": rule.query, "duration": rule.for_s,
        "keepFiringFor": 0, "labels": {"severity": rule.severity}, "annotations": {},
        "state": if alerts.is_empty() { "inactive" } else { "firing" }, "alerts": alerts,
        "health": health, "lastError": if health == "err" { rule.doubts.join("; ") } else { String::new() },
        "evaluationTime": 0, "lastEvaluation": rule.evaluated.map(|at| at.to_string()),
    })
}
