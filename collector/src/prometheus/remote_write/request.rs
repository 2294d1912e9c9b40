//! One request under way: from its series to rows.
//!
//! Each sample is put down as an [`Entry`]: the group its series belongs to, the column, time and
//! value. The next series is guessed to be the next column of the same group, and one comparison
//! of bytes says whether it is; otherwise the memory is asked, and only what that does not know is
//! read label by label. Unknown series that follow each other, belong to one target and have one
//! time form a new group.
//!
//! At the end the entries, which mostly lie in order already, fall into rows: one for each group
//! and time.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::series::{Shape, is_absent};
use model::time::Time;

use super::labels::{self, Pairs, SeriesFault};
use super::memory::{Group, Memory, Slot};
use super::wire::{Fields, Value, WireError};
use super::{Decoded, LABELS_FIELD, RemoteWriteError};
use crate::look::{Look, Refusal};
use crate::pool::LabelPool;
use crate::prometheus::rows::row;

const SAMPLES_FIELD: u32 = 2;
const HISTOGRAMS_FIELD: u32 = 4;
/// How the samples of a series begin: their field, as so many bytes.
const SAMPLES_TAG: u8 = (SAMPLES_FIELD as u8) << 3 | 2;
/// More columns than this have no row together.
const MAX_COLUMNS: usize = 1_000;

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// By number, in the order the request met them.
    group: u32,
    column: u32,
    at: i64,
    value: f64,
}

pub(super) struct Request<'a, 'm> {
    memory: &'m RwLock<Memory>,
    pool: &'m LabelPool,
    entries: &'m mut Vec<Entry>,
    groups: Vec<Met<'a>>,
    /// The numbers of the known ones, by where they lie in memory.
    numbers: BTreeMap<usize, u32>,
    /// Where the next series should belong.
    next: Place,
    refused: Vec<Refusal>,
    refused_count: u64,
}

/// Where a series belongs: a group by number, and a column of it.
#[derive(Clone, Copy, Default)]
struct Place {
    group: u32,
    column: u32,
}

/// A group that the request met.
enum Met<'a> {
    Known(Arc<Group>),
    New(Forming<'a>),
}

/// A group of series that nobody knew.
struct Forming<'a> {
    /// The first time of each of its series, in milliseconds since the epoch.
    at: i64,
    first: Pairs<'a>,
    columns: BTreeMap<Pairs<'a>, usize>,
    raw: Vec<&'a [u8]>,
}

impl<'a, 'm> Request<'a, 'm> {
    /// `entries` is only room to work in.
    pub(super) fn new(
        memory: &'m RwLock<Memory>,
        pool: &'m LabelPool,
        entries: &'m mut Vec<Entry>,
    ) -> Self {
        entries.clear();
        Self {
            memory,
            pool,
            entries,
            groups: Vec::new(),
            numbers: BTreeMap::new(),
            next: Place::default(),
            refused: Vec::new(),
            refused_count: 0,
        }
    }

    /// Takes one series with its samples.
    #[inline]
    pub(super) fn series(&mut self, message: &'a [u8]) -> Result<(), RemoteWriteError> {
        if let Some(rest) = self.after_expected_labels(message) {
            let place = self.next;
            self.next.column += 1;
            return self.samples(place, message, rest);
        }
        let (raw, rest) = labels::split(message)?;
        let place = match self.recall(raw) {
            Some(place) => place,
            None => match first_time(rest)? {
                Some(at) => self.form(raw, labels::read(raw)?, at),
                // Nothing to keep, but it must be in order like any other.
                None => labels::read(raw).map(|_| Place::default())?,
            },
        };
        self.next = Place { group: place.group, column: place.column + 1 };
        self.samples(place, message, rest)
    }

    pub(super) fn finish(self) -> Decoded {
        let groups: Vec<Arc<Group>> =
            self.groups.into_iter().map(|met| kept(met, self.memory, self.pool)).collect();
        self.entries.sort_by_key(|entry| (entry.group, entry.at));
        let runs = self.entries.chunk_by(|a, b| (a.group, a.at) == (b.group, b.at));
        let rows = runs.map(|run| {
            let shape = &groups[run[0].group as usize].shape;
            let found = run.iter().map(|entry| (entry.column as usize, entry.value));
            row(shape, Time::from_millis(run[0].at), found)
        });
        let rows = rows.collect();
        let samples = self.entries.len() as u64;
        Decoded { rows, samples, refused: self.refused, refused_count: self.refused_count }
    }

    /// What follows the labels, if these are the expected ones to the byte.
    #[inline]
    fn after_expected_labels(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        let Met::Known(group) = self.groups.get(self.next.group as usize)? else {
            return None;
        };
        let rest = group.after_labels(self.next.column, message)?;
        // Or else there might be one more label.
        (rest.first() == Some(&SAMPLES_TAG)).then_some(rest)
    }

    /// Where a series belongs that came before.
    fn recall(&mut self, raw: &[u8]) -> Option<Place> {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        let Slot { group, column } = memory.find(raw)?;
        let groups = &mut self.groups;
        let number = self.numbers.entry(Arc::as_ptr(&group).addr()).or_insert_with(|| {
            groups.push(Met::Known(group));
            number_of_last(groups)
        });
        Some(Place { group: *number, column })
    }

    /// Where a series belongs that nobody knows: beside the one before it, or in a new group.
    fn form(&mut self, raw: &'a [u8], series: Pairs<'a>, at: i64) -> Place {
        if let Some(Met::New(forming)) = self.groups.last_mut()
            && forming.takes(&series, at)
        {
            let column = forming.add(raw, series);
            return Place { group: number_of_last(&self.groups), column };
        }
        let first = series.clone();
        let mut forming = Forming { at, first, columns: BTreeMap::new(), raw: Vec::new() };
        let column = forming.add(raw, series);
        self.groups.push(Met::New(forming));
        Place { group: number_of_last(&self.groups), column }
    }

    /// Takes what follows the labels of the series in `message`.
    #[inline]
    fn samples(
        &mut self,
        place: Place,
        message: &[u8],
        rest: &[u8],
    ) -> Result<(), RemoteWriteError> {
        let mut fields = Fields::of(rest);
        while let Some((number, value)) = fields.read()? {
            match (number, value) {
                (SAMPLES_FIELD, Value::Bytes(sample)) => {
                    let (at, value) = read_sample(sample)?;
                    let Place { group, column } = place;
                    self.entries.push(Entry { group, column, at, value });
                }
                (HISTOGRAMS_FIELD, _) => self.refuse_histogram(message),
                (LABELS_FIELD, _) => {
                    let (series, fault) = (series_name(message), SeriesFault::LabelAfterSamples);
                    return Err(RemoteWriteError::Series { series, fault });
                }
                (SAMPLES_FIELD, _) => return Err(WireError::Unexpected.into()),
                _ => (), // Exemplars, and what later versions bring.
            }
        }
        Ok(())
    }

    #[cold]
    fn refuse_histogram(&mut self, message: &[u8]) {
        self.refused_count += 1;
        if self.refused.len() < Look::MAX_NAMED {
            let why = "native histograms are not taken; send classic ones".to_owned();
            self.refused.push(Refusal { what: series_name(message), why });
        }
    }
}

impl<'a> Forming<'a> {
    fn takes(&self, series: &Pairs<'a>, at: i64) -> bool {
        at == self.at
            && self.raw.len() < MAX_COLUMNS
            && labels::are_of_one_target(&self.first, series)
            && !self.columns.contains_key(series)
    }

    fn add(&mut self, raw: &'a [u8], series: Pairs<'a>) -> u32 {
        let column = self.raw.len();
        self.columns.insert(series, column);
        self.raw.push(raw);
        number_of(column)
    }

    /// With the labels of its columns as they were sent.
    fn group(self, pool: &LabelPool) -> (Group, Vec<&'a [u8]>) {
        let mut columns: Vec<(Pairs<'a>, usize)> = self.columns.into_iter().collect();
        columns.sort_by_key(|(_, column)| *column);
        let columns: Vec<Pairs<'a>> = columns.into_iter().map(|(series, _)| series).collect();
        let common = labels::common(&columns);
        let own = columns.iter().map(|series| pool.shared(labels::without(series, &common)));
        let columns = own.collect();
        let common = model::series::Labels::of(common);
        (Group::new(Shape { common, columns }, &self.raw), self.raw)
    }
}

/// The group that was met; what is new is remembered.
fn kept(met: Met<'_>, memory: &RwLock<Memory>, pool: &LabelPool) -> Arc<Group> {
    match met {
        Met::Known(group) => group,
        Met::New(forming) => {
            let (group, raw) = forming.group(pool);
            let group = Arc::new(group);
            memory.write().unwrap_or_else(PoisonError::into_inner).keep(&group, &raw);
            group
        }
    }
}

/// A sample's time in milliseconds since the epoch, and its value.
#[inline]
fn read_sample(sample: &[u8]) -> Result<(i64, f64), WireError> {
    let (mut at, mut measured) = (0, 0.0);
    let mut fields = Fields::of(sample);
    while let Some(field) = fields.read()? {
        match field {
            (1, Value::Fixed64(bits)) => measured = f64::from_le_bytes(bits),
            (2, Value::Varint(bits)) => at = bits.cast_signed(),
            (1 | 2, _) => return Err(WireError::Unexpected),
            _ => (), // Of a later version.
        }
    }
    // Our own mark for "no value" must not come from outside: it would vanish uncounted.
    Ok((at, if is_absent(measured) { f64::NAN } else { measured }))
}

/// When the first sample among these fields was taken.
fn first_time(rest: &[u8]) -> Result<Option<i64>, WireError> {
    let mut fields = Fields::of(rest);
    while let Some(field) = fields.read()? {
        if let (SAMPLES_FIELD, Value::Bytes(sample)) = field {
            return Ok(Some(read_sample(sample)?.0));
        }
    }
    Ok(None)
}

fn series_name(message: &[u8]) -> String {
    labels::split(message).map_or_else(|error| error.to_string(), |(raw, _)| labels::name(raw))
}

fn number_of_last(groups: &[Met<'_>]) -> u32 {
    number_of(groups.len() - 1)
}

fn number_of(index: usize) -> u32 {
    u32::try_from(index).expect("a request of 32 MiB has fewer series than that")
}
