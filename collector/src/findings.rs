//! From looks at data sources, checks and scrapes to signals.
//!
//! One look that fails is not news; several in a row are. A target that lives and does not let us
//! see is a fault of the configuration and has a check of its own, so that nobody is woken by
//! "database down" because a grant is missing.
//!
//! Pure. What was seen is forgotten at a restart and seen again by fresh looks: the first good look
//! gives an Ok too, which ends what may have been open from before.
//!
//! Invariants: nothing follows from a look that we failed to take; of each check of an object, bad
//! and good take turns.

use std::collections::BTreeMap;

use model::id::{CheckId, CollectorId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;

use crate::look::Answer;

/// What a look is about, in the words of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub object: Object,
    /// Goes bad when the target is down.
    pub check: CheckId,
    /// How bad that is.
    pub severity: Severity,
}

/// What is known of everything that is looked at in this way.
#[derive(Clone, Debug)]
pub struct Findings {
    misses: u32,
    via: Option<CollectorId>,
    runs: BTreeMap<(Object, CheckId), Run>,
}

#[derive(Clone, Debug, Default)]
struct Run {
    down: Check,
    misconfigured: Check,
}

#[derive(Clone, Debug, Default)]
struct Check {
    /// Looks in a row that were not good.
    misses: u32,
    /// Whether "bad" was said last; None if nothing was.
    said: Option<bool>,
}

impl Findings {
    /// `misses` failed looks in a row are a problem; at least one.
    pub fn new(misses: u32, via: Option<CollectorId>) -> Self {
        Self { misses: misses.max(1), via, runs: BTreeMap::new() }
    }

    /// A target was looked at.
    pub fn on_look(&mut self, subject: &Subject, at: Time, answer: &Answer) -> Vec<Signal> {
        let run = self.runs.entry((subject.object.clone(), subject.check.clone())).or_default();
        let (down, misconfigured) = match answer {
            Answer::Blind { .. } => return Vec::new(),
            Answer::Up => (None, Some(None)),
            // Of what does not answer, nobody knows whether it would let us see.
            Answer::Down { phase, hint } => (Some(format!("{phase}: {hint}")), None),
            Answer::Misconfigured { what, remedy } => {
                (None, Some(Some(format!("{what}; {remedy}"))))
            }
        };
        let down = run.down.hear(down, self.misses);
        let misconfigured =
            misconfigured.and_then(|problem| run.misconfigured.hear(problem, self.misses));
        let down = down.map(|text| self.signal(subject, subject.check.clone(), at, text));
        let config = misconfigured
            .map(|text| self.signal(&subject.of_configuration(), config_check(subject), at, text));
        down.into_iter().chain(config).collect()
    }

    /// Forgets a subject: it is looked at no longer.
    pub fn forget(&mut self, subject: &Subject) {
        self.runs.remove(&(subject.object.clone(), subject.check.clone()));
    }

    fn signal(
        &self,
        subject: &Subject,
        check: CheckId,
        at: Time,
        problem: Option<String>,
    ) -> Signal {
        let (state, text) = match problem {
            Some(text) => {
                let text = format!("{check} of {}: {text}", subject.object.name());
                (SignalState::Problem(subject.severity), text)
            }
            None => (SignalState::Ok, format!("{check} of {} is good", subject.object.name())),
        };
        let source = SourceId::parse("watch").expect("it is a name");
        let object = subject.object.clone();
        Signal { source, check, object, state, at, via: self.via.clone(), text }
    }
}

impl Subject {
    fn of_configuration(&self) -> Self {
        Self { severity: Severity::Warning, ..self.clone() }
    }
}

fn config_check(subject: &Subject) -> CheckId {
    let name = format!("{}.configuration", subject.check);
    CheckId::parse(&name).unwrap_or_else(|_| subject.check.clone()) // It was near the limit.
}

impl Check {
    /// Takes in one look. What there is to say now: None if it was said, Some(None) for good,
    /// Some(text) for bad.
    fn hear(&mut self, problem: Option<String>, misses: u32) -> Option<Option<String>> {
        self.misses = problem.as_ref().map_or(0, |_| self.misses + 1);
        let is_bad = problem.is_some();
        if (is_bad && self.misses < misses) || self.said == Some(is_bad) {
            return None;
        }
        self.said = Some(is_bad);
        Some(problem)
    }
}

#[cfg(test)]
mod tests {
    use model::verdict::Phase;

    use super::*;

    fn subject() -> Subject {
        Subject {
            object: "datasource/orders-db".parse().unwrap(),
            check: CheckId::parse("ds.up").unwrap(),
            severity: Severity::High,
        }
    }

    fn told(findings: &mut Findings, second: i64, answer: &Answer) -> Vec<String> {
        let at = Time::from_millis(second * 1000);
        let signals = findings.on_look(&subject(), at, answer);
        signals.iter().map(|signal| format!("{:?} {}", signal.state, signal.text)).collect()
    }

    fn down() -> Answer {
        Answer::Down { phase: Phase::Connect, hint: "refused".to_owned() }
    }

    fn misconfigured() -> Answer {
        let (what, remedy) = ("access denied".to_owned(), "grant PROCESS to it".to_owned());
        Answer::Misconfigured { what, remedy }
    }

    #[test]
    fn two_misses_are_a_problem_and_one_answer_ends_it() {
        let mut findings = Findings::new(2, None);
        let good = ["Ok ds.up of orders-db is good", "Ok ds.up.configuration of orders-db is good"];
        assert_eq!(told(&mut findings, 0, &Answer::Up), good);
        assert!(told(&mut findings, 1, &down()).is_empty());
        assert!(told(&mut findings, 2, &Answer::Blind { reason: "x".to_owned() }).is_empty());
        let bad = ["Problem(High) ds.up of orders-db: connect: refused"];
        assert_eq!(told(&mut findings, 3, &down()), bad);
        assert!(told(&mut findings, 4, &down()).is_empty(), "it is said once");
        assert_eq!(told(&mut findings, 5, &Answer::Up), good[..1]);
    }

    #[test]
    fn a_missing_grant_is_a_warning_and_not_down() {
        let mut findings = Findings::new(2, None);
        assert_eq!(told(&mut findings, 0, &misconfigured()), ["Ok ds.up of orders-db is good"]);
        assert_eq!(
            told(&mut findings, 1, &misconfigured()),
            [
                "Problem(Warning) ds.up.configuration of orders-db: access denied; grant PROCESS to it"
            ]
        );
        assert!(told(&mut findings, 2, &down()).is_empty());
        let bad = ["Problem(High) ds.up of orders-db: connect: refused"];
        assert_eq!(told(&mut findings, 3, &down()), bad, "the missing grant is not taken back");
    }
}
