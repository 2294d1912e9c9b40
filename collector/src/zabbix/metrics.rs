//! The one table from item keys to our metrics.
//!
//! Templates differ in how they spell the same thing: memory in use as a percentage, as what is
//! still available, in bytes. Each line here reads one spelling. Where a host has several for one
//! series, the one that stands first counts. Shares are 0 to 1, sizes are bytes, rates per second.
//!
//! One more metric is one more line in [`TABLE`].

use model::metric::{
    CONNECTION_COUNT, CPU_UTILIZATION, LOAD1_PER_CORE, MEMORY_USAGE_BYTES, PROCESS_COUNT,
    UPTIME_SECONDS,
};
use model::series::{Labels, METRIC_NAME};

use super::key::Key;

/// The item that tells how many cores a host has.
pub const CORES_KEY: &str = "system.cpu.num";

/// One spelling of one metric.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The key's name, and what each parameter may be; those left out must be empty.
    key: &'static str,
    params: &'static [Param],
    /// The unit the item must have; None if it does not matter.
    units: Option<&'static [&'static str]>,
    metric: &'static str,
    labels: &'static [(&'static str, Label)],
    scale: Scale,
}

#[derive(Clone, Copy, Debug)]
enum Param {
    Is(&'static [&'static str]),
    /// Anything but nothing.
    Any,
}

#[derive(Clone, Copy, Debug)]
enum Label {
    Const(&'static str),
    Param(usize),
}

/// What is done to Zabbix's number to make it ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    Times(f64),
    /// A percentage of what is left becomes the share in use.
    LeftPercent,
    /// Divided by the number of cores, where that is known.
    PerCore,
}

const PERCENT: Scale = Scale::Times(0.01);
const AS_IS: Scale = Scale::Times(1.0);
const MOUNT: (&str, Label) = ("system_filesystem_mountpoint", Label::Param(0));
const DEVICE: (&str, Label) = ("system_device", Label::Param(0));
const INTERFACE: (&str, Label) = ("network_interface_name", Label::Param(0));
const RECEIVE: &[(&str, Label)] = &[INTERFACE, ("network_io_direction", Label::Const("receive"))];
const TRANSMIT: &[(&str, Label)] = &[INTERFACE, ("network_io_direction", Label::Const("transmit"))];
const BITS: Option<&[&str]> = Some(&["bps"]);
const BYTES_RATE: Option<&[&str]> = Some(&["Bps"]);
const BYTES: Option<&[&str]> = Some(&["B", ""]);
const IO_RATE: &str = "system_network_io_bytes_per_second";
const IO_TOTAL: &str = "system_network_io_bytes_total";
const ONE_MINUTE: Param = Param::Is(&["avg1", ""]);

use Param::{Any, Is};

/// Of two that give the same series, the first counts.
#[rustfmt::skip]
pub const TABLE: &[Spelling] = &[
    s("system.cpu.load", &[Is(&["percpu"]), ONE_MINUTE], LOAD1_PER_CORE, AS_IS),
    s("system.cpu.load", &[Is(&["all", ""]), ONE_MINUTE], LOAD1_PER_CORE, Scale::PerCore),
    s("system.cpu.load", &[Is(&["all", ""]), ONE_MINUTE], "load1", AS_IS),
    s("system.cpu.util", &[Is(&[""]), Is(&["idle"])], CPU_UTILIZATION, Scale::LeftPercent),
    // In the templates the sum of all that is not idle. An agent of Linux that is asked for this
    // very key tells the user's part alone, which is why `idle` stands first.
    s("system.cpu.util", &[], CPU_UTILIZATION, PERCENT),
    s("system.cpu.util", &[Is(&[""]), Is(&["iowait"])], "system_cpu_mode_utilization", PERCENT).with(&[("cpu_mode", Label::Const("iowait"))]),
    s("system.cpu.util", &[Is(&[""]), Is(&["steal"])], "system_cpu_mode_utilization", PERCENT).with(&[("cpu_mode", Label::Const("steal"))]),
    s("vm.memory.size", &[Is(&["used"])], MEMORY_USAGE_BYTES, AS_IS),
    s("vm.memory.size", &[Is(&["available"])], "system_memory_available_bytes", AS_IS),
    s("vm.memory.size", &[Is(&["total", ""])], "system_memory_limit_bytes", AS_IS),
    s("vm.memory.utilization", &[], "system_memory_utilization", PERCENT),
    s("vm.memory.util", &[], "system_memory_utilization", PERCENT),
    s("vm.memory.size", &[Is(&["pavailable"])], "system_memory_utilization", Scale::LeftPercent),
    s("system.swap.size", &[Is(&["", "all"]), Is(&["pfree"])], "system_paging_utilization", Scale::LeftPercent),
    s("vfs.fs.size", &[Any, Is(&["pused"])], "system_filesystem_utilization", PERCENT).with(&[MOUNT]),
    s("vfs.fs.dependent.size", &[Any, Is(&["pused"])], "system_filesystem_utilization", PERCENT).with(&[MOUNT]),
    s("vfs.fs.size", &[Any, Is(&["pfree"])], "system_filesystem_utilization", Scale::LeftPercent).with(&[MOUNT]),
    s("vfs.fs.size", &[Any, Is(&["used"])], "system_filesystem_usage_bytes", AS_IS).with(&[MOUNT]),
    s("vfs.fs.dependent.size", &[Any, Is(&["used"])], "system_filesystem_usage_bytes", AS_IS).with(&[MOUNT]),
    s("vfs.fs.size", &[Any, Is(&["total", ""])], "system_filesystem_limit_bytes", AS_IS).with(&[MOUNT]),
    s("vfs.fs.dependent.size", &[Any, Is(&["total"])], "system_filesystem_limit_bytes", AS_IS).with(&[MOUNT]),
    s("vfs.fs.inode", &[Any, Is(&["pused"])], "system_filesystem_inode_utilization", PERCENT).with(&[MOUNT]),
    s("vfs.fs.inode", &[Any, Is(&["pfree"])], "system_filesystem_inode_utilization", Scale::LeftPercent).with(&[MOUNT]),
    s("vfs.fs.dependent.inode", &[Any, Is(&["pfree"])], "system_filesystem_inode_utilization", Scale::LeftPercent).with(&[MOUNT]),
    s("vfs.dev.util", &[Any], "system_disk_utilization", PERCENT).with(&[DEVICE]),
    s("net.if.in", &[Any, Is(&["bytes", ""])], IO_RATE, Scale::Times(0.125)).with(RECEIVE).unit(BITS),
    s("net.if.in", &[Any, Is(&["bytes", ""])], IO_RATE, AS_IS).with(RECEIVE).unit(BYTES_RATE),
    s("net.if.in", &[Any, Is(&["bytes", ""])], IO_TOTAL, AS_IS).with(RECEIVE).unit(BYTES),
    s("net.if.out", &[Any, Is(&["bytes", ""])], IO_RATE, Scale::Times(0.125)).with(TRANSMIT).unit(BITS),
    s("net.if.out", &[Any, Is(&["bytes", ""])], IO_RATE, AS_IS).with(TRANSMIT).unit(BYTES_RATE),
    s("net.if.out", &[Any, Is(&["bytes", ""])], IO_TOTAL, AS_IS).with(TRANSMIT).unit(BYTES),
    s("net.tcp.socket.count", &[Is(&[""]), Is(&[""]), Is(&[""]), Is(&[""]), Is(&["established"])], CONNECTION_COUNT, AS_IS),
    s("proc.num", &[], PROCESS_COUNT, AS_IS),
    s("system.uptime", &[], UPTIME_SECONDS, AS_IS),
];

const fn s(
    key: &'static str,
    params: &'static [Param],
    metric: &'static str,
    scale: Scale,
) -> Spelling {
    Spelling { key, params, units: None, metric, labels: &[], scale }
}

impl Spelling {
    const fn with(self, labels: &'static [(&'static str, Label)]) -> Self {
        Self { labels, ..self }
    }

    const fn unit(self, units: Option<&'static [&'static str]>) -> Self {
        Self { units, ..self }
    }

    fn fits(&self, key: &Key, units: &str) -> bool {
        let extra = key.params.len().max(self.params.len());
        let params_fit = (0..extra).all(|at| match self.params.get(at) {
            Some(Param::Is(texts)) => texts.contains(&key.param(at)),
            Some(Param::Any) => !key.param(at).is_empty(),
            None => key.param(at).is_empty(),
        });
        key.name == self.key
            && params_fit
            && self.units.is_none_or(|known| known.contains(&units.trim_start_matches('!')))
    }

    fn labels_of(&self, key: &Key) -> Labels {
        let own = self.labels.iter().map(|(name, label)| match label {
            Label::Const(text) => (*name, (*text).to_owned()),
            Label::Param(at) => (*name, crate::text::clean(key.param(*at), 128)),
        });
        Labels::of(own.chain([(METRIC_NAME, self.metric.to_owned())]))
    }
}

impl Scale {
    /// Our number; none where the cores are not known.
    pub fn apply(self, value: f64, cores: Option<f64>) -> Option<f64> {
        match self {
            Self::Times(factor) => Some(value * factor),
            Self::LeftPercent => Some(1.0 - value / 100.0),
            Self::PerCore => cores.filter(|cores| *cores >= 1.0).map(|cores| value / cores),
        }
    }
}

/// The series that an item gives, each with its place in the table: the lower counts.
pub fn series_of(key: &str, units: &str) -> Vec<(usize, Labels, Scale)> {
    let Some(key) = Key::parse(key) else { return Vec::new() };
    let fitting = TABLE.iter().enumerate().filter(|(_, spelling)| spelling.fits(&key, units));
    fitting.map(|(at, spelling)| (at, spelling.labels_of(&key), spelling.scale)).collect()
}

/// The beginnings of all keys in the table, to search for.
pub fn key_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = TABLE.iter().map(|spelling| spelling.key).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn shown(key: &str, units: &str) -> String {
        let series = series_of(key, units).into_iter().map(|(_, labels, scale)| {
            let value = scale.apply(80.0, Some(4.0)).unwrap_or(f64::NAN);
            format!(" {labels} {value:.4}")
        });
        format!("{key} {units}:{}\n", series.collect::<String>())
    }

    #[test]
    fn common_keys_become_our_metrics() {
        let keys = [
            ("system.cpu.load[percpu,avg1]", ""),
            ("system.cpu.load[all,avg1]", ""),
            ("system.cpu.load", ""),
            ("system.cpu.load[all,avg5]", ""),
            ("system.cpu.util", "%"),
            ("system.cpu.util[]", "%"),
            ("system.cpu.util[,idle]", "%"),
            ("system.cpu.util[,steal]", "%"),
            ("system.cpu.util[0,idle]", "%"),
            ("vm.memory.utilization", "%"),
            ("vm.memory.size[pavailable]", "%"),
            ("vm.memory.size[used]", "B"),
            ("system.swap.size[,pfree]", "%"),
            ("vfs.fs.size[/,pused]", "%"),
            ("vfs.fs.size[\"/var/lib\",pfree]", "%"),
            ("vfs.fs.dependent.size[/,pused]", "%"),
            ("vfs.fs.inode[/,pfree]", "%"),
            ("vfs.dev.util[vda]", "%"),
            ("net.if.in[eth0]", "bps"),
            ("net.if.out[\"eth0\",bytes]", "Bps"),
            ("net.if.in[eth0]", "B"),
            ("net.if.in[eth0,errors]", "bps"),
            ("net.tcp.socket.count[,,,,established]", ""),
            ("proc.num[]", ""),
            ("proc.num[nginx]", ""),
            ("system.uptime", "uptime"),
            ("net.if.in[eth0", "bps"),
        ];
        let told: String = keys.iter().map(|(key, units)| shown(key, units)).collect();
        expect![[r#"
            system.cpu.load[percpu,avg1] : load1_per_core 80.0000
            system.cpu.load[all,avg1] : load1_per_core 20.0000 load1 80.0000
            system.cpu.load : load1_per_core 20.0000 load1 80.0000
            system.cpu.load[all,avg5] :
            system.cpu.util %: system_cpu_utilization 0.8000
            system.cpu.util[] %: system_cpu_utilization 0.8000
            system.cpu.util[,idle] %: system_cpu_utilization 0.2000
            system.cpu.util[,steal] %: system_cpu_mode_utilization{cpu_mode="steal"} 0.8000
            system.cpu.util[0,idle] %:
            vm.memory.utilization %: system_memory_utilization 0.8000
            vm.memory.size[pavailable] %: system_memory_utilization 0.2000
            vm.memory.size[used] B: system_memory_usage_bytes 80.0000
            system.swap.size[,pfree] %: system_paging_utilization 0.2000
            vfs.fs.size[/,pused] %: system_filesystem_utilization{system_filesystem_mountpoint="/"} 0.8000
            vfs.fs.size["/var/lib",pfree] %: system_filesystem_utilization{system_filesystem_mountpoint="/var/lib"} 0.2000
            vfs.fs.dependent.size[/,pused] %: system_filesystem_utilization{system_filesystem_mountpoint="/"} 0.8000
            vfs.fs.inode[/,pfree] %: system_filesystem_inode_utilization{system_filesystem_mountpoint="/"} 0.2000
            vfs.dev.util[vda] %: system_disk_utilization{system_device="vda"} 0.8000
            net.if.in[eth0] bps: system_network_io_bytes_per_second{network_interface_name="eth0",network_io_direction="receive"} 10.0000
            net.if.out["eth0",bytes] Bps: system_network_io_bytes_per_second{network_interface_name="eth0",network_io_direction="transmit"} 80.0000
            net.if.in[eth0] B: system_network_io_bytes_total{network_interface_name="eth0",network_io_direction="receive"} 80.0000
            net.if.in[eth0,errors] bps:
            net.tcp.socket.count[,,,,established] : system_network_connection_count 80.0000
            proc.num[] : system_process_count 80.0000
            proc.num[nginx] :
            system.uptime uptime: system_uptime_seconds 80.0000
            net.if.in[eth0 bps:
        "#]].assert_eq(&told);
    }

    #[test]
    fn without_cores_there_is_no_load_per_core() {
        assert_eq!(Scale::PerCore.apply(4.0, None), None);
        assert_eq!(Scale::PerCore.apply(4.0, Some(0.0)), None);
        assert_eq!(Scale::PerCore.apply(4.0, Some(8.0)), Some(0.5));
    }

    #[test]
    fn the_agent_that_we_ask_ourselves_gives_the_same_names() {
        for metric in model::metric::TABLE {
            let series = series_of(metric.zabbix_key, "B");
            let mut same = series.iter().filter(|(_, labels, _)| *labels == metric.series("{}"));
            let Some((_, _, scale)) = same.next() else {
                let is_read =
                    series.iter().any(|(_, labels, _)| labels.get(METRIC_NAME) == metric.name);
                assert!(!is_read, "{} has other labels", metric.zabbix_key);
                continue; // Not all that agents tell is read from a server.
            };
            let ours = scale.apply(25.0, None).unwrap();
            assert!((ours - metric.from_agent(25.0)).abs() < 1e-9, "{}", metric.zabbix_key);
        }
    }
}
