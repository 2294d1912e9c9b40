//! What evaluating costs, beside reading: the samples are in memory already.
//!
//! The questions are those a busy page asks: a rate over every VM of a fleet, the mean of one
//! module, the ten highest, and the writing of what came.

use std::ops::Range;

use divan::{Bencher, black_box};
use model::series::{Labels, MatchOp, Matcher};
use query::source::{Found, Points, Source, SourceError, Wanted};
use query::{Expression, Limits, api};

const SERIES: usize = 1_000;
const POINTS: i64 = 1_440;
const EVERY_MS: i64 = 15_000;
const END_MS: i64 = POINTS * EVERY_MS;
const EVALUATES: &str = "what is measured here is valid and in memory";

fn main() {
    divan::main();
}

/// A thousand series of fifty modules, six hours at 15 s.
struct Fleet {
    labels: Vec<Labels>,
    points: Points,
}

impl Fleet {
    fn new() -> Self {
        let labels = |index: usize| {
            Labels::of([
                ("__name__", "x".to_owned()),
                ("vm", format!("web-{index}")),
                ("module", format!("shop/{:02}", index / 20)),
                ("instance", format!("10.0.{}.{}:9100", index / 250, index % 250)),
            ])
        };
        let value = |index| (index * 7 % 1000 + index / 200 * 3) as f64;
        Self {
            labels: (0..SERIES).map(labels).collect(),
            points: Points {
                times: (0..POINTS).map(|index| index * EVERY_MS).collect(),
                values: (0..POINTS).map(value).collect(),
            },
        }
    }
}

impl Source for Fleet {
    fn find(
        &self,
        matchers: &[Matcher],
        _: Range<i64>,
        _: usize,
    ) -> Result<Vec<Found>, SourceError> {
        let fits = |labels: &Labels| {
            let equal = |matcher: &Matcher| labels.get(&matcher.name) == matcher.value;
            matchers.iter().all(|matcher| matcher.op == MatchOp::Equal && equal(matcher))
        };
        let found = self.labels.iter().enumerate().filter(|(_, labels)| fits(labels));
        Ok(found
            .map(|(series, labels)| Found { series: series as u64, labels: labels.clone() })
            .collect())
    }

    fn read(
        &self,
        _: u64,
        times: Range<i64>,
        _: Wanted,
        points: &mut Points,
    ) -> Result<(), SourceError> {
        let low = self.points.times.partition_point(|time| *time < times.start);
        let high = self.points.times.partition_point(|time| *time < times.end);
        points.times.extend_from_slice(&self.points.times[low..high]);
        points.values.extend_from_slice(&self.points.values[low..high]);
        Ok(())
    }
}

/// Finding and reading alone, to be taken off the figures below.
#[divan::bench(args = [("whole", 0), ("latest", END_MS - 300_000)])]
fn reading_a_thousand_series(bencher: Bencher<'_, '_>, (_, start_ms): (&str, i64)) {
    let fleet = Fleet::new();
    let matcher = Matcher { name: "__name__".into(), op: MatchOp::Equal, value: "x".into() };
    bencher.bench(|| {
        let mut points = Points::default();
        for found in fleet.find(std::slice::from_ref(&matcher), 0..END_MS, SERIES).expect(EVALUATES)
        {
            points.times.clear();
            points.values.clear();
            fleet.read(found.series, start_ms..END_MS, Wanted::Last, &mut points).expect(EVALUATES);
            black_box(&points);
        }
    });
}

#[divan::bench(args = [
    "sum by (module) (rate(x[5m]))",
    "sum by (module) (x)",
    "max by (module) (max_over_time(x[1h]))",
    "avg(x{module=\"shop/07\"})",
    "topk(5, rate(x[5m]))",
    "quantile by (module) (0.9, rate(x[5m]))",
    "rate(x[5m]) / on(vm) group_left x",
])]
fn range_of_359_steps(bencher: Bencher<'_, '_>, text: &str) {
    let fleet = Fleet::new();
    let expression = Expression::parse(text).expect(EVALUATES);
    let start_ms = END_MS - 358 * 60_000;
    bencher.bench(|| {
        expression.range(&fleet, start_ms, END_MS, 60_000, Limits::default()).expect(EVALUATES)
    });
}

#[divan::bench(args = [
    "topk(10, x)",
    "sum by (module) (rate(x[5m]))",
    "avg(x{module=\"shop/07\"})",
    "x",
])]
fn instant(bencher: Bencher<'_, '_>, text: &str) {
    let fleet = Fleet::new();
    let expression = Expression::parse(text).expect(EVALUATES);
    bencher.bench(|| expression.instant(&fleet, END_MS, Limits::default()).expect(EVALUATES));
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let text =
        "sum by (module) (rate(x{vm=~\"web-.*\"}[5m])) / on(module) group_left(zone) y > 0.5";
    bencher.bench(|| Expression::parse(black_box(text)).expect(EVALUATES));
}

#[divan::bench]
fn write_20_000_points(bencher: Bencher<'_, '_>) {
    let fleet = Fleet::new();
    let expression = Expression::parse("x{module=\"shop/07\"} / 3").expect(EVALUATES);
    let series =
        expression.range(&fleet, 0, 999 * 15_000, 15_000, Limits::default()).expect(EVALUATES);
    assert_eq!(series.iter().map(|one| one.points.times.len()).sum::<usize>(), 20_000);
    bencher.bench(|| {
        let mut out = Vec::new();
        api::series(&series, &[], &mut out);
        out
    });
}
