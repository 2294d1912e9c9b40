//! The ids of a Zabbix server: one type each, so that an event is never taken for a trigger.
//!
//! Zabbix writes them as strings and sometimes as numbers; both are read, numbers are written.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_any(Id).map(Self)
            }
        }
    )*};
}

ids! {
    /// A problem or its recovery.
    EventId;
    /// What raises events.
    TriggerId;
    /// What Zabbix calls a host: a VM, a hypervisor, a switch, a database.
    HostKey;
    /// One thing measured of one host.
    ItemId;
}

impl EventId {
    /// None for 0, by which Zabbix means "there is none".
    pub fn some(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }

    /// The one after it, whether it exists or not.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

struct Id;

impl Visitor<'_> for Id {
    type Value = u64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        u64::try_from(value).map_err(|_| E::custom("a negative id"))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        text.parse().map_err(|_| E::custom("no id"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_id_is_read_from_both_forms_and_can_be_a_key() {
        let read: Vec<EventId> = serde_json::from_str(r#"["242", 242]"#).unwrap();
        assert_eq!(read, [EventId(242), EventId(242)]);
        assert!(serde_json::from_str::<EventId>("-1").is_err());
        assert!(serde_json::from_str::<EventId>("\"x\"").is_err());
        let map = BTreeMap::from([(TriggerId(u64::MAX), 1)]);
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<BTreeMap<TriggerId, i32>>(&text).unwrap(), map);
    }
}
