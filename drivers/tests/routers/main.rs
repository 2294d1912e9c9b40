//! The drivers of routers against real ones: nginx and HAProxy of Debian, started on loopback by each
//! test, with programs behind them that are killed the moment the driver says they are idle.
//!
//! `tests/run` installs both and lifts the `#[ignore]`.

mod app;
mod edge;
mod exec;
mod haproxy;
mod load;
mod nginx;
