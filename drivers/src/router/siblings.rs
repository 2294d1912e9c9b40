//! The worker processes of a router, as `/proc` shows them.
//!
//! nginx and HAProxy take up new files with new workers, while the old ones go on with what they
//! have. So an old worker is where a request to a VM may still be under way after the router "has
//! reloaded", and none is left when the old workers are gone. They are the children of one master,
//! and one of them is known because it has answered us.
//!
//! A router in a container or on another machine is not seen here. Then None is answered, and
//! nobody concludes anything from it.

use procfs::process::{Process, all_processes};

use crate::process::ProcessMark;

/// One worker, and what it calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sibling {
    pub(super) mark: ProcessMark,
    /// Its command line: nginx writes there what it is doing.
    pub(super) title: String,
}

/// The process with this number and the other children of its master. None if it does not call
/// itself `called`: then the number is one of another machine or container.
pub(super) async fn of(pid: u32, called: &'static str) -> Option<Vec<Sibling>> {
    crate::blocking(move || look(pid, called)).await
}

/// How a worker calls itself now; None if it is gone.
pub(super) async fn title_of(mark: ProcessMark) -> Option<String> {
    crate::blocking(move || {
        let title = title(&Process::new(i32::try_from(mark.pid).ok()?).ok()?)?;
        mark.is_alive().then_some(title)
    })
    .await
}

fn look(pid: u32, called: &str) -> Option<Vec<Sibling>> {
    let one = Process::new(i32::try_from(pid).ok()?).ok()?;
    if !title(&one)?.contains(called) {
        return None;
    }
    let master = one.stat().ok()?.ppid;
    if master <= 1 {
        return None; // It runs without a master, so its siblings are anybody.
    }
    // The kernel's own list of a process's children may leave some out while others end.
    let siblings = all_processes().ok()?.flatten().filter_map(|process| {
        let stat = process.stat().ok().filter(|stat| stat.ppid == master)?;
        let mark = ProcessMark::of(u32::try_from(stat.pid).ok()?)?;
        Some(Sibling { mark, title: title(&process)? })
    });
    Some(siblings.filter(|sibling| sibling.title.contains(called)).collect())
}

fn title(process: &Process) -> Option<String> {
    Some(process.cmdline().ok()?.join(" "))
}
