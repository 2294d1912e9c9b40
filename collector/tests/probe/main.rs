//! Looks at servers over real sockets: what was sent, and what a probe made of it.
//!
//! The servers are ours, on loopback, and as hostile as can be. Nothing here asserts how fast this
//! machine is; where a deadline is the point, it is what ends the look.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

mod looks;
mod monitor_x;
mod names;
mod resolver;
mod sent;
mod tls;
