//! From looks at data sources, checks and scrapes to signals.
//!
//! One look that fails is not news; as many in a row as its [`Confirm`] says are. A target that lives and does not let us
//! see is a fault of the configuration and has a check of its own, so that nobody is woken by
//! "database down" because a grant is missing.
//!
//! Pure. What was seen is forgotten at a restart and seen again by fresh looks: the first good look
//! gives an Ok too, which ends what may have been open from before. What is looked at no longer has
//! no such look; [`Findings::no_longer_made`] ends that.
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
    pub confirm: Confirm,
}

/// How many looks in a row are believed; none counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// Failed ones before it is bad.
    pub down: u32,
    /// Good ones before it is good again.
    pub up: u32,
}

/// What is known of everything that is looked at in this way.
#[derive(Clone, Debug)]
pub struct Findings {
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
    /// Whether the last look was bad, and how many in a row were like it.
    last: Option<bool>,
    in_a_row: u32,
    /// Whether "bad" was said last; None if nothing was.
    said: Option<bool>,
}

impl Findings {
    pub fn new(via: Option<CollectorId>) -> Self {
        Self { via, runs: BTreeMap::new() }
    }

    /// A target was looked at.
    pub fn on_look(&mut self, subject: &Subject, at: Time, answer: &Answer) -> Vec<Signal> {
        let run = self.runs.entry(subject.key()).or_default();
        let (down, misconfigured) = match answer {
            Answer::Blind { .. } => return Vec::new(),
            Answer::Up => (Some(None), Some(None)),
            // Of what does not answer, nobody knows whether it would let us see.
            Answer::Down { phase, hint } => (Some(Some(format!("{phase}: {hint}"))), None),
            Answer::Misconfigured { what, remedy } => {
                let lives = subject.lives_if_it_refuses_us().then_some(None);
                (lives, Some(Some(format!("{what}; {remedy}"))))
            }
        };
        let down = down.and_then(|problem| run.down.hear(problem, subject.confirm));
        let misconfigured =
            misconfigured.and_then(|problem| run.misconfigured.hear(problem, subject.confirm));
        let down = down.map(|text| self.signal(subject, subject.check.clone(), at, text));
        let config = misconfigured
            .map(|text| self.signal(&subject.of_configuration(), config_check(subject), at, text));
        down.into_iter().chain(config).collect()
    }

    /// Forgets a subject: it is looked at no longer. What was bad about it ends.
    pub fn forget(&mut self, subject: &Subject, at: Time) -> Vec<Signal> {
        let Some(run) = self.runs.remove(&subject.key()) else { return Vec::new() };
        let checks =
            [(run.down, subject.check.clone()), (run.misconfigured, config_check(subject))];
        let bad = checks.into_iter().filter(|(check, _)| check.said == Some(true));
        let ended = bad.map(|(_, check)| {
            let text = format!("{check} of {} is looked at no longer", subject.object.name());
            Signal { text, ..self.signal(subject, check, at, None) }
        });
        ended.collect()
    }

    /// The source of all its signals.
    pub fn source() -> SourceId {
        SourceId::parse("watch").expect("it is a name")
    }

    /// Ends what was said before a restart by a check that nobody makes any more.
    pub fn no_longer_made(&self, object: Object, check: CheckId, at: Time) -> Signal {
        let text = format!("{check} of {}: the check is no longer made", object.name());
        let (source, state, via) = (Self::source(), SignalState::Ok, self.via.clone());
        Signal { source, check, object, state, at, via, text }
    }

    fn signal(
        &self,
        subject: &Subject,
        check: CheckId,
        at: Time,
        problem: Option<String>,
    ) -> Signal {
        let (state, text) = match problem {
            Some(text) => (SignalState::Problem(subject.severity), text),
            None => (SignalState::Ok, format!("{check} of {} is good", subject.object.name())),
        };
        let source = Self::source();
        let object = subject.object.clone();
        Signal { source, check, object, state, at, via: self.via.clone(), text }
    }
}

impl Subject {
    /// What its looks have in common, however bad they are held to be.
    pub fn key(&self) -> (Object, CheckId) {
        (self.object.clone(), self.check.clone())
    }

    /// The checks that its looks can turn bad: of the target, and of how it lets us in.
    pub fn checks(&self) -> [CheckId; 2] {
        [self.check.clone(), config_check(self)]
    }

    /// Who refuses us has answered. But a check of a business that cannot be made was not made.
    fn lives_if_it_refuses_us(&self) -> bool {
        !matches!(self.object, Object::Module(_) | Object::Project(_))
    }

    fn of_configuration(&self) -> Self {
        Self { severity: Severity::Warning, ..self.clone() }
    }
}

fn config_check(subject: &Subject) -> CheckId {
    let name = format!("{}.configuration", subject.check);
    CheckId::parse(&name).unwrap_or_else(|_| subject.check.clone()) // It was near the limit.
}

impl Check {
    /// Takes in one look. What there is to say now: None if there is nothing, Some(None) for good,
    /// Some(text) for bad.
    fn hear(&mut self, problem: Option<String>, confirm: Confirm) -> Option<Option<String>> {
        let is_bad = problem.is_some();
        self.in_a_row = if self.last == Some(is_bad) { self.in_a_row.saturating_add(1) } else { 1 };
        self.last = Some(is_bad);
        let enough = if is_bad { confirm.down } else { confirm.up };
        if self.in_a_row < enough || self.said == Some(is_bad) {
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
            confirm: Confirm { down: 2, up: 1 },
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
        let mut findings = Findings::new(None);
        let good = ["Ok ds.up of orders-db is good", "Ok ds.up.configuration of orders-db is good"];
        assert_eq!(told(&mut findings, 0, &Answer::Up), good);
        assert!(told(&mut findings, 1, &down()).is_empty());
        assert!(told(&mut findings, 2, &Answer::Blind { reason: "x".to_owned() }).is_empty());
        let bad = ["Problem(High) connect: refused"];
        assert_eq!(told(&mut findings, 3, &down()), bad);
        assert!(told(&mut findings, 4, &down()).is_empty(), "it is said once");
        assert_eq!(told(&mut findings, 5, &Answer::Up), good[..1]);
    }

    #[test]
    fn a_missing_grant_is_a_warning_and_not_down() {
        let mut findings = Findings::new(None);
        assert_eq!(told(&mut findings, 0, &misconfigured()), ["Ok ds.up of orders-db is good"]);
        assert_eq!(
            told(&mut findings, 1, &misconfigured()),
            ["Problem(Warning) access denied; grant PROCESS to it"]
        );
        assert!(told(&mut findings, 2, &down()).is_empty());
        let bad = ["Problem(High) connect: refused"];
        assert_eq!(told(&mut findings, 3, &down()), bad, "the missing grant is not taken back");
    }

    #[test]
    fn a_check_that_could_not_be_made_recovers_nothing_and_takes_its_time_to_recover() {
        let confirm = Confirm { down: 1, up: 2 };
        let object = "module/shop/web".parse().unwrap();
        let subject = Subject { object, confirm, ..subject() };
        let mut findings = Findings::new(None);
        let mut states = |answer: &Answer| -> Vec<String> {
            let signals = findings.on_look(&subject, Time::default(), answer);
            signals.iter().map(|signal| format!("{} {:?}", signal.check, signal.state)).collect()
        };
        assert_eq!(states(&down()), ["ds.up Problem(High)"]);
        assert_eq!(states(&misconfigured()), ["ds.up.configuration Problem(Warning)"]);
        assert!(states(&Answer::Up).is_empty(), "one good look is not enough here");
        assert!(states(&down()).is_empty(), "and the count begins anew");
        assert_eq!(states(&Answer::Up), ["ds.up.configuration Ok"]);
        assert_eq!(states(&Answer::Up), ["ds.up Ok"]);
    }

    #[test]
    fn what_was_bad_ends_when_it_is_looked_at_no_longer() {
        let mut findings = Findings::new(None);
        assert!(findings.forget(&subject(), Time::default()).is_empty(), "it was never looked at");
        told(&mut findings, 0, &Answer::Up);
        told(&mut findings, 1, &down());
        told(&mut findings, 2, &down());
        let ended = findings.forget(&subject(), Time::default());
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].state, SignalState::Ok);
        assert_eq!(ended[0].text, "ds.up of orders-db is looked at no longer");
    }
}
