//! The one real clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::clock::{Clock, SharedClock};
use model::time::Time;

#[derive(Debug)]
struct RealClock {
    started: Instant,
}

/// The clock of this process.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn real() -> SharedClock {
    SharedClock::new(RealClock { started: Instant::now() })
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
