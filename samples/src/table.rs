//! Rows of one frame by columns: what sealing and merging work on.
//!
//! A column that a row does not have is filled up with "absent" when the next value comes, so that
//! a series which fell silent costs nothing. So a table is as big as its rows times its columns: it
//! lives for one frame of one part, and whoever fills it bounds it.

use model::series::{ABSENT, is_absent};

/// The times once, and each column by its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) times: Vec<i64>,
    /// Some at the end may be left from others that had the room before.
    columns: Vec<Vec<f64>>,
    width: usize,
    is_unordered: bool,
}

impl Table {
    pub(crate) fn push(&mut self, at: i64, values: impl Iterator<Item = (u32, f64)>) {
        self.is_unordered |= self.times.last().is_some_and(|last| at <= *last);
        let row = self.times.len();
        self.times.push(at);
        for (column, value) in values {
            let column = column as usize;
            if self.columns.len() <= column {
                self.columns.resize_with(column + 1, Vec::new);
            }
            self.width = self.width.max(column + 1);
            let values = &mut self.columns[column];
            values.resize(row, ABSENT);
            values.push(value);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.times.len()
    }

    /// How many values one more row may take.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Takes out all rows, and keeps the room they had.
    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.columns.iter_mut().for_each(Vec::clear);
        self.width = 0;
        self.is_unordered = false;
    }

    /// All columns that have a value. Only of what is sorted: each is as long as there are rows.
    pub(crate) fn filled(&self) -> Vec<(u32, &[f64])> {
        let columns = self.columns.iter().enumerate().filter(|(_, values)| !values.is_empty());
        columns.map(|(column, values)| (column as u32, values.as_slice())).collect()
    }

    /// Adds all rows of another behind the own ones.
    pub(crate) fn append(&mut self, other: Self) {
        if self.times.is_empty() {
            *self = other;
            return;
        }
        let columns = other.columns.into_iter().enumerate();
        let columns = columns.filter(|(_, values)| !values.is_empty());
        let columns: Vec<_> = columns.map(|(place, values)| (place as u32, values)).collect();
        self.is_unordered |= other.is_unordered;
        self.extend(&other.times, &columns);
    }

    /// Adds the rows of a chunk behind the others.
    pub(crate) fn extend(&mut self, times: &[i64], columns: &[(u32, Vec<f64>)]) {
        let row = self.times.len();
        self.is_unordered |= match (self.times.last(), times.first()) {
            (Some(last), Some(first)) => first <= last,
            _ => false,
        };
        self.is_unordered |= times.windows(2).any(|pair| pair[1] <= pair[0]);
        self.times.extend_from_slice(times);
        for (column, values) in columns {
            let column = *column as usize;
            if self.columns.len() <= column {
                self.columns.resize_with(column + 1, Vec::new);
            }
            self.width = self.width.max(column + 1);
            self.columns[column].resize(row, ABSENT);
            self.columns[column].extend_from_slice(values);
        }
    }

    /// In ascending order of time, each time once, each column as long as there are rows. Of two
    /// values at one time the later one counts.
    pub(crate) fn sort(&mut self) {
        if self.is_unordered {
            self.sort_rows();
        }
        let rows = self.times.len();
        for column in self.columns.iter_mut().filter(|column| !column.is_empty()) {
            column.resize(rows, ABSENT);
        }
    }

    fn sort_rows(&mut self) {
        let rows = self.times.len();
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by_key(|row| self.times[*row]); // Stable: what came later stays later.
        let mut times: Vec<i64> = Vec::with_capacity(rows);
        let mut place = Vec::with_capacity(rows);
        for row in &order {
            if times.last() != Some(&self.times[*row]) {
                times.push(self.times[*row]);
            }
            place.push(times.len() - 1);
        }
        for column in &mut self.columns {
            if column.is_empty() {
                continue;
            }
            let mut sorted = vec![ABSENT; times.len()];
            for (row, place) in order.iter().zip(&place) {
                let value = column.get(*row).copied().unwrap_or(ABSENT);
                if !is_absent(value) {
                    sorted[*place] = value;
                }
            }
            *column = sorted;
        }
        self.times = times;
        self.is_unordered = false;
    }

    /// Takes out values: those of a column for which `gone` holds.
    pub(crate) fn strike(&mut self, column: u32, gone: impl Fn(i64) -> bool) {
        let Some(values) = self.columns.get_mut(column as usize) else { return };
        for (at, value) in self.times.iter().zip(values.iter_mut()) {
            if gone(*at) {
                *value = ABSENT;
            }
        }
        if values.iter().all(|value| is_absent(*value)) {
            values.clear();
        }
    }
}
