//! A program of the user's that says whether another program is ready: for what speaks neither HTTP
//! nor takes connections, such as a worker that reads a queue.
//!
//! It is told of the VM in its environment, which is a fresh one, since there may be secrets in
//! ours. It ends with 0 if the VM is ready; otherwise the first line that it wrote says why not, on
//! standard output or else on standard error. It has the time of any look; then it is killed, with all
//! that it started.

use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::probe::failure::Failure;
use crate::targets::ReadySpec;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// So many run at once.
pub(super) const AT_ONCE: usize = 32;
/// So much of what it writes is kept.
const MAX_BYTES: u64 = 4096;
const MAX_CHARS: usize = 160;
/// What it wrote is waited for so long after its end: a child that it left may hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Runs the program once. None if the VM is ready, else what it says is wrong.
pub(super) async fn ask(
    program: &str,
    spec: &ReadySpec,
    room: &Semaphore,
) -> Result<Option<String>, Failure> {
    // Whoever waited would hold up looks at others; the next time there is room.
    let Ok(_place) = room.try_acquire() else {
        return Err(Failure::Ours {
            reason: format!("{AT_ONCE} programs are being asked already"),
        });
    };
    let ours = |error: &std::io::Error| Failure::Ours { reason: format!("{program}: {error}") };
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH).env("CLOUDBRAIN_VM", spec.vm.as_str());
    command.env("CLOUDBRAIN_ADDRESS", spec.address.ip().to_string());
    command.env("CLOUDBRAIN_PORT", spec.address.port().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.process_group(0).kill_on_drop(true).spawn().map_err(|error| ours(&error))?;
    let _family = Family(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let mut said = Said::default();
    let status = hear_out(&mut child, &mut said).await.map_err(|error| ours(&error))?;
    if status.success() {
        return Ok(None);
    }
    let line = first_line(&said.output).or_else(|| first_line(&said.errors));
    Ok(Some(line.unwrap_or_else(|| match status.code() {
        Some(code) => format!("exit {code}"),
        None => "ended by a signal".to_owned(),
    })))
}

/// What it wrote, the first part of it.
#[derive(Default)]
struct Said {
    output: Vec<u8>,
    errors: Vec<u8>,
}

/// Waits for its end, and reads meanwhile: whoever writes more than a pipe holds would never end.
async fn hear_out(child: &mut Child, said: &mut Said) -> std::io::Result<ExitStatus> {
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let mut talk = pin!(async {
        tokio::join!(listen(output, &mut said.output), listen(errors, &mut said.errors));
    });
    let ended = tokio::select! {
        status = child.wait() => Some(status),
        () = &mut talk => None,
    };
    let Some(status) = ended else { return child.wait().await };
    if !status.as_ref().is_ok_and(ExitStatus::success) {
        let _ = timeout(LAST_WORDS, talk).await;
    }
    status
}

/// Keeps the first part of what it writes, and takes the rest so that it can end.
async fn listen(output: Option<impl AsyncRead + Unpin>, said: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let _ = (&mut output).take(MAX_BYTES).read_to_end(said).await;
    let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
}

/// What it wrote is shown to people: one line, short, without control characters.
fn first_line(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect())
}

/// A process group that ends with the look.
struct Family(Option<Pid>);

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use model::clock::{FixedClock, SharedClock};
    use model::time::Time;

    use super::*;
    use crate::probe::{Prober, Readiness};
    use crate::targets::ReadyCheck;

    /// A script in a file of its own, by name.
    fn script(folder: &Path, name: &str, lines: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("a file of ours");
        let may_run = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, may_run).expect("a file of ours");
        path
    }

    async fn asked(program: &str, timeout: Duration) -> Readiness {
        let spec = ReadySpec {
            vm: "vm-7".parse().unwrap(),
            assignment: 1,
            address: "192.0.2.7:9000".parse().unwrap(),
            check: ReadyCheck::Exec { program: program.to_owned() },
            every: Duration::from_secs(1),
            timeout,
        };
        let clock = SharedClock::new(FixedClock(Time::default()));
        Prober::new().ready(&spec, &clock).await
    }

    /// All scripts are written before the first is run: whoever is forked while one is being written
    /// keeps it busy.
    #[tokio::test]
    async fn a_program_says_whether_a_vm_is_ready_and_is_killed_with_what_it_started() {
        let folder = std::env::temp_dir().join(format!("cloudbrain-exec-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder of ours");
        let (script, child) =
            (|name, lines: &str| script(&folder, name, lines), folder.join("child"));
        let told = script(
            "told",
            "[ \"$CLOUDBRAIN_VM $CLOUDBRAIN_ADDRESS $CLOUDBRAIN_PORT\" = 'vm-7 192.0.2.7 9000' ] && \
             [ -z \"$HOME$CARGO_MANIFEST_DIR\" ]",
        );
        let says = script("says", "echo; echo 'the queue \x1b[31mis old'; echo more; exit 3");
        let complains = script("complains", "echo 'no route to the queue' >&2; exit 7");
        let silent = script("silent", "exit 4");
        let wordy = script("wordy", "seq 1 40000");
        let hangs = script("hangs", &format!("sleep 60 & echo $! > {}; wait", child.display()));
        for (program, ready, detail) in [
            (told.display().to_string(), Some(true), "ready"),
            (says.display().to_string(), Some(false), "the queue [31mis old"),
            (complains.display().to_string(), Some(false), "no route to the queue"),
            (silent.display().to_string(), Some(false), "exit 4"),
            (wordy.display().to_string(), Some(true), "ready"),
        ] {
            let found = asked(&program, Duration::from_secs(10)).await;
            assert_eq!((found.ready, found.detail.as_str()), (ready, detail), "{program}");
        }
        let missing = asked("/no/such/program", Duration::from_secs(10)).await;
        assert!(
            missing.ready.is_none() && missing.detail.contains("/no/such/program"),
            "{missing:?}"
        );
        let found = asked(&hangs.display().to_string(), Duration::from_millis(300)).await;
        assert!(
            found.ready == Some(false) && found.detail.starts_with("no end within"),
            "{found:?}"
        );
        let child = std::fs::read_to_string(child).expect("it has started a child");
        let end = async {
            while is_alive(child.trim()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), end).await.expect("its child went on");
        let _ = std::fs::remove_dir_all(folder);
    }

    /// Its parent was killed, so somebody else may be slow to take note of its end.
    fn is_alive(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
        state.is_some_and(|state| state != 'Z' && state != 'X')
    }
}
