//! A thread that owns one database connection, and a bounded queue before it.
//!
//! SQLite calls block, for as long as a disk needs to be sure. So each connection lives on a
//! thread of its own and is handed closures; the async side waits for the answer. Work is done in
//! the order in which it was queued, one piece at a time: that is what makes the thread the one
//! writer.
//!
//! Work that was queued is done even if the one who asked has gone away meanwhile.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;

/// Pieces of work that may wait; whoever comes next waits outside.
const QUEUE: usize = 64;

enum Order {
    Do(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop,
}

/// The handle to one such thread. Dropping it waits for the work that is queued.
#[derive(Debug)]
pub(crate) struct Worker {
    path: PathBuf,
    /// None only while being dropped.
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a thread for a connection to the database at `path`. It drops `kept` after the
    /// connection is closed.
    pub(crate) fn start(
        name: &str,
        path: &Path,
        connection: Connection,
        kept: impl Send + 'static,
    ) -> Result<Self, StoreError> {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(inbox, connection, kept))
            .map_err(|error| StoreError::from_io(path, error))?;
        Ok(Self { path: path.to_owned(), orders: Some(orders), thread: Some(thread) })
    }

    /// Has a piece of work done, and waits for its outcome.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let orders = self.orders.as_ref().ok_or(StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let job = Order::Do(Box::new(move |connection| {
            let _ = answer.send(work(connection)); // Nobody may be waiting any more.
        }));
        orders.send(job).await.map_err(|_| StoreError::Closed)?;
        let outcome = answered.await.map_err(|_| StoreError::Closed)?;
        outcome.map_err(|error| StoreError::from_sqlite(&self.path, error))
    }

    /// Returns when the connection is closed. What is asked afterwards is refused.
    pub(crate) async fn stop(&self) {
        let Some(orders) = &self.orders else { return };
        let _ = orders.send(Order::Stop).await; // An error means that it has stopped already.
        orders.closed().await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // Its panic was printed; whoever asked got `Closed`.
        }
    }
}

/// The inbox is dropped last, because [`Worker::stop`] takes its end as the end of everything.
fn work<K>(mut inbox: mpsc::Receiver<Order>, mut connection: Connection, kept: K) {
    while let Some(Order::Do(job)) = inbox.blocking_recv() {
        job(&mut connection);
    }
    drop(connection);
    drop(kept);
    drop(inbox);
}
