//! Columns as bytes: what a chunk holds of one series.
//!
//! Measured values are rarely arbitrary floats: they are decimals of a few places, counts, or
//! constants. As binary fractions decimals look like noise, so a column is first turned into
//! integers by the least power of ten that gives every value back bit by bit. What is left is
//! handed to `pco`, which finds differences and common factors by itself. A column that is no
//! decimal stays one of floats; a constant is kept as its one value.
//!
//! `pco` looks long for its short form, and on few values finds little. Young chunks are short and
//! soon made into bigger ones, so they keep plain differences: hardly longer than what `pco` makes
//! of sixty values, in a fifteenth of the time.
//!
//! Values that are missing, and staleness marks, are kept beside the others as runs of places.
//!
//! Bytes are not trusted: each length is checked against what it is part of before memory is taken.

use model::series::{ABSENT, STALE, is_absent, is_stale};
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

use crate::bytes::{Broken, Reader, put_varint, put_zigzag};

/// The most rows a chunk may have, so that a broken count takes no memory.
pub(crate) const MAX_ROWS: usize = 1 << 16;
/// Decimals of more places than these stay floats.
const MAX_PLACES: u32 = 4;
const POWERS: [f64; MAX_PLACES as usize + 1] = [1.0, 10.0, 100.0, 1000.0, 10_000.0];
/// Whole numbers beyond this are not all floats.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

const CONSTANT: u8 = 0;
const FLOATS: u8 = 1;
/// Integers, by ten to the power of what is added to this.
const DECIMALS: u8 = 2;
/// The same, each as its difference to the one before.
const DIFFERENCES: u8 = DECIMALS + MAX_PLACES as u8 + 1;
/// Floats as they are.
const PLAIN: u8 = DIFFERENCES + MAX_PLACES as u8 + 1;
/// Set where values are missing.
const WITH_GAPS: u8 = 0x80;

/// How hard to look for a short form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For chunks that are soon made into bigger ones.
    Young,
    /// For chunks that stay.
    Final,
}

impl Effort {
    fn config(self) -> ChunkConfig {
        let level = match self {
            Self::Young => 0,
            Self::Final => 5,
        };
        ChunkConfig::default().with_compression_level(level)
    }
}

/// Appends the times of a chunk, milliseconds in ascending order.
pub(crate) fn put_times(out: &mut Vec<u8>, times: &[i64], effort: Effort) {
    out.extend(packed(times, effort));
}

/// Reads the times back: `rows` of them.
pub(crate) fn times(bytes: &[u8], rows: usize) -> Result<Vec<i64>, Broken> {
    numbers(bytes, rows)
}

/// Appends one column.
pub(crate) fn put_values(out: &mut Vec<u8>, values: &[f64], effort: Effort) {
    let kept: Vec<f64>;
    let is_mark = |value: &f64| is_absent(*value) || is_stale(*value);
    let has_gaps = values.iter().any(is_mark);
    let real = if has_gaps {
        kept = values.iter().copied().filter(|value| !is_mark(value)).collect();
        &kept
    } else {
        values
    };
    let flag = if has_gaps { WITH_GAPS } else { 0 };
    let tag_at = out.len();
    out.push(flag);
    if has_gaps {
        put_marks(out, values);
    }
    out[tag_at] |= put_real(out, real, effort);
}

/// Reads one column back: `rows` values, marks among them.
pub(crate) fn values(bytes: &[u8], rows: usize) -> Result<Vec<f64>, Broken> {
    let mut reader = Reader::of(bytes);
    let tag = reader.byte()?;
    if tag & WITH_GAPS == 0 {
        return real(tag, reader.rest(), rows);
    }
    let marks = marks(&mut reader, rows)?;
    let missing: usize = marks.iter().map(|mark| mark.length).sum();
    let real = real(tag & !WITH_GAPS, reader.rest(), rows - missing)?;
    Ok(weave(&real, &marks, rows))
}

/// Values in a row that are none.
struct Mark {
    from: usize,
    length: usize,
    value: f64,
}

fn put_marks(out: &mut Vec<u8>, values: &[f64]) {
    let mut runs: Vec<Mark> = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if !is_absent(*value) && !is_stale(*value) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.from + run.length == at && run.value.to_bits() == value.to_bits() => {
                run.length += 1;
            }
            _ => runs.push(Mark { from: at, length: 1, value: *value }),
        }
    }
    put_varint(out, runs.len() as u64);
    let mut end = 0;
    for run in runs {
        put_varint(out, (run.from - end) as u64);
        put_varint(out, (run.length as u64) << 1 | u64::from(is_stale(run.value)));
        end = run.from + run.length;
    }
}

fn marks(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<Mark>, Broken> {
    let count = reader.count(rows)?;
    let mut marks = Vec::with_capacity(count);
    let mut end = 0usize;
    for _ in 0..count {
        let from = end + reader.count(rows)?;
        let word = reader.varint()?;
        let length = usize::try_from(word >> 1).map_err(|_| Broken)?;
        end = from.checked_add(length).filter(|end| *end <= rows).ok_or(Broken)?;
        marks.push(Mark { from, length, value: if word & 1 == 1 { STALE } else { ABSENT } });
    }
    Ok(marks)
}

fn weave(real: &[f64], marks: &[Mark], rows: usize) -> Vec<f64> {
    let mut values = Vec::with_capacity(rows);
    let mut taken = 0;
    for mark in marks {
        let before = mark.from - values.len();
        values.extend_from_slice(&real[taken..taken + before]);
        taken += before;
        values.extend(std::iter::repeat_n(mark.value, mark.length));
    }
    values.extend_from_slice(&real[taken..]);
    values
}

/// Appends the values without marks; returns the tag that tells how.
fn put_real(out: &mut Vec<u8>, values: &[f64], effort: Effort) -> u8 {
    let Some(first) = values.first() else { return CONSTANT };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        out.extend(first.to_le_bytes());
        return CONSTANT;
    }
    match (decimals(values), effort) {
        (Some((places, integers)), Effort::Young) => {
            put_differences(out, &integers);
            DIFFERENCES + places as u8
        }
        (Some((places, integers)), Effort::Final) => {
            out.extend(packed(&integers, effort));
            DECIMALS + places as u8
        }
        (None, Effort::Young) => {
            values.iter().for_each(|value| out.extend(value.to_le_bytes()));
            PLAIN
        }
        (None, Effort::Final) => {
            out.extend(packed(values, effort));
            FLOATS
        }
    }
}

fn packed<T: pco::data_types::Number>(numbers: &[T], effort: Effort) -> Vec<u8> {
    simple_compress(numbers, &effort.config()).expect("the settings are in order")
}

fn put_differences(out: &mut Vec<u8>, integers: &[i64]) {
    let mut before = 0;
    for integer in integers {
        put_zigzag(out, integer - before); // Of two that are exact as floats: it fits.
        before = *integer;
    }
}

fn real(tag: u8, bytes: &[u8], rows: usize) -> Result<Vec<f64>, Broken> {
    if rows == 0 {
        return Ok(Vec::new());
    }
    match tag {
        CONSTANT => {
            let value = f64::from_le_bytes(bytes.try_into().map_err(|_| Broken)?);
            Ok(vec![value; rows])
        }
        FLOATS => numbers(bytes, rows),
        DECIMALS..DIFFERENCES => {
            let integers: Vec<i64> = numbers(bytes, rows)?;
            let power = POWERS[usize::from(tag - DECIMALS)];
            Ok(integers.into_iter().map(|integer| integer as f64 / power).collect())
        }
        DIFFERENCES..PLAIN => differences(bytes, rows, POWERS[usize::from(tag - DIFFERENCES)]),
        PLAIN => plain(bytes, rows),
        _ => Err(Broken),
    }
}

fn differences(bytes: &[u8], rows: usize, power: f64) -> Result<Vec<f64>, Broken> {
    if bytes.len() < rows {
        return Err(Broken); // Each takes a byte at least.
    }
    let mut reader = Reader::of(bytes);
    let mut values = Vec::with_capacity(rows);
    let mut integer = 0i64;
    for _ in 0..rows {
        integer = integer.wrapping_add(reader.zigzag()?);
        values.push(integer as f64 / power);
    }
    reader.is_empty().then_some(values).ok_or(Broken)
}

fn plain(bytes: &[u8], rows: usize) -> Result<Vec<f64>, Broken> {
    let (values, rest) = bytes.as_chunks::<8>();
    let fits = values.len() == rows && rest.is_empty();
    let values = values.iter().map(|value| f64::from_le_bytes(*value));
    fits.then(|| values.collect()).ok_or(Broken)
}

fn numbers<T: pco::data_types::Number>(bytes: &[u8], rows: usize) -> Result<Vec<T>, Broken> {
    let numbers: Vec<T> = simple_decompress(bytes).map_err(|_| Broken)?;
    (numbers.len() == rows).then_some(numbers).ok_or(Broken)
}

/// The least number of places at which all values are whole and come back bit by bit.
fn decimals(values: &[f64]) -> Option<(u32, Vec<i64>)> {
    let mut places = 0;
    let mut integers = Vec::with_capacity(values.len());
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let power = POWERS[places as usize];
        let scaled = (value * power).round();
        let integer = scaled as i64;
        // By its bits, so that -0.0 is not taken for a whole number.
        if scaled.abs() < MAX_EXACT && (integer as f64 / power).to_bits() == value.to_bits() {
            integers.push(integer);
            at += 1;
        } else if places < MAX_PLACES {
            places += 1;
            integers.clear();
            at = 0;
        } else {
            return None;
        }
    }
    Some((places, integers))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EFFORTS: [Effort; 2] = [Effort::Young, Effort::Final];

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-90_000i32..90_000).prop_map(|value| f64::from(value) / 100.0),
            2 => any::<f64>().prop_filter("a number", |value| !value.is_nan()),
            1 => Just(-0.0),
            1 => Just(9_007_199_254_740_991.0),
            1 => Just(-9_007_199_254_740_991.0),
            1 => Just(ABSENT),
            1 => Just(STALE),
        ]
    }

    fn column() -> impl Strategy<Value = Vec<f64>> {
        let decimal = (-90_000i32..90_000).prop_map(|value| f64::from(value) / 100.0);
        prop_oneof![prop::collection::vec(decimal, 0..90), prop::collection::vec(value(), 0..90)]
    }

    fn bits(values: &[f64]) -> Vec<u64> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn put(values: &[f64], effort: Effort) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_values(&mut bytes, values, effort);
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn a_column_comes_back_bit_by_bit(column in column()) {
            for effort in EFFORTS {
                let back = values(&put(&column, effort), column.len());
                prop_assert_eq!(back.as_deref().map(bits), Ok(bits(&column)));
            }
        }

        #[test]
        fn arbitrary_bytes_give_so_many_values_or_none(
            bytes in prop::collection::vec(any::<u8>(), 0..200), rows in 0usize..=MAX_ROWS,
        ) {
            for tag in (0..=PLAIN + 1).flat_map(|tag| [tag, tag | WITH_GAPS]) {
                let bytes = [&[tag], &bytes[..]].concat();
                prop_assert!(values(&bytes, rows).is_ok_and(|all| all.len() == rows)
                    || values(&bytes, rows) == Err(Broken));
            }
        }

        #[test]
        fn a_column_with_wrong_bytes_gives_so_many_values_or_none(
            column in column(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            for effort in EFFORTS {
                let mut bytes = put(&column, effort);
                let at = at.index(bytes.len());
                bytes[at] = byte;
                for wrong in [&bytes[..], &bytes[..at]] {
                    if let Ok(all) = values(wrong, column.len()) {
                        prop_assert_eq!(all.len(), column.len());
                    }
                }
            }
        }
    }

    #[test]
    fn odd_columns_are_broken() {
        let cases: [(&str, &[u8], usize); 9] = [
            ("no tag", &[], 0),
            ("an unknown tag", &[PLAIN + 1], 1),
            ("half a constant", &[CONSTANT, 1, 2, 3, 4], 1),
            ("a float too many", &[PLAIN, 0, 0, 0, 0, 0, 0, 0, 0, 9], 1),
            ("a difference too few", &[DIFFERENCES, 2], 2),
            ("a difference too many", &[DIFFERENCES, 2, 2, 2], 2),
            ("a difference without end", &[DIFFERENCES, 0x80, 0x80], 1),
            ("more marks than rows", &[WITH_GAPS, 1, 0, 6], 2),
            ("more runs than rows", &[WITH_GAPS, 9, 0, 2], 2),
        ];
        for (what, bytes, rows) in cases {
            assert_eq!(values(bytes, rows), Err(Broken), "{what}");
        }
    }
}
