//! How long it took until people heard of each outage, and what that comes to: MTTD.
//!
//! An outage begins with the first probe of those that confirmed it, and people know of it once a message of
//! its incident was delivered. If none was, as where all is silenced, the page showed the incident from its
//! opening on. Where one of both ends is not known there is no figure, and the report says why.

use std::time::Duration;

use alerter::IncidentSummary;
use availability::Lengths;
use dashboards::view::report::{OutageView, ReportView, StatisticsView};
use model::id::IncidentId;
use model::time::Time;
use store::StoreError;

use crate::brain::Handle;

const RULE: &str = "an outage is told of when the first message of its incident is delivered, or when the incident is \
                    opened if none is; MTTD is the mean time from its begin to that";
const NO_INCIDENT: &str = "no incident lay over what was down";
const NO_BEGIN: &str = "nobody saw the beginning of what was told of";

/// Says of each outage with an incident when it was told of, and sums that up.
pub(super) async fn add(
    handle: &Handle,
    report: &mut ReportView,
    incidents: &[IncidentSummary],
) -> Result<(), StoreError> {
    let outages = report.modules.iter().flat_map(|module| &module.outages);
    let named = outages.filter_map(|outage| outage.incident.clone()).collect();
    let first = handle.store.first_told(named).await?;
    let opened = |id: &IncidentId| incidents.iter().find(|one| one.id == *id).map(|one| one.opened);
    for module in &mut report.modules {
        for outage in module.outages.iter_mut().filter(|outage| outage.is_begin_seen) {
            let id = outage.incident.as_ref();
            let told = id.and_then(|id| first.get(id).copied().or_else(|| opened(id)));
            outage.told_s = told.map(|told| after(outage, told));
        }
        sum_up(&mut module.statistics, &module.outages, report.from);
    }
    if report.modules.iter().any(|module| module.statistics.told > 0) {
        report.rules.push(RULE.to_owned());
    }
    Ok(())
}

/// At once, if its incident was known before.
fn after(outage: &OutageView, told: Time) -> u64 {
    told.since(outage.from).as_secs()
}

/// Of those that began in the period, which begins at `from`.
fn sum_up(figures: &mut StatisticsView, outages: &[OutageView], from: Time) {
    let begun = || outages.iter().filter(|outage| outage.from >= from);
    let told: Vec<u64> = begun().filter_map(|outage| outage.told_s).collect();
    figures.told = u32::try_from(told.len()).unwrap_or(u32::MAX);
    if let Some(lengths) = Lengths::of(told.into_iter().map(Duration::from_secs)) {
        figures.tell_mean_s = Some(lengths.mean.as_secs());
        figures.tell_median_s = Some(lengths.median.as_secs());
        figures.tell_worst_s = Some(lengths.worst.as_secs());
    } else if begun().next().is_some() {
        let has_incident = begun().any(|outage| outage.incident.is_some());
        let why = if has_incident { NO_BEGIN } else { NO_INCIDENT };
        figures.untold = Some(why.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: i64 = 1_000;

    fn second(second: i64) -> Time {
        Time::from_millis(second * 1_000)
    }

    fn outage(from: i64, incident: Option<&str>, told_s: Option<u64>) -> OutageView {
        OutageView {
            from: second(from),
            until: second(from + 300),
            down_s: 300,
            parts: 1,
            is_open: false,
            is_whole: told_s.is_some(),
            is_begin_seen: told_s.is_some(),
            why: String::new(),
            incident: incident.map(|id| id.parse().unwrap()),
            told_s,
            released: None,
            cause: String::new(),
        }
    }

    fn figures(outages: &[OutageView]) -> StatisticsView {
        let mut figures = StatisticsView::default();
        sum_up(&mut figures, outages, second(PERIOD));
        figures
    }

    #[test]
    fn what_was_told_of_sums_up_and_what_was_not_takes_no_part() {
        let told = [90, 20, 40].map(|after| outage(PERIOD, Some("i1"), Some(after)));
        let quiet = outage(PERIOD, None, None);
        let before = outage(PERIOD - 1, Some("i0"), Some(900));
        let figures = figures(&[&told[..], &[quiet, before]].concat());
        assert_eq!((figures.told, figures.tell_mean_s), (3, Some(50)));
        assert_eq!((figures.tell_median_s, figures.tell_worst_s), (Some(40), Some(90)));
        assert_eq!(figures.untold, None);
    }

    #[test]
    fn without_a_figure_there_is_a_reason_unless_nothing_began() {
        let why = |outages: &[OutageView]| figures(outages).untold;
        assert_eq!(why(&[outage(PERIOD, None, None)]).as_deref(), Some(NO_INCIDENT));
        assert_eq!(why(&[outage(PERIOD, Some("i1"), None)]).as_deref(), Some(NO_BEGIN));
        assert_eq!(why(&[outage(PERIOD - 1, None, None)]), None);
    }

    #[test]
    fn who_knew_of_its_cause_before_it_began_knew_at_once() {
        let outage = outage(PERIOD, Some("i1"), None);
        assert_eq!([PERIOD - 60, PERIOD + 60].map(|at| after(&outage, second(at))), [0, 60]);
    }
}
