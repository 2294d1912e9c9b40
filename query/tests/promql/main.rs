//! What expressions come to, as scripts with their expected outcome.
//!
//! `script.rs` runs a script over the samples in `memory.rs`; the other files are scripts by topic.
//! `consistency.rs` and `hostile.rs` hold properties over made-up samples and texts.
//! `coverage.rs` and `json.rs` are about `query::aggregate` and `query::api`.
//! `prometheus.rs` asks the same of a real Prometheus.

#![expect(clippy::unwrap_used, reason = "a script that is written wrongly should panic")]

mod aggregations;
mod consistency;
mod coverage;
mod errors;
mod functions;
mod hostile;
mod json;
mod many;
mod memory;
mod operators;
mod over_time;
mod prometheus;
mod script;
mod selectors;
mod time;
mod wire;
