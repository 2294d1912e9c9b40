//! Where samples come from: the one thing an evaluation asks of the outside.

use std::error::Error;
use std::ops::Range;

use model::series::{Labels, Matcher};

/// A store of samples. Times are milliseconds since the epoch.
///
/// Several threads may read at once; what was found stays readable for the length of a query.
pub trait Source: Sync {
    /// The series that match all of `matchers` and may have samples within `times`, in the order
    /// of their labels. More than `limit` is an error, so that no query takes all the memory.
    fn find(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Found>, SourceError>;

    /// Appends the samples of one series within `times`, oldest first, each time once. Staleness
    /// markers come along, as [`model::series::STALE`]; [`model::series::ABSENT`] never does.
    fn read(
        &self,
        series: u64,
        times: Range<i64>,
        wanted: Wanted,
        points: &mut Points,
    ) -> Result<(), SourceError>;
}

/// One series that matched.
#[derive(Clone, Debug)]
pub struct Found {
    /// What [`Source::read`] is asked for.
    pub series: u64,
    pub labels: Labels,
}

/// Samples of one series, as two columns of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    pub times: Vec<i64>,
    pub values: Vec<f64>,
}

/// Which value stands for a span where only a summary of it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Right for counters and for "the value now".
    #[default]
    Last,
    Min,
    Max,
    Mean,
}

/// Why samples cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the query selects more than {limit} series: narrow its matchers")]
    TooManySeries { limit: usize },
    #[error("the regular expression {pattern:?} of label {label} is not valid")]
    BadPattern { label: String, pattern: String },
    #[error("samples cannot be read")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}
