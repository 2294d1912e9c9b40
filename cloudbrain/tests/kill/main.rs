//! The kill matrix: the real binary is killed at every boundary of its record, started again, and
//! the world is compared with what was wanted.
//!
//! A crash between "it is written" and "it is done" is what makes orphans, doubles and VMs that
//! drain for ever, and no review finds them all. So the program is built with fail points
//! (`cloudbrain::brain::fail`), each scenario is run once to see which points it passes and how often,
//! and then again for each of them, dying there. What is judged is the world's own ledger (see
//! [`cloud`] and [`fleet`]): processes, what runs on them, whom the router follows. Never the word of
//! the program alone.
//!
//! `cargo test -p cloudbrain --features failpoints --test kill` passes each point once;
//! `tests/kill` runs the whole matrix and writes `docs/kill-matrix.md`.

mod bad_days;
mod cloud;
mod fleet;
mod matrix;
mod processes;
mod report;
mod restored;
mod scenarios;
mod wal;
