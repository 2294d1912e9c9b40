//! A range query is nothing but many instant queries, however it is worked out.
//!
//! The engine slides windows, walks samples once and folds series as they come; an instant query
//! has one step and slides nothing. So each checks the other.

use std::collections::BTreeMap;

use model::series::{Labels, STALE};
use proptest::prelude::*;
use query::source::Points;
use query::{Limits, Value};

use crate::memory::Memory;

/// One of each kind of walk through the samples.
const EXPRESSIONS: &[&str] = &[
    "n",
    "n offset 90s",
    "n offset -90s",
    "timestamp(n)",
    "rate(n[4m])",
    "delta(n[3m])",
    "increase(n[2m] offset 1m)",
    "irate(n[5m])",
    "changes(n[5m])",
    "resets(n[5m])",
    "count_over_time(n[3m])",
    "sum_over_time(n[4m])",
    "avg_over_time(n[4m])",
    "min_over_time(n[4m])",
    "max_over_time(n[1m])",
    "quantile_over_time(0.3, n[4m])",
    "deriv(n[5m])",
    "predict_linear(n[5m], 60)",
    "absent_over_time(n{vm=\"a\"}[2m])",
    "absent(n{vm=\"b\"})",
    "sum(n)",
    "avg without (vm) (n)",
    "topk(2, n)",
    "bottomk by (job) (1, rate(n[3m]))",
    "quantile(0.5, n)",
    "count_values(\"value\", n)",
    "n + on(vm) n offset 1m",
    "n > on() group_left avg(n)",
    "n and on(vm) (n offset 1m > 2)",
    "n unless n offset 1m > 2",
    "(n > 2) or (n offset 1m)",
    "n * scalar(n{vm=\"a\"})",
    "label_replace(n > 2, \"vm\", \"\", \"vm\", \".*\")",
    "max_over_time(n[5m:1m])",
    "sum_over_time(rate(n[2m])[5m:47s])",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_range_is_many_instants(
        memory in memory(),
        which in prop::sample::select(EXPRESSIONS),
        start in 0_i64..400,
        step in 1_i64..200,
    ) {
        let (start_ms, step_ms) = (start * 1000, step * 1000);
        let end_ms = start_ms + 12 * step_ms;
        let limits = Limits::default();
        let range = query::range(&memory, which, start_ms, end_ms, step_ms, limits);
        let mut expected: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        for at_ms in (start_ms..=end_ms).step_by(step_ms as usize) {
            match query::instant(&memory, which, at_ms, limits) {
                Ok(Value::Vector(samples)) => for sample in samples {
                    expected.entry(sample.labels).or_default().push((at_ms, sample.value));
                },
                Ok(other) => prop_assert!(false, "{other:?}"),
                Err(_) => {
                    prop_assert!(range.is_err());
                    return Ok(());
                }
            }
        }
        let Ok(range) = range else {
            prop_assert!(false, "only the range fails: {range:?}");
            return Ok(());
        };
        prop_assert_eq!(range.len(), expected.len());
        for (series, (labels, points)) in range.iter().zip(&expected) {
            prop_assert_eq!(&series.labels, labels);
            let times: Vec<i64> = points.iter().map(|(time, _)| *time).collect();
            prop_assert_eq!(&series.points.times, &times);
            for (ours, (_, value)) in series.points.values.iter().zip(points) {
                prop_assert!(close(*ours, *value), "{} is not {}", ours, value);
            }
        }
    }
}

/// Sliding adds in another order than going through a window does.
fn close(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

fn memory() -> impl Strategy<Value = Memory> {
    let series = prop::collection::vec((1_i64..150, value()), 0..25);
    prop::collection::vec(series, 3).prop_map(|all| {
        let mut memory = Memory::default();
        for (name, samples) in ["a", "b", "c"].iter().zip(all) {
            let job = if *name == "c" { "db" } else { "web" };
            let labels = Labels::of([("__name__", "n"), ("vm", *name), ("job", job)]);
            let mut points = Points::default();
            let mut time_ms = 0;
            for (gap, value) in samples {
                time_ms += gap * 1000;
                points.times.push(time_ms);
                points.values.push(value);
            }
            memory.0.insert(labels, points);
        }
        memory
    })
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0_i32..6).prop_map(f64::from),
        2 => -100.0..100.0,
        1 => prop::sample::select(vec![f64::NAN, STALE, f64::INFINITY, 1e300, -1e300]),
    ]
}
