//! What a record of the log says: new frames, new columns, rows.

use model::series::{Labels, is_absent};

use crate::bytes::{Broken, Reader, put_text, put_varint, put_zigzag};

const FRAME: u8 = 1;
const COLUMN: u8 = 2;
const ROW: u8 = 3;
/// A row with a value in each of its first columns.
const DENSE_ROW: u8 = 4;

/// One thing that a record says.
#[derive(Debug)]
pub(crate) enum Entry {
    /// The next frame, and what its series have in common.
    Frame(Labels),
    /// The next column of a frame, and all its labels.
    Column(u32, Labels),
    Row {
        frame: u32,
        at: i64,
        values: Vec<(u32, f64)>,
    },
}

pub(crate) fn put_frame(out: &mut Vec<u8>, common: &Labels) {
    out.push(FRAME);
    put_labels(out, common);
}

pub(crate) fn put_column(out: &mut Vec<u8>, frame: u32, labels: &Labels) {
    out.push(COLUMN);
    put_varint(out, frame.into());
    put_labels(out, labels);
}

pub(crate) fn put_row(out: &mut Vec<u8>, frame: u32, at: i64, columns: &[u32], values: &[f64]) {
    let is_dense = columns.iter().enumerate().all(|(place, column)| place as u32 == *column)
        && !values.iter().any(|value| is_absent(*value));
    out.push(if is_dense { DENSE_ROW } else { ROW });
    put_varint(out, frame.into());
    put_zigzag(out, at);
    let present = values.iter().filter(|value| !is_absent(**value)).count();
    put_varint(out, present as u64);
    for (column, value) in columns.iter().zip(values).filter(|(_, value)| !is_absent(**value)) {
        if !is_dense {
            put_varint(out, (*column).into());
        }
        out.extend(value.to_le_bytes());
    }
}

/// Reads a record to its end.
pub(crate) fn read(record: &[u8], mut take: impl FnMut(Entry)) -> Result<(), Broken> {
    let mut reader = Reader::of(record);
    while !reader.is_empty() {
        take(entry(&mut reader)?);
    }
    Ok(())
}

fn entry(reader: &mut Reader<'_>) -> Result<Entry, Broken> {
    let tag = reader.byte()?;
    match tag {
        FRAME => Ok(Entry::Frame(labels(reader)?)),
        COLUMN => {
            let frame = u32::try_from(reader.varint()?).map_err(|_| Broken)?;
            Ok(Entry::Column(frame, labels(reader)?))
        }
        ROW | DENSE_ROW => {
            let frame = u32::try_from(reader.varint()?).map_err(|_| Broken)?;
            let at = reader.zigzag()?;
            let count = reader.count(reader.rest().len() / size_of::<f64>())?;
            let mut values = Vec::with_capacity(count);
            for place in 0..count {
                let column = if tag == DENSE_ROW { place as u64 } else { reader.varint()? };
                let bytes = reader.take(size_of::<f64>())?.try_into().map_err(|_| Broken)?;
                let column = u32::try_from(column).map_err(|_| Broken)?;
                values.push((column, f64::from_le_bytes(bytes)));
            }
            Ok(Entry::Row { frame, at, values })
        }
        _ => Err(Broken),
    }
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_varint(out, labels.len() as u64);
    for (name, value) in labels.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

fn labels(reader: &mut Reader<'_>) -> Result<Labels, Broken> {
    let count = reader.count(reader.rest().len())?;
    let pairs = (0..count).map(|_| Ok((reader.text()?, reader.text()?)));
    Ok(Labels::of(pairs.collect::<Result<Vec<_>, Broken>>()?))
}
