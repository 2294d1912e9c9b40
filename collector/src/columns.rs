//! Makes rows of named readings, and says which series have ended.
//!
//! A look does not always bring the same: a phase that was not reached has no time, a replica that
//! was cut off has no lag. Whoever reads the samples must not take the last value of such a series
//! for the present one.

use std::collections::{BTreeMap, BTreeSet};

use model::series::{Labels, Row, STALE, Shaper};
use model::time::Time;

/// Makes rows of readings, and ends the series that the last row had and this one has not.
#[derive(Debug)]
pub(crate) struct Columns {
    shaper: Shaper,
    known: BTreeSet<Labels>,
}

impl Columns {
    pub(crate) fn new(common: Labels) -> Self {
        Self { shaper: Shaper::new(common), known: BTreeSet::new() }
    }

    pub(crate) fn row(&mut self, at: Time, values: BTreeMap<Labels, f64>) -> Row {
        let now: BTreeSet<Labels> = values.keys().cloned().collect();
        let gone: Vec<_> = self.known.difference(&now).cloned().map(|was| (was, STALE)).collect();
        self.known = now;
        self.shaper.row(at, values.into_iter().chain(gone))
    }

    /// All series end.
    pub(crate) fn end(&mut self, at: Time) -> Option<Row> {
        self.shaper.stale(at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::series::is_stale;

    use super::*;

    #[test]
    fn what_is_gone_ends_once_and_the_shape_is_kept() {
        let mut columns = Columns::new(Labels::default());
        let values =
            |names: &[&str]| names.iter().map(|name| (Labels::metric(name), 1.0)).collect();
        let at = Time::default();
        let first = columns.row(at, values(&["a", "b"]));
        assert!(Arc::ptr_eq(&first.shape, &columns.row(at, values(&["a", "b"])).shape));
        let ended = columns.row(at, values(&["a"]));
        assert_eq!(ended.shape.columns, [Labels::metric("a"), Labels::metric("b")]);
        assert!(is_stale(ended.values[1]) && !is_stale(ended.values[0]));
        assert_eq!(columns.row(at, values(&["a"])).values.len(), 1);
    }
}
