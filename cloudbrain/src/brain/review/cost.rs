//! What an incident cost: VM-minutes by the alerter's word, time down for users by the account.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::IncidentSummary;
use alerter::loss::Loss;
use availability::Report;
use dashboards::view::review::{BusinessCost, ModuleCost};
use model::id::{ModuleId, ProjectId};
use model::time::Time;

const MS_PER_MINUTE: f64 = 60_000.0;

/// By business, the one that lost most first. A module that lost no VM but was down is there, too.
pub(super) fn businesses(
    incident: &IncidentSummary,
    reports: &BTreeMap<ModuleId, Report>,
    from: Time,
    until: Time,
) -> Vec<BusinessCost> {
    let mut by_project: BTreeMap<Option<ProjectId>, Vec<Loss>> = BTreeMap::new();
    for loss in &incident.losses {
        by_project.entry(loss.project.clone()).or_default().push(loss.clone());
    }
    for (module, report) in reports {
        let is_new = incident.losses.iter().all(|loss| loss.module != *module);
        if is_new && !down(report, from, until).is_zero() {
            let project = module.as_str().split_once('/').and_then(|(p, _)| p.parse().ok());
            let loss = Loss { module: module.clone(), project: project.clone(), vms: 0, vm_ms: 0 };
            by_project.entry(project).or_default().push(loss);
        }
    }
    let mut costs: Vec<BusinessCost> = by_project
        .into_iter()
        .map(|(project, losses)| business(project, &losses, reports, from, until))
        .collect();
    costs.sort_by(|a, b| b.vm_minutes.total_cmp(&a.vm_minutes));
    costs
}

fn business(
    project: Option<ProjectId>,
    losses: &[Loss],
    reports: &BTreeMap<ModuleId, Report>,
    from: Time,
    until: Time,
) -> BusinessCost {
    let modules = losses.iter().map(|loss| {
        let report = reports.get(&loss.module);
        ModuleCost {
            module: loss.module.clone(),
            vms: loss.vms,
            vm_minutes: loss.vm_ms as f64 / MS_PER_MINUTE,
            down_s: report.map(|report| down(report, from, until).as_secs_f64()),
            unknown_s: report.map_or(0.0, |report| report.unknown.as_secs_f64()),
        }
    });
    let accounted: Vec<&Report> = losses.iter().filter_map(|l| reports.get(&l.module)).collect();
    BusinessCost {
        project,
        vms: losses.iter().map(|loss| loss.vms).sum(),
        vm_minutes: losses.iter().map(|loss| loss.vm_ms as f64).sum::<f64>() / MS_PER_MINUTE,
        down_s: (!accounted.is_empty()).then(|| any_down(&accounted, from, until).as_secs_f64()),
        modules: modules.collect(),
    }
}

fn down(report: &Report, from: Time, until: Time) -> Duration {
    any_down(&[report], from, until)
}

/// How long at least one of them was down.
fn any_down(reports: &[&Report], from: Time, until: Time) -> Duration {
    let outages = reports.iter().flat_map(|report| &report.outages);
    let mut spans: Vec<(Time, Time)> =
        outages.map(|outage| (outage.from.max(from), outage.until.min(until))).collect();
    spans.sort_unstable();
    let mut total = Duration::ZERO;
    let mut reached = from;
    for (begin, end) in spans {
        total += end.since(begin.max(reached));
        reached = reached.max(end);
    }
    total
}

#[cfg(test)]
mod tests {
    use availability::{Interval, State};

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    fn report(outages: &[(i64, i64)]) -> Report {
        let outage = |(from, until): &(i64, i64)| Interval {
            from: at(*from),
            until: at(*until),
            state: State::Down,
            why: String::new(),
        };
        Report {
            up: Duration::ZERO,
            down: Duration::ZERO,
            unknown: Duration::ZERO,
            maintenance: Duration::ZERO,
            not_applicable: Duration::ZERO,
            known: None,
            low: 0.0,
            high: 1.0,
            coverage: 0.0,
            outages: outages.iter().map(outage).collect(),
            blips: 0,
            accounting: String::new(),
        }
    }

    #[test]
    fn a_business_is_down_while_any_of_its_modules_is() {
        let (web, api) = (report(&[(10, 40), (60, 70)]), report(&[(30, 50), (65, 66)]));
        let down = |reports: &[&Report]| any_down(reports, at(20), at(100)).as_secs();
        assert_eq!(down(&[&web]), 30, "from when on it counts: 20 to 40 and 60 to 70");
        assert_eq!(down(&[&api]), 21);
        assert_eq!(down(&[&web, &api]), 40, "20 to 50 and 60 to 70, each second once");
        assert_eq!(down(&[]), 0);
    }
}
