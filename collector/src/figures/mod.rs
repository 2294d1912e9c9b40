//! What an agent tells of its machine, or of the one process that plays a machine, from `/proc`.
//!
//! Both are sampled by a loop of their own ([`run_sampler`]), and a question is answered from the
//! newest sample. So a question costs nothing, and two who ask do not disturb each other's
//! intervals.
//!
//! - [`MachineFigures`]: the whole machine, and each of its mounts, disks and interfaces.
//! - [`TreeFigures`]: one process and all its descendants.
//!
//! A figure that cannot be told is missing, with a reason; it is never zero instead.

mod each;
mod keys;
mod machine;
pub mod meter;
mod proc;
mod tree;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use machine::MachineFigures;
pub use tree::TreeFigures;

use crate::agent::Figures;

const NOT_YET: &str = "Not measured yet.";
/// In the words of `zabbix_agentd`, by which a client knows that it need not ask again soon.
const UNSUPPORTED: &str = "Unsupported item key.";

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

/// What one sample brought: answers, in Zabbix's units, by the fullest spelling of their keys.
#[derive(Clone, Debug, Default)]
struct Readings(BTreeMap<String, Result<String, &'static str>>);

impl Readings {
    fn number(&mut self, key: &str, value: f64) {
        self.text(key, (value + 0.0).to_string()); // Makes -0 a plain 0.
    }

    fn text(&mut self, key: &str, text: String) {
        self.put(key, Ok(text));
    }

    /// A figure that there is, and that cannot be told now.
    fn lacks(&mut self, key: &str, why: &'static str) {
        self.put(key, Err(why));
    }

    fn put(&mut self, key: &str, answer: Result<String, &'static str>) {
        // What `keys` does not know nobody can ask for.
        self.0.extend(keys::fullest(key).map(|key| (key, answer)));
    }
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
        let key = keys::fullest(key).ok_or(UNSUPPORTED)?;
        let readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Readings(answers) = readings.as_ref().map_err(Clone::clone)?;
        let answer = answers.get(&key).cloned().unwrap_or(Err(UNSUPPORTED));
        answer.map_err(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings() -> Readings {
        let mut readings = Readings::default();
        readings.number("system.cpu.load[all,avg1]", 2.5);
        readings.number("system.cpu.util[,idle]", -0.0);
        readings.lacks("vfs.dev.util[vda]", NOT_YET);
        readings
    }

    #[test]
    fn each_known_key_is_answered_however_it_is_spelt() {
        let newest = Newest::default();
        newest.put(Ok(readings()));
        let answer = |key: &str| newest.value(key).unwrap_or_else(|reason| reason);
        assert_eq!(answer("system.cpu.load"), "2.5");
        assert_eq!(answer("system.cpu.load[\"all\", avg1]"), "2.5");
        assert_eq!(answer("system.cpu.util[all,idle,avg1]"), "0");
        assert_eq!(answer("vfs.dev.util[vda]"), "Not measured yet.");
        assert_eq!(answer("vfs.dev.util[vdb]"), "Unsupported item key.");
        assert_eq!(answer("system.run[id]"), "Unsupported item key.");
    }

    #[test]
    fn what_stopped_the_measuring_is_the_answer_to_each_key() {
        let newest = Newest::default();
        assert_eq!(newest.value("system.uptime").unwrap_err(), "Not measured yet.");
        newest.put(Err("Process 7 is gone.".to_owned()));
        assert_eq!(newest.value("system.uptime").unwrap_err(), "Process 7 is gone.");
        assert_eq!(newest.value("no.such").unwrap_err(), "Unsupported item key.");
    }
}
