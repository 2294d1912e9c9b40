//! The newest rows of one frame, as they came.
//!
//! Rows lie one behind the other in a ring: a row takes the room of the values it brought, whatever
//! others of its frame bring, and in the steady state nothing is allocated. A row that brought the
//! frame's first columns only says how many; any other one names its columns.
//!
//! Sealing moves marks and no values. What is sealed stays here for a while, so that a question
//! about now reads no part; then it goes from the front.
//!
//! Invariants: rows before `sealed` are in parts; those from there to `sealing` are being written to
//! one; those behind are in memory and log alone. Parts alone have no sample after `gone_until`.
//!
//! Not here: how rows become columns, which is [`crate::table`].

use std::collections::VecDeque;
use std::ops::Range;

use query::source::Points;

use crate::table::Table;

/// Sealed rows that are kept, so that a question about now reads no part: as far back as PromQL
/// looks for the value of a moment, and a little more.
const TAIL_MS: i64 = 330_000;
/// The most sealed rows that are kept.
const TAIL_ROWS: usize = 40;

/// Rows of one frame: what is in parts and still here, what is being sealed, what is new.
#[derive(Debug)]
pub(crate) struct Recent {
    rows: VecDeque<Row>,
    values: VecDeque<f64>,
    /// Of the rows that name them.
    columns: VecDeque<u32>,
    sealed: usize,
    sealing: usize,
    gone_until: i64,
    is_unordered: bool,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    at: i64,
    values: u32,
    /// Otherwise it has the first columns of the frame.
    names_columns: bool,
}

/// Rows taken out of a [`Recent`], to be worked on without its lock. Empty, it is room to reuse.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    rows: Vec<Row>,
    values: Vec<f64>,
    columns: Vec<u32>,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            values: VecDeque::new(),
            columns: VecDeque::new(),
            sealed: 0,
            sealing: 0,
            gone_until: i64::MIN,
            is_unordered: false,
        }
    }
}

impl Recent {
    /// Adds a row: values, and the column of each; none of them is "absent".
    pub(crate) fn push(&mut self, at: i64, columns: &[u32], values: &[f64]) {
        debug_assert_eq!(columns.len(), values.len());
        self.is_unordered |= self.rows.back().is_some_and(|last| at <= last.at);
        let names_columns = columns.iter().enumerate().any(|(place, of)| place as u32 != *of);
        if names_columns {
            make_room(&mut self.columns, columns.len());
            self.columns.extend(columns);
        }
        make_room(&mut self.values, values.len());
        self.values.extend(values);
        make_room(&mut self.rows, 1);
        self.rows.push_back(Row { at, values: values.len() as u32, names_columns });
    }

    /// Whether all samples from then on are here.
    pub(crate) fn reaches(&self, from: i64) -> bool {
        from > self.gone_until
    }

    /// A part has samples until then that are not here.
    pub(crate) fn note_gone(&mut self, until: i64) {
        self.gone_until = self.gone_until.max(until);
    }

    /// Appends the samples of a column, in the order they came: all, or those not yet in a part.
    pub(crate) fn read(
        &self,
        column: u32,
        times: &Range<i64>,
        with_sealed: bool,
        points: &mut Points,
    ) {
        let until = if with_sealed { 0 } else { self.sealed };
        let (mut value, mut name) = (self.values.len(), self.columns.len());
        let mut first = self.rows.len();
        while first > until && (self.is_unordered || self.rows[first - 1].at >= times.start) {
            first -= 1;
            value -= self.rows[first].values as usize;
            name -= self.rows[first].named();
        }
        for row in self.rows.range(first..) {
            let place = if row.names_columns {
                let mut names = self.columns.range(name..name + row.named());
                names.rposition(|of| *of == column) // A shape may name one twice: the last counts.
            } else {
                (column < row.values).then_some(column as usize)
            };
            if let Some(place) = place.filter(|_| times.contains(&row.at)) {
                points.times.push(row.at);
                points.values.push(self.values[value + place]);
            }
            value += row.values as usize;
            name += row.named();
        }
    }

    /// What is new is to be sealed.
    pub(crate) fn begin_seal(&mut self) {
        self.sealing = self.rows.len();
        // It is as long as it gets now. What a rush left behind is given back.
        give_back(&mut self.rows);
        give_back(&mut self.values);
        give_back(&mut self.columns);
    }

    /// Copies the rows that are being sealed.
    pub(crate) fn copy_sealing(&self, into: &mut Copied) {
        let size = |rows: Range<usize>| {
            let rows = self.rows.range(rows);
            rows.fold((0, 0), |(v, n), row| (v + row.values as usize, n + row.named()))
        };
        let (value, name) = size(0..self.sealed);
        let (values, names) = size(self.sealed..self.sealing);
        into.clear();
        into.rows.extend(self.rows.range(self.sealed..self.sealing));
        into.values.extend(self.values.range(value..value + values));
        into.columns.extend(self.columns.range(name..name + names));
    }

    /// What was being sealed is in a part now.
    pub(crate) fn end_seal(&mut self) {
        self.sealed = self.sealing;
        let from = self
            .sealed
            .checked_sub(1)
            .map_or(i64::MAX, |last| self.rows[last].at.saturating_sub(TAIL_MS));
        let tail = self.rows.range(..self.sealed).rev().take(TAIL_ROWS);
        let kept = tail.take_while(|row| row.at >= from).count();
        self.drop_front(self.sealed - kept);
    }

    /// What was being sealed is not in a part.
    pub(crate) fn take_back(&mut self) {
        self.sealing = self.sealed;
    }

    /// Parts alone have what they have.
    pub(crate) fn forget_sealed(&mut self) {
        self.drop_front(self.sealed);
    }

    fn drop_front(&mut self, count: usize) {
        let (mut values, mut names) = (0, 0);
        for row in self.rows.drain(..count) {
            values += row.values as usize;
            names += row.named();
            self.gone_until = self.gone_until.max(row.at);
        }
        self.values.drain(..values);
        self.columns.drain(..names);
        self.sealed -= count;
        self.sealing -= count;
        if self.is_unordered {
            let later = self.rows.iter().skip(1);
            self.is_unordered = self.rows.iter().zip(later).any(|(one, next)| next.at <= one.at);
        }
    }
}

impl Row {
    /// How many columns it names.
    fn named(&self) -> usize {
        if self.names_columns { self.values as usize } else { 0 }
    }
}

impl Copied {
    fn clear(&mut self) {
        self.rows.clear();
        self.values.clear();
        self.columns.clear();
    }

    /// Hands out tables of about so many cells at most, each later than the one before; what came
    /// later at the same time counts. `table` is room to work in.
    pub(crate) fn tables<E>(
        &self,
        max_cells: usize,
        table: &mut Table,
        mut take: impl FnMut(&Table) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut places = self.places();
        places.sort_by_key(|place| place.at); // Stable: what came later stays later.
        table.clear();
        for (number, place) in places.iter().enumerate() {
            let values = &self.values[place.values.clone()];
            match &place.names {
                Some(names) => {
                    let names = self.columns[names.clone()].iter().copied();
                    table.push(place.at, names.zip(values.iter().copied()));
                }
                None => table.push(place.at, (0..).zip(values.iter().copied())),
            }
            let is_cut = places.get(number + 1).is_none_or(|next| {
                next.at != place.at && (table.rows() + 1) * table.width() > max_cells
            });
            if is_cut {
                table.sort();
                take(table)?;
                table.clear();
            }
        }
        Ok(())
    }

    fn places(&self) -> Vec<Place> {
        let (mut value, mut name) = (0, 0);
        let place = |row: &Row| {
            let values = value..value + row.values as usize;
            let names = name..name + row.named();
            (value, name) = (values.end, names.end);
            Place { at: row.at, values, names: row.names_columns.then_some(names) }
        };
        self.rows.iter().map(place).collect()
    }
}

/// Where the values and the columns of a copied row lie.
struct Place {
    at: i64,
    values: Range<usize>,
    names: Option<Range<usize>>,
}

/// Grows by a quarter and not by twofold: there are as many rings as targets.
fn make_room<T>(ring: &mut VecDeque<T>, more: usize) {
    if ring.capacity() - ring.len() < more {
        ring.reserve_exact(more.max(ring.len() / 4));
    }
}

fn give_back<T>(ring: &mut VecDeque<T>) {
    if ring.capacity() > 2 * ring.len() {
        ring.shrink_to(ring.len() + ring.len() / 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(recent: &Recent, column: u32, with_sealed: bool) -> Vec<(i64, f64)> {
        let mut points = Points::default();
        recent.read(column, &(i64::MIN..i64::MAX), with_sealed, &mut points);
        points.times.into_iter().zip(points.values).collect()
    }

    fn seal(recent: &mut Recent) {
        recent.begin_seal();
        recent.end_seal();
    }

    #[test]
    fn rows_keep_their_columns_and_their_order() {
        let mut recent = Recent::default();
        recent.push(20, &[0, 1], &[0.5, 1.5]);
        recent.push(10, &[2, 1], &[12.0, 11.0]);
        recent.push(30, &[0], &[30.0]);
        assert_eq!(read(&recent, 0, true), [(20, 0.5), (30, 30.0)]);
        assert_eq!(read(&recent, 1, true), [(20, 1.5), (10, 11.0)]);
        assert_eq!(read(&recent, 2, true), [(10, 12.0)]);
        recent.push(40, &[2, 2], &[1.0, 2.0]);
        assert_eq!(read(&recent, 2, true), [(10, 12.0), (40, 2.0)]);
        let mut points = Points::default();
        recent.read(1, &(5..15), true, &mut points);
        assert_eq!(points.values, [11.0]);
    }

    #[test]
    fn a_row_takes_the_room_of_its_values_however_many_columns_there_are() {
        let mut recent = Recent::default();
        for column in 0..1000 {
            recent.push(column.into(), &[column], &[1.0]);
        }
        assert_eq!((recent.values.len(), recent.columns.len()), (1000, 999));
        let (mut copied, mut table, mut tables) = (Copied::default(), Table::default(), Vec::new());
        recent.begin_seal();
        recent.copy_sealing(&mut copied);
        let take = |table: &Table| {
            tables.push((table.rows(), table.rows() * table.width()));
            Ok::<(), ()>(())
        };
        copied.tables(10_000, &mut table, take).expect("they are taken");
        assert_eq!(tables.iter().map(|(rows, _)| rows).sum::<usize>(), 1000);
        assert!(tables.iter().all(|(_, cells)| *cells <= 11_000), "{tables:?}");
    }

    #[test]
    fn what_is_sealed_stays_for_a_while_and_it_is_known_since_when() {
        let mut recent = Recent::default();
        for minute in 0..10 {
            recent.push(minute * 60_000, &[0], &[minute as f64]);
        }
        seal(&mut recent);
        assert_eq!(read(&recent, 0, true).len(), 6, "five minutes and a half");
        assert_eq!(read(&recent, 0, false), []);
        assert!(recent.reaches(3 * 60_000 + 1) && !recent.reaches(3 * 60_000));
        recent.push(1, &[0], &[0.1]);
        assert_eq!(read(&recent, 0, false), [(1, 0.1)]);
        recent.begin_seal();
        recent.take_back();
        assert_eq!(read(&recent, 0, false), [(1, 0.1)], "it was not sealed");
        seal(&mut recent);
        recent.forget_sealed();
        assert_eq!(read(&recent, 0, true), []);
        assert!(!recent.reaches(9 * 60_000));
    }

    #[test]
    fn in_the_steady_state_nothing_is_allocated_and_after_a_rush_it_is_given_back() {
        let mut recent = Recent::default();
        let mut at = 0;
        let mut rooms = Vec::new();
        for rows in [60, 60, 60, 60, 60, 3000, 60, 60] {
            for _ in 0..rows {
                at += 15_000;
                recent.push(at, &[0, 1], &[1.0, 2.0]);
            }
            seal(&mut recent);
            rooms.push(recent.values.capacity());
        }
        assert!(rooms[1..5].iter().all(|room| *room == rooms[1]), "{rooms:?}");
        assert!(rooms[1] <= 2 * 82 * 5 / 4, "of at most 82 rows: {rooms:?}");
        assert!(rooms[7] <= 2 * rooms[1], "{rooms:?}");
    }
}
