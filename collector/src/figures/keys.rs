//! The item keys that our own agent knows, and the one spelling under which it keeps each value.
//!
//! Zabbix lets parameters be left out, quoted and spread with blanks: `system.cpu.load`,
//! `system.cpu.load[all]` and `system.cpu.load["all",avg1]` ask for the same. So a value is kept
//! under the fullest spelling, and what is asked for is brought into that.

use crate::zabbix::key::Key;

/// A key's name, and what each parameter is when it is left out.
const KNOWN: &[(&str, &[&str])] = &[
    ("net.if.discovery", &[]),
    ("net.if.in", &["", "bytes"]),
    ("net.if.out", &["", "bytes"]),
    ("net.tcp.socket.count", &["", "", "", "", ""]),
    ("proc.num", &["", "", "", "", ""]),
    ("system.boottime", &[]),
    ("system.cpu.load", &["all", "avg1"]),
    ("system.cpu.num", &["online"]),
    ("system.cpu.util", &["all", "user", "avg1", "logical"]),
    ("system.swap.size", &["all", "free"]),
    ("system.uptime", &[]),
    ("vfs.dev.discovery", &[]),
    ("vfs.dev.util", &[""]),
    ("vfs.file.contents", &["", ""]),
    ("vfs.fs.discovery", &[]),
    ("vfs.fs.inode", &["", "total"]),
    ("vfs.fs.size", &["", "total", "complete"]),
    ("vm.memory.size", &["total"]),
];

/// The fullest spelling of a key; None if nothing is known of such keys.
pub(super) fn fullest(key: &str) -> Option<String> {
    let key = Key::parse(key)?;
    let (name, defaults) = KNOWN.iter().find(|(name, _)| *name == key.name)?;
    let given = key.params.iter().rposition(|param| !param.is_empty()).map_or(0, |at| at + 1);
    if given > defaults.len() {
        return None;
    }
    let param = |(at, default): (usize, &&str)| match key.param(at) {
        "" => (*default).to_owned(),
        given => given.to_owned(),
    };
    let params: Vec<String> = defaults.iter().enumerate().map(param).collect();
    // Kept for looking up alone, so a separator that no parameter holds will do for quotes.
    Some(format!("{name}\0{}", params.join("\0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_key_are_one() {
        for (one, other) in [
            ("system.cpu.load", "system.cpu.load[all,avg1]"),
            ("system.cpu.load[]", "system.cpu.load[ \"all\" , avg1]"),
            ("system.cpu.util[,idle]", "system.cpu.util[all,idle,avg1]"),
            ("vm.memory.size", "vm.memory.size[total]"),
            ("net.if.in[eth0]", "net.if.in[\"eth0\",bytes]"),
            ("proc.num", "proc.num[]"),
            ("system.uptime", "system.uptime[]"),
        ] {
            assert_eq!(fullest(one), fullest(other), "{one} {other}");
            assert!(fullest(one).is_some(), "{one}");
        }
        assert_ne!(fullest("net.if.in[eth0]"), fullest("net.if.in[eth0,packets]"));
    }

    #[test]
    fn what_asks_for_more_than_is_known_is_not_known() {
        for key in ["", "no.such", "system.uptime[x]", "proc.num[", "net.if.in[a,b,c]", "[]"] {
            assert_eq!(fullest(key), None, "{key}");
        }
    }

    #[test]
    fn each_key_of_the_table_is_known() {
        for metric in model::metric::TABLE {
            assert!(fullest(&metric.key_of("x")).is_some(), "{}", metric.zabbix_key);
        }
        for kind in model::metric::PartKind::ALL {
            assert!(fullest(kind.discovery_key()).is_some(), "{kind}");
        }
    }
}
