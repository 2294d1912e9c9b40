//! The loop around [`core::Core`]: everything that can wake it is listed in [`run`].
//!
//! The order is the promise: first the rows of a turn become durable, then its effects begin.
//! Whoever is killed between the two finds the effect still wanted at the next start.

pub mod active;
pub mod acts;
pub mod aftermath;
pub mod asker;
pub mod budgets;
pub mod capacity;
pub mod core;
pub mod discover;
pub mod duty;
pub mod eye;
pub mod fail;
pub mod figures;
pub mod forecaster;
pub mod hands;
pub mod heartbeat;
pub mod history;
pub mod intake;
mod looks;
#[cfg(test)]
mod made_up;
pub mod mailing;
mod measure;
pub mod monitor;
pub mod others;
mod outbox;
mod place;
pub mod plan;
pub mod posted;
pub mod record;
pub mod recorder;
pub mod report;
mod request_rate;
pub mod review;
pub mod rows;
mod senses;
pub mod start;
mod status;
pub mod story;
pub mod targets;
mod tending;
pub mod vantages;
pub mod view;
pub mod zabbix;

use std::sync::Arc;
use std::time::Duration;

use collector::active::{ActiveGauges, Directory};
use collector::poller::{Sensed, Targets};
use collector::prometheus::remote_write::Decoder;
use model::clock::SharedClock;
use model::series::Row;
use model::time::Time;
use samples::Samples;
use scaler::hands::Routing;
use store::{Change, Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

use self::asker::Asked;
use self::core::{Acknowledged, Core, Heard, Turn};
use self::hands::Hands;
use self::monitor::Beside;
use self::outbox::{Delivery, Outbox};
use self::recorder::Recorder;

/// Room for everything that may come in at once: a poll of 5,000 VMs and some.
const INBOX: usize = 8192;
/// So much is taken in before a turn, at most.
const BATCH: usize = 2048;
/// A store that fails is asked again after this long.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// A question to the brain is given up after this long.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Something that is read of the core, and its answer sent on.
type Question = Box<dyn FnOnce(&Core, Time) + Send>;

/// What wakes the brain.
pub enum Input {
    Heard(Heard),
    /// Likewise, and somebody waits until what follows from it is on record.
    HeardFor(Heard, oneshot::Sender<()>),
    /// What the looks saw within a moment.
    Sensed(Vec<Sensed>),
    Delivered(Delivery),
    /// Somebody wants to read something of the core.
    Ask(Question),
    Stop,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Heard(heard) | Self::HeardFor(heard, _) => write!(f, "Heard({heard:?})"),
            Self::Sensed(sensed) => write!(f, "Sensed({sensed:?})"),
            Self::Delivered(delivery) => write!(f, "Delivered({delivery:?})"),
            Self::Ask(_) => f.write_str("Ask"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// How the API and the loops around speak to the brain.
#[derive(Clone, Debug)]
pub struct Handle {
    pub inbox: mpsc::Sender<Input>,
    /// Counts the turns.
    pub turns: watch::Receiver<u64>,
    /// Why the brain stands still, if it does.
    pub trouble: watch::Receiver<Option<String>>,
    pub store: Store,
    pub clock: SharedClock,
    pub gauges: Arc<collector::gauges::Gauges>,
    /// How it goes with the agents that come by themselves.
    pub active: Arc<ActiveGauges>,
    pub recorder: Recorder,
    /// Remembers the labels of those who push.
    pub remote_write: Arc<Decoder>,
}

impl Handle {
    /// Asks the brain something. The error says why it does not answer.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Core, Time) -> T + Send + 'static,
    ) -> Result<T, String> {
        let (answer, answered) = oneshot::channel();
        let ask = Input::Ask(Box::new(move |core, now| drop(answer.send(question(core, now)))));
        let asking = async {
            self.inbox.send(ask).await.map_err(|_| "the brain is shutting down".to_owned())?;
            answered.await.map_err(|_| "the brain is shutting down".to_owned())
        };
        match tokio::time::timeout(ANSWER_WITHIN, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(self.trouble.borrow().clone().unwrap_or("the brain is busy".to_owned())),
        }
    }

    /// Lets the brain hear something, and returns once what follows from it is on record.
    pub async fn tell(&self, heard: Heard) -> Result<(), String> {
        let away = || "the brain is shutting down".to_owned();
        let (done, recorded) = oneshot::channel();
        self.inbox.send(Input::HeardFor(heard, done)).await.map_err(|_| away())?;
        recorded.await.map_err(|_| away())
    }

    /// What is known of the monitor itself beside the core.
    pub async fn beside(&self) -> Beside {
        Beside {
            gauges: self.gauges.read(),
            active: self.active.read(),
            samples: self.recorder.run(Samples::stats).await,
            intake: self.recorder.intake(),
        }
    }
}

/// The parts that [`start`] has put together.
#[derive(Debug)]
pub struct Brain {
    pub core: Core,
    pub hands: Hands,
    pub outbox: Outbox,
    pub store: Store,
    pub clock: SharedClock,
    pub inbox: mpsc::Receiver<Input>,
    /// Who waits for the record of what was heard since the last turn.
    pub waiting: Vec<oneshot::Sender<()>>,
    pub sender: mpsc::Sender<Input>,
    pub turns: watch::Sender<u64>,
    pub trouble: watch::Sender<Option<String>>,
    pub routing: watch::Sender<Routing>,
    pub targets: watch::Sender<Arc<Targets>>,
    /// Who may speak for whom.
    pub directory: watch::Sender<Arc<Directory>>,
    /// What is asked of the samples again and again.
    pub questions: watch::Sender<Arc<Vec<Asked>>>,
    pub rows: mpsc::Sender<Vec<Row>>,
    pub recorder: Recorder,
    /// Who is told what was taken on.
    pub zabbix: Vec<mpsc::Sender<Acknowledged>>,
}

/// Why the brain stopped by itself: it is better to stop than to act on.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    #[error("the record cannot be trusted any more")]
    Record(#[from] StoreError),
    #[error(
        "{0}: another brain acts for this fleet, on a copy of this store; this one has stopped. See \
         that only one is started, on the newer store"
    )]
    Superseded(String),
}

/// Runs until it is told to stop, or has to.
pub async fn run(mut brain: Brain) -> Result<(), Halt> {
    let mut due = brain.clock.now();
    loop {
        let wait = due.since(brain.clock.now());
        let input = tokio::select! {
            input = brain.inbox.recv() => match input {
                None | Some(Input::Stop) => break,
                Some(input) => Some(input),
            },
            () = tokio::time::sleep(wait) => None,
        };
        let (urgent, stop) = brain.take_in(input);
        if stop {
            break;
        }
        let now = brain.clock.now();
        if urgent || now >= due {
            for signal in brain.outbox.signals(&brain.core.config, now) {
                brain.core.hear(Heard::Channel(signal), now);
            }
            let core = &mut brain.core;
            brain.outbox.renew(now, |message| core.renew(message, now));
            let turn = brain.core.turn(now);
            if let Some(why) = turn.superseded {
                return Err(Halt::Superseded(why));
            }
            brain.finish(turn, now).await?;
            let wake = brain.outbox.wake_at(now).into_iter().chain([brain.core.wake_at(now)]).min();
            due = wake.unwrap_or(now).max(now + Duration::from_millis(20));
        }
    }
    brain.store.clone().close().await;
    Ok(())
}

impl Brain {
    /// Takes in what has come, up to a batch. Returns whether a turn is called for, and whether to
    /// stop.
    fn take_in(&mut self, first: Option<Input>) -> (bool, bool) {
        let now = self.clock.now();
        let (mut urgent, mut taken) = (false, 0);
        let mut next = first;
        while let Some(input) = next {
            match input {
                Input::Stop => return (urgent, true),
                Input::Heard(heard) => urgent |= self.core.hear(heard, now),
                Input::HeardFor(heard, done) => {
                    self.core.hear(heard, now);
                    self.waiting.push(done);
                    urgent = true;
                }
                Input::Sensed(sensed) => {
                    for sensed in sensed {
                        urgent |= self.core.hear(Heard::Sensed(sensed), now);
                    }
                }
                Input::Delivered(delivery) => {
                    self.outbox.delivered(&self.core.config, delivery, now);
                    urgent = true;
                }
                Input::Ask(question) => question(&self.core, now),
            }
            taken += 1;
            next = if taken < BATCH { self.inbox.try_recv().ok() } else { None };
        }
        (urgent, false)
    }

    /// First the record, then the effects.
    async fn finish(&mut self, turn: Turn, now: Time) -> Result<(), StoreError> {
        let mut changes = turn.changes;
        changes.extend(self.outbox.take_up(&self.core.config, turn.messages, now));
        changes.push(Change::Alive(now));
        self.commit(changes).await?;
        for done in std::mem::take(&mut self.waiting) {
            let _ = done.send(()); // Whoever has gone away does not wait.
        }
        for (reply, outcome) in turn.replies {
            let _ = reply.send(outcome); // Whoever asked may have gone away.
        }
        if let Some(routing) = turn.routing {
            self.routing.send_replace(routing);
        }
        if let Some(targets) = turn.targets {
            self.targets.send_replace(targets);
        }
        if let Some(directory) = turn.directory {
            self.directory.send_replace(directory);
        }
        if let Some(questions) = turn.questions {
            self.questions.send_replace(questions);
        }
        for step in turn.steps {
            self.hands.carry_out(&self.core, step, &self.sender);
        }
        self.outbox.send(&self.hands, &self.sender);
        for acknowledged in &turn.acknowledged {
            self.hands.acknowledge(&acknowledged.incident);
        }
        for (server, acknowledged) in
            self.zabbix.iter().flat_map(|server| turn.acknowledged.iter().map(move |a| (server, a)))
        {
            if server.try_send(acknowledged.clone()).is_err() {
                tracing::warn!(incident = %acknowledged.incident, "not acknowledged in Zabbix");
            }
        }
        for decision in &turn.decisions {
            let (module, id) = (&decision.module, &decision.id);
            let (from, to) = (decision.from, decision.to);
            tracing::info!(%module, %id, from, to, reason = %decision.reason, "decision");
        }
        // Samples are kept beside; when their queue is full they are dropped and counted there.
        if !turn.rows.is_empty()
            && let Err(error) = self.rows.try_send(turn.rows)
        {
            tracing::warn!("samples dropped: the sample store is too slow");
            self.recorder.drop_rows(&error.into_inner());
        }
        self.turns.send_modify(|turns| *turns += 1);
        Ok(())
    }

    /// Nothing happens without its record: while the store fails, the brain waits.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        #[cfg(feature = "failpoints")]
        fail::pass_commit("before", &changes);
        let changes: Arc<[Change]> = changes.into();
        loop {
            match self.store.commit(Arc::clone(&changes)).await {
                Ok(()) => {
                    #[cfg(feature = "failpoints")]
                    fail::pass_commit("after", &changes);
                    self.trouble.send_if_modified(|trouble| trouble.take().is_some());
                    return Ok(());
                }
                Err(error @ StoreError::Refused { .. }) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "the record cannot be written; nothing is done");
                    self.trouble.send_replace(Some(error.to_string()));
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }
}
