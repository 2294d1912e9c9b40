//! The one table of metric names: ours, the Zabbix item key, and what it means.
//!
//! Names follow the OpenTelemetry semantic conventions in Prometheus spelling where one exists.
//! A metric that is not in this table is asked of no agent.
//!
//! Three sorts stand in it. What is told of the whole machine and has no label goes into a
//! [`crate::sample::Frame`], and policies may name it. What splits such a figure (a state, a
//! mode) has labels, and a name of its own, so that no sum counts twice. What is told of each
//! part of the machine (a mount point, a device, an interface) has `{}` in its key, for a name
//! that must be discovered first.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::series::{Labels, METRIC_NAME};

/// Load per core, exponential mean over the last minute (over ten seconds in the demo). It is
/// what policies compare with their thresholds.
pub const LOAD1_PER_CORE: &str = "load1_per_core";
pub const CPU_UTILIZATION: &str = "system_cpu_utilization";
pub const MEMORY_USAGE_BYTES: &str = "system_memory_usage_bytes";
pub const PROCESS_COUNT: &str = "system_process_count";
pub const THREAD_COUNT: &str = "system_thread_count";
pub const CONNECTION_COUNT: &str = "system_network_connection_count";
pub const UPTIME_SECONDS: &str = "system_uptime_seconds";

/// Labels that name a part.
pub const MOUNT_LABEL: &str = "system_filesystem_mountpoint";
pub const DEVICE_LABEL: &str = "system_device";
pub const INTERFACE_LABEL: &str = "network_interface_name";

/// One metric, in the words of each side.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    /// What tells it from others of the same name, beside its part.
    pub labels: &'static [(&'static str, &'static str)],
    pub of: Of,
    /// The item key that a Zabbix agent is asked for; `{}` stands for the name of a part.
    pub zabbix_key: &'static str,
    pub pick: Pick,
    pub scale: Scale,
    pub beat: Beat,
    pub unit: &'static str,
    pub help: &'static str,
}

/// Of what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Machine,
    Each(PartKind),
}

/// A machine has several of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    Mount,
    Device,
    Interface,
}

/// Where in an agent's answer the number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    Whole,
    /// Words are parted by blanks and slashes, and counted from 0.
    Word(usize),
}

/// What is done to the agent's number to make it ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    Times(f64),
    /// A percentage of what is left becomes the share in use.
    LeftPercent,
}

/// How often it is worth asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    Poll,
    Minute,
}

const fn of(of: Of, name: &'static str, zabbix_key: &'static str, unit: &'static str) -> Metric {
    let (pick, scale, beat) = (Pick::Whole, Scale::Times(1.0), Beat::Minute);
    Metric { name, labels: &[], of, zabbix_key, pick, scale, beat, unit, help: "" }
}

/// Policies may name it, so it is as fresh as can be.
const fn whole(name: &'static str, zabbix_key: &'static str, unit: &'static str) -> Metric {
    of(Of::Machine, name, zabbix_key, unit).polled()
}

const fn mode(labels: &'static [(&'static str, &'static str)], key: &'static str) -> Metric {
    let name = "system_cpu_mode_utilization";
    let metric = of(Of::Machine, name, key, "1").times(0.01).with(labels);
    metric.help("share of all cores' time in one mode, 0 to 1")
}

const fn state(labels: &'static [(&'static str, &'static str)], key: &'static str) -> Metric {
    let name = "system_network_connection_state_count";
    of(Of::Machine, name, key, "{connection}").with(labels).help("TCP sockets in one state")
}

const fn mount(name: &'static str, zabbix_key: &'static str, unit: &'static str) -> Metric {
    of(Of::Each(PartKind::Mount), name, zabbix_key, unit)
}

/// A word of the kernel's statistics of one disk, which are asked for at once.
const fn disk(name: &'static str, word: usize, unit: &'static str) -> Metric {
    let key = "vfs.file.contents[/sys/block/{}/stat]";
    of(Of::Each(PartKind::Device), name, key, unit).word(word).polled()
}

const fn net(name: &'static str, zabbix_key: &'static str, unit: &'static str) -> Metric {
    of(Of::Each(PartKind::Interface), name, zabbix_key, unit)
}

const READ: &[(&str, &str)] = &[("disk_io_direction", "read")];
const WRITE: &[(&str, &str)] = &[("disk_io_direction", "write")];
const RECEIVE: &[(&str, &str)] = &[("network_io_direction", "receive")];
const TRANSMIT: &[(&str, &str)] = &[("network_io_direction", "transmit")];
/// The kernel counts sectors of this size, whatever the disk's own are.
const SECTOR_BYTES: f64 = 512.0;
const MILLISECOND: f64 = 0.001;

const DISK_BYTES: &str = "system_disk_io_bytes_total";
const DISK_OPERATIONS: &str = "system_disk_operations_total";
const DISK_OPERATION_TIME: &str = "system_disk_operation_time_seconds_total";
const NET_BYTES: &str = "system_network_io_bytes_total";
const NET_PACKETS: &str = "system_network_packet_count_total";
const NET_ERRORS: &str = "system_network_errors_total";
const NET_DROPPED: &str = "system_network_packet_dropped_total";

/// In the order in which an agent is asked. Names that end in `_total` only grow until a restart.
#[rustfmt::skip]
pub const TABLE: &[Metric] = &[
    whole(LOAD1_PER_CORE, "system.cpu.load[percpu,avg1]", "1").help("load per core, exponential mean over one minute"),
    whole(CPU_UTILIZATION, "system.cpu.util[,idle]", "1").left().help("busy share of all cores, 0 to 1"),
    whole(MEMORY_USAGE_BYTES, "vm.memory.size[used]", "By").help("memory in use, with the page cache"),
    whole("system_memory_utilization", "vm.memory.size[pavailable]", "1").left().help("share of memory that programs cannot get, 0 to 1"),
    whole(CONNECTION_COUNT, "net.tcp.socket.count[,,,,established]", "{connection}").help("established TCP connections"),
    whole(UPTIME_SECONDS, "system.uptime", "s").help("time since boot"),

    whole("load1", "system.cpu.load[all,avg1]", "1").help("load, exponential mean over one minute"),
    whole("load5", "system.cpu.load[all,avg5]", "1").help("load, exponential mean over five minutes"),
    whole("load15", "system.cpu.load[all,avg15]", "1").help("load, exponential mean over fifteen minutes"),
    whole("load5_per_core", "system.cpu.load[percpu,avg5]", "1").help("load per core, exponential mean over five minutes"),
    whole("load15_per_core", "system.cpu.load[percpu,avg15]", "1").help("load per core, exponential mean over fifteen minutes"),
    whole("system_cpu_logical_count", "system.cpu.num", "{cpu}").help("cores"),
    whole("system_memory_available_bytes", "vm.memory.size[available]", "By").help("memory that programs can still get"),
    whole("system_memory_limit_bytes", "vm.memory.size[total]", "By").help("memory in all"),
    whole("system_paging_usage_bytes", "system.swap.size[,used]", "By").help("swap in use"),
    whole("system_paging_utilization", "system.swap.size[,pused]", "1").times(0.01).help("share of swap in use, 0 to 1"),
    whole(PROCESS_COUNT, "proc.num[]", "{process}").help("processes"),
    whole(THREAD_COUNT, "vfs.file.contents[/proc/loadavg]", "{thread}").word(4).help("threads of all processes"),
    whole("system_boot_time_seconds", "system.boottime", "s").help("when it was booted, since the epoch"),

    mode(&[("cpu_mode", "user")], "system.cpu.util[,user]"),
    mode(&[("cpu_mode", "system")], "system.cpu.util[,system]"),
    mode(&[("cpu_mode", "iowait")], "system.cpu.util[,iowait]"),
    mode(&[("cpu_mode", "steal")], "system.cpu.util[,steal]"),

    state(&[("network_connection_state", "established")], "net.tcp.socket.count[,,,,established]"),
    state(&[("network_connection_state", "syn_sent")], "net.tcp.socket.count[,,,,syn_sent]"),
    state(&[("network_connection_state", "syn_received")], "net.tcp.socket.count[,,,,syn_recv]"),
    state(&[("network_connection_state", "fin_wait_1")], "net.tcp.socket.count[,,,,fin_wait1]"),
    state(&[("network_connection_state", "fin_wait_2")], "net.tcp.socket.count[,,,,fin_wait2]"),
    state(&[("network_connection_state", "time_wait")], "net.tcp.socket.count[,,,,time_wait]"),
    state(&[("network_connection_state", "close_wait")], "net.tcp.socket.count[,,,,close_wait]"),
    state(&[("network_connection_state", "last_ack")], "net.tcp.socket.count[,,,,last_ack]"),
    state(&[("network_connection_state", "listen")], "net.tcp.socket.count[,,,,listen]"),
    state(&[("network_connection_state", "closing")], "net.tcp.socket.count[,,,,closing]"),

    mount("system_filesystem_utilization", "vfs.fs.size[{},pused]", "1").times(0.01).help("share of the space in use, 0 to 1"),
    mount("system_filesystem_usage_bytes", "vfs.fs.size[{},used]", "By").help("space in use"),
    mount("system_filesystem_limit_bytes", "vfs.fs.size[{},total]", "By").help("space in all"),
    mount("system_filesystem_inode_utilization", "vfs.fs.inode[{},pfree]", "1").left().help("share of the inodes in use, 0 to 1"),

    disk(DISK_BYTES, 2, "By").with(READ).times(SECTOR_BYTES).help("bytes read or written"),
    disk(DISK_BYTES, 6, "By").with(WRITE).times(SECTOR_BYTES).help("bytes read or written"),
    disk(DISK_OPERATIONS, 0, "{operation}").with(READ).help("reads or writes that have ended"),
    disk(DISK_OPERATIONS, 4, "{operation}").with(WRITE).help("reads or writes that have ended"),
    disk(DISK_OPERATION_TIME, 3, "s").with(READ).times(MILLISECOND).help("time that reads or writes took, summed up"),
    disk(DISK_OPERATION_TIME, 7, "s").with(WRITE).times(MILLISECOND).help("time that reads or writes took, summed up"),
    disk("system_disk_io_time_seconds_total", 9, "s").times(MILLISECOND).help("time in which the disk was busy: its rate is the utilisation"),
    of(Of::Each(PartKind::Device), "system_disk_utilization", "vfs.dev.util[{}]", "1").times(0.01).help("share of time in which the disk was busy; our own agent tells it"),

    net(NET_BYTES, "net.if.in[{}]", "By").with(RECEIVE).polled().help("bytes received or sent"),
    net(NET_BYTES, "net.if.out[{}]", "By").with(TRANSMIT).polled().help("bytes received or sent"),
    net(NET_PACKETS, "net.if.in[{},packets]", "{packet}").with(RECEIVE).help("packets received or sent"),
    net(NET_PACKETS, "net.if.out[{},packets]", "{packet}").with(TRANSMIT).help("packets received or sent"),
    net(NET_ERRORS, "net.if.in[{},errors]", "{error}").with(RECEIVE).help("packets with errors"),
    net(NET_ERRORS, "net.if.out[{},errors]", "{error}").with(TRANSMIT).help("packets with errors"),
    net(NET_DROPPED, "net.if.in[{},dropped]", "{packet}").with(RECEIVE).help("packets dropped"),
    net(NET_DROPPED, "net.if.out[{},dropped]", "{packet}").with(TRANSMIT).help("packets dropped"),
];

impl PartKind {
    pub const ALL: [Self; 3] = [Self::Mount, Self::Device, Self::Interface];

    /// The item key that lists the names of all such parts, as JSON.
    pub fn discovery_key(self) -> &'static str {
        match self {
            Self::Mount => "vfs.fs.discovery",
            Self::Device => "vfs.dev.discovery",
            Self::Interface => "net.if.discovery",
        }
    }

    /// The label that bears a part's name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Mount => MOUNT_LABEL,
            Self::Device => DEVICE_LABEL,
            Self::Interface => INTERFACE_LABEL,
        }
    }
}

/// For people: "mount point", "device", "interface".
impl fmt::Display for PartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mount => "mount point",
            Self::Device => "device",
            Self::Interface => "interface",
        })
    }
}

impl Metric {
    const fn with(self, labels: &'static [(&'static str, &'static str)]) -> Self {
        Self { labels, ..self }
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    const fn times(self, factor: f64) -> Self {
        Self { scale: Scale::Times(factor), ..self }
    }

    const fn left(self) -> Self {
        Self { scale: Scale::LeftPercent, ..self }
    }

    const fn word(self, at: usize) -> Self {
        Self { pick: Pick::Word(at), ..self }
    }

    const fn polled(self) -> Self {
        Self { beat: Beat::Poll, ..self }
    }

    /// Whether it goes into a frame: it tells of the whole machine, without a label.
    pub fn is_whole(&self) -> bool {
        self.of == Of::Machine && self.labels.is_empty()
    }

    /// The key for one part, whose name must be quoted where Zabbix wants it so.
    pub fn key_of(&self, part: &str) -> String {
        self.zabbix_key.replace("{}", part)
    }

    /// The series of one part; for a figure of the machine `part` is not looked at.
    pub fn series(&self, part: &str) -> Labels {
        let own = self.labels.iter().copied();
        let part = match self.of {
            Of::Machine => None,
            Of::Each(kind) => Some((kind.label(), part)),
        };
        Labels::of(own.chain(part).chain([(METRIC_NAME, self.name)]))
    }

    /// Our number out of an agent's answer; None if there is no finite number in it.
    pub fn read(&self, answer: &str) -> Option<f64> {
        let text = match self.pick {
            Pick::Whole => answer.trim(),
            Pick::Word(at) => {
                answer.split([' ', '\t', '\n', '/']).filter(|w| !w.is_empty()).nth(at)?
            }
        };
        let ours = self.from_agent(text.parse().ok()?);
        ours.is_finite().then_some(ours)
    }

    /// Turns the agent's number into ours.
    pub fn from_agent(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Times(factor) => value * factor,
            Scale::LeftPercent => 1.0 - value * 0.01,
        }
    }

    /// Turns our number into what a Zabbix agent would answer.
    pub fn to_agent(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Times(factor) => value / factor,
            Scale::LeftPercent => (1.0 - value) * 100.0,
        }
    }
}

/// Those of the whole machine, which frames hold and policies may name.
pub fn whole_machine() -> impl Iterator<Item = &'static Metric> {
    TABLE.iter().filter(|metric| metric.is_whole())
}

/// Looks a metric of the whole machine up by our name.
pub fn by_name(name: &str) -> Option<&'static Metric> {
    whole_machine().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_metric_survives_the_way_to_an_agent_and_back() {
        for metric in TABLE {
            assert!((metric.from_agent(metric.to_agent(0.25)) - 0.25).abs() < 1e-9, "{metric:?}");
        }
    }

    #[test]
    fn idle_percent_becomes_the_busy_share() {
        let cpu = by_name(CPU_UTILIZATION).unwrap();
        assert!((cpu.from_agent(75.0) - 0.25).abs() < 1e-9);
        assert_eq!(cpu.read(" 75.000000\n"), Some(0.25));
        for no_number in ["", "idle", "nan", "1e999", "75 %"] {
            assert_eq!(cpu.read(no_number), None, "{no_number}");
        }
    }

    #[test]
    fn a_number_is_picked_out_of_a_file_of_the_kernel() {
        let threads = by_name(THREAD_COUNT).unwrap();
        assert_eq!(threads.read("0.20 0.18 0.12 1/80 11206\n"), Some(80.0));
        assert_eq!(threads.read("0.20 0.18"), None);
        let stat = " 2234933   136941 173272186  3512705  1549338   437341 158914824   923694";
        let found = |labels| {
            let mut disks = TABLE.iter().filter(|metric| metric.name == DISK_BYTES);
            disks.find(|metric| metric.labels == labels).unwrap().read(stat)
        };
        assert_eq!(found(READ), Some(173_272_186.0 * 512.0));
        assert_eq!(found(WRITE), Some(158_914_824.0 * 512.0));
    }

    #[test]
    fn no_two_metrics_give_the_same_series_and_each_is_explained() {
        let series: BTreeSet<String> =
            TABLE.iter().map(|metric| metric.series("x").to_string()).collect();
        assert_eq!(series.len(), TABLE.len());
        assert!(
            series.contains(r#"system_filesystem_utilization{system_filesystem_mountpoint="x"}"#)
        );
        for metric in TABLE {
            assert!(!metric.help.is_empty() && !metric.unit.is_empty(), "{metric:?}");
            let is_part = metric.zabbix_key.contains("{}");
            assert_eq!(is_part, metric.of != Of::Machine, "{metric:?}");
        }
    }

    #[test]
    fn a_metric_with_labels_is_none_that_a_policy_can_name() {
        assert!(by_name("load5").is_some());
        assert!(by_name("system_cpu_mode_utilization").is_none());
        assert!(by_name("system_filesystem_utilization").is_none());
    }
}
