//! The scaler in a small made-up module: one flavor, one pool, one load, and any trace of work.
//!
//! People want to see what a policy does before they switch it on, and benchmarks want to ask the
//! scaler in a world of their own. Both get the scaler that `serve` runs: [`decider`] hands what is
//! seen to `scaler::decide` and remembers what it remembers. [`world`] is the module for people and
//! for the command form of the benchmark; for its line protocol ([`stdio`]) the world is the
//! benchmark's.
//!
//! It does not play routers, steps, or faults of the brain: those are the business of the simulated
//! world in the tests. One seed gives one run, whatever the machine.

pub mod backtest;
pub mod decider;
pub mod foresight;
pub mod outcome;
pub mod stdio;
pub mod trace;
pub mod world;
