//! The figures of the whole machine.
//!
//! They mean what `zabbix_agentd` means by the same keys, so that either agent can be asked: shares
//! of CPU time are those of the last minute, idle excludes waiting for disks, memory in use
//! includes the page cache, and load is the kernel's own.
//!
//! A file is told of only where a metric is read from it: this agent opens nothing that it is
//! asked for by name. What is long to read (the table of connections, the mount points) is read
//! at every fifth sample only.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use procfs::{
    CpuTime, Current, CurrentSI, FromRead, KernelStats, LoadAverage, Meminfo, ProcResult, Uptime,
};

use super::meter::Window;
use super::proc::{TCP_STATES, count_processes, tcp_states};
use super::{NOT_YET, Newest, Readings, Sampled, each};
use crate::agent::Figures;

/// At every how many samples the long files are read.
const LONG_EVERY: u32 = 5;
const MINUTE: Duration = Duration::from_secs(60);
const LOADAVG: &str = "/proc/loadavg";

/// Tells of the machine that this process runs on.
#[derive(Debug, Default)]
pub struct MachineFigures {
    newest: Newest,
    state: Mutex<State>,
}

/// What is kept from one sample to the next.
#[derive(Debug)]
struct State {
    samples: u32,
    /// What the long files told.
    long: Readings,
    past: Window<Counters>,
}

/// What only grows, and is told as a share of the time that passed.
#[derive(Clone, Debug, Default)]
struct Counters {
    /// Of all cores, in ticks.
    all: u64,
    by_mode: [u64; 5],
    /// In milliseconds, by device.
    disk_busy: BTreeMap<String, u64>,
}

const MODES: [&str; 5] = ["idle", "user", "system", "iowait", "steal"];

impl Default for State {
    fn default() -> Self {
        Self { samples: 0, long: Readings::default(), past: Window::over(MINUTE) }
    }
}

impl Sampled for MachineFigures {
    fn sample(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.newest.put(read(&mut state).map_err(|error| error.to_string()));
    }
}

impl Figures for MachineFigures {
    fn value(&self, key: &str) -> Result<String, String> {
        self.newest.value(key)
    }
}

fn read(state: &mut State) -> ProcResult<Readings> {
    if state.samples.is_multiple_of(LONG_EVERY) {
        state.long = read_long()?;
    }
    state.samples = state.samples.wrapping_add(1);
    let mut told = state.long.clone();
    let (stats, uptime) = (KernelStats::current()?, Uptime::current()?.uptime);
    tell_load(&mut told, stats.cpu_time.len().max(1))?;
    tell_memory(&mut told, &Meminfo::current()?);
    told.number("system.uptime", uptime.floor());
    told.number("system.boottime", stats.btime as f64);
    told.number("proc.num", count_processes()? as f64);
    each::tell_interfaces(&mut told)?;
    let disk_busy = each::tell_disks(&mut told)?;
    let now = Counters::of(&stats.total, disk_busy);
    let before = state.past.feed(Duration::from_secs_f64(uptime.max(0.0)), now.clone());
    tell_shares(&mut told, before.as_ref(), &now);
    Ok(told)
}

fn read_long() -> ProcResult<Readings> {
    let mut told = Readings::default();
    let counts = tcp_states(Path::new("/proc/self"))?;
    for (state, count) in TCP_STATES.iter().zip(counts) {
        told.number(&format!("net.tcp.socket.count[,,,,{state}]"), count as f64);
    }
    each::tell_mounts(&mut told)?;
    Ok(told)
}

fn tell_load(told: &mut Readings, cores: usize) -> ProcResult<()> {
    let text = std::fs::read_to_string(LOADAVG)?;
    let load = LoadAverage::from_read(text.as_bytes())?;
    for (span, load) in [("avg1", load.one), ("avg5", load.five), ("avg15", load.fifteen)] {
        // The kernel tells hundredths; single precision would add digits that mean nothing.
        let load = (f64::from(load) * 100.0).round() / 100.0;
        told.number(&format!("system.cpu.load[all,{span}]"), load);
        told.number(&format!("system.cpu.load[percpu,{span}]"), load / cores as f64);
    }
    told.number("system.cpu.num", cores as f64);
    told.text(&format!("vfs.file.contents[{LOADAVG}]"), text.trim_end().to_owned());
    Ok(())
}

fn tell_memory(told: &mut Readings, memory: &Meminfo) {
    told.number("vm.memory.size[total]", memory.mem_total as f64);
    told.number("vm.memory.size[used]", memory.mem_total.saturating_sub(memory.mem_free) as f64);
    // Kernels before 3.14 do not say how much is available.
    if let Some(available) = memory.mem_available {
        told.number("vm.memory.size[available]", available as f64);
        let percent = percent_of(available, memory.mem_total);
        told.number("vm.memory.size[pavailable]", percent.unwrap_or(0.0));
    }
    let used = memory.swap_total.saturating_sub(memory.swap_free);
    told.number("system.swap.size[,used]", used as f64);
    // Of no swap none is used, as Zabbix's agents say.
    let percent = percent_of(used, memory.swap_total).unwrap_or(0.0);
    told.number("system.swap.size[,pused]", percent);
}

fn tell_shares(told: &mut Readings, before: Option<&(Duration, Counters)>, now: &Counters) {
    for (at, mode) in MODES.iter().enumerate() {
        let percent = before.and_then(|(_, before)| {
            let ticks = now.all.saturating_sub(before.all);
            percent_of(now.by_mode[at].saturating_sub(before.by_mode[at]), ticks)
        });
        tell_share(told, &format!("system.cpu.util[,{mode}]"), percent);
    }
    for (device, busy) in &now.disk_busy {
        let percent = before.and_then(|(span, before)| {
            let milliseconds = u64::try_from(span.as_millis()).ok()?;
            percent_of(busy.saturating_sub(*before.disk_busy.get(device)?), milliseconds)
        });
        tell_share(told, &format!("vfs.dev.util[{device}]"), percent);
    }
}

fn tell_share(told: &mut Readings, key: &str, percent: Option<f64>) {
    match percent {
        Some(percent) => told.number(key, percent.min(100.0)),
        None => told.lacks(key, NOT_YET),
    }
}

impl Counters {
    /// Guest time is part of user time already.
    fn of(cpu: &CpuTime, disk_busy: BTreeMap<String, u64>) -> Self {
        let later = [cpu.iowait, cpu.irq, cpu.softirq, cpu.steal];
        let later: u64 = later.into_iter().flatten().sum();
        let all = cpu.user + cpu.nice + cpu.system + cpu.idle + later;
        let (iowait, steal) = (cpu.iowait.unwrap_or(0), cpu.steal.unwrap_or(0));
        Self { all, by_mode: [cpu.idle, cpu.user, cpu.system, iowait, steal], disk_busy }
    }
}

fn percent_of(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 * 100.0 / all as f64)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use model::metric::{PartKind, TABLE};

    use super::*;
    use crate::parts::{Parts, read_list};
    use crate::sheet::Sheet;

    fn this_machine() -> (MachineFigures, Sheet) {
        let figures = MachineFigures::default();
        figures.sample();
        let mut parts = Parts::default();
        for kind in PartKind::ALL {
            let list = figures.value(kind.discovery_key()).unwrap();
            parts.set(kind, read_list(kind, &list).unwrap().names);
        }
        (figures, Sheet::of(TABLE, &parts))
    }

    #[test]
    fn this_machine_tells_all_figures_of_the_table() {
        let (figures, sheet) = this_machine();
        for item in &sheet.items {
            match figures.value(&item.key) {
                Ok(answer) => {
                    let numbers = item.fills.iter().map(|fill| fill.metric.read(&answer));
                    assert!(
                        numbers.flatten().count() == item.fills.len(),
                        "{}: {answer}",
                        item.key
                    );
                }
                Err(reason) => {
                    assert!(item.key.contains(".util["), "{}: {reason}", item.key);
                    assert_eq!(reason, "Not measured yet.", "{}", item.key);
                }
            }
        }
    }

    #[test]
    fn a_share_is_told_once_time_has_passed() {
        let (figures, _) = this_machine();
        let idle = std::iter::repeat_with(|| {
            figures.sample();
            figures.value("system.cpu.util[,idle]")
        });
        let idle: f64 = idle.flatten().next().unwrap().parse().unwrap();
        assert!((0.0..=100.0).contains(&idle));
    }

    #[test]
    fn shares_are_of_the_time_that_passed() {
        let counters = |all, by_mode, busy| {
            let disk_busy = [("vda".to_owned(), busy)].into();
            Counters { all, by_mode, disk_busy }
        };
        let before = counters(1_000, [500, 100, 100, 0, 0], 4_000);
        let mut now = counters(1_200, [650, 140, 105, 4, 1], 4_500);
        now.disk_busy.insert("vdb".to_owned(), 1);
        let mut told = Readings::default();
        tell_shares(&mut told, Some(&(Duration::from_secs(2), before)), &now);
        let lines =
            told.0.iter().map(|(key, value)| format!("{} {value:?}\n", key.replace('\0', " ")));
        expect![[r#"
            system.cpu.util all idle avg1 logical Ok("75")
            system.cpu.util all iowait avg1 logical Ok("2")
            system.cpu.util all steal avg1 logical Ok("0.5")
            system.cpu.util all system avg1 logical Ok("2.5")
            system.cpu.util all user avg1 logical Ok("20")
            vfs.dev.util vda Ok("25")
            vfs.dev.util vdb Err("Not measured yet.")
        "#]]
        .assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn a_file_is_told_of_only_where_a_metric_is_in_it() {
        let (figures, _) = this_machine();
        assert!(figures.value("vfs.file.contents[/proc/loadavg]").unwrap().contains('/'));
        for key in ["vfs.file.contents[/etc/passwd]", "vfs.file.contents[/proc/../proc/loadavg]"] {
            assert_eq!(figures.value(key).unwrap_err(), "Unsupported item key.");
        }
    }
}
