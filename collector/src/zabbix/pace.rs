//! How hard a Zabbix server may be asked: how often, how much at once, and when not at all.
//!
//! The API runs in the web server that people look at, on the database that takes the values in.
//! If it grows slow, asking on at the same rate makes it slower. So the cycles lengthen with the
//! 95th percentile of its latency, a page that was too much is halved and grows back slowly, and
//! a refused login is not repeated until a while has passed.
//!
//! Pure: latencies and times come in.

use std::collections::VecDeque;
use std::time::Duration;

/// How many of the last calls count.
const WINDOW: usize = 64;
/// Up to this latency a server is not slow.
const SLOW: Duration = Duration::from_secs(1);
/// The longest that a cycle becomes.
const MAX_STRETCH: u32 = 8;
/// After a refused login. Zabbix blocks an account for 30 s after five failures.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);
/// Below this many rows it is not the size that is wrong.
const MIN_PAGE: usize = 10;
/// Good pages after which a page may grow again.
const GOOD_PAGES: u32 = 8;

/// The latencies of the last calls.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    last: VecDeque<Duration>,
}

impl Latency {
    pub fn note(&mut self, took: Duration) {
        if self.last.len() == WINDOW {
            self.last.pop_front();
        }
        self.last.push_back(took);
    }

    /// The 95th percentile of the last calls; zero before the first.
    pub fn p95(&self) -> Duration {
        let mut sorted: Vec<Duration> = self.last.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * 95).div_ceil(100);
        rank.checked_sub(1).map_or(Duration::ZERO, |at| sorted[at])
    }

    /// How many times longer cycles should be than they are meant to.
    pub fn stretch(&self) -> u32 {
        let times = self.p95().as_millis().div_ceil(SLOW.as_millis());
        u32::try_from(times).unwrap_or(MAX_STRETCH).clamp(1, MAX_STRETCH)
    }
}

/// How many rows are asked for at once.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    rows: usize,
    most: usize,
    good: u32,
}

impl PageSize {
    pub fn new(most: usize) -> Self {
        Self { rows: most, most, good: 0 }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn worked(&mut self) {
        self.good += 1;
        if self.good >= GOOD_PAGES {
            self.good = 0;
            self.rows = (self.rows * 2).min(self.most);
        }
    }

    /// Halves it; false if that cannot be the remedy any more.
    pub fn was_too_much(&mut self) -> bool {
        let can_shrink = self.rows > MIN_PAGE;
        self.rows = (self.rows / 2).max(MIN_PAGE.min(self.most));
        self.good = 0;
        can_shrink
    }
}

/// When a login may be tried. Times are those of a clock that never goes back.
#[derive(Clone, Debug, Default)]
pub struct LoginGate {
    /// Not before then, and the server's words.
    closed: Option<(Duration, String)>,
    refusals: u32,
}

impl LoginGate {
    /// How long it stays closed, and why.
    pub fn closed(&self, elapsed: Duration) -> Option<(Duration, &str)> {
        let (until, words) = self.closed.as_ref()?;
        let left = until.saturating_sub(elapsed);
        (!left.is_zero()).then_some((left, words))
    }

    /// Closes it, for longer each time; returns for how long.
    pub fn refused(&mut self, elapsed: Duration, words: &str) -> Duration {
        let wait = FIRST_WAIT.saturating_mul(1 << self.refusals.min(8)).min(MAX_WAIT);
        self.refusals += 1;
        self.closed = Some((elapsed + wait, words.to_owned()));
        wait
    }

    pub fn opened(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_server_is_asked_less_often_and_a_single_slow_call_is_not_slow() {
        let mut latency = Latency::default();
        assert_eq!((latency.p95(), latency.stretch()), (Duration::ZERO, 1));
        for _ in 0..63 {
            latency.note(Duration::from_millis(20));
        }
        latency.note(Duration::from_secs(9));
        assert_eq!(latency.stretch(), 1);
        for _ in 0..8 {
            latency.note(Duration::from_millis(2500));
        }
        assert_eq!((latency.p95(), latency.stretch()), (Duration::from_millis(2500), 3));
        for _ in 0..64 {
            latency.note(Duration::from_secs(60));
        }
        assert_eq!(latency.stretch(), 8);
    }

    #[test]
    fn a_page_halves_at_once_and_grows_back_slowly() {
        let mut page = PageSize::new(1000);
        assert!(page.was_too_much() && page.was_too_much());
        assert_eq!(page.rows(), 250);
        for _ in 0..8 {
            page.worked();
        }
        assert_eq!(page.rows(), 500);
        for _ in 0..80 {
            page.worked();
        }
        assert_eq!(page.rows(), 1000);
        assert_eq!((0..20).filter(|_| page.was_too_much()).count(), 7);
        assert_eq!(page.rows(), 10);
    }

    #[test]
    fn a_wrong_password_is_not_tried_again_and_again() {
        let at = Duration::from_secs;
        let mut gate = LoginGate::default();
        assert!(gate.closed(at(0)).is_none());
        assert_eq!(gate.refused(at(0), "wrong"), at(60));
        assert_eq!(gate.closed(at(59)), Some((at(1), "wrong")));
        assert!(gate.closed(at(60)).is_none());
        assert_eq!(gate.refused(at(60), "wrong"), at(120));
        let waits: Vec<u64> = (0..6).map(|_| gate.refused(at(0), "").as_secs()).collect();
        assert_eq!(waits, [240, 480, 900, 900, 900, 900]);
        gate.opened();
        assert_eq!(gate.refused(at(0), ""), at(60));
    }
}
