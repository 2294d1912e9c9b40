//! Which incident an outage belongs to, so that a report leads to the story behind a minute.
//!
//! The account knows nothing of incidents: an outage is what users had, an incident is one cause. They
//! are brought together by time and by what the incident is about. An outage without an incident is no
//! mistake: it may have been silenced, or too short for anybody to be told.

use std::time::Duration;

use alerter::IncidentSummary;
use dashboards::view::report::{OutageView, ReportView};
use model::id::{ModuleId, Object, ProjectId};
use store::StoreError;

use crate::brain::Handle;

/// An outage is an incident at the latest so long after its end.
const LATEST: Duration = Duration::from_secs(3_600);

/// The incidents that may belong to an outage of this report; the others are not even read, since reports
/// are many and outages are few.
pub(super) async fn known(
    handle: &Handle,
    report: &ReportView,
) -> Result<Vec<IncidentSummary>, StoreError> {
    let outages = report.modules.iter().flat_map(|module| &module.outages);
    let spans = outages.map(|outage| (outage.from, outage.until + LATEST));
    let rows = handle.store.incidents_over(spans.collect()).await?;
    Ok(rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect())
}

/// Names the incident of each outage, where there is one.
pub(super) fn link(report: &mut ReportView, incidents: &[IncidentSummary]) {
    for module in &mut report.modules {
        for outage in &mut module.outages {
            let found = behind(&report.project, &module.module, outage, incidents);
            outage.incident = found.map(|incident| incident.id.clone());
        }
    }
}

/// Of those that lay over the outage one that is about the module, else one that its project suffered
/// from; the first of them. One that another took over is told of there.
fn behind<'a>(
    project: &ProjectId,
    module: &ModuleId,
    outage: &OutageView,
    incidents: &'a [IncidentSummary],
) -> Option<&'a IncidentSummary> {
    let over = incidents.iter().filter(|incident| is_over(incident, outage));
    let ours = over.filter(|incident| incident.businesses.contains(project));
    ours.min_by_key(|incident| (!is_about(incident, module), incident.opened))
}

/// An incident begins with the first sign of it, and ends some time after the last.
fn is_over(incident: &IncidentSummary, outage: &OutageView) -> bool {
    let begun = incident.began.unwrap_or(incident.opened).min(incident.opened);
    incident.merged_into.is_none()
        && begun <= outage.until
        && incident.closed.is_none_or(|closed| closed > outage.from)
}

fn is_about(incident: &IncidentSummary, module: &ModuleId) -> bool {
    let roots = [&incident.root].into_iter().chain(&incident.more_roots);
    let mut objects = roots.chain(&incident.affected);
    objects.any(|object| matches!(object, Object::Module(one) if one == module))
        || incident.losses.iter().any(|loss| loss.module == *module)
}

#[cfg(test)]
mod tests {
    use model::time::Time;

    use super::*;
    use crate::brain::made_up::incident;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    /// From its begin to its end it hurt the shop.
    fn over(id: &str, from: i64, until: Option<i64>, root: &str, module: &str) -> IncidentSummary {
        IncidentSummary {
            closed: until.map(at),
            businesses: vec!["shop".parse().unwrap()],
            ..incident(id, from * 1000, root, module)
        }
    }

    fn found(incidents: &[IncidentSummary], from: i64, until: i64) -> Option<String> {
        let outage = OutageView {
            from: at(from),
            until: at(until),
            down_s: 1,
            parts: 1,
            is_open: false,
            is_whole: true,
            is_begin_seen: true,
            why: String::new(),
            incident: None,
            told_s: None,
            released: None,
            cause: String::new(),
        };
        let (project, module) = ("shop".parse().unwrap(), "shop/web".parse().unwrap());
        behind(&project, &module, &outage, incidents).map(|one| one.id.to_string())
    }

    #[test]
    fn an_outage_belongs_to_the_incident_that_lay_over_it_and_is_about_it() {
        let incidents = [
            over("late", 900, None, "module/shop/web", "shop/web"),
            over("api", 90, Some(300), "host/h1", "shop/api"),
            over("web", 120, Some(300), "host/h2", "shop/web"),
            over("before", 10, Some(50), "module/shop/web", "shop/web"),
        ];
        assert_eq!(found(&incidents, 100, 200).as_deref(), Some("web"));
        assert_eq!(found(&incidents[..2], 100, 200).as_deref(), Some("api"));
        assert_eq!(found(&incidents, 950, 960).as_deref(), Some("late"), "it is still open");
        assert_eq!(found(&incidents, 60, 80), None, "between two there was none");
    }

    #[test]
    fn what_hurt_others_or_was_taken_over_is_not_named() {
        let others =
            IncidentSummary { businesses: Vec::new(), ..over("x", 1, None, "host/h1", "bank/pay") };
        let merged = IncidentSummary {
            merged_into: Some("y".parse().unwrap()),
            ..over("z", 1, None, "module/shop/web", "shop/web")
        };
        assert_eq!(found(&[others, merged], 5, 9), None);
    }
}
