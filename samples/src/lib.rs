//! The samples: what was measured, kept on disk and found again.
