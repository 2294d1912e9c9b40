//! (being written)
pub mod hands;
