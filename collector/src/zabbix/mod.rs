//! A Zabbix server as a source: what there is, what is wrong with it, what was measured.

pub mod api;
pub mod brake;
pub mod dialect;
pub mod error;
pub mod event;
pub mod host;
pub mod ids;
pub mod loose;
pub mod mapping;
pub mod pace;
pub mod pattern;
pub mod problems;
pub mod reconcile;
pub mod secret;
pub mod tail;
pub mod topology;
pub mod transport;
