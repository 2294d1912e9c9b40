//! The figures of each mount point, disk and interface, and the lists of them.
//!
//! The lists name what is measured and nothing else, so whoever asks for what they name gets an
//! answer. A part that goes while it is looked at is left out.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use model::metric::PartKind;
use procfs::{MountEntry, ProcResult};
use rustix::fs::{StatVfs, statvfs};
use serde_json::{Value, json};

use super::Readings;
use crate::parts::{as_parameter, holds_data, is_disk};

const BLOCK_DEVICES: &str = "/sys/block";
/// Where in the statistics of a disk the milliseconds stand in which it was busy.
const BUSY_WORD: usize = 9;

/// Space and inodes of what holds data. Where mounts lie on top of each other the topmost is seen.
pub(super) fn tell_mounts(told: &mut Readings) -> ProcResult<()> {
    let mounts = procfs::mounts()?.into_iter().filter(|m| holds_data(&m.fs_file, &m.fs_vfstype));
    let by_path: BTreeMap<String, MountEntry> =
        mounts.map(|mount| (mount.fs_file.clone(), mount)).collect();
    let mut list = Vec::new();
    for (path, mount) in by_path {
        if let Ok(size) = statvfs(&path) {
            tell_mount(told, &as_parameter(&path), &size);
            list.push(json!({ "{#FSNAME}": path, "{#FSTYPE}": mount.fs_vfstype }));
        }
    }
    tell_list(told, PartKind::Mount, list);
    Ok(())
}

/// Statistics as the kernel writes them. Gives back the milliseconds in which each was busy.
pub(super) fn tell_disks(told: &mut Readings) -> ProcResult<BTreeMap<String, u64>> {
    let mut busy = BTreeMap::new();
    let entries = match fs::read_dir(BLOCK_DEVICES) {
        Err(error) if error.kind() == ErrorKind::NotFound => None, // A container sees no disks.
        entries => Some(entries?),
    };
    let names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
    for name in names.filter_map(|name| name.into_string().ok()).filter(|name| is_disk(name)) {
        let path = format!("{BLOCK_DEVICES}/{name}/stat");
        let Ok(statistics) = fs::read_to_string(&path) else { continue };
        let word = statistics.split_ascii_whitespace().nth(BUSY_WORD);
        busy.extend(word.and_then(|word| word.parse().ok()).map(|busy| (name, busy)));
        told.text(&format!("vfs.file.contents[{path}]"), statistics.trim_end().to_owned());
    }
    let list = busy.keys().map(|name| json!({ "{#DEVNAME}": name, "{#DEVTYPE}": "disk" }));
    tell_list(told, PartKind::Device, list.collect());
    Ok(busy)
}

/// Counters of all interfaces, `lo` too.
pub(super) fn tell_interfaces(told: &mut Readings) -> ProcResult<()> {
    let mut list = Vec::new();
    for (name, device) in procfs::net::dev_status()? {
        let counters = [
            ("bytes", device.recv_bytes, device.sent_bytes),
            ("packets", device.recv_packets, device.sent_packets),
            ("errors", device.recv_errs, device.sent_errs),
            ("dropped", device.recv_drop, device.sent_drop),
        ];
        for (what, received, sent) in counters {
            told.text(&format!("net.if.in[{name},{what}]"), received.to_string());
            told.text(&format!("net.if.out[{name},{what}]"), sent.to_string());
        }
        list.push(json!({ "{#IFNAME}": name }));
    }
    tell_list(told, PartKind::Interface, list);
    Ok(())
}

fn tell_list(told: &mut Readings, kind: PartKind, list: Vec<Value>) {
    told.text(kind.discovery_key(), Value::Array(list).to_string());
}

/// What is kept back for root counts as used in the share and not in the bytes, as `df` has it.
fn tell_mount(told: &mut Readings, mount: &str, size: &StatVfs) {
    let used = size.f_blocks.saturating_sub(size.f_bfree);
    let bytes = |blocks: u64| blocks as f64 * size.f_frsize as f64;
    told.number(&format!("vfs.fs.size[{mount},total]"), bytes(size.f_blocks));
    told.number(&format!("vfs.fs.size[{mount},used]"), bytes(used));
    let share = |part: u64, all: u64| part as f64 * 100.0 / all as f64;
    let usable = used + size.f_bavail;
    if usable > 0 {
        told.number(&format!("vfs.fs.size[{mount},pused]"), share(used, usable));
    }
    let inodes = size.f_files.saturating_sub(size.f_ffree) + size.f_favail;
    let key = format!("vfs.fs.inode[{mount},pfree]");
    if inodes > 0 {
        told.number(&key, share(size.f_favail, inodes));
    } else {
        told.lacks(&key, "It does not count inodes.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_tells_what_df_tells() {
        let size = StatVfs {
            f_bsize: 4096,
            f_frsize: 4096,
            f_blocks: 1000,
            f_bfree: 400,
            f_bavail: 200,
            f_files: 100,
            f_ffree: 25,
            f_favail: 25,
            f_fsid: 0,
            f_flag: rustix::fs::StatVfsMountFlags::empty(),
            f_namemax: 255,
        };
        let mut told = Readings::default();
        tell_mount(&mut told, "\"/a, b\"", &size);
        let answers: Vec<String> = told.0.into_values().map(Result::unwrap).collect();
        assert_eq!(answers, ["25", "75", "4096000", "2457600"]);
    }
}
