//! Fail points: places where a test kills this very program, to see what the next one finds.
//!
//! The promise of the brain is that it may die between any two instructions. The instructions that
//! matter are those around a commit and around what reaches the world. There stands a
//! `fail_point!`; in the product it is nothing, and its arguments are not even evaluated. With the
//! feature `failpoints` it notes that it was passed, and ends the process by SIGKILL if it was
//! told to.
//!
//! Who is told is a folder, named by the variable `CLOUDBRAIN_FAIL`:
//!
//! | file | says |
//! | --- | --- |
//! | `order` | `3 after commit: draining`: die at the third passing from now on |
//! | `passed` | each point that was passed, a line each, oldest first |
//! | `cloud.sock` | if it is there, VMs come from who listens on it: see `cloud` |
//!
//! The order is read at each passing, so a scenario may come up in peace first; whoever wants a brain
//! to die while it starts writes the order before. It does nothing without the variable.

#[cfg(feature = "failpoints")]
pub mod cloud;

/// Passes a point that is named by its parts.
macro_rules! fail_point {
    ($($part:expr),+) => {
        #[cfg(feature = "failpoints")]
        $crate::brain::fail::pass(&[$($part),+].join(""));
    };
}

pub(crate) use fail_point;

#[cfg(feature = "failpoints")]
mod armed {
    use std::collections::BTreeSet;
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::path::PathBuf;
    use std::sync::Mutex;

    use rustix::process::{Signal, getpid, kill_process};
    use store::{Change, StepStatus};

    /// The order that was read last, and how often its point was passed since.
    static SEEN: Mutex<(String, u32)> = Mutex::new((String::new(), 0));

    /// Where the orders are; None if nobody gives any.
    pub fn folder() -> Option<PathBuf> {
        std::env::var_os("CLOUDBRAIN_FAIL").map(PathBuf::from)
    }

    /// Notes that a point was passed, and dies there if that is the order.
    pub fn pass(point: &str) {
        let Some(folder) = folder() else { return };
        let mut seen = SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let passed = OpenOptions::new().append(true).create(true).open(folder.join("passed"));
        // What cannot be noted is missed by the test, which says so.
        let _ = passed.and_then(|mut file| writeln!(file, "{point}"));
        let order = std::fs::read_to_string(folder.join("order")).unwrap_or_default();
        if seen.0 != order {
            *seen = (order, 0);
        }
        let Some((times, name)) = seen.0.trim().split_once(' ') else { return };
        if name != point {
            return;
        }
        let times = times.parse();
        seen.1 += 1;
        if times == Ok(seen.1) {
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                std::thread::park(); // The signal is on its way.
            }
        }
    }

    /// What a commit is about, in the words of the points around it; nothing for those that only say
    /// that the brain is alive.
    pub fn words_of(changes: &[Change]) -> BTreeSet<String> {
        let words = changes.iter().filter_map(|change| match change {
            Change::Vm(vm) => Some(vm.state.to_string()),
            Change::Step(step) => Some(match step.status {
                StepStatus::Planned | StepStatus::Unknown => format!("{} again", step.kind),
                StepStatus::Issued => format!("{} issued", step.kind),
                StepStatus::Done | StepStatus::Failed => format!("{} over", step.kind),
            }),
            Change::Origin { .. } => Some("origin".to_owned()),
            Change::Decision(_)
            | Change::Incident(_)
            | Change::Outgoing(_)
            | Change::Transition(_)
            | Change::Look(_)
            | Change::ForgetLooks { .. }
            | Change::Answers(_)
            | Change::ForgetAnswers { .. }
            | Change::Journal(_)
            | Change::Note(_)
            | Change::ForgetNotes { .. }
            | Change::Memory { .. }
            | Change::Forget { .. }
            | Change::Router { .. }
            | Change::Alive(_) => None,
        });
        words.collect()
    }
}

#[cfg(feature = "failpoints")]
pub use armed::{folder, pass, words_of};

/// Passes the points before or after a commit, one for each thing that it is about.
#[cfg(feature = "failpoints")]
pub fn pass_commit(when: &str, changes: &[store::Change]) {
    for word in words_of(changes) {
        pass(&format!("{when} commit: {word}"));
    }
}
