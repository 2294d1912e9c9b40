//! (being written)
pub mod hands;
pub mod message;
