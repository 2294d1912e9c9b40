//! Samples in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Range;

use model::series::{Labels, MatchOp, Matcher, STALE};
use query::source::{Found, Points, Source, SourceError, Wanted};
use regex::Regex;

/// Series in the order of their labels; a series' number is its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(pub(crate) BTreeMap<Labels, Points>);

impl Memory {
    /// Adds a series as scripts write it: `up{job="x"} 0+1x3 _ 7 stale`, a value every `step_ms`.
    pub(crate) fn load(&mut self, line: &str, step_ms: i64) {
        let split = line.rfind('}').map_or_else(|| line.find(' ').unwrap(), |at| at + 1);
        let (name, values) = line.split_at(split);
        let matchers = query::api::matchers(name).unwrap();
        let labels = Labels::of(matchers.into_iter().map(|matcher| (matcher.name, matcher.value)));
        let points = self.0.entry(labels).or_default();
        let mut step = 0;
        for word in values.split_whitespace() {
            for value in expand(word) {
                if let Some(value) = value {
                    points.times.push(step * step_ms);
                    points.values.push(value);
                }
                step += 1;
            }
        }
    }
}

/// `3` is one value, `3x2` three of them, `3+1x2` is 3 4 5, `_x2` three steps without a value.
fn expand(word: &str) -> Vec<Option<f64>> {
    let (value, count) = word.split_once('x').unwrap_or((word, "0"));
    let count: usize = count.parse().unwrap();
    if value == "_" {
        return vec![None; count.max(1)];
    }
    if value == "stale" {
        return vec![Some(STALE)];
    }
    let sign = value
        .char_indices()
        .skip(1)
        .find(|(at, char)| matches!(char, '+' | '-') && !value[..*at].ends_with('e'));
    let (first, by) = sign.map_or((value, "0"), |(at, _)| value.split_at(at));
    let (first, by): (f64, f64) = (first.parse().unwrap(), by.parse().unwrap());
    (0..=count).map(|index| Some(first + by * index as f64)).collect()
}

impl Source for Memory {
    fn find(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Found>, SourceError> {
        let mut found = Vec::new();
        for (series, (labels, points)) in self.0.iter().enumerate() {
            let has_samples = points.times.iter().any(|time| times.contains(time));
            if has_samples && matchers.iter().all(|matcher| fits(matcher, labels)) {
                found.push(Found { series: series as u64, labels: labels.clone() });
            }
        }
        if found.len() > limit { Err(SourceError::TooManySeries { limit }) } else { Ok(found) }
    }

    fn read(
        &self,
        series: u64,
        times: Range<i64>,
        _: Wanted,
        points: &mut Points,
    ) -> Result<(), SourceError> {
        let kept = self.0.values().nth(series as usize).unwrap();
        let low = kept.times.partition_point(|time| *time < times.start);
        let high = kept.times.partition_point(|time| *time < times.end);
        points.times.extend_from_slice(&kept.times[low..high]);
        points.values.extend_from_slice(&kept.values[low..high]);
        Ok(())
    }
}

fn fits(matcher: &Matcher, labels: &Labels) -> bool {
    let value = labels.get(&matcher.name);
    let regex = || Regex::new(&format!("^(?s:{})$", matcher.value)).unwrap();
    match matcher.op {
        MatchOp::Equal => value == matcher.value,
        MatchOp::NotEqual => value != matcher.value,
        MatchOp::Regex => regex().is_match(value),
        MatchOp::NotRegex => !regex().is_match(value),
    }
}
