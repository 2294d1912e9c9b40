//! Looks at data sources: hostile ones made here, and real servers of Debian's packages.
//!
//! A test with a real server starts it itself, on loopback with a folder of its own, and compares
//! what a look says with what it has done to that server.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

mod authority;
mod bench;
mod hostile;
mod memcached;
mod mysql;
mod mysql_login;
mod postgres;
mod redis;
mod tls;
