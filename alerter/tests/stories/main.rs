//! The alerter played from outside: stories with their expected logs, and laws that hold for all.

#![expect(clippy::unwrap_used, reason = "a story that is written wrongly should panic")]

mod acts;
mod beside;
mod cases;
mod demo;
mod laws;
mod limits;
mod people;
mod script;
mod truths;
mod why;
