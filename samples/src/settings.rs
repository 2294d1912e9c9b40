//! What the owner of a store decides.

use std::time::Duration;

/// How long samples are kept, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Samples as they were measured.
    pub keep_raw: Duration,
    /// Least, most, mean and last of each five minutes.
    pub keep_five_minutes: Duration,
    /// The same of each hour.
    pub keep_hours: Duration,
    /// Over it, known series stay and new ones are refused.
    pub max_series: usize,
    /// Of one row.
    pub max_columns: usize,
    /// Names and values of one series together.
    pub max_label_bytes: usize,
    /// How far ahead of us the clock of a source may be.
    pub max_ahead: Duration,
    /// The most values that are in memory and log alone. At half of it they are sealed, and at the
    /// whole whoever appends waits for that.
    pub memory_values: usize,
    /// So many of each series, if that is more: short columns take much room in parts.
    pub memory_rows: usize,
    /// No value stays in memory and log alone for longer.
    pub max_age: Duration,
    /// When what is appended is made to survive a loss of power.
    pub sync: Sync,
}

/// A killed process loses nothing with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before it is acknowledged; appends that wait together share one.
    Each,
    /// By the next [`maintain`](crate::Samples::maintain): less work, and a loss of power may take
    /// what was acknowledged since the last one.
    Maintain,
}

impl Default for Settings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            keep_raw: days(15),
            keep_five_minutes: days(90),
            keep_hours: days(400),
            max_series: 1_000_000,
            max_columns: 10_000,
            max_label_bytes: 16 * 1024,
            max_ahead: Duration::from_secs(600),
            memory_values: 3_000_000,
            memory_rows: 32,
            max_age: Duration::from_secs(3600),
            sync: Sync::Each,
        }
    }
}
