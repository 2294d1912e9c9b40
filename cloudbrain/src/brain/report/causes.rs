//! What each outage came of: by the incident that lay over it, by what was released shortly before, and by
//! what the scaler did then or could not do meanwhile.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use alerter::IncidentSummary;
use availability::{Cause, Circumstances};
use dashboards::view::report::{CauseView, OutageView, ReportView};
use model::id::ModuleId;
use scaler::reason::{Decision, Reason};
use store::{JournalRow, StoreError};

use super::released;
use crate::brain::Handle;

/// A VM that was taken away hurts at once or not at all.
const SHRANK_WITHIN: Duration = Duration::from_secs(120);
/// A module may want VMs for so long before it breaks down without them.
const LACKED_WITHIN: Duration = Duration::from_secs(300);
/// So many decisions of one outage are looked at; there is a decision where something changes.
const MOST_DECISIONS: usize = 50;

/// Names the class of each outage, and sums them up.
pub(super) async fn classify(
    handle: &Handle,
    report: &mut ReportView,
    incidents: &[IncidentSummary],
    journal: &[JournalRow],
) -> Result<(), StoreError> {
    for module in &mut report.modules {
        for outage in &mut module.outages {
            let decisions = decisions(handle, &module.module, outage).await?;
            outage.released = released::before(journal, &module.module, outage.from);
            outage.cause = cause(outage, incidents, &decisions).as_str().to_owned();
        }
        module.causes = sums(&module.outages);
    }
    Ok(())
}

async fn decisions(
    handle: &Handle,
    module: &ModuleId,
    outage: &OutageView,
) -> Result<Vec<Decision>, StoreError> {
    let from = outage.from - LACKED_WITHIN;
    let rows = handle.store.decisions(Some(module), from, outage.until, MOST_DECISIONS).await?;
    Ok(rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect())
}

fn cause(outage: &OutageView, incidents: &[IncidentSummary], decisions: &[Decision]) -> Cause {
    let incident = incidents.iter().find(|one| Some(&one.id) == outage.incident.as_ref());
    let shrank = decisions.iter().any(|decision| {
        let is_before = decision.at <= outage.from && decision.at + SHRANK_WITHIN > outage.from;
        is_before && decision.to < decision.from && !decision.moves.is_empty()
    });
    let lacked = decisions.iter().any(lacked);
    let root = incident.map(|incident| &incident.root);
    Cause::of(Circumstances { root, released: outage.released.is_some(), shrank, lacked })
}

/// A module that begins has no VMs yet, and lacks none.
fn lacked(decision: &Decision) -> bool {
    let is_bounded = matches!(decision.reason, Reason::NoRoom { .. } | Reason::AtMax { .. });
    let is_short = decision.short > 0 && decision.from > 0 && decision.to > decision.from;
    is_bounded || is_short
}

/// The costliest first.
fn sums(outages: &[OutageView]) -> Vec<CauseView> {
    let mut sums: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for outage in outages {
        let (down_s, count) = sums.entry(&outage.cause).or_default();
        *down_s += outage.down_s;
        *count += 1;
    }
    let view = |cause: Cause| {
        let (down_s, outages) = *sums.get(cause.as_str())?;
        Some(CauseView { cause: cause.as_str().to_owned(), down_s, outages })
    };
    let mut views: Vec<CauseView> = Cause::ALL.into_iter().filter_map(view).collect();
    views.sort_by_key(|view| Reverse(view.down_s));
    views
}

#[cfg(test)]
mod tests {
    use model::time::Time;

    use super::*;

    fn outage(cause: &str, down_s: u64) -> OutageView {
        OutageView {
            from: Time::default(),
            until: Time::default(),
            down_s,
            parts: 1,
            is_open: false,
            is_whole: true,
            is_begin_seen: true,
            why: String::new(),
            incident: None,
            told_s: None,
            released: None,
            cause: cause.to_owned(),
        }
    }

    #[test]
    fn causes_add_up_to_all_that_was_down_the_costliest_first() {
        let all = [outage("application", 10), outage("host", 30), outage("application", 25)];
        let told: Vec<String> = sums(&all)
            .iter()
            .map(|one| format!("{} {} {}", one.cause, one.down_s, one.outages))
            .collect();
        assert_eq!(told, ["application 35 2", "host 30 1"]);
    }

    #[test]
    fn nothing_known_of_an_outage_is_unclear() {
        assert_eq!(cause(&outage("", 1), &[], &[]), Cause::Unclear);
    }
}
