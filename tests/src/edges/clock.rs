//! The clock of a measurement, which is a program of its own and knows nothing of the brain's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::clock::{Clock, SharedClock};
use model::time::Time;

#[derive(Debug)]
struct OwnClock {
    started: Instant,
}

/// The clock of this process.
#[expect(clippy::disallowed_methods, reason = "whoever measures needs a clock of his own")]
pub fn own() -> SharedClock {
    SharedClock::new(OwnClock { started: Instant::now() })
}

impl Clock for OwnClock {
    #[expect(clippy::disallowed_methods, reason = "whoever measures needs a clock of his own")]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
