//! Prometheus: its pages scraped, its targets discovered, its pushes taken in.
//!
//! Much of what a fleet already measures speaks this language. So an exporter can be scraped as it
//! is, the files and services that name targets for Prometheus name them for us too, and a
//! Prometheus, an agent or a vmagent that is there already sends on what it has.
//!
//! - [`scrape`]: one look at a target; [`http`]: how it is asked, as the user sets it.
//! - [`text`], [`page`]: a line of an exporter's page, and the page with the one before it.
//! - [`discovery`]: which targets there are.
//! - [`remote_write`]: samples pushed to us, as remote write 1.0.

mod client;
pub mod discovery;
pub mod http;
pub mod page;
pub mod remote_write;
mod rows;
pub mod scrape;
pub mod text;
