//! Values that the tests of several parts are made of.

use alerter::loss::Loss;
use alerter::message::RootState;
use alerter::{Bilingual, IncidentSummary};
use model::signal::Severity;
use model::time::Time;

/// One that is over: its root, and the one module that lost a VM by it.
pub(super) fn incident(id: &str, opened: i64, root: &str, module: &str) -> IncidentSummary {
    let at = Time::from_millis(opened);
    let loss =
        Loss { module: module.parse().expect("a good name"), project: None, vms: 1, vm_ms: 1 };
    IncidentSummary {
        id: id.parse().expect("a good name"),
        root: root.parse().expect("a good name"),
        more_roots: Vec::new(),
        state: RootState::Down,
        suspected: false,
        severity: Severity::High,
        opened: at,
        closed: Some(at),
        merged_into: None,
        affected: Vec::new(),
        began: Some(at),
        repaired: Some(at),
        losses: vec![loss],
        unnoted: 0,
        businesses: Vec::new(),
        headline: Bilingual { en: id.to_owned(), zh: id.to_owned() },
        reasons: Vec::new(),
        acknowledged: None,
        broken: None,
        silences: Vec::new(),
        is_silenced: false,
        snoozes: Default::default(),
    }
}
