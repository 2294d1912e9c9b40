//! The hands at work, with real processes and real sockets on this machine.
//!
//! One test program, so that all tests share one count of ports and one build of their helpers.

mod builtin_router;
mod by_program;
mod common;
mod fleet;
mod http;
mod process_deployer;
mod process_provider;
mod proxy;
