//! Series: what the sample store keeps, whoever measured it.
//!
//! A series is a set of labels; `__name__` among them is the metric. What one look at one target
//! brings belongs together: many series, one time. So it travels as a [`Row`], whose [`Shape`]
//! names the series once and is shared by all rows of that target for as long as they bring the
//! same. That is why a time stamp is stored once per look and not once per value.

use std::fmt;
use std::sync::Arc;

use crate::time::Time;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// In a row: this series has no value this time. A NaN whose bits no measurement gives.
pub const ABSENT: f64 = f64::from_bits(0x7ff0_0000_0000_0b5e);

/// In a row: this series has ended, and its last value must not be taken for the present one.
/// The bits are those of Prometheus's staleness marker.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Compares bits, since NaN is not equal to itself.
pub fn is_absent(value: f64) -> bool {
    value.to_bits() == ABSENT.to_bits()
}

/// Compares bits, since NaN is not equal to itself.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// Names and values, in the order of their names; each name once, no value empty (an empty value
/// means that the label is not there). Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

/// Of several series, those that have one thing in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
}

/// How a [`Matcher`] compares. A regular expression must match the whole value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

/// Which series the values of a row belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What all its series have in common, for example `instance`, `vm`, `module`.
    pub common: Labels,
    /// What each has of its own; none of these names is in `common`, and `__name__` in one of both.
    pub columns: Vec<Labels>,
}

/// What one look brought: one time, one value per column of its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Who keeps the same `Arc` for the next row spares the store a search.
    pub shape: Arc<Shape>,
    /// By the clock of the source where it has one.
    pub at: Time,
    /// As many as the shape has columns; [`ABSENT`] and [`STALE`] are no values.
    pub values: Vec<f64>,
}

impl Labels {
    /// Sorts, drops empty values; of a name given twice the last counts.
    pub fn of<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Arc<str>>,
    {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        let sorted: std::collections::BTreeMap<Arc<str>, Arc<str>> = pairs.collect();
        Self(sorted.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The labels of a metric that has none of its own.
    pub fn metric(name: &str) -> Self {
        Self::of([(METRIC_NAME, name)])
    }

    /// A label's value; empty where there is no such label.
    pub fn get(&self, name: &str) -> &str {
        self.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The pairs as they are kept, for who wants to share them.
    pub fn pairs(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.0
    }

    /// Whether a clone of it lives somewhere.
    pub fn is_held_elsewhere(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Both together; where both have a label, `other` counts.
    pub fn with(&self, other: &Self) -> Self {
        Self::of(self.0.iter().chain(other.0.iter()).cloned())
    }
}

/// As Prometheus writes a series: `load1{module="shop/web"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get(METRIC_NAME))?;
        let mut rest = self.iter().filter(|(name, _)| *name != METRIC_NAME).peekable();
        if rest.peek().is_none() && !self.get(METRIC_NAME).is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (at, (name, value)) in rest.enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes rows of named readings, and keeps one shape for as long as the names stay the same.
#[derive(Clone, Debug)]
pub struct Shaper {
    shape: Arc<Shape>,
}

impl Shaper {
    pub fn new(common: Labels) -> Self {
        Self { shape: Arc::new(Shape { common, columns: Vec::new() }) }
    }

    pub fn row(&mut self, at: Time, readings: impl IntoIterator<Item = (Labels, f64)>) -> Row {
        let (columns, values): (Vec<Labels>, Vec<f64>) = readings.into_iter().unzip();
        if self.shape.columns != columns {
            let common = self.shape.common.clone();
            self.shape = Arc::new(Shape { common, columns });
        }
        Row { shape: self.shape.clone(), at, values }
    }

    /// Says that all series of the last row have ended; none if there were none.
    pub fn stale(&mut self, at: Time) -> Option<Row> {
        let columns = self.shape.columns.len();
        (columns > 0).then(|| Row { shape: self.shape.clone(), at, values: vec![STALE; columns] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_an_empty_value_is_no_label() {
        let labels = Labels::of([("vm", "web-1"), ("__name__", "load1"), ("rack", "")]);
        assert_eq!(labels.to_string(), r#"load1{vm="web-1"}"#);
        assert_eq!((labels.get("vm"), labels.get("rack"), labels.len()), ("web-1", "", 2));
        let other = labels.with(&Labels::of([("vm", "web-2"), ("host", "h1")]));
        assert_eq!(other.to_string(), r#"load1{host="h1",vm="web-2"}"#);
        assert_eq!(Labels::default().to_string(), "{}");
    }

    #[test]
    fn the_marks_are_told_from_each_other_and_from_any_other_nan() {
        assert!(is_absent(ABSENT) && !is_absent(STALE) && !is_absent(f64::NAN));
        assert!(is_stale(STALE) && !is_stale(ABSENT) && !is_stale(f64::NAN));
        assert!(ABSENT.is_nan() && STALE.is_nan());
    }

    #[test]
    fn a_shape_is_shared_until_the_readings_change() {
        let (load, up) = (Labels::metric("load1"), Labels::metric("up"));
        let mut shaper = Shaper::new(Labels::of([("vm", "web-1")]));
        assert!(shaper.stale(Time::default()).is_none());
        let first = shaper.row(Time::default(), [(load.clone(), 1.0)]);
        let second = shaper.row(Time::default(), [(load.clone(), 2.0)]);
        assert!(Arc::ptr_eq(&first.shape, &second.shape));
        let third = shaper.row(Time::default(), [(load, 1.0), (up, 1.0)]);
        assert!(!Arc::ptr_eq(&first.shape, &third.shape));
        let end = shaper.stale(Time::default()).unwrap();
        assert!(end.values.len() == 2 && end.values.iter().all(|value| is_stale(*value)));
    }
}
