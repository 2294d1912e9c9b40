//! The few files of `/proc` that no crate reads sparingly enough, and the units of the others.
//!
//! A machine under load has tens of thousands of connections, most of them waiting to be
//! forgotten; they are read line by line and only the established ones are looked at.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use procfs::{Current, ProcResult, Uptime};

const ESTABLISHED: &str = "01";

/// Ticks since boot: the clock by which the kernel says when a process started.
pub(super) fn ticks_since_boot() -> ProcResult<u64> {
    Ok((Uptime::current()?.uptime * procfs::ticks_per_second() as f64) as u64)
}

/// The socket inodes of the established TCP connections of the network that `process` (a folder
/// of `/proc`) sees.
pub(super) fn established(process: &Path) -> io::Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
    for table in ["net/tcp", "net/tcp6"] {
        match File::open(process.join(table)) {
            Ok(file) => collect_established(BufReader::new(file), &mut inodes)?,
            Err(error) if error.kind() == ErrorKind::NotFound => (), // A machine without IPv6.
            Err(error) => return Err(error),
        }
    }
    Ok(inodes)
}

fn collect_established(mut table: impl BufRead, inodes: &mut BTreeSet<u64>) -> io::Result<()> {
    let mut line = String::new();
    while table.read_line(&mut line)? > 0 {
        let mut columns = line.split_ascii_whitespace();
        if columns.nth(3) == Some(ESTABLISHED) {
            inodes.extend(columns.nth(5).and_then(|inode| inode.parse::<u64>().ok()));
        }
        line.clear();
    }
    Ok(())
}

/// The inodes of the sockets that `process` (a folder of `/proc`) holds open; none if it is gone.
pub(super) fn sockets(process: &Path) -> BTreeSet<u64> {
    let Ok(entries) = std::fs::read_dir(process.join("fd")) else { return BTreeSet::new() };
    entries.flatten().filter_map(|entry| socket_inode(&entry.path())).collect()
}

/// A descriptor of a socket is a link to `socket:[inode]`.
fn socket_inode(descriptor: &Path) -> Option<u64> {
    let link = std::fs::read_link(descriptor).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_established_connections_are_taken_from_the_table() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1134 1
   1: 0100007F:07E8 0100007F:B2C4 01 00000000:00000000 00:00000000 00000000     0        0 2211 1
   2: 0100007F:07E8 0100007F:B2C6 06 00000000:00000000 03:000017CC 00000000     0        0 0 3
   3: 0100007F:07E8
";
        let mut inodes = BTreeSet::new();
        collect_established(table.as_bytes(), &mut inodes).unwrap();
        assert_eq!(inodes, BTreeSet::from([2211]));
    }

    #[test]
    fn an_open_connection_of_this_process_is_found_in_both_places() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let myself = Path::new("/proc/self");
        let both = &established(myself).unwrap() & &sockets(myself);
        drop((stream, accepted));
        assert!(both.len() >= 2, "{both:?}");
    }
}
