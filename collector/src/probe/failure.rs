//! Why a look ended without an answer, and whose fault that is.
//!
//! Everything that can go wrong on the way is sorted here once, in words for people: an error's
//! whole chain, cleaned, since parts of it may come from the other end.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use model::clock::SharedClock;
use model::verdict::{Family, Outcome, Phase, Timings};

use crate::blind::is_own_fault;
use crate::look::Answer;
use crate::probe::tls::Certificate;
use crate::text::clean;

/// The longest hint from an error, in characters.
const MAX_HINT_CHARS: usize = 200;

/// Why a look ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("{phase}: {hint}")]
    Theirs { phase: Phase, hint: String },
    #[error("could not look: {reason}")]
    Ours { reason: String },
    /// Something is to be set up first, here.
    #[error("{what}: {remedy}")]
    Setup { what: String, remedy: String },
}

/// What one look has come to. It is kept outside the look itself, since a deadline drops that.
#[derive(Clone, Debug)]
pub struct Trace<'a> {
    clock: &'a SharedClock,
    phase: Phase,
    phase_began: Duration,
    /// When the first byte of a request went out.
    pub sent_at: Option<Duration>,
    pub timings: Timings,
    pub peer: Option<SocketAddr>,
    pub certificate: Option<Certificate>,
    /// Addresses that did not answer before one did, with the reason.
    pub passed_over: Vec<String>,
}

impl<'a> Trace<'a> {
    pub fn new(clock: &'a SharedClock) -> Self {
        Self {
            clock,
            phase: Phase::Connect,
            phase_began: clock.elapsed(),
            sent_at: None,
            timings: Timings::default(),
            peer: None,
            certificate: None,
            passed_over: Vec::new(),
        }
    }

    pub fn clock(&self) -> &'a SharedClock {
        self.clock
    }

    /// Begins a phase, and with it a new stretch of time; whatever went before is not counted.
    pub fn begin(&mut self, phase: Phase) {
        (self.phase, self.phase_began) = (phase, self.clock.elapsed());
        if phase == Phase::Send && self.sent_at.is_none() {
            self.sent_at = Some(self.phase_began);
        }
    }

    /// Ends a phase well.
    pub fn end(&mut self) {
        let span = self.clock.elapsed().saturating_sub(self.phase_began);
        self.timings.add(self.phase, span);
    }

    /// Ends the whole look at its deadline. A name that nobody resolved is not their fault.
    pub fn late(&self, within: Duration) -> Failure {
        if self.phase == Phase::Dns {
            return Failure::Ours {
                reason: format!("the resolver gave no answer within {within:?}"),
            };
        }
        Failure::Theirs { phase: self.phase, hint: format!("no end within {within:?}") }
    }

    /// Ends the look with an error in the present phase.
    pub fn failed(&self, error: &(dyn Error + 'static)) -> Failure {
        Failure::from_error(self.phase, error)
    }

    pub fn family(&self) -> Option<Family> {
        self.peer.map(|peer| family_of(&peer))
    }
}

pub fn family_of(address: &SocketAddr) -> Family {
    if address.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }
}

impl Failure {
    pub fn theirs(phase: Phase, hint: impl Into<String>) -> Self {
        Self::Theirs { phase, hint: hint.into() }
    }

    pub fn from_error(phase: Phase, error: &(dyn Error + 'static)) -> Self {
        let io = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
        if let Some(io) = io.filter(|io| is_own_fault(io)) {
            return Self::Ours { reason: io.to_string() };
        }
        let words: Vec<String> = causes(error).map(ToString::to_string).collect();
        Self::Theirs { phase, hint: clean(&words.join(": "), MAX_HINT_CHARS) }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Theirs { phase, hint } => Self::Unhealthy { phase, hint },
            Failure::Ours { reason } => Self::Blind { reason },
            Failure::Setup { what, remedy } => Self::Blind { reason: format!("{what}: {remedy}") },
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Theirs { phase, hint } => Self::Down { phase, hint },
            Failure::Ours { reason } => Self::Blind { reason },
            Failure::Setup { what, remedy } => Self::Misconfigured { what, remedy },
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use model::clock::FixedClock;
    use model::time::Time;

    use super::*;

    #[test]
    fn what_we_cannot_do_is_not_held_against_the_other_end() {
        let no_route = io::Error::from_raw_os_error(101);
        assert_eq!(
            Failure::from_error(Phase::Connect, &no_route).to_string(),
            "could not look: Network is unreachable (os error 101)"
        );
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(
            Failure::from_error(Phase::Connect, &refused).to_string(),
            "connect: Connection refused (os error 111)"
        );
    }

    #[test]
    fn a_deadline_while_a_name_is_resolved_leaves_us_blind() {
        let clock = SharedClock::new(FixedClock(Time::default()));
        let mut trace = Trace::new(&clock);
        trace.begin(Phase::Dns);
        assert!(matches!(trace.late(Duration::from_secs(1)), Failure::Ours { .. }));
        trace.begin(Phase::Body);
        assert_eq!(trace.late(Duration::from_secs(1)).to_string(), "body: no end within 1s");
    }
}
