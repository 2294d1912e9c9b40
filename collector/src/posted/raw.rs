//! The JSON of a body, read without a copy of its texts.
//!
//! A body holds hundreds of alerts with a dozen short texts each. Nearly all of them can be read where
//! they stand; only one with an escape in it is a string of its own.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::PostedError;
use crate::text::clean;

/// The longest part of a reader's complaint that is passed on, in characters: it quotes the body.
const MAX_COMPLAINT_CHARS: usize = 200;

/// One alert as it stands in the body.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAlert<'a> {
    #[serde(default, borrow)]
    pub(super) labels: Pairs<'a>,
    #[serde(default, borrow)]
    pub(super) annotations: Pairs<'a>,
    #[serde(borrow)]
    pub(super) ends_at: Option<Text<'a>>,
    /// Of the webhook's form only: `firing`, `resolved`.
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
}

/// Names and values as they came.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(Text<'a>, Text<'a>)>);

#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

/// What an Alertmanager's webhook sends.
#[derive(Debug, Deserialize)]
struct Webhook<'a> {
    #[serde(borrow)]
    alerts: Vec<RawAlert<'a>>,
}

/// The alerts of either form.
pub(super) fn read(body: &[u8]) -> Result<Vec<RawAlert<'_>>, PostedError> {
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let read = match is_array {
        true => serde_json::from_slice(body),
        false => serde_json::from_slice::<Webhook<'_>>(body).map(|webhook| webhook.alerts),
    };
    read.map_err(|error| PostedError::Unreadable(clean(&error.to_string(), MAX_COMPLAINT_CHARS)))
}

impl Pairs<'_> {
    /// The value of a name; of one given twice, the last.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known.as_str() == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadPairs)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(ReadText)
    }
}

struct ReadPairs;

impl<'de> Visitor<'de> for ReadPairs {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
        let mut pairs = Vec::with_capacity(8);
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

struct ReadText;

impl<'de> Visitor<'de> for ReadText {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
