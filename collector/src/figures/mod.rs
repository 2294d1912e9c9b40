//! What an agent tells of its machine, or of the one process that plays a machine, from `/proc`.
//!
//! Both are sampled by a loop of their own ([`run_sampler`]), and a question is answered from the
//! newest sample. So a question costs nothing, and two who ask do not disturb each other's
//! intervals.
//!
//! - [`MachineFigures`]: the whole machine.
//! - [`TreeFigures`]: one process and all its descendants.
//!
//! A figure that cannot be told is missing, with a reason; it is never zero instead.

mod machine;
pub mod meter;
mod proc;
mod tree;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::metric::{LOAD1_PER_CORE, TABLE};

pub use machine::MachineFigures;
pub use tree::TreeFigures;

use crate::agent::Figures;

const NOT_YET: &str = "Not measured yet.";

/// Figures that are measured from time to time.
pub trait Sampled: Figures + 'static {
    /// Measures anew. It reads files, so it blocks for some milliseconds.
    fn sample(&self);
}

/// Measures `every` so often, for as long as it is polled.
pub async fn run_sampler(figures: Arc<impl Sampled>, every: Duration) {
    loop {
        let measured = figures.clone();
        let sampled = tokio::task::spawn_blocking(move || measured.sample()).await;
        if let Err(error) = sampled {
            tracing::error!(%error, "a sample of /proc failed");
        }
        tokio::time::sleep(every).await;
    }
}

/// What one sample brought.
#[derive(Debug)]
struct Readings {
    cores: f64,
    /// By the names of [`TABLE`]; what could not be measured is missing.
    values: BTreeMap<&'static str, f64>,
}

/// The newest sample, for those who ask, or why there is none.
#[derive(Debug)]
struct Newest(Mutex<Result<Readings, String>>);

impl Default for Newest {
    fn default() -> Self {
        Self(Mutex::new(Err(NOT_YET.to_owned())))
    }
}

impl Newest {
    fn put(&self, readings: Result<Readings, String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = readings;
    }

    /// Answers a Zabbix key.
    fn value(&self, key: &str) -> Result<String, String> {
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let readings = readings.as_ref().map_err(Clone::clone)?;
        let reading = |name| readings.values.get(name).copied().ok_or(NOT_YET);
        if key == "system.cpu.load[all,avg1]" {
            return Ok((reading(LOAD1_PER_CORE)? * readings.cores).to_string());
        }
        let metric = TABLE.iter().find(|metric| metric.zabbix_key == key);
        let metric = metric.ok_or("Unsupported item key.")?;
        let value = metric.to_agent(reading(metric.name)?) + 0.0; // Makes -0 a plain 0.
        Ok(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use model::metric::{CPU_UTILIZATION, THREAD_COUNT};

    use super::*;

    #[test]
    fn each_known_key_is_answered_in_zabbix_units() {
        let newest = Newest::default();
        let values = [(LOAD1_PER_CORE, 0.5), (CPU_UTILIZATION, 0.25), (THREAD_COUNT, 88.0)];
        newest.put(Ok(Readings { cores: 4.0, values: values.into() }));
        let answer = |key: &str| newest.value(key).unwrap_or_else(|reason| reason);
        assert_eq!(answer("system.cpu.load[percpu,avg1]"), "0.5");
        assert_eq!(answer("system.cpu.load[all,avg1]"), "2");
        assert_eq!(answer("system.cpu.util[,idle]"), "75");
        assert_eq!(answer("proc.num[]"), "88");
        assert_eq!(answer("system.uptime"), "Not measured yet.");
        assert_eq!(answer("vm.memory.size[pfree]"), "Unsupported item key.");
    }

    #[test]
    fn a_machine_without_an_idle_moment_is_plainly_at_zero() {
        let newest = Newest::default();
        newest.put(Ok(Readings { cores: 4.0, values: [(CPU_UTILIZATION, 1.0)].into() }));
        assert_eq!(newest.value("system.cpu.util[,idle]").unwrap(), "0");
    }

    #[test]
    fn what_stopped_the_measuring_is_the_answer_to_each_key() {
        let newest = Newest::default();
        assert_eq!(newest.value("system.uptime").unwrap_err(), "Not measured yet.");
        newest.put(Err("Process 7 is gone.".to_owned()));
        assert_eq!(newest.value("system.uptime").unwrap_err(), "Process 7 is gone.");
    }
}
