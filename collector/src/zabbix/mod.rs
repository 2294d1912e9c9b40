//! A Zabbix server as a source: what there is, what is wrong with it, what was measured.
//!
//! Most users have a Zabbix that works, with hosts, templates and triggers made over years. It
//! keeps them; this reads from it, and tells it what was acknowledged. What reading costs that
//! server is bounded: lean fields, small pages, two calls at once, longer cycles when it is slow.
//!
//! [`watch`] is what the brain uses. Beneath it, what asks and what decides are apart:
//!
//! - [`api`] calls, bounded, in the words of the server's version ([`dialect`]); with
//!   [`transport`], [`error`], [`pace`] and [`secret`]. `loose` and [`ids`] read its JSON.
//! - [`discover`] lists hosts; [`topology`] says what they are by the user's [`mapping`], or by
//!   what is usual (`conventions`), and [`brake`] holds a list that shrinks suddenly.
//! - [`poll`] reads events; [`tail`] loses none, [`problems`] makes signals of them,
//!   [`reconcile`] finds what no event tells. [`export`] reads them from files instead.
//! - [`measure`] reads values; [`items`] chooses by the table in [`metrics`], [`history`] knows
//!   what was read, [`rows`] makes rows.
//! - [`acknowledge`] tells it back.
//!
//! An error of the API is never a statement about what Zabbix watches. A host that was deleted or
//! disabled ends no problem by itself: it is reported, and the alerter decides.

pub mod acknowledge;
pub mod api;
pub mod brake;
mod conventions;
pub mod dialect;
pub mod discover;
pub mod error;
pub mod event;
pub mod export;
pub mod history;
pub mod host;
pub mod ids;
pub mod items;
pub(crate) mod key;
mod loose;
pub mod mapping;
pub mod measure;
pub mod metrics;
pub mod pace;
pub mod pattern;
pub mod poll;
pub mod problems;
pub mod reconcile;
pub mod rows;
pub mod secret;
pub mod stats;
pub mod tail;
pub mod topology;
pub mod transport;
pub mod watch;
