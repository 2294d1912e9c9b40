//! What people and the rest of the house know of a span of time, laid over what the probes said.
//!
//! Probes cannot know that a window of maintenance was announced, that a service is not promised at
//! night, or that "down" was the firewall of the one who looked. Whoever knows says so as an
//! [`Overlay`], and nothing is deleted: the account is made of both each time, so that an overlay
//! that is taken back leaves no trace, and a report can name it.
//!
//! Where several lie over a moment the strongest counts, see [`Kind`]; of two corrections the one
//! said later.

use std::collections::{BTreeMap, BTreeSet};

use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::interval::{Interval, State, push};

/// Who knows it. In order of strength, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The monitor itself: it could not look.
    Blind,
    /// A window of planned work that was announced.
    Maintenance,
    /// Nothing was promised then: not published, withdrawn, outside of service hours.
    NotApplicable,
    /// A person, with a reason.
    Correction,
}

/// One thing that is known of the time from `from` to before `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    pub from: Time,
    pub until: Time,
    pub kind: Kind,
    /// What the time counts as.
    pub state: State,
    /// In words; of a correction with its author.
    pub why: String,
    /// When it was said.
    pub said: Time,
}

/// The timeline as it counts: `base` with the overlays on it. `base` is in order and without gaps, and
/// so is the answer; what reaches beyond it is cut off. The order of the overlays does not matter.
pub fn lay(base: &[Interval], overlays: &[Overlay]) -> Vec<Interval> {
    let mut sorted: Vec<&Overlay> = overlays.iter().filter(|one| one.from < one.until).collect();
    sorted.sort_by_key(|one| (one.kind, one.said, one.from, one.until, one.state, &one.why));
    let mut edges: BTreeMap<Time, Vec<(usize, bool)>> = BTreeMap::new();
    for (rank, overlay) in sorted.iter().enumerate() {
        edges.entry(overlay.from).or_default().push((rank, true));
        edges.entry(overlay.until).or_default().push((rank, false));
    }
    let mut edges = edges.into_iter().peekable();
    let mut over: BTreeSet<usize> = BTreeSet::new();
    let mut laid = Vec::new();
    for interval in base {
        let mut from = interval.from;
        while let Some((at, changes)) = edges.next_if(|(at, _)| *at < interval.until) {
            let part = Interval { from, until: at.max(from), ..interval.clone() };
            push(&mut laid, covered(part, &over, &sorted));
            from = at.max(from);
            for (rank, begins) in changes {
                if begins {
                    over.insert(rank)
                } else {
                    over.remove(&rank)
                };
            }
        }
        push(&mut laid, covered(Interval { from, ..interval.clone() }, &over, &sorted));
    }
    laid
}

/// A part over which nothing changes.
fn covered(part: Interval, over: &BTreeSet<usize>, sorted: &[&Overlay]) -> Interval {
    match over.last() {
        Some(strongest) => {
            let Overlay { state, why, .. } = sorted[*strongest];
            Interval { state: *state, why: why.clone(), ..part }
        }
        None => part,
    }
}
