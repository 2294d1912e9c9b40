//! The face: what is known of the fleet, as pages.
//!
//! People look here when something is wrong, on any screen, and must see within a breath what
//! suffers, why, and what was done about it. So each page is one complete HTML text made on the
//! server: the worst first, charts as SVG, nothing that needs a script. Where a script runs, it
//! only keeps the page fresh.
//!
//! Whoever serves the pages fills in the [`view`] and hands it over; this crate draws it. It does no
//! IO but for looking up a time zone, reads no clock, and decides nothing: every state, reason and
//! headline was decided in another room.
//!
//! Invariants: what comes from outside is escaped; a page has no inline script and no inline style,
//! and loads nothing but [`STYLE`], [`SCRIPT`] and an empty `data:` icon (a file has the style within, and
//! loads nothing at all); each text is there in both languages; a state is told by a
//! glyph and a word, never by colour alone; a gap in a series is a gap in its line.

mod chart;
mod page;
mod promql;
pub mod report;
mod unit;
pub mod view;
mod voice;
mod words;

pub use page::{
    capacity_page, company_file, company_page, decision_page, explore_page, incident_page,
    module_page, monitor_page, no_report_page, not_found_page, overview_fragment, overview_page,
    quiet_page, refused_page, report_file, report_page, review_markdown, review_page, rules_page,
    status_file,
};

/// The style sheet, served as `/assets/style.css`.
pub const STYLE: &str = include_str!("../assets/style.css");

/// Keeps the first page fresh, served as `/assets/live.js`.
pub const SCRIPT: &str = include_str!("../assets/live.js");
