//! What is in memory: series, the newest samples, which parts there are. Changed under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use model::series::{Labels, METRIC_NAME, Row, Shape, is_absent, is_stale};
use model::time::Time;

use crate::catalogue;
use crate::entry::{self, Entry};
use crate::error::SamplesError;
use crate::head::Head;
use crate::index::{Handle, Index, place};
use crate::log::{Log, Replayed, put_record};
use crate::part::Part;
use crate::settings::Settings;

/// Rows of each frame that stay uncompressed when the others are sealed, so that a question about
/// now reads no part.
const TAIL_ROWS: usize = 40;
/// The most refusals that are named in one answer.
const MAX_NAMED: usize = 8;
/// The most shapes whose series are remembered.
const MAX_SHAPES: usize = 100_000;

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

#[expect(clippy::disallowed_types, reason = "asked for each row, and never walked through")]
type Shapes = std::collections::HashMap<usize, Known>;

/// A shape that was seen, held so that its address means no other, and its series.
#[derive(Debug)]
struct Known {
    shape: Arc<Shape>,
    columns: Arc<Columns>,
}

/// Where the series of a shape live. A series that was refused has none.
#[derive(Debug)]
struct Columns {
    /// The usual case: all in one frame.
    whole: Option<(u32, Vec<u32>)>,
    /// Otherwise, one by one.
    each: Vec<Result<Handle, Why>>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) index: Index,
    shapes: Shapes,
    shape_order: VecDeque<usize>,
    pub(crate) log: Log,
    pub(crate) frames: Vec<Frame>,
    /// In the order of their numbers.
    pub(crate) parts: Vec<Arc<Part>>,
    pub(crate) next_part: u64,
    pub(crate) deleted: Vec<Deleted>,
    /// In heads, not counting what is being sealed.
    pub(crate) head_values: usize,
    /// When the oldest of them came.
    pub(crate) head_since: Option<Time>,
    pub(crate) refused: BTreeMap<Why, u64>,
    /// What is known up to here is in the catalogue: frames, series.
    pub(crate) in_catalogue: (usize, usize),
    /// Definitions whose record could not be written.
    unwritten: Vec<u8>,
    pub(crate) now: Time,
}

/// The newest samples of one frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) head: Head,
    /// Being written to a part just now.
    pub(crate) sealing: Option<Arc<Head>>,
    /// The last rows that are in parts already.
    pub(crate) tail: Head,
    /// No part has a sample from here on that is not in the tail.
    pub(crate) tail_from: i64,
    pub(crate) sealed_until: i64,
}

/// Samples of a series that are gone from parts below a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deleted {
    pub(crate) series: Handle,
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) below: u64,
}

impl Default for Frame {
    fn default() -> Self {
        let (head, tail) = (Head::default(), Head::default());
        Self { head, sealing: None, tail, tail_from: i64::MIN, sealed_until: i64::MIN }
    }
}

impl State {
    pub(crate) fn open(folder: &Path, now: Time) -> Result<(Self, Replayed), SamplesError> {
        let mut index = Index::default();
        catalogue::read(folder, &mut index)?;
        let in_catalogue = (index.frames.len(), index.len());
        let mut frames: Vec<Frame> = Vec::new();
        frames.resize_with(index.frames.len(), Frame::default);
        let (mut head_values, mut unknown) = (0, 0);
        let (log, mut replayed) = Log::open(&folder.join("log"), |_, record| {
            let read = entry::read(record, |entry| {
                unknown += replay(&mut index, &mut frames, &mut head_values, entry);
            });
            read.is_ok()
        })?;
        replayed.lost_values = unknown;
        let state = Self {
            index,
            shapes: Shapes::default(),
            shape_order: VecDeque::new(),
            log,
            frames,
            parts: Vec::new(),
            next_part: 1,
            deleted: Vec::new(),
            head_values,
            head_since: (head_values > 0).then_some(now),
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
        let mut taken: Vec<(u32, i64, Vec<u32>, Vec<f64>)> = Vec::new();
        let mut whole: Vec<(Arc<Columns>, &Row)> = Vec::with_capacity(rows.len());
        let definitions_end = {
            let columns: Vec<Arc<Columns>> =
                rows.iter().map(|row| self.columns(settings, &row.shape, &mut entries)).collect();
            whole.extend(columns.into_iter().zip(rows));
            entries.len()
        };
        for (columns, row) in &whole {
            self.check(settings, columns, row, &mut appended, &mut taken);
        }
        for (frame, at, columns, values) in &taken {
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
        self.frames.resize_with(self.index.frames.len(), Frame::default);
        for (frame, at, columns, values) in taken {
            self.head_values += values.len();
            self.head_since = self.head_since.or(Some(now));
            let head = &mut self.frames[frame as usize].head;
            head.push(at, columns.into_iter().zip(values));
        }
        Ok((appended, Some(file)))
    }

    fn check(
        &mut self,
        settings: &Settings,
        columns: &Columns,
        row: &Row,
        appended: &mut Appended,
        taken: &mut Vec<(u32, i64, Vec<u32>, Vec<f64>)>,
    ) {
        let at = row.at.millis();
        let untimely = if row.at > self.now + settings.max_ahead {
            Some(Why::TooFarAhead)
        } else {
            (row.at < self.now - settings.keep_raw).then_some(Why::TooOld)
        };
        let is_good = |value: &f64| !value.is_nan() || is_stale(*value);
        if let (Some((frame, columns)), None) = (&columns.whole, untimely)
            && row.values.iter().all(is_good)
        {
            appended.accepted += row.values.len() as u64;
            taken.push((*frame, at, columns.clone(), row.values.clone()));
            return;
        }
        for (column, value) in row.values.iter().enumerate() {
            if is_absent(*value) {
                continue;
            }
            let place = match &columns.whole {
                Some((frame, columns)) => Ok((*frame, columns[column])),
                None => columns.each[column].map(place),
            };
            let why = untimely.or((!is_good(value)).then_some(Why::NotANumber));
            match (place, why) {
                (Ok((frame, column)), None) => {
                    appended.accepted += 1;
                    match taken.last_mut() {
                        Some((last, time, columns, values)) if (*last, *time) == (frame, at) => {
                            columns.push(column);
                            values.push(*value);
                        }
                        _ => taken.push((frame, at, vec![column], vec![*value])),
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
        let address = Arc::as_ptr(shape).addr();
        if let Some(known) = self.shapes.get(&address) {
            return known.columns.clone();
        }
        let columns = Arc::new(self.resolve(settings, shape, entries));
        if columns.each.iter().any(Result::is_err) {
            return columns; // There may be room for it later.
        }
        if self.shape_order.len() >= MAX_SHAPES
            && let Some(oldest) = self.shape_order.pop_front()
        {
            self.shapes.remove(&oldest);
        }
        self.shape_order.push_back(address);
        let known = Known { shape: shape.clone(), columns: columns.clone() };
        debug_assert!(Arc::ptr_eq(&known.shape, shape));
        self.shapes.insert(address, known);
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
        let columns: Option<Vec<u32>> =
            each.iter().map(|handle| in_frame(handle).map(|(_, column)| column)).collect();
        Columns { whole: frame.zip(columns), each }
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
                frame.sealed_until = frame.sealed_until.max(chunk.last);
                frame.tail_from = frame.sealed_until.saturating_add(1);
            }
        }
    }

    /// What could not be sealed goes back to the heads, before what came since.
    pub(crate) fn take_back(&mut self) {
        for frame in &mut self.frames {
            let Some(sealing) = frame.sealing.take() else { continue };
            let mut head = Arc::unwrap_or_clone(sealing);
            self.head_values += head.filled().iter().map(|(_, values)| values.len()).sum::<usize>();
            head.append(std::mem::take(&mut frame.head));
            frame.head = head;
        }
        self.head_since = Some(self.now);
    }

    /// Moves all heads to where they are sealed from. Returns the log segment that begins now.
    pub(crate) fn begin_seal(&mut self) -> u64 {
        for frame in &mut self.frames {
            if frame.head.rows() == 0 {
                continue;
            }
            let mut head = std::mem::take(&mut frame.head);
            head.sort();
            frame.sealing = Some(Arc::new(head));
        }
        self.head_values = 0;
        self.head_since = None;
        self.log.close_segment()
    }

    /// What was sealed is in a part now.
    pub(crate) fn end_seal(&mut self) {
        for frame in &mut self.frames {
            let Some(sealed) = frame.sealing.take() else { continue };
            let tail = sealed.tail(TAIL_ROWS);
            let first = tail.times.first().copied().unwrap_or(i64::MAX);
            frame.tail_from = first.max(frame.sealed_until.saturating_add(1));
            frame.sealed_until =
                sealed.times.last().copied().unwrap_or(i64::MIN).max(frame.sealed_until);
            frame.tail = tail;
        }
    }
}

/// Takes in one entry of the log. Returns how many values it has that nobody knows the series of.
fn replay(
    index: &mut Index,
    frames: &mut Vec<Frame>,
    head_values: &mut usize,
    entry: Entry,
) -> u64 {
    match entry {
        Entry::Frame(common) => {
            if index.find_frame(&common).is_none() {
                index.add_frame(&common);
                frames.push(Frame::default());
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
            *head_values += count;
            frames[frame as usize].head.push(at, values.into_iter());
            0
        }
    }
}
