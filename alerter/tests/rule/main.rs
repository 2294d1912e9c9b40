//! Rules: stories with their expected signals, and laws that hold for any values.

mod laws;
mod script;
mod stories;
