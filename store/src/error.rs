//! What can go wrong with the memory, by what the caller does about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store did not do what it was asked. Whatever it was, nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another brain lives here: do not start.
    #[error("the data folder {} is in use by {}; only one may use it", folder.display(), holder(*pid))]
    InUse { folder: PathBuf, pid: Option<u32> },
    /// A newer program wrote it: do not start, and change nothing.
    #[error(
        "{} has schema version {found}, this program knows up to {known}; \
         start the newer program again", path.display()
    )]
    TooNew { path: PathBuf, found: u32, known: u32 },
    /// What is stored cannot be trusted: a person must look.
    #[error("{} is damaged: {what}; stop, keep a copy of it, and restore a backup", path.display())]
    Damaged { path: PathBuf, what: String },
    /// The change breaks a rule: a bug of the caller. Trying again will not help.
    #[error("refused: {what}")]
    Refused { what: String },
    /// The disk did not take it. Trying again later may help.
    #[error("{} cannot be used; {advice}", path.display())]
    Disk {
        path: PathBuf,
        advice: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// The last is "no such table" and its like: these are not the tables of this version.
const DAMAGE: [ErrorCode; 3] =
    [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase, ErrorCode::Unknown];

impl StoreError {
    pub(crate) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let Some(code) = error.sqlite_error_code() else { return not_from_sqlite(path, &error) };
        if code == ErrorCode::ConstraintViolation {
            return Self::Refused { what: words_of(&error) };
        }
        if DAMAGE.contains(&code) {
            return Self::Damaged { path, what: words_of(&error) };
        }
        Self::Disk { path, advice: advice(code), source: Box::new(error) }
    }

    pub(crate) fn from_io(path: &Path, error: std::io::Error) -> Self {
        let advice = "check that it is a folder of this user with free space";
        Self::Disk { path: path.to_owned(), advice, source: Box::new(error) }
    }
}

/// A value that fits no column was handed in, or was read back.
fn not_from_sqlite(path: PathBuf, error: &rusqlite::Error) -> StoreError {
    if let rusqlite::Error::ToSqlConversionFailure(source) = error {
        return StoreError::Refused { what: source.to_string() };
    }
    StoreError::Damaged { path, what: error.to_string() }
}

/// SQLite's own words without what rusqlite puts around them.
fn words_of(error: &rusqlite::Error) -> String {
    if let rusqlite::Error::SqliteFailure(_, Some(words)) = error {
        return words.clone();
    }
    error.to_string()
}

fn advice(code: ErrorCode) -> &'static str {
    if code == ErrorCode::DiskFull {
        "free some space on its volume"
    } else if code == ErrorCode::DatabaseBusy || code == ErrorCode::DatabaseLocked {
        "close the other program that has it open"
    } else if code == ErrorCode::SystemIoFailure {
        "check its volume: free space, quota, and what the kernel logged"
    } else {
        "check that it belongs to this user, may be written, and has free space"
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another brain".to_owned(), |pid| format!("another brain, pid {pid}"))
}
