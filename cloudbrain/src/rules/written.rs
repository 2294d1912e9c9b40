//! Series as people write them for a test, in the notation of promtool, and as samples that can be
//! asked.
//!
//! Invariants: what a text stands for is bounded by [`MAX_VALUES`] before any memory is taken.

use std::ops::Range;

use model::series::{Labels, MatchOp, Matcher, STALE};
use query::source::{Found, Points, Source, SourceError, Wanted};
use regex::Regex;

/// Values of one series.
pub const MAX_VALUES: usize = 100_000;
/// Series of one test.
pub const MAX_SERIES: usize = 10_000;

/// Why a text is no series or no values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrittenError {
    #[error("{0:?} is no series; write for example up{{vm=\"web-1\"}}")]
    Series(String),
    #[error(
        "{0:?} is no value; write numbers, 0+10x100 (from 0 by 10, a hundred times), 5x3, _, _x3 \
         or stale"
    )]
    Value(String),
    #[error("more than {MAX_VALUES} values; write fewer, or a longer interval")]
    TooMany,
}

/// One part of a text of values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    None { count: usize },
    Values { first: f64, step: f64, count: usize },
    Stale,
}

/// Reads `up{vm="web-1"}`.
pub fn series(text: &str) -> Result<Labels, WrittenError> {
    let wrong = || WrittenError::Series(text.chars().take(80).collect());
    let matchers = query::api::matchers(text).map_err(|_| wrong())?;
    let is_label = |matcher: &Matcher| matcher.op == MatchOp::Equal;
    if !matchers.iter().all(is_label) {
        return Err(wrong());
    }
    Ok(Labels::of(matchers.into_iter().map(|matcher| (matcher.name, matcher.value))))
}

/// Reads `0+10x100 _ 5x3 stale`: one value each interval, None where there is none.
pub fn values(text: &str) -> Result<Vec<Option<f64>>, WrittenError> {
    let mut values = Vec::new();
    for word in text.split_whitespace() {
        let wrong = || WrittenError::Value(word.chars().take(40).collect());
        let item = item(word).ok_or_else(wrong)?;
        let count = match item {
            Item::None { count } | Item::Values { count, .. } => count,
            Item::Stale => 1,
        };
        if count > MAX_VALUES - values.len() {
            return Err(WrittenError::TooMany);
        }
        values.extend((0..count).map(|number| match item {
            Item::None { .. } => None,
            Item::Values { first, step, .. } => Some(first + step * number as f64),
            Item::Stale => Some(STALE),
        }));
    }
    Ok(values)
}

fn item(word: &str) -> Option<Item> {
    if word == "stale" {
        return Some(Item::Stale);
    }
    // A count comes last, and no number has an x in it.
    let (head, times) = match word.rsplit_once('x') {
        Some((head, times)) => (head, Some(times.parse::<usize>().ok()?)),
        None => (word, None),
    };
    if head == "_" {
        return Some(Item::None { count: times.unwrap_or(1) });
    }
    // `5x3` is 5 and three more, as promtool has it.
    let count = times.map_or(Some(1), |times| times.checked_add(1))?;
    let (first, step) = match (number(head), times) {
        (Some(first), _) => (first, 0.0),
        (None, Some(_)) => first_and_step(head)?,
        (None, None) => return None,
    };
    Some(Item::Values { first, step, count })
}

/// `0+10`, `-1-2`, `1e5+2e-3`.
fn first_and_step(head: &str) -> Option<(f64, f64)> {
    let signs = head.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
    signs
        .map(|(at, _)| head.split_at(at))
        .find_map(|(first, step)| Some((number(first)?, number(step)?)))
}

fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    match digits {
        "NaN" => Some(f64::NAN),
        "Inf" => Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        _ if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok(),
        _ => None,
    }
}

/// Samples that were written down.
#[derive(Clone, Debug, Default)]
pub struct Written {
    series: Vec<(Labels, Points)>,
}

impl Written {
    /// Adds a series with one value each interval from 0 on; of a series given twice all count.
    pub fn add(&mut self, labels: Labels, interval_ms: i64, values: &[Option<f64>]) {
        let mut points = Points::default();
        for (number, value) in values.iter().enumerate() {
            if let Some(value) = value {
                points.times.push(interval_ms.saturating_mul(number as i64));
                points.values.push(*value);
            }
        }
        let place = self.series.partition_point(|(known, _)| *known <= labels);
        self.series.insert(place, (labels, points));
    }

    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

impl Source for Written {
    fn find(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Found>, SourceError> {
        let tests = matchers.iter().map(test).collect::<Result<Vec<_>, _>>()?;
        let numbered = (0..).zip(&self.series);
        let fitting = numbered.filter(|(_, (labels, points))| {
            let has_times = points.times.iter().any(|time| times.contains(time));
            has_times && tests.iter().all(|test| test(labels))
        });
        let found: Vec<Found> =
            fitting.map(|(series, (labels, _))| Found { series, labels: labels.clone() }).collect();
        if found.len() > limit {
            return Err(SourceError::TooManySeries { limit });
        }
        Ok(found)
    }

    fn read(
        &self,
        series: u64,
        times: Range<i64>,
        _: Wanted,
        points: &mut Points,
    ) -> Result<(), SourceError> {
        let known = usize::try_from(series).ok().and_then(|at| self.series.get(at));
        let Some((_, all)) = known else { return Ok(()) };
        for (time, value) in all.times.iter().zip(&all.values) {
            if times.contains(time) {
                points.times.push(*time);
                points.values.push(*value);
            }
        }
        Ok(())
    }
}

type Test = Box<dyn Fn(&Labels) -> bool>;

fn test(matcher: &Matcher) -> Result<Test, SourceError> {
    let Matcher { name, op, value } = matcher.clone();
    let bad = |_| SourceError::BadPattern { label: name.clone(), pattern: value.clone() };
    Ok(match op {
        MatchOp::Equal => Box::new(move |labels| labels.get(&name) == value),
        MatchOp::NotEqual => Box::new(move |labels| labels.get(&name) != value),
        MatchOp::Regex => {
            let pattern = Regex::new(&format!("^(?s:{value})$")).map_err(bad)?;
            Box::new(move |labels| pattern.is_match(labels.get(&name)))
        }
        MatchOp::NotRegex => {
            let pattern = Regex::new(&format!("^(?s:{value})$")).map_err(bad)?;
            Box::new(move |labels| !pattern.is_match(labels.get(&name)))
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        match values(text) {
            Err(error) => error.to_string(),
            Ok(values) => {
                let each =
                    values.iter().map(|value| value.map_or("_".to_owned(), |v| v.to_string()));
                each.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn values_are_read_as_promtool_reads_them() {
        let cases = [
            ("1 2 3", "1 2 3"),
            ("0+10x3", "0 10 20 30"),
            ("-2+4x3", "-2 2 6 10"),
            ("1-2x4", "1 -1 -3 -5 -7"),
            ("1x3", "1 1 1 1"),
            ("_x3 1 _", "_ _ _ 1 _"),
            ("1e2+5e-1x1", "100 100.5"),
            ("-1-2x1 .5", "-1 -3 0.5"),
            ("NaN Inf -Inf", "NaN inf -inf"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert!(model::series::is_stale(values("stale").unwrap()[0].unwrap()));
    }

    #[test]
    fn what_is_no_value_is_refused_with_what_to_write() {
        for text in ["x", "1x", "1+x3", "1+2", "a+1x3", "_+1x2", "0+1x-2", "infinity", "1xx2", "+"]
        {
            assert!(shown(text).contains("is no value; write"), "{text}: {}", shown(text));
        }
        for text in ["1x100000", "1x99999 1", "0+1x18446744073709551615", "_x100001"] {
            let told = shown(text);
            assert!(told.contains("values; write") || told.contains("no value"), "{text}: {told}");
        }
        for text in ["", "up{", "up{vm!=\"x\"}", "up{vm=~\"x\"}", "rate(up[5m])", "{}"] {
            assert!(series(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_read_or_refused_within_bounds(text in any::<String>()) {
            let _ = series(&text);
            prop_assert!(values(&text).map_or(0, |values| values.len()) <= MAX_VALUES);
        }

        #[test]
        fn a_text_that_is_nearly_right_is_read_or_refused_within_bounds(
            text in "(-?[0-9.]{1,3}([+-][0-9e.]{1,3})?(x[0-9]{1,9})?|_|_x[0-9]{1,7}|stale|[+x_ -]){0,8}",
            cut in 0..40_usize,
        ) {
            let text: String = text.chars().skip(cut % 3).take(cut).collect();
            prop_assert!(values(&text).map_or(0, |values| values.len()) <= MAX_VALUES);
        }
    }
}
