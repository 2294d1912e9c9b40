//! What is in memory: series, the newest samples, which parts there are. Changed under one lock.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::series::{Labels, METRIC_NAME, Row, Shape, is_absent, is_stale};
use model::time::Time;

use crate::catalogue;
use crate::entry::{self, Entry};
use crate::error::SamplesError;
use crate::index::{Handle, Index, place};
use crate::log::{Log, Replayed, put_record};
use crate::part::Part;
use crate::recent::Recent;
use crate::settings::Settings;
use crate::shapes::{Columns, Shapes};

/// The most refusals that are named in one answer.
const MAX_NAMED: usize = 8;
/// What became of what was appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    pub accepted: u64,
    pub refused: u64,
    /// A few of those refused.
    pub named: Vec<Refused>,
}

/// A value that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The series.
    pub what: String,
    pub why: Why,
}

/// Why a value was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    NotANumber,
    TooFarAhead,
    TooOld,
    TooManySeries,
    TooManyColumns,
    LabelsTooLong,
    NoName,
}

impl Why {
    /// As a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::TooFarAhead => "too_far_ahead",
            Self::TooOld => "too_old",
            Self::TooManySeries => "too_many_series",
            Self::TooManyColumns => "too_many_columns",
            Self::LabelsTooLong => "labels_too_long",
            Self::NoName => "no_name",
        }
    }
}

/// Values of one frame and time that are taken.
struct Taken<'a> {
    frame: u32,
    at: i64,
    columns: Cow<'a, [u32]>,
    values: Cow<'a, [f64]>,
}

/// How many values may be in memory and log alone, as the number of series has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// So many are sealed by the next tidying up,
    pub(crate) seal_at: usize,
    /// or by whoever appends, if it comes too late for so many.
    pub(crate) rush_at: usize,
    /// At so many whoever appends waits.
    pub(crate) most: usize,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) index: Index,
    shapes: Shapes,
    pub(crate) log: Log,
    pub(crate) frames: Vec<Recent>,
    /// In the order of their numbers.
    pub(crate) parts: Vec<Arc<Part>>,
    pub(crate) next_part: u64,
    pub(crate) deleted: Vec<Deleted>,
    /// In memory and log alone, and not being sealed.
    pub(crate) new_values: usize,
    /// When the oldest of them came.
    pub(crate) new_since: Option<Time>,
    /// Being sealed.
    sealing_values: usize,
    pub(crate) refused: BTreeMap<Why, u64>,
    /// What is known up to here is in the catalogue: frames, series.
    pub(crate) in_catalogue: (usize, usize),
    /// Definitions whose record could not be written.
    unwritten: Vec<u8>,
    pub(crate) now: Time,
}

/// Samples of a series that are gone from parts below a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) series: Handle,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) below: u64,
}

impl State {
    pub(crate) fn open(folder: &Path, now: Time) -> Result<(Self, Replayed), SamplesError> {
        let mut index = Index::default();
        catalogue::read(folder, &mut index)?;
        let in_catalogue = (index.frames.len(), index.len());
        let mut frames: Vec<Recent> = Vec::new();
        frames.resize_with(index.frames.len(), Recent::default);
        let (mut new_values, mut unknown) = (0, 0);
        let (log, mut replayed) = Log::open(&folder.join("log"), |_, record| {
            let read = entry::read(record, |entry| {
                unknown += replay(&mut index, &mut frames, &mut new_values, entry);
            });
            read.is_ok()
        })?;
        replayed.lost_values = unknown;
        let state = Self {
            index,
            shapes: Shapes::default(),
            log,
            frames,
            parts: Vec::new(),
            next_part: 1,
            deleted: Vec::new(),
            new_values,
            new_since: (new_values > 0).then_some(now),
            sealing_values: 0,
            refused: BTreeMap::new(),
            in_catalogue,
            unwritten: Vec::new(),
            now,
        };
        Ok((state, replayed))
    }

    /// Takes in rows: into the log first, then into memory. Returns what to sync.
    pub(crate) fn append(
        &mut self,
        settings: &Settings,
        rows: &[Row],
        now: Time,
    ) -> Result<(Appended, Option<Arc<std::fs::File>>), SamplesError> {
        self.now = self.now.max(now);
        let mut appended = Appended::default();
        let mut entries = std::mem::take(&mut self.unwritten);
        let columns: Vec<Arc<Columns>> =
            rows.iter().map(|row| self.columns(settings, &row.shape, &mut entries)).collect();
        let definitions_end = entries.len();
        let mut taken: Vec<Taken<'_>> = Vec::with_capacity(rows.len());
        for (columns, row) in columns.iter().zip(rows) {
            self.check(settings, columns, row, &mut appended, &mut taken);
        }
        for Taken { frame, at, columns, values } in &taken {
            entry::put_row(&mut entries, *frame, *at, columns, values);
        }
        if entries.is_empty() {
            return Ok((appended, None));
        }
        let mut record = Vec::with_capacity(entries.len() + 8);
        put_record(&mut record, |out| out.extend(&entries));
        let (file, _) = self.log.write(&record).inspect_err(|_| {
            entries.truncate(definitions_end);
            self.unwritten = entries.clone();
        })?;
        self.frames.resize_with(self.index.frames.len(), Recent::default);
        for Taken { frame, at, columns, values } in taken {
            self.new_values += values.len();
            self.new_since = self.new_since.or(Some(now));
            self.frames[frame as usize].push(at, &columns, &values);
        }
        Ok((appended, Some(file)))
    }

    fn check<'a>(
        &mut self,
        settings: &Settings,
        columns: &'a Columns,
        row: &'a Row,
        appended: &mut Appended,
        taken: &mut Vec<Taken<'a>>,
    ) {
        let at = row.at.millis();
        let untimely = if row.at > self.now + settings.max_ahead {
            Some(Why::TooFarAhead)
        } else {
            (row.at < self.now - settings.keep_raw).then_some(Why::TooOld)
        };
        let is_good = |value: &f64| !value.is_nan() || is_stale(*value);
        if let (Columns::OneFrame(frame, columns), None) = (columns, untimely)
            && row.values.iter().all(is_good)
        {
            appended.accepted += row.values.len() as u64;
            let (columns, values) = (Cow::Borrowed(&columns[..]), Cow::Borrowed(&row.values[..]));
            taken.push(Taken { frame: *frame, at, columns, values });
            return;
        }
        let of_others = taken.len();
        for (column, value) in row.values.iter().enumerate() {
            if is_absent(*value) {
                continue;
            }
            let place = match columns {
                Columns::OneFrame(frame, columns) => Ok((*frame, columns[column])),
                Columns::Each(each) => each[column].map(place),
            };
            let why = untimely.or((!is_good(value)).then_some(Why::NotANumber));
            match (place, why) {
                (Ok((frame, column)), None) => {
                    appended.accepted += 1;
                    match taken[of_others..].last_mut() {
                        Some(last) if last.frame == frame => {
                            last.columns.to_mut().push(column);
                            last.values.to_mut().push(*value);
                        }
                        _ => {
                            let (columns, values) = (vec![column].into(), vec![*value].into());
                            taken.push(Taken { frame, at, columns, values });
                        }
                    }
                }
                (Err(why), _) | (_, Some(why)) => {
                    self.refuse(&row.shape, column, why, appended);
                }
            }
        }
    }

    fn refuse(&mut self, shape: &Shape, column: usize, why: Why, appended: &mut Appended) {
        appended.refused += 1;
        *self.refused.entry(why).or_default() += 1;
        if appended.named.len() < MAX_NAMED {
            let what = shape.common.with(&shape.columns[column]).to_string();
            let what = what.chars().take(200).collect();
            appended.named.push(Refused { what, why });
        }
    }

    /// The series of a shape; new ones are defined in `entries`.
    fn columns(
        &mut self,
        settings: &Settings,
        shape: &Arc<Shape>,
        entries: &mut Vec<u8>,
    ) -> Arc<Columns> {
        if let Some(known) = self.shapes.find(shape) {
            return known;
        }
        let columns = Arc::new(self.resolve(settings, shape, entries));
        let is_known = match &*columns {
            Columns::OneFrame(..) => true,
            Columns::Each(each) => each.iter().all(Result::is_ok), // Else there may be room later.
        };
        if is_known {
            self.shapes.insert(shape, &columns);
        }
        columns
    }

    fn resolve(&mut self, settings: &Settings, shape: &Shape, entries: &mut Vec<u8>) -> Columns {
        let series = shape.columns.iter().enumerate();
        let each: Vec<Result<Handle, Why>> =
            series.map(|(at, own)| self.series(settings, shape, own, at, entries)).collect();
        let frame = each.first().and_then(|first| Some(place((*first).ok()?).0));
        let in_frame = |handle: &Result<Handle, Why>| {
            handle.ok().map(place).filter(|(other, _)| Some(*other) == frame)
        };
        let columns: Option<Box<[u32]>> =
            each.iter().map(|handle| in_frame(handle).map(|(_, column)| column)).collect();
        match frame.zip(columns) {
            Some((frame, columns)) => Columns::OneFrame(frame, columns),
            None => Columns::Each(each),
        }
    }

    fn series(
        &mut self,
        settings: &Settings,
        shape: &Shape,
        own: &Labels,
        at: usize,
        entries: &mut Vec<u8>,
    ) -> Result<Handle, Why> {
        let labels = shape.common.with(own);
        if let Some(known) = self.index.find_series(&labels) {
            return Ok(known);
        }
        let bytes: usize = labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        if labels.get(METRIC_NAME).is_empty() {
            return Err(Why::NoName);
        } else if bytes > settings.max_label_bytes {
            return Err(Why::LabelsTooLong);
        } else if at >= settings.max_columns {
            return Err(Why::TooManyColumns);
        } else if self.index.len() >= settings.max_series {
            return Err(Why::TooManySeries);
        }
        let frame = self.index.find_frame(&shape.common).unwrap_or_else(|| {
            entry::put_frame(entries, &shape.common);
            self.index.add_frame(&shape.common)
        });
        entry::put_column(entries, frame, &labels);
        Ok(self.index.add_column(frame, &labels))
    }

    /// In the order in which their samples came: what was merged is older than what was not.
    pub(crate) fn sort_parts(&mut self) {
        self.parts.sort_by_key(|part| (std::cmp::Reverse(part.level), part.number));
    }

    /// Says of each frame from when on no part has samples of it.
    pub(crate) fn note_parts(&mut self) {
        for chunk in self.parts.iter().flat_map(|part| &part.chunks) {
            if let Some(frame) = self.frames.get_mut(chunk.frame as usize) {
                frame.note_gone(chunk.last);
            }
        }
    }

    pub(crate) fn budget(&self, settings: &Settings) -> Budget {
        let of_series = settings.memory_rows.saturating_mul(self.index.len());
        let most = settings.memory_values.max(of_series);
        Budget { seal_at: most / 2, rush_at: most / 8 * 5, most }
    }

    /// In memory and log alone.
    pub(crate) fn unsealed_values(&self) -> usize {
        self.new_values + self.sealing_values
    }

    /// All that is new is to be sealed. Returns the log segment that begins now.
    pub(crate) fn begin_seal(&mut self) -> u64 {
        self.frames.iter_mut().for_each(Recent::begin_seal);
        self.sealing_values = std::mem::take(&mut self.new_values);
        self.new_since = None;
        self.log.close_segment()
    }

    /// What was sealed is in a part now.
    pub(crate) fn end_seal(&mut self) {
        self.frames.iter_mut().for_each(Recent::end_seal);
        self.sealing_values = 0;
    }

    /// What could not be sealed is to be sealed with what came since.
    pub(crate) fn take_back(&mut self) {
        self.frames.iter_mut().for_each(Recent::take_back);
        self.new_values += std::mem::take(&mut self.sealing_values);
        self.new_since = Some(self.now);
    }
}

/// Takes in one entry of the log. Returns how many values it has that nobody knows the series of.
fn replay(
    index: &mut Index,
    frames: &mut Vec<Recent>,
    new_values: &mut usize,
    entry: Entry,
) -> u64 {
    match entry {
        Entry::Frame(common) => {
            if index.find_frame(&common).is_none() {
                index.add_frame(&common);
                frames.push(Recent::default());
            }
            0
        }
        Entry::Column(frame, labels) => {
            if index.find_series(&labels).is_none() && (frame as usize) < frames.len() {
                index.add_column(frame, &labels);
            }
            0
        }
        Entry::Row { frame, at, values } => {
            let count = values.len();
            let known = index.frames.get(frame as usize).map_or(0, |entry| entry.columns.len());
            if values.iter().any(|(column, _)| *column as usize >= known) {
                return count as u64;
            }
            *new_values += count;
            let (columns, values): (Vec<u32>, Vec<f64>) = values.into_iter().unzip();
            frames[frame as usize].push(at, &columns, &values);
            0
        }
    }
}
