//! Frames on disk: as they came, one row each.
//!
//! A row holds the object, the time and a JSON object of metric to value; numbers are written in
//! the shortest form that reads back as the same number. Who asks for frames names an object and
//! a time and never sees this layout, so that sealed chunks can come to stand beside it.
//!
//! A batch that is appended twice is there twice: two collectors may poll one object in the same
//! millisecond for different metrics, so nothing is taken for a repetition.

use std::collections::BTreeMap;

use model::id::Object;
use model::sample::Frame;
use model::time::Time;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use crate::read::{rows, time, unreadable};

/// How many rows are dropped in one go, so that what comes in meanwhile waits for milliseconds.
pub(crate) const PRUNE_AT_ONCE: i64 = 10_000;

/// One transaction for all. When this returns `Ok`, they are on the disk.
pub(crate) fn append(connection: &mut Connection, frames: &[Frame]) -> rusqlite::Result<()> {
    if frames.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let sql = "INSERT INTO frame_log (at, object, body) VALUES (?1, ?2, ?3)";
        let mut insert = transaction.prepare_cached(sql)?;
        for frame in frames {
            let (at, object) = (frame.at.millis(), frame.target.to_string());
            insert.execute(params![at, object, body_of(frame)?])?;
        }
    }
    transaction.commit()
}

/// Oldest first, from `from` to before `until`.
pub(crate) fn find(
    connection: &Connection,
    object: &Object,
    from: Time,
    until: Time,
) -> rusqlite::Result<Vec<Frame>> {
    let sql = "SELECT at, body FROM frame_log WHERE object = ?1 AND at >= ?2 AND at < ?3
               ORDER BY at";
    let question = params![object.to_string(), from.millis(), until.millis()];
    rows(connection, sql, question, |row| {
        Ok(Frame { target: object.clone(), at: time(row, "at")?, values: values(row)? })
    })
}

/// Drops the oldest rows before `before`, about `at_most` of them; returns how many. None are left
/// when it returns 0.
pub(crate) fn prune_some(
    connection: &Connection,
    before: Time,
    at_most: i64,
) -> rusqlite::Result<u64> {
    let sql = "SELECT at FROM frame_log WHERE at < ?1 ORDER BY at LIMIT 1 OFFSET ?2";
    let mut nth = connection.prepare_cached(sql)?;
    let last = nth.query_row(params![before.millis(), at_most - 1], |row| row.get(0)).optional()?;
    // Rows of one moment go together, or a moment with very many would never be finished.
    let last: i64 = last.unwrap_or(before.millis() - 1);
    let dropped =
        connection.prepare_cached("DELETE FROM frame_log WHERE at <= ?1")?.execute([last])?;
    Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
}

fn values(row: &Row<'_>) -> rusqlite::Result<BTreeMap<String, f64>> {
    let body: String = row.get("body")?;
    serde_json::from_str(&body).map_err(|error| unreadable(row, "body", error))
}

/// JSON has no word for infinity: it would be stored as nothing.
fn body_of(frame: &Frame) -> rusqlite::Result<String> {
    let refused = |why: String| rusqlite::Error::ToSqlConversionFailure(why.into());
    if let Some((metric, value)) = frame.values.iter().find(|(_, value)| !value.is_finite()) {
        return Err(refused(format!("frame of {}: {metric} is {value}", frame.target)));
    }
    serde_json::to_string(&frame.values).map_err(|error| refused(error.to_string()))
}
