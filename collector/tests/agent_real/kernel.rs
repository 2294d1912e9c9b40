//! What the kernel says of this machine, read here a second time and by other means than the
//! agent's: files of `/proc` as text, and `df`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

const DATA_FILE_SYSTEMS: &[&str] = &["btrfs", "ext2", "ext3", "ext4", "vfat", "xfs", "zfs"];
const NO_DISKS: &[&str] = &["fd", "loop", "nbd", "ram", "sr", "zram"];
const NO_WAY_OUT: &[&str] = &["lo", "br-", "docker", "dummy", "ifb", "tunl", "veth"];
const STATES: [&str; 11] = [
    "established",
    "syn_sent",
    "syn_received",
    "fin_wait_1",
    "fin_wait_2",
    "time_wait",
    "closed",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

type Figures = BTreeMap<String, f64>;

/// By the spelling of the series.
pub(crate) fn kernel() -> Figures {
    let mut figures = Figures::new();
    load(&mut figures);
    memory(&mut figures);
    connections(&mut figures);
    mounts(&mut figures);
    disks(&mut figures);
    interfaces(&mut figures);
    figures
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

fn number(word: &str) -> f64 {
    word.parse().unwrap()
}

fn load(figures: &mut Figures) {
    let (stat, loadavg) = (read("/proc/stat"), read("/proc/loadavg"));
    let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    let cores = stat.lines().filter(is_core).count() as f64;
    let words: Vec<&str> = loadavg.split([' ', '/']).collect();
    for (name, word) in ["load1", "load5", "load15"].iter().zip(&words) {
        figures.insert((*name).to_owned(), number(word));
        figures.insert(format!("{name}_per_core"), number(word) / cores);
    }
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime ")).unwrap();
    let is_process = |name: &str| name.parse::<u32>().is_ok();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let processes = processes.filter(|entry| entry.file_name().to_str().is_some_and(is_process));
    figures.extend([
        ("system_cpu_logical_count".to_owned(), cores),
        ("system_thread_count".to_owned(), number(words[4])),
        ("system_process_count".to_owned(), processes.count() as f64),
        ("system_boot_time_seconds".to_owned(), number(booted)),
        (
            "system_uptime_seconds".to_owned(),
            number(read("/proc/uptime").split(' ').next().unwrap()),
        ),
    ]);
}

fn memory(figures: &mut Figures) {
    let text = read("/proc/meminfo");
    let of = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next() == Some(name)).unwrap();
        number(line.split_ascii_whitespace().nth(1).unwrap()) * 1024.0
    };
    let (total, swap) = (of("MemTotal"), of("SwapTotal"));
    let swap_used = swap - of("SwapFree");
    figures.extend([
        ("system_memory_limit_bytes".to_owned(), total),
        ("system_memory_usage_bytes".to_owned(), total - of("MemFree")),
        ("system_memory_available_bytes".to_owned(), of("MemAvailable")),
        ("system_memory_utilization".to_owned(), 1.0 - of("MemAvailable") / total),
        ("system_paging_usage_bytes".to_owned(), swap_used),
        ("system_paging_utilization".to_owned(), if swap > 0.0 { swap_used / swap } else { 0.0 }),
    ]);
}

fn connections(figures: &mut Figures) {
    let mut counts = [0.0; STATES.len()];
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let state = line.split_ascii_whitespace().nth(3).unwrap();
            counts[usize::from_str_radix(state, 16).unwrap() - 1] += 1.0;
        }
    }
    figures.insert("system_network_connection_count".to_owned(), counts[0]);
    for (state, count) in STATES.iter().zip(counts).filter(|(state, _)| **state != "closed") {
        let labels = format!("network_connection_state=\"{state}\"");
        figures.insert(format!("system_network_connection_state_count{{{labels}}}"), count);
    }
}

fn mounts(figures: &mut Figures) {
    let table = read("/proc/mounts");
    for line in table.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (path, kind) = (words[1], words[2]);
        if !DATA_FILE_SYSTEMS.contains(&kind) && (path, kind) != ("/", "overlay") {
            continue;
        }
        let sizes = df(path);
        let [used, available, size, inodes_used, inodes_left] = sizes[..] else { panic!("{path}") };
        let mut put = |name: &str, value| {
            let labels = format!("system_filesystem_mountpoint=\"{path}\"");
            figures.insert(format!("system_filesystem_{name}{{{labels}}}"), value);
        };
        put("usage_bytes", used);
        put("limit_bytes", size);
        put("utilization", used / (used + available));
        if inodes_used + inodes_left > 0.0 {
            put("inode_utilization", inodes_used / (inodes_used + inodes_left));
        }
    }
}

fn df(path: &str) -> Vec<f64> {
    let options = ["-B1", "--output=used,avail,size,iused,iavail", path];
    let told = Command::new("df").args(options).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.lines().nth(1).unwrap().split_ascii_whitespace().map(number).collect()
}

fn disks(figures: &mut Figures) {
    let names = fs::read_dir("/sys/block").unwrap().flatten().map(|entry| entry.file_name());
    for name in names.map(|name| name.into_string().unwrap()) {
        if NO_DISKS.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let words = read(&format!("/sys/block/{name}/stat"));
        let words: Vec<f64> = words.split_ascii_whitespace().map(number).collect();
        for (way, at) in [("read", 0), ("write", 4)] {
            let mut put = |name_of: &str, value| {
                let labels = format!("disk_io_direction=\"{way}\",system_device=\"{name}\"");
                figures.insert(format!("system_disk_{name_of}{{{labels}}}"), value);
            };
            put("operations_total", words[at]);
            put("io_bytes_total", words[at + 2] * 512.0);
            put("operation_time_seconds_total", words[at + 3] / 1000.0);
        }
        let busy = format!("system_disk_io_time_seconds_total{{system_device=\"{name}\"}}");
        figures.insert(busy, words[9] / 1000.0);
    }
}

fn interfaces(figures: &mut Figures) {
    for line in read("/proc/net/dev").lines().skip(2) {
        let (name, counters) = line.split_once(':').unwrap();
        let name = name.trim();
        if NO_WAY_OUT.iter().any(|start| name.starts_with(start)) {
            continue;
        }
        let counters: Vec<f64> = counters.split_ascii_whitespace().map(number).collect();
        for (way, at) in [("receive", 0), ("transmit", 8)] {
            let mut put = |name_of: &str, value| {
                let labels =
                    format!("network_interface_name=\"{name}\",network_io_direction=\"{way}\"");
                figures.insert(format!("system_network_{name_of}_total{{{labels}}}"), value);
            };
            put("io_bytes", counters[at]);
            put("packet_count", counters[at + 1]);
            put("errors", counters[at + 2]);
            put("packet_dropped", counters[at + 3]);
        }
    }
}
