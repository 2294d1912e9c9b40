//! Starts the process of a VM or host, and waits until it can be spoken to.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use scaler::hands::HandError;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::failed;
use crate::files::last_line;
use crate::machine::{FOLDER_VARIABLE, FRESH_PATH, Folder, Life};

/// How long a VM or host may take until it can be spoken to.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Starts the process. It leaves our session by itself (see [`crate::vm::detach`]), so that it
/// outlives us. Of our environment it gets nothing: there may be secrets in it.
pub(super) fn start(exe: &Path, folder: &Folder) -> Result<Child, HandError> {
    let start = || -> io::Result<Child> {
        let log = File::create(folder.vm_log())?;
        Command::new(exe)
            .arg("vm")
            .arg("--folder")
            .arg(folder.path())
            .env_clear()
            .env("PATH", FRESH_PATH)
            .env(FOLDER_VARIABLE, folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
    };
    start().map_err(|error| failed(&format!("start {}", exe.display()), &error))
}

/// Waits until the VM or host runs. `child` is the process that was started for it, if it was us
/// who started it; it is reaped when it ends, however much later that is.
pub(super) async fn boot(folder: &Folder, child: Option<Child>) -> Result<(), HandError> {
    let reaper = child.map(|mut child| tokio::spawn(async move { child.wait().await.is_ok() }));
    let boot = async {
        loop {
            let has_ended = reaper.as_ref().is_some_and(|reaper| reaper.is_finished());
            match folder.life() {
                Life::Running(_) => return Ok(()),
                Life::Dead(_) => return Err(died(folder)),
                Life::NeverRan if has_ended && nobody_boots(folder) => return Err(died(folder)),
                Life::NeverRan => sleep(LOOK_AGAIN).await,
            }
        }
    };
    timeout(PATIENCE, boot).await.unwrap_or(Err(HandError::TimedOut(PATIENCE)))
}

/// The process we started may have found that an earlier brain had started one, which is slow.
fn nobody_boots(folder: &Folder) -> bool {
    !matches!(folder.try_lock(), Ok(None)) && matches!(folder.life(), Life::NeverRan)
}

fn died(folder: &Folder) -> HandError {
    HandError::Failed(format!("it ended while it booted: {}", last_line(&folder.vm_log())))
}
