//! Runs a program of this machine for a hand, and says what came of it.
//!
//! A router is told to read its files anew by a program (`nginx -s reload`, `systemctl reload`), and
//! a script of the user's is one itself. Programs hang, say too much, and leave children behind; so
//! the time is bounded, what is said is bounded, and at the end of the time the whole process group
//! is killed.
//!
//! What a program is given comes on its standard input; nothing is ever put together into the words
//! of a shell. Its environment is a fresh one: there may be secrets in ours.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use scaler::hands::HandError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::machine::FRESH_PATH;

/// What is kept of the standard output, in bytes: `nginx -T` prints all files that it reads.
const MAX_OUTPUT_BYTES: usize = 8 << 20;
/// What is kept of the standard error, in bytes.
const MAX_ERROR_BYTES: usize = 16 << 10;
/// How long what is still in the pipes is waited for once the program has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// The longest line that is passed on to people, in characters.
const MAX_LINE_CHARS: usize = 240;

/// What a program said before it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: Vec<u8>,
}

impl Ended {
    pub(crate) fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// What it says went wrong, in one line: the first that has one of these words, or else the
    /// first that says anything.
    pub(crate) fn complaint(&self, words: &[&str]) -> String {
        let text = String::from_utf8_lossy(&self.errors);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let told = lines.clone().find(|line| words.iter().any(|word| line.contains(word)));
        match told.or_else(|| lines.next()) {
            Some(line) => in_short(line),
            None => self.code.map_or("ended by a signal".to_owned(), |code| format!("exit {code}")),
        }
    }
}

/// A text from outside as it may be shown: short, and without control characters.
pub(crate) fn in_short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_LINE_CHARS).collect()
}

/// Runs a program with its arguments to its end. `Refused` if it cannot be started at all,
/// `TimedOut` if it was killed at the end of the time; how it ended otherwise is for the caller to
/// judge.
pub(crate) async fn run(
    words: &[String],
    input: &[u8],
    patience: Duration,
) -> Result<Ended, HandError> {
    let mut child = spawn(words)?;
    let family = Family(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        tokio::join!(
            feed(stdin, input),
            listen(stdout, &mut output, MAX_OUTPUT_BYTES),
            listen(stderr, &mut errors, MAX_ERROR_BYTES),
        );
    };
    let ended = timeout(patience, hear_out(&mut child, talk)).await;
    drop(family);
    match ended {
        Ok(Ok(status)) => Ok(Ended { code: status.code(), output, errors }),
        Ok(Err(error)) => Err(HandError::Failed(format!("{}: {error}", words[0]))),
        Err(_) => {
            let _ = child.wait().await; // It was killed.
            Err(HandError::TimedOut(patience))
        }
    }
}

fn spawn(words: &[String]) -> Result<Child, HandError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(HandError::Refused("the command is empty".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", FRESH_PATH);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.process_group(0).kill_on_drop(true).spawn();
    child.map_err(|error| HandError::Refused(format!("cannot start {program}: {error}")))
}

/// Waits for the end, and a little longer for what was said: a child that was left behind may hold
/// the pipes open for ever.
async fn hear_out(
    child: &mut Child,
    talk: impl Future<Output = ()>,
) -> std::io::Result<ExitStatus> {
    let mut talk = std::pin::pin!(talk);
    let status = tokio::select! {
        status = child.wait() => Some(status),
        () = &mut talk => None,
    };
    match status {
        None => child.wait().await,
        Some(status) => {
            let _ = timeout(LAST_WORDS, talk).await;
            status
        }
    }
}

async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await; // It may not care for its input.
    }
}

/// Keeps the beginning; the rest is read and forgotten, so that the program never waits for us.
async fn listen(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, most: usize) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 8192];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = most.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
}

/// The process group of a program; it is killed when this is dropped.
struct Family(Option<Pid>);

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, Signal::KILL); // Nobody may be left.
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn it_hands_over_the_input_and_tells_both_outputs_and_the_code() {
        let ended = run(&shell("cat; echo no >&2; exit 3"), b"in", Duration::from_secs(20)).await;
        let ended = ended.unwrap();
        assert_eq!((ended.code, ended.output.as_slice()), (Some(3), b"in".as_slice()));
        assert_eq!(ended.complaint(&["[emerg]"]), "no");
    }

    #[tokio::test]
    async fn a_child_that_holds_the_pipes_open_delays_nobody() {
        let ended = run(&shell("sleep 60 & echo done"), b"", Duration::from_secs(20)).await;
        assert_eq!(ended.unwrap().output, b"done\n");
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_its_children() {
        let hung = run(&shell("sleep 61 | cat"), b"", Duration::from_millis(100)).await;
        assert!(matches!(hung, Err(HandError::TimedOut(_))), "{hung:?}");
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_refused_by_name() {
        let missing = run(&["no-such-program".to_owned()], b"", Duration::from_secs(1)).await;
        let said = missing.unwrap_err().to_string();
        assert!(said.contains("cannot start no-such-program"), "{said}");
    }
}
