//! Reads Zabbix's JSON, in which everything may be a string or a number.
//!
//! `"eventid":"242"` in one reply is `"eventids":[242]` in the next, an empty map is written `[]`,
//! and a secret macro has no value at all. So every field says here how loosely it is read, and a
//! row that still does not fit is counted and left out: one odd row must not blind us to the rest.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The rows of a reply that could be read, and how many could not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows<T> {
    pub(super) good: Vec<T>,
    pub(super) bad: usize,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Each<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Each<T> {
            type Value = Rows<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Rows<T>, A::Error> {
                let mut read = Rows { good: Vec::new(), bad: 0 };
                while let Some(row) = rows.next_element::<Value>()? {
                    match T::deserialize(row) {
                        Ok(row) => read.good.push(row),
                        Err(_) => read.bad += 1,
                    }
                }
                Ok(read)
            }
        }
        from.deserialize_seq(Each(PhantomData))
    }
}

/// A whole number, however it is written.
pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    struct Integer;
    impl Visitor<'_> for Integer {
        type Value = i64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number, or a string of digits")
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
            Ok(value)
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
            i64::try_from(value).map_err(|_| E::custom("a number out of range"))
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<i64, E> {
            Ok(i64::from(value))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
            text.parse().map_err(|_| E::custom("no whole number"))
        }
    }
    from.deserialize_any(Integer)
}

/// `1` is true, however it is written.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    integer(from).map(|value| value == 1)
}

/// A text; a number is taken as it would be written.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
            Ok(text)
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_unit<E: Error>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }
    from.deserialize_any(Text)
}

/// Names and texts; PHP writes an empty map as `[]`, and what is no text is left out.
pub(super) fn map<'de, D>(from: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Map;
    impl<'de> Visitor<'de> for Map {
        type Value = BTreeMap<String, String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map, or an empty list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
            while rows.next_element::<IgnoredAny>()?.is_some() {}
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
            let mut read = BTreeMap::new();
            while let Some((name, value)) = pairs.next_entry::<String, Value>()? {
                if let Ok(value) = text(value) {
                    read.insert(name, value);
                }
            }
            Ok(read)
        }
    }
    from.deserialize_any(Map)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(deserialize_with = "integer")]
        clock: i64,
        #[serde(default, deserialize_with = "text")]
        value: String,
        #[serde(default, deserialize_with = "map")]
        inventory: BTreeMap<String, String>,
    }

    fn rows(value: Value) -> Rows<Row> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn strings_and_numbers_are_the_same() {
        let read = rows(json!([
            {"clock": "17", "value": "1.5", "inventory": []},
            {"clock": 17, "value": 1.5, "inventory": {}},
            {"clock": true, "value": null, "inventory": {"os": "Debian", "odd": {"a": 1}}},
        ]));
        assert_eq!(read.good[0], read.good[1]);
        assert_eq!((read.good[2].clock, read.good[2].value.as_str()), (1, ""));
        assert_eq!(read.good[2].inventory, BTreeMap::from([("os".into(), "Debian".into())]));
        assert_eq!(read.bad, 0);
    }

    #[test]
    fn odd_rows_are_counted_and_left_out() {
        let read = rows(json!([
            {"clock": "17"}, 5, null, [], {}, {"clock": "x"}, {"clock": {}}, {"clock": 1.5},
            {"clock": "99999999999999999999"}, {"clock": 18446744073709551615u64}
        ]));
        assert_eq!((read.good.len(), read.bad), (1, 9));
        assert!(serde_json::from_value::<Rows<Row>>(json!({"clock": 1})).is_err());
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_row_is_read_or_counted(
            text in "\\PC{0,30}", number in any::<i64>(), real in any::<f64>(),
        ) {
            let values = [json!(text), json!(number), json!(real), json!([text]), json!(null)];
            for value in &values {
                let read = rows(json!([{"clock": value, "value": value, "inventory": value}]));
                prop_assert_eq!(read.good.len() + read.bad, 1);
            }
        }
    }
}
