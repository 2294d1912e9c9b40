//! One page being read against the memory of the one before it.
//!
//! As long as each line is the expected one there is nothing but values to take. The first line
//! that is not makes a [`Change`]: an index of what is known by its labels, and the layout that the
//! next page will be expected to have.

use std::collections::BTreeMap;
use std::sync::Arc;

use memchr::memchr;
use model::series::{ABSENT, Labels, METRIC_NAME, Row, STALE, Shape};
use model::time::Time;

use super::{Column, Layout, Page, Reading};
use crate::look::{Look, Refusal};
use crate::prometheus::rows::row;
use crate::prometheus::text::{
    Format, MAX_LINE_BYTES, Sample, Tail, Type, is_comment, read_sample, read_tail, read_type,
};
use crate::text::{clean, clean_bytes};

/// How much of a series or line is repeated in a refusal, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// What a page said of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Not,
    Refused,
    Plain,
    /// With a time of its own.
    Stamped,
}

/// A page being read.
pub(super) struct Turn<'p, 'b> {
    page: &'p mut Page,
    format: Format,
    /// The number of the present line, from 1.
    number: usize,
    /// The last comment that names a type.
    last_type: Option<Type<'b>>,
    /// Where in the old layout the next sample is expected.
    place: usize,
    /// What is needed once the page is found to differ from the one before.
    change: Option<Change>,
    /// By column.
    came: Vec<Came>,
    values: Vec<f64>,
    stamped: Vec<(Time, usize, f64)>,
    taken: u64,
    refused: Vec<Refusal>,
    refused_count: u64,
    unreadable: u64,
}

/// How a page differs from the one before.
struct Change {
    layout: Layout,
    columns: BTreeMap<Labels, usize>,
    /// By column of the old layout: the place after its line.
    places: BTreeMap<usize, usize>,
    new_columns: Vec<Labels>,
}

impl<'p, 'b> Turn<'p, 'b> {
    pub(super) fn new(page: &'p mut Page, format: Format) -> Self {
        let columns = page.columns.len();
        Self {
            page,
            format,
            number: 0,
            last_type: None,
            place: 0,
            change: None,
            came: vec![Came::Not; columns],
            values: vec![ABSENT; columns],
            stamped: Vec::new(),
            taken: 0,
            refused: Vec::new(),
            refused_count: 0,
            unreadable: 0,
        }
    }

    pub(super) fn read(&mut self, body: &'b [u8]) {
        let mut rest = body;
        while !rest.is_empty() {
            self.number += 1;
            rest = match self.expected(rest) {
                Some(rest) => rest,
                None => {
                    let (line, rest) = split_line(rest);
                    self.line(line);
                    rest
                }
            };
        }
    }

    /// Takes the next line if it is the expected series, and gives back what follows it.
    #[inline]
    fn expected(&mut self, body: &'b [u8]) -> Option<&'b [u8]> {
        let (head, column) = self.page.layout.head(self.place)?;
        let (tail, rest) = split_line(body.strip_prefix(head)?);
        if tail.len() > MAX_LINE_BYTES || self.came[column] != Came::Not {
            return None;
        }
        let tail = read_tail(tail, self.format).ok()?;
        if let Some(change) = &mut self.change {
            change.layout.push(head, column);
        }
        self.place += 1;
        self.take(column, tail);
        Some(rest)
    }

    /// Takes a line of which nothing is known.
    fn line(&mut self, line: &'b [u8]) {
        if is_comment(line) {
            self.last_type = read_type(line).or(self.last_type);
            return;
        }
        match read_sample(line, self.format) {
            Ok(sample) => self.sample(line, &sample),
            Err(error) => {
                self.unreadable += 1;
                self.refuse(clean_bytes(line, MAX_SHOWN_CHARS), &error.to_string());
            }
        }
    }

    fn sample(&mut self, line: &[u8], sample: &Sample<'_>) {
        let labels = own_labels(sample, &self.page.shape.common);
        let Some(column) = self.column(&labels) else {
            let why = format!("it is new, and the limit is {} series", self.page.max_series);
            return self.refuse(shown(&labels), &why);
        };
        if column < self.page.reserved || self.came[column] != Came::Not {
            return self.refuse(shown(&labels), "the series is there already");
        }
        let change = self.change();
        change.layout.push(&line[..sample.head_bytes], column);
        let next = change.places.get(&column).copied();
        self.place = next.unwrap_or(self.place);
        self.take(column, sample.tail);
    }

    /// The column of a series, a new one if need be and there is room.
    fn column(&mut self, labels: &Labels) -> Option<usize> {
        if let Some(column) = self.change().columns.get(labels) {
            return Some(*column);
        }
        let column = self.page.columns.len();
        if column - self.page.reserved >= self.page.max_series {
            return None;
        }
        self.page.columns.push(Column::default());
        self.came.push(Came::Not);
        self.values.push(ABSENT);
        let labels = self.page.pool.shared(labels.clone());
        let change = self.change();
        change.new_columns.push(labels.clone());
        change.columns.insert(labels, column);
        Some(column)
    }

    #[inline]
    fn take(&mut self, column: usize, Tail { value, at }: Tail) {
        if value.is_nan() || (value < 0.0 && self.is_counter(column)) {
            self.came[column] = Came::Refused;
            let why = if value.is_nan() { "NaN is no value" } else { "a counter below zero" };
            return self.refuse(self.labels(column).map(shown).unwrap_or_default(), why);
        }
        self.taken += 1;
        self.came[column] = match at.filter(|_| self.page.honor_timestamps) {
            Some(at) => {
                self.stamped.push((at, column, value));
                Came::Stamped
            }
            None => {
                self.values[column] = value;
                Came::Plain
            }
        };
    }

    /// By the type that the page named last.
    fn is_counter(&self, column: usize) -> bool {
        let name = self.labels(column).map_or("", |labels| labels.get(METRIC_NAME));
        self.last_type.is_some_and(|kind| kind.is_counter(name))
    }

    fn labels(&self, column: usize) -> Option<&Labels> {
        let known = &self.page.shape.columns;
        let new = self.change.iter().flat_map(|change| &change.new_columns);
        known.iter().chain(new).nth(column)
    }

    fn refuse(&mut self, what: String, why: &str) {
        self.refused_count += 1;
        if self.refused.len() < Look::MAX_NAMED {
            self.refused.push(Refusal { what, why: format!("line {}: {why}", self.number) });
        }
    }

    fn change(&mut self) -> &mut Change {
        let (page, place) = (&*self.page, self.place);
        self.change.get_or_insert_with(|| {
            let lines = page.layout.lines.iter().enumerate();
            Change {
                layout: page.layout.until(place),
                columns: page.shape.columns.iter().cloned().zip(0..).collect(),
                places: lines.map(|(place, line)| (line.column, place + 1)).collect(),
                new_columns: Vec::new(),
            }
        })
    }

    pub(super) fn finish(mut self, at: Time) -> Reading {
        self.end_what_is_gone();
        let layout = match self.change.take() {
            Some(change) => {
                self.page.add_columns(change.new_columns);
                Some(change.layout)
            }
            None if self.place < self.page.layout.lines.len() => {
                Some(self.page.layout.until(self.place))
            }
            None => None,
        };
        let row = Row { shape: self.page.shape.clone(), at, values: self.values };
        let stamped = rows_by_time(&self.page.shape, self.stamped);
        if let Some(layout) = layout {
            self.page.layout = layout;
            self.page.drop_columns(|column| self.came[column] == Came::Not);
        }
        let Self { taken, refused, refused_count, unreadable, .. } = self;
        Reading { row, stamped, taken, refused, refused_count, unreadable }
    }

    fn end_what_is_gone(&mut self) {
        for (column, state) in self.page.columns.iter_mut().enumerate() {
            let has_ended = matches!(self.came[column], Came::Not | Came::Refused);
            if state.is_live && has_ended {
                self.values[column] = STALE;
            }
            state.is_live = self.came[column] == Came::Plain;
        }
    }
}

fn shown(labels: &Labels) -> String {
    clean(&labels.to_string(), MAX_SHOWN_CHARS)
}

/// The labels that a series has beside those of its target.
fn own_labels(sample: &Sample<'_>, common: &Labels) -> Labels {
    let is_taken = |name: &str| !common.get(name).is_empty();
    let is_there = |name: &str| sample.labels.iter().any(|(known, _)| known == name);
    Labels::of(sample.labels.iter().map(|(name, value)| {
        let mut name = name.to_string();
        if is_taken(&name) {
            while is_taken(&name) || is_there(&name) {
                name.insert_str(0, "exported_");
            }
        }
        (name, &**value)
    }))
}

fn rows_by_time(shape: &Arc<Shape>, mut stamped: Vec<(Time, usize, f64)>) -> Vec<Row> {
    stamped.sort_by_key(|(at, ..)| *at);
    let runs = stamped.chunk_by(|one, next| one.0 == next.0);
    runs.map(|run| row(shape, run[0].0, run.iter().map(|(_, column, value)| (*column, *value))))
        .collect()
}

/// The first line without its end, and what follows it.
#[inline]
fn split_line(body: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'\n', body) {
        Some(end) => (&body[..end], &body[end + 1..]),
        None => (body, &[]),
    }
}
