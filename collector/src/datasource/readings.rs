//! What one look at a data source has read so far.
//!
//! A server's answers are not to be trusted: a figure may be no number, a name a trap, and a
//! thousand databases a flood. So a value is taken only if it is finite, a label's value is
//! cleaned and cut, and the number of series is bounded; what is refused is named and counted.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use model::series::{Labels, METRIC_NAME};

use super::fault::Fault;
use super::table::Metric;
use crate::look::{Look, Refusal};
use crate::text::clean;

/// The most series of one look.
const MAX_SERIES: usize = 2_000;
/// The longest label value, in characters.
const MAX_LABEL_CHARS: usize = 64;
/// The longest text of a refusal, in characters.
const MAX_REFUSAL_CHARS: usize = 100;

/// Named values, and why others are missing.
#[derive(Debug, Default)]
pub(super) struct Readings {
    values: BTreeMap<Labels, f64>,
    refused: Vec<Refusal>,
    refused_count: u64,
    /// What is not granted to us, each once: what is wrong, what to type.
    lacking: Vec<(String, String)>,
}

impl Readings {
    pub(super) fn add(&mut self, name: &str, value: f64) {
        self.add_with(name, &[], value);
    }

    pub(super) fn add_time(&mut self, name: &str, time: Duration) {
        self.add(name, time.as_secs_f64());
    }

    /// Label values may come from the server as they are.
    pub(super) fn add_with(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let cleaned = labels.iter().map(|(label, value)| (*label, clean(value, MAX_LABEL_CHARS)));
        let labels = Labels::of(cleaned.chain([(METRIC_NAME, name.to_owned())]));
        let room = self.values.len() < MAX_SERIES;
        let (labels, reason) = match self.values.entry(labels) {
            Entry::Vacant(place) if value.is_finite() && room => {
                place.insert(value);
                return;
            }
            Entry::Vacant(place) if room => (place.into_key(), "not a finite number"),
            Entry::Vacant(place) => (place.into_key(), "too many series"),
            Entry::Occupied(place) => {
                (place.key().clone(), "a series of this name was read before")
            }
        };
        self.refuse(&labels.to_string(), reason);
    }

    /// Takes a number as the server wrote it; an empty text is no value.
    pub(super) fn add_text(&mut self, name: &str, labels: &[(&str, &str)], text: &str) {
        match text.trim().parse() {
            Ok(value) => self.add_with(name, labels, value),
            Err(_) if text.trim().is_empty() => {}
            Err(_) => self.refuse(name, &format!("{text:?} is no number")),
        }
    }

    /// Takes all of `table` that the server names itself. A key that it does not have is no fault:
    /// versions differ.
    pub(super) fn add_fields<'a>(
        &mut self,
        table: &[Metric],
        field: impl Fn(&str) -> Option<&'a str>,
    ) {
        self.add_fields_with(table, &[], field);
    }

    /// The same for one of several things that `labels` tells apart.
    pub(super) fn add_fields_with<'a>(
        &mut self,
        table: &[Metric],
        labels: &[(&str, &str)],
        field: impl Fn(&str) -> Option<&'a str>,
    ) {
        for metric in table {
            let Some((key, text)) = metric.key().and_then(|key| Some((key, field(key)?))) else {
                continue;
            };
            let labels: Vec<_> = metric.label.iter().chain(labels).copied().collect();
            match metric.value(text) {
                Some(value) => self.add_with(metric.name, &labels, value),
                None => self.refuse(key, &format!("{text:?} is no number")),
            }
        }
    }

    /// Names what was not taken; both texts may hold the server's words.
    pub(super) fn refuse(&mut self, what: &str, why: &str) {
        self.refused_count += 1;
        if self.refused.len() < Look::MAX_NAMED {
            let [what, why] = [what, why].map(|text| clean(text, MAX_REFUSAL_CHARS));
            self.refused.push(Refusal { what, why });
        }
    }

    /// Something is not granted to us; the look goes on without it.
    pub(super) fn lack(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        let lack = (what.into(), remedy.into());
        if !self.lacking.contains(&lack) {
            self.lacking.push(lack);
        }
    }

    /// All that is not granted to us, as one fault.
    pub(super) fn shortcoming(&self) -> Option<Fault> {
        let (whats, remedies): (Vec<_>, Vec<_>) = self.lacking.iter().cloned().unzip();
        (!whats.is_empty())
            .then(|| Fault::Misconfigured { what: whats.join("; "), remedy: remedies.join(" ") })
    }

    pub(super) fn refused_into(&mut self, look: &mut Look) {
        look.refused = std::mem::take(&mut self.refused);
        look.refused_count = self.refused_count;
    }

    pub(super) fn into_values(self) -> BTreeMap<Labels, f64> {
        self.values
    }

    /// One line a value, for tests.
    #[cfg(test)]
    pub(super) fn shown(&self) -> String {
        self.values.iter().map(|(labels, value)| format!("{labels} {value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{field, not_word, word};
    use super::*;

    #[test]
    fn only_what_is_a_number_gets_in() {
        const TABLE: &[Metric] = &[
            field("a", "1", "a", "A").times(0.001),
            field("b", "1", "b", "B"),
            field("c", "1", "c", "C"),
            field("d", "1", "d", "D"),
            word("e", "e", "E", "up").with("kind", "x"),
            not_word("f", "f", "E", "up"),
        ];
        let mut readings = Readings::default();
        readings.add_fields(TABLE, |key| match key {
            "A" => Some("1500"),
            "B" => Some("nan"),
            "C" => Some("many\x1b[2J"),
            "E" => Some("down"),
            _ => None,
        });
        assert_eq!(readings.shown(), "a 1.5\ne{kind=\"x\"} 0\nf 1\n");
        let named: Vec<_> =
            readings.refused.iter().map(|r| format!("{}: {}", r.what, r.why)).collect();
        assert_eq!(named, ["b: not a finite number", "C: \"many\\u{1b}[2J\" is no number"]);
    }

    #[test]
    fn a_flood_of_series_and_a_name_given_twice_are_counted() {
        let mut readings = Readings::default();
        for at in 0..=MAX_SERIES {
            readings.add_with("a", &[("db", &at.to_string())], 1.0);
        }
        let mut twice = Readings::default();
        twice.add_with("a", &[("db", "x\n")], 1.0);
        twice.add_with("a", &[("db", "x")], 2.0);
        assert_eq!((readings.values.len(), readings.refused_count), (MAX_SERIES, 1));
        assert_eq!((twice.shown().as_str(), twice.refused_count), ("a{db=\"x\"} 1\n", 1));
    }
}
