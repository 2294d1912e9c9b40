//! `/explore`: an expression, evaluated over the sample store, as a page.
//!
//! It asks the same engine as `/api/v1/query` and its kin, within tighter bounds: nobody reads a
//! chart of more. It works off the runtime's threads and ends at its deadline. It does not wait for
//! the brain: the samples are there even while that is busy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Html;
use dashboards::view::explore::{
    Chosen, ExploreView, Fault, FaultKind, LabelValues, Line, Outcome, Show, Wish,
};
use model::clock::SharedClock;
use model::lang::Lang;
use model::metric;
use model::series::{METRIC_NAME, MatchOp, Matcher};
use model::time::Time;
use query::source::{Found, Source as _, SourceError};
use query::{Expression, Limits, ParseError, QueryError, Series, Value};
use samples::Samples;

use super::pages::Reader;
use crate::brain::Handle;

/// Somebody waits for the page this long at most.
const WITHIN: Duration = Duration::from_secs(10);
const MAX_SAMPLES: usize = 5_000_000;
/// Names and values beyond these are counted; the page shows fewer still.
const MOST_METRICS: usize = 200;
const MOST_VALUES: usize = 50;
/// Labels are gathered of so many series.
const MAX_SERIES: usize = 100_000;

/// Where times and words come from.
#[derive(Clone, Debug)]
struct Surroundings {
    clock: SharedClock,
    zone: String,
    lang: Lang,
}

pub(super) async fn explore(
    State(handle): State<Handle>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Html<String> {
    let reader = Reader::of(&headers);
    let query = query.unwrap_or_default();
    let wish = Wish::of(form_urlencoded::parse(query.as_bytes()));
    let zone = handle.ask(|core, _| core.config.raw.timezone.clone()).await;
    let zone = zone.unwrap_or_else(|_| "UTC".to_owned());
    let around =
        Surroundings { clock: handle.clock.clone(), zone: zone.clone(), lang: reader.lang };
    let view = handle.recorder.run(move |samples| view(samples, wish, &around)).await;
    Html(dashboards::explore_page(&view, &reader.at(handle.clock.now(), zone)))
}

fn view(samples: &Samples, wish: Wish, around: &Surroundings) -> ExploreView {
    let (metrics, metric_count) = metrics(samples, &wish.filter);
    let chosen = wish.metric().and_then(|metric| chosen(samples, metric, around.lang));
    let outcome = match wish.query.is_empty() {
        true => Outcome::NotAsked,
        false => outcome(samples, &wish, around).unwrap_or_else(Outcome::Fault),
    };
    ExploreView { wish, outcome, metrics, metric_count, chosen }
}

/// The first names that contain a text, and how many there are.
fn metrics(samples: &Samples, filter: &str) -> (Vec<String>, usize) {
    let filter = filter.to_lowercase();
    let mut names = samples.label_values(METRIC_NAME, &[]).unwrap_or_default();
    names.retain(|name| name.to_lowercase().contains(&filter));
    names.sort();
    let count = names.len();
    names.truncate(MOST_METRICS);
    (names, count)
}

/// None if there is no such metric, or too much of it.
fn chosen(samples: &Samples, name: &str, lang: Lang) -> Option<Chosen> {
    let (op, value) = (MatchOp::Equal, name.to_owned());
    let matchers = [Matcher { name: METRIC_NAME.to_owned(), op, value }];
    let found = samples.find(&matchers, i64::MIN..i64::MAX, MAX_SERIES).ok()?;
    if found.is_empty() {
        return None;
    }
    let help = metric::by_name(name).map_or("", |metric| metric.help);
    let help = lang.pick(help, "").to_owned();
    Some(Chosen { name: name.to_owned(), help, labels: labels(&found) })
}

fn labels(found: &[Found]) -> Vec<LabelValues> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in found.iter().flat_map(|found| found.labels.iter()) {
        if name != METRIC_NAME {
            values.entry(name).or_default().insert(value);
        }
    }
    let labels = values.into_iter().map(|(name, values)| LabelValues {
        name: name.to_owned(),
        count: values.len(),
        values: values.into_iter().take(MOST_VALUES).map(str::to_owned).collect(),
    });
    labels.collect()
}

fn outcome(samples: &Samples, wish: &Wish, around: &Surroundings) -> Result<Outcome, Fault> {
    let times = wish.times(around.clock.now(), &around.zone);
    let (from, until) = times.map_err(|_| Fault {
        kind: FaultKind::Times,
        what: around.lang.pick("the times cannot be read", "时间无法识别").to_owned(),
    })?;
    let expression = Expression::parse(&wish.query).map_err(|error| fault(error.into()))?;
    let ends = around.clock.elapsed() + WITHIN;
    let stop = || around.clock.elapsed() > ends;
    let limits = Limits { stop: &stop, max_samples: MAX_SAMPLES, ..Limits::default() };
    match wish.show {
        Show::Lines => {
            let step = Wish::step(from, until);
            let step_ms = step.as_millis() as i64;
            let series = expression.range(samples, from.millis(), until.millis(), step_ms, limits);
            let series = series.map_err(fault)?.into_iter().map(line).collect();
            Ok(Outcome::Lines { from, until, step, series })
        }
        Show::Values => {
            let value = expression.instant(samples, until.millis(), limits).map_err(fault)?;
            values(value, until)
        }
    }
}

fn line(series: Series) -> Line {
    let points = series.points.times.into_iter().zip(series.points.values);
    let points = points.map(|(at, value)| (Time::from_millis(at), value));
    Line { labels: series.labels, points: points.collect() }
}

fn values(value: Value, at: Time) -> Result<Outcome, Fault> {
    match value {
        Value::Vector(samples) => {
            let rows = samples.into_iter().map(|sample| (sample.labels, sample.value)).collect();
            Ok(Outcome::Values { at, rows })
        }
        Value::Scalar(point) => {
            Ok(Outcome::Values { at, rows: vec![(Default::default(), point.value)] })
        }
        Value::String { text, .. } => Ok(Outcome::Text(text)),
        Value::Matrix(_) => Err(Fault {
            kind: FaultKind::Refused,
            what: "a range vector has many values of each series: \
                   put it into a function such as rate() or last_over_time()"
                .to_owned(),
        }),
    }
}

fn fault(error: QueryError) -> Fault {
    let what = error.to_string();
    let (kind, what) = match error {
        QueryError::Parse(ParseError { line, column, what }) => {
            (FaultKind::Unreadable { line, column }, what)
        }
        QueryError::Invalid(_) | QueryError::Execution(_) => (FaultKind::Refused, what),
        QueryError::TooManySamples { .. } => (FaultKind::TooMuch, what),
        QueryError::Stopped => (FaultKind::TimedOut, what),
        QueryError::Source(SourceError::TooManySeries { .. }) => (FaultKind::TooMuch, what),
        QueryError::Source(SourceError::BadPattern { .. }) => (FaultKind::Refused, what),
        QueryError::Source(SourceError::Unreadable(cause)) => {
            (FaultKind::Unavailable, cause.to_string())
        }
    };
    Fault { kind, what }
}
