//! The store itself: opens, takes in, seals, and says how it does. Reading is in [`crate::read`],
//! merging in [`crate::tidy`].

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::sync::{RwLockWriteGuard, TryLockError};

use model::series::{Matcher, Row};
use model::time::Time;
use query::source::SourceError;

use crate::catalogue;
use crate::codec::Effort;
use crate::deleted;
use crate::error::SamplesError;
use crate::log::sync_folder;
use crate::part::{Part, PartWriter, Tier};
use crate::recent::Copied;
use crate::settings::{Settings, Sync};
use crate::state::{Appended, Deleted, State, Why};
use crate::table::Table;

/// So many values are turned from rows into columns at a time.
const MAX_CELLS: usize = 1 << 18;

/// A store of samples, for many threads at once.
#[derive(Debug)]
pub struct Samples {
    pub(crate) folder: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) state: RwLock<State>,
    /// One merges or drops at a time. Taken before the lock below.
    pub(crate) tidying: Mutex<()>,
    /// One seals at a time; for as long as a merge takes nobody could wait.
    pub(crate) sealing: Mutex<()>,
    sync: Mutex<SyncState>,
    synced: Condvar,
}

/// Who waits for what is written to be on the disk.
#[derive(Debug, Default)]
struct SyncState {
    written: u64,
    synced: u64,
    newest: Option<Arc<File>>,
    /// Files before the newest that were written and not yet synced.
    older: Vec<Arc<File>>,
    is_running: bool,
}

/// What was found when a store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    pub series: usize,
    /// Values that were read back from the log.
    pub from_log: usize,
    /// Bytes of the log that were damaged, and what they said is lost.
    pub lost_bytes: u64,
    /// Values in the log whose series nobody knows.
    pub lost_values: u64,
}

/// How a store does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub series: usize,
    pub frames: usize,
    /// Values in memory and log alone, those that are being sealed too.
    pub unsealed_values: usize,
    pub log_bytes: u64,
    /// Of parts: as measured, of five minutes, of hours.
    pub part_bytes: [u64; 3],
    pub parts: usize,
    /// The oldest sample of each tier.
    pub oldest: [Option<Time>; 3],
    pub refused: BTreeMap<Why, u64>,
}

impl Samples {
    /// Opens the store in a folder, which is made if it is not there.
    pub fn open(
        folder: &Path,
        settings: Settings,
        now: Time,
    ) -> Result<(Self, Opened), SamplesError> {
        let parts_folder = folder.join("parts");
        std::fs::create_dir_all(&parts_folder).map_err(SamplesError::io(&parts_folder))?;
        let (mut state, replayed) = State::open(folder, now)?;
        (state.parts, state.next_part) = open_parts(&parts_folder)?;
        state.sort_parts();
        state.note_parts();
        state.deleted = deleted::read(folder)?;
        sync_folder(folder)?;
        let opened = Opened {
            series: state.index.len(),
            from_log: state.new_values,
            lost_bytes: replayed.lost_bytes,
            lost_values: replayed.lost_values,
        };
        let samples = Self {
            folder: folder.to_owned(),
            settings,
            state: RwLock::new(state),
            tidying: Mutex::default(),
            sealing: Mutex::default(),
            sync: Mutex::default(),
            synced: Condvar::new(),
        };
        Ok((samples, opened))
    }

    /// Takes in rows. What it says is accepted survives a `kill -9` when it returns, and with
    /// [`Sync::Each`] a loss of power. It waits while [`Settings::memory_values`] are not sealed.
    pub fn append(&self, rows: &[Row], now: Time) -> Result<Appended, SamplesError> {
        self.make_room()?;
        let (appended, ticket) = {
            let mut state = self.write();
            let (appended, file) = state.append(&self.settings, rows, now)?;
            (appended, file.map(|file| self.ticket(file)))
        };
        if let (Some(ticket), Sync::Each) = (ticket, self.settings.sync) {
            self.wait_for_sync(ticket)?;
        }
        Ok(appended)
    }

    /// Everything in memory goes into a part. If that fails it stays in memory and in the log, and
    /// the next call goes on with it.
    pub fn flush(&self) -> Result<(), SamplesError> {
        let _sealing = lock(&self.sealing);
        self.seal()
    }

    /// Deletes samples of the series that match, `from` to before `until`. They are gone from every
    /// answer when it returns, and from the disk with the next merge. Returns how many series it
    /// concerns.
    pub fn delete(
        &self,
        matchers: &[Matcher],
        times: std::ops::Range<i64>,
    ) -> Result<usize, DeleteError> {
        let _tidying = lock(&self.tidying);
        let _sealing = lock(&self.sealing);
        self.seal()?;
        let mut state = self.write();
        let series = state.index.select(matchers)?;
        let below = state.next_part;
        let fresh = series.iter().map(|series| Deleted {
            series: *series,
            from: times.start,
            until: times.end,
            below,
        });
        let mut all = state.deleted.clone();
        all.extend(fresh);
        deleted::write(&self.folder, &all)?;
        state.deleted = all;
        for series in &series {
            let (frame, _) = crate::index::place(*series);
            state.frames[frame as usize].forget_sealed();
        }
        Ok(series.len())
    }

    pub fn stats(&self) -> Stats {
        let state = self.read_state();
        let mut stats = Stats {
            series: state.index.len(),
            frames: state.frames.len(),
            unsealed_values: state.unsealed_values(),
            log_bytes: state.log.bytes(),
            parts: state.parts.len(),
            refused: state.refused.clone(),
            ..Stats::default()
        };
        for part in &state.parts {
            let tier = part.tier as usize;
            stats.part_bytes[tier] += part.bytes;
            let first = Time::from_millis(part.first());
            stats.oldest[tier] = Some(stats.oldest[tier].map_or(first, |oldest| oldest.min(first)));
        }
        stats
    }

    pub(crate) fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals if whoever should tidy up is too slow. If somebody is at it and memory is full
    /// meanwhile, waits.
    fn make_room(&self) -> Result<(), SamplesError> {
        loop {
            let (new, unsealed, budget) = {
                let state = self.read_state();
                (state.new_values, state.unsealed_values(), state.budget(&self.settings))
            };
            if new < budget.rush_at && unsealed < budget.most {
                return Ok(());
            }
            let _sealing = match self.sealing.try_lock() {
                Ok(sealing) => sealing,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if unsealed < budget.most => return Ok(()),
                Err(TryLockError::WouldBlock) => {
                    drop(lock(&self.sealing));
                    continue;
                }
            };
            let is_due = self.read_state().new_values >= budget.seal_at; // Or somebody just did.
            return if is_due { self.seal() } else { Ok(()) };
        }
    }

    /// Seals what is much or old. Whoever sealed just now left nothing to do.
    pub(crate) fn seal_if_due(&self, now: Time) -> Result<bool, SamplesError> {
        let _sealing = lock(&self.sealing);
        let is_due = {
            let mut state = self.write();
            state.now = state.now.max(now);
            let is_old = state.new_since.is_some_and(|at| now.since(at) >= self.settings.max_age);
            is_old || state.new_values >= state.budget(&self.settings).seal_at
        };
        if is_due {
            self.seal()?;
        }
        Ok(is_due)
    }

    /// Moves what is in memory into a part. The caller holds the lock for it.
    fn seal(&self) -> Result<(), SamplesError> {
        let (segment, number, frames) = {
            let mut state = self.write();
            if state.new_values == 0 {
                return Ok(());
            }
            let segment = state.begin_seal();
            let number = state.next_part;
            state.next_part += 1;
            (segment, number, state.frames.len())
        };
        let (known, catalogue) = {
            let state = self.read_state();
            let known = (state.index.frames.len(), state.index.len());
            (known, (known != state.in_catalogue).then(|| catalogue::bytes(&state.index)))
        };
        let written = self.write_sealing(number, frames, catalogue.as_deref());
        let mut state = self.write();
        match written {
            Ok(part) => {
                state.in_catalogue = known;
                state.parts.push(Arc::new(part));
                state.sort_parts();
                state.end_seal();
                state.log.forget_before(segment)
            }
            Err(error) => {
                state.take_back();
                Err(error)
            }
        }
    }

    fn write_sealing(
        &self,
        number: u64,
        frames: usize,
        catalogue: Option<&[u8]>,
    ) -> Result<Part, SamplesError> {
        if let Some(bytes) = catalogue {
            catalogue::write(&self.folder, bytes)?;
        }
        let folder = self.folder.join("parts");
        let mut writer = PartWriter::create(&folder, number, (Tier::Raw, 0), &[], Effort::Young)?;
        let (mut copied, mut table) = (Copied::default(), Table::default());
        for frame in 0..frames {
            self.read_state().frames[frame].copy_sealing(&mut copied);
            copied.tables(MAX_CELLS, &mut table, |table| writer.add_table(frame as u32, table))?;
        }
        writer.finish()
    }

    /// What is written to a file is to be synced; the number says when it was.
    fn ticket(&self, file: Arc<File>) -> u64 {
        let mut sync = lock(&self.sync);
        sync.written += 1;
        let is_new = sync.newest.as_ref().is_some_and(|newest| !Arc::ptr_eq(newest, &file));
        if is_new {
            let older = sync.newest.take();
            sync.older.extend(older);
        }
        sync.newest = Some(file);
        sync.written
    }

    /// The first who waits syncs for all who have written by then.
    fn wait_for_sync(&self, ticket: u64) -> Result<(), SamplesError> {
        let mut sync = lock(&self.sync);
        while sync.synced < ticket {
            if sync.is_running {
                sync = self.synced.wait(sync).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            sync.is_running = true;
            let written = sync.written;
            let mut files = std::mem::take(&mut sync.older);
            files.extend(sync.newest.clone());
            drop(sync);
            let done = files.iter().try_for_each(|file| file.sync_data());
            sync = lock(&self.sync);
            sync.is_running = false;
            if done.is_ok() {
                sync.synced = written;
            }
            self.synced.notify_all();
            done.map_err(SamplesError::io(&self.folder.join("log")))?;
        }
        Ok(())
    }

    /// Syncs all that was written so far.
    pub(crate) fn sync_written(&self) -> Result<(), SamplesError> {
        let written = lock(&self.sync).written;
        self.wait_for_sync(written)
    }
}

/// Why samples were not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    #[error(transparent)]
    Matchers(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] SamplesError),
}

/// A panic elsewhere must not make the samples unreadable: each holder leaves them whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens all parts, without those whose place others took, and removes what was not finished.
fn open_parts(folder: &Path) -> Result<(Vec<Arc<Part>>, u64), SamplesError> {
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(SamplesError::io(folder))? {
        let path = entry.map_err(SamplesError::io(folder))?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        match (path.extension().and_then(|extension| extension.to_str()), number) {
            (Some("part"), Some(number)) => parts.push(Part::open(&path, number)?),
            (Some("tmp"), _) => std::fs::remove_file(&path).map_err(SamplesError::io(&path))?,
            _ => {}
        }
    }
    parts.sort_by_key(|part| part.number);
    let next = parts.last().map_or(1, |last| last.number + 1);
    let replaced: std::collections::BTreeSet<u64> =
        parts.iter().flat_map(|part| part.replaces.iter().copied()).collect();
    let (gone, kept): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(|part| replaced.contains(&part.number));
    for part in gone {
        std::fs::remove_file(part.path()).map_err(SamplesError::io(part.path()))?;
    }
    Ok((kept.into_iter().map(Arc::new).collect(), next))
}
