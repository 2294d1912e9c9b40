//! The looks at the fleet: on a thread of their own, and told to the brain by the handful.
//!
//! A look is a chain of small steps, each ended by a socket. On the workers of a shared runtime
//! most of its cost is waking one worker from another; one thread that takes all that is ready at
//! once needs none of that. It also keeps the looks punctual whatever the brain is busy with: a
//! late look would pass for a silent target.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use collector::gauges::Gauges;
use collector::poller::{self, Pace, Sensed, Targets};
use model::clock::SharedClock;
use model::series::Row;
use tokio::sync::{mpsc, watch};

use super::{INBOX, Input};

/// What was seen within so long wakes the brain once.
const GATHER: Duration = Duration::from_millis(20);

/// Begins to look. The thread ends when nobody names targets or listens any more.
pub(super) fn spawn(
    pace: Pace,
    clock: SharedClock,
    targets: watch::Receiver<Arc<Targets>>,
    rows: mpsc::Sender<Vec<Row>>,
    gauges: Arc<Gauges>,
    brain: mpsc::Sender<Input>,
) -> anyhow::Result<()> {
    let (out, sensed) = mpsc::channel(INBOX);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting the runtime of the looks")?;
    let look = move || runtime.block_on(poller::run(targets, pace, clock, out, rows, gauges));
    thread::Builder::new().name("looks".to_owned()).spawn(look).context("starting to look")?;
    tokio::spawn(pass_on(sensed, brain));
    Ok(())
}

async fn pass_on(mut sensed: mpsc::Receiver<Sensed>, brain: mpsc::Sender<Input>) {
    loop {
        let mut seen = Vec::new();
        if sensed.recv_many(&mut seen, INBOX).await == 0 {
            return; // Nobody looks any more.
        }
        if brain.send(Input::Sensed(seen)).await.is_err() {
            return;
        }
        tokio::time::sleep(GATHER).await;
    }
}
