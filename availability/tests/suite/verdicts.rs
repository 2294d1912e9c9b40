//! Short ways to say what tests say often.

use std::time::Duration;

use availability::Accounting;
use model::time::Time;
use model::verdict::{Outcome, Phase};

/// A probe a minute, and the usual rules.
pub(crate) fn each_minute() -> Accounting {
    Accounting::new(Duration::from_secs(60))
}

pub(crate) fn second(seconds: i64) -> Time {
    Time::from_millis(seconds * 1000)
}

pub(crate) fn good() -> Outcome {
    Outcome::Healthy { doubt: None }
}

pub(crate) fn bad(hint: &str) -> Outcome {
    Outcome::Unhealthy { phase: Phase::Status, hint: hint.to_owned() }
}

pub(crate) fn blind() -> Outcome {
    Outcome::Blind { reason: "no route".to_owned() }
}
