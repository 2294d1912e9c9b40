//! A Zabbix server as a source: what there is, what is wrong with it, what was measured.

pub mod acknowledge;
pub mod api;
pub mod brake;
pub mod dialect;
pub mod error;
pub mod event;
pub mod export;
pub mod history;
pub mod host;
pub mod ids;
pub mod items;
pub mod key;
pub mod loose;
pub mod mapping;
pub mod metrics;
pub mod pace;
pub mod pattern;
pub mod problems;
pub mod reconcile;
pub mod rows;
pub mod secret;
pub mod tail;
pub mod topology;
pub mod transport;
