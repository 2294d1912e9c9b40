//! Reports of availability as text for terminals and mails, and as a table for other programs.
//!
//! Pure, and the same bytes for the same view: a report that is fetched twice may be compared.

mod csv;
mod latency;
mod text;

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

/// A time that an answer took: `4.2ms`, `380ms`.
pub(crate) fn took(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}ms", micros / 1_000),
    }
}

fn local(at: Time, zone: &TimeZone, format: &str) -> String {
    let moment = Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime(format).to_string()
}
