//! The labels of one pushed series: read once, checked, and compared with its neighbours'.
//!
//! What the protocol demands of labels is held here: sorted by name, each name once and not empty,
//! `__name__` among them. A label without a value means that there is no such label.

use std::cmp::Ordering;

use model::series::{Labels, METRIC_NAME};

use super::wire::{Fields, Value, WireError};
use super::{LABELS_FIELD, RemoteWriteError};
use crate::text::clean;

/// The longest name of a series in a message, in characters.
const MAX_SERIES_CHARS: usize = 300;

/// The labels of one series, sorted by name, without those that are empty.
pub(super) type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// The labels of one series as they were sent.
type RawPairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// What is wrong with the labels of a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesFault {
    #[error("its labels are not sorted by name: {0:?} comes too late")]
    Unsorted(String),
    #[error("it has the label {0:?} twice")]
    Twice(String),
    #[error("a label has no name")]
    NoLabelName,
    #[error("it has no {METRIC_NAME}")]
    NoMetricName,
    #[error("a label is not UTF-8")]
    NotUtf8,
    #[error("a label comes after its samples")]
    LabelAfterSamples,
}

/// Splits a series into its labels and what follows them, both as they were sent.
pub(super) fn split(series: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut fields = Fields::of(series);
    let mut rest = fields.rest();
    while let Some((LABELS_FIELD, _)) = fields.read()? {
        rest = fields.rest();
    }
    Ok((&series[..series.len() - rest.len()], rest))
}

/// Reads and checks the labels of one series.
pub(super) fn read(raw: &[u8]) -> Result<Pairs<'_>, RemoteWriteError> {
    let pairs = raw_pairs(raw)?;
    checked(&pairs).map_err(|fault| RemoteWriteError::Series { series: shown(&pairs), fault })
}

/// A series by its labels as they were sent, fit to be shown whatever they are.
pub(super) fn name(raw: &[u8]) -> String {
    raw_pairs(raw).map_or_else(|error| error.to_string(), |pairs| shown(&pairs))
}

/// Whether two series tell of the same thing, so that they may share a row: the same target where
/// they name one, else all labels but the metric's name alike.
pub(super) fn are_of_one_target(one: &Pairs<'_>, other: &Pairs<'_>) -> bool {
    let instance = value_of(one, "instance");
    if instance.is_some() {
        return instance == value_of(other, "instance")
            && value_of(one, "job") == value_of(other, "job");
    }
    own(one).eq(own(other))
}

/// What all series have in common, without the metric's name.
pub(super) fn common<'a>(series: &[Pairs<'a>]) -> Pairs<'a> {
    let Some((first, others)) = series.split_first() else { return Vec::new() };
    let mut common: Pairs<'a> = own(first).copied().collect();
    for other in others {
        common.retain(|pair| other.binary_search(pair).is_ok());
    }
    common
}

/// The labels of a series without those that are in `common`.
pub(super) fn without(series: &Pairs<'_>, common: &Pairs<'_>) -> Labels {
    Labels::of(series.iter().filter(|pair| common.binary_search(pair).is_err()).copied())
}

fn own<'p, 'a>(pairs: &'p Pairs<'a>) -> impl Iterator<Item = &'p (&'a str, &'a str)> {
    pairs.iter().filter(|(name, _)| *name != METRIC_NAME)
}

fn value_of<'a>(pairs: &Pairs<'a>, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn raw_pairs(raw: &[u8]) -> Result<RawPairs<'_>, WireError> {
    let mut pairs = RawPairs::new();
    let mut fields = Fields::of(raw);
    while let Some((_, value)) = fields.read()? {
        let Value::Bytes(label) = value else { return Err(WireError::Unexpected) };
        pairs.push(raw_pair(label)?);
    }
    Ok(pairs)
}

fn raw_pair(label: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut pair = (&label[..0], &label[..0]);
    let mut fields = Fields::of(label);
    while let Some(field) = fields.read()? {
        match field {
            (1, Value::Bytes(name)) => pair.0 = name,
            (2, Value::Bytes(value)) => pair.1 = value,
            (1 | 2, _) => return Err(WireError::Unexpected),
            _ => (), // Of a later version.
        }
    }
    Ok(pair)
}

fn checked<'a>(raw: &[(&'a [u8], &'a [u8])]) -> Result<Pairs<'a>, SeriesFault> {
    let mut pairs = Pairs::with_capacity(raw.len());
    let mut before = "";
    for (name, value) in raw {
        let name = str::from_utf8(name).map_err(|_| SeriesFault::NotUtf8)?;
        let value = str::from_utf8(value).map_err(|_| SeriesFault::NotUtf8)?;
        match name.cmp(before) {
            _ if name.is_empty() => return Err(SeriesFault::NoLabelName),
            Ordering::Less => return Err(SeriesFault::Unsorted(clean(name, 60))),
            Ordering::Equal => return Err(SeriesFault::Twice(clean(name, 60))),
            Ordering::Greater => before = name,
        }
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    value_of(&pairs, METRIC_NAME).ok_or(SeriesFault::NoMetricName)?;
    Ok(pairs)
}

fn shown(pairs: &[(&[u8], &[u8])]) -> String {
    // Enough for a message, however many there are.
    let some = pairs.iter().take(64).map(|(name, value)| (lossy(name), lossy(value)));
    clean(&Labels::of(some).to_string(), MAX_SERIES_CHARS)
}

fn lossy(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(MAX_SERIES_CHARS)];
    String::from_utf8_lossy(start).into_owned()
}
