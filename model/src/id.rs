//! Identities: one type per kind of thing, each with one constructor that checks.
//!
//! Ids come from files, agents and clouds, end up in logs, pages, file names and messages, and
//! are compared all day. So they are short, printable and cannot be mixed up.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::name::Name;

/// The longest id accepted, in bytes: long enough for a fully qualified host name and a module.
pub const MAX_ID_BYTES: usize = 255;

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("an empty {kind} name; write 1 to {MAX_ID_BYTES} of a-z A-Z 0-9 . _ - : @ /")]
    Empty { kind: &'static str },
    #[error("a {kind} name of {bytes} bytes; at most {MAX_ID_BYTES} are allowed")]
    TooLong { kind: &'static str, bytes: usize },
    #[error("{character:?} in {kind} name {text:?}; allowed are a-z A-Z 0-9 . _ - : @ /")]
    BadCharacter { kind: &'static str, text: String, character: char },
    #[error("{text:?} is no object; write kind/name with kind one of {KINDS}")]
    NoKind { text: String },
}

const KINDS: &str =
    "switch, host, vm, module, project, datasource, collector, channel, pool, vantage";

fn check(kind: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { kind, bytes: text.len() });
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@/".contains(&byte);
    if text.bytes().all(is_allowed) {
        return Ok(());
    }
    match text.chars().find(|c| !u8::try_from(*c).is_ok_and(is_allowed)) {
        Some(character) => Err(IdError::BadCharacter { kind, text: text.to_owned(), character }),
        None => Ok(()),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Name);

        impl $name {
            /// Checks and takes over a name.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check($kind, text)?;
                Ok(Self(Name::new(text)))
            }

            #[inline]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", $kind, self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_string(Parse(PhantomData))
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES,
                    "pattern": "^[A-Za-z0-9._:@/-]+$"
                })
            }
        }
    )*};
}

/// Reads an id where it stands, without a string in between.
struct Parse<T>(PhantomData<T>);

impl<T: FromStr<Err = IdError>> Visitor<'_> for Parse<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

ids! {
    /// A business, as its owner calls it.
    ProjectId = "project";
    /// The unit that is deployed and scaled: `project/name`, for example `shop/web`.
    ModuleId = "module";
    /// One VM, for its whole life; never given out twice.
    VmId = "vm";
    /// One physical host (hypervisor), as the inventory spells it.
    HostId = "host";
    /// The switch of a rack.
    SwitchId = "switch";
    /// A MySQL, Redis, Memcached or PostgreSQL instance that modules use.
    DataSourceId = "datasource";
    /// One of our own collectors.
    CollectorId = "collector";
    /// A way to people, by its name in the main file.
    ChannelId = "channel";
    /// A place that probes, by its name in the main file.
    VantageId = "vantage";
    /// A VM size.
    FlavorId = "flavor";
    /// A person or group that is told of incidents.
    PersonId = "person";
    /// Where a signal comes from: `agent`, `probe`, `zabbix`, a rule.
    SourceId = "source";
    /// One check of an object: `vm.ping`, `app.monitor`.
    CheckId = "check";
    /// One incident, for its whole life.
    IncidentId = "incident";
    /// One silence: `s3`.
    SilenceId = "silence";
    /// One maintenance window: `m3`, or what the files call it.
    WindowId = "maintenance window";
    /// One decision of the scaler.
    DecisionId = "decision";
    /// One hold on what the scaler may do: `h3`.
    HoldId = "hold";
}

impl ModuleId {
    /// Joins a project and the module's own name: `shop` and `web` give `shop/web`.
    pub fn of(project: &ProjectId, name: &str) -> Result<Self, IdError> {
        Self::parse(&format!("{project}/{name}"))
    }

    /// The module's own name, without its project: `web` of `shop/web`.
    pub fn short(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or(self.as_str())
    }
}

/// Anything that can suffer or be the cause, written `kind/name`: `host/h1`, `module/shop/web`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Object {
    Switch(SwitchId),
    Host(HostId),
    Vm(VmId),
    Module(ModuleId),
    Project(ProjectId),
    DataSource(DataSourceId),
    Collector(CollectorId),
    Channel(ChannelId),
    /// The ready VMs of a flavor, and what could still be made.
    Pool(FlavorId),
    /// A place that probes beside the brain.
    Vantage(VantageId),
}

impl Object {
    /// The word before the slash.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Switch(_) => "switch",
            Self::Host(_) => "host",
            Self::Vm(_) => "vm",
            Self::Module(_) => "module",
            Self::Project(_) => "project",
            Self::DataSource(_) => "datasource",
            Self::Collector(_) => "collector",
            Self::Channel(_) => "channel",
            Self::Pool(_) => "pool",
            Self::Vantage(_) => "vantage",
        }
    }

    /// The name after the slash.
    pub fn name(&self) -> &str {
        self.key().1.as_str()
    }

    /// What it is ordered by: its kind, then its name.
    #[inline]
    fn key(&self) -> (u8, &Name) {
        match self {
            Self::Switch(id) => (0, &id.0),
            Self::Host(id) => (1, &id.0),
            Self::Vm(id) => (2, &id.0),
            Self::Module(id) => (3, &id.0),
            Self::Project(id) => (4, &id.0),
            Self::DataSource(id) => (5, &id.0),
            Self::Collector(id) => (6, &id.0),
            Self::Channel(id) => (7, &id.0),
            Self::Pool(id) => (8, &id.0),
            Self::Vantage(id) => (9, &id.0),
        }
    }
}

impl Ord for Object {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Object {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Object {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let no_kind = || IdError::NoKind { text: text.to_owned() };
        let (kind, name) = text.split_once('/').ok_or_else(no_kind)?;
        Ok(match kind {
            "switch" => Self::Switch(name.parse()?),
            "host" => Self::Host(name.parse()?),
            "vm" => Self::Vm(name.parse()?),
            "module" => Self::Module(name.parse()?),
            "project" => Self::Project(name.parse()?),
            "datasource" => Self::DataSource(name.parse()?),
            "collector" => Self::Collector(name.parse()?),
            "channel" => Self::Channel(name.parse()?),
            "pool" => Self::Pool(name.parse()?),
            "vantage" => Self::Vantage(name.parse()?),
            _ => return Err(no_kind()),
        })
    }
}

impl TryFrom<String> for Object {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Object> for String {
    fn from(object: Object) -> String {
        object.to_string()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(Parse(PhantomData))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        f.write_str("/")?;
        f.write_str(self.name())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl schemars::JsonSchema for Object {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Object".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(switch|host|vm|module|project|datasource|collector|channel|pool|vantage)/[A-Za-z0-9._:@/-]+$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_refused_with_what_to_write_instead() {
        let refused = |text: &str| VmId::parse(text).unwrap_err().to_string();
        assert!(refused("").contains("1 to 255"));
        assert!(refused("<script>").contains("'<'"));
        assert!(refused(&"x".repeat(256)).contains("256 bytes"));
    }

    #[test]
    fn an_object_reads_back_as_it_was_written() {
        for text in ["host/h1", "module/shop/web", "datasource/mysql-1", "vm/web-01"] {
            assert_eq!(text.parse::<Object>().unwrap().to_string(), text);
        }
        assert!("h1".parse::<Object>().is_err());
        assert!("planet/mars".parse::<Object>().unwrap_err().to_string().contains("kind/name"));
    }

    #[test]
    fn a_module_knows_its_own_name() {
        let shop = ProjectId::parse("shop").unwrap();
        assert_eq!(ModuleId::of(&shop, "web").unwrap().short(), "web");
    }
}
