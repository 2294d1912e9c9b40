//! The way of samples to the sample store, and of questions back.
//!
//! The store is synchronous: it writes to disk, and a query reads much. So each call runs on a
//! thread for blocking work. What was polled is kept when it can be: if the store refuses, for
//! example on a full disk, those samples are lost and counted, since the next poll brings newer
//! ones. What others push is acknowledged only once it is durable, so nothing of theirs is lost.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use collector::prometheus::remote_write::Decoded;
use model::clock::SharedClock;
use model::series::{Matcher, Row};
use query::source::{Points, Source as _, SourceError, Wanted};
use samples::{Appended, Samples, SamplesError};
use tokio::sync::mpsc;

use super::intake::Intake;

/// No more rows than these are gathered.
const MAX_ROWS: usize = 10_000;
/// How often the store seals, merges and drops.
const MAINTAIN_EVERY: Duration = Duration::from_secs(2);
/// A question of our own is about few series.
const MAX_SERIES: usize = 10_000;
/// What was polled within so long is written at once: each write waits for the disk.
const GATHER: Duration = Duration::from_millis(250);

/// The sample store, shared by all who write and read it.
#[derive(Clone, Debug)]
pub struct Recorder {
    samples: Arc<Samples>,
    clock: SharedClock,
    intake: Arc<Mutex<Intake>>,
}

impl Recorder {
    pub fn new(samples: Samples, clock: SharedClock) -> Self {
        Self { samples: Arc::new(samples), clock, intake: Arc::default() }
    }

    /// Durable when it returns.
    pub async fn append(&self, rows: Vec<Row>) -> Result<Appended, SamplesError> {
        let recorder = self.clone();
        self.run(move |_| recorder.write(&rows)).await
    }

    /// Durable when it returns. It waits for the disk: not for the runtime's own threads.
    fn write(&self, rows: &[Row]) -> Result<Appended, SamplesError> {
        let now = self.clock.now();
        let written = self.samples.append(rows, now);
        self.intake_mut().offered(&written, now);
        written
    }

    /// Takes in what others push, durable when it returns. It waits for the disk.
    pub fn push(&self, request: &Decoded) -> Result<Appended, SamplesError> {
        let written = self.write(&request.rows);
        let now = self.clock.now();
        match &written {
            Ok(appended) => self.intake_mut().pushed(request, appended.accepted, now),
            Err(error) => self.refuse_push(error.to_string()),
        }
        written
    }

    /// What others push is not taken.
    pub fn refuse_push(&self, why: String) {
        self.intake_mut().push_refused(why, self.clock.now());
    }

    /// Values are gone, since too many of them waited.
    pub fn drop_rows(&self, rows: &[Row]) {
        self.intake_mut().dropped(values(rows), self.clock.now());
    }

    /// What became of samples since the start.
    pub fn intake(&self) -> Intake {
        self.intake_mut().clone()
    }

    fn intake_mut(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something that reads or writes the store, off the runtime's own threads.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Samples) -> T + Send + 'static,
    ) -> T {
        let samples = self.samples.clone();
        let done = tokio::task::spawn_blocking(move || work(&samples)).await;
        done.expect("work on the sample store is not cancelled, and its panics are bugs")
    }

    /// The values of all series that match, by time; of two at one time the last counts. Without
    /// staleness marks.
    pub async fn read(
        &self,
        matchers: Vec<Matcher>,
        times: Range<i64>,
    ) -> Result<Vec<(i64, f64)>, SourceError> {
        self.run(move |samples| {
            let mut points = Points::default();
            for found in samples.find(&matchers, times.clone(), MAX_SERIES)? {
                samples.read(found.series, times.clone(), Wanted::Last, &mut points)?;
            }
            let pairs = points.times.into_iter().zip(points.values);
            let real: BTreeMap<i64, f64> = pairs.filter(|(_, value)| !value.is_nan()).collect();
            Ok(real.into_iter().collect())
        })
        .await
    }

    /// The samples, for who asks on a thread of his own.
    pub fn source(&self) -> Arc<Samples> {
        self.samples.clone()
    }

    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Keeps what was polled, until nobody polls any more.
    pub async fn keep(self, mut polled: mpsc::Receiver<Vec<Row>>) {
        while let Some(mut rows) = polled.recv().await {
            tokio::time::sleep(GATHER).await;
            while let Ok(more) = polled.try_recv() {
                rows.extend(more);
                if rows.len() >= MAX_ROWS {
                    break;
                }
            }
            let values = values(&rows);
            if let Err(error) = self.append(rows).await {
                self.intake_mut().unwritten(values, self.clock.now());
                tracing::error!(%error, values, "samples lost: they could not be written");
            }
        }
    }

    /// Seals, merges and drops what is due, for ever.
    pub async fn maintain(self) {
        loop {
            tokio::time::sleep(MAINTAIN_EVERY).await;
            let now = self.clock.now();
            if let Err(error) = self.run(move |samples| samples.maintain(now)).await {
                tracing::warn!(%error, "the sample store could not be tidied up; it will be tried again");
            }
        }
    }
}

fn values(rows: &[Row]) -> u64 {
    rows.iter().map(|row| row.values.len() as u64).sum()
}
