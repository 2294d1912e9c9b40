//! Bad rule files.
