//! What users say an answer must be like, and the sentence for when it is not.
//!
//! A condition is checked when its file is read, so that a look can only find it true or false. A
//! sentence names what was found before what was wanted: that is what people look for first.

use std::fmt;

use model::verdict::Phase;
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::probe::failure::Failure;

/// How many sentences are enough; the others are counted.
const MAX_SENTENCES: usize = 5;

/// The conditions that do not hold.
#[derive(Debug, Default)]
pub(crate) struct Unmet {
    sentences: Vec<String>,
}

/// A regular expression. It may match anywhere in an answer, whose bytes need not be text.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

/// A text that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{written:?} is no regular expression: {fault}")]
pub struct PatternError {
    written: String,
    fault: String,
}

/// Status codes that are good: `200`, `200-299` or `2xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

/// A text that names no status codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no HTTP status; write for example 200, 200-299 or 2xx")]
pub struct StatusError(String);

impl Unmet {
    /// Notes the sentence if the condition does not hold.
    pub(super) fn unless(&mut self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            self.sentences.push(sentence());
        }
    }

    pub(super) fn add(&mut self, sentence: Option<String>) {
        self.sentences.extend(sentence);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    /// All that does not hold, in one line.
    pub(super) fn into_failure(self) -> Result<(), Failure> {
        let more = self.sentences.len().saturating_sub(MAX_SENTENCES);
        let mut shown: Vec<String> = self.sentences.into_iter().take(MAX_SENTENCES).collect();
        if shown.is_empty() {
            return Ok(());
        }
        shown.extend((more > 0).then(|| format!("and {more} more")));
        Err(Failure::theirs(Phase::Condition, shown.join("; ")))
    }
}

impl Pattern {
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;
    fn try_from(written: String) -> Result<Self, PatternError> {
        Regex::new(&written).map(Self).map_err(|error| {
            // The library draws a picture of several lines; its last one is the sentence.
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default().trim();
            PatternError { written, fault: last.trim_start_matches("error: ").to_owned() }
        })
    }
}

impl StatusRange {
    /// What is good if nobody says so.
    pub const SUCCESS: Self = Self { first: 200, last: 299 };

    pub(super) fn contains(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }

    fn parse(text: &str) -> Option<Self> {
        let status = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status));
        if let Some(class) = text.strip_suffix("xx") {
            let first = status(&format!("{class}00"))?;
            return Some(Self { first, last: first + 99 });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = Self { first: status(first.trim())?, last: status(last.trim())? };
        (range.first <= range.last).then_some(range)
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { first, last } if first == last => write!(f, "{first}"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

impl Serialize for StatusRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = StatusRange;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an HTTP status such as 200, 200-299 or 2xx")
            }
            fn visit_u64<E: Error>(self, status: u64) -> Result<StatusRange, E> {
                self.visit_str(&status.to_string())
            }
            fn visit_i64<E: Error>(self, status: i64) -> Result<StatusRange, E> {
                self.visit_str(&status.to_string())
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<StatusRange, E> {
                let wrong = || E::custom(StatusError(text.to_owned()));
                StatusRange::parse(text).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for StatusRange {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StatusRange".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a status: 200, 200-299, 2xx",
            "oneOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^[1-5]([0-9]{2}(-[1-5][0-9]{2})?|xx)$"}
            ]
        })
    }
}

/// `a, b or c`.
pub(super) fn any_of(items: &[impl fmt::Display]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_in_three_ways() {
        let told = |text: &str| StatusRange::parse(text).map(|range| range.to_string());
        for (written, expected) in [
            ("200", Some("200")),
            ("2xx", Some("200-299")),
            ("301-308", Some("301-308")),
            ("301 - 308", Some("301-308")),
            ("99", None),
            ("6xx", None),
            ("xx", None),
            ("299-200", None),
            ("200-", None),
            ("-200", None),
            ("ok", None),
        ] {
            assert_eq!(told(written).as_deref(), expected, "{written}");
        }
        let read: Vec<StatusRange> = serde_json::from_str(r#"[204, "2xx"]"#).unwrap();
        assert_eq!(any_of(&read), "204 or 200-299");
    }

    #[test]
    fn a_bad_pattern_is_refused_in_one_line() {
        let refused = Pattern::try_from("ok(".to_owned()).unwrap_err().to_string();
        assert_eq!(refused, r#""ok(" is no regular expression: unclosed group"#);
        let pattern = Pattern::try_from("(?i)ÄPFEL".to_owned()).unwrap();
        assert!(pattern.matches("\u{1}äpfel".as_bytes()) && !pattern.matches(b"\xff"));
    }

    #[test]
    fn a_flood_of_sentences_is_counted() {
        let mut unmet = Unmet::default();
        for at in 0..7 {
            unmet.unless(at == 0, || format!("{at} is bad"));
        }
        let told = unmet.into_failure().unwrap_err().to_string();
        assert_eq!(
            told,
            "condition: 1 is bad; 2 is bad; 3 is bad; 4 is bad; 5 is bad; \
             and 1 more"
        );
    }
}
