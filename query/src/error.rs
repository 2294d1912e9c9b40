//! What a query may cost, and why it fails.

use std::fmt;

use crate::expression::ParseError;
use crate::source::SourceError;

/// What one query may cost. The defaults suit a person at a chart.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// How old a sample may be and still be "the value now", in milliseconds.
    pub lookback_ms: i64,
    /// Series one selector may find.
    pub max_series: usize,
    /// Steps of a range query.
    pub max_points: usize,
    /// Samples read, and values kept between the parts of an expression, in all.
    pub max_samples: usize,
    /// Asked between series: true ends the query. A deadline belongs in here, as only the caller
    /// has a clock.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl Limits<'_> {
    pub const LOOKBACK_MS: i64 = 5 * 60 * 1000;
    /// As many as Prometheus hands out.
    pub const MAX_POINTS: usize = 11_000;
}

impl Default for Limits<'_> {
    fn default() -> Self {
        Self {
            lookback_ms: Self::LOOKBACK_MS,
            max_series: 20_000,
            max_points: Self::MAX_POINTS,
            max_samples: 20_000_000,
            stop: &|| false,
        }
    }
}

impl fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("lookback_ms", &self.lookback_ms)
            .field("max_series", &self.max_series)
            .field("max_points", &self.max_points)
            .field("max_samples", &self.max_samples)
            .finish_non_exhaustive()
    }
}

/// Why a query has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is no expression: whoever wrote it must change it.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The expression is fine, but not with these times.
    #[error("{0}")]
    Invalid(String),
    /// The data does not allow it, for example two series on the "one" side of a match.
    #[error("{0}")]
    Execution(String),
    /// It would read or keep more than [`Limits::max_samples`].
    #[error("the query needs more than {limit} samples: ask for less time or fewer series")]
    TooManySamples { limit: usize },
    /// [`Limits::stop`] said so.
    #[error("the query was stopped before it was done")]
    Stopped,
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl QueryError {
    pub(crate) fn execution(what: impl Into<String>) -> Self {
        Self::Execution(what.into())
    }
}
