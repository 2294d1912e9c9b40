//! The clock as a thing one is given.
//!
//! Senses and hands must stamp what they see and measure how long it took, yet only the binary
//! reads a real clock. So it hands one out; a test hands out another, and steps it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::time::Time;

/// Tells the time. The real one lives in `cloudbrain`, made-up ones in tests.
pub trait Clock: Send + Sync {
    /// The wall clock: it may jump, so only stamps are made from it.
    fn now(&self) -> Time;
    /// Time since some fixed moment of this process; never goes back. For measuring latencies.
    fn elapsed(&self) -> Duration;
}

/// A clock to pass around.
#[derive(Clone)]
pub struct SharedClock(Arc<dyn Clock>);

impl SharedClock {
    pub fn new(clock: impl Clock + 'static) -> Self {
        Self(Arc::new(clock))
    }

    pub fn now(&self) -> Time {
        self.0.now()
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedClock({})", self.now())
    }
}

/// A clock that stands still, for tests and replays.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Time);

impl Clock for FixedClock {
    fn now(&self) -> Time {
        self.0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
