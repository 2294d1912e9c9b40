//! The rules in force and how it goes with each: for whoever wonders why one says nothing, and for
//! Grafana, which asks for them as it asks Prometheus.

use alerter::rule::RuleName;
use axum::Json;
use axum::extract::State;
use model::id::Object;
use model::signal::Severity;
use model::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::data::{Answer, to_json, unavailable};
use crate::brain::Handle;
use crate::brain::core::Core;

/// One rule, and how it was evaluated last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleView {
    pub name: RuleName,
    pub severity: Severity,
    /// In PromQL.
    pub query: String,
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
}

fn views(core: &Core) -> Vec<RuleView> {
    let rules = core.config.rules.set.iter().map(|(name, checked)| {
        let state = core.book.states().get(name);
        let evaluated = core.book.evaluated(name);
        let objects = |objects: Option<Vec<Object>>| objects.unwrap_or_default();
        RuleView {
            name: name.clone(),
            severity: checked.rule.severity,
            query: checked.expression.to_string(),
            every_s: checked.rule.every.as_secs(),
            for_s: checked.rule.hold.as_secs(),
            evaluated: evaluated.map(|evaluated| evaluated.at),
            series: evaluated.and_then(|evaluated| evaluated.series),
            firing: objects(state.map(|state| state.bad().cloned().collect())),
            silent: objects(state.map(|state| state.silent().cloned().collect())),
            doubts: evaluated.map(|evaluated| evaluated.doubts.clone()).unwrap_or_default(),
        }
    });
    rules.collect()
}

/// `/api/rules`.
pub(super) async fn rules(State(handle): State<Handle>) -> Answer {
    to_json(&handle.ask(|core, _| views(core)).await.map_err(unavailable)?)
}

/// `/api/v1/rules`, in the form of Prometheus: one group.
pub(super) async fn as_prometheus(State(handle): State<Handle>) -> Answer {
    let views = handle.ask(|core, _| views(core)).await.map_err(unavailable)?;
    let rules: Vec<Value> = views.iter().map(prometheus).collect();
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
