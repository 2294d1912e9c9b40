//! Tidying up: what is in memory is sealed, small parts are merged, old ones are dropped.
//!
//! Sealed parts are small and quickly made. Eight of them become one of the next level, whose
//! chunks are long enough to be short on disk. When eight of those, or what is older than a day,
//! become one of the last level, summaries are made beside it: of five minutes and of hours. A part
//! is dropped when all of it is past its time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::time::Time;

use crate::codec::{Effort, MAX_ROWS};
use crate::error::SamplesError;
use crate::index::place;
use crate::part::{Part, PartWriter, Tier};
use crate::settings::Sync;
use crate::state::Deleted;
use crate::store::{Samples, lock};
use crate::table::Table;
use crate::{deleted, summary};

/// So many parts of one level become one of the next.
const FAN_IN: usize = 8;
const LAST_LEVEL: u8 = 2;
/// Parts that wait longer for others of their level are merged as they are.
const MAX_WAIT: Duration = Duration::from_secs(86_400);
/// The longest chunk that merging makes.
const CHUNK_ROWS: usize = 8192;
const STRETCHES: [(Tier, i64); 2] = [(Tier::FiveMinutes, 300_000), (Tier::Hours, 3_600_000)];

/// What one round of tidying did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    pub sealed: bool,
    /// Parts that were made into one.
    pub merged: usize,
    /// Parts that were past their time.
    pub dropped: usize,
}

impl Samples {
    /// Seals, merges and drops what is due; one merge at most. To be called every few seconds. If
    /// it fails nothing is lost, and the next call tries again.
    pub fn maintain(&self, now: Time) -> Result<Maintained, SamplesError> {
        let _tidying = lock(&self.tidying);
        let mut done = Maintained::default();
        if self.settings.sync == Sync::Maintain {
            self.sync_written()?;
        }
        done.sealed = self.seal_if_due(now)?;
        if let Some((parts, level)) = self.due_for_merge(now) {
            done.merged = parts.len();
            self.merge(&parts, level, level == LAST_LEVEL)?;
        }
        done.dropped = self.drop_old(now)?;
        Ok(done)
    }

    /// Brings everything into its final form: chunks as long as they get. Makes no summaries.
    pub fn compact(&self) -> Result<(), SamplesError> {
        let _tidying = lock(&self.tidying);
        self.flush()?;
        let parts: Vec<Arc<Part>> = {
            let state = self.read_state();
            let young = |part: &&Arc<Part>| part.tier == Tier::Raw && part.level < LAST_LEVEL;
            state.parts.iter().filter(young).cloned().collect()
        };
        if parts.len() > 1 || parts.first().is_some_and(|part| part.level == 0) {
            self.merge(&parts, 1, false)?;
        }
        Ok(())
    }

    fn due_for_merge(&self, now: Time) -> Option<(Vec<Arc<Part>>, u8)> {
        let state = self.read_state();
        for level in 0..LAST_LEVEL {
            let of_level = |part: &&Arc<Part>| part.tier == Tier::Raw && part.level == level;
            let parts: Vec<Arc<Part>> = state.parts.iter().filter(of_level).cloned().collect();
            let old = (now - MAX_WAIT).millis();
            if parts.len() >= FAN_IN || parts.first().is_some_and(|part| part.last() < old) {
                return Some((parts, level + 1));
            }
        }
        None
    }

    /// Makes one part of several, and summaries beside it.
    fn merge(
        &self,
        parts: &[Arc<Part>],
        level: u8,
        with_summaries: bool,
    ) -> Result<(), SamplesError> {
        let (numbers, deleted) = {
            let mut state = self.write();
            let first = state.next_part;
            state.next_part += 3;
            ([first, first + 1, first + 2], state.deleted.clone())
        };
        let folder = self.folder.join("parts");
        let replaces: Vec<u64> = parts.iter().map(|part| part.number).collect();
        let create = |number, kind, replaces: &[u64]| {
            PartWriter::create(&folder, number, kind, replaces, Effort::Final)
        };
        // The summaries first: if they alone are there after a crash they are made again, and of
        // two samples at one time one is read.
        let mut summaries = Vec::new();
        if with_summaries {
            for ((tier, stretch), number) in STRETCHES.into_iter().zip(numbers) {
                summaries.push((create(number, (tier, level), &[])?, stretch));
            }
        }
        let mut writer = create(numbers[2], (Tier::Raw, level), &replaces)?;
        let frames: BTreeSet<u32> =
            parts.iter().flat_map(|part| part.chunks.iter().map(|chunk| chunk.frame)).collect();
        for frame in frames {
            let mut table = gather(parts, frame, &deleted)?;
            table.sort();
            writer.add_table(frame, &table)?;
            let columns: Vec<(u32, &[f64])> = table.filled();
            for (summary, stretch) in &mut summaries {
                let (times, summed) = summary::sum_up(&table.times, &columns, *stretch);
                summary.add(
                    frame,
                    &times,
                    summed.iter().map(|(place, v)| (*place, v.as_slice())),
                )?;
            }
        }
        let mut made = Vec::new();
        for (summary, _) in summaries {
            made.push(Arc::new(summary.finish()?));
        }
        made.push(Arc::new(writer.finish()?));
        self.replace(parts, made)
    }

    fn replace(&self, old: &[Arc<Part>], new: Vec<Arc<Part>>) -> Result<(), SamplesError> {
        {
            let mut state = self.write();
            state.parts.retain(|part| !old.iter().any(|gone| gone.number == part.number));
            state.parts.extend(new);
            state.sort_parts();
            let oldest = state.parts.iter().map(|part| part.number).min().unwrap_or(u64::MAX);
            let before = state.deleted.len();
            state.deleted.retain(|deleted| oldest < deleted.below);
            if state.deleted.len() != before {
                deleted::write(&self.folder, &state.deleted)?;
            }
        }
        old.iter().try_for_each(|part| {
            std::fs::remove_file(part.path()).map_err(SamplesError::io(part.path()))
        })
    }

    fn drop_old(&self, now: Time) -> Result<usize, SamplesError> {
        let floor = |tier: Tier| match tier {
            Tier::Raw => now - self.settings.keep_raw,
            Tier::FiveMinutes => now - self.settings.keep_five_minutes,
            Tier::Hours => now - self.settings.keep_hours,
        };
        let is_old = |part: &Part| part.last() < floor(part.tier).millis();
        let is_summed = |part: &Part| part.tier != Tier::Raw || part.level == LAST_LEVEL;
        let old: Vec<Arc<Part>> = {
            let mut state = self.write();
            let (old, kept) = std::mem::take(&mut state.parts)
                .into_iter()
                .partition(|part| is_old(part) && is_summed(part));
            state.parts = kept;
            old
        };
        for part in &old {
            std::fs::remove_file(part.path()).map_err(SamplesError::io(part.path()))?;
        }
        Ok(old.len())
    }
}

/// All rows of a frame, in the order of the parts, without what was deleted.
fn gather(parts: &[Arc<Part>], frame: u32, deleted: &[Deleted]) -> Result<Table, SamplesError> {
    let mut all = Table::default();
    for part in parts {
        let mut table = Table::default();
        for chunk in part.of_frame(frame) {
            let times = part.times(chunk)?;
            let mut columns = Vec::new();
            for column in chunk.columns() {
                columns.extend(part.values(chunk, column)?.map(|values| (column, values)));
            }
            table.extend(&times, &columns);
        }
        let of_frame = deleted.iter().filter(|gone| place(gone.series).0 == frame);
        for gone in of_frame.filter(|gone| part.number < gone.below) {
            table.strike(place(gone.series).1, |at| (gone.from..gone.until).contains(&at));
        }
        all.append(table);
    }
    Ok(all)
}

impl PartWriter {
    /// Adds the rows of a table that is sorted, in chunks that are not too long.
    pub(crate) fn add_table(&mut self, frame: u32, table: &Table) -> Result<(), SamplesError> {
        const { assert!(CHUNK_ROWS <= MAX_ROWS) };
        let columns = table.filled();
        for from in (0..table.rows()).step_by(CHUNK_ROWS) {
            let rows = from..table.rows().min(from + CHUNK_ROWS);
            let stretch = columns.iter().map(|(column, values)| (*column, &values[rows.clone()]));
            self.add(frame, &table.times[rows.clone()], stretch)?;
        }
        Ok(())
    }
}
