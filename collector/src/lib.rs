//! The senses: they ask agents and probe applications, and say what they found as `model` values.
//!
//! The deciding rooms must be able to trust one thing above all: that "it is down" was seen and
//! not guessed. So each poll has one total deadline, none holds up another, and what went wrong on
//! our own side is told apart from what went wrong on theirs, all the way up.
//!
//! - [`frame`], [`passive`]: the Zabbix passive protocol, asked; [`agent`], [`figures`]: answered.
//!   [`active`]: the server of agents that come by themselves. [`sheet`], [`parts`]: what both ask.
//! - [`monitor_x`], [`probe`]: the health contract of an application, and one look at it.
//! - [`check`]: what users want checked: TCP, DNS, PING, HTTP(S).
//! - [`prometheus`]: exporters scraped, targets discovered, pushes taken in.
//! - [`poller`]: who is looked at when; [`gauges`]: how well that goes.
//! - [`reach`]: from single looks to signals.
//!
//! The senses decide nothing about incidents or capacity, remember nothing across a restart, and
//! read no clock but the one they are given. Whatever comes from a monitored system is bounded in
//! size and time, and cleaned before it is repeated.

pub mod active;
pub mod agent;
mod blind;
pub mod check;
pub mod chinese;
mod columns;
pub mod datasource;
pub mod figures;
pub mod findings;
pub mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod gauges;
pub mod lag;
pub mod look;
pub mod monitor_x;
pub mod parts;
pub mod passive;
pub mod poller;
pub mod pool;
pub mod posted;
pub mod probe;
pub mod prometheus;
pub mod reach;
mod schedule;
pub mod sheet;
pub mod sight;
mod targets;
mod text;
pub mod watch;
pub mod zabbix;
