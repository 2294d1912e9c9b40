//! The figures of the whole machine.
//!
//! They mean what `zabbix_agentd` means by the same keys, so that either agent can be asked: idle
//! excludes waiting for disks, memory in use includes the page cache, and load is the kernel's own.
//! One differs: we count threads, where `zabbix_agentd` counts processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use model::metric::{
    CONNECTION_COUNT, CPU_UTILIZATION, LOAD1_PER_CORE, MEMORY_USAGE_BYTES, THREAD_COUNT,
    UPTIME_SECONDS,
};
use procfs::{CpuTime, Current, CurrentSI, KernelStats, LoadAverage, Meminfo, ProcResult, Uptime};

use super::meter::BusyShare;
use super::proc::established;
use super::{Newest, Readings, Sampled};
use crate::agent::Figures;

/// Tells of the machine that this process runs on.
#[derive(Debug, Default)]
pub struct MachineFigures {
    newest: Newest,
    busy: Mutex<BusyShare>,
}

impl Sampled for MachineFigures {
    fn sample(&self) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        self.newest.put(read(&mut busy).map_err(|error| error.to_string()));
    }
}

impl Figures for MachineFigures {
    fn value(&self, key: &str) -> Result<String, String> {
        self.newest.value(key)
    }
}

fn read(busy: &mut BusyShare) -> ProcResult<Readings> {
    let (load, memory, stats) =
        (LoadAverage::current()?, Meminfo::current()?, KernelStats::current()?);
    let cores = stats.cpu_time.len().max(1) as f64;
    let mut values = BTreeMap::from([
        (LOAD1_PER_CORE, load1(&load) / cores),
        (MEMORY_USAGE_BYTES, memory.mem_total.saturating_sub(memory.mem_free) as f64),
        (THREAD_COUNT, f64::from(load.max)),
        (CONNECTION_COUNT, established(Path::new("/proc/self"))?.len() as f64),
        (UPTIME_SECONDS, Uptime::current()?.uptime.floor()),
    ]);
    let all = all_ticks(&stats.total);
    values.extend(busy.feed(all - stats.total.idle, all).map(|share| (CPU_UTILIZATION, share)));
    Ok(Readings { cores, values })
}

/// The kernel tells hundredths; the crate's single precision would add digits that mean nothing.
fn load1(load: &LoadAverage) -> f64 {
    (f64::from(load.one) * 100.0).round() / 100.0
}

/// Guest time is part of user time already.
fn all_ticks(cpu: &CpuTime) -> u64 {
    let later = [cpu.iowait, cpu.irq, cpu.softirq, cpu.steal];
    cpu.user + cpu.nice + cpu.system + cpu.idle + later.into_iter().flatten().sum::<u64>()
}

#[cfg(test)]
mod tests {
    use model::metric::TABLE;

    use super::*;

    #[test]
    fn this_machine_tells_plausible_figures() {
        let figures = MachineFigures::default();
        figures.sample();
        let tell = |key: &str| {
            figures.value(key).and_then(|v| v.parse::<f64>().map_err(|e| e.to_string()))
        };
        for metric in TABLE.iter().filter(|metric| metric.name != CPU_UTILIZATION) {
            assert!(tell(metric.zabbix_key).unwrap() >= 0.0, "{metric:?}");
        }
        assert!(tell("vm.memory.size[used]").unwrap() > 1e6);
        assert!(tell("system.uptime").unwrap() > 1.0);
        assert_eq!(tell("system.cpu.util[,idle]").unwrap_err(), "Not measured yet.");
    }

    #[test]
    fn the_busy_share_counts_all_but_idle() {
        let mut busy = BusyShare::default();
        let first = read(&mut busy).unwrap();
        assert!(!first.values.contains_key(CPU_UTILIZATION));
        // Ticks are hundredths of a second; until one has passed there is no share to tell.
        let share = std::iter::repeat_with(|| read(&mut busy).unwrap())
            .find_map(|readings| readings.values.get(CPU_UTILIZATION).copied());
        assert!((0.0..=1.0).contains(&share.unwrap()));
    }
}
