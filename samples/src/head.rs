//! The newest samples of a frame, uncompressed.
//!
//! Rows in the order they came. A column that a row does not have is filled up with "absent" when
//! the next value comes, so that a series which fell silent costs nothing.

use model::series::{ABSENT, is_absent};

/// Rows of one frame: the times once, and each column by its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) times: Vec<i64>,
    columns: Vec<Vec<f64>>,
    is_unordered: bool,
}

impl Head {
    pub(crate) fn push(&mut self, at: i64, values: impl Iterator<Item = (u32, f64)>) {
        self.is_unordered |= self.times.last().is_some_and(|last| at <= *last);
        let row = self.times.len();
        self.times.push(at);
        for (column, value) in values {
            let column = column as usize;
            if self.columns.len() <= column {
                self.columns.resize_with(column + 1, Vec::new);
            }
            let values = &mut self.columns[column];
            values.resize(row, ABSENT);
            values.push(value);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn is_unordered(&self) -> bool {
        self.is_unordered
    }

    /// The values of a column; it may be shorter than there are rows, or empty.
    pub(crate) fn column(&self, column: u32) -> &[f64] {
        self.columns.get(column as usize).map_or(&[], Vec::as_slice)
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

    /// The last rows, at most so many. Only of what is sorted.
    pub(crate) fn tail(&self, rows: usize) -> Self {
        let from = self.times.len().saturating_sub(rows);
        let cut = |column: &Vec<f64>| column.get(from..).unwrap_or(&[]).to_vec();
        Self {
            times: self.times[from..].to_vec(),
            columns: self.columns.iter().map(cut).collect(),
            is_unordered: false,
        }
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
