//! The parts of a machine that an agent tells of: mount points, disks, network interfaces.
//!
//! Nobody should have to write them down, so an agent is asked for its lists. Most of what stands
//! there measures nothing: pseudo file systems, loop devices, one end of each container's cable.
//! So only what holds or moves data is kept, and of that no more than a few dozen, whatever the
//! agent says; what was left out because there is too much of it is named.
//!
//! Names come from the machine and go into item keys and labels. Invariant: a name kept here is
//! short, without control characters, and can be quoted as Zabbix wants it; a device's name stays
//! within its folder of `/sys/block`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::metric::PartKind;
use serde::{Deserialize, Serialize};

use crate::look::Refusal;
use crate::text::clean;

const MAX_NAME_BYTES: usize = 128;

/// File systems that hold data, and whose state can be asked for without waiting for a network.
const DATA_FILE_SYSTEMS: &[&str] = &[
    "apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "ntfs", "ntfs3",
    "reiserfs", "ufs", "vfat", "xfs", "zfs",
];
const VIRTUAL_DEVICES: &[&str] = &["fd", "loop", "nbd", "ram", "sr", "zram"];
const VIRTUAL_INTERFACES: &[&str] =
    &["br-", "cali", "cni", "docker", "dummy", "flannel", "ifb", "tunl", "veth"];

/// What parts a machine has, by kind, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parts(BTreeMap<PartKind, Vec<String>>);

/// What an agent's list says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Sorted; no more than [`max_parts`].
    pub names: Vec<String>,
    /// What would have been worth watching and was left out.
    pub refused: Vec<Refusal>,
}

/// It is no list.
#[derive(Debug, thiserror::Error)]
#[error("not a list of parts")]
pub struct NoList(#[source] serde_json::Error);

/// How many parts of one kind are watched on one machine.
pub fn max_parts(kind: PartKind) -> usize {
    match kind {
        PartKind::Mount => 64,
        PartKind::Device | PartKind::Interface => 32,
    }
}

/// Whether a mount point of this type is worth watching.
pub(crate) fn holds_data(mount: &str, file_system: &str) -> bool {
    // In a container the root is a file system made of layers.
    DATA_FILE_SYSTEMS.contains(&file_system) || (mount == "/" && file_system == "overlay")
}

/// Whether it is a disk and not an image in a file or in memory.
pub(crate) fn is_disk(device: &str) -> bool {
    !begins_with_one_of(device, VIRTUAL_DEVICES)
}

/// Whether it leads out of the machine.
pub(crate) fn leads_out(interface: &str) -> bool {
    interface != "lo" && !begins_with_one_of(interface, VIRTUAL_INTERFACES)
}

impl Parts {
    pub fn of(&self, kind: PartKind) -> &[String] {
        self.0.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Says whether that changed anything.
    pub fn set(&mut self, kind: PartKind, names: Vec<String>) -> bool {
        let changed = self.of(kind) != names;
        self.0.insert(kind, names);
        changed
    }
}

/// Reads an agent's answer to [`PartKind::discovery_key`].
pub fn read_list(kind: PartKind, answer: &str) -> Result<Discovered, NoList> {
    let list: List = serde_json::from_str(answer).map_err(NoList)?;
    let entries = match list {
        List::Plain(entries) | List::InData { data: entries } => entries,
    };
    let mut discovered = Discovered::default();
    for name in entries.iter().filter_map(|entry| entry.worth_watching(kind)) {
        match check_name(kind, name) {
            Ok(()) => discovered.names.push(name.to_owned()),
            Err(why) => discovered.refuse(kind, name, why),
        }
    }
    discovered.names.sort();
    discovered.names.dedup();
    discovered.cut(kind);
    Ok(discovered)
}

/// A name as a parameter of an item key.
pub fn as_parameter(name: &str) -> Cow<'_, str> {
    let needs_quotes = name.starts_with([' ', '[', '"']) || name.contains([',', ']']);
    if needs_quotes {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\\\"")))
    } else {
        Cow::Borrowed(name)
    }
}

/// Agents before 4.2 wrap the list once more.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Plain(Vec<Entry>),
    InData { data: Vec<Entry> },
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "{#FSNAME}")]
    mount: Option<String>,
    #[serde(rename = "{#FSTYPE}")]
    file_system: Option<String>,
    #[serde(rename = "{#DEVNAME}")]
    device: Option<String>,
    #[serde(rename = "{#DEVTYPE}")]
    device_type: Option<String>,
    #[serde(rename = "{#IFNAME}")]
    interface: Option<String>,
}

impl Entry {
    fn worth_watching(&self, kind: PartKind) -> Option<&str> {
        match kind {
            PartKind::Mount => {
                let (mount, file_system) = (self.mount.as_deref()?, self.file_system.as_deref()?);
                holds_data(mount, file_system).then_some(mount)
            }
            PartKind::Device => {
                let device = self.device.as_deref()?;
                (self.device_type.as_deref() == Some("disk") && is_disk(device)).then_some(device)
            }
            PartKind::Interface => self.interface.as_deref().filter(|name| leads_out(name)),
        }
    }
}

impl Discovered {
    fn refuse(&mut self, kind: PartKind, name: &str, why: &str) {
        let what = format!("{kind} {}", clean(name, MAX_NAME_BYTES));
        if self.refused.len() < max_parts(kind) {
            self.refused.push(Refusal { what, why: why.to_owned() });
        }
    }

    fn cut(&mut self, kind: PartKind) {
        let limit = max_parts(kind);
        let over = self.names.split_off(limit.min(self.names.len()));
        for name in over {
            self.refuse(kind, &name, &format!("more than {limit} of them"));
        }
    }
}

fn check_name(kind: PartKind, name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it has no name");
    }
    if name.len() > MAX_NAME_BYTES {
        return Err("its name is too long");
    }
    if clean(name, MAX_NAME_BYTES) != name {
        return Err("its name holds control characters or begins or ends with blanks");
    }
    if name.ends_with('\\') {
        return Err("its name cannot be quoted");
    }
    if kind == PartKind::Device && (name.contains('/') || name.starts_with('.')) {
        return Err("its name is a path");
    }
    Ok(())
}

fn begins_with_one_of(name: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn told(kind: PartKind, answer: &str) -> String {
        match read_list(kind, answer) {
            Ok(Discovered { names, refused }) => {
                let refused = refused.iter().map(|r| format!("; not {}: {}", r.what, r.why));
                format!("{}{}", names.join(" "), refused.collect::<String>())
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_holds_or_moves_data_is_kept() {
        let mounts = r#"[{"{#FSNAME}":"/proc","{#FSTYPE}":"proc"},{"{#FSNAME}":"/","{#FSTYPE}":"ext4"},
            {"{#FSNAME}":"/srv","{#FSTYPE}":"xfs"},{"{#FSNAME}":"/run","{#FSTYPE}":"tmpfs"},{}]"#;
        assert_eq!(told(PartKind::Mount, mounts), "/ /srv");
        let devices = r#"{"data":[{"{#DEVNAME}":"vda","{#DEVTYPE}":"disk"},
            {"{#DEVNAME}":"vda1","{#DEVTYPE}":"partition"},{"{#DEVNAME}":"loop0","{#DEVTYPE}":"disk"}]}"#;
        assert_eq!(told(PartKind::Device, devices), "vda");
        let interfaces = r#"[{"{#IFNAME}":"lo"},{"{#IFNAME}":"eth0"},{"{#IFNAME}":"veth12ab"}]"#;
        assert_eq!(told(PartKind::Interface, interfaces), "eth0");
    }

    #[test]
    fn odd_names_are_refused_by_name() {
        let long = "x".repeat(129);
        let names = ["/a\\nb", " /c", "/d\\\\", "", &long, "/ü ok", "/a"];
        let entries: Vec<String> = names
            .iter()
            .map(|name| format!(r#"{{"{{#FSNAME}}":"{name}","{{#FSTYPE}}":"ext4"}}"#))
            .collect();
        let told_of = told(PartKind::Mount, &format!("[{}]", entries.join(",")));
        expect![[r#"
            /a /ü ok
             not mount point /a b: its name holds control characters or begins or ends with blanks
             not mount point /c: its name holds control characters or begins or ends with blanks
             not mount point /d\: its name cannot be quoted
             not mount point : it has no name
             not mount point xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: its name is too long
        "#]]
        .assert_eq(&format!("{}\n", told_of.replace("; ", "\n ")));
        let path = r#"[{"{#DEVNAME}":"../../etc","{#DEVTYPE}":"disk"}]"#;
        assert_eq!(told(PartKind::Device, path), "; not device ../../etc: its name is a path");
    }

    #[test]
    fn of_too_many_the_others_are_named() {
        let entry = |at| format!(r#"{{"{{#IFNAME}}":"eth{at:03}"}}"#);
        let entries: Vec<String> = (0..200).map(entry).collect();
        let list = format!("[{}]", entries.join(","));
        let discovered = read_list(PartKind::Interface, &list).unwrap();
        assert_eq!((discovered.names.len(), discovered.refused.len()), (32, 32));
        assert_eq!(discovered.refused[0].what, "interface eth032");
        assert_eq!(discovered.refused[0].why, "more than 32 of them");
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        for answer in ["", "1", "{}", "[1]", "[[]]", "null", &"[".repeat(10_000)] {
            assert_eq!(told(PartKind::Mount, answer), "not a list of parts", "{answer:.20}");
        }
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (name, expected) in [
            ("/", "/"),
            ("/my disk", "/my disk"),
            ("/my, disk", "\"/my, disk\""),
            ("/a]", "\"/a]\""),
            ("[x", "\"[x\""),
            ("a\"b,", "\"a\\\"b,\""),
        ] {
            assert_eq!(as_parameter(name), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_not(answer in ".{0,200}") {
            let _ = read_list(PartKind::Mount, &answer);
        }

        #[test]
        fn any_names_become_few_and_harmless(names in prop::collection::vec(".{0,20}", 0..100)) {
            let entries: Vec<_> =
                names.iter().map(|name| serde_json::json!({"{#IFNAME}": name})).collect();
            let list = serde_json::to_string(&entries).unwrap();
            let found = read_list(PartKind::Interface, &list).unwrap();
            prop_assert!(found.names.len() <= 32);
            prop_assert!(found.names.iter().all(|name| !name.chars().any(char::is_control)));
        }
    }
}
