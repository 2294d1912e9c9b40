//! What a check of a file found: where, what is wrong, and what to write instead.

/// One thing that a check found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where: the keys down to the value, for example `capacity.min` or `metrics.0.in.below`.
    pub path: String,
    pub message: String,
    pub severity: FindingSeverity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingSeverity {
    /// The file is refused.
    Error,
    /// It is taken, and the reader is told.
    Warning,
}

/// No file names a larger count: no fleet is so large, and sums of such counts stay numbers.
pub(crate) const MOST: u32 = 100_000;

impl Finding {
    /// Refuses a count that nobody means.
    pub(crate) fn too_many(path: impl Into<String>, count: u32) -> Option<Self> {
        let message = || format!("{count} is more than any fleet has; write at most {MOST}");
        (count > MOST).then(|| Self::error(path, message()))
    }

    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), severity: FindingSeverity::Error }
    }

    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), severity: FindingSeverity::Warning }
    }
}
