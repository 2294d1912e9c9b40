//! One number of many series, and how far it may be trusted.
//!
//! The scaler and the rules ask for "the mean CPU of the VMs that serve this module", and must not
//! act on half of them. An expression would give the number alone. So this asks the same samples
//! for the number, for whose samples are in it, for how old they are, and, if there is no number,
//! for the reason.
//!
//! It reads the latest sample of each series and nothing else. Values that are no numbers are left
//! out and counted; a series that has ended is as good as none.

use std::collections::BTreeSet;
use std::time::Duration;

use model::series::{Matcher, is_stale};
use model::time::Time;

use crate::engine::{mean, quantile};
use crate::source::{Points, Source, SourceError, Wanted};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub matchers: &'a [Matcher],
    pub at: Time,
    /// Only samples younger than this count.
    pub window: Duration,
    pub statistic: Statistic,
    /// Whose samples ought to be there, if that is known.
    pub expected: Option<Expected<'a>>,
    /// More series than this are an error.
    pub max_series: usize,
}

/// Values of one label, each of which ought to have a sample.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// For example `vm`.
    pub label: &'a str,
    pub values: &'a BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    Mean,
    Min,
    Max,
    Sum,
    /// From 0 to 1; between two values it is interpolated.
    Quantile(f64),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub value: Result<f64, NoValue>,
    /// How many series the value is made of.
    pub series: usize,
    /// Series that matched and gave nothing: too old, ended, or no number.
    pub left_out: usize,
    /// Of the expected, who had a sample; none if nobody was expected by name.
    pub covered: usize,
    /// Of the expected, who had none, in order.
    pub missing: Vec<String>,
    /// Of the samples the value is made of.
    pub newest_age: Option<Duration>,
    pub oldest_age: Option<Duration>,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    #[error("no series matches")]
    NoSeries,
    #[error("none of {series} series has a sample within {window:?}")]
    NoSamples { series: usize, window: Duration },
    #[error("all of {series} series have ended")]
    Ended { series: usize },
    #[error("none of {series} series has a number for a value")]
    NoNumbers { series: usize },
}

/// Answers a question.
pub fn over(source: &dyn Source, question: &Question<'_>) -> Result<Aggregate, SourceError> {
    let at_ms = question.at.millis();
    let window_ms = i64::try_from(question.window.as_millis()).unwrap_or(i64::MAX);
    let times = at_ms.saturating_sub(window_ms).saturating_add(1)..at_ms.saturating_add(1);
    let found = source.find(question.matchers, times.clone(), question.max_series)?;
    let mut tally = Tally { found: found.len(), ..Tally::default() };
    let mut points = Points::default();
    for series in &found {
        points.times.clear();
        points.values.clear();
        source.read(series.series, times.clone(), Wanted::Last, &mut points)?;
        let label = question.expected.map_or("", |expected| series.labels.get(expected.label));
        tally.add(&points, label);
    }
    Ok(tally.answer(question))
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Tally {
    found: usize,
    ended: usize,
    no_numbers: usize,
    values: Vec<f64>,
    newest: Option<i64>,
    oldest: Option<i64>,
    names: BTreeSet<String>,
}

impl Tally {
    fn add(&mut self, points: &Points, name: &str) {
        let (Some(time), Some(value)) = (points.times.last(), points.values.last()) else {
            return;
        };
        if is_stale(*value) {
            self.ended += 1;
        } else if value.is_nan() {
            self.no_numbers += 1;
        } else {
            self.values.push(*value);
            self.newest = Some(self.newest.map_or(*time, |newest| newest.max(*time)));
            self.oldest = Some(self.oldest.map_or(*time, |oldest| oldest.min(*time)));
            self.names.insert(name.to_owned());
        }
    }

    fn answer(mut self, question: &Question<'_>) -> Aggregate {
        let series = self.values.len();
        let age = |time_ms: i64| question.at.since(Time::from_millis(time_ms));
        let mut missing = Vec::new();
        let mut covered = 0;
        if let Some(expected) = question.expected {
            let absent = expected.values.iter().filter(|name| !self.names.contains(*name));
            missing.extend(absent.cloned());
            covered = expected.values.len() - missing.len();
        }
        Aggregate {
            value: self.value(question),
            series,
            left_out: self.found - series,
            covered,
            missing,
            newest_age: self.newest.map(age),
            oldest_age: self.oldest.map(age),
        }
    }

    fn value(&mut self, question: &Question<'_>) -> Result<f64, NoValue> {
        let (series, window) = (self.found, question.window);
        let Some(first) = self.values.first().copied() else {
            return Err(match series {
                0 => NoValue::NoSeries,
                _ if self.ended == series => NoValue::Ended { series },
                _ if self.no_numbers > 0 => NoValue::NoNumbers { series },
                _ => NoValue::NoSamples { series, window },
            });
        };
        let values = &mut self.values;
        Ok(match question.statistic {
            Statistic::Mean => mean(values),
            Statistic::Min => values.iter().copied().fold(first, f64::min),
            Statistic::Max => values.iter().copied().fold(first, f64::max),
            Statistic::Sum => values.iter().sum(),
            Statistic::Quantile(share) => quantile(share, values),
        })
    }
}
