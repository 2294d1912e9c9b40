//! The nouns of cloudbrain.
//!
//! Senses, deciding rooms, hands, memory and face are written by different people and must mean
//! the same thing by "VM", "down" or "now". So the words live here, as plain data: no IO, no
//! clock, no runtime, nothing of ours imported.
//!
//! Suggested reading order: [`id`], [`time`], [`topology`], [`vm`], [`sample`], [`signal`],
//! [`verdict`].

pub mod clock;
pub mod id;
pub mod lang;
pub mod metric;
mod name;
pub mod pack;
pub mod phrasebook;
pub mod places;
pub mod sample;
pub mod series;
pub mod signal;
pub mod time;
pub mod topology;
pub mod unit;
pub mod verdict;
pub mod vm;
pub mod zone;
