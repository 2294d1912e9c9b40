//! Reports of availability as text for terminals and mails, and as a table for other programs.
//!
//! Pure, and the same bytes for the same view: a report that is fetched twice may be compared.

mod badge;
mod beside;
mod company;
mod csv;
mod text;

pub use badge::badge;
pub use beside::{beside_text, differs};
pub(crate) use company::bounds;
pub use company::{company_csv, company_text};
pub use csv::csv;
pub use text::text;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::time::Time;

use crate::view::report::ReportView;

/// The zone that a report is in.
fn zone_of(report: &ReportView) -> TimeZone {
    TimeZone::get(&report.zone).unwrap_or(TimeZone::UTC)
}

fn local(at: Time, zone: &TimeZone, format: &str) -> String {
    let moment = Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime(format).to_string()
}
