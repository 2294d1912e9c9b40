//! The handle to the memory.
//!
//! Two threads, a writer and a reader: a page that reads a month of decisions does not hold up a
//! commit.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use model::id::{IncidentId, ModuleId, Object, VantageId};
use model::time::Time;
use rusqlite::Connection;

use crate::error::StoreError;
use crate::lease::{self, Lease};
use crate::row::{
    AnswersRow, Change, DecisionRow, IncidentRow, JournalRow, LookRow, NoteRow, OutgoingRow,
    Remembered, TransitionRow,
};
use crate::worker::Worker;
use crate::{database, read, schema, write};

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
    reader: Worker,
    writer: Worker,
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
    /// The name of this record: it stays when the file is copied, so that what was made on a lost
    /// part of the record can be told from what was made on this one.
    pub incarnation: String,
    /// How many brains there were on it, this one included: it is higher at each opening.
    pub epoch: u64,
}

impl Store {
    /// Opens or creates a data folder, and takes its lease. It blocks for some disk accesses.
    ///
    /// # Errors
    /// `InUse` while another brain is alive on this folder, `TooNew`, `Damaged`, `Disk`.
    pub fn open(folder: &Path, now: Time) -> Result<Opened, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::from_io(folder, error))?;
        let lease = lease::take(folder)?;
        let path = folder.join("state.db");
        let state = database::open(&path, &schema::STATE, now)?;
        sync_folder(folder)?;
        let sqlite = |error| StoreError::from_sqlite(&path, error);
        let (clean, last_alive) = read::last_end(&state).map_err(sqlite)?;
        let remembered = read::remembered(&state).map_err(sqlite)?;
        write::mark_running(&state, now).map_err(sqlite)?;
        let (incarnation, epoch) = read::origin(&state).map_err(sqlite)?;
        let workers = Workers::start(&path, state, lease)?;
        let store = Self { workers: Arc::new(workers) };
        Ok(Opened { store, state: remembered, clean, last_alive, incarnation, epoch })
    }

    /// Makes all changes, in this order, in one transaction. They are on the disk when it answers
    /// `Ok`; after an error none is made.
    ///
    /// # Errors
    /// `Refused` if one change breaks a rule, `Disk`, `Closed`.
    pub async fn commit(&self, changes: impl Into<Arc<[Change]>>) -> Result<(), StoreError> {
        let changes = changes.into();
        self.workers.writer.ask(move |connection| write::commit(connection, &changes)).await
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

    /// Incidents that were open in one of these spans, each from one moment to before another, however old;
    /// those opened last come first.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn incidents_over(
        &self,
        spans: Vec<(Time, Time)>,
    ) -> Result<Vec<IncidentRow>, StoreError> {
        self.read(move |c| read::incidents_over(c, &spans)).await
    }

    /// One incident, however old; None if there is none of that id.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn incident(&self, id: &IncidentId) -> Result<Option<IncidentRow>, StoreError> {
        let id = id.clone();
        self.read(move |c| read::incident_of(c, &id)).await
    }

    /// The trail of one incident, oldest first: all its own lines, and from `from` to before `until`
    /// the first `limit` of those of the objects that it names, which are of no incident.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn notes_of_incident(
        &self,
        incident: &IncidentId,
        from: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<NoteRow>, StoreError> {
        let incident = incident.clone();
        self.read(move |c| read::notes_of_incident(c, &incident, from, until, limit)).await
    }

    /// The trail of one object, newest first, at most `limit` lines.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn notes_of_object(
        &self,
        object: &Object,
        limit: usize,
    ) -> Result<Vec<NoteRow>, StoreError> {
        let object = object.clone();
        self.read(move |c| read::notes_of_object(c, &object, limit)).await
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

    /// Of the journal from `from` to before `until` what accounts of availability go by: the lines of
    /// maintenance and corrections, oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn accounts_journal(
        &self,
        from: Time,
        until: Time,
    ) -> Result<Vec<JournalRow>, StoreError> {
        self.read(move |c| read::accounts_journal(c, from, until)).await
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
    /// oldest first, as a vantage saw them; None for the brain itself.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn transitions(
        &self,
        vantage: Option<&VantageId>,
        module: &ModuleId,
        from: Time,
        until: Time,
    ) -> Result<Vec<TransitionRow>, StoreError> {
        let (vantage, module) = (vantage.cloned(), module.clone());
        let read = move |connection: &Connection| match &vantage {
            Some(vantage) => {
                read::transitions_elsewhere(connection, (vantage, &module), from, until)
            }
            None => read::transitions(connection, &module, from, until),
        };
        self.read(read).await
    }

    /// The probes of hours that are not settled, from `from` on, oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn looks(&self, from: Time) -> Result<Vec<LookRow>, StoreError> {
        self.read(move |c| read::looks(c, from)).await
    }

    /// When the first message of each of these incidents was delivered, if one was.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn first_told(
        &self,
        incidents: Vec<IncidentId>,
    ) -> Result<BTreeMap<IncidentId, Time>, StoreError> {
        self.read(move |c| read::first_told(c, &incidents)).await
    }

    /// The answers of a module by rows of so many hours, those that began from `from` to before `until`,
    /// oldest first.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn answers(
        &self,
        module: &ModuleId,
        hours: u32,
        from: Time,
        until: Time,
    ) -> Result<Vec<AnswersRow>, StoreError> {
        let module = module.clone();
        self.read(move |c| read::answers(c, &module, hours, from, until)).await
    }

    /// The answers of all modules by rows of so many hours that began at a moment.
    ///
    /// # Errors
    /// `Damaged`, `Disk`, `Closed`.
    pub async fn answers_from(&self, hours: u32, at: Time) -> Result<Vec<AnswersRow>, StoreError> {
        self.read(move |c| read::answers_from(c, hours, at)).await
    }

    /// Does what is queued, marks the shutdown as clean and gives the folder up. Other clones are
    /// refused from then on.
    pub async fn close(self) {
        let workers = &self.workers;
        workers.reader.stop().await;
        if let Err(error) = workers.writer.ask(|connection| write::mark_clean(connection)).await {
            tracing::warn!(%error, "the next start will take this shutdown for a crash");
        }
        workers.writer.stop().await;
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.workers.reader.ask(move |connection| question(connection)).await
    }
}

impl Workers {
    fn start(path: &Path, connection: Connection, lease: Lease) -> Result<Self, StoreError> {
        let reader = database::open_reader(path)?;
        Ok(Self {
            reader: Worker::start("state-reader", path, reader, ())?,
            writer: Worker::start("state-writer", path, connection, lease)?,
        })
    }
}

/// A file survives a power cut only if its name does.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let sync = || File::open(folder)?.sync_all();
    sync().map_err(|error| StoreError::from_io(folder, error))
}
