//! Rules: stories with their expected signals, and laws that hold for any values.

#![expect(clippy::unwrap_used, reason = "a story that is written wrongly should panic")]

mod laws;
mod messages;
mod script;
mod stories;
