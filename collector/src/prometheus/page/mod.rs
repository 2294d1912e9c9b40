//! The page of one target, and the memory of the page before it.
//!
//! A target shows the same lines each time, and only the values differ. So the heads of the last
//! page's samples are remembered in their order, each with the column of the row it fills. A line
//! that begins with the head expected at its place is that series again, and only its value is
//! read; labels are read where something is new. A line that does not fit is looked up by its
//! labels, and tells where in the old order to go on.
//!
//! What a page does not show any more has ended, which is said once, with [`STALE`]; the shape of
//! the next row is without it. A value that is none (a NaN, a counter below zero) is refused, and
//! ends its series as well, for the value before it does not hold any more. A series that brings
//! its own time is not ended so, since its clock may lie behind ours.
//!
//! A page's labels cannot overrule the target's: they are kept as `exported_...`, as Prometheus
//! does. Over the limit, series that are known stay, and new ones are refused.
//!
//! Invariant: a series has one column, and of one page a column takes one value.

mod turn;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::series::{ABSENT, Labels, Row, STALE, Shape};
use model::time::Time;

use self::turn::Turn;
use super::text::Format;
use crate::look::Refusal;
use crate::pool::LabelPool;

/// What is known of a target from its pages so far.
#[derive(Debug)]
pub struct Page {
    max_series: usize,
    honor_timestamps: bool,
    /// The first columns belong to the caller.
    reserved: usize,
    shape: Arc<Shape>,
    columns: Vec<Column>,
    layout: Layout,
    pool: LabelPool,
}

/// What one page brought.
#[derive(Clone, Debug)]
pub struct Reading {
    /// All that has no time of its own; the columns of the caller are still absent.
    pub row: Row,
    /// What brought its own time, the oldest first.
    pub stamped: Vec<Row>,
    /// How many samples were taken.
    pub taken: u64,
    /// What was not taken, and why: a few, by line, for people.
    pub refused: Vec<Refusal>,
    /// How many lines were not taken in all.
    pub refused_count: u64,
    /// How many of these are not in the format.
    pub unreadable: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Column {
    /// Its last value came without a time of its own and still holds.
    is_live: bool,
}

/// The heads of a page's samples in their order, and the column each fills.
#[derive(Clone, Debug, Default)]
struct Layout {
    heads: Vec<u8>,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// Where its head ends in `heads`.
    end: usize,
    column: usize,
}

impl Page {
    /// `common` is what all its series have; `reserved` are further columns, which the caller
    /// fills, and which do not count towards `max_series`.
    pub fn new(
        common: Labels,
        reserved: Vec<Labels>,
        max_series: usize,
        honor_timestamps: bool,
    ) -> Self {
        let columns = vec![Column::default(); reserved.len()];
        Self {
            max_series,
            honor_timestamps,
            reserved: reserved.len(),
            shape: Arc::new(Shape { common, columns: reserved }),
            columns,
            layout: Layout::default(),
            pool: LabelPool::default(),
        }
    }

    /// Keeps the labels of its series together with those of other pages.
    #[must_use]
    pub fn sharing(mut self, pool: LabelPool) -> Self {
        self.pool = pool;
        self
    }

    /// Reads a page that was fetched at `at`.
    pub fn read(&mut self, body: &[u8], format: Format, at: Time) -> Reading {
        let mut turn = Turn::new(self, format);
        turn.read(body);
        turn.finish(at)
    }

    /// The target could not be read: all its series have ended, for now.
    pub fn lost(&mut self, at: Time) -> Row {
        let marks = self.columns.iter_mut().map(|column| {
            let was_live = std::mem::take(&mut column.is_live);
            if was_live { STALE } else { ABSENT }
        });
        Row { at, values: marks.collect(), shape: self.shape.clone() }
    }
}

impl Layout {
    fn head(&self, place: usize) -> Option<(&[u8], usize)> {
        let line = self.lines.get(place)?;
        let start = if place == 0 { 0 } else { self.lines[place - 1].end };
        Some((&self.heads[start..line.end], line.column))
    }

    fn push(&mut self, head: &[u8], column: usize) {
        self.heads.extend_from_slice(head);
        self.lines.push(Line { end: self.heads.len(), column });
    }

    /// As it is before `place`.
    fn until(&self, place: usize) -> Self {
        let lines = self.lines[..place].to_vec();
        let end = lines.last().map_or(0, |line| line.end);
        Self { heads: self.heads[..end].to_vec(), lines }
    }
}

impl Page {
    fn add_columns(&mut self, new: Vec<Labels>) {
        if !new.is_empty() {
            let columns = self.shape.columns.iter().cloned().chain(new).collect();
            self.shape = Arc::new(Shape { common: self.shape.common.clone(), columns });
        }
    }

    fn drop_columns(&mut self, is_gone: impl Fn(usize) -> bool) {
        let kept = |column: &usize| *column < self.reserved || !is_gone(*column);
        let old: Vec<usize> = (0..self.columns.len()).filter(kept).collect();
        if old.len() == self.columns.len() {
            return;
        }
        let numbers: BTreeMap<usize, usize> = old.iter().copied().zip(0..).collect();
        for line in &mut self.layout.lines {
            line.column = numbers[&line.column];
        }
        let columns = old.iter().map(|column| self.shape.columns[*column].clone()).collect();
        self.shape = Arc::new(Shape { common: self.shape.common.clone(), columns });
        self.columns = old.iter().map(|column| self.columns[*column]).collect();
    }
}
