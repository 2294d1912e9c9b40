//! The labels of one alert, in as few bytes as they have.
//!
//! A storm leaves a hundred thousand alerts behind that are kept until they end. A tree of strings
//! costs each of them twenty allocations; so names and values lie in one text, one after another.
//! There are seldom more than ten, and reading on to the one that is wanted is quicker than a tree.
//!
//! Invariant: names are in order, and each is there once.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// What closes each name and each value; a text that bears it loses it.
const END: char = '\0';

/// Names and values, by name. Stored as a map.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(Box<str>);

impl Labels {
    /// The value of a label, if it is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || Some((next(&mut rest)?, next(&mut rest)?)))
    }
}

/// The text up to the next [`END`]. Labels are short: a search made for long texts costs more.
fn next<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let end = rest.bytes().position(|byte| byte == END as u8)?;
    let text = &rest[..end];
    *rest = &rest[end + 1..];
    Some(text)
}

/// Of a name that is given twice, the last counts.
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        pairs.sort_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
        let mut text = String::with_capacity(128);
        for (at, (name, value)) in pairs.iter().enumerate() {
            let is_last = pairs.get(at + 1).is_none_or(|(next, _)| next.as_ref() != name.as_ref());
            if is_last {
                add(&mut text, name.as_ref());
                add(&mut text, value.as_ref());
            }
        }
        Self(text.into())
    }
}

fn add(to: &mut String, text: &str) {
    text.split(END).for_each(|part| to.push_str(part));
    to.push(END);
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_a_name_given_twice_the_last_counts_and_nothing_runs_into_the_next() {
        let labels: Labels =
            [("vm", "a"), ("host", "h\0x"), ("vm", "b"), ("job", "")].into_iter().collect();
        let pairs: Vec<_> = labels.iter().collect();
        assert_eq!(pairs, [("host", "hx"), ("job", ""), ("vm", "b")]);
        assert_eq!(labels.get("vm"), Some("b"));
        assert_eq!(labels.get("h"), None);
    }

    proptest! {
        #[test]
        fn they_are_what_a_map_would_be_and_are_read_back(
            pairs in prop::collection::vec(("[a-d]{0,2}", "\\PC{0,4}"), 0..8),
        ) {
            let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
            let labels: Labels = pairs.into_iter().collect();
            prop_assert!(labels.iter().eq(map.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
            prop_assert_eq!(
                serde_json::to_string(&labels).unwrap(),
                serde_json::to_string(&map).unwrap()
            );
            let read: Labels = serde_json::from_str(&serde_json::to_string(&map).unwrap()).unwrap();
            prop_assert_eq!(read, labels);
        }
    }
}
