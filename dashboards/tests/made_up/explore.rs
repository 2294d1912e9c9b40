//! Made-up expressions and what they came to.

use std::time::Duration;

use dashboards::view::explore::{
    Chosen, ExploreView, Fault, FaultKind, LabelValues, Line, Outcome, Range, Show, Wish,
};
use model::series::Labels;
use model::time::Time;

use super::{NOW, ago};

const SPAN_S: u64 = 6 * 3_600;
const STEP_S: u64 = 60;

/// Six VMs over six hours: one falls silent for a while, one came later, one is gone.
pub(crate) fn chart() -> ExploreView {
    let query = r#"load1_per_core{module="shop/web"}"#;
    let lines = (0..6).map(|vm| Line { labels: labels(vm), points: points(vm) }).collect();
    explored(query, lines_of(lines))
}

/// More series than anybody can follow.
pub(crate) fn crowd() -> ExploreView {
    let line = |vm| Line { labels: labels(vm), points: points(vm) };
    explored("load1_per_core", lines_of((0..120).map(line).collect()))
}

/// A unit, and values far from zero.
pub(crate) fn bytes() -> ExploreView {
    let points = (0..=SPAN_S / STEP_S).map(|step| {
        let bytes = 12.4e9 + 0.9e9 * (step as f64 / 40.0).sin();
        (ago(SPAN_S - step * STEP_S), bytes)
    });
    let labels = Labels::of([("__name__", "system_memory_usage_bytes"), ("vm", "vm-1")]);
    let line = Line { labels, points: points.collect() };
    explored(r#"system_memory_usage_bytes{vm="vm-1"}"#, lines_of(vec![line]))
}

/// Values at one moment.
pub(crate) fn table() -> ExploreView {
    let mut view = explored(r#"topk(3, load1_per_core{module="shop/web"})"#, Outcome::NotAsked);
    view.wish.show = Show::Values;
    let rows = [(3, 1.312), (0, 0.6123), (5, 0.004)].map(|(vm, value)| (labels(vm), value));
    view.outcome = Outcome::Values { at: NOW, rows: rows.to_vec() };
    view
}

/// An expression that is none.
pub(crate) fn error() -> ExploreView {
    let what = "unexpected character: '}'".to_owned();
    let kind = FaultKind::Unreadable { line: 1, column: 50 };
    let query = r#"avg by (vm) (load1_per_core{module="shop/web"}[5m}"#;
    explored(query, Outcome::Fault(Fault { kind, what }))
}

/// An expression that finds nothing.
pub(crate) fn nothing() -> ExploreView {
    explored(r#"load1_per_core{module="shop/wep"}"#, lines_of(Vec::new()))
}

/// The page as it is when somebody comes to it.
pub(crate) fn fresh() -> ExploreView {
    let mut view = explored("", Outcome::NotAsked);
    view.wish = Wish::default();
    view.chosen = None;
    view
}

fn explored(query: &str, outcome: Outcome) -> ExploreView {
    let wish = Wish { query: query.to_owned(), range: Range::SixHours, ..Wish::default() };
    let metrics = [
        "load1_per_core",
        "mysql_global_status_threads_running",
        "redis_memory_used_bytes",
        "system_cpu_utilization",
        "system_filesystem_utilization",
        "system_memory_usage_bytes",
        "system_network_connection_count",
        "system_network_io_bytes_total",
        "system_thread_count",
        "system_uptime_seconds",
        "up",
    ];
    ExploreView {
        wish,
        outcome,
        metrics: metrics.map(str::to_owned).to_vec(),
        metric_count: 348,
        chosen: Some(chosen()),
    }
}

fn chosen() -> Chosen {
    let label = |name: &str, values: &[&str], count| LabelValues {
        name: name.to_owned(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        count,
    };
    Chosen {
        name: "load1_per_core".to_owned(),
        help: "load per core, exponential mean over one minute".to_owned(),
        labels: vec![
            label("host", &["h1", "h2"], 2),
            label("module", &["shop/checkout", "shop/web"], 2),
            label("project", &["shop"], 1),
            label("vm", &["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"], 118),
        ],
    }
}

fn lines_of(series: Vec<Line>) -> Outcome {
    let (from, step) = (ago(SPAN_S), Duration::from_secs(STEP_S));
    Outcome::Lines { from, until: NOW, step, series }
}

fn labels(vm: u64) -> Labels {
    let vm = format!("vm-{}", vm + 1);
    let host = if vm.ends_with(['1', '3', '5']) { "h1" } else { "h2" };
    Labels::of([
        ("__name__", "load1_per_core"),
        ("host", host),
        ("module", "shop/web"),
        ("project", "shop"),
        ("vm", &vm),
    ])
}

fn points(vm: u64) -> Vec<(Time, f64)> {
    let is_there = |step: u64| match vm {
        1 => !(120..170).contains(&step),
        2 => step > 200,
        4 => step < 150,
        _ => true,
    };
    let steps = (0..=SPAN_S / STEP_S).filter(|step| is_there(*step));
    steps.map(|step| (ago(SPAN_S - step * STEP_S), load(vm, step))).collect()
}

fn load(vm: u64, step: u64) -> f64 {
    let (vm, step) = (vm as f64, step as f64);
    let rush = (-((step - 260.0 - vm) / 30.0).powi(2)).exp();
    let noise = ((step * 7.3 + vm * 31.0).sin() * 43_758.5).fract().abs();
    0.3 + 0.05 * (vm % 7.0) + 0.7 * rush / (1.0 + vm / 4.0) + 0.06 * noise
}
