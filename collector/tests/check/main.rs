//! Checks against servers of our own on loopback: good ones, broken ones, hostile ones.
//!
//! A check is written as in a file, and what is told of it is compared as people read it.

mod common;
mod dns;
mod http;
mod ping;
mod spec;
mod tcp;
mod tls;
