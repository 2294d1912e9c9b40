//! Keeps each router at the wanted routing, and tells the brain what the router says.
//!
//! A change costs a router something: nginx starts new workers for each. So changes that follow each
//! other quickly are merged, as long as the router wants to rest; but whoever is ill leaves at once.
//!
//! Two routers are never changed at the same moment: if a change brings one down, the other has not
//! had it yet. Whoever failed last time is out of that order, so that a dead router holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use model::clock::SharedClock;
use scaler::hands::{HandError, Router, Routing, Stamp};
use tokio::sync::{Mutex, mpsc, watch};

use super::Input;
use super::core::Heard;
use super::fail::fail_point;

/// A router is asked how it does this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// And this often while it finishes what was under way on those who left: VMs wait for it.
const LOOK_WHILE_BUSY: Duration = Duration::from_millis(50);
/// For so long after a change, at most.
const BUSY_LASTS: Duration = Duration::from_secs(5);
/// Between two attempts to push a routing that was not taken; it doubles up to the second.
const PUSH_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PUSH_PAUSE: Duration = Duration::from_secs(10);

/// Whose turn it is to be changed.
pub(super) type Turn = Arc<Mutex<()>>;

/// One router, and how it went with it.
#[derive(Debug)]
pub(super) struct Tended {
    router: Arc<dyn Router>,
    turn: Turn,
    clock: SharedClock,
    /// What it took last, and when that was by [`SharedClock::elapsed`].
    taken: Option<(Stamp, Duration)>,
    refused: Option<Refused>,
    /// The generation it said it follows; None before its first word.
    follows: Option<u64>,
}

/// It did not take what was pushed last.
#[derive(Debug)]
struct Refused {
    what: Stamp,
    why: String,
    /// How often in a row before this.
    times: u32,
    /// When, by [`SharedClock::elapsed`].
    at: Duration,
}

impl Tended {
    pub(super) fn new(router: Arc<dyn Router>, turn: Turn, clock: SharedClock) -> Self {
        Self { router, turn, clock, taken: None, refused: None, follows: None }
    }

    /// Goes on until the brain ends.
    pub(super) async fn tend(
        mut self,
        mut routing: watch::Receiver<Routing>,
        sender: mpsc::Sender<Input>,
    ) {
        self.follows = self.router.observe().await.ok().map(|report| report.generation);
        loop {
            let wanted = routing.borrow_and_update().clone();
            let due = self.due(&wanted);
            if due.is_some_and(|due| due.is_zero()) {
                self.push(&wanted).await;
            }
            let report = self.router.observe().await.map_err(|error| error.to_string());
            self.follows = report.as_ref().ok().map(|report| report.generation).or(self.follows);
            // A router that was restarted without its file must be told again.
            if report.as_ref().is_ok_and(|report| report.stamp() < wanted.stamp()) {
                self.taken = self.taken.filter(|(stamp, _)| *stamp != wanted.stamp());
            }
            let (name, trouble) = (self.router.name().to_owned(), self.trouble());
            let heard = Heard::Router { name, report, trouble };
            if sender.send(Input::Heard(heard)).await.is_err() {
                return;
            }
            let wait = self.due(&wanted).map_or(self.look_every(), |due| due.min(LOOK_EVERY));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = routing.changed() => if changed.is_err() { return },
            }
        }
    }

    /// In how long this routing is to be pushed; None if it was taken.
    fn due(&self, wanted: &Routing) -> Option<Duration> {
        if wanted.generation == 0 || self.taken.is_some_and(|(stamp, _)| stamp == wanted.stamp()) {
            return None;
        }
        // One that counts further than we do was told on a newer record than ours; which it is, the
        // scaler finds out. Nobody knows before its first word.
        if self.follows.is_some_and(|follows| follows > wanted.generation) {
            return None;
        }
        let now = self.clock.elapsed();
        if let Some(refused) = self.refused.as_ref().filter(|r| r.what == wanted.stamp()) {
            let pause = PUSH_PAUSE.saturating_mul(1 << refused.times.min(5));
            return Some((refused.at + pause.min(LONGEST_PUSH_PAUSE)).saturating_sub(now));
        }
        let Some((taken, at)) = self.taken else { return Some(Duration::ZERO) };
        match wanted.is_urgent_after(taken) {
            true => Some(Duration::ZERO),
            false => Some((at + self.router.rests()).saturating_sub(now)),
        }
    }

    async fn push(&mut self, wanted: &Routing) {
        let well = self.refused.is_none();
        let turn = if well { Some(self.turn.lock().await) } else { None };
        fail_point!("before push");
        let pushed = self.router.push(wanted).await;
        fail_point!("after push");
        drop(turn);
        let now = self.clock.elapsed();
        match pushed {
            Ok(()) => {
                self.taken = Some((wanted.stamp(), now));
                self.refused = None;
            }
            Err(error) => self.note(wanted.stamp(), &error, now),
        }
    }

    fn note(&mut self, what: Stamp, error: &HandError, at: Duration) {
        let (why, before) = (error.to_string(), self.refused.take());
        if before.as_ref().is_none_or(|before| before.why != why) {
            tracing::warn!(router = self.router.name(), %error, "routing not taken");
        }
        let times = before.map_or(0, |before| before.times.saturating_add(1));
        self.refused = Some(Refused { what, why, times, at });
    }

    fn trouble(&self) -> Option<String> {
        self.refused.as_ref().map(|refused| refused.why.clone())
    }

    fn look_every(&self) -> Duration {
        let since = self.taken.map(|(_, at)| self.clock.elapsed().saturating_sub(at));
        match since.is_some_and(|since| since < BUSY_LASTS) {
            true => LOOK_WHILE_BUSY,
            false => LOOK_EVERY,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use scaler::hands::{Answer, RouterReport};
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::clock;

    /// Takes what it is given, or refuses it, and notes each attempt.
    #[derive(Debug, Default)]
    struct Noting {
        pushed: StdMutex<Vec<u64>>,
        refuses: bool,
        rests: Duration,
        takes: Duration,
    }

    impl Noting {
        fn pushed(&self) -> Vec<u64> {
            self.pushed.lock().expect("nobody panics while holding it").clone()
        }
    }

    impl Router for Noting {
        fn name(&self) -> &str {
            "edge"
        }

        fn rests(&self) -> Duration {
            self.rests
        }

        fn push<'a>(&'a self, routing: &'a Routing) -> Answer<'a, Result<(), HandError>> {
            Box::pin(async {
                sleep(self.takes).await;
                self.pushed.lock().expect("as above").push(routing.generation);
                match self.refuses {
                    true => Err(HandError::Failed("no".to_owned())),
                    false => Ok(()),
                }
            })
        }

        fn observe(&self) -> Answer<'_, Result<RouterReport, HandError>> {
            let generation =
                if self.refuses { 0 } else { self.pushed().last().copied().unwrap_or(0) };
            Box::pin(async move { Ok(RouterReport { generation, ..RouterReport::default() }) })
        }

        fn stop(&self) -> Answer<'_, Result<(), HandError>> {
            Box::pin(async { Ok(()) })
        }
    }

    fn routing(generation: u64, urgent: u64) -> Routing {
        Routing { generation, urgent, ..Routing::default() }
    }

    /// Tends these with one turn between them; returns the ends to steer and to hear them.
    fn tend(routers: &[&Arc<Noting>]) -> (watch::Sender<Routing>, mpsc::Receiver<Input>) {
        let (wanted, seen) = watch::channel(routing(1, 0));
        let (sender, inbox) = mpsc::channel(1024);
        let turn = Turn::default();
        for router in routers {
            let router: Arc<dyn Router> = Arc::clone(router) as _;
            let tended = Tended::new(router, turn.clone(), clock::real());
            tokio::spawn(tended.tend(seen.clone(), sender.clone()));
        }
        (wanted, inbox)
    }

    /// Listens until a router has said something for which this holds.
    async fn until(
        inbox: &mut mpsc::Receiver<Input>,
        mut holds: impl FnMut(&Option<String>) -> bool,
    ) {
        let wait = async {
            loop {
                match inbox.recv().await {
                    Some(Input::Heard(Heard::Router { trouble, .. })) if holds(&trouble) => return,
                    other => assert!(other.is_some(), "it goes on"),
                }
            }
        };
        timeout(Duration::from_secs(30), wait).await.expect("it says so");
    }

    #[tokio::test]
    async fn changes_are_merged_while_it_rests_and_who_is_ill_leaves_at_once() {
        let rests = Duration::from_secs(3600);
        let router = Arc::new(Noting { rests, ..Noting::default() });
        let (wanted, mut inbox) = tend(&[&router]);
        until(&mut inbox, |_| router.pushed() == [1]).await;
        wanted.send_replace(routing(2, 0));
        wanted.send_replace(routing(3, 0));
        until(&mut inbox, |_| true).await;
        assert_eq!(router.pushed(), [1], "it rests");
        wanted.send_replace(routing(4, 4));
        until(&mut inbox, |_| router.pushed() == [1, 4]).await;
    }

    #[tokio::test]
    async fn a_router_that_counts_further_is_left_alone_until_we_are_past_it() {
        let router = Arc::new(Noting { pushed: StdMutex::new(vec![900]), ..Noting::default() });
        let (wanted, mut inbox) = tend(&[&router]);
        until(&mut inbox, |_| true).await;
        assert_eq!(router.pushed(), [900], "our record is older than the world");
        wanted.send_replace(routing(901, 901));
        until(&mut inbox, |_| router.pushed() == [900, 901]).await;
    }

    #[tokio::test]
    async fn what_is_refused_is_told_with_its_reason_and_tried_again() {
        let router = Arc::new(Noting { refuses: true, ..Noting::default() });
        let (_wanted, mut inbox) = tend(&[&router]);
        until(&mut inbox, |trouble| trouble.as_deref() == Some("failed: no")).await;
        until(&mut inbox, |_| router.pushed().len() == 2).await;
    }

    #[tokio::test]
    async fn one_after_the_other_is_changed_and_a_sick_one_holds_up_nobody() {
        let slow = Duration::from_secs(3600);
        let (hangs, well) =
            (Arc::new(Noting { takes: slow, ..Noting::default() }), Arc::new(Noting::default()));
        let turn = Turn::default();
        let mut sick = Tended::new(hangs, turn.clone(), clock::real());
        sick.note(Stamp::default(), &HandError::Failed("dead".to_owned()), Duration::ZERO);
        let held = timeout(Duration::from_millis(50), sick.push(&routing(1, 0))).await;
        assert!(held.is_err() && turn.try_lock().is_ok(), "it is out of the order");
        let mut tended = Tended::new(well, turn.clone(), clock::real());
        let busy = turn.lock().await;
        let waits = timeout(Duration::from_millis(50), tended.push(&routing(1, 0))).await;
        assert!(waits.is_err(), "another one is being changed");
        drop(busy);
        tended.push(&routing(1, 0)).await;
        assert!(tended.taken.is_some());
    }
}
