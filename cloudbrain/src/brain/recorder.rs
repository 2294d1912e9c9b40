//! The way of samples to the sample store, and of questions back.
//!
//! The store is synchronous: it writes to disk, and a query reads much. So each call runs on a
//! thread for blocking work. What was polled is kept when it can be: if the store refuses, for
//! example on a full disk, those samples are lost and counted, since the next poll brings newer
//! ones. What others push is acknowledged only once it is durable, so nothing of theirs is lost.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use model::clock::SharedClock;
use model::series::{Matcher, Row};
use query::source::{Points, Source as _, SourceError, Wanted};
use samples::{Appended, Samples, SamplesError};
use tokio::sync::mpsc;

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
    /// Values of polls that could not be written.
    lost: Arc<AtomicU64>,
}

impl Recorder {
    pub fn new(samples: Samples, clock: SharedClock) -> Self {
        Self { samples: Arc::new(samples), clock, lost: Arc::default() }
    }

    /// Durable when it returns.
    pub async fn append(&self, rows: Vec<Row>) -> Result<Appended, SamplesError> {
        let now = self.clock.now();
        self.run(move |samples| samples.append(&rows, now)).await
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

    /// Values of polls that could not be written since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
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
            let values: usize = rows.iter().map(|row| row.values.len()).sum();
            if let Err(error) = self.append(rows).await {
                self.lost.fetch_add(values as u64, Relaxed);
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
