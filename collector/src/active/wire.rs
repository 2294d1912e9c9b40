//! What active agents and `zabbix_sender` say, and what they are answered.
//!
//! A request is one JSON object. Generations of agents differ: agentd 6.0 names host and key with
//! each value, agent2 the host once and the item's number with each value; agentd 6.0 wants delays
//! as numbers and shows no version, all others want them as text. What is not used is skipped, so
//! that a newer agent with more to say is understood, too.
//!
//! Whatever comes is hostile: no more values than [`MAX_VALUES`] are taken in, however small they
//! are, and their texts are no longer than the request, whose size is bounded already.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// The most values of one request: an agent's buffer holds no more.
pub(super) const MAX_VALUES: usize = 65_535;

/// What is asked of us.
#[derive(Debug, PartialEq)]
pub(super) enum Request<'a> {
    /// An agent wants to know what to measure.
    Checks(Checks<'a>),
    /// An agent, or `zabbix_sender`, brings values.
    Data(Data<'a>),
    /// An agent says that it lives.
    Heartbeat(Heartbeat<'a>),
    /// What a proxy or another server would ask, or what nobody knows.
    Other(Cow<'a, str>),
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Checks<'a> {
    #[serde(borrow)]
    pub(super) host: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) host_metadata: Cow<'a, str>,
    /// Shown by all but agentd 6.0 and older.
    #[serde(borrow)]
    pub(super) version: Option<Cow<'a, str>>,
    /// Which list it has; from 6.4 on.
    pub(super) config_revision: Option<u64>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Heartbeat<'a> {
    #[serde(borrow)]
    pub(super) host: Cow<'a, str>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Data<'a> {
    /// Another one after each start of the agent; `zabbix_sender` has none.
    #[serde(borrow)]
    pub(super) session: Option<Cow<'a, str>>,
    /// Of all values that name no host.
    #[serde(borrow)]
    pub(super) host: Option<Cow<'a, str>>,
    /// When it was sent, by the sender's clock: seconds and nanoseconds.
    pub(super) clock: Option<i64>,
    #[serde(default)]
    pub(super) ns: u32,
    #[serde(borrow, deserialize_with = "few_values")]
    pub(super) data: Vec<Value<'a>>,
}

#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Value<'a> {
    #[serde(borrow)]
    pub(super) host: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) key: Option<Cow<'a, str>>,
    pub(super) itemid: Option<u64>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) value: Cow<'a, str>,
    /// 1: not supported, and the value is the reason.
    #[serde(default)]
    pub(super) state: u8,
    /// Rises by one with each value of a session.
    pub(super) id: Option<u64>,
    pub(super) clock: Option<i64>,
    #[serde(default)]
    pub(super) ns: u32,
}

/// One line of the list that an agent is given.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ListedItem<'a> {
    pub(super) key: &'a str,
    pub(super) itemid: u64,
    pub(super) delay: Delay,
    lastlogsize: u8,
    mtime: u8,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Delay {
    Seconds(u64),
    Text(String),
}

#[derive(Serialize)]
struct List<'a> {
    response: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_revision: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<ListedItem<'a>>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    response: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    info: &'a str,
}

impl<'a> ListedItem<'a> {
    /// `in_text`: as all but the oldest agents want it.
    pub(super) fn new(key: &'a str, itemid: u64, seconds: u64, in_text: bool) -> Self {
        let delay =
            if in_text { Delay::Text(format!("{seconds}s")) } else { Delay::Seconds(seconds) };
        Self { key, itemid, delay, lastlogsize: 0, mtime: 0 }
    }
}

/// Reads a request. The error is for our own log: whoever sends such a thing gets no answer.
pub(super) fn read(bytes: &[u8]) -> Result<Request<'_>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Which<'a> {
        #[serde(borrow)]
        request: Cow<'a, str>,
    }
    let which: Which<'_> = serde_json::from_slice(bytes)?;
    Ok(match &*which.request {
        "active checks" => Request::Checks(serde_json::from_slice(bytes)?),
        "agent data" | "sender data" => Request::Data(serde_json::from_slice(bytes)?),
        "active check heartbeat" => Request::Heartbeat(serde_json::from_slice(bytes)?),
        _ => Request::Other(which.request),
    })
}

/// What to measure; without items if the agent has that list already.
pub(super) fn list(revision: Option<u64>, items: Option<Vec<ListedItem<'_>>>) -> Vec<u8> {
    written(&List { response: "success", config_revision: revision, data: items })
}

pub(super) fn success(info: &str) -> Vec<u8> {
    written(&Answer { response: "success", info })
}

pub(super) fn failed(info: &str) -> Vec<u8> {
    written(&Answer { response: "failed", info })
}

fn written(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).expect("strings and numbers become JSON")
}

fn few_values<'de: 'a, 'a, D>(deserializer: D) -> Result<Vec<Value<'a>>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Value<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_VALUES} values")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
            let mut taken = Vec::new();
            while let Some(value) = values.next_element()? {
                if taken.len() == MAX_VALUES {
                    return Err(de::Error::invalid_length(taken.len() + 1, &self));
                }
                taken.push(value);
            }
            Ok(taken)
        }
    }
    deserializer.deserialize_seq(Few)
}

/// Values are texts, also where they are numbers; some senders forget the quotes.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, str>, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a number")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(number.to_string()))
        }

        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(number.to_string()))
        }

        fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(number.to_string()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(""))
        }
    }
    deserializer.deserialize_any(Text)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_generation_is_understood() {
        let agentd = br#"{"request":"active checks","host":"a","host_metadata":"role=vm","ip":"127.0.0.1","port":1}"#;
        let Request::Checks(checks) = read(agentd).unwrap() else { panic!() };
        assert_eq!((&*checks.host, &*checks.host_metadata, checks.version), ("a", "role=vm", None));
        let newer = br#"{"request":"active checks","host":"a","version":"7.0.1","variant":2,"config_revision":7,"session":"x","new":{}}"#;
        let Request::Checks(checks) = read(newer).unwrap() else { panic!() };
        assert_eq!((checks.version.as_deref(), checks.config_revision), (Some("7.0.1"), Some(7)));
        let heartbeat =
            br#"{"request":"active check heartbeat","host":"a\u00fc","heartbeat_freq":60}"#;
        let Request::Heartbeat(beat) = read(heartbeat).unwrap() else { panic!() };
        assert_eq!(beat.host, "aü");
        let proxy = br#"{"request":"proxy data","host":"p","history data":[1]}"#;
        assert_eq!(read(proxy).unwrap(), Request::Other("proxy data".into()));
    }

    #[test]
    fn values_come_in_all_shapes() {
        let data = br#"{"request":"sender data","data":[
            {"host":"a","key":"k","value":"1.5","clock":7,"ns":5},{"host":"a","key":"k","value":-3},
            {"itemid":9,"id":4,"state":1,"value":"no \"such\" key"},{"value":null},{"value":1e3},{}]}"#;
        let Request::Data(data) = read(data).unwrap() else { panic!() };
        let values: Vec<&str> = data.data.iter().map(|value| &*value.value).collect();
        assert_eq!(values, ["1.5", "-3", "no \"such\" key", "", "1000", ""]);
        assert_eq!(
            (data.data[2].itemid, data.data[2].id, data.data[2].state),
            (Some(9), Some(4), 1)
        );
    }

    #[test]
    fn odd_requests_are_errors() {
        let nested = format!(r#"{{"request":"x","a":{}"#, "[".repeat(100_000));
        let many =
            format!(r#"{{"request":"agent data","data":[{}{{}}]}}"#, "{},".repeat(MAX_VALUES));
        let odd: [&[u8]; 11] = [
            b"",
            b"1",
            b"[]",
            b"{}",
            b"agent.ping",
            br#"{"request":7}"#,
            br#"{"request":"active checks"}"#,
            br#"{"request":"agent data","data":{}}"#,
            br#"{"request":"agent data","data":[{"value":["1"]}]}"#,
            nested.as_bytes(),
            many.as_bytes(),
        ];
        for bytes in odd {
            let start = &bytes[..bytes.len().min(60)];
            assert!(read(bytes).is_err(), "{}", String::from_utf8_lossy(start));
        }
        let full =
            format!(r#"{{"request":"agent data","data":[{}{{}}]}}"#, "{},".repeat(MAX_VALUES - 1));
        assert!(read(full.as_bytes()).is_ok(), "an agent's whole buffer is taken");
    }

    #[test]
    fn answers_are_as_agents_want_them() {
        let show = |bytes: Vec<u8>| format!("{}\n", String::from_utf8(bytes).unwrap());
        let items = |in_text| Some(vec![ListedItem::new("agent.ping", 7, 15, in_text)]);
        let all = [
            list(None, items(false)),
            list(Some(3), items(true)),
            list(Some(3), None),
            success("processed: 1; failed: 0; total: 1; seconds spent: 0.000001"),
            success(""),
            failed("host [x\"] not found"),
        ];
        expect![[r#"
            {"response":"success","data":[{"key":"agent.ping","itemid":7,"delay":15,"lastlogsize":0,"mtime":0}]}
            {"response":"success","config_revision":3,"data":[{"key":"agent.ping","itemid":7,"delay":"15s","lastlogsize":0,"mtime":0}]}
            {"response":"success","config_revision":3}
            {"response":"success","info":"processed: 1; failed: 0; total: 1; seconds spent: 0.000001"}
            {"response":"success"}
            {"response":"failed","info":"host [x\"] not found"}
        "#]]
        .assert_eq(&all.map(show).concat());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_changed_request_gives_no_more_values(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = br#"{"request":"agent data","session":"7d","data":[{"host":"h","key":"agent.ping","value":"1","id":1,"clock":1795228422,"ns":234811664},{"itemid":3,"state":1,"value":"no"}],"clock":1795228427,"ns":1}"#.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(Request::Data(data)) = read(&bytes) {
                prop_assert!(data.data.len() <= 3);
            }
        }
    }
}
