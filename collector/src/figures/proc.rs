//! The few files of `/proc` that no crate reads sparingly enough, and the units of the others.
//!
//! A machine under load has tens of thousands of connections, most of them waiting to be
//! forgotten; they are read line by line, and no more of each is looked at than its state and its
//! number.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use procfs::{Current, ProcResult, Uptime};

const ESTABLISHED: &str = "01";

/// As Zabbix spells them, in the order of the kernel's numbers for them, which begin at 1.
pub(super) const TCP_STATES: [&str; 11] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

/// Ticks since boot: the clock by which the kernel says when a process started.
pub(super) fn ticks_since_boot() -> ProcResult<u64> {
    Ok((Uptime::current()?.uptime * procfs::ticks_per_second() as f64) as u64)
}

/// How many processes there are.
pub(super) fn count_processes() -> io::Result<usize> {
    let is_process = |name: &OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let entries = std::fs::read_dir("/proc")?.flatten();
    Ok(entries.filter(|entry| is_process(&entry.file_name())).count())
}

/// How many TCP sockets of the network that `process` (a folder of `/proc`) sees are in each of
/// [`TCP_STATES`].
pub(super) fn tcp_states(process: &Path) -> io::Result<[u64; TCP_STATES.len()]> {
    let mut counts = [0; TCP_STATES.len()];
    for_each_socket(process, |line| {
        if let Some(state) = state_of(line) {
            counts[state] += 1;
        }
    })?;
    Ok(counts)
}

/// The socket inodes of the established TCP connections of the network that `process` (a folder
/// of `/proc`) sees.
pub(super) fn established(process: &Path) -> io::Result<BTreeSet<u64>> {
    let mut inodes = BTreeSet::new();
    for_each_socket(process, |line| inodes.extend(established_inode(line)))?;
    Ok(inodes)
}

fn for_each_socket(process: &Path, mut look: impl FnMut(&str)) -> io::Result<()> {
    for table in ["net/tcp", "net/tcp6"] {
        match File::open(process.join(table)) {
            Ok(file) => for_each_line(BufReader::new(file), &mut look)?,
            Err(error) if error.kind() == ErrorKind::NotFound => (), // A machine without IPv6.
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn for_each_line(mut table: impl BufRead, look: &mut impl FnMut(&str)) -> io::Result<()> {
    let mut line = String::new();
    while table.read_line(&mut line)? > 0 {
        look(&line);
        line.clear();
    }
    Ok(())
}

/// In [`TCP_STATES`].
fn state_of(line: &str) -> Option<usize> {
    let state = line.split_ascii_whitespace().nth(3)?;
    let at = usize::from_str_radix(state, 16).ok()?.checked_sub(1)?;
    (at < TCP_STATES.len()).then_some(at)
}

fn established_inode(line: &str) -> Option<u64> {
    let mut columns = line.split_ascii_whitespace();
    let state = columns.nth(3)?;
    columns.nth(5).filter(|_| state == ESTABLISHED)?.parse().ok()
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
    fn sockets_are_told_apart_by_their_state() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1134 1
   1: 0100007F:07E8 0100007F:B2C4 01 00000000:00000000 00:00000000 00000000     0        0 2211 1
   2: 0100007F:07E8 0100007F:B2C6 06 00000000:00000000 03:000017CC 00000000     0        0 0 3
   3: 0100007F:07E8
";
        let mut seen = Vec::new();
        let look = &mut |line: &str| seen.push((state_of(line), established_inode(line)));
        for_each_line(table.as_bytes(), look).unwrap();
        let named = |(state, inode): (Option<usize>, _)| (state.map(|at| TCP_STATES[at]), inode);
        let seen: Vec<_> = seen.into_iter().map(named).collect();
        let expected = [
            (None, None),
            (Some("listen"), None),
            (Some("established"), Some(2211)),
            (Some("time_wait"), None),
            (None, None),
        ];
        assert_eq!(seen, expected);
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
