//! Reports of availability as text for terminals and mails, and as a table for other programs.
//!
//! Pure, and the same bytes for the same view: a report that is fetched twice may be compared.

mod badge;
mod beside;
mod company;
mod csv;
mod latency;
mod mail;
mod text;

pub use badge::badge;
pub use beside::{beside_text, differs};
pub(crate) use company::bounds;
pub use company::{company_csv, company_text};
pub use csv::csv;
pub use mail::mail_text;
pub use text::text;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::lang::Lang;
use model::time::Time;
use model::unit::Span;

use crate::view::report::{MeasureView, ReportView};

/// The zone that a report is in.
fn zone_of(report: &ReportView) -> TimeZone {
    TimeZone::get(&report.zone).unwrap_or(TimeZone::UTC)
}

/// What a module is measured by, in a sentence; None if that is its domain alone, as is usual.
pub(crate) fn measured_by(lang: Lang, measures: &[MeasureView]) -> Option<String> {
    let is_usual = measures.iter().all(|measure| measure.by == "domain");
    let told = measures.iter().map(|MeasureView { by, each_ms, confirm_down, confirm_up }| {
        let each = Span(Duration::from_millis(*each_ms));
        match lang {
            Lang::En => {
                format!("{by} each {each}, down after {confirm_down}, up after {confirm_up}")
            }
            Lang::Zh => format!(
                "{by} 每 {each} 一次，连续 {confirm_down} 次失败为不可用，{confirm_up} 次成功为恢复"
            ),
        }
    });
    (!is_usual).then(|| told.collect::<Vec<_>>().join(lang.pick("; ", "；")))
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

/// The class of an outage, in the reader's words.
pub(crate) fn cause_in(lang: Lang, cause: &str) -> &str {
    match (lang, cause) {
        (Lang::En, "data-source") => "data source",
        (Lang::En, cause) => cause,
        (Lang::Zh, "host") => "宿主机",
        (Lang::Zh, "network") => "网络",
        (Lang::Zh, "data-source") => "数据源",
        (Lang::Zh, "release") => "版本发布",
        (Lang::Zh, "scaling") => "缩容",
        (Lang::Zh, "capacity") => "容量不足",
        (Lang::Zh, "application") => "应用自身",
        (Lang::Zh, "unclear") => "原因不明",
        (Lang::Zh, other) => other,
    }
}

/// What a span counts as, in the reader's words.
pub(crate) fn state_in(lang: Lang, state: &str) -> &str {
    match (lang, state) {
        (Lang::En, "measured") => "as measured: take a correction back",
        (Lang::En, state) => state,
        (Lang::Zh, "up") => "可用",
        (Lang::Zh, "down") => "不可用",
        (Lang::Zh, "unknown") => "未知",
        (Lang::Zh, "maintenance") => "维护",
        (Lang::Zh, "not-applicable") => "不适用",
        (Lang::Zh, "measured") => "以探测为准：撤回更正",
        (Lang::Zh, other) => other,
    }
}
