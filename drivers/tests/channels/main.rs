//! Ways to people, each against a far side of the test's own: what is sent byte for byte, and what
//! each answer is taken for.
//!
//! The answers of services are written down here as the services document them, errors with status
//! 200 among them; signatures were computed independently, with Python's `hmac`.

mod chat;
mod common;
mod far_side;
mod inbox;
mod length;
mod mail;
mod moods;
mod ping;
mod script;
mod services;
mod webhook;
