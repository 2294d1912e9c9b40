//! Aggregations: which group each series belongs to, and what is made of the groups.
//!
//! Series are folded into their group as they come and not kept, so memory grows with groups and
//! steps. Only `topk`, `bottomk`, `quantile` and `count_values` must remember single values; see
//! [`super::selection`].

use std::collections::BTreeMap;

use model::series::{Labels, is_absent};

use super::column::{Column, Steps, choose};
use super::evaluate::Engine;
use super::fold::{self, Cell};
use super::selection;
use crate::error::QueryError;
use crate::expression::node::{Aggregation, Aggregator, Fold, Node};

/// Groups by their labels, in which order they come out.
#[derive(Debug)]
pub(super) struct Groups<T>(BTreeMap<Labels, T>);

impl<T> Groups<T> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The group of these labels, made anew by `make` if it is the first time.
    pub(super) fn of(
        &mut self,
        labels: Labels,
        make: impl FnOnce() -> Result<T, QueryError>,
    ) -> Result<&mut T, QueryError> {
        use std::collections::btree_map::Entry;
        match self.0.entry(labels) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(make()?)),
        }
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (Labels, T)> {
        self.0.into_iter()
    }
}

impl Engine<'_> {
    pub(super) fn aggregate(
        &self,
        aggregation: &Aggregation,
        steps: Steps,
    ) -> Result<Vec<Column>, QueryError> {
        match aggregation.operator {
            Aggregator::Fold(fold) => self.fold(fold, aggregation, steps),
            Aggregator::Extremes(order) => selection::extremes(self, order, aggregation, steps),
            Aggregator::Quantile => selection::quantiles(self, aggregation, steps),
            Aggregator::CountValues => selection::count_values(self, aggregation, steps),
        }
    }

    fn fold(
        &self,
        fold: Fold,
        aggregation: &Aggregation,
        steps: Steps,
    ) -> Result<Vec<Column>, QueryError> {
        let mut groups: Groups<Vec<Cell>> = Groups::new();
        self.each(&aggregation.of, steps, &mut |labels, values| {
            let group = groups.of(choose(labels, &aggregation.by), || {
                self.charge(steps.count)?;
                Ok(vec![Cell::default(); steps.count])
            })?;
            for (cell, value) in group.iter_mut().zip(values) {
                if !is_absent(*value) {
                    fold::add(fold, cell, *value);
                }
            }
            Ok(())
        })?;
        let columns = groups.into_iter().map(|(labels, cells)| {
            let values = cells.iter().map(|cell| fold::value(fold, cell)).collect();
            Column { labels, values }
        });
        Ok(columns.collect())
    }

    /// The parameter of an aggregation that takes a number.
    pub(super) fn parameter(
        &self,
        aggregation: &Aggregation,
        steps: Steps,
    ) -> Result<Vec<f64>, QueryError> {
        match &aggregation.parameter {
            Some(node) => self.scalar(node, steps),
            None => Err(QueryError::execution("expected a parameter")),
        }
    }
}

/// The parameter of an aggregation that takes a string.
pub(super) fn text_parameter(aggregation: &Aggregation) -> Result<&str, QueryError> {
    let text = aggregation.parameter.as_ref().and_then(Node::as_text);
    text.ok_or_else(|| QueryError::execution("expected a string literal"))
}
