//! One row for each day, each outage, each class of causes, each correction, each span that some vantages alone saw
//! down, and each figure of the latency of each module. Columns keep their order; numbers and moments are the
//! same in all languages.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use model::time::Time;

use super::{local, zone_of};
use crate::view::report::{ModuleReport, ReportView};

const HEAD: &str = "kind,module,from,until,up_s,down_s,unknown_s,maintenance_s,not_applicable_s,why,probes,failures,in_time,time_us,told_s\n";

/// As RFC 4180 has it, with a head, and lines that end in `\n`.
pub fn csv(report: &ReportView) -> String {
    let zone = zone_of(report);
    let mut table = HEAD.to_owned();
    for module in &report.modules {
        days(module, &zone, &mut table);
        outages(module, &zone, &mut table);
        causes(module, report, &zone, &mut table);
        corrections(module, &zone, &mut table);
        partials(module, &zone, &mut table);
        latency(module, &zone, &mut table);
    }
    table
}

fn days(module: &ModuleReport, zone: &TimeZone, table: &mut String) {
    for day in &module.days {
        let (id, tally) = (&module.module, &day.tally);
        let (from, until) = (stamp(day.from, zone), stamp(day.until, zone));
        let _ = writeln!(
            table,
            "day,{id},{from},{until},{},{},{},{},{},,,,,,",
            tally.up_s, tally.down_s, tally.unknown_s, tally.maintenance_s, tally.not_applicable_s
        );
    }
}

fn outages(module: &ModuleReport, zone: &TimeZone, table: &mut String) {
    for outage in &module.outages {
        let (id, down) = (&module.module, outage.down_s);
        let (from, until) = (stamp(outage.from, zone), stamp(outage.until, zone));
        let (why, told) = (field(&outage.why), number(outage.told_s));
        let _ = writeln!(table, "outage,{id},{from},{until},,{down},,,,{why},,,,,{told}");
    }
}

/// A row for all probes, for each percentile and for each threshold.
fn latency(module: &ModuleReport, zone: &TimeZone, table: &mut String) {
    let Some(latency) = &module.latency else { return };
    let mut row = |kind: &str, from: Time, figures: [Option<u64>; 4]| {
        let (id, from, until) = (&module.module, stamp(from, zone), stamp(latency.until, zone));
        let figures = figures.map(number).join(",");
        let _ = writeln!(table, "{kind},{id},{from},{until},,,,,,,{figures},");
    };
    row("latency", latency.from, [Some(latency.probes), Some(latency.failures), None, None]);
    let times = [
        ("p50", latency.p50_us),
        ("p95", latency.p95_us),
        ("p99", latency.p99_us),
        ("slowest", latency.slowest_us),
    ];
    for (kind, time) in times.into_iter().filter(|(_, time)| time.is_some()) {
        row(kind, latency.from, [None, None, None, time]);
    }
    for within in &latency.within {
        let figures = [Some(within.of), None, Some(within.count), Some(within.within_us)];
        row("within", within.since.unwrap_or(latency.from), figures);
    }
}

/// A row for each class, with all that was down of it.
fn causes(module: &ModuleReport, report: &ReportView, zone: &TimeZone, table: &mut String) {
    for one in &module.causes {
        let (id, down, cause) = (&module.module, one.down_s, &one.cause);
        let (from, until) = (stamp(report.from, zone), stamp(report.until, zone));
        let _ = writeln!(table, "cause,{id},{from},{until},,{down},,,,{cause},,,,,");
    }
}

fn corrections(module: &ModuleReport, zone: &TimeZone, table: &mut String) {
    for one in &module.corrections {
        let (id, from, until) = (&module.module, stamp(one.from, zone), stamp(one.until, zone));
        let why = field(&format!("{}: {}", one.counts_as, one.why));
        let _ = writeln!(table, "correction,{id},{from},{until},,,,,,{why},,,,,");
    }
}

/// No time of it counts as down: the days tell that.
fn partials(module: &ModuleReport, zone: &TimeZone, table: &mut String) {
    for one in &module.partials {
        let (id, from, until) = (&module.module, stamp(one.from, zone), stamp(one.until, zone));
        let vantages: Vec<&str> = one.vantages.iter().map(|vantage| vantage.as_str()).collect();
        let why = field(&format!("seen down from {} only: {}", vantages.join(" and "), one.why));
        let _ = writeln!(table, "partial,{id},{from},{until},,,,,,{why},,,,,");
    }
}

fn number(one: Option<u64>) -> String {
    one.map_or(String::new(), |one| one.to_string())
}

pub(super) fn stamp(at: Time, zone: &TimeZone) -> String {
    local(at, zone, "%Y-%m-%dT%H:%M:%S%:z")
}

/// A text that came from a monitored system. A table program would take one that begins with these
/// signs for a formula, and carry it out.
pub(super) fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\"").replace(['\r', '\n'], " "))
}
