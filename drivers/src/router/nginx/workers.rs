//! Which workers of an nginx serve and which are leaving, and what each may still send requests to.
//!
//! nginx counts no requests per upstream. But a worker knows the upstreams of one file only, and one
//! that is told to leave takes no new connection and ends with its last one. So a VM that was taken
//! out may be busy as long as a worker lives that knew it, and is idle for certain once none does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::id::VmId;
use scaler::hands::Uncounted;

use crate::process::ProcessMark;
use crate::router::siblings;

/// As the processes call themselves.
const WORKER: &str = "nginx: worker process";
const LEAVING: &str = "is shutting down";

/// The workers of one master at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Workers {
    pub(super) serving: BTreeSet<ProcessMark>,
    pub(super) leaving: BTreeSet<ProcessMark>,
}

/// The workers of the master that has this worker. None if they are not to be seen from here.
pub(super) async fn beside(worker: u32) -> Option<Workers> {
    let mut workers = Workers::default();
    for sibling in siblings::of(worker, WORKER).await? {
        let list = match sibling.title.contains(LEAVING) {
            true => &mut workers.leaving,
            false => &mut workers.serving,
        };
        list.insert(sibling.mark);
    }
    Some(workers)
}

/// Whether a worker takes no new connection any more, or is gone.
pub(super) async fn has_left(worker: ProcessMark) -> bool {
    siblings::title_of(worker).await.is_none_or(|title| title.contains(LEAVING))
}

/// The VMs that each worker knows. Kept in memory only: a worker that an earlier brain saw may know
/// any VM.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<ProcessMark, Arc<BTreeSet<VmId>>>);

impl Known {
    /// Takes note of workers that serve with a file of these VMs, and forgets those that are gone.
    pub(super) fn note(&mut self, workers: &Workers, vms: &Arc<BTreeSet<VmId>>) {
        self.0.retain(|mark, _| workers.serving.contains(mark) || workers.leaving.contains(mark));
        for mark in &workers.serving {
            self.0.entry(*mark).or_insert_with(|| Arc::clone(vms));
        }
    }

    /// The VMs beside those of the file in force that a leaving worker may still be busy with.
    pub(super) fn uncounted(&self, workers: &Workers, in_force: &BTreeSet<VmId>) -> Uncounted {
        let mut left = BTreeSet::new();
        for worker in &workers.leaving {
            let Some(vms) = self.0.get(worker) else { return Uncounted::Everything };
            left.extend(vms.difference(in_force).cloned());
        }
        if left.is_empty() { Uncounted::Nothing } else { Uncounted::These(left) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(pids: &[u32]) -> BTreeSet<ProcessMark> {
        pids.iter().map(|pid| ProcessMark { pid: *pid, started_ticks: 1 }).collect()
    }

    fn workers(serving: &[u32], leaving: &[u32]) -> Workers {
        Workers { serving: marks(serving), leaving: marks(leaving) }
    }

    fn vms(ids: &[&str]) -> Arc<BTreeSet<VmId>> {
        Arc::new(ids.iter().map(|id| VmId::parse(id).unwrap()).collect())
    }

    #[test]
    fn a_vm_may_be_busy_until_the_last_worker_that_knew_it_is_gone() {
        let (mut known, (three, two, one)) =
            (Known::default(), (vms(&["a", "b", "c"]), vms(&["a", "b"]), vms(&["a"])));
        known.note(&workers(&[1, 2], &[]), &three);
        let now = workers(&[3, 4], &[1, 2]);
        known.note(&now, &two);
        assert_eq!(known.uncounted(&now, &two), Uncounted::These((*vms(&["c"])).clone()));
        let now = workers(&[5], &[2, 3]);
        known.note(&now, &one);
        assert_eq!(known.uncounted(&now, &one), Uncounted::These((*vms(&["b", "c"])).clone()));
        let now = workers(&[5], &[3]);
        known.note(&now, &one);
        assert_eq!(known.uncounted(&now, &one), Uncounted::These((*vms(&["b"])).clone()));
        let now = workers(&[5], &[]);
        known.note(&now, &one);
        assert_eq!(known.uncounted(&now, &one), Uncounted::Nothing);
    }

    #[test]
    fn a_worker_that_was_leaving_before_we_came_may_know_anybody() {
        let mut known = Known::default();
        let now = workers(&[2], &[1]);
        known.note(&now, &vms(&["a"]));
        assert_eq!(known.uncounted(&now, &vms(&["a"])), Uncounted::Everything);
    }

    #[test]
    fn a_reload_of_the_same_file_leaves_nobody_behind() {
        let (mut known, all) = (Known::default(), vms(&["a"]));
        known.note(&workers(&[1], &[]), &all);
        let now = workers(&[2], &[1]);
        known.note(&now, &all);
        assert_eq!(known.uncounted(&now, &all), Uncounted::Nothing);
    }
}
