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

use super::packed::{self, Bits, BitsOf};

/// Cells of each doubling.
const PARTS: u32 = 64;
/// A time has so many leading bits that count.
const BITS: u32 = PARTS.ilog2() + 1;
/// An hour and some, in microseconds.
const MOST: u32 = u32::MAX;
/// In sketches of before: a gap and a count that do not fit into one byte follow this one.
const LONG: u8 = 0xF0;
/// No sketch of before began with this one.
const IN_BITS: u8 = 0xF1;
/// Counts of a month in one cell need fewer low bits than this.
const MOST_LOW: u32 = 16;

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

    /// How many answers there are.
    pub(super) fn whole(&self) -> u64 {
        self.cells().map(|(_, count)| u64::from(count)).sum()
    }

    /// So many of a hundred answers took no longer than this; None of no answers.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let rank = (self.whole() * u64::from(percent.min(100))).div_ceil(100).max(1);
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

    /// The counts of all cells from the first that is not empty to the last, in bits: in an hour most
    /// of them are nought or a few.
    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        let Some((first, _)) = self.cells().next() else { return };
        let counts = &self.counts[first..];
        let low = (0..MOST_LOW).min_by_key(|low| length(counts, *low)).unwrap_or(0);
        bytes.extend([IN_BITS, low as u8]);
        packed::put(bytes, first as u64);
        let mut bits = Bits::default();
        counts.iter().for_each(|count| bits.put(*count, low));
        bytes.extend(bits.into_bytes());
    }

    /// Of all bytes; None if they are no sketch.
    pub(super) fn unpack(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&IN_BITS, rest)) => Self::from_bits(rest),
            Some(_) | None => Self::from_bytes(bytes),
        }
    }

    fn from_bits(bytes: &[u8]) -> Option<Self> {
        let (low, mut bytes) = bytes.split_first()?;
        let low = Some(u32::from(*low)).filter(|low| *low < u32::BITS)?;
        let first = usize::try_from(packed::take(&mut bytes)?).ok()?;
        let (mut sketch, mut bits) = (Self::default(), BitsOf::new(bytes));
        for cell in first.. {
            let Some(count) = bits.take(low) else { break };
            sketch.fill(cell, count)?;
        }
        Some(sketch)
    }

    /// As it was packed until the store's version 6: a byte for most cells that are not empty, with how
    /// many before it are, and its count.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let (mut sketch, mut next) = (Self::default(), 0);
        while let Some((first, rest)) = bytes.split_first() {
            bytes = rest;
            let (gap, count) = match *first {
                LONG => (packed::take(&mut bytes)?, packed::take(&mut bytes)?),
                short if short < LONG => (u64::from(short >> 4), u64::from(short & 0xF) + 1),
                _ => return None,
            };
            let cell = usize::try_from(gap).ok()?.checked_add(next)?;
            sketch.fill(cell, count)?;
            next = cell + 1;
        }
        Some(sketch)
    }

    /// None if there is no such cell or count.
    fn fill(&mut self, cell: usize, count: u64) -> Option<()> {
        let count = u32::try_from(count).ok().filter(|_| cell <= cell_of(MOST))?;
        if count > 0 {
            self.count(cell, count);
        }
        Some(())
    }
}

/// In bits, with so many low ones.
fn length(counts: &[u32], low: u32) -> u64 {
    counts.iter().map(|count| u64::from(count >> low) + 1 + u64::from(low)).sum()
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
        let before = [&[LONG][..], &[LONG, 3], &[LONG, 0xFF, 0xFF, 0x7F, 1]];
        let in_bits =
            [&[IN_BITS][..], &[IN_BITS, 0], &[IN_BITS, 32, 0], &[IN_BITS, 0, 0xC0, 0x0D, 0]];
        for bytes in before.into_iter().chain(in_bits).chain([&[IN_BITS + 1][..]]) {
            assert_eq!(Sketch::unpack(bytes), None, "{bytes:?}");
        }
    }

    /// Rows of a store of before are never written anew.
    #[test]
    fn a_sketch_that_was_packed_before_is_read_as_it_was() {
        let mut sketch = Sketch::default();
        for (micros, times) in [(3, 1), (4, 16), (90, 17), (80_000, 400)] {
            (0..times).for_each(|_| sketch.add(Duration::from_micros(micros)));
        }
        let before = [0x30, 0x0F, LONG, 85, 17, LONG, 0xF3, 0x04, 0x90, 0x03];
        assert_eq!(Sketch::unpack(&before), Some(sketch));
    }

    #[test]
    fn the_bytes_of_a_sketch_hold_all_of_it() {
        for of_each in [1, 2, 7, 300, 5_000] {
            let mut sketch = Sketch::default();
            for micros in [0, 90, 91, 93, 250, 80_000, MOST] {
                (0..of_each).for_each(|_| sketch.add(Duration::from_micros(u64::from(micros))));
            }
            let mut bytes = Vec::new();
            sketch.pack(&mut bytes);
            assert_eq!(Sketch::unpack(&bytes), Some(sketch));
        }
    }

    /// What a year of a module costs hangs on this; see docs/figures.md.
    #[test]
    fn an_hour_of_a_probe_each_ten_seconds_is_some_bits_a_probe() {
        let mut sketch = Sketch::default();
        for number in 0..360_u32 {
            let part = f64::from(number) / 359.0 * 2.0 - 1.0;
            sketch.add(Duration::from_secs_f64(0.08 * (1.5 * part * part * part).exp()));
        }
        let mut bytes = Vec::new();
        sketch.pack(&mut bytes);
        assert!(bytes.len() < 100, "{} bytes", bytes.len());
    }
}
