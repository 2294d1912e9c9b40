//! How many answers took how long, to within 0.8 %.
//!
//! Times fall into cells, of which each doubling of time has 64. Two sketches are merged by adding their
//! counts, so hours make days and days make years without loss, in any order, to the same byte. A
//! percentile is the middle of the cell in which the answer of that rank lies: it is off by half a
//! cell at most, also where the times have a gap. A t-digest bounds the rank instead, and there it
//! may name a time that no answer took.
//!
//! Bound: times above [`MOST`] count as that; so there are 1,728 cells at most.

use std::time::Duration;

use super::packed;

/// Cells of each doubling.
const PARTS: u32 = 64;
/// A time has so many leading bits that count.
const BITS: u32 = PARTS.ilog2() + 1;
/// An hour and some, in microseconds.
const MOST: u32 = u32::MAX;
/// A gap and a count that do not fit into one byte follow this one.
const LONG: u8 = 0xF0;

/// Counts of answers by how long they took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// By cell; the last is not zero.
    counts: Vec<u32>,
}

impl Sketch {
    pub fn add(&mut self, took: Duration) {
        self.count(cell(took), 1);
    }

    pub fn merge(&mut self, other: &Self) {
        for (cell, count) in other.cells() {
            self.count(cell, count);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// So many of a hundred answers took no longer than this; None of no answers.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let whole: u64 = self.cells().map(|(_, count)| u64::from(count)).sum();
        let rank = (whole * u64::from(percent.min(100))).div_ceil(100).max(1);
        let mut below = 0;
        let mut cells = self.cells();
        cells.find_map(|(cell, count)| {
            below += u64::from(count);
            (below >= rank).then(|| middle(cell))
        })
    }

    fn count(&mut self, cell: usize, more: u32) {
        if cell >= self.counts.len() {
            self.counts.resize(cell + 1, 0);
        }
        self.counts[cell] = self.counts[cell].saturating_add(more);
    }

    fn cells(&self) -> impl Iterator<Item = (usize, u32)> {
        let all = self.counts.iter().copied().enumerate();
        all.filter(|(_, count)| *count > 0)
    }

    /// A byte for most cells that are not empty: how many before it are, and its count.
    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        let mut next = 0;
        for (cell, count) in self.cells() {
            match (u8::try_from(cell - next), u8::try_from(count - 1)) {
                (Ok(gap @ 0..15), Ok(more @ 0..16)) => bytes.push(gap << 4 | more),
                _ => {
                    bytes.push(LONG);
                    packed::put(bytes, (cell - next) as u64);
                    packed::put(bytes, u64::from(count));
                }
            }
            next = cell + 1;
        }
    }

    /// All that is left of the bytes; None if they are no sketch.
    pub(super) fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let (mut sketch, mut next) = (Self::default(), 0);
        while let Some((first, rest)) = bytes.split_first() {
            *bytes = rest;
            let (gap, count) = match *first {
                LONG => (packed::take(bytes)?, u32::try_from(packed::take(bytes)?).ok()?),
                short if short < LONG => (u64::from(short >> 4), u32::from(short & 0xF) + 1),
                _ => return None,
            };
            let cell = usize::try_from(gap).ok()?.checked_add(next)?;
            if cell > cell_of(MOST) || count == 0 {
                return None;
            }
            sketch.count(cell, count);
            next = cell + 1;
        }
        Some(sketch)
    }
}

fn cell(took: Duration) -> usize {
    cell_of(u32::try_from(took.as_micros()).unwrap_or(MOST))
}

fn cell_of(micros: u32) -> usize {
    let shift = (u32::BITS - micros.leading_zeros()).saturating_sub(BITS);
    (shift * PARTS + (micros >> shift)) as usize
}

fn middle(cell: usize) -> Duration {
    let shift = (cell as u64 / u64::from(PARTS)).saturating_sub(1);
    let first = (cell as u64 - shift * u64::from(PARTS)) << shift;
    Duration::from_micros(first + (1 << shift) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_half_a_cell_wide_on_each_side_of_its_middle() {
        for micros in (0..200_000).chain((200_000..60_000_000).step_by(997)).chain([MOST]) {
            let said = middle(cell_of(micros)).as_micros() as f64;
            let error = (said - f64::from(micros)).abs() / f64::from(micros.max(1));
            assert!(error <= 1.0 / 128.0, "{micros} is said to be {said}");
        }
    }

    #[test]
    fn later_cells_are_of_longer_times_and_none_is_left_out() {
        let cells: Vec<usize> = (0..100_000).map(cell_of).collect();
        assert!(cells.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] <= pair[0] + 1));
        assert_eq!(cell_of(MOST), 1_727);
    }

    #[test]
    fn a_percentile_is_the_time_of_that_rank() {
        let mut sketch = Sketch::default();
        (1..=100).for_each(|micros| sketch.add(Duration::from_micros(micros)));
        let micros = |percent| sketch.percentile(percent).map(|took| took.as_micros());
        assert_eq!([0, 1, 50, 95, 100].map(micros), [1, 1, 50, 95, 100].map(Some));
        assert_eq!(Sketch::default().percentile(50), None);
    }

    #[test]
    fn bytes_that_are_no_sketch_are_none() {
        for bytes in
            [&[LONG][..], &[LONG + 1], &[LONG, 3], &[LONG, 3, 0], &[LONG, 0xFF, 0xFF, 0x7F, 1]]
        {
            assert_eq!(Sketch::unpack(&mut &*bytes), None, "{bytes:?}");
        }
    }
}
