//! Ways to people: one file per kind of channel.

pub mod inbox;
pub mod webhook;
