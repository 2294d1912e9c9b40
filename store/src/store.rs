//! The handle to the memory.
//!
//! Four threads: a writer and a reader for state, a writer and a reader for samples. A page that
//! reads a month of samples thus holds up neither a commit nor a batch.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::id::{IncidentId, ModuleId, Object};
use model::sample::Frame;
use model::time::Time;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::lease::{self, Lease};
use crate::row::{
    Change, DecisionRow, IncidentRow, JournalRow, OutgoingRow, Remembered, TransitionRow,
};
use crate::worker::Worker;
use crate::{database, frames, read, schema, write};

/// The memory of one brain. Clones share it.
///
/// A future that is dropped while it waits does not undo what it asked for. Dropping the last
/// clone waits until all that was asked for is done, and leaves the shutdown marked as unclean.
#[derive(Clone, Debug)]
pub struct Store {
    workers: Arc<Workers>,
}

/// In the order in which they end: the one that holds the lease last.
#[derive(Debug)]
struct Workers {
    samples_reader: Worker,
    samples: Worker,
    state_reader: Worker,
    state: Worker,
}

/// What is found when a data folder is opened.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    pub state: Remembered,
    /// The last brain closed the store, or there was none.
    pub clean: bool,
    /// The newest [`Change::Alive`]; None in a new folder. Opening does not touch it: commit the
    /// first `Alive` together with what follows from the gap, or a second crash hides the gap.
    pub last_alive: Option<Time>,
}

impl Store {
    /// Opens or creates a data folder, and takes its lease. It blocks for some disk accesses.
    ///
    /// # Errors
    /// `InUse` while another brain is alive on this folder, `TooNew`, `Damaged`, `Disk`.
    pub fn open(folder: &Path, now: Time) -> Result<Opened, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::from_io(folder, error))?;
        let lease = lease::take(folder)?;
        let (state_path, samples_path) = (folder.join("state.db"), folder.join("samples.db"));
        let state = database::open(&state_path, &schema::STATE, now)?;
        let samples = database::open(&samples_path, &schema::SAMPLES, now)?;
        sync_folder(folder)?;
        let sqlite = |error| StoreError::from_sqlite(&state_path, error);
        let (clean, last_alive) = read::last_end(&state).map_err(sqlite)?;
        let remembered = read::remembered(&state).map_err(sqlite)?;
        write::mark_running(&state).map_err(sqlite)?;
        let workers = Workers::start((state_path, state), (samples_path, samples), lease)?;
        let store = Self { workers: Arc::new(workers) };
        Ok(Opened { store, state: remembered, clean, last_alive })
    }

    /// Makes all changes, in this order, in one transaction. They are on the disk when it answers
    /// `Ok`; after an error none is made.
    ///
    /// # Errors
    /// `Refused` if one change breaks a rule, `Disk`, `Closed`.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.workers.state.ask(move |connection| write::commit(connection, &changes)).await
    }

    /// Keeps a batch of frames. All are on the disk when it answers `Ok`; after an error none is
    /// kept.
    ///
    /// # Errors
    /// `Refused` if a value is not finite, `Disk`, `Closed`.
    pub async fn append_frames(&self, frames: Vec<Frame>) -> Result<(), StoreError> {
        self.workers.samples.ask(move |connection| frames::append(connection, &frames)).await
    }

    /// The frames of one object from `from` to before `until`, oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`, as all that reads.
    pub async fn frames(
        &self,
        object: &Object,
        from: Time,
        until: Time,
    ) -> Result<Vec<Frame>, StoreError> {
        let object = object.clone();
        let find = move |c: &mut Connection| frames::find(c, &object, from, until);
        self.workers.samples_reader.ask(find).await
    }

    /// Drops all frames before `before`, and returns how many. Frames that come in meanwhile do
    /// not wait for its end.
    ///
    /// # Errors
    /// `Disk`, `Closed`; a part may be dropped then.
    pub async fn prune_frames(&self, before: Time) -> Result<u64, StoreError> {
        let mut total = 0;
        loop {
            let some =
                move |c: &mut Connection| frames::prune_some(c, before, frames::PRUNE_AT_ONCE);
            match self.workers.samples.ask(some).await? {
                0 => return Ok(total),
                dropped => total += dropped,
            }
        }
    }

    /// Decisions, of one module or all, from `from` to before `until`, newest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn decisions(
        &self,
        module: Option<&ModuleId>,
        from: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<DecisionRow>, StoreError> {
        let module = module.cloned();
        self.read(move |c| read::decisions(c, module.as_ref(), from, until, limit)).await
    }

    /// Incidents, open or closed; those opened last come first. At most `limit`.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn incidents(&self, limit: usize) -> Result<Vec<IncidentRow>, StoreError> {
        self.read(move |c| read::incidents(c, limit)).await
    }

    /// The journal from `from` to before `until`, newest first, at most `limit` lines.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn journal(
        &self,
        from: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.read(move |c| read::journal(c, from, until, limit)).await
    }

    /// Messages, of one incident or all, newest first, at most `limit`.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn messages(
        &self,
        incident: Option<&IncidentId>,
        limit: usize,
    ) -> Result<Vec<OutgoingRow>, StoreError> {
        let incident = incident.cloned();
        self.read(move |c| read::messages(c, incident.as_ref(), limit)).await
    }

    /// The intervals of a module that overlap the time from `from` to before `until`, whole and
    /// oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn transitions(
        &self,
        module: &ModuleId,
        from: Time,
        until: Time,
    ) -> Result<Vec<TransitionRow>, StoreError> {
        let module = module.clone();
        self.read(move |c| read::transitions(c, &module, from, until)).await
    }

    /// Does what is queued, marks the shutdown as clean and gives the folder up. Other clones are
    /// refused from then on.
    pub async fn close(self) {
        let workers = &self.workers;
        workers.samples_reader.stop().await;
        workers.samples.stop().await;
        workers.state_reader.stop().await;
        if let Err(error) = workers.state.ask(|connection| write::mark_clean(connection)).await {
            tracing::warn!(%error, "the next start will take this shutdown for a crash");
        }
        workers.state.stop().await;
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.workers.state_reader.ask(move |connection| question(connection)).await
    }
}

impl Workers {
    fn start(
        (state_path, state): (PathBuf, Connection),
        (samples_path, samples): (PathBuf, Connection),
        lease: Lease,
    ) -> Result<Self, StoreError> {
        let state_reader = database::open_reader(&state_path)?;
        let samples_reader = database::open_reader(&samples_path)?;
        Ok(Self {
            samples_reader: Worker::start("samples-reader", &samples_path, samples_reader, ())?,
            samples: Worker::start("samples-writer", &samples_path, samples, ())?,
            state_reader: Worker::start("state-reader", &state_path, state_reader, ())?,
            state: Worker::start("state-writer", &state_path, state, lease)?,
        })
    }
}

/// A file survives a power cut only if its name does.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|error| StoreError::from_io(folder, error))
}
