//! `explain --verify`: decides again by what each recorded decision went by.
//!
//! A decision holds all that it went by. If this build comes to another count from it, then the
//! record was changed, or the build decides otherwise than the one that made it; both are worth
//! knowing before one argues about a night.

use std::net::SocketAddr;

use model::id::ModuleId;
use scaler::decide::replay;
use scaler::reason::Decision;
use serde_json::{Value, json};

use super::http::get_json;
use super::{Found, say};
use crate::cli::Output;

/// What came of deciding again.
#[derive(Debug, Default)]
struct Verdict {
    same: usize,
    /// Frozen without a policy, or stored by a build that did not keep everything.
    unplayed: usize,
    /// As recorded, and as decided again.
    other: Vec<(Decision, Decision)>,
}

impl Verdict {
    fn of(decisions: Vec<Decision>) -> Self {
        let mut verdict = Self::default();
        for decision in decisions {
            match replay(&decision) {
                None => verdict.unplayed += 1,
                Some(again) if again == decision => verdict.same += 1,
                Some(again) => verdict.other.push((decision, again)),
            }
        }
        verdict
    }
}

pub(super) async fn verify(
    brain: SocketAddr,
    module: &ModuleId,
    last: u32,
    output: Output,
) -> anyhow::Result<Found> {
    let path = format!("/api/decisions?module={module}&limit={last}");
    let rows: Vec<Value> = get_json(brain, &path).await?;
    let all = rows.len();
    let decisions: Vec<Decision> =
        rows.into_iter().filter_map(|row| serde_json::from_value(row).ok()).collect();
    let unread = all - decisions.len();
    let mut verdict = Verdict::of(decisions);
    verdict.unplayed += unread;
    match output {
        Output::Json => say(&in_json(&verdict).to_string()),
        Output::Text => told(module, &verdict).iter().for_each(|line| say(line)),
    }
    Ok(if verdict.other.is_empty() { Found::Nothing } else { Found::Differences })
}

fn in_json(verdict: &Verdict) -> serde_json::Value {
    let other = verdict.other.iter();
    let other = other.map(|(recorded, again)| json!({"recorded": recorded, "again": again}));
    json!({
        "same": verdict.same,
        "unplayed": verdict.unplayed,
        "differing": other.collect::<Vec<_>>(),
    })
}

fn told(module: &ModuleId, verdict: &Verdict) -> Vec<String> {
    let Verdict { same, unplayed, other } = verdict;
    let played = same + other.len();
    let mut lines = vec![match (played, other.len()) {
        (0, _) => format!("{module}: no decision that could be decided again is on record"),
        (_, 0) => format!("{module}: {played} decisions, each comes to the same again"),
        (_, n) => format!("{module}: {n} of {played} decisions come to something else now"),
    }];
    for (recorded, again) in other {
        let Decision { id, at, from, to, reason, .. } = recorded;
        lines.push(format!("  {id}  {at}  {from} -> {to}: {reason}"));
        lines.push(format!("      now  {} -> {}: {}{}", again.from, again.to, again.reason, {
            let pairs = recorded.limits.iter().zip(&again.limits);
            let mut differing = pairs.filter(|(before, now)| before != now);
            let first = differing.next().map(|(before, _)| &before.name);
            first.map(|name| format!("; from the limit {name} on")).unwrap_or_default()
        }));
    }
    if *unplayed > 0 {
        lines.push(format!(
            "  {unplayed} more do not hold all they went by: made without a policy, or by an older \
             build"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::time::Time;
    use scaler::lead::LeadTimes;
    use serde_json::from_value;

    use super::*;
    use crate::simulate::decider::{Decider, Look};

    /// A decision of a module of fixed size.
    fn decision() -> Decision {
        let policy = json!({
            "apiVersion": "cloudbrain/v1", "kind": "ScalingPolicy", "module": "shop/web",
            "flavor": "small", "mode": "auto", "capacity": {"min": 2, "max": 4},
            "health": {"ready": {"http": "/ready"}},
        });
        let policy = scaler::policy::check(from_value(policy).unwrap()).0.unwrap();
        let module = policy.module.clone();
        let lead = LeadTimes::known(Duration::ZERO, Duration::ZERO);
        let (now, serving) = (Time::from_millis(1_795_363_200_000), &[][..]);
        let look = Look { now, serving, warming: 2, ready: 0, desired: 2, work: None };
        let want = Decider::new(policy, lead).unwrap().decide(&look);
        want.into_decision("d-7".parse().unwrap(), module, 2, now)
    }

    #[test]
    fn a_record_that_was_changed_is_told_with_the_limit_from_which_it_differs() {
        let module: ModuleId = "shop/web".parse().unwrap();
        let (honest, mut forged) = (decision(), decision());
        assert_eq!(
            told(&module, &Verdict::of(vec![honest.clone()])),
            ["shop/web: 1 decisions, each comes to the same again"]
        );
        (forged.to, forged.limits[7].to) = (3, 3);
        let mut frozen = honest.clone();
        frozen.inputs.terms = None;
        let lines = told(&module, &Verdict::of(vec![honest, forged, frozen]));
        assert_eq!(lines[0], "shop/web: 1 of 2 decisions come to something else now");
        assert!(lines[1].contains("d-7") && lines[1].contains("2 -> 3"), "{lines:?}");
        assert!(lines[2].contains("2 -> 2") && lines[2].ends_with("limit min/max on"), "{lines:?}");
        assert!(lines[3].starts_with("  1 more do not hold"), "{lines:?}");
    }
}
