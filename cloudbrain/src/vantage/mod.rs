//! A vantage: a place beside the brain that probes what the brain probes, and tells it what it saw.

pub mod wire;
