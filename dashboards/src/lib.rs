//! The face: pages and charts, drawn from plain views.
//!
//! It reads and never decides: somebody else fills in a [`view`], the functions here turn it into
//! HTML. A page is complete without JavaScript, loads nothing from elsewhere, and says each thing
//! by word and shape as well as by colour. All text is escaped by the page builder, since names,
//! reasons and faults come from outside.

mod chart;
mod incident;
mod module;
mod overview;
mod page;
pub mod view;
mod when;
mod words;

pub use incident::incident_page;
pub use module::module_page;
pub use overview::{overview_fragment, overview_page};
pub use page::not_found_page;

/// Served as `/assets/style.css`.
pub const STYLE: &str = include_str!("style.css");
/// Served as `/assets/live.js`.
pub const SCRIPT: &str = include_str!("live.js");
