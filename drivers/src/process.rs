//! Processes of this machine, known by more than their number.
//!
//! A pid is used again once its process is gone, so a pid that was written down an hour ago may
//! be anybody's today, even our own. A process is therefore known by its pid and the moment it
//! started, and is looked at again before each signal.
//!
//! A VM is a group of processes: its leader, the program that runs on it, and what that program
//! started. Some programs leave the group; those are still known by the folder that stands in
//! their environment.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use procfs::process::{Process, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::machine::FOLDER_VARIABLE;

/// How often the end of processes is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long a killed process may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// One process, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ProcessMark {
    pub(crate) pid: u32,
    /// When it started, in clock ticks since the machine did: field 22 of `/proc/PID/stat`.
    pub(crate) started_ticks: u64,
}

/// The processes of a folder could not be ended in time.
#[derive(Debug)]
pub(crate) struct StillThere;

impl ProcessMark {
    /// The process that bears this number now; None if none does, or it is only waiting to be
    /// reaped.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        living(&Process::new(i32::try_from(pid).ok()?).ok()?).map(|(mark, _)| mark)
    }

    pub(crate) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Kills the whole group that this process leads, if it is still this process.
    pub(crate) fn kill_group(self) {
        if let Some(group) = pid_of(self.pid).filter(|_| self.is_alive()) {
            // It may end by itself in between: whoever waits for the end sees that.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// A signal that cannot reach another process, even if this one ends meanwhile.
    fn signal(self, signal: Signal) {
        let Some(pid) = pid_of(self.pid) else { return };
        if let Ok(handle) = pidfd_open(pid, PidfdFlags::empty())
            && self.is_alive()
        {
            let _ = pidfd_send_signal(handle, signal); // Gone already is as good.
        }
    }
}

/// Whether this process leads a group of its own.
pub(crate) fn leads_own_group() -> bool {
    rustix::process::getpgrp() == rustix::process::getpid()
}

/// Ends what belongs to a folder, by SIGTERM and after `grace` by SIGKILL, this very process
/// excepted. `group` also counts in the members of the process group of that number.
pub(crate) async fn end_all(
    folder: &Path,
    group: Option<u32>,
    grace: Duration,
) -> Result<(), StillThere> {
    let asked = signal_until_gone(folder, group, Signal::TERM);
    if !grace.is_zero() && timeout(grace, asked).await.is_ok() {
        return Ok(());
    }
    let killed = signal_until_gone(folder, group, Signal::KILL);
    timeout(KILL_PATIENCE, killed).await.map_err(|_| StillThere)
}

/// SIGKILL is repeated, since a process may have forked while it was sent; SIGTERM is sent once
/// to each, since some programs take a second one for impatience.
async fn signal_until_gone(folder: &Path, group: Option<u32>, signal: Signal) {
    let mut told = BTreeSet::new();
    loop {
        let members = belonging(folder, group).await;
        if members.is_empty() {
            return;
        }
        for member in members {
            if told.insert(member) || signal == Signal::KILL {
                member.signal(signal);
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn belonging(folder: &Path, group: Option<u32>) -> Vec<ProcessMark> {
    let folder = folder.to_owned();
    let look = move || {
        let own = std::process::id();
        let processes = all_processes().into_iter().flatten().flatten();
        let members = processes.filter_map(|process| {
            let (mark, its_group) = living(&process)?;
            let belongs = group == Some(its_group) || was_started_for(&process, &folder);
            (belongs && mark.pid != own).then_some(mark)
        });
        members.collect()
    };
    crate::blocking(look).await
}

/// A process that is not only waiting to be reaped, and the number of its group.
fn living(process: &Process) -> Option<(ProcessMark, u32)> {
    let stat = process.stat().ok()?;
    let is_dead = matches!(stat.state, 'Z' | 'X');
    let mark = ProcessMark { pid: u32::try_from(stat.pid).ok()?, started_ticks: stat.starttime };
    (!is_dead).then_some((mark, u32::try_from(stat.pgrp).ok()?))
}

fn was_started_for(process: &Process, folder: &Path) -> bool {
    let environment = process.environ().unwrap_or_default();
    environment.get(OsStr::new(FOLDER_VARIABLE)).is_some_and(|value| Path::new(value) == folder)
}

fn pid_of(pid: u32) -> Option<Pid> {
    // Pid 1 and "every process" (0, negative) are no process of ours.
    i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_that_was_used_again_is_another_process() {
        let own = ProcessMark::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        let earlier = ProcessMark { started_ticks: own.started_ticks - 1, ..own };
        assert!(!earlier.is_alive());
        earlier.kill_group();
        earlier.signal(Signal::KILL); // This test goes on: neither reached it.
    }

    #[test]
    fn a_process_that_waits_to_be_reaped_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mark = ProcessMark::of(child.id()).unwrap();
        mark.signal(Signal::KILL);
        let gone = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !mark.is_alive()
        });
        assert!(gone, "a zombie counted as alive");
        child.wait().unwrap();
    }
}
