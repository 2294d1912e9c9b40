//! What came of a decision, read off a module's series.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::time::Duration;

use cloudbrain::brain::aftermath::{Aftermath, Measured, aftermath};
use model::time::Time;
use scaler::reason::Decision;

const SETTLE: Duration = Duration::from_secs(60);

/// At the second 100, with a load of 0.9 over 4 VMs.
fn decision(to: u32) -> Decision {
    let decision = serde_json::json!({
        "id": "d-1", "module": "shop/web", "at": 100_000, "mode": "auto", "from": 4, "to": to,
        "reason": {"kind": "not_elastic"}, "limits": [],
        "inputs": {"serving": 4, "warming": 0, "readings": [{
            "name": "load", "value": 0.9, "min": 0.8, "max": 1.0, "fresh": 4, "serving": 4,
            "oldest_sample_s": 1.0, "known": true, "out_above": 0.8, "in_below": 0.5,
        }]},
    });
    serde_json::from_value(decision).unwrap()
}

fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

/// A point every ten seconds; the VMs are there 30 s after the decision.
fn series(before: u32, after: u32) -> Vec<Measured> {
    let point = |second| {
        let serving = if second < 130 { before } else { after };
        Measured { at: at(second), serving, load: Some(3.6 / f64::from(serving)) }
    };
    (50..300).step_by(10).map(point).collect()
}

#[test]
fn the_load_is_read_once_the_vms_serve_and_it_has_settled() {
    let after = aftermath(&decision(6), &series(4, 6), None, SETTLE);
    let told = Aftermath {
        served_after_ms: Some(30_000),
        load: Some(3.6 / 6.0),
        load_after_ms: Some(90_000),
        expected: Some(0.9 * 4.0 / 6.0),
        overtaken_at: None,
    };
    assert_eq!(after, told);
}

#[test]
fn a_scale_in_is_there_when_no_more_serve_than_are_wanted() {
    let after = aftermath(&decision(3), &series(4, 3), None, SETTLE);
    assert_eq!((after.served_after_ms, after.load), (Some(30_000), Some(3.6 / 3.0)));
}

#[test]
fn the_next_change_ends_what_can_be_said_of_this_one() {
    let after = aftermath(&decision(6), &series(4, 6), Some(at(150)), SETTLE);
    assert_eq!((after.served_after_ms, after.load), (Some(30_000), None));
    assert_eq!(after.overtaken_at, Some(at(150)));
    let after = aftermath(&decision(6), &series(4, 6), Some(at(110)), SETTLE);
    assert_eq!(after.served_after_ms, None, "those VMs were not there for this decision");
}
