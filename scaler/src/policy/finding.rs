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

impl Finding {
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), severity: FindingSeverity::Error }
    }

    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), severity: FindingSeverity::Warning }
    }
}
