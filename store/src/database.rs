//! Opens one SQLite file: durable, checked, and at the version this program knows.

use std::path::Path;
use std::time::Duration;

use model::time::Time;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::error::StoreError;
use crate::schema::Schema;

/// Only a person with a database shell can hold a lock: the lease keeps other brains out.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens or creates the database at `path`, and brings it up to the newest version.
pub(crate) fn open(path: &Path, schema: &Schema, now: Time) -> Result<Connection, StoreError> {
    let sqlite = |error| StoreError::from_sqlite(path, error);
    let mut connection = connect(path).map_err(sqlite)?;
    check(path, &connection)?;
    let found = version(&connection).map_err(sqlite)?;
    let known = u32::try_from(schema.versions.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    migrate(&mut connection, schema, found, now).map_err(sqlite)?;
    Ok(connection)
}

/// A second connection to an open database, for reading beside the writer.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let connection = connect(path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| StoreError::from_sqlite(path, error))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn check(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let first_finding = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(|error| StoreError::from_sqlite(path, error))?;
    if first_finding == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { path: path.to_owned(), what: first_finding })
}

/// 0 of a database that is empty.
fn version(connection: &Connection) -> rusqlite::Result<u32> {
    let table = "SELECT 1 FROM sqlite_master WHERE name = 'schema_version'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    let newest = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
    connection.query_row(newest, [], |row| row.get(0))
}

/// All missing versions in one transaction: a crash in between leaves the old version whole.
fn migrate(
    connection: &mut Connection,
    schema: &Schema,
    found: u32,
    now: Time,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (version, sql) in (1..).zip(schema.versions).filter(|(version, _)| *version > found) {
        transaction.execute_batch(sql)?;
        let note = "INSERT INTO schema_version (version, applied) VALUES (?1, ?2)";
        transaction.execute(note, params![version, now.millis()])?;
    }
    (schema.refresh)(&transaction)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No test can cut the power, so at least the switches are looked at.
    #[test]
    fn every_connection_waits_for_the_disk_and_minds_its_keys() {
        let path = std::env::temp_dir().join(format!("store-switches-{}.db", std::process::id()));
        let connection = connect(&path).unwrap();
        let switch = |name: &str| {
            connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap()
        };
        let (full, on) = (2, 1);
        assert_eq!((switch("synchronous"), switch("foreign_keys")), (full, on));
        let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get(0));
        assert_eq!(mode, Ok("wal".to_owned()));
        drop(connection);
        std::fs::remove_file(path).unwrap();
    }
}
